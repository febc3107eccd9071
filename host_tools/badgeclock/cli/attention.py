"""`badgeclock bridge attention`: one list of all that waits for a person, oldest first, with what to do."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.context import WIDE, Config, acting, changing, looking, moment

if TYPE_CHECKING:  # the help page needs none of it
    from badgeclock.bridge.attention.attention import Row

app = typer.Typer(help="What waits for a person, oldest first, and what to do about it.", invoke_without_command=True)


@app.callback()
def show_all(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with all there is.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Show all that waits for a person, oldest first, with what to do about each."""
    if context.invoked_subcommand is not None:
        return
    from badgeclock.bridge.attention import attention  # noqa: PLC0415 - the help page needs none of it

    with looking(config) as connection:
        now_ms = wall_clock_ms()
        found = attention.listing(connection, limit, now_ms)
        total = sum(attention.counts(connection, now_ms).values())
    if as_json:
        for one in found:
            typer.echo(json.dumps(one.as_dict()))
        return
    table = Table("since", "reason", "item", "where", "worker", "what", box=None, pad_edge=False)
    for one in found:
        where = ", ".join(dict.fromkeys(part for part in (one.site, one.clock) if part))
        table.add_row(moment(one.since_ms), one.reason, one.item, where, one.worker, escape(_what(one)))
        table.add_row("", "", "", "", "", f"[dim]to do: {escape(one.to_do)}[/]")
    if found:
        Console(width=None if sys.stdout.isatty() else WIDE).print(table)
    more = f"; the {len(found)} oldest are shown, see --limit" if total > len(found) else ""
    typer.echo(f"{total or 'Nothing'} {'wait' if total > 1 else 'waits'} for a person{more}.", err=True)


@app.command()
def settle(
    item: Annotated[str, typer.Argument(help="An event's item, as the list has it, or a presence that has remarks.")],
    why: Annotated[str, typer.Option("--reason", help="What was done, in a sentence; it is kept with your name.")],
    by: Annotated[str, typer.Option("--by", help="Who, for the record.", show_default="the system user")] = "",
    config: Config = Path("bridge.toml"),
) -> None:
    """Say that an event, or the remarks of a presence, are seen to: it leaves the list."""
    from badgeclock.bridge.attention import attention  # noqa: PLC0415 - as above
    from badgeclock.bridge.registrar.decisions import Decision  # noqa: PLC0415

    with changing(config) as opened:
        attention.settle(opened.connection, item, Decision(acting(by), why, wall_clock_ms()))
    typer.echo(f"{item} is seen to.", err=True)


def _what(one: Row) -> str:
    """When and which direction, and the details."""
    when = moment(one.utc_ms) if one.utc_ms else one.day or ""
    said = " ".join(part for part in (when, one.way or "") if part)
    return "; ".join(part for part in (said, one.detail) if part)

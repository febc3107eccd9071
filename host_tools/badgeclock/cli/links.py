"""`badgeclock console link`: links that open one page to anyone who has them, and end by themselves."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from badgeclock.bridge.accounts import links
from badgeclock.bridge.accounts.links import HOURS_MOST, Wanted
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.context import WIDE, Config, changing, looking, moment, operator

app = typer.Typer(no_args_is_help=True, help="Links that end by themselves: for an inspector on site, or for a worker.")

Why = Annotated[str, typer.Option("--reason", help="Why; it is kept with your name.")]


@app.command("add")
def add_link(
    reason: Why,
    site: Annotated[str | None, typer.Option(help="It shows who is on this site now, as an inspector sees it.")] = None,
    worker: Annotated[
        str | None, typer.Option(help="It shows this worker's own registrations and hours, by the office's reference.")
    ] = None,
    hours: Annotated[int, typer.Option(min=1, max=HOURS_MOST, help="It ends by itself after so many hours.")] = 4,
    config: Config = Path("bridge.toml"),
) -> None:
    """Make a link for a site, or else for a worker, and print its address on stdout. It cannot be shown again."""
    from badgeclock.bridge import settings  # noqa: PLC0415 - the other commands start fast without it

    base = settings.load(config).console_address
    with changing(config) as opened:
        wanted = Wanted(site or None, worker or None, hours)
        secret = links.make(opened.connection, wanted, Operator(operator(), reason), wall_clock_ms())
    typer.echo(f"{base}/visit/{secret}")
    typer.echo("Give it to the person it is for. To end it: badgeclock console link end.", err=True)


@app.command("list")
def list_links(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Show the links that hold: what they open, who made them and why, when they were used and when they end."""
    with looking(config) as connection:
        found = links.listing(connection, wall_clock_ms())
    if as_json:
        for row in found:
            shown = {name: getattr(row, name) for name in ("id", "kind", "site", "worker", "made_by", "why")}
            typer.echo(json.dumps({**shown, "ends_ms": row.ends_ms, "used_ms": row.used_ms}))
        return
    table = Table("link", "opens", "of", "made by", "why", "used", "ends", box=None, pad_edge=False)
    for row in found:
        of = row.site or row.worker
        table.add_row(str(row.id), row.kind, of, row.made_by, row.why, moment(row.used_ms), moment(row.ends_ms))
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


@app.command("end")
def end_link(
    number: Annotated[int, typer.Argument(help="Its number in the list.", min=1, max=2**62)],
    reason: Why,
    config: Config = Path("bridge.toml"),
) -> None:
    """End a link at once."""
    with changing(config) as opened:
        links.revoke(opened.connection, number, Operator(operator(), reason), wall_clock_ms())
    typer.echo(f"Link {number} has ended.", err=True)

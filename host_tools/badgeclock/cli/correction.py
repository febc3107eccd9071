"""`badgeclock bridge correction`: corrections that the authority's web service no longer accepts, and the file to
request them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from badgeclock.bridge.operations import correction_file
from badgeclock.bridge.operations.correction_words import Language
from badgeclock.bridge.registrar import filings
from badgeclock.bridge.registrar.decisions import Decision
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.context import WIDE, Config, acting, changing, looking

app = typer.Typer(
    no_args_is_help=True, help="Corrections that the authority takes within thirty days, with proof: their file."
)

Number = Annotated[int, typer.Argument(min=1, max=2**62, help="The correction's number.")]
Why = Annotated[str, typer.Option("--reason", help="What it answered, or why not; it is kept with your name.")]
By = Annotated[str, typer.Option("--by", help="Who says so, for the record.", show_default="the system user")]


@app.command("list")
def list_corrections(
    *,
    ended: Annotated[bool, typer.Option("--ended", help="Those that have ended, with what came of them.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Show the corrections that wait for the authority, oldest first."""
    with looking(config) as connection:
        found = filings.listing(connection, limit, ended=ended)
    if as_json:
        for one in found:
            typer.echo(json.dumps(one))
        return
    columns = ("number", "of", "what", "day", "worker", "site", "right", "send by", "why", "")
    table = Table(*columns, box=None, pad_edge=False)
    for one in found:
        right = [one["right_worker"], one["right_site"], one["right_way"]]
        what_is = "" if one["kind"] == filings.Kind.CANCEL else ", ".join(part for part in right if part)
        stands = one["outcome"] or ("file made" if one["made_ms"] else "")
        table.add_row(
            str(one["number"]),
            one["of"],
            one["kind"],
            one["day"],
            one["worker"],
            one["site"],
            what_is,
            one["until"],
            f"{one['why']} ({one['by']})",
            stands,
        )
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


@app.command()
def write(
    to: Annotated[Path, typer.Argument(help="The folder to write to; it is made.")],
    number: Annotated[list[int] | None, typer.Option(help="Only this correction; once for each. Else all.")] = None,
    language: Annotated[Language, typer.Option(help="Of the page to print.")] = Language.NL,
    by: By = "",
    config: Config = Path("bridge.toml"),
) -> None:
    """Write the open corrections with their evidence, as JSON and as a page to print and sign."""
    with changing(config) as opened:
        who = Operator(acting(by))
        found = correction_file.collect(opened.connection, opened.vault, number or [], who, wall_clock_ms())
        files = correction_file.write(to, found, language)
    typer.echo(
        f"Written: {' and '.join(map(str, files))}, with names and national numbers. Send them to the authority's "
        f"contact centre by {min(one['send_by'] for one in found['corrections'])}, and delete them.",
        err=True,
    )


@app.command()
def done(number: Number, why: Why, by: By = "", config: Config = Path("bridge.toml")) -> None:
    """Say that the authority has answered; what waited for it is closed."""
    with changing(config) as opened:
        filings.complete(opened.connection, number, _decision(by, why))
    typer.echo(f"correction {number} has ended.", err=True)


@app.command()
def withdraw(number: Number, why: Why, by: By = "", config: Config = Path("bridge.toml")) -> None:
    """Say that it is not asked for after all; what it was about waits as before."""
    with changing(config) as opened:
        filings.withdraw(opened.connection, number, _decision(by, why))
    typer.echo(f"correction {number} is withdrawn.", err=True)


def _decision(by: str, why: str) -> Decision:
    return Decision(acting(by), why, wall_clock_ms())

"""`badgeclock bridge token`: who else may use the planning interface."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.bridge.web import api_tokens, reach
from badgeclock.bridge.web.api_tokens import Scope
from badgeclock.cli.context import WIDE, Config, changing, looking, moment, operator

app = typer.Typer(no_args_is_help=True, help="Tokens of the planning interface, each for one program.")


@app.command("add")
def add_token(
    name: Annotated[str, typer.Option(help="The program that it is for.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; give the option again for more.")],
    site: Annotated[
        list[str] | None, typer.Option(help="It reaches this site alone; give the option again for more.")
    ] = None,
    employer: Annotated[
        list[str] | None, typer.Option(help="It reaches the workers of this enterprise number alone; also several.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=1830, help="It ends by itself after so many days.")] = 365,
    reason: Annotated[str, typer.Option(help="Why; it is kept with your name.")] = "",
    config: Config = Path("bridge.toml"),
) -> None:
    """Make a token, and print it on stdout. It is not kept and cannot be shown again.

    Without --site and --employer it reaches everything.
    """
    with changing(config) as opened:
        reached = reach.of_names(opened.connection, site or (), employer or ())
        by = Operator(operator(), reason)
        made = api_tokens.make(opened.connection, name, scope, days, by, wall_clock_ms(), reached)
    typer.echo(made)
    typer.echo("Give it to that program alone. To end it: badgeclock bridge token revoke.", err=True)


@app.command("list")
def list_tokens(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Show every token there was: for whom, what it may do, when it ends and when it was last used."""
    with looking(config) as connection:
        found = api_tokens.listing(connection)
    if as_json:
        for token in found:
            typer.echo(json.dumps(token))
        return
    table = Table(
        "token", "name", "scopes", "reach", "made by", "ends", "last used", "revoked", box=None, pad_edge=False
    )
    for token in found:
        table.add_row(
            str(token["id"]),
            token["name"],
            " ".join(token["scopes"]),
            ", ".join(name for names in token["reach"].values() for name in names) or "everything",
            token["made_by"],
            moment(token["ends_ms"]),
            moment(token["used_ms"]),
            moment(token["revoked_ms"]) if token["revoked_ms"] else "",
        )
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


@app.command("revoke")
def revoke_token(
    token: Annotated[int, typer.Argument(help="Its number in the list.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with your name.")],
    config: Config = Path("bridge.toml"),
) -> None:
    """End a token at once."""
    with changing(config) as opened:
        name = api_tokens.revoke(opened.connection, token, Operator(operator(), reason), wall_clock_ms())
    typer.echo(f"Token {token} ({name}) is revoked.", err=True)

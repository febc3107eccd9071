"""`badgeclock console`: the operators' pages, and their accounts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from badgeclock.bridge import logs
from badgeclock.bridge.accounts import accounts
from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.bridge.web import reach
from badgeclock.cli import links
from badgeclock.cli.context import WIDE, Config, changing, looking, moment, operator

app = typer.Typer(no_args_is_help=True, help="The operators' pages, and who may use them.")
account_app = typer.Typer(no_args_is_help=True, help="Accounts of the console: each for one person.")
app.add_typer(account_app, name="account")
app.add_typer(links.app, name="link")

Name = Annotated[str, typer.Argument(help="The account's name, as in `anna`.")]
Site = Annotated[list[str] | None, typer.Option(help="It reaches this site alone; give the option again for more.")]
Employer = Annotated[
    list[str] | None, typer.Option(help="It reaches the workers of this enterprise number alone; also several.")
]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept with your name.")]


@app.command()
def run(config: Config = Path("bridge.toml")) -> None:
    """Serve the pages in the foreground until SIGTERM or Ctrl-C, beside `badgeclock bridge run`."""
    from badgeclock.bridge import settings  # noqa: PLC0415 - the other commands start fast without it
    from badgeclock.cli.run import collect_seldom, give_way  # noqa: PLC0415
    from badgeclock.console.serving import serve  # noqa: PLC0415

    logs.configure()
    configured = settings.load(config)
    collect_seldom()
    give_way()
    serve(configured, wall_clock_ms)


@account_app.command("add")
def add_account(
    name: Name,
    role: Annotated[Role, typer.Option(help="What it may do.")],
    site: Site = None,
    employer: Employer = None,
    reason: Why = "",
    config: Config = Path("bridge.toml"),
    *,
    by_provider: Annotated[
        bool, typer.Option("--by-provider", help="Without a password: its owner signs in by [console.provider] alone.")
    ] = False,
) -> None:
    """Make an account, and print its first password on stdout. The person gives it another at the first sign-in.

    Without --site and --employer it reaches everything.
    """
    with changing(config) as opened:
        reached = reach.of_names(opened.connection, site or (), employer or ())
        by = Operator(operator(), reason)
        if by_provider:
            accounts.make_by_provider(opened.connection, name, role, by, wall_clock_ms(), reached)
            return
        password = accounts.make(opened.connection, name, role, by, wall_clock_ms(), reached)
    typer.echo(password)
    typer.echo(f"Give it to {name} alone. It is kept nowhere.", err=True)


@account_app.command("list")
def list_accounts(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Show every account there was: what it may do, whether it asks for codes, and when somebody signed in last."""
    with looking(config) as connection:
        found = accounts.listing(connection, wall_clock_ms())
    if as_json:
        for one in found:
            typer.echo(json.dumps(one))
        return
    table = Table(
        "account", "role", "reach", "codes", "sessions", "made", "signed in", "ended", box=None, pad_edge=False
    )
    for one in found:
        table.add_row(
            one["name"],
            one["role"],
            ", ".join(name for names in one["reach"].values() for name in names) or "everything",
            "by provider" if one["signs_in_by"] == "provider" else "yes" if one["codes"] else "no",
            "locked" if one["locked"] else str(one["sessions"]),
            moment(one["made_ms"]),
            moment(one["signed_in_ms"]),
            moment(one["ended_ms"]) if one["ended_ms"] else "",
        )
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


@account_app.command("set")
def set_account(
    name: Name,
    role: Annotated[Role | None, typer.Option(help="What it may do.", show_default="as it was")] = None,
    site: Site = None,
    employer: Employer = None,
    *,
    everything: Annotated[bool, typer.Option("--everything", help="It reaches all sites and employers.")] = False,
    reason: Why = "",
    config: Config = Path("bridge.toml"),
) -> None:
    """Give an account another role or reach, from its next page on."""
    if everything and (site or employer):
        raise typer.BadParameter("give --everything, or --site and --employer")
    with changing(config) as opened:
        reached = reach.of_names(opened.connection, site or (), employer or ())
        wanted = reached if everything or site or employer else None
        accounts.change(opened.connection, name, role, wanted, Operator(operator(), reason), wall_clock_ms())
    typer.echo(f"{name} is changed.", err=True)


@account_app.command("reset")
def reset_account(name: Name, reason: Why, config: Config = Path("bridge.toml")) -> None:
    """Print a new first password, turn codes off, and sign out everywhere: for a lost password or authenticator."""
    with changing(config) as opened:
        password = accounts.reset(opened.connection, name, Operator(operator(), reason), wall_clock_ms())
    typer.echo(password)
    typer.echo(f"Give it to {name} alone. It is kept nowhere.", err=True)


@account_app.command("lock")
def lock_account(name: Name, reason: Why, config: Config = Path("bridge.toml")) -> None:
    """Sign an account out everywhere, and let nobody sign in to it until it is unlocked."""
    with changing(config) as opened:
        accounts.lock(opened.connection, name, Operator(operator(), reason), wall_clock_ms())
    typer.echo(f"{name} is locked.", err=True)


@account_app.command("unlock")
def unlock_account(name: Name, reason: Why, config: Config = Path("bridge.toml")) -> None:
    """Let the owner of a locked account sign in again, with the same password and codes."""
    with changing(config) as opened:
        accounts.unlock(opened.connection, name, Operator(operator(), reason), wall_clock_ms())
    typer.echo(f"{name} is unlocked.", err=True)


@account_app.command("sign-out")
def sign_out_account(name: Name, reason: Why, config: Config = Path("bridge.toml")) -> None:
    """End every session of an account; its owner can sign in again at once."""
    with changing(config) as opened:
        accounts.end_sessions(opened.connection, name, Operator(operator(), reason), wall_clock_ms())
    typer.echo(f"{name} is signed out everywhere.", err=True)


@account_app.command("end")
def end_account(name: Name, reason: Why, config: Config = Path("bridge.toml")) -> None:
    """End an account at once, and sign it out everywhere."""
    with changing(config) as opened:
        accounts.end(opened.connection, name, Operator(operator(), reason), wall_clock_ms())
    typer.echo(f"{name} has ended.", err=True)

"""`badgeclock site`: another key for a site, and what to do about a clock that was stolen from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from badgeclock.bridge.clocks import theft
from badgeclock.bridge.clocks.theft import State, Step
from badgeclock.cli.ca import JsonOption, WorkshopOption
from badgeclock.cli.context import Config, looking
from badgeclock.cli.workshop_passphrase import opened_workshop
from badgeclock.errors import EXIT_FAILED

app = typer.Typer(no_args_is_help=True, help="A site's keys, and what to do when a clock was stolen.")


@app.command("new-key")
def new_key(
    site: Annotated[str, typer.Argument(help="The site's name, as on its clocks.")],
    *,
    directory: WorkshopOption,
) -> None:
    """Make one more key for a site's tokens, after those that it has. Prints the workshop's file of them."""
    shop = opened_workshop(directory)
    typer.echo(shop.add_site_key(site))
    typer.echo(
        f"next, before any clock: badgeclock ca export FOLDER --workshop … --site {site!r}; on the bridge's machine "
        f"badgeclock bridge site set --name {site!r} --key with the file in that folder; then provision each clock of "
        "the site over the cable; then badgeclock bridge site set --forget-old-key",
        err=True,
    )


@app.command()
def stolen(
    clock: Annotated[str, typer.Argument(help="The id of the clock that was stolen.")],
    config: Config = Path("bridge.toml"),
    directory: Annotated[
        Path | None,
        typer.Option("--workshop", envvar="BADGECLOCK_WORKSHOP", help="The workshop, to look at the certificate too."),
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Say what a stolen clock gives away and what ends it: what is done, and what is open. Changes nothing.

    Ends with exit code 1 as long as something is open.
    """
    found = [_certificate(clock, directory)]
    with looking(config) as connection:
        found += theft.steps(connection, clock)
    for step in found:
        if as_json:
            typer.echo(json.dumps({**step._asdict(), "state": step.state.value}))
        else:
            typer.echo(f"{step.state.value:<5} {step.name}: {step.what}{step.do and f'. To do: {step.do}'}")
    if any(step.state is State.OPEN for step in found):
        raise typer.Exit(EXIT_FAILED)


def _certificate(clock: str, directory: Path | None) -> Step:
    name, do = "certificate", f"badgeclock ca revoke {clock} --broker …"
    if directory is None:
        return Step(name, State.ASK, "the workshop knows whether it is revoked; give this command --workshop", do)
    if clock in opened_workshop(directory).holders():
        return Step(name, State.OPEN, "with it the thief is at the broker as this clock, and floods it or listens", do)
    return Step(name, State.DONE, "it is revoked, or there is none; the broker must have the list (`ca broker`)")

"""What the bridge keeps and for how long: `badgeclock bridge keys`, `audit`, `backup`, `retention` and `person`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from badgeclock.bridge import rotation, settings, vault
from badgeclock.bridge.audit import Operator
from badgeclock.bridge.service import wall_clock_ms
from badgeclock.cli.bridge import Config, opened_store, operator

keys_app = typer.Typer(no_args_is_help=True, help="The data key, which encrypts names, numbers and keys in the store.")

ReasonOption = Annotated[str, typer.Option(help="Why, in a sentence; it is kept with your name.")]


@keys_app.command("list")
def list_keys(config: Config = Path("bridge.toml")) -> None:
    """Show the data keys in the file, by number and fingerprint, and how many values need each."""
    with opened_store(config) as (store, keys), store.read() as connection:
        needed = rotation.uses(connection)
        for number, fingerprint in keys.fingerprints().items():
            state = "in use" if number == keys.newest else "old"
            typer.echo(f"{number}  {fingerprint}  {state}  {needed[number]} values")


@keys_app.command("rotate")
def rotate_keys(reason: ReasonOption, config: Config = Path("bridge.toml")) -> None:
    """Make a new data key and encrypt everything under it, while the bridge runs. Run again if it was cut off.

    The old key stays in the file: copies of the store that were made before need it.
    """
    path = settings.load(config).secrets.data_key_file
    with opened_store(config) as (store, keys):
        for number, changed in rotation.rotate(store, keys, path, Operator(operator(), reason), wall_clock_ms):
            typer.echo(f"pass {number}: {changed} rows", err=True)
        known_by = keys.fingerprints()[keys.newest]
    typer.echo(
        f"Everything is under data key {keys.newest}, {known_by}. Back up {path} apart from the store.", err=True
    )
    typer.echo("next, when no backup under an older key is needed: badgeclock bridge keys retire", err=True)


@keys_app.command("retire")
def retire_keys(reason: ReasonOption, config: Config = Path("bridge.toml")) -> None:
    """Take old data keys out of the file, after proof that nothing in the store needs them.

    Backups that were made under them open only with a copy of the file as it was.
    """
    path = settings.load(config).secrets.data_key_file
    with opened_store(config) as (store, keys):
        gone = rotation.retire(store, keys, path, Operator(operator(), reason), wall_clock_ms)
    left = max(vault.read_keys(path))
    said = f"Retired: data keys {', '.join(map(str, gone))}." if gone else "There is no old data key."
    typer.echo(f"{said} In use: {left}.", err=True)

"""`badgeclock bridge init`: the data key and the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from badgeclock.bridge import settings
from badgeclock.bridge.settings import BridgeSettings
from badgeclock.bridge.store import vault
from badgeclock.bridge.store.database import Store
from badgeclock.cli.context import Config

app = typer.Typer()


def prepare(configured: BridgeSettings) -> None:
    """Make the data key if there is none, and create or migrate the store's tables."""
    vault.create(configured.secrets.data_key_file)
    vault.load(configured.secrets.data_key_file)
    store = Store(configured.store.url)
    try:
        store.migrate()
    finally:
        store.close()


@app.command("init")
def init(
    back_to: Annotated[
        str, typer.Option(help="Take the store back to this earlier form, before that version is installed again.")
    ] = "",
    config: Config = Path("bridge.toml"),
) -> None:
    """Make the data key and the store, or bring an older store to this version's form."""
    configured = settings.load(config)
    if back_to:
        store = Store(configured.store.url)
        try:
            store.migrate_back(back_to)
        finally:
            store.close()
        typer.echo(f"The store has the form {back_to}. Install the version that has it.", err=True)
        return
    prepare(configured)
    typer.echo(f"The store is ready. Back up {configured.secrets.data_key_file} apart from it.", err=True)

"""`badgeclock bridge`: the bridge itself, and what it knows; each part is a module, loaded when it is asked for."""

from __future__ import annotations

from pathlib import Path

import typer

from badgeclock.bridge import settings
from badgeclock.bridge.settings import BridgeSettings
from badgeclock.bridge.store import vault
from badgeclock.bridge.store.database import Store
from badgeclock.cli.context import Config
from badgeclock.cli.lazy_groups import group_of

PARTS = {
    "run": "badgeclock.cli.run:app",
    "intake": "badgeclock.cli.run:app",
    **{noun: f"badgeclock.cli.people:{noun}_app" for noun in ("site", "employer", "worker", "badge")},
    "clock": "badgeclock.cli.clocks:app",
    "import": "badgeclock.cli.imports:app",
    "token": "badgeclock.cli.tokens:app",
    "presence": "badgeclock.cli.presence:app",
    "correction": "badgeclock.cli.correction:app",
    "attention": "badgeclock.cli.attention:app",
    "reconcile": "badgeclock.cli.reconcile:app",
    "today": "badgeclock.cli.today:app",
    **{noun: f"badgeclock.cli.operations:{noun}_app" for noun in ("keys", "audit", "backup", "retention", "person")},
}

app = typer.Typer(
    cls=group_of(PARTS),
    no_args_is_help=True,
    help="Run the bridge; tell it of sites, employers, workers, badges and clocks.",
)


@app.callback()
def _bridge() -> None:
    """Makes a group of it, which has only one command of its own."""


def prepare(configured: BridgeSettings) -> None:
    """Make the data key if there is none, and the store's tables, or bring them to this version's form."""
    vault.create(configured.secrets.data_key_file)
    vault.load(configured.secrets.data_key_file)
    store = Store(configured.store.url)
    try:
        store.migrate()
    finally:
        store.close()


@app.command()
def init(config: Config = Path("bridge.toml")) -> None:
    """Make the data key and the store, or bring an older store to this version's form."""
    configured = settings.load(config)
    prepare(configured)
    typer.echo(f"The store is ready. Back up {configured.secrets.data_key_file} apart from it.", err=True)

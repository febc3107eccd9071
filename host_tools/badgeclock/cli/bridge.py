"""`badgeclock bridge`: the bridge itself, and its data; each part is a module, loaded on use."""

from __future__ import annotations

import typer

from badgeclock.cli.lazy_groups import group_of

PARTS = {
    "init": "badgeclock.cli.init:app",
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
    "notices": "badgeclock.cli.notices:app",
    **{noun: f"badgeclock.cli.operations:{noun}_app" for noun in ("keys", "audit", "backup", "retention", "person")},
}

app = typer.Typer(
    cls=group_of(PARTS, "bridge"),
    no_args_is_help=True,
    help="Run the bridge; add sites, employers, workers, badges and clocks.",
)


@app.callback()
def _bridge() -> None:
    """Makes the app a group without a command of its own."""

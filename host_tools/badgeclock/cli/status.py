"""`badgeclock status`: the state of this machine's bridge, on one screen."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from badgeclock import __version__
from badgeclock.bridge import settings
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.context import Config, moment
from badgeclock.errors import EXIT_FAILED
from badgeclock.installation import overview
from badgeclock.installation.findings import Machine

app = typer.Typer(help="How this machine's bridge stands, in one screen.")


@app.command()
def status(
    *,
    config: Config = Path("bridge.toml"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show how this machine's bridge stands: its parts, today, what waits, what ends next. A `!` needs somebody.

    Ends with 1 if anything does.
    """
    now_ms = wall_clock_ms()
    lines = overview.look(Machine(config, settings.load(config), (), now_ms))
    if not as_json:
        typer.echo(f"Badgeclock {__version__}, {moment(now_ms)}")
    width = max(len(line.about) for line in lines)
    for line in lines:
        shown = f"{'!' if line.is_wrong else ' '} {line.about:<{width}}  {line.says}"
        typer.echo(json.dumps(asdict(line)) if as_json else shown)
    if wrong := sum(line.is_wrong for line in lines):
        typer.echo(f"{wrong} of {len(lines)} lines need somebody; `badgeclock doctor` says what to do", err=True)
        raise typer.Exit(EXIT_FAILED)

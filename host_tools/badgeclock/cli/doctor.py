"""`badgeclock doctor`: what is wrong with this machine's set-up, and how to mend it. One line per finding."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from badgeclock.bridge import settings
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.context import Config
from badgeclock.errors import EXIT_FAILED, SettingsError
from badgeclock.installation import checks

app = typer.Typer(help="What is wrong with the set-up of this machine.")


@app.command()
def doctor(
    *,
    config: Config = Path("bridge.toml"),
    look: Annotated[
        list[Path] | None, typer.Option(help="A folder to look into as well; may be given again.", file_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Look for what is wrong with this machine's set-up: settings, keys, certificates, broker, store, disk, clocks,
    authority, time and services. Ends with 1 if anything was found; changes nothing.
    """
    machine = checks.load(config, tuple(_places(config, look or [])), wall_clock_ms())
    found = checks.examine(machine)
    for finding in found:
        typer.echo(
            json.dumps(asdict(finding)) if as_json else f"{finding.where}: {finding.what}\n  to do: {finding.do}"
        )
    if machine.config is None:
        typer.echo(f"no bridge here: there is no {config}", err=True)
    if found:
        typer.echo(f"found: {len(found)}; nothing was changed", err=True)
        raise typer.Exit(EXIT_FAILED)
    typer.echo("nothing found", err=True)


def _places(config: Path, look: list[Path]) -> Iterator[Path]:
    """The usual places of a workshop: beside the bridge's files, the home folder, the current one, and a variable's."""
    yield from look
    yield Path.cwd()
    yield Path.home()
    if named := os.environ.get("BADGECLOCK_WORKSHOP"):
        yield Path(named)
    if config.is_file():
        yield config.resolve().parent
        with contextlib.suppress(SettingsError):  # which the bridge reports at its start
            mine = settings.load(config).broker
            for path in (mine.ca, mine.certificate, mine.key):
                yield path.resolve().parent

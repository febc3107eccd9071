"""`badgeclock doctor`: what is wrong with this machine's set-up. One line a finding; a check is one function below."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from badgeclock.bridge import settings
from badgeclock.cli.context import Config
from badgeclock.errors import EXIT_FAILED, SettingsError
from badgeclock.technician import loose_roots
from badgeclock.technician.loose_roots import Root

app = typer.Typer(help="What is wrong with the set-up of this machine.")


@dataclass(frozen=True)
class Finding:
    """What a check found: what it is, where, and what to do."""

    check: str
    what: str
    where: str
    do: str


@dataclass(frozen=True)
class Machine:
    """What the checks look at: the bridge's settings file, None on a machine without one, and folders of people."""

    config: Path | None
    places: tuple[Path, ...]


_ROOTS: Final = {
    Root.WORKSHOP: (
        "a workshop is beside a bridge, its keys in the clear: who breaks into this machine can forge every clock",
        "move it to a machine without a network, lock it there (badgeclock ca lock); carry over what ca export writes",
    ),
    Root.LOCKED_WORKSHOP: (
        "a workshop is beside a bridge: only its passphrase protects every clock's keys from an intruder",
        "move it to a machine without a network, and do not type its passphrase here",
    ),
    Root.BUNDLE: (
        "the first key of a clock is beside a bridge: with it every record of that clock can be forged",
        "delete it: the workshop has it, and the store what the bridge needs",
    ),
}


def roots(machine: Machine) -> Iterator[Finding]:
    """Roots on a machine with a bridge."""
    if machine.config is None:
        return
    for loose in loose_roots.find(machine.places):
        what, do = _ROOTS[loose.root]
        yield Finding("roots", what, str(loose.path), do)


CHECKS: Final[tuple[Callable[[Machine], Iterator[Finding]], ...]] = (roots,)


@app.command()
def doctor(
    *,
    config: Config = Path("bridge.toml"),
    look: Annotated[
        list[Path] | None, typer.Option(help="A folder to look into as well; may be given again.", file_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Look for what is wrong with this machine's set-up. Ends with 1 if anything was found; changes nothing."""
    machine = Machine(config if config.is_file() else None, tuple(_places(config, look or [])))
    found = [finding for check in CHECKS for finding in check(machine)]
    for finding in found:
        typer.echo(
            json.dumps(asdict(finding)) if as_json else f"{finding.where}: {finding.what}\n  to do: {finding.do}"
        )
    if machine.config is None:
        typer.echo(f"no bridge here: there is no {config}", err=True)
    if found:
        raise typer.Exit(EXIT_FAILED)
    typer.echo("nothing found", err=True)


def _places(config: Path, look: list[Path]) -> Iterator[Path]:
    """Where a person leaves a workshop: beside the bridge's files, at home, here, and where a variable says."""
    yield from look
    yield Path.cwd()
    yield Path.home()
    if named := os.environ.get("BADGECLOCK_WORKSHOP"):
        yield Path(named)
    if config.is_file():
        yield config.resolve().parent
        with contextlib.suppress(SettingsError):  # which the bridge says at its start
            mine = settings.load(config).broker
            for path in (mine.ca, mine.certificate, mine.key):
                yield path.resolve().parent

"""The findings of an installation's checks, and their input."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from badgeclock.bridge.settings import BridgeSettings


@dataclass(frozen=True)
class Finding:
    """A finding: what, where, and what to do."""

    check: str
    what: str
    where: str
    do: str


@dataclass(frozen=True)
class Machine:
    """The input of checks: the bridge's settings file, None on a machine without one; its settings, None if invalid;
    people's folders; and the time.
    """

    config: Path | None
    settings: BridgeSettings | None
    places: tuple[Path, ...]
    now_ms: int

"""What a check of an installation finds, and what the checks look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from badgeclock.bridge.settings import BridgeSettings


@dataclass(frozen=True)
class Finding:
    """What a check found: what it is, where, and what to do."""

    check: str
    what: str
    where: str
    do: str


@dataclass(frozen=True)
class Machine:
    """What the checks look at: the bridge's settings file, None on a machine without one; what it says, None if it does
    not hold; folders of people; and the time.
    """

    config: Path | None
    settings: BridgeSettings | None
    places: tuple[Path, ...]
    now_ms: int

"""Waits for the clock's reader, not only for time: on a busy machine the clock polls more rarely."""

from __future__ import annotations

import time
from typing import Final

from badgeclock.virtual.control_socket import ClockControl

MUTED_S: Final = 2.1
"""A badge that comes again within two seconds after it was seen last is no new punch (firmware/app/punch.py)."""
LOOKS: Final = 10
PATIENCE_S: Final = 60.0


def gone(control: ClockControl, after_s: float = MUTED_S) -> None:
    """Return when every badge has left, so long ago that the same one counts again, and the reader has looked since."""
    deadline = time.monotonic() + PATIENCE_S
    while any(event["kind"] == "field_on" and event["id"] not in left(control) for event in control.events()):
        assert time.monotonic() < deadline, "a badge stays at the reader"
        time.sleep(0.02)
    time.sleep(after_s)
    frames = control.stats()["air"]["frames"]
    while control.stats()["air"]["frames"] < frames + LOOKS:
        assert time.monotonic() < deadline, "the clock does not look for badges"
        time.sleep(0.02)


def left(control: ClockControl) -> set[int]:
    """The taps whose badge has left."""
    return {int(event["tap"]) for event in control.events() if event["kind"] == "field_off"}

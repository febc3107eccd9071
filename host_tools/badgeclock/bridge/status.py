"""Hears what a clock says of itself: opens its STATUS frame, refuses a forged or stale one."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from typing import Any, NamedTuple

from badgeclock.protocol import frames
from badgeclock.protocol.frames import NO_SESSION, FrameRefused, FrameType, Offline, Online


class Freshness(Enum):
    """How a STATUS stands to the newest one taken before."""

    NEWER = "newer"
    SAME = "same"
    """The retained one, delivered again after the bridge or the broker came back."""
    OLDER = "older"


class Heard(NamedTuple):
    """An authentic STATUS."""

    freshness: Freshness
    counter: int
    status: Online | Offline


def hear(k_up: bytes, clock_id: str, payload: bytes, newest: int) -> Heard:
    """The STATUS in a payload, `newest` being the counter of the last one taken; raises FrameRefused."""
    frame = frames.open_frame(k_up, clock_id, NO_SESSION, payload)
    if frame.type != FrameType.STATUS:
        raise FrameRefused("not a status")
    status = frames.unpack_status(frame.body)
    if frame.counter == newest:
        freshness = Freshness.SAME
    else:
        freshness = Freshness.NEWER if frame.counter > newest else Freshness.OLDER
    return Heard(freshness, frame.counter, status)


def columns(heard: Heard, now_ms: int) -> dict[str, Any]:
    """What the clock's row shall say after a newer STATUS."""
    counter = heard.counter.to_bytes(8, "big")
    if isinstance(heard.status, Offline):
        return {"status_counter": counter, "online": False, "status_ms": now_ms}
    told = asdict(heard.status)
    told.update(session=None, tag=heard.status.tag.hex())
    return {
        "status_counter": counter,
        "online": True,
        "session": heard.status.session,
        "sealed": heard.status.sealed,
        "status": told,
        "status_ms": now_ms,
    }

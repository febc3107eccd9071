"""STATUS frames of clocks: opens one, refuses a forged one, checks how new it is, and lists what is alarming in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from enum import Enum
from typing import Any, NamedTuple

from badgeclock.bridge import logs
from badgeclock.bridge.intake.continuity import LastStatus
from badgeclock.bridge.store.event_log import Kind, Severity
from badgeclock.protocol import frames
from badgeclock.protocol.errors import FrameRefused
from badgeclock.protocol.frames import NO_SESSION, FrameType, Offline, Online


class Freshness(Enum):
    """How a STATUS compares with the newest one accepted before."""

    NEWER = "newer"
    SAME = "same"
    """The retained one, delivered again after a restart of the bridge or the broker."""
    OLDER = "older"


class Memory(Enum):
    """How full a clock's journal is with unacknowledged records."""

    ROOM = "room"
    NEARLY_FULL = "nearly full"
    FULL = "full"

    @classmethod
    def of(cls, free: int, capacity: int) -> Memory:
        """Nearly full from 80 % on; without a free place the clock refuses punches."""
        if not free:
            return cls.FULL
        return cls.NEARLY_FULL if (capacity - free) * 5 >= capacity * 4 else cls.ROOM


class Change(NamedTuple):
    """Something an operator should know that began with this STATUS, or (info) ended."""

    severity: Severity
    kind: Kind
    detail: str


class AuthenticStatus(NamedTuple):
    """An authentic STATUS."""

    freshness: Freshness
    counter: int
    status: Online | Offline


def open_status(k_up: bytes, clock_id: str, payload: bytes, newest: int) -> AuthenticStatus:
    """The STATUS in a payload, `newest` being the counter of the last one accepted; raises FrameRefused."""
    frame = frames.open_frame(k_up, clock_id, NO_SESSION, payload)
    if frame.type != FrameType.STATUS:
        raise FrameRefused("not a status")
    status = _masked(frames.unpack_status(frame.body))
    if frame.counter == newest:
        freshness = Freshness.SAME
    else:
        freshness = Freshness.NEWER if frame.counter > newest else Freshness.OLDER
    return AuthenticStatus(freshness, frame.counter, status)


def _masked(status: Online | Offline) -> Online | Offline:
    """A STATUS from whose texts, made by the clock and read by people, anything like a national number is removed."""
    if isinstance(status, Offline):
        return status
    return replace(status, **{name: logs.masked_within(getattr(status, name)) for name in Online.__slots__})


def columns(opened: AuthenticStatus, counter: int, now_ms: int) -> dict[str, Any]:
    """The columns of the clock's row after a STATUS; `counter` is that of the newest one."""
    at = {"status_counter": counter.to_bytes(8, "big"), "status_ms": now_ms}
    if isinstance(opened.status, Offline):
        return {**at, "online": False}
    return {
        **at,
        "online": True,
        "session": opened.status.session,
        "sealed": opened.status.sealed,
        "status": stored_form(opened.status),
        "roster_told": opened.status.roster and opened.status.roster[0],
        "site_keys": opened.status.site_keys or 1,
        "settings_told": opened.status.settings,
        "settings_refused": opened.status.settings_refused and opened.status.settings_refused[0],
    }


def stored_form(status: Online) -> dict[str, Any]:
    """A STATUS as stored: every key that is useful beyond its connection."""
    return {**asdict(status), "session": None, "tag": status.tag.hex()}


def changes(last_status: LastStatus | None, status: Online) -> Iterator[Change]:
    """Alarms of a STATUS that the one accepted before did not have, and alarms that ended."""
    if status.retired:
        return
    if status.settings_refused and (last_status is None or last_status.settings_refused != status.settings_refused[0]):
        version, why = status.settings_refused
        yield Change(Severity.WARNING, Kind.SETTINGS_REFUSED, f"the clock refuses settings {version}: {why}")
    if (last_status is None or last_status.sealed) and not status.sealed:
        yield Change(Severity.ALARM, Kind.SEAL_LOST, "the clock cannot read its key; what it keeps now proves nothing")
    if last_status is not None and not last_status.sealed and status.sealed:
        yield Change(Severity.INFO, Kind.SEAL_LOST, "over: the clock can read its key again")
    before = Memory.ROOM if last_status is None else Memory.of(last_status.free, last_status.capacity)
    now = Memory.of(status.free, status.capacity)
    if now is before:
        return
    if before is Memory.FULL:
        yield Change(Severity.INFO, Kind.MEMORY_FULL, "over: the clock has room for punches again")
    if now is Memory.FULL:
        yield Change(Severity.ALARM, Kind.MEMORY_FULL, "the clock refuses punches until it reaches the bridge")
    elif now is Memory.NEARLY_FULL and before is Memory.ROOM:
        yield Change(Severity.WARNING, Kind.MEMORY_NEARLY_FULL, "80 % or more of the clock's records wait to be taken")
    elif now is Memory.ROOM:
        yield Change(Severity.INFO, Kind.MEMORY_NEARLY_FULL, "over: the clock's records have been taken")

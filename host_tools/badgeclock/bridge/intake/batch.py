"""What goes into one commit of the intake, and what the commit leaves to say and to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from badgeclock.bridge.store.event_log import Event
from badgeclock.protocol.frames import Ack, Receipt


class Delivery(NamedTuple):
    """One MQTT message as it came, and when (ms since 1970-01-01 UTC)."""

    topic: str
    payload: bytes
    received_ms: int
    early_ms: int = 0
    """When it was first found to have come before what it follows; 0: it was not."""


@dataclass(slots=True)
class Taken:
    """What a committed group left to say and to do; clocks by their row."""

    acks: dict[int, Ack] = field(default_factory=dict)
    times: dict[int, int] = field(default_factory=dict)
    """Clock → counter of the STATUS to answer with the time."""
    receipts: dict[int, list[Receipt]] = field(default_factory=dict)
    early: list[Delivery] = field(default_factory=list)
    """Messages that came before what they follow, and shall be looked at once more with a later group."""
    queued: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    events: list[Event] = field(default_factory=list)

"""A batch of messages that share one commit of the intake, and the work left after that commit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from badgeclock.bridge.store.event_log import Event
from badgeclock.protocol.frames import Ack, Receipt


class ClockMessage(NamedTuple):
    """One MQTT message of a clock as it came, and when (ms since 1970-01-01 UTC)."""

    topic: str
    payload: bytes
    received_ms: int
    early_ms: int = 0
    """When it was first found to have arrived before its predecessor; 0: it was not."""


@dataclass(slots=True)
class BatchResult:
    """What to send and do after a batch is committed; clocks by their row."""

    acks: dict[int, Ack] = field(default_factory=dict)
    times: dict[int, int] = field(default_factory=dict)
    """Clock → counter of the STATUS to answer with the time."""
    receipts: dict[int, list[Receipt]] = field(default_factory=dict)
    early: list[ClockMessage] = field(default_factory=list)
    """Messages that arrived before their predecessor, to be handled again with a later batch."""
    queued: int = 0
    """Presences queued for the authority."""
    counts: Counter[str] = field(default_factory=Counter)
    """Records and messages by result."""
    events: list[Event] = field(default_factory=list)

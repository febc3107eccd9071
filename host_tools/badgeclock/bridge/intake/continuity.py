"""Decides whether a clock's status continues its stored chain. Pure: the caller reads the store.

Anyone who can write to the broker can publish on a clock's topics, but only the clock, or a copy of it, can make a
STATUS. Its statement about its chain is evidence, even when late: records are only added, a chain's tags never change,
a boot begins with its BOOT record, and an ACK is sent after its commit. So a STATUS of an honest clock agrees with the
store however old it is and however the network has delayed, repeated or reordered it; a contradiction is one of

    fork        a chain of the same length that ends in another tag: another life of the same keys
    rollback    a chain without what this clock sent before, or a boot count that went back: its flash was put back
    skipped     the clock considers records acknowledged that this store never had: the store was restored to an earlier
                state, or another bridge took the records
    clone       two devices: one connection of one boot, and two sessions; or two chains that alternate

A rollback of records that no bridge ever received cannot be detected (docs/operating.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from badgeclock.bridge.store.event_log import Kind
from badgeclock.protocol.frames import Online
from badgeclock.protocol.seal import SealState

CONNECTIONS_DISTINGUISHED: Final = 0xFFFF
"""Connections of one boot with their own number; all later ones share the last (docs/protocol.md §6)."""
BREAKS_A_CHAIN: Final = frozenset({Kind.FORK, Kind.ROLLBACK, Kind.CLONE})
"""Reasons for a quarantine after which the device at hand cannot continue its chain."""


class Before(NamedTuple):
    """The last stored record below a seq: its tag (the chain's first tag if there is none) and its boot count."""

    tag: bytes
    boot: int


class Contradiction(NamedTuple):
    """A contradiction between a STATUS and the store, with an explanation that contains no key or token."""

    kind: Kind
    detail: str


class LastStatus(NamedTuple):
    """The relevant fields of the last accepted STATUS."""

    boot: int
    connection: int
    session: bytes
    free: int
    capacity: int
    sealed: bool
    retired: bool
    settings_refused: int | None = None

    @classmethod
    def of(cls, session: bytes | None, status: Mapping[str, Any] | None) -> LastStatus | None:
        """From a clock's row; None before its first STATUS."""
        if session is None or status is None:
            return None
        return cls(
            status["boot"],
            status["connection"],
            session,
            status["free"],
            status["capacity"],
            status["sealed"],
            status.get("retired", False),
            (status.get("settings_refused") or [None])[0],
        )

    def is_another_device(self, status: Online) -> bool:
        """Whether one clock cannot have sent both: a session lasts as long as its connection.

        A full or a retired log keeps no BOOT record, so such a clock restarts its count of connections at every start.
        """
        return (
            (self.boot, self.connection) == (status.boot, status.connection)
            and self.session != status.session
            and status.connection < CONNECTIONS_DISTINGUISHED
            and bool(self.free and status.free)
        )


def contradiction(
    state: SealState, status: Online, before: Before | None, last_status: LastStatus | None
) -> Contradiction | None:
    """What an authentic STATUS contradicts, or None.

    `state` is the store's; `before` the record below the status' head, None if the store does not have it;
    `last_status` the last accepted one, None if there was none.
    """
    at = f"the clock says next record {status.head}, boot {status.boot}; the store has all below {state.next_seq}"
    if status.tail > state.next_seq:
        return Contradiction(Kind.SKIPPED, f"{at}; the clock holds all below {status.tail} for acknowledged")
    if before is not None and before.tag != status.tag:
        kind = Kind.FORK if status.head == state.next_seq else Kind.ROLLBACK
        return Contradiction(kind, f"{at}, and its chain ends in another tag")
    if before is not None and status.boot - before.boot not in (0, 1):
        return Contradiction(Kind.ROLLBACK, f"{at}, and record {status.head} cannot be of that boot")
    if status.head < state.next_seq and status.boot > state.boot:
        return Contradiction(Kind.ROLLBACK, f"{at}: it started again without records that it had sent")
    if status.head >= state.next_seq and status.boot < state.boot:
        return Contradiction(Kind.ROLLBACK, f"{at} of boot {state.boot}: its boot count went back")
    if last_status is not None and last_status.is_another_device(status):
        return Contradiction(Kind.CLONE, f"{at}; another device said so in a session of the same connection")
    return None


def in_step(state: SealState, status: Online, before: Before | None) -> bool:
    """Whether a STATUS proves that the clock's chain is the store's: the store has its head, with the same tag."""
    return status.head <= state.next_seq and before is not None and before.tag == status.tag

"""The authority's registrations of presences, as searches and queries find them: whose they are, and what they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from badgeclock.authorities.base import Found, Status
from badgeclock.bridge.presences.regimes import Declared
from badgeclock.bridge.registrar import reception_numbers
from badgeclock.bridge.registrar.outbox import Due
from badgeclock.bridge.store import event_log
from badgeclock.bridge.store.event_log import Event, Severity


def own(
    connection: Connection, group: Sequence[Due], found: Mapping[str, Sequence[Found]], declares: frozenset[Declared]
) -> dict[int, list[Found]]:
    """The authority's registrations of each presence, without those of other presences: first the valid one with the
    lowest number, which is the presence's own; the rest are double registrations.
    """
    numbers = {one.reception_number for held in found.values() for one in held}
    whose = reception_numbers.whose(connection, numbers, declares)
    return {
        one.id: sorted(
            (held for held in found.get(one.item.reference, ()) if whose.get(held.reception_number, one.id) == one.id),
            key=lambda held: (held.status is Status.CANCELLED, held.reception_number),
        )
        for one in group
    }


def keep(connection: Connection, mine: Mapping[int, Sequence[Found]], now_ms: int) -> None:
    """Store every number that the authority has of these presences."""
    numbers = {presence_id: [one.reception_number for one in held] for presence_id, held in mine.items() if held}
    reception_numbers.keep(connection, numbers, now_ms)


def note_identity(connection: Connection, one: Due, inss_now: str | None, now_ms: int) -> None:
    """Write an event if the authority has another national number for the worker by now."""
    if inss_now is not None and one.item.inss is not None and inss_now != one.item.inss:
        what = f"the authority has another national number for worker {one.worker} now"
        kind = event_log.Kind.NATIONAL_NUMBER_CHANGED
        event_log.write(connection, [Event(Severity.WARNING, kind, what, about=one.worker)], now_ms)

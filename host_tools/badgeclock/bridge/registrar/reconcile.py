"""Compares a day in the store with the authority's list of it; changes nothing on either side.

The authority is queried for the whole day at each workplace. A registration matches a presence by its number, else by
its reference, else, if the authority keeps no references, by its content. One with neither our reference nor our worker
is another party's declaration, and is not listed.

Nothing here shows a badge, a token or a national number: workers are shown by the office's own reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, select

from badgeclock.authorities.base import Authority, Found, SearchCriteria, Status, attributed
from badgeclock.bridge.people.identities import identity_of
from badgeclock.bridge.presences.day_book import REFERENCE_BEGINS
from badgeclock.bridge.presences.regimes import Declared
from badgeclock.bridge.registrar import outbox, reception_numbers
from badgeclock.bridge.registrar.outbox import Due
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import PresenceState
from badgeclock.bridge.store.vault import Vault

_STANDS: Final = frozenset({PresenceState.REGISTERED, PresenceState.VALIDATED, PresenceState.REMARKS})
_UNDER_WAY: Final = frozenset({PresenceState.SENT, PresenceState.UNKNOWN, PresenceState.CANCELLING})


class Difference(StrEnum):
    """How a presence differs between the two sides."""

    STORE_ONLY = "in the store alone"
    AUTHORITY_ONLY = "at the authority alone"
    CANCELLED_THERE = "cancelled at the authority"
    OTHER_NUMBER = "under another number"
    TWICE = "twice at the authority"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `item` is a presence's reference, None if the store has none; `state` and `number` are the
    store's, `numbers` the valid ones at the authority.
    """

    difference: Difference
    day: str
    workplace: str | None
    worker: str | None
    item: str | None
    state: str | None
    number: int | None
    numbers: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Report:
    """How many presences agree on both sides, how many are in progress, and the differences."""

    agreed: int
    under_way: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Day:
    """The store's side of a day."""

    presences: list[Due]
    workplaces: list[str]
    workers: dict[str, str]
    """Their references by their numbers."""


async def reconcile(
    store: Store, vault: Vault, authorities: Sequence[tuple[Authority, frozenset[Declared]]], day: date
) -> Report:
    """Compare a Belgian day. `authorities` come with the uses of each. Raises AuthorityError if one of them does not
    answer, StoreError.
    """
    agreed = under_way = 0
    findings: list[Finding] = []
    for authority, declares in authorities:
        known = await store.reading(_known, vault, declares, day)
        found: dict[int, Found] = {}
        for workplace in known.workplaces:
            criteria = SearchCriteria(periods=((day, day),), workplace_id=workplace)
            found |= {one.reception_number: one for one in await authority.search(criteria)}
        # Registrations made during the queries are in the store by now.
        known = await store.reading(_known, vault, declares, day)
        whose = await store.reading(reception_numbers.whose, list(found), declares)
        held, strangers = _shared_out(known.presences, found.values(), whose)
        for presence in known.presences:
            finding = _compared(presence, held.get(presence.id, []))
            if finding is not None:
                findings.append(finding)
            under_way += presence.state in _UNDER_WAY
            agreed += finding is None and presence.state in _STANDS
        findings += [finding for one in strangers if (finding := _stranger(one, known.workers, day)) is not None]
    return Report(agreed, under_way, tuple(findings))


def _known(connection: Connection, vault: Vault, declares: frozenset[Declared], day: date) -> _Day:
    presences = outbox.of_day(connection, vault, declares, day)
    sites = connection.execute(select(schema.sites.c.workplace)).scalars()
    places = {one.item.workplace_id for one in presences if one.item.workplace_id} | set(sites)
    people = {identity_of(vault, row).number: row.reference for row in connection.execute(select(schema.workers))}
    return _Day(presences, sorted(places), people)


def _shared_out(
    presences: Sequence[Due], found: Iterable[Found], whose: dict[int, int]
) -> tuple[dict[int, list[Found]], list[Found]]:
    """The registrations of each presence, and unmatched ones."""
    held: dict[int, list[Found]] = {}
    rest = []
    for one in found:
        if (presence_id := whose.get(one.reception_number)) is not None:
            held.setdefault(presence_id, []).append(one)
        else:
            rest.append(one)
    ids = {presence.item.reference: presence.id for presence in presences}
    strangers = {one.reception_number: one for one in rest}
    for reference, some in attributed(rest, [presence.item for presence in presences]).items():
        if reference in ids:
            held.setdefault(ids[reference], []).extend(some)
            for one in some:
                del strangers[one.reception_number]
    return held, list(strangers.values())


def _compared(presence: Due, held: Sequence[Found]) -> Finding | None:
    standing = sorted(one.reception_number for one in held if one.status is not Status.CANCELLED)
    difference = None
    if presence.state in _UNDER_WAY:
        return None
    if len(standing) > 1:
        difference = Difference.TWICE
    elif presence.state in _STANDS and not standing:
        difference = Difference.CANCELLED_THERE if held else Difference.STORE_ONLY
    elif presence.state in _STANDS and presence.reception_number not in standing:
        difference = Difference.OTHER_NUMBER
    elif presence.state not in _STANDS and standing:
        difference = Difference.AUTHORITY_ONLY
    if difference is None:
        return None
    return Finding(
        difference,
        presence.day.isoformat(),
        presence.item.workplace_id,
        presence.worker,
        presence.item.reference,
        presence.state,
        presence.reception_number,
        tuple(standing),
    )


def _stranger(found: Found, workers: dict[str, str], day: date) -> Finding | None:
    """An unmatched registration, if it is ours by reference or worker, and not cancelled."""
    worker = next((workers[one] for one in (found.inss, found.inss_now, found.limosa_id) if one in workers), None)
    ours = worker is not None or (found.reference or "").startswith(REFERENCE_BEGINS)
    if not ours or found.status is Status.CANCELLED:
        return None
    numbers = (found.reception_number,)
    return Finding(Difference.AUTHORITY_ONLY, day.isoformat(), found.workplace_id, worker, None, None, None, numbers)

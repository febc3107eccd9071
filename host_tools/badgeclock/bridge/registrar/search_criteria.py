"""Search criteria for many presences: as few as possible, and wide enough to be certain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from badgeclock.authorities.base import SearchCriteria
from badgeclock.bridge.registrar.outbox import Due

LOOK_SINGLY: Final = 5
"""Up to this many registered presences of one workplace and day are queried one by one."""
CLOCKS_APART: Final = timedelta(minutes=10)
"""How far the authority's clock may differ from ours in a search by time. A signature is valid for five minutes, plus
two for clock differences, so a call with a larger difference is rejected anyway.
"""


def searches(lost: Sequence[Due]) -> list[tuple[SearchCriteria, list[Due]]]:
    """One search per call: for its person if it had one, else for all that it had."""
    calls: dict[int, list[Due]] = defaultdict(list)
    for one in lost:
        calls[one.sent_ms].append(one)
    return [(criteria_for(group[0]) if len(group) == 1 else _of_call(group), group) for group in calls.values()]


def pieces(group: Sequence[Due]) -> list[tuple[SearchCriteria, list[Due]]]:
    """The same in narrower searches: one per person, or, for those who cannot be searched by number, one per workplace
    and day."""
    places = _places([one for one in group if not by_person(one)])
    persons = [(criteria_for(one), [one]) for one in group if by_person(one)]
    return persons + [(_of_place(together), together) for together in places]


def looks(numbered: Sequence[Due]) -> tuple[list[tuple[SearchCriteria, list[Due]]], list[Due]]:
    """How to query registered presences: one search per workplace and day with many of them, the rest by number."""
    many, few = [], []
    for group in _places(numbered):
        if len(group) > LOOK_SINGLY:
            many.append((_of_place(group), group))
        else:
            few += group
    return many, few


def _places(presences: Sequence[Due]) -> list[list[Due]]:
    """The presences of each workplace and day together."""
    places: dict[tuple[str | None, date], list[Due]] = defaultdict(list)
    for one in presences:
        places[one.item.workplace_id, one.day].append(one)
    return list(places.values())


def _of_call(group: Sequence[Due]) -> SearchCriteria:
    """All registrations since a call for its days, at its workplace and for its employer if it had only one."""
    days = [one.day for one in group]
    workplaces = {one.item.workplace_id for one in group}
    companies = {one.item.company_id for one in group}
    return SearchCriteria(
        periods=((min(days), max(days)),),
        workplace_id=workplaces.pop() if len(workplaces) == 1 else None,
        company_id=companies.pop() if len(companies) == 1 else None,
        created_from=_since(group),
    )


def _of_place(group: Sequence[Due]) -> SearchCriteria:
    """All registrations for a workplace and day since the first of the group was sent."""
    day = group[0].day
    return SearchCriteria(periods=((day, day),), workplace_id=group[0].item.workplace_id, created_from=_since(group))


def _since(group: Sequence[Due]) -> datetime:
    return datetime.fromtimestamp(min(one.sent_ms for one in group) / 1000, UTC) - CLOCKS_APART


def by_person(one: Due) -> bool:
    """Whether the authority can be searched by the worker's number.

    It cannot search by Limosa number; and a worker whose national number has changed since would not be found under the
    new one.
    """
    return one.item.inss is not None and one.same_name


def criteria_for(one: Due) -> SearchCriteria:
    """The narrowest search that certainly finds one presence."""
    item = one.item
    if by_person(one):
        return SearchCriteria(
            periods=((one.day, one.day),),
            inss=item.inss,
            company_id=item.company_id,
            workplace_id=item.workplace_id,
        )
    return _of_place([one])

"""The search criteria for many presences: as few as cover all, and wide enough to be sure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from badgeclock.authorities.base import SearchCriteria
from badgeclock.bridge.registrar.outbox import Due

LOOK_SINGLY: Final = 5
"""Up to so many registered presences of one workplace and day are looked at one by one."""
CLOCKS_APART: Final = timedelta(minutes=10)
"""How far the authority's clock may be from ours when a search is narrowed by time. What is signed counts for five
minutes, and two more for clocks that differ, so that a call with a clock further off is not taken at all.
"""


def searches(lost: Sequence[Due]) -> list[tuple[SearchCriteria, list[Due]]]:
    """One question a call: about its person if it carried one, else about all that it carried."""
    calls: dict[int, list[Due]] = defaultdict(list)
    for one in lost:
        calls[one.sent_ms].append(one)
    return [(criteria_for(group[0]) if len(group) == 1 else _of_call(group), group) for group in calls.values()]


def pieces(group: Sequence[Due]) -> list[tuple[SearchCriteria, list[Due]]]:
    """The same in narrower questions: one a person, and for those who cannot be asked for one a workplace and day."""
    places = _places([one for one in group if not by_person(one)])
    persons = [(criteria_for(one), [one]) for one in group if by_person(one)]
    return persons + [(_of_place(together), together) for together in places]


def looks(numbered: Sequence[Due]) -> tuple[list[tuple[SearchCriteria, list[Due]]], list[Due]]:
    """How to learn where registered presences stand: one search a workplace and day with many of them, and the rest to
    be looked at by number.
    """
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
    """All that was registered since a call for its days, at its workplace and for its employer if it had but one."""
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
    """All that was registered for a workplace and day since the first of the group was sent."""
    day = group[0].day
    return SearchCriteria(periods=((day, day),), workplace_id=group[0].item.workplace_id, created_from=_since(group))


def _since(group: Sequence[Due]) -> datetime:
    return datetime.fromtimestamp(min(one.sent_ms for one in group) / 1000, UTC) - CLOCKS_APART


def by_person(one: Due) -> bool:
    """Whether the authority can be asked by the worker's number.

    It cannot search by Limosa number; and a worker who has another national number than the one that was sent would not
    be found under the new one.
    """
    return one.item.inss is not None and one.same_name


def criteria_for(one: Due) -> SearchCriteria:
    """The narrowest question about one presence that surely finds it."""
    item = one.item
    if by_person(one):
        return SearchCriteria(
            periods=((one.day, one.day),),
            inss=item.inss,
            company_id=item.company_id,
            workplace_id=item.workplace_id,
        )
    return _of_place([one])

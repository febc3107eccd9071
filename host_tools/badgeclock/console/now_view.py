"""What the first page shows: by site who is present, who has no number and why, and who has not come; worst first.

A missing number is either pending (sent, or about to be; nobody has to do anything), or stuck (a person has to act).
The two are never counted together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from badgeclock.bridge.presences.attendance import Status
from badgeclock.bridge.presences.today import Person, PlaceToday, Report
from badgeclock.bridge.store.states import PresenceState

SHOWN_MOST: Final = 60
"""The page of all sites shows at most this many people of a group that needs attention; a site's page shows all."""
ROWS_MOST: Final = 240
"""The page of all sites shows at most this many people of the other groups in total, shared evenly."""
SHOWN_LEAST: Final = 5
"""It shows at least this many of each."""
_UNDER_WAY: Final = frozenset({PresenceState.QUEUED, PresenceState.SENT, PresenceState.UNKNOWN})
_STUCK: Final = frozenset({PresenceState.REFUSED, PresenceState.WAITING})
_CAME: Final = frozenset({Status.HERE, Status.BREAK, Status.GONE})


class Group(StrEnum):
    """Somebody's status, in the page's order: what needs attention first."""

    STUCK = "stuck"
    MISSING = "missing"
    UNDER_WAY = "under_way"
    HERE = "here"
    BREAK = "break"
    GONE = "gone"
    LATER = "later"
    ELSEWHERE = "elsewhere"


_NEEDS_SOMEBODY: Final = frozenset({Group.STUCK, Group.MISSING})


class Tone(StrEnum):
    """The worst state among them."""

    GOOD = "good"
    WAITS = "waits"
    BAD = "bad"


_OF_STATUS: Final = {
    Status.HERE: Group.HERE,
    Status.BREAK: Group.BREAK,
    Status.GONE: Group.GONE,
    Status.MISSING: Group.MISSING,
    Status.LATER: Group.LATER,
    Status.ELSEWHERE: Group.ELSEWHERE,
}


@dataclass(frozen=True, slots=True)
class Place:
    """A group of sites on the page."""

    of: PlaceToday
    groups: tuple[tuple[Group, tuple[Person, ...]], ...]

    @property
    def title(self) -> str:
        """The names of its sites."""
        return " + ".join(self.of.sites)

    @property
    def inside(self) -> int:
        """How many people are inside now."""
        return sum(one.status in (Status.HERE, Status.BREAK) for one in self.of.people)

    def count(self, group: Group) -> int:
        """How many have this status."""
        return sum(len(people) for of, people in self.groups if of == group)

    @property
    def tone(self) -> Tone:
        """The worst of its people."""
        if self.count(Group.STUCK):
            return Tone.BAD
        return Tone.WAITS if self.count(Group.MISSING) else Tone.GOOD


@dataclass(frozen=True, slots=True)
class Now:
    """The page."""

    places: tuple[Place, ...]
    to_do: int
    """How many items need attention, of all kinds."""
    shown_of_others: int | None = None
    """How many people are shown of a group that needs no attention; None: all, of every group."""

    def shown(self, group: Group) -> int | None:
        """How many people of a group are shown; None: all."""
        if self.shown_of_others is None:
            return None
        return SHOWN_MOST if group in _NEEDS_SOMEBODY else self.shown_of_others

    def people(self) -> Iterator[Person]:
        """The people that are shown."""
        for place in self.places:
            for group, there in place.groups:
                yield from there[: self.shown(group)]

    @property
    def inside(self) -> int:
        """How many people are inside now, at all places."""
        return sum(place.inside for place in self.places)

    def count(self, group: Group) -> int:
        """How many have this status, at all places."""
        return sum(place.count(group) for place in self.places)

    @property
    def tone(self) -> Tone:
        """The worst state of all places and items."""
        tones = [place.tone for place in self.places]
        if Tone.BAD in tones:
            return Tone.BAD
        return Tone.WAITS if self.to_do or Tone.WAITS in tones else Tone.GOOD


def made(report: Report, to_do: int, rows_most: int | None = None) -> Now:
    """The page of a report; places worst first, then by name. `rows_most`: at most this many people of the groups that
    need no attention; None: all.
    """
    order = [Tone.BAD, Tone.WAITS, Tone.GOOD]
    places = sorted((_place(place) for place in report.places), key=lambda one: (order.index(one.tone), one.title))
    others = [len(people) for place in places for group, people in place.groups if group not in _NEEDS_SOMEBODY]
    return Now(tuple(places), to_do, None if rows_most is None else _even_share(others, rows_most))


def _even_share(sizes: Sequence[int], rows_most: int) -> int:
    """How many of each group are shown, so that all together are at most so many, or SHOWN_LEAST of each."""
    share, left = SHOWN_MOST, rows_most
    for number, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - number)
        left -= min(size, share)
        if size > share:
            break
    return max(SHOWN_LEAST, min(share, SHOWN_MOST))


def group_of(one: Person) -> Group:
    """Somebody's status."""
    states = {declared.state for declared in one.declarations}
    if one.status in _CAME and (states & _STUCK or one.item is not None):
        return Group.STUCK
    if one.status in _CAME and one.number is None:
        return Group.UNDER_WAY if states and states <= _UNDER_WAY else Group.STUCK
    return _OF_STATUS[one.status]


def _place(place: PlaceToday) -> Place:
    people: dict[Group, list[Person]] = {group: [] for group in Group}
    for one in place.people:
        people[group_of(one)].append(one)
    return Place(place, tuple((group, _sorted(found)) for group, found in people.items() if found))


def _sorted(people: Sequence[Person]) -> tuple[Person, ...]:
    return tuple(sorted(people, key=lambda one: (one.worker is None, one.worker or one.item or "")))

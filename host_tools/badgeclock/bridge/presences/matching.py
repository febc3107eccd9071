"""Finds the presence of a punch: an existing one, the shift of the day before, or a new one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.presences import shifts
from badgeclock.bridge.presences.day_book import DayBook, Entry, Key, WorkerDay
from badgeclock.bridge.presences.employment import Holder, employer_on
from badgeclock.bridge.presences.punch_fate import CORRECTED_MS, Fate, Punch, day_wanted, goes_for_sure, shows_its_day
from badgeclock.bridge.presences.regimes import (
    Declared,
    Place,
    Seen,
    Wanted,
)
from badgeclock.bridge.store.states import ENDED, PunchState, Reason


class Met(NamedTuple):
    """The result for a punch: its fate, its presence, and whether that existed before."""

    fate: Fate
    entry: Entry | None = None


def meet(book: DayBook, punches: Sequence[Punch], holders: Sequence[Holder | None], fates: Sequence[Fate]) -> list[Met]:
    """Match each punch: first to existing presences, then, in order of time, those that need a declaration, which may
    depend on the days before.
    """
    met = [Met(fate) for fate in fates]
    calling = [
        (at, punch, holder, fate.wanted)
        for at, (punch, holder, fate) in enumerate(zip(punches, holders, fates, strict=True))
        if fate.wanted is not None and holder is not None
    ]
    book.load((holder.worker_id, wanted.day) for _, _, holder, wanted in calling)
    open_yet = []
    for one in calling:
        at, punch, holder, wanted = one
        entry = find_joined(book, punch, holder, wanted)
        if entry is None or (entry.assumed is not None and goes_for_sure(punch)):
            open_yet.append(one)
        else:
            met[at] = Met(fates[at], entry)
            if entry.assumed is not None and (punch.is_sure or shows_its_day(punch, wanted)):
                book.set_evident(entry)
    days_before = {(holder.worker_id, wanted.earlier) for _, _, holder, wanted in open_yet if wanted.earlier}
    book.load(days_before)
    book.load_passages(days_before)
    week_before = _weeks_before(book, open_yet)
    book.load(week_before)
    book.load_passages(week_before)
    for at, punch, holder, wanted in sorted(open_yet, key=lambda one: one[1].utc_ms):
        entry = find_joined(book, punch, holder, wanted)
        if entry is None or (entry.assumed is not None and goes_for_sure(punch)):
            ended = find_shift_ended(book, punch, holder, wanted)
            if ended is None and entry is not None and shows_its_day(punch, wanted):
                book.set_evident(entry)
            entry = ended or entry
        entry = entry or open_presence(book, punch, holder, wanted)
        met[at] = Met(Fate(PunchState.WAITING, Reason.EMPLOYER)) if entry is None else Met(fates[at], entry)
    for at, entry in _joined_late(book, punches, holders, fates):
        met[at] = Met(Fate(PunchState.DECLARED), entry)
    return met


def _joined_late(
    book: DayBook, punches: Sequence[Punch], holders: Sequence[Holder | None], fates: Sequence[Fate]
) -> Iterator[tuple[int, Entry]]:
    """The punches that arrived too late to be declared and need not be: their worker's day at the place exists. A later
    holder of the badge is not their worker.
    """
    late = [
        (at, punch, holder, wanted)
        for at, (punch, holder, fate) in enumerate(zip(punches, holders, fates, strict=True))
        if fate.reason is Reason.LATE
        and holder is not None
        and holder.since_ms <= punch.utc_ms
        and (wanted := day_wanted(punch)) is not None
    ]
    book.load((holder.worker_id, wanted.day) for _, _, holder, wanted in late)
    days_before = {(holder.worker_id, wanted.earlier) for _, _, holder, wanted in late if wanted.earlier}
    book.load(days_before)
    book.load_passages(days_before)
    for at, punch, holder, wanted in late:
        entry = find_joined(book, punch, holder, wanted) or find_shift_ended(book, punch, holder, wanted)
        if entry is not None and entry.state not in ENDED:
            yield at, entry


def _weeks_before(book: DayBook, calling: Sequence[tuple[int, Punch, Holder, Wanted]]) -> set[WorkerDay]:
    """Load the week before for workers without punches on these days whose direction no key gives: at a site with night
    hours, and movements that their clock only assumes.
    """
    return {
        (holder.worker_id, day)
        for _, punch, holder, wanted in calling
        if _asks_for_the_week(book, punch, holder, wanted)
        for day in _days_lately(wanted.day)
    }


def _asks_for_the_week(book: DayBook, punch: Punch, holder: Holder, wanted: Wanted) -> bool:
    if wanted.earlier is None or punch.is_sure:
        return False
    if wanted.way is None:
        return punch.place.night is not None and not book.day_of(holder.worker_id, wanted.earlier, punch.place)
    days = wanted.day, wanted.earlier
    return punch.is_assumed and book.movement_before(holder.worker_id, days, punch.place, punch.utc_ms) is None


@lru_cache(maxsize=64)
def _days_lately(day: date) -> tuple[date, ...]:
    """The days of the week before a day except the last, newest first."""
    return tuple(day - timedelta(days=back) for back in range(2, shifts.LATELY_DAYS + 1))


def find_joined(book: DayBook, punch: Punch, holder: Holder, wanted: Wanted) -> Entry | None:
    """The presence of its own day that a punch belongs to, if there is one."""
    if wanted.way is None:
        by_badge = _employer_by_badge(holder, punch.place, wanted.day)
        return book.joined(holder.worker_id, wanted.day, punch.place, punch.direction, by_badge)
    key = _movement_key(book, punch, holder, wanted)
    return None if key is None else book.movement(key)


def _employer_by_badge(holder: Holder, place: Place, day: date) -> str | None:
    """The employer that the badge itself chooses on a day at a place."""
    employer = employer_on(holder, place.site_id, day) if holder.engagements else None
    return employer.kbo if employer is not None and employer.by_badge else None


def find_shift_ended(book: DayBook, punch: Punch, holder: Holder, wanted: Wanted) -> Entry | None:
    """The presence of the day before whose shift a punch ends, if it does; also one of a regime that ended then."""
    before = _day_before(book, punch, holder, wanted)
    if not before or wanted.earlier is None or punch.place.declares_on(wanted.earlier) is not Declared.DAY:
        return None
    seen = Seen(punch.direction, punch.is_sure, punch.utc_ms, punch.place)
    for entry in before:
        if shifts.ends_shift(seen, book.passages(entry)):
            book.add_passage(entry, shifts.Passage(punch.utc_ms, punch.direction))
            return entry
    return None


def _day_before(book: DayBook, punch: Punch, holder: Holder, wanted: Wanted) -> list[Entry]:
    """The worker's presences of the day before at the place: valid ones, and those of the badge's employer, first;
    among them the last punched one first.
    """
    found = [] if wanted.earlier is None else book.day_of(holder.worker_id, wanted.earlier, punch.place)
    if wanted.earlier is None or len(found) < 2:
        return found
    by_badge = _employer_by_badge(holder, punch.place, wanted.earlier)

    def rank(entry: Entry) -> tuple[bool, bool, int]:
        passages = book.passages(entry)
        newest_ms = passages[-1].utc_ms if passages else 0
        return entry.state not in ENDED, entry.key.employer_kbo == by_badge, newest_ms

    return sorted(found, key=rank, reverse=True)


def open_presence(book: DayBook, punch: Punch, holder: Holder, wanted: Wanted) -> Entry | None:
    """A new presence for a punch; None if its employer is ambiguous."""
    place = punch.place
    if wanted.way is not None:
        return _opened_movement(book, punch, holder, wanted, wanted.way)
    employer = employer_on(holder, place.site_id, wanted.day)
    if employer is None:
        return None
    before = _day_before(book, punch, holder, wanted)
    passages = book.passages(*before) if before else []
    seen = Seen(punch.direction, punch.is_sure, punch.utc_ms, place)
    key = Key(holder.worker_id, employer.kbo, place.workplace, wanted.day)
    lately = before[0] if passages else _newest_shift(book, punch, holder, wanted)
    newest = None if lately is None else shifts.Lately(book.passages(lately), not lately.was_assumed)
    return book.open(key, place.site_id, shifts.assumed(seen, passages, newest))


def _opened_movement(book: DayBook, punch: Punch, holder: Holder, wanted: Wanted, way: Way) -> Entry | None:
    key = _movement_key(book, punch, holder, wanted)
    if key is None:
        return None
    worker_id, place, utc_ms = holder.worker_id, punch.place, punch.utc_ms
    days = [wanted.day, *([] if wanted.earlier is None else (wanted.earlier, *_days_lately(wanted.day)))]
    before = book.movement_before(worker_id, days, place, utc_ms)
    move = None
    if before is not None:
        move = shifts.Move(before.key.moment_ms, Way(before.key.way))
        is_right_after = utc_ms - move.utc_ms <= CORRECTED_MS and punch.is_sure and way is not move.way
        if is_right_after and before.assumed is shifts.Assumed.WAY:
            book.set_corrected(before)
    seen = Seen(punch.direction, punch.is_sure, utc_ms, place)
    why = shifts.assumed_way(way, seen, move, clock_assumes=punch.is_assumed)
    if way is Way.OUT and book.coming_before(worker_id, days, place, utc_ms) is None:
        why = shifts.Assumed.NO_IN
    return book.open(key, place.site_id, why)


def _newest_shift(book: DayBook, punch: Punch, holder: Holder, wanted: Wanted) -> Entry | None:
    """The newest loaded shift of the week before the day before."""
    for day in _days_lately(wanted.day):
        found = book.day_of(holder.worker_id, day, punch.place)
        if found:
            return found[-1]
    return None


def _coming(book: DayBook, punch: Punch, holder: Holder, wanted: Wanted) -> Entry | None:
    """The movement in that a movement out belongs to."""
    if wanted.way is not Way.OUT:
        return None
    days = [wanted.day] if wanted.earlier is None else [wanted.day, wanted.earlier]
    return book.coming_before(holder.worker_id, days, punch.place, punch.utc_ms)


def _movement_key(book: DayBook, punch: Punch, holder: Holder, wanted: Wanted) -> Key | None:
    """The movement of a punch: an OUT is declared like its IN, even if the office has changed data since."""
    assert wanted.way is not None
    place, worker_id, moment_ms = punch.place, holder.worker_id, punch.utc_ms
    coming = _coming(book, punch, holder, wanted)
    if coming is not None and bool(coming.key.employer_kbo) == bool(holder.employer_kbo):
        return coming.key._replace(day=wanted.day, moment_ms=moment_ms, way=wanted.way)
    employer = employer_on(holder, place.site_id, wanted.day)
    return employer and Key(worker_id, employer.kbo, place.workplace, wanted.day, moment_ms, wanted.way)

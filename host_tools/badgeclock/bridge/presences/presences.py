"""From punches to presences: who was where, what is declared of it, and what a person must decide.

What a punch calls for is the regime's matter (`regimes`, `shifts`); here it meets the store: whose badge it was
(`employment`), which presence there is already, which must be opened (`day_book`). Groups of thousands are decided in a
few statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Connection, Select, bindparam, select, tuple_, update

from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.downlink import receipts
from badgeclock.bridge.downlink.receipts import NewReceipt
from badgeclock.bridge.presences import punch_receipts, regimes, shifts
from badgeclock.bridge.presences.day_book import DayBook, Entry, Key, WorkerDay
from badgeclock.bridge.presences.employment import Engagement, Holder, employer_on
from badgeclock.bridge.presences.regimes import (
    CLOCK_AHEAD_MS,
    COMING,
    PLACE_COLUMNS,
    QUARTER_MS,
    RULES,
    Declared,
    Place,
    Seen,
    Wanted,
    day_ahead,
    day_is_over,
    employer_declared,
    is_ahead,
    local_day,
    movement_too_late,
)
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.database import chunks, insert_rows
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import ENDED, ClockState, IdentityKind, PunchState, Reason
from badgeclock.protocol import record as records
from badgeclock.protocol.frames import ReceiptState
from badgeclock.protocol.record import Direction, Origin

_NAMED: Final = 5
"""Up to so many presences of one group that are assumed have an event each; more of them share one."""
SURE: Final = frozenset({Origin.KEY, Origin.CLOCK})
"""Where a direction comes from that does not hang on what a clock remembers of the badge."""
CORRECTED_MS: Final = 15_000
"""So soon after a punch whose direction was assumed, a key's other direction for the same badge puts that right
(docs/protocol.md §2): three seconds to see it, ten that a key waits for its badge, two of margin."""


class Punch(NamedTuple):
    """A punch as the clock kept it, and what the store knows of the clock. `utc_ms` is 0 if the clock had no time;
    `bound` is the encoded bound of its error; `is_sure` whether a key, or the clock's own direction, says the way;
    `is_assumed` whether the clock itself only assumes it.
    """

    clock_id: int
    clock_state: ClockState
    seq: int
    place: Place
    token: bytes
    direction: Direction
    is_sure: bool
    utc_ms: int
    bound: int
    sealed: bool
    duplicate: bool
    received_ms: int
    is_assumed: bool = False


class Fate(NamedTuple):
    """What is to become of a punch: `wanted` is set if it calls for something that can be declared."""

    state: PunchState
    reason: Reason | None = None
    wanted: Wanted | None = None


_IS_ASSUMED: Final = attrgetter("is_assumed")
_Decision = tuple[str, int | None, int | None, str | None]
_BY_DAY: Final = frozenset(regime for regime, rule in RULES.items() if rule.declared is Declared.DAY)
_DECIDED: Final = ("state", "worker_id", "presence_id", "reason")


def fate_of(punch: Punch, holder: Holder | None, now_ms: int) -> Fate:
    """What is to become of a punch that is seen at `now_ms`; looks at nothing but its arguments."""
    if not punch.sealed:
        return Fate(PunchState.INVALID)
    if punch.duplicate:
        return Fate(PunchState.DUPLICATE)
    if holder is None:
        return Fate(PunchState.UNASSIGNED)
    if punch.clock_state is ClockState.QUARANTINED:
        return Fate(PunchState.WAITING, Reason.QUARANTINE)
    if not punch.utc_ms:
        return Fate(PunchState.WAITING, Reason.NO_TIME)
    if is_ahead(punch.utc_ms, now_ms):
        return _fate_ahead(punch, now_ms)
    fate = _fate_of_day(punch.place, punch.direction, punch.is_sure, punch.utc_ms // QUARTER_MS, now_ms // QUARTER_MS)
    if fate.wanted is not None and fate.wanted.way is not None and movement_too_late(punch.utc_ms, now_ms):
        return Fate(PunchState.WAITING, Reason.LATE)
    return fate


def _fate_ahead(punch: Punch, now_ms: int) -> Fate:
    """Of a punch whose clock runs ahead: its day may be known all the same, the moment of a movement is not."""
    day = day_ahead(punch.utc_ms, records.bound_decode(punch.bound), now_ms, punch.place.time_zone)
    if day is None or punch.place.declares_on(day) is not Declared.DAY:
        return Fate(PunchState.WAITING, Reason.FUTURE)
    return _fate_of_day(punch.place, punch.direction, punch.is_sure, now_ms // QUARTER_MS, now_ms // QUARTER_MS)


@lru_cache(maxsize=4096)
def _fate_of_day(place: Place, direction: Direction, is_sure: bool, quarter: int, now_quarter: int) -> Fate:  # noqa: FBT001 - of a punch
    """The fate of all punches alike within a quarter of an hour, the step in which days begin (`regimes.local_day`)."""
    utc_ms, now_ms = quarter * QUARTER_MS, now_quarter * QUARTER_MS
    wanted = regimes.wanted(Seen(direction, is_sure, utc_ms, place))
    if isinstance(wanted, Reason):
        return Fate(PunchState.WAITING, wanted)
    if day_is_over(local_day(utc_ms, place.time_zone), now_ms, place.time_zone):
        return Fate(PunchState.WAITING, Reason.LATE)
    return Fate(PunchState.DECLARED, wanted=wanted)


def accept(connection: Connection, punches: Sequence[Punch], now_ms: int) -> int:
    """Store new punches, open the presences they call for, write the receipts there are; all in this transaction.

    Returns how many presences were queued.
    """
    settled, queued = _settle(connection, punches, now_ms)
    columns: tuple[str, ...] = ("clock_id", "seq", "site_id", "token", "direction", "utc_ms", "received_ms", *_DECIDED)
    rows = _rows(punches, settled)
    if not any(reason for *_, reason in settled):
        columns, rows = columns[:-1], (row[:-1] for row in rows)  # what is left out is NULL
    insert_rows(connection, schema.punches, columns, rows)
    return queued


def _rows(punches: Sequence[Punch], settled: Sequence[_Decision]) -> Iterator[tuple[Any, ...]]:
    for punch, decision in zip(punches, settled, strict=True):
        clock_id, _, seq, place, token, direction, _, utc_ms, _, _, _, received_ms, _ = punch
        yield clock_id, seq, place[0], bytearray(token), int(direction), utc_ms, received_ms, *decision


def join_tokens(connection: Connection, site_id: int, earlier: Sequence[bytes], token: bytes) -> None:
    """Let punches that nobody was given, under earlier tokens of a badge, be those of the token that it has now."""
    table = schema.punches
    waiting = (table.c.site_id == site_id) & table.c.token.in_(earlier) & (table.c.state == PunchState.UNASSIGNED)
    if earlier:
        connection.execute(update(table).where(waiting, table.c.presence_id.is_(None)).values(token=token))


def reconsider_badge(connection: Connection, site_id: int, token: bytes, now_ms: int) -> int:
    """Look again at the punches of a badge that nobody had been given; returns how many presences were queued."""
    table = schema.punches
    return _reconsider(
        connection,
        (table.c.site_id == site_id) & (table.c.token == token) & (table.c.state == PunchState.UNASSIGNED),
        now_ms,
    )


def reconsider_clock(connection: Connection, clock_id: int, now_ms: int) -> int:
    """Look again at what waited for the end of a clock's quarantine; returns how many presences were queued."""
    table = schema.punches
    return _reconsider(
        connection,
        (table.c.clock_id == clock_id) & (table.c.state == PunchState.WAITING) & (table.c.reason == Reason.QUARANTINE),
        now_ms,
    )


def _reconsider(connection: Connection, which: Any, now_ms: int) -> int:
    table = schema.punches
    rows = connection.execute(
        waiting_punches().where(which, table.c.presence_id.is_(None)).order_by(table.c.utc_ms, table.c.id)
    ).all()
    if not rows:
        return 0
    settled, queued = _settle(connection, [punch_of(row) for row in rows], now_ms)
    change = update(table).where(table.c.id == bindparam("at")).values({name: bindparam(name) for name in _DECIDED})
    connection.execute(
        change,
        [
            {"at": row.id, **dict(zip(_DECIDED, columns, strict=True))}
            for row, columns in zip(rows, settled, strict=True)
        ],
    )
    return queued


def waiting_punches() -> Any:
    """A select of stored punches with what `punch_of` needs: their clock's state, their place, their record."""
    table, clocks, sites, kept = schema.punches, schema.clocks, schema.sites, schema.records
    place = (sites.c[name] for name in PLACE_COLUMNS)
    return (
        select(table, clocks.c.state.label("clock_state"), kept.c.raw, *place)
        .join(clocks, clocks.c.id == table.c.clock_id)
        .join(sites, sites.c.id == table.c.site_id)
        .outerjoin(kept, (kept.c.clock_id == table.c.clock_id) & (kept.c.seq == table.c.seq))
    )


def punch_of(row: Any) -> Punch:
    """A stored punch as it came in. What is unsealed or a duplicate is never looked at again."""
    record = None if row.raw is None else records.unpack(row.raw)
    return Punch(
        clock_id=row.clock_id,
        clock_state=ClockState(row.clock_state),
        seq=row.seq,
        place=Place.of(row),
        token=row.token,
        direction=Direction(row.direction),
        is_sure=record is not None and record.origin in SURE,
        utc_ms=row.utc_ms,
        bound=records.BOUND_NONE if record is None else record.bound,
        sealed=True,
        duplicate=False,
        received_ms=row.received_ms,
        is_assumed=record is not None and record.origin is Origin.ASSUMED,
    )


class _Met(NamedTuple):
    """What became of a punch: its fate, its presence, and whether that was there before."""

    fate: Fate
    entry: Entry | None = None


def declare(connection: Connection, punch: Punch, holder: Holder, wanted: Wanted, now_ms: int) -> int | None:
    """The presence that a punch belongs to by a person's word, which says its direction: the one that is there, or one
    that is opened. Returns its row; None if it is ambiguous which employer is to declare it.
    """
    book = DayBook(connection)
    book.load((holder.worker_id, day) for day in (wanted.day, wanted.earlier) if day is not None)
    entry = _joined(book, punch, holder, wanted) or _opened(book, punch, holder, wanted)
    if entry is None:
        return None
    opened = book.write(now_ms)
    if opened:
        table = schema.presences
        values = {"decided_ms": now_ms, "assumed": None}
        connection.execute(update(table).where(table.c.id == entry.id).values(values))
    return entry.id


def _settle(connection: Connection, punches: Sequence[Punch], now_ms: int) -> tuple[list[_Decision], int]:
    """The deciding columns of each punch, after opening presences and writing receipts; and how many were opened."""
    kinds, kind_of = _alike(as_corrected(punches), now_ms)
    holders = _holders(connection, kinds)
    held = [holders.get((punch.place.site_id, punch.token)) for punch in kinds]
    fates = [fate_of(punch, holder, now_ms) for punch, holder in zip(kinds, held, strict=True)]
    book = DayBook(connection)
    met = _meet(book, kinds, held, fates)
    opened = book.write(now_ms)
    _keep_evident(connection, book.evident, now_ms)
    _keep_corrected(connection, book.corrected)
    _note_assumed(connection, [*opened, *book.corrected], now_ms)
    _note_for_person(connection, kinds, held, met, now_ms)
    decisions: list[_Decision] = []
    contents: list[punch_receipts.Content | None] = []
    for punch, holder, (fate, entry) in zip(kinds, held, met, strict=True):
        decisions.append(
            (
                fate.state.value,
                holder.worker_id if holder else None,
                entry.id if entry else None,
                fate.reason.value if fate.reason else None,
            )
        )
        contents.append(_receipt(punch, fate, entry))
    issued = [
        NewReceipt(punch.clock_id, punch.seq, *receipt)
        for punch, kind in zip(punches, kind_of, strict=True)
        if (receipt := contents[kind]) is not None
    ]
    receipts.issue(connection, issued, now_ms)
    return [decisions[kind] for kind in kind_of], len(opened)


def as_corrected(punches: Sequence[Punch]) -> Sequence[Punch]:
    """The same punches, each whose direction was assumed and put right at once as the one that put it right: both are
    the same passage.
    """
    if not any(map(_IS_ASSUMED, punches)):
        return punches
    meant = list(punches)
    assumed: dict[tuple[int, bytes], int] = {}
    for at, punch in enumerate(punches):
        of = punch.clock_id, punch.token
        if punch.is_assumed:
            assumed[of] = at
        elif punch.is_sure and of in assumed:
            before = assumed.pop(of)
            if _puts_right(punch, punches[before]):
                meant[before] = punch
    return meant


def _puts_right(punch: Punch, before: Punch) -> bool:
    both_count = punch.sealed and before.sealed and not (punch.duplicate or before.duplicate)
    is_at_once = bool(before.utc_ms) and 0 <= punch.utc_ms - before.utc_ms <= CORRECTED_MS
    return both_count and is_at_once and punch.direction is not before.direction


def _alike(punches: Sequence[Punch], now_ms: int) -> tuple[list[Punch], list[int]]:
    """One punch of each kind of which all have the same fate and presence, and for each punch its kind's place.

    A backlog has many such: whoever badges twice within a quarter of an hour, the step in which days begin, is on the
    site once. A movement has a moment of its own.
    """
    kinds: list[Punch] = []
    numbers: dict[tuple[Any, ...], int] = {}
    kind_of: list[int] = []
    ahead_ms, last, by_day = now_ms + CLOCK_AHEAD_MS, None, False
    for punch in punches:
        _, clock_state, _, place, token, direction, is_sure, utc_ms, _, sealed, duplicate, _, _ = punch
        if place is not last:  # one clock's punches are together
            last, by_day = place, place.regime in _BY_DAY and place.next_regime is None
        moment = utc_ms // QUARTER_MS if by_day and 0 < utc_ms <= ahead_ms else -utc_ms
        alike = (place[0], token, direction, is_sure, moment, clock_state, sealed, duplicate)
        kind = numbers.setdefault(alike, len(kinds))
        if kind == len(kinds):
            kinds.append(punch)
        kind_of.append(kind)
    return kinds, kind_of


def _meet(
    book: DayBook, punches: Sequence[Punch], holders: Sequence[Holder | None], fates: Sequence[Fate]
) -> list[_Met]:
    """What each punch belongs to: at first what is there already, and then, by their moments, those that call for
    something, which the days before may have to do with.
    """
    met = [_Met(fate) for fate in fates]
    calling = [
        (at, punch, holder, fate.wanted)
        for at, (punch, holder, fate) in enumerate(zip(punches, holders, fates, strict=True))
        if fate.wanted is not None and holder is not None
    ]
    book.load((holder.worker_id, wanted.day) for _, _, holder, wanted in calling)
    open_yet = []
    for one in calling:
        at, punch, holder, wanted = one
        entry = _joined(book, punch, holder, wanted)
        if entry is None or (entry.assumed is not None and _goes_for_sure(punch)):
            open_yet.append(one)
        else:
            met[at] = _Met(fates[at], entry)
            if entry.assumed is not None and (punch.is_sure or _shows_its_day(punch, wanted)):
                book.set_evident(entry)
    days_before = {(holder.worker_id, wanted.earlier) for _, _, holder, wanted in open_yet if wanted.earlier}
    book.load(days_before)
    book.load_passages(days_before)
    week_before = _weeks_before(book, open_yet)
    book.load(week_before)
    book.load_passages(week_before)
    for at, punch, holder, wanted in sorted(open_yet, key=lambda one: one[1].utc_ms):
        entry = _joined(book, punch, holder, wanted)
        if entry is None or (entry.assumed is not None and _goes_for_sure(punch)):
            ended = _shift_ended(book, punch, holder, wanted)
            if ended is None and entry is not None and _shows_its_day(punch, wanted):
                book.set_evident(entry)
            entry = ended or entry
        entry = entry or _opened(book, punch, holder, wanted)
        met[at] = _Met(Fate(PunchState.WAITING, Reason.EMPLOYER)) if entry is None else _Met(fates[at], entry)
    for at, entry in _joined_late(book, punches, holders, fates):
        met[at] = _Met(Fate(PunchState.DECLARED), entry)
    return met


def _joined_late(
    book: DayBook, punches: Sequence[Punch], holders: Sequence[Holder | None], fates: Sequence[Fate]
) -> Iterator[tuple[int, Entry]]:
    """The punches that came too late to be declared and need not be: their worker's day at the place is there. Whoever
    has the badge since is not their worker.
    """
    late = [
        (at, punch, holder, wanted)
        for at, (punch, holder, fate) in enumerate(zip(punches, holders, fates, strict=True))
        if fate.reason is Reason.LATE
        and holder is not None
        and holder.since_ms <= punch.utc_ms
        and (wanted := _day_wanted(punch)) is not None
    ]
    book.load((holder.worker_id, wanted.day) for _, _, holder, wanted in late)
    days_before = {(holder.worker_id, wanted.earlier) for _, _, holder, wanted in late if wanted.earlier}
    book.load(days_before)
    book.load_passages(days_before)
    for at, punch, holder, wanted in late:
        entry = _joined(book, punch, holder, wanted) or _shift_ended(book, punch, holder, wanted)
        if entry is not None and entry.state not in ENDED:
            yield at, entry


def _day_wanted(punch: Punch) -> Wanted | None:
    """What a punch calls for, if that is a day."""
    wanted = regimes.wanted(Seen(punch.direction, punch.is_sure, punch.utc_ms, punch.place))
    return wanted if isinstance(wanted, Wanted) and wanted.way is None else None


def day_there(connection: Connection, punch: Punch, holder: Holder, wanted: Wanted) -> int | None:
    """The presence of a day that a punch belongs to, if it is there already: nothing of it is left to be declared."""
    book = DayBook(connection)
    days = [(holder.worker_id, day) for day in (wanted.day, wanted.earlier) if day is not None]
    book.load(days)
    book.load_passages(days)
    entry = _joined(book, punch, holder, wanted) or _shift_ended(book, punch, holder, wanted)
    return None if entry is None or entry.state in ENDED else entry.id


def _shows_its_day(punch: Punch, wanted: Wanted) -> bool:
    """Whether a punch makes evident that its worker was there on its own day."""
    return wanted.way is None and shifts.is_of_its_day(Seen(punch.direction, punch.is_sure, punch.utc_ms, punch.place))


def _goes_for_sure(punch: Punch) -> bool:
    """Whether a key says that somebody goes, who may have been taken for coming."""
    return punch.is_sure and punch.direction not in COMING


def _weeks_before(book: DayBook, calling: Sequence[tuple[int, Punch, Holder, Wanted]]) -> set[WorkerDay]:
    """The week before those of whom nothing is known of these days, and whose way no key says: who come to a site with
    night hours, and whose movement its clock only assumes.
    """
    return {
        (holder.worker_id, day)
        for _, punch, holder, wanted in calling
        if _asks_for_the_week(book, punch, holder, wanted)
        for day in _days_lately(wanted)
    }


def _asks_for_the_week(book: DayBook, punch: Punch, holder: Holder, wanted: Wanted) -> bool:
    if wanted.earlier is None or punch.is_sure:
        return False
    if wanted.way is None:
        return punch.place.night is not None and not book.day_of(holder.worker_id, wanted.earlier, punch.place)
    days = wanted.day, wanted.earlier
    return punch.is_assumed and book.movement_before(holder.worker_id, days, punch.place, punch.utc_ms) is None


def _days_lately(wanted: Wanted) -> list[date]:
    """The days of the week before a punch but the last one, newest first."""
    return [wanted.day - timedelta(days=back) for back in range(2, shifts.LATELY_DAYS + 1)]


def _joined(book: DayBook, punch: Punch, holder: Holder, wanted: Wanted) -> Entry | None:
    """The presence of its own day that a punch belongs to, if there is one."""
    if wanted.way is None:
        employer = employer_on(holder, punch.place.site_id, wanted.day)
        by_badge = employer.kbo if employer is not None and employer.by_badge else None
        return book.joined(holder.worker_id, wanted.day, punch.place, punch.direction, by_badge)
    key = _movement_key(book, punch, holder, wanted)
    return None if key is None else book.movement(key)


def _shift_ended(book: DayBook, punch: Punch, holder: Holder, wanted: Wanted) -> Entry | None:
    """The presence of the day before whose shift a punch ends, if it does; also that of a regime which ended then."""
    if wanted.earlier is None or punch.place.declares_on(wanted.earlier) is not Declared.DAY:
        return None
    seen = Seen(punch.direction, punch.is_sure, punch.utc_ms, punch.place)
    for entry in _day_before(book, punch, holder, wanted):
        if shifts.ends_shift(seen, book.passages(entry)):
            book.add_passage(entry, shifts.Passage(punch.utc_ms, punch.direction))
            return entry
    return None


def _day_before(book: DayBook, punch: Punch, holder: Holder, wanted: Wanted) -> list[Entry]:
    """The worker's presences of the day before at the place: those that stand, and of the badge's employer, first, and
    of them the one that was punched last.
    """
    found = [] if wanted.earlier is None else book.day_of(holder.worker_id, wanted.earlier, punch.place)
    if wanted.earlier is None or len(found) < 2:
        return found
    employer = employer_on(holder, punch.place.site_id, wanted.earlier)
    by_badge = employer.kbo if employer is not None and employer.by_badge else None

    def rank(entry: Entry) -> tuple[bool, bool, int]:
        passages = book.passages(entry)
        newest_ms = passages[-1].utc_ms if passages else 0
        return entry.state not in ENDED, entry.key.employer_kbo == by_badge, newest_ms

    return sorted(found, key=rank, reverse=True)


def _opened(book: DayBook, punch: Punch, holder: Holder, wanted: Wanted) -> Entry | None:
    """A presence for what a punch calls for; None if it is ambiguous which employer is to declare it."""
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
    days = [wanted.day, *([] if wanted.earlier is None else (wanted.earlier, *_days_lately(wanted)))]
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
    """The newest shift of the week before the day before, as far as it was loaded."""
    for day in _days_lately(wanted):
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
    """Which movement a punch is: a going is declared as its coming was, whatever the office changed meanwhile."""
    assert wanted.way is not None
    place, worker_id, moment_ms = punch.place, holder.worker_id, punch.utc_ms
    coming = _coming(book, punch, holder, wanted)
    if coming is not None and bool(coming.key.employer_kbo) == bool(holder.employer_kbo):
        return coming.key._replace(day=wanted.day, moment_ms=moment_ms, way=wanted.way)
    employer = employer_on(holder, place.site_id, wanted.day)
    return employer and Key(worker_id, employer.kbo, place.workplace, wanted.day, moment_ms, wanted.way)


def _receipt(punch: Punch, fate: Fate, entry: Entry | None) -> punch_receipts.Content | None:
    if entry is not None:
        day = local_day(punch.utc_ms, punch.place.time_zone)
        return punch_receipts.joined(entry.state, entry.error_code, entry.reception_number, entry.key, day)
    if fate.state is PunchState.UNASSIGNED:
        return ReceiptState.UNKNOWN_BADGE, 0, 0
    if fate.state in (PunchState.WAITING, PunchState.INVALID):
        return ReceiptState.OPERATOR, 0, 0
    return None


def _select_holders(token: Column[bytes]) -> Select[Any]:
    badges, workers, employers, engaged = schema.badges, schema.workers, schema.employers, schema.engagements
    return (
        select(
            badges.c.site_id,
            token,
            badges.c.worker_id,
            workers.c.identity_kind,
            employers.c.kbo,
            badges.c.since_ms,
            badges.c.engagement_id,
            select(engaged.c.id).where(engaged.c.worker_id == badges.c.worker_id).exists(),
        )
        .join(workers, workers.c.id == badges.c.worker_id)
        .outerjoin(employers, employers.c.id == workers.c.employer_id)
    )


_HOLDERS: Final = _select_holders(schema.badges.c.token)
_HOLDERS_BEFORE: Final = _select_holders(schema.badges.c.token_before)
"""By the token that clocks make which do not have the site's last key yet."""


def _holders(connection: Connection, punches: Sequence[Punch]) -> dict[tuple[int, bytes], Holder]:
    badges = schema.badges
    found: dict[tuple[int, bytes], Holder] = {}
    several: dict[tuple[int, bytes], int | None] = {}
    wanted = {(punch.place.site_id, punch.token) for punch in punches}
    for holders, of in ((_HOLDERS, badges.c.token), (_HOLDERS_BEFORE, badges.c.token_before)):
        for some in chunks(wanted - found.keys()):
            rows = connection.execute(
                holders.where(badges.c.until_ms.is_(None), tuple_(badges.c.site_id, of).in_(some))
            )
            for site_id, token, worker_id, kind, kbo, since_ms, badge_for, is_engaged in rows:
                employer_kbo = employer_declared(IdentityKind(kind), kbo)
                found[site_id, token] = Holder(worker_id, employer_kbo, since_ms=since_ms)
                if is_engaged and kind == IdentityKind.NISS:
                    several[site_id, token] = badge_for
    of_worker = engagements_of(connection, {found[at].worker_id for at in several})
    for at, badge_for in several.items():
        found[at] = found[at]._replace(engagements=of_worker[found[at].worker_id], badge_for=badge_for)
    return found


def engagements_of(connection: Connection, worker_ids: Iterable[int]) -> dict[int, tuple[Engagement, ...]]:
    """The engagements of workers, each worker's in the order in which they were made."""
    table, employers = schema.engagements, schema.employers
    statement = (
        select(table, employers.c.kbo).join(employers, employers.c.id == table.c.employer_id).order_by(table.c.id)
    )
    found: dict[int, tuple[Engagement, ...]] = dict.fromkeys(worker_ids, ())
    for some in chunks(list(found)):
        for row in connection.execute(statement.where(table.c.worker_id.in_(some))):
            one = Engagement(row.id, row.kbo, row.from_day, row.to_day, frozenset(row.site_ids))
            found[row.worker_id] += (one,)
    return found


def holder_of(connection: Connection, worker_id: int, identity_kind: str, kbo: str | None) -> Holder:
    """The same for a worker whom a person names: no badge chooses."""
    kind = IdentityKind(identity_kind)
    engaged = engagements_of(connection, [worker_id])[worker_id] if kind is IdentityKind.NISS else ()
    return Holder(worker_id, employer_declared(kind, kbo), engaged)


def _keep_evident(connection: Connection, presence_ids: Sequence[int], now_ms: int) -> None:
    """Whoever came by key was there: what was assumed is no question any more."""
    table = schema.presences
    for some in chunks(presence_ids):
        connection.execute(update(table).where(table.c.id.in_(some), table.c.kept_ms.is_(None)).values(kept_ms=now_ms))


def _keep_corrected(connection: Connection, entries: Sequence[Entry]) -> None:
    """Whose way a key has put right since: that is a question until a person has decided it."""
    table = schema.presences
    for some in chunks([entry.id for entry in entries]):
        values = {"assumed": shifts.Assumed.CORRECTED, "kept_ms": None}
        connection.execute(update(table).where(table.c.id.in_(some)).values(values))


def _note_assumed(connection: Connection, opened: Sequence[Entry], now_ms: int) -> None:
    """An event for each presence that is not evident: whoever was not there can be cancelled until midnight."""
    assumed = {entry.id: entry for entry in opened if entry.assumed is not None}
    if not assumed:
        return
    table, workers, sites = schema.presences, schema.workers, schema.sites
    statement = (
        select(table.c.id, table.c.reference, workers.c.reference.label("worker"), sites.c.name.label("site"))
        .join(workers, workers.c.id == table.c.worker_id)
        .join(sites, sites.c.id == table.c.site_id)
        .order_by(table.c.id)
    )
    rows = [row for some in chunks(assumed) for row in connection.execute(statement.where(table.c.id.in_(some)))]
    texts = [
        f"presence {row.reference} of {row.worker} at {row.site} is assumed: {_why(assumed[row.id])}" for row in rows
    ]
    if len(texts) > _NAMED:
        texts = [
            f"{len(rows)} presences are assumed, {rows[0].reference} and others: see `badgeclock bridge presence list`"
        ]
    kind = event_log.Kind.PRESENCE_ASSUMED
    event_log.write(connection, [Event(Severity.WARNING, kind, text) for text in texts], now_ms)


def _why(entry: Entry) -> str:
    if entry.key.way and entry.assumed is shifts.Assumed.NO_IN:
        return "a going, and no coming before it within the longest shift; if it is wrong, correct it today"
    return _WHY_ASSUMED[entry.assumed].format(way="a coming" if entry.key.way == Way.IN else "a going")


_WHY_ASSUMED: Final[Mapping[shifts.Assumed | None, str]] = {
    shifts.Assumed.OPEN_SHIFT: "its punch may be the end of the day before's shift; if it is, cancel it today",
    shifts.Assumed.NO_IN: "its punch may be the end of a shift of which there is no other; if it is, cancel it today",
    shifts.Assumed.WAY: "no key says that it is {way}, nor does the movement before; if it is not, correct it today",
    shifts.Assumed.CORRECTED: "{way}, but right after it a key said the other way; if it was none, cancel it today",
}


def _note_for_person(
    connection: Connection, punches: Sequence[Punch], holders: Sequence[Holder | None], met: Sequence[_Met], now_ms: int
) -> None:
    """An event for each badge that nobody was given, and for each worker whose punch waits for a person; of many one
    for all. That a clock is under quarantine, or seals no more, its own events say.
    """
    unknown: dict[tuple[int, str], None] = {}
    waiting: dict[tuple[int, int, Reason], None] = {}
    for punch, holder, (fate, _) in zip(punches, holders, met, strict=True):
        if fate.state is PunchState.UNASSIGNED:
            unknown[punch.clock_id, code_of(punch.token)] = None
        elif holder is not None and fate.reason is not None and fate.reason in _WHY_WAITS:
            waiting[punch.clock_id, holder.worker_id, fate.reason] = None
    if not unknown and not waiting:
        return
    clocks, workers, sites = schema.clocks, schema.workers, schema.sites
    at: dict[int, tuple[str, str]] = {}
    for some in chunks({clock_id for clock_id, _ in unknown} | {clock_id for clock_id, *_ in waiting}):
        rows = connection.execute(
            select(clocks.c.id, clocks.c.name, sites.c.name.label("site"))
            .join(sites, sites.c.id == clocks.c.site_id)
            .where(clocks.c.id.in_(some))
        )
        at.update({row.id: (row.name, row.site) for row in rows})
    names: dict[int, str] = {}
    for some in chunks({worker_id for _, worker_id, _ in waiting}):
        named = select(workers.c.id, workers.c.reference).where(workers.c.id.in_(some))
        names.update({row.id: row.reference for row in connection.execute(named)})
    happened = _for_person(
        event_log.Kind.BADGE_UNKNOWN,
        [(at[clock_id], f"nobody was given the badge with the code {code}") for clock_id, code in unknown],
        "badges are unknown",
    )
    for reason in dict.fromkeys(reason for *_, reason in waiting):
        happened += _for_person(
            event_log.Kind.PRESENCE_WAITS,
            [
                (at[clock_id], f"a punch of {names[worker_id]} waits: {_WHY_WAITS[reason]}")
                for clock_id, worker_id, of in waiting
                if of is reason
            ],
            f"workers' punches wait: {_WHY_WAITS[reason]}",
        )
    event_log.write(connection, happened, now_ms)


def _for_person(kind: event_log.Kind, found: Sequence[tuple[tuple[str, str], str]], many: str) -> list[Event]:
    """Events about clocks (each with its name and its site): one each, or one for all if they are many."""
    if len(found) > _NAMED:
        sites = sorted({site for (_, site), _ in found})
        where = sites[0] if len(sites) == 1 else f"{sites[0]} and {len(sites) - 1} sites more"
        return [Event(Severity.WARNING, kind, f"{len(found)} {many}, at {where}: see `badgeclock bridge attention`")]
    return [Event(Severity.WARNING, kind, f"{what}, at {site}", clock) for (clock, site), what in found]


def code_of(token: bytes) -> str:
    """What a clock's display shows of a badge that nobody was given, for its worker to say to the office."""
    return token[:2].hex().upper()


_WHY_WAITS: Final[Mapping[Reason, str]] = {
    Reason.LATE: "it came too late to be declared",
    Reason.FUTURE: "its clock's time is ahead",
    Reason.NO_TIME: "its clock had no time",
    Reason.EMPLOYER: "it is not clear which employer it is for",
    Reason.NO_DIRECTION: "it says neither coming nor going",
}

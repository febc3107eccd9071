"""The list of everything that needs attention, oldest first, and the count of each reason.

`reasons.NEEDS` lists the reasons and what to do. Command line, reading interface and metrics all use this module. A
badge that is not assigned is one row, however often it punched; so are events of one kind about one thing.

Nothing here shows a badge, a token or a national number: workers are shown by the office's own reference, an unknown
badge by the code that its worker reads on the clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select, text, update

from badgeclock.authorities.base import BELGIUM
from badgeclock.bridge.attention.reasons import CLOCK, EVENT_NEEDS, ITEM, NEEDS, NUMBER, Need
from badgeclock.bridge.clocks import registry
from badgeclock.bridge.clocks.health import TO_DO, Standing
from badgeclock.bridge.errors import PresenceError
from badgeclock.bridge.presences.presence_events import code_of
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.bridge.registrar import filings
from badgeclock.bridge.registrar.decisions import Decision, checked
from badgeclock.bridge.registrar.replacements import lock_presence
from badgeclock.bridge.store import audit_log, event_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import ENDED, ClockState, PresenceState, PunchState, Reason
from badgeclock.protocol.record import Direction

REMARKS_DAYS: Final = 30
"""How long the authority changes registrations; remarks of earlier days can no longer be corrected."""
EVENT_ITEM: Final = "event/"
_ASSUMED: Final = "assumed_"
_GROUPED: Final = {PunchState.UNASSIGNED: "unknown_badge", PunchState.INVALID: "unsealed_punch"}


@dataclass(frozen=True, slots=True)
class Row:
    """An item that needs attention. `item` is what the commands take; `since_ms` when it began; `code` is that of an
    unknown badge; `times` how many punches, records or occurrences it represents.
    """

    reason: str
    item: str
    since_ms: int
    to_do: str
    detail: str = ""
    site: str | None = None
    clock: str | None = None
    worker: str | None = None
    day: str | None = None
    utc_ms: int | None = None
    way: str | None = None
    reception_number: int | None = None
    code: str | None = None
    times: int = 1

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def listing(connection: Connection, limit: int, now_ms: int) -> list[Row]:
    """At most `limit` items, oldest first."""
    rows = [
        *_presences(connection, limit, now_ms),
        *_assumed(connection, limit, now_ms),
        *_punches(connection, limit),
        *_badges(connection, limit),
        *_corrections(connection, limit, now_ms),
        *_clocks(connection),
        *_events(connection, limit),
    ]
    return sorted(rows, key=lambda row: (row.since_ms, row.item))[:limit]


def counts(connection: Connection, now_ms: int) -> dict[str, int]:
    """The number of rows of each reason, zeros included."""
    found = dict.fromkeys(NEEDS, 0)
    for reason, count in _counted(connection, now_ms):
        found[reason] = found.get(reason, 0) + count
    return found


def settle(connection: Connection, item: str, decision: Decision) -> None:
    """Settle an event, or the remarks of a presence: it leaves the list. Raises PresenceError."""
    decision = checked(decision)
    if item.startswith(EVENT_ITEM):
        _settle_event(connection, item, decision)
    else:
        _settle_remarks(connection, item, decision)


def _settle_event(connection: Connection, item: str, decision: Decision) -> None:
    table = schema.events
    number = item.removeprefix(EVENT_ITEM)
    row = None
    if number.isascii() and number.isdigit() and len(number) < len(str(2**63)):
        which = _open_events() & (table.c.id == int(number))
        row = connection.execute(select(table).where(which)).one_or_none()
    if row is None:
        raise PresenceError(f"no event {item!r} waits for a person", "look at `badgeclock bridge attention`")
    if row.kind == event_log.Kind.AUTHORITY_AWAY:
        raise PresenceError("that the authority is away ends when it answers", "see why it does not")
    alike = _open_events() & and_(
        *(
            table.c[name].is_(None) if row._mapping[name] is None else table.c[name] == row._mapping[name]  # noqa: SLF001
            for name in ("kind", "clock", "about")
        )
    )
    connection.execute(update(table).where(alike).values(settled_ms=decision.now_ms))
    _note(connection, ("event", row.id), {"kind": row.kind}, f"{row.kind} ({item})", decision, row.clock)


def _settle_remarks(connection: Connection, reference: str, decision: Decision) -> None:
    row = lock_presence(connection, reference)
    if row.state != PresenceState.REMARKS or row.seen_ms is not None:
        raise PresenceError(
            f"presence {reference} has no remarks that nobody has seen to", "look at `badgeclock bridge attention`"
        )
    table = schema.presences
    connection.execute(update(table).where(table.c.id == row.id).values(seen_ms=decision.now_ms))
    _note(connection, ("presence", row.id), {}, f"remarks of presence {reference}", decision)


def _note(
    connection: Connection,
    subject: tuple[str, int],
    detail: dict[str, Any],
    what: str,
    decision: Decision,
    clock: str | None = None,
) -> None:
    operator = Operator(decision.by, decision.why)
    audit_log.write(connection, operator, Act.ATTENTION_SETTLED, subject, detail, decision.now_ms)
    said = f"{what}: seen to, says {decision.by}: {decision.why}"
    happened = Event(Severity.INFO, event_log.Kind.ATTENTION_SETTLED, said, clock)
    event_log.write(connection, [happened], decision.now_ms)


# --- which rows there are ---


def _filed(column: Any) -> Select[Any]:
    """The rows of presences, or punches, with an open correction: that is listed instead."""
    return select(column).where(schema.filings.c.done_ms.is_(None), column.is_not(None))


def _waiting_presences(now_ms: int) -> ColumnElement[bool]:
    table = schema.presences
    oldest = local_day(now_ms, BELGIUM.key) - timedelta(days=REMARKS_DAYS)
    return and_(
        text(f"({schema.FOR_PERSON})"),  # written like the partial index, so that it is used
        or_(table.c.state != PresenceState.REMARKS, table.c.day >= oldest),
        table.c.id.not_in(_filed(schema.filings.c.presence_id)),
    )


def _assumed_presences(connection: Connection, now_ms: int) -> ColumnElement[bool] | None:
    """Presences of days that are not over, which can still be cancelled."""
    table, sites = schema.presences, schema.sites
    zones = connection.execute(select(sites.c.time_zone).distinct()).scalars().all()
    if not zones:
        return None
    states = [*ENDED, PresenceState.WAITING, PresenceState.REFUSED, PresenceState.CANCELLING]
    return and_(
        table.c.assumed.is_not(None),
        table.c.kept_ms.is_(None),
        table.c.day >= min(local_day(now_ms, zone) for zone in zones),
        table.c.state.not_in(states),
    )


def _waiting_punches() -> ColumnElement[bool]:
    """Punches that are decided one by one; a clock under quarantine has its own row."""
    table, clocks = schema.punches, schema.clocks
    held = select(clocks.c.id).where(clocks.c.state == ClockState.QUARANTINED)
    return and_(
        table.c.id.in_(_open_punches(PunchState.WAITING)),
        or_(table.c.reason != Reason.QUARANTINE, table.c.clock_id.not_in(held)),
    )


def _open_punches(*states: PunchState) -> Select[Any]:
    table = schema.punches
    return (
        select(table.c.id)
        .where(
            text(f"({schema.PUNCH_FOR_PERSON})"),  # written like the partial index
            table.c.state.in_(states),
            table.c.id.not_in(_filed(schema.filings.c.punch_id)),
        )
        .correlate(None)
    )


def _open_events() -> ColumnElement[bool]:
    """Events that are not settled; a record newer than the bridge needs nobody once it is accepted."""
    table, clocks = schema.events, schema.clocks
    taken = (
        exists()
        .where(clocks.c.name == table.c.clock, clocks.c.state != ClockState.RETIRED, clocks.c.next_seq > table.c.seq)
        .correlate(table)
    )
    return and_(
        text(f"({schema.EVENT_OPEN})"),
        table.c.kind.in_(EVENT_NEEDS),
        or_(table.c.kind != event_log.Kind.NEWER_RECORD, ~taken),
    )


def _badge_groups() -> Select[Any]:
    """A row for each badge at a site that is not assigned, or whose punches have no valid seal: its first punch."""
    table = schema.punches
    return (
        select(
            table.c.state,
            func.min(table.c.id).label("first"),
            func.count().label("times"),
        )
        .where(table.c.id.in_(_open_punches(*_GROUPED)))
        .group_by(table.c.state, table.c.site_id, table.c.token)
    )


def _event_groups() -> Select[Any]:
    table = schema.events
    return (
        select(
            func.min(table.c.id).label("first"),
            func.max(table.c.id).label("last"),
            func.sum(table.c.times).label("times"),
            func.min(table.c.first_ms).label("since_ms"),
        )
        .where(_open_events())
        .group_by(table.c.kind, table.c.clock, table.c.about)
    )


def _counted(connection: Connection, now_ms: int) -> Iterator[tuple[str, int]]:
    table, punches, clocks = schema.presences, schema.punches, schema.clocks
    number = func.count()
    for row in connection.execute(
        select(table.c.state, table.c.reason, number.label("times"))
        .where(_waiting_presences(now_ms))
        .group_by(table.c.state, table.c.reason)
    ):
        yield _of_presence(row), row.times
    assumed = _assumed_presences(connection, now_ms)
    if assumed is not None:
        for row in connection.execute(
            select(table.c.assumed, number.label("times")).where(assumed).group_by(table.c.assumed)
        ):
            yield f"{_ASSUMED}{row.assumed}", row.times
    for row in connection.execute(
        select(punches.c.reason, number.label("times")).where(_waiting_punches()).group_by(punches.c.reason)
    ):
        yield row.reason or Reason.LATE.value, row.times
    groups = _badge_groups().subquery()
    for row in connection.execute(select(groups.c.state, number.label("badges")).group_by(groups.c.state)):
        yield _GROUPED[PunchState(row.state)], row.badges
    open_filings = select(number).select_from(schema.filings).where(schema.filings.c.done_ms.is_(None))
    yield "correction_due", connection.execute(open_filings).scalar_one()
    held = select(number).select_from(clocks).where(clocks.c.state == ClockState.QUARANTINED)
    yield "clock_quarantined", connection.execute(held).scalar_one()
    for (_, cause), count in registry.marked_openly(connection).items():
        yield _of_mark(cause), count
    events, firsts = schema.events, _event_groups().subquery()
    for row in connection.execute(
        select(events.c.kind, number.label("things"))
        .join(firsts, firsts.c.first == events.c.id)
        .group_by(events.c.kind)
    ):
        yield row.kind, row.things


def _of_presence(row: Any) -> str:
    """The reason of a presence that waits."""
    if row.state == PresenceState.WAITING:
        return str(row.reason or Reason.LATE.value)
    return str(row.state).lower()


def _of_mark(cause: str) -> str:
    return f"clock_{cause.replace('-', '_')}"


def _to_do(need: Need, item: str, *, presence: bool = False) -> str:
    return ((need.of_presence if presence else "") or need.to_do).replace(ITEM, item)


# --- the rows ---


def _presences(connection: Connection, limit: int, now_ms: int) -> Iterator[Row]:
    since = func.coalesce(schema.presences.c.final_ms, schema.presences.c.created_ms)
    for row in connection.execute(_with_names(_waiting_presences(now_ms), since, limit)):
        reason = _of_presence(row)
        detail = ""
        if row.state == PresenceState.REFUSED:
            detail = f"code {row.error_code}: {row.error_text}"
        elif row.state == PresenceState.REMARKS:
            detail = "; ".join(row.remarks)
        yield _of_row(row, reason, row.final_ms or row.created_ms, detail)


def _assumed(connection: Connection, limit: int, now_ms: int) -> Iterator[Row]:
    assumed = _assumed_presences(connection, now_ms)
    if assumed is not None:
        for row in connection.execute(_with_names(assumed, schema.presences.c.created_ms, limit)):
            yield _of_row(row, f"{_ASSUMED}{row.assumed}", row.created_ms, f"it is {row.state}")


def _with_names(which: ColumnElement[bool], since: Any, limit: int) -> Select[Any]:
    """At most so many presences of a condition, those that have waited longest; sorted by an expression that no index
    has, so that the database reads the few matches and not the whole table.
    """
    table, workers, sites = schema.presences, schema.workers, schema.sites
    found = select(table.c.id).where(which).order_by(since, table.c.id).limit(limit).correlate(None)
    return (
        select(table, workers.c.reference.label("worker"), sites.c.name.label("site"))
        .join(workers, workers.c.id == table.c.worker_id)
        .join(sites, sites.c.id == table.c.site_id)
        .where(table.c.id.in_(found))
    )


def _of_row(row: Any, reason: str, since_ms: int, detail: str) -> Row:
    return Row(
        reason,
        row.reference,
        since_ms,
        _to_do(NEEDS[reason], row.reference, presence=True),
        detail,
        site=row.site,
        worker=row.worker,
        day=row.day.isoformat(),
        utc_ms=row.moment_ms or None,
        way=row.way or None,
        reception_number=row.reception_number,
    )


def _punches(connection: Connection, limit: int) -> Iterator[Row]:
    table = schema.punches
    oldest = table.c.received_ms, table.c.id
    which = select(table.c.id).where(_waiting_punches()).order_by(*oldest).limit(limit).correlate(None)
    for row in connection.execute(_punches_with_names(which)):
        reason = row.reason or Reason.LATE.value
        yield _of_punch(row, reason, "", 1)


def _badges(connection: Connection, limit: int) -> Iterator[Row]:
    groups = _badge_groups().order_by(func.min(schema.punches.c.id)).limit(limit)
    first = {row.first: (_GROUPED[PunchState(row.state)], row.times) for row in connection.execute(groups)}
    known = _last_holders(connection, first)
    for row in connection.execute(_punches_with_names(list(first))):
        reason, times = first[row.id]
        detail = f"punches: {times}" if times > 1 else ""
        if reason == _GROUPED[PunchState.UNASSIGNED]:
            had = known.get((row.site_id, row.token))
            detail = "; ".join([f"code {code_of(row.token)}", *([detail] if detail else []), *([had] if had else [])])
        yield _of_punch(row, reason, detail, times)


def _last_holders(connection: Connection, punches: Iterable[int]) -> dict[tuple[int, bytes], str]:
    """The last holders of these punches' badges, if any."""
    table, badges, workers = schema.punches, schema.badges, schema.workers
    rows = connection.execute(
        select(badges.c.site_id, badges.c.token, workers.c.reference)
        .join(workers, workers.c.id == badges.c.worker_id)
        .join(table, and_(table.c.site_id == badges.c.site_id, table.c.token == badges.c.token))
        .where(table.c.id.in_(list(punches)), badges.c.until_ms.is_not(None))
        .order_by(badges.c.until_ms)
    )
    return {(row.site_id, row.token): f"it was taken back from {row.reference}" for row in rows}


def _punches_with_names(which: Any) -> Select[Any]:
    table, clocks, sites, workers = schema.punches, schema.clocks, schema.sites, schema.workers
    return (
        select(table, clocks.c.name.label("clock"), sites.c.name.label("site"), workers.c.reference.label("worker"))
        .join(clocks, clocks.c.id == table.c.clock_id)
        .join(sites, sites.c.id == table.c.site_id)
        .outerjoin(workers, workers.c.id == table.c.worker_id)
        .where(table.c.id.in_(which))
        .order_by(table.c.id)
    )


def _of_punch(row: Any, reason: str, detail: str, times: int) -> Row:
    item = f"{row.clock}/{row.seq}"
    return Row(
        reason,
        item,
        row.received_ms,
        _to_do(NEEDS[reason], item),
        detail,
        site=row.site,
        clock=row.clock,
        worker=row.worker,
        utc_ms=row.utc_ms or None,
        way=Direction(row.direction).name.lower(),
        code=code_of(row.token) if row.state == PunchState.UNASSIGNED else None,
        times=times,
    )


def _corrections(connection: Connection, limit: int, now_ms: int) -> Iterator[Row]:
    today = local_day(now_ms, BELGIUM.key).isoformat()
    for one in filings.listing(connection, limit):
        made = ", its file is made" if one["made_ms"] else ""
        over = ", which is over" if one["until"] < today else ""
        to_do = NEEDS["correction_due"].to_do.replace(NUMBER, str(one["number"]))
        yield Row(
            "correction_due",
            one["item"],
            one["asked_ms"],
            to_do,
            f"{one['kind']} {one['of']}: {one['why']}; to be sent by {one['until']}{over}{made}",
            site=one["site"],
            worker=one["worker"],
            day=one["day"],
            way=one["right_way"],
        )


def _clocks(connection: Connection) -> Iterator[Row]:
    table, sites = schema.clocks, schema.sites
    rows = connection.execute(
        select(table, sites.c.name.label("site"))
        .join(sites, sites.c.id == table.c.site_id)
        .where(
            table.c.state != ClockState.RETIRED,
            or_(table.c.state == ClockState.QUARANTINED, table.c.standing.is_not(None)),
        )
        .order_by(table.c.id)
    ).all()
    held = [row.id for row in rows if row.state == ClockState.QUARANTINED]
    waiting = _quarantined_punches(connection, held)
    for row in rows:
        if row.state == ClockState.QUARANTINED:
            need = NEEDS["clock_quarantined"]
            detail = f"{row.held_reason}; punches that wait: {waiting.get(row.id, 0)}, records kept aside: {row.kept}"
            since_ms = row.held_ms or 0
            yield Row(need.reason, row.name, since_ms, _to_do(need, row.name), detail, row.site, row.name)
        for reason, since_ms in Standing.of(row.standing).open:
            item, to_do = row.name, TO_DO[reason.cause]
            yield Row(_of_mark(reason.cause), item, since_ms, to_do, reason.detail, row.site, row.name)


def _quarantined_punches(connection: Connection, clock_ids: Sequence[int]) -> dict[int, int]:
    table = schema.punches  # all clocks that have any: one clock's are found only by reading all its punches
    waiting = select(table.c.clock_id).where(
        table.c.id.in_(_open_punches(PunchState.WAITING)), table.c.reason == Reason.QUARANTINE
    )
    times = Counter(connection.execute(waiting).scalars())
    return {clock_id: times[clock_id] for clock_id in clock_ids if times[clock_id]}


def _events(connection: Connection, limit: int) -> Iterator[Row]:
    table = schema.events
    groups = connection.execute(_event_groups().order_by(func.min(table.c.first_ms)).limit(limit)).all()
    newest = {
        row.id: row for row in connection.execute(select(table).where(table.c.id.in_([group.last for group in groups])))
    }
    for group in groups:
        row, item = newest[group.last], f"{EVENT_ITEM}{group.first}"
        need = NEEDS[row.kind]
        about = row.about
        detail = f"{about}: {row.detail}" if about and about not in row.detail else row.detail
        to_do = _to_do(need, item).replace(CLOCK, row.clock or "")
        yield Row(need.reason, item, group.since_ms, to_do, detail, clock=row.clock, times=group.times)

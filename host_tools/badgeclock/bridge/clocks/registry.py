"""The operator's view of the clocks, and decisions about them: quarantine and retirement.

Nothing here shows a badge, a token or a key. Every decision is an event with its author and reason.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import JSON, BigInteger, ColumnElement, Connection, and_, cast, column, func, select, text, true, update

from badgeclock.bridge.clocks import health, remote_settings
from badgeclock.bridge.downlink import orders
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.intake.continuity import BREAKS_A_CHAIN
from badgeclock.bridge.store import audit_log, event_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import ClockState, PunchState, Reason
from badgeclock.protocol.errors import RecordRefused
from badgeclock.protocol.frames import Command
from badgeclock.protocol.record import Kind, unpack

ALARMS_SHOWN: Final = 20
QUARANTINES: Final = (
    event_log.Kind.EQUIVOCATION,
    event_log.Kind.ROLLBACK,
    event_log.Kind.FORK,
    event_log.Kind.CLONE,
    event_log.Kind.SKIPPED,
    event_log.Kind.SEAL_FAILED_REPEATEDLY,
)
"""The kinds of event that put a clock under quarantine."""
_RECORDS_A_TURN: Final = 48
"""Records after which the key store wraps around, if each was acknowledged alone: 96 slots, two a record."""
_TOLD: Final = (
    *("boot", "connection", "head", "tail", "free", "capacity", "sealed", "retired", "firmware", "wear", "tears"),
    *("reset", "uptime_ms", "source", "bound_ms", "heap_free", "heartbeat_s", "cert_until", "temperature", "rssi"),
    *("reader", "reader_fault", "reader_resets", "case_open", "display_faults", "rtc_faults", "rejected"),
)


class Released(NamedTuple):
    """A quarantine that ended: its reason, whether the clock's chain can continue, and presences queued by it."""

    held_reason: str
    can_go_on: bool
    queued: int


class Ordered(NamedTuple):
    """An order: its number, whether it is a new one, and whether the clock is online."""

    id: int
    new: bool
    online: bool


def listing(connection: Connection) -> list[dict[str, Any]]:
    """Every clock and every earlier life of one, by name: its state, its last report, and its present and wanted
    rosters and settings.
    """
    table, sites, open_orders = schema.clocks, schema.sites, schema.orders
    rows = connection.execute(
        select(
            table,
            sites.c.name.label("site"),
            sites.c.roster_changes,
            select(func.count())
            .where(open_orders.c.clock_id == table.c.id, open_orders.c.done_ms.is_(None))
            .scalar_subquery()
            .label("open_orders"),
        )
        .join(sites, sites.c.id == table.c.site_id)
        .order_by(table.c.name, table.c.id)
    )
    return [
        {
            "id": row.id,
            "clock": row.name,
            "site": row.site,
            "state": row.state,
            "next_seq": row.next_seq,
            "held_reason": row.held_reason,
            "held_ms": row.held_ms,
            "kept_aside": row.kept,
            "open_orders": row.open_orders,
            "online": row.online,
            "status_ms": row.status_ms,
            "status": row.status and {name: row.status.get(name) for name in _TOLD},
            "marks": [] if row.state == ClockState.RETIRED else health.describe(row.standing),
            **remote_settings.describe(row),
        }
        for row in rows
    ]


def quarantine_of(connection: Connection, name: str, after: int, limit: int) -> dict[str, Any]:
    """Why a clock is or was under quarantine, what depends on the decision, and what is kept aside.

    `kept_aside` are the rows after number `after`, at most `limit`: each record's kind and its own time, never its
    token.
    """
    clock = _clock(connection, name)
    quarantine, happened = schema.quarantine, schema.events
    rows = connection.execute(
        select(quarantine)
        .where(quarantine.c.clock_id == clock.id, quarantine.c.id > after)
        .order_by(quarantine.c.id)
        .limit(limit)
    )
    alarms = connection.execute(
        select(happened)
        .where(happened.c.clock == name, happened.c.severity == Severity.ALARM)
        .order_by(happened.c.id.desc())
        .limit(ALARMS_SHOWN)
    )
    return {
        "clock": name,
        "state": clock.state,
        "held_reason": clock.held_reason,
        "held_ms": clock.held_ms,
        "next_seq": clock.next_seq,
        "punches_waiting": _punches_waiting(connection, clock.id),
        "kept": clock.kept,
        "alarms": [
            {
                "kind": row.kind,
                "seq": row.seq,
                "detail": row.detail,
                "times": row.times,
                "first_ms": row.first_ms,
                "last_ms": row.last_ms,
            }
            for row in alarms
        ],
        "kept_aside": [_kept(row) for row in rows],
    }


def _kept(row: Any) -> dict[str, Any]:
    shown = {"id": row.id, "seq": row.seq, "reason": row.reason, "received_ms": row.received_ms, "kind": None}
    try:
        record = unpack(row.raw)
    except RecordRefused:
        return shown
    return {
        **shown,
        "seq": record.seq,
        "kind": Kind(record.kind).name,
        "boot": record.boot,
        "utc_ms": record.utc_ms if record.utc_s else None,
        "direction": record.direction.name if record.kind == Kind.PUNCH else None,
        "origin": record.origin.name if record.kind == Kind.PUNCH else None,
    }


def release(connection: Connection, name: str, *, by: str, reason: str, now_ms: int) -> Released:
    """End a clock's quarantine; today's punches that waited for it are declared.

    Records kept aside stay there. A clock whose chain is not the store's is put under quarantine again with its next
    STATUS: it must be provisioned again.
    """
    why = audit_log.reason(reason)
    clock = _clock(connection, name)
    if clock.state != ClockState.QUARANTINED:
        raise PeopleError(f"no clock {name!r} is under quarantine", "look at `badgeclock bridge clock list`")
    state = ClockState.RETIRED if _has_ended(connection, clock) else ClockState.ACTIVE
    table = schema.clocks
    free = {"state": state, "held_reason": None, "held_ms": None, "failing_times": 0, "gap_times": 0, "gap_seq": None}
    connection.execute(update(table).where(table.c.id == clock.id).values(free))
    held = clock.held_reason or event_log.Kind.EQUIVOCATION.value
    what = f"quarantine for {held} ended by {by}: {why}"
    event_log.write(connection, [Event(Severity.INFO, event_log.Kind.CLOCK_RELEASED, what, name)], now_ms)
    _note(connection, Act.CLOCK_RELEASED, by, why, clock.id, {"held_reason": held, "state": state.value}, now_ms)
    from badgeclock.bridge.presences import presences  # noqa: PLC0415 - who only looks at the clocks waits for none of it

    queued = presences.reconsider_clock(connection, clock.id, now_ms)
    return Released(held, held not in {kind.value for kind in BREAKS_A_CHAIN}, queued)


def order_retirement(connection: Connection, name: str, *, by: str, reason: str, now_ms: int) -> Ordered:
    """Order a clock to write its last record and give up its keys: it is retired once the bridge has accepted that
    record."""
    why = audit_log.reason(reason)
    clock = _in_use(connection, name)
    placed = orders.place(connection, clock.id, Command.RETIRE, by=by, reason=why, now_ms=now_ms)
    if placed.new:
        happened = Event(Severity.INFO, event_log.Kind.RETIREMENT_ORDERED, f"ordered by {by}: {why}", name)
        event_log.write(connection, [happened], now_ms)
        _note(connection, Act.CLOCK_RETIREMENT_ORDERED, by, why, clock.id, {}, now_ms)
    return Ordered(placed.id, placed.new, clock.online)


def order(connection: Connection, name: str, command: Command, *, by: str, reason: str, now_ms: int) -> Ordered:
    """Give a clock an order whose result it reports: identify, self-test, restart, capture."""
    why = audit_log.reason(reason)
    clock = _in_use(connection, name)
    placed = orders.place(connection, clock.id, command, by=by, reason=why, now_ms=now_ms)
    if placed.new:
        what = f"{orders.command_name(command)} ordered by {by}: {why}"
        event_log.write(connection, [Event(Severity.INFO, event_log.Kind.ORDER_GIVEN, what, name)], now_ms)
        detail = {"command": orders.command_name(command)}
        _note(connection, Act.CLOCK_ORDERED, by, why, clock.id, detail, now_ms)
    return Ordered(placed.id, placed.new, clock.online)


def orders_of(connection: Connection, name: str, limit: int) -> list[dict[str, Any]]:
    """The newest orders to a clock of this name, and to its earlier lives, newest first."""
    _clock(connection, name)
    table, lives = schema.orders, schema.clocks
    rows = connection.execute(
        select(table, lives.c.name)
        .join(lives, lives.c.id == table.c.clock_id)
        .where(lives.c.name == name)
        .order_by(table.c.id.desc())
        .limit(limit)
    )
    return [orders.describe(row) for row in rows]


def end(connection: Connection, name: str, *, by: str, reason: str, now_ms: int) -> int:
    """Retire a clock that will not return: lost, broken, or retired at a cable. Nothing more is accepted from it.

    Returns the number of its punches that wait, and continue to wait, under quarantine.
    """
    why = audit_log.reason(reason)
    clock = _in_use(connection, name)
    table = schema.clocks
    connection.execute(update(table).where(table.c.id == clock.id).values(state=ClockState.RETIRED, online=False))
    orders.close(connection, clock.id, "ended without the clock", now_ms)
    what = f"ended without its last record by {by}: {why}; its certificate is good until it is revoked"
    event_log.write(connection, [Event(Severity.WARNING, event_log.Kind.CLOCK_RETIRED, what, name)], now_ms)
    _note(connection, Act.CLOCK_ENDED, by, why, clock.id, {"state": clock.state, "next_seq": clock.next_seq}, now_ms)
    return _punches_waiting(connection, clock.id)


def _punches_waiting(connection: Connection, clock_id: int) -> int:
    """How many punches of a clock wait for the end of its quarantine."""
    punches = schema.punches
    # Written like the partial index, so that it is used; `+ 0` avoids the index of all that the clock ever sent.
    waiting = and_(text(f"({schema.PUNCH_FOR_PERSON})"), punches.c.state == PunchState.WAITING)
    of_clock = and_(punches.c.clock_id + 0 == clock_id, punches.c.reason == Reason.QUARANTINE)
    return connection.execute(select(func.count()).select_from(punches).where(waiting, of_clock)).scalar_one()


def counts(connection: Connection) -> dict[tuple[str, str], int]:
    """How many clocks there are by state and reason of quarantine ("" without), those with none included."""
    table = schema.clocks
    rows = connection.execute(
        select(table.c.state, table.c.held_reason, func.count()).group_by(table.c.state, table.c.held_reason)
    )
    found: dict[tuple[str, str], int] = {(ClockState.ACTIVE, ""): 0, (ClockState.RETIRED, ""): 0}
    found |= {(ClockState.QUARANTINED, kind): 0 for kind in QUARANTINES}
    for state, held, count in rows:
        key = (state, held or "" if state == ClockState.QUARANTINED else "")
        found[key] = found.get(key, 0) + count
    return found


def marked(connection: Connection) -> dict[tuple[str, str], int]:
    """How many clocks in use there are by mark and cause, zeros included; a clock counts once for each."""
    return _marks(connection, _each(connection, "reasons"), true())


def marked_openly(connection: Connection) -> dict[tuple[str, str], int]:
    """The same without silenced causes."""
    reason, silence = _each(connection, "reasons"), _each(connection, "silences")
    of_cause = select(silence).where(silence["cause"].as_string() == reason["cause"].as_string())
    has_none = schema.clocks.c.standing["silences"].as_string().is_(None)
    return _marks(connection, reason, has_none | ~of_cause.correlate(schema.clocks, reason.table).exists())


def _marks(connection: Connection, reason: Any, condition: ColumnElement[bool]) -> dict[tuple[str, str], int]:
    """The database counts by `reason`, an item of each clock's list: of ten thousand clocks none is read."""
    mark, cause = reason["mark"].as_string(), reason["cause"].as_string()
    rows = connection.execute(
        select(mark, cause, func.count())
        .select_from(schema.clocks.join(reason.table, true()))
        .where(schema.clocks.c.state != ClockState.RETIRED, mark.is_not(None), condition)  # null of a missing list
        .group_by(mark, cause)
    )
    found: dict[tuple[str, str], int] = {(health.mark_of(cause).value, cause): 0 for cause in health.TO_DO}
    return found | {(mark, cause): count for mark, cause, count in rows}


def _each(connection: Connection, of: str) -> Any:
    """Each item of a list in a clock's standing, as a column of a table of them."""
    unpacked = func.json_each if connection.dialect.name == "sqlite" else func.json_array_elements
    return unpacked(schema.clocks.c.standing[of]).table_valued(column("value", JSON), name=of).c.value


def most_worn(connection: Connection) -> dict[str, int]:
    """By partition, the highest erase count of any clock in use: as reported for its journal, and for its key store the
    most that its number of records allows.
    """
    table = schema.clocks
    wear, head = (func.max(cast(table.c.status[name].as_string(), BigInteger)) for name in ("wear", "head"))
    row = connection.execute(
        select(wear.label("wear"), head.label("head")).where(
            table.c.state != ClockState.RETIRED, table.c.session.is_not(None)
        )
    ).one()
    return {"journal": row.wear or 0, "seal": (row.head or 0) // _RECORDS_A_TURN}


def _clock(connection: Connection, name: str) -> Any:
    """The clock of this name in use, else the newest retired one; raises PeopleError."""
    table = schema.clocks
    rows = connection.execute(select(table).where(table.c.name == name).order_by(table.c.id.desc())).all()
    if not rows:
        raise PeopleError(f"there is no clock {name!r}", "look at `badgeclock bridge clock list`")
    return next((row for row in rows if row.state != ClockState.RETIRED), rows[0])


def _note(
    connection: Connection, act: Act, by: str, why: str, clock_id: int, detail: dict[str, Any], now_ms: int
) -> None:
    audit_log.write(connection, Operator(by, why), act, ("clock", clock_id), detail, now_ms)


def _in_use(connection: Connection, name: str) -> Any:
    clock = _clock(connection, name)
    if clock.state == ClockState.RETIRED:
        raise PeopleError(f"the clock {name!r} is retired already", "look at `badgeclock bridge clock list`")
    return clock


def _has_ended(connection: Connection, clock: Any) -> bool:
    """Whether the last record of the clock's chain is RETIRE."""
    table = schema.records
    last = (table.c.clock_id == clock.id) & (table.c.seq == clock.next_seq - 1)
    raw = connection.execute(select(table.c.raw).where(last)).scalar()
    return raw is not None and unpack(raw).kind == Kind.RETIRE

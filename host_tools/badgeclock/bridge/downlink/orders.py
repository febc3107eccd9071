"""Orders to clocks that an operator gives on the command line, while another process, the bridge, has the connection.

An order is in the store until it is carried out: the running bridge (`order_sender`) sends it to its clock whenever
that is online, again after `AGAIN_MS`, until the clock confirms it: by its last record (retire), by a later start
(restart), or by a REPORT with the order's number (the others). Author, reason, times, the clock's report and the result
stay in the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, insert, select, update

from badgeclock.bridge import logs
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import ClockState
from badgeclock.bridge.store.vault import LINK_KEY, Vault
from badgeclock.protocol import frames
from badgeclock.protocol.errors import FrameRefused
from badgeclock.protocol.frames import NO_SESSION, Command, FrameType, Report

AGAIN_MS: Final = 30_000
ORDERS_A_ROUND: Final = 100
PARTS: Final = ("reader", "flash", "seal", "display", "rtc")
"""The parts of a self-test; each is "good" or a fault."""
WORD_CHARACTERS: Final = 16


class Due(NamedTuple):
    """An order whose clock is online."""

    id: int
    clock_id: int
    command: Command


class Placed(NamedTuple):
    """An order that is open: its number, and whether it is new."""

    id: int
    new: bool


def place(connection: Connection, clock_id: int, command: Command, *, by: str, reason: str, now_ms: int) -> Placed:
    """Give a clock (by its row) an order; returns the open one of the same kind, if there is one."""
    table = schema.orders
    same = (table.c.clock_id == clock_id) & (table.c.command == int(command)) & table.c.done_ms.is_(None)
    open_already = connection.execute(select(table.c.id).where(same)).scalar()
    if open_already is not None:
        return Placed(open_already, new=False)
    values = {
        "clock_id": clock_id,
        "command": int(command),
        "given_by": by,
        "reason": reason,
        "given_ms": now_ms,
        "times_sent": 0,
    }
    (number,) = connection.execute(insert(table).values(values)).inserted_primary_key or (0,)
    return Placed(number, new=True)


def close(connection: Connection, clock_id: int, outcome: str, now_ms: int, *commands: Command) -> None:
    """End the open orders to a clock (by its row), or only those for `commands`."""
    table = schema.orders
    which = (table.c.clock_id == clock_id) & table.c.done_ms.is_(None)
    if commands:
        which &= table.c.command.in_([int(command) for command in commands])
    connection.execute(update(table).where(which).values(done_ms=now_ms, outcome=outcome))


def withdraw(connection: Connection, number: int, outcome: str, now_ms: int) -> bool:
    """End one order; False if it has ended."""
    table = schema.orders
    which = (table.c.id == number) & table.c.done_ms.is_(None)
    return bool(connection.execute(update(table).where(which).values(done_ms=now_ms, outcome=outcome)).rowcount)


def command_name(command: Command) -> str:
    """The spelling for operators: `self-test`."""
    return command.name.lower().replace("_", "-")


def find(connection: Connection, number: int) -> dict[str, Any]:
    """One order with its state, for people and programs."""
    table, clocks = schema.orders, schema.clocks
    row = connection.execute(
        select(table, clocks.c.name).join(clocks, clocks.c.id == table.c.clock_id).where(table.c.id == number)
    ).one()
    return describe(row)


def describe(row: Row[Any]) -> dict[str, Any]:
    """A row of orders, with the clock's `name`, for people and programs."""
    return {
        "order": row.id,
        "clock": row.name,
        "command": command_name(Command(row.command)),
        "given_by": row.given_by,
        "reason": row.reason,
        "given_ms": row.given_ms,
        "sent_ms": row.sent_ms,
        "times_sent": row.times_sent,
        "done_ms": row.done_ms,
        "outcome": row.outcome,
        "report": row.report,
    }


def due(connection: Connection, now_ms: int) -> list[Due]:
    """Open orders whose clocks are online and that were not sent recently, oldest first."""
    table, clocks = schema.orders, schema.clocks
    rows = connection.execute(
        select(table.c.id, table.c.clock_id, table.c.command)
        .join(clocks, clocks.c.id == table.c.clock_id)
        .where(
            table.c.done_ms.is_(None),
            table.c.sent_ms.is_(None) | (table.c.sent_ms <= now_ms - AGAIN_MS),
            clocks.c.online,
            clocks.c.state != ClockState.RETIRED,
        )
        .order_by(table.c.id)
        .limit(ORDERS_A_ROUND)
    )
    return [Due(row.id, row.clock_id, Command(row.command)) for row in rows]


def found_wrong(report: Mapping[str, Any]) -> list[str]:
    """Faults of a self-test, as "part word"; a part that was not reported is a fault."""
    found = {part: report.get(part) for part in PARTS}
    return [
        f"{part} {word[:WORD_CHARACTERS] if isinstance(word, str) else 'not told'}"
        for part, word in found.items()
        if word != "good"
    ]


def mark_sent(connection: Connection, order: Due, now_ms: int) -> None:
    """Record that an order is sent; the first time also the clock's boot count, which shows a restart."""
    table, clocks = schema.orders, schema.clocks
    boot = select(clocks.c.status["boot"].as_integer()).where(clocks.c.id == order.clock_id).scalar_subquery()
    sent = update(table).where(table.c.id == order.id)
    connection.execute(sent.where(table.c.sent_ms.is_(None)).values(boot=boot))
    connection.execute(sent.values(sent_ms=now_ms, times_sent=table.c.times_sent + 1))


def handle_report(connection: Connection, vault: Vault, name: str, payload: bytes, now_ms: int) -> None:
    """End the order that a REPORT of the clock `name` is about.

    Raises FrameRefused for a report that is forged or old, or about no order that was sent and is open.
    """
    clocks, table = schema.clocks, schema.orders
    clock = connection.execute(
        select(clocks).where(clocks.c.name == name, clocks.c.state != ClockState.RETIRED)
    ).one_or_none()
    if clock is None:
        raise FrameRefused("report of no clock")
    link_key = vault.open(LINK_KEY, name, clock.link_key_closed)
    frame = frames.open_frame(frames.upward_key(link_key), name, NO_SESSION, payload)
    if frame.type != FrameType.REPORT:
        raise FrameRefused("not a report")
    if frame.counter <= int.from_bytes(clock.status_counter, "big"):
        raise FrameRefused("report counter")
    report = frames.unpack_report(frame.body)
    report = report._replace(facts=logs.masked_within(report.facts))
    outcome, severity = _outcome(report)
    which = (
        (table.c.id == report.order)
        & (table.c.clock_id == clock.id)
        & (table.c.command == int(report.command))
        & table.c.sent_ms.is_not(None)
        & table.c.done_ms.is_(None)
    )
    done = update(table).where(which).values(done_ms=now_ms, outcome=outcome, report=report.facts)
    if not connection.execute(done).rowcount:
        raise FrameRefused("report of no order")
    what = f"{command_name(report.command)}: {outcome}"
    event_log.write(connection, [Event(severity, event_log.Kind.ORDER_DONE, what, name)], now_ms)


def _outcome(report: Report) -> tuple[str, Severity]:
    """A report in words, and its severity."""
    if report.command is Command.IDENTIFY:
        return "the clock showed its id", Severity.INFO
    if report.command is Command.CAPTURE:
        return "captured", Severity.INFO
    wrong = found_wrong(report.facts)
    return (f"failed: {', '.join(wrong)}", Severity.WARNING) if wrong else ("passed", Severity.INFO)


def any_open(connection: Connection) -> bool:
    """Whether any order is pending."""
    table = schema.orders
    return connection.execute(select(table.c.id).where(table.c.done_ms.is_(None)).limit(1)).scalar() is not None


def close_restarted(connection: Connection, now_ms: int) -> None:
    """End the orders to restart whose clocks have started since they were sent."""
    table, clocks = schema.orders, schema.clocks
    rows = connection.execute(
        select(table.c.id, table.c.boot, clocks.c.name, clocks.c.status)
        .join(clocks, clocks.c.id == table.c.clock_id)
        .where(
            table.c.command == int(Command.RESTART),
            table.c.done_ms.is_(None),
            table.c.boot.is_not(None),
            clocks.c.online,
        )
    ).all()
    for row in rows:
        boot = row.status["boot"]
        if boot > row.boot:
            outcome = f"restarted, boot {boot}"
            withdraw(connection, row.id, outcome, now_ms)
            event_log.write(connection, [Event(Severity.INFO, event_log.Kind.ORDER_DONE, outcome, row.name)], now_ms)

"""Silences a known trouble of a clock: its mark leaves the attention list; author and reason are kept.

A silence is stored with the mark (`health.Standing`). It ends when the cause does, so that the same trouble is reported
when it returns.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from badgeclock.bridge.clocks.health import Silence, Standing
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.states import ClockState


def begin(connection: Connection, name: str, causes: tuple[str, ...], *, by: str, reason: str, now_ms: int) -> int:
    """Silence causes of a clock's marks, all present ones if none is given; returns how many were not silenced before.

    Raises PeopleError if the clock is not in use, or has no such mark.
    """
    why = audit_log.reason(reason)
    row = _in_use(connection, name)
    standing = Standing.of(row.standing)
    stand = {reason.cause for reason, _ in standing.reasons}
    wanted = set(causes) or stand
    if not wanted or not wanted <= stand:
        raise PeopleError(f"the clock {name!r} has no such trouble, or has it no more", "look at the clock again")
    new = sorted(wanted - {one.cause for one in standing.silences})
    if new:
        added = tuple(Silence(cause, by, why, now_ms) for cause in new)
        _write(connection, row, standing.with_silences((*standing.silences, *added)))
        _note(connection, Act.CLOCK_SILENCED, Operator(by, why), row.id, {"causes": new}, now_ms)
    return len(new)


def end(connection: Connection, name: str, *, by: str, now_ms: int) -> int:
    """End every silence of a clock; returns how many there were. Raises PeopleError."""
    row = _in_use(connection, name)
    standing = Standing.of(row.standing)
    if standing.silences:
        _write(connection, row, standing.with_silences(()))
        causes = [one.cause for one in standing.silences]
        _note(connection, Act.CLOCK_SILENCE_ENDED, Operator(by), row.id, {"causes": causes}, now_ms)
    return len(standing.silences)


def _in_use(connection: Connection, name: str) -> Any:
    table = schema.clocks
    which = select(table.c.id, table.c.standing).where(table.c.name == name, table.c.state != ClockState.RETIRED)
    row = connection.execute(which.with_for_update()).one_or_none()
    if row is None:
        raise PeopleError(f"no clock {name!r} is in use", "look at the list of clocks")
    return row


def _write(connection: Connection, row: Any, standing: Standing) -> None:
    table = schema.clocks
    connection.execute(update(table).where(table.c.id == row.id).values(standing=standing.to_json()))


def _note(
    connection: Connection, act: Act, operator: Operator, clock_id: int, detail: dict[str, Any], now_ms: int
) -> None:
    audit_log.write(connection, operator, act, ("clock", clock_id), detail, now_ms)

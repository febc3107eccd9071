"""Checks every clock periodically and records changes of its health (`health` decides)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select, update

from badgeclock.bridge.clocks import health
from badgeclock.bridge.clocks.health import Facts, Mark, Standing
from badgeclock.bridge.rounds import Rounds
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.database import Store, batched
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import ClockState

CHECK_S: Final = 15.0
"""A check of ten thousand clocks takes a fraction of a second, so this costs little; marks are not urgent."""
AT_ONCE: Final = 20
"""Clocks whose change one transaction writes: about 25 ms if each has an event, for which acknowledgements wait."""

_KINDS: Final = {
    Mark.OFFLINE: event_log.Kind.CLOCK_OFFLINE,
    Mark.SILENT: event_log.Kind.CLOCK_SILENT,
    Mark.BEHIND: event_log.Kind.CLOCK_BEHIND,
    Mark.UNHEALTHY: event_log.Kind.CLOCK_UNHEALTHY,
}


class _Changed(NamedTuple):
    id: int
    name: str
    before: Standing
    after: Standing


class HealthMonitor(Rounds):
    """Checks in rounds. `connected` says whether the bridge has its broker, `connections` how often it connected."""

    def __init__(
        self,
        store: Store,
        now_ms: Callable[[], int],
        *,
        connected: Callable[[], bool],
        connections: Callable[[], int],
    ) -> None:
        super().__init__(pause_s=CHECK_S, if_store_fails="clocks are not looked at while the store fails")
        self._store = store
        self._now_ms = now_ms
        self._connected = connected
        self._connections = connections
        self._connection = -1
        self._heard_from_ms: int | None = None
        self._moved: dict[int, tuple[int, int]] = {}
        """By clock: the next number that the store expects, and since when."""

    async def work(self) -> None:
        """Check every clock in use once."""
        now_ms = self._now_ms()
        self._note_connection(now_ms)
        changed = await self._store.reading(self._judge, now_ms)
        for some in batched(changed, AT_ONCE):
            await self._store.writing(_write, some, now_ms)

    def _note_connection(self, now_ms: int) -> None:
        if not self._connected():
            self._heard_from_ms = None
        elif self._heard_from_ms is None or self._connections() != self._connection:
            self._heard_from_ms = now_ms
            self._connection = self._connections()

    def _judge(self, connection: Connection, now_ms: int) -> list[_Changed]:
        table = schema.clocks
        columns = ("id", "name", "state", "online", "status_ms", "status", "next_seq", "standing", "added_ms")
        rows = connection.execute(
            select(*(table.c[name] for name in columns)).where(table.c.state != ClockState.RETIRED)
        )
        changed = []
        moved: dict[int, tuple[int, int]] = {}
        for row in rows:
            seq, since_ms = self._moved.get(row.id, (-1, 0))
            moved[row.id] = (seq, since_ms) if seq == row.next_seq else (row.next_seq, now_ms)
            before = Standing.of(row.standing)
            after = before.with_start(row.status, now_ms)
            facts = _facts(row, after, now_ms - moved[row.id][1], self._heard_from_ms)
            after = after.with_reasons(health.reasons(facts, now_ms), now_ms)
            if after != before:
                changed.append(_Changed(row.id, row.name, before, after))
        self._moved = moved
        return changed


def _facts(row: Row[Any], known: Standing, still_ms: int, heard_from_ms: int | None) -> Facts:
    return Facts(
        state=ClockState(row.state),
        online=row.online,
        status_ms=row.status_ms,
        status=row.status,
        missing=max(0, row.status["head"] - row.next_seq) if row.status else 0,
        still_ms=still_ms,
        heard_from_ms=heard_from_ms,
        started_ms=known.started_ms,
        torn_ms=known.torn_ms,
        added_ms=row.added_ms,
    )


def _write(connection: Connection, changed: Sequence[_Changed], now_ms: int) -> None:
    table = schema.clocks
    which = select(table.c.id, table.c.standing).where(table.c.id.in_([clock.id for clock in changed]))
    kept = {row.id: Standing.of(row.standing) for row in connection.execute(which.with_for_update())}
    happened: list[Event] = []
    now = []
    for clock in changed:
        # Somebody may have silenced a cause since the check.
        now.append({"at": clock.id, "to": clock.after.with_silences(kept[clock.id].silences).to_json()})
        came, went = health.changes(clock.before, clock.after)
        happened += [
            Event(reason.severity, _KINDS[reason.mark], f"{reason.detail}: {health.TO_DO[reason.cause]}", clock.name)
            for reason in came
            if reason.severity is not None
        ]
        happened += [
            Event(Severity.INFO, _KINDS[reason.mark], f"over: {reason.detail}", clock.name)
            for reason in went
            if reason.severity is not None
        ]
    connection.execute(update(table).where(table.c.id == bindparam("at")).values(standing=bindparam("to")), now)
    event_log.write(connection, happened, now_ms)

"""Checks every clock periodically and records changes of its health (`health` decides).

Of ten thousand clocks few have changed since the last check, and few are due by time: only these are read with their
status.
"""

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
"""Marks are not urgent."""
AT_ONCE: Final = 20
"""Clocks whose change one transaction writes: about 25 ms if each has an event, for which acknowledgements wait."""
_READ_AT_ONCE: Final = 500
"""Clocks that are read in one query: what JSON is while it is read takes memory."""
_NEVER_MS: Final = 2**63

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


class _Seen(NamedTuple):
    """What the last check saw of a clock: all that its marks depend on besides the time, in short; since when its next
    number is the same; and when it is due.
    """

    short: tuple[Any, ...]
    still_since_ms: int
    due_ms: int


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
        self._judged: tuple[int, int | None] | None = None
        """When, and with which `_heard_from_ms`."""
        self._seen: dict[int, _Seen] = {}
        """By clock."""

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
        due = self._due(connection, now_ms)
        changed: list[_Changed] = []
        for at in range(0, len(due), _READ_AT_ONCE):
            changed += self._judge_some(connection, due[at : at + _READ_AT_ONCE], now_ms)
        return changed

    def _due(self, connection: Connection, now_ms: int) -> list[int]:
        """Note what the store has of each clock, and return those that changed or are due by time."""
        last, self._judged = self._judged, (now_ms, self._heard_from_ms)
        all_due = last is None or last[1] != self._heard_from_ms or last[0] > now_ms  # the time was set back
        table = schema.clocks
        # A new STATUS changes its time or its counter.
        columns = (table.c.next_seq, table.c.status_ms, table.c.status_counter, table.c.online, table.c.state)
        rows = connection.execute(select(table.c.id, *columns).where(table.c.state != ClockState.RETIRED))
        before, self._seen = self._seen, {}
        due = []
        for clock_id, *now in rows:
            short = tuple(now)
            seen = before.get(clock_id)
            if seen is None or seen.short != short:
                still = seen is not None and seen.short[0] == short[0]
                seen = _Seen(short, seen.still_since_ms if seen and still else now_ms, 0)
            self._seen[clock_id] = seen
            if all_due or seen.due_ms <= now_ms:
                due.append(clock_id)
        return due

    def _judge_some(self, connection: Connection, ids: list[int], now_ms: int) -> list[_Changed]:
        table = schema.clocks
        columns = ("id", "name", "state", "online", "status_ms", "status", "next_seq", "standing", "added_ms")
        changed = []
        for row in connection.execute(select(*(table.c[name] for name in columns)).where(table.c.id.in_(ids))):
            seen = self._seen[row.id]
            before = Standing.of(row.standing)
            after = before.with_start(row.status, now_ms)
            facts = _facts(row, after, now_ms - seen.still_since_ms, self._heard_from_ms)
            after = after.with_reasons(health.reasons(facts, now_ms), now_ms)
            due_ms = health.next_look_ms(facts, now_ms)
            if after != before:
                changed.append(_Changed(row.id, row.name, before, after))
                due_ms = 0  # the next check finds out whether this was committed
            self._seen[row.id] = seen._replace(due_ms=_NEVER_MS if due_ms is None else due_ms)
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

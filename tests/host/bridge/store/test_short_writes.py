"""No round of upkeep writes so much in one transaction that acknowledgements wait for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from sqlalchemy import event, insert, update
from tests.host.bridge.world import DAY_MS, Clock, World

from badgeclock.bridge.clocks import health_monitor
from badgeclock.bridge.clocks.health_monitor import HealthMonitor
from badgeclock.bridge.presences.day_book import Key, new_row
from badgeclock.bridge.presences.regimes import Declared
from badgeclock.bridge.registrar import expiry
from badgeclock.bridge.registrar.expiry import Expiry
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import PresenceState


@contextmanager
def updated(world: World, table: str) -> Iterator[list[int]]:
    """Rows of a table that each writing transaction updates, in their order."""
    counts: list[int] = []
    engine = world.store._engine

    def begun(_: Any) -> None:
        counts.append(0)

    def executed(_: Any, cursor: Any, statement: str, *__: Any) -> None:
        if statement.startswith(f"UPDATE {table} "):
            counts[-1] += cursor.rowcount

    event.listen(engine, "begin", begun)
    event.listen(engine, "after_cursor_execute", executed)
    try:
        yield counts
    finally:
        event.remove(engine, "begin", begun)
        event.remove(engine, "after_cursor_execute", executed)


async def test_presences_that_became_too_late_are_moved_some_at_a_time(world: World) -> None:
    many = 2 * expiry.AT_ONCE + 10
    with world.store.write() as connection:
        rows = [new_row(Key(1, "x", str(n), date(2026, 1, 5)), 1, world.now_ms) for n in range(many)]
        connection.execute(insert(schema.presences), rows)
    rounds = Expiry(world.store, frozenset(Declared), lambda: world.now_ms, lambda: None)
    with updated(world, "presences") as moved:
        await rounds.work()
        assert sum(moved) == 0
        world.now_ms += DAY_MS
        await rounds.work()
    assert [count for count in moved if count] == [expiry.AT_ONCE, expiry.AT_ONCE, 10]
    assert {row.state for row in world.rows(schema.presences)} == {PresenceState.WAITING}


async def test_what_was_decided_again_since_the_look_is_left_in_the_queue(world: World) -> None:
    with world.store.write() as connection:
        connection.execute(insert(schema.presences), [new_row(Key(1, "x", "1", date(2026, 1, 5)), 1, world.now_ms)])
    world.now_ms += DAY_MS

    rounds = Expiry(world.store, frozenset(Declared), lambda: world.now_ms, lambda: None)
    reading = world.store.reading

    async def look(*args: Any) -> Any:
        found = await reading(*args)
        if args[0].__name__ == "waited_too_long":
            assert len(found) == 1
            with world.store.write() as connection:
                connection.execute(update(schema.presences).values(day=date(2026, 1, 7)))
        return found

    world.store.reading = look  # type: ignore[method-assign, assignment]
    await rounds.work()
    assert [row.state for row in world.rows(schema.presences)] == [PresenceState.QUEUED]


async def test_the_health_of_many_clocks_changes_some_at_a_time(world: World) -> None:
    many = 2 * health_monitor.AT_ONCE + 10
    for number in range(many - 1):
        world.add_clock(Clock(f"many-{number:03d}"))
    world.now_ms += 90 * DAY_MS
    monitor = HealthMonitor(world.store, lambda: world.now_ms, connected=lambda: True, connections=lambda: 1)
    with updated(world, "clocks") as written:
        await monitor.work()
    assert [count for count in written if count] == [health_monitor.AT_ONCE, health_monitor.AT_ONCE, 10]

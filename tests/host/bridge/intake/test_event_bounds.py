"""Limits of the events that one clock, or somebody under invented names, can cause: rows per kind, and no national
number."""

from __future__ import annotations

from collections import Counter

from tests.host.bridge.world import ANNA_NISS, BOTH, Clock, World

from badgeclock.bridge.attention import attention
from badgeclock.bridge.intake.flood_watch import FLOOD_MESSAGES, FloodWatch
from badgeclock.bridge.intake.intake import STATUSES_A_BATCH
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.event_log import ROWS_MOST, SAME_EVENT_MS, Event, Kind, Severity

DATABASES = BOTH


def rows_of(world: World, kind: Kind) -> list[tuple[str | None, int]]:
    """Clock and count of each row of a kind."""
    return [(row.clock, row.times) for row in world.rows(schema.events) if row.kind == kind]


def test_invented_names_are_a_bounded_number_of_rows_and_all_are_counted(world: World) -> None:
    names = [f"made-up-{number}" for number in range(500)]
    for some in (names[:250], names[250:], names):
        world.deliver(*((f"badgeclock/v1/{name}/punches", bytes(64)) for name in some))
    rows = rows_of(world, Kind.UNKNOWN_CLOCK)
    assert len(rows) == ROWS_MOST + 1
    assert sum(times for _, times in rows) == 1000
    assert rows[-1][0] is None, "the rest, under no name"

    world.now_ms += SAME_EVENT_MS
    world.deliver(("badgeclock/v1/another/punches", bytes(64)))
    assert rows_of(world, Kind.UNKNOWN_CLOCK)[-1] == ("another", 1), "an hour later there is room again"


def test_a_name_like_a_national_number_is_not_written_down(world: World) -> None:
    world.deliver((f"badgeclock/v1/{ANNA_NISS}/punches", bytes(64)))
    (row,) = world.rows(schema.events)[-1:]
    assert row.kind == Kind.UNKNOWN_CLOCK
    assert ANNA_NISS not in repr(row)


def test_what_a_clock_writes_into_its_status_is_bounded_and_masked(world: World) -> None:
    clock, other = world.clock, world.add_clock(Clock("clock-0002"))
    for version in range(100):
        why = f"no. {version} of {ANNA_NISS}, 00.00.01-002.65"
        world.status(clock.online(session=b"session1", settings_refused=(version, why), reset=ANNA_NISS))
    rows = rows_of(world, Kind.SETTINGS_REFUSED)
    assert len(rows) == ROWS_MOST + 1
    assert sum(times for _, times in rows) == 100
    world.status(other.online(session=b"session1", settings_refused=(1, "too loud")), other)
    assert rows_of(world, Kind.SETTINGS_REFUSED)[-1] == ("clock-0002", 1), "each clock has its own room"
    written = repr([*world.rows(schema.events), *(row.status for row in world.rows(schema.clocks))])
    assert "no. 1 of" in written
    for number in (ANNA_NISS, "00.00.01-002.65"):
        assert number not in written


def test_of_many_statuses_at_once_the_newest_count(world: World) -> None:
    clock = world.clock
    world.punches(*clock.start())
    frames = [clock.online(session=b"session1", rejected=number) for number in range(50)]
    said = [(clock.topic("status"), frame) for frame in frames]
    result = world.deliver(*said, (clock.topic("punches"), clock.punch()), *said[:1])
    assert result.counts["skipped"] == 51 - STATUSES_A_BATCH
    assert result.counts["accepted"] == 1
    assert world.clock_row().status["rejected"] == 49


def test_taps_with_random_numbers_are_a_bounded_number_of_events_and_each_waits_for_a_person(world: World) -> None:
    world.punches(*world.clock.start())
    for number in range(60):
        world.punches(world.clock.punch(number.to_bytes(4, "big")))
    rows = rows_of(world, Kind.BADGE_UNKNOWN)
    assert len(rows) == ROWS_MOST + 1
    assert sum(times for _, times in rows) == 60
    with world.store.read() as connection:
        waiting = attention.listing(connection, 1000, world.now_ms)
    assert len([row for row in waiting if row.reason == "unknown_badge"]) == 60


def test_records_that_fail_under_other_numbers_each_time_are_bounded(world: World) -> None:
    world.punches(*world.clock.start())
    for number in range(100):
        world.punches(bytes((1, 9, 0, 0)) + number.to_bytes(4, "big") + bytes(56))
    of_clock = [row for row in world.rows(schema.events) if row.clock == world.clock.name]
    kinds = {row.kind for row in of_clock}
    assert len(of_clock) <= (ROWS_MOST + 1) * len(kinds)


async def test_who_floods_is_named_whether_it_comes_to_the_queue_or_beside_it(world: World) -> None:
    said = {"dropped": Counter[str](), "beside": Counter[str]()}
    found: list[bool] = []
    watch = FloodWatch(
        world.store, lambda: said["dropped"], lambda: world.now_ms, lambda: said["beside"], lambda: found.append(True)
    )
    for where, clock in (("dropped", "clock-0001"), ("beside", "clock-0002")):
        said[where] = Counter({f"badgeclock/v1/{clock}": FLOOD_MESSAGES // 2})
        await watch.work()
        assert clock not in dict(rows_of(world, Kind.FLOODED)), "an honest clock may say as much"
        await watch.work()
        assert dict(rows_of(world, Kind.FLOODED))[clock] == 1
        said[where] = Counter()
    assert len(found) == 2
    assert watch.messages == FLOOD_MESSAGES, "what came beside the queue was not dropped from it"


def test_what_operators_do_is_not_bounded(world: World) -> None:
    acts = [Event(Severity.INFO, Kind.WORKER_CHANGED, f"worker {number} changed") for number in range(100)]
    with world.store.write() as connection:
        event_log.write(connection, acts, world.now_ms)
    assert len(rows_of(world, Kind.WORKER_CHANGED)) == 100

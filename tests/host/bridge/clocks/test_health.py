"""The marks of a clock: which it gets, why, and that each is reported once when it begins and once when it ends."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.engine import Engine
from tests.host.bridge.device import Device, talk
from tests.host.bridge.world import DAY_MS, NOON_MS, STRANGER_UID, Clock, World

from badgeclock.bridge.clocks import health, registry
from badgeclock.bridge.clocks.health import TO_DO, Facts, Standing, reasons
from badgeclock.bridge.clocks.health_monitor import HealthMonitor
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.event_log import Severity
from badgeclock.bridge.store.states import ClockState
from badgeclock.errors import StoreError

MINUTE_MS = 60_000
WELL: dict[str, Any] = {
    "boot": 3,
    "head": 100,
    "free": 1000,
    "capacity": 2000,
    "sealed": True,
    "retired": False,
    "bound_ms": 20,
    "heap_free": 18_000,
    "heartbeat_s": 600,
    "cert_until": (NOON_MS + 400 * DAY_MS) // 1000,
    "reader": "92",
    "reader_fault": None,
    "wear": 12,
    "tears": 0,
    "display_faults": 0,
    "rtc_faults": 0,
    "temperature": 21,
    "rssi": -58,
    "case_open": False,
}


def facts(*, status: dict[str, Any] | None = None, **known: Any) -> Facts:
    """The facts of a healthy clock, except for the given ones."""
    return Facts(
        **{
            "state": ClockState.ACTIVE,
            "online": True,
            "status_ms": NOON_MS - MINUTE_MS,
            "status": {**WELL, **(status or {})},
            "missing": 0,
            "still_ms": 0,
            "heard_from_ms": NOON_MS - DAY_MS,
            **known,
        }
    )


def causes(known: Facts) -> list[str]:
    return [reason.cause for reason in reasons(known, NOON_MS)]


def test_a_clock_that_is_well_has_no_mark() -> None:
    assert causes(facts()) == []


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ({"reader_fault": "no-answer"}, "reader-broken"),
        ({"reader_fault": None, "reader": None}, "reader-broken"),
        ({"reader_fault": "no-irq"}, "reader"),
        ({"sealed": False}, "unsealed"),
        ({"free": 400}, "memory"),
        ({"free": 401}, None),
        ({"bound_ms": None}, "time"),
        ({"bound_ms": 2000}, None),
        ({"bound_ms": 2001}, "time"),
        ({"cert_until": (NOON_MS + 30 * DAY_MS) // 1000}, None),
        ({"cert_until": (NOON_MS + 30 * DAY_MS) // 1000 - 1}, "certificate"),
        ({"cert_until": 0}, "certificate"),
        ({"cert_until": 2**64 - 1}, None),
        ({"wear": 79_999}, None),
        ({"wear": 80_000}, "wear"),
        ({"display_faults": 1}, "display"),
        ({"rtc_faults": 1}, "rtc"),
        ({"heap_free": 3_999}, "heap"),
        ({"temperature": 71}, "temperature"),
        ({"temperature": -21}, "temperature"),
        ({"temperature": -20}, None),
        ({"rssi": -80}, "signal"),
        ({"rssi": -79}, None),
        ({"case_open": True}, "case"),
        ({"reset": 3}, "watchdog"),
        ({"reset": 2}, None),
    ],
)
def test_what_a_clock_says_of_itself_marks_it(status: dict[str, Any], cause: str | None) -> None:
    assert causes(facts(status=status)) == ([] if cause is None else [cause])


def test_what_a_clock_does_not_tell_is_no_fault() -> None:
    least = {name: WELL[name] for name in ("boot", "head", "free", "capacity", "sealed", "bound_ms", "heap_free")}
    known = facts()
    assert causes(Facts(known.state, known.online, NOON_MS, least, 0, 0, NOON_MS)) == []


@pytest.mark.parametrize(
    ("known", "cause"),
    [
        ({"online": False, "status_ms": NOON_MS - 59_000}, None),
        ({"online": False, "status_ms": NOON_MS - 60_000}, "offline"),
        ({"status_ms": NOON_MS - 31 * MINUTE_MS}, None),
        ({"status_ms": NOON_MS - 31 * MINUTE_MS - 1}, "silent"),
        # The bridge itself received nothing for that long, or receives nothing now.
        ({"status_ms": NOON_MS - DAY_MS, "heard_from_ms": NOON_MS - 31 * MINUTE_MS}, None),
        ({"status_ms": NOON_MS - DAY_MS, "heard_from_ms": None}, None),
        ({"missing": 1, "still_ms": 15 * MINUTE_MS - 1}, None),
        ({"missing": 1, "still_ms": 15 * MINUTE_MS}, "behind"),
        ({"missing": 501, "still_ms": 2 * MINUTE_MS}, "behind"),
        ({"missing": 0, "still_ms": DAY_MS}, None),
        ({"missing": 501, "still_ms": DAY_MS, "state": ClockState.QUARANTINED}, None),
        ({"started_ms": (NOON_MS - DAY_MS,) * 5}, "restarts"),
        ({"started_ms": (NOON_MS - DAY_MS,) * 4}, None),
        ({"started_ms": (NOON_MS - DAY_MS - 1,) * 5}, None),
        ({"torn_ms": (NOON_MS - 7 * DAY_MS, NOON_MS - DAY_MS, NOON_MS)}, "tears"),
        ({"torn_ms": (NOON_MS - 7 * DAY_MS - 1, NOON_MS - DAY_MS, NOON_MS)}, None),
    ],
)
def test_whether_a_clock_is_there_and_keeps_up_marks_it(known: dict[str, Any], cause: str | None) -> None:
    assert causes(facts(**known)) == ([] if cause is None else [cause])


def test_a_clock_that_has_not_spoken_in_its_first_day_or_has_ended_has_no_mark() -> None:
    bad = {"sealed": False, "free": 0, "reader": None}
    for known in (
        facts(status=bad, state=ClockState.RETIRED),
        facts(status={**bad, "retired": True}),
        replace(facts(online=False, status_ms=None, added_ms=NOON_MS - DAY_MS + 1), status=None),
    ):
        assert causes(known) == []


def test_a_reader_that_reads_nothing_is_an_alarm_and_what_other_events_tell_is_not_told_twice() -> None:
    found = reasons(facts(status={"reader_fault": "deaf", "sealed": False, "free": 0, "rssi": -90}), NOON_MS)
    assert {one.cause: one.severity for one in found} == {
        "reader-broken": Severity.ALARM,
        "unsealed": None,
        "memory": None,
        "signal": Severity.WARNING,
    }


def test_every_mark_says_what_to_do() -> None:
    worst = {"reader_fault": "deaf", "sealed": False, "free": 0, "bound_ms": None, "cert_until": 0, "wear": 10**6}
    worst |= {
        "reset": 3,
        "display_faults": 1,
        "rtc_faults": 1,
        "heap_free": 0,
        "temperature": 99,
        "rssi": -99,
        "case_open": True,
    }
    seen = set(causes(facts(status=worst, torn_ms=(NOON_MS,) * 3, started_ms=(NOON_MS,) * 5)))
    seen |= set(causes(facts(status={"reader_fault": "no-irq"})))
    seen |= {*causes(facts(online=False, status_ms=0)), *causes(facts(status_ms=0)), "behind"}
    seen |= set(causes(replace(facts(added_ms=NOON_MS - 2 * DAY_MS), status=None)))
    assert seen == set(TO_DO)


@settings(max_examples=1000)
@given(
    known=st.fixed_dictionaries(
        {
            "state": st.sampled_from([ClockState.ACTIVE, ClockState.QUARANTINED]),
            "online": st.booleans(),
            "status_ms": st.integers(-3 * DAY_MS, 0).map(lambda ms: NOON_MS + ms),
            "missing": st.sampled_from([0, 1, 500, 501]),
            "still_ms": st.integers(0, 20 * MINUTE_MS),
            "heard_from_ms": st.none() | st.integers(-DAY_MS, 0).map(lambda ms: NOON_MS + ms),
            # None, or as many as make a mark: each is a step, and hides what comes later.
            "started_ms": st.just(()) | st.tuples(*[st.integers(NOON_MS - DAY_MS - MINUTE_MS, NOON_MS)] * 5),
            "torn_ms": st.just(()) | st.tuples(*[st.integers(NOON_MS - 8 * DAY_MS, NOON_MS)] * 3),
        }
    ),
    status=st.none()
    | st.fixed_dictionaries(
        {
            "heartbeat_s": st.sampled_from([None, 10, 600]),
            "cert_until": st.none() | st.integers(0, 90 * DAY_MS).map(lambda ms: (NOON_MS + ms) // 1000),
        }
    ),
    added_ms=st.none() | st.integers(NOON_MS - 2 * DAY_MS, NOON_MS),
)
def test_a_clock_of_which_nothing_changes_has_the_same_marks_until_it_is_due_and_then_others_or_the_same(
    known: dict[str, Any], status: dict[str, Any] | None, added_ms: int | None
) -> None:
    now = facts(status=status, added_ms=added_ms, **known)
    if status is None:
        now = replace(now, status=None, status_ms=None)
    due_ms = health.next_look_ms(now, NOON_MS)
    assert due_ms is None or due_ms > NOON_MS
    last_ms = NOON_MS + 400 * DAY_MS if due_ms is None else due_ms - 1
    then = replace(now, still_ms=now.still_ms + last_ms - NOON_MS)
    assert [one.cause for one in reasons(then, last_ms)] == causes(now)


@given(st.lists(st.sets(st.sampled_from(["rssi", "case_open", "rtc_faults", "sealed"])), max_size=8))
def test_a_reason_keeps_its_time_while_it_stays_and_survives_the_store(looks: list[set[str]]) -> None:
    wrong = {"rssi": -90, "case_open": True, "rtc_faults": 2, "sealed": False}
    known = Standing()
    came: dict[str, int] = {}
    for look, bad in enumerate(looks):
        found = reasons(facts(status={name: wrong[name] for name in bad}), NOON_MS)
        now = known.with_reasons(found, look)
        new, gone = health.changes(known, now)
        assert {one.cause for one in new} == {one.cause for one in found} - came.keys()
        for one in gone:
            del came[one.cause]
        came |= {one.cause: look for one in new}
        assert {reason.cause: since for reason, since in now.reasons} == came
        known = Standing.of(now.to_json())
        assert known == now


def test_starts_and_torn_records_count_once_a_start_and_only_the_last_few_are_remembered() -> None:
    known = Standing()
    for boot in (7, 7, 8, 9, 9, 10):
        known = known.with_start({"boot": boot, "tears": boot % 2}, boot * 1000)
    assert known == Standing((), 10, (8000, 9000, 10000), (7000, 9000))
    known = known.with_start({"boot": 13, "tears": 0}, 13000)
    assert known.started_ms == (9000, 10000, 13000, 13000, 13000), "two starts in between said nothing"
    assert known.with_start({"boot": 13, "tears": 4}, 14000) is known
    assert known.with_start(None, 15000) is known


# --- the watch ---


class Bridge:
    """Whether the bridge has its broker, and a watch on a world's store."""

    def __init__(self, world: World) -> None:
        self.connected, self.connections = True, 1
        self.monitor = HealthMonitor(
            world.store, lambda: world.now_ms, connected=lambda: self.connected, connections=lambda: self.connections
        )


def told(world: World) -> list[tuple[str, str, str]]:
    """Severity, kind and the beginning of the words of events about how clocks stand."""
    return [
        (row.severity, row.kind, row.detail.split(":")[0])
        for row in world.rows(schema.events)
        if row.kind in {"clock_offline", "clock_silent", "clock_behind", "clock_unhealthy"}
    ]


@pytest.fixture
def device(world: World) -> Device:
    """A clock that is connected and well, and whose records are all here."""
    made = Device(world.clock)
    made.start()
    made.clock.punch(STRANGER_UID)
    talk(world, made)
    world.deliver(made.status(bound_ms=20))
    return made


async def test_a_mark_is_told_when_it_comes_and_when_it_goes_and_not_for_every_heartbeat(
    world: World, device: Device
) -> None:
    bridge = Bridge(world)
    for _ in range(3):
        world.deliver(device.status(bound_ms=20, reader_fault="no-irq"))
        await bridge.monitor.work()
        world.now_ms += 2 * 3_600_000
    assert told(world) == [("warning", "clock_unhealthy", "its reader says no-irq")]
    world.deliver(device.status(bound_ms=20))
    for _ in range(2):
        await bridge.monitor.work()
    assert told(world)[1:] == [("info", "clock_unhealthy", "over")]


async def test_a_clock_that_goes_away_is_offline_after_a_minute_and_its_return_is_told(
    world: World, device: Device
) -> None:
    bridge = Bridge(world)
    world.deliver((world.clock.topic("status"), world.clock.offline()))
    await bridge.monitor.work()
    assert told(world) == []
    world.now_ms += MINUTE_MS
    await bridge.monitor.work()
    with world.store.read() as connection:
        (clock,) = registry.listing(connection)
        assert +Counter(registry.marked(connection)) == {("offline", "offline"): 1}
    (mark,) = clock["marks"]
    assert (mark["mark"], mark["since_ms"]) == ("offline", world.now_ms)
    assert "power" in mark["to_do"]
    device.clock.connection += 1
    world.deliver(device.status(bound_ms=20))
    await bridge.monitor.work()
    assert [entry[:2] for entry in told(world)] == [("warning", "clock_offline"), ("info", "clock_offline")]


async def test_silence_counts_from_when_the_bridge_hears_and_not_while_it_hears_nobody(
    world: World, device: Device
) -> None:
    bridge = Bridge(world)
    world.now_ms += DAY_MS  # the bridge was off for a day
    await bridge.monitor.work()
    bridge.connected = False
    world.now_ms += DAY_MS
    await bridge.monitor.work()
    bridge.connected, bridge.connections = True, 2
    await bridge.monitor.work()
    assert told(world) == []
    world.now_ms += 31 * MINUTE_MS
    await bridge.monitor.work()
    assert told(world) == []
    world.now_ms += 1
    await bridge.monitor.work()
    assert [entry[1] for entry in told(world)] == ["clock_silent"]
    world.deliver(device.status(bound_ms=20))
    await bridge.monitor.work()
    assert [entry[1:] for entry in told(world)][1:] == [("clock_silent", "over")]


async def test_a_backlog_that_shrinks_is_not_behind_and_one_that_stands_still_is(world: World, device: Device) -> None:
    bridge = Bridge(world)
    new = [device.clock.punch() for _ in range(3)]
    world.deliver(device.status(bound_ms=20))
    for raw in new[:2]:
        await bridge.monitor.work()
        world.now_ms += 14 * MINUTE_MS
        world.deliver(device.status(bound_ms=20))
        world.punches(raw)
    await bridge.monitor.work()
    world.now_ms += 15 * MINUTE_MS
    world.deliver(device.status(bound_ms=20))
    assert told(world) == []
    await bridge.monitor.work()
    assert told(world) == [("warning", "clock_behind", "1 records are missing here, and none came for 15 minutes")]
    world.punches(new[2])
    await bridge.monitor.work()
    assert [entry[0] for entry in told(world)] == ["warning", "info"]


async def test_of_clocks_that_have_not_changed_only_those_are_read_that_are_due(world: World, device: Device) -> None:
    bridge = Bridge(world)
    read: list[str] = []

    def look(*of: Any) -> None:
        read.append(of[2])

    async def is_read_after(ms: int) -> bool:
        world.now_ms += ms
        read.clear()
        await bridge.monitor.work()
        return any("standing" in statement for statement in read)

    event.listen(Engine, "before_cursor_execute", look)
    try:
        assert await is_read_after(0)
        await is_read_after(0)  # what was written is read once more
        assert not await is_read_after(31 * MINUTE_MS)
        assert await is_read_after(1)
        assert [entry[1] for entry in told(world)] == ["clock_silent"]
        assert await is_read_after(0)
        assert not await is_read_after(DAY_MS)
        world.deliver(device.status(bound_ms=20))
        assert await is_read_after(0)
        await is_read_after(0)
        bridge.connections += 1
        assert await is_read_after(0)
        assert not await is_read_after(0)
        assert await is_read_after(-1)  # somebody put the time right
    finally:
        event.remove(Engine, "before_cursor_execute", look)


@pytest.mark.usefixtures("device")
async def test_a_mark_that_could_not_be_written_is_written_at_the_next_check(world: World) -> None:
    bridge = Bridge(world)
    for _ in range(2):
        await bridge.monitor.work()
    world.deliver((world.clock.topic("status"), world.clock.offline()))
    world.now_ms += MINUTE_MS
    fails = "CREATE TRIGGER full BEFORE UPDATE OF standing ON clocks BEGIN SELECT RAISE(ABORT, 'full'); END"
    with world.store.write() as connection:
        connection.execute(text(fails))
    with pytest.raises(StoreError):
        await bridge.monitor.work()
    with world.store.write() as connection:
        connection.execute(text("DROP TRIGGER full"))
    await bridge.monitor.work()
    assert [entry[1] for entry in told(world)] == ["clock_offline"]


async def test_a_retired_clock_and_a_new_one_of_its_name_are_not_marked_for_the_old_one(
    world: World, device: Device
) -> None:
    bridge = Bridge(world)
    world.deliver(device.status(bound_ms=20, rssi=-90))
    await bridge.monitor.work()
    world.clock = world.add_clock(Clock(nonce=b"next-one"))
    await bridge.monitor.work()
    with world.store.read() as connection:
        assert [clock["marks"] for clock in registry.listing(connection)] == [[], []]
        assert not any(registry.marked(connection).values())

"""Items that need attention: for each reason a metric from zero, an event, and a row with what to do.

`SCENES` brings each reason of the table about as the bridge meets it: through intake, registrar and health monitor.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date, timedelta

import pytest
from prometheus_client import generate_latest
from sqlalchemy import insert, update
from tests.host.bridge.downlink.test_rosters import Bridge as RosterBridge
from tests.host.bridge.test_newer import sealed
from tests.host.bridge.world import (
    ANNA_NISS,
    ANNA_UID,
    BOTH,
    BRAM_UID,
    DAY_MS,
    KBO,
    NOON_MS,
    SITE,
    STRANGER_UID,
    Clock,
    World,
    token_of,
)

from badgeclock.bridge.attention import attention
from badgeclock.bridge.attention.attention import Row
from badgeclock.bridge.attention.reasons import EVENT_NEEDS, NEEDS, source
from badgeclock.bridge.clocks import health, registry
from badgeclock.bridge.clocks.health_monitor import HealthMonitor
from badgeclock.bridge.downlink.rosters import SETTLE_MS
from badgeclock.bridge.errors import PeopleError, PresenceError
from badgeclock.bridge.intake import flood_watch, quarantine
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.people import badges, employers, engagements
from badgeclock.bridge.presences.day_book import Key, new_row
from badgeclock.bridge.presences.regimes import CLOCK_AHEAD_MS, MOVEMENT_LATE_MS, Declared, Regime, local_day
from badgeclock.bridge.registrar import authority_calls, corrections, office_registrations, outbox
from badgeclock.bridge.registrar.decisions import CancelCode, Decision
from badgeclock.bridge.registrar.filings import Filed
from badgeclock.bridge.registrar.office_registrations import Entry
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.protocol.frames import ReceiptState, RosterAnswer, RosterResult
from badgeclock.protocol.record import Direction, Origin

DATABASES = BOTH
WHO = Operator("office", "for the tests")
SECOND = "0206731645"
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS

Scene = Callable[[World], Awaitable[None] | None]


def listed(world: World, limit: int = 1000) -> list[Row]:
    with world.store.read() as connection:
        return attention.listing(connection, limit, world.now_ms)


def counted(world: World) -> dict[str, int]:
    with world.store.read() as connection:
        return attention.counts(connection, world.now_ms)


def figures(world: World) -> dict[str, int]:
    """The metrics for Prometheus."""
    metrics = Metrics()
    metrics.watch_attention(lambda: counted(world))
    shown = generate_latest(metrics.registry).decode()
    found = re.findall(r'^badgeclock_attention\{reason="(\w+)"\} (\d+)\.0$', shown, flags=re.MULTILINE)
    return {reason: int(count) for reason, count in found}


def settle(world: World, item: str, why: str = "seen to") -> None:
    with world.store.write() as connection:
        attention.settle(connection, item, Decision("office", why, world.now_ms))


def only(world: World, reason: str) -> Row:
    """The one row of a reason."""
    (row,) = [row for row in listed(world) if row.reason == reason]
    return row


def reference(world: World, at: int = 0) -> str:
    row: str = world.rows(schema.presences)[at].reference
    return row


def ticking(world: World) -> Callable[[], int]:
    def now_ms() -> int:
        world.now_ms += 1000
        return world.now_ms

    return now_ms


async def until(world: World, *wanted: str) -> None:
    """Run a registrar until the presences stand so."""
    await world.registered(
        lambda: [row.state for row in world.rows(schema.presences)] == list(wanted),
        world.registrar(now_ms=ticking(world)),
    )


async def until_event(world: World, kind: str) -> None:
    await world.registered(lambda: kind in world.events(), world.registrar(now_ms=ticking(world)))


def moved(world: World, direction: Direction = Direction.IN, **fields: int) -> None:
    clock = world.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING)
    world.punches(*clock.start(), clock.punch(ANNA_UID, direction, **fields), clock=clock)


def punched(world: World, uid: bytes = ANNA_UID, **fields: int) -> None:
    world.punches(*world.clock.start(), world.clock.punch(uid, **fields))


# --- presences ---


async def refused(world: World) -> None:
    world.authority.refused = {ANNA_NISS}
    punched(world)
    await until(world, "REFUSED")


async def remarks(world: World) -> None:
    world.authority.remarks = {ANNA_NISS: ("RELATED DIMONA NOT OK",)}
    punched(world)
    await until(world, "REMARKS")


def late(world: World) -> None:
    moved(world)
    world.now_ms += 2 * MOVEMENT_LATE_MS
    with world.store.write() as connection:
        outbox.expire(connection, frozenset(Declared), world.now_ms)


def day_over(world: World) -> None:
    punched(world)
    world.now_ms += DAY_MS
    with world.store.write() as connection:
        outbox.expire(connection, frozenset(Declared), world.now_ms)


def no_authority(world: World) -> None:
    moved(world)
    with world.store.write() as connection:
        outbox.expire(connection, frozenset({Declared.DAY}), world.now_ms)


async def cancelled(world: World) -> None:
    punched(world)
    world.authority.script = ["lost after"]
    await world.registered(
        lambda: [row.state for row in world.rows(schema.presences)] == ["UNKNOWN"], world.registrar(settle_ms=10**9)
    )
    world.authority.cancel_by_hand(0)
    await until(world, "WAITING")


def assumed_open_shift(world: World) -> None:
    punched(world)
    world.now_ms += 18 * 3_600_000
    world.clock.utc_ms = world.now_ms
    world.punches(world.clock.punch(ANNA_UID, Direction.OUT))


def assumed_no_in(world: World) -> None:
    moved(world, Direction.OUT)


def passed(world: World, seconds: int, direction: Direction, origin: Origin) -> None:
    world.now_ms += seconds * 1000
    world.clock.utc_ms = world.now_ms
    world.punches(world.clock.punch(ANNA_UID, direction, origin=origin))


def assumed_way(world: World) -> None:
    world.change_site(regime=Regime.CLEANING)
    world.punches(*world.clock.start())
    passed(world, 60, Direction.IN, Origin.ASSUMED)


def assumed_corrected(world: World) -> None:
    world.change_site(regime=Regime.CLEANING)
    world.punches(*world.clock.start())
    passed(world, 60, Direction.IN, Origin.KEY)
    passed(world, 3600, Direction.IN, Origin.ASSUMED)
    passed(world, 2, Direction.OUT, Origin.KEY)


async def correction_due(world: World) -> None:
    punched(world)
    await until(world, "VALIDATED")
    world.now_ms += DAY_MS
    with world.store.write() as connection:
        decision = Decision("office", "a mistake", world.now_ms)
        corrections.cancel(connection, reference(world), CancelCode.PLANNING, decision)


# --- punches ---


def unknown_badge(world: World) -> None:
    punched(world, STRANGER_UID)


def unsealed_punch(world: World) -> None:
    world.status(world.clock.online(session=b"session1", sealed=False))
    world.punches(*world.clock.start(), world.clock.unsealed())


def future(world: World) -> None:
    moved(world, utc_s=(NOON_MS + 2 * CLOCK_AHEAD_MS) // 1000)


def no_time(world: World) -> None:
    punched(world, utc_s=0, ms=0)


def no_in(world: World) -> None:
    punched(world)
    with world.store.write() as connection:  # as earlier versions left it
        connection.execute(update(schema.punches).values(state="WAITING", reason="no_in", presence_id=None))
    world.punches(world.clock.punch(BRAM_UID, utc_s=0, ms=0))


def which_employer(world: World) -> None:
    with world.store.write() as connection:
        employers.add(connection, SECOND)
        for kbo in (KBO, SECOND):
            engagements.engage(connection, "W-001", engagements.Engaged(kbo), WHO, world.now_ms)
    punched(world)


def no_direction(world: World) -> None:
    moved(world, Direction.NONE)


def _held(world: World) -> None:
    """A clock sends two records under one number."""
    world.punches(*world.clock.start())
    before = world.clock.state
    world.punches(world.clock.punch(BRAM_UID))
    world.clock.state = before
    world.punches(world.clock.punch(ANNA_UID))
    world.clock.state = before
    world.clock.punch(BRAM_UID)
    world.punches(world.clock.punch(ANNA_UID))


def quarantined_punch(world: World) -> None:
    _held(world)
    with world.store.write() as connection:
        registry.end(connection, world.clock.name, by="office", reason="stolen", now_ms=world.now_ms)


# --- clocks ---

MARKS: dict[str, dict[str, object]] = {
    "reader-broken": {"reader_fault": "no-answer"},
    "reader": {"reader_fault": "no-irq"},
    "unsealed": {"sealed": False},
    "memory": {"free": 1, "capacity": 2000},
    "time": {"bound_ms": None},
    "certificate": {"cert_until": NOON_MS // 1000},
    "wear": {"wear": 80_000},
    "watchdog": {"reset": 3},
    "display": {"display_faults": 1},
    "rtc": {"rtc_faults": 1},
    "heap": {"heap_free": 10},
    "temperature": {"temperature": 90},
    "signal": {"rssi": -90},
    "case": {"case_open": True},
}


async def marked(world: World, cause: str) -> None:
    """A clock gets a mark for a cause."""
    monitor = HealthMonitor(world.store, lambda: world.now_ms, connected=lambda: True, connections=lambda: 1)
    if cause == "never-heard":
        world.now_ms += 2 * DAY_MS
        return await monitor.work()
    world.punches(*world.clock.start())
    well = {"bound_ms": 20, "wear": 0, "reader_fault": None}
    world.status(world.clock.online(session=b"session1", **{**well, **MARKS.get(cause, {})}))
    await monitor.work()
    if cause in {"restarts", "tears"}:
        for boot in range(1, 7):
            said = {**well, "tears": int(cause == "tears")}
            world.status(world.clock.online(session=b"session%d" % (boot + 1), boot=boot, **said))
            await monitor.work()
    if cause == "offline":
        world.status(world.clock.offline())
    if cause == "behind":
        world.status(world.clock.online(**{**well, "head": world.clock.state.next_seq + 3}))
        await monitor.work()
    if cause in {"offline", "behind"}:
        world.now_ms += 16 * MINUTE_MS
    if cause == "silent":
        world.now_ms += 60 * MINUTE_MS
    await monitor.work()
    return None


# --- events ---


async def authority_away(world: World) -> None:
    punched(world)
    world.authority.script = ["away"] * 1000
    await until_event(world, "authority_away")


async def second_number(world: World) -> None:
    punched(world)
    with world.store.write() as connection:
        (sent,) = outbox.claim(connection, world.vault, frozenset(Declared), world.now_ms, 200, "lost")
    await world.authority.register([sent.item])
    await world.authority.register([sent.item])
    await until_event(world, "second_reception_number")


async def cancel_refused(world: World) -> None:
    punched(world)
    await until(world, "VALIDATED")
    world.authority.cancel_reasons = ("HOLIDAY",)
    with world.store.write() as connection:
        decision = Decision("office", "a mistake", world.now_ms)
        corrections.cancel(connection, reference(world), CancelCode.PLANNING, decision)
    await until_event(world, "cancel_refused")


async def registration_not_sent(world: World) -> None:
    day = local_day(world.now_ms, "Europe/Brussels") + timedelta(days=2)
    with world.store.write() as connection:
        decision = Decision("office", "the gate has no power", world.now_ms)
        office_registrations.register(connection, [Entry("W-001", SITE, day)], decision)
        office_registrations.send_due(connection, world.now_ms + 4 * DAY_MS)


async def number_changed(world: World) -> None:
    world.authority.renamed = {ANNA_NISS: "00000100463"}
    punched(world)
    await until_event(world, "national_number_changed")


async def call_rejected(world: World) -> None:
    punched(world)
    world.authority.script = ["rejected SOA-03006"]
    await until_event(world, "call_rejected")


async def answer_unproved(world: World) -> None:
    punched(world)
    world.authority.script = ["doubt UNPROVED SOA-02002"]
    await until_event(world, "answer_unproved")


def unknown_clock(world: World) -> None:
    stranger = Clock("clock-0099")
    world.punches(*stranger.start(), clock=stranger)


def unknown_topic(world: World) -> None:
    world.deliver((world.clock.topic("nonsense"), b""))


async def flooded(world: World) -> None:
    dropped = Counter({"badgeclock/v1/clock-0001": flood_watch.FLOOD_MESSAGES})
    await flood_watch.FloodWatch(world.store, lambda: dropped, lambda: world.now_ms).work()


def malformed_frame(world: World) -> None:
    world.punches(*world.clock.start())
    world.punches(b"no record")


def newer_record(world: World) -> None:
    world.punches(*world.clock.start())
    world.punches(sealed(world.clock, at_0=2))


def founded_anew(world: World) -> None:
    world.punches(*world.clock.start())
    world.punches(*Clock(nonce=bytes(8)).start())


def after_retirement(world: World) -> None:
    begun, before = world.clock.start(), world.clock.state
    _, after = world.clock.punch(), world.clock.punch()
    world.clock.state = before
    world.punches(*begun, world.clock.retire())
    world.punches(after)


def unsealed_refused(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.unsealed())


def status_refused(world: World) -> None:
    world.status(b"not made by the clock")


def quarantine_full(world: World) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quarantine, "QUARANTINE_KEPT", 0)
        _held(world)


def badge_uid_claimed(world: World) -> None:
    with world.store.write() as connection:
        (holder,) = badges.in_use(connection, "W-001")
        badges.uid_claimed(connection, holder, worker="W-002", by="operator", at=world.clock.name, now_ms=world.now_ms)


async def roster_refused(world: World) -> None:
    bridge = RosterBridge(world)
    world.punches(*world.clock.start())
    flash = bridge.flashes[world.clock.name]
    flash.online(b"sessionA")
    world.now_ms += SETTLE_MS
    flash.says = lambda part: RosterAnswer(part.version, 0, RosterResult.FLASH)
    await bridge.rounds(4)


def settings_refused(world: World) -> None:
    world.status(world.clock.online(session=b"session1", settings=0, settings_refused=(1, "volume must be a number")))


SCENES: dict[str, Scene] = {
    "refused": refused,
    "remarks": remarks,
    "late": late,
    "day_over": day_over,
    "no_authority": no_authority,
    "cancelled": cancelled,
    "assumed_open_shift": assumed_open_shift,
    "assumed_no_in": assumed_no_in,
    "assumed_way": assumed_way,
    "assumed_corrected": assumed_corrected,
    "correction_due": correction_due,
    "unknown_badge": unknown_badge,
    "unsealed_punch": unsealed_punch,
    "future": future,
    "no_time": no_time,
    "no_in": no_in,
    "which_employer": which_employer,
    "no_direction": no_direction,
    "quarantine": quarantined_punch,
    "clock_quarantined": _held,
    **{f"clock_{cause.replace('-', '_')}": (lambda world, cause=cause: marked(world, cause)) for cause in health.TO_DO},
    "authority_away": authority_away,
    "second_reception_number": second_number,
    "cancel_refused": cancel_refused,
    "registration_not_sent": registration_not_sent,
    "national_number_changed": number_changed,
    "call_rejected": call_rejected,
    "answer_unproved": answer_unproved,
    "unknown_clock": unknown_clock,
    "flooded": flooded,
    "unknown_topic": unknown_topic,
    "malformed_frame": malformed_frame,
    "newer_record": newer_record,
    "founded_anew": founded_anew,
    "after_retirement": after_retirement,
    "unsealed_refused": unsealed_refused,
    "status_refused": status_refused,
    "quarantine_full": quarantine_full,
    "badge_uid_claimed": badge_uid_claimed,
    "roster_refused": roster_refused,
    "settings_refused": settings_refused,
}


@pytest.mark.parametrize("reason", NEEDS)
async def test_what_waits_raises_its_hand(world: World, reason: str) -> None:
    assert figures(world) == dict.fromkeys(NEEDS, 0)
    assert listed(world) == []
    begun = SCENES[reason](world)
    if begun is not None:
        await begun
    rows = listed(world)
    row = next(row for row in rows if row.reason == reason)
    assert not re.search(r"\b(ITEM|CLOCK|NUMBER)\b", row.to_do)
    assert row.since_ms > 0
    assert set(world.events()) & {kind.value for kind in NEEDS[reason].events}
    assert {reason: count for reason, count in figures(world).items() if count} == Counter(row.reason for row in rows)
    assert [row.since_ms for row in rows] == sorted(row.since_ms for row in rows)


def test_nothing_of_the_list_shows_a_badge_or_a_number(world: World) -> None:
    unknown_badge(world)
    world.punches(world.clock.punch(ANNA_UID, utc_s=0, ms=0))
    told = str([row.as_dict() for row in listed(world)]) + str([row.detail for row in world.rows(schema.events)])
    for secret in (STRANGER_UID.hex(), token_of(STRANGER_UID).hex(), ANNA_NISS, "Anna"):
        assert secret not in told.lower()


# --- late items ---


def came_late(world: World, direction: Direction, utc_ms: int) -> None:
    """A punch of Anna that its clock could send only on the next day."""
    world.clock.utc_ms = utc_ms
    world.punches(world.clock.punch(ANNA_UID, direction, origin=Origin.KEY))


async def test_a_late_punch_of_a_day_that_is_declared_needs_nobody(world: World) -> None:
    punched(world)
    await until(world, "VALIDATED")
    world.now_ms = NOON_MS + DAY_MS
    came_late(world, Direction.OUT, NOON_MS + 4 * HOUR_MS)
    assert {punch["presence"] for punch in world.shown()} == {reference(world)}
    assert ReceiptState.OPERATOR not in [state for _, _, state, _ in world.receipts()], "its worker has nothing to ask"
    assert listed(world) == []


async def test_a_late_end_of_a_nights_shift_belongs_to_it_and_needs_nobody(world: World) -> None:
    world.change_site(night_hours="18:00-06:00")
    world.clock.utc_ms = world.now_ms = NOON_MS + 10 * HOUR_MS  # 22:00
    punched(world)
    await until(world, "VALIDATED")
    world.now_ms = NOON_MS + 2 * DAY_MS
    came_late(world, Direction.OUT, NOON_MS + 17 * HOUR_MS)
    assert {punch["presence"] for punch in world.shown()} == {reference(world)}
    assert listed(world) == []


@pytest.mark.parametrize("stands", ["none", "cancelled"])
async def test_a_late_punch_of_a_day_that_nobody_declared_waits(world: World, stands: str) -> None:
    punched(world)
    await until(world, "VALIDATED")
    if stands == "cancelled":
        with world.store.write() as connection:
            decision = Decision("office", "a mistake", world.now_ms)
            corrections.cancel(connection, reference(world), CancelCode.PLANNING, decision)
        await until(world, "CANCELLED")
    world.now_ms = NOON_MS + DAY_MS
    late_ms = NOON_MS + 4 * HOUR_MS
    came_late(world, Direction.OUT, late_ms if stands == "cancelled" else late_ms - 3 * DAY_MS)
    row = only(world, "late")
    assert (row.item, row.worker) == ("clock-0001/3", "W-001")


def test_a_punch_that_waited_and_whose_day_is_declared_meanwhile_joins_it_and_is_no_correction(world: World) -> None:
    world.now_ms = NOON_MS + DAY_MS
    punched(world)
    assert world.states() == ["WAITING"]
    with world.store.write() as connection:
        decision = Decision("office", "she was there", world.now_ms)
        filed = corrections.declare_punch(connection, "clock-0001", 2, corrections.Meant(), decision)
        assert isinstance(filed, Filed)
        key = Key(1, KBO, "1Y1TEST00001Z", date(2026, 1, 5))
        connection.execute(insert(schema.presences).values(new_row(key, 1, world.now_ms)))
        declared = corrections.declare_punch(connection, "clock-0001", 2, corrections.Meant(), decision)
    assert declared == reference(world)
    assert [row.outcome for row in world.rows(schema.filings)] == ["it has a presence"]


# --- the unknown badge ---


def give(world: World, punch: str, worker: str = "W-002") -> badges.Assigned:
    clock, _, seq = punch.partition("/")
    with world.store.write() as connection:
        return badges.assign_punched(
            connection, world.vault, clock=clock, seq=int(seq), worker=worker, operator=WHO, now_ms=world.now_ms
        )


async def test_an_unknown_badge_is_one_row_with_the_code_its_worker_reads_and_is_given_away_by_it(
    world: World,
) -> None:
    punched(world, STRANGER_UID)
    world.punches(world.clock.punch(STRANGER_UID, Direction.OUT), world.clock.punch(bytes.fromhex("0badbeef")))
    code = token_of(STRANGER_UID)[:2].hex().upper()
    first, second = listed(world)
    assert (first.item, first.code, first.times) == ("clock-0001/2", code, 2)
    assert second.item == "clock-0001/4"
    assert code in next(row.detail for row in world.rows(schema.events) if row.kind == "badge_unknown")
    assert give(world, first.item).queued == 1
    assert [row.item for row in listed(world)] == ["clock-0001/4"]
    await until(world, "VALIDATED")
    assert world.states() == ["VALIDATED", "VALIDATED", "UNASSIGNED"]
    act = world.rows(schema.acts)[-1]
    assert (act.act, act.operator, act.detail["punch"]) == ("badge_assigned", "office", "clock-0001/2")
    assert token_of(STRANGER_UID).hex() not in str(act.detail)


def test_a_badge_that_was_taken_back_says_whose_it_was(world: World) -> None:
    with world.store.write() as connection:
        (badge,) = badges.in_use(connection, "W-001")
        badges.revoke(connection, badge, by="office", reason="lost", now_ms=world.now_ms)
    punched(world)
    assert "it was taken back from W-001" in only(world, "unknown_badge").detail


@pytest.mark.parametrize("punch", ["clock-0001/2", "clock-0001/9", "clock-0009/2"])
def test_the_badge_of_a_punch_that_has_a_worker_or_is_not_there_is_not_given_away(world: World, punch: str) -> None:
    punched(world)
    before = world.rows(schema.badges)
    with pytest.raises(PeopleError, match="bridge attention"):
        give(world, punch)
    assert world.rows(schema.badges) == before


def test_a_badge_is_given_once_however_often_its_punch_is_named(world: World) -> None:
    punched(world, STRANGER_UID)
    give(world, "clock-0001/2")
    with pytest.raises(PeopleError, match="is of a badge that somebody has or had"):
        give(world, "clock-0001/2", "W-003")


def test_of_two_lives_of_a_clock_no_badge_is_taken_for_anothers(world: World) -> None:
    other = bytes.fromhex("0badbeef")
    punched(world, STRANGER_UID)
    again = world.add_clock(Clock(nonce=bytes(8)))
    world.punches(*again.start(), again.punch(other), again.punch(other), clock=again)
    with pytest.raises(PeopleError, match="provisioned again"):
        give(world, "clock-0001/2")
    with world.store.write() as connection:
        decision = Decision("office", "a visitor", world.now_ms)
        assert corrections.close_badge(connection, "clock-0001", 3, decision) == 2
    (row,) = [row for row in listed(world) if row.reason == "unknown_badge"]
    assert row.code == token_of(STRANGER_UID)[:2].hex().upper()
    assert give(world, "clock-0001/2").queued == 1


def test_an_authority_that_is_in_the_settings_no_more_is_not_away(world: World) -> None:
    with world.store.write() as connection:
        for about in (None, "movement"):
            away = Event(Severity.WARNING, event_log.Kind.AUTHORITY_AWAY, "it does not answer", about=about)
            event_log.write(connection, [away], world.now_ms)
        authority_calls.settle_absent(connection, ["movement"], world.now_ms)
    assert "movement" in only(world, "authority_away").detail
    with world.store.write() as connection:
        authority_calls.settle_absent(connection, ["day+movement"], world.now_ms)
    assert listed(world) == []


def test_many_unknown_badges_are_one_event(world: World) -> None:
    raws = world.clock.start()
    raws += [world.clock.punch(bytes([1, 2, 3, at])) for at in range(9)]
    world.punches(*raws)
    (event,) = [row for row in world.rows(schema.events) if row.kind == "badge_unknown"]
    assert event.detail.startswith("9 badges are unknown")
    assert figures(world)["unknown_badge"] == 9


def test_every_punch_of_a_visitors_badge_is_closed_at_once(world: World) -> None:
    punched(world, STRANGER_UID)
    world.punches(world.clock.punch(STRANGER_UID, Direction.OUT), world.clock.punch(bytes.fromhex("0badbeef")))
    with world.store.write() as connection:
        decision = Decision("office", "a visitor", world.now_ms)
        assert corrections.close_badge(connection, "clock-0001", 2, decision) == 2
    assert [row.item for row in listed(world)] == ["clock-0001/4"]
    assert world.states() == ["CLOSED", "CLOSED", "UNASSIGNED"]


# --- endings ---


async def test_an_authority_that_answers_again_is_away_no_more_and_so_after_a_restart(world: World) -> None:
    await authority_away(world)
    assert figures(world)["authority_away"] == 1
    with pytest.raises(PresenceError, match="ends when it answers"):
        settle(world, only(world, "authority_away").item)
    world.authority.script = []
    await until(world, "VALIDATED")  # by another registrar, which did not see it go
    assert figures(world)["authority_away"] == 0
    assert world.events().count("authority_back") == 1


async def test_an_event_that_is_seen_to_leaves_the_list_and_comes_again_when_it_happens_again(world: World) -> None:
    unknown_topic(world)
    unknown_topic(world)
    row = only(world, "unknown_topic")
    assert row.times == 2
    settle(world, row.item, "it was our own monitor")
    assert listed(world) == []
    act = world.rows(schema.acts)[-1]
    assert (act.act, act.operator, act.reason) == ("attention_settled", "office", "it was our own monitor")
    unknown_topic(world)
    assert only(world, "unknown_topic").times == 1
    with pytest.raises(PresenceError, match="waits for a person"):
        settle(world, row.item)


@pytest.mark.parametrize("item", ["event/99", "event/", "event/x", "event/99999999999999999999999", "BC1"])
def test_what_does_not_wait_is_not_seen_to(world: World, item: str) -> None:
    with pytest.raises(PresenceError):
        settle(world, item)


async def test_remarks_are_seen_to_and_forgotten_when_nothing_can_be_mended_any_more(world: World) -> None:
    await remarks(world)
    row = only(world, "remarks")
    assert "DIMONA" in row.detail
    world.now_ms += 31 * DAY_MS
    assert listed(world) == []
    world.now_ms -= 31 * DAY_MS
    settle(world, row.item)
    assert listed(world) == []
    with pytest.raises(PresenceError, match="nobody has seen to"):
        settle(world, row.item)


async def test_a_worker_whose_number_is_changed_needs_nobody(world: World) -> None:
    await number_changed(world)
    assert figures(world)["national_number_changed"] == 1
    world.change_worker("W-001", niss="00000100463")
    assert figures(world)["national_number_changed"] == 0


def test_a_clock_that_is_added_is_unknown_no_more(world: World) -> None:
    unknown_clock(world)
    world.add_clock(Clock("clock-0099"))
    assert listed(world) == []


def test_a_record_that_an_updated_bridge_has_taken_needs_nobody(world: World) -> None:
    newer_record(world)
    world.punches(world.clock.punch(ANNA_UID))
    assert [row.reason for row in listed(world)] == []


async def test_a_cancellation_that_is_refused_and_then_done_needs_nobody(world: World) -> None:
    await cancel_refused(world)
    world.authority.cancel_reasons = ("PLANNING",)
    await until(world, "VALIDATED")
    with world.store.write() as connection:
        decision = Decision("office", "again", world.now_ms)
        corrections.cancel(connection, reference(world), CancelCode.PLANNING, decision)
    await until(world, "CANCELLED")
    assert listed(world) == []


def test_a_correction_waits_instead_of_what_it_is_about(world: World) -> None:
    day_over(world)
    with world.store.write() as connection:
        decision = Decision("office", "she was there", world.now_ms)
        filed = corrections.correct(connection, reference(world), corrections.Right(), CancelCode.PLANNING, decision)
    assert isinstance(filed, Filed)
    (row,) = listed(world)
    assert (row.reason, row.item, row.worker, row.site) == ("correction_due", "correction/1", "W-001", SITE)
    assert date(2026, 2, 4).isoformat() in row.detail
    world.now_ms += 31 * DAY_MS
    assert "which is over" in only(world, "correction_due").detail


def test_punches_of_a_clock_under_quarantine_are_one_row_with_it(world: World) -> None:
    _held(world)
    world.punches(world.clock.punch(ANNA_UID))
    rows = listed(world)
    assert [row.reason for row in rows] == ["clock_quarantined"]
    assert "equivocation" in rows[0].detail


def test_the_oldest_come_first_and_no_more_than_asked_for(world: World) -> None:
    unknown_topic(world)
    for at in range(3):
        world.now_ms += MINUTE_MS
        world.punches(*(world.clock.start() if not at else []), world.clock.punch(bytes([7, 7, 7, at])))
    assert [row.reason for row in listed(world, 2)] == ["unknown_topic", "unknown_badge"]
    assert figures(world)["unknown_badge"] == 3


def test_every_reason_has_a_scene_and_every_event_need_is_an_event() -> None:
    assert list(SCENES) == list(NEEDS)
    assert all(source(NEEDS[reason].events[0]) in NEEDS[reason].sources for reason in EVENT_NEEDS)

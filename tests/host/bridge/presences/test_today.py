"""Who is here, since when, with which number or why not; and who was expected and has not punched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, select
from tests.host.bridge.presences import site_year
from tests.host.bridge.presences.site_year import OTHER_SITE, SiteYear, Tap
from tests.host.bridge.world import (
    ANNA_NISS,
    ANNA_UID,
    BOTH,
    BRAM_NISS,
    BRAM_UID,
    KBO,
    LUZ_UID,
    SITE,
    STRANGER_UID,
    WORKPLACE,
    Clock,
    World,
    token_of,
)
from typer.testing import CliRunner

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import badges, declared, employers, plans, sites
from badgeclock.bridge.people.declared import Period
from badgeclock.bridge.people.plans import Slot
from badgeclock.bridge.presences import expected_workers, today
from badgeclock.bridge.presences.attendance import Status
from badgeclock.bridge.presences.expectations import Source
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.presences.today import Person, PlaceToday
from badgeclock.bridge.registrar import corrections
from badgeclock.bridge.registrar.decisions import CancelCode, Decision
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.states import PresenceState
from badgeclock.cli.main import app
from badgeclock.protocol.record import Direction, Origin

DATABASES = BOTH
BRUSSELS = ZoneInfo("Europe/Brussels")
WHO = Operator("planner")
IN, OUT, BREAK, BACK = Direction.IN, Direction.OUT, Direction.BREAK_START, Direction.BREAK_END
MONDAY = date(2026, 1, 5)
OTHER = "1Y1TEST00002Z"
SECOND_KBO = "0448181966"


def ms(text: str, fold: int = 0) -> int:
    """A local time of the site, `2026-01-05 07:00`, as ms UTC."""
    local = datetime.fromisoformat(text).replace(tzinfo=BRUSSELS, fold=fold)
    return int(local.timestamp() * 1000)


LOOKS_MOST = 5
KEPT: WeakKeyDictionary[World, today.Kept] = WeakKeyDictionary()
"""The cache of a program that reads a test's world repeatedly: its reads equal those without a cache.
"""


def at(world: World, text: str, fold: int = 0) -> None:
    world.now_ms = ms(text, fold)


def tap(world: World, text: str, uid: bytes, way: Direction = IN, clock: Clock | None = None, fold: int = 0) -> None:
    """A punch by key at a local time, which the bridge gets at once."""
    clock = clock or world.clock
    at(world, text, fold)
    clock.utc_ms = world.now_ms
    start = [] if clock.sent else clock.start()
    world.punches(*start, clock.punch(uid, way, origin=Origin.KEY), clock=clock)


def look(world: World, day: date | None = None, site: str | None = None) -> list[PlaceToday]:
    with world.store.read() as connection:
        site_id = None if site is None else sites.row_id(connection, site)
        found = today.look(connection, world.now_ms, day=day, site_id=site_id)
        if day is None:
            kept = KEPT.setdefault(world, today.Kept())
            looks = [today.look(connection, world.now_ms, site_id=site_id, kept=kept)]
            while looks[-1] != found and len(looks) < LOOKS_MOST:  # on PostgreSQL somebody commits between statements
                found = today.look(connection, world.now_ms, site_id=site_id)
                looks.append(today.look(connection, world.now_ms, site_id=site_id, kept=kept))
            assert looks[-1] == found
        return list(found.places)


def people(world: World, day: date | None = None, site: str = SITE) -> dict[str | None, Person]:
    (place,) = look(world, day, site)
    found = {one.worker: one for one in place.people}
    assert len(found) == len(place.people), "nobody is there twice"
    return found


def plan(world: World, day: date, *slots: Slot, site: str = SITE) -> None:
    with world.store.write() as connection:
        plans.put(connection, site, day, slots, WHO, world.now_ms)


def stand(world: World, site: str = SITE, day: date | None = None) -> dict[str | None, str]:
    return {worker: str(one.status) for worker, one in people(world, day, site).items()}


async def test_who_is_here_since_when_with_which_number_or_why_not(world: World) -> None:
    world.authority.refused = {BRAM_NISS}
    tap(world, "2026-01-05 06:58", ANNA_UID)
    tap(world, "2026-01-05 07:02", BRAM_UID)
    tap(world, "2026-01-05 07:03", STRANGER_UID)
    await world.registered(lambda: len(world.receipts()) >= 3 and "QUEUED" not in world.states())
    tap(world, "2026-01-05 07:30", LUZ_UID)
    tap(world, "2026-01-05 09:00", ANNA_UID, BREAK)
    at(world, "2026-01-05 09:05")
    found = people(world)
    (anna, bram, luz) = (found[worker] for worker in ("W-001", "W-002", "W-003"))
    presences = {row.worker_id: row for row in world.rows(schema.presences)}
    assert (anna.status, anna.since_ms, anna.last_ms) == (
        Status.BREAK,
        ms("2026-01-05 06:58"),
        ms("2026-01-05 09:00"),
    )
    assert anna.number == presences[1].reception_number is not None
    assert anna.why is None
    assert (bram.status, bram.number, bram.why) == (Status.HERE, None, "refused by the authority: code 5 INVALID INSS")
    assert (luz.number, luz.why) == (None, "waits to be sent")
    assert (found[None].why, found[None].item) == ("nobody was given this badge", "clock-0001/4")
    tap(world, "2026-01-05 16:30", ANNA_UID, OUT)
    assert people(world)["W-001"].status is Status.GONE
    assert all(one.expected is None for one in people(world).values())
    # A day that is over stays to be looked at.
    at(world, "2026-01-06 05:00")
    assert stand(world, day=MONDAY) == {"W-001": "gone", "W-002": "here", "W-003": "here", None: "here"}
    assert look(world) == []


def test_a_plan_says_who_has_not_come_and_who_is_still_to_come(world: World) -> None:
    plan(world, MONDAY, Slot("W-001", 420, 930), Slot("W-002", 420, 930), Slot("W-003", 780))
    at(world, "2026-01-05 06:00")
    assert stand(world) == {"W-001": "later", "W-002": "later", "W-003": "later"}
    tap(world, "2026-01-05 07:20", ANNA_UID)
    found = people(world)
    assert stand(world) == {"W-001": "here", "W-002": "missing", "W-003": "later"}
    expected = found["W-002"].expected
    assert expected is not None
    assert (expected.source, expected.from_ms, expected.to_ms) == (
        Source.PLANNING,
        ms("2026-01-05 07:00"),
        ms("2026-01-05 15:30"),
    )
    assert found["W-001"].expected is not None
    at(world, "2026-01-05 13:00")
    assert stand(world)["W-003"] == "missing"
    # Tomorrow nobody is, by the plan; and next week nothing is known.
    plan(world, MONDAY + timedelta(days=1))
    (place,) = look(world, MONDAY + timedelta(days=1), SITE)
    assert (place.planned, place.people) == (True, ())
    (place,) = look(world, MONDAY + timedelta(days=7), SITE)
    assert (place.planned, place.people) == (False, ())


def test_a_plan_is_the_whole_of_its_day_and_can_be_withdrawn(world: World) -> None:
    plan(world, MONDAY, Slot("W-001"), Slot("W-002"))
    plan(world, MONDAY, Slot("W-002", 420), Slot("W-003"))
    at(world, "2026-01-05 08:00")
    assert stand(world) == {"W-002": "missing", "W-003": "missing"}
    acts = [row for row in world.rows(schema.acts) if row.act == "plan_put"]
    assert [row.detail for row in acts] == [
        {"day": "2026-01-05", "added": 2, "changed": 0, "removed": 0},
        {"day": "2026-01-05", "added": 1, "changed": 1, "removed": 1},
    ]
    plan(world, MONDAY, Slot("W-002", 420), Slot("W-003"))
    assert len([row for row in world.rows(schema.acts) if row.act == "plan_put"]) == 2
    with world.store.write() as connection:
        assert plans.withdraw(connection, SITE, MONDAY, WHO, world.now_ms) == 2
    assert look(world) == []
    assert world.rows(schema.plans) == world.rows(schema.expected) == []
    for slots in ([Slot("W-009")], [Slot("W-001"), Slot("W-001")], [Slot("W-001", None, 930)]):
        with pytest.raises(PeopleError):
            plan(world, MONDAY, *slots)
    assert world.rows(schema.plans) == []


def test_where_there_is_no_plan_the_last_five_working_days_say_who_is_expected(world: World) -> None:
    # Monday to Friday Anna, from Wednesday on Bram, on Friday Luz.
    for step in range(5):
        on = f"2026-01-{5 + step:02d}"
        tap(world, f"{on} 06:5{step}", ANNA_UID)
        tap(world, f"{on} 16:00", ANNA_UID, OUT)
        if step >= 2:
            tap(world, f"{on} 08:00", BRAM_UID)
        if step == 4:
            tap(world, f"{on} 08:00", LUZ_UID)
    at(world, "2026-01-10 09:00")
    assert look(world) == [], "on Saturday nobody is expected, for nobody works then"
    at(world, "2026-01-12 06:30")
    assert stand(world) == {"W-001": "later", "W-002": "later"}
    at(world, "2026-01-12 07:00")
    found = people(world)
    assert stand(world) == {"W-001": "missing", "W-002": "later"}
    habit = found["W-001"].expected
    assert habit is not None
    assert (habit.source, habit.days_there, habit.days_seen) == (Source.HABIT, 5, 5)
    assert habit.from_ms == ms("2026-01-12 06:54"), "by the latest of the first punches"
    at(world, "2026-01-12 08:00")
    assert stand(world) == {"W-001": "missing", "W-002": "missing"}
    tap(world, "2026-01-12 08:10", ANNA_UID)
    assert stand(world) == {"W-001": "here", "W-002": "missing"}
    # A worker without a badge has left; a plan without workers says that nobody is expected.
    with world.store.write() as connection:
        for badge, _ in badges.history(connection, "W-002"):
            badges.revoke(connection, badge, by="tests", now_ms=world.now_ms)
    assert stand(world) == {"W-001": "here"}
    plan(world, date(2026, 1, 13))
    at(world, "2026-01-13 12:00")
    assert look(world, site=SITE)[0].people == ()


def test_what_is_kept_of_the_last_working_days_is_what_the_store_has(world: World) -> None:
    for step in range(5):
        tap(world, f"2026-01-{5 + step:02d} 06:5{step}", ANNA_UID)
        if step >= 2:
            tap(world, f"2026-01-{5 + step:02d} 08:00", BRAM_UID)
    at(world, "2026-01-12 06:30")
    assert stand(world) == {"W-001": "later", "W-002": "later"}
    # Without a change nothing of these days is looked up again, nor after a punch of today.
    tap(world, "2026-01-12 06:31", LUZ_UID)
    with world.store.read() as connection:
        asked: list[str] = []
        event.listen(connection, "before_cursor_execute", lambda *of: asked.append(of[2]))
        today.look(connection, world.now_ms, kept=KEPT[world])
        assert asked
        assert not [one for one in asked if " BETWEEN " in one and "presences.day" in one]
    # A punch of Friday that is there only now was before the one that was the first.
    assert expected_from(world, "W-001") == "06:54"
    table, punches = schema.presences, schema.punches
    with world.store.write() as connection:
        of_friday = punches.c.presence_id == table.c.id, table.c.worker_id == 1, table.c.day == date(2026, 1, 9)
        row = connection.execute(select(punches).where(*of_friday)).one()._asdict()
        connection.execute(
            punches.insert(), {**row, "id": row["id"] + 100, "seq": 900, "utc_ms": ms("2026-01-09 06:40")}
        )
    assert expected_from(world, "W-001") == "06:53"
    # Without Wednesday, Bram was there on two days of five.
    with world.store.write() as connection:
        bram = (table.c.worker_id == 2) & (table.c.day == date(2026, 1, 7))
        assert connection.execute(table.update().where(bram).values(state=PresenceState.CLOSED)).rowcount == 1
    assert stand(world) == {"W-001": "later", "W-003": "here"}
    # A change that nothing else shows is seen ten minutes later.
    with world.store.write() as connection:
        of_thursday = select(table.c.id).where(table.c.worker_id == 1, table.c.day == date(2026, 1, 8))
        change = punches.update().where(punches.c.presence_id.in_(of_thursday))
        connection.execute(change.values(utc_ms=punches.c.utc_ms + 120_000))
    world.now_ms += expected_workers.HELD_MS
    assert expected_from(world, "W-001") == "06:55"


def expected_from(world: World, worker: str) -> str:
    expected = people(world)[worker].expected
    assert expected is not None
    assert expected.from_ms is not None
    return f"{datetime.fromtimestamp(expected.from_ms / 1000, BRUSSELS):%H:%M}"


NIGHTS = {"night_hours": "22:00-06:00"}


@pytest.mark.parametrize("regime", [Regime.CONSTRUCTION, Regime.CLEANING])
def test_whoever_came_before_midnight_is_here_after_it(world: World, regime: Regime) -> None:
    world.change_site(regime=regime, **NIGHTS)
    plan(world, MONDAY, Slot("W-001", 1320, 360), Slot("W-002", 1320, 360), Slot("W-003", 1320, 360))
    tap(world, "2026-01-05 21:50", ANNA_UID)
    at(world, "2026-01-05 22:10")
    assert stand(world) == {"W-001": "here", "W-002": "missing", "W-003": "missing"}
    tap(world, "2026-01-06 00:20", LUZ_UID)
    tap(world, "2026-01-06 01:00", ANNA_UID, BREAK)
    tap(world, "2026-01-06 01:30", ANNA_UID, BACK)
    at(world, "2026-01-06 02:00")
    found = people(world)
    assert stand(world) == {"W-001": "here", "W-002": "missing", "W-003": "here"}
    assert found["W-001"].since_ms == ms("2026-01-05 21:50")
    assert found["W-001"].declarations[0].day == MONDAY
    assert found["W-002"].expected is not None
    assert found["W-002"].expected.to_ms == ms("2026-01-06 06:00")
    tap(world, "2026-01-06 06:05", ANNA_UID, OUT)
    assert stand(world) == {"W-001": "gone", "W-003": "here"}
    # The day before, looked at later, has the whole night.
    assert people(world, MONDAY)["W-001"].last_ms == ms("2026-01-06 06:05")
    assert stand(world, day=MONDAY) == {"W-001": "gone", "W-002": "missing", "W-003": "here"}
    # Planned for the next night too, who went in the morning is still to come.
    plan(world, MONDAY + timedelta(days=1), Slot("W-001", 1320, 360))
    (place,) = look(world, site=SITE)
    assert [one.status for one in place.people if one.worker == "W-001"] == [Status.GONE, Status.LATER]


def test_a_night_of_movements_is_of_the_day_on_which_its_worker_came(world: World) -> None:
    world.change_site(regime=Regime.CLEANING, **NIGHTS)
    for step in range(4):
        first, second = f"2026-01-{5 + step:02d}", f"2026-01-{6 + step:02d}"
        tap(world, f"{first} 21:5{step}", ANNA_UID)
        tap(world, f"{second} 01:00", ANNA_UID, BREAK)
        tap(world, f"{second} 01:30", ANNA_UID, BACK)
        tap(world, f"{second} 06:00", ANNA_UID, OUT)
    at(world, "2026-01-12 12:00")
    expected = people(world)["W-001"].expected
    assert expected is not None
    assert (expected.days_there, expected.days_seen) == (4, 4), "the mornings of Friday and Saturday are no day of hers"
    assert expected.from_ms == ms("2026-01-12 21:53")
    at(world, "2026-01-09 12:00")
    assert stand(world, day=date(2026, 1, 10)) == {}


def test_a_forgotten_out_keeps_nobody_here_longer_than_the_longest_shift(world: World) -> None:
    tap(world, "2026-01-05 15:00", ANNA_UID)
    at(world, "2026-01-06 02:00")
    assert stand(world) == {"W-001": "here"}
    at(world, "2026-01-06 03:01")
    assert look(world) == []
    # A punch that says no direction may be a going: it keeps nobody here over midnight.
    tap(world, "2026-01-06 17:00", BRAM_UID, Direction.NONE)
    assert stand(world) == {"W-002": "here"}
    at(world, "2026-01-07 00:05")
    assert look(world) == []


@pytest.mark.parametrize(
    ("night", "came", "went", "hours"),
    [
        ("2026-03-29", "2026-03-28 21:55", "2026-03-29 06:00", 7),
        ("2026-10-25", "2026-10-24 21:55", "2026-10-25 06:00", 9),
    ],
)
def test_both_nights_on_which_the_clocks_change(world: World, night: str, came: str, went: str, hours: int) -> None:
    world.change_site(**NIGHTS)
    day = date.fromisoformat(night)
    before = day - timedelta(days=1)
    plan(world, before, Slot("W-001", 1320, 360), Slot("W-002", 1320, 360))
    plan(world, day, Slot("W-003", 150, 300))
    tap(world, came, ANNA_UID)
    at(world, f"{night} 04:00")
    (place,) = look(world)
    found = {one.worker: one for one in place.people}
    assert place.day == day
    assert {worker: str(one.status) for worker, one in found.items()} == {
        "W-001": "here",
        "W-002": "missing",
        "W-003": "missing",
    }
    expected = found["W-001"].expected
    assert expected is not None
    assert expected.from_ms is not None
    assert expected.to_ms == ms(went)
    assert expected.to_ms - expected.from_ms == hours * 3_600_000
    at(world, f"{night} 01:59")
    assert stand(world)["W-003"] == "later"
    at(world, f"{before.isoformat()} 23:30")
    assert stand(world) == {"W-001": "here", "W-002": "missing"}


def test_in_the_hour_that_comes_twice_a_time_says_which_it_is(world: World, tmp_path: Path, monkeypatch: Any) -> None:
    tap(world, "2026-10-25 02:10", ANNA_UID)
    tap(world, "2026-10-25 02:05", BRAM_UID, fold=1)
    at(world, "2026-10-25 02:20", fold=1)
    lines = run(world, tmp_path, monkeypatch).splitlines()
    assert [line.split()[:4] for line in lines if line.strip().startswith("W-")] == [
        ["W-001", "here", "02:10", "(+0200)"],
        ["W-002", "here", "02:05", "(+0100)"],
    ]


def test_gates_with_one_workplace_number_are_one_place(world: World) -> None:
    clock = world.add_site("Gate B", WORKPLACE, Regime.CONSTRUCTION)
    plan(world, MONDAY, Slot("W-001", 420), Slot("W-002", 420))
    plan(world, MONDAY, Slot("W-003", 420), site="Gate B")
    tap(world, "2026-01-05 07:00", ANNA_UID, clock=clock)
    tap(world, "2026-01-05 12:00", ANNA_UID, OUT)
    (place,) = look(world)
    assert place.sites == (SITE, "Gate B")
    found = people(world, site="Gate B")
    assert (found["W-001"].status, found["W-001"].site) == (Status.GONE, SITE)
    assert (found["W-002"].status, found["W-002"].site) == (Status.MISSING, SITE)
    assert (found["W-003"].status, found["W-003"].site) == (Status.MISSING, "Gate B")


def test_who_is_expected_here_and_is_elsewhere_is_not_missing(world: World) -> None:
    clock = world.add_site("Hall 3", OTHER, Regime.CONSTRUCTION)
    plan(world, MONDAY, Slot("W-001", 420), Slot("W-002", 420))
    tap(world, "2026-01-05 07:10", ANNA_UID, clock=clock)
    found = people(world)
    assert (found["W-001"].status, found["W-001"].elsewhere) == (Status.ELSEWHERE, "Hall 3")
    assert [place.sites for place in look(world)] == [("Hall 3",), (SITE,)]
    assert people(world, site="Hall 3")["W-001"].status is Status.HERE
    # Who works at both is still to come until it is time.
    plan(world, MONDAY, Slot("W-001", 780))
    assert stand(world) == {"W-001": "later"}
    at(world, "2026-01-05 13:00")
    assert stand(world) == {"W-001": "elsewhere"}


def test_a_presence_that_was_cancelled_is_nobody_here(world: World) -> None:
    plan(world, MONDAY, Slot("W-001", 420))
    tap(world, "2026-01-05 07:10", ANNA_UID)
    tap(world, "2026-01-05 07:12", BRAM_UID)
    anna, bram = (row.reference for row in world.rows(schema.presences))
    with world.store.write() as connection:
        decision = Decision("office", "somebody else had the badge", world.now_ms)
        corrections.cancel(connection, anna, CancelCode.PLANNING, decision)
        corrections.correct(connection, bram, corrections.Right("W-003"), CancelCode.PLANNING, decision)
    found = people(world)
    assert stand(world) == {"W-001": "missing", "W-003": "here"}
    assert found["W-001"].why == "its presence was closed by a person"


def test_what_waits_for_a_person_is_said(world: World) -> None:
    world.change_site(regime=Regime.CLEANING)
    tap(world, "2026-01-05 07:00", ANNA_UID, Direction.NONE)
    tap(world, "2026-01-05 07:05", BRAM_UID)
    world.clock.utc_ms = 0
    world.punches(world.clock.punch(LUZ_UID))
    found = people(world)
    assert found["W-001"].why == "waits for a person: no_direction"
    assert found["W-001"].item == "clock-0001/2"
    assert (found["W-003"].why, found["W-003"].since_ms) == ("waits for a person: no_time", world.now_ms)
    # A coming without its number is what counts, though its break has one.
    with world.store.write() as connection:
        connection.execute(schema.presences.update().values(state="SENT", due_ms=None, sent_ms=world.now_ms, tries=1))
    assert people(world)["W-002"].why == "sent, no answer yet"


def dimona(world: World, worker: str, period: Period, kbo: str = KBO) -> None:
    with world.store.write() as connection:
        worker_id = declared.worker_of(connection, world.vault, worker, "")
        employer_id = declared.find_employer(connection, kbo)
        assert worker_id is not None
        assert employer_id is not None
        declared.put_period(connection, worker_id, employer_id, period)


def works(world: World, site: str, kbo: str = KBO, last: date | None = None) -> None:
    with world.store.write() as connection:
        employer_id = declared.find_employer(connection, kbo)
        assert employer_id is not None
        declared.put_works(connection, sites.row_id(connection, site), employer_id, date(2026, 1, 1), last)


def test_dimona_and_the_declaration_of_works_say_who_is_expected_where_that_is_one_site(world: World) -> None:
    world.add_site("Hall 3", OTHER, Regime.CONSTRUCTION)
    dimona(world, "W-001", Period(date(2025, 1, 1)))
    dimona(world, "W-002", Period(MONDAY, MONDAY, 480, 960))
    works(world, "Hall 3")
    at(world, "2026-01-05 07:30")
    assert stand(world, "Hall 3") == {"W-001": "missing", "W-002": "later"}
    assert people(world, site="Hall 3")["W-002"].expected == today.Expected(
        Source.DIMONA, ms("2026-01-05 08:00"), ms("2026-01-05 16:00"), None, None
    )
    works(world, SITE, last=MONDAY)
    assert look(world) == [], "at two sites Dimona names neither"
    at(world, "2026-01-06 07:30")
    assert stand(world, "Hall 3") == {"W-001": "missing"}


def test_who_left_by_dimona_is_expected_by_no_habit_and_who_has_one_site_at_no_other(world: World) -> None:
    world.add_site("Hall 3", OTHER, Regime.CONSTRUCTION)
    for step in range(5):
        for uid in (ANNA_UID, BRAM_UID, LUZ_UID):
            tap(world, f"2026-01-{5 + step:02d} 07:00", uid)
    at(world, "2026-01-12 07:30")
    assert stand(world) == {"W-001": "missing", "W-002": "missing", "W-003": "missing"}
    dimona(world, "W-001", Period(date(2025, 1, 1), date(2026, 1, 9)))
    assert stand(world) == {"W-002": "missing", "W-003": "missing"}
    dimona(world, "W-002", Period(date(2025, 1, 1)))
    assert stand(world)["W-002"] == "missing", "no works say otherwise"
    works(world, "Hall 3")
    assert stand(world) == {"W-003": "missing"}
    assert stand(world, "Hall 3") == {"W-002": "missing"}
    # Dimona gives no times: who usually comes at seven is expected then.
    tap(world, "2026-01-12 07:30", LUZ_UID)
    with world.store.write() as connection:
        connection.execute(schema.works.update().values(site_id=1))
    at(world, "2026-01-13 06:59")
    assert stand(world) == {"W-002": "later", "W-003": "later"}


def test_a_dimona_period_gets_its_end_and_is_cancelled(world: World) -> None:
    with world.store.write() as connection:
        employers.add(connection, SECOND_KBO, "Tweede")
    dimona(world, "W-001", Period(MONDAY))
    dimona(world, "W-001", Period(MONDAY, MONDAY + timedelta(days=30)))
    dimona(world, "W-001", Period(MONDAY), SECOND_KBO)
    assert [(row.from_day, row.to_day) for row in world.rows(schema.dimona_periods)] == [
        (MONDAY, MONDAY + timedelta(days=30)),
        (MONDAY, None),
    ]
    with world.store.write() as connection:
        assert declared.cancel_period(connection, 1, 2, Period(MONDAY)).happened
        assert not declared.cancel_period(connection, 1, 2, Period(MONDAY)).happened
        with pytest.raises(PeopleError, match="ends before"):
            declared.put_period(connection, 1, 1, Period(MONDAY, MONDAY - timedelta(days=1)))
    assert len(world.rows(schema.dimona_periods)) == 1


def key_of(tap: Tap) -> str:
    """The key that was pressed before; empty: none."""
    return tap.meant if tap.by_key else ""


class Watched(SiteYear):
    """A simulated site, reported after every tap; the report is compared to the taps."""

    looks = 0

    def _deliver(self, group: list[Tap]) -> None:
        super()._deliver(group)
        now_ms = self.world.now_ms
        seen = {Status.HERE, Status.BREAK, Status.GONE}
        told = {
            place.sites: {one.worker: one for one in place.people if one.status in seen} for place in look(self.world)
        }
        for sites_of, gates in ((("Quay 7",), "AB"), ((OTHER_SITE,), "C")):
            shown = told.get(sites_of, {})
            for worker in range(len(self.uids)):
                taps = [tap for tap in self.plan.taps if tap.worker == worker and tap.gate in gates]
                before = [tap for tap in taps if tap.utc_ms < now_ms]
                if not before or not before[-1].by_key:
                    continue
                self.looks += 1
                person = shown.get(f"S-{worker:03d}")
                is_inside = before[-1].meant != "out"
                assert (person is not None and person.status in (Status.HERE, Status.BREAK)) == is_inside, (
                    self.seed,
                    worker,
                    datetime.fromtimestamp(now_ms / 1000, BRUSSELS),
                    person,
                )
                if person is not None and is_inside:
                    came = max(tap.utc_ms for tap in before if key_of(tap) == "in")
                    on_break = [key_of(tap) for tap in before if tap.utc_ms >= came].count("break") % 2 == 1
                    assert person.since_ms == came
                    assert (person.status is Status.BREAK) == on_break
                    # The presence of this moment's tap is still to be sent; every other has its number.
                    assert (person.number is None) == (person.why is not None)


@pytest.mark.parametrize("first", [date(2026, 3, 26), date(2026, 10, 22)], ids=["spring", "autumn"])
async def test_of_a_site_that_lives_everybody_inside_is_shown_and_nobody_else(
    world: World, first: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    for what in ("FORGETS", "OUTAGES", "CORRECTS"):
        monkeypatch.setattr(site_year, what, 0.0)
    watched = Watched(world, 3, first, 5, 6)
    await watched.live()
    assert watched.looks > 100


def run(world: World, folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    config = folder / "bridge.toml"
    url = world.store._engine.url.render_as_string(hide_password=False)
    config.write_text(
        f'[store]\nurl = "{url}"\n[broker]\nca = "ca"\ncertificate = "c"\nkey = "k"\n'
        '[secrets]\ndata_key_file = "data.key"\n[authority]\nendpoint = "http://localhost/"\n'
    )
    monkeypatch.setattr("badgeclock.cli.today.wall_clock_ms", lambda: world.now_ms)
    done = CliRunner().invoke(app, ["bridge", "today", *arguments, "--config", str(config)])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_one_command_shows_it_and_names_nobody(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add_site("Hall 3", OTHER, Regime.CONSTRUCTION)
    plan(world, MONDAY, Slot("W-001", 420, 930), Slot("W-002", 1320, 360), Slot("W-003"))
    plan(world, MONDAY, Slot("W-003", 780), site="Hall 3")
    tap(world, "2026-01-05 06:58", ANNA_UID)
    tap(world, "2026-01-05 07:03", STRANGER_UID)
    at(world, "2026-01-05 09:05")
    shown = run(world, tmp_path, monkeypatch)
    assert lines_of(shown) == [
        "Hall 3  1Y1TEST00002Z  Mon 2026-01-05  1 still to come",
        "  worker  is     since  number, or why not  expected",
        "  W-003   later                             13:00  planning tool",
        "",
        "Quay 7  1Y1TEST00001Z  Mon 2026-01-05  2 here, 1 missing, 1 still to come",
        "  worker         is       since  number, or why not                          expected",
        "  W-001          here     06:58  waits to be sent                            07:00-15:30  planning tool",
        "  unknown badge  here     07:03  nobody was given this badge (clock-0001/3)",
        "  W-003          missing                                                     planning tool",
        "  W-002          later                                                       22:00-06:00  planning tool",
    ]
    assert lines_of(run(world, tmp_path, monkeypatch, "--site", "Hall 3"))[0].startswith("Hall 3")
    whole = json.loads(run(world, tmp_path, monkeypatch, "--json"))
    told = shown + json.dumps(whole)
    for secret in ("Anna", "Proef", ANNA_NISS, ANNA_UID.hex(), token_of(ANNA_UID).hex(), token_of(STRANGER_UID).hex()):
        assert secret not in told
    (hall, quay) = whole["places"]
    assert hall["counts"]["later"] == 1
    assert quay["people"][0]["since"] == "2026-01-05T06:58:00+01:00"
    assert quay["people"][0]["declarations"][0]["state"] == "QUEUED"
    assert run(world, tmp_path, monkeypatch, "--day", "2026-01-06", "--json") != ""
    assert run(world, tmp_path, monkeypatch, "--day", "2026-03-01") == "Nobody is at a site, and nobody is expected.\n"
    at(world, "2026-01-06 05:00")
    assert "W-001          no OUT" in run(world, tmp_path, monkeypatch, "--day", "2026-01-05")


def test_what_looks_like_markup_is_shown_as_it_stands(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_site("Yard [/b] :bomb:", OTHER, Regime.CONSTRUCTION)
    plan(world, MONDAY, Slot("W-003"), site="Yard [/b] :bomb:")
    tap(world, "2026-01-05 06:58", ANNA_UID)
    with world.store.write() as connection:
        connection.execute(schema.presences.update().values(state="SENT", due_ms=None))
        connection.execute(schema.presences.update().values(state="REFUSED", error_code=5, error_text="[red] [/]"))
    shown = run(world, tmp_path, monkeypatch)
    assert "Yard [/b] :bomb:" in shown
    assert "code 5 [red] [/]" in shown


def lines_of(text: str) -> Sequence[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]

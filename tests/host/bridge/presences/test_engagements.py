"""A person with several employers: badge, site or office chooses, what is ambiguous waits; a person-day is one row."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from tests.host.bridge.world import ANNA_UID, BOTH, KBO, SITE, WORKPLACE, World

from badgeclock.bridge.errors import PeopleError, PresenceError
from badgeclock.bridge.people import badges, employers, engagements
from badgeclock.bridge.people.engagements import Engaged
from badgeclock.bridge.presences.employment import Employer, Engagement, Holder, employer_on
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.registrar import corrections
from badgeclock.bridge.registrar.corrections import Right
from badgeclock.bridge.registrar.decisions import CancelCode, Decision
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.protocol.record import Direction

DATABASES = BOTH
SECOND = "0206731645"
MON = date(2026, 1, 5)
SECOND_UID = bytes.fromhex("0a0b0c0d")


def engage(world: World, employer: str = SECOND, **engaged: Any) -> None:
    with world.store.write() as connection:
        employers.put(connection, employer, "Onderaannemer")
        operator = Operator("tests", "two contracts")
        engagements.engage(connection, "W-001", Engaged(employer, **engaged), operator, world.now_ms)


def declared(world: World) -> list[tuple[str, str]]:
    return [(row.employer_kbo, row.state) for row in world.rows(schema.presences)]


ONE = Engagement(1, SECOND)


@pytest.mark.parametrize(
    ("engaged", "badge_for", "employer"),
    [
        ([], None, Employer(KBO)),
        ([ONE], None, None),
        ([ONE], 1, Employer(SECOND, by_badge=True)),
        ([ONE._replace(site_ids=frozenset({7}))], None, Employer(SECOND)),
        ([ONE._replace(site_ids=frozenset({8}))], None, Employer(KBO)),
        ([ONE._replace(from_day=date(2026, 1, 6))], None, Employer(KBO)),
        ([ONE._replace(to_day=date(2026, 1, 4))], None, Employer(KBO)),
        ([ONE._replace(to_day=date(2026, 1, 4))], 1, Employer(KBO)),
        # The worker's own employer until Sunday, another from Monday on.
        (
            [Engagement(1, KBO, to_day=date(2026, 1, 4)), Engagement(2, SECOND, date(2026, 1, 5))],
            None,
            Employer(SECOND),
        ),
        ([Engagement(1, KBO, to_day=date(2026, 1, 4))], None, None),
        ([ONE._replace(site_ids=frozenset({7})), Engagement(2, KBO, site_ids=frozenset({7}))], None, None),
    ],
)
def test_which_employer_declares(engaged: list[Engagement], badge_for: int | None, employer: Employer | None) -> None:
    assert employer_on(Holder(1, KBO, tuple(engaged), badge_for), 7, MON) == employer


def test_what_is_ambiguous_waits_for_a_person_who_names_the_employer(world: World) -> None:
    engage(world)
    world.punches(*world.clock.start(), world.clock.punch())
    assert [(one["state"], one["reason"]) for one in world.shown()] == [("WAITING", "which_employer")]
    assert "presence_waits" in world.events()
    decision = Decision("tests", "asked her", world.now_ms)
    with world.store.write() as connection:
        with pytest.raises(PresenceError, match="--employer"):
            corrections.declare_punch(connection, "clock-0001", 2, corrections.Meant(), decision)
        with pytest.raises(PresenceError, match="not engaged"):
            corrections.declare_punch(
                connection, "clock-0001", 2, corrections.Meant(employer_kbo="0999999922"), decision
            )
        corrections.declare_punch(connection, "clock-0001", 2, corrections.Meant(employer_kbo=SECOND), decision)
    world.punches(world.clock.punch(direction=Direction.OUT), world.clock.punch())
    assert declared(world) == [(SECOND, "QUEUED")]
    assert world.states() == ["QUEUED"] * 3


def test_the_site_chooses(world: World) -> None:
    clock = world.add_site("Quay 8", "1Y1TEST00002Z", Regime.CONSTRUCTION)
    engage(world, sites=("Quay 8",))
    world.punches(*world.clock.start(), world.clock.punch())
    world.punches(*clock.start(), clock.punch(), clock=clock)
    assert declared(world) == [(KBO, "QUEUED"), (SECOND, "QUEUED")]


def test_a_badge_of_the_other_employer_opens_that_ones_presence_and_goes_with_it(world: World) -> None:
    engage(world)
    engage(world, KBO)
    with world.store.write() as connection:
        for uid, employer in ((ANNA_UID, KBO), (SECOND_UID, SECOND)):
            badges.assign(
                connection, world.vault, site=SITE, worker="W-001", uid=uid, employer_kbo=employer, now_ms=world.now_ms
            )
    world.punches(
        *world.clock.start(),
        world.clock.punch(ANNA_UID),
        world.clock.punch(ANNA_UID, Direction.OUT),
        world.clock.punch(SECOND_UID),
        world.clock.punch(SECOND_UID, Direction.OUT),
    )
    assert declared(world) == [(KBO, "QUEUED"), (SECOND, "QUEUED")]
    assert [row.presence_id for row in world.rows(schema.punches)] == [1, 1, 2, 2]


def test_a_correction_names_the_employer_and_a_punch_of_the_same_day_meets_it(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch())
    engage(world)
    reference = world.rows(schema.presences)[0].reference
    decision = Decision("tests", "for the other", world.now_ms)
    with world.store.write() as connection:
        with pytest.raises(PresenceError, match="--employer"):
            corrections.correct(connection, reference, Right(), CancelCode.PLANNING, decision)
        corrections.correct(connection, reference, Right(employer_kbo=SECOND), CancelCode.PLANNING, decision)
    world.punches(world.clock.punch(direction=Direction.OUT))
    assert declared(world) == [(SECOND, "QUEUED")]


async def test_a_registered_presence_is_replaced_under_the_employer_that_was_named(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch())
    engage(world)
    await world.registered(lambda: world.states() == ["REGISTERED"])
    reference = world.rows(schema.presences)[0].reference
    with world.store.write() as connection:
        decision = Decision("tests", "for the other", world.now_ms)
        corrections.correct(connection, reference, Right(employer_kbo=SECOND), CancelCode.PLANNING, decision)
    await world.registered(lambda: [state for _, state in declared(world)] == ["CANCELLED", "REGISTERED"])
    assert [found.company_id for found in world.authority.books] == [KBO, SECOND]


def test_what_a_person_declares_and_what_is_punched_meet_in_one_row_whatever_changed_between(world: World) -> None:
    clock = world.clock
    engage(world)
    world.punches(*clock.start(), clock.punch())
    with world.store.write() as connection:
        decision = Decision("tests", "asked her", world.now_ms)
        corrections.declare_punch(connection, "clock-0001", 2, corrections.Meant(employer_kbo=SECOND), decision)
    world.change_site(workplace="1Y1TEST00009Z")
    world.change_worker("W-001", niss="00000100463")
    clock.utc_ms = world.now_ms = world.now_ms + 3_600_000
    world.punches(clock.punch(direction=Direction.OUT), clock.punch())
    assert [(row.employer_kbo, row.workplace) for row in world.rows(schema.presences)] == [(SECOND, WORKPLACE)]


def test_an_engagement_that_cannot_be_is_refused(world: World) -> None:
    with pytest.raises(PeopleError, match="ends before"):
        engage(world, from_day=date(2026, 1, 6), to_day=date(2026, 1, 5))
    with pytest.raises(PeopleError, match="no site"):
        engage(world, sites=("nowhere",))
    with world.store.write() as connection, pytest.raises(PeopleError, match="not engaged"):
        badges.assign(
            connection, world.vault, site=SITE, worker="W-001", uid=ANNA_UID, employer_kbo=SECOND, now_ms=world.now_ms
        )


def test_the_same_engagement_again_changes_nothing_and_another_end_is_an_act(world: World) -> None:
    engage(world, from_day=MON)
    engage(world, from_day=MON)
    engage(world, from_day=MON, to_day=date(2026, 6, 30))
    assert [row.to_day for row in world.rows(schema.engagements)] == [date(2026, 6, 30)]
    assert [row.act for row in world.rows(schema.acts)].count("worker_engaged") == 2

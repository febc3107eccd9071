"""Employers, sites, workers, badges and clocks."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.host.bridge.world import ANNA_NISS, ANNA_UID, KBO, SITE, SITE_KEY, WORKPLACE, Clock, World, token_of

from badgeclock.bridge.clocks import enrolment
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import badges, employers, identities, sites, workers
from badgeclock.bridge.people.identities import Identity
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import IdentityKind


@pytest.mark.parametrize(
    "number",
    [
        "00000100166",  # born before 2000, on the fictitious 00.00.01
        "00000100195",  # born since 2000
        "00200100211",  # bis, sex unknown
        "00400100580",  # bis, born since 2000
        "00993100153",  # month and day that no calendar has
        "85.07.30-033 28",
        "00000100265",
    ],
)
def test_national_and_bis_numbers_are_taken(number: str) -> None:
    taken = identities.niss(number)
    assert taken.kind is IdentityKind.NISS
    assert taken.number.isdigit()
    assert len(taken.number) == 11


@pytest.mark.parametrize("number", ["00000100167", "0000010016", "000001001668", "", "abcdefghijk", "00000O00166"])
def test_numbers_with_wrong_check_digits_are_refused_without_quoting_them(number: str) -> None:
    with pytest.raises(PeopleError) as refused:
        identities.niss(number)
    assert not number or number not in str(refused.value)


@given(st.text())
def test_any_text_is_a_national_number_or_refused(text: str) -> None:
    try:
        identities.niss(text)
    except PeopleError:
        return


@given(st.text())
def test_any_text_is_a_limosa_number_or_refused(text: str) -> None:
    try:
        identities.limosa(text)
    except PeopleError:
        return


def test_a_number_is_in_no_repr_and_masked_for_people() -> None:
    identity = identities.niss(ANNA_NISS)
    assert ANNA_NISS not in repr(identity)
    assert identity.masked == "*********65"


@pytest.mark.parametrize("kbo", ["0438195916", "438195916", "BE 0438.195.916", "0448181966", "0206731645"])
def test_enterprise_numbers_are_taken_in_any_writing(world: World, kbo: str) -> None:
    with world.store.write() as connection:
        first = employers.add(connection, kbo)
        assert employers.add(connection, kbo) == first


def test_a_wrong_enterprise_number_is_refused(world: World) -> None:
    with pytest.raises(PeopleError), world.store.write() as connection:
        employers.add(connection, "0438195917")


def add(world: World, **changes: object) -> None:
    values = {
        "reference": "W-100",
        "name": "Carl Proef",
        "identity": identities.niss("00000100166"),
        "employer_kbo": KBO,
        **changes,
    }
    with world.store.write() as connection:
        workers.add(connection, world.vault, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"reference": "W-001"},
        {"reference": " "},
        {"identity": Identity(IdentityKind.NISS, ANNA_NISS)},
        {"employer_kbo": None},
        {"employer_kbo": "0448181966"},
    ],
    ids=["reference taken", "no reference", "number taken", "no employer", "unknown employer"],
)
def test_a_worker_who_cannot_be_is_refused(world: World, changes: dict[str, object]) -> None:
    with pytest.raises(PeopleError) as refused:
        add(world, **changes)
    assert ANNA_NISS not in str(refused.value)
    assert len(world.rows(schema.workers)) == 3
    add(world)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": SITE},
        {"workplace": "1Y1"},
        {"workplace": "1Y1TEST00001É"},
        {"site_key": b"short"},
        {"time_zone": "Europe/Atlantis"},
        {"time_zone": "../../etc/passwd"},
    ],
    ids=str,
)
def test_a_site_that_cannot_be_is_refused(world: World, changes: dict[str, object]) -> None:
    values = {
        "name": "Quay 8",
        "workplace": WORKPLACE,
        "regime": Regime.MEAT,
        "site_key": SITE_KEY,
        **changes,
    }
    with pytest.raises(PeopleError), world.store.write() as connection:
        sites.add(connection, world.vault, **values)  # type: ignore[arg-type]
    assert len(world.rows(schema.sites)) == 1


def test_a_badge_is_kept_as_its_token_and_only_that(world: World) -> None:
    (first, *_) = world.rows(schema.badges)
    assert first.token == token_of(ANNA_UID)
    assert ANNA_UID not in b"".join(value for value in first if isinstance(value, bytes))


@pytest.mark.parametrize(
    ("site", "worker", "uid"),
    [("Quay 9", "W-001", ANNA_UID), (SITE, "W-999", ANNA_UID), (SITE, "W-001", b"12345")],
    ids=["no such site", "no such worker", "no such UID"],
)
def test_a_badge_that_cannot_be_given_is_refused(world: World, site: str, worker: str, uid: bytes) -> None:
    with pytest.raises(PeopleError), world.store.write() as connection:
        badges.assign(connection, world.vault, site=site, worker=worker, uid=uid, now_ms=world.now_ms)
    assert len(world.rows(schema.badges)) == 3


def test_the_same_bundle_again_changes_nothing(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch())
    world.add_clock(world.clock)
    assert [row.next_seq for row in world.rows(schema.clocks)] == [3]


def test_a_clock_provisioned_anew_begins_again_and_its_earlier_records_stay(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch())
    again = world.add_clock(Clock(nonce=b"life two"))
    raws = [*again.start(), again.punch()]
    taken = world.punches(*raws, clock=again)
    assert [ack.next_seq for ack in taken.acks.values()] == [3]
    assert [(row.state, row.next_seq) for row in world.rows(schema.clocks)] == [("RETIRED", 3), ("ACTIVE", 3)]
    assert len(world.stored()) == 6
    assert len({punch["presence"] for punch in world.shown()}) == 1
    assert world.events() == ["clock_replaced"]


GOOD = Clock("clock-0002").bundle()


@pytest.mark.parametrize("field", ["v", "clock_id", "genesis_nonce", "e0", "link_key"])
@pytest.mark.parametrize("value", [None, 7, "", "zz", "00", [], {}], ids=repr)
def test_a_bundle_with_a_strange_field_is_refused(world: World, field: str, value: object) -> None:
    with pytest.raises(PeopleError), world.store.write() as connection:
        enrolment.add(connection, world.vault, {**GOOD, field: value}, site=SITE, now_ms=0)
    assert len(world.rows(schema.clocks)) == 1


@given(st.one_of(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps)))
def test_any_text_is_a_bundle_or_refused(text: str) -> None:
    try:
        assert isinstance(enrolment.read_bundle(text), dict)
    except PeopleError:
        return


def test_only_a_clock_under_quarantine_can_be_released(world: World) -> None:
    with pytest.raises(PeopleError):
        world.release()

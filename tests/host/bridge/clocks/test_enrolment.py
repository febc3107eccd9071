"""Clocks that are added from their bundles."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.host.bridge.world import SITE, Clock, World

from badgeclock.bridge.clocks import enrolment
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.store import schema


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

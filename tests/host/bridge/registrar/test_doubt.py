"""The effects of an answer in doubt besides a search: its width, when it proves something, and which item is at
fault."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from tests.host.bridge.registrar.test_registrar import (
    EVERYTHING,
    all_in,
    moving,
    one_punch,
    thirty_punches,
    three_punches,
)
from tests.host.bridge.world import ANNA_NISS, ANNA_UID, BOTH, BRAM_UID, LUZ_UID, Authority, World

from badgeclock.authorities import kinds
from badgeclock.authorities.base import MovementItem, PresenceItem
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.registrar import outbox
from badgeclock.bridge.registrar.delays import SEARCH_MOST_MS, search_delay_ms
from badgeclock.bridge.registrar.lost_answers import SEARCHES_LEAST
from badgeclock.bridge.store import schema

DATABASES = BOTH
OTHER_PLACE = "1Y1TEST00009Z"


def events(world: World, kind: str) -> list[str]:
    return [row.detail for row in world.rows(schema.events) if row.kind == kind]


async def test_one_search_serves_all_that_a_call_carried_wherever_they_are(world: World) -> None:
    clock = world.add_site("Other site", OTHER_PLACE, Regime.CONSTRUCTION)
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID), world.clock.punch(LUZ_UID))
    world.punches(*clock.start(), clock.punch(BRAM_UID), clock=clock)
    world.authority.script = ["lost after"]
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"), world.registrar(now_ms=moving(world)))
    first = world.authority.searched[0]
    assert (first.workplace_id, first.inss, first.company_id) == (None, None, None)
    assert first.periods == ((date(2026, 1, 5), date(2026, 1, 5)),)
    assert first.created_from is not None
    assert [row.outcome for row in world.rows(schema.attempts)] == ["ambiguous"] * 3
    assert len(world.authority.books) == 3


async def test_a_call_of_one_place_and_one_employer_is_searched_for_there(world: World) -> None:
    thirty_punches(world)
    world.authority.script = ["lost after"]
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"), world.registrar(now_ms=moving(world)))
    first = world.authority.searched[0]
    assert (first.workplace_id, first.company_id) == ("1Y1TEST00001Z", "0438195916")


async def test_nothing_is_sent_again_before_three_searches_ever_further_apart(world: World) -> None:
    one_punch(world)
    world.authority.script = ["lost before"]
    asked: list[int] = []
    plain = world.authority.search

    async def search(criteria: object) -> object:
        asked.append(world.now_ms)
        return await plain(criteria)  # type: ignore[arg-type]

    world.authority.search = search  # type: ignore[assignment]
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"), world.registrar(now_ms=moving(world)))
    first, second = (row.sent_ms for row in world.rows(schema.attempts))
    between = [at_ms for at_ms in asked if first < at_ms < second]
    assert len(between) == SEARCHES_LEAST
    for tries, (earlier, later) in enumerate(itertools.pairwise(between)):
        assert later - earlier >= search_delay_ms(tries)


def test_the_pauses_between_searches_grow_and_have_an_end() -> None:
    waits = [search_delay_ms(tries) for tries in range(100)]
    assert waits == sorted(waits)
    assert waits[-1] == SEARCH_MOST_MS


async def test_a_call_is_settled_from_the_moment_it_was_sent(world: World) -> None:
    one_punch(world)
    world.authority.script = ["lost before"]
    registrar = world.registrar(now_ms=moving(world), call_ms=90_000, settle_ms=30_000)
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"), registrar)
    first, second = (row.sent_ms for row in world.rows(schema.attempts))
    assert second - first >= 120_000


async def test_what_a_stop_left_unanswered_is_settled_from_the_start_on(world: World) -> None:
    """However long ago it was sent by the machine's clock, which may have been changed since."""
    one_punch(world)
    with world.store.write() as connection:
        outbox.claim(connection, world.vault, EVERYTHING, world.now_ms, 200, "of a bridge that was killed")
    world.now_ms += 3_600_000
    started_ms = world.now_ms
    registrar = world.registrar(now_ms=moving(world), call_ms=90_000, settle_ms=30_000)
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"), registrar)
    _, again = (row.sent_ms for row in world.rows(schema.attempts))
    assert again - started_ms >= 120_000


@pytest.mark.parametrize(
    ("told", "call_s"),
    [
        ({"kind": "file", "path": "x"}, 0),
        ({"endpoint": "http://localhost/", "timeout_s": 7}, 7),
        (
            {"kind": "onss-rest", "endpoint": "x", "token_endpoint": "x", "client_id": "x", "key": "x", "timeout_s": 7},
            28,
        ),
    ],
)
def test_how_long_a_call_may_take_is_known_from_the_authoritys_settings(told: dict[str, object], call_s: float) -> None:
    assert kinds.read(told).call_s == call_s


def test_no_setting_makes_a_margin_of_nothing() -> None:
    with pytest.raises(ValueError, match="settle_s"):
        kinds.read({"endpoint": "http://localhost/", "settle_s": 0})


async def test_what_is_turned_down_without_a_word_of_the_service_goes_alone_and_then_waits_for_a_person(
    world: World,
) -> None:
    three_punches(world)
    anna = world.rows(schema.presences)[0].reference
    world.authority.script = ["doubt TURNED_DOWN HTTP-422"]
    plain = world.authority.register

    async def register(items: object) -> object:
        if len(items) == 1 and items[0].reference == anna:  # type: ignore[arg-type, index]
            world.authority.script = ["doubt TURNED_DOWN HTTP-422"]
        return await plain(items)  # type: ignore[arg-type]

    world.authority.register = register  # type: ignore[assignment]
    registrar = world.registrar(now_ms=moving(world), calls=1)
    await world.registered(all_in(world, "REFUSED", "REGISTERED", "VALIDATED"), registrar)
    assert world.states()[0] == "REFUSED"
    row = world.rows(schema.presences)[0]
    assert (row.error_code, row.error_text) == (255, "HTTP-422")
    assert Counter(len(call) for call in world.authority.calls) == {3: 1, 1: 3}
    assert "call_rejected" in world.events()
    assert len(world.authority.books) == 2


async def test_what_was_turned_down_alone_and_is_there_all_the_same_is_registered(world: World) -> None:
    one_punch(world)
    with world.store.write() as connection:
        connection.execute(schema.presences.update().values(alone=True))
    plain = world.authority.register

    async def register(items: object) -> object:
        await plain(items)  # type: ignore[arg-type]
        world.authority.script = ["doubt TURNED_DOWN HTTP-409"]
        return await plain([])  # type: ignore[arg-type]

    world.authority.register = register  # type: ignore[assignment]
    world.authority.batch_limit = 200
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"), world.registrar(now_ms=moving(world)))
    (row,) = world.rows(schema.presences)
    assert (row.error_code, row.error_text) == (0, None)
    assert len(world.authority.books) == 1


async def test_a_second_registration_is_seen_by_the_look_at_what_was_lost_once(world: World) -> None:
    """The first call is carried out after all, when the second has its number already."""
    one_punch(world)
    world.authority.script = ["lost before"]
    registrar = world.registrar(now_ms=moving(world))
    await world.registered(lambda: len(world.authority.books) == 1, registrar)
    world.authority.books.append(replace(world.authority.books[0], reception_number=7))
    await world.registered(all_in(world, "VALIDATED"), world.registrar(now_ms=moving(world)))
    (detail,) = events(world, "second_reception_number")
    assert "got 7 too" in detail
    assert world.shown()[0]["reception_number"] == 100_000_000_001


async def test_a_second_registration_is_seen_by_the_look_at_a_whole_place(world: World) -> None:
    thirty_punches(world)
    await world.registered(all_in(world, "REGISTERED"))
    world.authority.books.append(replace(world.authority.books[3], reception_number=7))
    await world.registered(all_in(world, "VALIDATED"), world.registrar(now_ms=moving(world)))
    (detail,) = events(world, "second_reception_number")
    assert "got 7 too" in detail


async def test_the_same_number_at_another_authority_is_no_reason_not_to_find_ones_own(world: World) -> None:
    clock = world.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING)
    one_punch(world)
    days, moves = (
        Authority(now_ms=lambda: world.now_ms, declares=frozenset({kind})) for kind in (PresenceItem, MovementItem)
    )
    world.authority = days
    await world.registered(all_in(world, "REGISTERED"))
    world.punches(*clock.start(), clock.punch(ANNA_UID), clock=clock)
    world.authority, moves.script = moves, ["lost after"]
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"), world.registrar(now_ms=moving(world)))
    assert [one.reception_number for one in (*days.books, *moves.books)] == [100_000_000_001] * 2
    assert len(moves.calls) == 1


async def test_an_answer_that_proves_nothing_is_an_alarm(world: World) -> None:
    three_punches(world)
    world.authority.script = ["doubt UNPROVED -"]
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"), world.registrar(now_ms=moving(world)))
    assert events(world, "answer_unproved")
    assert ANNA_NISS not in str(events(world, "answer_unproved"))
    assert len(world.authority.books) == 3

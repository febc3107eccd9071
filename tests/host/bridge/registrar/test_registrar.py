"""Every presence reaches the authority once, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import pytest
from tests.host.bridge.world import (
    ANNA_NISS,
    ANNA_UID,
    BOTH,
    BRAM_UID,
    DAY_MS,
    LUZ_LIMOSA,
    LUZ_UID,
    NOON_MS,
    Authority,
    Hand,
    World,
    eventually,
    running,
)
from tests.national_numbers import national_number

from badgeclock.authorities import forms
from badgeclock.authorities.base import Item, MovementItem, Outcome, PresenceItem
from badgeclock.authorities.kinds import AuthoritySettings
from badgeclock.authorities.onss import rest_messages
from badgeclock.bridge.backoff import Backoff
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.people import identities, sites, workers
from badgeclock.bridge.presences.day_book import Key, new_row
from badgeclock.bridge.presences.regimes import Declared, Regime
from badgeclock.bridge.registrar import cancellations, outbox, transitions
from badgeclock.bridge.registrar.call_gate import Bucket, Gate
from badgeclock.bridge.registrar.delays import FOLLOW_MOST_MS, follow_delay_ms
from badgeclock.bridge.registrar.expiry import Expiry
from badgeclock.bridge.service import registrars_of
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import PresenceState
from badgeclock.protocol.record import Direction, Origin

DATABASES = BOTH
EVERYTHING = frozenset(Declared)


def three_punches(world: World) -> None:
    clock = world.clock
    world.punches(*clock.start(), clock.punch(ANNA_UID), clock.punch(BRAM_UID), clock.punch(LUZ_UID))


def one_punch(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))


def moving(world: World) -> Callable[[], int]:
    """A clock that runs: each look is a second later."""

    def now_ms() -> int:
        world.now_ms += 1000
        return world.now_ms

    return now_ms


def all_in(world: World, *states: str) -> Callable[[], bool]:
    return lambda: set(world.states()) <= set(states)


async def test_presences_get_their_reception_numbers_and_then_their_validation(world: World) -> None:
    three_punches(world)
    world.authority.remarks[LUZ_LIMOSA] = ("LIMOSA ID IS NOT KNOWN",)
    await world.registered(all_in(world, "VALIDATED", "REMARKS"), world.registrar(now_ms=moving(world)))
    assert [(shown["state"], shown["reception_number"]) for shown in world.shown()] == [
        ("VALIDATED", 100_000_000_001),
        ("VALIDATED", 100_000_000_002),
        ("REMARKS", 100_000_000_003),
    ]
    assert [(seq, state) for _, seq, state, _ in world.receipts()][:3] == [(2, 1), (3, 1), (4, 1)]
    assert sorted((seq, state) for _, seq, state, _ in world.receipts()[3:]) == [(2, 4), (3, 4), (4, 5)]
    assert {number for _, _, _, number in world.receipts()} == {100_000_000_001, 100_000_000_002, 100_000_000_003}
    assert len(world.authority.calls) == 1


async def test_one_batch_may_succeed_in_part(world: World) -> None:
    world.authority.refused = {ANNA_NISS}
    three_punches(world)
    await world.registered(all_in(world, "REGISTERED", "REFUSED"))
    assert world.states() == ["REFUSED", "REGISTERED", "REGISTERED"]
    assert world.shown()[0]["error_code"] == 5
    assert sorted((seq, state) for _, seq, state, _ in world.receipts()) == [(2, 2), (3, 1), (4, 1)]
    assert "presence_refused" in world.events()


async def test_a_later_punch_of_the_day_gets_the_same_number_at_once_as_that_of_its_day(world: World) -> None:
    one_punch(world)
    world.status(world.clock.online(receipts=7))
    await world.registered(all_in(world, "REGISTERED"))
    world.punches(world.clock.punch(ANNA_UID, Direction.OUT))
    assert world.states() == ["REGISTERED", "REGISTERED"]
    assert world.receipts() == [(1, 2, 1, 100_000_000_001), (2, 3, 7, 100_000_000_001)]
    assert len(world.authority.calls) == 1


async def test_a_break_reads_as_kept_and_never_as_registered_before_or_after_the_number_came(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID), world.clock.punch(ANNA_UID, Direction.BREAK_START))
    world.status(world.clock.online(receipts=7))
    await world.registered(all_in(world, "REGISTERED"))
    assert world.receipts() == [(1, 2, 1, 100_000_000_001), (2, 3, 7, 100_000_000_001)]


async def test_a_clock_that_knows_no_receipt_of_a_day_is_sent_none(world: World) -> None:
    one_punch(world)
    world.status(world.clock.online())
    await world.registered(all_in(world, "REGISTERED"))
    world.punches(world.clock.punch(ANNA_UID, Direction.BREAK_START))
    assert world.receipts() == [(1, 2, 1, 100_000_000_001)]


async def test_the_end_of_a_night_shift_bears_how_many_days_before_its_number_is_of(world: World) -> None:
    clock = world.clock
    clock.utc_ms = world.now_ms = NOON_MS + 10 * 3_600_000
    world.punches(*clock.start(), clock.punch(ANNA_UID))
    world.status(clock.online(receipts=7))
    await world.registered(all_in(world, "REGISTERED"))
    clock.utc_ms = world.now_ms = NOON_MS + 18 * 3_600_000
    world.punches(clock.punch(ANNA_UID, Direction.OUT, origin=Origin.KEY))
    last = world.rows(schema.receipts)[-1]
    assert (last.seq, last.state, last.error_code, last.reception_number) == (3, 7, 1, 100_000_000_001)


async def test_a_punch_that_its_clock_took_for_a_going_and_the_bridge_for_a_coming_says_so(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID, Direction.OUT))
    await world.registered(all_in(world, "REGISTERED"))
    (receipt,) = world.rows(schema.receipts)
    assert (receipt.seq, receipt.state, receipt.error_code) == (2, 1, int(Direction.IN))


async def test_an_authority_that_is_away_is_tried_again_until_it_is_back(world: World) -> None:
    world.authority.script = ["away"] * 5
    three_punches(world)
    await world.registered(all_in(world, "REGISTERED"))
    assert len(world.authority.calls) == 6
    assert len(world.authority.books) == 3
    assert world.events() == ["authority_away", "authority_back"]


async def test_while_the_authority_is_away_only_one_call_at_a_time_probes_it(world: World) -> None:
    world.authority.batch_limit = 1
    world.authority.script = ["away"] * 8
    three_punches(world)
    under_way: list[int] = []
    now = 0
    together = asyncio.Barrier(3)
    plain = world.authority.register

    async def slow(items: Sequence[Item]) -> list[Outcome]:
        nonlocal now
        now += 1
        under_way.append(now)
        if len(under_way) <= 3:
            await together.wait()
        else:
            await asyncio.sleep(0.01)
        now -= 1
        return await plain(items)

    world.authority.register = slow  # type: ignore[method-assign]
    await world.registered(all_in(world, "REGISTERED"))
    assert under_way[:3] == [1, 2, 3], "while it answers, calls go out side by side"
    assert under_way[3:9] == [1] * 6, "five that fail, and the first that is answered"
    assert len(world.authority.books) == 3


@pytest.mark.parametrize("word", ["lost before", "lost after", "crash"])
async def test_a_lost_answer_is_searched_for_before_anything_is_sent_again(world: World, word: str) -> None:
    world.authority.script = [word]
    three_punches(world)
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"), world.registrar(now_ms=moving(world)))
    assert Counter(found.reference for found in world.authority.books).most_common(1)[0][1] == 1
    assert len(world.authority.books) == 3
    assert world.authority.searched
    sent = Counter(reference for call in world.authority.calls for reference in call)
    assert set(sent.values()) == {1 if word == "lost after" else 2}
    assert "answer_lost" in world.events()


async def test_not_found_proves_nothing_until_the_lost_call_has_settled(world: World) -> None:
    world.authority.script = ["lost before"]
    one_punch(world)
    sent_ms = world.now_ms
    registrar = world.registrar(now_ms=moving(world), settle_ms=60_000)
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"), registrar)
    (first, second) = [row.sent_ms for row in world.rows(schema.attempts)]
    assert first - sent_ms <= 10_000
    assert second - first >= 60_000
    assert len(world.authority.books) == 1


async def test_workers_under_limosa_are_searched_for_by_workplace_and_day(world: World) -> None:
    world.authority.script = ["lost after"]
    world.punches(*world.clock.start(), world.clock.punch(LUZ_UID))
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"), world.registrar(now_ms=moving(world)))
    (criteria,) = world.authority.searched
    assert criteria.inss is None
    assert criteria.workplace_id is not None
    assert len(world.authority.books) == 1


def thirty_punches(world: World) -> None:
    clock = world.clock
    uids = [bytes([1, 2, 3, n]) for n in range(30)]
    with world.store.write() as connection:
        for n, uid in enumerate(uids):
            workers.add(
                connection,
                world.vault,
                reference=f"X-{n}",
                name="Many Workers",
                identity=identities.niss(national_number(2_000 + n)),
                employer_kbo="0438195916",
            )
            world.assign(uid, f"X-{n}", connection)
    world.punches(*clock.start(), *(clock.punch(uid) for uid in uids))


async def test_many_lost_answers_of_one_place_are_one_question(world: World) -> None:
    world.authority.script = ["lost after"]
    thirty_punches(world)
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"), world.registrar(now_ms=moving(world)))
    assert len(world.authority.searched) == 1
    assert len(world.authority.books) == 30


@pytest.mark.parametrize("searches", [[], ["TOO-WIDE"]])
async def test_many_content_checks_of_one_place_are_one_question_if_it_is_answered(
    world: World, searches: list[str]
) -> None:
    world.authority.searches = list(searches)
    thirty_punches(world)
    await world.registered(all_in(world, "VALIDATED"), world.registrar(now_ms=moving(world)))
    assert len(world.authority.searched) == 1
    assert len(world.authority.got) == (30 if searches else 0)


@pytest.mark.parametrize(
    ("becomes", "state"), [("nothing new", "VALIDATED"), ("invalid", "REMARKS"), ("cancelled", "WAITING")]
)
async def test_what_was_valid_is_looked_at_once_more(world: World, becomes: str, state: str) -> None:
    one_punch(world)
    await world.registered(all_in(world, "VALIDATED"), world.registrar(now_ms=moving(world)))
    (row,) = world.rows(schema.presences)
    assert row.due_ms is not None
    looks = len(world.authority.got)
    if becomes == "invalid":
        world.authority.remarks[ANNA_NISS] = ("EMPLOYER NOT ACTIVE",)
    elif becomes == "cancelled":
        world.authority.cancel_by_hand(0)
    world.now_ms = row.due_ms
    await world.registered(lambda: world.rows(schema.presences)[0].due_ms is None)
    assert world.states() == [state]
    assert len(world.authority.got) == looks + 1


async def test_a_search_that_is_too_wide_is_asked_in_pieces(world: World) -> None:
    world.authority.script = ["lost after"]
    world.authority.searches = ["TOO-WIDE"]
    three_punches(world)
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"), world.registrar(now_ms=moving(world)))
    assert len(world.authority.books) == 3


async def test_presences_sent_but_unanswered_at_a_stop_are_asked_about_at_the_next_start(world: World) -> None:
    three_punches(world)
    with world.store.write() as connection:
        sent = outbox.claim(connection, world.vault, EVERYTHING, world.now_ms, 200, "call of a bridge that was killed")
    await world.authority.register([one.item for one in sent])
    assert world.states() == ["SENT"] * 3
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"), world.registrar(now_ms=moving(world)))
    assert len(world.authority.books) == 3
    assert len(world.authority.calls) == 1


async def test_sent_is_committed_before_the_call_goes_out(world: World) -> None:
    one_punch(world)
    seen: list[tuple[list[str], int]] = []
    world.authority.on_register = lambda: seen.append((world.states(), len(world.rows(schema.attempts))))
    await world.registered(all_in(world, "REGISTERED"))
    assert seen == [(["SENT"], 1)]


async def test_the_first_number_stays_and_a_second_one_raises_an_alarm(world: World) -> None:
    one_punch(world)
    with world.store.write() as connection:
        (sent,) = outbox.claim(connection, world.vault, EVERYTHING, world.now_ms, 200, "lost")
    await world.authority.register([sent.item])
    await world.authority.register([sent.item])  # somebody sent it twice
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"), world.registrar(now_ms=moving(world)))
    assert world.shown()[0]["reception_number"] == 100_000_000_001
    assert [row.number for row in world.rows(schema.receptions)] == [100_000_000_001, 100_000_000_002]
    assert "second_reception_number" in world.events()


async def test_a_call_turned_down_for_one_item_costs_only_that_item(world: World) -> None:
    three_punches(world)
    references = [row.reference for row in world.rows(schema.presences)]
    world.authority.script = ["rejected LOCAL"]
    world.authority.blamed = (references[1],)
    await world.registered(all_in(world, "REGISTERED", "REFUSED"))
    assert world.states() == ["REGISTERED", "REFUSED", "REGISTERED"]
    assert "call_rejected" in world.events()


async def test_a_call_turned_down_for_its_content_is_split_until_the_culprit_stands_alone(world: World) -> None:
    three_punches(world)
    world.authority.script = ["rejected SOA-03006", "ok", "rejected SOA-03006", "ok"]
    await world.registered(all_in(world, "REGISTERED", "REFUSED"), world.registrar(calls=1))
    assert world.states() == ["REGISTERED", "REFUSED", "REGISTERED"]
    assert [len(call) for call in world.authority.calls] == [3, 1, 1, 1]


async def test_a_bridge_the_authority_does_not_let_in_keeps_everything_queued(world: World) -> None:
    three_punches(world)
    world.authority.script = ["rejected SOA-01002"] * 3
    await world.registered(all_in(world, "REGISTERED"))
    assert len(world.authority.books) == 3
    assert "call_rejected" in world.events()


async def test_a_presence_whose_day_ended_in_the_queue_waits_for_a_person(world: World) -> None:
    one_punch(world)
    world.now_ms += DAY_MS
    await world.registered(all_in(world, "WAITING"))
    assert world.shown()[0]["reason"] == "day_over"
    assert [receipt[2] for receipt in world.receipts()] == [6]
    assert world.authority.calls == []


async def test_a_new_presence_is_sent_while_another_call_hangs(world: World) -> None:
    hanging = world.authority.hanging = asyncio.Event()
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    registrar = world.registrar()

    task = asyncio.create_task(registrar.run())
    try:
        await eventually(lambda: bool(world.authority.calls))
        world.authority.hanging = None
        world.punches(world.clock.punch(BRAM_UID))
        registrar.wake()
        await eventually(lambda: world.states() == ["SENT", "REGISTERED"])
        hanging.set()
        await eventually(lambda: world.states() == ["REGISTERED", "REGISTERED"])
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_registrar_that_is_stopped_in_a_call_leaves_it_to_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("badgeclock.bridge.registrar.sending.GRACE_S", 0.05)
    world.authority.hanging = asyncio.Event()
    one_punch(world)
    await running(world.registrar().run(), lambda: bool(world.authority.calls))
    assert world.states() == ["SENT"]
    world.authority.hanging = None
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"), world.registrar(now_ms=moving(world)))
    assert len(world.authority.books) == 1


def test_receipts_of_a_clock_are_numbered_without_gaps(world: World) -> None:
    three_punches(world)
    world.punches(world.clock.punch(b"none"), world.clock.punch(b"nil!"))
    asyncio.run(world.registered(lambda: world.states().count("REGISTERED") == 3))
    assert [number for number, *_ in world.receipts()] == list(range(1, len(world.receipts()) + 1))


async def test_a_worker_whose_number_changed_meanwhile_is_still_found_and_not_declared_twice(world: World) -> None:
    one_punch(world)
    with world.store.write() as connection:
        (sent,) = outbox.claim(connection, world.vault, EVERYTHING, world.now_ms, 200, "lost")
    await world.authority.register([sent.item])
    world.change_worker("W-001", niss="00000100463")
    await world.registered(all_in(world, "VALIDATED"), world.registrar(now_ms=moving(world)))
    assert [criteria.inss for criteria in world.authority.searched] == [None]
    assert len(world.authority.books) == 1


async def test_a_number_that_the_authority_knows_better_is_told_to_a_person(world: World) -> None:
    world.authority.renamed = {ANNA_NISS: "00000100463"}
    one_punch(world)
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"))
    (told,) = [row.detail for row in world.rows(schema.events) if row.kind == "national_number_changed"]
    assert "W-001" in told
    assert "00000100463" not in told


async def test_a_registrar_sees_only_what_its_authority_declares(world: World) -> None:
    clock = world.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING)
    world.punches(*clock.start(), clock.punch(ANNA_UID), clock=clock)
    three_punches(world)
    world.authority.declares = frozenset({PresenceItem})
    await world.registered(lambda: world.states()[1:] == ["REGISTERED"] * 3)
    assert world.states()[0] == "QUEUED"
    other = Authority(now_ms=lambda: world.now_ms, declares=frozenset({MovementItem}))
    days, world.authority = world.authority, other
    await world.registered(lambda: world.states()[0] == "REGISTERED")
    assert (len(days.books), len(other.books)) == (3, 1)


def test_a_movement_waits_for_the_answer_to_the_one_before_and_holds_up_nobody_else(world: World) -> None:
    clock = world.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING)
    world.punches(*clock.start(), clock.punch(ANNA_UID, Direction.IN), clock=clock)
    with world.store.write() as connection:
        (first,) = outbox.claim(connection, world.vault, EVERYTHING, world.now_ms, 200, "first")
        clock.utc_ms = world.now_ms = world.now_ms + 1000
    world.punches(clock.punch(ANNA_UID, Direction.OUT), clock.punch(BRAM_UID, Direction.IN), clock=clock)
    with world.store.write() as connection:
        (second,) = outbox.claim(connection, world.vault, EVERYTHING, world.now_ms, 200, "second")
        assert (first.worker, second.worker) == ("W-001", "W-002")
        transitions.requeue(connection, [first.id], PresenceState.SENT, world.now_ms)
        (again,) = outbox.claim(connection, world.vault, EVERYTHING, world.now_ms, 200, "third")
        assert again.id == first.id


KAAI = sites.Address("Kaai", "7", "", "1000", "Brussel")
KAAI_TOLD = {"postCode": "1000", "municipalityName": "Brussel", "streetName": "Kaai", "houseNumber": "7"}
HERE_TOLD = {"coordinates": {"longitude": 4.35, "latitude": 50.84}}


@pytest.mark.parametrize(
    ("site", "told"),
    [
        ({}, None),
        ({"address": KAAI}, {"address": KAAI_TOLD}),
        ({"address": KAAI._replace(box="2")}, {"address": {**KAAI_TOLD, "boxNumber": "2"}}),
        ({"latitude": 50.84, "longitude": 4.35}, HERE_TOLD),
        ({"latitude": 50.84, "longitude": 4.35, "address": KAAI}, HERE_TOLD),
        # What the service's form has no room for would cost the whole call.
        ({"address": KAAI._replace(house_number="")}, None),
        ({"address": KAAI._replace(street="k" * 101)}, None),
    ],
)
async def test_a_movement_says_where_its_site_is_beside_the_workplace_number(
    world: World, site: dict[str, object], told: dict[str, object] | None
) -> None:
    clock = world.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING)
    with world.store.write() as connection:
        known = sites.find(connection, "Office tower")
        assert known is not None
        sites.put(connection, replace(known, **site))  # type: ignore[arg-type]
    world.punches(*clock.start(), clock.punch(ANNA_UID), clock=clock)
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"))
    (item,) = world.authority.items.values()
    assert isinstance(item, MovementItem)
    assert forms.misfits(item) == ()
    (sent,) = rest_messages.register_request([item])["items"]
    assert sent["contractualRelationshipReference"] == "1Y1TEST00003Z"
    assert sent.get("placeOfWork") == told


async def test_an_authority_that_names_a_time_is_left_alone_until_then(world: World) -> None:
    world.authority.script = ["away 60"]
    one_punch(world)
    clock = Hand()
    registrar = world.registrar(gate=Gate(Backoff(), monotonic=clock))
    task = asyncio.create_task(registrar.run())
    try:
        await eventually(lambda: registrar.gate.away)
        assert registrar.gate.closed_s == 60
        clock.s += 59
        seen = clock.looks
        await eventually(lambda: clock.looks > seen + 50)
        assert len(world.authority.calls) == 1, "it looked around often meanwhile"
        clock.s += 1
        await eventually(all_in(world, "REGISTERED"))
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert len(world.authority.calls) == 2


async def test_registrations_come_before_checks_where_calls_are_few(world: World) -> None:
    world.authority.batch_limit = 1
    three_punches(world)
    gate = Gate(Backoff(), bucket=Bucket(50.0, 4))
    await world.registered(all_in(world, "VALIDATED"), world.registrar(now_ms=moving(world), gate=gate))
    assert len(world.authority.calls) == 3


async def test_what_waits_when_the_day_ends_goes_to_a_person_while_the_authority_is_away(world: World) -> None:
    one_punch(world)
    world.now_ms += DAY_MS
    changes: list[None] = []
    work = Expiry(world.store, EVERYTHING, lambda: world.now_ms, lambda: changes.append(None)).run()
    await running(work, lambda: bool(changes))
    assert world.shown()[0]["reason"] == "day_over"
    assert [receipt[2] for receipt in world.receipts()] == [6]


async def test_a_thousand_presences_that_waited_too_long_are_one_event(world: World) -> None:
    with world.store.write() as connection:
        connection.execute(
            schema.presences.insert(),
            [new_row(Key(1, "x", str(n), date(2026, 1, 5)), 1, world.now_ms) for n in range(1000)],
        )
        assert outbox.expire(connection, EVERYTHING, world.now_ms) == 0
        assert outbox.expire(connection, EVERYTHING, world.now_ms + DAY_MS) == 1000
    (told,) = [row.detail for row in world.rows(schema.events) if row.kind == "presence_waits"]
    assert told.startswith("1000 presences, BC20260105-")


def test_the_wait_after_failures_grows_with_full_jitter_and_is_capped() -> None:
    backoff = Backoff(base_s=0.5, cap_s=300)
    waits = [backoff.failed() for _ in range(40)]
    assert all(0 <= wait <= min(300, 0.5 * 2**n) for n, wait in enumerate(waits))
    assert backoff.failed(at_least_s=400) == 400
    backoff.succeeded()
    assert backoff.failed() <= 0.5


def test_a_validation_is_asked_for_after_two_seconds_and_then_ever_more_rarely() -> None:
    waits = [follow_delay_ms(tries) for tries in range(200)]
    assert waits[0] == 2000
    assert waits == sorted(waits)
    assert waits[-1] == FOLLOW_MOST_MS


def test_each_authority_gets_a_registrar_for_what_no_other_takes(world: World) -> None:
    def of(*items: type[Item]) -> Authority:
        return Authority(declares=frozenset(items))

    told = AuthoritySettings(kind="file", maintenance=("daily 00:00-00:00",))
    authorities = [of(PresenceItem), of(PresenceItem, MovementItem), of(PresenceItem)]
    made = registrars_of(
        [(authority, told) for authority in authorities],
        world.store,
        world.vault,
        Metrics(),
        now_ms=lambda: world.now_ms,
        changed=lambda: None,
    )
    assert [registrar.declares for registrar in made] == [{Declared.DAY}, {Declared.MOVEMENT}]
    assert all(registrar.gate.in_maintenance for registrar in made)


async def test_while_nothing_is_committed_and_nothing_due_the_queue_is_not_looked_through(world: World) -> None:
    asked: list[str] = []
    reading, writing = world.store.reading, world.store.writing

    async def noted(way: Callable[..., Any], work: Callable[..., Any], *args: Any) -> Any:
        if work is not cancellations.due:  # which ends by the time, too
            asked.append(work.__name__)
        return await way(work, *args)

    world.store.reading = partial(noted, reading)  # type: ignore[assignment]
    world.store.writing = partial(noted, writing)  # type: ignore[assignment]

    def is_quiet() -> bool:
        if world.commits.calls < 100:
            asked.clear()
        if asked:
            asked.clear()
            world.commits.calls = 50
        return world.commits.calls >= 150

    task = asyncio.create_task(world.registrar().run())
    await eventually(is_quiet)
    one_punch(world)
    await eventually(all_in(world, "REGISTERED", "VALIDATED"))
    assert "claim" in asked
    task.cancel()
    await asyncio.wait([task])

"""The bridge's handling of bytes that clocks, or others, publish."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.host.bridge.world import BOTH, DAY_MS, STRANGER_UID, Clock, World

from badgeclock.bridge.intake.batch import ClockMessage
from badgeclock.bridge.intake.quarantine import FAILURES_KEPT
from badgeclock.bridge.store import schema
from badgeclock.errors import StoreError
from badgeclock.protocol.frames import Verdict
from badgeclock.protocol.record import Direction, Flag

DATABASES = BOTH

ANY_BYTES = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def flipped(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_records_in_order_are_stored_and_acknowledged(world: World) -> None:
    raws = [*world.clock.start(), world.clock.punch()]
    taken = world.punches(*raws)
    assert world.stored() == raws
    (ack,) = taken.acks.values()
    assert (ack.next_seq, ack.verdict) == (3, Verdict.IN_ORDER)
    assert world.states() == ["QUEUED"]
    assert taken.queued == 1


def test_the_same_batch_twice_is_one_batch_and_acknowledged_twice(world: World) -> None:
    raws = [*world.clock.start(), world.clock.punch()]
    first, second = world.punches(*raws), world.punches(*raws)
    assert list(first.acks.values()) == list(second.acks.values())
    assert world.stored() == raws
    assert len(world.states()) == 1
    assert world.events() == []


def test_the_same_record_twice_in_one_group_is_stored_once(world: World) -> None:
    raws = [*world.clock.start(), world.clock.punch()]
    topic = world.clock.topic("punches")
    world.deliver((topic, b"".join(raws)), (topic, raws[2]), (topic, b"".join(raws[1:])))
    assert world.stored() == raws


def test_a_backlog_in_several_messages_of_one_group_is_taken_in_order(world: World) -> None:
    raws = world.clock.start()
    raws += [world.clock.punch() for _ in range(5)]
    raws.append(world.clock.close_epoch())
    world.clock.utc_ms += 1000
    raws += [world.clock.punch() for _ in range(5)]
    topic = world.clock.topic("punches")
    taken = world.deliver(*((topic, raw) for raw in raws))
    assert [ack.next_seq for ack in taken.acks.values()] == [len(raws)]
    assert world.stored() == raws


@pytest.mark.parametrize("payload", [b"", b"x", b"\x01" * 63, b"\x01" * 65, bytes(64) * 64], ids=len)
def test_a_payload_of_no_whole_records_is_an_event_and_not_acknowledged(world: World, payload: bytes) -> None:
    taken = world.deliver((world.clock.topic("punches"), payload))
    assert taken.acks == {}
    assert world.events() == ["malformed_frame"]


def test_an_unknown_clock_is_an_event_and_not_acknowledged(world: World) -> None:
    stranger = Clock("clock-9999")
    taken = world.punches(*stranger.start(), clock=stranger)
    assert taken.acks == {}
    assert world.stored() == []
    assert [(row.kind, row.clock) for row in world.rows(schema.events)][-1] == ("unknown_clock", "clock-9999")


@pytest.mark.parametrize(
    "topic", ["", "badgeclock/v1/x/punches", "badgeclock/v1/clock-0001/ack", "badgeclock/v2/clock-0001/punches", "#"]
)
def test_a_topic_no_clock_writes_to_is_an_event(world: World, topic: str) -> None:
    assert world.deliver((topic, b"anything")).acks == {}
    assert world.events() == ["unknown_topic"]


def test_records_under_another_clocks_topic_are_not_taken(world: World) -> None:
    other = world.add_clock(Clock("clock-0002"))
    taken = world.punches(*other.start(), clock=world.clock)
    assert world.stored() == []
    assert taken.acks == {}
    assert world.events() == ["founded_anew"]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(bit=st.integers(0, 511))
def test_a_record_with_one_flipped_bit_is_never_stored_and_asked_for_again(world: World, bit: int) -> None:
    if not world.clock.sent:
        world.punches(*world.clock.start())
    before = world.stored()
    raw = world.clock.punch(STRANGER_UID)
    taken = world.punches(flipped(raw, bit))
    (ack,) = taken.acks.values()
    assert world.stored() == before
    assert ack.next_seq == len(before)
    # A flip in the number may make it an older one, which is an equivocation and not a gap.
    assert ack.verdict in (Verdict.GAP, Verdict.QUARANTINE)
    if any(row.state == "QUARANTINED" for row in world.rows(schema.clocks)):
        world.release()
    world.punches(raw)
    assert world.stored() == [*before, raw]


def test_what_stands_before_a_bad_record_is_committed(world: World) -> None:
    raws = [*world.clock.start(), world.clock.punch(), world.clock.punch()]
    taken = world.punches(*raws[:3], flipped(raws[3], 300))
    assert world.stored() == raws[:3]
    assert [(ack.next_seq, ack.verdict) for ack in taken.acks.values()] == [(3, Verdict.GAP)]
    assert world.punches(raws[3]).acks == {1: (4, Verdict.IN_ORDER, bytes(8))}


def test_a_record_that_fails_three_times_is_kept_apart_with_an_alarm(world: World) -> None:
    world.punches(*world.clock.start())
    bad = flipped(world.clock.punch(), 400)
    verdicts = [next(iter(world.punches(bad).acks.values())).verdict for _ in range(FAILURES_KEPT + 1)]
    assert verdicts == [Verdict.GAP, Verdict.GAP, Verdict.QUARANTINE, Verdict.QUARANTINE]
    assert [(row.raw, row.reason) for row in world.rows(schema.quarantine)] == [(bad, "seal")]
    assert world.events() == ["seal_failed", "seal_failed_repeatedly"]
    assert len(world.stored()) == 2


def test_a_missing_record_is_asked_for(world: World) -> None:
    raws = [*world.clock.start(), world.clock.punch(), world.clock.punch()]
    taken = world.punches(*raws[:2], raws[3])
    assert [(ack.next_seq, ack.verdict) for ack in taken.acks.values()] == [(2, Verdict.GAP)]
    assert world.events() == ["gap"]
    world.punches(*raws[2:])
    assert world.stored() == raws


@pytest.mark.parametrize("burnt", [1, 2])
def test_burnt_numbers_that_a_boot_declares_are_no_gap(world: World, burnt: int) -> None:
    raws = [*world.clock.start(), world.clock.punch(), world.clock.boot(burnt), world.clock.punch()]
    taken = world.punches(*raws)
    assert world.stored() == raws
    assert [ack.next_seq for ack in taken.acks.values()] == [5 + burnt]
    assert world.events() == []


def test_a_record_under_a_burnt_number_is_an_equivocation(world: World) -> None:
    twin = Clock()
    twin.start()
    world.punches(*world.clock.start(), world.clock.boot(burnt=1))
    world.punches(twin.punch())
    assert world.events() == ["equivocation"]
    assert len(world.stored()) == 3


def test_another_record_under_the_same_number_is_kept_apart_and_the_clock_quarantined(world: World) -> None:
    twin = Clock()
    world.punches(*world.clock.start(), world.clock.punch())
    twin.start()
    forged = twin.punch(STRANGER_UID)
    taken = world.punches(forged)
    assert [(ack.next_seq, ack.verdict) for ack in taken.acks.values()] == [(3, Verdict.QUARANTINE)]
    assert [row.raw for row in world.rows(schema.quarantine)] == [forged]
    assert world.events() == ["equivocation"]
    assert len(world.states()) == 1


def test_a_clock_under_quarantine_is_kept_and_waits_until_a_person_releases_it(world: World) -> None:
    twin = Clock()
    twin.start()
    world.punches(*world.clock.start(), world.clock.punch(STRANGER_UID))
    world.punches(twin.punch())
    taken = world.punches(world.clock.punch())
    assert [(ack.next_seq, ack.verdict) for ack in taken.acks.values()] == [(4, Verdict.QUARANTINE)]
    assert world.states() == ["UNASSIGNED", "WAITING"]
    assert world.release().queued == 1
    assert world.states() == ["UNASSIGNED", "QUEUED"]
    assert [ack.verdict for ack in world.punches(world.clock.punch()).acks.values()] == [Verdict.IN_ORDER]


def test_unsealed_records_are_kept_as_evidence_once_the_clock_says_its_seal_is_lost(world: World) -> None:
    world.punches(*world.clock.start())
    world.status(world.clock.online(sealed=False, session=b"sessionA"))
    raw = world.clock.unsealed()
    taken = world.punches(raw)
    assert [(ack.next_seq, ack.verdict) for ack in taken.acks.values()] == [(3, Verdict.IN_ORDER)]
    assert [(row.raw, row.sealed) for row in world.rows(schema.records)][-1] == (raw, False)
    assert world.states() == ["INVALID"]
    assert world.events() == ["seal_lost", "unsealed_record"]
    assert world.rows(schema.presences) == []


def test_unsealed_records_from_a_clock_with_its_seal_are_refused_since_anybody_could_write_them(world: World) -> None:
    world.punches(*world.clock.start())
    taken = world.punches(world.clock.unsealed())
    assert [(ack.next_seq, ack.verdict) for ack in taken.acks.values()] == [(2, Verdict.GAP)]
    assert len(world.stored()) == 2
    assert world.events() == ["unsealed_refused"]


def test_a_second_genesis_and_a_wrong_commitment_are_refused(world: World) -> None:
    other = Clock(nonce=b"anothern")
    world.punches(other.start()[0])
    assert world.stored() == []
    assert world.events() == ["founded_anew"]
    assert world.clock_row().state == "ACTIVE"


def test_the_seal_goes_on_over_many_epochs_and_a_new_intake(world: World) -> None:
    raws = world.clock.start()
    for _ in range(4):
        world.clock.utc_ms += DAY_MS
        world.now_ms += DAY_MS
        raws += [world.clock.punch(direction=Direction.NONE), world.clock.close_epoch()]
        world.punches(*raws[-2:] if len(raws) > 4 else raws)
        world.intake.failed()  # forget everything that is not in the store
    assert world.stored() == raws


def test_duplicates_are_stored_and_go_no_further(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(flags=int(Flag.DUPLICATE)))
    assert world.states() == ["DUPLICATE"]
    assert world.rows(schema.presences) == []
    assert world.receipts() == []


def test_a_store_that_fails_costs_no_record(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    raws = [*world.clock.start(), world.clock.punch()]

    def full(*_: object) -> None:
        raise StoreError(what="disk full", kept="", do="")

    with monkeypatch.context() as broken:
        broken.setattr("badgeclock.bridge.store.event_log.write", full)
        with pytest.raises(StoreError):
            world.punches(*raws)
    world.intake.failed()
    assert world.stored() == []
    assert [ack.next_seq for ack in world.punches(*raws).acks.values()] == [3]
    assert world.stored() == raws


def test_one_clocks_rubbish_does_not_hold_up_another(world: World) -> None:
    other = world.add_clock(Clock("clock-0002"))
    raws = other.start()
    taken = world.deliver(
        (world.clock.topic("punches"), b"\xff" * 64),
        ("rubbish", b""),
        (other.topic("punches"), b"".join(raws)),
        (other.topic("status"), b"\x00" * 200),
    )
    assert world.stored() == raws
    assert sorted(ack.next_seq for ack in taken.acks.values()) == [0, 2]


def test_rubbish_all_day_is_one_row_that_counts(world: World) -> None:
    for _ in range(50):
        world.deliver((world.clock.topic("punches"), b"rubbish"))
    rows = [row for row in world.rows(schema.events) if row.kind == "malformed_frame"]
    assert [row.times for row in rows] == [50]


@ANY_BYTES
@given(payload=st.one_of(st.binary(max_size=300), st.lists(st.binary(min_size=64, max_size=64)).map(b"".join)))
def test_no_bytes_on_punches_do_anything_but_an_event(world: World, payload: bytes) -> None:
    before = world.stored()
    world.deliver((world.clock.topic("punches"), payload))
    assert world.stored() == before


@settings(ANY_BYTES, max_examples=60)
@given(
    cuts=st.lists(st.integers(1, 4), min_size=1, max_size=8),
    order=st.lists(st.integers(0, 11), max_size=6),
    flips=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 511)), max_size=2),
    parts=st.integers(1, 3),
)
def test_looking_ahead_changes_nothing_of_what_is_taken(
    world: World, cuts: list[int], order: list[int], flips: list[tuple[int, int]], parts: int
) -> None:
    """The same messages, in and out of order and with bits flipped, with and without a look at them before."""
    name = f"{world.now_ms % 10**6}-{len(world.clocks)}"
    taken = []
    for kind in ("plain", "ahead"):
        clock = world.add_clock(Clock(f"{kind}-{name}", nonce=bytes(8)))
        raws = [*clock.start(), *(clock.punch(STRANGER_UID) for _ in range(10))]
        world.punches(*raws[:2], clock=clock)
        messages, at = [], 2
        for cut in cuts:
            messages.append(raws[at : at + cut])
            at += cut
        messages += [raws[place : place + 2] for place in order]
        for place, bit in flips:
            messages.append([flipped(raws[place], bit)])
        group = [ClockMessage(clock.topic("punches"), b"".join(some), world.now_ms) for some in messages if some]
        size = -(-len(group) // parts)
        some_parts = [group[at : at + size] for at in range(0, len(group), size)]
        verified = [world.intake.verify_ahead(part) for part in some_parts] if kind == "ahead" else []
        assert not verified or verified[0], "the first message is the next one"
        with world.store.write() as connection:
            result = world.intake.handle(connection, group, world.now_ms, verified)
        stored = [row.seq for row in world.rows(schema.records) if row.clock_id == max(result.acks, default=0)]
        state = world.clock_row_of(clock.name)
        taken.append((list(result.acks.values()), result.counts, stored, state.next_seq, state.state, state.kept))
    assert taken[0] == taken[1]


@ANY_BYTES
@given(topic=st.text(max_size=80), payload=st.binary(max_size=200))
def test_no_topic_does_anything_but_an_event(world: World, topic: str, payload: bytes) -> None:
    assert world.deliver((topic, payload)).acks == {}


@ANY_BYTES
@given(payload=st.binary(max_size=400))
def test_no_bytes_on_status_are_believed(world: World, payload: bytes) -> None:
    assert world.status(payload).acks == {}
    assert [row.online for row in world.rows(schema.clocks)] == [False]


@ANY_BYTES
@given(body=st.one_of(st.binary(max_size=400), st.text(max_size=200).map(str.encode)))
def test_no_authentic_status_with_a_strange_body_is_believed(world: World, body: bytes) -> None:
    assert world.status(world.clock.upward(body, 1)).acks == {}


@ANY_BYTES
@given(order=st.permutations(range(8)), cut=st.lists(st.integers(0, 8), max_size=4))
def test_any_order_and_repetition_ends_with_every_record_once(world: World, order: list[int], cut: list[int]) -> None:
    """Whatever the broker delays or repeats, sending again from `next` completes the chain."""
    clock = world.add_clock(Clock(f"c-{world.now_ms % 10**9}-{len(world.clocks)}"))
    raws = [*clock.start(), *(clock.punch() for _ in range(6))]
    for at in [*order, *cut]:
        world.punches(*raws[at : at + 2] or raws[:1], clock=clock)
    acks = world.punches(raws[0], clock=clock).acks
    (ack,) = acks.values()
    if ack.next_seq < len(raws):
        (ack,) = world.punches(*raws[ack.next_seq :], clock=clock).acks.values()
    assert ack.next_seq == len(raws)
    with world.store.read() as connection:
        table = schema.records
        mine = connection.execute(table.select().where(table.c.clock_id == max(acks))).all()
    assert [row.raw for row in sorted(mine, key=lambda row: row.seq)] == raws

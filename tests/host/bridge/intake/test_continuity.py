"""Clocks that are put back, copied, or skip and use numbers twice: found before anything of it is declared; and honest
clocks, whatever the network does to them, are never under suspicion.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from tests.host.bridge.device import Device, answer, seq_of, talk
from tests.host.bridge.world import BRAM_UID, STRANGER_UID, Clock, World

from badgeclock.bridge.downlink.frames_out import Downlink
from badgeclock.bridge.intake import continuity, quarantine
from badgeclock.bridge.intake.continuity import Before
from badgeclock.bridge.intake.intake import BatchResult, Intake
from badgeclock.bridge.intake.quarantine import FAILURES_KEPT, GAP_STAYS_MS, GAPS_ASKED
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.event_log import Severity
from badgeclock.protocol import frames, seal
from badgeclock.protocol import record as records
from badgeclock.protocol.frames import Verdict
from badgeclock.protocol.record import Kind

A_FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(A_FEW, max_examples=1500)


@pytest.fixture
def device(world: World) -> Device:
    """A clock that has run for a while, whose records are all accepted."""
    made = Device(world.clock)
    made.start()
    for _ in range(4):
        made.clock.punch(STRANGER_UID)
    talk(world, made)
    assert len(world.stored()) == made.head == made.tail
    return made


def alarms(world: World) -> list[str]:
    """Kinds of alarms so far, each once."""
    return list(dict.fromkeys(row.kind for row in world.rows(schema.events) if row.severity == Severity.ALARM))


def restart_bridge(world: World) -> None:
    world.downlink = Downlink(world.vault)
    world.intake = Intake(world.vault, world.downlink)


def expect_held(world: World, reason: str, truth: Clock) -> None:
    """Under quarantine for that reason, and only the true chain was accepted."""
    row = world.clock_row()
    assert (row.state, row.held_reason) == ("QUARANTINED", reason)
    assert set(world.stored()) <= set(truth.sent)


# --- attacks, one by one ---


def test_a_flash_that_was_put_back_is_a_rollback_as_soon_as_the_clock_says_status(world: World, device: Device) -> None:
    image = device.copy()
    device.clock.punch()
    device.clock.punch()
    talk(world, device)
    image.start()
    taken = world.deliver(image.connect())
    expect_held(world, "rollback", device.clock)
    assert [ack.verdict for ack in taken.acks.values()] == [Verdict.QUARANTINE]
    assert alarms(world) == ["rollback"]


def test_what_a_clock_that_was_put_back_registers_is_kept_aside_never_declared_and_stays_in_its_flash(
    world: World, device: Device
) -> None:
    image = device.copy()
    for _ in range(3):
        device.clock.punch(STRANGER_UID)
    talk(world, device)
    image.start()
    own = [image.clock.sent[-1], *(image.clock.punch(BRAM_UID) for _ in range(8))]
    acks = talk(world, image)
    assert {row.raw for row in world.rows(schema.quarantine)} == set(own)
    assert image.tail <= seq_of(own[0])
    assert all(ack.next_seq <= seq_of(own[0]) for ack in acks)
    assert "QUEUED" not in world.states()
    assert set(world.stored()) == set(device.clock.sent)


def test_a_flash_put_back_further_than_a_restart_makes_the_boot_count_go_back(world: World, device: Device) -> None:
    image = device.copy()
    device.start()
    talk(world, device)
    device.start()
    talk(world, device)
    image.start()
    world.deliver(image.connect())
    expect_held(world, "rollback", device.clock)
    image.clock.punch()
    image.clock.punch()
    image.clock.punch()
    world.deliver(image.status())
    assert any("boot count went back" in row.detail for row in world.rows(schema.events))


def test_a_rollback_that_overtook_the_store_shows_with_its_first_records_and_loses_none_of_its_own(
    world: World, device: Device
) -> None:
    image = device.copy()
    device.clock.punch(STRANGER_UID)
    device.clock.punch(STRANGER_UID)
    talk(world, device)
    image.start()
    own = [image.clock.sent[-1], *(image.clock.punch() for _ in range(20))]
    acks = talk(world, image)
    expect_held(world, "equivocation", device.clock)
    assert not any("in step with the store" in row.detail for row in world.rows(schema.events))
    assert max(ack.next_seq for ack in acks) <= seq_of(own[0])
    assert image.tail <= seq_of(own[0])
    restart_bridge(world)
    image.resend()
    for message in (image.batch(), image.batch()):
        assert message is not None
        answer(world.deliver(message), image)
    talk(world, image)
    assert image.tail <= seq_of(own[0])
    assert {row.raw for row in world.rows(schema.quarantine)} <= set(own)
    assert "QUEUED" not in world.states()


def test_a_rollback_that_was_found_stays_unacknowledged_when_it_overtakes_the_store(
    world: World, device: Device
) -> None:
    image = device.copy()
    for _ in range(3):
        device.clock.punch(STRANGER_UID)
    talk(world, device)
    image.start()
    own = image.head - 1
    answer(world.deliver(image.connect()), image)
    for _ in range(9):
        image.clock.punch()
        message = image.batch()
        assert message is not None
        answer(world.deliver(message), image)
        answer(world.deliver(image.status()), image)
    assert image.tail <= own
    expect_held(world, "rollback", device.clock)


def test_another_chain_of_the_same_length_is_a_fork(world: World, device: Device) -> None:
    twin = device.copy()
    device.start()
    talk(world, device)
    twin.start()
    world.deliver(twin.connect())
    expect_held(world, "fork", device.clock)


def test_two_devices_that_take_turns_under_one_name_are_a_clone(world: World, device: Device) -> None:
    twin = device.copy()
    device.start()
    twin.start()
    talk(world, device)
    talk(world, twin)
    assert world.clock_row().held_reason == "fork"
    device.clock.connection += 1
    talk(world, device)
    expect_held(world, "clone", device.clock)
    assert "clone" in alarms(world)
    limit = world.clock_row().ack_limit
    assert limit == twin.tail, "as long as nobody has decided, either device may be the one that is answered"
    world.release()
    device.clock.connection += 1
    talk(world, device)
    assert world.clock_row().ack_limit is None
    assert device.tail == device.head


def test_two_sessions_of_one_connection_of_one_boot_are_two_devices(world: World, device: Device) -> None:
    twin = device.copy()
    world.deliver(device.connect())
    world.deliver(twin.connect())
    expect_held(world, "clone", device.clock)


def test_a_clock_that_holds_for_acknowledged_what_the_store_lacks_has_skipped_and_sends_it_again(
    world: World, device: Device, tmp_path: Path
) -> None:
    """The store was put back from a backup: the clock heals it, and a person decides whether to declare anything."""
    backup = sqlite3.connect(tmp_path / "backup.db")
    with sqlite3.connect(tmp_path / "bridge.db") as live:
        live.backup(backup)
    device.clock.punch()
    device.clock.punch(BRAM_UID)
    talk(world, device)
    world.store.close()
    with sqlite3.connect(tmp_path / "bridge.db") as live:
        backup.backup(live)
    backup.close()
    world.store = type(world.store)(f"sqlite:///{tmp_path / 'bridge.db'}")
    restart_bridge(world)
    talk(world, device)
    expect_held(world, "skipped", device.clock)
    assert world.stored() == device.clock.sent
    assert world.states()[-2:] == ["WAITING", "WAITING"]
    assert world.release().can_go_on
    assert world.states()[-2:] == ["QUEUED", "QUEUED"]
    talk(world, device)
    assert world.clock_row().state == "ACTIVE"


def test_a_clock_that_goes_on_after_a_gap_though_asked_again_and_again_has_skipped(
    world: World, device: Device
) -> None:
    device.clock.state = seal.burn(device.clock.state, 3)
    skipping = [device.clock.punch() for _ in range(3)]
    for _ in range(GAPS_ASKED):
        assert world.clock_row().state == "ACTIVE"
        taken = world.punches(*skipping)
        assert [ack.verdict for ack in taken.acks.values()] == [Verdict.GAP]
        world.now_ms += GAP_STAYS_MS // (GAPS_ASKED - 1)
    world.punches(*skipping)
    row = world.clock_row()
    assert (row.state, row.held_reason) == ("QUARANTINED", "skipped")
    assert {kept.raw for kept in world.rows(schema.quarantine)} == set(skipping)
    assert len(world.stored()) == 6


def test_a_gap_that_is_asked_for_often_within_a_moment_is_no_skip(world: World, device: Device) -> None:
    missing, after = device.clock.punch(), device.clock.punch()
    for _ in range(10 * GAPS_ASKED):
        world.punches(after)
    assert world.clock_row().state == "ACTIVE"
    world.punches(missing, after)
    assert len(world.stored()) == 8
    assert alarms(world) == []


def test_a_gap_that_is_old_and_was_asked_for_seldom_is_no_skip(world: World, device: Device) -> None:
    device.clock.punch()
    after = device.clock.punch()
    for _ in range(GAPS_ASKED - 1):
        world.punches(after)
        world.now_ms += GAP_STAYS_MS
    assert world.clock_row().state == "ACTIVE"


def test_records_whose_seal_fails_again_and_again_put_the_clock_under_quarantine(world: World, device: Device) -> None:
    image = device.copy()
    device.clock.punch(STRANGER_UID)
    talk(world, device)
    image.start()
    image.clock.punch()
    forked = image.clock.punch()
    for _ in range(FAILURES_KEPT):
        world.punches(forked)
    assert world.clock_row().state == "ACTIVE"  # further on than the next number: a gap
    wrong = image.clock.sent[-2]
    for _ in range(FAILURES_KEPT):
        world.punches(wrong)
    expect_held(world, "seal_failed_repeatedly", device.clock)
    assert wrong in {row.raw for row in world.rows(schema.quarantine)}


def test_the_same_number_used_twice_is_an_equivocation_that_says_whether_the_clock_is_in_step(
    world: World, device: Device
) -> None:
    """A hostile broker can put other bytes under an old number: the clock's own STATUS distinguishes it from a fork."""
    other = bytearray(device.clock.sent[3])
    other[30] ^= 1
    world.punches(bytes(other))
    expect_held(world, "equivocation", device.clock)
    assert "in step with the store" in world.rows(schema.events)[-1].detail
    device.clock.punch()
    acks = talk(world, device)
    assert acks[-1] == (device.head, Verdict.QUARANTINE, bytes(8))  # records with a valid seal are accepted, and wait
    assert world.states()[-1] == "WAITING"


def test_no_more_is_kept_aside_than_a_bound_and_then_nothing_above_is_acknowledged(
    world: World, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "QUARANTINE_KEPT", 5)
    forged = [bytearray(device.clock.sent[5]) for _ in range(9)]
    for at, raw in enumerate(forged):
        raw[40 + at % 8] ^= 1 + at
    taken = [world.punches(bytes(raw)) for raw in [*forged, *forged]]
    assert len(world.rows(schema.quarantine)) == world.clock_row().kept == 5
    assert "quarantine_full" in alarms(world)
    assert [ack.next_seq for ack in taken[0].acks.values()] == [6]
    assert [ack.next_seq for ack in taken[-1].acks.values()] == [5]


@pytest.mark.parametrize(
    ("head", "boot", "tail", "tag", "kind"),
    [
        (10, 3, 8, b"T", None),
        (12, 3, 8, b"?", None),
        (12, 4, 10, b"?", None),
        (10, 4, 8, b"T", None),
        (7, 3, 7, b"t", None),
        (7, 2, 0, b"t", None),
        (12, 3, 11, b"?", "skipped"),
        (10, 3, 8, b"x", "fork"),
        (7, 2, 0, b"x", "rollback"),
        (7, 4, 0, b"t", "rollback"),
        (9, 4, 0, b"u", "rollback"),
        (7, 1, 0, b"t", "rollback"),
        (10, 2, 0, b"T", "rollback"),
        (12, 2, 0, b"?", "rollback"),
    ],
)
def test_each_way_in_which_a_status_and_the_store_can_disagree(
    head: int, boot: int, tail: int, tag: bytes, kind: str | None
) -> None:
    """A store of 10 records, of boot 3 from record 7 on; record 6, below a head of 7, is of boot 2."""
    state = seal.found("clock-0001", bytes(32), bytes(8))._replace(next_seq=10, boot=3, tag=b"T" * 16)
    before = {7: Before(b"t" * 16, 2), 9: Before(b"u" * 16, 3), 10: Before(b"T" * 16, 3)}.get(head)
    clock = Clock()
    frame = clock.online(head=head, boot=boot, tail=tail, tag=tag * 16)
    status = frames.unpack_status(
        frames.open_frame(frames.upward_key(clock.link_key), clock.name, bytes(8), frame).body
    )
    assert isinstance(status, frames.Online)
    found = continuity.contradiction(state, status, before, None)
    assert (found and found.kind) == kind


# --- the result ---


def test_a_clock_that_was_put_back_and_released_comes_under_quarantine_again(world: World, device: Device) -> None:
    image = device.copy()
    device.clock.punch(STRANGER_UID)
    device.clock.punch(STRANGER_UID)
    talk(world, device)
    image.start()
    talk(world, image)
    released = world.release()
    assert (released.held_reason, released.can_go_on) == ("rollback", False)
    assert world.clock_row().state == "ACTIVE"
    before = image.tail
    world.deliver(image.status())
    assert world.clock_row().state == "QUARANTINED"
    assert image.tail == before


def test_a_clock_that_was_put_back_goes_on_when_it_was_provisioned_anew(world: World, device: Device) -> None:
    image = device.copy()
    device.clock.punch(STRANGER_UID)
    device.clock.punch(STRANGER_UID)
    talk(world, device)
    image.start()
    talk(world, image)
    world.clock = world.add_clock(Clock(nonce=b"next-one"))
    again = Device(world.clock)
    again.start()
    again.clock.punch(STRANGER_UID)
    talk(world, again)
    assert world.clock_row().state == "ACTIVE"
    assert again.tail == again.head == 3


def test_a_chain_founded_anew_that_the_bridge_was_not_told_of_raises_no_alarm_and_is_taken_once_it_is(
    world: World, device: Device
) -> None:
    assert device.head == len(world.stored())
    again = Device(Clock(nonce=b"next-one"))
    again.start()
    for message in (again.connect(), again.batch()):
        assert message is not None
        assert world.deliver(message).acks == {}
    again.clock.punch(STRANGER_UID)
    world.punches(again.clock.sent[-1], clock=again.clock)
    assert alarms(world) == []
    assert "founded_anew" in world.events()
    assert world.clock_row().state == "ACTIVE"
    world.clock = world.add_clock(again.clock)
    talk(world, again)
    assert again.tail == again.head == 3


async def test_a_clock_under_quarantine_hears_so_in_its_own_session(world: World, device: Device) -> None:
    image = device.copy()
    device.start()
    talk(world, device)
    image.start()
    topic, frame = image.connect()  # its counter is not newer than the other's
    world.deliver((topic, frame))
    (message,) = world.downlink.ack(1, frames.Ack(0, Verdict.QUARANTINE))
    assert frames.unpack_ack(image.clock.hear(message.payload).body).verdict is Verdict.QUARANTINE


def test_a_gap_an_old_status_and_a_restart_of_the_bridge_are_no_reason_for_suspicion(
    world: World, device: Device
) -> None:
    old = device.status()
    device.clock.punch()
    talk(world, device)
    restart_bridge(world)
    device.start(burnt=2)
    device.clock.punch()
    world.deliver(old)
    talk(world, device)
    world.deliver(old, old)
    assert alarms(world) == []
    assert world.stored() == device.clock.sent


# --- all honest histories, and all attacks ---


class Line:
    """A network between an honest clock and the bridge that delays, repeats, loses, and reorders across connections."""

    def __init__(self, world: World, device: Device) -> None:
        self.world = world
        self.device = device
        self.under_way: list[tuple[str, bytes]] = []
        self.statuses: list[tuple[str, bytes]] = []

    def send(self, message: tuple[str, bytes] | None) -> None:
        if message is None:
            return
        self.under_way.append(message)
        if message[0].endswith("status"):
            self.statuses.append(message)

    def deliver(self, count: int) -> BatchResult:
        """Deliver the next so many as one group; what the bridge answers."""
        group, self.under_way = self.under_way[:count], self.under_way[count:]
        return self.world.deliver(*group)

    def close_epoch(self) -> None:
        """The clock's EPOCH record; no clock closes an epoch without another."""
        if self.device.clock.state.records:
            self.device.clock.close_epoch()

    def step(self, name: str, number: int) -> None:
        """One thing that happens."""
        device, clock = self.device, self.device.clock
        self.world.now_ms += 1 + number * 100
        clock.utc_ms = self.world.now_ms
        match name:
            case "punch":
                clock.punch(STRANGER_UID)
            case "epoch":
                self.close_epoch()
            case "start":
                will = (clock.topic("status"), clock.offline())
                device.start(burnt=number % 3)
                # What the broker still had of the last connection and what comes of this one overtake each other.
                self.under_way.insert(number % (len(self.under_way) + 1), will)
                self.send(device.connect())
            case "connect":
                self.send(device.connect())
                at = number % len(self.under_way)
                self.under_way[at], self.under_way[-1] = self.under_way[-1], self.under_way[at]
            case "status":
                self.send(device.status())
            case "send":
                self.send(device.batch())
            case "resend":
                device.resend()
                self.send(device.batch())
            case "deliver":
                answer(self.deliver(1 + number), device)
            case "deaf":
                self.deliver(1 + number)
            case "lose" if self.under_way:
                self.under_way.pop(number % len(self.under_way))
            case "repeat" if self.under_way:
                self.under_way.append(self.under_way[number % len(self.under_way)])
            case "retained":
                self.under_way.insert(0, self.statuses[-1])
            case "old status":
                self.under_way.append(self.statuses[number % len(self.statuses)])
            case "bridge":
                restart_bridge(self.world)


STEPS = st.tuples(
    st.sampled_from(
        [
            *("punch", "send", "deliver") * 3,
            *("epoch", "start", "connect", "status", "resend", "deaf"),
            *("lose", "repeat", "retained", "old status", "bridge"),
        ]
    ),
    st.integers(0, 6),
)


def fresh(folder: str) -> tuple[World, Device]:
    world = World(Path(folder))
    device = Device(world.clock)
    device.start()
    return world, device


def judge_history(steps: list[tuple[str, int]]) -> None:
    """No alarm, and in the end every record is taken."""
    with TemporaryDirectory() as folder:
        world, device = fresh(folder)
        line = Line(world, device)
        line.send(device.connect())
        for step in steps:
            line.step(*step)
        note([(row.kind, row.detail) for row in world.rows(schema.events)])
        assert alarms(world) == []
        answer(line.deliver(len(line.under_way)), device)
        talk(world, device, rounds=40)
        note([(row.kind, row.detail) for row in world.rows(schema.events)])
        assert alarms(world) == []
        assert world.clock_row().state == "ACTIVE"
        assert world.stored() == device.clock.sent
        assert device.tail == device.head
        world.close()


def attack(world: World, device: Device, image: Device, kind: str, count: int, data: Any) -> Device:
    """Carry one attack out; gives the device whose chain is not the store's."""
    fork = image
    if kind == "rollback":
        for _ in range(count):
            device.clock.punch(STRANGER_UID)
        talk(world, device, rounds=40)
        fork.start()
        for _ in range(data.draw(st.integers(0, 40), label="punches of the fork")):
            fork.clock.punch()
        talk(world, fork, rounds=40)
    elif kind == "clone":
        fork = device.copy()
        device.start()
        fork.start()
        for _ in range(count):
            fork.clock.punch()
        talk(world, device)
        talk(world, fork, rounds=40)
    elif kind == "skip":
        fork = device
        fork.clock.state = seal.burn(fork.clock.state, count)
        for _ in range(2):
            fork.clock.punch()
        for _ in range(2 * GAPS_ASKED):
            talk(world, fork, rounds=3)
            world.now_ms += GAP_STAYS_MS // GAPS_ASKED
    else:  # a number used twice
        fork = device.copy()
        device.clock.punch(STRANGER_UID)
        talk(world, device)
        fork.clock.punch()
        fork.resend()
        message = fork.batch()
        assert message is not None
        world.deliver(message)
    return fork


def judge_attack(data: Any, steps: list[tuple[str, int]], kind: str, count: int) -> None:
    """Quarantine, and nothing of the other chain is taken, declared or acknowledged."""
    with TemporaryDirectory() as folder:
        world, device = fresh(folder)
        line = Line(world, device)
        line.send(device.connect())
        for step in steps:
            line.step(*step)
        answer(line.deliver(len(line.under_way)), device)
        talk(world, device, rounds=40)
        image = device.copy()
        held = set(device.clock.sent)
        fork = attack(world, device, image, kind, count, data)
        note([(row.kind, row.detail) for row in world.rows(schema.events)])
        assert world.clock_row().state == "QUARANTINED"
        assert alarms(world)
        own = set(fork.clock.sent) - held if kind == "skip" else set(fork.clock.sent) - set(device.clock.sent)
        assert own
        assert not own & set(world.stored())
        assert "QUEUED" not in world.states()
        assert fork.tail <= min(seq_of(raw) for raw in own)
        assert all(records.unpack(raw).kind != Kind.RETIRE for raw in own)
        world.close()


HISTORY = {"steps": st.lists(STEPS, max_size=60)}
ATTACK = {
    "data": st.data(),
    "steps": st.lists(STEPS, max_size=25),
    "kind": st.sampled_from(["rollback", "clone", "skip", "reuse"]),
    "count": st.integers(1, 6),
}


@A_FEW
@given(**HISTORY)
def test_no_history_of_an_honest_clock_raises_an_alarm_and_every_record_is_taken(steps: list[tuple[str, int]]) -> None:
    judge_history(steps)


@A_FEW
@given(**ATTACK)
def test_every_attack_ends_in_quarantine_before_anything_of_it_is_declared(
    data: Any, steps: list[tuple[str, int]], kind: str, count: int
) -> None:
    judge_attack(data, steps, kind, count)


@pytest.mark.torture
@pytest.mark.timeout(3600)
@MANY
@given(**HISTORY)
def test_no_history_of_an_honest_clock_raises_an_alarm_in_many_tries(steps: list[tuple[str, int]]) -> None:
    judge_history(steps)


@pytest.mark.torture
@pytest.mark.timeout(3600)
@MANY
@given(**ATTACK)
def test_every_attack_ends_in_quarantine_in_many_tries(
    data: Any, steps: list[tuple[str, int]], kind: str, count: int
) -> None:
    judge_attack(data, steps, kind, count)

"""The operator's view of clocks and decisions about them; how a clock is retired; alarms from its STATUS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from tests.host.bridge.device import Device, talk
from tests.host.bridge.intake.test_continuity import alarms
from tests.host.bridge.world import STRANGER_UID, Clock, World, token_of
from typer.testing import CliRunner

from badgeclock.bridge.clocks import registry
from badgeclock.bridge.downlink import orders
from badgeclock.bridge.downlink.frames_out import Message
from badgeclock.bridge.downlink.order_sender import OrderSender
from badgeclock.bridge.downlink.orders import AGAIN_MS
from badgeclock.bridge.errors import AuditError, PeopleError
from badgeclock.bridge.intake.continuity import LastStatus
from badgeclock.bridge.intake.status_frame import changes
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.settings import HttpSettings
from badgeclock.bridge.store import schema, vault
from badgeclock.bridge.store.event_log import Kind, Severity
from badgeclock.bridge.web import status_api
from badgeclock.cli import bridge as cli
from badgeclock.protocol import frames, seal
from badgeclock.protocol.frames import Command, FrameType, Verdict

WHY = {"by": "anna", "reason": "looked at the clock"}


@pytest.fixture
def device(world: World) -> Device:
    """A clock whose few records are all taken, and which is connected."""
    made = Device(world.clock)
    made.start()
    made.clock.punch(STRANGER_UID)
    talk(world, made)
    return made


def hold(world: World, device: Device) -> bytes:
    """Put the clock under quarantine by an equivocation; returns the record that is kept aside."""
    other = bytearray(device.clock.sent[2])
    other[30] ^= 1
    world.punches(bytes(other))
    return bytes(other)


def kinds(world: World) -> list[tuple[str, str]]:
    left_out = {"badge_assigned", "badge_unknown"}
    return [(row.severity, row.kind) for row in world.rows(schema.events) if row.kind not in left_out]


# --- the end of a clock's life ---


def test_a_retire_record_ends_the_clock_once_everything_is_taken_and_is_acknowledged_again(
    world: World, device: Device
) -> None:
    device.clock.punch()
    last = device.clock.retire()
    acks = talk(world, device)
    assert (acks[-1].next_seq, acks[-1].verdict) == (device.head, Verdict.IN_ORDER)
    assert world.clock_row().state == "RETIRED"
    assert world.stored() == device.clock.sent
    assert world.states()[-1] == "QUEUED"
    assert ("info", "clock_retired") in kinds(world)
    assert "certificate" in world.rows(schema.events)[-1].detail
    (again,) = world.punches(last).acks.values()
    assert again.next_seq == device.head
    assert alarms(world) == []


def test_no_first_key_stays_in_the_store(world: World) -> None:
    """Nor the first key of an epoch whose records arrived: the bridge's keys can only forge future records."""
    clock = world.clock
    world.punches(*clock.start(), clock.punch(STRANGER_UID), clock.close_epoch(), clock.punch(STRANGER_UID))
    row = world.clock_row()
    held = world.vault.open(vault.LINK_KEY, clock.name, row.link_key_closed)
    held += world.vault.open(vault.SEAL_KEYS + clock.name, clock.name, row.keys_closed)
    assert clock.state.r in held
    e0 = bytes.fromhex(clock.bundle()["e0"])
    first, e1 = seal.epoch_start(e0, 0)
    second, e2 = seal.epoch_start(e1, 1)
    assert e2 in held
    for earlier in (e0, first, e1, second):
        assert earlier not in held


def test_nothing_after_retire_is_taken(world: World, device: Device) -> None:
    before = device.copy()
    device.clock.retire()
    talk(world, device)
    forged = before.clock.punch()
    later = Clock()
    later.state = before.clock.state._replace(next_seq=device.head)
    after = later.punch()
    taken = world.punches(after)
    assert [ack.next_seq for ack in taken.acks.values()] == [device.head]
    assert alarms(world) == ["after_retirement"]
    world.punches(forged)
    assert alarms(world) == ["after_retirement", "equivocation"]
    assert {row.raw for row in world.rows(schema.quarantine)} == {after, forged}
    assert world.stored() == device.clock.sent
    assert world.clock_row().state == "RETIRED"
    assert "QUEUED" not in world.states()


def test_an_operator_ends_a_clock_that_is_gone_and_nothing_of_it_is_taken_any_more(
    world: World, device: Device
) -> None:
    with world.store.write() as connection:
        assert registry.end(connection, "clock-0001", **WHY, now_ms=world.now_ms) == 0
    assert world.clock_row().state == "RETIRED"
    assert world.rows(schema.events)[-1].detail.startswith("ended without its last record by anna: looked at")
    punch = device.clock.punch()
    taken = world.punches(punch)
    assert [ack.next_seq for ack in taken.acks.values()] == [device.head - 1]
    assert alarms(world) == ["after_retirement"]
    assert "QUEUED" not in world.states()
    with pytest.raises(PeopleError, match="retired already"), world.store.write() as connection:
        registry.end(connection, "clock-0001", **WHY, now_ms=world.now_ms)


def test_a_clock_that_retires_under_quarantine_is_retired_when_it_is_released(world: World, device: Device) -> None:
    hold(world, device)
    device.clock.punch()
    device.clock.retire()
    talk(world, device)
    assert world.clock_row().state == "QUARANTINED"
    assert world.states()[-1] == "WAITING"
    assert world.release().queued == 1
    assert world.clock_row().state == "RETIRED"
    assert world.states()[-1] == "QUEUED"


def test_a_name_whose_clock_was_retired_can_be_provisioned_anew(world: World, device: Device) -> None:
    device.clock.retire()
    talk(world, device)
    world.clock = world.add_clock(Clock(nonce=b"next-one"))
    again = Device(world.clock)
    again.start()
    talk(world, again)
    assert again.tail == again.head == 2
    with world.store.read() as connection:
        assert [clock["state"] for clock in registry.listing(connection)] == ["RETIRED", "ACTIVE"]


# --- orders ---


async def test_an_order_to_retire_reaches_the_clock_when_it_is_online_again_until_its_record_comes(
    world: World, device: Device
) -> None:
    published: list[Message] = []
    sending = OrderSender(world.store, world.vault, world.downlink, published.append, lambda: world.now_ms)
    world.deliver((world.clock.topic("status"), world.clock.offline()))
    with world.store.write() as connection:
        ordered = registry.order_retirement(connection, "clock-0001", **WHY, now_ms=world.now_ms)
        assert (ordered.new, ordered.online) == (True, False)
        again = registry.order_retirement(connection, "clock-0001", **WHY, now_ms=world.now_ms)
        assert not again.new
    await sending.work()
    assert published == []
    device.clock.connection += 1
    talk(world, device)
    for _ in range(3):
        await sending.work()
    world.now_ms += AGAIN_MS
    await sending.work()
    assert [message.topic for message in published] == [world.clock.topic("command")] * 2
    for message in published:
        frame = world.clock.hear(message.payload)
        assert (frame.type, frames.unpack_command(frame.body)) == (FrameType.COMMAND, (Command.RETIRE, b""))
    (order,) = world.rows(schema.orders)
    assert (order.given_by, order.reason, order.times_sent, order.done_ms) == ("anna", WHY["reason"], 2, None)
    device.clock.retire()
    talk(world, device)
    (order,) = world.rows(schema.orders)
    assert (order.done_ms, order.outcome) == (world.now_ms, "the clock has written its last record")
    world.now_ms += AGAIN_MS
    await sending.work()
    assert len(published) == 2


def test_orders_to_a_clock_that_is_replaced_or_ended_are_closed(world: World, device: Device) -> None:
    for name, end in (("clock-0001", "replaced"), ("clock-0002", "ended")):
        clock = world.clock if name == "clock-0001" else world.add_clock(Clock(name))
        with world.store.write() as connection:
            registry.order_retirement(connection, clock.name, **WHY, now_ms=1)
        if end == "replaced":
            world.add_clock(Clock(name, nonce=b"next-one"))
        else:
            with world.store.write() as connection:
                registry.end(connection, name, **WHY, now_ms=2)
    assert [order.outcome for order in world.rows(schema.orders)] == ["provisioned again", "ended without the clock"]
    with world.store.read() as connection:
        assert orders.due(connection, 10**15) == []
    assert device.head == 3


# --- the operator's view ---


def test_a_decision_without_a_reason_is_none(world: World, device: Device) -> None:
    hold(world, device)
    for reason in ("", "  \n", "x" * 501):
        with pytest.raises(AuditError, match="reason"), world.store.write() as connection:
            registry.release(connection, "clock-0001", by="anna", reason=reason, now_ms=0)
    released = world.release()
    assert (released.held_reason, released.can_go_on) == ("equivocation", True)
    assert world.rows(schema.events)[-1].detail == "quarantine for equivocation ended by tests: looked at"


def test_lists_tell_where_a_clock_stands_and_no_token_tag_or_key(world: World, device: Device) -> None:
    kept = hold(world, device)
    with world.store.read() as connection:
        (clock,) = registry.listing(connection)
        found = registry.quarantine_of(connection, "clock-0001", 0, 10)
    assert (clock["state"], clock["held_reason"], clock["next_seq"]) == ("QUARANTINED", "equivocation", 3)
    assert clock["status"]["head"] == 3
    assert found["alarms"][0]["kind"] == "equivocation"
    (row,) = found["kept_aside"]
    assert (row["seq"], row["kind"], row["reason"], row["direction"]) == (2, "PUNCH", "equivocation", "IN")
    said = json.dumps([clock, found])
    for secret in (token_of(STRANGER_UID), kept[24:32], kept[48:], world.clock.state.r, world.clock.link_key):
        assert secret.hex() not in said


async def test_the_interface_serves_the_lists_and_answers_404_for_a_clock_that_is_not(
    world: World, device: Device
) -> None:
    hold(world, device)
    app = status_api.create_app(world.store, world.vault, Metrics(), lambda: True, HttpSettings())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        assert [clock["clock"] for clock in (await client.get("/api/clocks")).json()] == ["clock-0001"]
        of_it = "/api/clocks/clock-0001/quarantine"
        assert (await client.get(of_it)).json()["held_reason"] == "equivocation"
        assert (await client.get(f"{of_it}?after=99")).json()["kept_aside"] == []
        assert (await client.get("/api/clocks/nobody/quarantine")).status_code == 404
        assert (await client.get(f"{of_it}?limit=0")).status_code == 422


def test_metrics_count_clocks_and_the_most_worn_flash(world: World, device: Device) -> None:
    world.deliver(device.status(wear=321))
    other = world.add_clock(Clock("clock-0002"))
    world.status(other.online(wear=7, head=64 * 500, session=b"sessionA"), clock=other)
    hold(world, device)
    metrics = Metrics()

    def counted(count: Any) -> Any:
        with world.store.read() as connection:
            return count(connection)

    metrics.watch_clocks(
        lambda: counted(registry.counts), lambda: counted(registry.marked), lambda: counted(registry.most_worn)
    )
    text = generate_latest(metrics.registry).decode()
    assert 'badgeclock_clocks{reason="equivocation",state="QUARANTINED"} 1.0' in text
    assert 'badgeclock_clocks{reason="",state="ACTIVE"} 1.0' in text
    assert 'badgeclock_clock_flash_erases{partition="journal"} 321.0' in text
    assert 'badgeclock_clock_flash_erases{partition="seal"} 666.0' in text


def test_the_command_line_lists_shows_releases_and_retires(world: World, device: Device, tmp_path: Path) -> None:
    (tmp_path / "data.key").write_text(b"data key of the tests, 32 bytes.".hex())
    (tmp_path / "data.key").chmod(0o600)
    config = tmp_path / "bridge.toml"
    config.write_text(
        '[store]\nurl = "sqlite:///bridge.db"\n[broker]\nca = "ca"\ncertificate = "c"\nkey = "k"\n'
        '[secrets]\ndata_key_file = "data.key"\n[authority]\nendpoint = "http://localhost/"\n'
    )
    assert vault.load(tmp_path / "data.key")
    hold(world, device)

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(cli.app, ["clock", *arguments, "--config", str(config)])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    listed = run("list")
    assert "clock-0001" in listed
    assert "equivocation" in listed
    assert json.loads(run("list", "--json"))["next_seq"] == 3
    shown = run("quarantine", "clock-0001")
    assert "QUARANTINED, equivocation" in shown
    assert "record 2, equivocation: PUNCH IN 2026-01-05" in shown
    assert "released" in run("release", "clock-0001", "--reason", "a copy of the broker's traffic")
    assert world.clock_row().state == "ACTIVE"
    assert "Ordered:" in run("retire", "clock-0001", "--reason", "the site closes")
    assert "Ordered already" in run("retire", "clock-0001", "--reason", "the site closes")
    assert "retirement ordered" in run("list")
    assert "is retired" in run("retire", "clock-0001", "--gone", "--reason", "stolen")
    assert world.clock_row().state == "RETIRED"


def test_a_release_of_a_clock_that_was_put_back_says_that_it_must_be_provisioned_anew(
    world: World, device: Device
) -> None:
    image = device.copy()
    device.clock.punch(STRANGER_UID)
    talk(world, device)
    image.start()
    world.deliver(image.connect())
    released = world.release()
    assert not released.can_go_on


# --- alarms of a status ---


def heard(clock: Clock, **said: Any) -> frames.Online:
    """What a clock's STATUS reveals to a reader."""
    frame = frames.open_frame(frames.upward_key(clock.link_key), clock.name, bytes(8), clock.online(**said))
    status = frames.unpack_status(frame.body)
    assert isinstance(status, frames.Online)
    return status


ROOM = LastStatus(1, 1, b"sessionA", 1000, 2000, sealed=True, retired=False)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, {}, []),
        ({}, {"free": 400}, [(Severity.WARNING, Kind.MEMORY_NEARLY_FULL)]),
        ({}, {"free": 401}, []),
        ({}, {"free": 0}, [(Severity.ALARM, Kind.MEMORY_FULL)]),
        ({"free": 400}, {"free": 300}, []),
        ({"free": 400}, {"free": 0}, [(Severity.ALARM, Kind.MEMORY_FULL)]),
        ({"free": 400}, {}, [(Severity.INFO, Kind.MEMORY_NEARLY_FULL)]),
        ({"free": 0}, {"free": 1}, [(Severity.INFO, Kind.MEMORY_FULL)]),
        ({"free": 0}, {}, [(Severity.INFO, Kind.MEMORY_FULL), (Severity.INFO, Kind.MEMORY_NEARLY_FULL)]),
        ({}, {"sealed": False}, [(Severity.ALARM, Kind.SEAL_LOST)]),
        ({"sealed": False}, {"sealed": False}, []),
        ({"sealed": False}, {}, [(Severity.INFO, Kind.SEAL_LOST)]),
        ({}, {"sealed": False, "free": 0, "retired": True}, []),
    ],
)
def test_what_a_status_alarms_about_is_told_once_and_its_end_too(
    before: dict[str, Any], after: dict[str, Any], said: list[Any]
) -> None:
    clock = Clock()
    clock.start()
    found = changes(ROOM._replace(**before), heard(clock, **after))
    assert [(change.severity, change.kind) for change in found] == said


def test_a_lost_seal_and_a_full_memory_are_alarms_with_the_first_status_that_says_so(
    world: World, device: Device
) -> None:
    world.deliver(device.status(sealed=False, free=0), device.status(sealed=False, free=0))
    world.now_ms += 2 * 3_600_000
    world.deliver(device.status(sealed=False, free=0))
    assert kinds(world) == [("alarm", "seal_lost"), ("alarm", "memory_full")]
    assert [row.times for row in world.rows(schema.events) if row.severity == "alarm"] == [1, 1]
    world.deliver(device.status())
    assert kinds(world)[2:] == [("info", "seal_lost"), ("info", "memory_full"), ("info", "memory_nearly_full")]


@given(st.lists(st.tuples(st.integers(0, 2000), st.booleans()), max_size=20))
def test_alarms_and_their_ends_take_turns(said: list[tuple[int, bool]]) -> None:
    clock = Clock()
    clock.start()
    told: LastStatus | None = None
    open_alarms: set[Kind] = set()
    for free, sealed in said:
        frame = clock.online(free=free, sealed=sealed)
        status = frames.unpack_status(
            frames.open_frame(frames.upward_key(clock.link_key), clock.name, bytes(8), frame).body
        )
        assert isinstance(status, frames.Online)
        for change in changes(told, status):
            if change.severity is Severity.INFO:
                open_alarms.discard(change.kind)
            else:
                assert change.kind not in open_alarms
                open_alarms.add(change.kind)
        told = LastStatus(1, 1, b"sessionA", free, 2000, sealed, retired=False)
        assert (Kind.SEAL_LOST in open_alarms) == (not sealed)
        assert (Kind.MEMORY_FULL in open_alarms) == (free == 0)
        assert not open_alarms & {Kind.MEMORY_NEARLY_FULL, Kind.MEMORY_FULL} or free <= 400


def test_only_a_clock_under_quarantine_can_be_released(world: World) -> None:
    with pytest.raises(PeopleError):
        world.release()

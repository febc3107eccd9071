"""Orders to clocks: how they are sent, what ends them, and which reports are accepted."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.host.bridge.device import Device, talk
from tests.host.bridge.world import Clock, World
from typer.testing import CliRunner

from badgeclock.bridge.clocks import registry
from badgeclock.bridge.clocks.health_monitor import HealthMonitor
from badgeclock.bridge.downlink import orders
from badgeclock.bridge.downlink.frames_out import Message
from badgeclock.bridge.downlink.order_sender import REPORTS_WAITING, REPORTS_WAITING_EACH, OrderSender
from badgeclock.bridge.downlink.orders import AGAIN_MS
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.settings import HttpSettings
from badgeclock.bridge.store import schema
from badgeclock.bridge.web import status_api
from badgeclock.cli import bridge as cli
from badgeclock.protocol import frames
from badgeclock.protocol.frames import NO_SESSION, Command, Frame, FrameType, Report

WHY = {"by": "anna", "reason": "looked at the clock"}
GOOD = dict.fromkeys(orders.PARTS, "good")
REPORTED = (Command.IDENTIFY, Command.SELF_TEST, Command.CAPTURE)


class Desk:
    """An operator, the bridge's orders, and the one clock that receives them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.published: list[Message] = []
        self.orders = OrderSender(world.store, world.vault, world.downlink, self.published.append, lambda: world.now_ms)
        self.device = Device(world.clock)
        self.device.start()
        talk(world, self.device)

    def give(self, command: Command, name: str = "clock-0001") -> int:
        with self.world.store.write() as connection:
            return registry.order(connection, name, command, **WHY, now_ms=self.world.now_ms).id

    async def sent(self) -> list[tuple[Command, int]]:
        """The orders that go out now, as the clock reads them."""
        before = len(self.published)
        await self.orders.work()
        heard = [self.world.clock.hear(message.payload) for message in self.published[before:]]
        return [
            (command, int.from_bytes(said, "big")) for command, said in (frames.unpack_command(f.body) for f in heard)
        ]

    def report(self, order: int, command: Command, told: dict[str, Any], clock: Clock | None = None) -> bytes:
        """A clock's REPORT frame, the next of its connection."""
        clock = clock or self.world.clock
        clock.number += 1
        counter = frames.upward_counter(clock.state.boot, clock.connection, clock.number)
        body = frames.pack_report(Report(order, command, told))
        frame = Frame(FrameType.REPORT, counter, body)
        return frames.seal_frame(frames.upward_key(clock.link_key), clock.name, NO_SESSION, frame)

    async def hear(self, frame: bytes, clock: Clock | None = None) -> None:
        assert self.orders.deliver((clock or self.world.clock).topic("report"), frame)
        await self.orders.work()

    def row(self, number: int) -> Any:
        return next(row for row in self.world.rows(schema.orders) if row.id == number)


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


@pytest.mark.parametrize(
    ("command", "told", "outcome"),
    [
        (Command.IDENTIFY, {}, "the clock showed its id"),
        (Command.SELF_TEST, {**GOOD, "heap_free": 18000}, "passed"),
        (Command.SELF_TEST, {**GOOD, "reader": "no-irq"}, "failed: reader no-irq"),
        (
            Command.SELF_TEST,
            {},
            "failed: reader not told, flash not told, seal not told, display not told, rtc not told",
        ),
        (Command.SELF_TEST, {**GOOD, "rtc": ["x" * 600]}, "failed: rtc not told"),
        (Command.CAPTURE, {"lines": ["12 s: reader: good"], "failures": {"tls": 3}}, "captured"),
    ],
)
async def test_an_order_ends_with_the_clocks_report(
    desk: Desk, command: Command, told: dict[str, Any], outcome: str
) -> None:
    number = desk.give(command)
    assert await desk.sent() == [(command, number)]
    await desk.hear(desk.report(number, command, told))
    row = desk.row(number)
    assert (row.outcome, row.report, row.done_ms) == (outcome, told, desk.world.now_ms)
    assert (row.given_by, row.reason) == ("anna", WHY["reason"])
    kinds = [event.kind for event in desk.world.rows(schema.events)]
    assert kinds[-2:] == ["order_given", "order_done"]
    assert desk.world.rows(schema.events)[-1].severity == ("warning" if outcome.startswith("failed") else "info")
    desk.world.now_ms += AGAIN_MS
    assert await desk.sent() == []


async def test_an_order_without_a_report_is_sent_again_and_ends_once(desk: Desk) -> None:
    number = desk.give(Command.CAPTURE)
    for _ in range(2):
        assert await desk.sent() == [(Command.CAPTURE, number)]
        assert await desk.sent() == []
        desk.world.now_ms += AGAIN_MS
    report = desk.report(number, Command.CAPTURE, {"lines": []})
    await desk.hear(report)
    assert desk.row(number).times_sent == 2
    await desk.hear(report)
    assert desk.orders.results == {"taken": 1, "report of no order": 1}


async def test_a_restart_is_done_when_the_clock_speaks_from_a_later_boot(desk: Desk) -> None:
    number = desk.give(Command.RESTART)
    assert await desk.sent() == [(Command.RESTART, number)]
    desk.world.deliver(desk.device.status())
    await desk.orders.work()
    assert desk.row(number).done_ms is None
    desk.world.deliver((desk.world.clock.topic("status"), desk.world.clock.offline()))
    desk.device.start()
    desk.world.now_ms += AGAIN_MS
    assert await desk.sent() == [], "it is not there"
    desk.world.deliver(desk.device.connect())
    assert await desk.sent() == [], "it has restarted, and is not asked to again"
    assert desk.row(number).outcome == f"restarted, boot {desk.world.clock.state.boot}"


async def test_a_report_that_is_forged_old_anothers_or_of_another_kind_ends_no_order(desk: Desk) -> None:
    world = desk.world
    other = world.add_clock(Clock("clock-0002"))
    number = desk.give(Command.SELF_TEST)
    early = desk.report(number, Command.SELF_TEST, GOOD)
    await desk.sent()
    world.deliver(desk.device.status())
    good = desk.report(number, Command.SELF_TEST, GOOD)
    clock = world.clock
    status = clock.online()
    for frame in (
        early,
        good[:-1] + bytes([good[-1] ^ 1]),
        desk.report(number + 1, Command.SELF_TEST, GOOD),
        desk.report(number, Command.CAPTURE, GOOD),
        desk.report(number, Command.RESTART, GOOD),
        status,
        b"",
    ):
        await desk.hear(frame)
    await desk.hear(desk.report(number, Command.SELF_TEST, GOOD, other), other)
    await desk.hear(good, other)
    await desk.hear(good, Clock("clock-0003"))
    assert desk.row(number).done_ms is None
    await desk.hear(good)
    assert desk.row(number).outcome == "passed"


async def test_a_report_of_an_order_that_was_never_sent_is_none(desk: Desk) -> None:
    desk.world.deliver((desk.world.clock.topic("status"), desk.world.clock.offline()))
    number = desk.give(Command.SELF_TEST)
    assert await desk.sent() == []
    desk.world.clock.connection += 1
    await desk.hear(desk.report(number, Command.SELF_TEST, GOOD))
    assert desk.row(number).done_ms is None


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=20, deadline=None
)
@given(payload=st.binary(max_size=1100), body=st.binary(max_size=200))
async def test_any_bytes_on_the_topic_of_reports_do_no_harm(desk: Desk, payload: bytes, body: bytes) -> None:
    clock = desk.world.clock
    clock.number += 1
    counter = frames.upward_counter(clock.state.boot, clock.connection, clock.number)
    authentic = frames.seal_frame(
        frames.upward_key(clock.link_key), clock.name, NO_SESSION, Frame(FrameType.REPORT, counter, body)
    )
    await desk.hear(payload)
    await desk.hear(authentic)
    assert desk.orders.results["taken"] == 0


def test_reports_wait_in_a_bounded_place_and_other_topics_are_left_alone(desk: Desk) -> None:
    for topic in ("badgeclock/v1/clock-0001/status", "badgeclock/v1/clock-0001/punches", "odd", ""):
        assert not desk.orders.deliver(topic, b"")
    for _ in range(REPORTS_WAITING):
        assert desk.orders.deliver("badgeclock/v1/clock-0001/report", b"x")
    assert len(desk.orders._reports) == REPORTS_WAITING_EACH, "one clock leaves the others their place"
    for number in range(REPORTS_WAITING):
        assert desk.orders.deliver(f"badgeclock/v1/clock-{number + 2:04d}/report", b"x")
    assert len(desk.orders._reports) == REPORTS_WAITING


async def test_the_interface_serves_a_clocks_orders_with_their_reports(desk: Desk) -> None:
    number = desk.give(Command.CAPTURE)
    await desk.sent()
    await desk.hear(desk.report(number, Command.CAPTURE, {"lines": ["one"]}))
    app = status_api.create_app(desk.world.store, desk.world.vault, Metrics(), lambda: True, HttpSettings())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        (order,) = (await client.get("/api/clocks/clock-0001/orders")).json()
        assert (order["command"], order["outcome"], order["report"]) == ("capture", "captured", {"lines": ["one"]})
        assert (await client.get("/api/clocks/nobody/orders")).status_code == 404


# --- the command line ---


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings of a bridge on the world's store."""
    (tmp_path / "data.key").write_text(b"data key of the tests, 32 bytes.".hex())
    (tmp_path / "data.key").chmod(0o600)
    path = tmp_path / "bridge.toml"
    path.write_text(
        '[store]\nurl = "sqlite:///bridge.db"\n[broker]\nca = "ca"\ncertificate = "c"\nkey = "k"\n'
        '[secrets]\ndata_key_file = "data.key"\n[authority]\nendpoint = "http://localhost/"\n'
    )
    return path


def run(config: Path, *arguments: str) -> Any:
    return CliRunner().invoke(cli.app, ["clock", *arguments, "--config", str(config)])


@pytest.fixture
def answering(world: World) -> Iterator[dict[str, Any]]:
    """A bridge whose clock reports what is put here, as soon as an order is in the store."""
    told: dict[str, Any] = {}
    stop = threading.Event()

    def answer() -> None:
        while not stop.wait(0.02):
            with world.store.write() as connection:
                table = schema.orders
                connection.execute(
                    table.update()
                    .where(table.c.done_ms.is_(None))
                    .values(sent_ms=1, done_ms=2, outcome=told["outcome"], report=told["report"])
                )

    thread = threading.Thread(target=answer)
    told.update(outcome="passed", report={"reader": "good"})
    thread.start()
    yield told
    stop.set()
    thread.join()


def test_the_command_line_orders_waits_and_shows_the_report(
    desk: Desk, config: Path, answering: dict[str, Any]
) -> None:
    done = run(config, "order", "clock-0001", "self-test", "--reason", "after the repair")
    assert (done.exit_code, "passed" in done.output, '"good"' in done.output) == (0, True, True)
    answering.update(outcome="failed: display no-answer", report={"display": "no-answer"})
    done = run(config, "order", "clock-0001", "self-test", "--reason", "again", "--json")
    assert done.exit_code == 1
    order = json.loads(done.output.splitlines()[-1])
    assert (order["outcome"], order["reason"]) == ("failed: display no-answer", "again")
    listed = run(config, "orders", "clock-0001")
    assert "self-test, by" in listed.output
    assert "[passed]" in listed.output
    assert desk.device.head > 0


async def test_the_list_shows_what_is_wrong_with_a_clock_and_what_to_do(desk: Desk, config: Path) -> None:
    world = desk.world
    world.deliver(desk.device.status(bound_ms=9, reader_fault="no-answer", rssi=-88))
    await HealthMonitor(world.store, lambda: world.now_ms, connected=lambda: True, connections=lambda: 1).work()
    lines = run(config, "list").output.splitlines()
    assert any(
        line.startswith("clock-0001 is unhealthy since 2026-01-05 11:00:00Z: its reader says no-answer. To do: badges")
        for line in lines
    ), lines
    (told,) = [json.loads(line) for line in run(config, "list", "--json").output.splitlines()]
    assert {mark["cause"] for mark in told["marks"]} == {"reader-broken", "signal"}
    assert told["status"]["reader_fault"] == "no-answer"


def test_an_order_that_nobody_answers_is_withdrawn_at_its_deadline(desk: Desk, config: Path) -> None:
    start = time.monotonic()
    done = run(config, "order", "clock-0001", "restart", "--reason", "it hangs", "--wait", "1")
    assert done.exit_code == 75
    assert "withdrawn after 1 s: it was not sent" in done.output
    assert time.monotonic() - start >= 1
    (order,) = desk.world.rows(schema.orders)
    assert order.done_ms is not None
    assert run(config, "order", "clock-0001", "restart", "--reason", "tonight", "--wait", "0").exit_code == 0
    assert "Ordered already" in run(config, "order", "clock-0001", "restart", "--reason", "x", "--wait", "0").output
    assert run(config, "order", "clock-0009", "restart", "--reason", "x").exit_code != 0
    assert run(config, "order", "clock-0001", "restart", "--reason", " ").exit_code != 0

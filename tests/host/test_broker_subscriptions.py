"""A broker that refuses subscriptions: what one clock's certificate can still subscribe to, and how the bridge adds
clocks.

Tried with the toolchain's Mosquitto, and with the system's where that is another one.
"""

from __future__ import annotations

import contextlib
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.bench.load import Drive, LoadClock, Rig, now_ms, packet, publish, text
from typer.testing import CliRunner

from badgeclock.bridge.intake import flood_watch
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.event_log import Kind
from badgeclock.cli.ca import app as ca
from badgeclock.protocol.record import RECORD_BYTES
from badgeclock.technician import broker, workshop
from badgeclock.toolchain import programs

NEVER_S = 1e9
PATIENCE_S = 60.0
GREEDY = (
    b"$share/bridge/badgeclock/v1/+/punches",
    b"$share/own/badgeclock/v1/clock-00000/ack",
    b"#",
    b"+/+/+/ack",
    b"badgeclock/v1/+/punches",
    b"badgeclock/v1/clock-00001/ack",
    b"badgeclock/v1/clock-00000/punches",
    b"$SYS/#",
    b"$CONTROL/dynamic-security/v1/response",
)
OWN = (b"badgeclock/v1/clock-00000/ack", b"badgeclock/v1/clock-00000/receipts", b"badgeclock/v1/clock-00000/command")
SYSTEM = Path("/usr/sbin/mosquitto")
SYSTEMS = [*Path("/usr/lib").glob("*/mosquitto_dynamic_security.so")] if SYSTEM.exists() else []


ACCESS_LIST = "access list"


def brokers() -> list[str]:
    """The Mosquittos of this machine whose plugin is there."""
    return ["toolchain", *(["system"] if SYSTEMS else [])]


@pytest.fixture(params=brokers())
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    if request.param == ACCESS_LIST:
        yield made
        made.close()
        return
    plugin = programs.dynamic_security() if request.param == "toolchain" else SYSTEMS[0]
    assert plugin is not None, "the toolchain's Mosquitto has its plugin"
    made.mosquitto = broker.write_config(tmp_path / "broker", made.broker_port, made.shop, dynamic_security=plugin)
    if request.param == "system":
        made.broker_command = [str(SYSTEM), "-c", str(made.mosquitto.path)]
    yield made
    made.close()


def granted(clock: LoadClock, wanted: bytes) -> int:
    """The broker's answer to a subscription: the QoS, or 0x80."""
    assert clock.socket is not None
    clock.packet_id += 1
    clock.socket.sendall(packet(0x82, struct.pack(">H", clock.packet_id) + text(wanted) + b"\1"))
    while True:
        for kind, body in clock._packets():
            if kind & 0xF0 == 0x90 and body[:2] == struct.pack(">H", clock.packet_id):
                return body[2]
        some = clock.socket.recv(4096)
        assert some, "the broker ended the connection"
        clock.unread += some


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_clock_may_ask_for_its_own_topics_and_is_refused_every_other(rig: Rig) -> None:
    tokens = rig.employ(5)
    thief, other = rig.add_clocks("clock", 2)
    other.seal(20, 1, tokens, now_ms())
    rig.start()
    for clock in (thief, other):
        wait_for(lambda clock=clock: knows(rig, clock.clock.name))  # type: ignore[misc]
        clock.connect(rig)
    assert {wanted: granted(thief, wanted) for wanted in GREEDY} == dict.fromkeys(GREEDY, 0x80)
    assert {wanted: granted(thief, wanted) for wanted in OWN} == dict.fromkeys(OWN, 1)
    drive = Drive([other], NEVER_S)
    drive.run(window=4)
    assert drive.done
    other.check_last_ack()


def test_the_file_is_written_for_the_workshops_clocks_and_keeps_those_that_the_bridge_added(tmp_path: Path) -> None:
    shop = workshop.create(tmp_path / "workshop")
    shop.clock("clock-0001")
    done = CliRunner().invoke(
        ca, ["broker", str(tmp_path / "b"), "--workshop", str(shop.path), "--refuse-subscriptions"]
    )
    assert done.exit_code == 0, done.output
    file = tmp_path / "b" / broker.CLIENTS
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text(file.read_text().replace("clock-0001", "clock-0002"))
    assert (
        CliRunner()
        .invoke(ca, ["broker", str(tmp_path / "b"), "--workshop", str(shop.path), "--refuse-subscriptions"])
        .exit_code
        == 0
    )
    assert broker.clients(tmp_path / "b") == {"clock-0001", "clock-0002"}
    configuration = (tmp_path / "b" / "mosquitto.conf").read_text()
    assert "acl_file" not in configuration


def knows(rig: Rig, name: str) -> bool:
    """Whether the broker's file has a clock."""
    return name in broker.clients(rig.folder / "broker")


def test_a_broker_with_an_access_list_is_not_told_of_clocks(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    try:
        tokens = rig.employ(5)
        (clock,) = rig.add_clocks("clock", 1)
        clock.seal(5, 1, tokens, now_ms())
        rig.start()
        clock.connect(rig)
        drive = Drive([clock], NEVER_S)
        drive.run(window=4)
        assert drive.done
        assert "does not let the bridge" not in (tmp_path / "bridge.log").read_text()
    finally:
        rig.close()


def flood(thief: LoadClock, ended: threading.Event) -> None:
    """Send junk as fast as the connection takes it, until that is ended."""
    assert thief.socket is not None
    junk = publish(thief.clock.topic("punches").encode(), bytes(RECORD_BYTES - 1)) * 100
    with contextlib.suppress(OSError):
        while not ended.is_set():
            thief.socket.sendall(junk)


def dropped_meanwhile(rig: Rig) -> float:
    """How many messages the bridge drops within some of its rounds."""
    before = rig.metric("intake_dropped_messages")
    time.sleep(3 * flood_watch.LOOK_S)
    return rig.metric("intake_dropped_messages") - before


@pytest.mark.parametrize("rig", [ACCESS_LIST, *brokers()], indirect=True)
def test_a_clock_that_floods_is_put_out_and_comes_in_again_when_somebody_has_seen_to_it(
    rig: Rig, request: pytest.FixtureRequest
) -> None:
    refuses = ACCESS_LIST not in request.node.name
    tokens = rig.employ(5)
    thief, other = rig.add_clocks("clock", 2)
    for clock in (thief, other):
        clock.seal(20, 1, tokens, now_ms())
    rig.start()
    for clock in (thief, other):
        if refuses:
            wait_for(lambda clock=clock: knows(rig, clock.clock.name))  # type: ignore[misc]
        clock.connect(rig)
    ended = threading.Event()
    flooding = threading.Thread(target=flood, args=(thief, ended))
    flooding.start()
    try:
        if refuses:
            flooding.join(PATIENCE_S)
            assert not flooding.is_alive(), "its connection is ended"
            thief.connect(rig)
            flooding = threading.Thread(target=flood, args=(thief, ended))
            flooding.start()
        wait_for(lambda: rig.metric("intake_dropped_messages") > 0 and dropped_meanwhile(rig) == 0)
        drive = Drive([other], NEVER_S)
        drive.run(window=4)
        assert drive.done
        other.check_last_ack()
        assert dropped_meanwhile(rig) == 0
        assert flooding.is_alive()
    finally:
        ended.set()
        flooding.join()
    with rig.store.write() as connection:
        kinds = connection.execute(select(schema.events.c.kind).where(schema.events.c.clock == thief.clock.name))
        assert Kind.FLOODED in kinds.scalars().all()
        event_log.settle(connection, Kind.FLOODED, now_ms(), clock=thief.clock.name)
    deadline = time.monotonic() + PATIENCE_S
    while not thief.done:
        assert time.monotonic() < deadline
        with contextlib.suppress(OSError):
            thief.connect(rig)
            thief.sent = thief.heard
            Drive([thief], NEVER_S).run(window=4, for_s=1.0)

"""One clock's certificate in a stranger's hands, on the real broker: its effect on the others."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.bench.load import Drive, LoadClock, Rig, now_ms, packet, publish, text

from badgeclock.bridge.intake import flood_watch
from badgeclock.bridge.store import event_log, schema
from badgeclock.protocol.record import RECORD_BYTES

STORES = {"sqlite": 1, "postgresql": 2}
"""Kinds of store, and how many workers the bridge has on them."""
NEVER_S = 1e9
GREEDY = [b"$share/bridge/badgeclock/v1/+/punches", b"$share/own/badgeclock/v1/#", b"badgeclock/v1/+/punches", b"#"]
"""A thief's subscriptions: the group of an earlier version, one of its own, everything."""


@pytest.fixture
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    kind: str = request.param
    cluster = request.getfixturevalue("cluster") if kind == "postgresql" else None
    made = Rig(tmp_path, cluster.url(cluster.create()) if cluster else "sqlite:///bridge.db", STORES[kind])
    yield made
    made.close()


def ask_for(thief: LoadClock, filters: list[bytes]) -> None:
    assert thief.socket is not None
    for number, wanted in enumerate(filters, start=2):
        thief.socket.sendall(packet(0x82, number.to_bytes(2, "big") + text(wanted) + b"\1"))


@pytest.mark.parametrize("rig", list(STORES), indirect=True)
def test_a_clock_that_asks_for_the_others_messages_takes_none_of_them(rig: Rig) -> None:
    tokens = rig.employ(20)
    thief, *clocks = rig.add_clocks("clock", 9)
    for clock in clocks:
        clock.seal(40, 1, tokens, now_ms())
    rig.start()
    thief.connect(rig)
    ask_for(thief, GREEDY)
    for clock in clocks:
        clock.connect(rig)
    drive = Drive(clocks, NEVER_S)
    drive.run(window=4)
    assert drive.done
    for clock in clocks:
        clock.check_last_ack()


JUNK = {
    "malformed": bytes(RECORD_BYTES - 1),
    "ends of records": bytes(63 * RECORD_BYTES),
    "a seal that fails": bytes((1, 1, 0, 0, 0, 0, 0, 2)) + bytes(RECORD_BYTES - 8),
}
JUNK_A_TIME = 100
PAUSE_S = 0.04
"""Some 2,500 messages a second: as much as one clock's connection was seen to stop the bridge with."""


def junk_of(name: str, topic: bytes) -> bytes:
    return publish(topic, JUNK[name]) * JUNK_A_TIME


def flood(thief: LoadClock, packets: list[bytes], ended: threading.Event) -> None:
    """Send junk without a pause for an answer, until it is enough."""
    assert thief.socket is not None
    with contextlib.suppress(OSError):
        while not ended.is_set():
            for packets_at_once in packets:
                thief.socket.sendall(packets_at_once)
                time.sleep(PAUSE_S)


@pytest.mark.parametrize("rig", list(STORES), indirect=True)
def test_a_clock_that_floods_the_bridge_keeps_no_other_waiting_and_is_named(rig: Rig) -> None:
    tokens = rig.employ(20)
    thief, *clocks = rig.add_clocks("clock", 4)
    for clock in clocks:
        clock.seal(100, 1, tokens, now_ms())
    rig.start()
    for clock in (thief, *clocks):
        clock.connect(rig)
    topic, ended = thief.clock.topic("punches").encode(), threading.Event()
    flooding = threading.Thread(target=flood, args=(thief, [junk_of(name, topic) for name in JUNK], ended))
    flooding.start()
    try:
        drive = Drive(clocks, NEVER_S)
        drive.run(window=1)
        assert drive.done
        table = schema.events
        floods = select(table.c.clock).where(table.c.kind == event_log.Kind.FLOODED)
        deadline = time.monotonic() + 6 * flood_watch.LOOK_S * flood_watch.LOOKS
        while True:
            with rig.store.read() as connection:
                named = connection.execute(floods).scalars().all()
            if named:
                break
            assert time.monotonic() < deadline, "nobody is named"
            time.sleep(0.2)
        assert set(named) == {thief.clock.name}
        with rig.store.read() as connection:
            kinds = connection.execute(select(table.c.kind).where(table.c.clock == thief.clock.name)).scalars().all()
        assert len(kinds) < 20, "junk of one kind is one event an hour"
    finally:
        ended.set()
        flooding.join()

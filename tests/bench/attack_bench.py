"""The cost of an attack through the broker for the bridge and the other clocks."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from badgeclock.bridge.store import event_log, schema
from badgeclock.protocol.record import BATCH_RECORDS, RECORD_BYTES
from badgeclock.technician import broker
from badgeclock.toolchain import programs
from tests.bench.load import (
    PATIENCE_S,
    Drive,
    LoadClock,
    Rig,
    allow_many_connections,
    now_ms,
    packet,
    publish,
    text,
)

HONEST: Final = 10
PUNCHES: Final = 30
"""Messages of each honest clock, besides its first."""
PUNCHES_A_SECOND: Final = 20.0
SUBSCRIPTIONS: Final = 20_000
INVENTED: Final = 20_000
STATUSES: Final = 2_000
_OPEN_ACL: Final = "pattern readwrite #\n"
"""Access rules that refuse nothing: a broker under an attacker's control."""
_AT_ONCE: Final = 100
_PAUSE_S: Final = 0.04
"""Some 2,500 messages a second."""
_QUIET_S: Final = 3.0


def measure() -> dict[str, float]:
    """Every attack, each on a broker and its own bridge."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        figures["attack.bridge_rss_mb.events"] = events_mb(Path(folder))
    for name, attack in ATTACKS.items():
        with tempfile.TemporaryDirectory() as folder:
            figures[f"attack.honest_ack_p99_ms.{name}"] = honest_ack_p99_ms(Path(folder), attack)
    return figures


def honest_ack_p99_ms(folder: Path, attack: Attack) -> float:
    """From a punch's sending to its acknowledgement, 99 of 100, ms, of ten clocks that connect while the attack is
    under way and say twenty punches a second together.
    """
    rig = Rig(folder)
    plugin = programs.dynamic_security()
    rig.mosquitto = broker.write_config(folder / "broker", rig.broker_port, rig.shop, dynamic_security=plugin)
    ended = threading.Event()
    try:
        tokens = rig.employ(20)
        thief, *clocks = rig.add_clocks("clock", HONEST + 1)
        for clock in clocks:
            clock.seal(PUNCHES, 1, tokens, now_ms())
        rig.start()
        _wait_for_clients(rig, HONEST + 1)
        thief.connect(rig)
        under_way = threading.Event()
        attacking = threading.Thread(target=attack, args=(rig, thief, under_way, ended))
        attacking.start()
        under_way.wait()
        for clock in clocks:
            clock.connect(rig)
        drive = Drive(clocks, resend_s=60.0)
        drive.run(window=4, per_s=PUNCHES_A_SECOND)
        waits = sorted(wait for clock in clocks for wait in clock.waits)
        return 1000 * waits[int(len(waits) * 0.99)]
    finally:
        ended.set()
        rig.close()


def _wait_for_clients(rig: Rig, count: int) -> None:
    """Wait until the bridge has added every clock to the broker."""
    deadline = time.monotonic() + PATIENCE_S
    while len(broker.clients(rig.folder / "broker")) < count:
        if time.monotonic() > deadline:
            raise TimeoutError("the bridge does not add its clocks to the broker")
        time.sleep(0.1)


def _nothing(_rig: Rig, _thief: LoadClock, under_way: threading.Event, ended: threading.Event) -> None:
    under_way.set()
    ended.wait()


def _junk(_rig: Rig, thief: LoadClock, under_way: threading.Event, ended: threading.Event) -> None:
    """Some 2,500 messages a second that are no records, or whose seals fail."""
    topic = thief.clock.topic("punches").encode()
    junk = (
        bytes(RECORD_BYTES - 1),
        bytes(BATCH_RECORDS * RECORD_BYTES),
        bytes((1, 1, 0, 0, 0, 0, 0, 2)) + bytes(RECORD_BYTES - 8),
    )
    _repeat(thief, [publish(topic, one) * _AT_ONCE for one in junk], under_way, ended)


def _flood(_rig: Rig, thief: LoadClock, under_way: threading.Event, ended: threading.Event) -> None:
    """Some 2,500 messages a second of genuine records, the same again and again, and as many statuses."""
    topic = thief.clock.topic("punches").encode()
    records = publish(topic, b"".join(thief.sealed))
    status = publish(thief.clock.topic("status").encode(), thief.clock.online(), retain=True)
    _repeat(thief, [records * _AT_ONCE, status * _AT_ONCE], under_way, ended)


def _repeat(thief: LoadClock, packets: list[bytes], under_way: threading.Event, ended: threading.Event) -> None:
    assert thief.socket is not None
    with contextlib.suppress(OSError):
        while not ended.is_set():
            for some in packets:
                thief.socket.sendall(some)
                time.sleep(_PAUSE_S)
            under_way.set()
    under_way.set()


def _share(_rig: Rig, thief: LoadClock, under_way: threading.Event, ended: threading.Event) -> None:
    """20,000 subscriptions, shared and of everybody's messages, and on with them."""
    assert thief.socket is not None
    number = 0
    with contextlib.suppress(OSError):
        while not ended.is_set():
            filters = (b"$share/g%d/badgeclock/v1/+/punches" % one for one in range(number, number + 50))
            wanted = b"".join(text(one) + b"\0" for one in filters)
            thief.socket.sendall(packet(0x82, (1 + number // 50 % 60_000).to_bytes(2, "big") + wanted))
            number += 50
            if number >= SUBSCRIPTIONS:
                under_way.set()
                time.sleep(_PAUSE_S)
            if not number % 5000:
                thief.read()
    under_way.set()


def _connections(rig: Rig, _thief: LoadClock, under_way: threading.Event, ended: threading.Event) -> None:
    """As many idle connections as the system lets this process have, up to a hundred below the broker's limit."""
    wanted = allow_many_connections(broker.CONNECTIONS_LIMIT - 100)
    held = []
    for number in range(wanted):
        if ended.is_set():
            break
        source = f"127.0.1.{1 + number // 1000}"
        held.append(socket.create_connection(("127.0.0.1", rig.broker_port), PATIENCE_S, (source, 0)))
    under_way.set()
    ended.wait()
    for one in held:
        one.close()


Attack = Callable[[Rig, LoadClock, threading.Event, threading.Event], None]
"""One client's work; the first event signals that it has begun, the second that it must end."""
ATTACKS: Final[dict[str, Attack]] = {
    "calm": _nothing,
    "junk": _junk,
    "flood": _flood,
    "share": _share,
    "connections": _connections,
}


def events_mb(folder: Path) -> float:
    """The most that the bridge takes beyond what it had, MB, while 20,000 invented clocks write and one known clock
    says 2,000 statuses with another text each.
    """
    rig = Rig(folder)
    try:
        (folder / "broker" / "acl").write_text(_OPEN_ACL)
        (clock,) = rig.add_clocks("clock", 1)
        rig.start()
        clock.connect(rig)
        pids = rig.pids("bridge")
        before_kb = _peak_kb(pids, begin=True)
        names = (f"made-up-{number:05d}" for number in range(INVENTED))
        _send(clock, [publish(f"badgeclock/v1/{name}/punches".encode(), bytes(RECORD_BYTES)) for name in names])
        _send(clock, [_refusing_status(clock, version) for version in range(STATUSES)])
        _wait_for_end(rig)
        return (_peak_kb(pids) - before_kb) / 1024
    finally:
        rig.close()


def _refusing_status(clock: LoadClock, version: int) -> bytes:
    why = f"because of {version} and {os.urandom(20).hex()}"
    frame = clock.clock.online(settings_refused=(version, why))
    return publish(clock.clock.topic("status").encode(), frame)


def _send(clock: LoadClock, packets: list[bytes]) -> None:
    assert clock.socket is not None
    for at in range(0, len(packets), _AT_ONCE):
        clock.socket.sendall(b"".join(packets[at : at + _AT_ONCE]))
        time.sleep(_PAUSE_S)


def _wait_for_end(rig: Rig) -> None:
    """Wait until the bridge writes no more events; it has written some."""
    table, count, moved_at = schema.events, -1, time.monotonic()
    while time.monotonic() - moved_at < _QUIET_S:
        with rig.store.read() as connection:
            now = connection.execute(select(func.sum(table.c.times))).scalar() or 0
        if now != count:
            count, moved_at = now, time.monotonic()
        time.sleep(0.1)
    with rig.store.read() as connection:
        rows = connection.execute(select(func.count()).select_from(table)).scalar_one()
    kinds = len(event_log.Kind)
    if not count or rows > (event_log.ROWS_MOST + 1) * kinds:
        raise RuntimeError(f"{rows} rows of events, of {count} in all")


def _peak_kb(pids: list[int], *, begin: bool = False) -> int:
    """The most memory that these processes have had together since the last beginning, KB (VmHWM)."""
    if begin:
        for pid in pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

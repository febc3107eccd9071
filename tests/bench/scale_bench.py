"""The capacity of the whole way in: clocks on TLS, the real broker, the real bridge and its store, all on this machine.

Every record is a punch of a known badge: verified, committed with synchronous=FULL (fsync on), and acknowledged over
the wire to the clock that sent it. The authority is away all the time, so that presences are queued and nothing else
runs. Beside it, in the same run: the bare driver writing the same rows in transactions of the same size, and the broker
alone carrying the same messages to a bare subscriber.

    python -m tests.bench scale
    BADGECLOCK_BENCH_SIZE=0.1 python -m tests.bench scale      a tenth of the messages, to try it out
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import resource
import socket
import sqlite3
import ssl
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from badgeclock.bridge.downlink.frames_out import Downlink
from badgeclock.bridge.intake.batch import ClockMessage
from badgeclock.bridge.intake.intake import Intake
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store, insert_rows
from badgeclock.bridge.store.vault import SEAL_KEYS
from badgeclock.protocol.seal import SealState
from tests.bench.load import Drive, LoadClock, Rig, allow_many_connections, now_ms, packet, text
from tests.host.bridge.world import ANNA_UID, BRAM_UID, Clock, World, token_of
from tests.postgres import Cluster

SIZE = float(os.environ.get("BADGECLOCK_BENCH_SIZE", "1"))
PUNCHES_A_PRESENCE = 3
"""As many as a day has of a worker: in, a break's two or the way out, and one that the badge was held too long for."""
SINGLE_CLOCKS, SINGLE_MESSAGES, SINGLE_WINDOW = 200, 300, 64
BATCH_CLOCKS, BATCH_MESSAGES, BATCH_WINDOW, BATCH_RECORDS = 100, 10, 8, 63
BACKLOG_RECORDS = 200_000
CONNECTED = 10_000
GROWN = (10_000, 100_000, 1_000_000, 10_000_000)
GROWTH_CLOCKS, GROWTH_MESSAGES, GROWTH_GROUP = 50, 4, 50
BARE_GROUP = 3200
HALF_OF_SINGLES = 0.5


def scaled(count: int) -> int:
    """A number of messages or connections, by the size of this run."""
    return max(1, int(count * SIZE))


def measure() -> dict[str, float]:
    """Figures by their names in catalogue.py. Raises RuntimeError if anything is lost or there twice."""
    figures = _limits()
    figures |= _store("sqlite", 1)
    figures |= _store("postgres", 1)
    figures |= _connected()
    figures |= _growth()
    return figures


# --- the whole way in ---


@contextmanager
def rig_of(kind: str, workers: int) -> Iterator[Rig]:
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as folder:
        cluster = Cluster() if kind == "postgres" else None
        rig = Rig(Path(folder), cluster.url(cluster.create()) if cluster else "sqlite:///bridge.db", workers)
        try:
            yield rig
        finally:
            rig.close()
            if cluster:
                cluster.close()


def fleet_of(rig: Rig, prefix: str, clocks: int, messages: int, records: int) -> list[LoadClock]:
    """Clocks that are added and founded, with sealed messages; not connected. Each badge, of a worker of its own, is
    punched three times, in random order at any of the clocks: twenty thousand badges for 200 clocks with 300 messages.
    """
    fleet = rig.add_clocks(prefix, clocks)
    punches = clocks * messages * records
    badges = rig.employ(-(-punches // PUNCHES_A_PRESENCE)) * PUNCHES_A_PRESENCE
    rig.analyze()
    random.shuffle(badges)
    tokens = iter(badges)
    for clock in fleet:
        clock.seal(messages, records, tokens, now_ms())
    return fleet


def _drive(rig: Rig, fleet: Sequence[LoadClock], window: int, per_s: float | None = None) -> float:
    """Seconds from the first message to the last ACK; checks that all is stored once."""
    for clock in fleet:
        clock.connect(rig)
    drive = Drive(fleet)
    drive.listen(0.5)
    elapsed = drive.run(window, per_s)
    for clock in fleet:
        clock.check_last_ack()
        assert clock.socket is not None
        clock.socket.close()
    names = [clock.clock.name for clock in fleet]
    expected = sum(clock.clock.state.next_seq for clock in fleet)
    records, clocks = schema.records, schema.clocks
    with rig.store.read() as connection:
        stored = connection.execute(
            select(func.count()).select_from(records.join(clocks)).where(clocks.c.name.in_(names))
        ).scalar_one()
    if stored != expected:
        raise RuntimeError(f"{stored} records are stored of {expected} that were acknowledged")
    return elapsed


def _store(kind: str, workers: int) -> dict[str, float]:
    """Singles, batches, waits at half the load of singles, and the backlog, on one kind of store."""
    figures = {}
    with rig_of(kind, workers) as rig:
        rig.start()
        singles = fleet_of(rig, "single", SINGLE_CLOCKS, scaled(SINGLE_MESSAGES), 1)
        elapsed = _drive(rig, singles, SINGLE_WINDOW)
        rate = SINGLE_CLOCKS * scaled(SINGLE_MESSAGES) / elapsed
        figures[f"bridge.{kind}.single_msgs_per_s"] = rate
        batches = fleet_of(rig, "batch", BATCH_CLOCKS, scaled(BATCH_MESSAGES), BATCH_RECORDS)
        elapsed = _drive(rig, batches, BATCH_WINDOW)
        figures[f"bridge.{kind}.batch_records_per_s"] = BATCH_CLOCKS * scaled(BATCH_MESSAGES) * BATCH_RECORDS / elapsed
        paced = fleet_of(rig, "paced", SINGLE_CLOCKS, scaled(SINGLE_MESSAGES), 1)
        _drive(rig, paced, SINGLE_WINDOW, rate * HALF_OF_SINGLES)
        waits = sorted(wait for clock in paced for wait in clock.waits)
        figures[f"bridge.{kind}.ack_p50_ms"] = statistics.median(waits) * 1000
        figures[f"bridge.{kind}.ack_p99_ms"] = waits[len(waits) * 99 // 100] * 1000
        if kind == "sqlite":
            messages = -(-scaled(BACKLOG_RECORDS) // (BATCH_CLOCKS * BATCH_RECORDS))
            backlog = fleet_of(rig, "backlog", BATCH_CLOCKS, messages, BATCH_RECORDS)
            elapsed = _drive(rig, backlog, BATCH_WINDOW)
            drained = BATCH_CLOCKS * messages * BATCH_RECORDS
            figures["bridge.backlog_200k_s"] = elapsed * BACKLOG_RECORDS / drained
    return figures


# --- the limits: the bare library, and the broker alone ---


def _limits() -> dict[str, float]:
    with rig_of("sqlite", 1) as rig:
        rig.start_broker()
        return {
            "limit.sqlite_rows_per_s": _bare_rows_per_s(rig.folder, scaled(200_000)),
            "limit.broker_msgs_per_s": _broker_alone_per_s(rig),
        }


def _bare_rows_per_s(folder: Path, count: int) -> float:
    """Records a second, each with its punch, that the bare driver commits into the same tables; nothing is verified."""
    url = f"sqlite:///{folder / 'bare.db'}"
    store = Store(url)
    store.migrate()
    world = World(url)
    world.close()
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    raw, at_ms = bytes(range(64)), now_ms()
    started = time.perf_counter()
    for first in range(0, count, BARE_GROUP):
        seqs = range(first, min(count, first + BARE_GROUP))
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO records VALUES (?, ?, ?, ?, ?)", [(1, seq, raw, True, at_ms) for seq in seqs]
        )
        connection.executemany(
            "INSERT INTO punches (clock_id, seq, site_id, token, direction, utc_ms, state, worker_id, received_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(1, seq, 1, raw[:8], 1, at_ms, "DECLARED", 1, at_ms) for seq in seqs],
        )
        connection.execute("COMMIT")
    elapsed = time.perf_counter() - started
    connection.close()
    store.close()
    return count / elapsed


def _count_messages(rig_files: Sequence[str], port: int, counted: Synchronized[int], ready: Any) -> None:
    """A bare subscriber in its own process: counts PUBLISH packets, and does nothing with them."""
    authority, certificate, key = rig_files
    context = ssl.create_default_context(cafile=authority)
    context.load_cert_chain(certificate, key)
    plain = socket.create_connection(("127.0.0.1", port))
    with context.wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(packet(0x10, text(b"MQTT") + b"\x04\x02\x04\xb0" + text(b"bridge")))
        connection.recv(4)
        connection.sendall(packet(0x82, b"\0\x01" + text(b"badgeclock/v1/+/punches") + b"\0"))
        connection.recv(5)
        ready.set()
        unread = b""
        while some := connection.recv(65_536):
            unread += some
            at = 0
            while at + 3 <= len(unread):
                size, header = unread[at + 1], 2
                if size & 0x80:
                    size, header = (size & 0x7F) | unread[at + 2] << 7, 3
                if at + header + size > len(unread):
                    break
                at += header + size
                counted.value += 1
            unread = unread[at:]


def _broker_alone_per_s(rig: Rig) -> float:
    """Single-record messages a second from the clocks' connections to one subscriber, nothing behind it."""
    context = multiprocessing.get_context("spawn")
    counted, ready = context.Value("q", 0), context.Event()
    folder = rig.shop.path / "bridge"
    files = [str(rig.shop.authority_certificate), str(folder / "certificate.pem"), str(folder / "key.pem")]
    subscriber = context.Process(target=_count_messages, args=(files, rig.broker_port, counted, ready), daemon=True)
    subscriber.start()
    if not ready.wait(60):
        raise RuntimeError("the subscriber did not come up")
    fleet = fleet_of(rig, "alone", SINGLE_CLOCKS, scaled(SINGLE_MESSAGES), 1)
    for clock in fleet:
        clock.connect(rig)
    total = sum(len(clock.packets) for clock in fleet)
    ahead = SINGLE_CLOCKS * SINGLE_WINDOW
    sent, started = 0, time.perf_counter()
    for turn in range(len(fleet[0].packets)):
        for clock in fleet:
            assert clock.socket is not None
            clock.socket.sendall(clock.packets[turn])
        sent += len(fleet)
        while sent - counted.value > ahead:
            time.sleep(0.001)
    _until(lambda: counted.value >= total)
    elapsed = time.perf_counter() - started
    for clock in fleet:
        assert clock.socket is not None
        clock.socket.close()
    subscriber.kill()
    subscriber.join()
    return total / elapsed


def _until(condition: Callable[[], bool], patience_s: float = 120) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.001)


# --- ten thousand clocks at once ---


def _connected() -> dict[str, float]:
    """Clocks that are all connected, with their status answered; then each punches once."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = allow_many_connections(scaled(CONNECTED))
    try:
        with rig_of("sqlite", 1) as rig:
            rig.start()
            fleet = fleet_of(rig, "many", wanted, 1, 1)
            for number, clock in enumerate(fleet):
                # The ports of one address would do, but not beside those that wait in TIME_WAIT.
                clock.connect(rig, f"127.0.0.{1 + number % 8}")
            drive = Drive(fleet)
            drive.listen(1)
            elapsed = drive.run(2)
            for clock in fleet:
                clock.check_last_ack()
            return {
                "bridge.connected_clocks": len(fleet),
                "bridge.connected.burst_s": elapsed,
                "bridge.connected.broker_kb_each": rig.resident_kb("broker") / len(fleet),
                "bridge.connected.bridge_mb": rig.resident_kb("bridge") / 1024,
            }
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


# --- cost as the store grows ---


def _growth() -> dict[str, float]:
    """Microseconds a punch, commit included, on SQLite with so many records in the store before.

    The records before are written in bulk, with punches of their own, by clocks that stand at that place in their
    chains.
    """
    figures = {}
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as folder:
        world = World(Path(folder))
        clocks = [world.add_clock(Clock(f"grown-{number:03d}")) for number in range(GROWTH_CLOCKS)]
        filled = 0
        for grown in GROWN:
            if grown > max(GROWN) * SIZE and grown > min(GROWN):
                break
            filled = _fill(world, clocks, filled, grown // GROWTH_CLOCKS)
            figures[f"bridge.us_per_punch.1e{len(str(grown)) - 1}"] = _us_per_punch(world, clocks)
        world.close()
    return figures


def _fill(world: World, clocks: Sequence[Clock], filled: int, up_to: int) -> int:
    """Give each clock records and punches from `filled` up to a number, and put its chain there."""
    start = [max(filled, clock.state.next_seq) for clock in clocks]
    rng, at_ms = random.Random(up_to), world.now_ms
    with world.store.read() as connection:
        rows = connection.execute(select(schema.clocks.c.name, schema.clocks.c.id, schema.clocks.c.site_id))
        ids = {row.name: (row.id, row.site_id) for row in rows}
    for clock, first in zip(clocks, start, strict=True):
        clock_id, site_id = ids[clock.name]
        seqs = range(first, up_to)
        body = rng.randbytes(60)
        with world.store.write() as connection:
            insert_rows(
                connection,
                schema.records,
                ("clock_id", "seq", "raw", "sealed", "received_ms"),
                ((clock_id, seq, seq.to_bytes(4, "big") + body, True, at_ms) for seq in seqs),
            )
            insert_rows(
                connection,
                schema.punches,
                ("clock_id", "seq", "site_id", "token", "direction", "utc_ms", "state", "worker_id", "received_ms"),
                ((clock_id, seq, site_id, body[:8], 1, at_ms, "DUPLICATE", 1 + seq % 3, at_ms) for seq in seqs),
            )
            state = SealState(up_to, 1, 1, 0, rng.randbytes(32), rng.randbytes(32), rng.randbytes(16), bytes(16))
            clock.state = state
            keys = world.vault.close(SEAL_KEYS + clock.name, clock.name, state.r + state.e_next)
            connection.execute(
                update(schema.clocks)
                .where(schema.clocks.c.id == clock_id)
                .values(next_seq=up_to, boot=1, epoch=1, epoch_records=0, keys_closed=keys, tag=state.tag)
            )
    return up_to


def _us_per_punch(world: World, clocks: Sequence[Clock]) -> float:
    tokens = [token_of(ANNA_UID), token_of(BRAM_UID)]
    senders = [LoadClock(clock) for clock in clocks]
    for sender in senders:
        sender.seal(GROWTH_MESSAGES, BATCH_RECORDS, tokens, world.now_ms)
    intake = Intake(world.vault, Downlink(world.vault))
    payloads = [
        ClockMessage(sender.clock.topic("punches"), b"".join(sender.sealed[at : at + BATCH_RECORDS]), world.now_ms)
        for at in range(0, GROWTH_MESSAGES * BATCH_RECORDS, BATCH_RECORDS)
        for sender in senders
    ]
    accepted, started = 0, time.perf_counter()
    for at in range(0, len(payloads), GROWTH_GROUP):
        group = payloads[at : at + GROWTH_GROUP]
        walked = intake.verify_ahead(group)
        with world.store.write() as connection:
            accepted += intake.handle(connection, group, world.now_ms, [walked]).counts["accepted"]
    elapsed = time.perf_counter() - started
    if accepted != len(payloads) * BATCH_RECORDS:
        raise RuntimeError(f"{accepted} of {len(payloads) * BATCH_RECORDS} records were accepted")
    return elapsed / accepted * 1e6


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))

"""Load for the whole way in: real clocks' connections to a real broker, and a real bridge behind it.

Each clock has its own TLS connection with its own certificate and sends records that were sealed before, one PUBLISH a
write, so that no work of real clocks is saved. It keeps at most a window of messages that are not acknowledged, as the
broker queues only so many for the bridge, and sends again what is not acknowledged in time. ACK frames are read from
the wire; the last one of each clock is opened with its key.
"""

from __future__ import annotations

import os
import random
import resource
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func
from sqlalchemy import text as text_of

from badgeclock.bridge.clocks import enrolment
from badgeclock.bridge.people import badge_keys, employers, identities, sites
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.settings import load
from badgeclock.bridge.store import schema, vault
from badgeclock.bridge.store.database import Store, insert_rows
from badgeclock.bridge.store.vault import PEOPLE, Vault
from badgeclock.cli.init import prepare
from badgeclock.protocol import frames, seal
from badgeclock.protocol.record import Direction, Kind
from badgeclock.technician import broker, workshop
from tests.host.bridge.world import KBO, SITE, SITE_KEY, WORKPLACE, Clock
from tests.national_numbers import national_number

RUN_BRIDGE = "from badgeclock.cli.bridge import app; app()"
RESEND_S = 10.0
PATIENCE_S = 120.0
_OTHER_FILES = 1000
_LAYOUT = struct.Struct(">BBHIHHIHBBI8s8s8s")
_PUBLISH, _SUBACK, _CONNACK = 0x30, 0x90, 0x20


@dataclass
class LoadClock:
    """One clock: what it has to send, its connection, and how far it was acknowledged."""

    clock: Clock
    packets: list[bytes] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    """For each packet the seq behind its last record."""
    sealed: list[bytes] = field(default_factory=list)
    sent: int = 0
    heard: int = 0
    """Packets sent, and packets wholly acknowledged."""
    acked: int = 0
    last_ack: bytes = b""
    sent_at: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    """Seconds from each packet's first sending to its acknowledgement."""
    said_at: float = 0.0
    socket: ssl.SSLSocket | None = None
    packet_id: int = 1
    unread: bytes = b""

    def seal(self, messages: int, records: int, tokens: Sequence[bytes] | Iterator[bytes], utc_ms: int) -> None:
        """Seal so many messages of so many punches each, and make their packets: of badges by chance, or, by an
        iterator, of the next ones.
        """
        badges = tokens if isinstance(tokens, Iterator) else iter(lambda: random.choice(tokens), b"")
        topic = self.clock.topic("punches").encode()
        state = self.clock.state
        next_seq, boot, epoch, in_epoch, r, e_next, tag, genesis = state
        for _ in range(messages):
            raws = []
            for _ in range(records):
                kind, flags, token, detail = Kind.PUNCH, int(Direction.IN), next(badges), bytes(8)
                if in_epoch + 1 >= seal.EPOCH_RECORDS - 8:
                    kind, flags, token = Kind.EPOCH, 0, bytes(8)
                    detail = struct.pack(">II", in_epoch + 1, utc_ms // 86_400_000)
                body = _LAYOUT.pack(
                    1, kind, flags, next_seq, boot, epoch, utc_ms // 1000, utc_ms % 1000, 1, 80, 5000, token, bytes(8),
                    detail,
                )  # fmt: skip
                tag, r = seal._tag_and_step(r, tag, body)
                raws.append(body + tag)
                next_seq, in_epoch = next_seq + 1, in_epoch + 1
                if kind is Kind.EPOCH:
                    epoch, in_epoch = epoch + 1, 0
                    r, e_next = seal.epoch_start(e_next, epoch)
            self.packets.append(publish(topic, b"".join(raws)))
            self.ends.append(next_seq)
            self.sealed += raws
        self.clock.state = seal.SealState(next_seq, boot, epoch, in_epoch, r, e_next, tag, genesis)

    def keep_back(self, messages: int) -> tuple[list[bytes], list[int]]:
        """Take away the last so many packets, and their ends, to be put back behind the others."""
        kept = self.packets[-messages:], self.ends[-messages:]
        del self.packets[-messages:], self.ends[-messages:]
        return kept

    @property
    def done(self) -> bool:
        """Whether everything is acknowledged."""
        return self.heard == len(self.packets)

    def send(self, window: int) -> bool:
        """Send the next packet, if there is one and the window allows."""
        if self.sent >= len(self.packets) or self.sent - self.heard >= window:
            return False
        assert self.socket is not None
        now = time.perf_counter()
        if self.sent == len(self.sent_at):
            self.sent_at.append(now)
        self.said_at = now
        self.socket.sendall(self.packets[self.sent])
        self.sent += 1
        return True

    def again(self, resend_s: float) -> int:
        """Go back to what is not acknowledged, after a timeout; returns how many packets will be repeated."""
        late = self.sent - self.heard
        if not late or time.perf_counter() - self.said_at < resend_s:
            return 0
        self.sent = self.heard
        return late

    def read(self) -> None:
        """Take what has arrived; raises ConnectionError when the broker is gone."""
        assert self.socket is not None
        self.socket.settimeout(0)
        try:
            while True:
                some = self.socket.recv(16_384)
                if not some:
                    raise ConnectionResetError
                self.unread += some
        except (ssl.SSLWantReadError, BlockingIOError):
            pass
        finally:
            self.socket.settimeout(PATIENCE_S)
        for kind, body in self._packets():
            if kind & 0xF0 == _PUBLISH:
                length = int.from_bytes(body[:2], "big")
                if body[2 : 2 + length].endswith(b"/ack"):
                    self._ack(body[2 + length :])

    def _packets(self) -> Iterator[tuple[int, bytes]]:
        data, at = self.unread, 0
        while True:
            size, shift, end = 0, 0, at + 1
            while end < len(data):
                size |= (data[end] & 0x7F) << shift
                shift += 7
                end += 1
                if not data[end - 1] & 0x80:
                    break
            else:
                break
            if end + size > len(data):
                break
            yield data[at], data[end : end + size]
            at = end + size
        self.unread = data[at:]

    def _ack(self, frame: bytes) -> None:
        next_seq = int.from_bytes(frame[10:14], "big")
        if next_seq <= self.acked:
            return
        self.acked, self.last_ack = next_seq, frame
        now = self.said_at = time.perf_counter()
        while self.heard < len(self.ends) and self.ends[self.heard] <= next_seq:
            self.waits.append(now - self.sent_at[self.heard])
            self.heard += 1
        self.sent = max(self.sent, self.heard)

    def check_last_ack(self) -> None:
        """The last ACK was made with this clock's key, in its session, and covers everything."""
        ack = frames.unpack_ack(self.clock.hear(self.last_ack).body)
        if ack.next_seq != self.clock.state.next_seq:
            raise RuntimeError(f"{self.clock.name} was acknowledged up to {ack.next_seq}")

    def connect(self, rig: Rig, source: str = "127.0.0.1") -> None:
        """Connect, subscribe and send the status; blocks until the broker has answered."""
        context = ssl.create_default_context(cafile=str(rig.shop.authority_certificate))
        folder = rig.shop.clock_folder(self.clock.name)
        context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        plain = socket.create_connection(("127.0.0.1", rig.broker_port), PATIENCE_S, (source, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.socket.settimeout(PATIENCE_S)
        name = self.clock.name.encode()
        self.socket.sendall(packet(0x10, text(b"MQTT") + b"\x04\x02" + struct.pack(">H", 1200) + text(name)))
        self._expect(_CONNACK)
        topics = b"".join(text(self.clock.topic(it).encode()) + b"\0" for it in ("ack", "receipts", "command"))
        self.socket.sendall(packet(0x82, b"\0\x01" + topics))
        self._expect(_SUBACK)
        self.say_status()

    def say_status(self) -> None:
        """Report this connection to the bridge."""
        assert self.socket is not None
        session = os.urandom(8)
        tag, head = self.clock.state.tag, self.clock.state.next_seq
        self.clock.utc_ms = time.time_ns() // 1_000_000
        status = self.clock.online(session=session, head=head, tag=tag, tail=self.acked)
        self.socket.sendall(publish(self.clock.topic("status").encode(), status, retain=True))

    def _expect(self, kind: int) -> None:
        assert self.socket is not None
        while True:
            for came, body in self._packets():
                if came & 0xF0 == kind:
                    if kind == _CONNACK and body[1]:
                        raise ConnectionRefusedError(f"CONNACK {body[1]}")
                    return
            some = self.socket.recv(4096)
            if not some:
                raise ConnectionResetError
            self.unread += some


def text(value: bytes) -> bytes:
    """A string of MQTT."""
    return struct.pack(">H", len(value)) + value


def packet(kind: int, body: bytes) -> bytes:
    """A packet of MQTT 3.1.1."""
    size, length = len(body), b""
    while True:
        size, low = size >> 7, size & 0x7F
        length += bytes([low | 0x80 if size else low])
        if not size:
            return bytes([kind]) + length + body


def publish(topic: bytes, payload: bytes, *, retain: bool = False) -> bytes:
    """A PUBLISH at QoS 0."""
    return packet(_PUBLISH | retain, text(topic) + payload)


class Rig:
    """Broker and bridge as processes, with registered clocks and workers. The authority is unavailable all the time."""

    def __init__(
        self, folder: Path, store_url: str = "sqlite:///bridge.db", workers: int = 1, queue_messages: int = 20_000
    ) -> None:
        self.folder = folder
        self.shop = workshop.create(folder / "workshop")
        self.broker_port = free_port()
        self.http_port = free_ports(workers)
        self.workers = workers
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.people = 0
        """How many workers there are (`employ`)."""
        self.tokens: list[bytes] = []
        """The badges that a bench's clocks punch."""
        self.broker_command: list[str] = []
        """How the broker is started, if it is another one than the toolchain's."""
        self.mosquitto = broker.write_config(folder / "broker", self.broker_port, self.shop)
        self.config = folder / "bridge" / "bridge.toml"
        self.config.parent.mkdir()
        self.shop.bridge()
        files = self.shop.path / "bridge"
        self.config.write_text(
            f'[store]\nurl = "{store_url}"\n'
            f'[broker]\nport = {self.broker_port}\nca = "{self.shop.authority_certificate}"\n'
            f'certificate = "{files}/certificate.pem"\nkey = "{files}/key.pem"\n'
            '[secrets]\ndata_key_file = "data.key"\n'
            f'[authority]\nendpoint = "http://127.0.0.1:{free_port()}/nobody"\n'
            f"[http]\nport = {self.http_port}\n"
            f"[intake]\nqueue_messages = {queue_messages}\n"
        )
        settings = load(self.config)
        prepare(settings)
        self.vault: Vault = vault.load(settings.secrets.data_key_file)
        self.store = Store(settings.store.url)
        with self.store.write() as connection:
            employers.add(connection, KBO)
            sites.add(
                connection, self.vault, name=SITE, workplace=WORKPLACE, regime=Regime.CONSTRUCTION, site_key=SITE_KEY
            )

    def employ(self, count: int) -> list[bytes]:
        """So many more workers with a badge each; the badges' tokens. Their rows are as those of `workers.add` and
        `badges.assign`, written in bulk.
        """
        close, numbers, since_ms = self.vault.close, range(self.people, self.people + count), now_ms()
        self.people += count
        uids = [(0x5C000000 + number).to_bytes(4, "big") for number in numbers]
        tokens = [seal.badge_token(SITE_KEY, badge_keys.UID_READ, uid) for uid in uids]
        with self.store.write() as connection:
            employer = employers.row_id(connection, KBO)
            site = sites.find_row(connection, SITE)
            assert site is not None
            before = connection.execute(func.max(schema.workers.c.id).select()).scalar() or 0
            ids = range(before + 1, before + 1 + count)
            rows = []
            for number, worker in zip(numbers, ids, strict=True):
                reference, identity = f"L-{number}", identities.niss(national_number(number))
                name = close(PEOPLE, f"name:{reference}", f"Load {number}".encode())
                closed = close(PEOPLE, f"identity:{reference}", identity.number.encode())
                kin = self.vault.indexes(f"{identity.kind}:{identity.number}")
                rows.append((worker, reference, name, identity.kind.value, closed, kin[0], employer, since_ms))
            columns = "id", "reference", "name_closed", "identity_kind", "identity_closed", "identity_index"
            insert_rows(connection, schema.workers, (*columns, "employer_id", "added_ms"), rows)
            given = ((site.id, token, worker, since_ms) for token, worker in zip(tokens, ids, strict=True))
            insert_rows(connection, schema.badges, ("site_id", "token", "worker_id", "since_ms"), given)
        return tokens

    def analyze(self) -> None:
        """Let PostgreSQL count what is there, as it does by itself within a minute: what it plans for a table that was
        empty, and keeps for its checks of references, reads all of it.
        """
        with self.store.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text_of("ANALYZE"))

    def add_clocks(self, prefix: str, count: int) -> list[LoadClock]:
        """So many clocks with certificates, added to the bridge; GENESIS and BOOT are their first packet."""
        made = []
        with self.store.write() as connection:
            for number in range(count):
                clock = Clock(f"{prefix}-{number:05d}", utc_ms=now_ms())
                enrolment.add(connection, self.vault, clock.bundle(), site=SITE, now_ms=now_ms())
                self.shop.clock(clock.name)
                one = LoadClock(clock)
                one.sealed += clock.start()
                one.packets.append(publish(clock.topic("punches").encode(), b"".join(one.sealed)))
                one.ends.append(2)
                made.append(one)
        return made

    def start(self) -> None:
        """Start both and wait until the bridge accepts messages."""
        self.start_broker()
        self.start_bridge()

    def start_broker(self) -> None:
        """Start the broker."""
        self._start("broker", self.broker_command or self.mosquitto.command)

    def start_bridge(self) -> None:
        """Start the bridge, and wait until it is connected."""
        more = ["--workers", str(self.workers)] if self.workers > 1 else []
        self._start("bridge", [sys.executable, "-c", RUN_BRIDGE, "run", "--config", str(self.config), *more])
        self.wait_ready()

    def _start(self, name: str, command: Sequence[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log, process_group=0)

    def wait_ready(self) -> None:
        """Wait until each worker of the bridge reports that it is connected."""
        deadline = time.monotonic() + PATIENCE_S
        waiting = [self.http_port + number for number in range(self.workers)]
        while waiting:
            try:
                with socket.create_connection(("127.0.0.1", waiting[-1]), 5) as connection:
                    connection.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
                    if b" 200 " in connection.recv(64):
                        waiting.pop()
                        continue
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise RuntimeError((self.folder / "bridge.log").read_text()[-2000:])
            time.sleep(0.05)

    def metric(self, name: str) -> float:
        """A figure of the bridge's first worker, without labels."""
        with socket.create_connection(("127.0.0.1", self.http_port), PATIENCE_S) as connection:
            connection.sendall(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
            page = b"".join(iter(lambda: connection.recv(65_536), b"")).decode()
        return next(float(line.split()[1]) for line in page.splitlines() if line.startswith(f"badgeclock_{name} "))

    def kill(self, name: str) -> None:
        """SIGKILL for a process and those that it started."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def pids(self, name: str) -> list[int]:
        """A process and its descendants, started by any of its threads."""
        found = [self.processes[name].pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(it) for it in children.read_text().split()]
        return found

    def resident_kb(self, name: str) -> int:
        """Resident memory of a process and its children, KB."""
        lines = [line for it in self.pids(name) for line in Path(f"/proc/{it}/status").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

    def cpu_s(self, name: str) -> float:
        """Processor seconds that a process and its children have taken so far (proc(5): utime, stime)."""
        ticks = 0
        for it in self.pids(name):
            fields = Path(f"/proc/{it}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End everything."""
        for name in list(self.processes):
            self.kill(name)
        self.store.close()


def now_ms() -> int:
    """Milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def free_ports(count: int) -> int:
    """The first of so many TCP ports of 127.0.0.1, one after another, that nobody listens on."""
    while True:
        first = free_port()
        try:
            for port in range(first + 1, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            continue
        return first


def allow_many_connections(count: int) -> int:
    """Let this process, and those it starts, have so many connections; gives how many the system lets them have."""
    wanted = count + _OTHER_FILES
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(most, wanted)))
    except (ValueError, PermissionError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        return min(count, most - _OTHER_FILES)
    return count


class Drive:
    """Runs clocks until everything is acknowledged."""

    def __init__(self, clocks: Sequence[LoadClock], resend_s: float = RESEND_S) -> None:
        self.clocks = clocks
        self._resend_s = resend_s
        self.again = 0
        """Packets that were sent more than once."""
        self._poll = select.epoll()
        self._by_fd = {}
        for clock in clocks:
            assert clock.socket is not None
            self._by_fd[clock.socket.fileno()] = clock
            self._poll.register(clock.socket.fileno(), select.EPOLLIN)

    def listen(self, timeout_s: float) -> None:
        """Take ACKs that arrive within the time."""
        for fd, _ in self._poll.poll(timeout_s, 512):
            self._by_fd[fd].read()

    @property
    def done(self) -> bool:
        """Whether everything is acknowledged."""
        return all(clock.done for clock in self.clocks)

    def run(
        self, window: int, per_s: float | None = None, patience_s: float = PATIENCE_S, for_s: float | None = None
    ) -> float:
        """Send everything, each clock at most a window ahead of its ACKs, at most `per_s` packets a second together.

        Returns the seconds from the first packet to the last ACK; after `for_s`, done or not. Raises TimeoutError if
        nothing more is acknowledged for `patience_s`.
        """
        started = time.perf_counter()
        sent = 0
        moved_at, acked = started, -1
        open_clocks = [clock for clock in self.clocks if not clock.done]
        looked = started
        while open_clocks:
            moved = False
            for clock in open_clocks:
                if per_s is not None and sent >= (time.perf_counter() - started) * per_s:
                    break
                if clock.send(window):
                    sent += 1
                    moved = True
                    if not sent % 64:
                        self.listen(0)
            if per_s is not None:  # the last client served is last in the next round
                open_clocks = open_clocks[1:] + open_clocks[:1]
            self.listen(0 if moved else 0.002)
            now = time.perf_counter()
            if now - looked > 0.05:
                looked = now
                self.again += sum(clock.again(self._resend_s) for clock in open_clocks)
                open_clocks = [clock for clock in open_clocks if not clock.done]
                if for_s is not None and now - started > for_s:
                    break
                heard = sum(clock.acked for clock in self.clocks)
                if heard > acked:
                    moved_at, acked = now, heard
                if now - moved_at > patience_s:
                    raise TimeoutError(f"{len(open_clocks)} clocks wait, without an ACK for {patience_s:.0f} s")
        return max(clock.said_at for clock in self.clocks) - started

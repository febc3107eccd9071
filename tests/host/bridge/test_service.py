"""The bridge as a process, with the real broker, the real sandbox, and clocks that speak MQTT over mutual TLS."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import gmqtt
import httpx
import pytest
from tests.host.bridge.world import (
    ANNA_NISS,
    ANNA_UID,
    BRAM_NISS,
    BRAM_UID,
    KBO,
    LUZ_LIMOSA,
    LUZ_UID,
    SITE,
    SITE_KEY,
    STRANGER_UID,
    WORKPLACE,
    Clock,
    eventually,
    token_of,
)
from tests.national_numbers import national_number
from tests.sandbox_process import SandboxProcess

from badgeclock.bridge.clocks import enrolment
from badgeclock.bridge.operations import data_key_rotation
from badgeclock.bridge.people import badges, employers, identities, sites, workers
from badgeclock.bridge.people.identities import Identity
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.settings import load
from badgeclock.bridge.store import schema, vault
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import IdentityKind
from badgeclock.bridge.web import api_tokens, planning_refusals
from badgeclock.bridge.web.api_tokens import Scope
from badgeclock.cli.init import prepare
from badgeclock.protocol import frames
from badgeclock.protocol.frames import Ack, Frame, FrameType, Receipt, ReceiptState
from badgeclock.protocol.record import Direction
from badgeclock.technician import broker, workshop

RUN_BRIDGE = "from badgeclock.cli.bridge import app; app()"
PATIENCE_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Site:
    """Broker, sandbox and bridge as processes over one folder; any of them can be killed and started again."""

    def __init__(self, folder: Path, credentials: Path | None = None) -> None:
        """With `credentials`, the folder of the sandbox's keys, it has a second authority, for movements."""
        self.folder = folder
        self.credentials = credentials
        self.shop = workshop.create(folder / "workshop")
        self.broker_port, self.http_port = free_port(), free_port()
        self.config = folder / "bridge" / "bridge.toml"
        self.sandbox = SandboxProcess(folder, latency_ms=50, validation_delay_ms=100, credentials=credentials)
        self.mosquitto = broker.write_config(folder / "broker", self.broker_port, self.shop)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._configure()
        try:
            self.start_broker()
            self.start_bridge()
        except BaseException:
            self.close()
            raise

    def _configure(self) -> None:
        self.config.parent.mkdir()
        identity = self.shop.bridge()
        for name, content in (
            ("ca.pem", self.shop.authority_certificate.read_bytes()),
            ("certificate.pem", identity.certificate_pem),
            ("key.pem", identity.key_pem),
        ):
            (self.config.parent / name).write_bytes(content)
            (self.config.parent / name).chmod(0o600)
        self.config.write_text(
            f"""
            [store]
            url = "sqlite:///bridge.db"
            [broker]
            host = "localhost"
            port = {self.broker_port}
            ca = "ca.pem"
            certificate = "certificate.pem"
            key = "key.pem"
            [secrets]
            data_key_file = "data.key"
            [authority]
            endpoint = "{self.sandbox.endpoint}"
            timeout_s = 2
            settle_s = 1
            {self._second_authority()}
            [http]
            port = {self.http_port}
            """
        )
        settings = load(self.config)
        prepare(settings)
        self.vault = vault.load(settings.secrets.data_key_file)
        self.store = Store(settings.store.url)
        with self.store.write() as connection:
            employers.add(connection, KBO)
            sites.add(
                connection,
                self.vault,
                name=SITE,
                workplace=WORKPLACE,
                regime=Regime.CONSTRUCTION,
                site_key=SITE_KEY,
            )
        self.employ("W-001", identities.niss(ANNA_NISS), ANNA_UID)
        self.employ("W-002", identities.niss(BRAM_NISS), BRAM_UID)
        self.employ("W-003", identities.limosa(LUZ_LIMOSA), LUZ_UID)

    def _second_authority(self) -> str:
        """The keys of the first authority, and the second."""
        if self.credentials is None:
            return ""
        return f"""
            certificate = "{self.credentials / "client.pem"}"
            key = "{self.credentials / "client.key"}"
            [movement_authority]
            kind = "onss-rest"
            endpoint = "{self.sandbox.rest}"
            token_endpoint = "{self.sandbox.token}"
            client_id = "self_service_employer_sandbox"
            key = "{self.credentials / "client.key"}"
            timeout_s = 2
            settle_s = 1
            """

    def employ(self, reference: str, identity: Identity, uid: bytes) -> None:
        """Add a worker, and give a badge."""
        kbo = KBO if identity.kind is IdentityKind.NISS else None
        name = "Somebody Secret"
        with self.store.write() as connection:
            workers.add(connection, self.vault, reference=reference, name=name, identity=identity, employer_kbo=kbo)
            badges.assign(connection, self.vault, site=SITE, worker=reference, uid=uid, now_ms=now_ms())

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run `badgeclock bridge …` to its end."""
        command = [sys.executable, "-c", RUN_BRIDGE, *arguments, "--config", str(self.config)]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)

    def correct(self, *arguments: str) -> None:
        """Run `badgeclock bridge presence correct …`."""
        command = [
            sys.executable,
            "-c",
            "from badgeclock.cli.main import main; main()",
            "bridge",
            "presence",
            "correct",
        ]
        options = ["--config", str(self.config)]
        done = subprocess.run([*command, *arguments, *options], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr

    def start_broker(self) -> None:
        with (self.folder / "broker.log").open("ab") as log:
            self.processes["broker"] = subprocess.Popen(self.mosquitto.command, stdout=log, stderr=log)
        self._wait(lambda: socket.create_connection(("127.0.0.1", self.broker_port), 1).close())

    def start_bridge(self) -> None:
        command = [sys.executable, "-c", RUN_BRIDGE, "run", "--config", str(self.config)]
        with (self.folder / "bridge.log").open("ab") as log:
            self.processes["bridge"] = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait(lambda: self.get("/readyz").raise_for_status())

    def _wait(self, works: Any) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                works()
            except (OSError, httpx.HTTPError):
                assert time.monotonic() < deadline, (self.folder / "bridge.log").read_text()[-2000:]
                time.sleep(0.05)
            else:
                return

    def end(self, name: str, how: signal.Signals) -> int:
        """End a process in this way; its exit status."""
        self.processes[name].send_signal(how)
        return self.processes[name].wait(PATIENCE_S)

    def get(self, path: str, host: str = "localhost") -> httpx.Response:
        url = f"http://127.0.0.1:{self.http_port}{path}"
        return httpx.get(url, headers={"Host": host}, trust_env=False, timeout=5)

    def punches(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/api/punches?limit=1000").json()
        return found

    def states(self) -> list[str]:
        try:
            return [punch["state"] for punch in self.punches()]
        except httpx.HTTPError:
            return []

    def registrations(self) -> Counter[str]:
        """How often the authority registered each reference."""
        return Counter(entry["reference"] for entry in self.sandbox.received()["registrations"])

    def add(self, name: str) -> WireClock:
        clock = Clock(name, utc_ms=now_ms())
        with self.store.write() as connection:
            enrolment.add(connection, self.vault, clock.bundle(), site=SITE, now_ms=now_ms())
        return WireClock(self, clock)

    def close(self) -> None:
        self.store.close()
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.sandbox.stop()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class WireClock:
    """A clock on the wire: sends what is not acknowledged, keeps what it receives."""

    def __init__(self, site: Site, clock: Clock) -> None:
        self.site = site
        self.clock = clock
        self.acked = 0
        self.acks: list[Ack] = []
        self.receipts: dict[int, Receipt] = {}
        self.counters: list[int] = []
        self.times: list[int] = []
        self.client: gmqtt.Client | None = None

    def _tls(self) -> ssl.SSLContext:
        identity = self.site.shop.clock(self.clock.name)
        folder = self.site.folder / self.clock.name
        folder.mkdir(exist_ok=True)
        (folder / "certificate.pem").write_bytes(identity.certificate_pem)
        (folder / "key.pem").write_bytes(identity.key_pem)
        context = ssl.create_default_context(cafile=str(self.site.shop.authority_certificate))
        context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        return context

    async def connect(self) -> None:
        """Connect, say so, and send what is not acknowledged."""
        client = gmqtt.Client(self.clock.name, clean_session=True, logger=logging.getLogger("gmqtt"))
        client.set_config({"reconnect_retries": -2})
        ready = asyncio.Event()
        client.on_message = self._hear
        client.on_subscribe = lambda *_: ready.set()
        # Nothing is sent while a test waits for a process to start, however long that takes.
        await client.connect("localhost", self.site.broker_port, ssl=self._tls(), keepalive=3600)
        client.subscribe([gmqtt.Subscription(self.clock.topic(name)) for name in ("ack", "receipts", "command")])
        await asyncio.wait_for(ready.wait(), PATIENCE_S)
        self.client = client
        session = b"conn%04d" % (self.clock.connection + 1)
        self.clock.utc_ms = now_ms()
        self._publish("status", self.clock.online(receipt=max(self.receipts, default=0), session=session), retain=True)
        self.send()

    async def disconnect(self) -> None:
        if self.client is not None:
            # What the broker sends into the end of TLS is an error there; the connection is closed all the same.
            with contextlib.suppress(OSError):
                await self.client.disconnect()
            self.client = None

    def _publish(self, channel: str, payload: bytes, *, retain: bool = False) -> None:
        assert self.client is not None
        self.client.publish(self.clock.topic(channel), payload, retain=retain)

    def send(self) -> None:
        """Send everything above the acknowledgement, at most 63 records a message."""
        waiting = [raw for raw in self.clock.sent if int.from_bytes(raw[4:8], "big") >= self.acked]
        for at in range(0, len(waiting), 63):
            self._publish("punches", b"".join(waiting[at : at + 63]))

    def punch(self, *uids: bytes, direction: Direction = Direction.IN) -> None:
        """Punch, and send."""
        for uid in uids:
            self.clock.utc_ms = now_ms()
            self.clock.punch(uid, direction)
        self.send()

    def _hear(self, _client: Any, _topic: str, payload: bytes, *_: Any) -> int:
        frame: Frame = self.clock.hear(payload)
        self.counters.append(frame.counter)
        if frame.type == FrameType.ACK:
            self.acks.append(frames.unpack_ack(frame.body))
            self.acked = max(self.acked, self.acks[-1].next_seq)
        elif frame.type == FrameType.RECEIPTS:
            for receipt in frames.unpack_receipts(frame.body):
                self.receipts[receipt.number] = receipt
        elif frame.type == FrameType.TIME:
            self.times.append(frames.unpack_time(frame.body).utc_ms)
        return 0

    async def settle(self) -> None:
        """Send again what is not acknowledged, as clocks do, until everything is."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.done:
            assert time.monotonic() < deadline
            self.send()
            with contextlib.suppress(TimeoutError):
                await eventually(lambda: self.done, 1)

    def told(self) -> dict[int, ReceiptState]:
        """The newest receipt of each punch."""
        return {receipt.seq: receipt.state for _, receipt in sorted(self.receipts.items())}

    @property
    def done(self) -> bool:
        """Whether everything is acknowledged."""
        return self.acked == self.clock.state.next_seq


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def lasting_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all the tests that kill nothing."""
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.close()


async def test_punches_come_back_as_reception_numbers(site: Site) -> None:
    earliest_ms = now_ms()
    site.sandbox.control(refuse=[{"inss": BRAM_NISS, "code": "5"}])
    wire = site.add("clock-0001")
    wire.clock.start()
    await wire.connect()
    wire.punch(ANNA_UID, BRAM_UID, LUZ_UID, STRANGER_UID)
    await eventually(lambda: wire.done and len(wire.told()) == 4 and wire.told()[4] is ReceiptState.VALIDATED)
    await eventually(lambda: wire.told()[2] is ReceiptState.VALIDATED)
    assert wire.told() == {
        2: ReceiptState.VALIDATED,
        3: ReceiptState.REFUSED,
        4: ReceiptState.VALIDATED,
        5: ReceiptState.UNKNOWN_BADGE,
    }
    assert sorted(wire.receipts) == list(range(1, len(wire.receipts) + 1))
    assert earliest_ms <= wire.times[0] <= now_ms()
    assert wire.counters == sorted(set(wire.counters))
    assert site.states() == ["VALIDATED", "REFUSED", "VALIDATED", "UNASSIGNED"]
    codes = [punch["badge_code"] for punch in site.punches()]
    assert codes == [None, None, None, token_of(STRANGER_UID)[:2].hex().upper()], (
        "what the stranger can tell the office"
    )
    # The badge is given to somebody while the bridge runs, by another process.
    given = site.command(
        "badge", "add", "--site", SITE, "--worker", "W-002", "--uid-file", "-", stdin=STRANGER_UID.hex()
    )
    assert given.returncode == 0, given.stderr
    await eventually(lambda: wire.told()[5] is ReceiptState.REFUSED)
    await wire.disconnect()
    assert site.end("bridge", signal.SIGTERM) == 0


async def test_nothing_is_lost_or_doubled_when_bridge_broker_and_sandbox_die_in_turn(site: Site) -> None:
    wire = site.add("clock-0001")
    wire.clock.start()
    await wire.connect()
    wire.punch(ANNA_UID)
    site.end("bridge", signal.SIGKILL)
    wire.punch(BRAM_UID)
    site.start_bridge()
    await wire.settle()

    site.sandbox.kill()
    wire.punch(LUZ_UID)
    await eventually(lambda: wire.done)
    site.end("broker", signal.SIGKILL)
    await wire.disconnect()
    wire.clock.punch(STRANGER_UID)
    site.start_broker()
    await wire.connect()
    site.sandbox.start()
    await wire.settle()
    await eventually(lambda: len(wire.told()) == 4, PATIENCE_S)
    good = {ReceiptState.REGISTERED, ReceiptState.VALIDATED}
    await eventually(lambda: {state for seq, state in wire.told().items() if seq < 5} <= good, PATIENCE_S)
    assert wire.told()[5] is ReceiptState.UNKNOWN_BADGE
    assert set(site.registrations().values()) == {1}
    assert len(site.registrations()) == 3
    with site.store.read() as connection:
        stored = [row.raw for row in connection.execute(schema.records.select()).all()]
    assert stored == wire.clock.sent
    assert wire.counters == sorted(set(wire.counters))
    await wire.disconnect()


FAULTS = ("timeout-after-commit", "close-after-commit", "hang", "http-500", "maintenance")


@pytest.mark.parametrize("fault", FAULTS)
async def test_whatever_happens_to_an_answer_the_presence_is_registered_once(lasting_site: Site, fault: str) -> None:
    site, number = lasting_site, FAULTS.index(fault)
    national = national_number(5_000 + number)
    uids = [bytes([9, 9, number, kind]) for kind in (1, 2)]
    for uid, identity in zip(uids, (identities.niss(national), identities.limosa(f"L{number}")), strict=True):
        site.employ(f"{fault}, {identity.kind}", identity, uid)
    before = site.registrations()
    site.sandbox.control(faults=[{"kind": fault, "count": 1, "operation": "registerPresences", "retry_after_s": 1}])
    wire = site.add(f"clock-fault-{number}")
    wire.clock.start()
    await wire.connect()
    wire.punch(*uids)
    good = {ReceiptState.REGISTERED, ReceiptState.VALIDATED}
    await eventually(lambda: len(wire.told()) == 2 and set(wire.told().values()) <= good, PATIENCE_S)
    assert sorted((site.registrations() - before).values()) == [1, 1]
    await wire.disconnect()


def test_a_second_bridge_on_the_store_says_who_has_it_and_ends(lasting_site: Site) -> None:
    first = lasting_site.processes["bridge"]
    main = [sys.executable, "-c", "from badgeclock.cli.main import main; main()", "bridge", "run", "--config"]
    command = [*main, str(lasting_site.config)]
    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert second.returncode != 0
    assert f"another bridge runs on this store: process {first.pid} on " in second.stderr
    assert "Traceback" not in second.stderr
    assert first.poll() is None
    lasting_site.get("/readyz").raise_for_status()


async def test_a_bridge_killed_in_the_middle_of_a_call_asks_before_it_sends_again(site: Site) -> None:
    site.sandbox.control(faults=[{"kind": "timeout-after-commit", "count": 1, "operation": "registerPresences"}])
    wire = site.add("clock-0001")
    wire.clock.start()
    await wire.connect()
    wire.punch(ANNA_UID)
    await eventually(lambda: site.states() == ["SENT"])
    await eventually(lambda: len(site.registrations()) == 1)
    site.end("bridge", signal.SIGKILL)
    site.start_bridge()
    good = {ReceiptState.REGISTERED, ReceiptState.VALIDATED}
    await eventually(lambda: set(wire.told().values()) <= good and bool(wire.told()), PATIENCE_S)
    assert list(site.registrations().values()) == [1]
    await wire.disconnect()


async def test_a_correction_by_another_process_cancels_and_registers_and_the_clock_hears_the_new_number(
    lasting_site: Site,
) -> None:
    site = lasting_site
    national = [national_number(7_000 + n) for n in range(2)]
    site.employ("wrong", identities.niss(national[0]), b"\x09\x08\x07\x06")
    site.employ("right", identities.niss(national[1]), b"\x09\x08\x07\x05")
    wire = site.add("clock-correct")
    wire.clock.start()
    await wire.connect()
    wire.punch(b"\x09\x08\x07\x06")
    await eventually(lambda: wire.told().get(2) is ReceiptState.VALIDATED, PATIENCE_S)
    first = max(wire.receipts.items())[1].reception_number
    presence = next(punch["presence"] for punch in site.punches() if punch["reception_number"] == first)
    # The sandbox loses the answer after it has cancelled: asked again, it would say that it was cancelled already.
    site.sandbox.control(faults=[{"kind": "close-after-commit", "count": 1, "operation": "cancelPresences"}])
    site.correct(presence, "--worker", "right", "--reason", "badges were swapped")
    await eventually(
        lambda: wire.told()[2] is ReceiptState.VALIDATED and max(wire.receipts.items())[1].reception_number != first,
        PATIENCE_S,
    )
    second = max(wire.receipts.items())[1].reception_number
    status = {one["reception_number"]: one["status"] for one in site.sandbox.received()["registrations"]}
    assert (status[first], status[second]) == ("cancelled", "validated")
    await wire.disconnect()


async def test_a_planning_tool_and_a_change_of_the_data_key_go_by_a_bridge_that_runs(lasting_site: Site) -> None:
    site = lasting_site
    who = Operator("anna", "every spring")
    with site.store.write() as connection:
        token = api_tokens.make(connection, "planner", tuple(Scope), 1, who, now_ms())
    base = f"http://127.0.0.1:{site.http_port}{planning_refusals.PATH}"
    uid = bytes([7, 7, 7, 7])
    wire = site.add("clock-planned")
    wire.clock.start()
    await wire.connect()
    async with httpx.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {token}"}) as tool:
        worker = {"reference": "W-700", "name": "Somebody Secret", "limosa": "L700"}
        assert (await tool.put("/workers", json=worker)).json()["is_new"]
        wire.punch(uid)
        await eventually(lambda: wire.told().get(2) is ReceiptState.UNKNOWN_BADGE)
        badge = {"site": SITE, "worker": "W-700", "uid": uid.hex()}
        assert (await tool.post("/badges", json=badge)).json()["queued"] == 1
        path = load(site.config).secrets.data_key_file
        keys = vault.load(path)
        rotating = asyncio.to_thread(lambda: list(data_key_rotation.rotate(site.store, keys, path, who, now_ms)))
        task = asyncio.create_task(rotating)
        while not task.done():
            wire.punch(uid)
            await asyncio.wait([task], timeout=0.2)
        await task
        assert await asyncio.to_thread(data_key_rotation.retire, site.store, keys, path, who, now_ms) == [1]
        wire.punch(uid)
        await eventually(lambda: wire.done)
        good = {ReceiptState.REGISTERED, ReceiptState.VALIDATED}
        await eventually(lambda: wire.told().get(2) in good, PATIENCE_S)
        today = datetime.now(ZoneInfo(sites.TIME_ZONE)).date().isoformat()
        presences = (await tool.get("/presences", params={"first": today, "last": today})).json()
        (presence,) = [one for one in presences if one["worker"] == "W-700"]
        assert presence["reception_number"] > 0
    with site.store.read() as connection:
        assert set(data_key_rotation.uses(connection)) == {keys.newest}
    await wire.disconnect()


async def test_rubbish_from_a_clocks_own_connection_stops_nobody(lasting_site: Site) -> None:
    site = lasting_site
    wire, other = site.add("clock-0001"), site.add("clock-0002")
    for one in (wire, other):
        one.clock.start()
        await one.connect()
    for payload in (b"", b"\xff" * 64, b"\x00" * 4000, bytes(range(256)) * 8, b"x"):
        wire._publish("punches", payload)
        wire._publish("status", payload)
    other.punch(ANNA_UID)
    await eventually(lambda: other.done and bool(other.told()))
    kinds = {event["kind"] for event in site.get("/api/events").json()}
    assert {"malformed_frame", "status_refused"} <= kinds
    for one in (wire, other):
        await one.disconnect()


async def test_logs_metrics_and_lists_tell_no_number_no_badge_and_no_name(site: Site) -> None:
    site.sandbox.control(faults=[{"kind": "answer-not-xml", "count": 1}, {"kind": "http-500", "count": 1}])
    wire = site.add("clock-0001")
    wire.clock.start()
    await wire.connect()
    wire.punch(ANNA_UID, BRAM_UID, LUZ_UID, STRANGER_UID)
    good = {ReceiptState.REGISTERED, ReceiptState.VALIDATED, ReceiptState.UNKNOWN_BADGE}
    await eventually(lambda: len(wire.told()) == 4 and set(wire.told().values()) <= good, PATIENCE_S)
    metrics = site.get("/metrics").text
    assert "badgeclock_intake_total" in metrics
    assert 'badgeclock_presences{state="' in metrics
    lists = site.get("/api/punches").text + site.get("/api/events").text
    await wire.disconnect()
    site.end("bridge", signal.SIGTERM)
    log = (site.folder / "bridge.log").read_text()
    for line in log.splitlines():
        json.loads(line)
    seen = log + metrics + lists
    for secret in (ANNA_NISS, BRAM_NISS, LUZ_LIMOSA, "Secret", ANNA_UID.hex(), token_of(ANNA_UID).hex()):
        assert secret not in seen
        assert secret.upper() not in seen
    assert "clock-0001" not in metrics


async def test_health_says_what_is_missing_and_strangers_names_are_not_answered(site: Site) -> None:
    assert site.get("/livez").status_code == 200
    assert site.get("/readyz").json() == {"broker": True, "store": True}
    site.end("broker", signal.SIGKILL)
    await eventually(lambda: site.get("/readyz").status_code == 503)
    assert site.get("/readyz").json() == {"broker": False, "store": True}
    assert site.get("/livez").status_code == 200
    site.start_broker()
    await eventually(lambda: site.get("/readyz").status_code == 200, PATIENCE_S)
    assert site.get("/api/punches", host="evil.example").status_code == 400
    assert site.get("/api/punches?limit=0").status_code == 422
    assert site.get(f"/api/punches?after={2**70}").status_code == 422
    assert site.get("/api/punches?after=x").status_code == 422


def raw(site: Site, request: str) -> bytes:
    """Everything that the bridge's port answers until it closes the connection."""
    with socket.create_connection(("127.0.0.1", site.http_port), PATIENCE_S) as connection:
        connection.sendall(request.replace("\n", "\r\n").encode())
        answer = b""
        while some := connection.recv(65536):
            answer += some
    return answer


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_health_answers_what_probes_ask_by(lasting_site: Site, path: str) -> None:
    head = httpx.head(f"http://127.0.0.1:{lasting_site.http_port}{path}", trust_env=False)
    assert (head.status_code, head.content) == (200, b"")
    assert b"HTTP/1.1 200" in raw(lasting_site, f"GET {path} HTTP/1.0\n\n")


def test_a_request_of_two_lengths_ends_its_connection_and_what_is_behind_it_is_never_read(lasting_site: Site) -> None:
    smuggled = "GET /metrics HTTP/1.1\nHost: localhost\n\n"
    both = f"Content-Length: {len(smuggled) + 5}\nTransfer-Encoding: chunked\n\n0\n\n"
    answer = raw(lasting_site, f"POST /livez HTTP/1.1\nHost: localhost\n{both}{smuggled}")
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"HTTP/1.1 400" in raw(lasting_site, "GET /api/clocks HTTP/1.0\n\n")


async def test_a_broker_that_holds_the_line_and_says_nothing_is_not_ready(site: Site) -> None:
    site.processes["broker"].send_signal(signal.SIGSTOP)
    try:
        await eventually(lambda: site.get("/readyz").status_code == 503, 45)
        assert site.get("/readyz").json() == {"broker": False, "store": True}
    finally:
        site.processes["broker"].send_signal(signal.SIGCONT)
    await eventually(lambda: site.get("/readyz").status_code == 200, PATIENCE_S)


def test_the_store_and_its_log_are_the_bridges_alone(lasting_site: Site) -> None:
    files = list((lasting_site.folder / "bridge").glob("bridge.db*"))
    assert {"bridge.db", "bridge.db-wal", "bridge.db-shm"} <= {path.name for path in files}
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in files if path.stat().st_mode & 0o077} == {}

"""Broker, sandbox, bridge and one virtual clock, set up from nothing and run as processes of their own.

Everything is made fresh in one directory: certificate authority, keys, store, flash image. The clock is provisioned by
`technician.provision` over its serial line, and people and badges are added to the bridge by `bridge.people`, as an
operator would.
"""

import json
import secrets
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx
from sqlalchemy import Connection

from badgeclock.bridge.accounts import accounts, passwords
from badgeclock.bridge.clocks import enrolment
from badgeclock.bridge.people import badges, employers, identities, sites, workers
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.settings import load
from badgeclock.bridge.store import vault
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.database import Store
from badgeclock.demo import cast
from badgeclock.demo.process import Process, free_port, port_answers
from badgeclock.errors import BadgeclockError
from badgeclock.sandbox.credentials import CLIENT_CERTIFICATE, CLIENT_KEY, SERVICE_CERTIFICATE
from badgeclock.technician import broker, firmware, workshop
from badgeclock.technician.provision import Broker, Plan, provision
from badgeclock.technician.serial_device import open_device
from badgeclock.toolchain import programs
from badgeclock.virtual.board import PARTITIONS, Image
from badgeclock.virtual.control_socket import ClockControl

AUTHORITY_LATENCY_MS = 200
VALIDATION_DELAY_MS = 2000
ONLINE_TIMEOUT_S = 60.0
HTTP_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Station:
    """A part that can be stopped and started while the rest runs."""

    key: str
    name: str
    words: tuple[str, str]
    """The buttons' texts: to stop it, to start it."""
    running: Callable[[], bool]
    stop: Callable[[], None]
    start: Callable[[], None]


class Stack:
    """The whole system on one machine, in `directory`. A context manager: leaving it stops everything.

    `directory` is empty or new, or has a workshop and the flash of a clock from it: that clock is updated. `say` gets a
    line per step. `with_console`: the operators' pages too. `clock_broker_port` is the broker's port for the clock on
    localhost: change it before entering to put something between them. Raises BadgeclockError; what was running is
    stopped.
    """

    def __init__(
        self,
        directory: Path,
        say: Callable[[str], None] = lambda _: None,
        *,
        latency_ms: int = AUTHORITY_LATENCY_MS,
        arch: str = "i386",
        heap: str | None = None,
        image: Image = Image.IN_PLACE,
        partitions: Path = PARTITIONS,
        with_console: bool = False,
    ) -> None:
        self._with_console = with_console
        self.directory = directory.resolve()
        self._say = say
        self._latency_ms = latency_ms
        self._arch = arch
        self._heap = heap
        self._image = image
        self._partitions = partitions
        self._http_port = free_port()
        self._sandbox_port = free_port()
        self._console_port = free_port()
        self._broker_port = self.clock_broker_port = free_port()
        self._reported: list[dict[str, Any]] = []
        self._web = httpx.Client(timeout=HTTP_TIMEOUT_S, trust_env=False)
        self._network_up = True
        self._plugged_in = False
        self._credentials = self.directory / "sandbox-credentials"
        self.sandbox_url = f"http://127.0.0.1:{self._sandbox_port}"
        self.bridge_config = self.directory / "bridge" / "bridge.toml"
        shop = self.directory / "workshop"
        self.workshop = workshop.open_workshop(shop) if shop.exists() else workshop.create(shop)
        self.broker = self._broker()
        self.sandbox = self._sandbox()
        self.bridge = self._bridge()
        self.console = self._console()
        self.console_password = ""
        """The password of every account of the console, if it has any."""
        self.clock = self._clock()
        self.control = ClockControl(self.directory / "clock" / "door.sock")
        self.stations = {station.key: station for station in self._stations()}

    def __enter__(self) -> Self:
        try:
            self._set_up()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._web.close()

    def stop(self) -> None:
        """Stops every process, the clock first. The bridge's newest answer stays."""
        for process in (self.console, self.clock, self.bridge, self.sandbox, self.broker):
            process.stop()

    @property
    def console_url(self) -> str:
        """The address of the operators' pages, once they are open."""
        return f"http://127.0.0.1:{self._console_port}/"

    @property
    def broker_address(self) -> tuple[str, int]:
        """The broker's port."""
        return "localhost", self._broker_port

    def punches(self) -> list[dict[str, Any]]:
        """The bridge's report of every punch, oldest first; while it is down, the last one."""
        try:
            answer = self._web.get(
                f"http://127.0.0.1:{self._http_port}/api/punches", params={"after": 0, "limit": 1000}
            )
            answer.raise_for_status()
            self._reported = answer.json()
        except httpx.HTTPError:
            pass  # down, or stopped by the visitor
        return self._reported

    def received(self) -> list[dict[str, Any]]:
        """What the authority's sandbox has registered, masked."""
        answer = self._web.get(f"{self.sandbox_url}/received", params={"after": 0, "limit": 1000})
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["registrations"]
        return found

    def wait_online(self) -> None:
        """Returns once the clock is online. Raises BadgeclockError after ONLINE_TIMEOUT_S."""
        deadline = time.monotonic() + ONLINE_TIMEOUT_S
        while time.monotonic() < deadline:
            if any("online" in line.lower() for line in self.control.screen_text()):
                return
            time.sleep(0.05)
        raise BadgeclockError(
            what=f"the clock did not come online within {ONLINE_TIMEOUT_S:.0f} s; its display says "
            + " / ".join(line.strip() for line in self.control.screen_text() if line.strip()),
            kept=f"everything in {self.directory}",
            do="look at the logs there",
        )

    # --- setting up ---

    def _set_up(self) -> None:
        for arch in ("amd64", "i386"):
            programs.micropython(arch)  # fetched here on its first use; the clock's process has less time for it
        self._say("broker: Mosquitto, mutual TLS, a fresh certificate authority")
        self.broker.begin()
        self._say("sandbox: the authority, simulated; what it is sent and what it answers is signed")
        self.sandbox.begin()
        self._say("clock: the firmware on MicroPython, provisioned over its serial line")
        self.clock.begin()
        self._say("bridge: workers, badges and the clock")
        # Provisioning waits for the clock most of the time. Every process begins in this thread, as the children end
        # with the thread that began them, and while no other thread runs, as each is forked.
        with ThreadPoolExecutor(1) as beside:
            office = beside.submit(self._set_up_office)
            self.clock.wait_ready()
            self._plugged_in = True
            self._provision()
            office.result()
        self._enroll_clock()
        self.broker.wait_ready()
        self.bridge.begin()
        if self._with_console:
            self._say("console: the operators' pages, with an account for each role")
            self.console.begin()
        self.sandbox.wait_ready()
        self._refuse_one()
        self.bridge.wait_ready()
        self.wait_online()
        if self._with_console:
            self.console.wait_ready()

    def _broker(self) -> Process:
        config = broker.write_config(self.directory / "broker", self._broker_port, self.workshop)
        return Process("the broker", config.command, self._log("broker"), lambda: port_answers(self._broker_port))

    def _sandbox(self) -> Process:
        command = [
            *_badgeclock("sandbox", "run", "--port", str(self._sandbox_port)),
            *("--store", str(self.directory / "sandbox.db"), "--latency-ms", str(self._latency_ms)),
            *("--validation-delay-ms", str(VALIDATION_DELAY_MS), "--credentials", str(self._credentials)),
        ]
        ready = partial(self._serves, self._sandbox_port, "/control")
        return Process("the sandbox", command, self._log("sandbox"), ready)

    def _bridge(self) -> Process:
        identity = self.workshop.bridge()
        folder = self.directory / "bridge"
        folder.mkdir(mode=0o700)
        for name, data in (("certificate.pem", identity.certificate_pem), ("key.pem", identity.key_pem)):
            (folder / name).touch(mode=0o600)
            (folder / name).write_bytes(data)
        (folder / "ca.pem").write_bytes(self.workshop.authority_certificate.read_bytes())
        self.bridge_config.write_text(
            "[store]\n"
            'url = "sqlite:///bridge.db"\n'
            "[broker]\n"
            'host = "localhost"\n'
            f"port = {self._broker_port}\n"
            'ca = "ca.pem"\n'
            'certificate = "certificate.pem"\n'
            'key = "key.pem"\n'
            "[secrets]\n"
            'data_key_file = "data.key"\n'
            "[authority]\n"
            f'endpoint = "http://127.0.0.1:{self._sandbox_port}/PresenceRegistration/v1"\n'
            f"certificate = {_quoted(self._credentials / CLIENT_CERTIFICATE)}\n"
            f"key = {_quoted(self._credentials / CLIENT_KEY)}\n"
            f"service_certificate = {_quoted(self._credentials / SERVICE_CERTIFICATE)}\n"
            "timeout_s = 5\n"
            "settle_s = 1\n"
            "[http]\n"
            f"port = {self._http_port}\n"
            "[console]\n"
            f"port = {self._console_port}\n"
        )
        command = _badgeclock("bridge", "run", "--config", str(self.bridge_config))
        return Process("the bridge", command, self._log("bridge"), partial(self._serves, self._http_port, "/readyz"))

    def _console(self) -> Process:
        command = _badgeclock("console", "run", "--config", str(self.bridge_config))
        return Process(
            "the console", command, self._log("console"), partial(self._serves, self._console_port, "/livez")
        )

    def _clock(self) -> Process:
        folder = self.directory / "clock"
        command = [
            *_badgeclock("virtual", "run", "--dir", str(folder), "--arch", self._arch),
            *("--image", self._image, "--partitions", str(self._partitions)),
            *(("--heap", self._heap) if self._heap else ()),
        ]
        return Process("the clock", command, self._log("clock"), (folder / "door.sock").is_socket)

    def _provision(self) -> None:
        plan = Plan(
            workshop=self.workshop,
            clock_id=cast.CLOCK_ID,
            firmware=firmware.build(),
            site=cast.SITE,
            broker=Broker("localhost", self.clock_broker_port),
        )
        with open_device(str(self.directory / "clock" / "tty")) as device:
            provision(device, plan)

    def _set_up_office(self) -> None:
        """The store with the site, its people and their badges, and the accounts of the operators' pages."""
        settings = load(self.bridge_config)
        vault.create(settings.secrets.data_key_file)
        keys = vault.load(settings.secrets.data_key_file)
        with closing(Store(settings.store.url)) as store:
            store.migrate()
            with store.write() as connection:
                self._add_people(connection, keys)
                if self._with_console:
                    self._add_accounts(connection)

    def _add_people(self, connection: Connection, keys: vault.Vault) -> None:
        now_ms = time.time_ns() // 1_000_000
        employers.add(connection, cast.EMPLOYER_NUMBER, cast.EMPLOYER_NAME)
        sites.add(
            connection,
            keys,
            name=cast.SITE,
            workplace=cast.WORKPLACE_ID,
            regime=Regime.CONSTRUCTION,
            site_key=self.workshop.site_key(cast.SITE),
        )
        for worker in cast.WORKERS:
            workers.add(
                connection,
                keys,
                reference=worker.reference,
                name=worker.name,
                identity=identities.niss(worker.inss) if worker.inss else identities.limosa(worker.limosa_id or ""),
                employer_kbo=cast.EMPLOYER_NUMBER if worker.inss else None,
            )
        for badge in cast.BADGES:
            if badge.worker:
                badges.assign(
                    connection,
                    keys,
                    site=cast.SITE,
                    worker=badge.worker.reference,
                    uid=bytes.fromhex(badge.uid),
                    now_ms=now_ms,
                )

    def _add_accounts(self, connection: Connection) -> None:
        """An account for each role (`cast.OPERATORS`), all with one new password."""
        self.console_password = secrets.token_urlsafe(9)
        by, now_ms = Operator("demo"), time.time_ns() // 1_000_000
        for name, role in cast.OPERATORS.items():
            accounts.make(connection, name, role, by, now_ms)
            made = accounts.find(connection, name)
            assert made is not None
            accounts.set_password(connection, made.account, passwords.hashed(self.console_password), by, now_ms)

    def _enroll_clock(self) -> None:
        settings = load(self.bridge_config)
        keys = vault.load(settings.secrets.data_key_file)
        bundle = enrolment.read_bundle((self.workshop.clock_folder(cast.CLOCK_ID) / "bundle.json").read_text())
        with closing(Store(settings.store.url)) as store, store.write() as connection:
            enrolment.add(connection, keys, bundle, site=cast.SITE, now_ms=time.time_ns() // 1_000_000)

    def _refuse_one(self) -> None:
        """Sets the worker that is not in the sandbox's register: error code 5, invalid INSS."""
        refuse = {"refuse": [{"inss": cast.REFUSED_INSS, "code": "5"}]}
        answer = self._web.post(f"{self.sandbox_url}/control", json=refuse)
        answer.raise_for_status()

    # --- stations ---

    def _stations(self) -> list[Station]:
        def of(key: str, name: str, process: Process) -> Station:
            return Station(key, name, ("Stop", "Start"), lambda: process.running, process.stop, process.start)

        network, power = (lambda: self._network_up), (lambda: self._plugged_in)
        return [
            of("broker", "Broker", self.broker),
            of("bridge", "Bridge", self.bridge),
            of("console", "The operators' pages", self.console),
            of("sandbox", "Authority (sandbox)", self.sandbox),
            Station("network", "The clock's network", ("Cut", "Mend"), network, self._cut, self._mend),
            Station("power", "The clock's power", ("Pull the plug", "Plug in"), power, self._pull, self._plug),
        ]

    def _cut(self) -> None:
        self.control.network_down()
        self._network_up = False

    def _mend(self) -> None:
        self.control.network_up()
        self._network_up = True

    def _pull(self) -> None:
        self.control.plug_out()
        self._plugged_in = False

    def _plug(self) -> None:
        self.control.plug_in()
        self._plugged_in = True

    def _log(self, name: str) -> Path:
        logs = self.directory / "logs"
        logs.mkdir(exist_ok=True)
        return logs / f"{name}.log"

    def _serves(self, port: int, path: str) -> bool:
        try:
            answer = self._web.get(f"http://127.0.0.1:{port}{path}")
        except httpx.HTTPError:
            return False
        return not answer.is_server_error


def _badgeclock(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "badgeclock.cli.main", *arguments]


def _quoted(path: Path) -> str:
    """A path as a TOML string; TOML's basic strings are written like JSON's."""
    return json.dumps(str(path), ensure_ascii=False)

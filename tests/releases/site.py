"""A site on real processes that was set up with one release and is brought to another part by part.

Everything is done as a site does it: by the commands of the release that it has, one after another. The broker keeps
the configuration that the first release wrote. Board, network and authority belong to no release: the clocks' boards
and the authority's sandbox are this checkout's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import httpx

from badgeclock.demo import cast
from badgeclock.demo.process import Process, free_port, port_answers
from badgeclock.partition_table import board_partitions
from badgeclock.protocol import record
from badgeclock.protocol.record import RECORD_BYTES, Kind, Record
from badgeclock.sandbox.credentials import CLIENT_CERTIFICATE, CLIENT_KEY, SERVICE_CERTIFICATE
from badgeclock.technician.sealed_flash import unsent_punches
from badgeclock.toolchain import programs
from badgeclock.virtual.control_socket import ClockControl
from tests.releases.kept import Release, present

SITE: Final = "Quay 7"
WORKPLACE: Final = "1Y1TEST00001Z"
SECTOR_BYTES: Final = 4096
WORKERS: Final = 9
FIRST_SERIAL: Final = 3_001
PATIENCE_S: Final = 60.0
"""How long is waited for what must come; a machine under load is slow, not wrong."""
REGISTERED: Final = frozenset({"REGISTERED", "VALIDATED", "REMARKS"})


class Site:
    """A site of `release`, in an empty folder. A context manager: leaving it stops every process."""

    def __init__(self, folder: Path, release: Release, clocks: tuple[str, ...]) -> None:
        self.folder = folder.resolve()
        self.workshop = self.folder / "workshop"
        self.config = self.folder / "bridge" / "bridge.toml"
        self.store = f"sqlite:///{self.folder / 'bridge' / 'bridge.db'}"
        self.badges = [f"5C{number:06X}" for number in range(WORKERS)]
        self.clocks = {name: Clock(self.folder / name) for name in clocks}
        self.bridge: Process | None = None
        self.web = httpx.Client(timeout=10, trust_env=False)
        self._ports = {name: free_port() for name in ("broker", "sandbox", "http")}
        self._processes: list[Process] = [clock.process for clock in self.clocks.values()]
        self._release = release
        self._credentials = self.folder / "credentials"

    def __enter__(self) -> Self:
        try:
            self._set_up()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop every process, the newest first."""
        for process in reversed(self._processes):
            process.stop()
        self.web.close()

    def update_bridge(self, release: Release) -> None:
        """Bring the store to a release's form, and start its bridge."""
        release.run(["bridge", "init", "--config", self.config], folder=self.folder)
        self.start_bridge(release)

    def start_bridge(self, release: Release) -> None:
        """Start a release's bridge on the store as it is."""
        self.bridge = Process(
            f"the bridge of {release.version}",
            release.command("bridge", "run", "--config", self.config),
            self.folder / "bridge.log",
            partial(self._serves, self._url("http", "/readyz")),
            release.environment,
        )
        self._processes.append(self.bridge)
        self.bridge.start()

    def kill_bridge(self) -> None:
        """End the bridge as a power cut does."""
        assert self.bridge is not None
        self.bridge.kill()

    def told(self, path: str) -> Any:
        """What the running bridge answers at a path, as JSON."""
        return self.web.get(self._url("http", path)).raise_for_status().json()

    def punch_of(self, number: int) -> dict[str, Any] | None:
        """The newest punch of worker `number`, as the running bridge shows it."""
        of = [punch for punch in self.told("/api/punches") if punch["worker"]]
        mine = [punch for punch in of if punch["worker"]["reference"] == f"W-{number}"]
        return mine[-1] if mine else None

    def registered(self, number: int) -> str:
        """The reception number of that punch, once it has one."""

        def has_one() -> bool:
            punch = self.punch_of(number)
            return punch is not None and punch["state"] in REGISTERED

        wait_until(has_one, f"a reception number of W-{number}", lambda: self.punch_of(number))
        return str((self.punch_of(number) or {})["reception_number"])

    def tap(self, clock: str, number: int) -> None:
        """Hold worker `number`'s badge to a clock until it has kept the punch."""
        door = self.clocks[clock].door
        before = len(self.kept(clock, Kind.PUNCH))
        door.hold(self.badges[number])
        wait_until(lambda: len(self.kept(clock, Kind.PUNCH)) > before, f"a punch at {clock}", door.screen_text)
        door.remove()

    def tap_and_read(self, clock: str, number: int) -> str:
        """The same, and wait for the reception number on the display; gives it."""
        door = self.clocks[clock].door
        before = len(door.events())
        self.tap(clock, number)
        reception_number = self.registered(number)

        def shown() -> bool:
            return any(reception_number[-6:] in " ".join(event.get("lines", ())) for event in door.events()[before:])

        wait_until(shown, f"the reception number on the display of {clock}", door.screen_text)
        return reception_number

    def provision(self, release: Release, clock: str, *flags: str) -> dict[str, Any]:
        """Provision a clock over its serial line with a release's tools; gives their output."""
        port = self.clocks[clock].folder / "tty"
        told: dict[str, Any] = release.ask(
            *("clock", "provision", port, "--workshop", self.workshop, "--id", clock, *flags, "--json"),
            folder=self.folder,
        )
        return told

    def wait_online(self, clock: str) -> None:
        """Return once a clock's display says that it has the bridge."""
        door = self.clocks[clock].door
        wait_until(
            lambda: any("online" in line.lower() for line in door.screen_text()), f"{clock} online", door.screen_text
        )

    def verify(self, release: Release, *clocks: str) -> list[dict[str, Any]]:
        """What a release's verifier says of the whole flash of each clock: the summary of each. For the release before
        the sector with the clock's secrets is erased in the copy that it reads: that one knows keys alone there.
        """
        flashes = {name: self.flash(name) if release == present() else self._without_secrets(name) for name in clocks}
        verify = [
            ["journal", "verify", flashes[name], "--workshop", self.workshop, "--id", name, "--json"] for name in clocks
        ]
        told = [json.loads(line) for line in release.run(*verify, folder=self.folder).splitlines()]
        return [one for one in told if "next_seq" in one]

    def _without_secrets(self, clock: str) -> Path:
        seal = board_partitions()["seal"]
        image = bytearray(self.flash(clock).read_bytes())
        for at in range(seal.offset, seal.end, SECTOR_BYTES):
            if image[at : at + 4] == b"BCS1":
                image[at : at + SECTOR_BYTES] = b"\xff" * SECTOR_BYTES
        copy = self.folder / f"{clock}.without-secrets.bin"
        copy.write_bytes(image)
        return copy

    def add(self, release: Release, clock: str) -> None:
        """Add a clock that was founded to the bridge."""
        release.run(self._adding(clock), folder=self.folder)

    def wait_acknowledged(self, clock: str) -> None:
        """Return once a clock has kept in its flash that the bridge took every punch."""

        def unsent() -> int:
            return unsent_punches(self._partition(clock, "seal"), self._partition(clock, "journal"))

        wait_until(lambda: not unsent(), f"{clock} to keep that its punches were taken", unsent)

    def kept(self, clock: str, kind: Kind) -> list[Record]:
        """The records of a kind in a clock's flash, oldest first."""
        journal = self._partition(clock, "journal")
        slots = [journal[at : at + RECORD_BYTES] for at in range(0, len(journal), RECORD_BYTES) if at % SECTOR_BYTES]
        found = [record.unpack(slot) for slot in slots if slot[:2] == bytes((record.FORMAT, kind))]
        return sorted(found, key=lambda one: one.seq)

    def flash(self, clock: str) -> Path:
        """The image of a clock's whole flash."""
        return self.clocks[clock].folder / "flash.bin"

    def order(self, release: Release, clock: str, message_s: int) -> None:
        """Have a clock test itself, and then take a roster and other settings, by a release's commands and the bridge
        that runs; return when it has said that it did.
        """
        release.run(
            ["bridge", "clock", "order", clock, "self-test", "--reason", "an update", "--config", self.config],
            ["bridge", "clock", "settings", clock, f"message_s={message_s}", "--config", self.config],
            folder=self.folder,
        )

        def told() -> dict[str, Any]:
            return next(one for one in self.told("/api/clocks") if one["clock"] == clock)

        def has_all() -> bool:
            now = told()
            wanted = now["roster_version"], now["settings_version"]
            return all(wanted) and wanted == (now["roster_told"], now["settings_told"])

        wait_until(has_all, f"roster and settings of {clock}", told)

    def _partition(self, clock: str, label: str) -> bytes:
        part = board_partitions()[label]
        with self.flash(clock).open("rb") as image:
            image.seek(part.offset)
            return image.read(part.size)

    # --- setting up ---

    def _set_up(self) -> None:
        release = self._release
        release.run(
            ["ca", "init", self.workshop, *(["--without-passphrase"] if release == present() else [])],
            ["ca", "issue", "bridge", "--workshop", self.workshop],
            ["ca", "broker", "broker", "--workshop", self.workshop, "--port", str(self._ports["broker"])],
            folder=self.folder,
        )
        broker = [str(programs.mosquitto()), "-c", str(self.folder / "broker" / "mosquitto.conf")]
        self._start("the broker", broker, partial(port_answers, self._ports["broker"]))
        sandbox = present().command(
            *("sandbox", "run", "--port", str(self._ports["sandbox"]), "--store", self.folder / "sandbox.db"),
            *("--credentials", self._credentials, "--latency-ms", "100"),
        )
        self._start("the sandbox", sandbox, partial(self._serves, self._url("sandbox", "/control")))
        flags = ("--site", SITE, "--broker", f"localhost:{self._ports['broker']}")
        with ThreadPoolExecutor() as pool:
            for clock in self.clocks.values():
                clock.process.start()
            made = [pool.submit(self.provision, release, name, *flags) for name in self.clocks]
            for one in made:
                one.result()
        self._enroll()
        self.start_bridge(release)
        for name in self.clocks:
            self.wait_online(name)

    def _enroll(self) -> None:
        """The bridge's settings, and the office's lists, as the first release takes them."""
        (self.folder / "bridge").mkdir()
        self.config.write_text(
            f"""[store]
url = "{self.store}"
[broker]
host = "localhost"
port = {self._ports["broker"]}
ca = "{self.workshop / "ca.pem"}"
certificate = "{self.workshop / "bridge" / "certificate.pem"}"
key = "{self.workshop / "bridge" / "key.pem"}"
[secrets]
data_key_file = "data.key"
[authority]
endpoint = "{self._url("sandbox", "/PresenceRegistration/v1")}"
certificate = "{self._credentials / CLIENT_CERTIFICATE}"
key = "{self._credentials / CLIENT_KEY}"
service_certificate = "{self._credentials / SERVICE_CERTIFICATE}"
settle_s = 1
[http]
port = {self._ports["http"]}
"""
        )
        workers = [
            f"W-{number},Proef {number},{cast.check_digits(FIRST_SERIAL + number)},{cast.EMPLOYER_NUMBER}"
            for number in range(WORKERS)
        ]
        lists = {
            "employers": ["kbo,name", f"{cast.EMPLOYER_NUMBER},{cast.EMPLOYER_NAME}"],
            "sites": ["name,workplace,regime", f"{SITE},{WORKPLACE},construction"],
            "workers": ["reference,name,niss,employer", *workers],
            "badges": ["site,worker,uid", *(f"{SITE},W-{number},{uid}" for number, uid in enumerate(self.badges))],
        }
        for name, lines in lists.items():
            (self.folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
        config = ["--config", self.config]
        (key,) = (self.workshop / "sites").glob("*.key")
        self._release.run(
            ["bridge", "init", *config],
            ["bridge", "import", "employers.csv", "sites.csv", "workers.csv", *config],
            ["bridge", "site", "set", "--name", SITE, "--key", key, *config],
            ["bridge", "import", "badges.csv", *config],
            *map(self._adding, self.clocks),
            folder=self.folder,
        )

    def _adding(self, clock: str) -> list[str | Path]:
        bundle = self.workshop / "clocks" / clock / "bundle.json"
        return ["bridge", "clock", "add", bundle, "--site", SITE, "--config", self.config]

    def _start(self, name: str, command: list[str], ready: Callable[[], bool]) -> None:
        process = Process(name, command, self.folder / f"{name.rsplit(maxsplit=1)[-1]}.log", ready)
        self._processes.append(process)
        process.start()

    def _url(self, name: str, path: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}{path}"

    def _serves(self, url: str) -> bool:
        try:
            return not self.web.get(url).is_server_error
        except httpx.HTTPError:
            return False


class Clock:
    """A virtual board of this checkout, in its own folder, and the person before it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # A heap as it had when the last release was tested: in an ESP32's memory that one does not start.
        command = present().command("virtual", "run", "--dir", folder, "--heap", "160k")
        self.process = Process(folder.name, command, folder.with_suffix(".log"), (folder / "door.sock").is_socket)
        self.door = ClockControl(folder / "door.sock")


def wait_until(condition: Callable[[], bool], what: str, now: Callable[[], object] = lambda: "") -> None:
    """Return once `condition` holds; fail with `what` was awaited, and what there is `now`, otherwise."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE_S:.0f} s in vain for {what}; now {now()}"
        time.sleep(0.05)

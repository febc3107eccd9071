"""Provisioning: a virtual clock on its serial line, the real MicroPython and mpremote, the clock's own code."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import pty
import re
import select
import subprocess
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport
from tests.clock_names import translated
from tests.provisioned import NEW, PASSWORD, copied
from typer.testing import CliRunner

from badgeclock import partition_table
from badgeclock.badges.keys import Purpose, master
from badgeclock.bundle import Bundle
from badgeclock.cli import clock as clock_cli
from badgeclock.errors import DeviceNotFound, ProvisionError, SettingsError, VerifyMismatch
from badgeclock.protocol import seal
from badgeclock.protocol.record import Kind
from badgeclock.technician import firmware, image_kind, languages, ledger, on_device, provision, serial_device, workshop
from badgeclock.technician.claim import Holder
from badgeclock.technician.errors import DeviceError
from badgeclock.technician.ledger import Act, Ledger
from badgeclock.technician.provision import Broker, Chain, ChainState, DeviceState, Plan, Provisioned, RtcState, Wifi
from badgeclock.technician.sealed_flash import unsent_punches
from badgeclock.technician.serial_device import SerialDevice, open_device
from badgeclock.technician.workshop import Workshop
from badgeclock.toolchain.places import ROOT
from badgeclock.virtual.board import PARTITIONS, BoardOptions, Image, VirtualBoard

TABLE = partition_table.board_partitions()


@dataclass
class Bench:
    """A technician's desk: a virtual clock on a cable, and a workshop."""

    home: Path
    board: VirtualBoard
    shop: Workshop

    @property
    def port(self) -> str:
        return str(self.home / "clock" / "tty")

    def plan(self, **changes: object) -> Plan:
        """An update of clock-0001 that gives nothing but its id."""
        return replace(Plan(self.shop, "clock-0001", built()), **changes)  # type: ignore[arg-type]

    def provision(self, plan: Plan, say: Callable[[str], None] = lambda _: None) -> Provisioned:
        with open_device(self.port) as device:
            return provision.provision(device, plan, say)

    def partition(self, label: str) -> bytes:
        """The flash's content there."""
        return self.board.flash.read(TABLE[label].offset, TABLE[label].size)

    def bundle(self) -> Bundle:
        bundle = self.shop.bundle("clock-0001")
        assert bundle is not None
        return bundle


@functools.cache
def built() -> firmware.Firmware:
    """One build for all tests: a source file may change while they run."""
    return firmware.build()


# The same again elsewhere: for the long runs.
LONG = pytest.mark.torture

PUNCH = """
import app.record, app.sealed_log
stamp = app.record.Stamp()
stamp.utc_s = 1790000000
parts = bc_partitions()
log = app.sealed_log.SealedLog(parts["journal"], parts["seal"], "clock-0001", bytes(8))
log.open(1, stamp)
for n in range({count}):
    log.append(3, 1, b"token %02d" % n, bytes(8), stamp)
"""

ACKNOWLEDGE = """
log.ack(log.head)
while log.idle(stamp):
    pass
"""


@contextmanager
def bench(home: Path, options: BoardOptions | None = None) -> Iterator[Bench]:
    with VirtualBoard(home / "clock", options) as board:
        board.plug_in()
        shop = Workshop(home / "workshop") if (home / "workshop").exists() else workshop.create(home / "workshop")
        yield Bench(home, board, shop)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Bench]:
    """A chip that was flashed and nothing more."""
    with bench(tmp_path) as desk:
        yield desk


@pytest.fixture
def ready(provisioned: Path, tmp_path: Path) -> Iterator[Bench]:
    """A provisioned clock for one test alone, whose battery was never in."""
    with bench(copied(provisioned, tmp_path, battery=False)) as desk:
        yield desk


def punch(desk: Bench, count: int, then: str = "") -> None:
    """Have the clock's own code keep punches. Before the first come GENESIS and what the clock itself had the time to
    write before it was interrupted.
    """
    with open_device(desk.port) as device:
        device.run(on_device.INSPECT)
        device.run(translated(PUNCH.format(count=count) + then))


def wait_until_power_is_lost(desk: Bench) -> None:
    """A busy machine may come to the step of the cut after its caller gave up waiting for an answer."""
    deadline = time.monotonic() + 20
    while not any(event.get("why") == "cut" for event in desk.board.all_events(0)):
        assert time.monotonic() < deadline, "the cut never came"
        time.sleep(0.05)


def wait_until_it_takes_badges(desk: Bench) -> None:
    deadline = time.monotonic() + 20
    while "Hold your badge" not in desk.board.screen_text():
        assert time.monotonic() < deadline, desk.board.screen_text()
        time.sleep(0.05)


def inspect(desk: Bench) -> DeviceState:
    with open_device(desk.port) as device:
        return provision.inspect(device)


# --- the line ---

UART_REGISTERS = "import machine\nmachine.mem32 = {0x3FF40020: 0x0400001C, 0x3FF40014: 0x00A00008}"
"""An ESP32's state there at the prompt; the virtual board has no UART below its console."""


@contextmanager
def adapter(tty_path: str, fastest: int) -> Iterator[str]:
    """A serial adapter before a clock's line, whose bytes get lost at rates beyond `fastest`. Gives its port."""
    outer, port = pty.openpty()
    inner = os.open(tty_path, os.O_RDWR | os.O_NOCTTY)
    for line in (port, inner):
        tty.setraw(line)
    rates = {termios.B115200: 115200, termios.B230400: 230400, termios.B460800: 460800}
    over = threading.Event()

    def pump(source: int, target: int) -> None:
        while not over.is_set():
            if select.select([source], [], [], 0.05)[0]:
                data = os.read(source, 4096)
                if rates[termios.tcgetattr(port)[5]] <= fastest:
                    os.write(target, data)

    threads = [threading.Thread(target=pump, args=pair) for pair in ((outer, inner), (inner, outer))]
    for thread in threads:
        thread.start()
    try:
        yield os.ttyname(port)
    finally:
        over.set()
        for thread in threads:
            thread.join()
        for line in (outer, port, inner):
            os.close(line)


@pytest.mark.parametrize(
    ("fastest", "rate", "divider"), [(460800, 460800, 0x00A000AD), (230400, 230400, 0x0040015B), (115200, 115200, None)]
)
def test_the_line_gets_as_fast_as_its_adapter_allows_and_slow_again_at_the_end(
    ready: Bench, fastest: int, rate: int, divider: int | None
) -> None:
    said: list[str] = []
    with adapter(ready.port, fastest) as port:
        with open_device(port) as device:
            device.run(UART_REGISTERS)
            device.info = replace(device.info, platform="esp32", machine="Generic ESP32 module with ESP32")
            assert device.raise_rate(said.append) == rate
            registers = device.ask("print(json.dumps([machine.mem32[0x3FF40020], machine.mem32[0x3FF40014]]))")
            assert registers == ([0x0400001C, 0x00A00008] if divider is None else [0x0C00001C, divider])
            assert device.listing()["/main.py"]
        with open_device(port) as device:
            assert device.ask("print(1)") == 1
    assert len(said) == {460800: 1, 230400: 2, 115200: 2}[fastest]


def test_a_chip_that_a_broken_session_left_at_the_raised_rate_is_found_there(
    ready: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial_device, "ATTEMPTS", 4)
    asked: list[int] = []
    with adapter(ready.port, 460800) as port:
        transport = SerialTransport(port, baudrate=115200)
        entered = transport.enter_raw_repl

        def only_fast(*arguments: object, **options: object) -> None:
            asked.append(transport.serial.baudrate)
            if transport.serial.baudrate != 460800:
                raise TransportError("could not enter raw repl")
            entered(*arguments, **options)

        transport.enter_raw_repl = only_fast
        serial_device._enter_raw_repl(transport, port, lambda _: None)
        transport.close()
    assert asked == [115200, 115200, 460800]


@pytest.mark.parametrize("machine", ["Generic ESP32C3 module with ESP32C3", "linux [GCC 14.2.0] version"])
def test_a_chip_whose_registers_are_not_known_keeps_its_rate(ready: Bench, machine: str) -> None:
    said: list[str] = []
    with open_device(ready.port) as device:
        device.info = replace(device.info, platform="esp32", machine=machine)
        assert device.raise_rate(said.append) == 115200
    assert not said


def test_copying_code_in_place_shows_how_far_it_is(fresh: Bench) -> None:
    said: list[str] = []
    fresh.provision(fresh.plan(**NEW), said.append)
    size = len(fresh.plan().firmware.in_place(1 << 20)["/rom"])
    shown = [line for line in said if re.fullmatch(rf"/rom, \d+ of {size} bytes", line)]
    assert len(shown) == size // provision.PROGRESS_BYTES + 1
    assert shown[-1] == f"/rom, {size} of {size} bytes"


# --- a new clock ---


def test_a_fresh_chip_becomes_a_clock_and_a_second_run_changes_nothing(fresh: Bench) -> None:
    first = fresh.provision(fresh.plan(**NEW))
    assert first.chain is ChainState.FOUNDED
    assert first.rtc is RtcState.SET
    assert first.unchanged == 0
    assert {"/boot.py", "/main.py", "/rom", "/lang/fr.json", "/lang/nl.json"} < set(first.copied)
    assert not [path for path in first.copied if path.endswith(".mpy")]
    journal, keys, bundle = fresh.partition("journal"), fresh.partition("seal"), fresh.bundle()

    second = fresh.provision(fresh.plan())
    assert (second.chain, second.copied, second.removed, second.rtc) == (ChainState.KEPT, (), (), RtcState.KEPT)
    assert second.unchanged == len(first.copied)
    assert fresh.bundle() == bundle
    assert inspect(fresh).unsent_punches == 0
    assert journal[64:128] == fresh.partition("journal")[64:128]
    assert keys != b"\xff" * len(keys)


@LONG
def test_an_image_that_runs_nothing_in_place_gets_every_file(tmp_path: Path) -> None:
    with bench(tmp_path, BoardOptions(image=Image.STOCK)) as desk:
        first = desk.provision(desk.plan(**NEW))
        assert set(desk.plan().firmware.files) < set(first.copied)
        assert set(desk.partition("romfs")) == {0xFF}
        wait_until_it_takes_badges(desk)
        changed = next(path for path in sorted(first.copied) if path.startswith("/app/") and path.endswith(".mpy"))
        with open_device(desk.port) as device:
            device.put(changed, b"garbage")
            device.put("/app/seal.py", b"raise SystemExit")
            device.put("/old/deep/notes.txt", b"")
            device.remove("/lib/umqtt/simple.mpy")
        done = desk.provision(desk.plan())
        assert done.copied == (changed, "/lib/umqtt/simple.mpy", "/main.py")
        assert done.removed == ("/app/seal.py", "/old", "/old/deep", "/old/deep/notes.txt")
        assert desk.provision(desk.plan()).copied == ()


def test_a_site_whose_badges_prove_themselves_is_refused_on_the_official_image_before_anything_is_written(
    tmp_path: Path,
) -> None:
    with bench(tmp_path, BoardOptions(image=Image.STOCK)) as desk:
        with open_device(desk.port) as device:
            before = device.listing()
        said: list[str] = []
        with pytest.raises(ProvisionError, match=r"prove themselves \(badges=proved\).*clock flash.*--badges uid"):
            desk.provision(desk.plan(**NEW, badges="proved"), said.append)
        assert "will run: badges by their UID, to try a clock out. Will not run: badges that prove themselves" in said
        with open_device(desk.port) as device:
            assert device.listing() == before
        assert not desk.shop.pending_bundle("clock-0001")
        with pytest.raises(ProvisionError, match="badges=both"):
            desk.provision(desk.plan(**NEW, badges="both"))


def test_provisioning_says_what_will_run_before_it_writes(fresh: Bench) -> None:
    said: list[str] = []
    with pytest.raises(SettingsError, match="timezone must be"):
        fresh.provision(fresh.plan(**{**NEW, "timezone": "no-such-zone"}), said.append)
    told = [line for line in said if line.startswith(("image:", "will run:", "memory:", "/"))]
    assert told[:2] == list(image_kind.sentences(image_kind.Kind.OWN))
    memory = r"memory: \d+ bytes of MicroPython's heap in use, \d+ free; ESP-IDF has \d+ free, \d+ in one piece"
    assert re.fullmatch(memory, told[2])
    assert told[3].startswith("/")


def test_an_image_of_code_that_does_not_fit_is_refused(ready: Bench) -> None:
    huge = replace(built(), files={**built().files, "/app/huge.mpy": bytes(TABLE["romfs"].size)})
    before = ready.partition("romfs")
    with pytest.raises(ProvisionError, match=f"the clock's partition romfs {TABLE['romfs'].size}"):
        ready.provision(ready.plan(firmware=huge))
    assert ready.partition("romfs") == before


def test_a_module_with_16_mb_becomes_a_clock_with_room_for_192_528_records(tmp_path: Path) -> None:
    table = PARTITIONS.with_name("partitions-16mb.csv")
    with bench(tmp_path, BoardOptions(partitions=table)) as desk:
        assert desk.provision(desk.plan(**NEW)).chain is ChainState.FOUNDED
        punch(desk, 3)
        assert inspect(desk).sizes["journal"] == 3056 * 4096
        with open_device(desk.port) as device:
            device.run(on_device.INSPECT + translated(PUNCH.format(count=0)))
            assert device.ask("print([log.capacity, log.head])")[0] == 192_528
        journal = desk.board.flash.read(0x410000, 4096)
        assert journal[:4] == b"BCJ1"
        assert journal[64:66] == b"\x01\x01"


def test_what_lies_on_the_clock_is_what_was_sent(ready: Bench) -> None:
    there_shall_be = built()
    with open_device(ready.port) as device:
        there = {path: digest for path, digest in device.listing().items() if digest}
        settings = json.loads(device.read("/settings.json") or b"")
        secrets = provision.inspect(device).secrets
        assert device.read("/secrets.json") is None
    identity = ready.shop.clock("clock-0001")
    for path in ("/boot.py", "/main.py", "/firmware.json"):
        assert there[path] == sha256(there_shall_be.files[path]).hexdigest(), path
    image = there_shall_be.in_place(TABLE["romfs"].size)["/rom"]
    assert ready.partition("romfs")[: len(image)] == image
    assert there["/certs/clock.der"] == identity.fingerprint
    assert there["/certs/clock.key.der"] == sha256(identity.key_der).hexdigest()
    assert there["/certs/ca.der"] == ready.shop.authority().fingerprint
    assert settings == {
        "v": 1,
        "clock_id": "clock-0001",
        "site": "Demo site",
        "language": "en",
        "direction": "auto",
        "duplicate_window_s": 60,
        "broker": {"host": "localhost", "port": 8883},
        "wifi": {"ssid": "site"},
        "timezone": "Europe/Brussels",
        "heartbeat_s": 600,
        "message_s": 2,
        "volume": 3,
        "quiet_hours": "",
        "display": "ssd1306",
        "badges": "uid",
        "badge_ev1": "refuse",
        "direction_hours": 14,
        "ntp": "",
    }
    assert secrets == {
        "v": 1,
        "link_key": ready.bundle().link_key.hex(),
        "site_key": ready.shop.site_key("Demo site").hex(),
        "wifi_password": PASSWORD,
    }


def test_the_chain_opens_with_the_bundle_that_the_bridge_gets(ready: Bench) -> None:
    bundle = ready.bundle()
    founding = ready.shop.founding_secret("clock-0001", bundle.genesis_nonce)
    root = seal.clock_key(ready.shop.fleet_key(), "clock-0001", founding)
    no_secret = seal.clock_key(ready.shop.fleet_key(), "clock-0001")
    assert bundle.e0 != seal.first_epoch_key(no_secret, "clock-0001", bundle.genesis_nonce), "the fleet key alone"
    assert bundle.e0 == seal.first_epoch_key(root, "clock-0001", bundle.genesis_nonce)
    assert bundle.link_key == seal.link_key(root, "clock-0001", bundle.genesis_nonce)
    assert bundle.certificate_sha256 == ready.shop.clock("clock-0001").fingerprint
    state = seal.found("clock-0001", bundle.e0, bundle.genesis_nonce)
    record, _ = seal.advance(state, ready.partition("journal")[64:128])
    assert record.kind == Kind.GENESIS
    assert abs(record.utc_s - time.time()) < 3600


def test_the_first_key_is_nowhere_on_the_clock_and_no_secret_was_printed(provisioned: Path, ready: Bench) -> None:
    ready.provision(ready.plan(badges="both"))
    bundle = ready.bundle()
    everything = ready.board.flash.read(0, TABLE.flash_bytes)
    for form in (bundle.e0, bundle.e0.hex().encode()):
        assert form not in everything
    # Nor is any root, from which other clocks' keys, certificates or badges could be made.
    shop = ready.shop
    founding = shop.founding_secret("clock-0001", bundle.genesis_nonce)
    root = shop.badge_root("Demo site").secret
    writers = [master(root, purpose) for purpose in Purpose if purpose is not Purpose.READ]
    for key in (shop.fleet_key(), founding, root, *writers, shop.authority().key_der):
        for form in (key, key.hex().encode()):
            assert form not in everything
    printed = b"".join((home / "clock" / "console.log").read_bytes() for home in (provisioned, ready.home))
    identity, site_key = ready.shop.clock("clock-0001"), ready.shop.site_key("Demo site")
    for secret in (bundle.e0, bundle.link_key, site_key, identity.key_der, PASSWORD.encode()):
        assert secret not in printed
        assert secret.hex().encode() not in printed


def test_the_clocks_rtc_tells_this_machines_utc(ready: Bench) -> None:
    assert ready.provision(ready.plan()).rtc is RtcState.SET  # the copied clock's battery was never in
    with open_device(ready.port) as device:
        device.run(on_device.RTC)
        earliest = time.time()
        told = device.ask("bc_time()")
        assert earliest - provision.RTC_TOLERANCE_S - 1 < told < time.time() + provision.RTC_TOLERANCE_S + 1


def test_the_firmware_hash_is_over_every_file_of_the_firmware() -> None:
    built = firmware.build()
    code = {path: data for path, data in built.files.items() if path != firmware.MANIFEST_PATH}
    lines = sorted(f"{path} {sha256(data).hexdigest()}\n" for path, data in code.items())
    assert built.hash == sha256("".join(lines).encode()).digest()[:8].hex()
    assert json.loads(built.files[firmware.MANIFEST_PATH]) == {"hash": built.hash}
    changed = {**code, "/app/punch.mpy": b"x"}
    assert firmware.firmware_hash(changed) != built.hash


def test_a_board_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ProvisionError, match=r"board\.py is missing"):
        firmware.build("no_such_board")


# --- what stays on a clock ---


def test_an_update_keeps_the_chain_its_punches_and_what_was_not_given(ready: Bench) -> None:
    punch(ready, 3)
    bundle = ready.bundle()
    done = ready.provision(ready.plan(language="nl"))
    assert done.chain is ChainState.KEPT
    assert done.copied == ("/settings.json",)
    state = inspect(ready)
    assert state.unsent_punches == 3
    assert state.genesis_nonce == bundle.genesis_nonce
    assert state.settings is not None
    assert state.settings["language"] == "nl"
    assert state.settings["site"] == "Demo site"
    assert state.secrets is not None
    assert state.secrets["wifi_password"] == PASSWORD


def test_unacknowledged_punches_are_erased_only_when_their_exact_number_is_given(ready: Bench) -> None:
    punch(ready, 3)
    before = ready.bundle()
    for number in (None, 2, 4):
        with pytest.raises(ProvisionError, match=r"3 punches that no bridge has acknowledged.*--yes-lose 3"):
            ready.provision(ready.plan(chain=Chain.FOUND_ANEW, yes_lose=number))
        assert inspect(ready).unsent_punches == 3
        assert ready.bundle() == before
    done = ready.provision(ready.plan(chain=Chain.FOUND_ANEW, yes_lose=3))
    assert (done.chain, done.punches_lost) == (ChainState.FOUNDED, 3)
    state = inspect(ready)
    assert (state.unsent_punches, state.genesis_nonce) == (0, ready.bundle().genesis_nonce)
    assert ready.bundle().genesis_nonce != before.genesis_nonce
    older = ready.shop.clock_folder("clock-0001") / f"bundle.{before.genesis_nonce.hex()}.json"
    assert Bundle.from_json(older.read_bytes(), "older") == before


def test_acknowledged_punches_are_not_in_the_way_of_a_new_chain(ready: Bench) -> None:
    punch(ready, 70, then=ACKNOWLEDGE)
    punch(ready, 2)
    assert inspect(ready).unsent_punches == 2
    done = ready.provision(ready.plan(chain=Chain.FOUND_ANEW, yes_lose=2))
    assert done.punches_lost == 2


def test_the_flash_read_on_the_host_tells_the_same_number_of_punches(ready: Bench) -> None:
    punch(ready, 130, then=ACKNOWLEDGE.replace("log.head", "100"))  # only whole sectors bear the ack so far
    told = inspect(ready).unsent_punches
    assert told >= 132 - 63
    assert unsent_punches(ready.partition("seal"), ready.partition("journal")) == told


def test_punches_whose_keys_are_lost_are_not_erased_unasked(ready: Bench) -> None:
    punch(ready, 2)
    with open_device(ready.port) as device:
        device.run(on_device.INSPECT + "for n in range(4):\n bc_partitions()['seal'].ioctl(6, n)")
    with pytest.raises(ProvisionError, match="2 punches"):
        ready.provision(ready.plan())
    assert inspect(ready).unsent_punches == 2


def test_a_clock_of_another_workshop_or_id_is_left_alone_unless_told(ready: Bench, tmp_path: Path) -> None:
    other = workshop.create(tmp_path / "other")
    for plan in (ready.plan(workshop=other), ready.plan(clock_id="clock-0002")):
        with pytest.raises(
            ProvisionError, match="is the clock clock-0001; this workshop does not know its sealed chain"
        ):
            ready.provision(plan)
    done = ready.provision(ready.plan(**NEW, workshop=other, chain=Chain.FOUND_ANEW))
    assert done.chain is ChainState.FOUNDED
    bundle = other.bundle("clock-0001")
    assert bundle is not None
    assert inspect(ready).genesis_nonce == bundle.genesis_nonce


def test_another_site_keeps_the_chain_and_changes_key_and_bundle(ready: Bench) -> None:
    before = ready.bundle()
    done = ready.provision(ready.plan(site="Other site"))
    assert (done.chain, done.site) == (ChainState.KEPT, "Other site")
    assert ready.bundle() == replace(before, site="Other site")
    secrets = inspect(ready).secrets
    assert secrets is not None
    assert secrets["site_key"] == ready.shop.site_key("Other site").hex()


def test_a_renewed_certificate_and_a_second_authority_go_onto_the_clock_and_its_keys_and_punches_stay(
    ready: Bench,
) -> None:
    punch(ready, 3)
    before, shop = ready.bundle(), ready.shop
    shop.renew_clock("clock-0001")
    shop.begin_authority()
    coming = shop.authorities()[1]
    assert shop.clocks_without(coming) == ["clock-0001"]
    done = ready.provision(ready.plan())
    assert (done.chain, done.copied) == (
        ChainState.KEPT,
        ("/certs/ca.der", "/certs/clock.der", "/certs/clock.key.der"),
    )
    assert shop.clocks_without(coming) == []
    assert inspect(ready).unsent_punches == 3
    assert ready.bundle() == replace(before, certificate_sha256=shop.clock("clock-0001").fingerprint)
    with open_device(ready.port) as device:
        assert device.read("/certs/ca.der") == shop.trusted_der()


# --- failures ---


def test_the_read_master_of_the_sites_badges_is_on_the_clock_only_while_badges_prove_themselves(ready: Bench) -> None:
    def secrets() -> dict[str, object]:
        return dict(inspect(ready).secrets or {})

    assert "badge_key" not in secrets()
    ready.provision(ready.plan(badges="proved", badge_ev1="allow"))
    root = ready.shop.badge_root("Demo site").secret
    vectors = json.loads((ROOT / "tests" / "vectors" / "badges.json").read_text())
    assert master(bytes.fromhex(vectors["root"]), Purpose.READ).hex() == vectors["masters"]["read"]
    assert secrets()["badge_key"] == master(root, Purpose.READ).hex()
    assert (ready.shop.path / "sites" / "demo-site.badge.key").read_text() == root.hex() + "\n"
    everything = ready.board.flash.read(0, TABLE.flash_bytes)
    assert root not in everything
    assert root.hex().encode() not in everything
    before = secrets()
    ready.provision(ready.plan())
    assert secrets() == before, "what is not given stays"
    ready.provision(ready.plan(badges="uid"))
    assert "badge_key" not in secrets()


def test_another_site_key_comes_to_a_clock_at_its_next_visit_and_costs_it_neither_chain_nor_punch(ready: Bench) -> None:
    before = dict(inspect(ready).secrets or {})
    ready.shop.add_site_key("Demo site")
    done = ready.provision(ready.plan())
    assert done.chain is ChainState.KEPT
    after = dict(inspect(ready).secrets or {})
    assert after.pop("later_site_keys") == ready.shop.site_key("Demo site")[32:].hex()
    assert after == before, "the first key stays: every later token follows from its own"
    assert ready.provision(ready.plan()).copied == ()


def damage(bench: Bench, address: int) -> None:
    """Turn every bit of 16 bytes of the flash."""
    flash = bench.board.flash
    flash.write_image(address, bytes(byte ^ 0xFF for byte in flash.read(address, 16)))


def test_damaged_and_foreign_files_are_put_right(ready: Bench) -> None:
    with open_device(ready.port) as device:
        device.put("/app/record.mpy", b"garbage that would be imported in place of the image's")
        device.put("/old/deep/notes.txt", b"")
        device.put("/webrepl_cfg.py", b"PASS = 'x'")
    image = TABLE["romfs"].offset
    damage(ready, image + 5000)
    done = ready.provision(ready.plan())
    assert done.copied == ("/main.py", "/rom")
    assert done.removed == ("/app", "/app/record.mpy", "/old", "/old/deep", "/old/deep/notes.txt", "/webrepl_cfg.py")
    assert ready.provision(ready.plan()).copied == ()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"language": "xx"}, "language must be one of"),
        ({"site": "two\nlines"}, "site must be a text of 1 to 40 printable characters"),
        ({"direction": "sideways"}, "direction must be one of auto, in, out"),
        ({"timezone": "Mars/Olympus"}, "timezone must be one of"),
        ({"badges": "some"}, "badges must be one of uid, both, proved"),
        ({"badge_ev1": "perhaps"}, "badge_ev1 must be one of refuse, allow"),
    ],
)
def test_the_clocks_own_code_refuses_bad_settings_before_they_replace_good_ones(
    ready: Bench, changes: dict[str, object], sentence: str
) -> None:
    before = inspect(ready)
    with pytest.raises(SettingsError, match=sentence):
        ready.provision(ready.plan(**changes))
    assert inspect(ready) == before


@pytest.mark.parametrize(
    "password", ["", "12345678", "x" * 63, "pass word ~!", "0123456789abcdefABCDEF" + "0" * 42], ids=len
)
@pytest.mark.parametrize("ssid", ["x", "Jan\u2019s iPhone", "Chantier d'Été", "é" * 16])
def test_a_network_is_what_an_access_point_can_have(ssid: str, password: str) -> None:
    assert Wifi(ssid, password).ssid == ssid


@pytest.mark.parametrize("password", ["1234567", "x" * 64, "0" * 65, "Été 2026!", "eight\tgo"])
def test_a_password_that_no_access_point_has_is_refused_and_never_quoted(password: str) -> None:
    with pytest.raises(SettingsError, match="no Wi-Fi password") as refused:
        Wifi("site", password)
    assert password not in str(refused.value)
    assert f"{len(password)} characters" in str(refused.value)


@pytest.mark.parametrize("ssid", ["", "x" * 33, "é" * 17])
def test_a_network_name_that_no_access_point_has_is_refused(ssid: str) -> None:
    with pytest.raises(SettingsError, match="1 to 32 bytes"):
        Wifi(ssid)


def test_a_language_of_the_sites_own_is_judged_by_the_clock_and_stays_with_it(ready: Bench, tmp_path: Path) -> None:
    polish = tmp_path / "pl.json"
    polish.write_text('{"kept": "far more than sixteen letters"}')
    with pytest.raises(SettingsError, match=r"lang/pl\.json: kept must be a text of at most 16"):
        ready.provision(ready.plan(language="pl", language_files=languages.read([polish])))
    polish.write_text('{"kept": "Zapisano tu"}')
    done = ready.provision(ready.plan(language="pl", language_files=languages.read([polish])))
    assert done.copied == ("/lang/pl.json", "/settings.json")
    again = ready.provision(ready.plan())
    assert (again.copied, again.removed) == ((), ())
    assert ready.provision(ready.plan(language="nl")).copied == ("/settings.json",)
    assert ready.provision(ready.plan(language="pl")).copied == ("/settings.json",)


def test_a_clock_gets_a_further_language_and_the_letters_that_it_needs_and_no_others(ready: Bench) -> None:
    said: list[str] = []
    done = ready.provision(ready.plan(language="pl", site="École de Łódź"), say=said.append)
    assert {"/lang/pl.json", "/lang/letters.bin"} < set(done.copied)
    assert "/lang/pl.json: not yet read by a native speaker" in said
    polish = languages.further()["/lang/pl.json"]
    with open_device(ready.port) as device:
        listing = device.listing()
    for path, data in (("pl.json", polish), ("letters.bin", languages.letters(["École de Łódź"], [polish]))):
        assert listing[f"/lang/{path}"] == hashlib.sha256(data).hexdigest()
    assert ready.provision(ready.plan()).copied == (), "both stay as they are"
    done = ready.provision(ready.plan(language="fr", site="Straße 7"))
    assert "/lang/letters.bin" not in done.removed, "the Polish file is still there, for workers"


def test_a_site_that_has_the_letters_of_every_clock_has_no_file_of_letters(ready: Bench) -> None:
    assert "/lang/letters.bin" in ready.provision(ready.plan(site="Łódź")).copied
    done = ready.provision(ready.plan(site="Chantier d\u2019été, Gießen"))
    assert done.removed == ("/lang/letters.bin",)


def test_firmware_for_another_display_than_the_clocks_is_refused_unless_the_display_was_said(fresh: Bench) -> None:
    other = replace(built(), display="st7789")
    found = inspect(fresh)
    assert found.settings is None
    provision.check_display(fresh.plan(), found)
    provision.check_display(fresh.plan(firmware=other, display="st7789"), found)
    has = replace(found, settings={"display": "st7789"})
    provision.check_display(fresh.plan(firmware=other), has)
    with pytest.raises(ProvisionError, match=r"has the display st7789.*--display st7789"):
        provision.check_display(fresh.plan(), has)


@pytest.mark.parametrize("name", ["english.txt", "en.json", "PL.json", "p.json"])
def test_a_language_file_has_the_name_of_a_language(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(SettingsError, match="has no language's name"):
        languages.read([tmp_path / name])


def test_a_language_file_is_there_and_small_enough_for_the_clock(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        languages.read([tmp_path / "pl.json"])
    (tmp_path / "pl.json").write_text(" " * 4097)
    with pytest.raises(SettingsError, match="longer than 4096"):
        languages.read([tmp_path / "pl.json"])


def test_a_new_clock_needs_its_site_and_its_broker(fresh: Bench) -> None:
    with pytest.raises(SettingsError, match=r"site of clock-0001 is not known yet.*--site"):
        fresh.provision(fresh.plan(broker=Broker("localhost")))
    with pytest.raises(SettingsError, match="--broker"):
        fresh.provision(fresh.plan(site="Demo site"))


@pytest.mark.parametrize("line", [pytest.param("/rom", marks=LONG), "founding", "secrets,"])
def test_a_run_that_breaks_off_anywhere_is_finished_by_the_next_one(fresh: Bench, line: str) -> None:
    class Unplugged(Exception):
        """The technician's machine went away."""

    def unplug(said: str) -> None:
        if said.startswith(line):
            raise Unplugged

    with pytest.raises(Unplugged):
        fresh.provision(fresh.plan(**NEW), unplug)
    done = fresh.provision(fresh.plan(**NEW))
    state = inspect(fresh)
    assert state.has_live_key
    assert state.genesis_nonce == fresh.bundle().genesis_nonce
    assert done.chain is (ChainState.KEPT if line == "secrets," else ChainState.FOUNDED)
    assert fresh.provision(fresh.plan()).copied == ()


@pytest.fixture
def second(ready: Bench, tmp_path: Path) -> Iterator[Bench]:
    """Another chip, blank, at the desk of the clock that is ready: the same workshop."""
    with VirtualBoard(tmp_path / "second" / "clock") as board:
        board.plug_in()
        yield Bench(tmp_path / "second", board, ready.shop)


def lines(shop: Workshop) -> list[tuple[str, str, str]]:
    return [(entry.id, entry.act, entry.chip) for entry in Ledger(shop.path).entries()]


def chip(desk: Bench) -> str:
    with open_device(desk.port) as device:
        return provision.identify(device).serial


def test_an_id_belongs_to_one_chip_until_it_is_replaced_and_a_refused_run_leaves_nothing(
    ready: Bench, second: Bench
) -> None:
    bundle, first = ready.bundle(), ready.shop.clock("clock-0001")
    before = {path: path.read_bytes() for path in ready.shop.path.rglob("*") if path.is_file()}
    (entry,) = Ledger(ready.shop.path).entries()
    assert (entry.id, entry.act, entry.chain) == ("clock-0001", Act.PROVISIONED, bundle.genesis_nonce.hex())
    assert (entry.firmware, entry.mac.replace(":", "")) == (built().hash, entry.chip)
    plan = second.plan(**{**NEW, "site": "A site that nobody has"})
    with pytest.raises(ProvisionError, match=rf"clock-0001 is chip {chip(ready)} already, since .*--replace"):
        second.provision(plan)
    assert {path: path.read_bytes() for path in ready.shop.path.rglob("*") if path.is_file()} == before
    assert inspect(second).settings is None

    said: list[str] = []
    done = second.provision(replace(plan, holder=Holder.REPLACE), said.append)
    assert (done.chain, done.replaced) == (ChainState.FOUNDED, chip(ready))
    assert any("its certificate is revoked" in line and "stays in its flash" in line for line in said)
    assert first.certificate.serial_number in ready.shop.revoked()
    assert ready.shop.clock("clock-0001").fingerprint != first.fingerprint
    assert ready.shop.clock("clock-0001").certificate.serial_number not in ready.shop.revoked()
    assert (ready.shop.clock_folder("clock-0001") / f"bundle.{bundle.genesis_nonce.hex()}.json").exists()
    one, other = chip(ready), chip(second)
    assert lines(ready.shop) == [
        ("clock-0001", "provisioned", one),
        ("clock-0001", "replaced", one),
        ("clock-0001", "provisioned", other),
    ]
    assert second.provision(second.plan()).copied == ()  # it is the clock now, without another word
    with pytest.raises(ProvisionError, match="does not know its sealed chain"):
        ready.provision(ready.plan())


def test_a_workshop_of_before_the_ledger_knows_a_clock_by_its_chain(ready: Bench, second: Bench) -> None:
    (ready.shop.path / ledger.NAME).unlink()
    with pytest.raises(ProvisionError, match="another chip already, which was provisioned before"):
        second.provision(second.plan(**NEW))
    assert ready.provision(ready.plan()).copied == ()
    assert lines(ready.shop) == [("clock-0001", "provisioned", chip(ready))]


def test_a_run_that_the_clock_refuses_leaves_no_key_of_a_site_and_no_certificate(fresh: Bench) -> None:
    with pytest.raises(SettingsError, match="timezone must be"):
        fresh.provision(fresh.plan(**{**NEW, "timezone": "no-such-zone"}, badges="proved"))
    assert not list((fresh.shop.path / "sites").iterdir())
    assert not list((fresh.shop.path / "clocks").iterdir())
    assert not (fresh.shop.path / ledger.NAME).exists()


def test_a_chain_that_was_founded_but_not_confirmed_is_taken_up(ready: Bench) -> None:
    folder = ready.shop.clock_folder("clock-0001")
    (folder / "bundle.json").rename(folder / "bundle.pending.json")
    assert ready.provision(ready.plan()).chain is ChainState.KEPT
    assert inspect(ready).genesis_nonce == ready.bundle().genesis_nonce
    assert ready.shop.pending_bundle("clock-0001") is None


@pytest.mark.parametrize("steps", [pytest.param(0, marks=LONG), 100, pytest.param(250, marks=LONG)])
def test_power_lost_while_the_chain_is_founded_leaves_a_clock_that_can_be_founded(
    ready: Bench, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(said: str) -> None:
        if said == "founding the sealed chain":
            monkeypatch.setattr(serial_device, "ANSWER_TIMEOUT_S", 3.0)  # nothing will answer
            ready.board.cut_after(steps)

    # Only GENESIS is there, so nothing but this run's own bytes is programmed or erased before the cut.
    with pytest.raises((DeviceNotFound, ProvisionError)):
        ready.provision(ready.plan(chain=Chain.FOUND_ANEW), cut)
    monkeypatch.undo()
    wait_until_power_is_lost(ready)
    ready.board.plug_in()
    ready.provision(ready.plan(chain=Chain.FOUND_ANEW))
    state = inspect(ready)
    assert state.has_live_key
    assert state.genesis_nonce == ready.bundle().genesis_nonce


@pytest.mark.parametrize("cut_bytes", [pytest.param(0, marks=LONG), 20_000])
def test_power_lost_while_the_code_is_written_leaves_a_clock_that_waits(
    ready: Bench, cut_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(said: str) -> None:
        if re.fullmatch(r"/rom, \d+ bytes", said):
            monkeypatch.setattr(serial_device, "ANSWER_TIMEOUT_S", 3.0)  # nothing will answer
            ready.board.cut_after(cut_bytes)

    damage(ready, TABLE["romfs"].offset + 5000)
    with pytest.raises((DeviceNotFound, ProvisionError)):
        ready.provision(ready.plan(), cut)
    monkeypatch.undo()
    wait_until_power_is_lost(ready)
    ready.board.plug_in()
    if cut_bytes:  # after the first erase
        assert ready.partition("romfs")[:4096] == b"\xff" * 4096, "half an image has a header that mounts it"
    with open_device(ready.port) as device:
        assert "/main.py" not in device.listing(), "half an image must not start"
        if cut_bytes:
            assert device.ask("print(json.dumps([entry[0] for entry in os.ilistdir('/') if entry[0] == 'rom']))") == []
    assert ready.provision(ready.plan()).copied == ("/main.py", "/rom")


@pytest.mark.parametrize("block", [0, 9])
def test_code_that_the_flash_does_not_keep_is_noticed_and_never_mounted(ready: Bench, block: int) -> None:
    with open_device(ready.port) as device:
        image = built().in_place(device.rom_bytes())["/rom"]
        device.run(
            "bc_kept = bc_rom_write\n"
            "def bc_rom_write(block, text):\n"
            f"    bc_kept(block, text if block != {block} else binascii.b2a_base64(bytes(4096)))\n"
        )
        with pytest.raises(VerifyMismatch, match="code in place reads back with another SHA-256"):
            device.put_rom(image)
        assert ready.partition("romfs")[:4096] == b"\xff" * 4096
    with open_device(ready.port) as device:
        assert device.ask("print(json.dumps([entry[0] for entry in os.ilistdir('/') if entry[0] == 'rom']))") == []
    assert "/rom" in ready.provision(ready.plan()).copied


def test_code_that_the_chip_would_run_in_another_form_than_it_was_written_is_not_mounted(ready: Bench) -> None:
    """A cache that was not flushed shows the old content; a read of the partition shows the new one."""
    with open_device(ready.port) as device:
        image = built().in_place(device.rom_bytes())["/rom"]
        device.run("def bc_rom_mapped():\n return memoryview(bytes(4096))\n")
        with pytest.raises(VerifyMismatch, match="code in place"):
            device.put_rom(image)
        assert ready.partition("romfs")[:4096] == b"\xff" * 4096


def test_founding_and_reading_a_large_journal_give_a_sign_of_life_every_64_sectors(tmp_path: Path) -> None:
    """A session ends on a line that is silent for 20 s; 3,056 blank sectors alone take a chip 11 s."""
    table = PARTITIONS.with_name("partitions-16mb.csv")
    with bench(tmp_path, BoardOptions(partitions=table)) as large, open_device(large.port) as device:
        device.run(on_device.INSPECT)
        assert device.run("bc_inspect()").count(".\r\n") == 3056 // 64
        device.run(on_device.EMPTY)
        assert device.run("bc_empty(bc_partitions()['journal'])").count(".") == 3056 // 64


def test_a_file_that_the_flash_does_not_keep_is_noticed_and_the_old_one_stays(ready: Bench) -> None:
    with open_device(ready.port) as device:
        before = device.read("/settings.json")
        device.run("bc_write = lambda text: bc_file.write(b'other bytes')")
        with pytest.raises(VerifyMismatch, match="another SHA-256"):
            device.put("/settings.json", b'{"v": 1}')
        assert device.read("/settings.json") == before


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({}, "has no partition vfs, roster, seal, journal"),
        ({"nvs": 0x6000, "vfs": 0x200000}, "has no partition roster, seal, journal"),
        ({"vfs": 0x200000, "roster": 0x1A000, "seal": 0x4000, "journal": 0x150000}, "has vfs in another size"),
    ],
)
def test_a_chip_with_another_partition_table_is_refused(sizes: dict[str, int], told: str) -> None:
    with pytest.raises(ProvisionError, match=f"the chip {told}.*badgeclock clock flash"):
        provision.check_partitions(sizes)


@pytest.mark.parametrize("text", ["", ":8883", "host:", "host:x", "host:0", "host:65536", "host:1:2"])
def test_what_is_no_broker_address_is_refused(text: str) -> None:
    if text == "host:":
        assert Broker.parse(text) == Broker("host", 8883)
        return
    with pytest.raises(SettingsError, match="is no broker address"):
        Broker.parse(text)


# --- the line ---


def test_a_port_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(DeviceNotFound, match="there is no port /dev/no-such-port"), open_device("/dev/no-such-port"):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open every port")
def test_a_port_one_may_not_open_ends_with_the_command_that_helps(tmp_path: Path) -> None:
    port = tmp_path / "port"
    port.touch(mode=0)
    with pytest.raises(DeviceNotFound, match="usermod -aG dialout"), open_device(str(port)):
        pass


@contextmanager
def held(port: str) -> Iterator[subprocess.Popen[str]]:
    """A program that has the port open until its input ends."""
    script = (
        "import fcntl, os, sys\n"
        "line = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)\n"
        "fcntl.flock(line, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, port]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as terminal:
        assert terminal.stdout is not None
        assert terminal.stdout.readline() == "held\n"
        yield terminal


def test_a_port_that_another_program_holds_is_answered_with_its_name(ready: Bench) -> None:
    with held(ready.port) as terminal:
        expected = rf"another program holds .*: python[^ ]* \({terminal.pid}\)"
        with pytest.raises(DeviceNotFound, match=expected), open_device(ready.port):
            pass
        terminal.communicate("")
    assert inspect(ready).has_live_key


def test_a_port_that_another_program_lets_go_of_soon_is_waited_for(ready: Bench) -> None:
    with held(ready.port) as terminal:
        release = threading.Timer(0.5, terminal.kill)
        release.start()
        assert inspect(ready).has_live_key
        release.join()


@contextmanager
def line_that_says(text: bytes) -> Iterator[str]:
    """A serial line on which something else than MicroPython talks; it answers `text` to every input."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)

    def talk() -> None:
        try:
            while os.read(ours, 100):
                if text:
                    os.write(ours, text)
        except OSError:
            pass

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        os.close(theirs)
        thread.join(5)
        os.close(ours)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "nothing answers"),
        (b"login: ", "something answers, but no MicroPython prompt"),
        (b"invalid header: 0xffffffff\r\n", "has no firmware to start.*badgeclock clock flash"),
    ],
)
def test_what_is_no_micropython_is_told_apart(text: bytes, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_device, "ATTEMPTS", 1)
    monkeypatch.setattr(serial_device, "ANSWER_TIMEOUT_S", 1.0)
    with line_that_says(text) as port, pytest.raises(DeviceNotFound, match=sentence), open_device(port):
        pass


def test_an_older_micropython_is_refused(ready: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_device, "OLDEST_MICROPYTHON", (1, 99, 0))
    with pytest.raises(ProvisionError, match=r"runs micropython 1\.\d+\.\d+; a clock needs"), open_device(ready.port):
        pass


def test_a_traceback_of_the_device_becomes_its_last_line(ready: Bench) -> None:
    with open_device(ready.port) as device, pytest.raises(DeviceError, match="ValueError: no such badge"):
        device.run("raise ValueError('no such badge')")


def test_a_clock_that_runs_is_interrupted_and_started_again(ready: Bench) -> None:
    assert isinstance(ready.provision(ready.plan()), Provisioned)
    boots = ready.board.stats()["boots"]
    with open_device(ready.port) as device:
        assert isinstance(device, SerialDevice)
        device.restart()
    deadline = time.monotonic() + 30
    while ready.board.stats()["boots"] <= boots + 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)


# --- the command ---


def test_the_command_prints_one_json_object_and_talks_on_standard_error(fresh: Bench) -> None:
    (fresh.home / "wifi.txt").write_text(PASSWORD + "\nsecond line\n")
    command = ["provision", fresh.port, "--workshop", str(fresh.shop.path), "--id", "clock-0001", "--json"]
    first = CliRunner().invoke(
        clock_cli.app,
        [
            *command,
            *("--site", "Demo site", "--broker", "localhost:8883"),
            *("--wifi-ssid", "site", "--wifi-password-file", str(fresh.home / "wifi.txt")),
        ],
    )
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout)["chain"] == "founded"
    assert PASSWORD not in first.output
    assert "verifying" in first.stderr
    second = CliRunner().invoke(clock_cli.app, command)
    told = json.loads(second.stdout)
    assert (told["chain"], told["copied"], told["punches_lost"]) == ("kept", [], 0)

"""A clock's display during faults: nearly full, full, no seal, stopped, retired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from badgeclock.partition_table import board_partitions
from badgeclock.technician import on_device, workshop
from badgeclock.technician.serial_device import open_device
from badgeclock.virtual.accesspoint import Network
from badgeclock.virtual.board import ResetCause, VirtualBoard
from badgeclock.virtual.control_socket import ClockControl, ControlServer
from tests.clock_names import translated
from tests.provisioned import copied
from tests.system import flash_image

pytestmark = pytest.mark.timeout(180)

CLOCK_ID = "clock-0001"
JOURNAL, SEAL = board_partitions()["journal"], board_partitions()["seal"]
SECTORS = JOURNAL.size // flash_image.SECTOR_BYTES
KEYS_BYTES = SEAL.size - flash_image.SECTOR_BYTES
"""Of the seal's partition: in its last sector a new clock has its secrets."""
CAPACITY = SECTORS * flash_image.RECORDS_A_SECTOR
PATIENCE_S = 60.0
STOPPED_MS, SESSION_MS = 45_000, 900_000

END = f"""
import app.record, app.sealed_log
parts = bc_partitions()
log = app.sealed_log.SealedLog(parts["journal"], parts["seal"], {CLOCK_ID!r}, bytes(8))
log.open(0, app.record.Stamp())
log.retire(app.record.Stamp())
"""
"""RETIRE, which no bridge has acknowledged: so the clock still has its secrets."""


@dataclass
class Site:
    """A provisioned clock without a network, and the workshop's files of it."""

    board: VirtualBoard
    control: ClockControl
    shop: workshop.Workshop

    def start_with(self, head: int) -> None:
        """Power on with so many records in the flash, none acknowledged."""
        bundle = self.shop.bundle(CLOCK_ID)
        assert bundle is not None
        journal, seal = flash_image.partitions(bundle, SECTORS, head)
        self.control.plug_out()
        self.board.flash.write_image(JOURNAL.offset, journal)
        self.board.flash.write_image(SEAL.offset, seal[:KEYS_BYTES])
        before = int(self.control.events()[-1]["id"]) if self.control.events() else 0
        self.control.plug_in()
        self.control.wait_event("display", after=before, timeout=PATIENCE_S)

    def tap(self, uid: str, *texts: str) -> int:
        """Tap a badge and wait until the display has shown these texts; the tap's id."""
        tap = self.control.tap(uid)
        self.control.wait_text(*texts, timeout=PATIENCE_S, after=tap.id)
        return tap.id


@pytest.fixture(scope="module")
def installed(provisioned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = copied(provisioned, tmp_path_factory.mktemp("standing"))
    with VirtualBoard(home / "clock") as board:
        board.set_network(Network.DOWN)
        server = ControlServer(board)
        try:
            with ClockControl(home / "clock") as control:
                yield Site(board, control, workshop.open_workshop(home / "workshop"))
        finally:
            server.close()


@pytest.fixture
def site(installed: Site) -> Iterator[Site]:
    """The same, without power, until a test starts it; nothing is at the reader."""
    installed.control.remove()
    yield installed
    installed.control.remove()
    installed.control.plug_out()


def long_tone(control: ClockControl, after: int) -> bool:
    """Whether the one long tone of "not kept" sounded."""
    tones = [event for event in control.events(after) if event["kind"] == "tone_on"]
    return [round(float(event["freq"])) for event in tones] == [180]


def turn_to(control: ClockControl, *texts: str) -> None:
    """Turn to the technician's next page, which must have these texts."""
    control.wait_text(*texts, timeout=PATIENCE_S, after=control.press("info", 100))


def test_a_clock_that_is_four_fifths_full_warns_and_keeps_punches(site: Site) -> None:
    site.start_with(CAPACITY * 4 // 5)
    site.control.wait_text("Hold your badge", "Memory 80% full", timeout=PATIENCE_S)
    site.tap("a1a2a3a4", "IN", "Saved here", "Wrong? Press key")  # a badge it may have forgotten


def test_a_full_clock_says_so_all_the_time_and_refuses_with_the_tone_for_not_kept(site: Site) -> None:
    site.start_with(CAPACITY - 2)
    site.control.wait_text("Memory full", "Not saved", timeout=PATIENCE_S)
    tap = site.control.tap("b1b2b3b4")
    site.control.signal_after(tap, PATIENCE_S)
    assert long_tone(site.control, tap.id)
    site.control.wait_text("Memory full", "Not saved", timeout=PATIENCE_S)


def test_a_clock_whose_key_is_gone_shows_a_standing_fault_and_keeps_punches(site: Site) -> None:
    site.start_with(40)
    site.control.wait_text("Hold your badge", timeout=PATIENCE_S)
    site.control.plug_out()
    site.board.flash.write_image(SEAL.offset, b"\xff" * KEYS_BYTES)
    site.control.plug_in()
    site.control.wait_text("Hold your badge", "Fault: no seal", timeout=PATIENCE_S)
    tap = site.tap("c1c2c3c4", "IN", "sent later")
    site.control.wait_text("Hold your badge", "Fault: no seal", timeout=PATIENCE_S, after=tap)


def test_a_technician_reads_the_facts_on_the_display_and_a_badge_cuts_them_short(site: Site) -> None:
    site.start_with(40)
    control = site.control
    control.wait_text("Hold your badge", timeout=PATIENCE_S)
    control.set_temperature(-12.5)
    for key in ("in", "out"):
        control.press(key, 4000)
    control.wait_text("1/4 Clock", "reset power", timeout=PATIENCE_S)
    turn_to(control, "2/4 Records", "unsent 4", "sealed yes")
    turn_to(control, "3/4 Network", "signal none", "certificate till")
    turn_to(control, "4/4 Parts", "reader 92", "temp. -13 C")
    tap = control.tap("e1e2e3e4", 300)
    control.wait_event("selected", after=tap.id, timeout=PATIENCE_S)
    control.wait_text("sent later", timeout=PATIENCE_S, after=tap.id)
    control.wait_text("Hold your badge", timeout=PATIENCE_S)
    assert "no pages" not in (site.board.home / "console.log").read_text(errors="replace")


def test_a_stray_interrupt_on_the_serial_line_shows_at_once_and_the_clock_is_back_by_itself(site: Site) -> None:
    site.start_with(40)
    control = site.control
    control.wait_text("Hold your badge", timeout=PATIENCE_S)
    with Path(control.tty()).open("wb", buffering=0) as line:
        line.write(b"\x03")
        control.wait_text("No punches now", "Stopped on the", timeout=PATIENCE_S)
    assert control.stats()["watchdog_ms"] == STOPPED_MS
    before = int(control.events()[-1]["id"])
    site.board.watchdog_bites()
    assert control.wait_event("started", after=before, timeout=PATIENCE_S)["cause"] == ResetCause.WATCHDOG
    control.wait_text("Hold your badge", timeout=PATIENCE_S)
    with open_device(control.tty()) as device:
        assert control.stats()["watchdog_ms"] == SESSION_MS, "a session is given its time"
        device.restart()
    control.wait_text("Hold your badge", timeout=PATIENCE_S)


def test_a_retired_clock_says_so_in_place_of_the_idle_screen_and_keeps_nothing(site: Site) -> None:
    site.start_with(40)
    site.control.wait_text("Hold your badge", timeout=PATIENCE_S)
    with open_device(site.control.tty()) as device:
        device.run(on_device.INSPECT)
        device.run(translated(END))
        device.restart()
    site.control.wait_text("Clock retired", "Not saved", timeout=PATIENCE_S)
    before = site.board.flash.read(JOURNAL.offset, JOURNAL.size)
    tap = site.control.tap("d1d2d3d4")
    site.control.signal_after(tap, PATIENCE_S)
    assert long_tone(site.control, tap.id)
    site.control.wait_text("Clock retired", timeout=PATIENCE_S)
    assert site.board.flash.read(JOURNAL.offset, JOURNAL.size) == before

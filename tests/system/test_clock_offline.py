"""A clock that never saw a network: provisioned by copying files over its serial line, it keeps punches, shows and
sounds them, survives a pulled plug, and keeps its state.

The firmware is the same as on an ESP32, on the virtual board's chips at register level.
"""

from __future__ import annotations

import re
import time
from binascii import b2a_base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from badgeclock.partition_table import board_partitions
from badgeclock.protocol import record
from badgeclock.protocol.record import Direction, Flag, Kind, Origin, Record, Source
from badgeclock.technician import on_device, provision, reader
from badgeclock.technician.serial_device import open_device
from badgeclock.toolchain.places import ROOT
from badgeclock.virtual.accesspoint import Network
from badgeclock.virtual.board import VirtualBoard
from badgeclock.virtual.control_socket import ClockControl, ControlServer, TapResult
from tests.provisioned import copied

PATIENCE_S = 120.0
SECTOR_BYTES, RECORDS_A_SECTOR = 4096, 63
WORKER, COLLEAGUE, STRANGER = "deadbeef", "04a3c652117f80", "04112233445566778099"


@pytest.fixture(scope="module")
def offline(provisioned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClockControl]:
    """The control of a provisioned clock whose network is down, and which may query a host for the time."""
    home = copied(provisioned, tmp_path_factory.mktemp("offline"))
    with VirtualBoard(home / "clock") as board:
        board.set_network(Network.DOWN)
        board.plug_in()
        with open_device(board.console.path) as device:
            settings = device.read("/settings.json")
            assert settings is not None
            device.put("/settings.json", settings.replace(b'"ntp": ""', b'"ntp": "localhost"'))
            device.restart()
        server = ControlServer(board)
        try:
            with ClockControl(home / "clock") as control:
                wait_for_idle(control)
                yield control
        finally:
            server.close()


@pytest.fixture
def clock(offline: ClockControl) -> Iterator[ClockControl]:
    """The same, idle; after a test its cards, faults and cables are restored."""
    wait_for_idle(offline)
    yield offline
    offline.remove()
    offline.mend_wires()
    offline.close_case()
    offline.network_down()
    offline.plug_in()


@pytest.fixture
def timeless(clock: ClockControl) -> Iterator[ClockControl]:
    """The same clock without a time, until the test is over."""
    clock.rtc_battery_empty()
    restart(clock)
    yield clock
    clock.set_rtc(time.time())
    restart(clock)


def journal(control: ClockControl) -> list[Record]:
    """Every record in the flash, straight from the image."""
    image = Path(control.path).parent / "flash.bin"
    part = board_partitions()["journal"]
    flash = image.read_bytes()[part.offset : part.offset + part.size]
    found = []
    for sector in range(0, len(flash), SECTOR_BYTES):
        for slot in range(1, RECORDS_A_SECTOR + 1):
            raw = flash[sector + 64 * slot : sector + 64 * slot + 64]
            if raw[0] == 1:
                found.append(record.unpack(raw))
    return sorted(found, key=lambda entry: entry.seq)


def punches(control: ClockControl) -> list[Record]:
    return [entry for entry in journal(control) if entry.kind == Kind.PUNCH]


def tones(control: ClockControl, tap: TapResult) -> list[int]:
    """The first two frequencies that sounded after the tap."""
    first = control.wait_event("tone_on", after=tap.id, timeout=PATIENCE_S)
    second = control.wait_event("tone_on", after=int(first["id"]), timeout=PATIENCE_S)
    return [int(first["freq"]), int(second["freq"])]


def wait_for_idle(control: ClockControl) -> None:
    """Wait until the last message is gone, so that the next is not mistaken for it."""
    control.wait_text("Hold your badge", "Demo site", timeout=PATIENCE_S)


def restart(control: ClockControl) -> None:
    """Pull the plug, plug it in, and wait until the clock accepts badges again."""
    control.plug_out()
    before = int(control.events()[-1]["id"])
    control.plug_in()
    control.wait_text("Hold your badge", "Demo site", timeout=PATIENCE_S, after=before)


def tapped(control: ClockControl, uid: str, *texts: str, kind: str | None = None) -> TapResult:
    """Tap a badge, and wait until the display has shown these texts for it."""
    tap = control.tap(uid, kind=kind)
    control.wait_text(*texts, timeout=PATIENCE_S, after=tap.id)
    control.wait_event("field_off", after=tap.id, timeout=PATIENCE_S)  # a restart is quicker than a hand
    return tap


def held(control: ClockControl, uid: str, *texts: str) -> TapResult:
    """Lay a badge down, and wait until the display has shown these texts for it."""
    tap = control.hold(uid)
    control.wait_text(*texts, timeout=PATIENCE_S, after=tap.id)
    return tap


def pressed(control: ClockControl, key: str, *texts: str) -> None:
    """Press a key, and wait until the display has shown these texts for it."""
    control.wait_text(*texts, timeout=PATIENCE_S, after=control.press(key))


def wait_until(met: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:.0f} s: {what}"
        time.sleep(0.05)


@contextmanager
def files_kept(control: ClockControl, *paths: str) -> Iterator[dict[str, bytes]]:
    """The content of files of the clock, which are as they were afterwards; it restarts then."""
    with open_device(control.tty()) as device:
        before = {path: device.read(path) or b"" for path in paths}
    try:
        yield before
    finally:
        with open_device(control.tty()) as device:
            for path, content in before.items():
                device.put(path, content)
        restart(control)


def test_the_first_tap_is_an_in_that_is_kept_shown_and_heard(clock: ClockControl) -> None:
    tap = clock.tap(WORKER)
    shown = clock.wait_text("IN", "Saved,", "sent later", timeout=PATIENCE_S, after=tap.id)
    seq = punches(clock)[-1].seq
    assert any(line.endswith(f"#{seq}") for line in shown.lines)
    rising = tones(clock, tap)
    assert rising[0] < rising[1], rising
    kept = punches(clock)[-1]
    assert kept.flags & 7 == Direction.IN
    assert WORKER not in kept.token.hex()


def test_a_pulled_plug_forgets_nothing_and_the_same_badge_is_a_duplicate(clock: ClockControl) -> None:
    tapped(clock, COLLEAGUE, "IN", "sent later")
    before = punches(clock)
    restart(clock)
    tapped(clock, COLLEAGUE, "Already at")
    after = punches(clock)
    assert after[:-1] == before
    assert after[-1].flags & Flag.DUPLICATE
    assert after[-1].token == before[-1].token
    boots = [entry for entry in journal(clock) if entry.kind == Kind.BOOT]
    assert boots[-1].boot == after[-1].boot == boots[-2].boot + 1


def test_the_out_key_and_a_badge_make_an_out(clock: ClockControl) -> None:
    pressed(clock, "out", "OUT", "Hold your badge")
    falling = tones(clock, tapped(clock, "04a3c652117f81", "OUT", "sent later"))
    assert falling[0] > falling[1], falling
    assert punches(clock)[-1].flags & 7 == Direction.OUT


def test_a_ten_byte_uid_is_a_badge_like_others(clock: ClockControl) -> None:
    before = {entry.token for entry in punches(clock)}
    tapped(clock, STRANGER, "IN", "sent later", kind="generic")
    assert len({entry.token for entry in punches(clock)}) == len(before) + 1


def test_two_badges_at_once_are_refused_without_a_record(clock: ClockControl) -> None:
    before = len(journal(clock))
    clock.plug_out()  # so that both are in the field when it comes up; a hand is not that quick
    clock.hold("01020304")
    second = clock.hold("a1b2c3d4")
    clock.plug_in()
    clock.wait_text("One badge", "at a time", timeout=PATIENCE_S, after=second.id)
    clock.remove()
    assert [entry.kind for entry in journal(clock)[before:]] == [Kind.BOOT]


def test_a_badge_left_on_the_reader_is_one_punch_and_another_is_read_beside_it(clock: ClockControl) -> None:
    before = len(punches(clock))
    held(clock, "51525354", "Today", "saved")  # the clock has seen it there for two seconds
    assert len(punches(clock)) == before + 1
    held(clock, "61626364", "IN", "sent later")
    assert len(punches(clock)) == before + 2


def test_a_badge_that_is_held_sees_its_day_makes_no_second_punch_and_is_wiped_when_it_goes(clock: ClockControl) -> None:
    before = len(punches(clock))
    tap = held(clock, "c1c2c3c4", "IN", "sent later")
    clock.wait_text("Today", "saved", timeout=PATIENCE_S, after=tap.id)
    clock.remove()
    wait_for_idle(clock)
    assert len(punches(clock)) == before + 1


def test_the_info_key_and_a_badge_show_its_day_after_a_restart_too_and_the_next_badge_ends_it(
    clock: ClockControl,
) -> None:
    tapped(clock, "c5c6c7c8", "IN", "sent later")
    pressed(clock, "out", "OUT", "Hold your badge")
    tapped(clock, "c5c6c7c8", "OUT", "sent later")
    restart(clock)
    before = len(punches(clock))
    pressed(clock, "info", "Today", "Hold your badge")
    tap = clock.hold("c5c6c7c8")
    shown = clock.wait_text("Today", "saved", timeout=PATIENCE_S, after=tap.id)
    assert [line.endswith("saved") for line in shown.lines[1:]] == [True, True], shown.lines
    assert shown.lines[0].endswith(punches(clock)[-1].token.hex()[:4].upper())
    clock.remove()
    assert len(punches(clock)) == before
    tapped(clock, "d1d2d3d4", "IN", "sent later")


def test_without_a_time_a_restart_forgets_neither_the_window_nor_that_no_direction_is_known(
    clock: ClockControl,
) -> None:
    tapped(clock, "e1e2e3e4", "IN", "sent later")
    clock.rtc_battery_empty()
    restart(clock)
    assert "Clock not" in clock.screen_text()
    tapped(clock, "e1e2e3e4", "Already at --:--")
    again = punches(clock)[-1]
    assert again.utc_s == 0
    assert again.flags == Direction.IN | Flag.DUPLICATE | Flag.TIME_UNVERIFIED
    pressed(clock, "out", "OUT", "Hold your badge")
    tapped(clock, "e1e2e3e4", "OUT", "--:--")
    assert punches(clock)[-1].origin == Origin.KEY
    clock.set_rtc(time.time())
    restart(clock)


def test_a_key_right_after_a_way_that_is_assumed_makes_the_right_punch_without_the_badge(clock: ClockControl) -> None:
    badges = [f"f1f2f3{number:02x}" for number in range(5)]
    for badge in badges:
        tapped(clock, badge, "IN", "sent later")
    clock.set_rtc(time.time() + 2 * 86_400)
    restart(clock)
    for badge in badges:
        tapped(clock, badge, "IN", "Wrong? Press key")
        assumed = punches(clock)[-1]
        assert assumed.origin == Origin.ASSUMED
        shown = clock.wait_text("OUT", timeout=PATIENCE_S, after=clock.press("out"))
        if any("sent later" in line for line in shown.lines):
            break
        wait_for_idle(clock)  # this machine took three seconds for it, so the key was the next badge's
    corrected = punches(clock)[-1]
    assert (corrected.seq, corrected.token) == (assumed.seq + 1, assumed.token)
    assert (corrected.flags & 7, corrected.origin) == (Direction.OUT, Origin.KEY)
    clock.set_rtc(time.time())
    restart(clock)


def test_a_window_of_nothing_makes_every_tap_a_punch_also_over_a_restart(timeless: ClockControl) -> None:
    with files_kept(timeless, "/settings.json") as before:
        no_window = before["/settings.json"].replace(b'"duplicate_window_s": 60', b'"duplicate_window_s": 0')
        with open_device(timeless.tty()) as device:
            device.put("/settings.json", no_window)
        restart(timeless)
        tapped(timeless, "e5e6e7e8", "IN", "--:--")
        restart(timeless)
        tapped(timeless, "e5e6e7e8", "IN", "Wrong? Press key")
        last = punches(timeless)[-1]
        assert (last.flags, last.origin) == (Direction.IN | Flag.TIME_UNVERIFIED, Origin.ASSUMED)


def test_a_clock_without_a_time_takes_one_from_ntp_for_a_hint(timeless: ClockControl) -> None:
    before = len(journal(timeless))
    earliest_s = int(time.time())
    timeless.network_up()

    def hints() -> list[Record]:
        return [entry for entry in journal(timeless)[before:] if entry.kind == Kind.TIME_SET]

    wait_until(lambda: bool(hints()), "a TIME_SET; it asks again after a minute")
    timeless.network_down()
    (told,) = hints()
    assert earliest_s <= told.utc_s <= time.time() + 1
    assert (told.source, told.bound) == (Source.NTP, record.BOUND_NONE)
    tapped(timeless, "f1f2f3f4", "IN", "sent later")
    assert punches(timeless)[-1].has(Flag.TIME_UNVERIFIED)


def test_opening_the_case_goes_on_record(clock: ClockControl) -> None:
    before = len(journal(clock))

    def noticed() -> list[int]:
        return [entry.detail[0] for entry in journal(clock)[before:] if entry.kind == Kind.TAMPER]

    clock.open_case()
    wait_until(lambda: noticed() == [1], "the case was opened")
    clock.close_case()
    wait_until(lambda: noticed() == [1, 2], "the case was closed")


@pytest.mark.parametrize("how", ["spi", "command", "antenna"])
def test_a_reader_that_hangs_is_reset_and_reads_again(clock: ClockControl, how: str) -> None:
    clock.hang_reader(how)
    held(clock, {"spi": "81828384", "command": "91929394", "antenna": "A1A2A3A4"}[how], "IN", "sent later")


def said(control: ClockControl) -> str:
    """All output of the clock on its serial line."""
    return (Path(control.path).parent / "console.log").read_text(errors="replace")


@pytest.mark.parametrize("wire", ["miso-low", "miso"])
def test_a_reader_that_is_cut_off_is_a_fault_with_its_cause_until_it_is_mended(clock: ClockControl, wire: str) -> None:
    cause = "no-answer" if wire == "miso" else wire
    before = said(clock).count(f"clock: reader: {cause}")
    clock.break_wire(wire)
    clock.wait_text("Clock fault", "Not saved", timeout=PATIENCE_S)
    clock.mend_wires()
    wait_for_idle(clock)
    assert said(clock).count(f"clock: reader: {cause}") == before + 1
    assert said(clock).rstrip().endswith("clock: reader: good")


def test_a_reader_without_its_reset_wire_works_and_start_and_technician_are_told(clock: ClockControl) -> None:
    clock.break_wire("reset")
    restart(clock)
    assert said(clock).count("clock: reader: 92 no-reset") == 1
    tapped(clock, "B1B2B3B4", "IN", "sent later")
    with open_device(clock.tty()) as device:
        found = reader.inspect(device, lambda _: None)
    assert found == reader.Reading(0x92, "no-reset")
    assert "connect RST" in found.sentence
    clock.mend_wires()
    wait_for_idle(clock)
    with open_device(clock.tty()) as device:
        found = reader.inspect(device, lambda _: None)
    assert found == reader.Reading(0x92, None)
    assert "To do" not in found.sentence


def test_every_word_for_a_readers_fault_is_explained_to_the_technician() -> None:
    wires = (ROOT / "firmware" / "drivers" / "reader_wires.py").read_text()
    assert set(re.findall(r'"((?:miso|no)-[a-z]+)"', wires)) | {"deaf"} == set(reader.FAULTS)


def test_a_clock_without_right_settings_says_so_stays_off_the_network_and_can_be_provisioned(
    clock: ClockControl,
) -> None:
    with files_kept(clock, "/settings.json") as right:
        with open_device(clock.tty()) as device:
            device.put("/settings.json", right["/settings.json"].replace(b'"message_s": 2', b'"message_s": 20'))
            device.restart()
        clock.wait_text("Not set up", "Call technician", "message_s must", timeout=PATIENCE_S)
        clock.network_up()
        last = int(clock.events()[-1]["id"])
        with open_device(clock.tty()) as device:
            device.put("/settings.json", right["/settings.json"])
            secrets = provision.inspect(device).secrets_text or b""
            device.run(on_device.SECRETS + "bc_forget_secrets()")
            device.restart()
        clock.wait_text("Not set up", "The secrets are", timeout=PATIENCE_S)
        with open_device(clock.tty()) as device:
            device.run(on_device.INSPECT + on_device.SECRETS + f"bc_keep_secrets({b2a_base64(secrets)!r})")
        assert not [event for event in clock.events(last) if event["kind"] == "wlan"]
        last = int(clock.events()[-1]["id"])
    clock.wait_event("wlan", after=last, timeout=PATIENCE_S)

"""A whole virtual clock: the real MicroPython on its chips, driven by the real mpremote and by its control socket."""

from __future__ import annotations

import calendar
import contextlib
import hashlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mpremote.transport_serial import SerialTransport
from typer.testing import CliRunner

from badgeclock.cli import virtual as virtual_cli
from badgeclock.partition_table import board_partitions
from badgeclock.virtual import accesspoint, cards
from badgeclock.virtual.accesspoint import WifiSettings
from badgeclock.virtual.board import BoardOptions, Break, ResetCause, VirtualBoard, _Press
from badgeclock.virtual.cards import REQA, Card, Field, Frame
from badgeclock.virtual.control_socket import ClockControl, ControlServer
from badgeclock.virtual.desfire import DesfireEv2
from badgeclock.virtual.errors import ControlError

pytestmark = pytest.mark.timeout(120)

MPREMOTE = Path(sys.executable).with_name("mpremote")


class Clock:
    """A virtual board with its control socket open, and a line to its REPL."""

    def __init__(self, board: VirtualBoard) -> None:
        self.board = board
        self.server = ControlServer(board)
        self.control = ClockControl(board.home)

    def close(self) -> None:
        self.control.close()
        self.server.close()
        self.board.close()

    def run(self, code: str, timeout: float = 20) -> str:
        """The output of `code` in the clock's REPL, without a soft reset."""
        with self.line() as line:
            out, error = line.exec_raw(code, timeout=timeout)
        assert not error, error.decode()
        return str(out.decode()).replace("\r\n", "\n").strip()

    def ask(self, code: str) -> object:
        """The JSON value of the expression `code` on the clock."""
        return json.loads(self.run(f"import json\nprint(json.dumps({code}))"))

    @contextlib.contextmanager
    def line(self) -> Iterator[SerialTransport]:
        line = SerialTransport(self.board.console.path)
        try:
            line.enter_raw_repl(soft_reset=False)
            yield line
            line.exit_raw_repl()
        finally:
            line.close()

    def put(self, path: str, text: str) -> None:
        self.run(f"f = open({path!r}, 'w')\nf.write({text!r})\nf.close()")

    def started(self, after: int) -> dict[str, object]:
        return self.control.wait_event("started", after=after)

    def last_event(self) -> int:
        return int(self.control.events()[-1]["id"])

    def said(self) -> str:
        return (self.board.home / "console.log").read_text(errors="replace")


Make = Callable[..., Clock]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes clocks, plugged in, and stops them at the end."""
    clocks: list[Clock] = []

    def build(options: BoardOptions | None = None) -> Clock:
        clock = Clock(VirtualBoard(tmp_path / f"clock{len(clocks)}", options))
        clocks.append(clock)
        clock.control.plug_in()
        clock.started(0)
        return clock

    yield build
    for clock in clocks:
        clock.close()


@pytest.fixture
def clock(make: Make) -> Clock:
    return make()


# An interrupt is put off while the flash is read (boards/virtual/esp32.py): the loop must do something else, too.
FLASH_LOOP = "import time\nwhile True:\n  part.readblocks(0, buf)\n  time.sleep_ms(2)"


def errno_of(code: str) -> str:
    """Code that prints the errno of the OSError that `code` raises."""
    return f"try:\n  {code}\n  print('no error')\nexcept OSError as e:\n  print(e.errno)"


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in 10 s"
        time.sleep(0.02)


def mpremote(clock: Clock, *arguments: str | Path) -> str:
    command = [MPREMOTE, "connect", clock.board.console.path, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


# ---- the serial line


def test_mpremote_copies_files_runs_code_sets_the_time_and_resets(clock: Clock, tmp_path: Path) -> None:
    big = tmp_path / "big.bin"
    big.write_bytes(random.Random(1).randbytes(20_000))
    mpremote(clock, "fs", "cp", big, ":big.bin")
    assert hashlib.sha256(big.read_bytes()).hexdigest() in mpremote(clock, "fs", "sha256sum", ":big.bin")
    mpremote(clock, "fs", "cp", ":big.bin", tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == big.read_bytes()
    mpremote(clock, "mkdir", ":lib", "+", "fs", "cp", big, ":lib/x.bin")
    assert "x.bin" in mpremote(clock, "fs", "ls", ":lib")
    assert mpremote(clock, "exec", "print(6 * 7)").strip() == "42"
    mpremote(clock, "rtc", "--set")
    year = int(re.search(r"\((\d+),", mpremote(clock, "rtc"))[1])  # type: ignore[index]
    assert abs(year - time.localtime().tm_year) <= 1
    before = clock.last_event()
    mpremote(clock, "reset")
    assert clock.started(before)["cause"] == ResetCause.SOFT, "mpremote takes a clean start first"
    wait_for(lambda: clock.board.events.after(before)[-1].get("cause") == ResetCause.HARD)


def test_an_exception_comes_back_with_its_traceback(clock: Clock) -> None:
    with clock.line() as line:
        _, error = line.exec_raw("def f():\n  return 1 // 0\nf()")
    assert b"ZeroDivisionError" in error
    assert b'File "<stdin>", line 2, in f' in error


def test_a_long_source_comes_through_raw_paste_whole(clock: Clock) -> None:
    numbers = list(range(1500))
    assert clock.run(f"x = {numbers}\nprint(sum(x))") == str(sum(numbers))


def test_ctrl_c_interrupts_main_and_the_line_is_free(clock: Clock) -> None:
    clock.put("/main.py", "print('main runs')\nwhile True:\n    pass\n")
    before = clock.last_event()
    clock.control.reset()
    clock.started(before)
    wait_for(lambda: "main runs" in clock.said())
    assert clock.run("print('free')") == "free"
    assert "KeyboardInterrupt" in clock.said()


def test_each_piece_of_code_is_interrupted_however_soon_after_the_one_before(clock: Clock) -> None:
    for _ in range(3):
        with clock.line() as line:
            line.exec_raw_no_follow("print('on')\nwhile True: pass")
            assert line.read_until(1, b"on\r\n").endswith(b"on\r\n")
            line.serial.write(b"\x03")
            _, error = line.follow(timeout=10)
            assert b"KeyboardInterrupt" in error


@pytest.mark.parametrize(
    "busy",
    ["import time\nwhile True: time.sleep_ms(20)", "while True: pin.value()", FLASH_LOOP],
)
def test_an_interrupt_in_the_middle_of_bus_traffic_leaves_the_bus_in_step(clock: Clock, busy: str) -> None:
    clock.run(
        "from machine import Pin\nimport esp32\npin = Pin(13, Pin.IN, Pin.PULL_UP)\n"
        "part = esp32.Partition.find(1, label='journal')[0]\n"
        "buf = bytearray(4096)\npart.writeblocks(1, bytes(range(256)) * 16)"
    )
    for _ in range(5):
        with clock.line() as line:
            line.exec_raw_no_follow(busy)
            time.sleep(0.35)
            line.serial.write(b"\x03")
            _, error = line.follow(timeout=10)
            assert b"KeyboardInterrupt" in error
    assert clock.ask("pin.value()") == 1
    assert clock.run("part.readblocks(1, buf)\nprint(bytes(buf) == bytes(range(256)) * 16)") == "True"
    assert not [event for event in clock.control.events() if event["kind"] == "crash"]


@pytest.mark.parametrize("delay_ms", [0, 5, 10, 15, 20, 25, 30])
def test_the_line_can_be_opened_at_any_moment_of_a_start(clock: Clock, delay_ms: int) -> None:
    clock.control.plug_out()
    clock.control.plug_in()
    time.sleep(delay_ms / 1000)
    line = SerialTransport(clock.board.console.path)
    line.enter_raw_repl()
    assert line.exec("print(1)").strip() == b"1"
    line.close()
    assert not [event for event in clock.control.events() if event["kind"] == "crash"]


def test_the_friendly_repl_answers_a_person(clock: Clock) -> None:
    with contextlib.closing(SerialTransport(clock.board.console.path)) as line:
        line.serial.write(b"\r1 + 1\r")
        assert b"2\r\n" in line.read_until(1, b"\r\n2\r\n", timeout=5)
        line.serial.write(b"for i in range(2):\r  print('i', i)\r\r")
        assert b"i 1" in line.read_until(1, b"i 1\r\n", timeout=5)
        line.serial.write(b"\x05if True:\r    print('pasted')\r\x04")
        assert b"pasted" in line.read_until(1, b"pasted\r\n", timeout=5)
        line.serial.write(b"\x04")
        assert b"soft reboot" in line.read_until(1, b"soft reboot\r\n", timeout=5)


def test_holding_boot_keeps_main_from_running(clock: Clock) -> None:
    clock.put("/main.py", "print('main ' + 'runs')\nimport time\ntime.sleep(100)\n")
    clock.control.plug_out()
    clock.control.hold_boot()
    clock.control.plug_in()
    assert clock.run("print('here')") == "here"
    assert "main runs" not in clock.said()
    clock.control.release_boot()
    before = clock.last_event()
    clock.control.reset()
    clock.started(before)
    wait_for(lambda: "main runs" in clock.said())


def test_an_exception_in_boot_keeps_main_from_running_as_on_an_esp32(clock: Clock) -> None:
    clock.put("/boot.py", "raise ValueError('boot ' + 'failed')\n")
    clock.put("/main.py", "print('main ' + 'runs')\n")
    before = clock.last_event()
    clock.control.reset()
    clock.started(before)
    wait_for(lambda: "ValueError: boot failed" in clock.said())
    assert clock.run("print('here')") == "here"
    assert "main runs" not in clock.said()


# ---- resets


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import machine; machine.reset()", ResetCause.HARD),
        ("import machine; machine.soft_reset()", ResetCause.SOFT),
        ("import sys; sys.exit()", ResetCause.SOFT),
        ("import machine; machine.WDT(timeout=1000)\nwhile True: pass", ResetCause.WATCHDOG),
    ],
)
def test_each_reset_tells_its_cause(clock: Clock, code: str, cause: ResetCause) -> None:
    assert clock.ask("__import__('machine').reset_cause()") == ResetCause.POWER_ON
    before = clock.last_event()
    with clock.line() as line:
        line.exec_raw_no_follow(code)
        assert clock.started(before)["cause"] == cause
    if cause is not ResetCause.SOFT:
        assert clock.ask("__import__('machine').reset_cause()") == cause


def test_a_watchdog_that_is_fed_does_not_bite(clock: Clock) -> None:
    before = clock.last_event()
    clock.run(
        "import machine, time\nw = machine.WDT(timeout=1000)\nfor i in range(15):\n  time.sleep_ms(100)\n  w.feed()"
    )
    assert not [event for event in clock.control.events(before) if event["kind"] == "reset"]


def test_a_micropython_that_crashes_is_started_again(clock: Clock) -> None:
    before = clock.last_event()
    pid = clock.board.pid
    assert pid is not None
    os.kill(pid, signal.SIGSEGV)
    assert clock.control.wait_event("crash", after=before)["status"] == -signal.SIGSEGV
    assert clock.started(before)["cause"] == ResetCause.HARD


# ---- the firmware's environment


def test_the_firmware_has_an_esp32s_first_heap_and_may_count_what_it_can_grow_by(clock: Clock) -> None:
    clock.control.reset()
    code = "import gc, esp32\ngc.collect()\nprint(gc.mem_free() - esp32.idf_heap_info(esp32.HEAP_DATA)[0][2])"
    assert 50_000 <= int(clock.run(code)) <= 60_500, "with what the unix port takes more"


def test_the_hosts_files_are_out_of_reach(clock: Clock) -> None:
    assert clock.ask("__import__('os').listdir('/')") == ["boot.py"]
    assert clock.ask("__import__('sys').path") == ["", ".frozen", "/lib"]
    assert clock.ask("__import__('os').getcwd()") == "/"


def test_the_time_is_the_esp32s(clock: Clock) -> None:
    moments = [0, 951782399 - 946684800, 951782400 - 946684800, 2**31 - 946684800, 2**32 - 1, 3155759999]
    moments += [random.Random(7).randrange(0, 3_155_760_000) for _ in range(60)]
    clock.run("import time as t")
    got = clock.ask(f"[(list(t.gmtime(s)), t.mktime(t.gmtime(s))) for s in {moments}]")
    assert isinstance(got, list)
    for moment, (fields, back) in zip(moments, got, strict=True):
        expected = time.gmtime(moment + 946_684_800)
        assert fields == [*expected[:6], expected.tm_wday, expected.tm_yday], moment
        assert back == moment
        assert calendar.timegm(expected) - 946_684_800 == moment


def test_the_rtc_of_the_chip_lives_through_a_reset_and_not_through_a_power_cut(clock: Clock) -> None:
    clock.run("import machine; machine.RTC().datetime((2030, 1, 2, 0, 3, 4, 5, 0))")
    clock.control.reset()
    assert clock.ask("__import__('machine').RTC().datetime()[:4]") == [2030, 1, 2, 2]
    clock.control.plug_out()
    clock.control.plug_in()
    assert clock.ask("__import__('time').localtime()[:3]") == [2000, 1, 1]


def test_no_transfer_allocates(clock: Clock) -> None:
    clock.run(
        """
import gc, esp32
from machine import I2C, PWM, SPI, WDT, Pin
pin, cs = Pin(13, Pin.IN, Pin.PULL_UP), Pin(5, Pin.OUT, value=1)
spi, i2c, pwm, wdt = SPI(2, 5000000), I2C(0), PWM(Pin(25), freq=1000, duty_u16=0), WDT(timeout=60000)
part = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="journal")[0]
out, into, record, page = bytes(64), bytearray(64), bytearray(64), bytearray(1025)
vector = [b"\\x40", bytearray(1024)]
def all_of_them():
    cs(0); spi.write(out); spi.readinto(into, 0xEE); spi.write_readinto(out, into); cs(1)
    pin.value(); cs.on(); cs.off()
    i2c.writeto(0x3C, page); i2c.writevto(0x3C, vector)
    i2c.readfrom_mem_into(0x68, 0, into); i2c.writeto_mem(0x3C, 0, out)
    pwm.freq(440); pwm.duty_u16(0); wdt.feed()
    part.readblocks(3, into, 64); part.writeblocks(3, record, 64); part.ioctl(6, 3)
all_of_them()
gc.collect()
before = gc.mem_alloc()
for _ in range(50):
    all_of_them()
assert gc.mem_alloc() == before, gc.mem_alloc() - before
"""
    )


def test_partitions_are_those_of_the_board_and_behave_like_the_esp32s(clock: Clock) -> None:
    table = clock.ask(
        "[list(p.info()) for t in (0, 1) for p in __import__('esp32').Partition.find(t)]",
    )
    expected = sorted((p.type, p.subtype, p.offset, p.size, p.label) for p in board_partitions().partitions)
    assert isinstance(table, list)
    assert sorted(tuple(row[:5]) for row in table) == expected
    clock.run(
        """
import esp32
p = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="seal")[0]
b = bytearray(4)
assert p.ioctl(4, 0) == 4 and p.ioctl(5, 0) == 4096
p.ioctl(6, 1)
p.writeblocks(1, b"\\x0f\\xf0", 10)
p.writeblocks(1, b"\\xff\\x00", 10)
p.readblocks(1, b, 9)
assert b == b"\\xff\\x0f\\x00\\xff", b
p.writeblocks(1, bytes(4096))
p.readblocks(1, b)
assert b == bytes(4)
whole = bytearray(3 * 4096)
p.readblocks(0, whole)
for wrong in (
    lambda: p.readblocks(4, b), lambda: p.writeblocks(3, bytes(5000), 0),
    lambda: p.writeblocks(0, bytes(100)), lambda: p.ioctl(6, 4),
):
    try:
        wrong()
        assert False
    except OSError as e:
        assert e.errno in (-0x102, -0x104), e
"""
    )


EVERY_CHIP = """
import framebuf
from machine import I2C, PWM, SPI, Pin
spi = SPI(2, baudrate=5_000_000, sck=Pin(18), mosi=Pin(23), miso=Pin(19))
cs, rst = Pin(5, Pin.OUT, value=1), Pin(27, Pin.OUT, value=1)
i2c, buzzer = I2C(0, scl=Pin(22), sda=Pin(21), freq=400_000), PWM(Pin(25), freq=1000, duty_u16=0)
green, key, case = Pin(32, Pin.OUT, value=0), Pin(13, Pin.IN, Pin.PULL_UP), Pin(34, Pin.IN)
def register(address, value=None):
    cs(0)
    if value is None:
        answer = bytearray(2)
        spi.write_readinto(bytes((address << 1 | 0x80, 0)), answer)
    else:
        spi.write(bytes((address << 1, value)))
    cs(1)
    return None if value is not None else answer[1]
def show(text):
    buf = bytearray(1025)
    buf[0] = 0x40
    fb = framebuf.FrameBuffer(memoryview(buf)[1:], 128, 64, framebuf.MONO_VLSB)
    fb.text(text, 8, 24)
    i2c.writeto(0x3C, bytes((0, 0x20, 0, 0x21, 0, 127, 0x22, 0, 7, 0xA1, 0xC8, 0x8D, 0x14, 0xAF)))
    i2c.writeto(0x3C, buf)
show("version %02x" % register(0x37))
for address, value in ((0x15, 0x40), (0x11, 0x3D), (0x2A, 0x80), (0x2B, 0xA9), (0x2D, 39), (0x14, 0x83)):
    register(address, value)
was = (1, 1)
while True:
    register(0x01, 0)
    register(0x04, 0x7F)
    register(0x0A, 0x80)
    register(0x09, 0x26)
    register(0x01, 0x0C)
    register(0x0D, 0x87)
    while not register(0x04) & 0x21:
        pass
    if register(0x04) & 0x20:
        green(1)
        buzzer.freq(2000)
        buzzer.duty_u16(32768)
        show("badge %02x" % register(0x09))
    now = key.value(), case.value()
    if now != was:
        was = now
        buzzer.duty_u16(0)
        green(0)
        show("key %d case %d" % now)
"""


def test_every_chip_does_its_part_in_a_program_put_there_with_mpremote(clock: Clock, tmp_path: Path) -> None:
    main = tmp_path / "main.py"
    main.write_text(EVERY_CHIP)
    mpremote(clock, "fs", "cp", main, ":main.py", "+", "reset")
    assert clock.control.wait_text("version 92").lines == ["version 92"]
    tap = clock.control.tap("04 11 22 33 44 55 66", hold_ms=300)
    assert clock.control.signal_after(tap, timeout=20) > 0
    assert clock.control.wait_text("badge 44").t_ms > tap.t_field
    assert clock.control.leds() == {"green": True, "red": False}
    assert clock.control.tone_hz() == 2000
    left = clock.control.wait_event("field_off", after=tap.id)
    assert left["tap"] == tap.id
    assert left["t_ms"] - tap.t_field > 299.9
    clock.control.press("info", 400)
    clock.control.wait_text("key 0 case 1")
    clock.control.wait_text("key 1 case 1")
    clock.control.open_case()
    clock.control.wait_text("key 1 case 0")
    clock.control.close_case()
    clock.control.wait_text("key 1 case 1")
    assert clock.control.tone_hz() == 0
    assert [tone["freq"] for tone in clock.control.tones()] == [2000]
    assert clock.control.screen_png()[:8] == b"\x89PNG\r\n\x1a\n"
    stats = clock.control.stats()
    assert stats["spi"]["transactions"] > 100
    assert stats["i2c"]["bytes"] > 4000
    clock.control.plug_out()
    assert clock.control.screen_text() == []
    assert clock.control.leds() == {"green": False, "red": False}


def test_i2c_finds_its_chips_and_reports_an_address_where_there_is_none(clock: Clock) -> None:
    assert clock.ask("__import__('machine').I2C(0).scan()") == [0x3C, 0x68]
    assert clock.run("import machine\n" + errno_of("machine.I2C(0).writeto(0x50, b'x')")) == "19"


def test_an_interrupt_handler_runs_after_its_pin_has_changed(clock: Clock) -> None:
    clock.run(
        "from machine import Pin\nseen = []\nkey = Pin(13, Pin.IN, Pin.PULL_UP)\n"
        "key.irq(handler=lambda pin: seen.append(pin), trigger=Pin.IRQ_FALLING)"
    )
    clock.control.press("info", 300)
    watch = "import time\nother = Pin(14, Pin.IN)\nfor _ in range(100):\n  other.value()\n  time.sleep_ms(1)\n"
    assert clock.run(watch + "print(len(seen))") == "1"


def test_a_reader_in_the_wrong_spi_mode_or_too_fast_gives_noise(clock: Clock) -> None:
    clock.run(
        """
from machine import SPI, Pin
cs = Pin(5, Pin.OUT, value=1)
def version(**settings):
    spi = SPI(2, **settings)
    answer = bytearray(2)
    cs(0); spi.write_readinto(b"\\xee\\0", answer); cs(1)
    return answer[1]
assert version(baudrate=10_000_000) == 0x92
assert version(baudrate=20_000_000) == 0xFF
assert version(baudrate=1_000_000, polarity=1) == 0xFF
"""
    )


# ---- power


def test_files_and_the_rtc_chip_live_through_a_power_cut(clock: Clock) -> None:
    clock.control.set_rtc(1_900_000_000)
    clock.put("/kept.txt", "kept")
    clock.control.plug_out()
    assert clock.board.pid is None
    clock.control.plug_in()
    assert clock.ask("open('/kept.txt').read()") == "kept"
    assert clock.ask("list(__import__('machine').I2C(0).readfrom_mem(0x68, 4, 3))") == [0x17, 0x03, 0x30]


def test_a_board_that_was_killed_goes_on_with_its_flash_and_battery(make: Make) -> None:
    first = make()
    first.put("/kept.txt", "kept")
    first.control.set_rtc(1_900_000_000)
    home = first.board.home
    first.close()
    again = VirtualBoard(home)
    try:
        assert again.rtc.unix_s() == pytest.approx(1_900_000_000, abs=60)
        assert b"kept" in (home / "flash.bin").read_bytes()
    finally:
        again.close()


@pytest.mark.parametrize("cut", [0, 1, 7, 33, 63])
def test_a_cut_in_the_middle_of_a_program_leaves_its_bytes_and_no_power(clock: Clock, cut: int) -> None:
    clock.run("import esp32\np = esp32.Partition.find(1, label='seal')[0]\np.ioctl(6, 0)")
    before = clock.last_event()
    clock.control.cut_after(cut)
    with clock.line() as line:
        line.exec_raw_no_follow("p.writeblocks(0, bytes(64), 0)")
        assert clock.control.wait_event("power", after=before)["why"] == "cut"
    at = board_partitions()["seal"].offset
    cells = (clock.board.home / "flash.bin").read_bytes()[at : at + 64]
    assert cells[:cut] == bytes(cut)
    assert cells[cut + 1 :] == b"\xff" * (63 - cut)
    clock.control.plug_in()
    read = "import esp32\np = esp32.Partition.find(1, label='seal')[0]\nb = bytearray(64)\np.readblocks(0, b)\n"
    assert clock.run(read + "print(b.hex())") == cells.hex()


def test_every_fault_of_the_flash_can_be_made_and_ends(clock: Clock) -> None:
    start = "import esp32\np = esp32.Partition.find(1, label='seal')[0]\nb = bytearray(64)\n"
    read = "p.readblocks(0, b)\nprint(b.hex())\n"
    erased = "ff" * 64
    clock.run(start + "p.ioctl(6, 0)")
    clock.control.break_flash("rot", "seal", 3, 0x81)
    assert clock.run(start + read) == "ffffff7e" + erased[8:]
    clock.control.break_flash("dead", "seal", 4095)
    assert clock.run(start + "p.writeblocks(0, bytes(64), 0)\np.ioctl(6, 0)\n" + read) == "ffffff7e" + erased[8:]
    clock.control.break_flash("unreadable", "seal", 0)
    tried = clock.run(start + "try:\n    p.readblocks(0, b)\nexcept OSError as error:\n    print(error.args[1])")
    assert tried == "ESP_ERR_FLASH"
    assert clock.run(start + "p.readblocks(1, b)\nprint(b.hex())") == erased, "another sector"
    clock.control.mend_flash()
    clock.run(start + "p.ioctl(6, 0)")
    clock.control.break_flash("unstable", "seal", 5, 0x0F)
    seen = {clock.run(start + read) for _ in range(40)}
    assert len(seen) > 4
    assert all(text[:11] + text[12:] == erased[:-1] for text in seen), "bits outside of the mask"
    programmed = clock.run(start + "p.writeblocks(0, bytes(64), 0)\n" + read)
    assert programmed == "00" * 64, "programmed again, they are stable"
    for place in (("nowhere", 0, 1), ("seal", 1 << 20, 1), ("seal", -1, 1), ("seal", 0, 256)):
        with pytest.raises(ControlError, match="no byte"):
            clock.control.break_flash("rot", *place)


# ---- the network


class Echo:
    """A server that sends back what it receives."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer:
            while data := peer.recv(4096):
                peer.sendall(data)


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.listener.close()


JOIN = """
import network, socket, time
sta = network.WLAN(network.WLAN.IF_STA)
sta.active(True)
sta.connect("site", "password")
while not sta.isconnected():
    time.sleep_ms(10)
def connect(port, timeout=5):
    s = socket.socket()
    s.settimeout(timeout)
    s.connect(socket.getaddrinfo("localhost", port)[0][-1])
    return s
"""


def test_connections_pass_through_the_access_point(clock: Clock, echo: Echo) -> None:
    clock.run(JOIN)
    hello = f"s = connect({echo.port})\ns.write(b'hello' * 1000)\n"
    assert clock.run(hello + "print(s.read(5000) == b'hello' * 1000)") == "True"
    assert clock.ask("sta.status('rssi')") == WifiSettings().rssi_dbm
    assert clock.ask("sta.ifconfig()[0]") == "192.168.4.20"
    assert clock.control.wait_event("wlan")["state"] == "joined"


def test_without_wifi_no_name_is_resolved(clock: Clock, echo: Echo) -> None:
    assert clock.run("import socket\n" + errno_of(f"socket.getaddrinfo('localhost', {echo.port})")) == "-202"


ASK = """
def ask(name, server=("192.168.4.1", 53)):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(1)
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    s.connect(socket.getaddrinfo(*server, socket.AF_INET, socket.SOCK_DGRAM)[0][-1])
    s.send(b"id" + bytes((1, 0, 0, 1, 0, 0, 0, 0, 0, 0)) + labels + bytes((0, 0, 1, 0, 1)))
    return s.recv(512)
"""


def test_the_network_has_a_name_server_whose_addresses_lead_to_the_name(clock: Clock, echo: Echo) -> None:
    clock.run(JOIN + ASK)
    assert clock.ask("sta.ifconfig()[3]") == "192.168.4.1"
    clock.run("found = '.'.join(str(byte) for byte in ask('localhost')[-4:])")
    assert clock.run("print(found)").startswith("198.18.")
    connect = f"s = socket.socket()\ns.connect(socket.getaddrinfo(found, {echo.port})[0][-1])\n"
    assert clock.run(connect + "s.write(b'x')\nprint(s.read(1))") == "b'x'"
    assert clock.run("print(ask('localhost', ('224.0.0.251', 5353))[-4:] == ask('localhost')[-4:])") == "True"
    assert clock.run("print(ask('no-such-host.invalid')[3] & 15)") == "3"
    assert clock.control.events()[-1]["kind"] == "connection"


def test_a_name_server_has_its_moods(clock: Clock) -> None:
    clock.run(JOIN + ASK)
    for mood in ("deaf-dns", "silent"):
        clock.control.network(mood)
        assert clock.run(errno_of("ask('localhost')")) == "11", mood  # the unix port's word for a timeout of recv
    clock.control.network("nameless-dns")
    assert clock.run("print(ask('localhost')[3] & 15)") == "3"
    clock.control.network("rubbish-dns")
    clock.run("ask('localhost')")
    clock.control.network_up()
    assert clock.run("print(ask('localhost')[3] & 15)") == "0"


def test_the_ports_own_lookup_blocks_while_the_name_server_is_silent_but_an_address_is_known_at_once(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accesspoint, "DNS_TIMEOUT_S", 2.0)
    clock.run(
        JOIN + "def took(host):\n  start = time.ticks_ms()\n"
        "  try:\n    socket.getaddrinfo(host, 1)\n    found = True\n  except OSError:\n    found = False\n"
        "  return found, time.ticks_diff(time.ticks_ms(), start) >= 2000"
    )
    for mood in ("deaf-dns", "rubbish-dns", "silent"):
        clock.control.network(mood)
        assert clock.ask("took('localhost')") == [False, True], mood
        assert clock.ask("took('127.0.0.1')") == [True, False], mood
    clock.control.network("nameless-dns")
    assert clock.ask("took('localhost')") == [False, False]
    clock.control.network_up()
    assert clock.ask("took('localhost')") == [True, False]


def test_a_network_that_goes_down_is_silent_first_and_resets_when_it_is_back(
    clock: Clock, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.run(JOIN + f"s = connect({echo.port}, 1)")
    monkeypatch.setattr(accesspoint, "BEACON_TIMEOUT_S", 3600.0)
    clock.control.network_down()
    assert clock.ask("sta.isconnected()") is True, "the beacon timeout is not over"
    assert clock.run("s.write(b'x')\n" + errno_of("s.read(1)")) == "110"
    monkeypatch.setattr(accesspoint, "BEACON_TIMEOUT_S", 0.0)
    assert clock.ask("sta.isconnected()") is False
    assert clock.ask("sta.status() == network.STAT_CONNECTING"), "the port tries again and says nothing else"
    clock.control.network_up()
    assert clock.run("while not sta.isconnected(): time.sleep_ms(10)\n" + errno_of("s.read(1)")) == "104"
    assert clock.run(f"s = connect({echo.port})\ns.write(b'x')\nprint(s.read(1))") == "b'x'"


def test_a_silent_network_lets_new_connections_hang(clock: Clock, echo: Echo) -> None:
    clock.run(JOIN + f"s = connect({echo.port}, 1)\naddress = socket.getaddrinfo('localhost', {echo.port})[0][-1]")
    clock.control.network("silent")
    assert clock.run("t = socket.socket()\nt.settimeout(1)\n" + errno_of("t.connect(address)")) in ("110", "115")
    assert clock.ask("sta.isconnected()") is True
    clock.control.network_up()
    assert clock.run(f"s = connect({echo.port})\ns.write(b'x')\nprint(s.read(1))") == "b'x'"


REACHES = """
def reaches(port):
    try:
        s = connect(port, 1)
        s.write(b"x")
        return s.read(1) == b"x"
    except OSError:
        return False
"""
RADIO_OFF_AND_ON = 'sta.disconnect()\nsta.active(False)\nsta.active(True)\nsta.connect("site", "password")'


@pytest.mark.parametrize("mood", ["forgotten", "moved", "nowhere"])
def test_a_station_that_lost_its_access_point_finds_it_when_the_radio_was_off_and_on(
    clock: Clock, echo: Echo, monkeypatch: pytest.MonkeyPatch, mood: str
) -> None:
    monkeypatch.setattr(accesspoint, "BEACON_TIMEOUT_S", 0.0)
    clock.run(JOIN + REACHES)
    assert clock.ask(f"reaches({echo.port})") is True
    clock.control.network(mood)
    if mood == "moved":
        clock.run("sta.connect()")
        time.sleep(2 * accesspoint.JOIN_S)
        assert clock.ask("sta.status() == network.STAT_CONNECTING"), "the port finds it by itself"
    else:
        wait_for(lambda: clock.ask("sta.status() == network.STAT_GOT_IP") is True)
    assert clock.ask(f"reaches({echo.port})") is False
    for _ in range(accesspoint.NOWHERE_JOINS if mood == "nowhere" else 1):
        assert clock.ask(f"reaches({echo.port})") is False
        clock.run(RADIO_OFF_AND_ON)
        wait_for(lambda: clock.ask("sta.isconnected()") is True)
    assert clock.ask(f"reaches({echo.port})") is True


def test_an_access_point_that_refuses_or_gives_no_address_yet_leaves_the_port_connecting(
    clock: Clock, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.run(JOIN + REACHES)
    for mood in ("refusing", "late-address"):
        clock.control.network(mood)
        clock.run(RADIO_OFF_AND_ON)
        time.sleep(2 * accesspoint.JOIN_S)
        assert clock.ask("sta.status() == network.STAT_CONNECTING"), mood
    monkeypatch.setattr(accesspoint, "LATE_ADDRESS_S", 0.0)
    clock.run(RADIO_OFF_AND_ON)
    wait_for(lambda: clock.ask("sta.isconnected()") is True)
    assert clock.ask(f"reaches({echo.port})") is True


def test_a_server_that_is_not_there_resets(clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert clock.run(JOIN + f"s = connect({port})\n" + errno_of("s.read(1)")) == "104"


def test_with_a_wrong_wifi_password_the_port_says_connecting_without_an_end(make: Make) -> None:
    clock = make(BoardOptions(wifi=WifiSettings(ssid="site", password="right")))
    clock.run("import network\nsta = network.WLAN(0)\nsta.active(True)")
    for wrong in (("site", "wrong"), ("other", "right")):
        clock.run(f"sta.connect{wrong}")
        time.sleep(2 * accesspoint.JOIN_S)
        assert clock.ask("sta.status() == network.STAT_CONNECTING")
    clock.run("sta.disconnect()")
    assert clock.ask("sta.status() == network.STAT_IDLE")
    clock.run("sta.connect('site', 'right')")
    wait_for(lambda: clock.ask("sta.status() == network.STAT_GOT_IP") is True)


def test_a_power_cut_leaves_the_server_without_a_word(clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        clock.run(JOIN + f"s = connect({server.getsockname()[1]})")
        peer, _ = server.accept()
        clock.control.plug_out()
        peer.settimeout(0.5)
        with pytest.raises(TimeoutError):
            peer.recv(1)
        peer.close()


# ---- the process


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread may have ended meanwhile
            found += map(int, (task / "children").read_text().split())
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    code = "from badgeclock.cli.virtual import app; app()"
    command = [sys.executable, "-c", code, "run", "--dir", str(tmp_path / "c")]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert run.stdout is not None
        assert Path(json.loads(run.stdout.readline())["door"]).exists()
        with ClockControl(tmp_path / "c") as control:
            control.wait_event("started")
        own = children(run.pid)
        assert own
        run.send_signal(number)
        status = run.wait(timeout=20)
    finally:
        run.kill()
        run.wait()
        if run.stdout is not None:
            run.stdout.close()
    assert status == (-number if number is signal.SIGKILL else 0)
    wait_for(lambda: not any(alive(pid) for pid in own))


def test_a_clock_that_does_not_run_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="virtual run"):
        ClockControl(tmp_path, timeout_s=0).leds()


def test_the_control_socket_refuses_what_the_clock_has_not(clock: Clock) -> None:
    with pytest.raises(ControlError, match="no key"):
        clock.control.press("stop")
    with pytest.raises(ControlError, match="UID"):
        clock.control.tap("0102")
    with pytest.raises(ControlError, match=r"after 0\.1 s"):
        clock.control.wait_text("nothing", timeout=0.1)


def test_a_folder_with_a_very_long_path_has_a_control_socket(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 20) / ("path" * 20)
    home.mkdir(parents=True)
    board = VirtualBoard(home)
    server = ControlServer(board)
    try:
        with ClockControl(home) as control:
            assert control.leds() == {"green": False, "red": False}
    finally:
        server.close()
        board.close()


# ---- badges and the reader's troubles, without MicroPython


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Clock]:
    """A board without power: its field and its control socket work."""
    clock = Clock(VirtualBoard(tmp_path / "idle"))
    yield clock
    clock.close()


def test_badges_of_every_kind_are_tapped_by_name_and_leave_in_time(idle: Clock) -> None:
    for kind in idle.control.kinds():
        if kind == "replay":
            continue
        tap = idle.control.tap("04A3C652117F80", 5, kind)
        left = idle.control.wait_event("field_off", after=tap.id)
        assert left["tap"] == tap.id
    shown = [event["card"] for event in idle.control.events() if event["kind"] == "field_on"]
    assert [*shown, "replay"] == idle.control.kinds()


def test_a_badge_stays_until_the_clock_has_looked_for_it_as_often_as_it_does_in_that_time() -> None:
    ms = 1_000_000
    busy, gone, dark = Field(), Field(), Field()
    for field in (busy, gone, dark):
        field.carrier(0, "on")
        field.add(Card(bytes.fromhex("01020304")), 0, 300 * ms, looks=6)
    request = Frame.short(REQA, 7)
    moments = [at * ms for at in (100, 700, 1300, 1900, 2500, 3100, 3700)]
    heard = [bool(busy.exchange(request, at, at + ms, encrypted=False)) for at in moments]
    assert heard == [True, False, True, False, True, False, False], "it falls back at the next request"
    assert [presence.until_ns for presence in busy.gone(3700 * ms)] == [3700 * ms]
    assert not list(gone.gone((cards.PATIENCE_MS + 299) * ms))
    assert list(gone.gone((cards.PATIENCE_MS + 300) * ms)), "a clock that does not look is left alone"
    dark.nobody_looks()
    assert not list(dark.gone(299 * ms))
    assert list(dark.gone(300 * ms)), "a clock without power does not look"


def test_a_key_is_down_until_the_clock_has_read_it_and_up_before_it_is_pressed_again() -> None:
    first, second = _Press(0.1, at_s=0.0, reads_up=0), _Press(0.1, at_s=0.05, reads_up=2)
    assert not first.is_over(0.5), "nobody has read it"
    assert [(first.read(at), first.is_over(at)) for at in (0.5, 0.7, 0.9)] == [
        (True, False),
        (True, False),
        (True, True),
    ]
    assert [second.read(at) for at in (1.0, 1.4, 1.4, 1.45)] == [False, False, True, True]
    assert not second.is_over(1.6)
    assert second.read(1.48)
    assert [second.is_over(1.49), second.is_over(1.51)] == [False, True]
    assert _Press(0.1, at_s=0.0, reads_up=2).is_over(0.1 + cards.PATIENCE_MS / 1000)


def test_a_badge_is_the_same_card_whenever_it_comes_and_in_the_next_run(tmp_path: Path) -> None:
    uid = "04A3C652117F80"
    with VirtualBoard(tmp_path / "clock") as board:
        board.hold(bytes.fromhex(uid), "desfire-ev2")
        card = board.wallet.card_for(bytes.fromhex(uid))
        assert isinstance(card, DesfireEv2)
        card.random_uid = True
        board.remove()
        board.hold(bytes.fromhex(uid))
        assert [presence.card for presence in board.field.presences] == [card]
        board.hold(bytes.fromhex(uid))
        assert len(board.field.presences) == 1, "it cannot be there twice"
    with VirtualBoard(tmp_path / "clock") as board:
        again = board.wallet.card_for(bytes.fromhex(uid))
        assert isinstance(again, DesfireEv2)
        assert again.random_uid


def test_noise_broken_wires_and_a_hung_reader_can_be_asked_for(idle: Clock) -> None:
    idle.control.noise(0.01, seed=5)
    assert idle.board.field.noise is not None
    idle.control.noise(0)
    assert idle.board.field.noise is None
    assert idle.control.stats()["air"]["frames"] == 0
    for what, wrong in (("noise", 2.0), ("break_wire", "gnd"), ("hang_reader", "sleep")):
        with pytest.raises(ControlError, match=str(wrong) if wrong != 2.0 else "from 0 to 1"):
            getattr(idle.control, what)(wrong)
    with pytest.raises(ControlError, match="listened"):
        idle.control.tap("04A3C652117F80", kind="replay")


def test_the_commands_hold_badges_and_make_trouble(idle: Clock) -> None:
    def badgeclock(*arguments: str) -> str:
        result = CliRunner().invoke(virtual_cli.app, [*arguments, "--dir", str(idle.board.home)])
        assert result.exit_code == 0, result.output
        return result.output

    badgeclock("hold", "04A3C652117F80", "--kind", "desfire-ev3", "--frames", "2.5")
    assert idle.board.field.presences[0].card.kind == "desfire-ev3"
    assert idle.board.field.presences[0].frames == 2.5
    badgeclock("noise", "0.001", "--seed", "3")
    badgeclock("hang", "antenna")
    badgeclock("break", "reset")
    assert idle.board._broken == {Break.RESET}
    badgeclock("mend")
    assert idle.board._broken == set()
    assert json.loads(badgeclock("remove")) == {"removed": 1}

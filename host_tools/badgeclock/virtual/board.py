"""One virtual clock: its chips, its flash, its power, and the MicroPython that runs on it.

`VirtualBoard` is all of it in one process; control_socket.py gives others access. MicroPython starts and ends with the
power and with resets, the chips stay. Wiring is that of boards/esp32_devkit, with one of its fronts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import queue
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any, Self

from badgeclock.partition_table import TABLE_OFFSET, TABLE_SIZE_BYTES, read_csv
from badgeclock.toolchain.places import ROOT
from badgeclock.toolchain.programs import Arch, micropython
from badgeclock.virtual import cards, clock_process, screen
from badgeclock.virtual.accesspoint import STAT_GOT_IP, AccessPoint, Network, WifiSettings
from badgeclock.virtual.bus import Handler, Op, serve
from badgeclock.virtual.chips.ds3231 import Ds3231
from badgeclock.virtual.chips.mfrc522 import Counts, Hang, Mfrc522
from badgeclock.virtual.chips.ssd1306 import Sh1106, Ssd1306
from badgeclock.virtual.chips.st7789 import St7789
from badgeclock.virtual.console import Console
from badgeclock.virtual.events import Event, EventLog, now_ms
from badgeclock.virtual.nor import (
    INSTANT,
    SECTOR_BYTES,
    FlashFault,
    FlashTiming,
    InterruptedErase,
    NorFlash,
    PowerCut,
    ReadError,
)
from badgeclock.virtual.wallet import Wallet

MODULES = ROOT / "boards" / "virtual"
PARTITIONS = ROOT / "boards" / "esp32_devkit" / "partitions.csv"
FLASH = "flash.bin"

ENODEV = b"\x13"
OK = b"\x00"
FAILED = b"\x01"

SPI_MAX_HZ = 10_000_000  # MFRC522 datasheet 8.1.2
TICK_S = 0.05
# A contact has settled when a clock read it so twice, 30 ms apart (firmware/drivers/keys.py); held up in between, the
# clock needs once more.
SETTLED_READS = 3
# The display's text is read when nothing was written to it for this long, so that a screen sent in pieces is complete,
# ...
DISPLAY_QUIET_S = 0.025
# ... but not later than this after the first write.
DISPLAY_LATEST_S = 0.2
# A board whose MicroPython ends at once waits before it starts it again, as the ESP32's bootloader takes its time.
CRASH_PAUSE_S = 0.5

IN, OUT, OPEN_DRAIN = 1, 3, 7
PULL_DOWN, PULL_UP = 1, 2


class ResetCause(IntEnum):
    """machine.reset_cause() of the ESP32 port."""

    POWER_ON = 1
    HARD = 2
    WATCHDOG = 3
    DEEP_SLEEP = 4
    SOFT = 5


class Image(StrEnum):
    """The MicroPython image on the chip."""

    IN_PLACE = "in-place"
    """Built for this board (its mpconfigboard.h): it runs the code in the partition `romfs` in place."""
    STOCK = "stock"
    """MicroPython's own ESP32_GENERIC, which copies all code into the heap."""


IDF_BYTES = {Image.STOCK: 143_340, Image.IN_PLACE: 200_300}
"""Free for heap, Wi-Fi and TLS when MicroPython has started: the official 1.27.0, measured; an image without Bluetooth,
worked out from what was free on one when connected (docs/chip.md)."""


class Front(StrEnum):
    """The display, and with it the keys' wiring: a file of boards/esp32_devkit/fronts each."""

    SSD1306 = "ssd1306"
    SSD1306_SPI = "ssd1306_spi"
    SH1106 = "sh1106"
    SH1106_SPI = "sh1106_spi"
    ST7789 = "st7789"

    @property
    def on_spi(self) -> bool:
        """Whether the display has its own bus."""
        return self in (Front.SSD1306_SPI, Front.SH1106_SPI, Front.ST7789)

    def chip(self) -> Ssd1306 | St7789:
        """A display of its kind."""
        if self is Front.ST7789:
            return St7789()
        return Sh1106() if self in (Front.SH1106, Front.SH1106_SPI) else Ssd1306()

    def wiring(self) -> Wiring:
        """The board's wiring with this front."""
        if not self.on_spi:
            return Wiring()
        return Wiring(
            display_address=None,
            display_spi=1,
            keys={13: "info", 35: "in", 36: "out", 39: "break"},
            pulled_up=frozenset((35, 36, 39)),
        )


class Break(StrEnum):
    """The faults of the reader's wires."""

    MISO_HIGH = "miso-high"  # shorted to the supply
    MISO_LOW = "miso-low"  # shorted to ground
    MISO = "miso"  # open, as are MOSI, SCK, the select line or the supply, which look the same
    RESET = "reset"  # open; the reader's own pull-up keeps it running
    IRQ = "irq"  # open; the pin's pull-up holds it


@dataclass(frozen=True)
class Wiring:
    """The wiring of the GPIOs; the same as boards/esp32_devkit. A display is on I2C or on SPI; the other is None."""

    reader_spi: int = 2
    reader_select: int = 5
    reader_reset: int = 27
    reader_irq: int = 4
    reader_miso: int = 19
    i2c: int = 0
    display_address: int | None = 0x3C
    display_spi: int | None = None
    display_select: int = 26
    display_dc: int = 16
    rtc_address: int = 0x68
    buzzer: int = 25
    leds: dict[int, str] = field(default_factory=lambda: {32: "green", 33: "red"})
    keys: dict[int, str] = field(default_factory=lambda: {13: "info", 14: "in", 16: "out", 17: "break"})
    case_switch: int = 34
    pulled_up: frozenset[int] = frozenset()
    """Pins with a resistor to the supply."""


@dataclass(frozen=True)
class BoardOptions:
    """How a board is made. `heap_bytes` is the most that the firmware's heap can be; an ESP32's begins with 56,000 and
    grows within `idf_bytes`, which Wi-Fi and TLS also use (boards/virtual/_virtual_memory.py). None: as many as there
    are with this image; 0 models none, and the firmware has all of its heap at once.

    `partitions` of a new board, whose flash is as large as the table says.
    """

    arch: Arch = "i386"
    heap_bytes: int = 192 * 1024
    idf_bytes: int | None = None
    partitions: Path = PARTITIONS
    flash_timing: FlashTiming = INSTANT
    seed: int = 0
    wifi: WifiSettings = field(default_factory=WifiSettings)
    front: Front = Front.SSD1306
    image: Image = Image.IN_PLACE


@dataclass
class _Press:
    """A key that is pressed at `at_s` for `for_s` seconds, once the clock has read it up `reads_up` times. `reads`: how
    often the clock has still to read it down, even if the time is over.
    """

    for_s: float
    at_s: float
    reads_up: int
    until_s: float | None = None
    reads: int = 0

    def __post_init__(self) -> None:
        self.reads = max(int(self.for_s * 1000 // cards.LOOK_MS), SETTLED_READS)
        self._latest_s = self.at_s + self.for_s + cards.PATIENCE_MS / 1000
        if not self.reads_up:
            self.until_s = self.at_s + self.for_s

    def is_over(self, now_s: float) -> bool:
        """Whether it was released, or has not been read for long."""
        return now_s >= self._latest_s or (self.until_s is not None and now_s >= self.until_s and self.reads <= 0)

    def read(self, now_s: float) -> bool:
        """Whether it is down when the clock reads it now."""
        if self.reads_up:
            self.reads_up -= 1
            if not self.reads_up:
                self.until_s = now_s + self.for_s
            return False
        self.reads -= 1
        return True


@dataclass(frozen=True)
class _Boot:
    """The cause of the next start of MicroPython. `raw`: its REPL was in raw mode before a soft reset."""

    cause: ResetCause
    raw: int = 0


class _Pins:
    """The 40 GPIOs: what drives each, from the ESP32's side."""

    def __init__(self) -> None:
        self.release()

    def release(self) -> None:
        """A reset of the ESP32: every pin an input without pull."""
        self.mode = [IN] * 40
        self.pull = [0] * 40
        self.level = [0] * 40


def _flash(home: Path, options: BoardOptions) -> NorFlash:
    """The board's flash, as large as its partition table says; a new one holds that table and nothing else."""
    table = read_csv(options.partitions)
    flash = NorFlash(home / FLASH, table.flash_bytes, timing=options.flash_timing, seed=options.seed)
    if flash.read(TABLE_OFFSET, TABLE_SIZE_BYTES) == b"\xff" * TABLE_SIZE_BYTES:
        flash.write_image(TABLE_OFFSET, table.to_binary())
    return flash


class VirtualBoard:
    """A virtual clock in the folder `home`: flash.bin, console.log, tty (link to its serial port), {efuse,rtc}.json."""

    def __init__(self, home: Path, options: BoardOptions | None = None, wiring: Wiring | None = None) -> None:
        """Build the board with the plug out. Raises SettingsError, and ToolMissing before anything is made."""
        self.home = home
        self.options = options or BoardOptions()
        # Anything to fetch is fetched now, not at the start; the first one draws the letters to recognise.
        for needed in (screen.LETTERS_ARCH, self.options.arch):
            micropython(needed)
        self.wiring = wiring or self.options.front.wiring()
        home.mkdir(parents=True, exist_ok=True)
        self.events = EventLog()
        self._lock = threading.RLock()
        self.field = cards.Field(self._note_selected)
        self.wallet = Wallet(home / "cards.json")
        self._broken: set[Break] = set()
        self.reader = Mfrc522(self.field)
        self.display = self.options.front.chip()
        self.rtc = Ds3231()
        self._battery = home / "rtc.json"
        if self._battery.exists():
            self.rtc.restore(json.loads(self._battery.read_text()))
        self.flash = _flash(home, self.options)
        self.flash.on_power_lost = self._power_lost
        self.access_point = AccessPoint(self.options.wifi, note=self.events.add)
        self.console = Console(home / "tty", home / "console.log")
        self._mac = _mac(home / "efuse.json")
        self._pins = _Pins()
        self._spi_ok = True
        self._tone: tuple[int, int] = (0, 0)
        self._leds: dict[str, bool] = dict.fromkeys(self.wiring.leds.values(), False)
        self._presses: dict[str, deque[_Press]] = {key: deque() for key in self.wiring.keys.values()}
        self._reads_up = dict.fromkeys(self._presses, SETTLED_READS)
        self._case_open = False
        self._boot_held = False
        self._rtc_offset_us = 0
        self._wdt_ms: int | None = None
        self._wdt_fed_s = 0.0
        self._i2c_writes = self._i2c_reads = self._i2c_bytes = 0
        self._boots = 0
        self._boot = _Boot(ResetCause.POWER_ON)
        self._module_heap = 0
        self._plugged = False
        self._next: _Boot | None = None
        self._clock: clock_process.ClockProcess | None = None
        self._bus_thread: threading.Thread | None = None
        self._closing = False
        self._display_due = threading.Event()
        self._display_written_ms = 0.0
        self._display_text: list[str] = []
        self._commands: queue.Queue[tuple[Callable[[], None], Future[None] | None]] = queue.Queue()
        self._handlers = self._make_handlers()
        self._supervisor = _started(self._supervise, "supervisor")
        self._watcher = _started(self._watch, "watcher")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Pull the plug and release everything."""
        if self._closing:
            return
        self.plug_out()
        self._closing = True
        self._commands.put((lambda: None, None))
        self._display_due.set()
        self._supervisor.join()
        self._watcher.join()
        self.console.close()
        self.access_point.close()
        self.flash.close()

    # ---- power

    @property
    def pid(self) -> int | None:
        """The process id of MicroPython, or None while it does not run."""
        clock = self._clock
        return clock.pid if clock is not None else None

    def plug_in(self) -> None:
        """Give the board power. Does nothing if it has."""
        self._do(self._power_on)

    def plug_out(self) -> None:
        """Cut the power, in the middle of the clock's work."""
        self._cut_power("plug")
        self._do(self._clean_up)

    def reset_button(self) -> None:
        """Press EN: as machine.reset(), but the cause is power on, as on the ESP32."""
        self._restart(_Boot(ResetCause.POWER_ON))

    def watchdog_bites(self) -> None:
        """Expire the watchdog now, as if it had not been fed. Raises ValueError if none runs."""
        if self._wdt_ms is None:
            raise ValueError("no watchdog runs")
        self._wdt_fed_s -= self._wdt_ms / 1000

    def hold_boot(self) -> None:
        """Hold BOOT: from the next start on no script runs, only the REPL."""
        self._boot_held = True

    def release_boot(self) -> None:
        """Release BOOT."""
        self._boot_held = False

    def cut_after(self, steps: int, *, erase: InterruptedErase | None = None) -> None:
        """Lose the power after `steps` more bytes programmed or sectors erased; see NorFlash.cut_after."""
        with self._lock:
            self.flash.cut_after(steps, erase=erase)

    def break_flash(self, fault: FlashFault, partition: str, at: int, mask: int = 1) -> None:
        """Let a fault begin at byte `at` of a partition: in its sector, or in the bits of `mask` of that byte.

        Raises ValueError if there is no such place.
        """
        table = read_csv(self.options.partitions).partitions
        place = next((entry for entry in table if entry.label == partition), None)
        if place is None or not 0 <= at < place.size or not 0 < mask <= 0xFF:
            raise ValueError(f"no byte {at} with bits {mask:#x} in a partition {partition!r}")
        sector, offset = divmod(place.offset + at, SECTOR_BYTES)
        with self._lock:
            chip = self.flash.chip
            if fault is FlashFault.DEAD:
                chip.dead.add(sector)
            elif fault is FlashFault.UNREADABLE:
                chip.unreadable.add(sector)
            elif fault is FlashFault.ROT:
                chip.rot(sector, offset, mask)
            else:
                chip.make_unstable(sector, offset, mask)

    def mend_flash(self) -> None:
        """End every lasting fault of the flash; its content stays as it is."""
        with self._lock:
            self.flash.chip.mend()

    def _do(self, action: Callable[[], None]) -> None:
        """Have the supervisor do it, and wait: MicroPython ends with the thread that started it, so that thread does
        it."""
        done: Future[None] = Future()
        self._commands.put((action, done))
        done.result()

    def _supervise(self) -> None:
        while True:
            action, done = self._commands.get()
            if self._closing and done is None:
                return
            try:
                action()
            except Exception as error:  # noqa: BLE001 - passed to the waiting caller
                if done is not None:
                    done.set_exception(error)
                continue
            if done is not None:
                done.set_result(None)

    def _power_on(self) -> None:
        if self._plugged:
            return
        with self._lock:
            now = time.monotonic_ns()
            self.reader.power_on(now)
            self.display.dip()
            self.rtc.supply_back()
            self._rtc_offset_us = -time.time_ns() // 1000
            self._plugged = True
        self.events.add("power", state="on")
        self._start(_Boot(ResetCause.POWER_ON))

    def _start(self, boot: _Boot) -> None:
        """Start MicroPython. Only on the supervisor's thread."""
        self._next = None
        self._boots += 1
        self._boot = boot
        if boot.cause is not ResetCause.SOFT:  # which ESP-IDF's task watchdog goes on through
            self._wdt_ms = None
        self.events.add("reset" if boot.cause is not ResetCause.POWER_ON else "boot", cause=int(boot.cause))
        mapped = self.home / FLASH if self.options.image is Image.IN_PLACE else None
        clock = clock_process.start(self.options.arch, self.options.heap_bytes, MODULES, mapped, self._idf_bytes())
        self._clock = clock
        self.console.attach(clock)
        self._bus_thread = threading.Thread(target=self._serve, args=(clock,), name="bus", daemon=True)
        self._bus_thread.start()

    def _serve(self, clock: clock_process.ClockProcess) -> None:
        try:
            serve(clock.wire, self._handlers)
        finally:
            self._commands.put((lambda: self._ended(clock), None if self._closing else Future()))

    def _ended(self, clock: clock_process.ClockProcess) -> None:
        if clock is not self._clock:
            return
        boot = self._next
        ran_s = time.monotonic() - clock.started_s
        status = self._clean_up_process()
        if not self._plugged:
            return
        if boot is None:
            self.events.add("crash", status=status)
            time.sleep(CRASH_PAUSE_S if ran_s < 1 else 0)
            boot = _Boot(ResetCause.HARD)
            self.access_point.power_off()
        self._start(boot)

    def _clean_up(self) -> None:
        if self._clock is not None:
            self._clean_up_process()

    def _clean_up_process(self) -> int:
        clock = self._clock
        assert clock is not None
        clock.kill()
        if self._bus_thread is not None:
            self._bus_thread.join()
        if self._plugged:
            self.console.restart()
        else:
            self.console.power_off()
        status = clock.wait()
        self._clock = None
        with self._lock:
            self._release_pins()
        return status

    def _restart(self, boot: _Boot) -> None:
        """End MicroPython so that the supervisor starts it again."""
        clock = self._clock
        if clock is None or not self._plugged:
            return
        self._next = boot
        if boot.cause is not ResetCause.SOFT:
            self.access_point.power_off()
        clock.kill()
        self.console.restart()

    def _cut_power(self, why: str) -> None:
        with self._lock:
            if not self._plugged:
                return
            self._plugged = False
            self.access_point.power_off()
            self.field.nobody_looks()
            for presses in self._presses.values():
                presses.clear()
            if self._clock is not None:
                self._clock.kill()
            now = time.monotonic_ns()
            self.flash.cancel_cut()
            self.reader.power_on(now)
            self.display.dip()
            self.rtc.lose_supply()
            self._keep_rtc()
            self._release_pins()
        self.events.add("power", state="off", why=why)
        self._display_due.set()

    def _power_lost(self) -> None:
        """The flash's cut happened, on the bus thread."""
        self._cut_power("cut")

    def _release_pins(self) -> None:
        self._set_tone(self._tone[0], 0)
        self._pins.release()
        for name in self._leds:
            self._set_led(name, 0)
        self.reader.select(1)

    # ---- a person's actions

    def tap(
        self,
        uid: bytes,
        hold_ms: float = 400,
        kind: str | None = None,
        frames: float | None = None,
        looks: int | None = None,
    ) -> tuple[int, float]:
        """Bring a badge into the field for `hold_ms`: the tap's id and the time of it (CLOCK_MONOTONIC ms).

        `kind`: see Wallet.take; `frames`: it leaves after that many answers, and `looks`: not before the reader has
        looked for it so often, see cards.Presence; None: as often as a clock does in that time. Raises ValueError.
        """
        return self._bring(uid, kind, hold_ms, frames, int(hold_ms // cards.LOOK_MS) if looks is None else looks)

    def hold(self, uid: bytes, kind: str | None = None, frames: float | None = None) -> tuple[int, float]:
        """Bring a badge into the field and leave it there until remove()."""
        return self._bring(uid, kind, None, frames)

    def _bring(
        self, uid: bytes, kind: str | None, hold_ms: float | None, frames: float | None, looks: int = 0
    ) -> tuple[int, float]:
        with self._lock:
            card = self.wallet.card_for(uid, kind)
            now = time.monotonic_ns()
            for presence in self.field.presences:
                if presence.card is card:  # it cannot be there twice
                    presence.leave(now)
            self._clear_field(now)
            tap = self.events.add("field_on", at_ms=now / 1e6, card=card.kind, uid_bytes=len(uid))
            until = None if hold_ms is None else now + int(hold_ms * 1e6)
            self.field.add(card, now, until, frames, tap, looks or None)
        return tap, round(now / 1e6, 3)

    def remove(self) -> int:
        """Take every badge out of the field; how many there were."""
        with self._lock:
            now = time.monotonic_ns()
            for presence in self.field.presences:
                presence.leave(now)
            return self._clear_field(now)

    def _clear_field(self, now_ns: int) -> int:
        gone = list(self.field.gone(now_ns))
        for presence in gone:
            assert presence.until_ns is not None
            self.wallet.keep(presence.card)
            self.events.add("field_off", at_ms=presence.until_ns / 1e6, tap=presence.tap)
        return len(gone)

    def _note_selected(self, presence: cards.Presence, at_ns: int) -> None:
        self.events.add("selected", at_ms=at_ns / 1e6, tap=presence.tap)

    def press(self, key: str, ms: float = 150) -> int:
        """Press a key for `ms`, and until the clock has read it as often as it does in that time; if it is still down,
        once it was let go. Gives the id of that among the events. Raises ValueError for a key that the board does not
        have.
        """
        if key not in self.wiring.keys.values():
            raise ValueError(f"there is no key {key}; there are {', '.join(self.wiring.keys.values())}")
        with self._lock:
            now_s = time.monotonic()
            presses = self._presses[key]
            while presses and presses[0].is_over(now_s):
                presses.popleft()
            up = 0 if presses else self._reads_up[key]
            presses.append(_Press(ms / 1000, now_s, reads_up=max(0, SETTLED_READS - up)))
        return self.events.add("key", key=key, ms=ms)

    def _read_key(self, key: str) -> bool:
        """Whether a key is down when the clock reads it now."""
        presses, now_s = self._presses[key], time.monotonic()
        while presses and presses[0].is_over(now_s):
            presses.popleft()
        down = bool(presses) and presses[0].read(now_s)
        self._reads_up[key] = 0 if down else self._reads_up[key] + 1
        return down

    def open_case(self) -> None:
        """Open the case: its switch goes low."""
        self._case_open = True
        self.events.add("case", state="open")

    def close_case(self) -> None:
        """Close the case."""
        self._case_open = False
        self.events.add("case", state="closed")

    def hang_reader(self, how: Hang = Hang.SPI, seed: int = 0) -> None:
        """Make the reader chip stop reading badges."""
        with self._lock:
            self.reader.hang(how, now_ns=time.monotonic_ns(), seed=seed)

    def dip_display(self) -> None:
        """Let the display's supply dip for a moment: it goes dark, and answers as before."""
        with self._lock:
            self.display.dip()
        self._display_written_ms = now_ms()
        self._display_due.set()

    def break_wire(self, what: Break) -> None:
        """Break one of the reader's wires, until mend_wires()."""
        with self._lock:
            self._broken.add(what)

    def mend_wires(self) -> None:
        """Repair the reader's wires."""
        with self._lock:
            self._broken.clear()

    def set_noise(self, rate: float, seed: int = 0) -> None:
        """Flip each bit in the air with the probability `rate`; 0 for a quiet field. Raises ValueError."""
        with self._lock:
            self.field.noise = cards.Noise(rate, seed) if rate else None

    def set_network(self, mood: Network) -> None:
        """Change the network's mood."""
        self.access_point.set_network(mood)

    # ---- display, sound, light

    def frame(self) -> list[int]:
        """The displayed rows, see Ssd1306.frame() or screen.in_one_colour(); colours are left out."""
        with self._lock:
            if isinstance(self.display, St7789):
                return screen.in_one_colour(self.display.frame())
            return self.display.frame()

    def screen_text(self) -> list[str]:
        """The lines on the display."""
        return _text_of(tuple(self.frame()))

    def screen_png(self, scale: int = 4) -> bytes:
        """The display as a PNG."""
        if isinstance(self.display, St7789):
            with self._lock:
                frame = self.display.frame()
            return screen.render_colour_png(frame, scale=max(1, scale // 2))
        return screen.render_png(self.frame(), scale=scale, contrast=self.display.contrast)

    def tone_hz(self) -> int:
        """The present tone, Hz; 0 for silence."""
        freq, duty = self._tone
        return freq if duty else 0

    def leds(self) -> dict[str, bool]:
        """Which LEDs are on."""
        return dict(self._leds)

    def tones(self) -> list[dict[str, float]]:
        """Every tone since the board was made: t_ms, freq in Hz, and duration_ms once it has ended."""
        tones: list[dict[str, float]] = []
        for event in self.events.after(0):
            if event["kind"] == "tone_on":
                tones.append({"t_ms": event["t_ms"], "freq": event["freq"]})
            elif event["kind"] == "tone_off" and tones:
                tones[-1]["duration_ms"] = round(event["t_ms"] - tones[-1]["t_ms"], 3)
        return tones

    def all_events(self, after: int) -> list[Event]:
        """The events with an id above `after`."""
        with self._lock:
            self._clear_field(time.monotonic_ns())
        return self.events.after(after)

    def stats(self) -> dict[str, Any]:
        """Counts since the board was made, or since clear_stats()."""
        with self._lock:
            return {
                "spi": {"transactions": self.reader.transactions, "bytes": self.reader.bytes},
                "air": self.reader.air.as_dict(),
                "i2c": {"writes": self._i2c_writes, "reads": self._i2c_reads, "bytes": self._i2c_bytes},
                "flash": {**self.flash.stats.as_dict(), "worst_wear": max(self.flash.wear)},
                "boots": self._boots,
                "module_heap_bytes": self._module_heap,
                "watchdog_ms": self._wdt_ms,
                "plugged": self._plugged,
                "network": self.access_point.network.value,
                "pid": self.pid,
            }

    def clear_stats(self) -> None:
        """Start counting again."""
        with self._lock:
            self.reader.transactions = self.reader.bytes = 0
            self.reader.air = Counts()
            self._i2c_writes = self._i2c_reads = self._i2c_bytes = 0
            self.flash.clear_stats()

    def _idf_bytes(self) -> int:
        if self.options.idf_bytes is not None:
            return self.options.idf_bytes
        return IDF_BYTES[self.options.image] if self.options.arch == "i386" else 0

    # ---- background work

    def _watch(self) -> None:
        """The watchdog, badges that leave, and the display's text whenever it has changed."""
        while not self._closing:
            if self._display_due.wait(TICK_S):
                self._display_due.clear()
                latest_ms = now_ms() + DISPLAY_LATEST_S * 1000
                while now_ms() < min(self._display_written_ms + DISPLAY_QUIET_S * 1000, latest_ms):
                    time.sleep(DISPLAY_QUIET_S / 4)
                self._note_display()
            with self._lock:
                self._clear_field(time.monotonic_ns())
            self.access_point.status()
            timeout_ms = self._wdt_ms
            if timeout_ms is not None and (time.monotonic() - self._wdt_fed_s) * 1000 > timeout_ms:
                self._wdt_ms = None
                self._restart(_Boot(ResetCause.WATCHDOG))

    def _note_display(self) -> None:
        at_ms = self._display_written_ms
        text = self.screen_text()
        if text != self._display_text:
            self._display_text = text
            self.events.add("display", at_ms=at_ms if self._plugged else None, lines=text)

    def _set_tone(self, freq: int, duty: int) -> None:
        sounding_before = self._tone if self._tone[1] else None
        self._tone = (freq, duty)
        sounding = (freq, duty) if duty else None
        if sounding_before is not None and (sounding is None or sounding[0] != sounding_before[0]):
            self.events.add("tone_off", freq=sounding_before[0])
            sounding_before = None
        if sounding is not None and sounding_before is None:
            self.events.add("tone_on", freq=freq)

    def _set_led(self, name: str, level: int) -> None:
        if self._leds[name] != bool(level):
            self._leds[name] = bool(level)
            self.events.add("led", led=name, on=bool(level))

    # ---- requests of MicroPython

    def _make_handlers(self) -> dict[int, Handler]:
        own = {
            Op.PIN_MODE: self._pin_mode,
            Op.PIN_WRITE: self._pin_write,
            Op.PIN_READ: self._pin_read,
            Op.SPI_CONFIG: self._spi_configure,
            Op.SPI_WRITE: self._spi_write,
            Op.SPI_READ: self._spi_read,
            Op.SPI_TRANSFER: self._spi_transfer,
            Op.I2C_CONFIG: lambda *_: None,
            Op.I2C_WRITE: self._i2c_write,
            Op.I2C_READ: self._i2c_read,
            Op.I2C_WRITE_MEM: self._i2c_write_mem,
            Op.I2C_READ_MEM: self._i2c_read_mem,
            Op.PWM: self._pwm,
            Op.FLASH_READ: self._flash_read,
            Op.FLASH_PROGRAM: self._flash_program,
            Op.FLASH_ERASE: self._flash_erase,
            Op.WDT_START: self._wdt_start,
            Op.WDT_FEED: self._wdt_feed,
            Op.RTC_SET: self._rtc_set,
            Op.RESET: self._reset,
            Op.CONSOLE: self._console,
            Op.STARTED: self._started,
            Op.HELLO: self._hello,
            Op.WLAN_ACTIVE: self._wlan_active,
            Op.WLAN_CONNECT: self._wlan_connect,
            Op.WLAN_DISCONNECT: self._wlan_disconnect,
            Op.WLAN_STATE: self._wlan_state,
            Op.WLAN_ADDRESS: self._wlan_address,
            Op.WLAN_SCAN: self._wlan_scan,
            Op.RESOLVE: self._resolve,
            Op.INTERRUPTED: self._interrupted,
            Op.UNIQUE_ID: lambda *_: self._mac,
        }
        return {int(op): handler for op, handler in own.items()}

    def _pin_mode(self, pin: int, level: int, arg: int, _data: bytes) -> None:
        self._pins.mode[pin] = arg & 0x0F
        self._pins.pull[pin] = arg >> 4
        self._pin_write(pin, self._pins.level[pin] if level == 2 else level, 0, b"")

    def _pin_write(self, pin: int, level: int, _arg: int, _data: bytes) -> None:
        self._pins.level[pin] = level
        if self._pins.mode[pin] not in (OUT, OPEN_DRAIN):
            return
        wiring = self.wiring
        with self._lock:
            if pin == wiring.reader_select:
                self.reader.select(level)
            elif pin == wiring.reader_reset and Break.RESET not in self._broken:
                self.reader.reset_pin(level, time.monotonic_ns())
            elif pin in wiring.leds:
                self._set_led(wiring.leds[pin], level)

    def _pin_read(self, pin: int, _n: int, _arg: int, _data: bytes) -> bytes:
        return b"\x01" if self._level(pin) else b"\x00"

    def _level(self, pin: int) -> int:
        wiring = self.wiring
        if pin == wiring.reader_irq:
            with self._lock:
                return 1 if Break.IRQ in self._broken else self.reader.irq_pin(time.monotonic_ns())
        if pin == wiring.reader_miso and not self.reader.selected:
            return self._miso()
        if pin in wiring.keys:
            with self._lock:
                pressed = self._read_key(wiring.keys[pin])
            return 0 if pressed else int(self._pins.pull[pin] == PULL_UP or pin in wiring.pulled_up)
        if pin == wiring.case_switch:
            return int(not self._case_open)
        if self._pins.mode[pin] in (OUT, OPEN_DRAIN):
            return self._pins.level[pin]
        return int(self._pins.pull[pin] == PULL_UP)

    def _spi_configure(self, bus: int, mode: int, baud: int, _data: bytes) -> None:
        if bus == self.wiring.reader_spi:
            self._spi_ok = mode == 0 and baud <= SPI_MAX_HZ

    def _spi_exchange(self, bus: int, data: bytes) -> bytes:
        # A chip that is not selected, or is clocked in another mode or too fast, leaves MISO to float.
        if bus != self.wiring.reader_spi or not self._spi_ok or not self.reader.selected:
            return b"\xff" * len(data)
        with self._lock:
            if self._broken & {Break.MISO, Break.MISO_HIGH, Break.MISO_LOW}:
                return bytes((0xFF * self._miso(),)) * len(data)
            return self.reader.transfer(data, time.monotonic_ns())

    def _miso(self) -> int:
        """The level of MISO while nobody drives it: shorted, or as the pin pulls it."""
        if self._broken & {Break.MISO_HIGH, Break.MISO_LOW}:
            return int(Break.MISO_HIGH in self._broken)
        return int(self._pins.pull[self.wiring.reader_miso] != PULL_DOWN)

    def _spi_write(self, bus: int, _n: int, _arg: int, data: bytes) -> None:
        if bus == self.wiring.display_spi:
            self._display_spi(data)
        else:
            self._spi_exchange(bus, data)

    def _display_spi(self, data: bytes) -> None:
        if self._pins.level[self.wiring.display_select]:
            return
        with self._lock:
            self.display.write_spi(data, self._pins.level[self.wiring.display_dc])
        self._display_written_ms = now_ms()
        self._display_due.set()

    def _spi_read(self, bus: int, n: int, fill: int, _data: bytes) -> bytes:
        return self._spi_exchange(bus, bytes((fill & 0xFF,)) * n)

    def _spi_transfer(self, bus: int, _n: int, _arg: int, data: bytes) -> bytes:
        return self._spi_exchange(bus, data)

    def _i2c_write(self, bus: int, _n: int, address: int, data: bytes) -> bytes:
        if bus != self.wiring.i2c or address not in (self.wiring.display_address, self.wiring.rtc_address):
            return ENODEV
        with self._lock:
            self._i2c_writes += 1
            self._i2c_bytes += 1 + len(data)
            if address == self.wiring.rtc_address:
                self.rtc.write(data)
                if len(data) > 1:
                    self._keep_rtc()
            elif data and isinstance(self.display, Ssd1306):
                self.display.write(data)
                self._display_written_ms = now_ms()
                self._display_due.set()
        return OK

    def _keep_rtc(self) -> None:
        """The RTC's battery-backed state is written to a file at once: a killed board is only a clock without power."""
        new = self._battery.with_suffix(".new")
        new.write_text(json.dumps(self.rtc.state()) + "\n")
        new.replace(self._battery)

    def rtc_battery_empty(self) -> None:
        """The RTC's battery is empty: its oscillator-stop flag is set."""
        with self._lock:
            self.rtc.battery_empty()
            self._keep_rtc()

    def set_rtc(self, unix_s: float) -> None:
        """Set the RTC chip as a technician's tool would."""
        with self._lock:
            self.rtc.set_unix_s(unix_s)
            self._keep_rtc()

    def set_temperature(self, celsius: float) -> None:
        """Warm or cool the RTC chip, which measures the temperature in the clock's case."""
        with self._lock:
            self.rtc.temperature_c = celsius

    def set_rssi(self, dbm: int) -> None:
        """Move the access point: its signal at the clock, -1 to -127 dBm."""
        if not -127 <= dbm <= -1:
            raise ValueError(f"{dbm} dBm is no value that a station reports")
        self.access_point.settings = dataclasses.replace(self.access_point.settings, rssi_dbm=dbm)

    def _i2c_read(self, bus: int, n: int, address: int, _data: bytes) -> bytes:
        if bus != self.wiring.i2c or address not in (self.wiring.display_address, self.wiring.rtc_address):
            return ENODEV
        with self._lock:
            self._i2c_reads += 1
            self._i2c_bytes += 1 + n
            if isinstance(self.display, Ssd1306) and address == self.wiring.display_address:
                return OK + self.display.read(n)
            return OK + self.rtc.read(n)

    def _i2c_write_mem(self, bus: int, n: int, arg: int, data: bytes) -> bytes:
        return self._i2c_write(bus, n, arg & 0xFF, bytes((arg >> 8 & 0xFF,)) + data)

    def _i2c_read_mem(self, bus: int, n: int, arg: int, _data: bytes) -> bytes:
        status = self._i2c_write(bus, 1, arg & 0xFF, bytes((arg >> 8 & 0xFF,)))
        return self._i2c_read(bus, n, arg & 0xFF, b"") if status == OK else status

    def _pwm(self, pin: int, duty: int, freq: int, _data: bytes) -> None:
        if pin == self.wiring.buzzer:
            with self._lock:
                self._set_tone(freq, duty)

    def _flash_read(self, _unit: int, n: int, address: int, _data: bytes) -> bytes:
        self.console.flash_used_s = time.monotonic()
        with self._lock, contextlib.suppress(ReadError):
            return OK + self.flash.read(address, n)
        return FAILED

    def _flash_program(self, _unit: int, _n: int, address: int, data: bytes) -> bytes | None:
        self.console.flash_used_s = time.monotonic()
        with self._lock, contextlib.suppress(PowerCut):
            self.flash.program(address, data)
            return OK
        return None

    def _flash_erase(self, _unit: int, sectors: int, address: int, _data: bytes) -> bytes | None:
        self.console.flash_used_s = time.monotonic()
        with self._lock, contextlib.suppress(PowerCut):
            for sector in range(sectors):
                self.flash.erase_sector(address + sector * SECTOR_BYTES)
            return OK
        return None

    def _wdt_start(self, _unit: int, _n: int, ms: int, _data: bytes) -> None:
        self._wdt_fed_s = time.monotonic()
        self._wdt_ms = ms

    def _wdt_feed(self, _unit: int, _n: int, _arg: int, _data: bytes) -> None:
        self._wdt_fed_s = time.monotonic()

    def _rtc_set(self, _unit: int, _n: int, _arg: int, data: bytes) -> None:
        self._rtc_offset_us = int.from_bytes(data, "little", signed=True)

    def _reset(self, _unit: int, raw: int, cause: int, _data: bytes) -> None:
        self._restart(_Boot(ResetCause(cause), raw))

    def _console(self, _unit: int, _n: int, running: int, _data: bytes) -> bytes:
        return bytes((self.console.note_running(running),))

    def _interrupted(self, *_: object) -> None:
        self.console.interrupt_again()

    def _started(self, _unit: int, _n: int, heap: int, _data: bytes) -> None:
        self._module_heap = heap
        self.events.add("started", cause=int(self._boot.cause), module_heap_bytes=heap)

    def _hello(self, *_: object) -> bytes:
        head = bytes((self._boot.cause, int(self._boot_held), self._boot.raw, 0, 0, 0, 0, 0))
        return head + self._rtc_offset_us.to_bytes(8, "little", signed=True)

    def _wlan_active(self, _unit: int, _n: int, on: int, _data: bytes) -> bytes:
        self.access_point.activate(on)
        return OK

    def _wlan_connect(self, _unit: int, _n: int, _arg: int, data: bytes) -> bytes:
        ssid, _, key = data.decode(errors="replace").partition("\0")
        self.access_point.join(ssid, key)
        return OK

    def _wlan_disconnect(self, *_: object) -> bytes:
        self.access_point.leave()
        return OK

    def _wlan_state(self, *_: object) -> bytes:
        status = self.access_point.status()
        joined = status == STAT_GOT_IP
        rssi = self.access_point.settings.rssi_dbm & 0xFF
        return bytes((self.access_point.active, joined, status & 0xFF, status >> 8, rssi))

    def _wlan_address(self, *_: object) -> bytes:
        if not self.access_point.joined:
            return self._mac + bytes(16)
        return self._mac + bytes((192, 168, 4, 20, 255, 255, 255, 0, 192, 168, 4, 1, 192, 168, 4, 1))

    def _wlan_scan(self, *_: object) -> bytes:
        settings = self.access_point.settings
        secured = 3 if settings.ssid is not None else 0
        visible = self.access_point.network is not Network.DOWN
        network = [settings.ssid or "site", [0x02, 0, 0, 0, 0, 1], 6, settings.rssi_dbm, secured, False]
        seen = [network] if visible else []
        body = json.dumps(seen).encode()
        return len(body).to_bytes(2, "little") + body

    def _resolve(self, _unit: int, _n: int, port: int, data: bytes) -> bytes:
        local = self.access_point.resolve(data.decode(errors="replace"), port)
        return b"\x01\0\0" if local is None else OK + local.to_bytes(2, "little")


def _started(work: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


_text_cache: dict[tuple[int, ...], list[str]] = {}


def _text_of(frame: tuple[int, ...]) -> list[str]:
    """The result of screen reading, cached for repeated frames."""
    text = _text_cache.get(frame)
    if text is None:
        if len(_text_cache) > 64:
            _text_cache.clear()
        read = screen.read_text if len(frame) == screen.HEIGHT else screen.read_colour_text
        text = _text_cache[frame] = read(frame)
    return list(text)


def _mac(path: Path) -> bytes:
    """The board's own address, made once and kept, as in an ESP32's fuses."""
    if path.exists():
        return bytes.fromhex(json.loads(path.read_text())["mac"])
    mac = bytes.fromhex("246f28") + secrets.token_bytes(3)
    path.write_text(json.dumps({"mac": mac.hex()}) + "\n")
    return mac

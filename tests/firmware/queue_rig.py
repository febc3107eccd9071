"""A whole clock at a queue of badges, in modelled time: reader, seal, journal, display, a bridge that sends a roster.

Whatever takes time on an ESP32 takes it here, and nothing else, so every run of one queue is the same:

    flash       0.4 ms a page program and 45 ms an erase (W25Q32JV, as norcells), 0.06 ms a call; nothing else runs
                meanwhile, as on the chip, which runs from the same flash
    a frame     3.5 ms with its answer, or with the wait for one: 1.5 ms of SPI and air (docs/performance.md,
                `reader.*`) and 2 ms of the driver's and the cascade's bytecode
    a punch     4 ms of bytecode; with the frames of a 4-byte UID and a look, 16 ms or some 1.5 million instructions, as
                the emulated chip takes (docs/chip.md)
    a screen    10 ms to draw, and 22.5 us a byte on I2C
    memory      10 ms a collection
    the uplink  5 ms to seal and send a punch, and the same for an answer

Import this before anything of the app: `modelled_time` is in the place of `time`.
"""

import asyncio
import gc

from modelled_time import run, time

# isort: split
from app import clock as clock_module
from app import localtime
from app.badge.iso14443 import TIMEOUT, Reader
from app.clock import Clock
from app.log import record
from app.log.provisioning import provision
from app.log.sealed_log import SealedLog
from app.net import roster_start
from app.net.errands import Errands
from app.net.frames import ROSTER, Channel
from app.punch import Punches
from app.receipts import Receipts
from app.recent import Recent
from app.ui.face import Face
from app.ui.words import ENGLISH
from bench import Panel
from drivers.pattern import Player
from drivers.ssd1306 import SSD1306_I2C
from nor import Nor
from rc522 import Badge
from roster_bridge import LINK_KEY, NEXT

CALL_US = 60
FRAME_US = 3500
PUNCH_US = 4000
DRAW_US = 10000
I2C_BYTE_US = 22.5
COLLECT_US = 10000
SEND_US = 5000
ROUND_TRIP_MS = 40
UPLINK_POLL_MS = 20

MORNING_S = 1796021880  # 2026-11-30 06:58 UTC
SEAL_SECTORS = 4
JOURNAL_SECTORS = 5
ROSTER_SECTORS = 26


class Spent:
    """Microseconds that pass while one part of the clock works and all others wait."""

    def __init__(self):
        self._rest_us = 0

    def spend(self, us):
        self._rest_us += us
        time.pass_ms(int(self._rest_us) // 1000)
        self._rest_us %= 1000


work = Spent()


class BusyNor(Nor):
    """Flash with realistic timing."""

    def readblocks(self, block, buf, offset=0):
        super().readblocks(block, buf, offset)
        work.spend(CALL_US)

    def program(self, sector, offset, new):
        before = self.model_ms
        super().program(sector, offset, new)
        work.spend(CALL_US + (self.model_ms - before) * 1000)

    def erase(self, sector):
        before = self.model_ms
        super().erase(sector)
        work.spend(CALL_US + (self.model_ms - before) * 1000)


class BusyPanel(Panel):
    """A display on I2C at 400 kHz."""

    def writeto_mem(self, address, control, data):
        super().writeto_mem(address, control, data)
        work.spend(CALL_US + (len(data) + 2) * I2C_BYTE_US)


class Field:
    """The reader's chip, and the badges that come to it one after another.

    stays_ms: how long each stays; None: until it has its signal. gap_ms: from then to the next one. `late_ms` has of
    each badge that got a signal how long that took.
    """

    version = 0x92

    def __init__(self, uids, stays_ms, gap_ms):
        self._uids = list(uids)
        self._stays_ms = stays_ms
        self._gap_ms = gap_ms
        self._badge = None
        self._came_at = self._next_at = time.ticks_ms()
        self._signalled = False
        self.late_ms = []

    @property
    def over(self):
        """Whether the last badge has left."""
        return not self._uids and self._badge is None

    def signalled(self):
        """The clock has sounded."""
        if self._badge and not self._signalled:
            self._signalled = True
            self.late_ms.append(time.ticks_diff(time.ticks_ms(), self._came_at))

    def _look(self):
        """The badge in the field at this moment, None if there is none."""
        now = time.ticks_ms()
        while True:
            if self._badge:
                if self._stays_ms is None:
                    if not self._signalled:
                        return self._badge
                    left_at = time.ticks_add(self._came_at, self.late_ms[-1])
                else:
                    left_at = time.ticks_add(self._came_at, self._stays_ms)
                if time.ticks_diff(now, left_at) < 0:
                    return self._badge
                self._badge = None
                self._next_at = time.ticks_add(left_at, self._gap_ms)
            if not self._uids or time.ticks_diff(now, self._next_at) < 0:
                return None
            self._badge, self._came_at, self._signalled = Badge(self._uids.pop(0)), self._next_at, False

    # --- the chip ---

    def start(self):
        return True

    healthy = start

    def exchange(self, frame, answer, last_bits=0):
        badge = self._look()
        work.spend(FRAME_US)
        if badge is None or self._look() is not badge:  # it came or left in the middle of the frame
            return TIMEOUT
        given = badge.receive(bytes(frame[1:]), last_bits)
        if not given:
            return TIMEOUT
        answer[1 : 1 + len(given)] = given
        return len(given)


class Timekeeper:
    """Precise time from a bridge."""

    rtc_faults = 0
    accepts_hints = False
    verified = True
    source = record.SOURCE_BRIDGE

    def __init__(self):
        self._began_ms = time.passed_ms

    def _passed_ms(self):
        return time.passed_ms - self._began_ms

    def stamp(self, stamp):
        stamp.utc_s = self.now_s()
        stamp.ms = self._passed_ms() % 1000
        stamp.source, stamp.bound = self.source, 10
        stamp.uptime_ms = self._passed_ms()

    def now_s(self):
        return MORNING_S + self.uptime_s()

    def uptime_s(self):
        return self._passed_ms() // 1000

    def local(self):
        return self.local_of(self.now_s())

    def local_of(self, utc_s):
        return localtime.local(utc_s, "Europe/Brussels")

    def set_from_bridge(self, utc_ms, rtt_ms):  # noqa: ARG002 - it knows
        return 0

    def refine(self):
        work.spend(CALL_US + 8 * I2C_BYTE_US)
        return 1000


class Settings:
    """As far as punches and face need it."""

    clock_id = "clock-0001"
    site = "Demo site"
    language = "en"
    direction = "auto"
    direction_hours = 14
    duplicate_window_s = 60
    message_s = 2
    volume = 3
    quiet_hours = None


class Signal(Player):
    """Buzzer and lamp; the buzzer's first tone is what a worker waits for."""

    def __init__(self, on_play=None):
        super().__init__(0)
        self._on_play = on_play

    def play(self, steps, then=()):
        super().play(steps, then)
        if self._on_play:
            self._on_play()

    def _apply(self, value):
        pass


class Bridge:
    """The uplink of the clock, at whose other end a bridge acknowledges everything and sends a roster, part by part."""

    link_state = 2

    def __init__(self, log, roster, image):
        self.errands = Errands(Channel("clock-0001", LINK_KEY), None, None, log, roster)
        self._log = log
        self._image = image
        self._due = (0, time.ticks_ms()) if image else None  # (part, when it comes)
        self.reports = 0

    def notify(self):
        pass

    def report_status(self):
        self.reports += 1

    def run_errands(self):
        return self.errands.step(self)

    def publish(self, topic, frame):  # noqa: ARG002 - as umqtt.simple
        """An answer about the roster: (version, part, result)."""
        part, result = frame[15], frame[16]
        self._due = (part, time.ticks_add(time.ticks_ms(), ROUND_TRIP_MS)) if result == NEXT else None

    async def run(self):
        while True:
            await asyncio.sleep_ms(UPLINK_POLL_MS)
            if self._log.unsent:
                work.spend(SEND_US)
                self._log.ack(self._log.head)
            errand = self.errands.unsent
            if errand:
                work.spend(SEND_US)
                errand.publish(self, 7)
            elif self._due and time.ticks_diff(time.ticks_ms(), self._due[1]) >= 0:
                part, self._due = self._due[0], None
                self.errands.handle(ROSTER, 1, self._image.body(part))


class Case:
    """A switch that stays closed."""

    level = 1

    def changed(self):
        return False


class Keys:
    """Keys that nobody presses."""

    def pressed(self):
        return None

    def down(self, names):  # noqa: ARG002 - as drivers.keys
        return False


class Collector:
    """`gc` for the clock's own calls."""

    mem_free = staticmethod(gc.mem_free)

    def collect(self):
        gc.collect()
        work.spend(COLLECT_US)


class Queue:
    """A clock that has run for a while, without pending housekeeping; `run` takes it through a queue.

    kept: how many punches it has, all of them acknowledged. image: of a roster (roster_bridge.Image) that the bridge
    has for it.
    """

    def __init__(self, kept=330, image=None):
        clock_module.gc = Collector()
        self.journal, self.seal = BusyNor(JOURNAL_SECTORS), BusyNor(SEAL_SECTORS)
        self.flash = BusyNor(ROSTER_SECTORS)
        self.roster = roster_start.load(self.flash, LINK_KEY)
        self.timekeeper = Timekeeper()
        stamp = record.Stamp()
        self.timekeeper.stamp(stamp)
        provision(self.journal, self.seal, Settings.clock_id, bytes(32), bytes(8), stamp)
        self.log = SealedLog(self.journal, self.seal, Settings.clock_id, bytes(8))
        self.log.open(1, stamp)
        for number in range(kept):
            self.log.punch(1, b"before" + bytes((number >> 8, number & 0xFF)), stamp)
            self.log.ack(self.log.head)
        while self.log.idle(stamp):
            pass
        self.resets = 0
        self.bridge = Bridge(self.log, self.roster, image)
        self.field = Field((), None, 0)
        display = SSD1306_I2C(BusyPanel())
        display.start()
        self.face = Face(
            Settings,
            ENGLISH,
            display,
            Signal(self._signalled),
            Signal(),
            self.timekeeper,
            self.log,
            Receipts(),
        )
        self.face.link(2)
        self._draw, self.face._draw = self.face._draw, self._drawn
        self.punches = Punches(
            Settings,
            b"s" * 32,
            self.log,
            self.timekeeper,
            Recent(is_short=False),
            0,
            self.face,
            self.bridge.notify,
            self.roster,
        )
        self._handle, self.punches.handle = self.punches.handle, self._handled

    def _signalled(self):
        self.field.signalled()

    def _drawn(self):
        work.spend(DRAW_US)
        self._draw()

    def _handled(self, length):
        work.spend(PUNCH_US)
        return self._handle(length)

    def run(self, uids, stays_ms=None, gap_ms=0, then_ms=1000, limit_ms=3600000):
        """Take badges with these UIDs, one after another, and give how long each of those that had a signal waited for
        it, ms. stays_ms, gap_ms: see Field. then_ms: for how long the clock continues after the last.
        """
        self.field = Field(uids, stays_ms, gap_ms)
        clock = Clock(
            Reader(self.field),
            Keys(),
            Case(),
            self.punches,
            self.face,
            self.log,
            self.timekeeper,
            self.bridge,
            None,
            self._reset,
            0,
            14,
            None,
        )

        async def until_over():
            serving = asyncio.create_task(clock._serve(lambda: None))
            while not self.field.over:
                await asyncio.sleep_ms(200)
            await asyncio.sleep_ms(then_ms)
            serving.cancel()

        assert not run(until_over(), limit_ms), "badges are still in the queue"
        assert not self.resets, "a task of the clock died"
        return self.field.late_ms

    def _reset(self):
        self.resets += 1


def uids(count, first=0):
    """So many badges, every other one with a UID of 7 bytes."""
    return [
        b"\x04" + number.to_bytes(6, "big") if number % 2 else b"\x5b" + number.to_bytes(3, "big")
        for number in range(first, first + count)
    ]

"""The running clock: five tasks, none of which may die, and the badge comes first.

    badges        polls the reader and the keys; the only one that feeds the watchdog
    face          signals and display
    time          narrows the clock's error bound
    housekeeping  memory; and when no badge is near, the log's erases ahead of need
    uplink        everything the network does

A task that ends, ends the clock: a FAULT record, then a reset. Memory is collected by the housekeeping, so never
between a badge and its signal, and often while badges come: their garbage then stays together, and the rest of the heap
whole.
"""

import asyncio
import gc
import struct
import sys
import time

from drivers import iso14443
from micropython import const

from app import faults, lines, punch, record
from app.errors import ClockError

WATCHDOG_MS = 8000
# A clock that a technician interrupted, or that cannot start, tries again after a quarter of an hour.
TECHNICIAN_MS = 900000

_POLL_MS = const(40)
_DESK_MS = const(5)  # between two steps of the badge desk
_NEAR_MS = const(1500)  # after a badge, housekeeping waits this long for the next one
_COLLECT_MS = const(1000)
_IDLE_MS = const(250)
_CHOICE_MS = const(10000)
_LONGEST_PAUSE_S = const(60)  # before the reset of a clock that keeps dying
_PAGES_AFTER_MS = const(3000)  # both keys down for that long: the technician's pages
_BROKEN_MS = const(3000)  # the fault stands on the display this long before a log that failed is opened anew by a reset

_KEYS = {"in": record.DIRECTION_IN, "out": record.DIRECTION_OUT, "break": record.DIRECTION_BREAK_START}
_TOGETHER = ("in", "out")
_CASE_OPENED = const(1)
_CASE_CLOSED = const(2)


class Clock:
    """Everything injected: reader (drivers.iso14443.Reader), keys and case (drivers.keys), punches, face, log,
    timekeeper, uplink (`run()`, `desk`), watchdog (called with milliseconds, gives what is to be fed), reset
    (called to restart the board), deaths (of tasks in the starts just before).
    """

    def __init__(self, reader, keys, case, punches, face, log, timekeeper, uplink, watchdog, reset, deaths):
        self._reader = reader
        self._keys = keys
        self._case = case
        self._punches = punches
        self._face = face
        self._log = log
        self._timekeeper = timekeeper
        self._uplink = uplink
        self._start_watchdog = watchdog
        self._reset = reset
        self._deaths = deaths
        self._stamp = record.Stamp()
        self._badge_at = time.ticks_add(time.ticks_ms(), -_NEAR_MS)
        self._broken_at = None
        self._reported = {}
        self._held_since = None
        self._pages = None

    def run(self):
        """Serve badges until a task dies, which restarts the board, or until a technician interrupts; then the watchdog
        leaves them a quarter of an hour.
        """
        print("clock: started; interrupt with Ctrl-C")
        watchdog = self._start_watchdog(WATCHDOG_MS)
        try:
            asyncio.run(self._serve(watchdog.feed))
        except KeyboardInterrupt:
            self._start_watchdog(TECHNICIAN_MS)
            print("clock: stopped; it starts again at a reset, or by itself in %d minutes" % (TECHNICIAN_MS // 60000))

    async def _serve(self, feed):
        if not (self._log.sealed or self._log.retired):
            self._fault(faults.KEY_STORE, 1)
        tasks = (
            ("badges", self._badges(feed)),
            ("face", self._face.run()),
            ("time", self._time()),
            ("housekeeping", self._housekeeping()),
            ("uplink", self._uplink.run()),
        )
        await asyncio.gather(*(self._important(name, task) for name, task in tasks))

    def note(self, kind, detail):
        """Append a record about the clock itself; False if it could not be kept, which must not stop the clock."""
        self._timekeeper.stamp(self._stamp)
        flags = 0 if self._timekeeper.verified else record.FLAG_TIME_UNVERIFIED
        try:
            self._log.append(kind, flags, record.NOTHING, detail, self._stamp)
        except (ClockError, OSError) as error:
            lines.say("not recorded:", error)
            return False
        return True

    async def _important(self, name, task):
        try:
            await task
            lines.say("task ended:", name)
        except Exception as error:  # noqa: BLE001 - whatever it was, a task that ends must not go unseen
            lines.say("task died:", name)
            sys.print_exception(error)
        self._fault(faults.TASK, self._deaths + 1)
        if name != "badges":
            # A death that repeats at every start would fill the journal; the badges are served meanwhile.
            await asyncio.sleep(min(_LONGEST_PAUSE_S, (1 << min(self._deaths, 6)) - 1))
        self._reset()

    async def _badges(self, feed):
        reader, uplink = self._reader, self._uplink
        while True:
            wait_ms = _POLL_MS
            if uplink.desk and uplink.desk.poll():  # an operator's desk: badges are no punches
                wait_ms = _DESK_MS
            else:
                found = reader.poll(self._punches.uid)
                if found > 0:
                    self._badge_at = time.ticks_ms()
                    if self._punches.take(found).kind == punch.FAILED:
                        self._break()
                elif found == iso14443.SEVERAL:
                    self._badge_at = time.ticks_ms()
                    self._face.several()
                elif reader.present:
                    self._punches.hold()
                if found == iso14443.FAILED:
                    wait_ms = 0
            self._look_after_reader()
            self._read_contacts()
            feed()
            await asyncio.sleep_ms(wait_ms)

    async def _time(self):
        while True:
            faults_before = self._timekeeper.rtc_faults
            wait_ms = self._timekeeper.refine()
            if self._timekeeper.rtc_faults != faults_before and faults.RTC not in self._reported:
                self._fault(faults.RTC, self._timekeeper.rtc_faults)
                self._uplink.tell()
            await asyncio.sleep_ms(wait_ms)

    async def _housekeeping(self):
        collected = time.ticks_ms()
        while True:
            if self._broken_at is not None and time.ticks_diff(time.ticks_ms(), self._broken_at) >= _BROKEN_MS:
                self._reset()
            if time.ticks_diff(time.ticks_ms(), self._badge_at) < _NEAR_MS:
                gc.collect()
                await asyncio.sleep_ms(_IDLE_MS)
                continue
            if self._uplink.restart_due and not self._uplink.desk:
                self._reset()
            if time.ticks_diff(time.ticks_ms(), collected) >= _COLLECT_MS:
                gc.collect()
                collected = time.ticks_ms()
            self._timekeeper.stamp(self._stamp)
            try:
                more = self._log.idle(self._stamp)
            except (ClockError, OSError) as error:
                lines.say("the log's housekeeping failed:", error)
                self._break()
                more = False
            if self._face.display_faults and faults.DISPLAY not in self._reported:
                self._fault(faults.DISPLAY, self._face.display_faults)
                self._uplink.tell()
            await asyncio.sleep_ms(2 * _POLL_MS if more else _IDLE_MS)

    def _break(self):
        """The log failed: say so, and let a restart open it anew, which recovers every record that was kept."""
        self._face.fault(faults.JOURNAL)
        if self._broken_at is None:
            self._broken_at = time.ticks_ms()

    def _look_after_reader(self):
        usable = self._reader.check()
        if usable != self._reported.get("reader", True):
            self._reported["reader"] = usable
            lines.say("reader:", self._reader.fault or "good")
            self._uplink.tell()
            self._face.fault(0 if usable else faults.READER)
            if not usable:
                self._fault(faults.READER, self._reader.resets)

    def _read_contacts(self):
        key = self._keys.pressed()
        if self._pages:
            self._turn_pages(key)
        elif key in _KEYS:
            self._punches.choose(_KEYS[key])
            self._face.chosen(_KEYS[key], _CHOICE_MS)
        if self._case.changed():
            self.note(record.KIND_TAMPER, bytes((_CASE_CLOSED if self._case.level else _CASE_OPENED,)) + bytes(7))
            self._uplink.tell()
        if self._uplink.desk or not self._keys.down(_TOGETHER):
            self._held_since = None
        elif self._held_since is None:
            self._held_since = time.ticks_ms()
        elif not self._pages and time.ticks_diff(time.ticks_ms(), self._held_since) >= _PAGES_AFTER_MS:
            self._turn_pages(None)

    def _turn_pages(self, key):
        """Show the technician's pages, whose code is in memory only meanwhile; turn them, or see that they are over."""
        try:
            if self._pages:
                if not self._pages.stay(key, self._badge_at):
                    self._pages = None
                return
            gc.collect()
            from app import pages

            self._punches.choose(record.DIRECTION_NONE)  # the two keys meant no punch
            self._pages = pages.Pages(self._face, self._uplink)
        except Exception as error:  # noqa: BLE001 - badges are served, whatever a technician cannot see
            self._pages = self._held_since = None
            sys.modules.pop("app.pages", None)  # half a module would stay
            lines.say("no pages:", repr(error))

    def _fault(self, code, count):
        """Record a FAULT, once for each code and start; what repeats is in the status."""
        if code not in self._reported:
            self._reported[code] = self.note(record.KIND_FAULT, struct.pack(">BBHI", code, 0, min(count, 0xFFFF), 0))

"""The running clock: four tasks, none of which may end, with priority for badges.

    badges        polls the reader and the keys, and does the housekeeping; the only one that feeds the watchdog
    face          signals and display
    time          narrows the clock's error bound
    uplink        everything the network does

If a task ends, the clock writes a FAULT record and resets.

Housekeeping is memory, the log's erases in advance, and errands: pieces of at most one erase, 45 ms. A piece runs right
after a poll for badges, so that it fits the pause before the next poll and no badge waits for both; not in the first
2.5 s of a rush of badges, unless the log is short of erased flash; then between badges, for as long as they come.
Memory is never collected between a badge and its signal, and often while badges come: their garbage then stays
together, and the rest of the heap unfragmented.
"""

import asyncio
import gc
import struct
import sys
import time

from micropython import const

from app import console, faults, on_demand, punch
from app.badge import iso14443
from app.errors import ClockError
from app.log import record

WATCHDOG_MS = 8000
STOPPED_MS = 45000  # an interrupted clock restarts by itself; boot.py gives a technician's session longer

_POLL_MS = const(40)  # from one poll for badges to the next, ...
_RUSH_POLL_MS = const(20)  # ... and while badges come
_DESK_MS = const(5)  # between two steps of the badge desk, or of reading a worker's page
_HOLD_MS = const(2000)  # a badge held this long opens the page of today
_ANSWER_MS = const(2000)  # how long the page stays after the badge has left, ...
_ANSWER_MOST_MS = const(10000)  # ... and its maximum while the badge stays
_NEAR_MS = const(1500)  # how long after a badge the next one is expected
_CALM_MS = const(5000)  # a badge after this long without one may begin a rush, ...
_RUSH_MS = const(2500)  # ... and housekeeping waits this long
_STARVED_MS = const(1000)  # a piece this late runs right after a signal, if every poll finds a badge
_COLLECT_MS = const(1000)
_COLLECT_RUSH_MS = const(250)
_COLLECT_TAP_MS = const(60)  # keeps a punch's memory from being placed after another one's garbage
_IDLE_MS = const(250)
_MORE_MS = const(80)  # between two pieces of housekeeping
_HINT_MS = const(1024000)  # between two hints about the time, ...
_HINT_AGAIN_MS = const(64000)  # ... and between two requests without an answer
_CHOICE_MS = const(10000)
_LONGEST_PAUSE_S = const(60)  # before the reset of a clock that keeps failing
_PAGES_AFTER_MS = const(3000)  # both keys down for that long: the technician's pages
_BROKEN_MS = const(3000)  # how long the fault is shown before a reset reopens a failed log

_TODAY = "app.today"
_UNPACKED = "app.log.unpacked"
_TODAY_SCREEN = "app.ui.today_screen"
_NTP = "app.net.ntp"
_PAGES = "app.ui.pages"
_STOPPED = "app.ui.stopped"

_KEYS = {"in": record.DIRECTION_IN, "out": record.DIRECTION_OUT, "break": record.DIRECTION_BREAK_START}
_TOGETHER = ("in", "out")
_CASE_OPENED = const(1)
_CASE_CLOSED = const(2)


class Clock:
    """Everything injected: reader (app.badge.iso14443.Reader), keys and case (drivers.keys), punches, face, log,
    timekeeper, uplink (`run()`, `run_errands()`, `errands`), watchdog (called with milliseconds, returns the object to
    feed), reset (called to restart the board), deaths (of tasks in the starts just before), hours (for which a shift
    may be open), hint (the sockets, the host to query for the time, and the Wi-Fi; None for no queries).
    """

    def __init__(
        self, reader, keys, case, punches, face, log, timekeeper, uplink, watchdog, reset, deaths, hours, hint
    ):
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
        self._hours = hours
        self._hint = hint
        self._asker = b""  # the badge whose punches are looked up or shown
        self._search = None  # app.today.Search, while they are looked up
        self._answered_at = time.ticks_ms()
        self._stamp = record.Stamp()
        self._badge_at = time.ticks_add(time.ticks_ms(), -_CALM_MS)
        self._broken_at = None
        self._reported = {}
        self._held_since = None
        self._pages = None
        self._tamper = 0 if case.level else _CASE_OPENED  # that is not on record yet

    def run(self):
        """Serve badges until a task ends, which restarts the board, or until an interrupt on the serial line, by a
        technician or a stray byte: then the display shows that at once, and the watchdog restarts the board.
        """
        print("clock: started; interrupt with Ctrl-C")
        watchdog = self._start_watchdog(WATCHDOG_MS)
        try:
            asyncio.run(self._serve(watchdog.feed))
        except KeyboardInterrupt:
            self._start_watchdog(STOPPED_MS)
            on_demand.load(_STOPPED).show(self._face)
            print("clock: stopped; it starts again at a reset, or by itself within a minute")

    async def _serve(self, feed):
        if not (self._log.sealed or self._log.retired):
            self._fault(faults.KEY_STORE, 1)
        asyncio.get_event_loop().set_exception_handler(_raise)
        for name, task in (
            ("face", self._face.run()),
            ("time", self._time()),
            ("uplink", self._uplink.run()),
        ):
            asyncio.create_task(self._important(name, task))  # noqa: RUF006 - MicroPython's loop holds them
        await self._important("badges", self._badges(feed))

    def note(self, kind, detail):
        """Append a record about the clock itself; False if it could not be written, which must not stop the clock."""
        self._timekeeper.stamp(self._stamp)
        flags = 0 if self._timekeeper.verified else record.FLAG_TIME_UNVERIFIED
        try:
            self._log.append(kind, flags, record.NOTHING, detail, self._stamp)
        except (ClockError, OSError) as error:
            console.report("not recorded:", error)
            return False
        return True

    async def _important(self, name, task):
        try:
            await task
            console.report("task ended:", name)
        except Exception as error:  # noqa: BLE001 - whatever it was, the end of a task must be reported
            console.report("task died:", name)
            sys.print_exception(error)
        self._fault(faults.TASK, self._deaths + 1)
        if name != "badges":
            # A failure that repeats at every start would fill the journal; badges are served in between.
            await asyncio.sleep(min(_LONGEST_PAUSE_S, (1 << min(self._deaths, 6)) - 1))
        self._reset()

    async def _badges(self, feed):
        reader, errands = self._reader, self._uplink.errands
        house_at = collected_at = time.ticks_ms()
        while True:
            looked_at, found = time.ticks_ms(), iso14443.NOTHING
            calm_ms = time.ticks_diff(looked_at, self._badge_at)
            if calm_ms >= _CALM_MS:
                self._badge_at = time.ticks_add(looked_at, -_CALM_MS)  # a difference of ticks holds six days
            is_rush = calm_ms < _NEAR_MS
            if errands.step_desk():  # an operator's desk: badges do not punch
                wait_ms = _DESK_MS
            else:
                held = self._punches.held if reader.present else None
                found = reader.poll(self._punches.uid)
                is_rush = is_rush or found > 0
                wait_ms = _RUSH_POLL_MS if is_rush else _POLL_MS
                if found > 0:
                    if calm_ms >= _CALM_MS:
                        house_at = time.ticks_add(looked_at, _RUSH_MS)
                    self._handle_badge(found, held)
                elif found == iso14443.SEVERAL:
                    self._badge_at = time.ticks_ms()
                    self._face.several()
                elif reader.present:
                    self._punches.hold()
                    if self._punches.held and reader.held_ms >= _HOLD_MS:
                        self._ask(self._punches.held)
                        self._punches.held = b""
                    if self._asker and time.ticks_diff(time.ticks_ms(), self._answered_at) < _ANSWER_MOST_MS:
                        self._face.keep(_ANSWER_MS - reader.away_ms)
                if self._search:
                    self._answer(self._search)
                    wait_ms = _DESK_MS
                if found == iso14443.FAILED:
                    wait_ms = 0
            self._look_after_reader()
            self._read_contacts()
            feed()
            is_due = time.ticks_diff(looked_at, house_at) >= (_STARVED_MS if found > 0 else 0) or (
                is_rush and self._log.is_short()
            )
            dirty_ms = time.ticks_diff(looked_at, collected_at)
            if dirty_ms >= (_COLLECT_TAP_MS if found > 0 else _COLLECT_RUSH_MS if is_rush else _COLLECT_MS):
                gc.collect()
                collected_at = looked_at
            elif is_due:
                house_at = time.ticks_add(looked_at, _MORE_MS if self._keep_house() else _IDLE_MS)
            await asyncio.sleep_ms(max(0, wait_ms - time.ticks_diff(time.ticks_ms(), looked_at)))

    def _handle_badge(self, length, held):
        """A badge was read: a punch, or a request for its page. held: the token of a badge that may still be there, or
        None. With two badges, holding opens no page: it is unknown which of them stays.
        """
        self._badge_at = time.ticks_ms()
        self._held_since = None  # keys still down must not open a page over the badge's
        outcome = self._punches.handle(length)
        if outcome.kind != punch.MUTED or outcome.token != self._asker:
            self._forget_asker()
        if held is not None and held != self._punches.held:
            self._punches.held = b""
        if outcome.kind == punch.FAILED:
            self._break()
        elif outcome.kind == punch.ASKED:
            self._ask(outcome.token)

    def _ask(self, token):
        """Look up the badge's punches of today. The code is loaded now: it may not be needed for days."""
        self._asker = token
        try:
            self._search = on_demand.load(_TODAY, _UNPACKED).Search(
                token, self._log, self._timekeeper, self._face.receipts, self._hours
            )
        except MemoryError:
            self._search = None
        on_demand.drop(_TODAY)

    def _answer(self, search):
        """One step of a running search; shows the result at its end."""
        if search.step():
            self._search = None
            self._answered_at = time.ticks_ms()
            self._show_page(
                "page", _ANSWER_MS, ("%02X%02X" % (self._asker[0], self._asker[1]), search.rows, search.more)
            )

    def _show_page(self, name, duration_ms, what):
        try:
            draw = getattr(on_demand.load(_TODAY_SCREEN), name)
            self._face.page(lambda canvas, words: draw(canvas, words, *what), duration_ms)
        except MemoryError:
            pass
        on_demand.drop(_TODAY_SCREEN)

    def _forget_asker(self):
        """End the requested page: another badge, or a punch."""
        self._search = None
        self._asker = b""
        self._face.keep(0)

    async def _time(self):
        keeper = self._timekeeper
        asked, pause_ms = time.ticks_ms(), 0
        while True:
            faults_before = keeper.rtc_faults
            wait_ms = keeper.refine()
            if keeper.rtc_faults != faults_before and faults.RTC_CHIP not in self._reported:
                self._fault(faults.RTC_CHIP, keeper.rtc_faults)
                self._uplink.report_status()
            due = time.ticks_diff(time.ticks_ms(), asked) >= pause_ms
            if due and self._may_ask_time():
                pause_ms = _HINT_MS if await self._ask_time(*self._hint) else _HINT_AGAIN_MS
                asked = time.ticks_ms()
            await asyncio.sleep_ms(wait_ms)

    def _may_ask_time(self):
        """Whether a hint is wanted and possible; without room for its record, no step."""
        return self._hint and self._timekeeper.accepts_hints and self._log.free and self._hint[2].connected()

    async def _ask_time(self, sockets, host, wifi):
        """Query a host for the time; returns whether its answer was accepted."""
        try:
            ntp = on_demand.load(_NTP, "app.net.resolver")
            return await ntp.ask(sockets, host, wifi.dns(), self._timekeeper, self.note)
        except MemoryError:
            return False
        finally:
            on_demand.drop(_NTP)

    def _keep_house(self):
        """One bounded piece of housekeeping; True if there is more. Errands that end in a restart wait until no badge
        is near.
        """
        now = time.ticks_ms()
        if self._broken_at is not None and time.ticks_diff(now, self._broken_at) >= _BROKEN_MS:
            self._reset()
        self._timekeeper.stamp(self._stamp)
        try:
            more = self._log.idle(self._stamp)
        except (ClockError, OSError) as error:
            console.report("the log's housekeeping failed:", error)
            self._break()
            more = False
        if more:
            return True
        self._record_tamper()
        errands, is_rush = self._uplink.errands, time.ticks_diff(now, self._badge_at) < _NEAR_MS
        if not (is_rush and errands.can_wait()):
            more = self._uplink.run_errands()
        if errands.restart_due and not (more or is_rush or errands.desk):
            console.report("restarting: the bridge asked for it, or there was no Wi-Fi for an hour")
            self._reset()
        if self._face.display_faults and faults.DISPLAY not in self._reported:
            self._fault(faults.DISPLAY, self._face.display_faults)
            self._uplink.report_status()
        return more

    def _break(self):
        """The log failed: report it, and restart, which reopens it and recovers every stored record."""
        self._face.fault(faults.JOURNAL)
        if self._broken_at is None:
            self._broken_at = time.ticks_ms()

    def _look_after_reader(self):
        usable = self._reader.check()
        if usable != self._reported.get("reader", True):
            self._reported["reader"] = usable
            console.report("reader:", self._reader.fault or "good")
            self._uplink.report_status()
            self._face.fault(0 if usable else faults.READER)
            if not usable:
                self._fault(faults.READER, self._reader.resets)

    def _read_contacts(self):
        key = self._keys.pressed()
        if self._pages:
            self._turn_pages(key)
        elif key in _KEYS:
            self._handle_key(_KEYS[key])
        elif key == "info" and not self._uplink.errands.desk:
            self._forget_asker()
            self._punches.choose(punch.ASK)
            self._show_page("prompt", _CHOICE_MS, ())
        if self._case.changed():
            if self._case.level:
                self._record_tamper()
                self._tamper = self._tamper or _CASE_CLOSED  # an opening that could not be recorded is kept for later
            else:
                self._tamper = _CASE_OPENED
            self._record_tamper()
            self._uplink.report_status()
        if self._uplink.errands.desk or not self._keys.down(_TOGETHER):
            self._held_since = None
        elif self._held_since is None:
            self._held_since = time.ticks_ms()
        elif not self._pages and time.ticks_diff(time.ticks_ms(), self._held_since) >= _PAGES_AFTER_MS:
            self._turn_pages(None)

    def _record_tamper(self):
        """Record that the case was opened or closed; later if there is no room, with priority for an opening."""
        if self._tamper and self._log.free and self.note(record.KIND_TAMPER, bytes((self._tamper,)) + bytes(7)):
            self._tamper = 0

    def _handle_key(self, direction):
        """A key corrects the newest punch's assumed direction, or sets the next one's."""
        outcome = self._punches.correct(direction)
        if outcome is None:
            self._punches.choose(direction)
            self._face.chosen(direction, _CHOICE_MS)
            return
        self._badge_at = time.ticks_ms()
        self._forget_asker()
        if outcome.kind == punch.FAILED:
            self._break()

    def _turn_pages(self, key):
        """Show the technician's pages, whose code is in memory only then; turn or end them."""
        try:
            if self._pages:
                if not self._pages.stay(key, self._badge_at):
                    self._pages = None
                    on_demand.drop(_PAGES)
                return
            pages = on_demand.load(_PAGES)
            self._punches.choose(record.DIRECTION_NONE)  # the two keys meant no punch
            self._pages = pages.Pages(self._face, self._uplink)
        except Exception as error:  # noqa: BLE001 - serving badges matters more than the pages
            self._pages = self._held_since = None
            on_demand.drop(_PAGES)
            console.report("no pages:", repr(error))

    def _fault(self, code, count):
        """Record a FAULT, once for each code and start; repetitions are in the status."""
        if code not in self._reported:
            self._reported[code] = self.note(record.KIND_FAULT, struct.pack(">BBHI", code, 0, min(count, 0xFFFF), 0))


def _raise(_, context):
    """End the loop with a task's exception, like `gather`, whose module would stay in memory."""
    raise context["exception"]

"""The running clock: feeding the watchdog, the end of a task, and records about the clock itself."""

# heapsize: 256k

import asyncio
import framebuf
import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from modelled_time import run, time  # before anything that waits

from app import faults, punch
from app.log import record
from app.clock import STOPPED_MS, WATCHDOG_MS, Clock
from app.errors import JournalFull
from app.punch import Outcome
from app.receipts import Receipts
from app.ui import screens
from app.ui.words import ENGLISH
from drivers import pattern


class Restarted(Exception):
    """The board was reset."""


class Stand:
    """A clock whose parts are a few lines each, and record their calls."""

    def __init__(self, deaths=0, hint=None, level=1):
        self.records = []
        self.found = []
        self.pages = []
        self.kept_ms = []
        self.receipts = Receipts()
        self.head = self.tail = self.boot = 0
        self.polls = self.fed = self.idles = self.holds = 0
        self.watchdogs = []
        self.faults_shown = []
        self.chosen = []
        self.corrected = []
        self.correction = None
        self.outcome = punch.KEPT
        self.usable = True
        self.pressed_keys = []
        self.case_level = level
        self.uplink_ends = None
        self.display_faults = self.rtc_faults = 0
        self.present = False
        self.resets = 0
        self.uid = bytearray(10)
        self.is_full = False
        self.sealed, self.retired = True, False
        self.case = self
        self.level = level
        self.verified = True
        self.desk = None
        self.restart_due = self.settings_wait = self.short = False
        self.errands = self
        self.errands_run = 0
        self.reports = 0
        self.both_down = False
        self.held, self.held_ms, self.away_ms = b"", 0, 0
        self.paging = False
        self.refine_ms, self.free, self.accepts_hints = 1000, 100, False
        self.token = b"badge001"
        self.clock = Clock(self, self, self, self, self, self, self, self, self.watchdog, self.reset, deaths, 14, hint)

    # reader and keys
    def poll(self, uid):
        self.polls += 1
        return self.found.pop(0) if self.found else 0

    def check(self):
        return self.usable

    def pressed(self):
        return self.pressed_keys.pop(0) if self.pressed_keys else None

    def down(self, names):
        return self.both_down and names == ("in", "out")

    def changed(self):
        changed = self.level != self.case_level
        self.level = self.case_level
        return changed

    # punches
    def handle(self, length):
        outcome = Outcome()
        outcome.kind = self.outcome
        outcome.token = self.token
        self.held = self.token
        return outcome

    def hold(self):
        self.holds += 1

    def choose(self, direction):
        self.chosen.append(direction)

    def correct(self, direction):
        self.corrected.append(direction)
        return self.correction

    # face
    def page(self, draw, duration_ms):
        self.paging = True
        self.pages.append(draw)

    def keep(self, duration_ms):
        self.paging = self.paging and duration_ms > 0
        self.kept_ms.append(duration_ms)

    def several(self):
        self.faults_shown.append("several")

    def fault(self, code):
        self.faults_shown.append(code)

    # log and time
    def stamp(self, stamp):
        pass

    def append(self, kind, flags, token, detail, stamp):
        if self.is_full:
            raise JournalFull("full")
        self.records.append((kind, bytes(detail)))

    def idle(self, stamp):
        self.idles += 1
        return False

    def is_short(self):
        return self.short

    def refine(self):
        return self.refine_ms

    def now_s(self):
        return 0

    def refine_in_vain(self):
        self.rtc_faults += 1
        return 50

    # board
    def watchdog(self, timeout_ms):
        self.watchdogs.append(timeout_ms)
        return self

    def feed(self):
        self.fed += 1

    def reset(self):
        raise Restarted

    # uplink and face
    def report_status(self):
        self.reports += 1

    def run_errands(self):
        self.errands_run += 1
        return self.errands_run < 3

    def can_wait(self):
        return self.settings_wait

    def step_desk(self):
        return self.desk is not None

    async def run(self):
        if self.uplink_ends and self.polls >= 3:
            raise self.uplink_ends
        while True:
            await asyncio.sleep_ms(20)
            if self.uplink_ends and self.polls >= 3:
                raise self.uplink_ends

    def live(self, ms):
        """Run for a while; True if the board was reset."""
        try:
            assert run(self.clock._serve(self.feed), ms)
        except Restarted:
            return True
        return False


# Face.chosen and Punches.choose share a fake; the face's takes two arguments.
def test_a_key_chooses_the_next_punchs_direction():
    stand = Stand()
    stand.chosen_shown = []
    stand.clock._face = FaceOf(stand)
    stand.pressed_keys = [None, "out"]
    stand.live(300)
    assert stand.chosen == [record.DIRECTION_OUT] and stand.chosen_shown == [record.DIRECTION_OUT]


def test_a_key_that_puts_right_what_was_assumed_is_no_choice_for_the_next_badge():
    for kind, broken in ((punch.KEPT, []), (punch.FAILED, [faults.JOURNAL])):
        stand = Stand()
        stand.correction = Outcome()
        stand.correction.kind = kind
        stand.paging = True
        stand.pressed_keys = [None, "out"]
        stand.live(300)
        assert stand.corrected == [record.DIRECTION_OUT] and stand.chosen == [] and not stand.paging
        assert stand.faults_shown == broken


def test_the_info_key_and_a_badge_ask_and_what_that_needs_leaves_the_memory_at_once():
    stand = Stand()
    stand.pressed_keys = ["info"]
    stand.live(200)
    assert stand.chosen == [punch.ASK] and len(stand.pages) == 1 and stand.paging
    stand.outcome = punch.ASKED
    stand.found = [4]
    stand.live(200)
    assert len(stand.pages) == 2 and stand.paging
    assert "app.today" not in sys.modules and "app.ui.today_screen" not in sys.modules
    stand.outcome = punch.KEPT
    stand.found = [4]
    stand.live(200)
    assert not stand.paging and len(stand.pages) == 2, "the next badge ends it"


def test_a_badge_that_stays_for_two_seconds_asks_once_and_nobody_elses_does():
    stand = Stand()
    stand.found = [4]
    stand.live(100)
    stand.present, stand.held_ms = True, 1900
    stand.live(200)
    assert stand.pages == []
    stand.held_ms = 2000
    stand.live(400)
    assert len(stand.pages) == 1 and stand.held == b"" and stand.kept_ms[-1] == 2000
    stand.away_ms = 700
    stand.live(100)
    assert stand.kept_ms[-1] == 1300, "two seconds after it was seen last"
    stand.clock._answered_at = time.ticks_add(time.ticks_ms(), -10000)
    kept = len(stand.kept_ms)
    stand.live(200)
    assert len(stand.kept_ms) == kept, "ten seconds are the most"
    # A second badge comes while the first may still be there: which of them stays is not seen.
    stand = Stand()
    stand.found = [4]
    stand.live(100)
    stand.present, stand.token, stand.found = True, b"badge002", [4]
    stand.held_ms = 5000
    stand.live(300)
    assert stand.pages == [] and stand.held == b""
    # The same one, that was lost for a moment.
    stand = Stand()
    stand.found = [4]
    stand.live(100)
    stand.outcome, stand.present, stand.found = punch.MUTED, True, [4]
    stand.held_ms = 2100
    stand.live(300)
    assert len(stand.pages) == 1
    stand.token, stand.found = b"badge002", [4]
    stand.live(100)
    assert not stand.paging, "another badge must not read it, though it makes no punch"


def test_a_badge_that_comes_while_the_journal_is_read_ends_the_search():
    stand = Stand()
    stand.clock._asker = b"badge001"
    stand.clock._search = Endless()
    stand.live(200)
    assert stand.clock._search.steps > 5
    stand.found = [4]
    stand.live(200)
    assert stand.clock._search is None and stand.pages == []


class Air:
    """Wi-Fi, and the app.net.ntp of a clock that may query the time."""

    def __init__(self):
        self.joined = False
        self.asked = []
        self.answers = True

    def connected(self):
        return self.joined

    def dns(self):
        return "192.168.4.1"

    async def ask(self, sockets, host, server, timekeeper, note):
        self.asked.append((sockets, host, server))
        return self.answers


def test_a_clock_that_may_asks_for_the_time_while_it_knows_no_better():
    air = Air()
    sys.modules["app.net.ntp"] = air
    stand = Stand(hint=("sockets", "time.example", air))
    stand.free, stand.accepts_hints, stand.refine_ms = 100, True, 10
    stand.live(100)
    assert air.asked == [], "no Wi-Fi"
    air.joined = True
    stand = Stand(hint=("sockets", "time.example", air))
    stand.free, stand.accepts_hints, stand.refine_ms = 100, True, 10
    stand.live(100)
    assert air.asked == [("sockets", "time.example", "192.168.4.1")], "once, and then after a quarter of an hour"
    assert "app.net.ntp" not in sys.modules
    for free, accepts_hints in ((0, True), (100, False)):
        sys.modules["app.net.ntp"] = air
        stand = Stand(hint=("sockets", "time.example", air))
        stand.free, stand.accepts_hints, stand.refine_ms = free, accepts_hints, 10
        stand.live(100)
        assert len(air.asked) == 1, (free, accepts_hints)


class Endless:
    """A search that continues."""

    steps = 0

    def step(self):
        self.steps += 1
        return False


class FaceOf:
    """The face alone, for names that other parts have too."""

    display_faults = 0

    def __init__(self, stand):
        self._stand = stand

    async def run(self):
        while True:
            await asyncio.sleep_ms(50)

    def chosen(self, direction, choice_ms):
        self._stand.chosen_shown.append(direction)

    def fault(self, code):
        self._stand.faults_shown.append(code)


def test_every_poll_feeds_the_watchdog_and_nothing_else_does():
    stand = Stand()
    stand.live(500)
    assert 5 <= stand.polls and abs(stand.fed - stand.polls) <= 1


def test_in_issue_mode_badges_are_no_punches_and_everything_else_goes_on():
    stand = Stand()
    stand.desk = "a job in issue mode"
    stand.found = [4]
    stand.case_level = 0
    stand.live(200)
    assert stand.polls == 0 and stand.fed > 10 and stand.records == [(record.KIND_TAMPER, b"\x01" + bytes(7))]
    stand.desk = None
    stand.live(200)
    assert stand.polls > 1 and not stand.found


def test_housekeeping_waits_while_badges_come():
    stand = Stand()
    stand.found = [4] * 100
    stand.live(600)
    assert stand.idles == 0
    stand = Stand()
    stand.live(600)
    assert stand.idles >= 1


def test_housekeeping_goes_on_in_a_rush_and_at_once_for_a_log_that_is_short_of_erased_flash():
    stand = Stand()
    stand.found = [4] * 400
    stand.live(7000)
    assert stand.found and 4 <= stand.idles <= 7, "once a second, though every look finds a badge"
    stand = Stand()
    stand.found = [4, 0, 0, 0, 0] * 100
    stand.live(5000)
    assert stand.idles >= 8 and stand.errands_run >= 5
    stand = Stand()
    stand.found = [4] * 100
    stand.short = True
    stand.live(600)
    assert stand.idles >= 10


def test_new_settings_wait_for_the_end_of_a_rush():
    stand = Stand()
    stand.settings_wait = True
    stand.found = [4, 0, 0, 0, 0] * 100
    stand.live(4000)
    assert stand.errands_run == 0
    stand.found = []
    stand.live(2000)
    assert stand.errands_run


def test_a_badge_that_stays_is_held_and_two_are_told():
    stand = Stand()
    stand.present = True
    stand.found = [4, 0, -1, 0]
    stand.live(400)
    assert stand.holds >= 2 and "several" in stand.faults_shown


def test_a_task_that_dies_is_recorded_and_restarts_the_board():
    for end in (ValueError("x"), MemoryError()):
        stand = Stand()
        stand.uplink_ends = end
        assert stand.live(3000)
        assert (record.KIND_FAULT, b"\x05\x00\x00\x01\x00\x00\x00\x00") in stand.records


def test_a_clock_that_keeps_dying_serves_badges_for_longer_each_time():
    stand = Stand(deaths=2)
    stand.uplink_ends = ValueError("again")
    assert not stand.live(1500), "three seconds of grace"
    assert (record.KIND_FAULT, b"\x05\x00\x00\x03\x00\x00\x00\x00") in stand.records
    assert stand.polls > 20


def test_a_dying_task_restarts_the_board_even_if_it_cannot_be_recorded():
    stand = Stand()
    stand.is_full = True
    stand.uplink_ends = ValueError("x")
    assert stand.live(3000) and stand.records == []


def test_a_clock_that_starts_without_its_key_says_so_on_record_and_a_retired_one_does_not():
    stand = Stand()
    stand.sealed = False
    stand.live(200)
    assert stand.records == [(record.KIND_FAULT, bytes((faults.KEY_STORE, 0, 0, 1, 0, 0, 0, 0)))]
    stand = Stand()
    stand.sealed, stand.retired = False, True
    stand.live(200)
    assert stand.records == []


def test_a_log_that_fails_is_shown_and_the_board_restarts():
    stand = Stand()
    stand.outcome = punch.FAILED
    stand.found = [4]
    assert stand.live(6000)
    assert faults.JOURNAL in stand.faults_shown


def test_a_reader_that_is_gone_is_shown_and_recorded_once_and_its_return_is_shown():
    stand = Stand()
    stand.usable = False
    stand.live(400)
    assert stand.faults_shown == [faults.READER]
    assert [entry for entry in stand.records if entry[0] == record.KIND_FAULT] == [
        (record.KIND_FAULT, b"\x01" + bytes(7))
    ]
    assert stand.reports == 1, "and the bridge gets it at once"
    stand.usable = True
    stand.live(300)
    assert stand.faults_shown[-1] == 0 and stand.reports == 2


def test_opening_and_closing_the_case_goes_on_record():
    stand = Stand()
    stand.case_level = 0
    stand.live(200)
    stand.case_level = 1
    stand.live(200)
    assert stand.records == [(record.KIND_TAMPER, b"\x01" + bytes(7)), (record.KIND_TAMPER, b"\x02" + bytes(7))]
    assert stand.reports == 2


def test_a_start_with_an_open_case_goes_on_record():
    stand = Stand(level=0)
    stand.live(600)
    assert stand.records == [(record.KIND_TAMPER, b"\x01" + bytes(7))]
    stand.case_level = 1
    stand.live(200)
    assert stand.records[1:] == [(record.KIND_TAMPER, b"\x02" + bytes(7))]


def test_an_opening_for_which_there_is_no_room_goes_on_record_as_soon_as_there_is():
    stand = Stand()
    stand.free = 0
    for level in (0, 1, 0, 1):
        stand.case_level = level
        stand.live(200)
    assert not stand.records
    stand.free = 100
    stand.live(600)
    assert stand.records == [(record.KIND_TAMPER, b"\x01" + bytes(7))]


def test_a_display_or_an_rtc_that_fails_is_recorded_and_told_to_the_bridge_once():
    stand = Stand()
    stand.display_faults = 1
    stand.live(600)
    assert stand.records == [(record.KIND_FAULT, b"\x06\x00\x00\x01\x00\x00\x00\x00")] and stand.reports == 1
    stand.display_faults = 2
    stand.live(600)
    assert len(stand.records) == 1 and stand.reports == 1
    stand = Stand()
    stand.refine = stand.refine_in_vain
    stand.live(600)
    assert stand.rtc_faults > 2
    assert stand.records == [(record.KIND_FAULT, b"\x04\x00\x00\x01\x00\x00\x00\x00")] and stand.reports == 1


def test_a_restart_that_the_bridge_asked_for_waits_until_no_badge_is_near_and_no_desk_is_open():
    stand = Stand()
    stand.found = [4] * 12
    stand.restart_due = True
    assert not stand.live(700) and not stand.found
    stand = Stand()
    stand.restart_due = True
    stand.desk = "a job in issue mode"
    assert not stand.live(700)
    stand.desk = None
    assert stand.live(2000)


class Lent:
    """What the technician's pages need of face and uplink."""

    display_faults = 0
    desk = None
    restart_due = False
    last_failure = ""

    def __init__(self):
        self.failures = {}
        self.shown = []
        self.errands = self

    def facts(self):
        return PAGE_FACTS

    def show(self, draw, duration_ms, signal):
        self.shown.append(draw)

    def keep(self, duration_ms):
        assert duration_ms == 0, "a badge came, and the question is void"

    async def run(self):
        while True:
            await asyncio.sleep_ms(20)

    def run_errands(self):
        return False

    def can_wait(self):
        return False

    def step_desk(self):
        return False

    def keep(self, duration_ms):
        pass

    def report_status(self):
        pass


PAGE_FACTS = {"uptime_ms": 0, "reset": 1, "boot": 1, "source": 1, "bound_ms": 5, "heap_free": 1, "firmware": "00" * 8}
PAGE_FACTS.update({"head": 9, "tail": 7, "free": 5, "capacity": 99, "sealed": True, "tears": 0, "wear": 1})
PAGE_FACTS.update({"rssi": None, "connection": 1, "cert_until": None, "reader": "92", "reader_fault": None})
PAGE_FACTS.update({"reader_resets": 0, "display_faults": 0, "rtc_faults": 0, "case_open": False, "temperature": 21})


def test_in_and_out_held_for_three_seconds_open_the_technicians_pages_and_a_badge_ends_them():
    stand, lent = Stand(), Lent()
    stand.clock._face = stand.clock._uplink = lent
    stand.both_down = True
    stand.live(2500)
    assert lent.shown == []
    stand.live(1000)
    assert len(lent.shown) == 1 and stand.chosen == [record.DIRECTION_NONE]
    assert "app.ui.pages" in sys.modules
    stand.both_down = False
    stand.pressed_keys = ["out"]
    stand.live(200)
    assert len(lent.shown) == 2 and stand.chosen == [record.DIRECTION_NONE], "a key turns the page, and chooses nothing"
    stand.found = [4]
    stand.live(200)
    assert stand.clock._pages is None and "app.ui.pages" not in sys.modules


def test_a_badge_ends_the_technicians_pages_also_while_the_two_keys_are_still_down():
    stand, lent = Stand(), Lent()
    stand.clock._face = stand.clock._uplink = lent
    stand.both_down = True
    stand.live(3500)
    assert len(lent.shown) == 1
    stand.found = [4]
    stand.live(2500)
    assert len(lent.shown) == 1, "nothing covers what the clock says to the badge"
    stand.live(1000)
    assert len(lent.shown) == 2


def test_a_badge_is_looked_for_as_often_while_the_pages_are_turned_as_without_them():
    plain, stand, lent = Stand(), Stand(), Lent()
    plain.live(3000)
    stand.clock._face = stand.clock._uplink = lent
    stand.both_down = True
    stand.live(3500)
    stand.both_down, stand.polls = False, 0
    stand.pressed_keys = ["info"] * plain.polls
    stand.live(3000)
    assert len(lent.shown) == 1 + plain.polls and stand.polls == plain.polls >= 70


def test_an_interrupt_is_shown_at_once_and_the_watchdog_ends_it():
    class Interrupted:
        """A display that is interrupted once more, and then does not answer."""

        canvas = framebuf.FrameBuffer(bytearray(1024), 128, 64, framebuf.MONO_VLSB)
        starts = 0
        shown = False
        ends = [KeyboardInterrupt(), OSError(19)]

        def tint(self, mood):
            assert mood == screens.BROKEN

        def start(self):
            self.starts += 1

        def update(self):
            if self.ends:
                raise self.ends.pop(0)
            self.shown = True
            return False

    stand, display = Stand(), Interrupted()
    buzzer, lamp = Player(709), Player(1)
    buzzer.play((554, 80, 709, 120))
    lamp.play((1, 1000))
    stand.clock._face = FaceOf(stand)
    stand.clock._face._buzzer, stand.clock._face._lamp = buzzer, lamp
    stand.clock._face._display, stand.clock._face._words = display, ENGLISH

    async def interrupted(feed):
        raise KeyboardInterrupt

    stand.clock._serve = interrupted
    stand.clock.run()
    assert stand.watchdogs == [WATCHDOG_MS, STOPPED_MS]
    assert display.shown and display.starts == 3
    assert not buzzer.playing and not lamp.playing and (buzzer.value, lamp.value) == (0, 0)


class Player(pattern.Player):
    """A buzzer or lamp."""

    def __init__(self, value):
        super().__init__(0)
        self.value = value

    def _apply(self, value):
        self.value = value


def test_pages_that_cannot_be_shown_stop_no_badge():
    stand = Stand()
    stand.both_down = True
    stand.live(3500)
    assert stand.clock._pages is None and stand.records == [] and stand.polls > 60


def test_errands_are_run_when_no_badge_is_near_and_new_settings_restart_the_clock_after_them():
    stand = Stand()
    stand.found = [4]
    assert not stand.live(300) and stand.errands_run == 0
    stand = Stand()
    assert not stand.live(500) and stand.errands_run >= 3
    stand = Stand()
    stand.restart_due = True
    assert stand.live(600) and stand.errands_run == 3
    stand = Stand()
    stand.restart_due = True
    stand.desk = "a job in issue mode"
    assert not stand.live(600)

"""Display and tones for a worker, when, and for how long."""

# heapsize: 256k

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

import framebuf
from app import punch
from app.ui import face, screens, signals, words
from app.ui.face import Face
from app.punch import Outcome
from app.receipts import Receipts
from app.ui.words import ENGLISH, load
from bench import Panel, Time
from drivers import pattern
from drivers.ssd1306 import SSD1306_I2C
from ocr import read, read_large

FRENCH = load("fr", os.getenv("BADGECLOCK_ROOT") + "/firmware/lang/")
MORNING_S = 1796021880  # 07:58 in Brussels


class Settings:
    site = "Demo site"
    clock_id = "clock-0001"
    message_s = 2
    language = "en"
    volume = 3
    quiet_hours = None


class Timekeeper:
    now = (2026, 11, 30, 7, 58, 0, 0)

    def local(self):
        return self.now

    def local_of(self, utc_s):
        minutes = (utc_s - MORNING_S) // 60 + 58
        return (2026, 11, 30, 7 + minutes // 60, minutes % 60, 0, 0)


class Log:
    nearly_full = retired = False
    sealed = True
    unsent = 0
    free = 1000


class Player(pattern.Player):
    """A buzzer or lamp that remembers every pattern it was given."""

    def __init__(self):
        super().__init__(0)
        self.played = []
        self.volume = None

    def play(self, steps, then=()):
        self.played.append(steps + then)
        super().play(steps, then)

    def _apply(self, value):
        pass


class Stand:
    """A face with its display, and a person's watch."""

    def __init__(self):
        self.ticks = face.time = pattern.time = Time()
        self.panel = Panel()
        display = SSD1306_I2C(self.panel)
        display.start()
        self.buzzer, self.lamp = Player(), Player()
        self.time, self.log = Timekeeper(), Log()
        self.face = Face(Settings, ENGLISH, display, self.buzzer, self.lamp, self.time, self.log, Receipts())
        self.face.link(2)
        self.wait(30)

    def wait(self, ms):
        """Let the face work for that long."""
        end = self.ticks.now_ms + ms
        while True:
            self.face.work()
            if self.ticks.now_ms >= end:
                return
            self.ticks.now_ms += 10

    def punch(self, seq, kind=punch.KEPT, direction=1, language=None, assumed=False):
        outcome = Outcome()
        outcome.assumed = assumed
        outcome.token, outcome.language = b"\x7f\x3a\x01\x02\x03\x04\x05\x06", language
        outcome.kind, outcome.seq, outcome.direction, outcome.moment_s = kind, seq, direction, MORNING_S
        self.face.punched(outcome)

    def shows(self, *texts):
        rows = read(self.panel.ram)
        large = [read_large(self.panel.ram, row) for row in (0, 4)]
        return all(any(text in row for row in rows + large) for text in texts)

    def is_idle(self):
        return self.shows("Hold your badge", "Demo site")

    def sounds(self):
        """The tones since the last call."""
        played, self.buzzer.played = self.buzzer.played, []
        return played


REGISTERED, REFUSED, UNKNOWN, VALIDATED, WAITS = 1, 2, 3, 4, 6


def test_a_punch_sounds_at_once_and_shows_within_one_turn():
    stand = Stand()
    assert stand.is_idle()
    stand.punch(12)
    assert stand.sounds() == [signals.KEPT_TONES[1]]
    stand.wait(10)
    assert stand.shows("IN", "07:58", "Saved here", "#12")
    stand.wait(1900)
    assert stand.shows("Saved here")
    stand.wait(200)
    assert stand.is_idle()


def test_offline_a_punch_says_that_it_is_sent_later():
    stand = Stand()
    stand.face.link(1)
    stand.punch(12, direction=2)
    stand.wait(20)
    assert stand.shows("OUT", "Saved,", "sent later", "#12")
    assert stand.sounds() == [signals.KEPT_TONES[2] + signals.OFFLINE_TONES]


def test_a_confirmation_within_the_message_upgrades_it_for_a_second_at_least():
    stand = Stand()
    stand.punch(12)
    stand.wait(1700)
    stand.sounds()
    stand.face.receipt(12, REGISTERED, 0, 2026113000123456)
    stand.wait(20)
    assert (
        stand.shows("IN", "07:58", "Confirmed by", "NSSO", "..123456")
        and stand.panel.inverted
        and not stand.shows("Saved")
    )
    assert stand.sounds() == [signals.CONFIRMED[0]]
    stand.wait(900)
    assert stand.shows("Confirmed by")
    stand.wait(200)
    assert stand.is_idle() and not stand.panel.inverted


def test_a_confirmation_never_cuts_the_punchs_own_tones():
    stand = Stand()
    stand.punch(12)
    stand.wait(50)
    stand.sounds()
    stand.face.receipt(12, REGISTERED, 0, 5)
    stand.wait(20)
    assert stand.shows("Confirmed by", "..5") and stand.sounds() == []


def test_a_later_receipt_is_its_own_message_within_ten_seconds():
    stand = Stand()
    stand.punch(12)
    stand.wait(9000)
    assert stand.is_idle()
    stand.face.receipt(12, REGISTERED, 0, 77)
    stand.wait(20)
    assert stand.shows("Confirmed by", "..77")
    stand.wait(2100)
    assert stand.is_idle()
    stand.punch(13)
    stand.wait(11000)
    stand.face.receipt(13, REGISTERED, 0, 78)
    stand.wait(20)
    assert stand.is_idle()


def test_refused_and_unknown_are_shown_with_three_low_tones():
    for state, texts, signal in (
        (REFUSED, ("Refused:", "see office", "#12"), signals.REFUSED),
        (UNKNOWN, ("Unknown badge", "See office", "#12"), signals.UNKNOWN_BADGE),
    ):
        for delay in (300, 5000):
            stand = Stand()
            stand.punch(12)
            stand.wait(delay)
            stand.sounds()
            stand.face.receipt(12, state, 3, 0)
            stand.wait(20)
            assert stand.shows(*texts) and stand.sounds() == [signal[0]]
            stand.wait(1000)
            assert stand.shows(*texts)


def test_the_next_badge_cuts_any_message_and_keeps_the_others_receipt_away():
    stand = Stand()
    stand.punch(12)
    stand.wait(300)
    stand.punch(13, direction=2)
    stand.face.receipt(12, REFUSED, 3, 0)
    stand.wait(20)
    assert stand.shows("OUT", "#13", "Saved here")
    stand.wait(3000)
    assert stand.is_idle()


def test_a_receipt_waits_for_another_message_to_end():
    stand = Stand()
    stand.punch(12)
    stand.wait(100)
    stand.face.several()
    stand.face.receipt(12, REGISTERED, 0, 99)
    stand.wait(100)
    assert stand.shows("One badge", "at a time")
    stand.wait(2000)
    assert stand.shows("Confirmed by", "..99")
    stand.wait(2100)
    assert stand.is_idle()


def test_a_receipt_that_says_the_same_again_is_no_news():
    stand = Stand()
    stand.punch(12)
    stand.wait(500)
    stand.face.receipt(12, REGISTERED, 0, 99)
    stand.wait(2000)
    assert stand.is_idle()
    stand.sounds()
    stand.face.receipt(12, VALIDATED, 0, 99)
    stand.face.receipt(12, WAITS, 0, 0)
    stand.wait(20)
    assert stand.is_idle() and stand.sounds() == []
    stand.face.receipt(12, REFUSED, 2, 0)
    stand.wait(20)
    assert stand.shows("Refused:"), "what changed is"


def test_a_duplicate_shows_the_first_punchs_time_and_is_not_the_refused_sound():
    stand = Stand()
    stand.punch(12)
    stand.wait(2500)
    stand.sounds()
    stand.punch(13, kind=punch.DUPLICATE)
    stand.wait(20)
    assert stand.shows("Already at 07:58", "#13")
    tones = stand.sounds()[0]
    assert len(tones) == 2 and tones != signals.REFUSED[0]


def test_a_badge_that_is_not_accepted_has_a_sound_and_a_screen_of_its_own_and_keeps_others_receipts_away():
    stand = Stand()
    stand.punch(5)
    stand.punch(0, punch.UNPROVED)
    stand.wait(30)
    assert stand.sounds()[-1] == signals.BADGE_REFUSED[0]
    assert stand.shows("Try again, or", "see office")
    stand.face.receipt(5, 1, 0, 1234567)
    stand.wait(12000)
    assert stand.sounds() == []


def test_several_badges_are_signalled_once_while_they_stay():
    stand = Stand()
    for _ in range(20):
        stand.face.several()
        stand.wait(80)
    assert len(stand.sounds()) == 1 and stand.shows("One badge")
    stand.wait(2100)
    assert stand.is_idle()


def test_a_full_memory_and_a_fault_are_one_long_tone_and_never_say_saved_here():
    for kind, text in ((punch.FULL, "Memory full"), (punch.FAILED, "Clock fault")):
        stand = Stand()
        stand.punch(0, kind=kind)
        stand.wait(20)
        assert stand.shows(text, "Not saved") and not stand.shows("Saved here")
        tones = stand.sounds()[0]
        assert len(tones) == 2 and tones[1] >= 800


def test_a_standing_fault_takes_the_idle_screens_place_until_it_is_over():
    stand = Stand()
    stand.face.fault(1)
    stand.wait(1000)
    assert stand.shows("Clock fault", "code") and len(stand.sounds()) == 1
    stand.face.fault(0)
    stand.wait(1000)
    assert stand.is_idle()


def test_the_idle_screen_follows_link_count_warning_and_minute():
    stand = Stand()
    assert stand.shows("Online", "Hold your badge")
    stand.face.link(0)
    stand.log.unsent = 12
    stand.log.nearly_full = True
    stand.wait(600)
    assert stand.shows("No Wi-Fi", "12", "Memory 80% full")
    stand.time.now = None
    stand.wait(600)
    assert stand.shows("Clock not", "Demo site")


def test_a_full_journal_stands_on_the_display_until_there_is_room():
    stand = Stand()
    stand.log.nearly_full, stand.log.free = True, 0
    stand.wait(600)
    assert stand.shows("Memory full", "Not saved") and not stand.shows("Hold your badge")
    stand.log.free = 3
    stand.wait(600)
    assert stand.shows("Hold your badge", "Memory 80% full")


def test_a_lost_seal_stands_on_the_display_though_punches_are_kept():
    stand = Stand()
    stand.log.sealed, stand.log.nearly_full = False, True
    stand.wait(600)
    assert stand.shows("Hold your badge", "Fault: no seal")
    stand.punch(7)
    assert not stand.shows("Not saved")
    stand.wait(3000)
    assert stand.shows("Fault: no seal")


def test_a_retired_clock_says_so_and_signals_that_nothing_is_kept():
    stand = Stand()
    stand.log.sealed, stand.log.retired, stand.log.free = False, True, 0
    stand.wait(600)
    assert stand.shows("Clock retired", "Not saved")
    stand.punch(0, kind=punch.FULL)
    stand.wait(20)
    assert stand.shows("Clock retired") and not stand.shows("Memory full")
    assert stand.sounds()[-1][1] >= 800


def test_nothing_is_sent_to_the_display_while_nothing_changes():
    stand = Stand()
    stand.wait(1000)
    sent = stand.panel.sent
    stand.wait(5000)
    assert stand.panel.sent == sent


def test_a_display_that_does_not_answer_changes_nothing_else_and_comes_back():
    stand = Stand()
    stand.panel.dead = True
    stand.punch(12)
    stand.wait(500)
    assert stand.face.display_faults == 1 and stand.sounds()
    stand.panel.dead = False
    stand.wait(11000)
    assert stand.is_idle()


def dark_ms(stand, most_ms):
    """How long a display is dark after a dip of its supply, if it is longer than no time; it shows what it did then."""
    before = bytes(stand.panel.ram)
    stand.panel.dip()
    dipped = stand.ticks.now_ms
    while not stand.panel.is_set_up():
        assert stand.ticks.now_ms - dipped < most_ms, "it stays dark"
        stand.wait(10)
    assert bytes(stand.panel.ram) == before
    return stand.ticks.now_ms - dipped


def test_a_display_that_went_dark_by_a_dip_of_its_supply_is_back_within_seconds_and_counted():
    stand = Stand()
    for before_ms in (0, 1300, 200000):
        stand.wait(before_ms)
        assert dark_ms(stand, 3200) > 0 and stand.is_idle()
    assert stand.face.display_faults == 3


def test_a_display_that_cannot_tell_is_back_within_a_minute_when_nobody_is_near_and_in_two_in_a_queue():
    stand = Stand()
    stand.panel.readable = False
    stand.face._display.start()
    stand.wait(100)
    assert dark_ms(stand, 63200) > 0 and stand.is_idle()
    stand.panel.dip()
    for seq in range(110):
        stand.punch(seq)
        stand.wait(1200)
        if stand.panel.is_set_up():
            break
    assert stand.panel.is_set_up() and seq > 40 and stand.shows("Saved here", "#%d" % seq)
    assert stand.face.display_faults == 0


def test_success_is_over_within_300_ms_and_the_pattern_tells_the_outcome():
    offline = tuple(tones + signals.OFFLINE_TONES for tones in signals.KEPT_TONES)
    for tones in signals.KEPT_TONES + offline + (signals.CONFIRMED[0], signals.TWICE[0]):
        assert duration_ms(tones) <= 300, tones
    for tones in signals.KEPT_TONES:
        assert 1 <= sounding(tones) <= 2
    for tones, _ in (signals.UNKNOWN_BADGE, signals.REFUSED, signals.SEVERAL_BADGES):
        assert sounding(tones) == 3
    for tones, _ in (signals.NO_ROOM, signals.FAULT):
        assert sounding(tones) == 1 and tones[1] >= 800
    tones = signals.BADGE_REFUSED[0]
    assert sounding(tones) == 2 and duration_ms(tones) > 600
    assert len(set(signals.KEPT_TONES)) == 5


def sounding(tones):
    """How many tones of a pattern can be heard."""
    return sum(1 for at in range(0, len(tones), 2) if tones[at])


def duration_ms(tones):
    return sum(tones[at] for at in range(1, len(tones), 2))


def test_identify_shows_the_clocks_name():
    stand = Stand()
    stand.face.identify()
    stand.wait(20)
    assert stand.shows("I am here", "clock-0001")


def test_a_key_shows_what_the_next_punch_will_be():
    stand = Stand()
    stand.face.chosen(2, 10000)
    stand.wait(20)
    assert stand.shows("Hold your badge") and not stand.is_idle()
    stand.wait(10100)
    assert stand.is_idle()


def test_a_direction_that_is_assumed_has_a_question_mark_and_a_hint_whether_the_bridge_is_there_or_not():
    for link in (2, 1):
        stand = Stand()
        stand.face.link(link)
        stand.punch(12, assumed=True)
        stand.wait(20)
        assert stand.shows("IN", "07:58", "Saved here", "#12", "Wrong? Press key")
        assert any(stand.panel.ram[256 + 92 : 256 + 104]), "the question mark"
        stand.punch(13)
        stand.wait(20)
        assert not stand.shows("Wrong?") and not any(stand.panel.ram[256 + 92 : 256 + 104])


def test_a_direction_that_is_assumed_is_shown_as_long_as_a_key_puts_it_right():
    for message_s, shown_ms in ((2, 3000), (9, 9000)):
        stand = Stand()
        stand.face._message_ms = message_s * 1000
        stand.punch(12, assumed=True)
        stand.wait(shown_ms - 100)
        assert stand.shows("Wrong? Press key")
        stand.wait(200)
        assert stand.is_idle()


def test_a_page_stands_as_long_as_it_is_kept_and_any_badge_ends_it_at_once():
    stand = Stand()
    pages = []

    def draw(canvas, words):
        pages.append(words)
        canvas.fill(0)
        canvas.text("Today", 0, 0, 1)
        return screens.IDLE

    stand.punch(7)
    stand.wait(2500)
    stand.face.page(draw, 2000)
    stand.wait(20)
    assert stand.shows("Today") and stand.face._draw_page and stand.buzzer.played[-1] == signals.KEY[0]
    stand.face.receipt(7, 1, 0, 99)
    stand.wait(1900)
    stand.face.keep(1000)
    stand.wait(900)
    assert stand.shows("Today"), "a receipt waits"
    stand.punch(8)
    stand.wait(20)
    assert stand.shows("#8") and not stand.face._draw_page
    stand.face.keep(60000)
    stand.wait(2100)
    assert stand.is_idle(), "what is over is not kept"
    stand.face.page(draw, 2000)
    stand.wait(2100)
    assert stand.is_idle() and not stand.face._draw_page and len(pages) == 2
    stand.face.page(draw, 2000)
    stand.face.chosen(2, 10000)
    stand.wait(20)
    assert stand.shows("Hold your badge") and not stand.face._draw_page, "a key ends it too"


def test_every_receipt_is_noted_for_whoever_asks():
    stand = Stand()
    stand.face.receipt(5, 1, 0, 1234567)
    stand.face.receipt(6, 2, 4, 0)
    assert stand.face.receipts.find(5) == (1, 234567) and stand.face.receipts.find(6) == (2, 4)


def test_a_worker_is_told_in_their_own_language_and_the_next_one_in_the_sites():
    stand = Stand()
    words.load = lambda language: FRENCH
    stand.punch(12, language="fr")
    stand.wait(20)
    assert stand.shows("Gardé ici", "#12")
    stand.face.receipt(12, REGISTERED, 0, 99)
    stand.wait(20)
    assert stand.shows("Confirmé par", "l'ONSS ..99")
    stand.punch(13)
    stand.wait(20)
    assert stand.shows("Saved here", "#13")
    stand.wait(2100)
    assert stand.is_idle()
    stand.punch(14, kind=punch.DUPLICATE, language="fr")
    stand.wait(20)
    assert stand.shows("Déjà à 07:58")
    stand.face.several()
    stand.wait(20)
    assert stand.shows("One badge"), "nobody's badge, so the site's language"
    assert "app.ui.words" not in sys.modules, "what reads languages does not stay in memory"
    stand.punch(15, language="xx")
    stand.wait(20)
    assert stand.shows("Saved here", "#15"), "a language that the clock has not"


def test_a_punch_that_waits_says_how_many_do():
    stand = Stand()
    stand.face.link(0)
    stand.log.unsent = 37
    stand.punch(12)
    stand.wait(20)
    shown = framebuf.FrameBuffer(bytearray(stand.panel.ram), 128, 64, framebuf.MONO_VLSB)
    shown.scroll(0, 3)  # the count is between two rows of the grid
    moved = bytearray(1024)
    framebuf.FrameBuffer(moved, 128, 64, framebuf.MONO_VLSB).blit(shown, 0, 0)
    assert read(moved)[3].endswith("37") and stand.shows("sent later")


def test_the_quiet_hours_are_the_softest_and_a_silent_clock_stays_silent():
    for volume, hours, expected in (
        (3, None, {0: 3, 300: 3, 720: 3}),
        (3, (1320, 360), {1319: 3, 1320: 1, 0: 1, 359: 1, 360: 3}),
        (2, (60, 120), {59: 2, 60: 1, 119: 1, 120: 2}),
        (0, (1320, 360), {0: 0, 720: 0}),
    ):
        stand = Stand()
        stand.face._settings = QuietSettings
        QuietSettings.volume, QuietSettings.quiet_hours = volume, hours
        for minute, wanted in expected.items():
            stand.time.now = (2026, 11, 30, minute // 60, minute % 60, 0, 0)
            stand.wait(600)
            assert stand.buzzer.volume == wanted, (volume, hours, minute, stand.buzzer.volume)
        stand.time.now = None
        stand.wait(600)
        assert stand.buzzer.volume == volume, "without a time there is no night"


class QuietSettings(Settings):
    """Settings of a clock that is quiet at night."""


def test_a_screen_that_was_lent_stands_for_its_time_and_keeps_receipts_waiting():
    stand = Stand()
    stand.punch(7)
    stand.wait(100)
    drawn = []

    def draw(canvas, words):
        drawn.append(words)
        canvas.fill(0)
        canvas.text("Badge desk", 0, 0, 1)
        return screens.NOTICE

    stand.face.show(draw, 3000, signals.KEY)
    stand.wait(200)
    assert stand.buzzer.played[-1] == signals.KEY[0]
    assert drawn == [ENGLISH], "once, in the site's words"
    assert stand.shows("Badge desk")
    stand.face.receipt(7, 1, 0, 123456789)
    stand.face.chosen(2, 10000)
    stand.wait(2000)
    assert stand.shows("Badge desk")
    stand.wait(1000)
    assert stand.shows("Confirmed by"), "its turn comes after"
    stand.wait(3000)
    assert stand.is_idle()
    assert not callable(stand.face._kind), "the module that drew it can go"


def test_a_badge_ends_a_screen_that_was_lent():
    stand = Stand()

    def draw(canvas, words):
        canvas.fill(1)
        return screens.NOTICE

    stand.face.show(draw, 4000, signals.KEY)
    stand.wait(100)
    stand.punch(8)
    stand.wait(100)
    assert stand.shows("Saved here")


def test_a_badge_that_the_roster_lacks_is_shown_at_once_with_what_the_worker_can_say():
    stand = Stand()
    stand.punch(12, kind=punch.UNKNOWN)
    assert stand.sounds() == [signals.UNKNOWN_BADGE[0]]
    stand.wait(10)
    assert stand.shows("Unknown badge", "See office") and "7F3A" in read_large(stand.panel.ram, 2)
    stand.face.receipt(12, UNKNOWN, 0, 0)
    assert stand.sounds() == [], "the bridge says the same: no news"
    stand.face.receipt(12, REGISTERED, 0, 123456789)
    stand.wait(10)
    assert stand.shows("Confirmed by", "456789"), "the bridge knew it already, and the roster was on its way"

"""From a UID to the signal: kept before anything is signalled, distinguished, and the same after a restart."""

# heapsize: 512k

import gc
import json
import os
import random
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app.log import recall as punch_recall
from app.log import record
from app.log.hmac256 import hmac256
from app.punch import DUPLICATE, FAILED, FULL, KEPT, MUTED, UNKNOWN, UNPROVED
from app.recent import Recent
from clock_site import HOUR_S, MORNING_S, SITE_KEY, UIDS, Site

KEY, FIXED, LAST, ASSUMED = 1, 2, 3, 4
FIRST = LAST
IN, OUT = record.DIRECTION_IN, record.DIRECTION_OUT
BREAK, BACK = record.DIRECTION_BREAK_START, record.DIRECTION_BREAK_END


def test_the_record_is_kept_before_anything_is_signalled():
    site = Site()
    head = site.log.head
    kind, _, seq = site.tap()
    assert kind == KEPT and seq == head
    assert site.signals == [(KEPT, head + 1)] and site.notified == 1


def test_tokens_of_a_site_that_had_several_keys_are_those_of_the_vectors():
    with open(os.getenv("BADGECLOCK_ROOT") + "/tests/vectors/seal.json") as file:
        cases = json.load(file)["tokens"]
    assert {len(case["site_key"]) // 64 for case in cases} == {1, 2, 3}
    for case in cases:
        site = Site()
        site.site_key = bytes.fromhex(case["site_key"])
        site.restart()
        assert site.punches._token(bytes((case["type"],)), bytes.fromhex(case["id"])).hex() == case["token"]


def test_the_token_is_the_protocols_and_the_uid_is_gone():
    for uid in UIDS:
        site = Site()
        site.tap(uid)
        assert site.newest().token == hmac256(SITE_KEY, b"\x01" + uid)[:8]
        assert bytes(site.punches.uid) == bytes(10)


def test_out_follows_in_and_in_follows_out():
    site = Site()
    directions = [site.tap(after_s=HOUR_S)[1] for _ in range(4)]
    assert directions == [IN, OUT, IN, OUT]
    assert site.tap(UIDS[1])[1] == IN, "each worker has their own"


# A worker's actions, and the clock's results: hours since the punch before, key, direction, where that is from.
SHIFTS = (
    ("a day with a break", ((0, 0, IN, FIRST), (4, BREAK, BREAK, KEY), (0.5, BREAK, BACK, KEY), (4, 0, OUT, LAST))),
    ("back without the key", ((0, 0, IN, FIRST), (4, BREAK, BREAK, KEY), (0.5, 0, BACK, LAST), (4, 0, OUT, LAST))),
    ("home from the break", ((0, 0, IN, FIRST), (4, BREAK, BREAK, KEY), (1, OUT, OUT, KEY), (14.5, 0, IN, ASSUMED))),
    ("two shifts", ((0, 0, IN, FIRST), (4, 0, OUT, LAST), (1, 0, IN, LAST), (4, 0, OUT, LAST))),
    ("a day and a night", ((0, 0, IN, FIRST), (8.5, 0, OUT, LAST), (13.9, 0, IN, ASSUMED))),
    ("a night", ((14, 0, IN, FIRST), (3, BREAK, BREAK, KEY), (0.5, 0, BACK, LAST), (4, 0, OUT, LAST))),
    ("a night without a break", ((14, 0, IN, FIRST), (8, 0, OUT, ASSUMED), (1, 0, IN, LAST))),
    ("a return that was not tapped", ((0, 0, IN, FIRST), (5, 0, OUT, LAST), (5, 0, IN, LAST), (13.5, 0, IN, ASSUMED))),
    ("the same, put right", ((10, 0, IN, FIRST), (13.5, 0, IN, ASSUMED), (0.002, OUT, OUT, KEY), (0.1, 0, IN, LAST))),
    ("fourteen hours to the second", ((0, 0, IN, FIRST), (14, 0, IN, ASSUMED))),
    ("a forgotten OUT", ((0, 0, IN, FIRST), (24, 0, IN, ASSUMED), (9, 0, OUT, LAST))),
    ("a forgotten OUT, put right", ((0, 0, IN, FIRST), (24, 0, IN, ASSUMED), (0.002, OUT, OUT, KEY), (0.1, 0, IN, LAST))),
    ("a forgotten end of a break", ((0, BREAK, BREAK, KEY), (20, BREAK, BREAK, KEY), (0.5, BREAK, BACK, KEY))),
    ("a break that nobody ended", ((0, BREAK, BREAK, KEY), (20, 0, IN, ASSUMED))),
    ("in by key, twice", ((0, IN, IN, KEY), (1, IN, IN, KEY), (1, 0, OUT, LAST))),
)


def test_at_every_turn_of_a_shift_direction_and_its_origin_are_those_of_the_table():
    for name, punches in SHIFTS:
        site = Site()
        for number, (hours, key, direction, origin) in enumerate(punches):
            site.passes(int(hours * HOUR_S))
            if key:
                site.punches.choose(key)
            kind, found, _ = site.tap()
            told = site.newest()
            assert (kind, found, told.detail[0]) == (KEPT, direction, origin), (name, number, kind, found, told.detail)
            assert told.flags & 7 == direction and told.detail[1:] == bytes(7)
            assert site.punches._outcome.assumed == (origin == ASSUMED), (name, number)


def test_a_clock_of_one_direction_says_that_it_is_and_breaks_go_by_key():
    for direction, way in (("in", IN), ("out", OUT)):
        site = Site(direction=direction)
        for after_s, key, found, origin in (
            (0, 0, way, FIXED),
            (30 * HOUR_S, 0, way, FIXED),
            (HOUR_S, BREAK, BREAK, KEY),
            (HOUR_S, BREAK, BACK, KEY),
            (HOUR_S, 0, way, FIXED),
        ):
            if key:
                site.passes(after_s)
                site.punches.choose(key)
                after_s = 0
            assert site.tap(after_s=after_s)[1] == found and site.newest().detail[0] == origin


def test_the_hours_are_a_setting():
    for hours, after_h, origin in ((1, 0.9, LAST), (1, 1, ASSUMED), (48, 15, LAST), (16, 16, ASSUMED)):
        site = Site(direction_hours=hours)
        site.tap()
        assert site.tap(after_s=int(after_h * HOUR_S))[1] == (OUT if origin == LAST else IN)
        assert site.newest().detail[0] == origin


def test_a_first_punch_is_no_guess_until_the_clock_may_have_forgotten_some():
    site = Site(sectors=20)
    assert site.tap()[1] == IN and site.newest().detail[0] == FIRST
    for number in range(9):  # of one bucket
        site.recent.put(bytes((number, 0, 0, 0, 0, 0, 0, 5)), MORNING_S, IN)
    assert site.tap(UIDS[1], after_s=5)[1] == IN and site.newest().detail[0] == ASSUMED
    site.restart()
    assert site.tap(UIDS[2], after_s=5)[1] == IN and site.newest().detail[0] == FIRST
    recall = punch_recall.recall
    site.log.read_into, reading = nothing_to_read, site.log.read_into
    recent = Recent(is_short=False)
    site.log._state.seq += 640
    recall(site.log, recent)
    assert not recent.whole, "640 records are read back"
    site.log._state.seq -= 640
    site.log.read_into = reading


def nothing_to_read(*_):
    return 0, 0


def test_the_window_outlasts_a_restart_without_a_time_and_a_direction_is_then_no_silent_guess():
    for window_s, after_s, kind in ((60, 40, DUPLICATE), (60, 70, KEPT), (3600, 3500, DUPLICATE), (0, 3, KEPT)):
        for had_time in (True, False):
            site = Site(duplicate_window_s=window_s)
            site.time.utc_s *= had_time
            site.tap()
            site.time.utc_s = 0
            site.restart()
            found, direction, _ = site.tap(after_s=after_s)
            assert found == kind, (window_s, after_s, had_time)
            told = site.newest()
            assert told.flags & record.FLAG_TIME_UNVERIFIED and bool(told.flags & record.FLAG_DUPLICATE) == (
                kind == DUPLICATE
            )
            assert direction == IN and told.detail[0] == (LAST if kind == DUPLICATE else ASSUMED)
            if kind == DUPLICATE:
                assert site.punches._outcome.moment_s == 0
                site.time.utc_s = MORNING_S + 5 * HOUR_S  # the bridge sets the clock: only this start's minutes count
                assert site.tap(after_s=3)[0] == (DUPLICATE if after_s + 5 < window_s and not had_time else KEPT)


def test_a_step_of_the_clock_changes_neither_window_nor_direction_of_what_this_start_made():
    for step_s in (-90000, -600, -3, 3, 600, 90000):
        site = Site()
        site.tap()
        site.time.utc_s += step_s
        assert site.tap(after_s=30)[0] == DUPLICATE, step_s
        site.time.utc_s += step_s
        assert site.tap(after_s=9 * HOUR_S)[:2] == (KEPT, OUT), step_s


class Model:
    """The expected result for one badge after another, restated simply: everything that happened, by true time."""

    def __init__(self, window_s, hours):
        self.window_s, self.hours_s = window_s, hours * HOUR_S
        self.last = {}  # badge: (direction, true time, time counted at least, start, was there a time)
        self.start = 0
        self.true_s = 0
        self.least_s = 0  # time as it passed at least: without the pauses that are in no record
        self.record_s = 0  # of the last record, by that
        self.has_time = True

    def passes(self, seconds):
        self.true_s += seconds
        self.least_s += seconds

    def restarts(self, pause_s, has_time):
        self.start += 1
        self.true_s += pause_s
        self.least_s = self.record_s
        self.has_time = has_time
        self.record()

    def is_set(self):
        """The clock gets a time, which then applies to everything of this start."""
        self.has_time = True
        for badge, (direction, true_s, least_s, start, timed) in self.last.items():
            self.last[badge] = (direction, true_s, least_s, start, timed)

    def record(self):
        self.record_s = self.least_s

    def expects(self, badge, key):
        """(kind, direction, origin)"""
        last = self.last.get(badge)
        origin, direction, kind, is_fresh, age_s = FIRST, IN, KEPT, False, None
        if last:
            before, true_s, least_s, start, timed = last
            age_s = self.true_s - true_s
            if start != self.start and not (timed and self.has_time):
                age_s = self.least_s - least_s  # at least
                is_fresh = False
            else:
                is_fresh = age_s < self.hours_s
            midnight = self.has_time and local_day(self.true_s) != local_day(true_s)
            follows = is_fresh and not (midnight and age_s >= 11 * HOUR_S)
            origin = LAST if follows and not midnight else ASSUMED
            direction = {IN: OUT, OUT: IN, BREAK: BACK, BACK: OUT}[before] if follows else IN
        if key:
            origin = KEY
            direction = BACK if key == BREAK and is_fresh and before == BREAK else key
        if last and age_s < self.window_s and key in (0, before):
            kind, direction, origin = DUPLICATE, before, LAST
        if kind == KEPT:
            self.last[badge] = (direction, self.true_s, self.least_s, self.start, self.has_time)
        self.record()
        return kind, direction, origin


def local_day(true_s):
    return (MORNING_S + true_s + HOUR_S) // 86400  # Brussels, in winter


def test_the_state_machine_does_what_the_model_says_through_any_day():
    for seed in range(12):
        random.seed(seed)
        window_s, hours = random.choice((0, 60, 60, 3600)), random.choice((1, 14, 14, 48))
        site, model = Site(duplicate_window_s=window_s, direction_hours=hours), Model(window_s, hours)
        for step in range(40):
            chance = random.randrange(10)
            pause_s = random.choice((4, 20, 70, 700, 3700, 20000, 50401, 90000))
            if chance == 0:  # power goes for a while; the clock may have no time then
                has_time = bool(random.getrandbits(1))
                model.restarts(pause_s, has_time)
                site.time.utc_s = MORNING_S + model.true_s if has_time else 0
                site.restart()
                continue
            if chance == 1 and not model.has_time:  # the bridge sets the clock
                model.is_set()
                site.time.utc_s = MORNING_S + model.true_s
                continue
            model.passes(pause_s)
            site.passes(pause_s)
            badge = random.randrange(3)
            key = random.choice((0, 0, 0, IN, OUT, BREAK))
            if key:
                site.punches.choose(key)
            found = site.tap(UIDS[badge])[:2]
            expected = model.expects(badge, key)
            told = site.newest()
            assert found + (told.detail[0],) == expected, (seed, step, badge, key, found, told.detail[0], expected)
            assert bool(told.flags & record.FLAG_DUPLICATE) == (expected[0] == DUPLICATE)
            site.punches._chosen = 0
            site.log.ack(site.log.head)
            site.log.idle(site._stamp())


def corrected(site, key, after_s=0):
    """Press a key `after_s` later; the result of `Punches.correct`, as from `tap`, or None."""
    site.passes(after_s)
    outcome = site.punches.correct(key)
    return outcome and (outcome.kind, outcome.direction, outcome.seq)


def assumed_in(**settings):
    """A site at the moment at which a badge's IN was assumed."""
    site = Site(**settings)
    site.tap()
    assert site.tap(after_s=24 * HOUR_S)[:2] == (KEPT, IN) and site.punches._outcome.assumed
    return site


def test_a_key_within_three_seconds_makes_the_right_punch_of_a_badge_whose_way_was_assumed():
    for key in (OUT, BREAK):
        site = assumed_in()
        wrong = site.newest()
        head, signals, notified = site.log.head, len(site.signals), site.notified
        assert corrected(site, key, after_s=2) == (KEPT, key, head)
        told = site.newest()
        assert (told.seq, told.token, told.flags & 7, told.detail[0]) == (head, wrong.token, key, KEY)
        assert told.utc_s == wrong.utc_s + 2, "it bears its own moment"
        assert site.signals[signals:] == [(KEPT, head + 1)] and site.notified == notified + 1
        assert corrected(site, IN) is None and site.log.head == head + 1, "once"
        assert site.tap(after_s=3)[0] == DUPLICATE, "who holds the badge again out of habit made no third punch"
        assert site.tap(after_s=4 * HOUR_S)[1] == (IN if key == OUT else BACK)


def test_what_a_key_put_right_outlasts_a_restart():
    site = assumed_in()
    corrected(site, OUT, after_s=1)
    site.restart()
    assert site.tap(after_s=2 * HOUR_S)[1] == IN


def test_a_key_is_the_next_badges_where_nothing_was_assumed_or_it_says_the_same_or_is_late():
    site = Site()
    assert corrected(site, OUT) is None, "nobody has punched yet"
    site.tap()
    assert corrected(site, OUT, after_s=1) is None, "a first punch is no guess"
    site = assumed_in()
    head = site.log.head
    assert corrected(site, IN, after_s=1) is None, "the same way"
    assert corrected(site, OUT, after_s=2) is None, "three seconds are over"
    site = assumed_in()
    for days in (6, 7, 12, 13):
        assert corrected(site, OUT, after_s=days * 24 * HOUR_S) is None, days
    assert site.log.head == head


def test_the_next_badge_keeps_a_key_from_what_was_assumed_before_and_the_same_one_that_stays_does_not():
    for other, expected in ((UIDS[1], None), (b"\x08\x11\x22\x33", None), (UIDS[0], OUT)):
        site = assumed_in()
        site.tap(other, after_s=1)
        found = corrected(site, OUT, after_s=1)
        assert (found and found[1]) == expected, other


def test_a_key_corrects_no_badge_that_nobody_knows():
    site = with_roster()
    site.tap(UIDS[1])
    assert site.tap(UIDS[1], after_s=24 * HOUR_S)[:2] == (UNKNOWN, IN)
    assert corrected(site, OUT, after_s=1) is None


def test_a_correction_that_cannot_be_kept_is_signalled_as_such():
    site = assumed_in()

    def broken(*_):
        raise OSError(5)

    site.journal.writeblocks = broken
    assert corrected(site, OUT, after_s=1)[0] == FAILED and site.signals[-1][0] == FAILED


def test_a_night_shift_ends_with_an_out_and_a_forgotten_out_ends_with_the_day():
    site = Site()
    site.tap()
    assert site.tap(after_s=9 * HOUR_S)[1] == OUT
    site.tap(after_s=13 * HOUR_S)
    assert site.tap(after_s=15 * HOUR_S)[1] == IN


def test_a_fixed_clock_knows_one_direction_and_a_key_is_stronger():
    site = Site(direction="in")
    assert [site.tap(after_s=HOUR_S)[1] for _ in range(2)] == [IN, IN]
    site.punches.choose(OUT)
    assert site.tap(after_s=1)[1] == OUT
    assert site.tap(after_s=HOUR_S)[1] == IN, "the choice was used up"


def test_a_choice_is_forgotten_after_ten_seconds():
    site = Site()
    site.punches.choose(OUT)
    assert site.tap(after_s=11)[1] == IN


def test_the_break_key_starts_a_break_and_ends_it():
    site = Site()
    site.tap()
    for expected in (BREAK, BACK, BREAK):
        site.punches.choose(BREAK)
        site.ticks.now_ms -= HOUR_S * 1000
        assert site.tap(after_s=HOUR_S)[1] == expected
    assert site.tap(after_s=HOUR_S)[1] == BACK, "without a key, a badge after a break is back"
    assert site.tap(after_s=HOUR_S)[1] == OUT


def test_a_second_punch_within_the_window_is_kept_flagged_and_shown_with_the_first_ones_time():
    site = Site()
    site.tap()
    kind, direction, seq = site.tap(after_s=30)
    outcome = site.punches._outcome
    assert (kind, direction) == (DUPLICATE, IN) and outcome.moment_s == MORNING_S
    assert site.newest().flags == IN | record.FLAG_DUPLICATE and site.newest().seq == seq
    assert site.tap(after_s=29)[0] == DUPLICATE, "the first punch counts, not the last"
    assert site.tap(after_s=2)[:2] == (KEPT, OUT)


def test_the_window_can_be_closed_and_another_key_is_no_duplicate():
    site = Site(duplicate_window_s=0)
    site.tap()
    assert site.tap(after_s=3)[:2] == (KEPT, OUT)
    site = Site()
    site.tap()
    site.punches.choose(OUT)
    assert site.tap(after_s=3)[:2] == (KEPT, OUT)


def test_the_window_and_the_direction_survive_a_restart():
    site = Site()
    site.tap()
    site.restart()
    assert site.tap(after_s=10)[0] == DUPLICATE
    site.restart()
    assert site.tap(after_s=HOUR_S)[:2] == (KEPT, OUT)
    site.restart()
    assert site.tap(after_s=HOUR_S)[1] == IN


def test_the_same_badge_is_muted_for_two_seconds_and_leaves_no_record():
    site = Site()
    site.tap()
    head = site.log.head
    site.ticks.now_ms += 1500
    assert site.tap()[0] == MUTED
    site.ticks.now_ms += 1500
    assert site.tap()[0] == MUTED, "each sight of it renews the two seconds"
    assert site.log.head == head and len(site.signals) == 1 and bytes(site.punches.uid) == bytes(10)
    assert site.tap(UIDS[1])[0] == KEPT, "another badge is not muted"
    site.punches.hold()
    site.ticks.now_ms += 2100
    assert site.tap()[0] == DUPLICATE


def test_neither_a_badge_nor_a_key_of_long_ago_silences_or_turns_a_punch():
    for days in (6, 7, 9, 12, 13, 20):
        site = Site()
        site.tap()
        site.punches.choose(OUT)
        assert site.tap(after_s=days * 24 * HOUR_S)[:2] == (KEPT, IN), days


def test_a_full_journal_is_said_and_nothing_is_signalled_as_kept():
    site = Site(sectors=3)
    kinds = []
    for number in range(250):
        kinds.append(site.tap(b"\x01\x02\x03" + bytes([number]), after_s=3)[0])
    assert kinds.count(KEPT) == site.log.head - 2
    assert kinds[-1] == FULL and set(kinds) == {KEPT, FULL}
    for kind, head in site.signals:
        assert kind == FULL or head <= site.log.head
    site.log.ack(site.log.head)
    assert site.tap(after_s=3)[0] == KEPT, "after an ack there is room again"


def test_a_log_that_fails_is_a_fault_and_not_a_punch():
    site = Site()

    def broken(*_):
        raise OSError(5)

    site.journal.writeblocks = broken
    assert site.tap()[0] == FAILED
    assert site.signals[-1][0] == FAILED and bytes(site.punches.uid) == bytes(10)


def test_without_a_time_punches_are_kept_unverified_and_the_window_runs_on_the_uptime():
    site = Site()
    site.time.utc_s = 0
    assert site.tap()[0] == KEPT
    assert site.newest().flags & record.FLAG_TIME_UNVERIFIED and site.newest().utc_s == 0
    assert site.tap(after_s=20)[0] == DUPLICATE
    assert site.tap(after_s=60)[:2] == (KEPT, OUT)
    site.time.utc_s = MORNING_S
    assert site.tap(after_s=3)[0] == DUPLICATE, "when the clock is set, what it noted before moves along"
    assert site.tap(after_s=60)[:2] == (KEPT, IN)


def test_a_table_that_is_full_forgets_the_oldest_of_a_bucket():
    recent = Recent(is_short=False)
    for number in range(9):
        recent.put(bytes([number, 0, 0, 0, 0, 0, 0, 5]), MORNING_S + number, IN)
    assert recent.find(bytes([0, 0, 0, 0, 0, 0, 0, 5])) is None
    for number in range(1, 9):
        assert recent.find(bytes([number, 0, 0, 0, 0, 0, 0, 5])) == (MORNING_S + number, IN, 0)
    recent.put(bytes([3, 0, 0, 0, 0, 0, 0, 5]), MORNING_S + 100, OUT)
    assert recent.find(bytes([3, 0, 0, 0, 0, 0, 0, 5])) == (MORNING_S + 100, OUT, 0)
    assert recent.find(bytes([1, 0, 0, 0, 0, 0, 0, 5])) is not None


def test_what_the_newest_records_say_is_recalled():
    site = Site()
    site.tap()
    detail = b"settings"
    site.log.append(record.KIND_CONFIG, 0, record.NOTHING, detail, site._stamp())
    for _ in range(2):
        site.log.append(record.KIND_FAULT, 0, record.NOTHING, b"\x05" + bytes(7), site._stamp())
        site.restart()
    assert (site.recalled.newest_s, site.recalled.config, site.recalled.deaths) == (MORNING_S, detail, 2)
    site.tap(UIDS[1])
    site.restart()
    assert site.recalled.deaths == 0


def test_what_is_sure_of_the_time_is_recalled_and_neither_ntp_nor_what_was_wrong_counts():
    site = Site()

    def punch_at(utc_s, source, bound, kind=record.KIND_TAMPER):
        stamp = record.Stamp()
        stamp.utc_s, stamp.source, stamp.bound, stamp.uptime_ms = utc_s, source, record.bound_encode(bound), 3000
        site.log.append(kind, 0, record.NOTHING, record.NOTHING, stamp)

    site.time.utc_s = 0
    site.restart()
    punch_at(MORNING_S + 100, record.SOURCE_RTC, 5000)
    punch_at(MORNING_S + 900000, record.SOURCE_NTP, None)
    site.restart()
    assert (site.recalled.newest_s, site.recalled.sure_s) == (MORNING_S + 100, MORNING_S + 94)
    punch_at(MORNING_S + 50000, record.SOURCE_RTC, None)
    site.restart()
    assert (site.recalled.newest_s, site.recalled.sure_s) == (MORNING_S + 50000, MORNING_S + 94), "it states no bound"
    punch_at(MORNING_S + 60, record.SOURCE_BRIDGE, 40, record.KIND_TIME_SET)
    site.restart()
    assert (site.recalled.newest_s, site.recalled.sure_s) == (MORNING_S + 60, MORNING_S + 59)


def test_a_uid_that_is_random_identifies_nobody_and_leaves_no_record():
    site = Site()
    head = site.log.head
    assert site.tap(b"\x08\x11\x22\x33")[0] == UNPROVED
    assert site.log.head == head and site.signals == [(UNPROVED, head)] and site.notified == 0
    assert bytes(site.punches.uid) == bytes(10)
    assert site.tap(b"\x08\x11\x22\x33")[0] == MUTED, "as long as it stays it is refused once"
    assert site.tap(b"\x08\x11\x22\x33\x44\x55\x66")[0] == KEPT, "only 4 bytes are ever random"


def test_what_a_punch_allocates_between_badge_and_signal_is_bounded():
    site = Site()
    for _ in range(3):
        site.tap(after_s=HOUR_S)
    site.log.idle(site._stamp())
    gc.collect()
    gc.disable()
    seen = []
    site.punched = lambda outcome: seen.append(gc.mem_alloc())
    site.punches._face = site
    site.time.utc_s += HOUR_S
    site.ticks.now_ms += 5000
    site.punches.uid[:4] = UIDS[0]
    before = gc.mem_alloc()
    site.punches.handle(4)
    gc.enable()
    print("bytes allocated between badge and signal:", seen[0] - before)
    assert seen[0] - before <= 8000  # the flash model's own included


class RosterOf:
    """A roster that has one badge, whose worker reads Dutch."""

    languages = (None, "nl")

    def __init__(self, uid):
        self._token = hmac256(SITE_KEY, b"\x01" + uid)[:8]

    def find(self, token):
        return 1 if token == self._token else -1


def with_roster():
    site = Site()
    site.roster = RosterOf(UIDS[0])
    site.restart()
    return site


def test_a_badge_that_the_roster_has_speaks_its_workers_language():
    site = with_roster()
    assert site.tap()[0] == KEPT and site.punches._outcome.language == "nl"
    assert not site.newest().flags & record.FLAG_UNKNOWN_BADGE


def test_a_badge_that_the_roster_lacks_is_kept_and_flagged_and_told_apart():
    site = with_roster()
    kind, direction, seq = site.tap(UIDS[1])
    assert (kind, direction) == (UNKNOWN, IN) and site.newest().seq == seq
    assert site.newest().flags == IN | record.FLAG_UNKNOWN_BADGE
    assert site.signals == [(UNKNOWN, seq + 1)] and site.notified == 1 and site.punches._outcome.language is None
    assert site.tap(UIDS[1], after_s=30)[:2] == (UNKNOWN, IN)
    assert site.newest().flags == IN | record.FLAG_UNKNOWN_BADGE | record.FLAG_DUPLICATE
    assert site.tap(UIDS[1], after_s=HOUR_S)[:2] == (UNKNOWN, OUT), "its direction follows its own punches all the same"
    assert site.tap()[0] == KEPT and site.punches._outcome.language == "nl"

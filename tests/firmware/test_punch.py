"""From a UID to the signal: kept before anything is signalled, told apart, and the same after a restart."""

# heapsize: 512k

import gc
import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app import record
from app.hmac256 import hmac256
from app.punch import DUPLICATE, FAILED, FULL, KEPT, MUTED, UNKNOWN, UNPROVED
from app.recent import Recent
from clock_site import HOUR_S, MORNING_S, SITE_KEY, UIDS, Site

IN, OUT = record.DIRECTION_IN, record.DIRECTION_OUT
BREAK, BACK = record.DIRECTION_BREAK_START, record.DIRECTION_BREAK_END


def test_the_record_is_kept_before_anything_is_signalled():
    site = Site()
    head = site.log.head
    kind, _, seq = site.tap()
    assert kind == KEPT and seq == head
    assert site.signals == [(KEPT, head + 1)] and site.notified == 1


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
    recent = Recent()
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
    site.punches.take(4)
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

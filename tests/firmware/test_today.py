"""The page of today for a badge: its own punches, with the result of each, and nobody else's."""

# heapsize: 512k

import os
import random
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app import localtime, today
from app.log import record
from app.punch import ASK, ASKED, MUTED, UNPROVED
from app.receipts import RECEIPT_OPERATOR, RECEIPT_REFUSED, RECEIPT_REGISTERED, Receipts
from clock_site import HOUR_S, MORNING_S, UIDS, Site

IN, OUT, BREAK, BACK = 1, 2, 3, 4
MINUTE_S = 60


class Desk:
    """A site with a clock to query."""

    def __init__(self, zone="Europe/Brussels", **settings):
        self.site = Site(**settings)
        self.receipts = Receipts()
        self.zone = zone

    def now_s(self):
        return self.site.time.utc_s

    def local_of(self, utc_s):
        return localtime.local(utc_s, self.zone)

    def ask(self, uid=UIDS[0], hours=14):
        """The rows, and how many more there are."""
        token = self.site.punches._token(b"\x01", uid)
        search = today.Search(token, self.site.log, self, self.receipts, hours)
        self.turns = 1
        while not search.step():
            self.turns += 1
        return search.rows, search.more

    def tap(self, *args, **others):
        return self.site.tap(*args, **others)


def test_todays_punches_are_told_with_what_became_of_each():
    desk = Desk()
    seqs = [desk.tap(after_s=after_s)[2] for after_s in (0, 4 * HOUR_S, HOUR_S, 3 * HOUR_S)]
    desk.tap(UIDS[1], after_s=MINUTE_S)
    desk.receipts.put(seqs[0], RECEIPT_REGISTERED, 0, 2026113000987654)
    desk.receipts.put(seqs[1], RECEIPT_REFUSED, 4, 0)
    desk.receipts.put(seqs[2], RECEIPT_OPERATOR, 0, 0)
    desk.site.log.ack(seqs[3])
    assert desk.ask() == (
        [(IN, "07:58", 1, 987654), (OUT, "11:58", 2, 4), (IN, "12:58", 6, 0), (OUT, "15:58", 0, False)],
        0,
    )
    desk.site.log.ack(desk.site.log.head)
    assert desk.ask()[0][3] == (OUT, "15:58", 0, True)
    assert desk.ask(UIDS[1]) == ([(IN, "15:59", 0, True)], 0)
    assert desk.ask(UIDS[2]) == ([], 0)


def test_yesterday_is_not_told_and_a_shift_over_midnight_is_whole():
    desk = Desk()
    desk.tap()
    desk.tap(after_s=8 * HOUR_S)
    desk.site.passes(16 * HOUR_S)
    assert desk.ask() == ([], 0), "yesterday's IN and OUT"
    desk.tap(after_s=MINUTE_S)
    assert desk.ask()[0] == [(IN, "07:59", 0, False)]
    night = Desk()
    night.tap(after_s=14 * HOUR_S)
    night.tap(after_s=4 * HOUR_S)
    night.tap(after_s=HOUR_S)
    assert [row[:2] for row in night.ask()[0]] == [(IN, "21:58"), (OUT, "01:58"), (IN, "02:58")]
    night = Desk()
    night.tap(after_s=14 * HOUR_S)
    night.site.punches.choose(BREAK)
    night.tap(after_s=5)
    night.site.passes(3 * HOUR_S)
    assert [row[:2] for row in night.ask()[0]] == [(IN, "21:58"), (BREAK, "21:58")], "still open"
    night.site.passes(12 * HOUR_S)
    assert night.ask()[0] == [], "forgotten, and too long ago"


def test_the_days_of_23_and_25_hours_begin_at_midnight():
    desk = Desk()
    for month, day, utc_hour, begins in ((3, 29, 10, (2026, 3, 28, 23)), (10, 25, 10, (2026, 10, 24, 22))):
        now_s = localtime.unix_from_civil(2026, month, day, utc_hour, 20, 0)
        assert today.midnight_s(now_s, desk) == localtime.unix_from_civil(*(begins + (0, 0)))
    for hour in range(25):
        now_s = localtime.unix_from_civil(2026, 10, 24, 22, 30, 0) + hour * HOUR_S
        assert today.midnight_s(now_s, desk) == localtime.unix_from_civil(2026, 10, 24, 22, 0, 0), hour
    desk.zone = "UTC"
    assert today.midnight_s(MORNING_S, desk) == MORNING_S // 86400 * 86400


def test_only_the_newest_have_room_and_duplicates_are_left_out():
    desk = Desk()
    for _ in range(9):
        desk.tap(after_s=20 * MINUTE_S)
        desk.tap(after_s=5)
    rows, more = desk.ask()
    assert len(rows) == today.ROWS and more == 3
    assert rows[-1][:2] == (IN, "10:58") and rows[0][:2] == (OUT, "09:18")


def test_what_others_did_since_is_read_over_in_bounded_turns_and_a_restart_forgets_nothing():
    desk = Desk(sectors=3)
    desk.tap()
    for number in range(130):
        desk.tap(b"\x01\x02\x03" + bytes([number]), after_s=3)
    desk.site.restart()
    assert [row[:2] for row in desk.ask()[0]] == [(IN, "07:58")] and desk.turns == 3
    desk.site.log.ack(desk.site.log.head)
    for number in range(70):
        desk.tap(b"\x01\x03\x04" + bytes([number]), after_s=3)
    assert desk.ask()[0] == [], "the ring has come around over it"
    assert desk.turns <= 4


def test_without_a_time_only_this_starts_punches_are_told():
    desk = Desk()
    desk.tap()
    desk.site.time.utc_s = 0
    desk.tap(UIDS[1])
    assert desk.ask() == ([], 0) and desk.ask(UIDS[1]) == ([(IN, "--:--", 0, False)], 0)
    desk.site.restart()
    assert desk.ask(UIDS[1]) == ([], 0)
    desk.tap(UIDS[1], after_s=300)
    desk.site.time.utc_s = MORNING_S + HOUR_S
    assert desk.ask(UIDS[1])[0] == [(IN, "--:--", 0, False)], "without a time, and of this start"


def test_torn_records_are_no_rows():
    desk = Desk()
    desk.tap()
    head = desk.site.log.head
    desk.site.journal.writeblocks(head // 63 % 4, b"\x01\x03torn", 64 + head % 63 * 64)
    desk.site.restart()
    desk.tap(after_s=HOUR_S)
    assert [row[:2] for row in desk.ask()[0]] == [(IN, "07:58"), (OUT, "08:58")]


def test_after_the_info_key_a_badge_asks_and_makes_no_punch():
    site = Site()
    site.tap()
    head = site.log.head
    site.punches.choose(ASK)
    assert site.tap(after_s=1)[0] == ASKED and site.log.head == head and len(site.signals) == 1
    assert site.punches.held == b"", "it has its answer"
    assert site.tap(after_s=1)[0] == MUTED and site.log.head == head
    site.punches.choose(ASK)
    assert site.tap(after_s=11)[1] == IN and site.log.head == head + 1, "ten seconds later the key is forgotten"
    site.punches.choose(ASK)
    assert site.tap(b"\x08\x11\x22\x33")[0] == UNPROVED, "a badge that cannot be recognised has no answer"
    assert site.punches.held == b""


def test_a_badge_that_was_read_may_ask_by_staying():
    site = Site()
    for after_s in (0, 1, 30):
        site.tap(after_s=after_s)
        assert site.punches.held == site.punches._token(b"\x01", UIDS[0])
    site.tap(b"\x08\x11\x22\x33")
    assert site.punches.held == b""


def test_the_newest_192_records_keep_their_newest_receipt():
    random.seed(5)
    receipts, model = Receipts(), {}
    assert receipts.find(0) is None
    for step in range(1000):
        seq = step // 2 + random.randrange(400) + 40000 * (step // 500)
        state = random.randrange(1, 7)
        code, number = random.randrange(256), random.getrandbits(30) * random.getrandbits(30)
        receipts.put(seq, state, code, number)
        if model.get(seq % 192, (0,))[0] > seq:
            continue
        model[seq % 192] = (seq, (state, code if state == RECEIPT_REFUSED else number % 1000000))
    for seq, told in model.values():
        assert receipts.find(seq) == told
        assert receipts.find(seq + 192) is None and receipts.find(seq - 192) is None

"""A queue at the clock, in modelled time: no badge is missed, none waits, and nothing else starves."""

# heapsize: 2m

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from queue_rig import Queue, uids  # before anything of the app
from roster_bridge import Image, ascending

A_BADGE_MS = 55
MOST_MS = 100


def test_thirty_badges_that_stay_for_55_ms_each_are_all_taken():
    for gap_ms in (0, 7, 23):
        queue = Queue()
        before = queue.log.head
        queue.run(uids(30), A_BADGE_MS, gap_ms)
        assert queue.log.head - before == 30, queue.log.head - before


def test_every_badge_of_a_long_queue_has_its_signal_at_once_whatever_the_flash_has_to_do():
    queue = Queue()
    before = queue.log.head
    queue.journal.reset_counts()
    queue.seal.reset_counts()
    late_ms = queue.run(uids(1000))
    print("slowest", max(late_ms), "ms; on average", sum(late_ms) / len(late_ms))
    assert queue.log.head - before == len(late_ms) == 1000
    assert queue.seal.erases >= 1000 // 32 - 1 and queue.journal.erases >= 1000 // 63 - 1, "the ring has turned"
    assert max(late_ms) < MOST_MS, sorted(late_ms)[-5:]


def test_a_new_roster_is_in_use_within_a_minute_of_a_badge_a_second():
    queue = Queue(image=Image(1, ascending(5000)))
    late_ms = queue.run(uids(58), None, 1000)
    print("slowest", max(late_ms), "ms")
    assert queue.roster.entries == 5000
    assert max(late_ms) < MOST_MS

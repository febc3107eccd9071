"""Runs inside MicroPython: a queue at the clock in modelled time (tests/firmware/queue_rig.py), as one JSON line.

micropython queue_on_device.py FIRMWARE TESTS
"""

import json
import sys

sys.path.insert(0, sys.argv[1])
sys.path.insert(0, sys.argv[2])

from queue_rig import Queue, time, uids  # before anything of the app
from roster_bridge import Image, ascending

LONGEST_MS = 200
GAPS_MS = (0, 7, 23)
LONG = 1000
ROSTER = 5000


def taken(stays_ms):
    """Whether thirty badges that stay for so long are all taken, whatever is between two of them."""
    for gap_ms in GAPS_MS:
        queue = Queue()
        before = queue.log.head
        queue.run(uids(30), stays_ms, gap_ms, 0)
        if queue.log.head - before < 30:
            return False
    return True


def shortest_ms():
    """The least time that each badge must stay: all that stay for longer are taken too."""
    shortest = LONGEST_MS
    for stays_ms in range(LONGEST_MS, 0, -1):
        if not taken(stays_ms):
            break
        shortest = stays_ms
    return shortest


def roster_s():
    """From when the bridge has a roster until it is in use, under a badge a second."""
    queue = Queue(image=Image(1, ascending(ROSTER)))
    began = time.ticks_ms()
    in_use = []
    use = queue.roster.use

    def used(*what):
        use(*what)
        in_use.append(time.ticks_diff(time.ticks_ms(), began) / 1000)

    queue.roster.use = used
    queue.run(uids(120), None, 1000)
    return in_use[0]


queue = Queue()
print(
    json.dumps(
        {
            "clock.queue_ms_per_badge": shortest_ms(),
            "field.queue_tap_ms.max": max(queue.run(uids(LONG))),
            "field.roster_under_queue_s": roster_s(),
        }
    )
)

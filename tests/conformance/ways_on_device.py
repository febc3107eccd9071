"""The ways of punches as the firmware decides them: ways_on_device.py FIRMWARE TESTS QUESTIONS, inside MicroPython.

A question a line: [seconds since the one before, number of the badge, key or ""]. An answer a line: [direction, where
it comes from].
"""

import json
import sys

sys.path.append(sys.argv[1])
sys.path.append(sys.argv[2])

from app.log import record
from clock_site import Site

KEYS = {"in": record.DIRECTION_IN, "out": record.DIRECTION_OUT, "break": record.DIRECTION_BREAK_START}

site = Site(sectors=40, duplicate_window_s=0)
with open(sys.argv[3]) as questions:  # noqa: PTH123 - MicroPython has no pathlib
    for line in questions:
        seconds, badge, key = json.loads(line)
        site.passes(seconds)
        site.punches.choose(KEYS[key] if key else record.DIRECTION_NONE)
        site.tap(bytes((4, 1, 2, badge)))
        newest = site.newest()
        print(json.dumps([newest.flags & 7, newest.detail[0]]))
        site.log.ack(site.log.head)
        site.log.idle(site._stamp())

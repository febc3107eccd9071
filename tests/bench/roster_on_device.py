"""Runs inside MicroPython: the reads of a look-up in a roster of 5,000 badges, the most of any badge, as one JSON line.

micropython roster_on_device.py FIRMWARE TESTS
"""

import json
import sys

sys.path.insert(0, sys.argv[1])
sys.path.insert(0, sys.argv[2])

from roster_bridge import Clock, Image, ascending

BADGES = 5000

entries = ascending(BADGES)
clock = Clock()
clock.take(Image(1, entries))
most = 0
for at in range(0, len(entries), 10):
    clock.partition.reset_counts()
    assert clock.roster.find(entries[at : at + 8]) >= 0
    most = max(most, clock.partition.reads)
print(json.dumps({"roster.lookup_reads": most}))

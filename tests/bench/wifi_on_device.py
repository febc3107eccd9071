"""Runs inside MicroPython: how long the clock takes to join Wi-Fi again, in modelled time, as one JSON line.

micropython wifi_on_device.py FIRMWARE TESTS BOARD
"""

import asyncio
import json
import sys

sys.path.insert(0, sys.argv[1])
sys.path.insert(0, sys.argv[2])
sys.path.insert(0, sys.argv[3])

from modelled_time import run, time  # before anything that waits
from wifi_site import Site

HOUR_MS = 3600000
JOINED_MS = 90000


def back_s():
    """From when the access point went to another channel, which the port never finds by itself."""
    site = Site()
    gone = []

    async def until_back():
        task = asyncio.create_task(site.uplink.run())
        site.answers = True
        await asyncio.sleep_ms(JOINED_MS)
        site.station.found_after = len(site.station.on_at_s) + 1
        gone.append(time.passed_ms)
        while not site.station.isconnected():
            await asyncio.sleep_ms(10)
        task.cancel()

    assert not run(until_back(), HOUR_MS), "the clock does not join again"
    return (time.passed_ms - gone[0]) / 1000


print(json.dumps({"field.wifi_back_s": back_s()}))

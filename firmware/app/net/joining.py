"""Waits for Wi-Fi, however long: joining, joining from the radio up, and finally a restart.

In memory for that time only (app.on_demand). It belongs to the Uplink that it is given.
"""

import asyncio
import time

from micropython import const

_POLL_MS = const(250)
_AGAIN_MS = const(30000)
_RESTART_MS = const(3600000)  # this long without an address, and the clock restarts when no badge is near


async def join(uplink):
    """Return once Wi-Fi is connected."""
    uplink._link.forget_address()
    if uplink._room:
        uplink._room.join()
    lost_at = time.ticks_ms()
    started = None
    while not uplink._wifi.connected():
        now = time.ticks_ms()
        if started is None or time.ticks_diff(now, started) > _AGAIN_MS:
            started = now
            uplink._wifi.start()
        uplink._rejoin_if_lost(now)
        # A restart writes a record: not if the journal is filling up, at a site without any Wi-Fi.
        if time.ticks_diff(now, lost_at) > _RESTART_MS and not uplink._log.nearly_full:
            uplink.errands.restart_due = True
        await asyncio.sleep_ms(_POLL_MS)

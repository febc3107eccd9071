"""Waiting for Wi-Fi, for as long as that takes: joining, joining from the radio up, and at last a restart.

In memory for that time only (app.on_demand). It works on the Uplink that is given, whose own these are.
"""

import asyncio
import time

from micropython import const

_POLL_MS = const(250)
_AGAIN_MS = const(30000)
_RESTART_MS = const(3600000)  # without an address, and the clock restarts when no badge is near


async def join(uplink):
    """Return once Wi-Fi is there."""
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
        # A restart is a record: not in a journal that fills, on a site where there is no Wi-Fi at all.
        if time.ticks_diff(now, lost_at) > _RESTART_MS and not uplink._log.nearly_full:
            uplink.errands.restart_due = True
        await asyncio.sleep_ms(_POLL_MS)

"""Sees to it that no presence stays queued until it is forgotten: what has become too late goes to a person.

Beside the registrars and needing none of them: an authority may be away, or there may be none for what a site declares.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from badgeclock.bridge.presences.regimes import Declared
from badgeclock.bridge.registrar import outbox
from badgeclock.bridge.store.database import Store
from badgeclock.errors import StoreError

EVERY_S: Final = 15.0

log = structlog.get_logger("badgeclock.bridge.registrar.expiry")


async def run(
    store: Store, declares: frozenset[Declared], now_ms: Callable[[], int], changed: Callable[[], None]
) -> None:
    """Look every `EVERY_S` until cancelled. `declares` is what all authorities together take."""
    while True:
        try:
            if await store.writing(outbox.expire, declares, now_ms()):
                changed()
        except StoreError as error:
            log.error("the queue cannot be looked through; trying again", error=str(error))
        await asyncio.sleep(EVERY_S)

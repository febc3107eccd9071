"""Notifies every open page that something has changed: one stream each, at most one notification a second, fewer where
many pages are open.

The browser fetches its page again itself, so rights, reach and texts are applied in one place. Any commit counts as a
change: SQLite's commit counter, PostgreSQL's log position. One check serves all pages, and none is made while no page
is open. A stream ends after a while, so that an ended session is noticed, and when the console stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from typing import Final

import structlog
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from badgeclock.bridge.store.changes import Changes
from badgeclock.bridge.store.database import Store
from badgeclock.console.site import Console
from badgeclock.errors import StoreError

LOOK_S: Final = 1.0
BEAT_S: Final = 15.0
"""Interval of keep-alives on a stream: the page shows the time of its last update, and proxies keep the connection."""
AGAIN_S: Final = 60.0
"""Interval at which a page is fetched without a commit: an expected worker becomes late at some minute, and every "ago"
changes.
"""
STREAM_S: Final = 600.0
STREAMS_MOST: Final = 500
FETCHES_S: Final = 50
"""Pages notified per second. With more open pages, notifications are spread out, so that a busy morning's changes leave
the processor to the bridge.
"""
_CHANGED: Final = "event: changed\ndata: \n\n"
_BEAT: Final = "event: beat\ndata: \n\n"
_RETRY: Final = "retry: 2000\n\n"
_STREAM: Final = "text/event-stream"
_UNHELD: Final = {"x-accel-buffering": "no"}
"""For proxies that would buffer the lines."""

log = structlog.get_logger("badgeclock.console.live")


class Watch:
    """Checks whether the store has changed while any page listens."""

    def __init__(self, store: Store) -> None:
        self._changes = Changes(store)
        self._listeners: set[asyncio.Event] = set()
        self._over = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Whether no more listeners are accepted."""
        return len(self._listeners) >= STREAMS_MOST

    def end(self) -> None:
        """End every stream."""
        self._over.set()
        for listener in self._listeners:
            listener.set()

    async def run(self) -> None:
        """Check until cancelled."""
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                if self._listeners:
                    await self._look()
        finally:
            self._changes.close()

    async def _look(self) -> None:
        try:
            is_changed = await asyncio.to_thread(self._changes.look)
        except StoreError as error:
            log.warning("whether anything has changed is not known", error=str(error))
            return
        if is_changed:
            for listener in self._listeners:
                listener.set()

    async def changes(self) -> AsyncIterator[str]:
        """The lines of one stream."""
        listener = asyncio.Event()
        self._listeners.add(listener)
        ends_s = time.monotonic() + STREAM_S
        again_s = time.monotonic() + AGAIN_S
        try:
            yield _RETRY + _BEAT
            while time.monotonic() < ends_s and not self._over.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_S):
                        await listener.wait()
                if listener.is_set():
                    await self._spread()
                is_changed = listener.is_set() or time.monotonic() >= again_s
                listener.clear()
                if is_changed:
                    again_s = time.monotonic() + AGAIN_S
                if not self._over.is_set():
                    yield _CHANGED if is_changed else _BEAT
        finally:
            self._listeners.discard(listener)

    async def _spread(self) -> None:
        """Wait, if many listen, until it is this one's turn."""
        turn_s = spread_s(len(self._listeners)) * random.uniform(0.5, 1.5)
        if turn_s:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(turn_s):
                    await self._over.wait()


def spread_s(listeners: int) -> float:
    """The seconds over which notifications of a change are spread for this many pages."""
    return 0.0 if listeners <= FETCHES_S else listeners / FETCHES_S


def add(app: FastAPI, console: Console, watch: Watch) -> None:
    """The stream."""

    @app.get("/live")
    async def live(request: Request) -> Response:
        if await console.visitor(request) is None:
            # The page then reloads, and is sent to the sign-in.
            return StreamingResponse(iter((_CHANGED,)), media_type=_STREAM, headers=_UNHELD)
        if watch.is_full:
            return Response(status_code=503, headers={"retry-after": "60"})
        return StreamingResponse(watch.changes(), media_type=_STREAM, headers=_UNHELD)

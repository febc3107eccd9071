"""HTTP/1.1 with limits on connections, which uvicorn lacks: anyone who reaches the port could use up the bridge's file
descriptors, and then it could reach neither the store nor the authority.

A connection beyond CONNECTIONS_MOST closes the one that has idled longest, so that new clients are answered; one
without a completed request for FINISHED_S is closed too: an incomplete request, an answer that is not read.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS_MOST: Final = 100
FINISHED_S: Final = 120.0


class BoundedHttp(H11Protocol):
    """A connection; uvicorn keeps all of them in a set."""

    _ends: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        others = [one for one in self.connections if isinstance(one, BoundedHttp) and not one.transport.is_closing()]
        if len(others) >= CONNECTIONS_MOST:
            min(others, key=BoundedHttp._rank).transport.abort()
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        if self._ends is not None:
            self._ends.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """An answer was sent completely."""
        self._begin()
        super().on_response_complete()

    def _begin(self) -> None:
        if self._ends is not None:
            self._ends.cancel()
        self._ends = self.loop.call_later(FINISHED_S, self.transport.abort)

    def _rank(self) -> tuple[bool, float]:
        """Idle connections come first, the longest idle one before the others."""
        asks = self.cycle is not None and not self.cycle.response_complete
        return asks, self._ends.when() if self._ends is not None else 0.0

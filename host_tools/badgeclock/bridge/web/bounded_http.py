"""HTTP/1.1 with bounds on connections, which uvicorn lacks: anyone who reaches the port could take every file
descriptor that the bridge has, and then neither the store nor the authority can be reached.

A connection more than CONNECTIONS_MOST ends the one that has waited longest, so a new caller is answered; one on
which nothing is finished for FINISHED_S ends, too: a request that does not come whole, an answer that nobody reads.
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
        """Somebody has connected."""
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
        """An answer was given whole."""
        self._begin()
        super().on_response_complete()

    def _begin(self) -> None:
        if self._ends is not None:
            self._ends.cancel()
        self._ends = self.loop.call_later(FINISHED_S, self.transport.abort)

    def _rank(self) -> tuple[bool, float]:
        """Those that ask nothing come first, and of them who has waited longest."""
        asks = self.cycle is not None and not self.cycle.response_complete
        return asks, self._ends.when() if self._ends is not None else 0.0

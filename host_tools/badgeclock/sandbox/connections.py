"""The HTTP server's connections, so that one can be closed without an answer, as a real one would be."""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol


class Connections:
    """Every open connection by the client's address, the only key that a request has to its connection."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[asyncio.Protocol]:
        """uvicorn's HTTP protocol, entering each of its connections here."""
        connections = self._open

        class Entered(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                self._address = _address(transport)
                connections[self._address] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                connections.pop(self._address, None)
                super().connection_lost(exc)

        return Entered

    def break_off(self, client: tuple[str, int]) -> None:
        """End a client's connection at once."""
        transport = self._open.get(client)
        if transport is not None:
            transport.abort()


def _address(transport: asyncio.Transport) -> tuple[str, int]:
    host, port = cast("tuple[str, int]", transport.get_extra_info("peername")[:2])
    return host, port

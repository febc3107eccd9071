"""Listening sockets that do not answer, as a dead router or a full host appears to a client."""

from __future__ import annotations

import socket
from typing import Final

_QUEUE_FILLERS: Final = 4
"""Connections that fill the queue of a listener with a backlog of 0; Linux takes one more than the backlog."""


def listen(host: str, port: int, backlog: int = 128) -> socket.socket:
    """A non-blocking listening socket, also on a port that was in use a moment ago. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(backlog)
        listener.settimeout(0)
    except BaseException:
        listener.close()
        raise
    return listener


def fill_queue(listener: socket.socket) -> list[socket.socket]:
    """Fill the queue of a listener with a backlog of 0, so that the kernel does not answer further connections until
    the returned sockets are closed, or accepted.
    """
    fillers = []
    for _ in range(_QUEUE_FILLERS):
        filler = socket.socket(listener.family, socket.SOCK_STREAM)
        filler.settimeout(0)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    return fillers

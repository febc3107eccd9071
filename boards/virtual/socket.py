"""`socket` whose connections go through the virtual board's access point: the board resolves a name and gives a
forwarder on loopback in its place. The sockets themselves are the unix port's, so select, asyncio and tls work on
them.

Names are asked for on a wire of their own: as on an ESP32, where the port lets other threads run meanwhile
(ports/esp32/modsocket.c), a lookup blocks the thread that wants it and nobody else.
"""

# ruff: noqa: A002, ARG001, F403, PLW0603, SIM115 - names, arguments and results are the ESP32 port's; the wire is the
# module's own

import os
import struct

import _virtual_bus as _bus
import usocket as _host
from usocket import *

IPPROTO_TCP = 6
IPPROTO_UDP = 17

_resolver = open(int(os.getenv("BADGECLOCK_RESOLVER")), "r+b")
_asked = 0


def getaddrinfo(host, port, af=0, type=0, proto=0, flags=0):
    """As the ESP32 port: blocks until the name is resolved, raises OSError(-202) if it cannot be."""
    global _asked
    _asked = number = (_asked + 1) & 0xFF
    name = host.encode()
    _resolver.write(struct.pack("<BBHI", _bus.RESOLVE, number, len(name), port) + name)
    answer = bytearray(4)
    while True:
        _resolver.readinto(answer, 4)
        if answer[0] == number:  # others were for a lookup that Ctrl-C ended
            break
    if answer[1]:
        raise OSError(-202)
    return _host.getaddrinfo("127.0.0.1", answer[2] | answer[3] << 8)[:1]

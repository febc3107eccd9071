"""`socket` whose connections go through the virtual board's access point: in place of an address the board gives a
forwarder on loopback, or its name server. The sockets themselves are the unix port's, so select, asyncio and tls work
on them.
"""

# ruff: noqa: A002, ARG001, F403 - names, arguments and results are the ESP32 port's

import _virtual_bus as _bus
import usocket as _host
from usocket import *

IPPROTO_TCP = 6
IPPROTO_UDP = 17


def getaddrinfo(host, port, af=0, type=0, proto=0, flags=0):
    """As the ESP32 port: blocks until a name is resolved, up to 14 s; raises OSError(-202) if it cannot be. A numeric
    address is known at once.
    """
    answer = bytearray(3)
    _bus.ask_data_into(_bus.RESOLVE, 0, port, host.encode(), answer, 3)
    if answer[0]:
        raise OSError(-202)
    return _host.getaddrinfo("127.0.0.1", answer[1] | answer[2] << 8, af, type)[:1]

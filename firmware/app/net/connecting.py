"""The part that only making a connection needs: the broker's address, TCP, the TLS context.

In memory for that time only (app.on_demand), and gone before TLS shakes hands. The functions belong to the Link that
they are given.
"""

import asyncio
import select
import time
from errno import EINPROGRESS

from micropython import const

from app import on_demand
from app.errors import LinkError

_RESOLVER = "app.net.resolver"

_CONNECT_TIMEOUT_MS = const(10000)
_POLL_MS = const(10)
_CONTEXT_BYTES = const(4000)  # measured: certificates and key of a clock take 2,156
_RESOLVE_AGAIN_MISSES = const(3)  # failed connections to the cached address after which the name is looked up again,
_RESOLVE_AGAIN_MS = const(60000)  # but not before it is this old


async def open_tcp(link, now, room):
    """Connect the link's TCP. now: ticks in ms. room: the memory held for the connection, None if there is none; it is
    released when all code is loaded. Raises LinkError.
    """
    old = link._misses >= _RESOLVE_AGAIN_MISSES and time.ticks_diff(now, link._resolved_at) > _RESOLVE_AGAIN_MS
    if link._address is None or old:
        link._resolved_at = now
        link._address = await _resolve(link)
        link._misses = 0
    if room:
        room.give()
    link._sock = link._sockets.socket(link._sockets.AF_INET, link._sockets.SOCK_STREAM)
    link._sock.settimeout(0)
    try:
        link._sock.connect(link._address)
    except OSError as error:
        if error.errno != EINPROGRESS:
            raise LinkError("connect", "error %d" % error.args[0])
    await _connected(link._poller, link._sock)


async def _resolve(link):
    sockets = link._sockets
    try:
        found = await on_demand.load(_RESOLVER).resolve(sockets, link._host, link._dns())
    finally:
        on_demand.drop(_RESOLVER)
    try:  # a numeric address needs no look-up; this is the port's form of it
        return sockets.getaddrinfo(found, link._port, sockets.AF_INET, sockets.SOCK_STREAM)[0][-1]
    except OSError as error:
        raise LinkError("address", "error %d" % error.args[0])


async def _connected(poller, sock):
    start = time.ticks_ms()
    poller.register(sock, select.POLLOUT)
    try:
        while True:
            for _, flags in poller.ipoll(0):
                if flags & (select.POLLERR | select.POLLHUP):
                    raise LinkError("connect", "refused or unreachable")
                if flags & select.POLLOUT:
                    return
            if time.ticks_diff(time.ticks_ms(), start) > _CONNECT_TIMEOUT_MS:
                raise LinkError("connect", "no answer")
            await asyncio.sleep_ms(_POLL_MS)
    finally:
        poller.unregister(sock)


def tls_context(link, room):
    """The context, made once: it holds the parsed certificates and the key for all connections. room: knows how much
    memory is free, None if it is never short. Raises LinkError.
    """
    if link._tls_context is not None:
        return link._tls_context
    tls = link._tls_module
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    try:
        authorities, at = link._certs.ca, 0
        while at < len(authorities):  # two in DER while one replaces the other; TLS accepts one at a time
            end = at + 4 + (authorities[at + 2] << 8 | authorities[at + 3])
            context.load_verify_locations(authorities[at:end])
            at = end
        context.load_cert_chain(link._certs.cert, link._certs.key)
    except (ValueError, IndexError) as error:
        if room and room.free() < _CONTEXT_BYTES:  # an ESP32 reports "invalid cert" for a valid one without room for it
            raise LinkError("memory", "none for the certificates: %s" % error.args[0])
        raise LinkError("certificate", "of this clock: %s" % error.args[0])
    link._certs = None  # a kilobyte and a half that TLS has copied
    return context

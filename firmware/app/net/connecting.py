"""What only a connection that is being made needs: the broker's address, TCP, the TLS context, MQTT's first packets.

In memory for that time only (app.on_demand). The functions work on the Link or the Uplink that is given, whose own they
are.
"""

import asyncio
import gc
import json
import os
import select
import time
from errno import EINPROGRESS

from micropython import const

from app import on_demand
from app.errors import LinkError
from app.log import connection_numbers
from app.net import frames

_RESOLVER = "app.net.resolver"

_CONNECT_TIMEOUT_MS = const(10000)
_POLL_MS = const(10)
_RESOLVE_AGAIN_MISSES = const(3)  # after so many failed connections to the cached address the name is looked up again,
_RESOLVE_AGAIN_MS = const(60000)  # but not before it is this old
_COUNT_MAX = const(0xFFFF)


# --- for app.net.link ---


async def open_tcp(link, now):
    """Connect the link's TCP. now: ticks in ms. Raises LinkError."""
    old = link._misses >= _RESOLVE_AGAIN_MISSES and time.ticks_diff(now, link._resolved_at) > _RESOLVE_AGAIN_MS
    if link._address is None or old:
        link._resolved_at = now
        link._address = await _resolve(link)
        link._misses = 0
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
    try:  # a numeric address asks nobody; this is the port's form of it
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


def tls_context(link):
    """The context, made once: it holds the parsed certificates and the key for all connections. Raises LinkError."""
    if link._tls_context is not None:
        return link._tls_context
    tls = link._tls_module
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    try:
        authorities, at = link._certs.ca, 0
        while at < len(authorities):  # two in DER while one takes over from the other; TLS takes one at a time
            end = at + 4 + (authorities[at + 2] << 8 | authorities[at + 3])
            context.load_verify_locations(authorities[at:end])
            at = end
        context.load_cert_chain(link._certs.cert, link._certs.key)
    except (ValueError, IndexError) as error:  # an ESP32 says "invalid cert" of a whole one that it has no memory for
        raise LinkError("certificate", "of this clock, or no memory for it: %s" % error.args[0])
    link._certs = None  # a kilobyte and a half that TLS has copied
    return context


# --- for app.net.uplink ---


async def connect(uplink):
    """Connect, subscribe, send STATUS. Raises whatever went wrong."""
    link, channel = uplink._link, uplink._channel
    gc.collect()
    if uplink._room:
        uplink._room.give()
    await link.open()
    gc.collect()  # what stays of a connection then lies together
    client = uplink._client = uplink._new_client()
    link.deliver = client.wait_msg
    # A boot has 65,535 connection numbers. Later ones share the last and keep counting frames; they have no last
    # will, which would be newer than all that follows.
    connection = connection_numbers.following(uplink._log, uplink._connection)
    if connection < _COUNT_MAX:
        client.set_last_will(channel.topic("status"), last_will(channel, uplink._log.boot, connection), retain=True)
    client.connect()
    await link.ready()
    if connection <= _COUNT_MAX:  # only now may the broker know of it
        uplink._connection = connection
        uplink._number = 0
    channel.session = os.urandom(frames.SESSION_BYTES)
    uplink._last_counter = 0
    uplink._gap_asked = 0
    uplink._window.restart(uplink._log.tail)
    for name in ("ack", "receipts", "command"):
        await link.ready()
        client.subscribe(channel.topic(name))
    await link.ready()
    uplink._send_status()
    await link.settled()


def last_will(channel, boot, connection):
    """The STATUS frame that the broker keeps for when this connection ends."""
    body = {"v": 1, "state": "offline", "boot": boot, "connection": connection}
    counter = frames.upward_counter(boot, connection, frames.LAST_WILL_NUMBER)
    return channel.seal(frames.STATUS, counter, json.dumps(body).encode())

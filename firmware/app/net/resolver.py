"""Resolves a name without blocking: one query over UDP, to the network's name server.

The port's getaddrinfo blocks its caller for up to 14 s on an ESP32 when the name server does not answer, and with it
every badge. Here the query is sent up to three times, with 1, 2 and 4 s for an answer, while the loop runs. A name in
.local is queried from the hosts on the link (RFC 6762 §5.1, §6.7: its owner answers the port that asked).

An answer is only a hint: TLS verifies the broker by its name. Anything but a right answer to this query is ignored.

Imported for a lookup and dropped after it, because an address is kept for days.
"""

import asyncio
import os
import select
import struct
import time

from micropython import const

from app.errors import LinkError

_DNS_PORT = const(53)
_MDNS_PORT = const(5353)
_NONE = "0.0.0.0"  # noqa: S104 - the port's value for no address; nothing is bound to it
_MDNS_GROUP = "224.0.0.251"  # RFC 6762 §3
_TRIES_END_MS = (1000, 3000, 7000)  # counted from the first
_POLL_MS = const(20)
_LONGEST_ANSWER = const(512)  # RFC 1035 §2.3.4
_LABEL_MAX = const(63)
_NAME_MAX = const(253)

# RFC 1035 §4.1.1, the third and fourth byte of a message
_QR_AND_OPCODE = const(0xF8)
_RESPONSE = const(0x80)
_TRUNCATED = const(0x02)
_RCODE = const(0x0F)
_NO_SUCH_NAME = const(3)

_POINTER = const(0xC0)
_TYPE_A = const(1)
_CLASS_IN = const(1)
_CLASS = const(0x7FFF)  # mDNS has a flag in the top bit: in a query, a request for a unicast answer (QU)


async def resolve(sockets, host, server):
    """The IPv4 address of `host`, as text; an address is returned as it is. Takes 7 s at most.

    sockets: as module `socket`. server: the name server's IPv4 address as text, "0.0.0.0" if the network has none.
    Raises LinkError("address", why).
    """
    if _is_address(host):
        return host
    port = _DNS_PORT
    if host.endswith(".local"):
        server, port = _MDNS_GROUP, _MDNS_PORT
    elif server == _NONE:
        raise LinkError("address", "the network names no name server")
    query = question(host, os.urandom(2))
    sock = None
    try:
        to = sockets.getaddrinfo(server, port, sockets.AF_INET, sockets.SOCK_DGRAM)[0][-1]
        sock = sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM)
        sock.settimeout(0)
        if port == _DNS_PORT:
            sock.connect(to)  # so that datagrams of other hosts are dropped
        address = await _answer(sock, to, query)
    except OSError as error:
        raise LinkError("address", "error %d" % error.args[0])
    finally:
        if sock is not None:
            sock.close()
    if not address:
        raise LinkError("address", ("no answer about " if address is None else "none for ") + host)
    return address


def question(host, number):
    """A query for the A records of `host`; number: the two bytes that identify its answer (RFC 1035 §4.1).

    Raises LinkError for an invalid name.
    """
    # one question, recursion desired
    query = bytearray(number + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00")
    for label in host.encode().split(b"."):
        if not 0 < len(label) <= _LABEL_MAX or len(host) > _NAME_MAX:
            raise LinkError("address", "not a name: " + host)
        query.append(len(label))
        query.extend(label)
    # the root; type A; class IN, for .local with QU (RFC 6762 §5.4)
    query.extend(b"\x00\x00\x01\x80\x01" if host.endswith(".local") else b"\x00\x00\x01\x00\x01")
    return bytes(query)


def read_answer(message, query):
    """The first IPv4 address in an answer to `query`, as text; "" if it reports that there is none; None if it is not
    an answer to it, or malformed, or reports a temporary failure.

    Aliases (CNAME) come before the address in the same answer and are skipped.
    """
    at = len(query)
    if (
        len(message) < at
        or message[:2] != query[:2]
        or message[2] & _QR_AND_OPCODE != _RESPONSE
        or message[4:6] != query[4:6]
        or message[12 : at - 2].lower() != query[12 : at - 2].lower()
        or (message[at - 2] << 8 | message[at - 1]) & _CLASS != _CLASS_IN
    ):
        return None
    rcode = message[3] & _RCODE
    if rcode:
        return "" if rcode == _NO_SUCH_NAME else None
    try:
        for _ in range(message[6] << 8 | message[7]):
            at = _after_name(message, at)
            kind, group, _, length = struct.unpack_from(">HHIH", message, at)
            at += 10 + length
            if at > len(message):
                return None
            if kind == _TYPE_A and group & _CLASS == _CLASS_IN and length == 4:
                return "%d.%d.%d.%d" % tuple(message[at - 4 : at])
    except (IndexError, ValueError):
        return None
    return None if message[2] & _TRUNCATED else ""


def _after_name(message, at):
    """Where the name at `at` ends. A pointer ends it and is not followed, so this only goes forward."""
    while True:
        length = message[at]
        at += 1
        if length >= _POINTER:
            return at + 1
        if length > _LABEL_MAX:
            raise ValueError
        if not length:
            return at
        at += length


def _is_address(host):
    parts = host.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)


async def _answer(sock, to, query):
    """The result of `read_answer` for the first answer, None if none comes in time."""
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    start = time.ticks_ms()
    for end_ms in _TRIES_END_MS:
        try:
            sock.sendto(query, to)
        except OSError:
            pass  # full, or an error of the last one reported now: as if it was lost
        while time.ticks_diff(time.ticks_ms(), start) < end_ms:
            for _ in poller.ipoll(0):
                address = read_answer(_received(sock), query)
                if address is not None:
                    return address
            await asyncio.sleep_ms(_POLL_MS)
    return None


def _received(sock):
    try:
        return sock.recv(_LONGEST_ANSWER)
    except OSError:
        return b""  # the network says that nobody is there; somebody may be later

"""Queries a host for the time, once and without blocking: SNTP (RFC 4330) over UDP, unauthenticated.

Only a hint: anyone on the network path can answer. So it is queried only while the clock has no time or one without a
bound, and its answer has no bound either (docs/protocol.md §2). The request has eight random bytes instead of the
clock's time, and the answer must return them; so only somebody who sees the request can forge one.

Ignored are:

- an answer to another request, not from a server, from one that is not synchronised, or that demands a pause;
- one whose own bound (RFC 5905 §11.1: half the root's delay, its dispersion) is above a second, or whose round trip
  took two;
- a time before the newest certain one in the journal, or over 400 days after it; or before 2020, or after 2106;
- a change of more than a quarter of an hour from the RTC's time, unless TLS refused certificates by that time.

Imported for a query and dropped after it.
"""

import asyncio
import os
import select
import struct
import time

from micropython import const

from app.errors import LinkError
from app.log.record import KIND_TIME_SET, SOURCE_NONE, Stamp
from app.net import resolver

_PORT = const(123)
_CLIENT = const(0x23)  # no leap second announced, version 4, mode 3
_MODE = const(0x07)
_SERVER = const(4)
_NOT_IN_TIME = const(0xC0)
_STRATUM_MOST = const(15)
_BYTES = const(48)  # RFC 5905 figure 8; the rest is for authenticated NTP
_LAYOUT = ">BBbbII4s8s8sIIII"
_ROOT_MOST = const(65536)  # a second, in 16.16 bits
_TRIES_END_MS = (1000, 3000, 7000)  # counted from the first
_POLL_MS = const(20)
_RTT_MOST_MS = const(2000)
_TO_1970_S = 2208988800  # from 1900
_ERA_S = 1 << 32

EARLIEST_S = 1577836800  # 2020-01-01
STEP_MOST_MS = const(900000)
AHEAD_MOST_S = const(34560000)  # 400 days
_STEP_MS = const(2000)  # more is a TIME_SET record


async def ask(sockets, host, server, timekeeper, note):
    """Query `host` and set the clock by its answer. Takes 14 s at most. True if the clock accepted it.

    sockets: as module `socket`. server: the name server's IPv4 address as text. timekeeper: a Timekeeper that
    `accepts_hints`. note: appends a record, as app.clock.Clock.note.
    """
    try:
        address = await resolver.resolve(sockets, host, server)
        utc_ms = await _answer(sockets, address)
    except (LinkError, OSError):
        utc_ms = None
    if utc_ms is None or not timekeeper.accepts_hints:
        return False
    stamp = Stamp()
    timekeeper.stamp(stamp)
    own_ms = 0 if timekeeper.is_refused else stamp.utc_s * 1000 + stamp.ms  # a time that TLS refused is no reference
    if not is_sane(utc_ms, own_ms, timekeeper.floor_s):
        return False
    old = struct.pack(">IHBB", stamp.utc_s, stamp.ms, stamp.source, 0)
    step_ms = timekeeper.accept_hint(utc_ms)
    if stamp.source == SOURCE_NONE or abs(step_ms) > _STEP_MS:
        note(KIND_TIME_SET, old)
    return True


def is_sane(utc_ms, old_ms, floor_s):
    """Whether a hint is within the limits above. old_ms: the clock's own time, 0 without one; floor_s: the certain
    minimum, 0 if unknown.
    """
    if old_ms:
        return abs(utc_ms - old_ms) <= STEP_MOST_MS
    utc_s = utc_ms // 1000
    if floor_s and utc_s > floor_s + AHEAD_MOST_S:
        return False
    return max(floor_s, EARLIEST_S) <= utc_s < _ERA_S


def question(nonce):
    """A client's packet; nonce: 8 bytes."""
    return bytes((_CLIENT,)) + bytes(39) + nonce


def read_answer(packet, nonce, rtt_ms):
    """UTC in ms as the answer to `nonce` came, rtt_ms after the question; None if it is not an answer to it, or
    unusable."""
    if len(packet) < _BYTES or rtt_ms > _RTT_MOST_MS:
        return None
    head, stratum, _, _, delay, dispersion, _, _, origin, got_s, got_f, sent_s, sent_f = struct.unpack(
        _LAYOUT, packet[:_BYTES]
    )
    if head & _MODE != _SERVER or head & _NOT_IN_TIME == _NOT_IN_TIME or not 1 <= stratum <= _STRATUM_MOST:
        return None
    if origin != nonce or not sent_s | sent_f or delay // 2 + dispersion > _ROOT_MOST:
        return None
    held_ms = ((sent_s - got_s) * 1000) + (sent_f * 1000 >> 32) - (got_f * 1000 >> 32)
    if not 0 <= held_ms <= rtt_ms + 1:  # each rounds by one
        return None
    # The top bit is the era: from 1968 on with it, from 2036 on without (RFC 4330 §3).
    utc_s = sent_s - _TO_1970_S + (0 if sent_s & 0x80000000 else _ERA_S)
    return utc_s * 1000 + (sent_f * 1000 >> 32) + (rtt_ms - held_ms) // 2


async def _answer(sockets, address):
    """The first right answer, None if none comes in time. Raises OSError."""
    to = sockets.getaddrinfo(address, _PORT, sockets.AF_INET, sockets.SOCK_DGRAM)[0][-1]
    sock = sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM)
    try:
        sock.settimeout(0)
        sock.connect(to)  # so that datagrams of other hosts are dropped
        poller = select.poll()
        poller.register(sock, select.POLLIN)
        start = time.ticks_ms()
        for end_ms in _TRIES_END_MS:
            nonce = os.urandom(8)
            asked = time.ticks_ms()
            _send(sock, question(nonce))
            while time.ticks_diff(time.ticks_ms(), start) < end_ms:
                for _ in poller.ipoll(0):
                    utc_ms = read_answer(_received(sock), nonce, time.ticks_diff(time.ticks_ms(), asked))
                    if utc_ms is not None:
                        return utc_ms
                await asyncio.sleep_ms(_POLL_MS)
    finally:
        sock.close()
    return None


def _send(sock, packet):
    try:
        sock.send(packet)
    except OSError:
        pass  # full, or a late error of the last one: treated as lost


def _received(sock):
    try:
        return sock.recv(_BYTES)
    except OSError:
        return b""  # the network reports no host; there may be one later

"""The clock's one connection: TCP, TLS and MQTT packets. No call blocks.

umqtt.simple is written for a blocking socket. `Link` replaces that socket, and umqtt's `socket` module:

- umqtt's writes are collected until they are one MQTT packet, which is sent in one write: one TLS record, one TCP
  segment.
- Received data is assembled, and umqtt gets complete packets only.
- Where umqtt waits for the broker's answer (CONNACK, SUBACK) it gets a successful answer at once. The link remembers
  that the real one is due; `settled` awaits it with a deadline and accepts only success.
- Each phase has a deadline, each failure is a LinkError(category, detail).

TLS always verifies the broker's certificate against the site's authority and the broker's name: nothing here can switch
that off. A port that checks certificate dates (ESP32 does) uses its own system clock, which the timekeeper sets: from
the RTC, or, if that has stopped, from the newest recorded moment. So a clock without a battery still connects, accepts
no other authority, and refuses a certificate that expired before that moment.

A connection is opened by app/net/connecting.py, which is in memory for that only; a found address is kept.

Below TLS is `Wire`. mbedTLS would do a whole handshake flight in one call: two signature checks, a key exchange and a
signature, most of a second on an ESP32. `Wire` gives it one TLS record per turn, so that a badge waits for at most one
of these.

One buffer each way, made once. A packet larger than the buffer ends the connection.
"""

import asyncio
import io
import select
import time

from micropython import const

from app import on_demand
from app.errors import LinkError

_CONNECTING = "app.net.connecting"
_RESOLVER = "app.net.resolver"

# The longest frame (docs/protocol.md §6), or a batch of 16 records, which is as long; the topic of the longest clock
# id; and MQTT's own bytes.
IN_BYTES = const(1088)
OUT_BYTES = const(1088)

TLS_TIMEOUT_MS = const(20000)  # an ESP32 computes for about a second (P-256); the rest is margin for slow networks
WRITE_TIMEOUT_MS = const(10000)
ANSWER_TIMEOUT_MS = const(10000)
POLL_MS = const(10)

# MQTT 3.1.1 §2.2.1, the first byte of a packet with the flags it must have
_CONNECT = const(0x10)
_CONNACK = const(0x20)
_PUBLISH = const(0x30)
_SUBSCRIBE = const(0x82)
_SUBACK = const(0x90)
_PINGREQ = const(0xC0)
_PINGRESP = const(0xD0)

_CONNACK_OWED = const(0)  # packet identifiers of SUBACK start at 1
_CONNACK_HOPED = b"\x20\x02\x00\x00"

_GRANT = const(64)
_EINVAL = const(22)  # of MicroPython on every port (py/mperrno.h)
_IOCTL_CLOSE = const(4)  # py/stream.h, MP_STREAM_CLOSE


class Wire(io.IOBase):
    """The TCP socket for TLS: never waits, counts bytes, and passes no more than was granted for this turn.

    An exception must not pass through mbedTLS, so an OSError of the socket becomes its negative number.
    """

    def __init__(self, sock):
        self._sock = sock
        self._reads = 0
        self._writes = 0
        self._either = False
        self.moved = False  # whether a byte passed since the last grant
        self.writes = 0  # TLS writes one record at a time
        self.written = 0
        self.received = 0

    def grant_record(self):
        """Allow one TLS record: one write, or the two reads (head, rest) of one record."""
        self._reads = 2
        self._writes = 1
        self._either = True
        self.moved = False

    def grant(self):
        """Allow what one call of TLS can need, but no endless series of empty records."""
        self._reads = self._writes = _GRANT
        self._either = False
        self.moved = False

    def readinto(self, buf):
        if self._reads <= 0:
            return None
        try:
            count = self._sock.readinto(buf)
        except OSError as error:
            return -error.args[0]
        if count:
            self._reads -= 1
            if self._either:
                self._writes = 0
            self.moved = True
            self.received += count
        return count

    def write(self, buf):
        if self._writes <= 0:
            return None
        try:
            count = self._sock.write(buf)
        except OSError as error:
            return -error.args[0]
        if count:
            self._writes -= 1
            if self._either:
                self._reads = 0
            self.moved = True
            self.writes += 1
            self.written += count
        return count

    def ioctl(self, request, _):
        if request != _IOCTL_CLOSE:
            return -_EINVAL
        self._sock.close()
        return 0


class Link:
    """One connection after another to the same broker. Its two sides are described at the top.

    sockets: as module `socket`. dns: returns the address of the network's name server. tls: as module `tls`. certs: the
    site's authority, the clock's certificate and its key as DER bytes in `ca`, `cert`, `key`. host, port: the broker;
    `host` is the name that its certificate must carry.
    """

    def __init__(self, sockets, dns, tls, certs, host, port):
        self._sockets = sockets
        self._dns = dns
        self._tls_module = tls
        self._certs = certs
        self._host = host
        self._port = port
        self._tls_context = None
        self._address = None
        self._resolved_at = time.ticks_ms()
        self._misses = 0
        self._poller = select.poll()
        self._in = memoryview(bytearray(IN_BYTES))
        self._out = memoryview(bytearray(OUT_BYTES))
        self._first_two = self._in[:2]
        self._sock = None
        self._opened = False
        self._tls = self.wire = Wire(None)
        self.deliver = self._undelivered  # called when a PUBLISH is complete; must read it, as umqtt's wait_msg does
        self._reset()

    def _reset(self):
        now = time.ticks_ms()
        self._secured = False
        self._collected = 0  # bytes of the packet that umqtt is writing
        self._leaving = 0  # length of the packet that is being sent; 0: none
        self._left = 0  # how much of it TLS took
        self._leaving_since = now
        self._filled = 0
        self._needed = 2
        self._body = 0  # where the packet's body starts; 0: its length is not known yet
        self._shown = 0  # umqtt may read from here …
        self._shown_end = 0  # … up to here
        self._hoped = b""  # the answer that umqtt reads instead of the real one
        self._owed = []
        self._owed_since = now
        self.ping_since = None
        self._last_in = now
        self._last_out = now

    # --- for the uplink ---

    async def open(self, room=None):
        """Connect TCP and prepare TLS, whose handshake runs while the first packet is sent. room: the memory reserved
        for that, which is released. Raises LinkError.
        """
        self.shut()
        self._reset()
        try:
            await on_demand.load(_CONNECTING, _RESOLVER).open_tcp(self, time.ticks_ms(), room)
            context = self._tls_context = on_demand.load(_CONNECTING).tls_context(self, room)
        except LinkError:
            self._misses += 1
            raise
        finally:
            on_demand.drop(_CONNECTING)
        self._misses = 0
        self.wire = Wire(self._sock)
        self._tls = context.wrap_socket(self.wire, server_hostname=self._host, do_handshake_on_connect=False)
        self._opened = True

    def forget_address(self):
        """Forget the broker's address: the clock is in another network."""
        self._address = None

    def shut(self):
        """End the connection, if there is one; the next collection frees its memory."""
        if self._opened:
            self._opened = False
            _close(self._tls)
        if self._sock is not None:  # TLS has closed it only if it was intact
            _close(self._sock)
            self._sock = None

    @property
    def idle(self):
        """Whether a packet can be written now."""
        return self._leaving == 0

    @property
    def quiet_ms(self):
        """Milliseconds since the last packet in the direction that has been idle longer."""
        now = time.ticks_ms()
        return max(time.ticks_diff(now, self._last_in), time.ticks_diff(now, self._last_out))

    def poll(self):
        """Do what is possible now: continue sending, accept at most one packet. True if anything moved; raises
        LinkError."""
        if not self._opened:
            raise LinkError("closed", "no connection")
        moved = self._send_on()
        if self._secured and self._receive():
            self._packet()
            moved = True
        self._check_deadlines()
        return moved

    def space(self, length):
        """Where the last `length` bytes of the next packet can be made, so that they need no buffer of their own. Only
        while the link is `idle`, and only for the content that is written last.
        """
        return self._out[OUT_BYTES - length :]

    async def ready(self):
        """Return once the written packet has been sent."""
        while self._leaving:
            await asyncio.sleep_ms(0 if self.poll() else POLL_MS)

    async def settled(self):
        """Return once all due answers of the broker have arrived."""
        while self._leaving or self._owed:
            await asyncio.sleep_ms(0 if self.poll() else POLL_MS)

    # --- for umqtt: its socket module ---

    def socket(self, *_):
        return self

    def getaddrinfo(self, *_):
        return ((None,),)

    # --- for umqtt: its socket ---

    def connect(self, _):
        """Does nothing: the link is open before umqtt connects."""

    def settimeout(self, _):
        """Does nothing: the link has its own deadlines and never blocks."""

    setblocking = settimeout

    def write(self, data, length=None):
        """Collect `data`, or its first `length` bytes; send when the packet is complete."""
        if length is None:
            length = len(data)
        end = self._collected + length
        if self._leaving:
            raise LinkError("other", "a packet was written before the last one had left")
        if end > OUT_BYTES:
            raise LinkError("oversized", "a packet of over %d bytes to send" % OUT_BYTES)
        self._out[self._collected : end] = memoryview(data)[:length]
        self._collected = end
        if end == self._packet_bytes(end):
            self._collected = 0
            self._leaving = end
            self._left = 0
            self._leaving_since = time.ticks_ms()
            self._note_answer()
            self._send_on()
        return length

    def read(self, length):
        """`length` bytes of the present packet, or of the assumed answer. Long ones are a view, not a copy."""
        if self._hoped:
            answer = self._hoped[:length]
            self._hoped = self._hoped[length:]
            return answer
        end = self._shown + length
        if end > self._shown_end:
            raise LinkError("packet", "shorter inside than it says")
        part = self._in[self._shown : end]
        self._shown = end
        return part if length > 64 else bytes(part)

    def close(self):
        self.shut()

    # --- TLS ---

    def _send_on(self):
        """Give TLS the rest of the outgoing packet; this also continues the handshake. True if anything moved."""
        if not self._leaving:
            return False
        if self._secured:
            taken = self._write_on()
        else:
            taken = self._handshake_on()
        if taken is None:
            return self.wire.moved
        self._secured = True
        self._left += taken
        if self._left == self._leaving:
            self._leaving = 0
            self._last_out = self._owed_since = time.ticks_ms()  # an answer's deadline starts here, not before TLS
        return True

    def _write_on(self):
        self.wire.grant()
        try:
            return self._tls.write(self._out[self._left : self._leaving])
        except OSError as error:
            raise LinkError("closed", error.args[-1])

    def _handshake_on(self):
        self.wire.grant_record()
        try:
            return self._tls.write(self._out[self._left : self._leaving])
        except ValueError as error:
            # mbedTLS's verdict on the certificate has a line for each fault, and a new line before each; the port also
            # raises ValueError for other causes, with its own messages.
            raise LinkError("certificate" if error.args[0][:1] == "\n" else "tls", error.args[0].strip())
        except OSError as error:
            raise LinkError("tls", error.args[-1])

    # --- MQTT ---

    def _packet_bytes(self, known):
        """Length of the packet in the outgoing buffer, of which `known` bytes are there; 0: not known yet."""
        length = 0
        for index in range(1, min(known, 5)):
            byte = self._out[index]
            length |= (byte & 0x7F) << 7 * (index - 1)
            if byte < 0x80:
                return index + 1 + length
        return 0

    def _note_answer(self):
        """Remember the due answer to the packet being sent, and give umqtt the assumed one."""
        kind = self._out[0]
        if kind == _CONNECT:
            self._hoped = _CONNACK_HOPED
            self._owed.append(_CONNACK_OWED)
        elif kind == _SUBSCRIBE:  # its length is below 128, so the packet identifier follows at once
            self._hoped = bytes((_SUBACK, 3, self._out[2], self._out[3], 0))
            self._owed.append(self._out[2] << 8 | self._out[3])
        elif kind == _PINGREQ:
            self.ping_since = time.ticks_ms()

    def _receive(self):
        """Read on in the present packet, exactly up to its end. True if it is complete."""
        self.wire.grant()
        while True:
            part = self._in[self._filled : self._needed] if self._filled else self._first_two
            try:
                count = self._tls.readinto(part)
            except OSError as error:  # in TLS 1.3 the broker checks the clock's certificate only after the handshake
                raise LinkError("tls" if _CONNACK_OWED in self._owed else "closed", error.args[-1])
            if count is None:
                return False
            if count == 0:
                raise LinkError("closed", "by the broker")
            self._last_in = time.ticks_ms()
            self._filled += count
            if self._filled < self._needed:
                continue
            if not self._body and not self._length_known():
                continue
            if self._filled == self._needed:
                return True

    def _length_known(self):
        """Whether the packet's length is complete (MQTT 3.1.1 §2.2.3: one to four bytes); reads one more byte if
        not."""
        if self._in[self._filled - 1] & 0x80:
            if self._filled == 5:
                raise LinkError("packet", "length of five bytes")
            self._needed = self._filled + 1
            return False
        length = 0
        for index in range(self._filled - 1, 0, -1):
            length = length << 7 | self._in[index] & 0x7F
        self._body = self._filled
        self._needed = self._filled + length
        if self._needed > IN_BYTES:
            raise LinkError("oversized", "a packet of %d bytes came" % self._needed)
        return True

    def _packet(self):
        """Act on the complete packet and make room for the next."""
        kind = self._in[0]
        body, end = self._body, self._needed
        length = end - body
        if kind & 0xF0 == _PUBLISH:
            self._publish(kind, body, end)
        elif kind == _CONNACK and length == 2:
            self._answer(_CONNACK_OWED, self._in[body + 1])
        elif kind == _SUBACK and length == 3:
            # 0x80 is a refusal; a granted QoS cannot be above the requested one (MQTT 3.1.1 §3.9.3)
            self._answer(self._in[body] << 8 | self._in[body + 1], self._in[body + 2])
        elif kind == _PINGRESP and length == 0 and self.ping_since is not None:
            self.ping_since = None
        else:
            raise LinkError("packet", "type 0x%02x, %d bytes" % (kind, length))
        self._filled = 0
        self._needed = 2
        self._body = 0

    def _publish(self, kind, body, end):
        """Pass a PUBLISH to umqtt. Subscriptions are at QoS 0, so no other can arrive (MQTT 3.1.1 §3.8.4)."""
        if kind & 0x06 or _CONNACK_OWED in self._owed:
            raise LinkError("packet", "publish 0x%02x" % kind)
        if end - body < 2 or body + 2 + (self._in[body] << 8 | self._in[body + 1]) > end:
            raise LinkError("packet", "publish without its topic")
        self._shown, self._shown_end = 0, end
        self.deliver()
        if self._shown != self._shown_end:
            raise LinkError("other", "umqtt left a part of a packet")
        self._shown = self._shown_end = 0

    def _undelivered(self):
        raise LinkError("packet", "a publication that nobody awaits")

    def _answer(self, answer, code):
        if answer not in self._owed:
            raise LinkError("packet", "an answer that was not owed")
        if code:
            what = "CONNECT" if answer == _CONNACK_OWED else "SUBSCRIBE"
            raise LinkError("refused", "%s, code %d" % (what, code))
        self._owed.remove(answer)

    def _check_deadlines(self):
        now = time.ticks_ms()
        if self._leaving:
            waited = time.ticks_diff(now, self._leaving_since)
            if not self._secured and waited > TLS_TIMEOUT_MS:
                raise LinkError("tls", "no end of the handshake")
            if self._secured and waited > WRITE_TIMEOUT_MS:
                raise LinkError("stuck", "the network takes nothing")
        elif self._owed and time.ticks_diff(now, self._owed_since) > ANSWER_TIMEOUT_MS:
            raise LinkError("silent", "no CONNACK" if _CONNACK_OWED in self._owed else "no SUBACK")
        if self.ping_since is not None and time.ticks_diff(now, self.ping_since) > ANSWER_TIMEOUT_MS:
            raise LinkError("silent", "no PINGRESP")


def _close(stream):
    try:
        stream.close()
    except OSError:
        pass  # it is closed either way

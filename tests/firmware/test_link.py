"""The link under umqtt: packets whole both ways, answers judged, deadlines kept, bad bytes ended, nothing waited for.

TLS and socket are scripted here, so that each byte can come when a test says; the real ones are in tests/system.
"""

import asyncio
import errno
import gc
import io
import os
import random
import sys
import time

import app
import umqtt18
import umqtt.simple as umqtt
from app.net import link as link_module
from app.errors import LinkError
from app.net.link import IN_BYTES, OUT_BYTES, Link

CONNACK = b"\x20\x02\x00\x00"
POLL_READABLE = 1
POLL_WRITABLE = 4


class ScriptedSocket(io.IOBase):
    """A socket whose other end is the test: `arrive` bytes, look at `writes`."""

    def __init__(self):
        self.writes = []
        self.incoming = b""
        self.at_a_time = 100000  # bytes that one read or write takes
        self.takes = -1  # how many more writes it takes before its buffer is full; -1: any number
        self.ended = False
        self.error = None
        self.closed = False
        self.poll_flags = POLL_WRITABLE
        self.connect_error = errno.EINPROGRESS

    def settimeout(self, seconds):
        assert seconds == 0

    def connect(self, _):
        if self.connect_error:
            raise OSError(self.connect_error)

    def readinto(self, buf):
        if self.error:
            raise OSError(self.error)
        if not self.incoming:
            return 0 if self.ended else None
        count = min(len(buf), len(self.incoming), self.at_a_time)
        buf[:count] = self.incoming[:count]
        self.incoming = self.incoming[count:]
        return count

    def write(self, buf):
        if self.error:
            raise OSError(self.error)
        if self.takes == 0:
            return None
        self.takes -= 1
        count = min(len(buf), self.at_a_time)
        self.writes.append(bytes(buf[:count]))
        return count

    def ioctl(self, request, _):
        return self.poll_flags if request == 3 else -errno.EINVAL

    def close(self):
        self.closed = True

    def arrive(self, content):
        self.incoming += content

    def sent(self):
        return b"".join(self.writes)


class ClearTls:
    """TLS without the cipher: passes bytes on, and takes a write whole or, as mbedTLS does, must be called again."""

    def __init__(self, wire):
        self._wire = wire
        self._done = 0

    def readinto(self, buf):
        count = self._wire.readinto(buf)
        if count is not None and count < 0:
            raise OSError(-count)
        return count

    def write(self, buf):
        count = self._wire.write(buf[self._done :])
        if count is None:
            return None
        if count < 0:
            raise OSError(-count)
        self._done += count
        if self._done < len(buf):
            return None
        self._done = 0
        return len(buf)

    def close(self):
        pass


class NameServer(ScriptedSocket):
    """The socket to a name server that resolves every name, unless set otherwise."""

    def __init__(self):
        super().__init__()
        self.lookups = 0
        self.answers = True
        self.fails = False
        self.poll_flags = 0
        self.connect_error = None

    def sendto(self, query, to):
        assert to == ("192.0.2.1", 53)
        self.lookups += 1
        if not self.answers:
            return
        record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x0a"
        flags, records = (b"\x81\x83", 0) if self.fails else (b"\x81\x80", 1)
        self.arrive(query[:2] + flags + bytes((0, 1, 0, records, 0, 0, 0, 0)) + query[12:] + record * records)
        self.poll_flags = POLL_READABLE

    def recv(self, most):
        assert len(self.incoming) <= most
        message, self.incoming = self.incoming, b""
        self.poll_flags = 0
        return message


class Network:
    """Modules socket and tls, and certs: one scripted connection after another."""

    AF_INET = SOCK_STREAM = PROTOCOL_TLS_CLIENT = 0
    SOCK_DGRAM = 1
    CERT_REQUIRED = 2
    ca = cert = key = b""

    def __init__(self):
        self.names = NameServer()
        self.next = ScriptedSocket()
        self.server_hostname = None
        self.handshake_error = None
        self.certificate_error = None

    def getaddrinfo(self, host, port, *_):
        assert host in ("192.0.2.1", "192.0.2.10"), "the port would look a name up, and block"
        return ((0, 0, 0, "", (host, port)),)

    def socket(self, _, kind):
        return self.names if kind == self.SOCK_DGRAM else self.next

    def dns(self):
        return "192.0.2.1"

    def SSLContext(self, _):  # noqa: N802 - the module's name
        return self

    def load_verify_locations(self, ca):
        pass

    def load_cert_chain(self, cert, key):
        if self.certificate_error:
            raise self.certificate_error

    def wrap_socket(self, wire, server_hostname, do_handshake_on_connect):
        assert self.verify_mode == self.CERT_REQUIRED
        assert not do_handshake_on_connect
        self.server_hostname = server_hostname
        if self.handshake_error:
            return Refusing(self.handshake_error)
        return ClearTls(wire)


class Refusing(ClearTls):
    """TLS whose handshake fails."""

    def __init__(self, error):
        self._error = error

    def write(self, _):
        raise self._error


class Clock:
    """module `time` with hands: `passed` ms are added to the ticks."""

    def __init__(self):
        self.passed = 0

    def ticks_ms(self):
        return time.ticks_add(time.ticks_ms(), self.passed)

    ticks_diff = staticmethod(time.ticks_diff)


class Rig:
    """A link, an umqtt client on it, what the client received, and the other end."""

    def __init__(self, client=umqtt.MQTTClient):
        self.network = Network()
        self.other_end = self.network.next
        self.link = umqtt.socket = Link(self.network, self.network.dns, self.network, self.network, "broker", 8883)
        self.client = client(b"clock-0001", "broker", 8883, keepalive=60)
        self.client.set_callback(self.told)
        self.link.deliver = self.client.wait_msg
        self.messages = []

    def told(self, topic, message):
        self.messages.append((bytes(topic), bytes(message)))

    async def connect(self):
        await self.link.open()
        self.client.connect()
        self.other_end.arrive(CONNACK)
        await self.link.settled()
        return self

    def turns(self, count=50):
        for _ in range(count):
            self.link.poll()

    async def fails(self, awaitable):
        """The category of the LinkError that it ends in."""
        try:
            await awaitable
        except LinkError as error:
            return error.args[0]

    def refuses(self, call, *arguments):
        """The category of the LinkError that the call ends in."""
        try:
            call(*arguments)
        except LinkError as error:
            return error.args[0]

    def ends(self, turns=50):
        """The category by which the connection ends within so many turns; None if it does not."""
        return self.refuses(self.turns, turns)


def packet(kind, body):
    head, length = bytearray((kind,)), len(body)
    while True:
        head.append(length & 127 | (128 if length > 127 else 0))
        length >>= 7
        if not length:
            return bytes(head) + body


def publication(topic, message, kind=0x30):
    return packet(kind, bytes((0, len(topic))) + topic + message)


async def test_connect_leaves_in_one_write_and_waits_for_the_real_connack():
    for kind in (umqtt.MQTTClient, umqtt18.MQTTClient):
        rig = Rig(kind)
        rig.client.set_last_will(b"t/status", b"will of any length", retain=True)
        await rig.link.open()
        rig.client.connect()
        assert len(rig.other_end.writes) == 1, "CONNECT in pieces"
        assert rig.other_end.sent()[0] == 0x10
        rig.turns()
        rig.other_end.arrive(CONNACK[:3])
        rig.turns()
        rig.other_end.arrive(CONNACK[3:])
        await rig.link.settled()
        assert rig.network.server_hostname == "broker"


async def test_each_packet_is_one_write():
    rig = await Rig().connect()
    del rig.other_end.writes[:]
    batch = memoryview(bytearray(16 * 64))
    rig.client.publish(b"badgeclock/v1/clock-0001/punches", batch)
    rig.client.publish(b"badgeclock/v1/clock-0001/status", b"{}", retain=True)
    rig.client.ping()
    rig.client.subscribe(b"badgeclock/v1/clock-0001/ack")
    assert [write[0] for write in rig.other_end.writes] == [0x30, 0x31, 0xC0, 0x82]
    assert rig.other_end.writes[0].endswith(b"punches" + bytes(16 * 64))
    assert rig.link.wire.writes == 5


async def test_subscribe_of_both_umqtts_is_judged_by_the_real_suback():
    for kind in (umqtt.MQTTClient, umqtt18.MQTTClient):
        rig = await Rig(kind).connect()
        rig.client.subscribe(b"one")
        rig.client.subscribe(b"two")
        rig.other_end.arrive(b"\x90\x03\x00\x02\x00")
        rig.turns()
        rig.other_end.arrive(b"\x90\x03\x00\x01\x00")
        await rig.link.settled()


async def test_a_refusal_ends_the_connection():
    for code in range(1, 6):
        rig = Rig()
        await rig.link.open()
        rig.client.connect()
        rig.other_end.arrive(CONNACK[:3] + bytes((code,)))
        assert await rig.fails(rig.link.settled()) == "refused"
    rig = await Rig().connect()
    rig.client.subscribe(b"one")
    rig.other_end.arrive(b"\x90\x03\x00\x01\x80")
    assert await rig.fails(rig.link.settled()) == "refused"


async def test_publications_are_delivered_whole_however_they_arrive():
    messages = [(b"a", b""), (b"some/topic", b"x" * 200), (b"b", bytes(range(256)) * 3), (b"c", b"end")]
    stream = b"".join(publication(topic, message) for topic, message in messages)
    for step in (1, 2, 3, 7, 128, 5000):
        rig = await Rig().connect()
        for at in range(0, len(stream), step):
            rig.other_end.arrive(stream[at : at + step])
            rig.turns(1)
        rig.turns()
        assert rig.messages == messages, step


async def test_the_largest_frame_fits_and_a_larger_packet_ends_the_connection():
    topic = b"badgeclock/v1/" + b"c" * 23 + b"/receipts"
    rig = await Rig().connect()
    rig.other_end.arrive(publication(topic, bytes(1024)))
    rig.turns()
    assert len(rig.messages[0][1]) == 1024
    rig.other_end.arrive(packet(0x30, bytes(IN_BYTES)))
    assert rig.ends() == "oversized"


async def test_a_packet_too_large_to_send_is_refused_before_a_byte_leaves():
    rig = await Rig().connect()
    del rig.other_end.writes[:]
    assert rig.refuses(rig.client.publish, b"t", bytes(OUT_BYTES)) == "oversized"
    assert not rig.other_end.writes


async def test_what_mqtt_does_not_allow_ends_the_connection():
    for name, content in (
        ("publish at QoS 1", publication(b"t", b"\0\1m", 0x32)),
        ("publish at QoS 2", publication(b"t", b"\0\1m", 0x34)),
        ("topic longer than its packet", packet(0x30, b"\0\x09short")),
        ("publish without a topic", packet(0x30, b"\0")),
        ("empty publish", packet(0x30, b"")),
        ("length of five bytes", b"\x30\x80\x80\x80\x80\x01"),
        ("CONNACK twice", CONNACK),
        ("CONNACK of three bytes", packet(0x20, b"\0\0\0")),
        ("SUBACK that nobody asked for", b"\x90\x03\x00\x01\x00"),
        ("PINGRESP that nobody asked for", b"\xd0\x00"),
        ("CONNECT from the broker", packet(0x10, b"\0\4MQTT")),
        ("type 0", packet(0x00, b"")),
        ("PUBACK", packet(0x40, b"\0\1")),
    ):
        rig = await Rig().connect()
        rig.other_end.arrive(content)
        assert rig.ends() == "packet", name
        assert not rig.messages, name


async def test_a_publication_before_connack_ends_the_connection():
    rig = Rig()
    await rig.link.open()
    rig.client.connect()
    rig.other_end.arrive(publication(b"t", b"m"))
    assert rig.ends() == "packet"


async def test_random_bytes_never_end_in_anything_but_a_counted_end():
    random.seed(1)
    rig = await Rig().connect()
    ends = {}
    for attempt in range(1500):
        rig.link._reset()
        rig.link._secured = True
        rig.other_end.incoming = os.urandom(1 + random.getrandbits(6))
        if attempt % 2:  # let half of them look like publications
            rig.other_end.incoming = b"\x30" + bytes((random.getrandbits(6),)) + rig.other_end.incoming
        end = rig.ends(12)
        ends[end] = ends.get(end, 0) + 1
        assert end in (None, "packet", "oversized"), (attempt, end)
    assert ends["packet"] > 400, ends
    assert ends["oversized"] > 20, ends


async def test_a_slow_network_takes_a_packet_bit_by_bit_and_it_arrives_whole():
    rig = await Rig().connect()
    del rig.other_end.writes[:]
    rig.other_end.at_a_time = 100
    rig.client.publish(b"t", bytes(range(256)) * 4)
    assert not rig.link.idle
    await rig.link.ready()
    assert rig.other_end.sent() == publication(b"t", bytes(range(256)) * 4)


async def test_a_packet_is_never_mixed_into_one_that_has_not_left():
    rig = await Rig().connect()
    rig.other_end.takes = 0
    rig.client.publish(b"t", b"first")
    assert rig.refuses(rig.client.publish, b"t", b"second") == "other"


async def test_the_end_of_the_stream_and_its_errors_end_the_connection():
    rig = await Rig().connect()
    rig.other_end.ended = True
    assert rig.ends() == "closed"
    rig = await Rig().connect()
    rig.other_end.error = errno.ECONNRESET
    assert rig.ends() == "closed"
    rig.link.shut()
    assert rig.other_end.closed
    assert rig.ends() == "closed", "a shut link stays shut"


async def test_a_broker_that_cannot_be_reached_is_told_apart():
    rig = Rig()
    rig.other_end.connect_error = errno.EHOSTUNREACH
    assert await rig.fails(rig.link.open()) == "connect"
    rig.other_end.connect_error = errno.EINPROGRESS
    rig.other_end.poll_flags = POLL_WRITABLE | 8 | 16
    assert await rig.fails(rig.link.open()) == "connect"
    assert rig.network.names.lookups == 1, "the address is kept"


async def test_a_certificate_that_fails_is_told_apart_from_a_handshake_that_fails():
    for error, category in (
        (ValueError("\nThe certificate is not correctly signed by the trusted CA\n"), "certificate"),
        (ValueError("invalid cert"), "tls"),
        (OSError(-30592), "tls"),
    ):
        rig = Rig()
        rig.network.handshake_error = error
        await rig.link.open()
        assert rig.refuses(rig.client.connect) == category


class Room:
    """The board's memory for a connection, of which so much is left."""

    def __init__(self, left):
        self.left = left

    def give(self):
        pass

    def free(self):
        return self.left


async def test_certificates_that_have_no_memory_are_told_apart_from_wrong_ones():
    for left, category in ((2000, "memory"), (20000, "certificate")):
        rig = Rig()
        rig.network.certificate_error = ValueError("invalid cert")
        assert await rig.fails(rig.link.open(Room(left))) == category


async def test_every_wait_has_its_deadline():
    clock = link_module.time = Clock()
    try:
        rig = Rig()
        await rig.link.open()
        rig.other_end.takes = 0
        rig.client.connect()
        clock.passed += 19000
        assert rig.ends() is None
        clock.passed += 2000
        assert rig.ends() == "tls", "no end of the handshake"

        rig = Rig()
        await rig.link.open()
        rig.client.connect()
        clock.passed += 11000
        assert rig.ends() == "silent", "no CONNACK"

        rig = await Rig().connect()
        rig.client.subscribe(b"one")
        clock.passed += 11000
        assert rig.ends() == "silent", "no SUBACK"

        rig = await Rig().connect()
        rig.client.ping()
        rig.other_end.arrive(b"\xd0\x00")
        rig.turns()
        clock.passed += 11000
        assert rig.ends() is None, "PINGRESP came"
        rig.client.ping()
        clock.passed += 11000
        assert rig.ends() == "silent", "no PINGRESP"

        rig = await Rig().connect()
        rig.other_end.takes = 0
        rig.client.publish(b"t", b"m")
        clock.passed += 11000
        assert rig.ends() == "stuck"

        rig = Rig()
        rig.other_end.poll_flags = 0
        opening = asyncio.create_task(rig.link.open())
        await asyncio.sleep_ms(30)
        clock.passed += 11000
        assert await rig.fails(opening) == "connect"
    finally:
        link_module.time = time


async def test_the_answer_to_connect_has_its_time_after_a_slow_handshake():
    clock = link_module.time = Clock()
    try:
        rig = Rig()
        await rig.link.open()
        rig.other_end.takes = 0
        rig.client.connect()
        clock.passed += 15000
        rig.turns()
        rig.other_end.takes = -1
        rig.turns()
        clock.passed += 9000
        rig.turns()
        rig.other_end.arrive(CONNACK)
        await rig.link.settled()
    finally:
        link_module.time = time


async def test_quiet_is_counted_from_the_direction_that_is_quiet():
    clock = link_module.time = Clock()
    try:
        rig = await Rig().connect()
        clock.passed += 5000
        rig.client.publish(b"t", b"m")
        assert rig.link.quiet_ms >= 5000, "nothing came for that long"
        rig.other_end.arrive(publication(b"t", b"m"))
        rig.turns()
        assert rig.link.quiet_ms < 5000
    finally:
        link_module.time = time


async def test_waiting_for_the_network_allocates_nothing():
    rig = await Rig().connect()
    rig.turns(2)
    gc.collect()
    gc.disable()
    try:
        before = gc.mem_alloc()
        for _ in range(100):
            rig.link.poll()
        used = gc.mem_alloc() - before
    finally:
        gc.enable()
    assert used == 0, used


async def test_a_silent_name_server_holds_up_nobody_and_is_asked_again_and_an_address_is_kept():
    rig = Rig()
    names = rig.network.names
    names.answers = False
    opening = asyncio.create_task(rig.link.open())
    turns = 0
    while turns < 20:  # the badge loop's stand-in continues
        await asyncio.sleep_ms(1)
        turns += 1
    assert names.lookups == 1
    assert not opening.done()
    names.answers = True
    await opening
    assert names.lookups == 2, "it was asked again"
    assert names.closed
    assert rig.link._address == ("192.0.2.10", 8883)
    await rig.link.open()
    assert names.lookups == 2, "the address is kept"


async def test_the_resolver_is_in_memory_for_a_lookup_only_however_it_ends():
    rig = Rig()
    names = rig.network.names
    names.answers = False
    opening = asyncio.create_task(rig.link.open())
    await asyncio.sleep_ms(0)
    assert "app.net.resolver" in sys.modules
    opening.cancel()
    try:
        await opening
    except asyncio.CancelledError:
        pass
    assert not resolver_stays()
    names.answers = names.fails = True
    assert await rig.fails(rig.link.open()) == "address"
    assert not resolver_stays()
    names.fails = False
    await rig.link.open()
    assert not resolver_stays()


def resolver_stays():
    return "app.net.resolver" in sys.modules or hasattr(app.net, "resolver")


async def test_a_name_without_address_is_told_apart_and_asked_for_again():
    rig = Rig()
    rig.network.names.fails = True
    assert await rig.fails(rig.link.open()) == "address"
    rig.network.names.fails = False
    await rig.link.open()


async def test_an_address_is_looked_up_anew_in_another_network_and_after_misses_when_it_is_old():
    clock = link_module.time = Clock()
    try:
        rig = await Rig().connect()
        assert rig.network.names.lookups == 1
        rig.link.forget_address()
        await rig.link.open()
        assert rig.network.names.lookups == 2
        rig.other_end.connect_error = errno.ECONNREFUSED
        for _ in range(5):
            assert await rig.fails(rig.link.open()) == "connect"
        assert rig.network.names.lookups == 2, "a young address is kept: the broker is being restarted"
        clock.passed += 61000
        assert await rig.fails(rig.link.open()) == "connect"
        assert rig.network.names.lookups == 3
    finally:
        link_module.time = time

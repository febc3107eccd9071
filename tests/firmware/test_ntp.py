"""The time from a host: right answers are used, everything else is ignored, and none is believed far.

Packets are written out by RFC 5905 figure 8. Where sockets matter they are real, on loopback, and the server is here.
"""

# heapsize: 256k

import asyncio
import random
import select
import socket
import struct
import time

from app import localtime
from app.net import ntp
from app.net.ntp import is_sane, question, read_answer
from app.log.record import KIND_TIME_SET, SOURCE_NONE, SOURCE_RTC

NONCE = b"\x01nonce\x00\xff"
MORNING_S = localtime.unix_from_civil(2026, 11, 30, 6, 58, 0)
TO_1970_S = 2208988800


def stamp(utc_ms):
    """An NTP timestamp of milliseconds since 1970."""
    return struct.pack(">II", (utc_ms // 1000 + TO_1970_S) % (1 << 32), ((utc_ms % 1000 << 32) + 999) // 1000)


def answer(utc_ms=MORNING_S * 1000 + 250, held_ms=0, head=0x24, stratum=2, delay=64, dispersion=64, nonce=NONCE):
    packet = bytes((head, stratum, 6, 0xEC)) + struct.pack(">II", delay, dispersion) + b"GPS\x00" + bytes(8)
    return packet + nonce + stamp(utc_ms - held_ms) + stamp(utc_ms)


def test_a_question_is_by_the_rfc_and_tells_nothing_of_the_clock():
    assert question(NONCE) == b"\x23" + bytes(39) + NONCE


def test_the_time_is_that_of_the_middle_of_the_way():
    assert read_answer(answer(), NONCE, 0) == MORNING_S * 1000 + 250
    assert read_answer(answer(), NONCE, 400) == MORNING_S * 1000 + 450
    assert read_answer(answer(held_ms=100), NONCE, 400) == MORNING_S * 1000 + 400
    assert read_answer(answer() + bytes(20), NONCE, 0) == MORNING_S * 1000 + 250, "with a key of somebody else's"


def test_2036_where_the_era_ends_and_2038_are_ordinary():
    for date in ((2036, 2, 7, 6, 28, 15), (2036, 2, 7, 6, 28, 16), (2038, 1, 19, 3, 14, 8), (2100, 2, 28, 23, 59, 59)):
        utc_ms = localtime.unix_from_civil(*date) * 1000 + 7
        assert read_answer(answer(utc_ms), NONCE, 0) == utc_ms, date


def test_an_answer_that_is_none_or_of_no_use_is_nothing():
    for name, packet, rtt_ms in (
        ("short", answer()[:47], 0),
        ("none", b"", 0),
        ("another question's", answer(nonce=b"otherone"), 0),
        ("a client's", answer(head=0x23), 0),
        ("a broadcast", answer(head=0x25), 0),
        ("not in time", answer(head=0xE4), 0),
        ("a kiss of death", answer(stratum=0), 0),
        ("a stratum that is none", answer(stratum=16), 0),
        ("far from its root", answer(dispersion=65536), 0),
        ("a root far away", answer(delay=140000), 0),
        ("no time sent", answer()[:40] + bytes(8), 0),
        ("held for longer than it was away", answer(held_ms=300), 200),
        ("sent before it came", answer(held_ms=-10), 200),
        ("late", answer(), 2001),
    ):
        assert read_answer(packet, NONCE, rtt_ms) is None, name


def test_any_bytes_end_in_a_time_or_in_nothing():
    right = answer()
    for seed in range(3000):
        random.seed(seed)
        if seed % 3:
            packet = bytearray(right)
            for _ in range(random.randrange(1, 5)):
                packet[random.randrange(len(packet))] = random.getrandbits(8)
        else:
            packet = bytearray(random.getrandbits(8) for _ in range(random.randrange(80)))
        told = read_answer(bytes(packet), NONCE, random.randrange(2500))
        assert told is None or -TO_1970_S * 1000 <= told < 1 << 43, (seed, told)


def test_a_hint_is_believed_within_limits_alone():
    morning_ms = MORNING_S * 1000
    for told_s, old_s, floor_s, taken in (
        (MORNING_S, 0, 0, True),
        (MORNING_S, 0, MORNING_S - 86400, True),
        (MORNING_S, 0, MORNING_S + 1, False),
        (MORNING_S, 0, MORNING_S - 401 * 86400, False),
        (localtime.unix_from_civil(2019, 12, 31, 0, 0, 0), 0, 0, False),
        (1 << 32, 0, 0, False),
        (MORNING_S + 900, MORNING_S, 0, True),
        (MORNING_S - 900, MORNING_S, MORNING_S, True),
        (MORNING_S + 901, MORNING_S, 0, False),
        (MORNING_S - 901, MORNING_S, 0, False),
    ):
        assert is_sane(told_s * 1000, old_s * 1000, floor_s) == taken, (told_s, old_s, floor_s)
    assert is_sane(morning_ms + 1, morning_ms, 0)


# --- with sockets ---


class Keeper:
    """A clock without a time, which notes the times it is given."""

    source = SOURCE_NONE
    utc_s = 0
    floor_s = MORNING_S - 1000
    accepts_hints = True
    is_refused = False

    def __init__(self):
        self.hints = []
        self.records = []

    def stamp(self, stamp):
        stamp.source, stamp.utc_s, stamp.ms = self.source, self.utc_s, 0

    def accept_hint(self, utc_ms):
        self.hints.append(utc_ms)
        return utc_ms - self.utc_s * 1000

    def note(self, kind, detail):
        self.records.append((kind, detail))
        return True


class Host:
    """Module socket of a network where every host is this test's server."""

    AF_INET = socket.AF_INET
    SOCK_DGRAM = socket.SOCK_DGRAM
    socket = socket.socket

    def __init__(self):
        self.led = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(0)
        for port in range(20000 + random.getrandbits(14), 65535):
            self.address = socket.getaddrinfo("127.0.0.1", port)[0][-1]
            try:
                self.sock.bind(self.address)
            except OSError:
                continue
            break
        self.poller = select.poll()
        self.poller.register(self.sock, select.POLLIN)

    def getaddrinfo(self, host, port, family, kind):
        assert kind == self.SOCK_DGRAM
        self.led.append((host, port))
        return ((family, kind, 0, "", self.address),)

    async def serve(self, *makers):
        """Answer one question after another with what the makers give for its nonce."""
        for make in makers:
            while not self.poller.poll(0):
                await asyncio.sleep_ms(1)
            asked, asker = self.sock.recvfrom(512)
            for packet in make(asked[40:48]):
                self.sock.sendto(packet, asker)


class Hands:
    """module `time`: each look at the clock takes `step` ms more."""

    def __init__(self, step):
        self.step = step
        self.passed = 0

    def ticks_ms(self):
        self.passed += self.step
        return time.ticks_add(time.ticks_ms(), self.passed)

    ticks_diff = staticmethod(time.ticks_diff)


async def asked(keeper, *makers):
    host = Host()
    server = asyncio.create_task(host.serve(*makers))
    try:
        return await ntp.ask(host, "192.0.2.123", "0.0.0.0", keeper, keeper.note), host
    finally:
        server.cancel()
        host.sock.close()


def right(nonce):
    return (answer(nonce=nonce),)


async def test_a_clock_without_a_time_takes_one_and_records_it():
    keeper = Keeper()
    taken, host = await asked(keeper, right)
    assert taken and host.led == [("192.0.2.123", 123)]
    assert 0 <= keeper.hints[0] - (MORNING_S * 1000 + 250) < 1000
    assert keeper.records == [(KIND_TIME_SET, bytes(8))]


async def test_lies_about_the_question_are_passed_over_and_a_lost_answer_is_asked_again():
    keeper = Keeper()
    ntp.time = Hands(20)
    try:
        taken, _ = await asked(
            keeper,
            lambda nonce: (),
            lambda nonce: (b"rubbish", answer(nonce=b"otherone"), answer(nonce=nonce, stratum=0), answer(nonce=nonce)),
        )
    finally:
        ntp.time = time
    assert taken and len(keeper.hints) == 1


async def test_silence_ends_in_its_time_and_changes_nothing():
    keeper = Keeper()
    ntp.time = Hands(100)
    try:
        assert not (await asked(keeper))[0]
    finally:
        ntp.time = time
    assert keeper.hints == keeper.records == []


async def test_what_is_out_of_bounds_or_comes_after_something_better_changes_nothing():
    keeper = Keeper()
    keeper.floor_s = MORNING_S + 60
    assert not (await asked(keeper, right))[0]
    keeper.floor_s = 0
    keeper.accepts_hints = False
    assert not (await asked(keeper, right))[0]
    assert keeper.hints == keeper.records == []


async def test_once_tls_refused_the_clocks_date_a_hint_may_change_it_by_years():
    keeper = Keeper()
    keeper.source, keeper.utc_s = SOURCE_RTC, MORNING_S + 3 * 31557600
    assert not (await asked(keeper, right))[0]
    keeper.is_refused = True
    assert (await asked(keeper, right))[0] and len(keeper.records) == 1


async def test_a_small_correction_is_no_record_and_a_large_one_is():
    for old_s, records in ((MORNING_S - 1, 0), (MORNING_S - 30, 1), (MORNING_S + 30, 1), (MORNING_S - 1000, None)):
        keeper = Keeper()
        keeper.source, keeper.utc_s = SOURCE_RTC, old_s
        taken, _ = await asked(keeper, right)
        assert taken == (records is not None) and len(keeper.records) == (records or 0), old_s
        if records:
            assert keeper.records[0] == (KIND_TIME_SET, struct.pack(">IHBB", old_s, 0, SOURCE_RTC, 0))

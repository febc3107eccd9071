"""The lookup of a name: right answers are used, everything else is ignored, and no wait is endless.

Messages are written out by RFC 1035 §4.1. Where sockets matter they are real, on loopback, and the name server is here.
"""

import asyncio
import random
import select
import socket
import time

from app.net import resolver
from app.errors import LinkError
from app.net.resolver import question, read_answer, resolve

HOST = "mqtt.site.example"
NAME = b"\x04mqtt\x04site\x07example\x00"
QUERY = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + NAME + b"\x00\x01\x00\x01"
TO_NAME = b"\xc0\x0c"  # a pointer to the question's name
A = b"\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04"  # type A, class IN, 60 s, four bytes
CNAME = b"\x00\x05\x00\x01\x00\x00\x00\x3c"
AAAA = b"\x00\x1c\x00\x01\x00\x00\x00\x3c\x00\x10" + bytes(16)
BOUND_MS = 8000


def answer(records, count=1, flags=b"\x81\x80", query=QUERY):
    return query[:2] + flags + b"\x00\x01" + bytes((count >> 8, count & 255)) + b"\x00\x00\x00\x00" + query[12:] + records


PLAIN = answer(TO_NAME + A + b"\xc0\x00\x02\x0a")
ALIAS = answer(
    TO_NAME + CNAME + b"\x00\x08" + b"\x05other\xc0\x11"  # other.site.example, by a pointer into the question
    b"\xc0\x2f" + CNAME + b"\x00\x02" + b"\xc0\x0c"
    b"\xc0\x2f" + AAAA + b"\x05third\xc0\x16" + A + b"\xc6\x33\x64\x07",
    count=4,
)


def test_a_question_is_by_the_rfc():
    assert question(HOST, b"\x12\x34") == QUERY
    assert question("clock.local", b"\x00\x00").endswith(b"\x05clock\x05local\x00\x00\x01\x80\x01")


def test_what_is_no_name_is_asked_of_nobody():
    for host in ("", ".", "a..b", "site.example.", "x" * 64 + ".example", ".".join(["x" * 60] * 5)):
        try:
            question(host, b"\x00\x00")
        except LinkError as error:
            assert error.args[0] == "address"
        else:
            raise AssertionError(host)


def test_the_first_address_is_taken():
    assert read_answer(PLAIN, QUERY) == "192.0.2.10"
    two = answer(TO_NAME + A + b"\x01\x02\x03\x04" + TO_NAME + A + b"\x05\x06\x07\x08", count=2)
    assert read_answer(two, QUERY) == "1.2.3.4"
    assert read_answer(answer(NAME + A + b"\xc0\x00\x02\x0a"), QUERY) == "192.0.2.10", "a name without compression"


def test_aliases_and_other_records_are_passed_over():
    assert read_answer(ALIAS, QUERY) == "198.51.100.7"


def test_the_question_may_come_back_in_other_letters_and_from_mdns_with_or_without_its_flag():
    assert read_answer(PLAIN.replace(b"site", b"SiTe"), QUERY) == "192.0.2.10"
    query = question("clock.local", b"\x12\x34")
    for asked in (query, query[:-2] + b"\x00\x01"):
        flushing = TO_NAME + b"\x00\x01\x80\x01" + A[4:] + b"\xc0\x00\x02\x0a"
        assert read_answer(answer(flushing, query=asked), query) == "192.0.2.10"


def test_no_address_is_an_answer_too():
    assert read_answer(answer(b"", count=0, flags=b"\x81\x83"), QUERY) == "", "no such name"
    assert read_answer(answer(b"", count=0), QUERY) == "", "no record"
    assert read_answer(answer(TO_NAME + AAAA), QUERY) == "", "IPv6 alone"


def test_what_answers_another_question_is_nothing():
    for at in range(len(QUERY)):
        if at in (6, 7, 8, 9, 10, 11):  # counts of records
            continue
        changed = bytearray(PLAIN)
        changed[at] ^= 0x80 if at == 2 else 0x04 if at == 3 else 0x01
        assert read_answer(bytes(changed), QUERY) is None, at
    assert read_answer(QUERY, QUERY) is None
    for rcode in (1, 2, 4, 5):  # trouble of the server: it may be better at the next try
        assert read_answer(answer(b"", count=0, flags=bytes((0x81, 0x80 | rcode))), QUERY) is None
    assert read_answer(answer(b"", count=0, flags=b"\x83\x80"), QUERY) is None, "truncated, so nothing is known"


def test_an_answer_cut_at_any_byte_is_nothing():
    for whole in (PLAIN, ALIAS):
        for length in range(len(whole)):
            assert read_answer(whole[:length], QUERY) is None, length


def test_pointers_in_circles_and_lengths_that_lie_end():
    address = A + b"\xc0\x00\x02\x0a"
    start = len(QUERY)
    itself = bytes((0xC0, start))
    assert read_answer(answer(itself + address), QUERY) == "192.0.2.10", "a pointer is passed over, not followed"
    assert read_answer(answer(b"\x01x" + itself + address), QUERY) == "192.0.2.10"
    for name in (b"\x40", b"\x80", b"\xbf", b"\x3f", b"\x3fx" * 8):
        assert read_answer(answer(name + address), QUERY) is None, name
    assert read_answer(answer(TO_NAME + CNAME + b"\xff\xff" + bytes(20)), QUERY) is None
    assert read_answer(answer(TO_NAME + A[:-1] + b"\x05" + bytes(5)), QUERY) == "", "an address of five bytes"
    assert read_answer(answer(b"\x00" * 400, count=0xFFFF), QUERY) is None


def test_random_bytes_are_read_without_an_exception():
    for seed in range(5000):
        random.seed(seed)
        if seed % 2:
            message = bytes(random.getrandbits(8) for _ in range(random.randrange(100)))
        else:  # a right answer until a few bytes change
            message = bytearray(ALIAS if seed % 4 else PLAIN)
            for _ in range(random.randrange(1, 6)):
                message[random.randrange(12 if seed % 3 else 0, len(message))] = random.getrandbits(8)
            message = bytes(message)
        found = read_answer(message, QUERY)
        assert found is None or found == "" or len(found.split(".")) == 4, (seed, found)


# --- with sockets ---


class Names:
    """Module socket of a network whose name server is this test's, on its own port."""

    AF_INET = socket.AF_INET
    SOCK_DGRAM = socket.SOCK_DGRAM
    socket = socket.socket

    def __init__(self):
        self.asked = []
        self.led = []
        self.ends = [self._end(), self._end()]  # the name server, and a stranger
        self.poller = select.poll()
        self.poller.register(self.ends[0][0], select.POLLIN)

    def _end(self):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(0)
        for port in range(20000 + random.getrandbits(14), 65535):
            address = socket.getaddrinfo("127.0.0.1", port)[0][-1]
            try:
                sock.bind(address)
            except OSError:
                continue
            return sock, address

    def getaddrinfo(self, host, port, family, kind):
        assert kind == self.SOCK_DGRAM
        self.led.append((host, port))
        return ((family, kind, 0, "", self.ends[0][1]),)

    async def answer(self, *answers):
        """Answer one question a time with the bytes that `answers` make of it; one that makes none is silent."""
        for make in answers:
            while not self.poller.poll(0):
                await asyncio.sleep_ms(1)
            query, asker = self.ends[0][0].recvfrom(512)
            self.asked.append(query)
            for message in make(query):
                self.ends[0][0].sendto(message, asker)

    def close(self):
        for sock, _ in self.ends:
            sock.close()


class Hands:
    """module `time` for the resolver: each look at the clock takes `step` ms, and nothing else does."""

    def __init__(self, step):
        self._start = time.ticks_ms()
        self.step = step
        self.passed = 0

    def ticks_ms(self):
        self.passed += self.step
        return time.ticks_add(self._start, self.passed)

    ticks_diff = staticmethod(time.ticks_diff)


def right(query):
    return (answer(TO_NAME + A + b"\xc0\x00\x02\x0a", query=query),)


def silent(_):
    return ()


async def found(names, host=HOST, server="192.168.4.1"):
    """The address, or why there is none."""
    try:
        return await resolve(names, host, server)
    except LinkError as error:
        assert error.args[0] == "address"
        return error.args[1]


async def test_an_address_asks_nobody():
    assert await resolve(None, "192.0.2.10", "0.0.0.0") == "192.0.2.10"


async def test_the_name_server_is_asked_with_a_number_that_nobody_can_guess():
    names = Names()
    try:
        for _ in range(2):
            task = asyncio.create_task(names.answer(right))
            assert await found(names) == "192.0.2.10"
            await task
        assert names.led == [("192.168.4.1", 53)] * 2
        assert names.asked[0][2:] == names.asked[1][2:] == QUERY[2:]
        assert names.asked[0][:2] != names.asked[1][:2], "one time in 65,536 they are the same"
    finally:
        names.close()


async def test_a_name_in_local_is_asked_of_the_hosts_around():
    names = Names()
    try:
        task = asyncio.create_task(names.answer(right))
        assert await found(names, "broker.local", "0.0.0.0") == "192.0.2.10"
        await task
        assert names.led == [("224.0.0.251", 5353)]
    finally:
        names.close()


async def test_a_network_without_a_name_server_is_told_at_once():
    assert await found(None, server="0.0.0.0") == "the network names no name server"


async def test_a_lost_question_is_asked_again_with_the_same_number():
    names = Names()
    resolver.time = Hands(200)
    try:
        task = asyncio.create_task(names.answer(silent, silent, right))
        assert await found(names) == "192.0.2.10"
        await task
        assert len(names.asked) == 3
        assert names.asked[0] == names.asked[1] == names.asked[2]
    finally:
        resolver.time = time
        names.close()


async def test_rubbish_before_the_right_answer_is_waited_out():
    def rubbish_first(query):
        return (b"", b"x", bytes(512), right(query)[0][:-3], right(query[:1] + b"\x00" + query[2:])[0]) + right(query)

    names = Names()
    try:
        task = asyncio.create_task(names.answer(rubbish_first))
        assert await found(names) == "192.0.2.10"
        await task
    finally:
        names.close()


async def test_no_such_name_ends_the_lookup():
    names = Names()
    try:
        task = asyncio.create_task(names.answer(lambda query: (answer(b"", 0, b"\x81\x83", query),)))
        assert await found(names) == "none for " + HOST
        await task
        assert len(names.asked) == 1
    finally:
        names.close()


async def test_an_answer_from_another_address_is_not_heard():
    names = Names()

    async def interfere():
        while not names.poller.poll(0):
            await asyncio.sleep_ms(1)
        query, asker = names.ends[0][0].recvfrom(512)
        names.ends[1][0].sendto(answer(TO_NAME + A + b"\x06\x06\x06\x06", query=query), asker)
        names.ends[0][0].sendto(right(query)[0], asker)

    try:
        task = asyncio.create_task(interfere())
        assert await found(names) == "192.0.2.10"
        await task
    finally:
        names.close()


async def lasts_ms(names):
    hands = resolver.time = Hands(200)
    try:
        start = hands.ticks_ms()
        assert await found(names) == "no answer about " + HOST
        return time.ticks_diff(hands.ticks_ms(), start)
    finally:
        resolver.time = time


async def test_silence_lasts_no_longer_than_it_may():
    names = Names()
    try:
        passed = await lasts_ms(names)
        assert 6900 < passed < BOUND_MS, passed
        asked = 0
        while names.poller.poll(0):
            names.ends[0][0].recvfrom(512)
            asked += 1
        assert asked == 3
    finally:
        names.close()


async def test_a_flood_of_rubbish_lasts_no_longer_and_lets_others_run():
    names = Names()
    turns = 0

    async def flood():
        nonlocal turns
        while not names.poller.poll(0):
            await asyncio.sleep_ms(1)
        _, asker = names.ends[0][0].recvfrom(512)
        while True:
            turns += 1
            for _ in range(5):
                try:
                    names.ends[0][0].sendto(bytes(512), asker)
                except OSError:
                    break  # full
            await asyncio.sleep_ms(1)

    task = asyncio.create_task(flood())
    try:
        passed = await lasts_ms(names)
        assert passed < BOUND_MS, passed
        assert turns > 5
    finally:
        task.cancel()
        names.close()


async def test_a_name_server_that_is_not_there_is_as_silent_as_one_that_is():
    names = Names()
    names.close()  # its port now refuses, and every second call of the socket reports it
    assert await lasts_ms(names) < BOUND_MS

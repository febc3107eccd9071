"""The uplink's decisions: what to send again and when, which frames to accept; bad ones change nothing.

The log is the real one on NOR flash. The network is in tests/system/test_uplink.py.
"""

# heapsize: 320k

import asyncio
import json
import os
import random
import struct
import sys
import time
from binascii import hexlify

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

import umqtt.simple
from app.log import connection_numbers, provisioning, sealed_log
from app.net import frames, greeting, roster_start
from app.net import uplink as uplink_module
from app.errors import JournalFull, LinkError
from app.log.hmac256 import hmac256
from app.log.record import KIND_TIME_SET, RECORD_BYTES, Stamp
from app.log.unpacked import unpack
from app.log.sealed_log import SPARE_RECORDS
from app.net.errands import Errands
from app.net.uplink import ACK_TIMEOUT_MS, BATCH_RECORDS, WINDOW_RECORDS, Uplink, Window, backoff_ms
from nor import Nor
from roster_bridge import IN_USE, Image, entries_of, token

NOW = 1000
IN_ORDER = frames.VERDICT_IN_ORDER
GAP = frames.VERDICT_GAP


class Settings:
    """Of one clock."""

    clock_id = "clock-0001"
    broker_host = "broker"
    broker_port = 8883
    heartbeat_s = 600


class Secrets:
    """Of one clock."""

    link_key = bytes(range(32))


class Always:
    """Wi-Fi that is there, events that are kept, a timekeeper whose steps the test chooses."""

    def __init__(self):
        self.told = []
        self.step_ms = 0
        self.set_to = []
        self.source = 1
        self.utc_s = 1767600000

    def connected(self):
        return True

    def start(self):
        pass

    rejoin = start

    def refuse(self):
        self.told.append(("dates",))

    def dns(self):
        return "192.0.2.1"

    def receipt(self, seq, state, code, number):
        self.told.append(("receipt", seq, state, code, number))

    def link(self, state):
        self.told.append(("link", state))

    def acked(self, tail):
        self.told.append(("acked", tail))

    def identify(self):
        self.told.append(("identify",))

    def show(self, draw, duration_ms, signal):
        self.told.append(("lent",))

    def again(self):
        """The badges' reader; `chip`, which is not used here, is this object too."""

    def wait_at_most(self, timeout_us):
        pass

    def exchange(self, frame, answer, last_bits=0):
        return -1

    @property
    def chip(self):
        return self

    def stamp(self, stamp):
        stamp.utc_s = self.utc_s
        stamp.source = self.source

    def set_from_bridge(self, utc_ms, rtt_ms):
        self.set_to.append((utc_ms, rtt_ms))
        self.source = 3
        self.utc_s = utc_ms // 1000
        return self.step_ms


class Published(umqtt.simple.MQTTClient):
    """An MQTT client whose publications stay here."""

    def publish(self, topic, message, retain=0):
        self.last = (topic, bytes(message), retain)


class Rig:
    """An uplink in the middle of a connection, its log with `records` punches, and the bridge's seal."""

    def __init__(self, records=10, partition=None):
        self.always = always = Always()
        stamp = Stamp()
        always.stamp(stamp)
        journal, seal = self.partitions = Nor(6), Nor(4)
        self.seal = seal
        provisioning.provision(journal, seal, Settings.clock_id, bytes(32), bytes(8), stamp)
        self.log = sealed_log.SealedLog(journal, seal, Settings.clock_id, bytes(8))
        self.log.open(1, stamp)
        for _ in range(records):
            self.log.punch(1, b"badgebdg", stamp)
        self.roster = roster_start.load(partition, Secrets.link_key)
        self.channel = frames.Channel(Settings.clock_id, Secrets.link_key)
        self.start_uplink()
        self.uplink._connection = 3
        self.channel.session = b"sessions"
        self.scope = frames.context(b"clock-0001", b"sessions")
        self.uplink._window.restart(self.log.tail)
        self.key = frames.downward_key(Secrets.link_key)
        self.counter = 0

    def start_uplink(self):
        always = self.always
        self.errands = Errands(self.channel, always, always, self.log, self.roster)
        parts = None, None, always, umqtt.simple, always, status, self.errands
        self.uplink = Uplink(Settings, self.channel, None, self.log, always, *parts)
        self.uplink._client = Published(b"clock-0001", "broker")

    def restart(self):
        """Power was away."""
        stamp = Stamp()
        self.always.stamp(stamp)
        self.log = sealed_log.SealedLog(*self.partitions, Settings.clock_id, bytes(8))
        self.log.open(1, stamp)
        self.start_uplink()
        return self

    def opened(self, frame):
        """The counter of a frame of the clock."""
        up = frames.upward_key(Secrets.link_key)
        return frames.open_frame(up, frames.context(b"clock-0001", bytes(8)), frame)[1]

    def frame(self, kind, body, counter=None):
        if counter is None:
            self.counter += 1
            counter = self.counter
        return frames.seal_frame(self.key, self.scope, kind, counter, body)

    def hear(self, topic, frame):
        """Give the uplink a message. True if it accepted it."""
        before = self.uplink.rejected
        self.uplink._on_message(b"badgeclock/v1/clock-0001/" + topic, memoryview(frame))
        return self.uplink.rejected == before

    def ack(self, next_seq, verdict=0, beacon=bytes(8)):
        return self.hear(b"ack", self.frame(frames.ACK, struct.pack(">IB8s", next_seq, verdict, beacon)))

    def receipts(self, *numbers):
        body = b"".join(struct.pack(">IIBBQ", number, number + 100, 1, 0, number + 5000) for number in numbers)
        return self.hear(b"receipts", self.frame(frames.RECEIPTS, body))

    def status(self):
        """Send a STATUS; (its counter, its body)."""
        self.uplink._send_status()
        topic, frame, retain = self.uplink._client.last
        assert retain
        assert topic == b"badgeclock/v1/clock-0001/status"
        up = frames.upward_key(Secrets.link_key)
        kind, counter, body = frames.open_frame(up, frames.context(b"clock-0001", bytes(8)), frame)
        assert kind == frames.STATUS
        return counter, json.loads(bytes(body).decode())

    def time(self, utc_ms, answered):
        return self.hear(b"command", self.frame(frames.TIME, struct.pack(">QQ", utc_ms, answered)))


def status():
    return {"reader": "92", "temperature": 21}


# --- sending, and repeating ---


def test_a_window_sends_batches_up_to_its_limit_and_opens_as_acks_come():
    window = Window()
    assert window.room(1000) == BATCH_RECORDS
    window.sent(BATCH_RECORDS, NOW)
    assert window.room(1000) == 0
    window.answered(BATCH_RECORDS, IN_ORDER, NOW)
    sent = 0
    while window.room(1000):
        sent += window.room(1000)
        window.sent(window.cursor + window.room(1000), NOW)
    assert sent == 2 * BATCH_RECORDS
    while window.limit < WINDOW_RECORDS:
        window.sent(window.cursor + window.room(10000), NOW)
        window.answered(window.cursor, IN_ORDER, NOW)
    window.sent(window.cursor + window.room(10000), NOW)
    window.answered(window.cursor, IN_ORDER, NOW)
    assert window.limit == WINDOW_RECORDS


def test_a_single_record_goes_out_at_once_when_nothing_is_under_way():
    window = Window()
    window.restart(7)
    assert window.room(8) == 1
    assert window.room(7) == 0


def test_a_gap_goes_back_once_however_many_batches_it_answers():
    window = Window()
    window.limit = WINDOW_RECORDS
    for end in range(32, 257, 32):
        window.sent(end, NOW)
    window.answered(32, IN_ORDER, NOW)
    for _ in range(6):
        before = window.cursor
        window.answered(32, GAP, NOW)
        if before == 256:
            assert window.cursor == 32
            window.sent(64, NOW)
        else:
            assert window.cursor == before == 64
    window.answered(64, IN_ORDER, NOW)
    window.sent(96, NOW)
    window.answered(64, GAP, NOW)
    assert window.cursor == 64, "a new gap is a new reason"


def test_silence_sends_one_record_as_a_probe_and_less_and_less_often():
    window = Window()
    window.sent(32, NOW)
    now = NOW
    pauses = []
    for _ in range(5):
        start = now
        while not window.expired(now):
            now += 100
        pauses.append(now - start)
        assert window.room(1000) == 1
        window.sent(1, now)
    assert pauses == [ACK_TIMEOUT_MS, 2 * ACK_TIMEOUT_MS] + 3 * [3 * ACK_TIMEOUT_MS], pauses
    sizes = []
    for _ in range(5):
        window.answered(window.cursor, IN_ORDER, now)
        sizes.append(window.room(1000))
        window.sent(window.cursor + sizes[-1], now)
    assert sizes == [2, 4, 8, 16, 16], "batches grow again as they are acked"


def test_a_sign_of_life_after_silence_sends_again_at_once_but_only_once():
    window = Window()
    window.sent(32, NOW)
    assert window.expired(NOW + ACK_TIMEOUT_MS)
    window.sent(1, NOW + ACK_TIMEOUT_MS)
    window.answered(0, IN_ORDER, NOW + 9000)
    assert window.room(1000) == BATCH_RECORDS
    window.sent(32, NOW + 9000)
    window.answered(0, IN_ORDER, NOW + 9001)
    assert window.room(1000) == 0


def test_a_bridge_that_speaks_without_having_what_was_sent_a_second_ago_gets_it_at_once():
    window = Window()
    window.sent(32, NOW)
    window.answered(0, IN_ORDER, NOW + 500)
    assert window.room(1000) == 0, "its answer and the records may have crossed"
    window.answered(0, IN_ORDER, NOW + 1500)
    assert window.room(1000) == BATCH_RECORDS


def test_nothing_under_way_never_times_out():
    window = Window()
    window.restart(5)
    assert not window.expired(NOW + 1000000)


def test_a_bridge_that_knows_less_than_it_acknowledged_gets_it_again():
    window = Window()
    window.restart(100)
    window.answered(40, IN_ORDER, NOW)
    assert window.cursor == 40
    assert window.room(100) == BATCH_RECORDS


def test_a_window_follows_any_bridge_until_it_has_everything():
    for seed in range(300):
        random.seed(seed)
        window, head, has, now = Window(), 400, 0, NOW
        under_way = []
        for _ in range(20000):
            now += 20
            room = window.room(head)
            if room:
                under_way.append((window.cursor, window.cursor + room))
                window.sent(window.cursor + room, now)
            if under_way and random.getrandbits(1):
                first, end = under_way.pop(0)
                fate = random.getrandbits(3)
                if fate:  # else it is lost
                    verdict = GAP if first > has else IN_ORDER
                    if verdict == IN_ORDER:
                        has = max(has, end)
                    if fate > 1:  # else its ack is lost
                        window.answered(has, verdict, now)
            window.expired(now)
            if window.base == head:
                break
        assert window.base == has == head, (seed, window.base, has)


def test_backoff_is_a_random_part_of_a_pause_that_doubles_up_to_half_a_minute():
    assert [backoff_ms(n, 65535) for n in (0, 1, 2, 6, 7, 1000)] == [499, 999, 1999, 29999, 29999, 29999]
    assert backoff_ms(1000, 0) == 0


def test_records_leave_the_journal_in_order_and_as_they_lie_there():
    rig = Rig(records=40)
    rig.uplink._notified = True
    assert rig.uplink._send(time.ticks_ms())
    topic, first, retain = rig.uplink._client.last
    assert topic == b"badgeclock/v1/clock-0001/punches"
    assert not retain
    assert len(first) == BATCH_RECORDS * RECORD_BYTES
    assert [unpack(first, at).seq for at in range(0, len(first), RECORD_BYTES)] == list(range(BATCH_RECORDS))
    assert not rig.uplink._send(time.ticks_ms()), "the window is used up"
    assert rig.ack(BATCH_RECORDS)
    assert rig.uplink._send(time.ticks_ms())
    assert unpack(rig.uplink._client.last[1]).seq == BATCH_RECORDS


# --- accepted frames ---


def test_an_ack_moves_the_tail_and_tells_the_clock():
    rig = Rig()
    assert rig.ack(5)
    assert rig.log.tail == 5
    assert rig.always.told == [("acked", 5)]
    assert rig.ack(5)
    assert rig.always.told == [("acked", 5)], "no news"
    assert rig.ack(12, verdict=2)
    assert rig.log.tail == 12, "kept under quarantine is kept"


def test_a_beacon_stands_in_the_next_record():
    rig = Rig()
    assert rig.ack(5, beacon=b"checkpnt")
    seq = rig.log.punch(1, b"badgebdg", Stamp())
    buf = bytearray(RECORD_BYTES)
    rig.log.read_into(buf, seq, 1)
    assert unpack(buf).beacon == b"checkpnt"


def test_an_ack_of_records_that_do_not_exist_is_rejected():
    rig = Rig()
    assert not rig.ack(rig.log.head + 1)
    assert rig.log.tail == 0


def test_a_replayed_or_reordered_frame_is_rejected():
    rig = Rig()
    second = rig.frame(frames.ACK, struct.pack(">IB8s", 6, 0, bytes(8)), counter=2)
    first = rig.frame(frames.ACK, struct.pack(">IB8s", 5, 0, bytes(8)), counter=1)
    assert rig.hear(b"ack", second)
    assert not rig.hear(b"ack", second), "replayed"
    assert not rig.hear(b"ack", first), "reordered"
    assert rig.uplink.rejected == 2
    assert rig.log.tail == 6


def test_a_frame_of_another_session_clock_or_key_is_rejected():
    rig = Rig()
    ack = struct.pack(">IB8s", 5, 0, bytes(8))
    for key, clock_id, session in (
        (rig.key, b"clock-0001", b"session2"),
        (rig.key, b"clock-0002", b"sessions"),
        (frames.upward_key(Secrets.link_key), b"clock-0001", b"sessions"),
        (bytes(32), b"clock-0001", b"sessions"),
    ):
        forged = frames.seal_frame(key, frames.context(clock_id, session), frames.ACK, 9, ack)
        assert not rig.hear(b"ack", forged), (clock_id, session)
    assert rig.log.tail == 0


def test_a_frame_on_the_wrong_topic_or_of_an_unknown_type_is_rejected():
    rig = Rig()
    ack = struct.pack(">IB8s", 5, 0, bytes(8))
    assert not rig.hear(b"receipts", rig.frame(frames.ACK, ack))
    assert not rig.hear(b"command", rig.frame(frames.ACK, ack))
    assert not rig.hear(b"ack", rig.frame(0x7F, ack))
    assert not rig.hear(b"elsewhere", rig.frame(frames.ACK, ack))
    assert rig.uplink.rejected == 4
    assert rig.log.tail == 0
    assert rig.ack(5), "the connection goes on"


def test_thousands_of_random_frames_change_nothing_and_are_counted():
    rig = Rig()
    random.seed(2)
    good = rig.frame(frames.ACK, struct.pack(">IB8s", 5, 0, bytes(8)), counter=1 << 40)
    topics = (b"ack", b"receipts", b"command")
    for attempt in range(3000):
        if attempt & 1:
            frame = os.urandom(random.getrandbits(6))
        else:  # a good frame with one to three bytes of it changed
            frame = bytearray(good)
            for _ in range(1 + random.getrandbits(1)):
                frame[random.randrange(len(frame))] ^= 1 + random.getrandbits(7) % 255
        if bytes(frame) != good:
            assert not rig.hear(topics[attempt % 3], frame), (attempt, frame)
    assert rig.uplink.rejected > 2990
    assert rig.log.tail == 0
    assert not rig.always.told
    assert rig.hear(b"ack", good), "and the good one is still good"


def test_authentic_frames_with_random_bodies_are_read_or_rejected_never_more():
    rig = Rig()
    kinds = (frames.ACK, frames.RECEIPTS, frames.TIME, frames.COMMAND)
    topics = (b"ack", b"receipts", b"command", b"command")
    for attempt in range(1000):
        kind = kinds[attempt % 4]
        rig.hear(topics[attempt % 4], rig.frame(kind, os.urandom(os.urandom(1)[0] & 63)))
    assert rig.uplink.rejected > 900
    assert rig.log.tail <= rig.log.head


def test_a_fault_of_the_display_changes_nothing_of_the_connection():
    rig = Rig()

    def break_down(*_):
        raise OSError(5)

    rig.uplink._events = type("Broken", (), {"acked": break_down, "receipt": break_down, "identify": break_down})()
    rig.uplink.status = break_down
    assert rig.ack(5)
    assert rig.receipts(1)
    rig.status()
    assert rig.log.tail == 5
    assert rig.uplink.failures == {"clock": 3}


async def test_the_backoff_starts_anew_when_wifi_comes_back():
    rig = Rig()
    failures, pauses = [], []

    async def failing(_room):
        failures.append(1)
        if len(failures) == 4:
            rig.uplink._wifi = Away()
        raise LinkError("connect", "no answer")

    class Away:
        looks = 0

        def connected(self):
            self.looks += 1
            return self.looks > 2

        def start(self):
            pass

    def noted(number, _):
        pauses.append(number)
        return 0

    rig.uplink._link.open = failing
    uplink_module.backoff_ms = noted
    try:
        running = asyncio.create_task(rig.uplink.run())
        for _ in range(300):
            await asyncio.sleep_ms(5)
            if len(pauses) >= 7:
                break
    finally:
        running.cancel()
        uplink_module.backoff_ms = backoff_ms
    assert pauses[:7] == [0, 1, 2, 3, 0, 1, 2], pauses


async def test_a_long_pause_ends_with_wifi():
    rig = Rig()
    tries = []

    async def failing(_room):
        tries.append(1)
        raise LinkError("connect", "no answer")

    rig.uplink._link.open = failing
    uplink_module.backoff_ms = lambda *_: 1000000
    try:
        running = asyncio.create_task(rig.uplink.run())
        await asyncio.sleep_ms(50)
        assert len(tries) == 1
        rig.always.connected = lambda: False
        for _ in range(200):
            await asyncio.sleep_ms(10)
            if rig.uplink.link_state == uplink_module.NO_WIFI:
                break
        assert rig.uplink.link_state == uplink_module.NO_WIFI
        rig.always.connected = lambda: True
        for _ in range(200):
            await asyncio.sleep_ms(10)
            if len(tries) == 2:
                break
        assert len(tries) == 2, "and the next try comes at once when it is back"
    finally:
        running.cancel()
        uplink_module.backoff_ms = backoff_ms


async def test_whatever_goes_wrong_is_counted_and_the_uplink_tries_again():
    rig = Rig()
    troubles = [
        MemoryError(),
        OSError(104),
        IndexError(),
        AssertionError(),
        ValueError("x"),
        TypeError(),
        umqtt.simple.MQTTException(5),
        LinkError("silent", "no CONNACK"),
    ]
    tries = []

    async def failing(_room):
        if len(tries) < len(troubles):
            tries.append(1)
            raise troubles[len(tries) - 1]
        tries.append(1)
        await asyncio.sleep_ms(100000)

    rig.uplink._link.open = failing
    uplink_module.backoff_ms = lambda *_: 0
    try:
        running = asyncio.create_task(rig.uplink.run())
        for _ in range(200):
            await asyncio.sleep_ms(1)
            if len(tries) > len(troubles):
                break
        assert not running.done()
        assert len(tries) == len(troubles) + 1, tries
    finally:
        running.cancel()
        uplink_module.backoff_ms = backoff_ms
    assert rig.uplink.failures == {"memory": 1, "other": 6, "silent": 1}
    assert rig.uplink.last_failure == "silent: no CONNACK"
    assert rig.uplink.link_state == 1


# --- receipts, time, commands, status ---


def test_receipts_are_passed_on_in_order_and_once():
    rig = Rig()
    assert rig.receipts(7, 8)
    assert rig.receipts(8, 9)
    assert rig.always.told == [("receipt", n + 100, 1, 0, n + 5000) for n in (7, 8, 9)]
    assert rig.status()[1]["receipt"] == 9


def test_a_gap_in_the_receipts_asks_by_status_and_waits_for_what_is_missing():
    rig = Rig()
    rig.receipts(1)
    rig.receipts(4)
    assert rig.uplink._status_due
    assert rig.status()[1]["receipt"] == 1
    assert rig.receipts(2, 3, 4, 5)
    assert [told[1] for told in rig.always.told] == [101, 102, 103, 104, 105]
    assert not rig.uplink._status_due


def test_a_gap_that_the_bridge_cannot_fill_is_accepted_after_two_questions():
    rig = Rig()
    rig.receipts(1)
    for _ in range(2):
        rig.receipts(50, 51)
        assert rig.uplink._status_due
        assert rig.status()[1]["receipt"] == 1
    assert rig.receipts(50, 51)
    assert rig.status()[1]["receipt"] == 51
    assert not rig.uplink._status_due


def test_status_says_what_the_protocol_asks_for():
    rig = Rig()
    counter, body = rig.status()
    assert counter == 1 << 48 | 3 << 32 | 1
    assert body["session"] == "73657373696f6e73"
    assert (body["head"], body["tail"], body["boot"], body["connection"]) == (12, 0, 1, 3)
    assert body["reader"] == "92"
    assert body["bound_ms"] is None
    assert body["sealed"] is True
    assert rig.status()[0] == counter + 1


def test_a_status_with_too_much_in_it_says_what_it_must():
    rig = Rig()
    rig.uplink.status = lambda: {"firmware": "1122334455667788", "story": "x" * 5000}
    _, body = rig.status()
    assert body["firmware"] == "1122334455667788"
    assert "story" not in body


def start_again_and_again(rig, starts):
    """The counter of the last will of as many starts, with some connections each; every status is newer than the last
    will before it.
    """
    newest = 0
    for start in range(starts):
        connections = 1 if start % 2 else 3
        rig.restart()
        for _ in range(connections):
            connection = connection_numbers.following(rig.log, rig.uplink._connection)
            will = rig.opened(greeting.last_will(rig.channel, rig.log.boot, connection))
            rig.uplink._connection, rig.uplink._number = connection, 0
            counter, body = rig.status()
            assert counter > newest, (start, connection, body["free"])
            newest = will
    return newest


def test_a_retired_clock_that_starts_again_is_newer_than_its_last_will():
    """It writes no BOOT, and has no key store to note its connections in; what it has not sent is still acknowledged."""
    connection_numbers.FILE = "connections"
    rig = Rig()
    rig.log.retire(Stamp())
    start_again_and_again(rig, 4)
    assert rig.log.retired and not rig.log.sealed and rig.log.unsent
    with open("connections", "w") as file:
        file.write("25\xff")
    assert connection_numbers.following(rig.log, 0) == 1, "what power loss left of the file is none"


def test_a_full_clock_that_starts_again_is_newer_than_its_last_will():
    """Without room for BOOT every start has the same boot count, and the bridge accepts only newer frames."""
    rig = Rig(0)
    try:
        while True:
            rig.log.punch(1, b"badgebdg", Stamp())
    except JournalFull:
        pass
    newest = start_again_and_again(rig, SPARE_RECORDS + 5)
    assert rig.status()[1]["free"] == 0
    assert rig.log.boot == SPARE_RECORDS + 2, "the last starts had no room"

    # The bridge takes it, and acknowledges: BOOT is written, and nothing said before is newer than what follows.
    rig.log.ack(rig.log.head)
    while rig.log.idle(Stamp()):
        pass
    assert rig.status()[0] < newest < rig.restart().status()[0]


def test_the_last_will_is_newer_than_all_of_its_connection_and_older_than_the_next():
    rig = Rig()
    up = frames.upward_key(Secrets.link_key)
    scope = frames.context(b"clock-0001", bytes(8))
    _, will, body = frames.open_frame(up, scope, greeting.last_will(rig.uplink._channel, 1, 3))
    assert json.loads(bytes(body).decode()) == {"v": 1, "state": "offline", "boot": 1, "connection": 3}
    assert rig.status()[0] < will
    rig.uplink._connection, rig.uplink._number = 4, 0
    assert rig.status()[0] > will


def test_time_sets_the_clock_and_a_large_step_is_recorded_with_the_time_before():
    rig = Rig()
    head = rig.log.head
    counter, _ = rig.status()
    rig.always.step_ms = 5000
    assert rig.time(1767700000000, counter)
    assert rig.always.set_to[0][0] == 1767700000000
    assert rig.always.set_to[0][1] < 1000
    buf = bytearray(RECORD_BYTES)
    rig.log.read_into(buf, head, 1)
    record = unpack(buf)
    assert record.kind == KIND_TIME_SET
    assert record.utc_s == 1767700000
    assert record.detail == struct.pack(">IHBB", 1767600000, 0, 1, 0)


def test_a_small_step_is_not_recorded_but_the_first_time_of_a_clock_without_one_is():
    rig = Rig()
    head = rig.log.head
    rig.always.step_ms = -1999
    assert rig.time(1767700000000, rig.status()[0])
    assert rig.log.head == head
    rig.always.source = 0
    assert rig.time(1767700000000, rig.status()[0])
    assert rig.log.head == head + 1


def test_time_for_another_status_or_too_late_is_rejected():
    rig = Rig()
    counter, _ = rig.status()
    assert not rig.time(1767700000000, counter + 1)
    assert not rig.time(1767700000000, counter ^ 1 << 32), "another connection"
    assert not rig.time(1767700000000, counter ^ 1 << 48), "another boot"
    rig.uplink._status_sent[1] = (1, time.ticks_add(time.ticks_ms(), -11000))
    assert not rig.time(1767700000000, counter)
    assert not rig.always.set_to


def test_a_time_that_took_long_is_asked_for_again_a_few_times():
    rig = Rig()
    for asked in range(5):
        counter, _ = rig.status()
        number = counter & 0xFFFFFFFF
        rig.uplink._status_sent[number % 4] = (number, time.ticks_add(time.ticks_ms(), -11000 if asked else -3000))
        rig.uplink._status_due = False
        assert bool(rig.time(1767700000000, counter)) == (asked == 0)
        assert rig.uplink._status_due == (asked < 3)
    counter, _ = rig.status()
    rig.uplink._status_due = False
    assert rig.time(1767700000000, counter)
    assert not rig.uplink._status_due
    assert rig.uplink._time_asked == 0


ORDERED = (1, 2, 3, 4)
REPORT = 3


def order(command, number):
    return bytes((command,)) + struct.pack(">I", number)


def report(rig):
    """(counter, body) of the report that the uplink sends now."""
    rig.errands.step_order(rig.uplink, time.ticks_ms())
    client = rig.uplink._client
    client.last = None
    assert rig.uplink._send(time.ticks_ms())
    topic, frame, retain = client.last
    assert topic == b"badgeclock/v1/clock-0001/report" and not retain and len(frame) <= frames.FRAME_BYTES_MAX
    up = frames.upward_key(Secrets.link_key)
    kind, counter, body = frames.open_frame(up, frames.context(b"clock-0001", frames.NO_SESSION), frame)
    assert kind == REPORT
    return counter, json.loads(bytes(body).decode())


def take_away(rig):
    """The uplink's handling of an order whose report was sent."""
    rig.errands.step_order(rig.uplink, time.ticks_ms())
    assert rig.errands._order is None and "app.net.order" not in sys.modules


def test_an_order_to_identify_is_shown_and_reported_with_its_number_and_its_code_leaves_the_memory():
    rig = quiet_rig()
    assert rig.hear(b"command", rig.frame(frames.COMMAND, order(1, 7)))
    first, told = report(rig)
    assert rig.always.told == [("identify",)]
    assert told == {"v": 1, "order": 7, "command": 1, "told": {}}
    take_away(rig)
    assert rig.hear(b"command", rig.frame(frames.COMMAND, order(1, 8)))
    second, told = report(rig)
    assert told["order"] == 8 and second == first + 1
    take_away(rig)


def test_a_self_test_looks_at_every_part_and_tells_what_it_found():
    rig = quiet_rig()
    always = rig.always
    always.usable, always.fault, always.display_faults = True, None, 0
    always.healthy = lambda: True
    assert rig.hear(b"command", rig.frame(frames.COMMAND, order(2, 9)))
    now = time.ticks_ms()
    rig.errands.step_order(rig.uplink, now)
    assert always.told == [("lent",)], "tones, lamp and pattern"
    rig.errands.step_order(rig.uplink, now)
    assert not rig.errands.unsent, "the display is given its time"
    assert rig.hear(b"command", rig.frame(frames.COMMAND, order(2, 9))), "asked again, it goes on"
    assert not rig.hear(b"command", rig.frame(frames.COMMAND, order(4, 10))), "one at a time"
    rig.errands.step_order(rig.uplink, time.ticks_add(now, 1500))
    told = report(rig)[1]["told"]
    assert told.pop("heap_free") > 0
    assert told == {"reader": "good", "flash": "good", "seal": "good", "display": "good", "rtc": "good"}
    take_away(rig)


def test_a_self_test_finds_what_is_broken():
    rig = quiet_rig()
    always = rig.always
    always.usable, always.fault, always.display_faults = False, "no-answer", 3
    always.healthy = lambda: False
    always.source = 0
    rig.log.read_into = None
    rig.errands._log = Rotten(rig.log)
    assert rig.hear(b"command", rig.frame(frames.COMMAND, order(2, 9)))
    rig.errands.step_order(rig.uplink, time.ticks_ms())
    always.display_faults += 1
    rig.errands.step_order(rig.uplink, time.ticks_add(time.ticks_ms(), 1500))
    told = report(rig)[1]["told"]
    assert (told["reader"], told["display"], told["rtc"]) == ("no-answer", "no-answer", "no-time")
    assert told["flash"] == "changed"


class Rotten:
    """A log whose newest record has changed in the flash."""

    def __init__(self, log):
        self._log = log

    def __getattr__(self, name):
        return getattr(self._log, name)

    def read_into(self, buf, seq, limit):
        buf[48] = self._log.tag[0] ^ 1
        return 1, seq + 1


def test_a_refusal_over_dates_alone_makes_the_clock_doubt_its_time():
    rig = Rig()
    for category, detail, doubts in (
        ("certificate", "The certificate validity has expired", 1),
        ("certificate", "The certificate validity starts in the future", 2),
        ("certificate", "The certificate Common Name (CN) does not match with the expected CN", 2),
        ("closed", "no validity", 2),
    ):
        rig.uplink._count(LinkError(category, detail))
        assert len(rig.always.told) == doubts, detail


def test_a_capture_tells_lines_and_failures_in_one_frame_and_no_secret():
    from app import console

    rig = quiet_rig()
    for number in range(12):
        console.report("the housekeeping failed", number, "x" * 200)
    for category in ("address", "connect", "tls", "certificate"):
        rig.uplink.failures[category] = 40000
    rig.uplink.last_failure = "tls: " + "y" * 2000
    assert rig.hear(b"command", rig.frame(frames.COMMAND, order(4, 11)))
    rig.errands.step_order(rig.uplink, time.ticks_ms())
    assert rig.uplink._status_due, "the rest is in STATUS"
    rig.uplink._status_due = False
    _, told = report(rig)
    assert told["told"]["failures"]["tls"] == 40000
    assert told["told"]["lines"][-1].endswith("x") and "failed 11" in told["told"]["lines"][-1]
    for secret in (Secrets.link_key, rig.key, b"badgebdg"):
        assert hexlify(secret).decode() not in json.dumps(told)
    take_away(rig)


def test_a_restart_is_left_to_the_clock():
    rig = quiet_rig()
    assert rig.hear(b"command", rig.frame(frames.COMMAND, order(3, 12)))
    assert rig.errands.restart_due and rig.errands._order is None


def test_an_order_that_is_forged_replayed_reordered_or_malformed_does_nothing():
    for command in ORDERED:
        rig = quiet_rig()
        body = order(command, 20)
        stranger = frames.context(b"clock-0001", b"sessionz")
        for frame in (
            frames.seal_frame(bytes(32), rig.scope, frames.COMMAND, 1, body),
            frames.seal_frame(rig.key, stranger, frames.COMMAND, 1, body),
            rig.frame(frames.COMMAND, body[:4]),
            rig.frame(frames.COMMAND, body + b"0"),
        ):
            assert not rig.hear(b"command", frame), command
        late = rig.frame(frames.COMMAND, body)
        assert rig.hear(b"ack", rig.frame(frames.ACK, struct.pack(">IB8s", 3, 0, bytes(8))))
        assert not rig.hear(b"command", late), "overtaken"
        assert not rig.errands.restart_due and rig.errands._order is None and rig.always.told == [("acked", 3)]
        good = rig.frame(frames.COMMAND, order(1, 21))
        assert rig.hear(b"command", good) and not rig.hear(b"command", good), "a replay"


def test_an_order_ends_with_its_connection():
    rig = quiet_rig()
    assert rig.hear(b"command", rig.frame(frames.COMMAND, order(1, 7)))
    rig.errands.disconnected()
    assert rig.errands._order is None and "app.net.order" not in sys.modules
    for command in (0, 6, 255):
        assert not rig.hear(b"command", rig.frame(frames.COMMAND, order(command, 1)))


DESK_MODULES = ("app.net.desk", "app.ui.desk_screen", "app.badge.iso_dep")


class DeskBridge:
    """The bridge's side of the badge desk towards a rig. r: the key of the record that comes next, for a job with keys
    of its own.
    """

    def __init__(self, rig, r=None):
        self.rig = rig
        self.seq = b""
        self.kinds = frames.DESK, frames.DESK_ANSWER
        self.down = hmac256(rig.key, b"desk")
        self.up = hmac256(frames.upward_key(Secrets.link_key), b"desk")
        if r:
            self.seq = struct.pack(">I", rig.log.head)
            self.kinds = 0x18, 0x05
            self.up, self.down = (hmac256(hmac256(r, b"D"), way) for way in (b"up", b"down"))

    def body(self, counter, step, word, payload):
        return self.seq + self.cipher(self.down, counter, struct.pack(">IHB", 9, step, word) + payload)

    def frame(self, step, word, payload=b""):
        counter = self.rig.counter + 1
        return self.rig.frame(self.kinds[0], self.body(counter, step, word, payload))

    def cipher(self, key, counter, text):
        stream = hmac256(key, self.rig.channel.session + struct.pack(">Q", counter) + b"\x00")
        return bytes(a ^ b for a, b in zip(text, stream))

    def told(self):
        """(counter, step, word) of the answer that the uplink sends now."""
        client = self.rig.uplink._client
        client.last = None
        assert self.rig.uplink._send(time.ticks_ms())
        topic, frame, retain = client.last
        assert topic == b"badgeclock/v1/clock-0001/desk" and not retain
        up = frames.upward_key(Secrets.link_key)
        kind, counter, body = frames.open_frame(up, frames.context(b"clock-0001", frames.NO_SESSION), frame)
        assert kind == self.kinds[1]
        if self.seq and len(body) == 4:
            return struct.unpack(">I", body)[0]
        assert bytes(body[: len(self.seq)]) == self.seq
        _, step, word = struct.unpack(">IHB", self.cipher(self.up, counter, body[len(self.seq) :]))
        return counter, step, word


def quiet_rig():
    """A rig with nothing else to send, and nothing loaded for a desk."""
    rig = Rig()
    rig.uplink._status_due = rig.uplink._notified = False
    for name in DESK_MODULES:
        if name in sys.modules:
            del sys.modules[name]
    return rig


def test_the_badge_desk_is_loaded_for_its_job_and_dropped_after_it():
    rig = quiet_rig()
    bridge = DeskBridge(rig)
    assert rig.hear(b"command", bridge.frame(1, 1, b"\x1e"))
    assert not rig.uplink._send(time.ticks_ms()), "the badge loop has not had its turn"
    assert rig.errands.step_desk()
    first = bridge.told()
    assert first[1:] == (1, 1)
    assert all(name in sys.modules for name in DESK_MODULES)
    assert rig.hear(b"command", bridge.frame(2, 4, b"\x01"))
    assert not rig.errands.step_desk(), "badges are punches again"
    assert rig.errands.desk is not None
    last = bridge.told()
    assert last[1:] == (2, 1) and last[0] == first[0] + 1
    assert not rig.errands.step_desk() and rig.errands.desk is None
    assert not any(name in sys.modules for name in DESK_MODULES)


def test_a_job_of_the_badge_desk_has_a_key_that_no_flash_has_once_it_began():
    rig = quiet_rig()
    rig.errands.note = lambda kind, detail: rig.log.append(kind, 0, bytes(8), detail, Stamp()) is not None
    rig.errands.digest = b"settings"
    used = []
    for _ in range(2):
        head, r = rig.log.head, bytes(rig.log._state.r)
        bridge = DeskBridge(rig, r)
        assert rig.hear(b"command", bridge.frame(1, 1, b"\x1e"))
        assert rig.log.head == head + 1, "the key was stepped before anything was said to a card"
        assert not any(r in bytes(rig.seal.sector(at)) for at in range(rig.seal.sectors))
        assert rig.errands.step_desk()
        assert bridge.told()[1:] == (1, 1)
        assert rig.hear(b"command", bridge.frame(2, 4, b"\x01"))
        assert not rig.errands.step_desk()
        assert bridge.told()[1:] == (2, 1)
        assert not rig.errands.step_desk() and rig.errands.desk is None
        used.append(bridge.down)
    assert used[0] != used[1]
    stale = DeskBridge(rig, r)
    stale.seq = struct.pack(">I", head)
    assert rig.hear(b"command", stale.frame(1, 1, b"\x1e"))
    assert stale.told() == rig.log.head, "the bridge gets the number of the next record"
    assert not rig.errands.step_desk() and rig.errands.desk is None


def test_what_proofs_of_badges_need_stays_after_a_job():
    rig = quiet_rig()
    import app.badge.proof  # noqa: F401

    try:
        bridge = DeskBridge(rig)
        rig.hear(b"command", bridge.frame(1, 1, b"\x1e"))
        desk = rig.errands.desk
        rig.errands.step_desk()
        bridge.told()
        desk.disconnected()
        rig.errands.step_desk()
        assert rig.errands.desk is None
        assert "app.badge.iso_dep" in sys.modules and "app.net.desk" not in sys.modules
    finally:
        del sys.modules["app.badge.proof"]


def test_a_desk_frame_of_another_session_topic_key_or_count_opens_nothing():
    rig = quiet_rig()
    bridge = DeskBridge(rig)
    good = bridge.frame(1, 1, b"\x1e")
    body = bridge.body(rig.counter + 1, 1, 1, b"\x1e")
    other = frames.context(b"clock-0001", b"sessionZ")
    for topic, frame in (
        (b"ack", good),
        (b"receipts", rig.frame(frames.DESK, body)),
        (b"command", frames.seal_frame(rig.key, other, frames.DESK, 900, body)),
        (b"command", frames.seal_frame(bytes(32), rig.scope, frames.DESK, 901, body)),
        (b"command", frames.seal_frame(rig.key, rig.scope, frames.DESK_ANSWER, 902, body)),
    ):
        assert not rig.hear(topic, frame)
    assert rig.errands.desk is None
    rig.counter = 1000
    good = bridge.frame(1, 1, b"\x1e")
    assert rig.hear(b"command", good)
    desk = rig.errands.desk
    assert rig.errands.step_desk()
    bridge.told()
    assert not rig.hear(b"command", good), "said again"
    desk.disconnected()
    rig.errands.step_desk()


def test_a_connection_that_ends_ends_the_badge_desks_job():
    rig = quiet_rig()
    bridge = DeskBridge(rig)
    rig.hear(b"command", bridge.frame(1, 1, b"\x1e"))
    desk = rig.errands.desk
    assert rig.errands.step_desk()
    bridge.told()

    async def one_connection():
        task = asyncio.create_task(rig.uplink.run())
        await asyncio.sleep_ms(50)
        task.cancel()

    rig.always.connected = lambda: 1 // 0  # the first step of a connection
    asyncio.new_event_loop()
    asyncio.run(one_connection())
    assert not rig.errands.step_desk() and rig.errands.desk is None


def test_retire_ends_the_log_which_status_says_and_whose_last_record_is_sent_and_freed_as_any_other():
    rig = Rig()
    assert "retired" not in rig.status()[1]
    assert rig.hear(b"command", rig.frame(frames.COMMAND, b"\x05"))
    assert rig.log.retired and rig.log.head == 13
    assert rig.uplink._status_due and rig.uplink._notified
    body = rig.status()[1]
    assert (body["retired"], body["sealed"], body["head"], body["free"]) == (True, False, 13, 0)
    assert rig.ack(13)
    assert rig.log.tail == 13
    assert rig.hear(b"command", rig.frame(frames.COMMAND, b"\x05")), "a second order has no effect"
    assert rig.log.head == 13


def test_only_the_bridge_can_retire_a_clock():
    rig = Rig()
    for frame in (
        frames.seal_frame(bytes(32), rig.scope, frames.COMMAND, 1, b"\x05"),
        frames.seal_frame(rig.key, frames.context(b"clock-0001", b"sessionz"), frames.COMMAND, 1, b"\x05"),
    ):
        assert not rig.hear(b"command", frame)
    rig.ack(3)
    assert not rig.hear(b"command", rig.frame(frames.COMMAND, b"\x05", counter=1)), "a replay"
    assert not rig.log.retired


# --- errands: a roster, settings ---


def on_errand(rig):
    """Whether an errand that waits for a quiet clock is under way, or its code in memory."""
    names = ("app.net.roster_update", "app.net.reconfigure")
    return rig.errands._roster_update is not None or any(name in sys.modules for name in names)


def test_a_roster_comes_part_by_part_each_answered_and_status_is_told_when_it_counts():
    rig = Rig(partition=Nor(4))
    image = Image(5, entries_of(250))
    up, scope = frames.upward_key(Secrets.link_key), frames.context(b"clock-0001", bytes(8))
    newest = 0
    for part in range(len(image.parts)):
        assert not rig.uplink._status_due
        assert rig.hear(b"command", rig.frame(frames.ROSTER, image.body(part)))
        while not (rig.errands.unsent):
            rig.uplink.run_errands()
        assert rig.uplink._send(time.ticks_ms())
        topic, frame, retain = rig.uplink._client.last
        assert topic == b"badgeclock/v1/clock-0001/roster" and not retain
        kind, counter, body = frames.open_frame(up, scope, frame)
        assert kind == frames.ROSTER_ANSWER and counter > newest
        newest = counter
        assert struct.unpack(">IHB", body) == (5, part + 1, IN_USE if part + 1 == len(image.parts) else 0)
    assert rig.uplink._status_due and rig.roster.find(token(7)) == 1
    while rig.uplink.run_errands():
        pass
    assert not on_errand(rig)


def test_a_roster_is_refused_on_another_topic_or_without_a_partition_and_nothing_is_loaded_for_a_forged_one():
    rig, image = Rig(partition=Nor(4)), Image(5, entries_of(250))
    assert not rig.hear(b"ack", rig.frame(frames.ROSTER, image.body(0)))
    assert not rig.hear(b"command", rig.frame(frames.ROSTER, image.body(0))[:-1] + b"x")
    assert not rig.uplink.run_errands() and not on_errand(rig)
    rig = Rig()
    assert rig.hear(b"command", rig.frame(frames.ROSTER, image.body(0)))
    rig.uplink.run_errands()
    assert rig.uplink.rejected == 1 and not on_errand(rig)


def test_settings_that_are_refused_stand_in_the_status_with_the_reason():
    rig = Rig()
    assert rig.hear(b"command", rig.frame(frames.SETTINGS, b"\0\0\0\x09[]"))
    assert not on_errand(rig), "nothing is loaded while a badge may be near"
    rig.uplink.run_errands()  # there is no settings.json here at all
    assert not on_errand(rig) and rig.uplink._status_due and not rig.errands.restart_due
    _, body = rig.status()
    assert body["settings_refused"][0] == 9 and "old one stays" in body["settings_refused"][1]
    assert rig.hear(b"command", rig.frame(frames.SETTINGS, b"\0\0\0\x09"))
    while rig.uplink.run_errands():
        pass
    assert rig.uplink.rejected == 1 and not on_errand(rig)
    assert not rig.hear(b"receipts", rig.frame(frames.SETTINGS, b"\0\0\0\x09{}"))

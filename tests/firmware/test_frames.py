"""The clock's frames against the vectors shared with the host, and against unsealed bytes."""

import json
import os
from binascii import unhexlify

from app.net import frames
from app.net.errands import Errands
from app.receipts import RECEIPT_REGISTERED
from app.errors import FrameError


def vectors():
    with open(os.getenv("BADGECLOCK_ROOT") + "/tests/vectors/frames.json") as file:
        return json.load(file)


class Ends:
    """Both ends' keys and contexts of the vectors' clock."""

    def __init__(self, given):
        link_key = unhexlify(given["k_link"])
        clock_id = given["clock_id"].encode()
        self.keys = {"up": frames.upward_key(link_key), "down": frames.downward_key(link_key)}
        self.scopes = {
            "up": frames.context(clock_id, frames.NO_SESSION),
            "down": frames.context(clock_id, unhexlify(given["session"])),
        }

    def seal(self, direction, kind, counter, body):
        return frames.seal_frame(self.keys[direction], self.scopes[direction], kind, counter, body)

    def open(self, direction, raw):
        return frames.open_frame(self.keys[direction], self.scopes[direction], raw)


def refusal(call, *arguments):
    """The reason of the FrameError that the call ends in; None if it gives a value."""
    try:
        call(*arguments)
    except FrameError as error:
        return error.args[0]
    return None


def named(given, name):
    for frame in given["frames"]:
        if frame["name"] == name:
            return unhexlify(frame["body"])
    raise KeyError(name)


def test_direction_keys_are_those_of_the_vectors():
    given = vectors()
    link_key = unhexlify(given["k_link"])
    assert frames.upward_key(link_key) == unhexlify(given["k_up"])
    assert frames.downward_key(link_key) == unhexlify(given["k_down"])


def test_every_frame_of_the_vectors_is_sealed_to_the_same_bytes():
    given = vectors()
    ends = Ends(given)
    for frame in given["frames"]:
        sealed = ends.seal(frame["direction"], frame["type"], frame["counter"], unhexlify(frame["body"]))
        assert sealed == unhexlify(frame["bytes"]), frame["name"]


def test_every_frame_of_the_vectors_opens():
    given = vectors()
    ends = Ends(given)
    for frame in given["frames"]:
        kind, counter, body = ends.open(frame["direction"], memoryview(unhexlify(frame["bytes"])))
        assert (kind, counter) == (frame["type"], frame["counter"]), frame["name"]
        assert bytes(body) == unhexlify(frame["body"]), frame["name"]


def test_every_refused_frame_of_the_vectors_is_refused():
    given = vectors()
    ends = Ends(given)
    assert given["refused"]
    for frame in given["refused"]:
        assert refusal(ends.open, frame["direction"], unhexlify(frame["bytes"])), frame["name"]


def test_no_single_bit_of_a_frame_can_change():
    ends = Ends(vectors())
    frame = bytearray(ends.seal("down", frames.ACK, 77, bytes(13)))
    for bit in range(8 * len(frame)):
        frame[bit >> 3] ^= 1 << (bit & 7)
        assert refusal(ends.open, "down", frame) == "tag", bit
        frame[bit >> 3] ^= 1 << (bit & 7)
    assert ends.open("down", frame)[1] == 77


def test_a_frame_longer_than_1024_bytes_is_not_made():
    ends = Ends(vectors())
    room = frames.FRAME_BYTES_MAX - frames.HEAD_BYTES - frames.TAG_BYTES
    longest = ends.seal("up", frames.STATUS, 1, bytes(room))
    assert len(longest) == frames.FRAME_BYTES_MAX
    assert refusal(ends.seal, "up", frames.STATUS, 1, bytes(room + 1)) == "length"


def test_the_bodies_of_the_vectors_are_read():
    given = vectors()
    assert frames.read_ack(named(given, "ack in order"))[1] == frames.VERDICT_IN_ORDER
    assert frames.read_ack(named(given, "ack of a gap"))[1] == frames.VERDICT_GAP
    assert frames.read_ack(named(given, "ack under quarantine"))[1] == frames.VERDICT_QUARANTINE
    receipts = named(given, "four receipts")
    assert frames.count_receipts(receipts) == 4
    numbers = [frames.read_receipt(receipts, index)[0] for index in range(4)]
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    of_day = named(given, "three receipts of days")
    assert [frames.read_receipt(of_day, index)[1:4] for index in range(3)] == [(42, 1, 1), (43, 7, 0), (44, 7, 1)]
    assert frames.read_time(named(given, "time"))[0] > 1577836800000
    assert named(given, "identify") == b"\x01\0\0\0\x11"
    assert named(given, "retire") == b"\x05"
    errands = Errands(None, None, None, None, None)
    errands.handle(frames.COMMAND, 1, named(given, "restart, largest counter"))
    assert errands.restart_due


def test_a_body_of_another_length_is_refused():
    for length in range(64):
        body = bytes([RECEIPT_REGISTERED]) * length
        assert (refusal(frames.read_ack, body) is None) == (length == 13), length
        assert (refusal(frames.read_time, body) is None) == (length == 16), length
        assert (refusal(frames.count_receipts, body) is None) == (length in (18, 36, 54)), length
        order = bytes([3]) * length  # restart
        assert (refusal(Errands(None, None, None, None, None).handle, frames.COMMAND, 1, order) is None) == (length == 5), length


def test_an_unknown_verdict_is_refused():
    for value in range(256):
        ack = bytes(4) + bytes((value,)) + bytes(8)
        assert (refusal(frames.read_ack, ack) is None) == (value <= 2), value


def test_a_receipt_of_a_state_to_come_keeps_its_place_among_the_others():
    receipts = named(vectors(), "two receipts, one of a state to come")
    assert frames.count_receipts(receipts) == 2
    assert [frames.read_receipt(receipts, index)[:3] for index in range(2)] == [(12, 42, 8), (13, 43, 1)]


def test_a_thousand_random_frames_are_all_refused():
    ends = Ends(vectors())
    for attempt in range(1000):
        raw = os.urandom(os.urandom(1)[0])
        assert refusal(ends.open, "down", memoryview(raw)) in ("length", "tag"), (attempt, raw)

"""Frames: all messages between the clock and the bridge except records (docs/protocol.md §6).

`seal_frame` and `open_frame` are the envelope, the rest are bodies. For any bytes a reader returns a value or raises
FrameError. The caller checks whether a counter is fresh and a type is allowed on a topic.
"""

import struct

from micropython import const

from app.errors import FrameError
from app.log.hmac256 import hmac256

FRAME_FORMAT = const(1)
FRAME_BYTES_MAX = const(1024)
HEAD_BYTES = const(10)
TAG_BYTES = const(16)
SESSION_BYTES = const(8)
NO_SESSION = bytes(8)  # the session of every upward frame

STATUS = const(0x01)
DESK_ANSWER = const(0x02)
ROSTER_ANSWER = const(0x04)
ACK = const(0x11)
RECEIPTS = const(0x12)
TIME = const(0x13)
COMMAND = const(0x14)
DESK = const(0x15)
ROSTER = const(0x16)
SETTINGS = const(0x17)

VERDICT_IN_ORDER = const(0)
VERDICT_GAP = const(1)
VERDICT_QUARANTINE = const(2)

LAST_WILL_NUMBER = const(0xFFFFFFFF)

_HEAD = ">BBQ"
_ACK_BODY = ">IB8s"
_ACK_BYTES = const(13)
_RECEIPT_BODY = ">IIBBQ"
_RECEIPT_BYTES = const(18)
_RECEIPTS_MAX = const(32)
_TIME_BODY = ">QQ"
_TIME_BYTES = const(16)


def upward_key(link_key):
    """K_up, 32 bytes: authenticates the clock's frames."""
    return hmac256(link_key, b"up")


def downward_key(link_key):
    """K_down, 32 bytes: authenticates the bridge's frames."""
    return hmac256(link_key, b"down")


def upward_counter(boot, connection, number):
    """The counter of an upward frame: boot count u16, connection of this boot u16, number in this connection u32."""
    return boot << 48 | connection << 32 | number


def context(clock_id, session):
    """The input of a frame's tag before the frame itself. `clock_id` is bytes, `session` 8 bytes."""
    return b"badgeclock/v1" + bytes((len(clock_id),)) + clock_id + session


def seal_frame(key, scope, kind, counter, body):
    """The frame as bytes, under `key` (K_up) and the `context` of NO_SESSION. Raises FrameError above 1,024 bytes."""
    if HEAD_BYTES + len(body) + TAG_BYTES > FRAME_BYTES_MAX:
        raise FrameError("length")
    content = struct.pack(_HEAD, FRAME_FORMAT, kind, counter) + body
    return content + hmac256(key, scope, content)[:TAG_BYTES]


def open_frame(key, scope, frame):
    """(type, counter, body) of a frame under `key` (K_down) and the `context` of the session. Raises FrameError.

    `frame` is a memoryview or bytes; the body is a part of it, not a copy.
    """
    end = len(frame) - TAG_BYTES
    if not HEAD_BYTES <= end <= FRAME_BYTES_MAX - TAG_BYTES:
        raise FrameError("length")
    tag = hmac256(key, scope, frame[:end])
    difference = 0  # all 16 bytes are compared, even if the first ones differ
    for index in range(TAG_BYTES):
        difference |= tag[index] ^ frame[end + index]
    if difference:
        raise FrameError("tag")
    version, kind, counter = struct.unpack_from(_HEAD, frame, 0)
    if version != FRAME_FORMAT:
        raise FrameError("format")
    return kind, counter, frame[HEAD_BYTES:end]


class Channel:
    """The frames and topics of one clock. clock_id: str. link_key: 32 bytes, from which `up` and `down` are derived.

    session: of the connection, 8 bytes; frames from the bridge are of this session, those of the clock of none.
    """

    def __init__(self, clock_id, link_key):
        self._clock_id = clock_id
        self.up = upward_key(link_key)
        self.down = downward_key(link_key)
        self.session = NO_SESSION

    def topic(self, name):
        """The clock's topic of that name (docs/protocol.md §6), as bytes."""
        return ("badgeclock/v1/" + self._clock_id + "/" + name).encode()

    def seal(self, kind, counter, body):
        """A frame to the bridge. Raises FrameError above 1,024 bytes."""
        return seal_frame(self.up, context(self._clock_id.encode(), NO_SESSION), kind, counter, body)

    def seal_in(self, space, kind, counter, length):
        """A frame to the bridge, made around its body of `length` bytes: in `space`, a memoryview, after HEAD_BYTES,
        with room for the tag after it. A part of `space`.
        """
        struct.pack_into(_HEAD, space, 0, FRAME_FORMAT, kind, counter)
        end = HEAD_BYTES + length
        tag = hmac256(self.up, context(self._clock_id.encode(), NO_SESSION), space[:end])
        space[end : end + TAG_BYTES] = tag[:TAG_BYTES]
        return space[: end + TAG_BYTES]

    def open(self, topic, frame):
        """(type, counter, body) of a frame from the bridge. Raises FrameError for one that is not this session's, or
        came on another topic than its type's.
        """
        opened = open_frame(self.down, context(self._clock_id.encode(), self.session), frame)
        name = "command"
        if opened[0] == ACK:
            name = "ack"
        elif opened[0] == RECEIPTS:
            name = "receipts"
        if topic != self.topic(name):
            raise FrameError("topic")
        return opened


def read_ack(body):
    """(next, verdict, beacon): every record with seq < next is committed; the beacon is 8 bytes, zero for none."""
    if len(body) != _ACK_BYTES:
        raise FrameError("ack length")
    ack = struct.unpack(_ACK_BODY, body)
    if ack[1] > VERDICT_QUARANTINE:
        raise FrameError("ack verdict")
    return ack


def count_receipts(body):
    """How many receipts the body has, 1 to 32; some may have a state unknown to this clock. Raises FrameError."""
    count = len(body) // _RECEIPT_BYTES
    if not 1 <= count <= _RECEIPTS_MAX or len(body) != count * _RECEIPT_BYTES:
        raise FrameError("receipts length")
    return count


def read_receipt(body, index):
    """(receipt number, seq, state, error code, reception number or 0) of the entry; `index` < `count_receipts`."""
    return struct.unpack_from(_RECEIPT_BODY, body, index * _RECEIPT_BYTES)


def read_time(body):
    """(UTC in ms, counter of the STATUS that it answers)."""
    if len(body) != _TIME_BYTES:
        raise FrameError("time length")
    return struct.unpack(_TIME_BODY, body)

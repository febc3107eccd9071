"""What a worker may ask the clock: today's punches of the badge in their hand, with what became of each.

Asked by the info key and then a badge, or by holding a badge for two seconds. The journal is read when it is asked, a
sector at a turn, newest first; nothing is kept of it. The answer stands while the badge stays, ten seconds at most, and
goes two seconds after that; the next badge cuts it short at once.

Today is the site's local day. A shift that was open at midnight belongs to it, as far back as `direction_hours`.
Duplicates count for nothing and are not shown. Loaded when asked, dropped after.
"""

import struct
import time
from binascii import hexlify

from micropython import const

from app import font, frames, record, screens

ROWS = const(6)

_BLOCK = const(9)  # records read at once; a sector of 63 has seven times as many
_BLOCKS_A_TURN = const(7)
_TURNS = const(40)  # a clock with more records a day than 2,520 shows what the newest of them say
_SHOWN_MS = const(2000)
_LONGEST_MS = const(10000)

# Places in Words.today
_TITLE = const(0)
_NONE = const(1)
_KEPT = const(2)
_SENT = const(3)
_WAITS = const(4)
_REFUSED = const(5)

_REGISTERED = (frames.RECEIPT_REGISTERED, frames.RECEIPT_VALIDATED, frames.RECEIPT_REMARKS)


class Prompt:
    """The info key was pressed: hold a badge. Stands for `duration_ms`."""

    def __init__(self, face, duration_ms):
        self._face = face
        face.page(draw_prompt, duration_ms)

    def poll(self):
        """Whether it still stands."""
        return self._face.paging


class Page:
    """The answer to one badge. token: its 8 bytes; log: the SealedLog; timekeeper; face: `page`, `keep`, `paging`,
    `receipts`; reader: `present`, `away_ms`; hours: how long a shift may be open.
    """

    def __init__(self, token, log, timekeeper, face, reader, hours):
        self._token = token
        self._log = log
        self._face = face
        self._reader = reader
        self._hours_s = hours * 3600
        self._timekeeper = timekeeper
        self._now_s = timekeeper.now_s()
        self._from_s = midnight_s(self._now_s, timekeeper) if self._now_s else 0
        self._buf = bytearray(_BLOCK * record.RECORD_BYTES)
        self._block = (log.head + _BLOCK - 1) // _BLOCK  # the one above those that are read next
        self._turns = 0
        self._rows = []
        self._more = 0
        self._shown_at = None

    def poll(self):
        """Read on, or keep the answer while the badge stays; False once it is over."""
        if self._shown_at is not None:
            return self._stand()
        for _ in range(_BLOCKS_A_TURN):
            if not self._read():
                break
        else:
            self._turns += 1
            if self._turns < _TURNS:
                return True
        self._shown_at = time.ticks_ms()
        rows, more, name = self._rows, self._more, hexlify(self._token[:2]).decode().upper()
        self._face.page(lambda canvas, words: draw(canvas, words, name, rows, more), _SHOWN_MS)
        return True

    def _stand(self):
        reader = self._reader
        if reader.present and time.ticks_diff(time.ticks_ms(), self._shown_at) < _LONGEST_MS:
            self._face.keep(_SHOWN_MS - reader.away_ms)
        return self._face.paging

    def _read(self):
        """Take what the next older block tells of the badge; False if nothing older can belong to today."""
        if not self._block:
            return False
        self._block -= 1
        seq = self._block * _BLOCK
        count, _ = self._log.read_into(self._buf, seq, _BLOCK)
        if not count or struct.unpack_from(">I", self._buf, 4)[0] >= seq + _BLOCK:
            return True  # all burnt, or older than the ring
        buf, token = self._buf, self._token
        for at in range((count - 1) * record.RECORD_BYTES, -1, -record.RECORD_BYTES):
            # The first bytes alone first: a slice of every record would be garbage by the kilobyte.
            if buf[at + 1] == record.KIND_PUNCH and buf[at + 24] == token[0] and buf[at + 25] == token[1]:
                entry = record.unpack(buf, at)
                if entry.token == token and not entry.flags & record.FLAG_DUPLICATE and not self._take(entry):
                    return False
        utc_s = struct.unpack_from(">I", buf, 12)[0]
        return not utc_s or (self._now_s > 0 and utc_s >= min(self._from_s, self._now_s - self._hours_s))

    def _take(self, entry):
        """Make a row of a punch of the badge; False if it ends the day."""
        direction = entry.flags & record.DIRECTION_MASK
        if entry.utc_s:
            before = entry.utc_s < self._from_s
            if not self._now_s or (
                before and (direction == record.DIRECTION_OUT or self._now_s - entry.utc_s >= self._hours_s)
            ):
                return False
        elif entry.boot != self._log.boot:
            return True  # without a time, and nobody knows how long ago
        if len(self._rows) == ROWS:
            self._more += 1
            return True
        moment = "--:--"
        if entry.utc_s:
            moment = "%02d:%02d" % self._timekeeper.local_of(entry.utc_s)[3:5]
        receipt = self._face.receipts.find(entry.seq)
        if receipt is None:
            receipt = (0, entry.seq < self._log.tail)
        self._rows.insert(0, (direction, moment) + receipt)
        return True


def midnight_s(now_s, timekeeper):
    """Unix second at which the site's present day began, also on the days of 23 and 25 hours."""
    local = timekeeper.local_of(now_s)
    start_s = now_s - local[3] * 3600 - local[4] * 60 - local[5]
    hour = timekeeper.local_of(start_s)[3]
    return start_s + (3600 if hour > 12 else -3600 * hour)


def draw_prompt(canvas, words):
    """The info key was pressed: the next badge asks."""
    _title(canvas, words.today[_TITLE])
    screens.line(canvas, words.idle, 4)
    return screens.IDLE


def draw(canvas, words, name, rows, more):
    """Today's punches. name: whose, up to four letters; rows: (direction, "07:58", receipt state or 0, what that tells)
    at most ROWS, oldest first; more: how many older ones there are.
    """
    _title(canvas, words.today[_TITLE])
    canvas.text(name, 96, 0, 1)
    if more:
        canvas.text("+" + str(min(more, 9)), 76, 0, 1)
    if not rows:
        screens.line(canvas, words.today[_NONE], 4)
    for i, (direction, moment, state, told) in enumerate(rows):
        y = 16 + 8 * i
        _way(canvas, direction, y)
        canvas.text(moment, 8, y, 1)
        if state in _REGISTERED:
            canvas.fill_rect(49, y + 1, 5, 5, 1)  # as kept and registered never look the same
        font.text(canvas, _state(words.today, state, told), 56, y)
    return screens.IDLE


def _title(canvas, title):
    canvas.fill(0)
    font.text(canvas, title, 0, 0)
    canvas.hline(0, 11, 128, 1)


def _state(texts, state, told):
    """What became of a punch, in nine letters."""
    if state in _REGISTERED:
        return "..%06d" % told
    if state == frames.RECEIPT_REFUSED:
        text = texts[_REFUSED]
        code = " %d" % told
        return text + code if len(text) + len(code) <= 9 else text
    if state:
        return texts[_WAITS]
    return texts[_SENT] if told else texts[_KEPT]


def _way(canvas, direction, y):
    """A small way: into a door, out of one, a pause, and going on."""
    if direction in (record.DIRECTION_IN, record.DIRECTION_OUT):
        x = 0 if direction == record.DIRECTION_IN else 2
        canvas.hline(x, y + 3, 5, 1)
        canvas.line(x + 2, y + 1, x + 4, y + 3, 1)
        canvas.line(x + 2, y + 5, x + 4, y + 3, 1)
        canvas.vline(6 if direction == record.DIRECTION_IN else 0, y, 7, 1)
    elif direction == record.DIRECTION_BREAK_START:
        canvas.fill_rect(1, y + 1, 2, 5, 1)
        canvas.fill_rect(4, y + 1, 2, 5, 1)
    elif direction == record.DIRECTION_BREAK_END:
        for x in range(3):
            canvas.vline(1 + x, y + 1 + x, 5 - 2 * x, 1)
    else:
        canvas.fill_rect(2, y + 2, 3, 3, 1)

"""Writes a new roster of the bridge, part by part, into the unused bank, while badges are served.

An errand of app.net.errands, in memory until the roster is in use, was refused, or no part came for a while. It has two
sides, and neither waits for the other: the uplink delivers a part (`handle`) and sends the answer (`unsent`,
`publish`); the housekeeping works between two polls for badges (`step`): one erase, one part of 990 bytes programmed,
or one read back. Badges use the old roster until the new one is valid.

Parts in flash are kept over a lost connection and over power loss: the header without its first four bytes is written
before the parts, and they are programmed in order, so the bank shows the progress. The last programmed part is
requested and programmed once more, because power may have failed within it.
"""

import struct
import time
from hashlib import sha256

from micropython import const

from app.errors import FrameError
from app.net import frames, roster_bank
from app.net.roster import ENTRIES_A_SECTOR, ENTRY_BYTES, HEAD_BYTES
from app.net.roster_bank import CHUNK_BYTES, MAGIC, MAGIC_BYTES, PART_BYTES

# Results in an answer
_NEXT = const(0)
_IN_USE = const(1)
_TOO_LONG = const(2)
_SEAL = const(3)
_FLASH = const(4)

# What `step` has to do
_NOTHING = const(0)
_LOOK = const(1)
_ERASE = const(2)
_PROGRAM = const(3)
_VERIFY = const(4)
_END = const(5)

_HEAD = ">IHH"
_HEAD_BYTES = const(8)
_ANSWER = ">IHB"
_FIRST_BYTES = const(64 - 8)  # the content of part 0: the header without magic and version
_QUIET_MS = const(60000)
_IOCTL_BLOCK_ERASE = const(6)
_BLANK = b"\xff" * ENTRY_BYTES


class Update:
    """One change of the roster. channel: app.net.frames.Channel. roster: the clock's. Raises FrameError on a clock
    without a partition for it.
    """

    def __init__(self, channel, roster):
        if roster.partition is None:
            raise FrameError("no roster partition")
        self._channel = channel
        self._roster = roster
        self._key = roster_bank.roster_key(channel.down)
        sectors = roster_bank.bank_sectors(roster.partition)
        self._most = sectors * ENTRIES_A_SECTOR
        self._first = 0 if roster.first else sectors  # the unused bank; the second before there is any
        self._header = bytearray(HEAD_BYTES)
        self._content = b""  # of the part to program
        self._buf = memoryview(bytearray(CHUNK_BYTES))
        self._entries = 0
        self._parts = 0  # and the header, part 0
        self._next = 0
        self._todo = _NOTHING
        self._at = 0  # of an erase its sector, of the verification its part
        self._digest = sha256()
        self._answer = None
        self._handled_at = time.ticks_ms()

    # --- the uplink's side ---

    def handle(self, body):
        """Accept the body of a ROSTER frame; frames that arrive while the one before is processed are ignored. Raises
        FrameError for one that is malformed.
        """
        if len(body) < _HEAD_BYTES or len(body) > _HEAD_BYTES + PART_BYTES:
            raise FrameError("roster length")
        version, part, parts = struct.unpack_from(_HEAD, body, 0)
        content = body[_HEAD_BYTES:]
        if not version or part >= parts:
            raise FrameError("roster part")
        if self._todo:
            return
        self._handled_at = time.ticks_ms()
        if version <= self._roster.version:
            self._answer_with(self._roster.version, 0, _IN_USE)
            self._todo = _END
        elif not part:
            self._begin(version, parts, content)
        elif version != self._version():
            self._answer_with(version, 0, _NEXT)  # after a restart: the header first, which shows the progress
        elif part != self._next:
            self._answer_with(version, self._next, _NEXT)
        elif len(content) != roster_bank.length(part, self._entries):
            raise FrameError("roster part length")
        else:
            self._content = bytes(content)
            self._todo = _PROGRAM

    @property
    def unsent(self):
        """Whether an answer is to be sent."""
        return self._answer is not None

    def publish(self, client, counter):
        """Send the answer through an MQTT client, in the frame with this counter."""
        answer, self._answer = self._answer, None
        client.publish(self._channel.topic("roster"), self._channel.seal(frames.ROSTER_ANSWER, counter, answer))

    # --- the housekeeping's side ---

    def step(self, uplink):
        """Do one bounded piece of work; True if there is more. uplink: `report_status()`."""
        todo = self._todo
        if not todo:
            if time.ticks_diff(time.ticks_ms(), self._handled_at) > _QUIET_MS:
                self._todo = _END
            return False
        try:
            self._work(todo, uplink)
        except OSError:
            self._refuse(_FLASH)
        return self._todo != _NOTHING

    @property
    def done(self):
        """Whether nothing is left to do or to send."""
        return self._todo == _END and self._answer is None

    def _work(self, todo, uplink):
        if todo == _LOOK:
            self._look()
        elif todo == _ERASE:
            self._erase()
        elif todo == _PROGRAM:
            sector, offset = roster_bank.place(self._next)
            content, self._content = self._content, b""
            self._roster.partition.writeblocks(self._first + sector, content, offset)
            self._ask_for(self._next + 1)
        elif todo == _VERIFY:
            self._verify(uplink)

    def _begin(self, version, parts, content):
        if len(content) != _FIRST_BYTES:
            raise FrameError("roster header length")
        header = self._header
        header[:MAGIC_BYTES] = b"\xff" * MAGIC_BYTES
        struct.pack_into(">I", header, MAGIC_BYTES, version)
        header[_HEAD_BYTES:] = content
        entries = roster_bank.entries_of(header)
        if parts != 1 + roster_bank.parts_of(entries):
            raise FrameError("roster parts")
        self._entries = entries
        self._parts = parts
        self._todo = _LOOK
        if entries > self._most:
            self._refuse(_TOO_LONG)

    def _version(self):
        return roster_bank.version_of(self._header)

    def _look(self):
        """Whether the bank has this roster in part; then continue after the last part, else begin with an erase."""
        view = self._buf[:HEAD_BYTES]
        self._roster.partition.readblocks(self._first, view, 0)
        if view[MAGIC_BYTES:] != memoryview(self._header)[MAGIC_BYTES:]:
            self._at = 0
            self._todo = _ERASE
            return
        # Over itself: half programmed bytes after a power cut may read either way.
        self._roster.partition.writeblocks(self._first, memoryview(self._header)[MAGIC_BYTES:], MAGIC_BYTES)
        low, high = 1, self._parts
        while low < high:
            middle = (low + high) // 2
            if self._is_blank(middle):
                high = middle
            else:
                low = middle + 1
        self._ask_for(max(1, low - 1))

    def _erase(self):
        """Erase one sector, the header's first, so that remains of an old bank never look like the beginning of this
        one."""
        roster = self._roster
        roster.partition.ioctl(_IOCTL_BLOCK_ERASE, self._first + self._at)
        self._at += 1
        if self._at * ENTRIES_A_SECTOR >= self._entries:
            roster.partition.writeblocks(self._first, memoryview(self._header)[MAGIC_BYTES:], MAGIC_BYTES)
            self._ask_for(1)

    def _is_blank(self, part):
        sector, offset = roster_bank.place(part)
        view = self._buf[:ENTRY_BYTES]
        self._roster.partition.readblocks(self._first + sector, view, offset)
        return view == _BLANK

    def _ask_for(self, part):
        """Request a part; after the last one verify them all."""
        self._next = part
        if part < self._parts:
            self._answer_with(self._version(), part, _NEXT)
            self._todo = _NOTHING
        else:
            self._at = 1
            self._digest = sha256()
            self._todo = _VERIFY

    def _verify(self, uplink):
        """Read one part back; after the last one the roster becomes valid, or is refused."""
        partition, header = self._roster.partition, self._header
        if self._at < self._parts:
            roster_bank.digest_part(partition, self._first, self._at, self._entries, self._digest, self._buf)
            self._at += 1
            return
        if not roster_bank.holds(header, self._digest.digest(), self._key):
            # Otherwise another try would continue after it.
            partition.ioctl(_IOCTL_BLOCK_ERASE, self._first)
            self._refuse(_SEAL)
            return
        partition.writeblocks(self._first, MAGIC, 0)
        partition.readblocks(self._first, self._buf[:HEAD_BYTES], 0)
        header[:MAGIC_BYTES] = MAGIC
        if self._buf[:HEAD_BYTES] != header:
            self._refuse(_FLASH)
            return
        roster_bank.put_in_use(self._roster, self._first, header)
        self._answer_with(self._version(), self._parts, _IN_USE)
        self._todo = _END
        uplink.report_status()

    def _refuse(self, result):
        self._answer_with(self._version(), 0, result)
        self._todo = _END

    def _answer_with(self, version, part, result):
        self._answer = struct.pack(_ANSWER, version, part, result)

"""A bridge that sends a roster to a clock, and the clock's flash that receives it: for tests of the roster.

The image is made from docs/protocol.md §9 and shares no code with the clock.
"""

import struct
import sys
from hashlib import sha256

from app.log.hmac256 import hmac256
from app.net import roster_start
from app.net.errands import Errands
from app.net.frames import ROSTER, Channel
from nor import Nor

LINK_KEY = bytes(range(32))
K_DOWN = hmac256(LINK_KEY, b"down")
KEY = hmac256(K_DOWN, b"roster")
NEXT, IN_USE, TOO_LONG, SEAL, FLASH = range(5)
PART = 990


def token(number):
    """A token of a badge; in another order than the numbers'."""
    return sha256(b"badge" + struct.pack(">I", number)).digest()[:8]


def entries_of(count, first=0):
    """So many entries in order, from badge `first` on; a third in the site's language, the others in two more."""
    tokens = sorted([(token(number), number % 3) for number in range(first, first + count)])
    return b"".join([made + bytes((language, 0)) for made, language in tokens])


def ascending(count):
    """So many entries quickly, tokens in even steps."""
    entries = bytearray(10 * count)
    for number in range(count):
        struct.pack_into(">QB", entries, 10 * number, (number + 1) << 50, number % 3)
    return bytes(entries)


class Image:
    """A roster as the bridge sends it: `parts` are the contents of its frames."""

    def __init__(self, version, entries, languages=b"nlfr", key=KEY):
        self.version = version
        self.count = len(entries) // 10
        head = struct.pack(">IHHI16s", version, self.count, 0, 0, languages)
        self.header = head + hmac256(key, head, sha256(entries).digest())
        self.parts = [self.header[4:]] + [entries[at : at + PART] for at in range(0, len(entries), PART)]

    def body(self, part):
        return struct.pack(">IHH", self.version, part, len(self.parts)) + self.parts[part]


class Clock:
    """The errands of a clock, as their uplink, and its flash: `start` is what a start makes of it."""

    def __init__(self, partition=None, sectors=32, link_key=LINK_KEY):
        self._link_key = link_key
        self.partition = partition or Nor(sectors)
        self.start()

    def start(self):
        self.reports = 0
        self.roster = roster_start.load(self.partition, self._link_key)
        self.errands = Errands(Channel("clock-0001", self._link_key), None, None, None, self.roster)

    @property
    def update(self):
        """The errand of the roster, None if there is none."""
        return self.errands._roster_update

    def report_status(self):
        self.reports += 1

    def publish(self, topic, frame):
        assert topic == b"badgeclock/v1/clock-0001/roster"
        self.frame = bytes(frame)

    def handle(self, body):
        """Handle a ROSTER frame."""
        begins = self.update is None
        self.errands.handle(ROSTER, 1, body)
        if begins:
            assert self.errands.step(self)

    def answer(self):
        """Work until there is an answer, and give it: (version, part, result)."""
        for _ in range(200):
            errand = self.errands.unsent
            if errand:
                errand.publish(self, 7)
                return struct.unpack(">IHB", self.frame[10:-16])
            self.errands.step(self)
        raise AssertionError("no answer")

    def take(self, image, first=0):
        """The bridge's side of it all, from part `first` on; gives the last answer."""
        part = first
        for _ in range(3 * len(image.parts) + 3):
            self.handle(image.body(part))
            version, part, result = self.answer()
            if result != NEXT:
                return version, part, result
        raise AssertionError("no end")

    def settle(self):
        """Let the errand end."""
        for _ in range(20):
            if self.update is None:
                assert "app.net.roster_update" not in sys.modules
                return
            self.errands.step(self)
        raise AssertionError("the errand does not end")

    def state(self):
        return self.roster.version, self.roster.entries

"""Badges in the reader's field, at the level of ISO/IEC 14443-3 type A frames.

A frame is its data bits in the order of the air, least significant bit of the first byte first, without parity bits.
Several cards that answer at once give one superposed frame and the place of their first difference, as a reader sees
a collision.

States and rules: ISO/IEC 14443-3:2011, 6.3 (states), 6.4 (commands), 6.5 (anticollision, cascade levels).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from random import Random
from typing import Any

CASCADE_TAG = 0x88
SAK_CASCADE = 0x04
SELECT_CODES = (0x93, 0x95, 0x97)
REQA = 0x26
WUPA = 0x52
HLTA = 0x50
SHORT_FRAME_BITS = 7

ACK = 0xA
NAK = 0x0

# From field strength to the first command a card understands; ISO/IEC 14443-3 6.2.1 allows 5 ms, cards take about 1 ms.
START_UP_NS = 1_000_000

# A clock looks for badges every 40 ms and takes up to 10 ms for it (firmware/app/clock.py).
LOOK_MS = 50
# A person who holds a badge to a clock that does not poll leaves after this long.
PATIENCE_MS = 10_000


@dataclass(frozen=True)
class Frame:
    """`n` data bits of the air; bit i of `bits` is the i-th one sent.

    Of a card's answer, besides: `late_ns`, how long after the frame delay time it begins, and `then_deaf_ns`, how long
    after it the card receives nothing. `parity_ok`: every parity bit was right when it came.
    """

    bits: int
    n: int
    late_ns: int = 0
    then_deaf_ns: int = 0
    parity_ok: bool = True

    @classmethod
    def of(cls, data: bytes) -> Frame:
        """Whole bytes."""
        return cls(int.from_bytes(data, "little"), 8 * len(data))

    @classmethod
    def short(cls, value: int, n: int) -> Frame:
        """Fewer than eight bits: a request command (7) or an acknowledgement (4)."""
        return cls(value, n)

    @property
    def whole(self) -> bool:
        """Whether the frame is made of whole bytes."""
        return self.n > 0 and self.n % 8 == 0

    def data(self) -> bytes:
        """The bytes, the last one padded with zero bits."""
        return self.bits.to_bytes((self.n + 7) // 8, "little")


def crc_a(data: bytes, preset: int = 0x6363) -> int:
    """CRC_A (ISO/IEC 14443-3 annex B): reflected CCITT polynomial 0x8408; sent low byte first."""
    crc = preset
    for byte in data:
        mixed = byte ^ crc & 0xFF
        mixed ^= mixed << 4 & 0xFF
        crc = crc >> 8 ^ mixed << 8 ^ mixed << 3 ^ mixed >> 4
    return crc & 0xFFFF


def with_crc(data: bytes) -> bytes:
    """`data` and its CRC_A."""
    return data + crc_a(data).to_bytes(2, "little")


def superpose(frames: Sequence[Frame]) -> tuple[Frame, int | None]:
    """What a reader receives when all `frames` are sent at once, and the index of the first collided bit, or None.

    Where the cards differ both halves of the bit carry the subcarrier; the reader's decoder then returns 1.
    """
    bits, n, collided = 0, 0, 0
    for frame in frames:
        bits |= frame.bits
        n = max(n, frame.n)
    for one, two in pairwise(frames):
        common = (1 << min(one.n, two.n)) - 1
        collided |= (one.bits ^ two.bits) & common
    parity_ok = all(frame.parity_ok for frame in frames)
    return Frame(bits, n, parity_ok=parity_ok), ((collided & -collided).bit_length() - 1 if collided else None)


class State(Enum):
    """States of ISO/IEC 14443-3 6.3; the starred ones (reached from HALT) are a flag of the card."""

    IDLE = "idle"
    READY = "ready"
    ACTIVE = "active"
    HALT = "halt"


class Card:
    """A type A card: UID of 4, 7 or 10 bytes, anticollision, selection; `command` is its behaviour once selected."""

    kind = "generic"
    sak = 0x08
    atqa_low = 0x04
    atqa_high = 0x00

    def __init__(self, uid: bytes) -> None:
        if len(uid) not in (4, 7, 10):
            raise ValueError(f"a UID has 4, 7 or 10 bytes, not {len(uid)}")
        if len(uid) > 4 and uid[0] == CASCADE_TAG:
            raise ValueError("the first byte of a UID of 7 or 10 bytes cannot be the cascade tag 0x88")
        self._set_uid(uid)
        self.state = State.IDLE
        self.encrypted = False
        self._from_halt = False
        self._level = 0

    @property
    def atqa(self) -> bytes:
        """Answer to REQA: anticollision bit and UID size (ISO/IEC 14443-3 table 4), low byte first."""
        size = {4: 0x00, 7: 0x40, 10: 0x80}[len(self.uid)]
        return bytes((self.atqa_low | size, self.atqa_high))

    def power_on(self) -> None:
        """The field is switched on: the card loses its session."""
        self.state = State.IDLE
        self.encrypted = False
        self._from_halt = False
        self._level = 0

    def memory(self) -> dict[str, Any]:
        """The card's persistent memory, for JSON. It contains the card's keys."""
        return {}

    def remember(self, memory: Mapping[str, Any]) -> None:
        """Restore the result of `memory` of a card of this kind."""

    def _set_uid(self, uid: bytes) -> None:
        self.uid = uid
        self._levels = _cascade(uid)

    def receive(self, frame: Frame, *, encrypted: bool = False) -> Frame | None:
        """The card's answer to a frame of the reader, or None. `encrypted`: the reader's Crypto1 is on."""
        if not frame.parity_ok:
            self._fall_back()
            return None
        if encrypted != self.encrypted:
            self._fall_back()
            return None
        if frame.n == SHORT_FRAME_BITS:
            return self._request(frame.bits)
        if self.state is State.READY:
            return self._ready(frame)
        if self.state is State.ACTIVE:
            return self._active(frame)
        return None

    def command(self, data: bytes) -> Frame | None:  # noqa: ARG002 - the interface of cards with commands
        """Answer to a whole frame with a good CRC (taken off) in state ACTIVE; None: unknown, the card falls back."""
        return None

    def authenticate(self, key_b: int, block: int, key: bytes, uid: bytes) -> bool:  # noqa: ARG002 - as `command`
        """MIFARE Classic's authentication, the reader chip's MFAuthent. A card without Crypto1 never answers."""
        self._fall_back()
        return False

    def _request(self, code: int) -> Frame | None:
        wakes = code == WUPA or (code == REQA and self.state is State.IDLE)
        if wakes and self.state in (State.IDLE, State.HALT):
            self._from_halt = self.state is State.HALT
            self.state = State.READY
            self._level = 0
            return Frame.of(self.atqa)
        self._fall_back()
        return None

    def _ready(self, frame: Frame) -> Frame | None:
        data = frame.data()
        if len(data) < 2 or data[0] != SELECT_CODES[self._level]:
            self._fall_back()
            return None
        part = self._levels[self._level]
        if frame.whole and data[1] == 0x70:
            if len(data) != 9 or crc_a(data) != 0 or data[2:7] != part:
                self._fall_back()
                return None
            if self._level + 1 < len(self._levels):
                self._level += 1
                return Frame.of(with_crc(bytes((SAK_CASCADE,))))
            self.state = State.ACTIVE
            return Frame.of(with_crc(bytes((self.sak,))))
        known = (data[1] >> 4) * 8 + (data[1] & 0x0F) - 16
        if frame.n != 16 + known or not 0 <= known < 40:
            self._fall_back()
            return None
        mine = int.from_bytes(part, "little")
        if frame.bits >> 16 != mine & ((1 << known) - 1):
            self._fall_back()
            return None
        return Frame(mine >> known, 40 - known)

    def _active(self, frame: Frame) -> Frame | None:
        if not frame.whole or frame.n < 24 or crc_a(frame.data()) != 0:
            self._fall_back()
            return None
        data = frame.data()[:-2]
        if data == bytes((HLTA, 0)):
            self.state = State.HALT
            self.encrypted = False
            return None
        answer = self.command(data)
        if answer is None:
            self._fall_back()
        return answer

    def _fall_back(self) -> None:
        if self.state in (State.READY, State.ACTIVE):
            self.state = State.HALT if self._from_halt else State.IDLE
        self.encrypted = False


def _cascade(uid: bytes) -> list[bytes]:
    """The five bytes (four of the UID, or the tag and three, and their BCC) that each cascade level answers with."""
    parts = []
    while len(uid) > 4:
        parts.append(bytes((CASCADE_TAG,)) + uid[:3])
        uid = uid[3:]
    parts.append(uid)
    return [part + bytes((part[0] ^ part[1] ^ part[2] ^ part[3],)) for part in parts]


class MifareClassic(Card):
    """MIFARE Classic 1K: 16 sectors of 4 blocks of 16 bytes, factory keys (NXP MF1S50YYX, sections 8 to 12).

    Crypto1 itself is not computed: reader and card only agree whether it is on. Access bits are taken as the factory's.
    """

    kind = "mifare-classic"
    sak = 0x08
    atqa_low = 0x04

    def __init__(self, uid: bytes) -> None:
        super().__init__(uid)
        trailer = b"\xff" * 6 + b"\xff\x07\x80\x69" + b"\xff" * 6
        self.blocks = [bytearray(16) if block % 4 != 3 else bytearray(trailer) for block in range(64)]
        head = uid[:4]
        self.blocks[0][: len(uid)] = uid
        if len(uid) == 4:
            self.blocks[0][4:8] = bytes((head[0] ^ head[1] ^ head[2] ^ head[3], self.sak, 0x04, 0x00))
        self._sector: int | None = None
        self._writing: int | None = None

    def power_on(self) -> None:
        super().power_on()
        self._sector = None
        self._writing = None

    def memory(self) -> dict[str, Any]:
        return {"blocks": [block.hex() for block in self.blocks]}

    def remember(self, memory: Mapping[str, Any]) -> None:
        self.blocks = [bytearray.fromhex(block) for block in memory["blocks"]]

    def authenticate(self, key_b: int, block: int, key: bytes, uid: bytes) -> bool:
        if self.state is not State.ACTIVE or block >= len(self.blocks):
            self._fall_back()
            return False
        trailer = self.blocks[block | 3]
        expected = trailer[10:16] if key_b else trailer[0:6]
        if bytes(expected) != key or uid != self.uid[-4:]:
            self._fall_back()
            return False
        self.encrypted = True
        self._sector = block // 4
        return True

    def command(self, data: bytes) -> Frame | None:
        if self._writing is not None:
            block, self._writing = self._writing, None
            if len(data) != 16:
                return Frame.short(NAK, 4)
            if block:  # block 0 was written by the maker
                self.blocks[block][:] = data
            return Frame.short(ACK, 4)
        if len(data) != 2 or not self.encrypted or data[1] >= len(self.blocks) or data[1] // 4 != self._sector:
            return None
        if data[0] == 0x30:
            shown = bytearray(self.blocks[data[1]])
            if data[1] % 4 == 3:
                shown[0:6] = bytes(6)  # key A can never be read
            return Frame.of(with_crc(bytes(shown)))
        if data[0] == 0xA0:
            self._writing = data[1]
            return Frame.short(ACK, 4)
        return None


class Ultralight(Card):
    """MIFARE Ultralight: 16 pages of 4 bytes, UID in the first (NXP MF0ICU1, sections 7 and 8)."""

    kind = "ultralight"
    sak = 0x00
    atqa_low = 0x04

    PAGES = 16

    def __init__(self, uid: bytes) -> None:
        if len(uid) != 7:
            raise ValueError(f"a badge of kind {self.kind} has a UID of 7 bytes")
        super().__init__(uid)
        self.pages = bytearray(self.PAGES * 4)
        self.pages[0:9] = self._levels[0][1:4] + self._levels[0][4:5] + uid[3:] + self._levels[1][4:5]
        self.pages[9] = 0x48

    def memory(self) -> dict[str, Any]:
        return {"pages": self.pages.hex()}

    def remember(self, memory: Mapping[str, Any]) -> None:
        self.pages = bytearray.fromhex(memory["pages"])

    def command(self, data: bytes) -> Frame | None:
        count = len(self.pages) // 4
        if data[0] == 0x30 and len(data) == 2 and data[1] < count:
            start = data[1] * 4
            return Frame.of(with_crc((bytes(self.pages) * 2)[start : start + 16]))
        if data[0] == 0xA2 and len(data) == 6 and 4 <= data[1] < count:
            self.pages[data[1] * 4 : data[1] * 4 + 4] = data[2:]
            return Frame.short(ACK, 4)
        if data[0] in (0x30, 0xA2):
            return Frame.short(NAK, 4)
        return None


class Ntag(Ultralight):
    """NTAG213: 45 pages of 4 bytes, and a version command (NXP NTAG213/215/216, sections 8 and 10)."""

    kind = "ntag"

    PAGES = 45
    VERSION = bytes.fromhex("0004040201000F03")

    def __init__(self, uid: bytes) -> None:
        super().__init__(uid)
        self.pages[12:16] = bytes.fromhex("E1101200")

    def command(self, data: bytes) -> Frame | None:
        return Frame.of(with_crc(self.VERSION)) if data == b"\x60" else super().command(data)


class RandomUid(Card):
    """A card with another UID, 4 bytes from 0x08, each time the field is switched on (ISO/IEC 14443-3 table 7)."""

    kind = "random-uid"
    sak = 0x20
    atqa_low = 0x04

    def __init__(self, uid: bytes = b"\x08\0\0\0") -> None:
        super().__init__(b"\x08" + uid[1:4])

    def power_on(self) -> None:
        super().power_on()
        self._set_uid(b"\x08" + secrets.token_bytes(3))


@dataclass
class Presence:
    """A card and the time it is in the reach of the antenna, CLOCK_MONOTONIC nanoseconds; `until_ns` None: stays.

    `frames`: it leaves after so many of its answers; n.5 means that it receives the frame after them and acts on it,
    but its answer is too late. `tap` is the caller's name for it. `looks`: it does not leave before the reader has
    polled so often, even if its time is over, but at `latest_ns`: on a busy machine a clock polls less often in the
    same time than on its own chip.
    """

    card: Card
    since_ns: int
    until_ns: int | None
    frames: float | None = None
    tap: int = 0
    looks: int | None = None
    latest_ns: int = 0
    selected: bool = False
    """Whether the reader has its whole UID: it answered its last SELECT."""

    ready_ns: int = 0  # when the card has started up, or is done with its work; 0 while it has no power
    powered: bool = False

    def present(self, now_ns: int) -> bool:
        """Whether the card is in reach at that time."""
        if self.looks is not None and now_ns >= self.latest_ns:
            self.looks = None
        late = self.until_ns is not None and now_ns >= self.until_ns and self.looks is None
        return self.since_ns <= now_ns and not late

    @property
    def leaves_ns(self) -> int | None:
        """When it leaves, as far as known."""
        return self.until_ns if self.looks is None else None

    def leave(self, now_ns: int) -> None:
        """Remove it now."""
        self.until_ns, self.looks = now_ns, None

    def looked_for(self, now_ns: int) -> None:
        """Count a poll of the reader that begins now; after its last one the card is gone."""
        if self.looks is not None:
            self.looks -= 1
            if self.looks < 0:
                self.looks = None
                self.until_ns = None if self.until_ns is None else max(self.until_ns, now_ns)

    def leaves_before(self, frame_ns: int) -> bool:
        """Whether its frames are used up, so that it is gone when a frame begins."""
        if self.frames is not None and self.frames <= 0:
            self.until_ns, self.looks = min(frame_ns, self.until_ns or frame_ns), None
            return True
        return False

    def leaves_after(self, frame_ns: int) -> bool:
        """Count an answer; whether the card is gone when it would send it."""
        if self.frames is None:
            return False
        self.frames -= 1
        if self.frames < 0:
            self.until_ns, self.looks = min(frame_ns, self.until_ns or frame_ns), None
        return self.frames < 0


class Noise:
    """Bit errors in the air: each bit flips with the probability `rate`. The same `seed` gives the same errors."""

    def __init__(self, rate: float, seed: int = 0) -> None:
        if not 0 <= rate <= 1:
            raise ValueError("the rate of bit errors must be from 0 to 1")
        self.rate = rate
        self._random = Random(seed)

    def spoil(self, frame: Frame) -> Frame:
        """The frame as it arrives. An odd number of errors in a byte with its parity bit is noticed."""
        bits, parity_ok = frame.bits, frame.parity_ok
        for start in range(0, frame.n, 8):
            flips = [n for n in range(start, min(start + 9, frame.n + 1)) if self._random.random() < self.rate]
            # The ninth is the parity bit itself; an incomplete byte has none.
            complete = start + 8 <= frame.n
            for n in flips:
                if n < min(start + 8, frame.n):
                    bits ^= 1 << n
            parity_ok = parity_ok and not (complete and len(flips) % 2)
        return replace(frame, bits=bits, parity_ok=parity_ok)


class Field:
    """The space in front of the antenna: which cards are in it, whether they have power, and how quiet it is.

    `on_selected(presence, at_ns)` is called when the reader has the UID of a card for the first time.
    """

    def __init__(self, on_selected: Callable[[Presence, int], None] = lambda _presence, _at_ns: None) -> None:
        self._on_selected = on_selected
        self.presences: list[Presence] = []
        self.noise: Noise | None = None
        self._on_ns: int | None = None

    def carrier(self, now_ns: int, state: str) -> None:
        """The antenna's carrier goes "on" or "off"."""
        if state == "on" and self._on_ns is None:
            self._on_ns = now_ns
        elif state == "off":
            self._on_ns = None
            for presence in self.presences:
                presence.powered = False

    def add(
        self,
        card: Card,
        now_ns: int,
        until_ns: int | None,
        frames: float | None = None,
        tap: int = 0,
        looks: int | None = None,
    ) -> Presence:
        """Bring a card into reach."""
        latest_ns = (until_ns or now_ns) + PATIENCE_MS * 1_000_000
        presence = Presence(card, now_ns, until_ns, frames, tap, looks, latest_ns)
        self.presences.append(presence)
        return presence

    def nobody_looks(self) -> None:
        """The reader has no power: badges leave when their time is over."""
        for presence in self.presences:
            presence.looks = None

    def gone(self, now_ns: int) -> Iterable[Presence]:
        """Take out, and give, the cards whose time is over."""
        over = [presence for presence in self.presences if not presence.present(now_ns)]
        for presence in over:
            self.presences.remove(presence)
        return over

    def exchange(self, frame: Frame, start_ns: int, end_ns: int, *, encrypted: bool) -> list[tuple[Presence, Frame]]:
        """The answers to a frame sent from `start_ns` to `end_ns`, of the cards that received all of it."""
        answers = []
        for presence in self._answering(start_ns):
            if frame.n == SHORT_FRAME_BITS:
                presence.looked_for(start_ns)
            if presence.leaves_before(start_ns) or not presence.present(end_ns):
                continue
            received = self.noise.spoil(frame) if self.noise is not None else frame
            answer = presence.card.receive(received, encrypted=encrypted)
            if answer is None:
                continue
            busy_ns = answer.late_ns + answer.then_deaf_ns
            if busy_ns:
                presence.ready_ns = end_ns + busy_ns
            if not presence.leaves_after(end_ns):
                answers.append((presence, self.noise.spoil(answer) if self.noise is not None else answer))
                if presence.card.state is State.ACTIVE and not presence.selected:
                    presence.selected = True
                    self._on_selected(presence, end_ns)
        return answers

    def authenticate(self, now_ns: int, key_b: int, block: int, key: bytes, uid: bytes) -> bool:
        """MFAuthent towards the cards in the field: True if one accepted the key."""
        # Every card gets the frame, not only those up to the first that answers.
        agreed = [
            presence.card.authenticate(key_b, block, key, uid) and not presence.leaves_after(now_ns)
            for presence in self._answering(now_ns)
            if not presence.leaves_before(now_ns)
        ]
        return any(agreed)

    def _answering(self, now_ns: int) -> list[Presence]:
        hearing: list[Presence] = []
        if self._on_ns is None:
            return hearing
        for presence in self.presences:
            if not presence.present(now_ns):
                continue
            if not presence.powered:
                presence.powered = True
                presence.ready_ns = max(self._on_ns, presence.since_ns) + START_UP_NS
                presence.card.power_on()
            if now_ns >= presence.ready_ns:
                hearing.append(presence)
        return hearing

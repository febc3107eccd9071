"""Badges for ISO/IEC 14443-4: half-duplex blocks above an ISO/IEC 14443-3 card.

RATS and ATS with FSD and FSC, PPS, I-, R- and S-blocks with block numbers, chaining both ways, waiting time extension,
deselect, the start-up and frame guard times. `work` handles a complete command.

Rules are those of ISO/IEC 14443-4:2016, 7.5.5, for the card: C, D, E and 2, 9 to 13.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from badgeclock.virtual.cards import Card, Frame, State, crc_a, with_crc

# FSDI and FSCI to bytes (5.1, 5.2.3).
FRAME_BYTES = (16, 24, 32, 40, 48, 64, 96, 128, 256)
RATS = 0xE0
PPSS = 0xD0
# FWI 0 and SFGI 0: 256 * 16 / fc.
GUARD_UNIT_NS = 302_065
WTXM_LONGEST = 59
# A card requests more time before its frame waiting time is over, not at the last moment.
ASKS_AT = 0.8
COMMAND_LONGEST = 4096
DIALOGUE_LONGEST = 256

I_BLOCK = 0x02
S_DESELECT = 0xC2
S_WTX = 0xF2
R_ACK = 0xA2
R_NAK = 0xB2
CHAINING = 0x10
HAS_CID = 0x08


@dataclass(frozen=True)
class Work:
    """A card's answer to a command, and its duration."""

    answer: bytes
    ns: int = 0


class IsoDepCard(Card):
    """A type A card of ISO/IEC 14443-4. `ats`: without its CRC, its first byte the length."""

    kind = "iso-dep"
    sak = 0x20
    atqa_low = 0x04
    atqa_high = 0x03
    # A DESFire EV1's. FSC 64; TA(1) 77h: 106 to 848 kbit/s; TB(1) 81h: FWI 8 (77 ms), SFGI 1; TC(1) 02h: CID.
    ats = bytes.fromhex("067577810280")

    def __init__(self, uid: bytes) -> None:
        super().__init__(uid)
        self.answers: list[bytes] = []  # since the last RATS, as an antenna nearby receives them
        self._end_protocol()

    def begin(self) -> None:
        """On RATS: the state of an earlier dialogue is dropped."""

    def work(self, command: bytes) -> Work | None:  # noqa: ARG002 - the interface of cards with commands
        """The answer to a command; None: no answer."""
        return None

    @property
    def frame_waiting_ns(self) -> int:
        """FWT (7.2)."""
        return GUARD_UNIT_NS << self._guard_times() // 16

    @property
    def start_up_guard_ns(self) -> int:
        """SFGT (5.2.5): no frame is received for that long after the ATS."""
        sfgi = self._guard_times() % 16
        return GUARD_UNIT_NS << sfgi if sfgi else 0

    @property
    def _longest(self) -> int:
        """FSC: bytes of the longest frame that the card accepts, CRC included."""
        return FRAME_BYTES[min(self.ats[1] & 0x0F, len(FRAME_BYTES) - 1)] if len(self.ats) > 1 else 32

    def _guard_times(self) -> int:
        """TB(1): FWI and SFGI; 4 and 0 if the ATS has none."""
        if len(self.ats) < 2 or not self.ats[1] & 0x20:
            return 0x40
        return self.ats[2 + (self.ats[1] & 0x10 != 0)]

    def power_on(self) -> None:
        super().power_on()
        self._end_protocol()

    def _end_protocol(self) -> None:
        self._speaks = False
        self._pps_may_come = False
        self._other_rate = False
        self._number = 1  # rule C
        self._cid = 0
        self._send_bytes = FRAME_BYTES[5]
        self._command = b""
        self._rest = b""
        self._last: Frame | None = None
        self._waiting: Work | None = None

    def _fall_back(self) -> None:
        # Once activated a card leaves the protocol only by DESELECT or with the field (7.5.5, 8).
        if not self._speaks:
            super()._fall_back()

    def _request(self, code: int) -> Frame | None:
        return None if self._speaks else super()._request(code)

    def _active(self, frame: Frame) -> Frame | None:
        if self._speaks:
            data = frame.data()
            whole = frame.whole and 24 <= frame.n <= 8 * self._longest and crc_a(data) == 0
            return self._block(data[:-2]) if whole and not self._other_rate else None
        return super()._active(frame)

    def command(self, data: bytes) -> Frame | None:
        if data[0] != RATS or len(data) != 2 or data[1] & 0x0F == 15 or data[1] >> 4 >= len(FRAME_BYTES):
            return None
        self._end_protocol()
        self.answers.clear()
        self.begin()
        self._speaks = self._pps_may_come = True
        self._cid = data[1] & 0x0F
        self._send_bytes = FRAME_BYTES[data[1] >> 4]
        return replace(Frame.of(with_crc(self.ats)), then_deaf_ns=self.start_up_guard_ns)

    def _block(self, data: bytes) -> Frame | None:
        first, self._pps_may_come = self._pps_may_come, False
        if first and data[0] == PPSS | self._cid and len(data) == 3 and data[1] == 0x11:
            self._other_rate = data[2] != 0  # after the answer it neither receives nor sends 106 kbit/s
            return Frame.of(with_crc(data[:1]))
        pcb, body = data[0], data[1:]
        if pcb & HAS_CID:
            if not body or body[0] & 0x0F != self._cid:
                return None
            body = body[1:]
        elif self._cid:
            return None
        kind = pcb & ~(HAS_CID | 1)
        if kind & ~CHAINING == I_BLOCK:
            return self._information(body, pcb)
        if kind in (R_ACK, R_NAK) and not body:
            return self._acknowledged(kind, pcb & 1)
        if kind == S_DESELECT and not body:
            answer = self._frame(S_DESELECT)
            self._end_protocol()
            self.state = State.HALT
            return answer
        if kind == S_WTX and len(body) == 1:
            return self._more_time(body[0])
        return None

    def _information(self, body: bytes, pcb: int) -> Frame | None:
        """An I-block without NAD. Rule D: the card's number changes whichever number the block bears."""
        self._number ^= 1
        self._waiting = None
        self._rest = b""
        self._command += body
        if len(self._command) > COMMAND_LONGEST:
            self._command = b""
            return None
        if pcb & CHAINING:
            return self._respond(self._frame(R_ACK | self._number))
        command, self._command = self._command, b""
        work = self.work(command)
        if work is None:
            return None
        if len(self.answers) < DIALOGUE_LONGEST:
            self.answers.append(work.answer)
        return self._answer(work)

    def _answer(self, work: Work) -> Frame:
        """The answer, or, if it takes longer than the card may be silent, a request for more time (rule 9)."""
        patience_ns = int(ASKS_AT * self.frame_waiting_ns)
        if work.ns <= patience_ns:
            self._rest = work.answer
            return self._next_part(work.ns)
        left_ns = work.ns - patience_ns
        multiplier = min(WTXM_LONGEST, max(1, -(-left_ns // self.frame_waiting_ns)))
        self._waiting = replace(work, ns=left_ns)
        return self._respond(self._frame(S_WTX, bytes((multiplier,)), late_ns=patience_ns))

    def _more_time(self, granted: int) -> Frame | None:
        work = self._waiting
        if work is None:
            return None
        self._waiting = None
        patience_ns = max(1, granted & 0x3F) * self.frame_waiting_ns
        if work.ns <= patience_ns:
            self._rest = work.answer
            return self._next_part(work.ns)
        return self._answer(work)

    def _next_part(self, late_ns: int) -> Frame:
        """The next I-block of the answer, chained if it does not fit the reader's frame."""
        room = self._send_bytes - 3 - bool(self._cid)
        part, self._rest = self._rest[:room], self._rest[room:]
        pcb = I_BLOCK | self._number | (CHAINING if self._rest else 0)
        return self._respond(self._frame(pcb, part, late_ns=late_ns))

    def _acknowledged(self, kind: int, number: int) -> Frame | None:
        if number == self._number:  # rule 11
            return None if self._last is None else replace(self._last, late_ns=0)
        if kind == R_NAK:  # rule 12
            return self._frame(R_ACK | self._number)
        if self._rest:  # rules E and 13
            self._number ^= 1
            return self._next_part(0)
        return None

    def _frame(self, pcb: int, body: bytes = b"", *, late_ns: int = 0) -> Frame:
        head = bytes((pcb | HAS_CID, self._cid)) if self._cid else bytes((pcb,))
        return replace(Frame.of(with_crc(head + body)), late_ns=late_ns)

    def _respond(self, frame: Frame) -> Frame:
        self._last = frame
        return frame

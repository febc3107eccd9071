"""MFRC522, the reader chip, at register level (NXP MFRC522 datasheet rev. 3.9; section numbers below are its own).

Bytes go in and out as on its SPI (8.1.2). Time is real: a frame takes its bits at 106 kbit/s, a card answers after the
frame delay, the timer counts its 13.56 MHz carrier; the chip's state is updated at each access.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from badgeclock.virtual.cards import Field, Frame, Presence, crc_a, superpose

FIFO_BYTES = 64
CARRIER_HZ = 13_560_000
ETU_NS = 9_440  # 128 carrier periods: one bit at 106 kbit/s
FRAME_DELAY_NS = 91_150  # 1236 carrier periods, reader's last pulse to the card's first (ISO/IEC 14443-3 6.2.1.1)
FRAME_DELAY_SHORT_NS = 86_430  # 1172, after a last bit of 0
OSCILLATOR_START_NS = 40_000  # 1,024 clocks and the crystal's start (8.6)

# Registers, section 9.2, ...
COMMAND, COM_IEN, DIV_IEN, COM_IRQ, DIV_IRQ, ERROR, STATUS1, STATUS2 = range(0x01, 0x09)
FIFO_DATA, FIFO_LEVEL, WATER_LEVEL, CONTROL, BIT_FRAMING, COLL = range(0x09, 0x0F)
MODE, TX_MODE, RX_MODE, TX_CONTROL, TX_ASK = range(0x11, 0x16)
DEMOD = 0x19
CRC_RESULT_HIGH, CRC_RESULT_LOW = 0x21, 0x22
RF_CFG = 0x26
T_MODE, T_PRESCALER, T_RELOAD_HIGH, T_RELOAD_LOW, T_VALUE_HIGH, T_VALUE_LOW = range(0x2A, 0x30)
AUTO_TEST, VERSION = 0x36, 0x37

RESET_VALUES = {
    COMMAND: 0x20, COM_IEN: 0x80, COM_IRQ: 0x14, STATUS1: 0x21, WATER_LEVEL: 0x08, CONTROL: 0x10, COLL: 0xA0,
    MODE: 0x3F, TX_CONTROL: 0x80, 0x16: 0x10, 0x17: 0x84, 0x18: 0x84, DEMOD: 0x4D, 0x1C: 0x62, 0x1F: 0xEB,
    CRC_RESULT_HIGH: 0xFF, CRC_RESULT_LOW: 0xFF, 0x24: 0x26, RF_CFG: 0x48, 0x27: 0x88, 0x28: 0x20, 0x29: 0x20,
    0x33: 0x80, AUTO_TEST: 0x40,
}  # fmt: skip

READ_ONLY = frozenset({ERROR, STATUS1, CRC_RESULT_HIGH, CRC_RESULT_LOW, T_VALUE_HIGH, T_VALUE_LOW, VERSION})

# ... and commands, section 10.3.
IDLE, MEM, RANDOM_ID, CALC_CRC, TRANSMIT, NO_CHANGE, RECEIVE, TRANSCEIVE, AUTHENTICATE, SOFT_RESET = (
    0x0, 0x1, 0x2, 0x3, 0x4, 0x7, 0x8, 0xC, 0xE, 0xF,
)  # fmt: skip

TX_IRQ, RX_IRQ, IDLE_IRQ, HI_ALERT_IRQ, LO_ALERT_IRQ, ERR_IRQ, TIMER_IRQ = 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01
CRC_IRQ = 0x04
WR_ERR, BUFFER_OVFL, COLL_ERR, CRC_ERR, PARITY_ERR, PROTOCOL_ERR = 0x80, 0x10, 0x08, 0x04, 0x02, 0x01
CRYPTO1_ON = 0x08
POWER_DOWN = 0x10
SELF_TEST = 0x09

# The result of the digital self-test in the FIFO, by VersionReg (16.1.1).
SELF_TEST_RESULTS = {
    0x91: bytes.fromhex(
        "00C637D532B7575CC2D87C4DD970C77310E6D2AA5EA13E5A14AF3061C970DB2E"
        "642272B5BD65F4EC22BCD37235CDAA411FA7F35314DE7E02D90FB55E251D2979"
    ),
    0x92: bytes.fromhex(
        "00EB66BA57BF2395D0E30D3D27895CDE9D3BA700215B8982513AEB020CA50049"
        "7C844DB3CCD21B815D4876D5716121A986968338CF9D5B6DDC15BA3E7D953B2F"
    ),
}
SELF_TEST_NS = 5_000_000


class Hang(StrEnum):
    """Ways in which a chip stops reading badges, as readers in the field do after days."""

    SPI = "spi"  # answers every transfer with zeros until RST or the supply resets it
    COMMAND = "command"  # starts exchanges and never ends them, until a reset
    CRYPTO = "crypto"  # MFCrypto1On is stuck, everything else reads right (Tasmota #25052)
    ANTENNA = "antenna"  # the antenna drivers are off
    REGISTERS = "registers"  # some registers are at their reset values again
    BROWN_OUT = "brown-out"  # the supply sagged: the chip was reset, and starts up


@dataclass
class Counts:
    """The traffic in the air, times in ns. `waiting_ns`: the cards' time beyond the frame delay time."""

    frames: int = 0
    answers: int = 0
    collisions: int = 0
    garbled: int = 0
    timeouts: int = 0
    sent_ns: int = 0
    received_ns: int = 0
    waiting_ns: int = 0

    def as_dict(self) -> dict[str, float]:
        """For JSON, times in ms."""
        return {
            "frames": self.frames,
            "answers": self.answers,
            "collisions": self.collisions,
            "garbled": self.garbled,
            "timeouts": self.timeouts,
            "sent_ms": round(self.sent_ns / 1e6, 3),
            "received_ms": round(self.received_ns / 1e6, 3),
            "waiting_ms": round(self.waiting_ns / 1e6, 3),
        }


@dataclass(order=True)
class _Due:
    """A scheduled action of the chip."""

    at_ns: int
    order: int
    what: str = field(compare=False)
    frame: Frame | None = field(default=None, compare=False)
    collision: int | None = field(default=None, compare=False)


class Mfrc522:
    """One reader chip. `cards`: the space in front of its antenna; `version`: the value of VersionReg (0x92: 2.0)."""

    def __init__(self, cards: Field, *, version: int = 0x92) -> None:
        self._cards = cards
        self._version = version
        self._out_of_reset = True
        self._deaf = False
        self._due: list[_Due] = []
        self._order = 0
        self._regs = bytearray(0x40)
        self._fifo = bytearray()
        self._buffer = bytearray(25)  # the internal buffer of Mem and Generate RandomID (10.3.1.2)
        self._timer_start_ns: int | None = None
        self._powered_ns = 0  # when the chip answers again after a hard reset
        self._awake_ns = 0  # when the oscillator runs after a soft one; CommandReg.PowerDown reads 1 until then
        self._address: int | None = None
        self._reading = False
        self._selected = False
        self._stuck = False
        self.transactions = 0
        self.bytes = 0
        self.air = Counts()
        self._special_writes: dict[int, Callable[[int, int], None]] = {
            COMMAND: self._command,
            COM_IRQ: self._write_com_irq,
            DIV_IRQ: lambda value, _: self._set_or_clear(DIV_IRQ, value),
            STATUS2: self._write_status2,
            FIFO_DATA: lambda value, _: self._push(value),
            FIFO_LEVEL: self._write_fifo_level,
            CONTROL: self._write_control,
            BIT_FRAMING: self._write_bit_framing,
            COLL: self._write_coll,
            TX_CONTROL: self._write_tx_control,
        }
        self._reset(0)

    # ---- power and pins

    def power_on(self, now_ns: int) -> None:
        """The supply comes up: every register as after reset, the field off."""
        self._buffer[:] = bytes(25)
        self._deaf = self._stuck = False
        self._reset(now_ns)
        self._powered_ns = now_ns + OSCILLATOR_START_NS

    def reset_pin(self, level: int, now_ns: int) -> None:
        """NRSTPD: low is hard power-down, the rising edge resets (8.8, 8.6.1)."""
        if level and not self._out_of_reset:
            self.power_on(now_ns)
        elif not level and self._out_of_reset:
            self._reset(now_ns)
        self._out_of_reset = bool(level)

    def irq_pin(self, now_ns: int) -> int:
        """The level of IRQ; an open-drain output (DivIEnReg.IRQPushPull 0) that is not driven is pulled up."""
        if not self._alive(now_ns):
            return 1
        self._advance(now_ns)
        active = self._irq_active()
        return int(not active) if self._regs[COM_IEN] & 0x80 else int(active)

    def hang(self, how: Hang = Hang.SPI, *, now_ns: int = 0, seed: int = 0) -> None:
        """Stop reading badges. `seed`: which registers are lost."""
        if how is Hang.SPI:
            self._deaf = True
        elif how is Hang.COMMAND:
            self._stuck = True
            self._due.clear()
        elif how is Hang.CRYPTO:
            self._regs[STATUS2] |= CRYPTO1_ON
        elif how is Hang.ANTENNA:
            self._write_tx_control(self._regs[TX_CONTROL] & ~0x03, now_ns)
        elif how is Hang.BROWN_OUT:
            self.power_on(now_ns)
        else:
            lost = Random(seed)
            for address in (TX_CONTROL, MODE, TX_ASK, RF_CFG, T_MODE, T_PRESCALER, T_RELOAD_LOW, COM_IEN, DIV_IEN):
                if lost.random() < 0.5:
                    self._write(address, RESET_VALUES.get(address, 0), now_ns)

    # ---- SPI

    def select(self, level: int) -> None:
        """NSS: a transfer begins when it goes low and ends when it goes high."""
        if level:
            self._selected = False
        elif not self._selected:
            self._selected = True
            self._address = None
            self.transactions += 1

    @property
    def selected(self) -> bool:
        """Whether NSS is low."""
        return self._selected

    def transfer(self, data: bytes, now_ns: int) -> bytes:
        """Shift `data` in and as many bytes out, within one select (8.1.2.1, 8.1.2.2)."""
        self.bytes += len(data)
        if not self._alive(now_ns):
            return bytes(len(data))
        self._advance(now_ns)
        out = bytearray(len(data))
        for i, byte in enumerate(data):
            if self._address is None:
                self._address = byte >> 1 & 0x3F
                self._reading = bool(byte & 0x80)
            elif self._reading:
                out[i] = self._read(self._address, now_ns)
                self._address = byte >> 1 & 0x3F
            else:
                self._write(self._address, byte, now_ns)
        return bytes(out)

    def register(self, address: int) -> int:
        """A register's value for a test to look at, without the side effects of reading it."""
        return self._regs[address]

    # ---- registers

    def _alive(self, now_ns: int) -> bool:
        return self._out_of_reset and not self._deaf and now_ns >= self._powered_ns

    def _reset(self, now_ns: int) -> None:
        self._regs[:] = bytes(0x40)
        for address, value in RESET_VALUES.items():
            self._regs[address] = value
        self._regs[VERSION] = self._version
        self._fifo.clear()
        self._due.clear()
        self._timer_start_ns = None
        self._stuck = False
        self._cards.carrier(now_ns, "off")

    def _read(self, address: int, now_ns: int) -> int:
        regs = self._regs
        if address == FIFO_DATA:
            if not self._fifo:
                return 0
            byte = self._fifo.pop(0)
            self._water_marks()
            return byte
        if address == FIFO_LEVEL:
            return len(self._fifo)
        if address == STATUS1:
            return self._status1()
        if address in (T_VALUE_HIGH, T_VALUE_LOW):
            value = self._timer_value(now_ns)
            return value >> 8 if address == T_VALUE_HIGH else value & 0xFF
        if address == COMMAND and now_ns < self._awake_ns:
            return regs[COMMAND] | POWER_DOWN
        return regs[address]

    def _write(self, address: int, value: int, now_ns: int) -> None:
        special = self._special_writes.get(address)
        if special is not None:
            special(value, now_ns)
        elif address not in READ_ONLY:
            self._regs[address] = value

    def _write_fifo_level(self, value: int, _now_ns: int) -> None:
        if value & 0x80:
            self._fifo.clear()
            self._regs[ERROR] &= ~BUFFER_OVFL
            self._water_marks()

    def _write_com_irq(self, value: int, _now_ns: int) -> None:
        self._set_or_clear(COM_IRQ, value)
        self._water_marks()

    def _set_or_clear(self, address: int, value: int) -> None:
        """Bit 7 (Set1, Set2) says whether the other marked bits are set or cleared (9.3.1.5)."""
        if value & 0x80:
            self._regs[address] |= value & 0x7F
        else:
            self._regs[address] &= ~value & 0x7F

    def _write_control(self, value: int, now_ns: int) -> None:
        if value & 0x80:
            self._timer_start_ns = None
            self._cancel("timer")
        elif value & 0x40:
            self._start_timer(now_ns)

    def _write_bit_framing(self, value: int, now_ns: int) -> None:
        self._regs[BIT_FRAMING] = value & 0x77
        if value & 0x80 and self._regs[COMMAND] & 0x0F == TRANSCEIVE:
            self._send(now_ns)

    def _write_status2(self, value: int, _now_ns: int) -> None:
        # MFCrypto1On can be cleared, and is set by the chip alone; the modem's state is read only.
        old = self._regs[STATUS2]
        self._regs[STATUS2] = old & 0x07 | value & 0xC0 | old & value & CRYPTO1_ON

    def _write_coll(self, value: int, _now_ns: int) -> None:
        self._regs[COLL] = self._regs[COLL] & 0x7F | value & 0x80

    def _write_tx_control(self, value: int, now_ns: int) -> None:
        self._regs[TX_CONTROL] = value
        self._cards.carrier(now_ns, "on" if value & 0x03 else "off")

    def _status1(self) -> int:
        value = 0x20  # CRCReady
        calculating = any(due.what == "crc" for due in self._due)
        if calculating:
            value = 0
        if self._regs[CRC_RESULT_HIGH] == 0 and self._regs[CRC_RESULT_LOW] == 0:
            value |= 0x40
        if self._irq_active():
            value |= 0x10
        if self._timer_start_ns is not None:
            value |= 0x08
        water = self._regs[WATER_LEVEL] & 0x3F
        if FIFO_BYTES - len(self._fifo) <= water:
            value |= 0x02
        if len(self._fifo) <= water:
            value |= 0x01
        return value

    def _irq_active(self) -> bool:
        com = self._regs[COM_IRQ] & self._regs[COM_IEN] & 0x7F
        div = self._regs[DIV_IRQ] & self._regs[DIV_IEN] & 0x14
        return bool(com or div)

    def _push(self, byte: int) -> None:
        if len(self._fifo) >= FIFO_BYTES:
            self._error(BUFFER_OVFL)
            return
        self._fifo.append(byte)
        self._water_marks()

    def _water_marks(self) -> None:
        water = self._regs[WATER_LEVEL] & 0x3F
        if FIFO_BYTES - len(self._fifo) <= water:
            self._regs[COM_IRQ] |= HI_ALERT_IRQ
        if len(self._fifo) <= water:
            self._regs[COM_IRQ] |= LO_ALERT_IRQ

    def _error(self, bits: int) -> None:
        self._regs[ERROR] |= bits
        self._regs[COM_IRQ] |= ERR_IRQ

    # ---- time

    def _advance(self, now_ns: int) -> None:
        """Do everything due until now, in order."""
        while self._due and self._due[0].at_ns <= now_ns:
            due = self._due.pop(0)
            if due.what == "sent":
                self._regs[COM_IRQ] |= TX_IRQ
            elif due.what == "timer-start":
                self._start_timer(due.at_ns)
            elif due.what == "timer-stop":
                self._timer_start_ns = None
                self._cancel("timer")
            elif due.what == "timer":
                self._regs[COM_IRQ] |= TIMER_IRQ
                self.air.timeouts += 1
                self._timer_start_ns = None
                if self._regs[T_MODE] & 0x10:
                    self._start_timer(due.at_ns)
            elif due.what == "received" and due.frame is not None:
                self._received(due.frame, due.collision)
            elif due.what == "crc":
                self._regs[DIV_IRQ] |= CRC_IRQ
            elif due.what == "authenticated":
                self._regs[STATUS2] |= CRYPTO1_ON
                self._finish()
            elif due.what == "transmitted":
                self._finish()

    def _schedule(self, at_ns: int, what: str, frame: Frame | None = None, collision: int | None = None) -> None:
        if self._stuck:
            return
        self._order += 1
        self._due.append(_Due(at_ns, self._order, what, frame, collision))
        self._due.sort()

    def _cancel(self, *kinds: str) -> None:
        self._due = [due for due in self._due if due.what not in kinds]

    def _timer_tick_ns(self) -> float:
        prescaler = (self._regs[T_MODE] & 0x0F) << 8 | self._regs[T_PRESCALER]
        periods = 2 * prescaler + (2 if self._regs[DEMOD] & 0x10 else 1)
        return periods * 1e9 / CARRIER_HZ

    def _start_timer(self, now_ns: int) -> None:
        self._cancel("timer")
        self._timer_start_ns = now_ns
        reload = self._regs[T_RELOAD_HIGH] << 8 | self._regs[T_RELOAD_LOW]
        self._schedule(now_ns + int((reload + 1) * self._timer_tick_ns()), "timer")

    def _timer_value(self, now_ns: int) -> int:
        if self._timer_start_ns is None:
            return 0
        reload = self._regs[T_RELOAD_HIGH] << 8 | self._regs[T_RELOAD_LOW]
        return max(0, reload - int((now_ns - self._timer_start_ns) / self._timer_tick_ns()))

    # ---- commands

    def _command(self, value: int, now_ns: int) -> None:
        command = value & 0x0F
        if value & POWER_DOWN:
            self._regs[COMMAND] = value & 0x30
            self._due.clear()
            self._cards.carrier(now_ns, "off")
            return
        if self._regs[COMMAND] & POWER_DOWN:
            self._awake_ns = now_ns + OSCILLATOR_START_NS
            self._cards.carrier(now_ns, "on" if self._regs[TX_CONTROL] & 0x03 else "off")
        if command == NO_CHANGE:
            self._regs[COMMAND] = value & 0x30 | self._regs[COMMAND] & 0x0F
            return
        self._cancel("sent", "received", "crc", "authenticated", "transmitted", "timer-start", "timer-stop")
        self._regs[COMMAND] = value & 0x2F
        if command in (TRANSMIT, RECEIVE, TRANSCEIVE, AUTHENTICATE):
            self._regs[ERROR] &= ~(COLL_ERR | CRC_ERR | PARITY_ERR | PROTOCOL_ERR)
        if command == IDLE:
            return
        if command == SOFT_RESET:
            self._reset(now_ns)
            self._awake_ns = now_ns + OSCILLATOR_START_NS
        elif command == MEM:
            self._mem()
        elif command == RANDOM_ID:
            self._buffer[0:10] = secrets.token_bytes(10)
            self._finish()
        elif command == CALC_CRC:
            self._calculate_crc(now_ns)
        elif command == AUTHENTICATE:
            self._authenticate(now_ns)
        elif command == TRANSMIT:
            self._send(now_ns)

    def _finish(self) -> None:
        self._regs[COMMAND] &= 0xF0
        self._regs[COM_IRQ] |= IDLE_IRQ

    def _mem(self) -> None:
        if self._fifo:
            taken = bytes(self._fifo[:25])
            del self._fifo[:25]
            self._buffer[: len(taken)] = taken
        else:
            self._fifo.extend(self._buffer)
        self._water_marks()
        self._finish()

    def _crc(self, data: bytes) -> int:
        preset = (0x0000, 0x6363, 0xA671, 0xFFFF)[self._regs[MODE] & 0x03]
        crc = crc_a(data, preset)
        return int(f"{crc:016b}"[::-1], 2) if self._regs[MODE] & 0x80 else crc

    def _calculate_crc(self, now_ns: int) -> None:
        if self._regs[AUTO_TEST] & 0x0F == SELF_TEST:
            # A clone's result is unknown: its FIFO stays empty.
            self._fifo[:] = SELF_TEST_RESULTS.get(self._version, b"")
            self._schedule(now_ns + SELF_TEST_NS, "crc")
            return
        crc = self._crc(bytes(self._fifo))
        n = len(self._fifo)
        self._fifo.clear()
        self._water_marks()
        self._regs[CRC_RESULT_HIGH], self._regs[CRC_RESULT_LOW] = crc >> 8, crc & 0xFF
        self._schedule(now_ns + 600 * n, "crc")

    def _authenticate(self, now_ns: int) -> None:
        data = bytes(self._fifo)
        self._fifo.clear()
        if len(data) < 12 or data[0] not in (0x60, 0x61):
            self._error(PROTOCOL_ERR)
            return
        # Three passes: command, card's nonce, reader's answer, card's answer: 32, 32, 64 and 32 bits (MF1S50YYX, 10.1).
        end_ns = now_ns + 2 * FRAME_DELAY_NS + (4 + 4 + 8 + 4) * 9 * ETU_NS
        if self._cards.authenticate(now_ns, data[0] & 1, data[1], data[2:8], data[8:12]):
            self._schedule(end_ns, "authenticated")
        elif self._regs[T_MODE] & 0x80:
            self._schedule(now_ns + 4 * 9 * ETU_NS, "timer-start")

    def _send(self, now_ns: int) -> None:
        """Send the FIFO and receive the cards' answers (10.3.1.4, 10.3.1.8)."""
        regs = self._regs
        data = bytes(self._fifo)
        self._fifo.clear()
        self._water_marks()
        last_bits = regs[BIT_FRAMING] & 0x07
        bits = Frame.of(data)
        if last_bits and data:
            bits = Frame(bits.bits & ((1 << 8 * (len(data) - 1) + last_bits) - 1), 8 * (len(data) - 1) + last_bits)
        if regs[TX_MODE] & 0x80:
            bits = Frame.of(data + self._crc(data).to_bytes(2, "little"))
        parity = bits.n // 8
        sent_ns = now_ns + (1 + bits.n + parity + 2) * ETU_NS
        self._cancel("received", "timer-stop", "timer-start")
        self._schedule(sent_ns, "sent")
        self.air.frames += 1
        self.air.sent_ns += sent_ns - now_ns
        if regs[T_MODE] & 0x80:
            self._schedule(sent_ns, "timer-start")
        # A transmitter that is off, or not at full modulation (TxASKReg.Force100ASK), is not received as type A.
        received = regs[TX_CONTROL] & 0x03 and regs[TX_ASK] & 0x40 and bits.n
        answers: list[tuple[Presence, Frame]] = []
        if received and not self._stuck:
            encrypted = bool(regs[STATUS2] & CRYPTO1_ON)
            answers = self._cards.exchange(bits, now_ns, sent_ns, encrypted=encrypted)
        if regs[COMMAND] & 0x0F == TRANSMIT:
            self._schedule(sent_ns, "transmitted")
            return
        last_bit = bits.bits >> (bits.n - 1) & 1 if bits.n else 0
        start_ns = sent_ns + (FRAME_DELAY_NS if last_bit else FRAME_DELAY_SHORT_NS) - 2 * ETU_NS
        self._listen(answers, start_ns)

    def _listen(self, answers: list[tuple[Presence, Frame]], start_ns: int) -> None:
        received: list[tuple[int, Frame]] = []
        for presence, frame in answers:
            begin_ns = start_ns + frame.late_ns
            end_ns = begin_ns + (1 + frame.n + frame.n // 8 + 1) * ETU_NS
            leaves_ns = presence.leaves_ns
            if leaves_ns is not None and leaves_ns < end_ns:
                # The card left during its answer: the reader has the bits until then.
                n = max(0, int((leaves_ns - begin_ns) / ETU_NS) - 1)
                n -= n // 9
                if n <= 0:
                    continue
                received.append((begin_ns, Frame(frame.bits & ((1 << n) - 1), min(n, frame.n))))
            else:
                received.append((begin_ns, frame))
        if not received:
            return
        begin_ns = min(begin for begin, _ in received)
        together, collision = superpose([frame for begin, frame in received if begin - begin_ns < ETU_NS // 2])
        # A card that begins to answer during another's answer corrupts the rest of it.
        for begin, _ in received:
            bit = (begin - begin_ns) // ETU_NS * 8 // 9
            if begin - begin_ns >= ETU_NS // 2 and bit < together.n:
                collision = bit if collision is None else min(bit, collision)
        if self._regs[T_MODE] & 0x80:
            self._schedule(begin_ns + 5 * ETU_NS, "timer-stop")
        end_ns = begin_ns + (1 + together.n + together.n // 8 + 1) * ETU_NS
        self.air.waiting_ns += begin_ns - start_ns
        self.air.received_ns += end_ns - begin_ns
        self._schedule(end_ns, "received", together, collision)

    def _received(self, frame: Frame, collision: int | None) -> None:
        """Put a frame into the FIFO with RxAlign, RxLastBits, CollReg and the receiver's CRC (9.3.1.14, 9.3.1.15)."""
        regs = self._regs
        align = regs[BIT_FRAMING] >> 4 & 0x07
        regs[COLL] = regs[COLL] & 0x80 | 0x20
        self.air.answers += 1
        if not frame.parity_ok:
            self._error(PARITY_ERR)
        if collision is not None:
            self.air.collisions += 1
            self._error(COLL_ERR)
            position = collision + align + 1
            # Position 32 is shown as 0; beyond 32 there is none to show.
            regs[COLL] = regs[COLL] & 0x80 | (position & 0x1F if position <= 32 else 0x20)
            if not regs[COLL] & 0x80:
                frame = Frame(frame.bits & ((1 << collision) - 1), frame.n)
        if regs[RX_MODE] & 0x80 and frame.whole and frame.n >= 24:
            whole = frame.data()
            if self._crc(whole[:-2]) != int.from_bytes(whole[-2:], "little"):
                self._error(CRC_ERR)
            frame = Frame.of(whole[:-2])
        elif regs[RX_MODE] & 0x80 and frame.n != 4:
            self._error(CRC_ERR)
        data = (frame.bits << align).to_bytes((frame.n + align + 7) // 8, "little")
        for byte in data:
            self._push(byte)
        regs[CONTROL] = regs[CONTROL] & 0xF8 | (frame.n + align) % 8
        self.air.garbled += bool(regs[ERROR] & (CRC_ERR | PARITY_ERR | PROTOCOL_ERR))
        regs[COM_IRQ] |= RX_IRQ
        if regs[COMMAND] & 0x0F == RECEIVE and not regs[RX_MODE] & 0x04:
            self._finish()

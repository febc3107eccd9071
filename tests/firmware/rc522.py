"""An MFRC522 and badges in its field, as far as their registers and frames show: for the drivers' tests.

It answers at once, so time is not its subject. `Bus` models SPI and counts chip selects; `Chip` is the registers;
`Badge` the states of ISO 14443-3 figure 7: IDLE, READY, ACTIVE, HALT, and READY* and ACTIVE* that fall back to HALT.
"""

IDLE, READY, ACTIVE, HALT = 0, 1, 2, 3


def crc_a(data):
    """CRC_A bit by bit, as ISO 14443-3 annex B writes it; independent of the driver's."""
    crc = 0x6363
    for byte in data:
        for bit in range(8):
            mix = (crc ^ (byte >> bit)) & 1
            crc = (crc >> 1) ^ (0x8408 if mix else 0)
    return bytes((crc & 0xFF, crc >> 8))


class Badge:
    """A card that answers REQA, WUPA, anticollision, SELECT and HLTA. `spoil(answer) -> answer` may damage what it
    sends.
    """

    def __init__(self, uid, atqa=b"\x04\x00", spoil=None, sak=0x08):
        self.uid = uid
        self.atqa = atqa
        self.sak = sak
        self.spoil = spoil
        self.state = IDLE
        self.halted = False  # the state with a star: falls back to HALT
        self.level = 0
        parts = []
        rest = uid
        while len(rest) > 4:
            parts.append(b"\x88" + rest[:3])
            rest = rest[3:]
        parts.append(rest)
        self.levels = parts

    def receive(self, frame, bits):
        answer = self._answer(frame, bits)
        if answer and self.spoil:
            answer = self.spoil(answer)
        return answer

    def _fall(self):
        self.state = HALT if self.halted else IDLE
        self.level = 0

    def power_off(self):
        """The field went away."""
        self.state, self.halted, self.level = IDLE, False, 0

    def command(self, _frame):
        """The answer to any frame but HLTA in state ACTIVE, None for none."""
        self._fall()

    def _answer(self, frame, bits):
        if bits == 7 and len(frame) == 1 and frame[0] in (0x26, 0x52):
            if self.state == IDLE or (self.state == HALT and frame[0] == 0x52):
                self.halted = self.state == HALT
                self.state = READY
                self.level = 0
                return self.atqa
            if self.state != HALT:
                self._fall()
            return None
        if self.state == ACTIVE:
            if frame == b"\x50\x00\x57\xcd":
                self.state, self.halted, self.level = HALT, False, 0
                return None
            return self.command(frame)
        if self.state != READY:
            return None
        command = 0x93 + 2 * self.level
        part = self.levels[self.level] if self.level < len(self.levels) else b""
        part = part + bytes((part[0] ^ part[1] ^ part[2] ^ part[3],)) if part else b""
        if part and frame == bytes((command, 0x20)):
            return part
        if part and frame[:2] == bytes((command, 0x70)) and frame[2:7] == part and frame[7:] == crc_a(frame[:7]):
            self.level += 1
            more = self.level < len(self.levels)
            if not more:
                self.state = ACTIVE
            sak = b"\x04" if more else bytes((self.sak,))
            return sak + crc_a(sak)
        self._fall()
        return None


class Chip:
    """The registers. `hang()` makes it stop ending exchanges until a reset; `dead` leaves the bus at 0x00 or 0xFF."""

    def __init__(self, version=0x92):
        self.version = version
        self.badges = []
        self.resets = 0
        self.dead = None
        self.hung = False
        self.reset()

    def reset(self):
        self.registers = bytearray(64)
        self.registers[0x14] = 0x80
        self.registers[0x26] = 0x48
        self.registers[0x37] = self.version
        self.fifo = bytearray()
        self.irqs = 0
        self.hung = False
        self.resets += 1

    def hang(self):
        self.hung = True

    def read(self, register):
        if register == 0x09:
            if not self.fifo:
                return 0
            byte = self.fifo[0]
            self.fifo = self.fifo[1:]
            return byte
        if register == 0x0A:
            return len(self.fifo)
        if register == 0x04:
            return self.irqs
        return self.registers[register]

    def write(self, register, value):
        if register == 0x09:
            self.fifo.append(value)
        elif register == 0x0A:
            if value & 0x80:
                self.fifo = bytearray()
        elif register == 0x04:
            self.irqs = self.irqs & ~value if not value & 0x80 else self.irqs | value & 0x7F
        elif register == 0x01 and value & 0x0F == 0x0F:
            self.reset()
        else:
            self.registers[register] = value & 0x7F if register == 0x0D else value
            if register == 0x14 and not value & 3:
                for badge in self.badges:
                    badge.power_off()
            command = self.registers[0x01] & 0x0F
            if (register == 0x0D and value & 0x80 and command == 0x0C) or (register == 0x01 and command == 0x04):
                self.send(command == 0x0C)

    def irq(self):
        """The level of the IRQ pin with IRqInv set."""
        return 0 if self.irqs & self.registers[0x02] & 0x7F else 1

    def send(self, receive):
        frame, self.fifo = bytes(self.fifo), bytearray()
        bits = self.registers[0x0D] & 7
        if self.hung or self.registers[0x14] & 3 != 3:
            return
        answers = [answer for answer in (badge.receive(frame, bits) for badge in self.badges) if answer]
        self.registers[0x06] = 0
        if not receive:
            self.irqs |= 0x10
            return
        if not answers:
            self.irqs |= 0x01  # timer
            return
        for answer in answers[1:]:
            if answer != answers[0]:
                self.registers[0x06] |= 0x08
        self.fifo = bytearray(answers[0])
        if len(answers[0]) > 64:
            self.fifo = self.fifo[:64]
            self.registers[0x06] |= 0x10  # BufferOvfl
        self.irqs |= 0x20 | (0x02 if self.registers[0x06] else 0)


class Bus:
    """SPI mode 0 to one chip: the machine.SPI methods the driver uses, and its cs, rst and irq pins. `open` holds the
    names of wires that are not connected: rst, irq, miso; `short`: the level MISO is shorted to, or None.
    """

    def __init__(self, chip):
        self.chip = chip
        self.open = set()
        self.short = None
        self.transactions = 0
        self.bytes = 0
        self._selected = False
        self._address = None

    def cs(self, level):
        if not level:
            assert not self._selected, "selected twice"
            self.transactions += 1
            self._address = None
        self._selected = not level

    def rst(self, level):
        if not level and "rst" not in self.open:
            self.chip.reset()

    def irq(self):
        return 1 if "irq" in self.open else self.chip.irq()

    def miso(self, pull):
        return pull if self.short is None else self.short

    def write(self, buf):
        for byte in buf:
            self._byte(byte)

    def readinto(self, buf, write=0):
        for i in range(len(buf)):
            buf[i] = self._byte(write)

    def write_readinto(self, out, into):
        for i in range(len(out)):
            into[i] = self._byte(out[i])

    def _byte(self, byte):
        """One byte both ways: an address first; a read gives the value of the address before it [8.1.2.1]."""
        assert self._selected, "not selected"
        self.bytes += 1
        if self.chip.dead is not None:
            return self.chip.dead
        if self.short is not None or "miso" in self.open:
            return 0xFF if self.short or self.short is None else 0
        if self._address is None:
            self._address = byte
            return 0
        if self._address & 0x80:
            value = self.chip.read(self._address >> 1 & 0x3F)
            self._address = byte if byte & 0x80 else self._address
            return value
        self.chip.write(self._address >> 1, byte)
        return 0

"""Cards of ISO/IEC 14443-4 behind the reader's registers, with which ISO-DEP, DESFire and proofs are tested.

`IsoDepCard` follows the card's rules of ISO/IEC 14443-4 §7.5 and can lose frames, request more time and chain on
request. `DesfireCard` has one application as docs/badges.md writes it, as an EV1, an EV2 or an NTAG 424 DNA. Written
from the card's side and with its own CMAC, bit by bit, so that a mistake of the firmware is not made here a second
time.
"""

import os
from binascii import crc32

from cryptolib import aes
from rc522 import HALT, Badge, crc_a

ATS_DESFIRE = b"\x06\x75\x77\x81\x02\x80"  # FSCI 5, FWI 8, SFGI 1
AID = b"\x43\x14\xbc"
NTAG_NAME = b"\xd2\x76\x00\x00\x85\x01\x01"
ZERO = bytes(16)


class IsoDepCard(Badge):
    """serve: bytes of a command -> bytes of its answer. frame: longest frame it sends, with its CRC. extensions: how
    often it asks for time before each answer. lose: called with the number of each frame it would send; true loses it.
    """

    def __init__(self, uid, serve, ats=ATS_DESFIRE, frame=64, extensions=0, lose=None, spoil=None, sak=0x20):
        super().__init__(uid, atqa=b"\x44\x03" if len(uid) > 4 else b"\x04\x03", spoil=spoil, sak=sak)
        self.serve = serve
        self.ats = ats
        self.frame = frame
        self.extensions = extensions
        self.lose = lose
        self.frames = 0
        self.commands = []
        self._end()

    def _end(self):
        self.protocol = False
        self.number = 1
        self.collected = b""
        self.answer = b""
        self.last = None
        self.asks = 0

    def power_off(self):
        super().power_off()
        self._end()

    def receive(self, frame, bits):
        if self.protocol and bits == 7:
            return None  # REQA and WUPA mean nothing in state PROTOCOL
        return super().receive(frame, bits)

    def command(self, frame):
        if len(frame) < 3 or frame[-2:] != crc_a(frame[:-2]):
            if not self.protocol:
                self._fall()
            return None
        answer = self._block(frame[:-2])
        if answer is None:
            return None
        self.frames += 1
        if self.lose and self.lose(self.frames):
            return None
        return answer + crc_a(answer)

    def _block(self, block):
        if not self.protocol:
            if len(block) == 2 and block[0] == 0xE0:
                self._end()
                self.protocol = True
                return self.ats
            self._fall()
            return None
        pcb = block[0]
        if pcb & 0xEE == 0x02:
            return self._take(pcb, block[1:])
        return self._supervise(pcb)

    def _take(self, pcb, piece):
        """An I-block."""
        self.number ^= 1
        self.collected += piece
        if pcb & 0x10:
            return self._remember(bytes((0xA2 | self.number,)))
        self.commands.append(self.collected)
        self.answer = self.serve(self.collected)
        self.collected = b""
        self.asks = self.extensions
        return self._go_on()

    def _supervise(self, pcb):
        """An R-block or S-block."""
        if pcb & 0xFE == 0xA2:
            if pcb & 1 == self.number:
                return self.last
            self.number ^= 1
            return self._go_on()
        if pcb & 0xFE == 0xB2:
            return self.last if pcb & 1 == self.number else self._remember(bytes((0xA2 | self.number,)))
        if pcb == 0xF2:
            return self._go_on()
        if pcb == 0xC2:
            self._end()
            self.state, self.halted = HALT, False
            return b"\xc2"
        return None

    def _go_on(self):
        """The next block: a request for time, or a piece of the answer."""
        if self.asks:
            self.asks -= 1
            return self._remember(b"\xf2\x01")
        room = self.frame - 3
        piece, self.answer = self.answer[:room], self.answer[room:]
        return self._remember(bytes((0x02 | self.number | (0x10 if self.answer else 0),)) + piece)

    def _remember(self, block):
        self.last = block
        return block


def cmac(key, message, iv=ZERO):
    """RFC 4493, bit by bit."""
    subkey = _doubled(aes(key, 1).encrypt(ZERO))
    blocks = [message[i : i + 16] for i in range(0, len(message), 16)] or [b""]
    if len(blocks[-1]) < 16:
        subkey = _doubled(subkey)
        blocks[-1] = blocks[-1] + b"\x80" + bytes(15 - len(blocks[-1]))
    blocks[-1] = _xor(blocks[-1], subkey)
    for block in blocks:
        iv = aes(key, 1).encrypt(_xor(iv, block))
    return iv


def diversified(key, content):
    """AN10922: two blocks always."""
    message = b"\x01" + content
    subkey = _doubled(aes(key, 1).encrypt(ZERO))
    if len(message) < 32:
        subkey = _doubled(subkey)
        message = message + b"\x80" + bytes(31 - len(message))
    first = aes(key, 1).encrypt(message[:16])
    return aes(key, 1).encrypt(_xor(_xor(first, message[16:]), subkey))


def card_keys(read_master, uid, issue=b"", *, hides=True):
    """Keys by number, as docs/badges.md §4 has them, for a clock with the read master; key 0 belongs to nobody. issue:
    its 8 bytes; none: the card is of form 1, on which key 2 is the site's.
    """
    system = b"Badgeclock"
    own = b"" if hides or not issue else uid
    return {
        0: bytes(range(16)),
        1: diversified(read_master, uid + AID + b"\x01" + system + issue),
        2: diversified(read_master, own + AID + b"\x02" + system + (issue if own else b"")),
    }


def badge_file(read_master, uid, number, issue=b""):
    """The 17 bytes of docs/badges.md §3."""
    content = b"\x01" + number
    return content + cmac(diversified(read_master, uid + AID + b"\xc0Badgeclock" + issue), content)[:8]


def _doubled(block):
    bits = [byte >> (7 - bit) & 1 for byte in block for bit in range(8)]
    carry = bits[0]
    bits = bits[1:] + [0]
    out = bytearray(16)
    for at, bit in enumerate(bits):
        out[at // 8] |= bit << (7 - at % 8)
    if carry:
        out[15] ^= 0x87
    return bytes(out)


def _xor(one, other):
    return bytes(a ^ other[at] for at, a in enumerate(one))


class DesfireCard(IsoDepCard):
    """kind: "ev1", "ev2" or "ntag". hides: the UID that REQA shows is random. keys: by number, 16 bytes each. data: of
    the file that key 1 reads. issue: what is in file 2, none: there is no such file. `tamper(code, answer)` may
    change an answer before its status is put on.
    """

    def __init__(self, uid, keys, data, kind="ev2", aid=AID, tamper=None, *, hides=False, issue=b"", **others):
        super().__init__(b"\x08\x11\x22\x33" if hides else uid, self._serve, **others)
        self.true_uid = uid
        self.hides = hides
        self.issue = issue
        self.keys = keys
        self.data = data + bytes(32 - len(data))
        self.kind = kind
        self.aid = aid
        self.tamper = tamper
        self.selected = False
        self.sessions = []  # for a test to look at
        self._forget()

    def power_off(self):
        super().power_off()
        self.selected = False
        self._forget()

    def _forget(self):
        self.session = None
        self.challenge = None

    def _serve(self, command):
        if self.kind == "ntag" and command[:4] == b"\x00\xa4\x04\x0c":
            self.selected = command[5 : 5 + command[4]] == NTAG_NAME
            return b"\x90\x00" if self.selected else b"\x6a\x82"
        if len(command) < 5 or command[0] != 0x90 or command[2:4] != b"\0\0":
            return b"\x6e\x00"
        code, length = command[1], command[4]
        if len(command) != (6 + length if length else 5):
            return b"\x91\x7e"
        answer = self._native(code, command[5 : 5 + length])
        if self.tamper:
            answer = self.tamper(code, answer)
        return answer[1:] + b"\x91" + answer[:1]

    def _native(self, code, data):
        """status ‖ data of a native command."""
        started, self.challenge = self.challenge, None
        if code == 0xAF and started:
            return self._finish(started, data)
        if code == 0x5A and self.kind != "ntag":
            self._forget()
            self.selected = data == self.aid
            return b"\x00" if self.selected else b"\xa0"
        if (code == 0x71 and self.kind != "ev1") or (code == 0xAA and self.kind != "ntag"):
            self._forget()
            if not self.selected or data[0] not in self.keys:
                return b"\x40"
            theirs = os.urandom(16)
            self.challenge = (code, data[0], theirs)
            return b"\xaf" + aes(self.keys[data[0]], 2, ZERO).encrypt(theirs)
        if code == 0x51:
            return self._read(code, data, 0, lambda: self.true_uid, None)
        if code == (0xAD if self.kind == "ntag" else 0xBD):
            return self._read_file(code, data)
        return b"\x1c"

    def _read_file(self, code, data):
        if len(data) < 7 or data[1:4] != b"\0\0\0" or data[5:7] != b"\0\0":
            return b"\x9e"
        count = data[4]
        if data[0] == 2 and self.issue and self.selected:
            if self.hides:
                return self._read(code, data, 7, lambda: self.issue[:count], 2)
            return b"\x00" + self.issue[:count]
        if data[0] != (3 if self.kind == "ntag" else 1):
            return b"\xf0"
        return self._read(code, data, 7, lambda: self.data[:count], 1)

    def _finish(self, started, data):
        code, number, theirs = started
        key = self.keys[number]
        if len(data) != 32:
            return b"\x7e"
        first = aes(key, 2, ZERO).encrypt(theirs) if code == 0xAA else ZERO
        plain = aes(key, 2, first).decrypt(data)
        ours = plain[:16]
        if plain[16:] != theirs[1:] + theirs[:1]:
            return b"\xae"
        turned = ours[1:] + ours[:1]
        if code == 0xAA:
            session = ours[:4] + theirs[:4] + ours[12:] + theirs[12:]
            self.session = [number, session, session, ZERO, 0]
            self.sessions.append(self.session)
            return b"\x00" + aes(key, 2, data[16:]).encrypt(turned)
        vector = ours[:2] + _xor(ours[2:8], theirs[:6]) + theirs[6:] + ours[8:]
        encryption = cmac(key, b"\xa5\x5a\x00\x01\x00\x80" + vector)
        mac = cmac(key, b"\x5a\xa5\x00\x01\x00\x80" + vector)
        transaction = os.urandom(4)
        self.session = [number, encryption, mac, transaction, 0]
        self.sessions.append(self.session)
        return b"\x00" + aes(key, 2, ZERO).encrypt(transaction + turned + bytes(12))

    def _read(self, code, data, header, content, wanted_key):
        """An answer under encryption, if the session has the right key (None: any)."""
        if self.session is None:
            return b"\xae"
        number, encryption, mac, state, counter = self.session
        if wanted_key is not None and number != wanted_key:
            return b"\x9d"
        plain = content()
        if len(state) == 16:  # EV1: the running IV
            iv = cmac(encryption, bytes((code,)) + data[:header], state)
            checked = plain + (crc32(plain + b"\x00") ^ 0xFFFFFFFF).to_bytes(4, "little")
            padded = checked + bytes(-len(checked) % 16)
            answer = aes(encryption, 2, iv).encrypt(padded)
            self.session[3] = answer[-16:]
            return b"\x00" + answer
        count = counter.to_bytes(2, "little")
        if data[header:] != odd(cmac(mac, bytes((code,)) + count + state + data[:header])):
            self._forget()
            return b"\x1e"
        self.session[4] = counter + 1
        count = (counter + 1).to_bytes(2, "little")
        padded = plain + b"\x80" + bytes(15 - len(plain) % 16)
        iv = aes(encryption, 1).encrypt(b"\x5a\xa5" + state + count + bytes(8))
        answer = aes(encryption, 2, iv).encrypt(padded)
        return b"\x00" + answer + odd(cmac(mac, b"\x00" + count + state + answer))


def odd(block):
    """The 8 bytes that EV2 sends of a CMAC."""
    return bytes(block[i] for i in range(1, 16, 2))

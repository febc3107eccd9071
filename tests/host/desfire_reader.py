"""A reader's side of ISO 14443-4 and DESFire for the tests of the virtual badges, on `cryptography` alone.

Written from the published descriptions (NXP AN12343 and AN12196, libfreefare's documentation) and sharing nothing with
the cards: the two must agree.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Callable

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from badgeclock.virtual.cards import Card, Frame, crc_a, with_crc

OK, MORE = 0x00, 0xAF

# Code and body of a native command -> status and data.
Exchange = Callable[[int, bytes], tuple[int, bytes]]


def cbc(key: bytes, size: int, iv: bytes) -> Cipher[modes.CBC]:
    return Cipher(AES(key) if size == 16 else TripleDES((key + key)[:24]), modes.CBC(iv))


def encrypt(key: bytes, data: bytes, *, iv: bytes = b"", size: int = 16) -> bytes:
    return cbc(key, size, iv or bytes(size)).encryptor().update(data)


def decrypt(key: bytes, data: bytes, *, iv: bytes = b"", size: int = 16) -> bytes:
    return cbc(key, size, iv or bytes(size)).decryptor().update(data)


def cmac(key: bytes, data: bytes) -> bytes:
    mac = CMAC(AES(key))
    mac.update(data)
    return mac.finalize()


def xor(one: bytes, two: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, two, strict=True))


def crc32(data: bytes) -> bytes:
    return (0xFFFFFFFF - zlib.crc32(data)).to_bytes(4, "little")


def pad(data: bytes, size: int = 16) -> bytes:
    return data + bytes(-len(data) % size)


def mark(data: bytes) -> bytes:
    return pad(data + b"\x80")


class Selected:
    """A card that was selected at once, and the blocks to it: no chip, no time. `pulled`: called before each frame."""

    def __init__(self, card: Card, *, fsdi: int = 5, cid: int = 0) -> None:
        self.card = card
        self.number = 0
        self.frames = 0
        self.cid = cid
        self.wtx: list[int] = []
        card.power_on()
        assert self.raw_short(0x26)
        for code, part in zip((0x93, 0x95, 0x97), card._levels, strict=False):
            self.sak = self.raw(bytes((code, 0x70)) + part)
            assert self.sak is not None
        self.ats = self.raw(bytes((0xE0, fsdi << 4 | cid)))

    def raw_short(self, code: int) -> bytes | None:
        answer = self.card.receive(Frame.short(code, 7))
        return None if answer is None else answer.data()

    def raw(self, data: bytes) -> bytes | None:
        """A frame with its CRC; the answer without it."""
        self.frames += 1
        answer = self.card.receive(Frame.of(with_crc(data)))
        if answer is None:
            return None
        whole = answer.data()
        assert crc_a(whole) == 0
        return whole[:-2]

    def block(self, pcb: int, body: bytes = b"") -> bytes:
        """A block and the one that answers it, requests for more time granted."""
        head = bytes((pcb | 0x08, self.cid)) if self.cid else bytes((pcb,))
        answer = self.raw(head + body)
        while answer is not None and answer[0] & 0xF7 == 0xF2:
            multiplier = answer[1 + bool(self.cid)]
            self.wtx.append(multiplier)
            answer = self.raw(bytes((0xF2 | head[0] & 0x08,)) + head[1:] + bytes((multiplier,)))
        assert answer is not None, "the card is mute"
        return answer

    def send(self, command: bytes, *, room: int = 60) -> bytes:
        """A command, chained in parts of `room` bytes; the whole answer."""
        parts = [command[at : at + room] for at in range(0, len(command), room)] or [b""]
        for part in parts[:-1]:
            answer = self.block(0x12 | self.number, part)
            assert answer[0] & 0xF7 == 0xA2 | self.number
            self.number ^= 1
        answer = self.block(0x02 | self.number, parts[-1])
        data = b""
        while True:
            assert answer[0] & 0xE7 == 0x02 | self.number, answer.hex()
            self.number ^= 1
            data += answer[1 + bool(self.cid) :]
            if not answer[0] & 0x10:
                return data
            answer = self.block(0xA2 | self.number)


def native(selected: Selected) -> Exchange:
    """Commands in their native form: status and data."""

    def exchange(code: int, body: bytes) -> tuple[int, bytes]:
        answer = selected.send(bytes((code,)) + body)
        return answer[0], answer[1:]

    return exchange


def wrapped(selected: Selected) -> Exchange:
    """Commands in APDUs of class 0x90."""

    def exchange(code: int, body: bytes) -> tuple[int, bytes]:
        length = bytes((len(body),)) + body if body else b""
        answer = selected.send(bytes((0x90, code, 0, 0)) + length + b"\0", room=61)
        assert answer[-2] == 0x91
        return answer[-1], answer[:-2]

    return exchange


class Refusal(Exception):
    """The card's status was not 00."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:02X}")
        self.status = status


class Session:
    """Commands to one card, outside and inside the channel that `aes`, `ev2`, `iso` or `legacy` makes."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.kind = ""
        self.key_no = 0
        self.size = 16
        self.iv = bytes(16)
        self.key = b""
        self.enc = b""
        self.mac_key = b""
        self.ti = b""
        self.counter = 0

    # ---- frames

    def whole(self, code: int, body: bytes) -> bytes:
        """A command in as many frames as it takes, and all of the answer. Raises Refusal."""
        status, data = self.exchange(code, body[:59])
        rest = body[59:]
        while rest and status == MORE:
            status, data = self.exchange(MORE, rest[:59])
            rest = rest[59:]
        while status == MORE:
            status, more = self.exchange(MORE, b"")
            data += more
        if status != OK:
            self.kind = ""
            raise Refusal(status)
        return data

    def step(self, code: int, body: bytes, wanted: int) -> bytes:
        status, data = self.exchange(code, body)
        if status != wanted:
            raise Refusal(status)
        return data

    # ---- authentication

    def select(self, aid: bytes) -> None:
        self.kind = ""
        self.step(0x5A, aid, OK)

    def aes(self, key_no: int, key: bytes) -> None:
        challenge = self.step(0xAA, bytes((key_no,)), MORE)
        b, a = decrypt(key, challenge), secrets.token_bytes(16)
        token = encrypt(key, a + b[1:] + b[:1], iv=challenge)
        proof = self.step(MORE, token, OK)
        assert decrypt(key, proof, iv=token[16:]) == a[1:] + a[:1], "the card does not hold the key"
        self._open("ev1", key_no, 16, a[:4] + b[:4] + a[12:] + b[12:])

    def iso(self, key: bytes = bytes(16)) -> None:
        """0x1A with key 0, a DES key."""
        challenge = self.step(0x1A, b"\0", MORE)
        b, a = decrypt(key, challenge, size=8), secrets.token_bytes(8)
        token = encrypt(key, a + b[1:] + b[:1], iv=challenge, size=8)
        proof = self.step(MORE, token, OK)
        assert decrypt(key, proof, iv=token[8:], size=8) == a[1:] + a[:1]
        self._open("ev1", 0, 8, a[:4] + b[:4] + (a[:4] + b[:4] if key[:8] == key[8:] else a[4:] + b[4:]))

    def legacy(self, key: bytes = bytes(16)) -> None:
        """0x0A with key 0, a DES key: what this side sends it deciphers."""
        b, a = decrypt(key, self.step(0x0A, b"\0", MORE), size=8), secrets.token_bytes(8)
        first = decrypt(key, a, size=8)
        second = decrypt(key, xor(b[1:] + b[:1], first), size=8)
        proof = self.step(MORE, first + second, OK)
        assert decrypt(key, proof, size=8) == a[1:] + a[:1]
        self._open("d40", 0, 8, a[:4] + b[:4] + (a[:4] + b[:4] if key[:8] == key[8:] else a[4:] + b[4:]))

    def _open(self, kind: str, key_no: int, size: int, key: bytes) -> None:
        self.kind, self.key_no, self.size, self.key, self.iv = kind, key_no, size, key, bytes(size)

    def ev2(self, key_no: int, key: bytes, *, first: bool = True) -> None:
        body = bytes((key_no, 0)) if first else bytes((key_no,))
        b = decrypt(key, self.step(0x71 if first else 0x77, body, MORE))
        a = secrets.token_bytes(16)
        proof = decrypt(key, self.step(MORE, encrypt(key, a + b[1:] + b[:1]), OK))
        if first:
            self.ti, proof, self.counter = proof[:4], proof[4:20], 0
        assert proof == a[1:] + a[:1], "the card does not hold the key"
        context = a[0:2] + xor(a[2:8], b[0:6]) + b[6:16] + a[8:16]
        self.kind, self.key_no = "ev2", key_no
        self.enc = cmac(key, bytes.fromhex("A55A00010080") + context)
        self.mac_key = cmac(key, bytes.fromhex("5AA500010080") + context)

    # ---- commands

    def _chain(self, message: bytes) -> bytes:
        """EV1's CMAC, which goes on from the vector: CBC with the first block folded into it."""
        size = self.size
        zero = int.from_bytes(encrypt(self.key, bytes(size), size=size), "big")

        def double(n: int) -> int:
            return (n << 1 & (1 << 8 * size) - 1) ^ ((0x87 if size == 16 else 0x1B) if n >> (8 * size - 1) else 0)

        whole = message and len(message) % size == 0
        subkey = double(zero) if whole else double(double(zero))
        padded = message if whole else pad(message + b"\x80", size)
        last = xor(padded[-size:], subkey.to_bytes(size, "big"))
        self.iv = encrypt(self.key, padded[:-size] + last, iv=self.iv, size=size)[-size:]
        return self.iv[:8]

    def _ev2_mac(self, first: int, rest: bytes) -> bytes:
        return cmac(self.mac_key, bytes((first,)) + self.counter.to_bytes(2, "little") + self.ti + rest)[1::2]

    def _ev2_iv(self, label: str) -> bytes:
        return encrypt(self.enc, bytes.fromhex(label) + self.ti + self.counter.to_bytes(2, "little") + bytes(8))

    def plain(self, code: int, body: bytes = b"") -> bytes:
        """A command of the card's or the application's level: parameters and answer checked, nothing secret."""
        return self.run(code, body, b"", "mac")

    def run(self, code: int, head: bytes, data: bytes, mode: str, *, secret: int = 0) -> bytes:
        """`data` goes in `mode`: plain, mac or full; the answer is checked as the channel says.

        `secret` bytes are expected enciphered; 0: the answer is plain. EV1's padding does not say where it starts: a
        CRC that begins with 00 is right one byte further on too.
        """
        if self.kind == "ev2":
            return self._run_ev2(code, head, data, mode, secret=secret)
        if self.kind == "ev1":
            return self._run_ev1(code, head, data, mode, secret=secret)
        if self.kind == "d40" and mode == "full":
            data = self._decipher(pad(data + crc_a(data).to_bytes(2, "little"), 8))
        return self.whole(code, head + data)

    def _decipher(self, data: bytes) -> bytes:
        sent, previous = b"", bytes(8)
        for at in range(0, len(data), 8):
            previous = decrypt(self.key, xor(data[at : at + 8], previous), size=8)
            sent += previous
        return sent

    def _run_ev1(self, code: int, head: bytes, data: bytes, mode: str, *, secret: int) -> bytes:
        command = bytes((code,)) + head + data
        if mode == "full" and data:
            cipher = encrypt(self.key, pad(data + crc32(command), self.size), iv=self.iv, size=self.size)
            self.iv, body = cipher[-self.size :], head + cipher
        else:
            mac = self._chain(command)
            body = head + data + (mac if mode == "mac" and data else b"")
        answer = self.whole(code, body)
        if not secret:
            data, mac = answer[:-8], answer[-8:]
            assert mac == self._chain(data + b"\0"), "the answer's CMAC"
            return data
        plain = decrypt(self.key, answer, iv=self.iv, size=self.size)
        self.iv = answer[-self.size :]
        found = plain[:secret]
        assert plain == pad(found + crc32(found + b"\0"), self.size), "the answer's CRC"
        return found

    def _run_ev2(self, code: int, head: bytes, data: bytes, mode: str, *, secret: int) -> bytes:
        if mode == "full" and data:
            data = encrypt(self.enc, mark(data), iv=self._ev2_iv("A55A"))
        mac = b"" if mode == "plain" else self._ev2_mac(code, head + data)
        answer = self.whole(code, head + data + mac)
        self.counter += 1
        if mode == "plain":
            return answer
        body, mac = answer[:-8], answer[-8:]
        assert mac == self._ev2_mac(0, body), "the answer's MAC"
        if not secret:
            return body
        return decrypt(self.enc, body, iv=self._ev2_iv("5AA5")).rstrip(b"\0")[:-1]

    def change_key(
        self, number: int, new: bytes, old: bytes = bytes(16), *, version: int = 0, to_aes: bool = True
    ) -> None:
        """`number` with bit 0x80 set: the card's master key becomes an AES key."""
        own = number & 0x0F == self.key_no
        given = (new if own else xor(new, old)) + (bytes((version,)) if to_aes else b"")
        if self.kind == "ev2":
            body = given if own else given + crc32(new)
            self.whole_key_change(number, encrypt(self.enc, mark(body), iv=self._ev2_iv("A55A")), own=own)
            return
        if self.kind == "d40":
            check = crc_a(given).to_bytes(2, "little") + (b"" if own else crc_a(new).to_bytes(2, "little"))
            self.whole(0xC4, bytes((number,)) + self._decipher(pad(given + check, 8)))
        else:
            check = crc32(bytes((0xC4, number)) + given) + (b"" if own else crc32(new))
            cipher = encrypt(self.key, pad(given + check, self.size), iv=self.iv, size=self.size)
            self.iv = cipher[-self.size :]
            answer = self.whole(0xC4, bytes((number,)) + cipher)
            assert answer == (b"" if own else self._chain(b"\0"))
        if own:
            self.kind = ""

    def whole_key_change(self, number: int, cipher: bytes, *, own: bool) -> None:
        head = bytes((number,))
        answer = self.whole(0xC4, head + cipher + self._ev2_mac(0xC4, head + cipher))
        self.counter += 1
        assert answer == (b"" if own else self._ev2_mac(0, b""))
        if own:
            self.kind = ""

    def read(self, number: int, offset: int, length: int, mode: str = "full", *, whole: int = 0) -> bytes:
        """`length` bytes; 0: the file from there to its end, of which `whole` bytes are expected."""
        head = bytes((number,)) + offset.to_bytes(3, "little") + length.to_bytes(3, "little")
        sent = "plain" if mode == "plain" else "mac"
        return self.run(0xBD, head, b"", sent, secret=length or whole if mode == "full" else 0)

    def write(self, number: int, offset: int, data: bytes, mode: str = "full") -> None:
        self.run(0x3D, bytes((number,)) + offset.to_bytes(3, "little") + len(data).to_bytes(3, "little"), data, mode)

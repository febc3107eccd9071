"""The card's side of DESFire's secure channels: one class per channel, which lasts as long as its authentication.

`LegacyChannel`   0x0A (D40): DES; the reader deciphers what it sends, CRC-16
`ChainedChannel`  0x1A and 0xAA (EV1): CBC whose vector runs on through commands and answers, CMAC, CRC-32
`CountedChannel`  0x71 and 0x77 (EV2): transaction identifier, command counter, a key to cipher and one to authenticate

Published behaviour: NXP AN12343 and AN12196 (EV2 channel, with examples), libfreefare `mifare_desfire_crypto.c` and
proxmark3 `desfirecrypto.c`, `desfiresecurechan.c` (all three).
"""

from __future__ import annotations

import hmac
import secrets
import zlib
from enum import Enum
from typing import Protocol

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from badgeclock.virtual.cards import crc_a
from badgeclock.virtual.errors import CommandRefused

INTEGRITY_ERROR = 0x1E
LENGTH_ERROR = 0x7E

COUNTER_LONGEST = 0xFFFF


class Mode(Enum):
    """The communication mode of a command's or an answer's data."""

    PLAIN = "plain"
    MAC = "mac"
    FULL = "full"


class Key:
    """One key of a card: 16 bytes, for AES or for DES (two halves; equal halves make it single DES)."""

    def __init__(self, value: bytes, *, block: int, version: int = 0) -> None:
        if len(value) != 16 or block not in (8, 16):
            raise ValueError("a key has 16 bytes, and blocks of 8 (DES) or 16 (AES)")
        self.value = value
        self.block = block
        self.version = version

    @property
    def is_aes(self) -> bool:
        """AES, or else DES."""
        return self.block == 16

    def _cipher(self, vector: bytes) -> Cipher[modes.CBC]:
        algorithm = AES(self.value) if self.is_aes else TripleDES(self.value + self.value[:8])
        return Cipher(algorithm, modes.CBC(vector))

    def encrypt(self, data: bytes, vector: bytes | None = None) -> bytes:
        """CBC over whole blocks; the vector is zero if not given."""
        worker = self._cipher(vector or bytes(self.block)).encryptor()
        return worker.update(data) + worker.finalize()

    def decrypt(self, data: bytes, vector: bytes | None = None) -> bytes:
        """CBC over whole blocks; the vector is zero if not given."""
        worker = self._cipher(vector or bytes(self.block)).decryptor()
        return worker.update(data) + worker.finalize()

    def chained_mac(self, message: bytes, vector: bytes) -> bytes:
        """CMAC (SP 800-38B) whose chain starts at `vector` instead of zero: the whole last block."""
        if message and len(message) % self.block == 0:
            return self.encrypt(message[: -self.block] + _xor(message[-self.block :], self._subkey(1)), vector)[
                -self.block :
            ]
        padded = message + b"\x80" + bytes(-(len(message) + 1) % self.block)
        return self.encrypt(padded[: -self.block] + _xor(padded[-self.block :], self._subkey(2)), vector)[-self.block :]

    def _subkey(self, n: int) -> bytes:
        size = 8 * self.block
        subkey = int.from_bytes(self.encrypt(bytes(self.block)), "big")
        for _ in range(n):
            subkey = (subkey << 1) ^ ((0x87 if self.is_aes else 0x1B) | 1 << size if subkey >> (size - 1) else 0)
        return subkey.to_bytes(self.block, "big")


def _xor(one: bytes, two: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, two, strict=True))


def rotated(data: bytes) -> bytes:
    """One byte to the left, as RndA and RndB come back."""
    return data[1:] + data[:1]


def crc32(data: bytes) -> bytes:
    """CRC-32 as DESFire sends it: without the last inversion, low byte first."""
    return (zlib.crc32(data) ^ 0xFFFFFFFF).to_bytes(4, "little")


def crc16(data: bytes) -> bytes:
    """CRC_A of the D40 channel."""
    return crc_a(data).to_bytes(2, "little")


def check_mac(given: bytes, right: bytes) -> None:
    """Raises CommandRefused unless they are equal."""
    if not hmac.compare_digest(given, right):
        raise CommandRefused(INTEGRITY_ERROR)


class Channel(Protocol):
    """A card's state of an authentication with the key `key_no`."""

    key_no: int

    def command(self, head: bytes, data: bytes, mode: Mode, length: int | None) -> bytes:
        """Take a command in: `head` is what always travels plain (code and parameters), `data` came in `mode`.

        Returns the plain data; of encrypted data `length` bytes, or, if None, all of it with its check value, for
        commands with their own rules (ChangeKey). Raises Refused.
        """

    def answer(self, status: int, data: bytes, mode: Mode) -> bytes:
        """What to send for `data`, in `mode`."""

    def checksum(self, data: bytes) -> bytes:
        """The channel's CRC."""


class LegacyChannel:
    """D40. Only for the card's own level: encrypted commands; answers are plain."""

    def __init__(self, key_no: int, key: Key, rnd_a: bytes, rnd_b: bytes) -> None:
        self.key_no = key_no
        self._key = des_session_key(key, rnd_a, rnd_b)

    def command(self, head: bytes, data: bytes, mode: Mode, length: int | None) -> bytes:  # noqa: ARG002 - as Channel
        if mode is not Mode.FULL:
            return data
        if not data or len(data) % 8:
            raise CommandRefused(LENGTH_ERROR)
        # The reader deciphered c[i] = D(p[i] ^ c[i-1]): p[i] = E(c[i]) ^ c[i-1].
        plain = receive_deciphered(self._key, data)
        if length is None:
            return plain
        if plain[length : length + 2] != crc16(plain[:length]):
            raise CommandRefused(INTEGRITY_ERROR)
        return plain[:length]

    def answer(self, status: int, data: bytes, mode: Mode) -> bytes:  # noqa: ARG002 - as Channel
        if mode is Mode.FULL and data:
            body = data + crc16(data)
            return self._key.encrypt(body + bytes(-len(body) % 8))
        return data

    def checksum(self, data: bytes) -> bytes:
        return crc16(data)


class ChainedChannel:
    """EV1: every command and answer advances the vector, even if nothing of it is sent."""

    def __init__(self, key_no: int, session: Key) -> None:
        self.key_no = key_no
        self._key = session
        self._vector = bytes(session.block)

    def _mac(self, message: bytes) -> bytes:
        self._vector = self._key.chained_mac(message, self._vector)
        return self._vector[:8]

    def command(self, head: bytes, data: bytes, mode: Mode, length: int | None) -> bytes:
        if mode is Mode.PLAIN:
            self._mac(head + data)
            return data
        if mode is Mode.MAC:
            body, mac = data[:-8], data[-8:]
            check_mac(mac, self._mac(head + body))
            return body
        if not data or len(data) % self._key.block:
            raise CommandRefused(LENGTH_ERROR)
        plain = self._key.decrypt(data, self._vector)
        self._vector = data[-self._key.block :]
        if length is None:
            return plain
        check_mac(plain[length : length + 4], crc32(head + plain[:length]))
        return plain[:length]

    def answer(self, status: int, data: bytes, mode: Mode) -> bytes:
        code = bytes((status,))
        if mode is not Mode.FULL or not data:
            return data + self._mac(data + code)
        body = data + crc32(data + code)
        cipher = self._key.encrypt(body + bytes(-len(body) % self._key.block), self._vector)
        self._vector = cipher[-self._key.block :]
        return cipher

    def checksum(self, data: bytes) -> bytes:
        return crc32(data)


class CountedChannel:
    """EV2: only a counter of commands is kept."""

    def __init__(self, key_no: int, key: Key, rnd_a: bytes, rnd_b: bytes, transaction: bytes, counter: int = 0) -> None:
        self.key_no = key_no
        self.transaction = transaction
        self.counter = counter
        middle = rnd_a[:2] + _xor(rnd_a[2:8], rnd_b[:6]) + rnd_b[6:] + rnd_a[8:]
        self._enc = Key(_cmac(key.value, b"\xa5\x5a\x00\x01\x00\x80" + middle), block=16)
        self._mac_key = _cmac(key.value, b"\x5a\xa5\x00\x01\x00\x80" + middle)

    @property
    def keys(self) -> tuple[bytes, bytes]:
        """Session keys to cipher and to authenticate, to compare with published ones."""
        return self._enc.value, self._mac_key

    def _mac(self, first: bytes, rest: bytes) -> bytes:
        return _cmac(self._mac_key, first + self.counter.to_bytes(2, "little") + self.transaction + rest)[1::2]

    def _vector(self, label: bytes) -> bytes:
        return self._enc.encrypt(label + self.transaction + self.counter.to_bytes(2, "little") + bytes(8))

    def command(self, head: bytes, data: bytes, mode: Mode, length: int | None) -> bytes:
        if self.counter >= COUNTER_LONGEST:
            raise CommandRefused(INTEGRITY_ERROR)
        if mode is Mode.PLAIN:
            return data
        body, mac = data[:-8], data[-8:]
        check_mac(mac, self._mac(head[:1], head[1:] + body))
        if mode is Mode.MAC or not body:
            return body
        if len(body) % 16:
            raise CommandRefused(LENGTH_ERROR)
        plain = self._enc.decrypt(body, self._vector(b"\xa5\x5a"))
        end = plain.rstrip(b"\0")
        if end[-1:] != b"\x80" or (length is not None and len(end) - 1 != length):
            raise CommandRefused(INTEGRITY_ERROR)
        return end[:-1]

    def answer(self, status: int, data: bytes, mode: Mode) -> bytes:
        self.counter += 1
        if mode is Mode.PLAIN:
            return data
        if mode is Mode.FULL and data:
            data = self._enc.encrypt(data + b"\x80" + bytes(-(len(data) + 1) % 16), self._vector(b"\x5a\xa5"))
        return data + self._mac(bytes((status,)), data)

    def checksum(self, data: bytes) -> bytes:
        return crc32(data)


def _cmac(key: bytes, message: bytes) -> bytes:
    worker = CMAC(AES(key))
    worker.update(message)
    return worker.finalize()


def aes_session_key(rnd_a: bytes, rnd_b: bytes) -> Key:
    """Of 0xAA."""
    return Key(rnd_a[:4] + rnd_b[:4] + rnd_a[12:] + rnd_b[12:], block=16)


def des_session_key(key: Key, rnd_a: bytes, rnd_b: bytes) -> Key:
    """Of 0x0A and 0x1A with a DES key of one or two halves."""
    half = rnd_a[:4] + rnd_b[:4]
    single = key.value[:8] == key.value[8:]
    return Key(half + (half if single else rnd_a[4:8] + rnd_b[4:8]), block=8)


def receive_deciphered(key: Key, data: bytes) -> bytes:
    """The plain text of a D40 reader, which sends by decrypting, from vector zero: p[i] = E(c[i]) ^ c[i-1]."""
    plain, previous = b"", bytes(8)
    for at in range(0, len(data), 8):
        block = data[at : at + 8]
        plain += _xor(key.encrypt(block), previous)
        previous = block
    return plain


def fresh(n: int) -> bytes:
    """Random bytes of the card."""
    return secrets.token_bytes(n)

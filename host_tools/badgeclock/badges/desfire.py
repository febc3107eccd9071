"""MIFARE DESFire EV1, EV2 and EV3 as the bridge uses them: commands, authentication, secure messaging.

Nothing here does I/O. A dialogue is a generator: it yields the APDU for the card and is sent the card's answer; what it
returns is its result. `run` drives one against a function, the bridge drives it over a clock. For any answers of a
card, a dialogue ends in a result or in a CardError, after a bounded number of frames.

Two secure messagings, by how the session was opened:

    EV1   0x1A (DES, 3DES keys) and 0xAA (AES): one CBC chain through the whole session, CMAC on answers, CRC-32 inside
          what is encrypted (libfreefare `mifare_desfire_crypto.c`, NXP AN0945)
    EV2   0x71 (AES): their own keys for enciphering and MAC, a transaction identifier, a command counter
          (NXP AN12343, AN12196 §4 and §5)

Commands are native ones wrapped in ISO 7816-4 APDUs: `90 INS 00 00 Lc data 00`, answered by `data 91 status`.
"""

from __future__ import annotations

import hmac
import secrets
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from typing import Final, TypeAlias, TypeVar

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from badgeclock.badges.errors import CardRefused, CardUntrusted
from badgeclock.badges.status import Status

T = TypeVar("T")
Dialogue: TypeAlias = Generator[bytes, bytes, T]
Random: TypeAlias = Callable[[int], bytes]

UID_BYTES: Final = 7
MAC_BYTES: Final = 8
FACTORY_KEY: Final = bytes(16)
"""The key of a new card (DES) and of a new application (AES)."""
AES_KEY_TYPE: Final = 0x80
"""Added to the key number when the PICC master key becomes AES, and to an application's number of keys."""
READ_DATA: Final = 0xBD
_FRAMES_MAX: Final = 32
_MORE: Final = 0xAF


def run(dialogue: Dialogue[T], transceive: Callable[[bytes], bytes]) -> T:
    """The dialogue's result, each of its APDUs answered by `transceive`."""
    try:
        apdu = next(dialogue)
        while True:
            apdu = dialogue.send(transceive(apdu))
    except StopIteration as ended:
        result: T = ended.value
        return result


# --- commands without a session ---


def _frame(ins: int, data: bytes) -> Dialogue[tuple[int, bytes]]:
    """One command and one frame of its answer: (status, data); raises CardUntrusted for anything but a DESFire
    answer."""
    body = bytes([len(data)]) + data if data else b""
    answer = yield bytes([0x90, ins, 0, 0]) + body + b"\0"
    if len(answer) < 2 or answer[-2] != 0x91:
        raise CardUntrusted("no DESFire answer")
    return answer[-1], answer[:-2]


def _collected(ins: int, data: bytes) -> Dialogue[bytes]:
    """The whole answer of a command, over any number of frames; raises CardRefused."""
    status, part = yield from _frame(ins, data)
    whole = part
    for _ in range(_FRAMES_MAX):
        if status == Status.OK:
            return whole
        if status != Status.MORE:
            raise CardRefused(ins, status)
        status, part = yield from _frame(_MORE, b"")
        whole += part
    raise CardUntrusted("an answer without end")


def get_version() -> Dialogue[bytes]:
    """The 28 bytes of GetVersion: hardware 7, software 7, UID 7 (zero with a random UID), production 7."""
    version = yield from _collected(0x60, b"")
    if len(version) != 28:
        raise CardUntrusted("version length")
    return version


def read_free(file_no: int, length: int) -> Dialogue[bytes]:
    """The first `length` bytes of a file of the selected application that needs no key; raises CardRefused."""
    data = yield from _collected(READ_DATA, bytes([file_no]) + bytes(3) + length.to_bytes(3, "little"))
    if len(data) != length:
        raise CardUntrusted("length of a free file")
    return data


def select(aid: bytes) -> Dialogue[None]:
    """Select an application, or the card itself (keys.PICC_LEVEL); this ends a session."""
    if (yield from _collected(0x5A, aid)):
        raise CardUntrusted("select length")


# --- sessions ---


class Session(ABC):
    """An authenticated session with the selected application. It ends with another selection or authentication."""

    def __init__(self, key_no: int) -> None:
        self.key_no = key_no

    @abstractmethod
    def command(self, ins: int, data: bytes = b"") -> Dialogue[bytes]:
        """A command in plain, and its answer with the card's MAC verified."""

    @abstractmethod
    def enciphered_answer(self, ins: int, data: bytes, length: int) -> Dialogue[bytes]:
        """A command in plain, and its answer of `length` bytes, which is encrypted."""

    @abstractmethod
    def enciphered_command(self, ins: int, head: bytes, data: bytes) -> Dialogue[None]:
        """A command with `data` encrypted, after `head` in plain; its answer has no data."""

    @abstractmethod
    def _key_cryptogram(self, key_no: int, new: bytes, changed: bytes, is_own: bool) -> Dialogue[bytes]:  # noqa: FBT001
        """Send ChangeKey; `changed` is the new key, or its difference from the old one."""

    def change_key(self, key_no: int, new: bytes, version: bytes, old: bytes | None = None) -> Dialogue[None]:
        """Change a key. `key_no` may carry AES_KEY_TYPE; `version` is one byte for AES, empty for DES. `old` is the key
        before, for another key than the session's; with the session's own, None, the session is over.
        """
        changed = new if old is None else _xor(new, old)
        answer = yield from self._key_cryptogram(key_no, new, changed + version, old is None)
        if answer:
            raise CardUntrusted("change key length")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _padded(data: bytes, block: int) -> bytes:
    """Padded with zeros to whole blocks."""
    return data + bytes(-len(data) % block)


def _marked(data: bytes, block: int) -> bytes:
    """Padded with 80, then zeros to whole blocks (ISO/IEC 9797-1, method 2)."""
    return _padded(data + b"\x80", block)


def crc32(data: bytes) -> bytes:
    """DESFire's CRC-32: the usual one without the final inversion, low byte first."""
    return (zlib.crc32(data) ^ 0xFFFF_FFFF).to_bytes(4, "little")


def _des(key: bytes) -> TripleDES:
    """DES as 3DES with equal keys."""
    return TripleDES(3 * key)


def _encrypted(algorithm: AES | TripleDES, iv: bytes, data: bytes) -> bytes:
    return Cipher(algorithm, modes.CBC(iv)).encryptor().update(data)


def _decrypted(algorithm: AES | TripleDES, iv: bytes, data: bytes) -> bytes:
    return Cipher(algorithm, modes.CBC(iv)).decryptor().update(data)


class Ev1Session(Session):
    """EV1 secure messaging over AES, or over DES for a card as delivered."""

    def __init__(self, key_no: int, algorithm: AES | TripleDES) -> None:
        super().__init__(key_no)
        self._algorithm = algorithm
        self._block = algorithm.block_size // 8
        self._iv = bytes(self._block)
        first = _doubled(_encrypted(algorithm, bytes(self._block), bytes(self._block)))
        self._k1, self._k2 = first, _doubled(first)

    def command(self, ins: int, data: bytes = b"") -> Dialogue[bytes]:
        self._mac(bytes([ins]) + data)
        answer = yield from _collected(ins, data)
        return self._verified(answer)

    def enciphered_answer(self, ins: int, data: bytes, length: int) -> Dialogue[bytes]:
        self._mac(bytes([ins]) + data)
        answer = yield from _collected(ins, data)
        if len(answer) != length + 4 + -(length + 4) % self._block:
            raise CardUntrusted("answer length")
        plain = _decrypted(self._algorithm, self._iv, answer)
        self._iv = answer[-self._block :]
        content, check, padding = plain[:length], plain[length : length + 4], plain[length + 4 :]
        if not hmac.compare_digest(check, crc32(content + bytes([Status.OK]))) or any(padding):
            raise CardUntrusted("answer CRC")
        return content

    def enciphered_command(self, ins: int, head: bytes, data: bytes) -> Dialogue[None]:
        plain = data + crc32(bytes([ins]) + head + data)
        answer = yield from _collected(ins, head + self._enciphered(plain))
        if self._verified(answer):
            raise CardUntrusted("answer length")

    def _key_cryptogram(self, key_no: int, new: bytes, changed: bytes, is_own: bool) -> Dialogue[bytes]:  # noqa: FBT001
        plain = changed + crc32(bytes([0xC4, key_no]) + changed)
        if not is_own:
            plain += crc32(new)
        answer = yield from _collected(0xC4, bytes([key_no]) + self._enciphered(plain))
        return answer if is_own else self._verified(answer)

    def _enciphered(self, plain: bytes) -> bytes:
        secret = _encrypted(self._algorithm, self._iv, _padded(plain, self._block))
        self._iv = secret[-self._block :]
        return secret

    def _mac(self, message: bytes) -> bytes:
        """Add a message to the chain; returns the first 8 bytes of its CMAC (SP 800-38B, begun with the chain's
        vector)."""
        if message and len(message) % self._block == 0:
            last = _xor(message[-self._block :], self._k1)
        else:
            message = _marked(message, self._block)
            last = _xor(message[-self._block :], self._k2)
        chain = _encrypted(self._algorithm, self._iv, message[: -self._block] + last)
        self._iv = chain[-self._block :]
        return self._iv[:MAC_BYTES]

    def _verified(self, answer: bytes) -> bytes:
        """The answer without its MAC, which covers the status too."""
        content, mac = answer[:-MAC_BYTES], answer[-MAC_BYTES:]
        if len(answer) < MAC_BYTES or not hmac.compare_digest(mac, self._mac(content + bytes([Status.OK]))):
            raise CardUntrusted("answer MAC")
        return content


def _doubled(block: bytes) -> bytes:
    """Times x in GF(2^128) or GF(2^64) (SP 800-38B §5.3, §6.1)."""
    bits = 8 * len(block)
    shifted = int.from_bytes(block, "big") << 1
    if shifted >> bits:
        shifted ^= 0x87 if bits == 128 else 0x1B
    return (shifted & (1 << bits) - 1).to_bytes(len(block), "big")


class Ev2Session(Session):
    """EV2 secure messaging over AES."""

    def __init__(self, key_no: int, k_enc: bytes, k_mac: bytes, ti: bytes) -> None:
        super().__init__(key_no)
        self._k_enc = AES(k_enc)
        self._k_mac = AES(k_mac)
        self._ti = ti
        self._counter = 0

    def command(self, ins: int, data: bytes = b"") -> Dialogue[bytes]:
        answer = yield from _collected(ins, data + self._mac(bytes([ins]), data))
        return self._verified(answer)

    def enciphered_answer(self, ins: int, data: bytes, length: int) -> Dialogue[bytes]:
        secret = yield from self.command(ins, data)
        if not secret or len(secret) % 16:
            raise CardUntrusted("answer length")
        plain = _decrypted(self._k_enc, self._vector(b"\x5a\xa5"), secret)
        if plain != _marked(plain[:length], 16):
            raise CardUntrusted("answer padding")
        return plain[:length]

    def enciphered_command(self, ins: int, head: bytes, data: bytes) -> Dialogue[None]:
        secret = _encrypted(self._k_enc, self._vector(b"\xa5\x5a"), _marked(data, 16))
        if (yield from self.command(ins, head + secret)):
            raise CardUntrusted("answer length")

    def _key_cryptogram(self, key_no: int, new: bytes, changed: bytes, is_own: bool) -> Dialogue[bytes]:  # noqa: FBT001
        plain = changed if is_own else changed + crc32(new)
        secret = _encrypted(self._k_enc, self._vector(b"\xa5\x5a"), _marked(plain, 16))
        data = bytes([key_no]) + secret
        answer = yield from _collected(0xC4, data + self._mac(b"\xc4", data))
        return answer if is_own else self._verified(answer)

    def _vector(self, label: bytes) -> bytes:
        return _encrypted(self._k_enc, bytes(16), label + self._ti + self._counter.to_bytes(2, "little") + bytes(8))

    def _mac(self, code: bytes, data: bytes) -> bytes:
        """Every second byte of the CMAC over command or status, counter, identifier and data."""
        mac = CMAC(self._k_mac)
        mac.update(code + self._counter.to_bytes(2, "little") + self._ti + data)
        return mac.finalize()[1::2]

    def _verified(self, answer: bytes) -> bytes:
        content, mac = answer[:-MAC_BYTES], answer[-MAC_BYTES:]
        self._counter += 1
        if len(answer) < MAC_BYTES or not hmac.compare_digest(mac, self._mac(bytes([Status.OK]), content)):
            raise CardUntrusted("answer MAC")
        return content


# --- authentication ---


def _step(ins: int, data: bytes, wanted: Status, length: int) -> Dialogue[bytes]:
    """One frame of an authentication, and the card's part of it."""
    status, answer = yield from _frame(ins, data)
    if status != wanted:
        if status in {Status.OK, Status.MORE}:
            raise CardUntrusted("authentication state")
        raise CardRefused(ins, status)
    if len(answer) != length:
        raise CardUntrusted("authentication length")
    return answer


def _rotated(random: bytes) -> bytes:
    return random[1:] + random[:1]


def _prove(ins: int, algorithm: AES | TripleDES, key_no: int, rnd_a: bytes) -> Dialogue[bytes]:
    """Both sides prove the key, with one CBC chain through the frames (0x1A, 0xAA); RndB."""
    length = len(rnd_a)
    block = algorithm.block_size // 8
    secret = yield from _step(ins, bytes([key_no]), Status.MORE, length)
    rnd_b = _decrypted(algorithm, bytes(block), secret)
    token = _encrypted(algorithm, secret[-block:], rnd_a + _rotated(rnd_b))
    answer = yield from _step(_MORE, token, Status.OK, length)
    if not hmac.compare_digest(_decrypted(algorithm, token[-block:], answer), _rotated(rnd_a)):
        raise CardUntrusted("authentication proof")
    return rnd_b


def authenticate_des(key_no: int, key: bytes, random: Random = secrets.token_bytes) -> Dialogue[Session]:
    """0x1A under a DES key, given as its 16 bytes with equal halves: opens a card as delivered."""
    if key[:8] != key[8:]:
        raise ValueError("a DES key is stored as two equal halves")
    rnd_a = random(8)
    rnd_b = yield from _prove(0x1A, _des(key[:8]), key_no, rnd_a)
    return Ev1Session(key_no, _des(rnd_a[:4] + rnd_b[:4]))


def authenticate_aes(key_no: int, key: bytes, random: Random = secrets.token_bytes) -> Dialogue[Session]:
    """0xAA: AES with EV1 secure messaging, supported by every DESFire since EV1."""
    rnd_a = random(16)
    rnd_b = yield from _prove(0xAA, AES(key), key_no, rnd_a)
    return Ev1Session(key_no, AES(rnd_a[:4] + rnd_b[:4] + rnd_a[12:] + rnd_b[12:]))


def authenticate_ev2(key_no: int, key: bytes, random: Random = secrets.token_bytes) -> Dialogue[Session]:
    """0x71 (EV2First): AES with EV2 secure messaging."""
    cipher, rnd_a = AES(key), random(16)
    secret = yield from _step(0x71, bytes([key_no, 0]), Status.MORE, 16)
    rnd_b = _decrypted(cipher, bytes(16), secret)
    token = _encrypted(cipher, bytes(16), rnd_a + _rotated(rnd_b))
    answer = _decrypted(cipher, bytes(16), (yield from _step(_MORE, token, Status.OK, 32)))
    if not hmac.compare_digest(answer[4:20], _rotated(rnd_a)):
        raise CardUntrusted("authentication proof")
    k_enc, k_mac = ev2_session_keys(key, rnd_a, rnd_b)
    return Ev2Session(key_no, k_enc, k_mac, answer[:4])


def ev2_session_keys(key: bytes, rnd_a: bytes, rnd_b: bytes) -> tuple[bytes, bytes]:
    """(SesAuthENCKey, SesAuthMACKey), AN12343 §9: CMACs of a vector of both randoms."""
    mixed = rnd_a[:2] + _xor(rnd_a[2:8], rnd_b[:6]) + rnd_b[6:] + rnd_a[8:]
    keys = []
    for label in (b"\xa5\x5a", b"\x5a\xa5"):
        mac = CMAC(AES(key))
        mac.update(label + b"\x00\x01\x00\x80" + mixed)
        keys.append(mac.finalize())
    return keys[0], keys[1]


def authenticate(key_no: int, key: bytes, random: Random = secrets.token_bytes) -> Dialogue[Session]:
    """By 0x71, or by 0xAA on a card without it."""
    try:
        return (yield from authenticate_ev2(key_no, key, random))
    except CardRefused as refused:
        if refused.status not in {Status.ILLEGAL_COMMAND, Status.LENGTH, Status.PARAMETER}:
            raise
    return (yield from authenticate_aes(key_no, key, random))

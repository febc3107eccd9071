"""MIFARE DESFire EV1 to EV3 and NTAG 424 DNA: the subset for a card's proof and reading its file.

AES authentication, EV2First (0x71) or EV1's (0xAA), and reading under the session's keys; every relevant answer is
verified under them. Commands are ISO-wrapped, which all these cards take. Sources: NXP AN12343 and AN12196 for EV2First
and its messages, libfreefare for EV1's; docs/badges.md.
"""

from binascii import crc32
from os import urandom

from cryptolib import aes
from micropython import const

from app.badge.cmac import cmac
from app.badge.iso14443 import GARBLED

REFUSED = const(-5)  # the card refused; `status` has the reason
WRONG = const(-6)  # an answer with a wrong key, MAC or CRC

ILLEGAL_COMMAND = const(0x1C)
FILE_NOT_FOUND = const(0xF0)
NO_STATUS = const(-1)  # the answer of another kind of card

_OK = const(0x00)
_MORE = const(0xAF)
_SW1 = const(0x91)
_CLA = const(0x90)
_SELECT_APPLICATION = const(0x5A)
_AUTHENTICATE_AES = const(0xAA)
_AUTHENTICATE_EV2_FIRST = const(0x71)
_GET_CARD_UID = const(0x51)
_READ_HEADER = const(7)  # file number, offset and length, low bytes first
_UID = const(7)

_DATA = const(5)  # where a command's data begins
_BLOCK = const(16)
_MAC = const(8)
_ECB = const(1)
_CBC = const(2)
_ZERO = bytes(_BLOCK)

_NO_SESSION = const(0)
_EV1 = const(1)
_EV2 = const(2)


class Desfire:
    """One card at a time above ISO-DEP (app.badge.iso_dep). Methods give 0 or a length, or a negative result: the
    chip's, REFUSED or WRONG. status: the last status byte, NO_STATUS if the card has another kind.
    """

    def __init__(self, iso_dep):
        self._iso_dep = iso_dep
        self.status = NO_STATUS
        self._command = bytearray(64)
        self._answer = bytearray(64)
        self._encryption = bytearray(_BLOCK)  # the session's keys; one and the same in EV1
        self._mac = bytearray(_BLOCK)
        self._iv = bytearray(_BLOCK)
        self._transaction = bytearray(7)  # EV2: code ‖ command counter ‖ transaction identifier, the head of each MAC
        self._counter = 0
        self._session = _NO_SESSION

    def select_application(self, aid):
        """Select a DESFire application by its AID: 3 bytes as sent, low byte first (0x5A)."""
        self._session = _NO_SESSION
        self._command[_DATA : _DATA + 3] = aid
        received = self._send(_SELECT_APPLICATION, 3)
        return min(received, 0)

    def select_name(self, name):
        """Select by DF name (ISO/IEC 7816-4 SELECT, no answer but the status), as NTAG 424 DNA requires."""
        self._session = _NO_SESSION
        command = self._command
        command[:5] = bytes((0x00, 0xA4, 0x04, 0x0C, len(name)))
        command[_DATA : _DATA + len(name)] = name
        command[_DATA + len(name)] = 0
        received = self._iso_dep.transceive(command, _DATA + len(name) + 1, self._answer)
        if received < 0:
            return received
        return 0 if received == 2 and self._answer[0] == 0x90 and self._answer[1] == 0 else REFUSED

    def authenticate_ev2(self, key_no, key):
        """AuthenticateEV2First (0x71): both sides prove the key of 16 bytes, and derive session keys."""
        command, answer = self._command, self._answer
        command[_DATA] = key_no
        command[_DATA + 1] = 0  # no capabilities
        theirs = bytearray(_BLOCK)
        result = self._challenge(_AUTHENTICATE_EV2_FIRST, 2, key, theirs)
        if result < 0:
            return result
        ours = bytearray(urandom(_BLOCK))
        result = self._respond(key, _ZERO, ours, theirs, 2 * _BLOCK)
        if result == 0:
            plain = bytearray(2 * _BLOCK)
            aes(key, _CBC, _ZERO).decrypt(memoryview(answer)[: 2 * _BLOCK], plain)
            if _is_turned(plain, 4, ours):
                self._transaction[3:7] = plain[:4]
                self._counter = 0
                _derive(key, 0xA5, 0x5A, ours, theirs, self._encryption)
                _derive(key, 0x5A, 0xA5, ours, theirs, self._mac)
                self._session = _EV2
            else:
                result = WRONG
            plain[:] = bytes(2 * _BLOCK)
        ours[:] = theirs[:] = _ZERO
        return result

    def authenticate(self, key_no, key):
        """AuthenticateAES of EV1 (0xAA), the same."""
        command, answer = self._command, self._answer
        command[_DATA] = key_no
        theirs = bytearray(_BLOCK)
        result = self._challenge(_AUTHENTICATE_AES, 1, key, theirs)
        if result < 0:
            return result
        ours = bytearray(urandom(_BLOCK))
        result = self._respond(key, bytes(answer[:_BLOCK]), ours, theirs, _BLOCK)
        if result == 0:
            plain = bytearray(_BLOCK)
            last = bytes(command[_DATA + _BLOCK : _DATA + 2 * _BLOCK])
            aes(key, _CBC, last).decrypt(memoryview(answer)[:_BLOCK], plain)
            if _is_turned(plain, 0, ours):
                for i in range(4):
                    self._encryption[i] = ours[i]
                    self._encryption[4 + i] = theirs[i]
                    self._encryption[8 + i] = ours[12 + i]
                    self._encryption[12 + i] = theirs[12 + i]
                self._iv[:] = _ZERO
                self._session = _EV1
            else:
                result = WRONG
            plain[:] = _ZERO
        ours[:] = theirs[:] = _ZERO
        return result

    def read(self, code, file_no, count, into):
        """Read the first `count` bytes, at most 47, of a file with encrypted communication. code: the card's ReadData,
        0xBD of DESFire or 0xAD of NTAG 424 DNA.
        """
        self._command[_DATA : _DATA + _READ_HEADER] = bytes((file_no, 0, 0, 0, count, 0, 0))
        return self._ask(code, _READ_HEADER, count, into)

    def read_free(self, code, file_no, count, into):
        """The same, without a session, of a file that needs no key."""
        self._command[_DATA : _DATA + _READ_HEADER] = bytes((file_no, 0, 0, 0, count, 0, 0))
        received = self._send(code, _READ_HEADER)
        if received < 0:
            return received
        if received != count or self.status != _OK:
            return GARBLED
        return self._hand_over(count, into)

    def get_card_uid(self, into):
        """The true UID, 7 bytes, of a card that hides it (0x51), in a session with any key."""
        return self._ask(_GET_CARD_UID, 0, _UID, into)

    def forget(self):
        """Zero the session's keys and every buffer."""
        self._session = _NO_SESSION
        for buffer in (self._command, self._answer, self._encryption, self._mac, self._iv, self._transaction):
            buffer[:] = bytes(len(buffer))

    def _send(self, code, length):
        """Send a command whose data, `length` bytes, is in `_command`: the length of the answer's data, or a
        negative result.
        """
        command = self._command
        command[0] = _CLA
        command[1] = code
        command[2] = command[3] = 0
        command[4] = length
        command[_DATA + length] = 0  # Le; without data it is in Lc's place
        received = self._iso_dep.transceive(command, _DATA + length + (1 if length else 0), self._answer)
        if received < 0:
            return received
        if received < 2:
            return GARBLED
        received -= 2
        self.status = self._answer[received + 1] if self._answer[received] == _SW1 else NO_STATUS
        return received if self.status in (_OK, _MORE) else REFUSED

    def _challenge(self, code, length, key, theirs):
        """The first half of an authentication: RndB into `theirs`."""
        self._session = _NO_SESSION
        received = self._send(code, length)
        if received < 0:
            return received
        if received != _BLOCK or self.status != _MORE:
            return GARBLED
        aes(key, _CBC, _ZERO).decrypt(memoryview(self._answer)[:_BLOCK], theirs)
        return 0

    def _respond(self, key, iv, ours, theirs, length):
        """The second half: RndA and RndB turned by a byte, for an answer of `length` bytes."""
        data = memoryview(self._command)[_DATA : _DATA + 2 * _BLOCK]
        for i in range(_BLOCK):
            data[i] = ours[i]
            data[_BLOCK + i] = theirs[(i + 1) % _BLOCK]
        aes(key, _CBC, iv).encrypt(data, data)
        received = self._send(_MORE, 2 * _BLOCK)
        if received < 0:
            return received
        return 0 if received == length and self.status == _OK else GARBLED

    def _ask(self, code, length, count, into):
        """A command whose answer is `count` encrypted bytes: `count`, or negative."""
        if self._session == _EV2:
            return self._ask_ev2(code, length, count, into)
        if self._session == _EV1:
            return self._ask_ev1(code, length, count, into)
        return REFUSED

    def _ask_ev2(self, code, length, count, into):
        command, answer = self._command, self._answer
        self._sign(code, memoryview(command)[_DATA : _DATA + length])
        for i in range(_MAC):
            command[_DATA + length + i] = self._iv[2 * i + 1]
        self._counter += 1
        received = self._send(code, length + _MAC)
        if received < 0:
            return received
        size = count // _BLOCK * _BLOCK + _BLOCK
        if received != size + _MAC or self.status != _OK:
            return GARBLED
        data = memoryview(answer)[:size]
        self._sign(_OK, data)
        different = 0
        for i in range(_MAC):
            different |= answer[size + i] ^ self._iv[2 * i + 1]
        if different:
            return WRONG
        transaction = self._transaction
        iv = aes(self._encryption, _ECB).encrypt(b"\x5a\xa5" + transaction[3:7] + transaction[1:3] + bytes(8))
        aes(self._encryption, _CBC, iv).decrypt(data, data)
        return self._hand_over(count, into)

    def _sign(self, code, data):
        """Leave the CMAC over code, counter, transaction and data in `_iv`; its odd bytes are the MAC."""
        transaction = self._transaction
        transaction[0] = code
        transaction[1] = self._counter & 0xFF
        transaction[2] = self._counter >> 8
        cmac(self._mac, bytes(transaction) + bytes(data), self._iv)

    def _ask_ev1(self, code, length, count, into):
        command, answer = self._command, self._answer
        cmac(self._encryption, bytes((code,)) + bytes(memoryview(command)[_DATA : _DATA + length]), self._iv, self._iv)
        received = self._send(code, length)
        if received < 0:
            return received
        size = (count + 4 + _BLOCK - 1) // _BLOCK * _BLOCK
        if received != size or self.status != _OK:
            return GARBLED
        data = memoryview(answer)[:size]
        iv = bytes(self._iv)
        self._iv[:] = data[size - _BLOCK :]
        aes(self._encryption, _CBC, iv).decrypt(data, data)
        # CRC-32 without its last inversion, over the data and the status (libfreefare mifare_desfire_crypto.c)
        answer_crc = int.from_bytes(bytes(data[count : count + 4]), "little")
        if crc32(b"\x00", crc32(data[:count])) ^ 0xFFFFFFFF != answer_crc:
            return WRONG
        return self._hand_over(count, into)

    def _hand_over(self, count, into):
        for i in range(count):
            into[i] = self._answer[i]
            self._answer[i] = 0
        return count


def _is_turned(plain, start, ours):
    """Whether the card gave RndA back, turned by a byte."""
    different = 0
    for i in range(_BLOCK):
        different |= plain[start + i] ^ ours[(i + 1) % _BLOCK]
    return not different


def _derive(key, first, second, ours, theirs, into):
    """A session key of EV2First: the CMAC of a vector of both random numbers."""
    vector = bytearray(2 * _BLOCK)
    vector[:6] = bytes((first, second, 0x00, 0x01, 0x00, 0x80))
    vector[6:8] = ours[:2]
    vector[8:24] = theirs
    vector[24:32] = ours[8:]
    for i in range(6):
        vector[8 + i] ^= ours[2 + i]
    cmac(key, vector, into)
    vector[:] = bytes(2 * _BLOCK)

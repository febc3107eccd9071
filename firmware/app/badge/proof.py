"""Lets a badge prove itself (docs/badges.md): from a selected badge to the badge number it proved.

Loaded only at sites that accept such badges. Bounded by app.badge.iso_dep's time for a badge; never raises. Data from
the badge, and its keys, are zeroed before `prove` returns.
"""

import time

from micropython import const

from app.badge.cmac import cmac, diversify
from app.badge.desfire import FILE_NOT_FOUND, ILLEGAL_COMMAND, NO_STATUS, REFUSED, WRONG, Desfire
from app.badge.iso14443 import SAK_ISO_DEP
from app.badge.iso_dep import IsoDep

# Results of `prove`.
BY_UID = const(0)  # not a badge that proves itself; the site accepts its UID
PROVED = const(1)
UNPROVED = const(2)  # refused
AGAIN = const(3)  # the badge stopped answering; the reader searches for it again

NUMBER_BYTES = const(8)

_AID = b"\x43\x14\xbc"
_NTAG_NAME = b"\xd2\x76\x00\x00\x85\x01\x01"
_READ_KEY = const(1)
_IDENTITY_KEY = const(2)
_CHECK_KEY = const(0xC0)
# The diversification input of keys (docs/badges.md §4), after a byte used by app.badge.cmac. The issue is of form 2.
_OF_CARD = b"\0" + bytes(7) + _AID + b"\0Badgeclock" + bytes(8)
_FORM_1 = const(22)
_FORM_2 = const(30)
_KEY_NO_AT = const(11)
_OF_SITE = b"\0" + _AID + b"\x02Badgeclock"
_DESFIRE_FILE = const(1)
_NTAG_FILE = const(3)
_ISSUE_FILE = const(2)
_READ_DATA = const(0xBD)
_READ_DATA_NTAG = const(0xAD)
_VERSION = const(1)
_CHECKED = const(9)  # bytes of the file under its check: version and badge number
_FILE_BYTES = const(17)
_UID = const(7)
_ISSUE = const(8)
_RANDOM_UID = const(0x08)

_TRIES = const(3)
_TRIES_MS = const(3000)  # failures further apart are not of the same badge


class Prover:
    """reader: app.badge.iso14443.Reader. key: the site's badge key, 16 bytes. badges: "both" or "proved". ev1: "allow"
    if badges may prove themselves by EV1's authentication.
    """

    def __init__(self, reader, key, badges, ev1):
        self._reader = reader
        self._key = key
        self._otherwise = UNPROVED if badges == "proved" else BY_UID
        self._allows_ev1 = ev1 == "allow"
        self._iso_dep = IsoDep(reader.chip)
        self._card = Desfire(self._iso_dep)
        self._card_key = bytearray(16)
        self._of_card = bytearray(_OF_CARD)
        self._of_site = bytearray(_OF_SITE)
        self._form = _FORM_1
        self._true_uid = memoryview(self._of_card)[1:8]
        self._issue = memoryview(self._of_card)[_FORM_1:]
        self._file = bytearray(_FILE_BYTES)
        self._failures = 0
        self._failed_at = time.ticks_ms()

    def prove(self, uid, length):
        """Verify the badge whose UID, of `length` bytes, the reader has just put into `uid`: BY_UID, PROVED, UNPROVED
        or AGAIN. PROVED replaces the UID by the badge number, NUMBER_BYTES.
        """
        if not self._reader.sak & SAK_ISO_DEP:
            return self._otherwise
        verdict = self._ask(uid, length)
        self._iso_dep.deselect()
        self._card.forget()
        self._card_key[:] = bytes(16)
        self._true_uid[:] = bytes(_UID)
        self._issue[:] = bytes(_ISSUE)
        self._file[:] = bytes(_FILE_BYTES)
        if verdict != AGAIN:
            self._failures = 0
            return verdict
        now = time.ticks_ms()
        if time.ticks_diff(now, self._failed_at) > _TRIES_MS:
            self._failures = 0
        self._failed_at = now
        self._failures += 1
        if self._failures == _TRIES:
            self._failures = 0
            return UNPROVED
        self._reader.again()
        return AGAIN

    def _ask(self, uid, length):
        card = self._card
        if self._iso_dep.activate() < 0:
            return AGAIN
        file_no, read_data = _DESFIRE_FILE, _READ_DATA
        result = card.select_application(_AID)
        if result == REFUSED and card.status in (ILLEGAL_COMMAND, NO_STATUS):
            file_no, read_data = _NTAG_FILE, _READ_DATA_NTAG
            result = card.select_name(_NTAG_NAME)
        if result == REFUSED:
            return self._otherwise
        if result == 0:
            result = self._learn_uid(uid, length)
        if result == 0:
            result = self._learn_issue(file_no, length)
        if result == 0:
            self._derive(_READ_KEY)
            result = self._authenticate(_READ_KEY)
        if result == 0:
            result = card.read(read_data, file_no, _FILE_BYTES, self._file)
        if result < 0:
            return UNPROVED if result in (REFUSED, WRONG) else AGAIN
        if not self._is_whole():
            return UNPROVED
        for i in range(NUMBER_BYTES):  # a slice would leave a copy in the heap
            uid[i] = self._file[1 + i]
        return PROVED

    def _learn_uid(self, uid, length):
        """Read the true UID of a card with a random one, under the identity key: 0, or negative."""
        if length == _UID:
            for i in range(_UID):
                self._true_uid[i] = uid[i]
            return 0
        if length != 4 or uid[0] != _RANDOM_UID:
            return REFUSED
        diversify(self._key, self._of_site, self._card_key)
        result = self._authenticate(_IDENTITY_KEY)
        if result < 0:
            return result
        return min(self._card.get_card_uid(self._true_uid), 0)

    def _learn_issue(self, file_no, length):
        """Read the random bytes of the card's issue; for a card with a random UID in the same session as its UID: 0, or
        negative. A card without them is of form 1, as is every NTAG.
        """
        self._form = _FORM_1
        if file_no == _NTAG_FILE:
            return 0
        card = self._card
        ask = card.read_free if length == _UID else card.read
        result = ask(_READ_DATA, _ISSUE_FILE, _ISSUE, self._issue)
        if result == REFUSED and card.status == FILE_NOT_FOUND:
            return 0
        if result > 0:
            self._form = _FORM_2
        return min(result, 0)

    def _authenticate(self, key_no):
        """Authenticate with `_card_key`, by EV2First, or by EV1's if the card supports no other and the site allows it:
        0, or negative.
        """
        card = self._card
        result = card.authenticate_ev2(key_no, self._card_key)
        if result == REFUSED and card.status == ILLEGAL_COMMAND and self._allows_ev1:
            result = card.authenticate(key_no, self._card_key)
        return result

    def _derive(self, key_no):
        """Derive the key of the card with the true UID into `_card_key`."""
        self._of_card[_KEY_NO_AT] = key_no
        diversify(self._key, memoryview(self._of_card)[: self._form], self._card_key)

    def _is_whole(self):
        """Whether the file is one that was issued to this card."""
        self._derive(_CHECK_KEY)
        file = self._file
        check = bytearray(16)
        cmac(self._card_key, memoryview(file)[:_CHECKED], check)
        different = file[0] ^ _VERSION
        for i in range(_CHECKED, _FILE_BYTES):
            different |= file[i] ^ check[i - _CHECKED]
        return not different

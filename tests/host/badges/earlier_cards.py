"""Cards as the desk of version 0.1.0 issued them: their keys come from the UID alone (docs/badges.md §4, form 1)."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from badgeclock.badges.keys import Purpose, Root
from badgeclock.virtual.desfire import PICC, Application, Desfire, File
from badgeclock.virtual.desfire_channels import Key

AID = bytes.fromhex("4314bc")
SYSTEM = b"Badgeclock"


def issue(root: Root, number: bytes, card: Desfire) -> Desfire:
    """The card with the application of docs/badges.md §3 in form 1, and the card's own key of the site."""
    uid = card.real_uid

    def key(purpose: Purpose, place: bytes, aid: bytes, key_no: int) -> bytes:
        return root.card_key(purpose, place + aid + bytes((key_no,)) + SYSTEM)

    check = CMAC(AES(key(Purpose.READ, uid, AID, 0xC0)))
    check.update(b"\x01" + number)
    content = b"\x01" + number + check.finalize()[:8]
    keys = [
        key(Purpose.APPLICATION, uid, AID, 0),
        key(Purpose.READ, uid, AID, 1),
        key(Purpose.READ, b"", AID, 2),
    ]
    card.applications[PICC].keys[0] = Key(key(Purpose.PICC, uid, PICC, 0), block=16, version=1)
    card.applications[AID] = Application(
        0x09,
        [Key(value, block=16, version=1) for value in keys],
        {1: File(3, 0x1000, bytearray(content.ljust(32, b"\0")))},
    )
    return card

"""One card at the badge desk: what it is, making it a badge, making it blank again (docs/badges.md §3 and §6).

Dialogues as in desfire.py. The card may be pulled away between any two frames, and in the middle of one: every command
of a DESFire happens whole or not at all, and the order of them leaves a card that is one of three things:

    blank       the factory's key on the card, no application
    unfinished  the factory's key on the card, and our application in some state: writing and wiping begin anew
    issued      our key on the card, and a whole badge on it

The card's own key is changed last when a badge is written, and first when it is wiped. So our key on a card means that
all of the badge is there, and a card with the factory's key can always be begun anew, even one that hides its UID.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from badgeclock.badges import desfire
from badgeclock.badges.desfire import AES_KEY_TYPE, FACTORY_KEY, UID_BYTES, Dialogue, Session
from badgeclock.badges.errors import CardForeign, CardFull, CardRefused, CardUntrusted, NotDesfire
from badgeclock.badges.keys import AID, PICC_LEVEL, CardKeys, Root
from badgeclock.badges.status import Status

NUMBER_BYTES: Final = 8
_FILE: Final = 1
_FILE_BYTES: Final = 32
_ACCESS: Final = bytes.fromhex("0010")
_FILE_VERSION: Final = b"\x01"
_CONTENT_BYTES: Final = 17
_KEY_SETTINGS: Final = bytes([0x09, AES_KEY_TYPE | 3])
_KEY_VERSION: Final = b"\x01"
_CREATE_APPLICATION: Final = 0xCA
_DELETE_APPLICATION: Final = 0xDA
_APPLICATIONS: Final = 0x6A
_FORMAT: Final = 0xFC
_CREATE_FILE: Final = 0xCD
_WRITE: Final = 0x3D
_READ: Final = 0xBD
_CARD_UID: Final = 0x51
_OTHER_KEY: Final = {
    Status.AUTHENTICATION,
    Status.NO_SUCH_KEY,
    Status.PERMISSION_DENIED,
    Status.PARAMETER,
    Status.ILLEGAL_COMMAND,
}
"""What cards answer to an authentication under a key of another value or type."""


class CardState(Enum):
    """What a card is to this site."""

    BLANK = "blank"
    UNFINISHED = "unfinished"
    ISSUED = "issued"


class Step(Enum):
    """Where writing a badge has come to, for whoever waits."""

    PREPARING = "the application is made"
    KEYS = "the keys are changed"
    WRITING = "the number is written"
    VERIFYING = "the number is read back"
    LOCKING = "the card's own key is changed"


@dataclass(frozen=True, slots=True)
class Card:
    """A card that was examined. Neither UID nor badge number is in its `repr`."""

    state: CardState
    uid: bytes = field(repr=False)
    number: bytes | None = field(repr=False)
    """The badge number of an issued card, 8 bytes; None if it is damaged."""
    has_others: bool
    """There are applications besides ours; they stay."""


def content(keys: CardKeys, number: bytes) -> bytes:
    """The file's first 17 bytes for a badge number of 8."""
    mac = CMAC(AES(keys.check))
    mac.update(_FILE_VERSION + number)
    return _FILE_VERSION + number + mac.finalize()[:8]


def examine(root: Root) -> Dialogue[Card]:
    """What the card is to this site; raises NotDesfire, CardForeign, CardUntrusted, CardRefused."""
    try:
        yield from desfire.select(PICC_LEVEL)
        version = yield from desfire.get_version()
    except (CardRefused, CardUntrusted):
        raise NotDesfire from None
    uid = version[14 : 14 + UID_BYTES]
    session = yield from _attempt(desfire.authenticate_des(0, FACTORY_KEY))
    if session is not None:
        if not any(uid):
            uid = yield from session.enciphered_answer(_CARD_UID, b"", UID_BYTES)
        return (yield from _examine_open(root, uid, (yield from _applications(session))))
    if not any(uid):
        uid = yield from _hidden_uid(root)
    keys = root.card(uid)
    yield from desfire.select(PICC_LEVEL)
    session = yield from _attempt(desfire.authenticate_aes(0, keys.picc))
    if session is None:
        raise CardForeign("the card has a key that is neither the factory's nor this site's")
    others = set((yield from _applications(session))) - {AID}
    number: bytes | None
    try:
        number = yield from _number(keys)
    except (CardRefused, CardUntrusted):
        number = None
    return Card(CardState.ISSUED, uid, number, bool(others))


def _examine_open(root: Root, uid: bytes, applications: list[bytes]) -> Dialogue[Card]:
    """A card that still has the factory's key."""
    others = bool(set(applications) - {AID})
    if AID in applications:
        yield from desfire.select(AID)
        for key in (root.card(uid).application, FACTORY_KEY):
            if (yield from _attempt(desfire.authenticate(0, key))) is not None:
                return Card(CardState.UNFINISHED, uid, None, others)
        raise CardForeign("the card is a badge of another site, or another installation")
    if others:
        raise CardForeign("the card is not blank: it holds other applications")
    return Card(CardState.BLANK, uid, None, has_others=False)


def _hidden_uid(root: Root) -> Dialogue[bytes]:
    """The true UID of a card that shows another one each time: told to whoever has the site's identity key."""
    try:
        yield from desfire.select(AID)
        session = yield from desfire.authenticate(2, root.identity)
    except CardRefused:
        raise CardForeign("the card hides its UID, and is no badge of this site") from None
    return (yield from session.enciphered_answer(_CARD_UID, b"", UID_BYTES))


def _attempt(authentication: Dialogue[Session]) -> Dialogue[Session | None]:
    """The session, or None if the card has another key."""
    try:
        return (yield from authentication)
    except CardRefused as refused:
        if refused.status not in _OTHER_KEY:
            raise
    return None


def _applications(session: Session) -> Dialogue[list[bytes]]:
    listed = yield from session.command(_APPLICATIONS)
    if len(listed) % len(AID):
        raise CardUntrusted("application list")
    return [listed[at : at + len(AID)] for at in range(0, len(listed), len(AID))]


def _number(keys: CardKeys) -> Dialogue[bytes]:
    """The badge number on a card, read as a clock does; raises CardUntrusted if the card does not bear it out."""
    yield from desfire.select(AID)
    session = yield from desfire.authenticate(1, keys.reading)
    read = yield from session.enciphered_answer(_READ, _place(_CONTENT_BYTES), _CONTENT_BYTES)
    number = read[1 : 1 + NUMBER_BYTES]
    if not hmac.compare_digest(read, content(keys, number)):
        raise CardUntrusted("badge number")
    return number


def _place(length: int) -> bytes:
    """File, offset and length of a command on the file's beginning."""
    return bytes([_FILE]) + bytes(3) + length.to_bytes(3, "little")


def write(root: Root, card: Card, number: bytes, say: Callable[[Step], None] = lambda _: None) -> Dialogue[None]:
    """Make a blank or unfinished card the badge with this number of 8 bytes, and read it back as a clock will.

    Raises CardFull, CardUntrusted, CardRefused; the card is then unfinished, or issued if only the last answer was
    lost.
    """
    if card.state is CardState.ISSUED:
        raise ValueError("an issued card is wiped before it is written")
    keys = root.card(card.uid)
    say(Step.PREPARING)
    yield from desfire.select(PICC_LEVEL)
    session = yield from desfire.authenticate_des(0, FACTORY_KEY)
    if card.state is CardState.UNFINISHED:
        yield from _clear(session, card)
    try:
        yield from session.command(_CREATE_APPLICATION, AID + _KEY_SETTINGS)
    except CardRefused as refused:
        if refused.status in {Status.OUT_OF_MEMORY, Status.COUNT}:
            raise CardFull from None
        raise
    say(Step.KEYS)
    yield from desfire.select(AID)
    session = yield from desfire.authenticate(0, FACTORY_KEY)
    yield from session.change_key(1, keys.reading, _KEY_VERSION, FACTORY_KEY)
    yield from session.change_key(2, root.identity, _KEY_VERSION, FACTORY_KEY)
    yield from session.change_key(0, keys.application, _KEY_VERSION)
    say(Step.WRITING)
    session = yield from desfire.authenticate(0, keys.application)
    file = bytes([_FILE, 0x03]) + _ACCESS + _FILE_BYTES.to_bytes(3, "little")
    try:
        yield from session.command(_CREATE_FILE, file)
    except CardRefused as refused:
        if refused.status == Status.OUT_OF_MEMORY:
            raise CardFull from None
        raise
    # The rest of a new file is zero. All 32 bytes, enciphered and with a MAC, would not fit one frame of the card.
    yield from session.enciphered_command(_WRITE, _place(_CONTENT_BYTES), content(keys, number))
    say(Step.VERIFYING)
    if (yield from _number(keys)) != number:
        raise CardUntrusted("badge number")
    say(Step.LOCKING)
    yield from desfire.select(PICC_LEVEL)
    session = yield from desfire.authenticate_des(0, FACTORY_KEY)
    yield from session.change_key(AES_KEY_TYPE, keys.picc, _KEY_VERSION)
    yield from desfire.authenticate_aes(0, keys.picc)


def wipe(root: Root, card: Card) -> Dialogue[None]:
    """Take our application off the card and give it the factory's key back; other applications stay."""
    yield from desfire.select(PICC_LEVEL)
    if card.state is CardState.ISSUED:
        session = yield from desfire.authenticate_aes(0, root.card(card.uid).picc)
        yield from session.change_key(0, FACTORY_KEY, b"")
        yield from desfire.select(PICC_LEVEL)
    session = yield from desfire.authenticate_des(0, FACTORY_KEY)
    if card.state is not CardState.BLANK:
        yield from _clear(session, card)


def _clear(session: Session, card: Card) -> Dialogue[None]:
    """Take our application away. If it is the only one the card is formatted: only that gives its memory back."""
    if card.has_others:
        yield from session.command(_DELETE_APPLICATION, AID)
    else:
        yield from session.command(_FORMAT)

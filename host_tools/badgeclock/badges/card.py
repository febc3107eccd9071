"""One card at the badge desk: identify it, make it a badge, make it blank again (docs/badges.md §3 and §6).

Dialogues as in desfire.py. The card may be removed between any two frames, and in the middle of one: every command of a
DESFire is atomic, and their order leaves a card in one of three states:

    blank       the factory's key on the card, no application
    unfinished  the factory's key on the card, and our application in some state: writing and wiping start over
    issued      our key on the card, and a whole badge on it

The card's own key is changed last when a badge is written, and first when it is wiped. So our key on a card means that
all of the badge is there, and a card with the factory's key can always be started over, even one that hides its UID.

A card states its own UID, and receives its keys under a publicly known key. So for each issue its keys are derived with
random bytes, which are on the card in the clear: one card's keys open no other.
"""

from __future__ import annotations

import contextlib
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
from badgeclock.badges.keys import AID, BY_UID_ALONE, ISSUE_BYTES, PICC_LEVEL, CardKeys, Root
from badgeclock.badges.status import Status

NUMBER_BYTES: Final = 8
_FILE: Final = 1
_FILE_BYTES: Final = 32
_ACCESS: Final = bytes.fromhex("0010")
_ISSUE_FILE: Final = 2
_ISSUE_FREE: Final = bytes.fromhex("00e0")
"""Access of the issue's file: readable without a key. A card that hides its UID could be recognised by it."""
_ISSUE_UNDER_IDENTITY: Final = bytes.fromhex("0020")
_ENCIPHERED: Final = 0x03
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
_CARD_UID: Final = 0x51
_OTHER_KEY: Final = {
    Status.AUTHENTICATION,
    Status.NO_SUCH_KEY,
    Status.PERMISSION_DENIED,
    Status.PARAMETER,
    Status.ILLEGAL_COMMAND,
}
"""Answers of cards to an authentication under a key of another value or type."""


class CardState(Enum):
    """A card's state for this site."""

    BLANK = "blank"
    UNFINISHED = "unfinished"
    ISSUED = "issued"


class Step(Enum):
    """Progress of writing a badge, for the caller."""

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
    """There are other applications; they are kept."""
    hides_uid: bool
    """It shows a random UID each time."""
    issue: bytes = field(repr=False)
    """The 8 random bytes of its issue; BY_UID_ALONE for a blank card and for one of an earlier version."""


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
    hides_uid = not any(uid)
    session = yield from _attempt(desfire.authenticate_des(0, FACTORY_KEY))
    if session is not None:
        if hides_uid:
            uid = yield from session.enciphered_answer(_CARD_UID, b"", UID_BYTES)
        return (yield from _examine_open(root, uid, (yield from _applications(session)), hides_uid=hides_uid))
    if hides_uid:
        uid, issue = yield from _hidden(root)
    else:
        issue = yield from _shown_issue()
    keys = root.card(uid, issue)
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
    return Card(CardState.ISSUED, uid, number, bool(others), hides_uid, issue)


def _examine_open(root: Root, uid: bytes, applications: list[bytes], *, hides_uid: bool) -> Dialogue[Card]:
    """A card with the factory's key."""
    others = bool(set(applications) - {AID})
    if AID in applications:
        issue = BY_UID_ALONE
        with contextlib.suppress(CardForeign):
            issue = (yield from _hidden(root))[1] if hides_uid else (yield from _shown_issue())
        yield from desfire.select(AID)
        ours = [root.card(uid, one).application for one in dict.fromkeys((issue, BY_UID_ALONE))]
        for key in (*ours, FACTORY_KEY):
            if (yield from _attempt(desfire.authenticate(0, key))) is not None:
                return Card(CardState.UNFINISHED, uid, None, others, hides_uid, issue)
        raise CardForeign("the card is a badge of another site, or another installation")
    if others:
        raise CardForeign("the card is not blank: it holds other applications")
    return Card(CardState.BLANK, uid, None, has_others=False, hides_uid=hides_uid, issue=BY_UID_ALONE)


def _shown_issue() -> Dialogue[bytes]:
    """The issue of a card that shows its UID; BY_UID_ALONE if it has none."""
    try:
        yield from desfire.select(AID)
        return (yield from desfire.read_free(_ISSUE_FILE, ISSUE_BYTES))
    except CardRefused:
        return BY_UID_ALONE


def _hidden(root: Root) -> Dialogue[tuple[bytes, bytes]]:
    """The true UID and the issue of a card that shows another UID each time: read with the site's identity key."""
    try:
        yield from desfire.select(AID)
        session = yield from desfire.authenticate(2, root.identity)
    except CardRefused:
        raise CardForeign("the card hides its UID, and is no badge of this site") from None
    uid = yield from session.enciphered_answer(_CARD_UID, b"", UID_BYTES)
    try:
        place = _place(_ISSUE_FILE, ISSUE_BYTES)
        return uid, (yield from session.enciphered_answer(desfire.READ_DATA, place, ISSUE_BYTES))
    except CardRefused:
        return uid, BY_UID_ALONE


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
    """The badge number on a card, read as a clock does; raises CardUntrusted if the card does not prove it."""
    yield from desfire.select(AID)
    session = yield from desfire.authenticate(1, keys.reading)
    place = _place(_FILE, _CONTENT_BYTES)
    read = yield from session.enciphered_answer(desfire.READ_DATA, place, _CONTENT_BYTES)
    number = read[1 : 1 + NUMBER_BYTES]
    if not hmac.compare_digest(read, content(keys, number)):
        raise CardUntrusted("badge number")
    return number


def _place(file_no: int, length: int) -> bytes:
    """File, offset and length of a command on a file's beginning."""
    return bytes([file_no]) + bytes(3) + length.to_bytes(3, "little")


def write(
    root: Root, card: Card, number: bytes, issue: bytes, say: Callable[[Step], None] = lambda _: None
) -> Dialogue[None]:
    """Make a blank or unfinished card the badge with this number of 8 bytes, and read it back as a clock will.

    `issue`: 8 new random bytes. Raises CardFull, CardUntrusted, CardRefused; the card is then unfinished, or issued if
    only the last answer was lost.
    """
    if card.state is CardState.ISSUED:
        raise ValueError("an issued card is wiped before it is written")
    if len(issue) != ISSUE_BYTES:
        raise ValueError("an issue has 8 bytes")
    keys = root.card(card.uid, issue)
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
    yield from _create_file(session, _ISSUE_FILE, _ISSUE_UNDER_IDENTITY if card.hides_uid else _ISSUE_FREE, ISSUE_BYTES)
    yield from session.enciphered_command(_WRITE, _place(_ISSUE_FILE, ISSUE_BYTES), issue)
    yield from session.change_key(1, keys.reading, _KEY_VERSION, FACTORY_KEY)
    identity = root.identity if card.hides_uid else keys.identity
    yield from session.change_key(2, identity, _KEY_VERSION, FACTORY_KEY)
    yield from session.change_key(0, keys.application, _KEY_VERSION)
    say(Step.WRITING)
    session = yield from desfire.authenticate(0, keys.application)
    yield from _create_file(session, _FILE, _ACCESS, _FILE_BYTES)
    # The rest of a new file is zero. All 32 bytes, encrypted and with a MAC, would not fit one frame of the card.
    yield from session.enciphered_command(_WRITE, _place(_FILE, _CONTENT_BYTES), content(keys, number))
    say(Step.VERIFYING)
    told = (yield from _hidden(root))[1] if card.hides_uid else (yield from _shown_issue())
    if told != issue:
        raise CardUntrusted("issue")
    if (yield from _number(keys)) != number:
        raise CardUntrusted("badge number")
    say(Step.LOCKING)
    yield from desfire.select(PICC_LEVEL)
    session = yield from desfire.authenticate_des(0, FACTORY_KEY)
    yield from session.change_key(AES_KEY_TYPE, keys.picc, _KEY_VERSION)
    yield from desfire.authenticate_aes(0, keys.picc)


def _create_file(session: Session, file_no: int, access: bytes, size: int) -> Dialogue[None]:
    """A standard data file whose data is sent encrypted under a key."""
    try:
        yield from session.command(_CREATE_FILE, bytes([file_no, _ENCIPHERED]) + access + size.to_bytes(3, "little"))
    except CardRefused as refused:
        if refused.status == Status.OUT_OF_MEMORY:
            raise CardFull from None
        raise


def wipe(root: Root, card: Card) -> Dialogue[None]:
    """Remove our application from the card and restore the factory's key; other applications are kept."""
    yield from desfire.select(PICC_LEVEL)
    if card.state is CardState.ISSUED:
        session = yield from desfire.authenticate_aes(0, root.card(card.uid, card.issue).picc)
        yield from session.change_key(0, FACTORY_KEY, b"")
        yield from desfire.select(PICC_LEVEL)
    session = yield from desfire.authenticate_des(0, FACTORY_KEY)
    if card.state is not CardState.BLANK:
        yield from _clear(session, card)


def _clear(session: Session, card: Card) -> Dialogue[None]:
    """Remove our application. If it is the only one the card is formatted: only that frees its memory."""
    if card.has_others:
        yield from session.command(_DELETE_APPLICATION, AID)
    else:
        yield from session.command(_FORMAT)

"""Badges that imitate another one, which a clock that checks more than the UID must detect.

`MagicCard` shows any UID; after that it answers with noise of the right form `ReplayCard` shows the UID of a recorded
badge, and plays back its answers
"""

from __future__ import annotations

from collections.abc import Sequence

from badgeclock.virtual.cards import Card, Frame
from badgeclock.virtual.desfire import MORE, OK
from badgeclock.virtual.desfire_channels import fresh
from badgeclock.virtual.iso_dep import IsoDepCard, Work

ANSWER_NS = 1_500_000


class MagicCard(IsoDepCard):
    """A card with a UID of the attacker's choice (proxmark3, doc/magic_cards_notes.md).

    With a UID of 7 bytes it looks like a DESFire, ATS included, and accepts everything: every challenge and proof is
    random. With 4 or 10 bytes it looks like a MIFARE Classic without commands.
    """

    kind = "magic"

    def __init__(self, uid: bytes) -> None:
        super().__init__(uid)
        self._looks_like_desfire = len(uid) == 7
        if not self._looks_like_desfire:
            self.sak, self.atqa_high = 0x08, 0x00

    def command(self, data: bytes) -> Frame | None:
        return super().command(data) if self._looks_like_desfire else None

    def work(self, command: bytes) -> Work | None:
        wrapped = command[:1] == b"\x90"
        code = command[1] if wrapped and len(command) > 1 else command[0] if command else 0
        body = command[5 : 5 + command[4]] if wrapped and len(command) > 5 else command[1:]
        status, data = self._pretend(code, body)
        return Work(data + bytes((0x91, status)) if wrapped else bytes((status,)) + data, ANSWER_NS)

    @staticmethod
    def _pretend(code: int, body: bytes) -> tuple[int, bytes]:
        if code in (0xAA, 0x71, 0x77):
            return MORE, fresh(16)
        if code in (0x0A, 0x1A):
            return MORE, fresh(8)
        if code == MORE:
            return OK, fresh(32 if len(body) == 32 else 16)
        if code == 0xBD:
            return OK, fresh(32)
        return OK, b""


class ReplayCard(IsoDepCard):
    """Plays back `dialogue`, the answers of the badge `original` one after another, to any command."""

    kind = "replay"

    def __init__(self, original: Card, dialogue: Sequence[bytes]) -> None:
        super().__init__(original.uid)
        self.sak, self.atqa_low, self.atqa_high = original.sak, original.atqa_low, original.atqa_high
        if isinstance(original, IsoDepCard):
            self.ats = original.ats
        self._dialogue = list(dialogue)
        self._at = 0

    def begin(self) -> None:
        self._at = 0

    def work(self, command: bytes) -> Work | None:  # noqa: ARG002 - any command
        if self._at >= len(self._dialogue):
            return None
        self._at += 1
        return Work(self._dialogue[self._at - 1], ANSWER_NS)

"""The badges of a virtual clock, by UID and kind: tapping a badge again uses the same card.

Their memories (keys, files, blocks) are stored in `cards.json` in the clock's folder, so that a badge which was issued
in one run is accepted in the next.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from badgeclock.virtual.cards import Card, MifareClassic, Ntag, RandomUid, Ultralight
from badgeclock.virtual.desfire import Desfire, DesfireEv2, DesfireEv3, Ntag424, SlowDesfire, WrongKeyDesfire
from badgeclock.virtual.impostors import MagicCard, ReplayCard
from badgeclock.virtual.iso_dep import IsoDepCard

KINDS: dict[str, type[Card]] = {
    card.kind: card
    for card in (
        Card,
        MifareClassic,
        Ultralight,
        Ntag,
        RandomUid,
        Desfire,
        DesfireEv2,
        DesfireEv3,
        SlowDesfire,
        WrongKeyDesfire,
        Ntag424,
        MagicCard,
    )
}
# Without a kind, the most common badge with a UID of this length.
USUAL = {4: MifareClassic.kind, 7: Ntag.kind, 10: Card.kind}


def kinds() -> list[str]:
    """The names of kinds of badges."""
    return [*KINDS, ReplayCard.kind]


class Wallet:
    """Every badge used so far. `store`: the file of their memories."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._cards: dict[str, Card] = {}
        self._kept: dict[str, Any] = json.loads(store.read_text()) if store.exists() else {}
        self._at_first: dict[str, Any] = {}

    def card_for(self, uid: bytes, kind: str | None = None) -> Card:
        """The badge with this UID. Without a kind it is the DESFire last used with it, else of the usual kind. A badge
        of the kind "replay" plays back the last answers of the one with this UID.

        Raises ValueError for a kind that is not among kinds(), a UID that the kind cannot have, and a badge to replay
        that was not recorded.
        """
        if kind == ReplayCard.kind:
            return self._replay(uid)
        name = kind or self._known_as(uid) or USUAL.get(len(uid), Card.kind)
        if name not in KINDS:
            raise ValueError(f"there is no card kind {name}; there are {', '.join(kinds())}")
        key = f"{name}:{uid.hex()}"
        card = self._cards.pop(key, None)
        if card is None:
            card = KINDS[name](uid)
            self._at_first[key] = card.memory()
            if key in self._kept:
                card.remember(self._kept[key])
        self._cards[key] = card  # as the last one used
        return card

    def keep(self, card: Card) -> None:
        """Write the badge's memory, if it has changed."""
        for key, known in self._cards.items():
            if known is card and (memory := card.memory()) != self._kept.get(key, self._at_first[key]):
                self._kept[key] = memory
                self._write()

    def _write(self) -> None:
        new = self._store.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(self._kept, file)
        new.replace(self._store)

    def _known_as(self, uid: bytes) -> str | None:
        names = [key.partition(":")[0] for key in (*self._kept, *self._cards) if key.endswith(f":{uid.hex()}")]
        return next((name for name in reversed(names) if issubclass(KINDS[name], Desfire)), None)

    def _replay(self, uid: bytes) -> Card:
        for key, card in reversed(self._cards.items()):
            if key.endswith(f":{uid.hex()}") and isinstance(card, IsoDepCard) and card.answers:
                return ReplayCard(card, card.answers)
        raise ValueError("nobody has listened to a badge with this UID")

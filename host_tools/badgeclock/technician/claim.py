"""Decides which chip may become the clock of an id: the chip that has it, or any if it is free. No id has two chips.

Two chips with one id would have one name at the broker, which ends the connection of one as soon as the other connects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from badgeclock.badges.keys import Root
from badgeclock.bundle import Bundle
from badgeclock.errors import ProvisionError
from badgeclock.technician.certificates import Identity
from badgeclock.technician.ledger import Act, Chip, Ledger
from badgeclock.technician.workshop import Workshop


class Holder(Enum):
    """How to handle an id that belongs to another chip."""

    KEEP = "keep"
    REPLACE = "replace"


@dataclass(frozen=True)
class Claim:
    """A chip that may become the clock of an id, its identity, and the chip that was this clock until now."""

    shop: Workshop
    clock_id: str
    chip: Chip
    identity: Identity
    replaced: Chip | None

    def take(
        self, bundle: Bundle, firmware: str, site_key: bytes, root: Root | None, say: Callable[[str], None]
    ) -> None:
        """Record the id as this chip's, and store what the clock gets. Can be repeated after an interruption."""
        book, shop = Ledger(self.shop.path), self.shop
        if self.replaced is not None:
            before = shop.bundle(self.clock_id)
            if shop.has_certificate(self.clock_id):
                shop.retire_clock(self.clock_id)
            chain = "" if before is None else before.genesis_nonce.hex()
            book.add(self.clock_id, Act.REPLACED, self.replaced, chain=chain, firmware="")
            say(
                f"{self.clock_id} was {self.replaced}: its certificate is revoked, once the broker has the list; "
                "what it has not sent stays in its flash; the keys that its records are verified by stay in "
                f"{shop.clock_folder(self.clock_id)}"
            )
        book.add(self.clock_id, Act.PROVISIONED, self.chip, chain=bundle.genesis_nonce.hex(), firmware=firmware)
        shop.keep(self.clock_id, self.identity, bundle.site, site_key, root)


def claim(shop: Workshop, clock_id: str, chip: Chip, *, has_its_chain: bool, holder: Holder) -> Claim:
    """The workshop's decision on a chip that is to become the clock of an id; nothing is written.

    A workshop from before the ledger does not have a clock's chip: then it is the one with the clock's chain. Raises
    ProvisionError if another chip is this clock and is not to be replaced, or if the certificate was revoked.
    """
    newest = Ledger(shop.path).newest(clock_id)
    if newest is not None:
        is_free = newest.act is not Act.PROVISIONED or newest.chip == chip.serial
        other, since = Chip(newest.chip), f", since {newest.date}, by {newest.who}"
    else:
        is_free = has_its_chain or shop.bundle(clock_id) is None or not shop.has_certificate(clock_id)
        other, since = Chip(""), ", which was provisioned before this workshop kept a ledger"
    if is_free:
        return Claim(shop, clock_id, chip, shop.clock_to_be(clock_id), None)
    if holder is Holder.REPLACE:
        return Claim(shop, clock_id, chip, shop.new_clock(clock_id), other)
    raise ProvisionError(
        what=f"{clock_id} is {other} already{since}; this is {chip}",
        kept="both clocks and the workshop as they are",
        do="give this one its own id. If the other one is at hand, `badgeclock clock retire` it first; if it is "
        "gone for good, add --replace: its certificate is revoked, and punches that it has not sent stay in it",
    )

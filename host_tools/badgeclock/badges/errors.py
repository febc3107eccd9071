"""Errors of a card on a reader."""

from __future__ import annotations

from badgeclock.badges.status import Status
from badgeclock.errors import BadgeclockError


class CardError(BadgeclockError):
    """A card that cannot be used as asked."""


class CardRefused(CardError):
    """The card answered a command with an error status."""

    def __init__(self, command: int, status: int) -> None:
        self.command = command
        self.status = status
        word = Status(status).name.lower().replace("_", " ") if status in list(Status) else "an unknown status"
        super().__init__(
            what=f"the card refused command {command:#04x}: {word} ({status:#04x})",
            kept="what stood on the card before that command",
            do="lay the card again; if it stays so, take another card",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (CardRefused, (self.command, self.status))


class CardUntrusted(CardError):
    """The card's answer is malformed, or does not prove what it must. `reason` is a stable word."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            what=f"the card's answer is not to be trusted: {reason}",
            kept="nothing of that answer was believed",
            do="lay the card again, flat and still; if it stays so, it is no genuine DESFire: take another card",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (CardUntrusted, (self.reason,))


class NotDesfire(CardError):
    """A badge with ISO 14443-4, but without DESFire commands."""

    def __init__(self) -> None:
        super().__init__(
            what="the badge is no MIFARE DESFire",
            kept="the badge as it is",
            do="take a DESFire EV1, EV2 or EV3; this badge can only be given to a worker by its UID",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (NotDesfire, ())


class CardForeign(CardError):
    """A card that belongs to somebody else."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(
            what=what,
            kept="the card as it is",
            do="take a blank card, or have this one made blank by whom it belongs to",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (CardForeign, (self.what,))


class CardFull(CardError):
    """No room for the application."""

    def __init__(self) -> None:
        super().__init__(
            what="the card has no room for the badge's application",
            kept="what was on the card; it is no badge",
            do="take another card, of 2 KB or more",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (CardFull, ())

"""The bridge's exceptions, all under badgeclock.errors.BadgeclockError; commands and interfaces show them to people."""

from __future__ import annotations

from badgeclock.errors import BadgeclockError, StoreError


class StoreConflict(StoreError):
    """A transaction conflicted with another process; repeated at once, it sees what that process wrote."""


class StoreInUse(StoreError):
    """Another bridge runs on the store."""

    def __init__(self, holder: str) -> None:
        self.holder = holder
        super().__init__(
            what=f"another bridge runs on this store: {holder}",
            kept="the store; nothing was started",
            do="stop that one first, or give this one its own store",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (StoreInUse, (self.holder,))


class DataKeyWrong(StoreError):
    """A value in the store cannot be decrypted with the data key."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(
            what=f"the value at {place} does not open under this data key",
            kept="the store as it is",
            do="use the data key file this store was made with, or restore both from one backup",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (DataKeyWrong, (self.place,))


class KeysInUse(StoreError):
    """A data key cannot be retired: values still need it."""


class AuditError(BadgeclockError):
    """A reason that cannot be recorded, or a record of acts that was changed after it was written."""


class PeopleError(BadgeclockError):
    """An employer, site, worker, badge or clock that is invalid, or does not exist."""

    def __init__(self, what: str, do: str) -> None:
        super().__init__(what=what, kept="the store as it was", do=do)

    def __reduce__(self) -> tuple[object, ...]:
        return (PeopleError, (self.what, self.do))


class SheetError(BadgeclockError):
    """A file that is not a table, or is too large."""

    def __init__(self, what: str, do: str) -> None:
        super().__init__(what=what, kept="nothing was imported", do=do)

    def __reduce__(self) -> tuple[object, ...]:
        return (SheetError, (self.what, self.do))


class PresenceError(BadgeclockError):
    """A decision about a presence or a punch that cannot be carried out."""

    def __init__(self, what: str, do: str) -> None:
        super().__init__(what=what, kept="everything as it was", do=do)

    def __reduce__(self) -> tuple[object, ...]:
        return (PresenceError, (self.what, self.do))


class DeskRefused(BadgeclockError):
    """The job cannot be done with this clock or this card."""

    def __init__(self, what: str, do: str) -> None:
        super().__init__(what=what, kept="the card as it is", do=do)

    def __reduce__(self) -> tuple[object, ...]:
        return (DeskRefused, (self.what, self.do))


class Unfit(DeskRefused):
    """A badge that cannot prove itself: it has only its UID."""

    def __init__(self, uid: bytes) -> None:
        self.uid = uid
        super().__init__(
            "the badge cannot prove itself: it knows no ISO 14443-4",
            "take a MIFARE DESFire EV1, EV2 or EV3; this badge can only be given to a worker by its UID",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (Unfit, (self.uid,))


class Interrupted(BadgeclockError):
    """The clock is offline, or the card was removed."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(
            what=f"interrupted: {why}",
            kept="what was written on the card; nothing was linked to the worker",
            do="ask for the same again and lay the card again: what was begun is finished",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.why,))


class BadgePulled(Interrupted):
    """The card has stopped answering; it can be presented again."""


class NotLaid(BadgeclockError):
    """No card came to the reader."""

    def __init__(self, what: str) -> None:
        super().__init__(what=what, kept="everything as it was", do="ask again when the card is at hand")

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.what,))


class GivenUp(NotLaid):
    """No card came to the reader before the operator stopped the job."""


class BackupError(BadgeclockError):
    """A backup that cannot be made, was changed, or cannot be restored."""

    def __init__(self, what: str, do: str, kept: str = "the store and every backup as they were") -> None:
        super().__init__(what=what, kept=kept, do=do)

    def __reduce__(self) -> tuple[object, ...]:
        return (BackupError, (self.what, self.do, self.kept))


class ScopeMissing(BadgeclockError):
    """A token does not have the scope that a request needs."""

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__(
            what=f"the token has not the scope {scope}",
            kept="everything as it was",
            do="make one that has it with `badgeclock bridge token add`",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (ScopeMissing, (self.scope,))


class BeyondReach(BadgeclockError):
    """A token has the scope, but not for this site or employer."""

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(
            what=f"this is beyond the token's reach: {where}",
            kept="everything as it was",
            do="have the office do it, or use a token that reaches it: `badgeclock bridge token list`",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (BeyondReach, (self.where,))


class AccountError(BadgeclockError):
    """An account of the console that is invalid, or whose secret is rejected."""

    def __init__(self, what: str, do: str) -> None:
        super().__init__(what=what, kept="every account as it was", do=do)

    def __reduce__(self) -> tuple[object, ...]:
        return (AccountError, (self.what, self.do))


class NotAllowed(BadgeclockError):
    """An act that its requester may not do: no valid session, no such right, or outside their sites."""

    def __init__(self, what: str, do: str) -> None:
        super().__init__(what=what, kept="everything as it was", do=do)

    def __reduce__(self) -> tuple[object, ...]:
        return (NotAllowed, (self.what, self.do))


class LetterNotSent(BadgeclockError):
    """A notice could not be sent on one of its channels; it is retried."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(
            what=f"a notice could not be sent: {why}",
            kept="the notice; it is tried again for a day",
            do="look at [notices], and try it with `badgeclock bridge notices test`",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (LetterNotSent, (self.why,))

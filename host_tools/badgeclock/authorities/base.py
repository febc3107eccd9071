"""The interface that the bridge uses of an authority, independent of its protocol.

An authority takes declarations and gives reception numbers. By the site's regime, a declaration is either that somebody
is present on a day (`PresenceItem`), or that somebody arrives or leaves at a moment (`MovementItem`);
`Authority.declares` has the kinds that one accepts. Four calls: register, search, get, cancel. For every protocol three
failures are distinguished, because the registrar handles each differently:

* `AuthorityUnavailable`: certainly nothing was processed (the request was not sent, or the authority itself says so);
  send the same items again later.
* `AuthorityAmbiguous`: it is unknown what was processed; search first, then send what is missing.
* `AuthorityRejected`: the whole call was read and rejected; sending it again unchanged is useless.

No `repr` of a value and no error text of this module contains an INSS, a Limosa number or a person's place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final, Protocol
from zoneinfo import ZoneInfo

BELGIUM: Final = ZoneInfo("Europe/Brussels")
"""The zone of days: a day of presence begins and ends at Belgian midnight."""


class Status(StrEnum):
    """A presence's state at the authority."""

    REGISTERED = "registered"  # it has a reception number; the content check is still to come
    VALIDATED = "validated"  # the content check found nothing
    REMARKS = "remarks"  # registered nevertheless, but the content check left remarks
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceItem:
    """One presence to declare.

    Either `inss` and `company_id`, or `limosa_id` alone.

    reference     our own, 1 to 24 characters, unique, the same in every retry; echoed by the authority
    date          the day of the presence in Europe/Brussels
    inss          11 digits (NISS or bis number)
    company_id    the employer's KBO/BCE number, 10 digits with the leading zero
    limosa_id     the number on the Limosa declaration
    workplace_id  the site's number in the declaration of works, 13 characters
    """

    reference: str
    date: date
    workplace_id: str
    inss: str | None = field(default=None, repr=False)
    company_id: str | None = None
    limosa_id: str | None = field(default=None, repr=False)


class Direction(StrEnum):
    """The direction of a movement. A break is an OUT at its start and an IN at its end."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinates:
    """A place in degrees, WGS 84: latitude -90 to 90, longitude -180 to 180."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A Belgian address; `postcode` is of 4 digits, `box` may be absent."""

    postcode: str
    municipality: str
    street: str
    house_number: str
    box: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementItem:
    """One coming or going to declare, with its time.

    Person: either `inss` with `company_id` or `vat`, or `limosa_id` alone. Place: at least one of `workplace_id`,
    `coordinates` and `address`, of the latter two at most one.

    reference     our own, 1 to 24 characters, unique, the same in every retry
    moment        when it happened, aware, in UTC
    direction     in or out
    inss          11 digits (NISS or bis number)
    limosa_id     the number on the Limosa declaration
    company_id    the employer's KBO/BCE number, 10 digits with the leading zero
    vat           a foreign employer's VAT number with its country's two letters, instead of `company_id`
    workplace_id  the site's number in the declaration of works, 13 characters
    """

    reference: str
    moment: datetime
    direction: Direction
    workplace_id: str | None = None
    coordinates: Coordinates | None = field(default=None, repr=False)
    address: Address | None = field(default=None, repr=False)
    inss: str | None = field(default=None, repr=False)
    limosa_id: str | None = field(default=None, repr=False)
    company_id: str | None = None
    vat: str | None = None

    @property
    def date(self) -> date:
        """The Belgian day of the moment."""
        return self.moment.astimezone(BELGIUM).date()


Item = PresenceItem | MovementItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The authority accepted the presence. `created` is its time, in UTC; `inss` the worker's present number there.

    `inss` differs from the one sent when a bis number became a national number; None when the authority gave none.
    """

    reference: str
    reception_number: int
    created: datetime
    status: Status
    remarks: tuple[str, ...] = ()
    inss: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The authority refused this presence. `codes` and `descriptions` are its own, pairwise, not empty."""

    reference: str
    codes: tuple[str, ...]
    descriptions: tuple[str, ...]

    @property
    def code(self) -> int:
        """The first code as the clock shows it: 1 to 255, or 255 for a code that is no such number."""
        return display_code(self.codes)


Outcome = Registered | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchCriteria:
    """What to search for. `periods` are 1 to 31 pairs (first day, last day), both included; the other fields narrow the
    search.

    The authority cannot search by Limosa number nor by reference: search by workplace and day, then compare references.
    `created_from` and `created_to` are aware datetimes.
    """

    periods: tuple[tuple[date, date], ...]
    inss: str | None = field(default=None, repr=False)
    company_id: str | None = None
    workplace_id: str | None = None
    statuses: tuple[Status, ...] = ()
    remarks: tuple[str, ...] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """One step in a presence's life at the authority. `at` is UTC, None if the authority gave no time."""

    status: Status
    at: datetime | None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A presence at the authority. `reference` is None if it was declared by other means, as on the portal, or if the
    authority keeps no references (`attributed` finds its item). `moment` and `direction` are a movement's.

    `inss` is the number it was declared with, `inss_now` the worker's present one. `history` is complete, oldest first,
    from `Authority.get`; a search may leave it empty.
    """

    reception_number: int
    reference: str | None
    date: date | None
    workplace_id: str | None
    created: datetime
    last: Validation
    history: tuple[Validation, ...] = ()
    inss: str | None = field(default=None, repr=False)
    inss_now: str | None = field(default=None, repr=False)
    company_id: str | None = None
    limosa_id: str | None = field(default=None, repr=False)
    vat: str | None = None
    moment: datetime | None = None
    direction: Direction | None = None

    @property
    def status(self) -> Status:
        """Its state now."""
        return self.last.status

    @property
    def remarks(self) -> tuple[str, ...]:
        """The remarks of the newest content check, in the authority's words."""
        return self.last.remarks


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """One presence to cancel, and the reason, from the authority's own list (`Authority.cancel_reasons`)."""

    reception_number: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The authority cancelled the presence."""

    reception_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRefused:
    """The authority did not cancel the presence. `codes` and `descriptions` are its own, pairwise."""

    reception_number: int
    codes: tuple[str, ...]
    descriptions: tuple[str, ...]


CancelOutcome = Cancelled | CancelRefused


def display_code(codes: Sequence[str]) -> int:
    """The first of an authority's codes as one byte, 1 to 254; 255 if it is no such number or there is none."""
    first = codes[0] if codes else ""
    return int(first) if first.isascii() and first.isdigit() and 1 <= int(first) <= 254 else 255


def attributed(found: Iterable[Found], items: Iterable[Item]) -> dict[str, list[Found]]:
    """Matches found presences to items: by the item's reference, lowest number first.

    If the authority keeps references they decide. A presence without one matches an item if every field that both have
    is equal: person, employer, time (to the second), direction, place; of several equal items the first gets it. An
    INSS is compared with the declared number and with the worker's present one.
    """
    wanted = list(items)
    by_reference: dict[str, list[Found]] = defaultdict(list)
    for presence in sorted(found, key=lambda one: one.reception_number):
        reference = presence.reference
        if reference is None:
            reference = next((item.reference for item in wanted if _says_the_same(item, presence)), None)
        if reference is not None:
            by_reference[reference].append(presence)
    return dict(by_reference)


def _says_the_same(item: Item, found: Found) -> bool:
    if isinstance(item, MovementItem):
        moments = found.moment is not None and _second(found.moment) == _second(item.moment)
        when = moments and found.direction is item.direction and found.vat == item.vat
    else:
        when = found.moment is None and found.date == item.date
    who = item.limosa_id == found.limosa_id and (item.inss is None or item.inss in (found.inss, found.inss_now))
    return when and who and item.company_id == found.company_id and item.workplace_id == found.workplace_id


def _second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


class Authority(Protocol):
    """A presence registration service. Every call may raise the three errors of this module, and no other."""

    @property
    def declares(self) -> frozenset[type[Item]]:
        """The kinds of items that `register` accepts; another kind is an AuthorityRejected, "LOCAL", and not sent."""
        ...

    @property
    def batch_limit(self) -> int:
        """How many items one `register` or `cancel` may have."""
        ...

    @property
    def cancel_reasons(self) -> tuple[str, ...]:
        """The reasons that `cancel` accepts."""
        ...

    async def register(self, items: Sequence[Item]) -> list[Outcome]:
        """Declare 1 to `batch_limit` items with different references; their outcomes, in the same order.

        For an item without an outcome the answer has no result: search before it is sent again. The service is not
        idempotent: the same item sent twice gets two reception numbers.
        """
        ...

    async def search(self, criteria: SearchCriteria) -> list[Found]:
        """Every presence that meets the criteria, all pages, by reception number."""
        ...

    async def get(self, reception_number: int) -> Found | None:
        """One presence with its history, or None if the authority has no such number."""
        ...

    async def cancel(self, items: Sequence[Cancellation]) -> list[CancelOutcome]:
        """Cancel 1 to `batch_limit` presences; one outcome per item, in the same order."""
        ...

    async def close(self) -> None:
        """Close connections; calls in progress fail."""
        ...

"""Bodies, parameters and answers of the planning interface, as its OpenAPI description names them."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from badgeclock.bridge.people import sites
from badgeclock.bridge.presences.attendance import Status
from badgeclock.bridge.presences.expectations import Source
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.presences.shifts import Assumed
from badgeclock.bridge.store.states import IdentityKind, PresenceState, Reason

ROWS_MOST: Final = 1000
ID_MOST: Final = 2**53 - 1
"""The largest whole number that every JSON reader represents exactly (RFC 8259 §6)."""
Line = Annotated[str, Field(max_length=200)]
Kbo = Annotated[str, Field(max_length=20, description="Enterprise number (KBO/BCE), or Belgian VAT number.")]
Reference = Annotated[str, Field(min_length=1, max_length=200, description="The office's own number of the worker.")]
SiteName = Annotated[str, Field(min_length=1, max_length=200)]
Milliseconds = Annotated[int, Field(description="Milliseconds since 1970-01-01 UTC.")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _whole(number: object) -> object:
    """JSON has no integer type: 7.0 is a whole number too."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _written_day(day: object) -> object:
    """Accepts only days and their text: pydantic would read a number as seconds since 1970."""
    if isinstance(day, date) or (isinstance(day, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", day, re.ASCII)):
        return day
    raise ValueError("a day is YYYY-MM-DD (RFC 3339, full-date)")


Day = Annotated[date, Field(strict=False), BeforeValidator(_written_day)]


class EmployerBody(_Model):
    """An employer."""

    kbo: Kbo
    name: Line = ""


class AddressBody(_Model):
    """A Belgian address."""

    street: Line
    house_number: Line = ""
    box: Line = ""
    post_code: Annotated[str, Field(pattern=r"^[1-9][0-9]{3}$")]
    municipality: Line


class SiteBody(_Model):
    """A site, by its name. Its keys come from the workshop, not from here."""

    name: SiteName
    workplace: Annotated[str, Field(pattern=r"^[0-9A-Z]{13}$", description="Its number in the declaration of works.")]
    regime: Annotated[Regime, Field(strict=False)] = Regime.CONSTRUCTION
    time_zone: Line = sites.TIME_ZONE
    address: AddressBody | None = None
    latitude: Annotated[float | None, Field(ge=-90, le=90, description="WGS 84, degrees.")] = None
    longitude: Annotated[float | None, Field(ge=-180, le=180)] = None
    languages: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z]{2}$")]],
        Field(max_length=8, description="ISO 639-1 codes, the most usual first."),
    ] = []
    longest_shift_h: Annotated[
        int | None,
        Field(ge=4, le=24, description="Longest shift, in hours; left out: as it was."),
        BeforeValidator(_whole),
    ] = None
    night_hours: Annotated[
        str | None,
        Field(
            pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9])?$",
            description="When it works at night, such as 22:00-06:00; empty: never; left out: as it was.",
        ),
    ] = None
    next_regime: Annotated[
        Regime | None, Field(strict=False, description="The regime from `regime_from` on; left out: as it was.")
    ] = None
    regime_from: Annotated[Day | None, Field(description="The first day of `next_regime`.")] = None


class SiteTold(SiteBody):
    """A site, and whether the bridge has its key: without it no badge can be given at the site."""

    id: int
    has_key: bool


class EmployerTold(EmployerBody):
    """An employer."""

    id: int


class WorkerBody(_Model):
    """A worker: with a national number (or bis) and an employer, or with a Limosa number."""

    reference: Reference
    name: Annotated[str, Field(min_length=1, max_length=200, repr=False)]
    niss: Annotated[str | None, Field(max_length=20, repr=False)] = None
    limosa: Annotated[str | None, Field(max_length=64, repr=False)] = None
    employer: Kbo | None = None
    language: Annotated[
        str | None,
        Field(
            pattern=r"^[a-z]{2}$",
            description="ISO 639-1, that clocks use for the worker; null: each site's own; left out: as it was.",
        ),
    ] = None


class WorkerTold(_Model):
    """A worker, without name and number."""

    id: int
    reference: str
    initials: str
    employer: str | None
    identity: IdentityKind
    language: str | None


class BadgeBody(_Model):
    """A badge that is given to a worker at a site, and take it from the worker who had it."""

    site: SiteName
    worker: Reference
    uid: Annotated[
        str,
        Field(
            min_length=1,
            max_length=100,
            repr=False,
            description="As a reader prints it: hexadecimal digits, or decimal with its byte order (`3735928559 msb`); "
            "4, 7 or 10 bytes. Only a token of it is kept.",
        ),
    ]
    employer: Annotated[Kbo | None, Field(description="Whom its punches are for, of the worker's employers.")] = None


class BadgeGiven(_Model):
    """A badge's row, whether it is new, and presences queued for punches that waited for it."""

    badge: int
    is_new: bool
    queued: int


class BadgeTold(_Model):
    """A badge of the history: in use while `until_ms` is null."""

    badge: int
    site: str
    worker: str
    since_ms: Milliseconds
    until_ms: Milliseconds | None


class BadgeBack(_Model):
    """A badge that is taken back."""

    badge: Annotated[int, Field(ge=1, le=ID_MOST), BeforeValidator(_whole)]
    reason: Annotated[str, Field(max_length=500)] = ""


class EngagementBody(_Model):
    """An employer of a worker who has several. Known by worker, employer and first day."""

    worker: Reference
    employer: Kbo
    from_day: Annotated[Day | None, Field(description="First day; null: ever since.")] = None
    to_day: Annotated[Day | None, Field(description="Last day; null: no end is known.")] = None
    sites: Annotated[list[SiteName], Field(max_length=1000, description="Where; empty: everywhere.")] = []


class EngagementTold(EngagementBody):
    """An engagement."""

    id: int


class PutDone(_Model):
    """What became of it: its row, whether it is new, and which parts changed."""

    id: int
    is_new: bool
    changed: list[str]


class PresenceTold(_Model):
    """A presence and its state; it is registered once it has a reception number."""

    id: int
    reference: str
    site: str
    worker: str
    employer: str
    day: date
    state: PresenceState
    reason: Reason | None
    assumed: Assumed | None
    reception_number: int | None
    error_code: int | None
    remarks: list[str]
    registered_ms: Milliseconds | None


ClockTime = Annotated[
    str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="A time of the site's local day, 07:00.")
]


class SlotBody(_Model):
    """A worker in a plan. An end that is not after the beginning is on the next day; an end needs its beginning."""

    worker: Reference
    from_time: Annotated[ClockTime | None, Field(description="From when; null: it is not known.")] = None
    to_time: Annotated[ClockTime | None, Field(description="Until when; null: it is not known.")] = None


class PlanBody(_Model):
    """Who is expected at a site on a local day: all of them. Without workers: nobody is."""

    site: SiteName
    day: Day
    workers: Annotated[list[SlotBody], Field(max_length=1000)]


class PlanPut(_Model):
    """What became of a plan: its row, whether it is new, and how many workers were added, changed and taken out."""

    id: int
    is_new: bool
    added: int
    changed: int
    removed: int


class PlanDay(_Model):
    """A plan, by its site and day."""

    site: SiteName
    day: Day


class PlanWithdrawn(_Model):
    """How many workers the plan had."""

    removed: int


class SlotTold(SlotBody):
    """A worker in a plan, and who wrote that: a planning tool, or a list that was imported."""

    source: Annotated[Source, Field(strict=False)]


class PlanTold(_Model):
    """A plan and its workers."""

    id: int
    site: str
    day: date
    put_ms: Annotated[Milliseconds, Field(description="When it was last changed.")]
    workers: list[SlotTold]


class ExpectedTold(_Model):
    """From when to when somebody is expected, and where that comes from; by habit, on how many of how many of the last
    working days they were there.
    """

    source: Source
    from_ms: Milliseconds | None
    from_: Annotated[str | None, Field(alias="from", description="The same in local time, with its offset.")]
    to_ms: Milliseconds | None
    to: str | None
    days_there: int | None
    days_seen: int | None


class DeclarationTold(_Model):
    """A presence of somebody's shift; `why` says why it has no number, or what is wrong with it."""

    reference: str
    employer: str | None
    day: Day
    way: Annotated[str | None, Field(description="in or out, of a movement; null of a day.")]
    moment_ms: Milliseconds | None
    state: PresenceState
    reason: str | None
    error_code: int | None
    reception_number: int | None
    why: str | None
    manual: Annotated[bool, Field(description="Whether the office registered it, without a punch.")]


class PersonTold(_Model):
    """Somebody at a place. Without `worker`: a badge that nobody was given. `item` is a punch that a person must look
    at. `since` and `last` are the first and the last punch of the shift, in ms and in local time with its offset.
    """

    worker: str | None
    status: Annotated[
        Status,
        Field(
            description="here (the last punch is no going), break, gone; of who was expected and has not punched: "
            "missing, later (the time has not come), elsewhere (punched at another place that day)."
        ),
    ]
    site: Annotated[str, Field(description="Of the last punch, else where they are expected.")]
    since_ms: Milliseconds | None
    since: str | None
    last_ms: Milliseconds | None
    last: str | None
    item: str | None
    number: Annotated[int | None, Field(description="The reception number of the day, or of the last coming.")]
    why: Annotated[str | None, Field(description="Why there is no number, or what waits for a person.")]
    declarations: list[DeclarationTold]
    expected: ExpectedTold | None
    elsewhere: Annotated[str | None, Field(description="The site where they are.")]


class PlaceTold(_Model):
    """A place: the sites with one workplace number. `planned`: a plan of the day says who is expected."""

    sites: list[str]
    workplace: str
    time_zone: str
    day: Day
    planned: bool
    counts: Annotated[dict[str, int], Field(description="How many people stand how, by status.")]
    people: list[PersonTold]


class TodayTold(_Model):
    """Who is where, and who has not come, at a moment."""

    now_ms: Milliseconds
    places: list[PlaceTold]


class Refusal(_Model):
    """What happened, what was kept, and what to do."""

    what: str
    kept: str
    do: str


def _written(form: str, what: str) -> BeforeValidator:
    """Accepts a parameter only in this form: pydantic would read ` +1_0` as a number, and a number as a day."""

    def check(text: object) -> object:
        if isinstance(text, str) and not re.fullmatch(form, text, re.ASCII):
            raise ValueError(what)
        return text

    return BeforeValidator(check)


_WHOLE: Final = _written(r"0|[1-9][0-9]*", "a whole number has digits only, 0 first in none but 0")
_DAY: Final = _written(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day is YYYY-MM-DD (RFC 3339, full-date)")


class Page(BaseModel):
    """Which rows of a list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Annotated[int, Field(ge=0, le=ID_MOST, description="Rows behind this id."), _WHOLE] = 0
    limit: Annotated[int, Field(ge=1, le=ROWS_MOST, description="At most so many."), _WHOLE] = 100


class PageOfDays(Page):
    """Which presences of a list: those of the days from `first` to `last`."""

    first: Annotated[date, _DAY]
    last: Annotated[date, _DAY]


class DayOfSite(BaseModel):
    """Which day of which site; left out: today, and all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    day: Annotated[date | None, _DAY] = None
    site: Annotated[str | None, Field(min_length=1, max_length=200)] = None

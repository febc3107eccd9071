"""Messages of the sandbox's REST services as pydantic models: they check requests, and FastAPI generates the OpenAPI
file from them. Names are those of `onss.rest_names`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from badgeclock.onss import description
from badgeclock.onss import rest_names as n

NUMBER_MOST: Final = 10**15 - 1
"""A reception number has 15 digits at most."""

Inss = Annotated[str, StringConstraints(pattern="^[0-9]{11}$")]
Enterprise = Annotated[str, StringConstraints(pattern="^[0-9]{10}$")]
Works = Annotated[str, StringConstraints(pattern="^[!-~]{1,13}$")]
Moment = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$"
    ),
]
Day = Annotated[str, StringConstraints(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=100)]


def _whole(value: Any) -> Any:
    """To JSON, 7.0 is an integer too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Number = Annotated[int, Field(ge=1, le=NUMBER_MOST), BeforeValidator(_whole)]
Row = Annotated[int, Field(ge=0, le=2**31), BeforeValidator(_whole)]
Size = Annotated[int, Field(ge=1, le=description.FETCH_LIMIT), BeforeValidator(_whole)]
Validity = Literal["pending", "valid", "invalid", "cancelled"]


class Model(BaseModel):
    """The common base: no unknown fields, no text for a number."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=False)


class Employer(Model):
    """The employer: by KBO/BCE number, or by VAT number if it is abroad."""

    enterprise: Annotated[Enterprise | None, Field(alias=n.ENTERPRISE)] = None
    vat: Annotated[
        Annotated[str, StringConstraints(pattern="^[A-Z]{2}[A-Z0-9+*]{2,12}$")] | None, Field(alias=n.FOREIGN_VAT)
    ] = None


class Coordinates(Model):
    """Degrees, WGS 84."""

    longitude: Annotated[float, Field(alias=n.LONGITUDE, ge=-180, le=180, allow_inf_nan=False)]
    latitude: Annotated[float, Field(alias=n.LATITUDE, ge=-90, le=90, allow_inf_nan=False)]


class Address(Model):
    """A Belgian address."""

    postcode: Annotated[str, StringConstraints(pattern="^[1-9][0-9]{3}$"), Field(alias=n.POSTCODE)]
    municipality: Annotated[Word, Field(alias=n.MUNICIPALITY)]
    street: Annotated[Word, Field(alias=n.STREET)]
    house: Annotated[Word, Field(alias=n.HOUSE)]
    box: Annotated[Word | None, Field(alias=n.BOX)] = None


class Place(Model):
    """Coordinates or an address."""

    coordinates: Annotated[Coordinates | None, Field(alias=n.COORDINATES)] = None
    address: Annotated[Address | None, Field(alias=n.ADDRESS)] = None


class Movement(Model):
    """Somebody comes or goes."""

    moment: Annotated[Moment, Field(alias=n.MOMENT)]
    type: Annotated[Literal["IN", "OUT"], Field(alias=n.TYPE)]
    ssin: Annotated[Inss | None, Field(alias=n.SSIN)] = None
    limosa: Annotated[Annotated[str, StringConstraints(pattern="^[!-~]{1,64}$")] | None, Field(alias=n.LIMOSA)] = None
    employer: Annotated[Employer | None, Field(alias=n.EMPLOYER)] = None
    place: Annotated[Place | None, Field(alias=n.PLACE)] = None
    works: Annotated[Works | None, Field(alias=n.WORKS)] = None


class RegisterRequest(Model):
    """Movements to declare."""

    items: Annotated[list[Movement], Field(alias=n.ITEMS, min_length=1, max_length=n.BATCH_LIMIT)]


class Cancel(Model):
    """A registration to cancel."""

    number: Annotated[Number, Field(alias=n.ID)]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=15), Field(alias=n.REASON)]


class CancelRequest(Model):
    """Registrations to cancel."""

    items: Annotated[list[Cancel], Field(alias=n.ITEMS, min_length=1, max_length=n.BATCH_LIMIT)]


class Period(Model):
    """Days, both included."""

    first: Annotated[Day, Field(alias=n.FROM)]
    last: Annotated[Day, Field(alias=n.UNTIL)]


class SearchCriteria(Model):
    """What to search for."""

    periods: Annotated[list[Period], Field(alias=n.PERIODS, min_length=1, max_length=description.PERIOD_LIMIT)]
    ssin: Annotated[Inss | None, Field(alias=n.SSIN)] = None
    enterprise: Annotated[Enterprise | None, Field(alias=n.ENTERPRISE)] = None
    works: Annotated[Works | None, Field(alias=n.WORKS)] = None
    validities: Annotated[list[Validity], Field(alias=n.VALIDITIES, max_length=4)] = []
    remarks: Annotated[
        list[Annotated[str, StringConstraints(max_length=200)]], Field(alias=n.REMARKS, max_length=17)
    ] = []
    created_from: Annotated[Moment | None, Field(alias=n.CREATED_FROM)] = None
    created_until: Annotated[Moment | None, Field(alias=n.CREATED_UNTIL)] = None


class SearchRequest(Model):
    """A page of a search, by reception number."""

    criteria: Annotated[SearchCriteria, Field(alias=n.CRITERIA)]
    first: Annotated[Row, Field(alias=n.FIRST)] = 0
    size: Annotated[Size, Field(alias=n.SIZE)] = 50


class Error(Model):
    """Why an item was not done."""

    code: Annotated[str, Field(alias=n.CODE)]
    description: Annotated[str, Field(alias=n.DESCRIPTION)]


class Created(Model):
    """What a movement that was taken got."""

    number: Annotated[Number, Field(alias=n.ID)]
    validity: Annotated[Validity, Field(alias=n.VALIDITY)]
    remarks: Annotated[list[str], Field(alias=n.REMARKS)]


class NotCreated(Model):
    """Why a movement was not taken."""

    errors: Annotated[list[Error], Field(alias=n.ERRORS, min_length=1)]


class CreateOutcome(Model):
    """One or the other."""

    created: Annotated[Created | None, Field(alias=n.CREATED)] = None
    not_created: Annotated[NotCreated | None, Field(alias=n.NOT_CREATED)] = None


class RegisterAnswer(Model):
    """An outcome for each movement, in order."""

    items: Annotated[list[CreateOutcome], Field(alias=n.ITEMS)]


class Cancelled(Model):
    """A registration that was cancelled."""

    number: Annotated[Number, Field(alias=n.ID)]
    validity: Annotated[Validity, Field(alias=n.VALIDITY)]


class NotCancelled(Model):
    """A registration that was not, and why."""

    number: Annotated[Number, Field(alias=n.ID)]
    errors: Annotated[list[Error], Field(alias=n.ERRORS, min_length=1)]


class CancelOutcome(Model):
    """One or the other."""

    cancelled: Annotated[Cancelled | None, Field(alias=n.CANCELLED_ITEM)] = None
    not_cancelled: Annotated[NotCancelled | None, Field(alias=n.NOT_CANCELLED_ITEM)] = None


class CancelAnswer(Model):
    """An outcome for each registration, in order."""

    items: Annotated[list[CancelOutcome], Field(alias=n.ITEMS)]


class HistoryStep(Model):
    """A step in a registration's life."""

    validity: Annotated[Validity, Field(alias=n.VALIDITY)]
    at: Annotated[Moment, Field(alias=n.AT)]
    remarks: Annotated[list[str], Field(alias=n.REMARKS)]


class Held(Movement):
    """A registration as the service holds it."""

    number: Annotated[Number, Field(alias=n.ID)]
    created: Annotated[Moment, Field(alias=n.CREATION)]
    ssin_now: Annotated[Inss | None, Field(alias=n.SSIN_NOW)] = None
    validity: Annotated[Validity, Field(alias=n.VALIDITY)]
    remarks: Annotated[list[str], Field(alias=n.REMARKS)]
    history: Annotated[list[HistoryStep] | None, Field(alias=n.HISTORY)] = None


class SearchAnswer(Model):
    """A page of what was found, and how many there are in all."""

    total: Annotated[int, Field(alias=n.TOTAL)]
    items: Annotated[list[Held], Field(alias=n.ITEMS)]


class Issue(Model):
    """A part of a request that is to blame."""

    type: str
    name: Annotated[str, Field(alias=n.ISSUE_NAME)]
    detail: str


class Problem(Model):
    """RFC 9457, as the federal REST guide has it."""

    type: str
    title: str
    status: int
    detail: str | None = None
    issues: Annotated[list[Issue] | None, Field(alias=n.ISSUES)] = None


class TokenAnswer(Model):
    """RFC 6749, 5.1."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


class TokenDenial(Model):
    """RFC 6749, 5.2."""

    error: str
    error_description: str

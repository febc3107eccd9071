"""The sandbox's script: faults to come, presences to refuse, remarks to make, pace, time.

`POST /control` takes any part of `Script`; absent parts stay, a list replaces the one before.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from badgeclock.sandbox.rules import Presence


class FaultKind(StrEnum):
    """A way to misbehave."""

    HTTP_500 = "http-500"  # a bare HTTP 500; nothing processed
    HTTP_500_AFTER_COMMIT = "http-500-after-commit"
    HANG = "hang"  # read, nothing processed, never answered
    TIMEOUT_AFTER_COMMIT = "timeout-after-commit"  # processed, never answered
    CLOSE_BEFORE_READING = "close-before-reading"  # nothing processed
    CLOSE_AFTER_COMMIT = "close-after-commit"
    CLOSE_HALF_COMMITTED = "close-half-committed"  # the first half of the items processed, then the connection broken
    SYSTEM_ERROR = "system-error"  # a SystemError with `code` and `retry`; nothing processed
    SYSTEM_ERROR_UNSIGNED = "system-error-unsigned"  # the same without the signature that its answers bear
    MAINTENANCE = "maintenance"  # HTTP 503 from the front admission, with Retry-After; nothing processed
    RATE_LIMITED = "rate-limited"  # HTTP 429 with Retry-After; nothing processed
    NOT_AUTHENTICATED = "not-authenticated"  # certificate or token rejected: SOA-01001, HTTP 401
    NOT_AUTHORISED = "not-authorised"  # known, but not for this: SOA-01002, HTTP 403
    ANSWER_NOT_XML = "answer-not-xml"  # processed
    ANSWER_SWAPPED = "answer-swapped"  # processed; the first two outcomes change places
    ANSWER_MISSING = "answer-missing"  # processed; the last outcome is left out


Operation = Literal[
    # SOAP
    "registerPresences",
    "cancelPresences",
    "searchPresences",
    "getPresenceRegistration",
    # REST
    "token",
    "registerInBulk",
    "cancelInBulk",
    "search",
    "get",
]


class Fault(BaseModel):
    """The next `count` calls (of `operation`, or of any) go wrong in this way. `code` and `retry` are SOAP's."""

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    count: Annotated[int, Field(ge=1)] = 1
    operation: Operation | None = None
    code: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9-]{1,20}$")] = "SOA-02002"
    retry: bool | None = True
    retry_after_s: Annotated[int, Field(ge=0, le=86_400)] = 30


class Match(BaseModel):
    """Presences by their fields: all given ones must be equal. `company_id` with or without its leading zero."""

    model_config = ConfigDict(extra="forbid")

    inss: str | None = None
    company_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,10}$")] | None = None
    limosa_id: str | None = None
    workplace_id: str | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Match:
        if self.inss is self.company_id is self.limosa_id is self.workplace_id is None:
            raise ValueError("name at least one of inss, company_id, limosa_id, workplace_id")
        return self

    def meets(self, presence: Presence) -> bool:
        """Whether a presence is one of these."""
        pairs = (
            (self.inss, presence.inss),
            (None if self.company_id is None else int(self.company_id), presence.company_id),
            (self.limosa_id, presence.limosa_id),
            (self.workplace_id, presence.workplace_id),
        )
        return all(wanted is None or wanted == given for wanted, given in pairs)


class Refusal(Match):
    """Refuse such presences with this error code, as the service does for a person who is not in its register."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}$")] = "5"


class Remark(Match):
    """The content check of such presences ends in FAILED with these remarks."""

    remarks: Annotated[list[Annotated[str, StringConstraints(min_length=1)]], Field(min_length=1, max_length=9)]


class Relapse(Match):
    """Such presences become invalid with these remarks, this long after a successful content check."""

    remarks: Annotated[list[Annotated[str, StringConstraints(min_length=1)]], Field(min_length=1, max_length=9)]
    after_ms: Annotated[int, Field(ge=0, le=604_800_000)] = 0


class Window(BaseModel):
    """A maintenance window, by the machine's clock: every call is rejected with its end."""

    model_config = ConfigDict(extra="forbid")

    start: AwareDatetime
    end: AwareDatetime

    @model_validator(mode="after")
    def _lasts(self) -> Window:
        if self.start >= self.end:
            raise ValueError("the end is not after the start")
        return self


class RateLimit(BaseModel):
    """At most so many calls in each window of so many seconds; the rest are rejected until it ends."""

    model_config = ConfigDict(extra="forbid")

    calls: Annotated[int, Field(ge=1, le=1_000_000)]
    window_s: Annotated[float, Field(gt=0, le=3600)] = 1.0


class Chance(BaseModel):
    """So many of a thousand calls (of `operation`, or of any), picked by the seed, go wrong in this way."""

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    per_mille: Annotated[int, Field(ge=1, le=1000)]
    operation: Operation | None = None


class Script(BaseModel):
    """Everything that can be set. Times in milliseconds, the clock's offset in seconds (a day ahead: 86400)."""

    model_config = ConfigDict(extra="forbid")

    faults: list[Fault] = []
    refuse: list[Refusal] = []
    remark: list[Remark] = []
    relapse: list[Relapse] = []
    maintenance: list[Window] = []
    rate_limit: RateLimit | None = None
    chance: list[Chance] = []
    not_ours: list[int] = []  # reception numbers that another sender declared: cancelling them is error 1
    latency_ms: Annotated[int, Field(ge=0, le=600_000)] = 0
    validation_delay_ms: Annotated[int, Field(ge=0, le=604_800_000)] = 2_000
    clock_offset_s: Annotated[int, Field(ge=-31_622_400, le=31_622_400)] = 0
    lateness_s: Annotated[int, Field(ge=0, le=31_622_400)] = 600
    """How old a movement may be; the number is a third party's, the NSSO publishes none."""
    token_lifetime_s: Annotated[int, Field(ge=1, le=86_400)] = 600

    def refusal_codes(self, presence: Presence) -> list[str]:
        """The codes with which the script refuses a presence."""
        return [refusal.code for refusal in self.refuse if refusal.meets(presence)]

    def remarks_on(self, presence: Presence) -> list[str]:
        """The remarks that the script has for a presence, each once."""
        return list(dict.fromkeys(text for entry in self.remark if entry.meets(presence) for text in entry.remarks))

    def relapses(self, presence: Presence) -> list[tuple[int, list[str]]]:
        """How long after its content check a presence becomes invalid, and with which remarks; soonest first."""
        return sorted((entry.after_ms, entry.remarks) for entry in self.relapse if entry.meets(presence))

    def maintained_s(self, now: datetime) -> int | None:
        """Whole seconds until the maintenance under way at `now` ends; None if there is none."""
        ends = [window.end for window in self.maintenance if window.start <= now < window.end]
        return None if not ends else -(-(max(ends) - now) // timedelta(seconds=1))

    def picked(self, operation: str | None, seed: int, call: int) -> FaultKind | None:
        """The random fault of the call with this number: the same for the same seed and number."""
        for place, entry in enumerate(self.chance):
            drawn = random.Random(f"{seed}:{call}:{place}").randrange(1000)
            if entry.operation in (None, operation) and drawn < entry.per_mille:
                return entry.kind
        return None

    def changed(self, change: dict[str, object]) -> Script:
        """This script with some of its parts replaced. Raises pydantic.ValidationError."""
        return Script.model_validate(self.model_dump() | change)

    def without_fault(self, fault: Fault) -> Script:
        """This script after one call has used `fault`, one of its faults."""
        rest = []
        for entry in self.faults:
            if entry is not fault:
                rest.append(entry)
            elif entry.count > 1:
                rest.append(entry.model_copy(update={"count": entry.count - 1}))
        return self.model_copy(update={"faults": rest})

    def next_fault(self, operation: str | None) -> Fault | None:
        """The fault for a call of `operation`; None for `operation` is a call that named none."""
        return next((fault for fault in self.faults if fault.operation in (None, operation)), None)

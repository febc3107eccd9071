"""Everything that needs attention, as one table: its metric, its events, what waits, and what to do about it.

The zeros of `badgeclock_attention`, the table in docs/operating.md and the list of `badgeclock bridge attention` are
made from `NEEDS`. Every state, reason, mark and kind of event of the code is either the source of a row here or in
`NOBODY`, with the reason why it needs nobody; a test fails for one in neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final, NamedTuple

from badgeclock.bridge.clocks import health
from badgeclock.bridge.clocks.registry import QUARANTINES
from badgeclock.bridge.presences.shifts import Assumed
from badgeclock.bridge.store.event_log import Kind
from badgeclock.bridge.store.states import ClockState, PresenceState, PunchState, Reason

ITEM: Final = "ITEM"
"""Placeholder in `to_do` for the item of a row."""
CLOCK: Final = "CLOCK"
"""Placeholder for its clock."""
NUMBER: Final = "NUMBER"
"""Placeholder for the number of a correction."""


class Source(NamedTuple):
    """A word of the code that may mean work for a person: its enumeration, and its value."""

    of: str
    value: str


class Need(NamedTuple):
    """A reason why a person must act.

    reason       the metric's label, and the list's word
    sources      the states, reasons, causes and kinds of event that it stands for
    events       the kinds of event that announce it
    what         what waits
    to_do        what to do about a row; ITEM is the row's item, CLOCK its clock, NUMBER a correction's number
    of_presence  the same where it is a presence that waits, and not a punch
    """

    reason: str
    sources: tuple[Source, ...]
    events: tuple[Kind, ...]
    what: str
    to_do: str
    of_presence: str = ""


def source(word: Enum) -> Source:
    """Of a member of an enumeration."""
    return Source(type(word).__name__, str(word.value))


def cause(word: str) -> Source:
    """Of a cause of a clock's mark."""
    return Source("cause", word)


CORRECTION: Final = Source("correction", "open")
"""A correction that waits for the authority (`registrar.filings`)."""

_CORRECT: Final = "badgeclock bridge presence correct ITEM --reason …"
_DECLARE: Final = "badgeclock bridge presence declare ITEM --reason …"
_CLOSE: Final = "badgeclock bridge presence close ITEM --reason …"
_SETTLE: Final = "badgeclock bridge attention settle ITEM --reason …"

_PRESENCES: Final = (
    Need(
        "refused",
        (source(PresenceState.REFUSED), source(Kind.PRESENCE_REFUSED)),
        (Kind.PRESENCE_REFUSED,),
        "a presence that the authority refused; its code says why",
        f"put right what the code names (worker, employer, site), then `{_CORRECT}`",
    ),
    Need(
        "remarks",
        (source(PresenceState.REMARKS), source(Kind.PRESENCE_REMARKS)),
        (Kind.PRESENCE_REMARKS,),
        "a registered presence of the last 30 days whose content check left remarks",
        f"put right Dimona, Limosa or the declaration of works; then `{_SETTLE}`",
    ),
    Need(
        "late",
        (source(Reason.LATE),),
        (Kind.PRESENCE_WAITS,),
        "a punch, or a movement, that came too late to be declared by itself",
        f"`{_DECLARE}` declares it with its own time, or writes a correction down; if it is not to be declared: "
        f"`{_CLOSE}`",
        f"`{_CORRECT}` declares it with its own time, or writes a correction down; if it is not to be declared: "
        f"`{_CLOSE}`",
    ),
    Need(
        "day_over",
        (source(Reason.DAY_OVER),),
        (Kind.PRESENCE_WAITS,),
        "a presence that could not be declared before its day ended",
        f"`{_CORRECT}` writes a correction down for the authority",
    ),
    Need(
        "no_authority",
        (source(Reason.NO_AUTHORITY),),
        (Kind.PRESENCE_WAITS,),
        "what no authority in the settings takes",
        f"set `[movement_authority]`, start the bridge, then `{_CORRECT}`",
    ),
    Need(
        "cancelled",
        (source(Reason.CANCELLED),),
        (Kind.PRESENCE_CANCELLED,),
        "a presence that somebody cancelled at the authority",
        f"if the worker was there: `{_CORRECT}` declares it again; else `{_CLOSE}`",
    ),
    Need(
        "assumed_open_shift",
        (source(Assumed.OPEN_SHIFT),),
        (Kind.PRESENCE_ASSUMED,),
        "a day that was declared and is not evident: its punch may be the end of the day before",
        "if nobody came: `badgeclock bridge presence cancel ITEM --reason …` before the day ends; else "
        "`badgeclock bridge presence keep ITEM --reason …`",
    ),
    Need(
        "assumed_no_in",
        (source(Assumed.NO_IN),),
        (Kind.PRESENCE_ASSUMED,),
        "a day, or a movement out, that was declared and is not evident: an OUT or a break without IN, or a first "
        "punch at night",
        "ask the worker. It is right: `badgeclock bridge presence keep ITEM --reason …`. Nobody came: "
        "`badgeclock bridge presence cancel ITEM --reason …`. A movement that went the other way: "
        "`badgeclock bridge presence correct ITEM --way in --reason …`",
    ),
    Need(
        "assumed_way",
        (source(Assumed.WAY),),
        (Kind.PRESENCE_ASSUMED,),
        "a movement whose way no key said, and the movement before does not bear it out",
        "ask the worker. It is right: `badgeclock bridge presence keep ITEM --reason …`. It was the other way: "
        "`badgeclock bridge presence correct ITEM --way … --reason …`",
    ),
    Need(
        "assumed_corrected",
        (source(Assumed.CORRECTED),),
        (Kind.PRESENCE_ASSUMED,),
        "a movement that was declared before a key said the other way",
        "if there was none that way: `badgeclock bridge presence cancel ITEM --reason …` before its day ends; else "
        "`badgeclock bridge presence keep ITEM --reason …`",
    ),
    Need(
        "correction_due",
        (CORRECTION, source(Kind.CORRECTION_DUE)),
        (Kind.CORRECTION_DUE,),
        "a correction that the authority takes with a file only, within 30 days of the day",
        "`badgeclock bridge correction write FOLDER`, send it; once it has answered "
        "`badgeclock bridge correction done NUMBER --reason …`",
    ),
)

_PUNCHES: Final = (
    Need(
        "unknown_badge",
        (source(PunchState.UNASSIGNED), source(Kind.BADGE_UNKNOWN)),
        (Kind.BADGE_UNKNOWN,),
        "a badge that nobody was given, with the code that its worker reads on the clock",
        "`badgeclock bridge badge add --punch ITEM --worker …`; if it is a visitor's: "
        "`badgeclock bridge presence close ITEM --whole-badge --reason …`",
    ),
    Need(
        "unsealed_punch",
        (source(PunchState.INVALID), source(Kind.UNSEALED_RECORD)),
        (Kind.UNSEALED_RECORD,),
        "punches that no seal vouches for; they are not declared",
        f"provision the clock again; if the worker has no presence that day, `{_DECLARE}` writes a correction down; "
        "else `badgeclock bridge presence close ITEM --whole-badge --reason …`",
    ),
    Need(
        "future",
        (source(Reason.FUTURE),),
        (Kind.PRESENCE_WAITS,),
        "a punch whose clock's time is ahead",
        f"set the clock's time right; `{_DECLARE}` once its moment has come, or `{_CLOSE}`",
    ),
    Need(
        "no_time",
        (source(Reason.NO_TIME),),
        (Kind.PRESENCE_WAITS,),
        "a punch of a clock that had no time",
        "give the clock its time; `badgeclock bridge presence declare ITEM --day … --reason …` declares that day, or "
        f"writes a correction down; a movement is punched again: `{_CLOSE}`",
    ),
    Need(
        "no_in",
        (source(Reason.NO_IN),),
        (Kind.PRESENCE_WAITS,),
        "an OUT or a break without presence, in stores of earlier versions",
        f"`{_DECLARE}`, or `{_CLOSE}`",
    ),
    Need(
        "which_employer",
        (source(Reason.EMPLOYER),),
        (Kind.PRESENCE_WAITS,),
        "a punch of a worker with several employers that day",
        "`badgeclock bridge presence declare ITEM --employer … --reason …`",
    ),
    Need(
        "no_direction",
        (source(Reason.NO_DIRECTION),),
        (Kind.PRESENCE_WAITS,),
        "a movement that says neither coming nor going",
        "ask the worker, then `badgeclock bridge presence declare ITEM --way in --reason …`, or out",
    ),
    Need(
        "quarantine",
        (source(Reason.QUARANTINE),),
        QUARANTINES,
        "a punch of a clock that was under quarantine when its life ended",
        f"if the worker was there: `{_DECLARE}` writes a correction down; else `{_CLOSE}`",
    ),
)

_MARK_EVENTS: Final[Mapping[str, tuple[Kind, ...]]] = {
    "offline": (Kind.CLOCK_OFFLINE,),
    "silent": (Kind.CLOCK_SILENT,),
    "never-heard": (Kind.CLOCK_SILENT,),
    "behind": (Kind.CLOCK_BEHIND,),
    "unsealed": (Kind.SEAL_LOST,),
    "memory": (Kind.CLOCK_UNHEALTHY, Kind.MEMORY_NEARLY_FULL, Kind.MEMORY_FULL),
}
_CLOCKS: Final = (
    Need(
        "clock_quarantined",
        (
            source(ClockState.QUARANTINED),
            *map(source, QUARANTINES),
        ),
        QUARANTINES,
        "a clock under quarantine: its punches wait, what its seal does not prove is kept aside",
        "`badgeclock bridge clock quarantine ITEM`, find out what happened, then "
        "`badgeclock bridge clock release ITEM --reason …` or `badgeclock bridge clock retire ITEM --reason …`",
    ),
    *(
        Need(
            f"clock_{name.replace('-', '_')}",
            (cause(name),),
            _MARK_EVENTS.get(name, (Kind.CLOCK_UNHEALTHY,)),
            f"a clock that is marked: {name}",
            to_do,
        )
        for name, to_do in health.TO_DO.items()
    ),
)


def _of_event(kind: Kind, what: str, to_do: str) -> Need:
    """An event that is open until somebody settles it."""
    return Need(kind.value, (source(kind),), (kind,), what, f"{to_do}; then `{_SETTLE}`")


def _until_done(kind: Kind, what: str, to_do: str) -> Need:
    """An event that is open until its cause is resolved, or somebody settles it."""
    return Need(kind.value, (source(kind),), (kind,), what, f"{to_do}, which ends it; or else `{_SETTLE}`")


_EVENTS: Final = (
    Need(
        Kind.AUTHORITY_AWAY.value,
        (source(Kind.AUTHORITY_AWAY),),
        (Kind.AUTHORITY_AWAY,),
        "the authority does not answer, or turns calls away; over when it answers",
        "what waits is sent by itself; if its code is SOA-01001 or SOA-01002: certificate and portal",
    ),
    _of_event(
        Kind.SECOND_NUMBER,
        "one presence has two numbers at the authority",
        "cancel the second in the authority's portal",
    ),
    _until_done(
        Kind.CANCEL_REFUSED,
        "the authority did not cancel what somebody asked to cancel",
        "see its reason, and cancel it again",
    ),
    _of_event(
        Kind.REGISTRATION_NOT_SENT,
        "what the office planned to register, and could not be sent",
        "see its reason; if the worker is there, `badgeclock bridge presence register` again, or the clock",
    ),
    _until_done(
        Kind.NATIONAL_NUMBER_CHANGED,
        "the authority has another number for a worker",
        "`badgeclock bridge worker set` with the new number",
    ),
    _of_event(
        Kind.CALL_REJECTED,
        "the authority, or a proxy before it, turned a whole call down",
        "its code says why: endpoint, rights at the portal, or a fault of ours",
    ),
    _of_event(
        Kind.ANSWER_UNPROVED,
        "an answer without the signature that is due",
        "the settings `service_certificate` and `algorithm_suite`; a program between bridge and service",
    ),
    _until_done(
        Kind.UNKNOWN_CLOCK,
        "a clock that was not added sends",
        "find who sends it, and add it with `badgeclock bridge clock add`",
    ),
    _of_event(
        Kind.FLOODED,
        "a clock sends so much that most of it is dropped",
        "revoke its certificate if it was stolen; else look at its firmware",
    ),
    _of_event(Kind.UNKNOWN_TOPIC, "somebody writes to a topic that no clock writes to", "find who has a certificate"),
    _of_event(Kind.MALFORMED_FRAME, "bytes that are no records", "if it comes again: the clock's firmware or network"),
    _until_done(Kind.NEWER_RECORD, "a record that only a newer version knows", "update the bridge"),
    _until_done(
        Kind.FOUNDED_ANEW,
        "a clock begins another chain",
        "`badgeclock bridge clock add` with the new bundle",
    ),
    _of_event(
        Kind.AFTER_RETIREMENT,
        "a record of a clock that was retired, kept aside",
        "find the device that sends it, and revoke its certificate",
    ),
    _of_event(
        Kind.UNSEALED_REFUSED,
        "a record without seal, of a clock that has not said that it lost its key",
        "provision the clock again",
    ),
    _of_event(
        Kind.STATUS_REFUSED, "a status that the clock did not make", "add its own bundle, or find who else sends"
    ),
    _of_event(
        Kind.QUARANTINE_FULL,
        "so many records of a clock are kept aside that no more are",
        "decide about the clock: release it, or retire it",
    ),
    _of_event(
        Kind.BADGE_UID_CLAIMED,
        "a card without a key of the site claimed the UID of a badge in use: one of the two is a copy",
        "find who laid it at the desk; if the worker's own card was made blank elsewhere, take that badge back",
    ),
    _of_event(
        Kind.ROSTER_REFUSED,
        "a clock did not take its roster; it is tried again every five minutes, and over when it takes one",
        "what the event says",
    ),
    _until_done(
        Kind.SETTINGS_REFUSED,
        "a clock refuses its settings",
        "order others with `badgeclock bridge clock settings CLOCK …`",
    ),
)

NEEDS: Final[Mapping[str, Need]] = {need.reason: need for need in (*_PRESENCES, *_PUNCHES, *_CLOCKS, *_EVENTS)}
"""By reason, in the order of the documentation."""

EVENT_NEEDS: Final[frozenset[str]] = frozenset(need.reason for need in _EVENTS)
"""Reasons whose rows are events themselves."""

_UNDER_WAY: Final = "it is under way, and what becomes too late waits with its own reason"
_DONE: Final = "it says what somebody, or the bridge, did"
_SHOWN: Final = "a clock's mark, or its quarantine, says it"

NOBODY: Final[Mapping[Source, str]] = {
    **dict.fromkeys(
        map(
            source,
            (
                PresenceState.QUEUED,
                PresenceState.SENT,
                PresenceState.REGISTERED,
                PresenceState.UNKNOWN,
                PresenceState.CANCELLING,
            ),
        ),
        _UNDER_WAY,
    ),
    source(PresenceState.VALIDATED): "nothing is left to do",
    source(PresenceState.CANCELLED): "a person decided it, or its reason of WAITING does",
    source(PresenceState.CLOSED): "a person decided it",
    source(PresenceState.WAITING): "its reason says what waits",
    source(PunchState.DECLARED): "its presence has the state",
    source(PunchState.DUPLICATE): "it is kept as evidence",
    source(PunchState.WAITING): "its reason says what waits",
    source(PunchState.CLOSED): "a person decided it",
    source(ClockState.ACTIVE): "its marks say what is wrong with it",
    source(ClockState.RETIRED): "it has ended",
    source(Kind.PRESENCE_WAITS): "the reason of the presence, or of the punch, says it",
    source(Kind.PRESENCE_ASSUMED): "why it is assumed says it",
    source(Kind.PRESENCE_CANCELLED): "the reason of the presence says it, if it was not a person's decision",
    source(Kind.SEAL_FAILED): "the record is asked for again; repeatedly, the clock is under quarantine",
    source(Kind.GAP): "the records are asked for again",
    source(Kind.STATUS_IGNORED): "a message that came late",
    source(Kind.ANSWER_LOST): "the authority is searched",
    **dict.fromkeys(
        map(
            source,
            (
                Kind.SEAL_LOST,
                Kind.MEMORY_FULL,
                Kind.MEMORY_NEARLY_FULL,
                Kind.CLOCK_OFFLINE,
                Kind.CLOCK_SILENT,
                Kind.CLOCK_BEHIND,
                Kind.CLOCK_UNHEALTHY,
            ),
        ),
        _SHOWN,
    ),
    **dict.fromkeys(
        map(
            source,
            (
                Kind.CLOCK_RELEASED,
                Kind.CLOCK_REPLACED,
                Kind.RETIREMENT_ORDERED,
                Kind.ORDER_GIVEN,
                Kind.ORDER_DONE,
                Kind.CLOCK_RETIRED,
                Kind.BADGE_ASSIGNED,
                Kind.BADGE_ISSUED,
                Kind.BADGE_REVOKED,
                Kind.BADGE_WIPED,
                Kind.BADGE_KEY_SET,
                Kind.SITE_KEY_CHANGED,
                Kind.SETTINGS_ORDERED,
                Kind.PRESENCE_KEPT,
                Kind.PRESENCE_CORRECTED,
                Kind.PRESENCE_DECLARED,
                Kind.PRESENCE_CLOSED,
                Kind.PRESENCE_BY_HAND,
                Kind.CANCEL_ASKED,
                Kind.CORRECTION_DONE,
                Kind.ATTENTION_SETTLED,
                Kind.WORKER_CHANGED,
                Kind.SITE_CHANGED,
                Kind.AUTHORITY_BACK,
            ),
        ),
        _DONE,
    ),
}
"""What needs nobody, and why."""


def sources() -> Iterator[Source]:
    """Every word of the code that must be in one of the two."""
    for words in (PresenceState, PunchState, Reason, Assumed, ClockState, Kind):
        yield from map(source, words)
    yield from map(cause, health.TO_DO)
    yield CORRECTION


def page_table() -> str:
    """The table of docs/operating.md, a line per reason."""
    lines = ["| reason | what waits | to do | events |", "|---|---|---|---|"]
    for need in NEEDS.values():
        events = ", ".join(f"`{kind.value}`" for kind in need.events)
        to_do = need.to_do.replace("|", r"\|")
        lines.append(f"| `{need.reason}` | {need.what} | {to_do} | {events} |")
    return "\n".join(lines)

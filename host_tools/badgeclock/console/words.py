"""The texts of the attention list's pages, and the buttons that settle items.

Each reason of the attention list (`bridge.attention.reasons`) has its title and what to do here, without a command; a
test checks that none is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from badgeclock.bridge.acts.acts import Asked
from badgeclock.bridge.acts.clock_acts import Order
from badgeclock.bridge.attention.attention import Row
from badgeclock.bridge.clocks import health
from badgeclock.bridge.registrar.decisions import CancelCode


class Said(NamedTuple):
    """The title of a reason, what to do, and what to do here after that."""

    title: str
    to_do: str
    then: str = ""


class Button(NamedTuple):
    """An act that a page offers: its name, its text, its effect, and its fields besides a reason."""

    act: Asked
    label: str
    effect: str
    fields: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


_SEEN: Final = "Then say here that you have seen to it."

SAID: Final[Mapping[str, Said]] = {
    "refused": Said(
        "Refused by the authority",
        "Correct what the code names (worker, employer or site), then send it again.",
    ),
    "remarks": Said(
        "Registered, with remarks", "Correct Dimona, Limosa or the declaration of works, as the remark says.", _SEEN
    ),
    "late": Said("Came too late", "Declare it, or close it if it is not to be declared."),
    "day_over": Said(
        "Its day is over", "Record a correction: the authority takes it as a file, within 30 days of the day."
    ),
    "no_authority": Said(
        "No authority takes it",
        "Set [movement_authority] in bridge.toml and start the bridge again; then send it again.",
    ),
    "cancelled": Said("Cancelled at the authority", "Was the worker there? Then declare it again. If not, close it."),
    "assumed_open_shift": Said(
        "Perhaps the end of yesterday's shift",
        "Ask the worker. Did they work today? Then it is right. If nobody came, cancel it before the day ends.",
    ),
    "assumed_no_in": Said(
        "Not sure that they came",
        "It was a going without a coming, or a first tap at night. Ask the worker. It is right, nobody came, or it was "
        "a movement the other way.",
    ),
    "assumed_way": Said("In or out is assumed", "Ask the worker. It is right, or it was the other way."),
    "assumed_corrected": Said(
        "Declared before a key said otherwise", "If there was no such movement, cancel it before the day ends."
    ),
    "correction_due": Said(
        "A correction for the authority",
        "Write its file on the bridge's machine (badgeclock bridge correction write) and send it. Once the authority "
        "has answered, say here what it said.",
    ),
    "unknown_badge": Said(
        "A badge nobody was given",
        "Ask who has the badge with this code, and give it to that worker: today's punches are then declared. If it "
        "is a visitor's, close it.",
    ),
    "unsealed_punch": Said(
        "Punches without a valid seal",
        "Have the clock provisioned again. If the worker has no presence that day, declare it; else close them.",
    ),
    "future": Said(
        "The clock's time is ahead", "Have the clock's time set right. Declare it once its moment has come."
    ),
    "no_time": Said("The clock had no time", "Say which day it was, and declare it; or close it."),
    "no_in": Said("Going without coming", "Declare it, or close it."),
    "which_employer": Said("Which employer?", "Say for which of the worker's employers it was, and declare it."),
    "no_direction": Said("In or out?", "Ask the worker. Then say which it was, and declare it."),
    "quarantine": Said("From a clock under quarantine", "Was the worker there? Then declare it. If not, close it."),
    "clock_quarantined": Said(
        "Clock under quarantine",
        "Find out what happened to the clock (its alarms are below), then release it. A clock that cannot go on is "
        "retired on the bridge's machine.",
    ),
    "authority_away": Said(
        "The authority does not answer",
        "Nothing: what waits is sent automatically. If its code is SOA-01001 or SOA-01002, look at the certificate and "
        "the portal.",
    ),
    "second_reception_number": Said("Registered twice", "Cancel the second number in the authority's portal.", _SEEN),
    "cancel_refused": Said("Cancelling was refused", "See its reason, and cancel it again.", _SEEN),
    "registration_not_sent": Said(
        "A planned registration was not sent",
        "See its reason. If the worker is there, register them again, or have them punch.",
        _SEEN,
    ),
    "national_number_changed": Said(
        "A national number has changed",
        "Bring the worker's number up to date on the bridge's machine (badgeclock bridge worker set).",
        _SEEN,
    ),
    "call_rejected": Said(
        "The authority rejected a call",
        "Its code says why: the endpoint, rights at the portal, or a fault of ours.",
        _SEEN,
    ),
    "answer_unproved": Said(
        "An answer without its signature",
        "Look at service_certificate and algorithm_suite in bridge.toml, and at who stands between bridge and "
        "authority.",
        _SEEN,
    ),
    "unknown_clock": Said("An unknown clock sends", "Find out who sends it, and have the clock added.", _SEEN),
    "flooded": Said(
        "A clock sends far too much", "If its certificate was stolen, have it revoked; else look at the clock.", _SEEN
    ),
    "unknown_topic": Said(
        "Somebody writes where no clock does", "Find out who has a certificate of the broker.", _SEEN
    ),
    "malformed_frame": Said(
        "Bytes that are no records", "If it happens again, look at the clock's firmware and network.", _SEEN
    ),
    "newer_record": Said("A record of a newer version", "Bring the bridge up to date.", _SEEN),
    "founded_anew": Said("A clock begins another chain", "Have its new bundle added.", _SEEN),
    "after_retirement": Said(
        "A retired clock sends", "Find the device that sends it, and have its certificate revoked.", _SEEN
    ),
    "unsealed_refused": Said("A record without seal", "Have the clock provisioned again.", _SEEN),
    "status_refused": Said(
        "A status that the clock did not make", "Have its own bundle added, or find out who else sends.", _SEEN
    ),
    "quarantine_full": Said("Too many records are set aside", "Decide about the clock: release or retire it.", _SEEN),
    "badge_uid_claimed": Said(
        "A copy of a badge",
        "Find out who laid the card on the reader. If it is the worker's own card, made blank elsewhere, take that "
        "badge back.",
        _SEEN,
    ),
    "roster_refused": Said("A clock did not take its list of badges", "What the event says.", _SEEN),
    "settings_refused": Said("A clock refuses its settings", "Order others for it.", _SEEN),
}

_CLOCK_TITLES: Final[Mapping[str, str]] = {
    "offline": "Clock offline",
    "silent": "Clock silent",
    "never-heard": "Clock never heard",
    "behind": "Clock keeps records that are not here",
    "reader-broken": "Clock reads no badges",
    "reader": "A wire of the clock's reader",
    "unsealed": "Clock cannot seal",
    "memory": "Clock's memory is nearly full",
    "time": "Clock's time is unsure",
    "certificate": "Clock's certificate ends soon",
    "wear": "Clock's flash is worn",
    "watchdog": "Clock hung and restarted",
    "restarts": "Clock keeps restarting",
    "tears": "Clock loses power while it writes",
    "display": "Clock's display is dark",
    "rtc": "Clock's time chip does not answer",
    "heap": "Clock is short of memory",
    "temperature": "Clock is too cold or too hot",
    "signal": "Weak signal at a clock",
    "case": "Clock's case is open",
}
_CLOCK_TO_DO: Final[Mapping[str, str]] = {
    "never-heard": "look at its power and network; if it is not to come, have it retired",
    "reader-broken": "have its reader looked at: docs/troubleshooting.md has the clock's word",
    "unsealed": "have it provisioned again, once its records are here",
    "certificate": "have its certificate renewed, and the clock provisioned over the cable",
}
"""Shown where there would otherwise be a command."""
_OF_CLOCK: Final = "clock_"


def said(reason: str) -> Said:
    """The texts of a reason."""
    if reason in SAID:
        return SAID[reason]
    cause = cause_of(reason)
    to_do = _CLOCK_TO_DO.get(cause, health.TO_DO[cause])
    return Said(_CLOCK_TITLES[cause], f"{to_do[0].upper()}{to_do[1:]}.")


def cause_of(reason: str) -> str:
    """The cause of a clock's mark (`clocks.health`), from its reason in the list."""
    return reason.removeprefix(_OF_CLOCK).replace("_", "-")


_SETTLE: Final = Button(Asked.SETTLE, "Seen to", "It leaves the list.")
_CLOSE: Final = Button(Asked.CLOSE, "Close", "It is not declared, or was declared by other means.")
_CLOSE_BADGE: Final = Button(
    Asked.CLOSE_BADGE, "Close", "Every waiting punch of this badge leaves the list, and is not declared."
)
_KEEP: Final = Button(Asked.KEEP, "It is right", "It stays as it was declared.")
_CANCEL: Final = Button(
    Asked.CANCEL, "Cancel", "It is cancelled at the authority, until the end of the day.", ("code",)
)
_AGAIN: Final = Button(
    Asked.CORRECT, "Send again", "It is declared with the office's present data, or with what you fill in.",
    ("worker", "site", "employer"),
)  # fmt: skip
_OTHER_WAY: Final = Button(
    Asked.CORRECT, "It was the other way", "It is cancelled, and declared the other way.", ("way",), ("way",)
)
_DECLARE: Final = Button(Asked.DECLARE, "Declare", "It is declared with the time that its clock sealed.")
_BUTTONS: Final[Mapping[str, tuple[Button, ...]]] = {
    "assumed_open_shift": (_KEEP, _CANCEL),
    "assumed_no_in": (_KEEP, _CANCEL, _OTHER_WAY),
    "assumed_way": (_KEEP, _OTHER_WAY, _CANCEL),
    "assumed_corrected": (_KEEP, _CANCEL),
    "remarks": (_SETTLE,),
    "correction_due": (
        Button(Asked.CORRECTION_DONE, "It has answered", "What waited is closed. Give its answer as the reason."),
        Button(Asked.CORRECTION_WITHDRAWN, "Withdraw", "It is not asked for; its item waits as before."),
    ),
    "unknown_badge": (
        Button(
            Asked.GIVE_BADGE, "Give the badge", "Its punches of today are declared at once.", ("worker", "employer"),
            ("worker",),
        ),
        _CLOSE_BADGE,
    ),
    "unsealed_punch": (_DECLARE, _CLOSE_BADGE),
    "which_employer": (_DECLARE._replace(fields=("employer",), needs=("employer",)), _CLOSE),
    "no_direction": (_DECLARE._replace(fields=("way",), needs=("way",)), _CLOSE),
    "no_time": (_DECLARE._replace(fields=("day",), needs=("day",)), _CLOSE),
    "clock_quarantined": (
        Button(Asked.RELEASE_CLOCK, "Release the clock", "Its punches of today that waited are declared."),
    ),
    "authority_away": (),
}  # fmt: skip


_SILENCE: Final = Button(
    Asked.SILENCE_CLOCK, "It is known", "It leaves the list until it is over, and comes back if it does.", ("cause",)
)


class Several(NamedTuple):
    """An act for several things at once with one reason: its word in an address, and its acts."""

    word: str
    label: str
    acts: tuple[Asked, ...]


SEVERAL: Final = (
    Several("seen", "Seen to", (Asked.SETTLE,)),
    Several("right", "It is right", (Asked.KEEP,)),
    Several("again", "Send again", (Asked.CORRECT,)),
    Several("declare", "Declare", (Asked.DECLARE,)),
    Several("close", "Close", (Asked.CLOSE, Asked.CLOSE_BADGE)),
    Several("known", "It is known", (Asked.SILENCE_CLOCK,)),
)


def several_button(row: Row, several: Several) -> Button | None:
    """The act of `several` about one thing, if it needs nothing but a reason there."""
    return next((one for one in buttons_of(row) if one.act in several.acts and not one.needs), None)


def several_of(rows: Iterable[Row]) -> list[Several]:
    """Acts for several waiting things at once."""
    return [one for one in SEVERAL if any(several_button(row, one) for row in rows)]


def every_button() -> Iterator[Button]:
    """Every act that some page offers."""
    yield from (_SETTLE, _CLOSE, _DECLARE, _AGAIN, _SILENCE)
    for buttons in _BUTTONS.values():
        yield from buttons


def buttons_of(row: Row) -> tuple[Button, ...]:
    """The acts offered for an item."""
    if row.reason in _BUTTONS and (row.reason != "no_time" or "/" in row.item):
        return _BUTTONS[row.reason]
    if row.reason.startswith(_OF_CLOCK):
        return (_SILENCE,)
    if row.item.startswith("event/"):
        return (_SETTLE,)
    return (_DECLARE, _CLOSE) if "/" in row.item else (_AGAIN, _CLOSE)


DONE: Final[Mapping[Asked, str]] = {
    Asked.SETTLE: "Seen to: it has left the list.",
    Asked.KEEP: "It stays as it was declared.",
    Asked.CANCEL: "It is being cancelled at the authority.",
    Asked.CORRECT: "It is being put right.",
    Asked.CLOSE: "Closed: it has left the list.",
    Asked.CLOSE_BADGE: "Closed: its punches have left the list.",
    Asked.DECLARE: "It is declared; its number follows.",
    Asked.GIVE_BADGE: "The badge is given; today's punches of it are being declared.",
    Asked.RELEASE_CLOCK: "The clock is released.",
    Asked.CORRECTION_DONE: "The correction is done, and what waited is closed.",
    Asked.CORRECTION_WITHDRAWN: "The correction is withdrawn.",
    Asked.ORDER_CLOCK: "Ordered: clocks that are online do it now, others when they connect.",
    Asked.SET_CLOCK: "The settings are ordered; the clock takes them, or says why not.",
    Asked.SILENCE_CLOCK: "It has left the list, and comes back if the trouble does.",
    Asked.END_SILENCE: "It is in the list again as long as the trouble lasts.",
    Asked.TAKE_BADGE: "The badge is taken back: clocks no longer accept it.",
    Asked.ENGAGE: "The engagement is saved.",
    Asked.CHANGE_WORKER: "The worker is changed; what was declared stays as it was.",
    Asked.CHANGE_SITE: "The site is changed; what was declared stays as it was.",
    Asked.NAME_EMPLOYER: "The employer is saved.",
    Asked.MAKE_ACCOUNT: "The account is made.",
    Asked.CHANGE_ACCOUNT: "The account is changed, from its next page on.",
    Asked.RESET_ACCOUNT: "It has a new first password, and no codes.",
    Asked.LOCK_ACCOUNT: "The account is locked, and signed out everywhere.",
    Asked.UNLOCK_ACCOUNT: "Its owner can sign in again.",
    Asked.END_SESSIONS: "It is signed out everywhere.",
    Asked.END_ACCOUNT: "The account has ended.",
}
ORDERS: Final[Mapping[Order, str]] = {
    Order.IDENTIFY: "Show its name and sound",
    Order.SELF_TEST: "Try every part",
    Order.RESTART: "Restart, when no badge is near",
    Order.CAPTURE: "Report its last lines and failures",
}
"""The orders for a clock."""
CANCEL_CODES: Final[Mapping[CancelCode, str]] = {
    CancelCode.PLANNING: "the planning changed",
    CancelCode.HOLIDAY: "holiday",
    CancelCode.DISEASE: "illness",
    CancelCode.C32A: "temporary unemployment (C3.2A)",
}
"""The authority's own reasons."""
WRONG_SIGN_IN: Final = "Name, password or code is wrong."
TOO_MANY: Final = "Too many attempts. Try again in %(minutes)d minutes."
WRONG_PROVIDER: Final = "The provider's answer was not accepted. Try again; if it fails again, ask an administrator."
NO_ACCOUNT: Final = "No account here belongs to that person. Ask an administrator."
AWAY_PROVIDER: Final = "The provider does not answer. Try again, or ask an administrator."
WRONG: Final = (WRONG_SIGN_IN, TOO_MANY, WRONG_PROVIDER, NO_ACCOUNT, AWAY_PROVIDER)
SAVED: Final = frozenset({Asked.SHOW_NAMES})
"""Further acts of pages, without a text."""
FILED: Final = "filed"
"""For an act that the authority accepts only as a file."""
FILED_SAID: Final = (
    "The authority's service takes no more of it: a correction is written down, which waits in this list until its "
    "file is sent."
)
SEVERAL_DONE: Final = "What was chosen is done."
POSTER: Final = (
    "Everybody registers before work begins.",
    "Number of this workplace",
    "For the office: scan to open this site's page",
)
"""The texts of a site's poster, in all four languages."""


def done_text(done: str) -> str:
    """The English message for the act named in an address; empty for an unknown one."""
    if done == FILED:
        return FILED_SAID
    if done == "several":
        return SEVERAL_DONE
    return DONE[Asked(done)] if done in DONE else ""

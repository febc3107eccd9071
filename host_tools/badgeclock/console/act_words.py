"""The acts of the book in words, and what an act can be about; a test checks that none is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from badgeclock.bridge.store.audit_log import Act

ACTS: Final[Mapping[Act, str]] = {
    Act.EMPLOYER_ADDED: "Employer added",
    Act.EMPLOYER_CHANGED: "Employer changed",
    Act.SITE_ADDED: "Site added",
    Act.SITE_CHANGED: "Site changed",
    Act.SITE_KEY_SET: "Site's key set",
    Act.BADGE_KEY_SET: "Key of the site's cards set",
    Act.WORKER_ADDED: "Worker added",
    Act.WORKER_CHANGED: "Worker changed",
    Act.WORKER_ENGAGED: "Worker engaged",
    Act.WORKER_ERASED: "Worker erased",
    Act.WORKER_EXPORTED: "Worker's data handed over",
    Act.BADGE_ASSIGNED: "Badge given",
    Act.BADGE_ISSUED: "Card issued",
    Act.BADGE_REVOKED: "Badge taken back",
    Act.BADGE_WIPED: "Card made blank",
    Act.PRESENCE_CANCEL_ASKED: "Cancellation asked for",
    Act.PRESENCE_CORRECTED: "Presence corrected",
    Act.PRESENCE_CLOSED: "Presence closed",
    Act.PRESENCE_KEPT: "Presence confirmed as right",
    Act.PRESENCE_REGISTERED: "Presence registered by hand",
    Act.REGISTRATION_PLANNED: "Registration planned",
    Act.REGISTRATION_WITHDRAWN: "Planned registration taken back",
    Act.CORRECTION_FILED: "Correction noted for the authority",
    Act.CORRECTION_WRITTEN: "File of corrections written",
    Act.CORRECTION_DONE: "Correction answered",
    Act.CORRECTION_WITHDRAWN: "Correction withdrawn",
    Act.ATTENTION_SETTLED: "Seen to",
    Act.PUNCH_DECLARED: "Punch declared",
    Act.PUNCH_CLOSED: "Punch closed",
    Act.CLOCK_ADDED: "Clock added",
    Act.CLOCK_RELEASED: "Clock released",
    Act.CLOCK_ORDERED: "Order to a clock",
    Act.CLOCK_SETTINGS_ORDERED: "Settings sent to a clock",
    Act.CLOCK_RETIREMENT_ORDERED: "Clock's retirement ordered",
    Act.CLOCK_ENDED: "Clock ended",
    Act.CLOCK_SILENCED: "Clock's trouble silenced",
    Act.CLOCK_SILENCE_ENDED: "Silence of a clock ended",
    Act.IMPORTED: "List imported",
    Act.PLAN_PUT: "Plan of a day given",
    Act.PLAN_WITHDRAWN: "Plan of a day taken away",
    Act.DIMONA_PUT: "Dimona period noted",
    Act.WORKS_PUT: "Declared works noted",
    Act.TOKEN_MADE: "Planning tool's token made",
    Act.TOKEN_REVOKED: "Planning tool's token ended",
    Act.ACCOUNT_MADE: "Account made",
    Act.ACCOUNT_CHANGED: "Account changed",
    Act.ACCOUNT_ENDED: "Account ended",
    Act.SIGNED_IN: "Signed in",
    Act.NAMES_SHOWN: "Names opened",
    Act.NUMBERS_SHOWN: "National numbers opened",
    Act.LINK_MADE: "Link made",
    Act.LINK_OPENED: "Link opened",
    Act.LINK_REVOKED: "Link ended",
    Act.HOURS_EXPORTED: "Hours exported",
    Act.DATA_KEY_ADDED: "New data key",
    Act.DATA_KEY_RETIRED: "Old data key taken away",
    Act.DELETED: "Old data deleted",
    Act.BACKED_UP: "Backup made",
    Act.RESTORED: "Backup restored",
}
SUBJECTS: Final[Mapping[str, str]] = {
    "worker": "worker",
    "site": "site",
    "employer": "employer",
    "clock": "clock",
    "presence": "presence",
    "punch": "punch",
    "badge": "badge",
    "correction": "correction",
    "corrections": "corrections",
    "registration": "planned registration",
    "event": "event",
    "account": "account",
    "token": "token",
    "link": "link",
    "plan": "plan",
    "card": "card",
    "store": "store",
}


def of_act(act: str) -> str:
    """An act in words; one of a newer version by its name."""
    return ACTS[Act(act)] if act in set(Act) else act


def of_subject(subject: str) -> tuple[str, str]:
    """The words and the number of what an act is about; without a number, or unknown, as the book has it."""
    kind, _, number = subject.partition(" ")
    return SUBJECTS.get(kind, kind), number

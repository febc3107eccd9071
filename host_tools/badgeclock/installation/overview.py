"""The state of an installation on one screen: its parts, today, open items, what expires next. Read-only."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from badgeclock.bridge.attention import attention, validity
from badgeclock.bridge.clocks import registry
from badgeclock.bridge.presences import today
from badgeclock.bridge.presences.attendance import Status
from badgeclock.bridge.settings import BridgeSettings
from badgeclock.bridge.store import forms, presence_counts
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import ClockState, PresenceState
from badgeclock.errors import BadgeclockError
from badgeclock.installation import checks
from badgeclock.installation.findings import Machine

SITES_MOST: Final = 12
"""This many fit on the screen; the others are only counted."""
_UNDER_WAY: Final = (PresenceState.QUEUED, PresenceState.SENT, PresenceState.UNKNOWN)


@dataclass(frozen=True)
class Line:
    """One line: its subject, its text, and whether it needs attention."""

    about: str
    says: str
    is_wrong: bool = False


def look(machine: Machine) -> list[Line]:
    """All lines. Raises SettingsError for a machine without a bridge, or with invalid settings."""
    own = machine.settings
    assert own is not None  # the caller imports it
    lines = [_bridge(own), *_broker(machine), *_store(machine, own)]
    with closing(Store.for_reading(own.store.url)) as store:
        try:
            store.check()
        except BadgeclockError:
            return lines
        with store.read() as connection:
            lines += _within(connection, own, machine.now_ms)
    return lines


def _bridge(own: BridgeSettings) -> Line:
    runs = checks.is_running(own)
    return Line("bridge", "runs" if runs else "does not run, or not as you", not runs)


def _broker(machine: Machine) -> list[Line]:
    found = list(checks.broker(machine))
    own = machine.settings
    assert own is not None
    said = found[0].what if found else "reached"
    return [Line("broker", f"{own.broker.host}:{own.broker.port} {said}", bool(found))]


def _store(machine: Machine, own: BridgeSettings) -> list[Line]:
    found = list(checks.store(machine))
    free = shutil.disk_usage(checks.state_folder(own)).free // 1_000_000_000 if checks.state_folder(own).is_dir() else 0
    said = found[0].what if found else f"form {forms.NEWEST}"
    return [Line("store", f"{own.store.url.partition(':')[0]}, {said}; {free} GB free", bool(found))]


def _within(connection: Connection, own: BridgeSettings, now_ms: int) -> list[Line]:
    waiting = {reason: number for reason, number in attention.counts(connection, now_ms).items() if number}
    states = presence_counts.by_state(connection)
    under_way = sum(states.get(state, 0) for state in _UNDER_WAY)
    away = "authority_away" in waiting
    says = f"{own.authority.kind}; {under_way} under way{', it is away' if away else ''}"
    lines = [Line("authority", says, away), _clocks(connection)]
    lines += _today(connection, now_ms)
    said = ", ".join(f"{reason} {number}" for reason, number in waiting.items())
    lines.append(Line("waits", said or "nothing", bool(waiting)))
    lines.append(_calls(own))
    endings = [*validity.of_files(own), *validity.of_store(connection, now_ms)]
    if endings:
        first = min(endings, key=lambda one: one.until_ms)
        left = first.days_left(now_ms)
        says = f"{first.holder.value} ({first.name}) in {left} days"
        lines.append(Line("ends next", says, validity.step_of(first, now_ms) is not None))
    return lines


def _calls(own: BridgeSettings) -> Line:
    mails, hook = len(own.notices.email_to), bool(own.notices.webhook_url)
    ways = (
        [f"{mails} by e-mail"] * bool(mails) + ["a webhook"] * hook + ["a heartbeat"] * bool(own.notices.heartbeat_url)
    )
    return Line("called", ", ".join(ways) or "nobody: [notices] is empty")


def _clocks(connection: Connection) -> Line:
    total = sum(number for (state, _), number in registry.counts(connection).items() if state != ClockState.RETIRED)
    marks = Counter[str]()
    for (mark, _), number in registry.marked(connection).items():
        marks[mark] += number
    wrong = ", ".join(f"{number} {mark}" for mark, number in marks.items() if number)
    return Line(
        "clocks", f"{total}{f'; {wrong}' if wrong else ', all well' if total else ''}", bool(wrong) or not total
    )


def _today(connection: Connection, now_ms: int) -> list[Line]:
    places = today.look(connection, now_ms).places
    lines = []
    for place in places[:SITES_MOST]:
        counts = place.counts()
        here = [one for one in place.people if one.status in (Status.HERE, Status.BREAK)]
        without = sum(one.number is None for one in here)
        missing = counts[Status.MISSING]
        parts = [f"{len(here)} here"]
        parts += [f"{without} without number"] if without else []
        parts += [f"{missing} expected and not come"] if missing else []
        lines.append(Line(" + ".join(place.sites), ", ".join(parts), bool(without or missing)))
    if len(places) > SITES_MOST:
        lines.append(Line("more sites", f"{len(places) - SITES_MOST}; badgeclock bridge today"))
    return lines or [Line("today", "nobody is at a site, and nobody is expected")]

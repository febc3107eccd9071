"""What a stolen clock gives away, as far as the store shows, and the remedies: done, open, or unknown here.

Anyone who has a clock can read its flash: its certificate, its site's key, the read master of the site's badges, the
password of the Wi-Fi, and its own link key. It cannot have what was replaced after its last message.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, select

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import badge_keys
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.event_log import Kind
from badgeclock.bridge.store.states import ClockState, DeskState

_SEALED_DESK: Final = 2
"""From this form of desk frames on, the flash has no key of a job (docs/protocol.md §6)."""


class State(StrEnum):
    """The state of a step."""

    DONE = "done"
    OPEN = "open"
    ASK = "ask"
    """Not recorded here: a person must answer."""


class Step(NamedTuple):
    """A secret of a stolen clock, what it allows, and what to do (empty: nothing)."""

    name: str
    state: State
    what: str
    do: str = ""


def steps(connection: Connection, clock: str) -> list[Step]:
    """Done and open steps for a stolen clock (by id), except its certificate; raises PeopleError."""
    table, sites = schema.clocks, schema.sites
    found = select(table, sites.c.name.label("site"), sites.c.site_keys.label("keys_now"))
    row = connection.execute(
        found.add_columns(sites.c.key_changed_ms, sites.c.badge_root_closed)
        .join(sites, sites.c.id == table.c.site_id)
        .where(table.c.name == clock)
        .order_by(table.c.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise PeopleError(f"there is no clock {clock!r}", "look at `badgeclock bridge clock list`")
    return [
        _records(row),
        _site_key(connection, row),
        *_badge_root(connection, row),
        Step(
            "Wi-Fi password",
            State.ASK,
            "the clock has it in the clear; what else is in that network is open to the thief",
            "change it at the access point, and provision the other clocks of the network with it",
        ),
        _desk(connection, row),
        *_by_uid(connection, row),
    ]


def _records(row: Any) -> Step:
    if row.state == ClockState.RETIRED:
        return Step("records", State.DONE, "the bridge takes nothing more of this clock")
    return Step(
        "records",
        State.OPEN,
        "the bridge still takes what the clock sends: with its key the thief makes punches, none of before the theft",
        f"badgeclock bridge clock retire {row.name} --gone --reason stolen",
    )


def _site_key(connection: Connection, row: Any) -> Step:
    name = "site key"
    if row.keys_now <= row.site_keys:
        return Step(
            name,
            State.OPEN,
            "the thief can find the UIDs of the site's badges from their tokens, all of 4 bytes in ten minutes, and "
            "who is there from what the broker passes on",
            f"badgeclock site new-key {row.site!r}, then `badgeclock ca export --site` and `badgeclock bridge site set "
            "--key`, then provision its clocks",
        )
    behind = [clock for clock in badge_keys.without_last_key(connection, row.site_id) if clock != row.name]
    if behind:
        return Step(
            name, State.OPEN, f"these clocks do not have the new one yet: {', '.join(behind)}", "provision each of them"
        )
    if row.key_changed_ms is not None:
        return Step(
            name,
            State.OPEN,
            "every clock has the new one, and the store still has the tokens of the old one",
            f"badgeclock bridge site set --name {row.site!r} --forget-old-key",
        )
    return Step(name, State.DONE, "the site's clocks make their tokens with a key that the thief does not have")


def _badge_root(connection: Connection, row: Any) -> list[Step]:
    """The read master of cards that prove themselves, if the site has any."""
    if row.badge_root_closed is None:
        return []
    events, badges = schema.events, schema.badges
    changed = select(func.max(events.c.last_ms)).where(
        events.c.kind == Kind.BADGE_KEY_SET, events.c.detail == f"the site {row.site} has another badge key"
    )
    changed_ms = connection.execute(changed).scalar()
    name = "badge root"
    if changed_ms is None or changed_ms <= (row.status_ms or 0):
        return [
            Step(
                name,
                State.OPEN,
                "the thief can read the number of a card that is held to a reader of theirs, and imitate that card",
                "move the workshop's sites/….badge.key away, provision the clocks, give the new one to the bridge with "
                "`badgeclock ca export --badge-key` and `badgeclock bridge site set --badge-key`, and issue the badges "
                "again",
            )
        ]
    old = select(func.count()).where(
        badges.c.site_id == row.site_id,
        badges.c.until_ms.is_(None),
        badges.c.form.is_not(None),
        badges.c.since_ms < changed_ms,
    )
    count = connection.execute(old).scalar_one()
    if count:
        return [
            Step(name, State.OPEN, f"it was replaced; badges with keys of the old one: {count}", "issue them again")
        ]
    return [Step(name, State.DONE, "it was replaced, and every badge that proves itself was issued since")]


def _desk(connection: Connection, row: Any) -> Step:
    name = "desk keys"
    if ((row.status or {}).get("desk") or 1) >= _SEALED_DESK:
        return Step(name, State.DONE, "each job had its own key, which left the flash as the job began")
    jobs = schema.desk_jobs
    issued = select(func.count()).where(
        jobs.c.clock == row.name, jobs.c.kind == "issue", jobs.c.state == DeskState.DONE
    )
    count = connection.execute(issued).scalar_one()
    if not count:
        return Step(name, State.DONE, "no badge was issued at this clock")
    return Step(
        name,
        State.OPEN,
        f"badges issued at this clock: {count}; a recording of the broker's messages gives the keys of those cards",
        "issue them again, at a clock whose firmware is of today",
    )


def _by_uid(connection: Connection, row: Any) -> list[Step]:
    badges = schema.badges
    plain = select(func.count()).where(
        badges.c.site_id == row.site_id, badges.c.until_ms.is_(None), badges.c.form.is_(None)
    )
    count = connection.execute(plain).scalar_one()
    if not count:
        return []
    return [
        Step(
            "badges by UID",
            State.OPEN,
            f"{count} badges of the site are known by their UID, which the thief may know by now; no new key changes a "
            "UID, and a card with any UID can be bought",
            "give these workers badges that prove themselves: `badgeclock badge issue`",
        )
    ]

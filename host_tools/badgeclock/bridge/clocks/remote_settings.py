"""Settings that operators change from the office: each clock's target, and how it is reached.

`SETTINGS` is the one list of what can be set, and how it is parsed; firmware accepts the same names
(app.settings.REMOTE). The ordered settings are in the store. The running bridge (`settings_sender`) sends them to the
clock whenever it is online and reports another version in its STATUS. The clock decides: it restarts with the settings,
or reports why it refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, func, or_, select, update

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.store import audit_log, event_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import ClockState
from badgeclock.protocol import frames
from badgeclock.protocol.errors import FrameRefused

AGAIN_MS: Final = 30_000


def _matching(pattern: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError
        return text

    return read


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or not lowest <= int(text) <= highest:
            raise ValueError
        return int(text)

    return read


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError from None
    return text


class Setting(NamedTuple):
    """How a value is parsed (ValueError: invalid), and the text on what it must be."""

    read: Callable[[str], Any]
    must_be: str


SETTINGS: Final[Mapping[str, Setting]] = {
    "site": Setting(
        _matching(r"[ -~…\u2019ÀÁÂÄÆÇÈÉÊËÍÎÏÓÔÖŒÙÚÛÜŸàáâäæçèéêëíîïóôöœùúûüÿß]{1,40}"),
        "1 to 40 letters of English, Dutch, French and German; others come with `clock provision`",
    ),
    "language": Setting(_matching(r"[a-z]{2,8}"), "en, or the name of a language that is on the clock: nl"),
    "direction": Setting(_matching(r"auto|in|out"), "auto, in or out"),
    "duplicate_window_s": Setting(_whole(0, 3600), "a whole number from 0 to 3600"),
    "timezone": Setting(_zone, "a time zone that the clock supports: Europe/Brussels"),
    "heartbeat_s": Setting(_whole(10, 3_600), "a whole number from 10 to 3600"),
    "message_s": Setting(_whole(1, 9), "a whole number from 1 to 9"),
    "volume": Setting(_whole(0, 3), "a whole number from 0 to 3"),
    "quiet_hours": Setting(
        _matching(r"|([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]"), "like 22:00-06:00, or empty"
    ),
    "direction_hours": Setting(_whole(1, 48), "a whole number from 1 to 48"),
    "ntp": Setting(_matching(r"|[A-Za-z0-9][A-Za-z0-9.-]{0,252}"), "the name or IPv4 address of a host, or empty"),
}
"""By name, in the order of docs/protocol.md §10."""


class Ordered(NamedTuple):
    """The ordered settings: their version, and whether the clock is online."""

    version: int
    online: bool


class Due(NamedTuple):
    """A clock that is online and reports another version than wanted."""

    clock_id: int
    name: str
    session: bytes
    version: int
    wanted: dict[str, Any]


def parse(changes: list[str]) -> dict[str, Any]:
    """The settings in words like `volume=2`; raises PeopleError."""
    wanted = {}
    for change in changes:
        name, equals, text = change.partition("=")
        setting = SETTINGS.get(name)
        if setting is None or not equals:
            raise PeopleError(
                f"{change[:40]!r} is no setting of a clock", f"give one of {', '.join(SETTINGS)}, as name=value"
            )
        try:
            wanted[name] = setting.read(text)
        except ValueError:
            raise PeopleError(f"{name} cannot be {text[:40]!r}", f"it must be {setting.must_be}") from None
    return wanted


def order(connection: Connection, name: str, changes: Mapping[str, Any], *, by: str, now_ms: int) -> Ordered:
    """Order these settings for a clock, in addition to those ordered before; raises PeopleError if it is not in use."""
    table = schema.clocks
    in_use = (table.c.name == name) & (table.c.state != ClockState.RETIRED)
    row = connection.execute(select(table).where(in_use).with_for_update()).one_or_none()
    if row is None:
        raise PeopleError(f"no clock {name!r} is in use", "look at `badgeclock bridge clock list`")
    wanted = {**(row.settings_wanted or {}), **changes}
    version = max(row.settings_version, row.settings_told or 0, row.settings_refused or 0) + 1
    try:
        frames.pack_settings(version, wanted)
    except FrameRefused:
        raise PeopleError("so many settings do not fit one frame", "give shorter texts") from None
    connection.execute(
        update(table).where(table.c.id == row.id).values(settings_version=version, settings_wanted=wanted)
    )
    listed = ", ".join(f"{key}={value}" for key, value in changes.items())
    happened = Event(Severity.INFO, event_log.Kind.SETTINGS_ORDERED, f"version {version} by {by}: {listed}", name)
    event_log.write(connection, [happened], now_ms)
    event_log.settle(connection, event_log.Kind.SETTINGS_REFUSED, now_ms, clock=name)
    audit_log.write(connection, Operator(by), Act.CLOCK_SETTINGS_ORDERED, ("clock", row.id), dict(changes), now_ms)
    return Ordered(version, row.online)


def listing(connection: Connection, name: str | None = None) -> list[dict[str, Any]]:
    """Present and wanted rosters and settings of clocks in use; None as a reported version: the clock supports none."""
    table, sites = schema.clocks, schema.sites
    statement = (
        select(table, sites.c.name.label("site"), sites.c.roster_changes)
        .join(sites, sites.c.id == table.c.site_id)
        .where(table.c.state != ClockState.RETIRED)
        .order_by(table.c.name)
    )
    if name is not None:
        statement = statement.where(table.c.name == name)
    rows = connection.execute(statement).all()
    if name is not None and not rows:
        raise PeopleError(f"no clock {name!r} is in use", "look at `badgeclock bridge clock list`")
    return [
        {"clock": row.name, "site": row.site, "state": row.state, "online": row.online, **describe(row)} for row in rows
    ]


def describe(row: Any) -> dict[str, Any]:
    """Present and wanted versions of both for a clock; `row` is of a clock with its site's `roster_changes`."""
    status = row.status or {}
    refused = status.get("settings_refused")
    has_number = row.roster_of == row.roster_changes
    return {
        "settings_wanted": row.settings_wanted or {},
        "settings_version": row.settings_version,
        "settings_told": row.settings_told,
        "settings_refused": refused[1] if refused and refused[0] == row.settings_version else None,
        "roster_version": row.roster_version if has_number else None,
        "roster_told": row.roster_told,
        "roster_entries": (status.get("roster") or [None, None])[1],
    }


def _stale() -> Any:
    """Clocks that support settings and have others than wanted."""
    table = schema.clocks
    return (
        (table.c.state == ClockState.ACTIVE)
        & (table.c.settings_version > 0)
        & table.c.settings_told.is_not(None)
        & (table.c.settings_told != table.c.settings_version)
    )


def stale(connection: Connection) -> int:
    """How many clocks in use have other settings than wanted, online or not."""
    return connection.execute(select(func.count()).select_from(schema.clocks).where(_stale())).scalar_one()


def due(connection: Connection) -> list[Due]:
    """Online clocks that need their settings; a version that the clock refused is not sent again."""
    table = schema.clocks
    refused = or_(table.c.settings_refused.is_(None), table.c.settings_refused != table.c.settings_version)
    rows = connection.execute(select(table).where(_stale(), table.c.online, refused).order_by(table.c.id))
    return [Due(row.id, row.name, row.session, row.settings_version, row.settings_wanted) for row in rows]


def lift_versions(connection: Connection, clock_ids: Sequence[int]) -> None:
    """Number the wanted settings above what these clocks (rows) report.

    A clock that reports a version above the wanted one got it from a lost store. The wanted settings are sent under
    their new number in the next round.
    """
    table = schema.clocks
    above = table.c.id.in_(clock_ids) & (table.c.settings_told > table.c.settings_version)
    connection.execute(update(table).where(above).values(settings_version=table.c.settings_told + 1))

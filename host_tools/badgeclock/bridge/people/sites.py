"""Sites: the places of presences, their rule for declaring, and the key that turns badge ids into tokens.

Every function takes the connection of an open transaction (`Store.write`), so that several acts can be one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, func, select, update

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people.checks import LANGUAGE, composed, one_line
from badgeclock.bridge.people.rows import add_row, change_row, named
from badgeclock.bridge.presences.regimes import LONGEST_SHIFT_H, Regime, local_day
from badgeclock.bridge.store import audit_log, event_log, schema
from badgeclock.bridge.store.audit_log import Act, Change, Operator
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.vault import SITE_KEY, Vault

TIME_ZONE: Final = "Europe/Brussels"
SITE_KEY_BYTES: Final = 32
_WORKPLACE_CHARACTERS: Final = 13
_LANGUAGES_MOST: Final = 8
_SHIFT_H: Final = (4, 24)
_NIGHT_HOURS: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]")
_DEADLINE: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_DEADLINE_MINUTES_MOST: Final = 720
_POST_CODE: Final = re.compile(r"[1-9][0-9]{3}")


class Address(NamedTuple):
    """A Belgian address, in the fields that the authority requires."""

    street: str
    house_number: str
    box: str
    post_code: str
    municipality: str


@dataclass(frozen=True, slots=True)
class Site:
    """A site as the office describes it. `workplace` is its number in the declaration of works; coordinates are WGS 84
    degrees; `languages` are ISO 639-1 codes, the most common first. `longest_shift_h` and `night_hours` ("22:00-06:00",
    empty for none) decide which shifts the first punch of a day can end. `next_regime` applies from the local day
    `regime_from` on; both None: no change is planned. `deadline` is the time ("08:30") by which everybody there has a
    number, and a notice is sent `deadline_minutes` before; empty and None: as the bridge's settings say.
    """

    name: str
    workplace: str
    regime: Regime = Regime.CONSTRUCTION
    time_zone: str = TIME_ZONE
    address: Address | None = None
    latitude: float | None = None
    longitude: float | None = None
    languages: tuple[str, ...] = ()
    longest_shift_h: int = LONGEST_SHIFT_H
    night_hours: str = ""
    next_regime: Regime | None = None
    regime_from: date | None = None
    deadline: str = ""
    deadline_minutes: int | None = None


def add(
    connection: Connection,
    vault: Vault,
    *,
    name: str,
    workplace: str,
    regime: Regime,
    site_key: bytes,
    time_zone: str = TIME_ZONE,
) -> int:
    """Add a site; `workplace` is its number in the declaration of works, `site_key` its clocks' key (`set_key`)."""
    if find_row(connection, name) is not None:
        raise PeopleError(f"the site {name!r} is there already", "choose another name")
    added = put(connection, Site(name, workplace, regime, time_zone))
    set_key(connection, vault, name, site_key)
    return added.id


def put(connection: Connection, site: Site) -> Change:
    """Add a site by its name, or update the existing one. Its keys are set separately."""
    site = replace(site, name=composed(site.name))
    values = _site_columns(site)
    table = schema.sites
    row = find_row(connection, site.name)
    if row is None:
        number = add_row(connection, table, name=site.name, **values)
        return Change("site", number, is_new=True, after={"name": site.name, **values})
    return change_row(connection, table, "site", row, values)


def find(connection: Connection, name: str) -> Site | None:
    """A site's present description, None if there is none of this name."""
    row = find_row(connection, name)
    if row is None:
        return None
    return Site(
        row.name,
        row.workplace,
        Regime(row.regime),
        row.time_zone,
        None if row.address is None else Address(**row.address),
        row.latitude,
        row.longitude,
        tuple(row.languages or ()),
        row.longest_shift_h,
        row.night_hours or "",
        None if row.next_regime is None else Regime(row.next_regime),
        row.regime_from,
        row.deadline or "",
        row.deadline_minutes,
    )


def change(
    connection: Connection,
    name: str,
    *,
    regime: Regime | None = None,
    regime_from: date | None = None,
    workplace: str | None = None,
    longest_shift_h: int | None = None,
    night_hours: str | None = None,
    deadline: str | None = None,
    deadline_minutes: int | None = None,
    by: str,
    reason: str = "",
    now_ms: int,
) -> Change:
    """Change a site's regime (from a future local day on, with `regime_from`), workplace number, longest shift, night
    hours or deadline; None leaves it. Without a deadline of its own a site has no such minutes either. Earlier
    declarations are unchanged.
    """
    site = find(connection, name)
    if site is None:
        raise no_site(name)
    today = local_day(now_ms, site.time_zone)
    if site.next_regime is not None and site.regime_from is not None and site.regime_from <= today:
        site = replace(site, regime=site.next_regime, next_regime=None, regime_from=None)
    if regime_from is not None:
        if regime is None or regime_from <= today:
            raise PeopleError(
                "a day from which a regime counts needs the regime, and is a day to come",
                "name the regime; without a day it counts at once",
            )
        site = replace(site, next_regime=regime, regime_from=regime_from)
    elif regime is not None:
        site = replace(site, regime=regime, next_regime=None, regime_from=None)
    if deadline is not None:
        site = replace(site, deadline=deadline, deadline_minutes=site.deadline_minutes if deadline else None)
    if deadline_minutes is not None:
        site = replace(site, deadline_minutes=deadline_minutes)
    change = put(
        connection,
        replace(
            site,
            workplace=workplace or site.workplace,
            longest_shift_h=longest_shift_h or site.longest_shift_h,
            night_hours=site.night_hours if night_hours is None else night_hours,
        ),
    )
    if change.happened:
        what = f"{', '.join(change.changed)} of site {name} changed by {by}"
        event_log.write(connection, [Event(Severity.INFO, event_log.Kind.SITE_CHANGED, what)], now_ms)
    audit_log.write_change(connection, Operator(by, reason), change, Act.SITE_ADDED, Act.SITE_CHANGED, now_ms)
    return change


def set_key(connection: Connection, vault: Vault, name: str, site_key: bytes) -> Change:
    """Set the key of a site, once: another would make every badge of the site unknown. A site with several keys has 32
    bytes for each, the oldest first; `badge_keys.give_site_key` adds one.
    """
    if not site_key or len(site_key) % SITE_KEY_BYTES:
        raise PeopleError("a site key has 32 bytes", "give the key file that the workshop made for this site")
    row = find_row(connection, name)
    if row is None:
        raise no_site(name)
    if row.site_key_closed is not None:
        if vault.open(SITE_KEY, row.name, row.site_key_closed) != site_key:
            raise PeopleError(
                f"the site {name!r} has another key already, which its badges are known by",
                "give the key file that the workshop made for this site",
            )
        return Change("site", row.id, is_new=False)
    closed = vault.close(SITE_KEY, row.name, site_key)
    table = schema.sites
    values = {"site_key_closed": closed, "site_keys": len(site_key) // SITE_KEY_BYTES}
    connection.execute(update(table).where(table.c.id == row.id).values(values))
    return Change("site", row.id, is_new=False, changed=("site_key",))


def key_of(vault: Vault, row: Any) -> bytes:
    """The keys of a site's row, 32 bytes each; raises PeopleError if the bridge has none yet."""
    if row.site_key_closed is None:
        raise PeopleError(
            f"the bridge has no key of the site {row.name!r} yet",
            "provision a clock of the site, and give its key with `badgeclock bridge site set --key`",
        )
    return vault.open(SITE_KEY, row.name, row.site_key_closed)


def row_id(connection: Connection, name: str) -> int:
    """The row of a site; raises PeopleError if there is none."""
    row = find_row(connection, name)
    if row is None:
        raise no_site(name)
    return int(row.id)


def row_of(connection: Connection, name: str, workplace: str) -> int:
    """The row of a site by its name, else the first by its workplace number; raises PeopleError if there is none."""
    if name or not workplace:
        return row_id(connection, name)
    table = schema.sites
    found = connection.execute(select(func.min(table.c.id)).where(table.c.workplace == workplace.upper())).scalar()
    if found is None:
        raise PeopleError("there is no site with this workplace number", "add it with `badgeclock bridge site add`")
    return int(found)


def no_site(name: str) -> PeopleError:
    """The refusal of an unknown site."""
    return PeopleError(f"there is no site {name!r}", "add it with `badgeclock bridge site add`")


def find_row(connection: Connection, name: str) -> Any:
    """The row of a site, None if there is none of this name."""
    table = schema.sites
    # An earlier version may have stored both forms of a name: the requested one comes first.
    which = select(table).where(named(table.c.name, name)).order_by(table.c.name != name, table.c.id)
    return connection.execute(which).first()


def _site_columns(site: Site) -> dict[str, Any]:
    """The checked columns of a site except its name and keys."""
    if one_line(site.name, "a site's name") != site.name:
        raise PeopleError(
            "a site's name neither begins nor ends with a blank, nor has two", "write it as on its clocks"
        )
    workplace = site.workplace.strip().upper()
    if len(workplace) != _WORKPLACE_CHARACTERS or not workplace.isascii() or not workplace.isalnum():
        raise PeopleError(
            f"a workplace number has {_WORKPLACE_CHARACTERS} letters and digits",
            "copy it from the declaration of works",
        )
    try:
        ZoneInfo(site.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PeopleError(f"there is no time zone {site.time_zone!r}", f"use a name such as {TIME_ZONE}") from None
    return {
        "workplace": workplace,
        "regime": Regime(site.regime).value,
        "time_zone": site.time_zone,
        "address": _address(site.address),
        **_coordinates(site.latitude, site.longitude),
        "languages": _languages(site.languages),
        **_shift_columns(site),
        **_deadline_columns(site),
    }


def _deadline_columns(site: Site) -> dict[str, Any]:
    if site.deadline and not _DEADLINE.fullmatch(site.deadline):
        raise PeopleError("a time by which everybody has a number is written 08:30", "correct it, or leave it out")
    if site.deadline_minutes is not None and not 0 <= site.deadline_minutes <= _DEADLINE_MINUTES_MOST:
        raise PeopleError(f"a notice is sent 0 to {_DEADLINE_MINUTES_MOST} minutes before that time", "correct it")
    if site.deadline_minutes is not None and not site.deadline:
        raise PeopleError("minutes before a time need that time", "give the site's time too")
    return {"deadline": site.deadline or None, "deadline_minutes": site.deadline_minutes}


def _shift_columns(site: Site) -> dict[str, Any]:
    if not _SHIFT_H[0] <= site.longest_shift_h <= _SHIFT_H[1]:
        raise PeopleError(
            f"a longest shift is {_SHIFT_H[0]} to {_SHIFT_H[1]} hours", "give the longest that anybody works there"
        )
    if site.night_hours and not _NIGHT_HOURS.fullmatch(site.night_hours):
        raise PeopleError("night hours are two times such as 22:00-06:00, or nothing", "correct them")
    if (site.next_regime is None) != (site.regime_from is None):
        raise PeopleError("a regime to come and the day from which it counts go together", "give both, or neither")
    return {
        "longest_shift_h": site.longest_shift_h,
        "night_hours": site.night_hours or None,
        "next_regime": None if site.next_regime is None else Regime(site.next_regime).value,
        "regime_from": site.regime_from,
    }


def _address(address: Address | None) -> dict[str, str] | None:
    if address is None or not any(address):
        return None
    checked = {name: one_line(part, f"an address's {name}", least=0) for name, part in address._asdict().items()}
    if not all(checked[name] for name in ("street", "post_code", "municipality")):
        raise PeopleError("an address needs street, post code and municipality", "complete it, or leave all of it out")
    if not _POST_CODE.fullmatch(checked["post_code"]):
        raise PeopleError("a Belgian post code has 4 digits", "look it up")
    return checked


def _coordinates(latitude: float | None, longitude: float | None) -> dict[str, float | None]:
    if (latitude is None) != (longitude is None):
        raise PeopleError("latitude and longitude go together", "give both, or neither")
    if latitude is not None and longitude is not None and not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise PeopleError("latitude is from -90 to 90 and longitude from -180 to 180 degrees", "copy them from a map")
    return {"latitude": latitude, "longitude": longitude}


def _languages(languages: tuple[str, ...]) -> list[str] | None:
    if any(not LANGUAGE.fullmatch(code) for code in languages) or len(set(languages)) != len(languages):
        raise PeopleError("languages are different codes of two letters such as nl or fr", "correct the list")
    if len(languages) > _LANGUAGES_MOST:
        raise PeopleError(f"a site has at most {_LANGUAGES_MOST} languages", "leave the least usual out")
    return list(languages) or None

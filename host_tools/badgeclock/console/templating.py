"""How pages are written: Jinja2 with everything escaped, and times in readable form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from datetime import date as Day  # noqa: N812 - `date` is a filter's name
from functools import lru_cache, partial
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_timedelta
from babel.support import Translations
from babel.units import format_unit
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from badgeclock import __version__
from badgeclock.authorities.base import BELGIUM
from badgeclock.bridge.attention.attention import Row
from badgeclock.bridge.presences.expectations import Source
from badgeclock.bridge.presences.local_times import clock_text
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.bridge.presences.today import Expected, Person, PlaceToday
from badgeclock.console import languages, navigation, words
from badgeclock.console.now_view import Group
from badgeclock.console.presences_view import ANSWERS, DECISIONS, DIRECTIONS, STATES
from badgeclock.console.site import local

FOLDER: Final = Path(__file__).parent
GROUPS: Final[Mapping[Group, str]] = {
    Group.STUCK: "Here without a number",
    Group.MISSING: "Expected, and not come",
    Group.UNDER_WAY: "Number under way",
    Group.HERE: "Here",
    Group.BREAK: "On a break",
    Group.GONE: "Gone",
    Group.LATER: "Still to come",
    Group.ELSEWHERE: "At another site",
}
SOURCES: Final[Mapping[Source, str]] = {
    Source.PLANNING: "planning tool",
    Source.LIST: "imported list",
    Source.DIMONA: "Dimona and declaration of works",
    Source.HABIT: "last working days",
}
FIELDS: Final[Mapping[str, str]] = {
    "worker": "Worker",
    "site": "Site",
    "employer": "Employer's number",
    "way": "Direction",
    "day": "Day",
    "code": "Why it is cancelled",
    "why": "Reason",
    "item": "Item",
    "command": "Order",
    "settings": "Settings",
    "cause": "Trouble",
    "badge": "Badge",
    "first": "First day",
    "last": "Last day",
    "sites": "Sites, one a line",
    "name": "Name",
    "language": "Language",
    "regime": "Regime",
    "regime_from": "Counts from",
    "workplace": "Workplace number",
    "longest_shift_h": "Longest shift, in hours",
    "night_hours": "Night hours",
    "deadline": "Everybody has a number by",
    "deadline_minutes": "Minutes before it that a notice is sent",
    "role": "Role",
    "employers": "Employers' numbers, one a line",
    "signs_in_by": "Signs in by",
    "upload": "File",
}
TODAY: Final = "today"
_MINUTE_S: Final = 60
_DAY_H: Final = 24
_STANDS: Final = {f"it is {state}": said for state, said in STATES.items()}
"""Where a presence stands, by how the list of what waits says it."""


def environments() -> dict[str, Environment]:
    """The templates of the console's pages, by language."""
    return {language: environment(languages.catalogue(language)) for language in languages.LANGUAGES}


def environment(catalogue: Translations) -> Environment:
    """The templates with the messages of a catalogue."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]  # the extension's own
    filters = (ago, clock, stamp, iso, hours, link, declared, date, hour, local, of_minutes, by_hand, lasting)
    made.filters.update({one.__name__: one for one in (*filters, weekday, cause)})
    made.filters["days_ago"] = partial(days_ago, catalogue.gettext)
    made.filters["why"] = partial(why, catalogue.gettext)
    made.filters["detail"] = partial(detail, catalogue.gettext)
    made.globals |= {
        "version": __version__,
        "languages": languages.LANGUAGES,
        "groups": GROUPS,
        "sources": SOURCES,
        "field_names": FIELDS,
        "pages": navigation.PAGES,
        "directions": DIRECTIONS,
        "answers": ANSWERS,
        "decisions": DECISIONS,
    }
    return made


def ago(then_ms: int, now_ms: int, locale: Locale) -> str:
    """How long ago, in one unit: "3 min ago"; in the future, "in 3 min"."""
    seconds = (then_ms - now_ms) // 1000
    minutes = round(seconds / _MINUTE_S)
    return _span(minutes or (-1 if seconds <= 0 else 1), locale)


@lru_cache(maxsize=4096)
def _span(minutes: int, locale: Locale) -> str:
    return format_timedelta(
        timedelta(minutes=minutes),
        granularity="minute",
        threshold=1.5,
        add_direction=True,
        format="short",
        locale=locale,
    )


def date(day: Day, locale: Locale) -> str:
    """A day in the language's format, with its weekday."""
    return format_date(day, "full", locale=locale)


def weekday(day: Day, locale: Locale) -> str:
    """A day in a narrow column: its weekday, day and month."""
    return format_date(day, "EE d/MM", locale=locale)


def by_hand(one: Person) -> bool:
    """Whether the shown presence was registered by the office."""
    return any(each.manual for each in one.declarations)


def days_ago(gettext: Callable[[str], str], day: Day, now_ms: int, locale: Locale) -> str:
    """How many days ago or ahead, or "today"."""
    away = day - local_day(now_ms, BELGIUM.key)
    if not away:
        return gettext(TODAY)
    return format_timedelta(away, granularity="day", threshold=1.5, add_direction=True, format="short", locale=locale)


def cause(reason: str) -> str:
    """The cause of a clock's mark, from its reason in the attention list."""
    return words.cause_of(reason)


def of_minutes(minutes: int) -> str:
    """Minutes of a day as a clock shows them."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def why(gettext: Callable[[str], str], text: str) -> str:
    """Why somebody has no number, in the page's language; texts of the authority or the store are not translated."""
    parts = [part.partition(": ") for part in text.split("; ")]
    return "; ".join(f"{gettext(head)}{colon}{rest}" for head, colon, rest in parts)


def hours(expected: Expected, place: PlaceToday) -> str:
    """When somebody is expected: 07:00-15:30; by habit only the beginning."""
    if expected.from_ms is None:
        return ""
    begins = clock_text(expected.from_ms, place.time_zone, place.day)
    if expected.to_ms is None:
        return begins
    return f"{begins}-{clock_text(expected.to_ms, place.time_zone, local_day(expected.to_ms, place.time_zone))}"


def link(one: Person, links: Mapping[str, str]) -> str:
    """The page to decide on somebody's presence; empty if there is nothing to decide."""
    items = [one.item or "", *(declared.reference for declared in reversed(one.declarations))]
    return next((links[item] for item in items if item in links), "")


def declared(one: Person) -> str:
    """The reference of the presence with the number shown for somebody."""
    found = (each.reference for each in one.declarations if each.reception_number == one.number)
    return next(found, "")


def hour(then_ms: int, zone: str) -> str:
    """The local time at the site, without a day."""
    return f"{datetime.fromtimestamp(then_ms / 1000, ZoneInfo(zone)):%H:%M}"


def detail(gettext: Callable[[str], str], row: Row) -> str:
    """The details of an item that waits, without its code, which is shown beside them. Where an assumed presence came
    from is in the page's language.
    """
    parts = row.detail.split("; ")
    said = (gettext(_STANDS[part]) if part in _STANDS else part for part in parts if part != f"code {row.code}")
    return "; ".join(said)


def lasting(hours: int, locale: Locale) -> str:
    """How long something lasts, in whole days if it does: "4 hours", "7 days"."""
    days, rest = divmod(hours, _DAY_H)
    number, unit = (days, "duration-day") if days and not rest else (hours, "duration-hour")
    return format_unit(number, unit, length="long", locale=locale)


def clock(then_ms: int, zone: str, now_ms: int) -> str:
    """The local time at the site: 07:02, preceded by the date if it is another day."""
    return clock_text(then_ms, zone, local_day(now_ms, zone))


@lru_cache(maxsize=8192)
def stamp(then_ms: int, zone: str) -> str:
    """Local time with date and seconds."""
    return f"{datetime.fromtimestamp(then_ms / 1000, ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


@lru_cache(maxsize=8192)
def iso(then_ms: int) -> str:
    """For the `datetime` of a time element."""
    return datetime.fromtimestamp(then_ms / 1000, UTC).isoformat(timespec="seconds")

"""The languages of the pages: which one a reader gets, and the messages of each.

The catalogues are `locale/LANGUAGE.po`, read at start; English is the source. `messages()` lists what a catalogue must
have, so that a test finds what is missing. Texts from the store (an authority's error, a reason that somebody wrote)
are not translated.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from babel import Locale, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from jinja2 import Environment
from starlette.requests import Request

from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.attention.reasons import NEEDS
from badgeclock.bridge.people.badges import PROOFS
from badgeclock.bridge.people.imports import LEFT_OUT, REMOVED
from badgeclock.bridge.presences.attendance import WHY
from badgeclock.console import act_words, words
from badgeclock.console.clocks_view import HEALTHS
from badgeclock.console.inspection_view import VERDICTS
from badgeclock.console.navigation import PAGES
from badgeclock.console.presences_view import ANSWERS, DECISIONS, DIRECTIONS, STANDINGS, STATES
from badgeclock.console.registration_view import OUTCOMES, SOURCES
from badgeclock.console.sites_view import REGIMES

SOURCE: Final = "en"
LANGUAGES: Final[Mapping[str, str]] = {"nl": "Nederlands", "fr": "Français", "de": "Deutsch", SOURCE: "English"}
"""By ISO 639-1 code, each in its own language."""
COOKIE: Final = "badgeclock-language"
FOLDER: Final = Path(__file__).parent / "locale"
NO_PRESENCE: Final = ("nobody was given this badge", "its record has no valid seal", "waits for a person")
"""Why a punch has no presence (`presences.attendance`)."""
VERBS: Final = ("added", "changed", "unchanged", REMOVED, LEFT_OUT)
"""The results for a row of an import."""
_WEIGHTS: Final = 8


def catalogue(language: str) -> Translations:
    """The catalogue of a language; empty for English, the source."""
    if language == SOURCE:
        return Translations(None)
    compiled = io.BytesIO()
    with (FOLDER / f"{language}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def of(request: Request) -> str:
    """The language that a reader chose, else the browser's first that is available, else English."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    wanted = [part.partition(";")[0].strip() for part in request.headers.get("accept-language", "").split(",")]
    spoken = [one.partition("-")[0].lower() for one in wanted[:_WEIGHTS]]
    return negotiate_locale([one for one in spoken if one], list(LANGUAGES)) or SOURCE


def locale_of(language: str) -> Locale:
    """How the language writes dates and spans of time."""
    return Locale.parse("en_GB" if language == SOURCE else language)


def messages(environment: Environment, templates: Path, own: Mapping[str, str]) -> Iterator[str | tuple[str, str]]:
    """Every message of the pages: those of the templates, of `words`, and `own`; for counts, singular and plural."""
    for path in sorted(templates.glob("*.html")):
        found = environment.extract_translations(path.read_text("utf-8"))  # type: ignore[attr-defined]  # of its i18n extension
        for _, _, message in found:
            if isinstance(message, str):
                yield message
            elif isinstance(message, tuple):
                strings = [part for part in message if isinstance(part, str)]
                if len(strings) == 2:
                    yield strings[0], strings[1]
                elif strings:
                    yield strings[0]
    for reason in NEEDS:
        yield from (text for text in words.said(reason) if text)
    for button in words.every_button():
        yield from (button.label, button.effect)
    yield from (*words.DONE.values(), words.FILED_SAID, words.SEVERAL_DONE, *words.CANCEL_CODES.values(), *words.WRONG)
    yield from (*words.ORDERS.values(), *HEALTHS.values(), *REGIMES.values(), *(page.word for page in PAGES))
    yield from (*STATES.values(), *STANDINGS.values(), *SOURCES.values(), *OUTCOMES.values(), *VERDICTS.values())
    yield from (*DIRECTIONS.values(), *ANSWERS.values(), *DECISIONS.values(), *PROOFS.values(), *words.POSTER)
    yield from (*act_words.ACTS.values(), *act_words.SUBJECTS.values())
    yield from (*WHY.values(), *NO_PRESENCE, *Role, "in", "out", "today", *VERBS, *own.values())

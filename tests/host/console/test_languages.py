"""Every message is there in every language, with what stands for a name or a number; and who gets which language."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from babel.messages.pofile import read_po
from fastapi.testclient import TestClient
from tests.host.console.morning import Morning

from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import PresenceState
from badgeclock.console import languages, templating
from badgeclock.console.languages import SOURCE

Visit = Callable[[str], TestClient]
OTHERS = [language for language in languages.LANGUAGES if language != SOURCE]
PLACES = re.compile(r"%\(\w+\)d|%\(\w+\)s")


@pytest.mark.parametrize("language", OTHERS)
def test_no_message_is_missing_or_left_over_and_all_have_their_names_and_numbers(language: str) -> None:
    own = {
        str(key): text
        for table in (templating.GROUPS, templating.SOURCES, templating.FIELDS)
        for key, text in table.items()
    }
    english = templating.environment(languages.catalogue(SOURCE))
    wanted = set(languages.messages(english, templating.FOLDER / "templates", own))
    with (languages.FOLDER / f"{language}.po").open("rb") as file:
        there = {message.id: message for message in read_po(file, locale=language) if message.id}
    assert wanted == there.keys()
    for identity, message in there.items():
        sources = [identity] if isinstance(identity, str) else list(identity)
        words = [message.string] if isinstance(message.string, str) else list(message.string)
        assert len(words) == len(sources)
        assert all(words), identity
        for source, text in zip(sources, words, strict=True):
            assert sorted(PLACES.findall(source)) == sorted(PLACES.findall(text)), text
            assert source[-1:] not in ".?:" or text[-1:] == source[-1:], text


def test_a_reader_gets_the_language_they_chose_or_their_browsers(visit: Visit) -> None:
    client = visit("otto")
    assert '<html lang="en">' in client.get("/").text
    for header, language in (
        ("nl-BE,nl;q=0.9,en;q=0.8", "nl"),
        ("fr", "fr"),
        ("es, de-AT", "de"),
        ("xx,*", "en"),
        (";;,", "en"),
    ):
        page = client.get("/", headers={"accept-language": header}).text
        assert f'<html lang="{language}">' in page
    assert client.get("/language/fr?to=/attention").headers["location"] == "/attention"
    page = client.get("/attention", headers={"accept-language": "nl"}).text
    assert "3 choses attendent quelqu'un" in page
    assert "il y a 12" in client.get("/").text
    assert client.get("/language/xx?to=//evil.example").headers["location"] == "/"
    assert '<html lang="fr">' in client.get("/").text


def test_why_somebody_has_no_number_is_said_in_the_pages_language(morning: Morning, visit: Visit) -> None:
    client = visit("otto")
    page = client.get("/", headers={"accept-language": "nl"}).text
    assert "2 personen hier hebben geen nummer" in page
    assert "geweigerd door de overheid: code 5 INVALID INSS" in page
    assert "deze badge is van niemand" in page
    assert "maandag 5 januari 2026" in page
    item = client.get(f"/attention/refused/{morning.refused()}", headers={"accept-language": "de"}).text
    assert "Von der Behörde abgelehnt" in item
    assert "Erneut senden" in item


def test_how_long_a_link_holds_and_where_a_presence_stands_are_said_in_the_pages_language(
    morning: Morning, visit: Visit
) -> None:
    page = visit("otto").get("/links", headers={"accept-language": "fr"}).text
    assert "Valable pendant" in page
    for hours, said in ((4, "4 heures"), (24, "1 jour"), (168, "7 jours")):
        assert f'<option value="{hours}">{said}</option>' in page.replace("\N{NO-BREAK SPACE}", " ")
    with morning.office.write() as connection:
        stands = schema.presences.c.state != PresenceState.REFUSED
        validated = {"state": PresenceState.VALIDATED, "assumed": "no_in"}
        connection.execute(schema.presences.update().where(stands).values(validated))
    list_of_all = visit("otto").get("/attention", headers={"accept-language": "de"}).text
    assert "Kommen nicht sicher" in list_of_all
    assert "registriert, und der Inhalt ist geprüft" in list_of_all
    assert "it is VALIDATED" not in list_of_all

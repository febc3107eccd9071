"""A page says what a punch, a call and a badge are in the reader's language; French colons stay with their word."""

from __future__ import annotations

import re
from collections.abc import Callable

from babel.messages.pofile import read_po
from fastapi.testclient import TestClient
from tests.host.console.morning import Morning

from badgeclock.bridge.accounts.roles import Role
from badgeclock.console import languages

Visit = Callable[[str], TestClient]
FRENCH = {"accept-language": "fr"}


def test_evidence_and_badges_are_said_in_the_pages_language(morning: Morning, visit: Visit) -> None:
    client = visit("otto")
    page = client.get(f"/presences/{morning.refused()}", headers=FRENCH).text
    evidence = " ".join(re.sub(r"<[^>]+>", " ", page[page.index('id="evidence"') :]).split())
    assert " entrée, 2026-01-05 07:02" in evidence
    assert ": refusé par l'autorité" in evidence
    assert "par son UID" in client.get("/people/W-001", headers=FRENCH).text


def test_an_inspector_has_the_list_of_who_is_on_site_in_the_menu(morning: Morning, visit: Visit) -> None:
    morning.account("ines", Role.INSPECTOR)
    page = visit("ines").get("/").text
    assert 'href="/inspection"' in page[: page.index("<main")]


def test_no_line_of_a_french_page_begins_with_a_colon() -> None:
    with (languages.FOLDER / "fr.po").open("rb") as file:
        texts = [text for message in read_po(file, locale="fr") if message.id for text in _strings(message.string)]
    assert texts
    assert [text for text in texts if re.search(" [:;?!»]", text)] == []


def _strings(string: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else tuple(string)

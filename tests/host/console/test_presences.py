"""Presences by what stands in the address, as a page and as CSV, and the whole way of one."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from fastapi.testclient import TestClient
from tests.host.bridge.world import ANNA_NISS, BRAM_NISS
from tests.host.console.morning import QUAY_9, Morning
from tests.host.console.test_pages import text_of

from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import PresenceState
from badgeclock.bridge.web import reach
from badgeclock.console import presences_view

Visit = Callable[[str], TestClient]


def test_the_address_says_what_is_shown(visit: Visit) -> None:
    client = visit("vera")
    everything = text_of(client.get("/presences").text)
    assert all(
        word in everything for word in ("W-001 AP", "100000000001", "W-002 BVDB", "code 5 INVALID INSS", "W-003")
    )
    for query, shown, left_out in (
        ("site=Quay+9", "W-003 LP", "W-001 AP"),
        ("worker=W-001+", "W-001 AP", "W-003 LP"),
        ("standing=no-number", "W-002 BVDB", "W-001 AP"),
        ("standing=number", "W-003 LP", "W-002 BVDB"),
        ("standing=ended", "There are none", "W-001 AP"),
        ("first=2026-01-04&last=2026-01-04", "There are none", "W-001 AP"),
        ("first=&last=", "W-001 AP", "There are none"),
        ("worker=%27+OR+1%3D1+--", "There are none", "W-001 AP"),
    ):
        page = text_of(client.get(f"/presences?{query}").text)
        assert shown in page, query
        assert left_out not in page, query
    assert client.get("/presences?first=soon").status_code == 422
    assert client.get("/presences?standing=nonsense").status_code == 422


def test_the_csv_has_what_is_seen_and_no_formula_of_anybodys(morning: Morning, visit: Visit) -> None:
    with morning.office.write() as connection:
        connection.execute(schema.sites.update().where(schema.sites.c.name == QUAY_9).values(name="=1+1"))
    answer = visit("vera").get("/presences?form=csv&standing=number")
    assert answer.headers["content-disposition"] == 'attachment; filename="presences-2026-01-05-2026-01-05.csv"'
    assert "\r\n" in answer.text
    luz, anna = csv.DictReader(io.StringIO(answer.text))
    assert (anna["worker"], anna["reception_number"], anna["state"]) == ("W-001", "100000000001", "REGISTERED")
    assert anna["registered"].startswith("2026-01-05T07:0")
    assert luz["site"] == "'=1+1"
    assert ANNA_NISS not in answer.text


def test_one_shows_its_whole_way_and_leads_to_what_is_to_do(morning: Morning, visit: Visit) -> None:
    client = visit("vera")
    (anna,) = [row.reference for row in morning.rows(schema.presences) if row.reception_number == 100_000_000_001]
    assert f'href="/presences/{anna}">100000000001' in client.get("/").text
    page = text_of(client.get(f"/presences/{anna}").text)
    assert all(
        word in page for word in ("W-001 AP registered", "Punch clock-0001/2 in", "its seal holds", "Call", "Number")
    )
    refused = client.get(f"/presences/{morning.refused()}").text
    assert f'href="/attention/refused/{morning.refused()}"' in refused
    assert BRAM_NISS not in refused
    assert client.get("/presences/BC20260105-000000000000").status_code == 404


def test_an_account_of_a_site_finds_its_own_alone(morning: Morning, visit: Visit) -> None:
    with morning.office.read() as connection:
        morning_reach = reach.of_names(connection, (QUAY_9,), ())
    morning.account("lea", Role.VIEWER, morning_reach)
    client = visit("lea")
    page = text_of(client.get("/presences").text)
    assert "W-003" in page
    assert not [word for word in ("W-001", "W-002", "Quay 7") if word in page]
    assert "W-001" not in client.get("/presences?form=csv").text
    assert client.get(f"/presences/{morning.refused()}").status_code == 404


def test_every_state_has_its_words_and_few_days_are_asked_for_at_once() -> None:
    assert presences_view.STATES.keys() == set(PresenceState)
    today = date(2026, 1, 5)
    assert presences_view.of_days(None, None, today) == (today, today)
    assert presences_view.of_days(today, None, date(2026, 2, 1)) == (today, today)
    assert presences_view.of_days(today, today - timedelta(days=3), today) == (today - timedelta(days=3), today)
    first, last = presences_view.of_days(date(2001, 1, 1), today, today)
    assert (last - first).days + 1 == presences_view.DAYS_MOST


@pytest.mark.parametrize("words", ["=cmd", "+1", "-1", "@x", "\tx"])
def test_a_spreadsheet_takes_no_text_for_a_formula(words: str) -> None:
    assert presences_view.plain_text(words) == f"'{words}"
    assert presences_view.plain_text("W-001") == "W-001"

"""The pages of an inspector, and a worker's own: by an account or by a link; and which uses are acts in the book."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from tests.host.bridge.world import ANNA_NISS, BRAM_NISS, KBO, SITE
from tests.host.console.morning import MONDAY, QUAY_9, Morning
from tests.host.console.test_pages import do, text_of
from tests.host.console.test_signing_in import token
from tests.query_plans import Watch

from badgeclock.bridge.accounts import links
from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.registrar import office_registrations
from badgeclock.bridge.registrar.decisions import Decision
from badgeclock.bridge.registrar.office_registrations import Entry
from badgeclock.bridge.store import schema
from badgeclock.bridge.web import reach
from badgeclock.console import hours_pdf, hours_view, inspection_pdf, inspection_view, languages, paper
from badgeclock.console.inspection_view import Shows

Visit = Callable[[str], TestClient]
HOUR_MS = 3_600_000


def acts(morning: Morning) -> list[tuple[str, str, str]]:
    """Act, operator and subject of every act so far."""
    return [(row.act, row.operator, row.subject) for row in morning.rows(schema.acts)]


def link(client: TestClient, **fields: str) -> str:
    """Make a link on the page; the path of its address."""
    said = do(client, "make-link", why="on site today", **fields)[1]
    found = re.search(r"http://testserver(/visit/[\w-]{43})", said)
    assert found is not None, said
    return found[1]


def register(morning: Morning, worker: str) -> None:
    with morning.office.write() as connection:
        decision = Decision("Office", "forgot the badge", morning.now_ms)
        office_registrations.register(connection, [Entry(worker, SITE, MONDAY)], decision)


def test_an_inspector_sees_who_is_there_and_their_numbers_only_as_an_act(morning: Morning, visit: Visit) -> None:
    morning.account("inge", Role.INSPECTOR)
    register(morning, "W-004")
    client = visit("inge")
    page = text_of(client.get(f"/inspection?site={SITE}").text)
    assert "4 people on site, 3 without a number." in page.replace(" ,", ",").replace(" .", ".")
    order = (
        "Unknown badge 07:03 No number",
        "Anna Proef W-001 0438195916 Voorbeeld Bouw 06:58 100000000001 the clock's seal holds clock-0001/2",
        "Bram van den Berg W-002 0438195916 Voorbeeld Bouw 07:02 No number refused by the authority: code 5",
        "Dries Proef W-004 0438195916 Voorbeeld Bouw No number waits to be sent by hand no punch",
    )
    assert all(part in page for part in order), page
    assert ANNA_NISS not in page
    before = len(acts(morning))
    status, shown = do(client, "show-numbers", site=SITE)
    assert status == 200
    assert ANNA_NISS in shown
    assert BRAM_NISS in shown
    assert acts(morning)[before:] == [("numbers_shown", "inge (console)", "site 1")]
    rows = list(csv.DictReader(do(client, "show-numbers", site=SITE, form="csv")[1].splitlines()))
    assert {row["national_number"] for row in rows if row["worker"] == "W-001"} == {ANNA_NISS}
    assert {row["registered_by_hand"] for row in rows if row["worker"] == "W-004"} == {"yes"}
    plain = client.get(f"/inspection?site={SITE}&form=csv").text
    assert ANNA_NISS not in plain
    assert len(acts(morning)) == before + 2


def test_only_an_inspector_is_shown_numbers_and_nobody_beyond_their_reach(morning: Morning, visit: Visit) -> None:
    for name in ("vera", "otto", "ada"):
        assert "may not do that" in do(visit(name), "show-numbers", site=SITE)[1]
        page = visit(name).get(f"/inspection?site={SITE}").text
        assert "Show national numbers" not in page
        assert "Anna" not in page
    with morning.office.read() as connection:
        there = reach.of_names(connection, (QUAY_9,), ())
    morning.account("inge", Role.INSPECTOR, there)
    assert do(visit("inge"), "show-numbers", site=SITE)[0] == 409
    assert visit("inge").get(f"/inspection?site={SITE}").status_code == 404
    assert "Luz Proef" in visit("inge").get("/inspection").text, "the one site of theirs"


def test_a_link_opens_one_sites_list_until_it_ends_or_is_ended(morning: Morning, visit: Visit) -> None:
    path = link(visit("otto"), site=SITE, hours="4")
    secret = path.rpartition("/")[2]
    assert not [row for row in morning.rows(schema.links) if secret.encode() in (row.secret_sha256, row.why.encode())]
    stranger = visit("")
    opened = stranger.get(path)
    assert opened.headers["location"] == "/visit"
    assert "Path=/visit" in opened.headers["set-cookie"]
    page = stranger.get("/visit").text
    assert "Anna Proef" in page
    assert "Luz Proef" not in page
    assert ANNA_NISS not in page
    assert stranger.get("/").status_code == 303, "it opens nothing else"
    assert stranger.post("/visit", data={"token": "x"}).status_code == 404
    assert ANNA_NISS in stranger.post("/visit", data={"token": token(page)}).text
    made, opened_act, shown = acts(morning)[-3:]
    assert made == ("link_made", "otto (console)", "site 1")
    assert (opened_act[:2], shown[:2]) == (
        ("link_opened", "link 1 (inspector)"),
        ("numbers_shown", "link 1 (inspector)"),
    )
    assert do(visit("otto"), "revoke-link", item="1", why="the visit is over")[0] == 303
    assert stranger.get("/visit").status_code == 404
    assert stranger.post("/visit", data={"token": token(page)}).status_code == 404
    other = link(visit("otto"), site=SITE, hours="1")
    morning.now_ms += HOUR_MS
    assert visit("").get(other).status_code == 404, "it ends by itself"


def test_who_tries_links_is_let_wait_and_who_may_make_them(morning: Morning, visit: Visit) -> None:
    thief = visit("")
    tried = [thief.get(f"/visit/{number:043d}").status_code for number in range(11)]
    assert tried == [404] * 10 + [429]
    assert thief.get(link(visit("otto"), site=SITE, hours="1")).status_code == 429
    assert "may not do that" in do(visit("vera"), "make-link", site=SITE, hours="1", why="x")[1]
    assert visit("vera").get("/links").status_code == 403
    with morning.office.read() as connection:
        others = reach.of_names(connection, (), (KBO,))
    morning.account("sub", Role.OPERATOR, others)
    assert "people of other employers" in do(visit("sub"), "make-link", site=SITE, hours="1", why="x")[1]
    assert do(visit("sub"), "make-link", worker="W-003", hours="1", why="x")[0] == 409
    assert do(visit("sub"), "make-link", worker="W-001", hours="1", why="x")[0] == 200
    assert do(visit("sub"), "revoke-link", item="1", why="x")[0] == 409
    assert do(visit("otto"), "make-link", site=SITE, hours="999", why="x")[0] == 409
    assert do(visit("otto"), "make-link", site=SITE, hours="1", why="")[0] == 409
    with morning.office.read() as connection:
        assert len(links.listing(connection, morning.now_ms)) == 2


def test_a_worker_sees_their_own_hours_and_numbers_by_a_link_of_the_office(visit: Visit) -> None:
    stranger = visit("")
    stranger.get(link(visit("otto"), worker="W-001", hours="24"))
    page = text_of(stranger.get("/visit").text)
    assert "Your registrations and hours · W-001" in page
    assert f"Day {MONDAY.isoformat()} Site Quay 7 In 06:58 Worked 0:00 incomplete Reception number 100000000001" in page
    assert "are no proof" in page
    assert "W-002" not in page
    assert stranger.post("/visit", data={"token": "x"}).status_code == 404
    (row,) = csv.DictReader(stranger.get("/visit?form=csv").text.splitlines())
    assert (row["worker"], row["first_in"], row["reception_numbers"]) == (
        "W-001",
        "2026-01-05T06:58:00+01:00",
        "100000000001",
    )
    assert row["note"] == "hours are no proof of registration"
    on_paper = stranger.get("/visit?form=pdf", headers={"accept-language": "fr"})
    assert on_paper.headers["content-type"] == "application/pdf"
    assert on_paper.content.startswith(b"%PDF-")


def test_the_paper_of_a_workers_hours_is_an_act_of_the_office_and_says_the_same_as_the_page(
    morning: Morning, visit: Visit
) -> None:
    client, before = visit("otto"), len(acts(morning))
    asked = {"worker": "W-001", "form": "pdf", "token": token(client.get("/account").text)}
    made = client.post("/do/note-hours", data=asked)
    assert made.content.startswith(b"%PDF-")
    assert acts(morning)[before:] == [("hours_exported", "otto (console)", "worker 1")]
    with morning.office.read() as connection:
        (shift,) = hours_view.own(connection, 1, MONDAY, MONDAY, morning.now_ms)
    for language, day, incomplete in (
        ("nl", "ma 5 jan 2026", "onvolledig"),
        ("fr", "lun. 5 janv. 2026", "incomplet"),
        ("de", "Mo. 5 Jan. 2026", "unvollständig"),
        ("en", "Mon 5 Jan 2026", "incomplete"),
    ):
        words = languages.catalogue(language).gettext
        said = hours_pdf._cells(shift, words, languages.locale_of(language))
        assert said[:4] == [day, "Quay 7", "06:58", ""]
        assert said[4] == f"0:00 {incomplete}"
        assert said[6] == "100000000001"


def test_the_file_for_payroll_is_an_act_and_within_reach(morning: Morning, visit: Visit) -> None:
    register(morning, "W-004")
    page = text_of(visit("otto").get("/hours").text)
    assert "W-001 AP Day 2026-01-05 Site Quay 7 In 06:58 Worked 0:00 incomplete Reception number 100000000001" in page
    first, last = MONDAY.isoformat(), (MONDAY + timedelta(days=1)).isoformat()
    status, text = do(visit("otto"), "note-hours", first=first, last=last, site=SITE, worker="")
    rows = list(csv.DictReader(text.splitlines()))
    assert status == 200
    assert [(row["worker"], row["registered_by_hand"], row["worked_minutes"]) for row in rows] == [
        ("W-001", "no", "0"),
        ("W-002", "no", "0"),
        ("W-004", "yes", "0"),
    ]
    assert acts(morning)[-1] == ("hours_exported", "otto (console)", "site 1")
    assert "may not do that" in do(visit("vera"), "note-hours", first=first, last=last, site="", worker="")[1]
    assert visit("vera").get("/hours").status_code == 403
    with morning.office.read() as connection:
        there = reach.of_names(connection, (QUAY_9,), ())
    morning.account("gate", Role.OPERATOR, there)
    assert "W-001" not in visit("gate").get("/hours").text
    assert do(visit("gate"), "note-hours", first=first, last=last, site=SITE, worker="")[0] == 409


def test_no_page_of_the_office_reads_all_of_what_grows(morning: Morning, visit: Visit) -> None:
    register(morning, "W-004")
    client = visit("otto")
    watch = Watch(lambda: pytest.fail("SQLite is asked itself"))
    try:
        for path in (
            f"/register?site={SITE}",
            f"/register/many?site={SITE}&source=week",
            f"/register/many?site={SITE}&source=employer&employer={KBO}",
            f"/inspection?site={SITE}",
            "/hours",
            "/hours?worker=W-001",
            "/links",
        ):
            assert client.get(path).status_code == 200, path
    finally:
        watch.close()
    assert not watch.found, "\n".join(watch.found)


def test_the_list_as_a_pdf_has_what_the_page_has_in_its_language(morning: Morning, visit: Visit) -> None:
    morning.account("inge", Role.INSPECTOR)
    register(morning, "W-004")
    client = visit("inge")
    made = client.get(f"/inspection?site={SITE}&form=pdf", headers={"accept-language": "nl"})
    assert made.headers["content-type"] == "application/pdf"
    before = len(acts(morning))
    shown = client.post(
        "/do/show-numbers",
        data={"token": token(client.get("/account").text), "site": SITE, "form": "pdf"},
        headers={"accept-language": "nl"},
    )
    assert [act for act, *_ in acts(morning)[before:]] == ["numbers_shown"]
    with morning.office.read() as connection:
        found = inspection_view.look(connection, morning.vault, SITE, Shows.NAME, morning.now_ms)
    words = languages.catalogue("nl").gettext
    said = [cell for row in found.rows for cell in inspection_pdf._cells(row, found, words)]
    assert "Anna Proef W-001" in said
    assert "Geen nummer: wacht op verzending" in said
    assert "[manueel] geen badging" in said
    assert ANNA_NISS not in " ".join(said)
    for answer in (made, shown):
        assert answer.content.startswith(b"%PDF-")
        assert b"/DejaVu" in answer.content or b"DejaVuSans" in answer.content
    assert len(shown.content) > len(made.content)


def test_the_letters_of_a_pdf_are_those_that_their_page_names() -> None:
    said = (paper.FONT_FILE.parent / "README.md").read_text()
    assert hashlib.sha256(paper.FONT_FILE.read_bytes()).hexdigest() in said

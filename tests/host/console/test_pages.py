"""The content of the pages, by role, and the effect of their buttons on the store."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import date

import pytest
from fastapi.testclient import TestClient
from tests.host.bridge.world import ANNA_NISS, ANNA_UID, BRAM_NISS, KBO, LUZ_LIMOSA, SITE, STRANGER_UID, token_of
from tests.host.console.morning import PASSWORD, QUAY_9, Morning
from tests.host.console.test_signing_in import token

from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.acts.acts import DEEDS, Asked
from badgeclock.bridge.attention.attention import Row
from badgeclock.bridge.attention.reasons import NEEDS
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.event_log import Event, Kind, Severity
from badgeclock.bridge.web import reach
from badgeclock.console import words

Visit = Callable[[str], TestClient]


def text_of(page: str) -> str:
    """The visible text of the page, on one line."""
    main = page[page.index("<main") :]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def do(client: TestClient, act: str, **fields: str | list[str]) -> tuple[int, str]:
    """Send a form of the first page's session; returns the status, and the redirect or the text."""
    done = client.post(f"/do/{act}", data={"token": token(client.get("/account").text), **fields})
    return done.status_code, done.headers.get("location", done.text)


def test_the_first_page_says_it_in_one_line_and_shows_what_is_wrong_first(visit: Visit) -> None:
    page = text_of(visit("vera").get("/").text)
    assert page.startswith("2 people here have no number Inside 4 No number 2 Not come 1 Under way 0 To do 3")
    order = (
        "Here without a number 2",
        "W-002 BVDB 07:02 13 min ago refused by the authority: code 5",
        "Unknown badge 07:03 12 min ago",
        "Expected, and not come 1",
        "W-004 DP",
        "Here 1",
        "W-001 AP 06:58",
        "100000000001",
        "Still to come 1",
        "W-005 EP",
        "Quay 9",
        "W-003 LP",
    )
    places = page[page.index("1Y1TEST00001Z") :]
    at = [places.index(each) for each in order]
    assert at == sorted(at), places
    one = text_of(visit("vera").get(f"/?site={QUAY_9}").text)
    assert "Everybody who is here has a number" in one
    assert "W-001" not in one
    assert visit("vera").get("/?site=Quay+10").status_code == 404


def test_no_page_and_no_address_has_a_number_a_badge_or_a_name_that_nobody_asked_for(
    morning: Morning, visit: Visit
) -> None:
    client = visit("otto")
    paths = [
        "/",
        "/attention",
        "/account",
        f"/attention/refused/{morning.refused()}",
        "/attention/unknown_badge/clock-0001/4",
    ]
    secrets = [ANNA_NISS, BRAM_NISS, LUZ_LIMOSA, ANNA_UID.hex(), STRANGER_UID.hex(), token_of(STRANGER_UID).hex()]
    pages = "".join(client.get(path).text for path in paths).lower()
    assert not [secret for secret in secrets if secret in pages]
    assert "anna proef" not in pages
    assert do(client, "show-names", back="/") == (303, "/")
    assert "Anna Proef" in client.get("/").text
    assert "Bram van den Berg" in client.get(paths[3]).text
    assert "Anna Proef" not in visit("otto").get("/").text, "of this session alone"
    assert [act.operator for act in morning.rows(schema.acts) if act.act == "names_shown"] == ["otto (console)"]


def test_what_a_stranger_wrote_stays_text(morning: Morning, visit: Visit) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    with morning.office.write() as connection:
        event_log.write(connection, [Event(Severity.WARNING, Kind.UNKNOWN_TOPIC, evil, evil[:20])], morning.now_ms)
    client = visit("otto")
    for page in (client.get("/").text, client.get("/attention").text, client.get(f"/sign-in?to={evil}").text):
        assert "<script>alert" not in page
        assert "<img" not in page
    assert "&lt;script&gt;" in client.get("/attention").text
    kept = {"kept_path": "/do/settle", f"kept.{evil}": evil, "name": "otto", "password": PASSWORD}
    again = visit("").post("/sign-in", data=kept).text
    assert "What you typed is still here" in again
    assert "<script>alert" not in again


def test_a_viewer_sees_and_decides_nothing(morning: Morning, visit: Visit) -> None:
    client = visit("vera")
    page = client.get("/attention/unknown_badge/clock-0001/4").text
    assert "Code on the clock" in page
    assert 'action="/do/give-badge"' not in page
    assert "Show names" not in page
    for act in (act for act, deed in DEEDS.items() if deed.right is not None and act is not Asked.IMPORT):
        status, said = do(client, act, item="clock-0001/4", reason="unknown_badge", worker="W-006", why="tries")
        assert status in (404, 409), act
        # Some acts have no address of this kind, and an import has no file here.
        assert "may not do that" in said or status == 404 or act is Asked.IMPORT, act
    assert "UNASSIGNED" in morning.punches()


def test_the_badge_is_given_with_three_clicks_and_no_uid(morning: Morning, visit: Visit) -> None:
    client = visit("otto")
    assert 'href="/attention/unknown_badge/clock-0001/4"' in client.get("/").text
    page = client.get("/attention/unknown_badge/clock-0001/4").text
    assert '<option value="W-006">W-006 FP</option>' in page
    done = do(client, "give-badge", item="clock-0001/4", reason="unknown_badge", worker="W-006")
    assert done == (303, "/attention?done=give-badge")
    assert "The badge is given" in client.get(done[1]).text
    assert morning.punches().count("DECLARED") == 4
    assert [act.operator for act in morning.rows(schema.acts) if act.act == "badge_assigned"][-1:] == ["otto (console)"]
    # The second of two who decide it at once gets an error, and the form keeps its values.
    status, said = do(client, "give-badge", item="clock-0001/4", reason="unknown_badge", worker="W-004")
    assert status == 409
    assert "This is no longer waiting" in said


def test_what_was_refused_is_sent_again_and_a_wrong_word_says_why(morning: Morning, visit: Visit) -> None:
    client, item = visit("otto"), morning.refused()
    status, said = do(client, "correct", item=item, reason="refused", worker="W-777", why="it was another worker")
    assert status == 409
    assert "There is no worker" in said
    assert 'value="it was another worker"' in said
    assert do(client, "correct", item=item, reason="refused", why="")[0] == 409
    assert do(client, "correct", item=item, reason="refused", code="SUNSHINE", why="x")[0] == 409
    assert do(client, "correct", item=item, reason="refused", uid="04a1b2c3", why="x")[0] == 409
    assert do(client, "correct", item=item, reason="refused", worker="W-006", why="his brother")[0] == 303
    assert {row.worker_id for row in morning.rows(schema.presences) if row.state == "QUEUED"} == {6}


def test_an_event_is_seen_to_and_what_no_page_offers_is_refused(visit: Visit) -> None:
    client = visit("otto")
    (item,) = re.findall(r'href="/attention/unknown_clock/(event/\d+)"', client.get("/attention").text)
    assert do(client, "settle", item=item, reason="unknown_clock", why="it is the spare one") == (
        303,
        "/attention?done=settle",
    )
    assert "unknown_clock" not in client.get("/attention").text
    for act in ("sign-in", "set-password", "nonsense", "note-page"):
        assert do(client, act, account="1", hours="12")[0] == 404
    assert client.get("/attention/unknown_badge/clock-0001/4711").status_code == 404
    assert client.get("/attention/nonsense/x").status_code == 404


def test_an_account_of_a_site_sees_and_decides_what_is_of_that_site(morning: Morning, visit: Visit) -> None:
    with morning.office.read() as connection:
        of_site = reach.of_names(connection, (QUAY_9,), ())
        of_employer = reach.of_names(connection, (), (KBO,))
    morning.account("lea", Role.OPERATOR, of_site)
    morning.account("max", Role.OPERATOR, of_employer)
    client, item = visit("lea"), morning.refused()
    page = text_of(client.get("/").text)
    assert "Quay 9" in page
    assert not [word for word in ("Quay 7", "W-002", "To do", "clock-0099") if word in page[page.index("Inside") :]]
    assert client.get(f"/?site={SITE}").status_code == 404
    assert client.get(f"/attention/refused/{item}").status_code == 404
    for act, of in (
        ("correct", item),
        ("close-badge", "clock-0001/4"),
        ("settle", "event/1"),
        ("give-badge", "clock-0001/4"),
    ):
        fields = {"worker": "W-003"} if act == "give-badge" else {"why": "tries"}
        status, said = do(client, act, item=of, reason="refused", **fields)
        assert (status, "within your reach" in said) == (409, True), act
    assert morning.refused() == item
    # A subcontractor sees their own people, and no badge that may be another's.
    page = text_of(visit("max").get("/").text)
    assert "W-002" in page
    assert not [word for word in ("W-003", "Unknown badge", "clock-0099") if word in page]
    assert do(visit("max"), "close", item=item, reason="refused", why="wrong person")[0] == 303


@pytest.mark.parametrize("reason", NEEDS)
def test_every_reason_has_its_words_and_no_command_where_there_is_a_button(reason: str) -> None:
    said = words.said(reason)
    assert said.title
    assert said.to_do.endswith(".")
    assert "`" not in said.to_do
    for item in ("BC20260105-0a1b2c3d4e5f", "clock-0001/7", "event/1", "correction/1"):
        for button in words.buttons_of(Row(reason, item, 0, "")):
            fields = DEEDS[button.act].body.model_fields
            assert {*button.fields, *button.needs, "item"} <= fields.keys()
            assert button.act in words.DONE
            assert set(button.needs) <= set(button.fields)


def test_of_two_who_decide_one_thing_at_once_one_does(morning: Morning, visit: Visit) -> None:
    clients = [visit("otto"), visit("ada")]
    fields = {"item": "clock-0001/4", "reason": "unknown_badge", "worker": "W-006"}
    tokens = [token(client.get("/account").text) for client in clients]
    answers: list[int] = []

    def send(client: TestClient, own: str) -> None:
        answers.append(client.post("/do/give-badge", data={**fields, "token": own}).status_code)

    threads = [threading.Thread(target=send, args=pair) for pair in zip(clients, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 409]
    assert morning.punches().count("DECLARED") == 4


def test_the_forms_of_acts_are_those_of_the_commands() -> None:
    """A day from a form is a date, and a way a word of the authority's."""
    body = DEEDS[Asked.DECLARE].body.model_validate(
        {"item": "clock-0001/7", "why": "x", "day": "2026-01-05", "way": "in"}
    )
    assert body.model_dump()["day"] == date(2026, 1, 5)


def test_several_things_are_settled_with_one_reason_and_each_has_its_own_outcome(
    morning: Morning, visit: Visit
) -> None:
    client = visit("otto")
    page = client.get("/attention").text
    chosen = re.findall(r'type="checkbox" form="several" name="items" value="([^"]+)"', page)
    event = next(one for one in chosen if "/event/" in one)
    refused = f"refused/{morning.refused()}"
    assert {event, refused, "unknown_badge/clock-0001/4"} == set(chosen)
    assert 'name="what" value="close"' in page
    # One cannot be settled so, one is decided by somebody else meanwhile: the others are done.
    gone = "unknown_badge/clock-0001/77"
    status, said = do(
        client, "several", items=[refused, "unknown_badge/clock-0001/4", event, gone], what="close", why="x"
    )
    assert status == 409
    outcomes = re.findall(r"<li><b>([^<]+)</b>: (.*)</li>", said)
    assert [(item, "done" if text == "done" else "not") for item, text in outcomes] == [
        (refused, "done"),
        ("unknown_badge/clock-0001/4", "done"),
        (event, "not"),
        (gone, "not"),
    ]
    assert "it is no longer waiting" in said
    assert f'name="items" value="{event}\t{gone}"' in said, "the others can be sent again"
    assert [act.operator for act in morning.rows(schema.acts)][-2:] == ["otto (console)"] * 2
    assert {act.reason for act in morning.rows(schema.acts)[-2:]} == {"x"}
    assert do(client, "several", items=[event], what="seen", why="the spare one", back="/attention") == (
        303,
        "/attention?done=several",
    )
    assert "What was chosen is done." in client.get("/attention?done=several").text
    assert "Nothing waits for a person" in client.get("/attention").text
    for fields in ({"what": "seen"}, {"items": event}, {"items": event, "what": "nonsense"}):
        assert do(client, "several", why="x", **fields)[0] == 409
    assert 'form="several"' not in visit("vera").get("/attention").text


def test_a_session_that_ends_while_things_are_chosen_keeps_what_was_chosen(morning: Morning, visit: Visit) -> None:
    client, item = visit("otto"), f"refused/{morning.refused()}"
    data = {"items": [item, "unknown_badge/clock-0001/4"], "what": "close", "why": "no work", "back": "/attention"}
    own = token(client.get("/account").text)
    morning.now_ms += 13 * 3_600_000
    answer = client.post("/do/several", data={**data, "token": own})
    assert answer.status_code == 401
    kept = dict(re.findall(r'<input type="hidden" name="(kept[^"]*)" value="([^"]*)"', answer.text))
    assert kept["kept.why"] == "no work"
    again = client.post("/sign-in", data={**kept, "name": "otto", "password": PASSWORD}).text
    assert "What you typed is still here" in again
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', again))
    assert morning.punches().count("UNASSIGNED") == 1
    assert client.post("/do/several", data=fields).headers["location"] == "/attention?done=several"
    assert "UNASSIGNED" not in morning.punches()

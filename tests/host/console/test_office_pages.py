"""Clocks, people, sites, the book of acts, settings and accounts: their pages and forms."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.host.bridge.world import KBO, SITE
from tests.host.console.morning import PASSWORD, QUAY_9, Morning
from tests.host.console.test_pages import do, text_of
from tests.host.console.test_process import settings

from badgeclock.bridge import settings as bridge_settings
from badgeclock.bridge.attention import attention
from badgeclock.bridge.clocks import health
from badgeclock.bridge.clocks.health import Mark, Reason, Standing
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.audit_log import Act
from badgeclock.bridge.store.event_log import Severity
from badgeclock.console import act_words, settings_page
from badgeclock.console.settings_page import Sections
from badgeclock.console.sites_view import REGIMES

Visit = Callable[[str], TestClient]
DARK = Reason(Mark.UNHEALTHY, "display", "its display did not answer")
OPEN = Reason(Mark.UNHEALTHY, "case", "its case is open", Severity.WARNING)


def standing(morning: Morning, *found: Reason) -> None:
    """The next reading of clock-0001."""
    table = schema.clocks
    with morning.office.write() as connection:
        (row,) = [row for row in morning.rows(table) if row.name == "clock-0001"]
        after = Standing.of(row.standing).with_reasons(list(found), morning.now_ms)
        connection.execute(table.update().where(table.c.id == row.id).values(standing=after.to_json()))


def waits(morning: Morning) -> list[str]:
    with morning.office.read() as connection:
        listed = attention.listing(connection, 100, morning.now_ms)
        counted = attention.counts(connection, morning.now_ms)
    reasons = [row.reason for row in listed if row.reason.startswith("clock_")]
    assert sorted(reasons) == sorted(name for name, n in counted.items() if name.startswith("clock_") and n)
    return reasons


def test_a_clock_has_one_word_and_silence_for_what_is_known_ends_when_it_is_over(
    morning: Morning, visit: Visit
) -> None:
    standing(morning, DARK)
    client = visit("otto")
    page = text_of(client.get("/clocks").text)
    assert page.startswith("1 clock needs somebody")
    assert re.search(r"clock-0001 Quay 7 unwell its display did not answer 07:03 12 min ago", page), page
    one = text_of(client.get("/clocks/clock-0001").text)
    assert "clock-0001: unwell" in one
    assert "Clock's display is dark" in one
    assert waits(morning) == ["clock_display"]
    item = client.get("/attention/clock_display/clock-0001").text
    assert 'action="/do/silence-clock"' in item
    assert 'name="cause" value="display"' in item
    assert 'href="/clocks/clock-0001"' in item
    form = {"item": "clock-0001", "reason": "clock_display", "cause": "case"}
    status, said = do(client, "silence-clock", why="open for repair", **form)
    assert (status, "has no such trouble" in said) == (409, True)
    back = {"item": "clock-0001", "back": "/clocks/clock-0001"}
    assert do(client, "silence-clock", why="", **back)[0] == 409
    done = do(client, "silence-clock", why="the new one comes on Friday", **back)
    assert done == (303, "/clocks/clock-0001?done=silence-clock")
    said = text_of(client.get(done[1]).text)
    assert "It has left the list" in said
    assert "Known to otto (console) until it is over" in said
    assert "2026-01-05 07:15:00: the new one comes on Friday" in said
    assert not waits(morning)
    standing(morning, DARK, OPEN)
    assert waits(morning) == ["clock_case"], "only what was known is silent"
    standing(morning, DARK)
    assert "unwell, and known" in client.get("/clocks").text
    standing(morning)
    standing(morning, DARK)
    assert waits(morning) == ["clock_display"], "it ended when the trouble did"
    assert do(client, "silence-clock", why="again", **back)[0] == 303
    assert do(client, "end-silence", **back)[0] == 303
    assert waits(morning) == ["clock_display"]
    acts = [row.act for row in morning.rows(schema.acts)]
    assert acts[-3:] == ["clock_silenced", "clock_silenced", "clock_silence_ended"]


def test_a_silence_is_kept_by_a_look_that_began_before_it() -> None:
    """The bridge judges a clock, a person silences it, and then the bridge writes what it found."""
    before = Standing().with_reasons([DARK], 1)
    silenced = before.with_silences((health.Silence("display", "otto", "known", 2),))
    judged = before.with_reasons([DARK, OPEN], 3)
    assert judged.with_silences(silenced.silences).silences == silenced.silences
    assert not before.with_reasons([OPEN], 3).with_silences(silenced.silences).silences


def test_several_clocks_are_ordered_at_once_and_those_that_cannot_be_say_why(morning: Morning, visit: Visit) -> None:
    client = visit("otto")
    form = {"command": "identify", "why": "which is which", "back": "/clocks"}
    done = do(client, "order-clock", items=["clock-0001", "clock-0002"], **form)  # type: ignore[arg-type]
    assert done == (303, "/clocks?done=order-clock")
    assert [row.clock_id for row in morning.rows(schema.orders)] == [1, 2]
    status, said = do(client, "order-clock", items=["clock-0001", "clock-0077"], **form)  # type: ignore[arg-type]
    assert status == 409
    assert "Done: 1." in said
    assert "clock-0077</b>" in said
    assert 'name="items" value="clock-0077"' in said, "what is left can be sent again"
    assert 'value="which is which"' in said
    assert "identify by otto (console)" in text_of(client.get("/clocks/clock-0001").text).replace(" , ", ", ")
    form = {"item": "clock-0001", "back": "/clocks/clock-0001"}
    assert do(client, "set-clock", settings="volume=2\nquiet_hours=22:00-06:00", **form)[0] == 303
    (wanted,) = [row.settings_wanted for row in morning.rows(schema.clocks) if row.name == "clock-0001"]
    assert wanted == {"volume": 2, "quiet_hours": "22:00-06:00"}
    status, said = do(client, "set-clock", settings="volume=11", **form)
    assert (status, "it must be a whole number from 0 to 3" in said.lower()) == (409, True)
    assert "volume=11</textarea>" in said


def test_people_are_found_engaged_and_lose_badges(morning: Morning, visit: Visit) -> None:
    client = visit("otto")
    page = text_of(client.get("/people?worker=W-00").text)
    assert "W-001 AP Voorbeeld" in page.replace("Voorbeeld bv", "Voorbeeld") or "W-001 AP" in page
    assert "W-002" not in text_of(client.get("/people?worker=W-001").text)
    assert "There are none" in text_of(client.get("/people?worker=Anna").text), "no name is searched that is not open"
    one = text_of(client.get("/people/W-001").text)
    assert all(words in one for words in ("W-001 AP", "a national number", "in use", "registered 100000000001"))
    form = {"employer": KBO, "first": "2026-01-01", "last": "2026-02-28", "sites": SITE, "why": "lent for two months"}
    done = do(client, "engage", items=["W-004", "W-005"], back="/people", **form)  # type: ignore[arg-type]
    assert done == (303, "/people?done=engage")
    assert "2026-01-01 \u2013 2026-02-28; Quay 7 now" in text_of(client.get("/people/W-005").text)
    status, said = do(client, "engage", item="W-004", back="/people/W-004", **{**form, "last": "2025-01-01"})
    assert (status, "ends before it begins" in said) == (409, True)
    assert 'name="first" value="2026-01-01"' in said
    (badge,) = re.findall(r'name="badge" value="(\d+)"', client.get("/people/W-003").text)[:1]
    taken = {"item": "W-003", "badge": badge, "why": "she left", "back": "/people/W-003"}
    assert do(client, "take-badge", **taken)[0] == 303
    assert do(client, "take-badge", **taken)[0] == 409, "once"
    assert do(client, "take-badge", **{**taken, "item": "W-001"})[0] == 409
    assert do(client, "change-worker", item="W-004", name="Dries Ander", why="married", back="/people")[0] == 303
    do(client, "show-names", back="/")
    assert "W-004 Dries Ander" in text_of(client.get("/people?worker=ander").text)
    assert "Dries" not in str(morning.rows(schema.acts))


def test_sites_stand_in_groups_with_the_worst_first_and_their_regimes_have_dates(
    morning: Morning, visit: Visit
) -> None:
    table = schema.sites
    address = {"street": "Kaai", "house_number": "9", "box": "", "post_code": "2000", "municipality": "Antwerpen"}
    with morning.office.write() as connection:
        connection.execute(table.update().where(table.c.name == QUAY_9).values(address=address))
    client = visit("otto")
    page = text_of(client.get("/sites").text)
    assert page.index("Without an address 1 site") < page.index("Antwerpen 1 site"), "what waits comes first"
    form = {"item": QUAY_9, "regime": "meat", "regime_from": "2026-02-01", "why": "another work", "back": "/sites"}
    assert do(client, "change-site", **form)[0] == 303
    page = text_of(client.get("/sites/Quay%209").text)
    assert "construction: one presence a day; from 2026-02-01 on meat: one presence a day" in page
    status, said = do(client, "change-site", **{**form, "regime_from": "2025-02-01"})
    assert status == 409
    assert 'value="2025-02-01"' in said
    timely = {"item": QUAY_9, "deadline": "08:30", "deadline_minutes": "20", "why": "we begin late", "back": "/sites"}
    assert do(client, "change-site", **timely)[0] == 303
    page = text_of(client.get("/sites/Quay%209").text)
    assert "Everybody has a number by 08:30 notice 20 minutes before" in page
    assert do(client, "change-site", **{**timely, "deadline": "8.30"})[0] == 409
    assert do(client, "change-site", **{**timely, "deadline": "none", "deadline_minutes": ""})[0] == 303
    assert "Everybody has a number by 08:30" not in text_of(client.get("/sites/Quay%209").text)
    assert do(client, "name-employer", item="0999999922", name="Elders bv", back="/sites")[0] == 303
    assert "Elders bv 0999999922" in text_of(client.get("/sites").text)
    assert REGIMES.keys() == set(Regime)


def test_the_book_is_read_newest_first_and_page_by_page(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("badgeclock.console.acts_page.ROWS_SHOWN", 2)
    client = visit("otto")
    do(client, "order-clock", item="clock-0001", command="restart", why="it hangs", back="/clocks")
    page = client.get("/acts").text
    assert re.search(r"07:15:00 now|07:15:00 .{0,20}min ago|07:15:00", text_of(page))
    assert "Order to a clock clock clock-0001 1" in text_of(page)
    assert '<option value="clock_ordered">Order to a clock</option>' in page
    assert act_words.ACTS.keys() == set(Act)
    assert "it hangs" in page
    (older,) = re.findall(r'href="(/acts\?operator=[^"]+)"', page)
    assert "it hangs" not in client.get(older.replace("&amp;", "&")).text
    assert "it hangs" in client.get("/acts?operator=otto+(console)&act=clock_ordered").text
    assert "There are none" in client.get("/acts?act=clock_ended").text
    assert client.get("/acts?before=x").status_code == 422


def test_settings_are_shown_without_anything_secret(tmp_path: Path) -> None:
    read = bridge_settings.load(settings(tmp_path, "port = 8460\n"))
    told = replace_store(read, "postgresql+psycopg://bridge:hunter2@db.example/bridge?password=hunter2")
    shown: Sections = settings_page.shown(told)
    assert shown["store"] == {"url": "postgresql+psycopg://…@db.example/bridge?…"}
    assert shown["console"]["port"] == "8460"
    assert shown["retention"]["events_days"] == "366"
    assert shown["secrets"]["data_key_file"].endswith("data.key")
    assert "hunter2" not in str(shown)


def replace_store(read: bridge_settings.BridgeSettings, url: str) -> bridge_settings.BridgeSettings:
    return read.model_copy(update={"store": bridge_settings.StoreSettings(url=url)})


def test_an_administrator_makes_changes_locks_and_ends_accounts(morning: Morning, visit: Visit) -> None:
    client = visit("ada")
    form = {"role": "operator", "sites": QUAY_9, "why": "new at the quay", "back": "/accounts"}
    status, said = do(client, "make-account", item="eva", **form)
    assert status == 200
    (password,) = re.findall(r'id="password">([^<]+)<', said)
    assert password not in str(morning.rows(schema.acts))
    page = text_of(client.get("/accounts").text)
    assert "eva operator · Quay 9 never signed in" in page
    status, said = do(client, "make-account", item="eva", **form)
    assert (status, "here is, or was, an account" in said) == (409, True)

    def signs_in(name: str, word: str) -> int:
        return visit("").post("/sign-in", data={"name": name, "password": word}).status_code

    assert signs_in("eva", password) == 303
    assert do(client, "lock-account", item="eva", why="lost her phone", back="/accounts")[0] == 303
    assert "eva operator · Quay 9 · locked" in text_of(client.get("/accounts").text)
    assert signs_in("eva", password) == 403
    assert do(client, "unlock-account", item="eva", why="found it", back="/accounts")[0] == 303
    assert signs_in("eva", password) == 303
    assert do(client, "change-account", item="eva", role="viewer", why="another job", back="/accounts")[0] == 303
    assert "eva viewer · everything" in text_of(client.get("/accounts").text)
    other = visit("vera")
    assert do(client, "end-sessions", item="vera", why="left her desk", back="/accounts")[0] == 303
    assert other.get("/").headers["location"].startswith("/sign-in")
    assert do(client, "end-account", item="eva", why="left", back="/accounts")[0] == 303
    for act in ("lock-account", "end-account", "reset-account", "end-sessions"):
        status, said = do(client, act, item="ada", why="by mistake", back="/accounts")
        assert (status, "your own account" in said) == (409, True), act
    status, said = do(client, "reset-account", item="otto", why="forgot it", back="/accounts")
    (password,) = re.findall(r'id="password">([^<]+)<', said)
    assert (signs_in("otto", PASSWORD), signs_in("otto", password)) == (403, 303)


def test_who_has_left_sessions_elsewhere_ends_all_of_them(visit: Visit) -> None:
    client, other = visit("otto"), visit("otto")
    page = text_of(client.get("/account").text)
    assert page.count("last page") == 2
    assert page.count("this one") == 1
    (form_token,) = re.findall(r'name="token" value="([0-9a-f]{64})"', client.get("/account").text)[:1]
    assert client.post("/sign-out/everywhere", data={"token": form_token}).headers["location"] == "/sign-in"
    for one in (client, other):
        assert one.get("/").headers["location"].startswith("/sign-in")


def test_a_form_of_several_comes_back_after_signing_in(morning: Morning, visit: Visit) -> None:
    """The session ends in the middle of a form about two clocks: nothing that was chosen or typed is lost."""
    client = visit("")
    form = {"items": ["clock-0001", "clock-0002"], "command": "identify", "why": "which is which", "back": "/clocks"}
    page = client.post("/do/order-clock", data=form)
    assert page.status_code == 401
    kept = dict(re.findall(r'name="(kept[^"]*)" value="([^"]*)"', page.text))
    page = client.post("/sign-in", data={**kept, "name": "otto", "password": PASSWORD}).text
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page[page.index('class="act"') :]))
    assert client.post("/do/order-clock", data=fields).headers["location"] == "/clocks?done=order-clock"
    assert len(morning.rows(schema.orders)) == 2

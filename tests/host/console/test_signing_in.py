"""Who can sign in, who cannot, and that nobody can lock out another person."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyotp
import pytest
from fastapi.testclient import TestClient
from tests.host.console.morning import PASSWORD, WHO, Morning, ms

from badgeclock.bridge.accounts import accounts, sessions
from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.store import schema
from badgeclock.console import attempts

Visit = Callable[[str], TestClient]
CODE = "code"


def sign_in(client: TestClient, name: str, password: str = PASSWORD, **more: str) -> int:
    return client.post("/sign-in", data={"name": name, "password": password, **more}).status_code


def token(page: str) -> str:
    found = re.search(r'name="token" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


def test_every_page_asks_who_it_is_and_goes_on_after_signing_in(visit: Visit) -> None:
    client = visit("")
    for path in ("/", "/attention", "/attention/refused/x", "/account"):
        assert client.get(path).headers["location"].startswith("/sign-in?to=%2F")
    asked = client.get("/attention?site=Quay+7").headers["location"]
    assert 'name="to" value="/attention?site=Quay+7"' in client.get(asked).text
    done = client.post("/sign-in", data={"name": "Otto ", "password": PASSWORD, "to": "/attention?site=Quay+7"})
    assert (done.status_code, done.headers["location"]) == (303, "/attention?site=Quay+7")
    assert "Quay 7" in client.get(done.headers["location"]).text
    # htmx would put the page for signing in into the middle of another.
    other = visit("").get("/", headers={"hx-request": "true"})
    assert (other.status_code, other.headers["hx-redirect"]) == (204, "/sign-in?to=%2F")


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1", "/\n"])
def test_signing_in_leads_to_no_other_host(visit: Visit, to: str) -> None:
    client = visit("")
    assert client.post("/sign-in", data={"name": "otto", "password": PASSWORD, "to": to}).headers["location"] == "/"


def test_the_store_has_no_secret_of_a_session_and_an_act_says_who_came(morning: Morning, visit: Visit) -> None:
    client = visit("")
    assert sign_in(client, "otto") == 303
    secret = client.cookies["badgeclock"]
    (row,) = morning.rows(schema.sessions)
    assert secret.encode() not in row.secret_sha256
    assert [act.operator for act in morning.rows(schema.acts) if act.act == "signed_in"] == ["otto (console)"]
    # With other rights or none a session is another one; an ended account has none.
    with morning.office.write() as connection:
        accounts.change(connection, "otto", Role.VIEWER, None, WHO, morning.now_ms)
    assert "Show names" not in client.get("/").text
    with morning.office.write() as connection:
        accounts.end(connection, "otto", WHO, morning.now_ms)
    assert client.get("/").status_code == 303


def test_a_session_ends_by_itself_and_by_signing_out(morning: Morning, visit: Visit) -> None:
    idle, used, out = visit("vera"), visit("vera"), visit("vera")
    morning.now_ms += sessions.IDLE_MS - 60_000
    page = used.get("/").text
    assert out.post("/sign-out", data={"token": token(out.get("/").text)}).headers["location"] == "/sign-in"
    assert out.get("/").status_code == 303
    morning.now_ms += 120_000
    assert idle.get("/").status_code == 303
    assert used.get("/").status_code == 200
    for _ in range(6):
        morning.now_ms += sessions.IDLE_MS - 60_000
        used.get("/")
    assert used.get("/").status_code == 303, "however much it is used"
    assert "Nothing was changed" in used.post("/sign-out", data={}, headers={"origin": "http://evil.example"}).text
    assert page


def test_codes_are_asked_for_and_count_once(morning: Morning, visit: Visit) -> None:
    client = visit("otto")
    page = client.get("/account").text
    found = re.search(r'name="secret" value="([A-Z2-7]{32})"', page)
    assert found is not None
    code = pyotp.TOTP(found[1])
    now_s = morning.now_ms // 1000
    form = {"token": token(page), "secret": found[1], "password": PASSWORD}
    assert client.post("/account/codes", data={**form, CODE: "000000"}).status_code == 422
    assert client.post("/account/codes", data={**form, CODE: code.at(now_s), "password": "wrong"}).status_code == 422
    assert client.post("/account/codes", data={**form, CODE: code.at(now_s)}).status_code == 303
    assert "asks for a code from now on" in client.get("/account?done=codes").text
    (row,) = [row for row in morning.rows(schema.accounts) if row.name == "otto"]
    assert found[1].encode() not in row.totp_closed
    other = visit("")
    assert sign_in(other, "otto") == 403
    assert sign_in(other, "otto", code=code.at(now_s)) == 403, "it was used"
    assert sign_in(other, "otto", code=code.at(now_s + 30)) == 303
    assert sign_in(visit(""), "otto", code=code.at(now_s + 30)) == 403


def test_a_first_password_opens_nothing_but_the_page_that_changes_it(morning: Morning, visit: Visit) -> None:
    with morning.office.write() as connection:
        first = accounts.make(connection, "nina", Role.OPERATOR, WHO, morning.now_ms)
    client = visit("")
    assert sign_in(client, "nina", first) == 303
    assert client.get("/").headers["location"] == "/account"
    page = client.get("/account").text
    names = client.post("/do/show-names", data={"token": token(page), "back": "/"})
    assert "may not do that" in names.text
    before = client.cookies["badgeclock"]
    change = {"token": token(page), "password": first, "new_password": PASSWORD, "again": PASSWORD}
    assert client.post("/account/password", data={**change, "again": "other"}).status_code == 422
    assert client.post("/account/password", data=change).status_code == 303
    assert client.cookies["badgeclock"] != before
    assert client.get("/").status_code == 200
    stolen = visit("")
    stolen.cookies.set("badgeclock", before)
    assert stolen.get("/").status_code == 303


def test_nobody_can_lock_another_person_out(visit: Visit) -> None:
    own = visit("")
    assert sign_in(own, "otto") == 303
    own.cookies.delete("badgeclock")
    thief = visit("")
    tries = [sign_in(thief, "otto", "guess") for _ in range(attempts.ACCOUNT_ATTEMPTS + 1)]
    assert tries == [403] * attempts.ACCOUNT_ATTEMPTS + [429]
    assert sign_in(thief, "otto") == 429, "nor does a right guess come through now"
    assert sign_in(own, "otto") == 303, "who was here before is counted apart"
    # A mark of another account, or a made-up one, is a stranger's.
    assert sign_in(visit(""), "otto") == 429


def test_attempts_come_back_with_time_and_are_bounded_by_address() -> None:
    now = [0.0]
    counted = attempts.Attempts(b"secret", lambda: now[0])
    for number in range(attempts.ADDRESS_ATTEMPTS):
        assert counted.wait_s("10.0.0.1", f"a{number}", "") == 0
        counted.failed("10.0.0.1", f"a{number}", "")
    assert counted.wait_s("10.0.0.1", "another", "") == pytest.approx(attempts.REFILL_S / attempts.ADDRESS_ATTEMPTS)
    assert counted.wait_s("10.0.0.2", "another", "") == 0
    mark = counted.mark("another", "0" * 16)
    assert counted.wait_s("10.0.0.1", "another", mark) == 0
    assert counted.wait_s("10.0.0.1", "third", mark) > 0
    now[0] += attempts.REFILL_S
    assert counted.wait_s("10.0.0.1", "third", "") == 0
    for number in range(attempts.COUNTED + 50):
        counted.failed(f"10.1.{number}", "x", "")
    assert len(counted._left) == attempts.COUNTED


def test_a_form_needs_the_consoles_own_page_and_its_sessions_token(visit: Visit) -> None:
    client = visit("otto")
    good = {"token": token(client.get("/").text), "back": "/"}
    for headers in (
        {"origin": "https://testserver"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert client.post("/do/show-names", data=good, headers=headers).status_code == 403
    without = visit("otto")
    del without.headers["origin"]
    assert without.post("/do/show-names", data=good).status_code == 403
    other = visit("otto")
    assert other.post("/do/show-names", data=good).status_code == 409, "the token of another session"
    assert client.post("/do/show-names", data=good).status_code == 303
    assert client.post("/do/show-names", data={"why": "x" * 70_000}).status_code == 413
    assert client.post("/do/show-names", content=iter([b"token=x"])).status_code == 413


def test_every_answer_bears_what_keeps_a_page_to_itself(visit: Visit) -> None:
    client = visit("otto")
    for path in ("/", "/account", "/nowhere", "/static/console.js", "/sign-in"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == ("public, max-age=3600" if path.startswith("/static") else "no-store")
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    secure = TestClient(client.app, base_url="https://testserver", headers={"origin": "https://testserver"})
    done = secure.post("/sign-in", data={"name": "otto", "password": PASSWORD}, follow_redirects=False)
    cookie = done.headers["set-cookie"]
    assert cookie.startswith("__Host-badgeclock=")
    assert all(word in cookie for word in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"))
    assert done.headers["strict-transport-security"]


def test_what_was_typed_outlives_the_session(morning: Morning, visit: Visit) -> None:
    client = visit("otto")
    page = client.get("/attention/unknown_badge/clock-0001/4").text
    form = {"token": token(page), "item": "clock-0001/4", "reason": "unknown_badge", "worker": "W-006"}
    morning.now_ms = ms("2026-01-05 12:00")
    late = client.post("/do/give-badge", data=form)
    assert late.status_code == 401
    kept = dict(re.findall(r'type="hidden" name="(kept[^"]*)" value="([^"]*)"', late.text))
    assert kept == {
        "kept_path": "/do/give-badge",
        "kept.item": "clock-0001/4",
        "kept.reason": "unknown_badge",
        "kept.worker": "W-006",
    }
    back = client.post("/sign-in", data={"name": "otto", "password": PASSWORD, **kept})
    assert "What you typed is still here" in back.text
    again = {"token": token(back.text), "item": "clock-0001/4", "reason": "unknown_badge", "worker": "W-006"}
    assert client.post("/do/give-badge", data=again).headers["location"] == "/attention?done=give-badge"
    assert "UNASSIGNED" not in morning.punches()

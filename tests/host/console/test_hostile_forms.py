"""A page answers any address or form, and nothing is done unintentionally."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from fastapi.testclient import TestClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.host.console.morning import Morning
from tests.host.console.test_signing_in import token

from badgeclock.bridge.acts.acts import DEEDS
from badgeclock.bridge.store import schema

Visit = Callable[[str], TestClient]
HOSTILE = (
    *("clock-0001/4", "clock-0001/99999999999999999999999", "/", "event/1", "event/x", "correction/1", "W-001", "\x00"),
    *("\u0663", "in", "2026-02-30", "0438195916", "SUNSHINE", "'; DROP TABLE punches; --", "\ud7ff", "{{7*7}}"),
)
WORDS = st.text(max_size=40) | st.sampled_from(HOSTILE)
NAMES = (
    *("item", "why", "worker", "site", "employer", "way", "day", "code", "reason", "back", "name", "kept_path"),
    *("kept.item", "act", "session", "self", "fields", "items", "what"),
)
FIELDS = st.sampled_from(NAMES)
FORM = st.dictionaries(FIELDS | st.text(min_size=1, max_size=8), WORDS, max_size=6)
_SETTINGS = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@_SETTINGS
@given(act=st.sampled_from([*sorted(DEEDS), "several"]), form=FORM)
@example(act="several", form={"items": "refused/x\tevent/1\t\x00/", "what": "close", "why": "x"})
@example(act="close", form={"item": "clock-0001/" + "9" * 60, "why": "x"})
@example(act="declare", form={"item": "clock-0001/4", "why": "x", "day": "9999-12-31"})
@example(act="give-badge", form={"item": "clock-0001/4", "worker": "\x00"})
@example(act="settle", form={"act": "settle", "session": "x", "self": "x", "item": "event/1", "why": "x"})
def test_any_form_is_answered_and_leaves_what_nobody_named(
    morning: Morning, visit: Visit, act: str, form: dict[str, str]
) -> None:
    client = visit("otto")
    before = len(morning.rows(schema.accounts)), len(morning.rows(schema.workers))
    filled = {**form, "token": token(client.get("/account").text)}
    assert client.post(f"/do/{quote(act)}", data=filled).status_code in {200, 303, 404, 409}
    assert (len(morning.rows(schema.accounts)), len(morning.rows(schema.workers))) == before


@_SETTINGS
@given(path=WORDS, query=st.dictionaries(FIELDS | st.sampled_from(["first", "last", "standing", "to", "done"]), WORDS))
def test_any_address_is_answered(visit: Visit, path: str, query: dict[str, str]) -> None:
    client = visit("otto")
    for page in (
        "/",
        "/attention",
        "/presences",
        f"/attention/late/{quote(path, safe='')}",
        f"/presences/{quote(path)}",
    ):
        assert client.get(page, params=query).status_code in {200, 303, 307, 404, 422}
    assert client.get("/sign-in", params=query).headers["location"].startswith("/")
    assert client.get(f"/language/{quote(path)}", params=query).status_code in {303, 404}


@_SETTINGS
@given(form=FORM | st.fixed_dictionaries({"name": WORDS, "password": WORDS, "code": WORDS, "kept.why": WORDS}))
def test_any_attempt_to_sign_in_is_answered(visit: Visit, form: dict[str, str]) -> None:
    client = visit("")
    assert client.post("/sign-in", data=form).status_code in {403, 429}
    assert client.post("/account/password", data=form).status_code == 401

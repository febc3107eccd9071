"""The whole console against hostile requests, made from its own table of routes and acts: no answer is a failure of it.

New routes are included automatically. BADGECLOCK_FUZZ_SEED repeats a run.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, urlencode

import httpx
import hypothesis
import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from tests.fuzzing import CASES_A_ROUND, LONG_S, rounds, seed
from tests.host.console.morning import Morning
from tests.host.console.test_hostile_forms import HOSTILE
from tests.host.console.test_reach import routes
from tests.host.console.test_signing_in import token

from badgeclock.bridge.acts.acts import DEEDS

Visit = Callable[[str], TestClient]
QUICK_CASES = 80
LEAVES = {"/sign-out", "/sign-out/everywhere", "/account/password", "/account/codes"}
"""Requests that would end their own session: sent without the token of its forms."""
PLAUSIBLE = (
    *("clock-0001", "clock-0001/4", "W-001", "W-006", "Quay 7", "0438195916", "event/1", "correction/1", "otto", "eva"),
    *("2026-01-05", "in", "viewer", "operator", "construction", "restart", "volume=2", "1", "none", "settle", "csv"),
    *("10", "csv", "workers", "refused", "unknown_badge", "name", ""),
)
WORDS = st.sampled_from(PLAUSIBLE) | st.sampled_from(HOSTILE) | st.text(max_size=60)
FILES = st.sampled_from(
    [
        ("workers.csv", b"reference;name;niss;employer\nW-9;X;1;0438195916\n"),
        ("../../etc/passwd", b"\x00" * 64),
        ("a\r\nset-cookie: x=y.csv", b"kbo\n0438195916\n"),
        ('"; filename="b.xlsx', b"PK\x03\x04" + b"\xff" * 200),
        ("employers.xml", b"<a>" * 500),
        ("\u202egnp.csv", "naam\n\ud7ff\n".encode("utf-16")),
        ("x" * 5000 + ".csv", b"reference\n" * 500),
        ("", b""),
    ]
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "accept-language": st.sampled_from(["nl", "*;q=nan", "de-" * 400, "\x7f", ";;;,", "zz;q=9"]),
        "hx-request": st.sampled_from(["true", "maybe"]),
        "x-forwarded-for": st.sampled_from(["1.2.3.4", "' OR 1=1", "x" * 3000]),
        "x-forwarded-proto": st.sampled_from(["https", "javascript"]),
        "referer": st.sampled_from(["http://evil.example/", "\x80"]),
        "range": st.just("bytes=0-18446744073709551615"),
    },
)


TYPES = st.sampled_from(
    [None] * 9
    + ["multipart/form-data", "multipart/form-data; boundary=", "application/json", "text/plain; charset=utf-7"]
)


def ask(client: TestClient, form_token: str, data: st.DataObject) -> httpx.Response:
    """Request something of the console's own table."""
    asked_for = [
        route
        for route in routes(client.app)
        if route.path != "/live"  # which ends when its page does
        for _ in range(len(DEEDS) if "{asked}" in route.path else 3 if "POST" in route.methods else 1)
    ]
    route = data.draw(st.sampled_from(asked_for), label="route")
    path = _path(route, data)
    query = data.draw(st.dictionaries(st.sampled_from(_query(route)) | WORDS, WORDS, max_size=4), label="query")
    headers = data.draw(HEADERS, label="headers")
    encoded = {name: value.encode("utf-8", "surrogatepass") for name, value in headers.items()}
    address = f"{path}?{urlencode(query, errors='surrogatepass')}"
    method = data.draw(st.sampled_from([*sorted(route.methods) * 5, "GET"]), label="method")
    if method != "POST":
        return client.request(method, address, headers=encoded)
    form = data.draw(st.dictionaries(st.sampled_from(_fields(path)) | WORDS, WORDS, max_size=8), label="form")
    if route.path not in LEAVES:
        form["token"] = form_token
    fields = {_utf8(name): _utf8(value) for name, value in form.items()}
    if data.draw(st.booleans(), label="with a file"):
        name, content = data.draw(FILES, label="file")
        return client.post(address, data=fields, files={"file": (name, content)}, headers=encoded)
    kind = data.draw(TYPES, label="content-type")
    if kind is not None:
        encoded["content-type"] = kind.encode()
    return client.post(address, data=fields, headers=encoded)


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _path(route: APIRoute, data: st.DataObject) -> str:
    acts = st.sampled_from(sorted(DEEDS))
    names = {part.partition(":")[0] for part in _between(route.path)}
    path = route.path
    for name in sorted(names):
        said = data.draw(acts if name == "asked" else WORDS, label=name)
        written = quote(said, safe="", errors="surrogatepass") or "x"
        path = path.replace(f"{{{name}:path}}", written).replace(f"{{{name}}}", written)
    return path


def _between(path: str) -> list[str]:
    return [part.partition("}")[0] for part in path.split("{")[1:]]


def _query(route: APIRoute) -> list[str]:
    return [*(one.alias for one in route.dependant.query_params), "done", "to", "state", "code"]


def _fields(path: str) -> list[str]:
    deed = DEEDS.get(path.removeprefix("/do/"))
    own = list(deed.body.model_fields) if deed is not None else ["name", "password", "code", "kind", "site"]
    return [*own, "item", "items", "back", "reason", "upload", "kept_path", "kept.why"]


class Session:
    """Somebody who may do everything, signed in again whenever a request ends the session."""

    def __init__(self, morning: Morning, visit: Visit) -> None:
        self._morning = morning
        self._client = visit("ada")
        self._token = token(self._client.get("/account").text)

    def asks(self, data: st.DataObject) -> None:
        """One request, whose answer is one of the console's own."""
        answer = ask(self._client, self._token, data)
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        assert "Traceback" not in answer.text
        if answer.headers.get("location", "").startswith("/sign-in") or answer.status_code == 401:
            self._client.cookies.clear()
            self._client.cookies.set("badgeclock", self._morning.session("ada"))
            self._token = token(self._client.get("/account").text)


def run(session: Session, cases: int, chance: int) -> None:
    """So many requests, of a seed."""
    always = hypothesis.settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )

    def asked(data: st.DataObject) -> None:
        session.asks(data)

    hypothesis.seed(chance)(always(hypothesis.given(data=st.data())(asked)))()


def test_whatever_is_asked_the_console_answers(morning: Morning, visit: Visit) -> None:
    begun = seed()
    print(f"BADGECLOCK_FUZZ_SEED={begun}")
    run(Session(morning, visit), QUICK_CASES, begun)


@pytest.mark.torture
@pytest.mark.timeout(LONG_S + 300)
def test_whatever_is_asked_at_length_the_console_answers(morning: Morning, visit: Visit) -> None:
    begun = seed()
    print(f"BADGECLOCK_FUZZ_SEED={begun}")
    session = Session(morning, visit)
    for chance in rounds(LONG_S, begun):
        run(session, 10 * CASES_A_ROUND, chance.getrandbits(64))

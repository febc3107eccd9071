"""The interface for planning tools: admission, behaviour, and agreement with its own description."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis import Case
from tests.fuzzing import LONG_S, ask_everything
from tests.host.bridge.world import ANNA_NISS, KBO, NOON_MS, SITE, STRANGER_UID, WORKPLACE, World
from typer.testing import CliRunner

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.people import sites
from badgeclock.bridge.settings import HttpSettings
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import Vault
from badgeclock.bridge.web import api_tokens, planning_api, planning_models, planning_refusals, status_api
from badgeclock.bridge.web.api_tokens import DAY_MS, RateBound, Scope
from badgeclock.bridge.web.reach import EVERYTHING
from badgeclock.cli.main import app as command

WHO = Operator("anna", "for the planning tool")
CARL = {"reference": "W-100", "name": "Carl Proef", "niss": "00000100166", "employer": KBO}
SITE_BODY = {"name": "Quay 8", "workplace": "1Y1TEST00002Z"}


def token_of(world: World, *scopes: Scope, days: int = 30) -> str:
    with world.store.write() as connection:
        return api_tokens.make(connection, "planner", scopes or tuple(Scope), days, WHO, world.now_ms)


def secret_of(token: str) -> str:
    """What of a token must not be kept; it may have `_` in it, as what separates a token's parts."""
    return token.split("_", 2)[2]


def application(world: World, requests_a_minute: int = 100_000) -> FastAPI:
    app = status_api.create_app(world.store, world.vault, Metrics(), lambda: True, HttpSettings(names=("testserver",)))
    app.mount(
        planning_refusals.PATH,
        planning_api.create_app(
            world.store, world.vault, requests_a_minute=requests_a_minute, now_ms=lambda: world.now_ms
        ),
    )
    return app


class Tool:
    """A program that speaks to the interface with its token."""

    def __init__(self, app: FastAPI, token: str | None) -> None:
        self.app = app
        self.headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.get, self.put, self.post = (partial(self.request, method) for method in ("GET", "PUT", "POST"))

    def request(self, method: str, path: str, **said: Any) -> httpx.Response:
        """One request, and its answer."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
                return await client.request(method, planning_refusals.PATH + path, **{"headers": self.headers, **said})

        return asyncio.run(ask())


def client(world: World, token: str | None, requests_a_minute: int = 100_000) -> Tool:
    return Tool(application(world, requests_a_minute), token)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for the tests that only ask, or may do anything."""
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def tool(shared: World) -> Tool:
    """A program that may do everything in the shared world."""
    return client(shared, token_of(shared))


class Served:
    """The interface for schemathesis: described when tests are collected, over a world once one of them runs."""

    def __init__(self) -> None:
        self.app = planning_api.create_app(
            Store("sqlite:///never-opened.db"), Vault(bytes(32)), requests_a_minute=1, now_ms=lambda: 0
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


SERVED = Served()
DESCRIBED = schemathesis.openapi.from_asgi(planning_refusals.OPENAPI, SERVED)
# Every request has the token, put in when it is sent: one made to be wrong for having none would be right again.
DESCRIBED.config.generation.update(with_security_parameters=False)
# A body may keep to its schema and be too large, or be too large before anybody looks at its schema.
for check in (DESCRIBED.config.checks.positive_data_acceptance, DESCRIBED.config.checks.negative_data_rejection):
    check.expected_statuses = [*check.expected_statuses, "413"]


@pytest.fixture(scope="module")
def served(shared: World) -> str:
    """A token that may do everything in the shared world."""
    SERVED.app = planning_api.create_app(
        shared.store, shared.vault, requests_a_minute=100_000, now_ms=lambda: shared.now_ms
    )
    return token_of(shared)


@DESCRIBED.parametrize()
@settings(max_examples=2, deadline=None)
def test_it_keeps_to_its_own_description(case: Case, served: str) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {served}"})


@pytest.mark.torture
@pytest.mark.timeout(LONG_S + 300)
def test_it_keeps_to_its_own_description_at_length(served: str) -> None:
    headers = {"Authorization": f"Bearer {served}"}
    ask_everything(DESCRIBED, LONG_S, lambda case: case.call_and_validate(headers=headers))


def test_a_tool_keeps_sites_workers_and_badges_in_step_and_reads_the_reception_number(world: World) -> None:
    world.punches(*world.clock.start(), world.clock.punch(STRANGER_UID))
    tool = client(world, token_of(world))
    assert tool.put("/employers", json={"kbo": "BE0448.181.966", "name": "Tweede"}).json()["is_new"]
    address = {"street": "Kaai", "house_number": "8", "post_code": "2000", "municipality": "Antwerpen"}
    site = {**SITE_BODY, "address": address, "latitude": 51.22, "longitude": 4.4, "languages": ["nl", "fr"]}
    assert tool.put("/sites", json=site).json() == {"id": 2, "is_new": True, "changed": []}
    assert tool.put("/sites", json={**site, "regime": "meat"}).json() == {
        "id": 2,
        "is_new": False,
        "changed": ["regime"],
    }
    told = tool.get("/sites", params={"after": 1}).json()
    assert told == [
        {
            **site,
            "address": {**address, "box": ""},
            "regime": "meat",
            "time_zone": "Europe/Brussels",
            "longest_shift_h": 12,
            "night_hours": "",
            "next_regime": None,
            "regime_from": None,
            "id": 2,
            "has_key": False,
        }
    ]
    assert tool.put("/workers", json=CARL).json()["is_new"]
    assert tool.put("/workers", json={**CARL, "name": "Carl Anders"}).json()["changed"] == ["name"]
    assert tool.put("/workers", json={**CARL, "language": "nl"}).json()["changed"] == ["language", "name"]
    assert tool.put("/workers", json={**CARL, "name": "Carl Anders"}).json()["changed"] == ["name"]
    assert tool.get("/workers", params={"after": 3}).json()[0]["language"] == "nl"
    before = world.rows(schema.sites)[0].roster_changes
    given = tool.post("/badges", json={"site": SITE, "worker": "W-100", "uid": STRANGER_UID.hex()}).json()
    assert (given["is_new"], given["queued"]) == (True, 1)
    (presence,) = tool.get("/presences", params={"first": "2026-01-05", "last": "2026-01-05"}).json()
    assert (presence["worker"], presence["site"], presence["state"]) == ("W-100", SITE, "QUEUED")
    assert tool.get("/workers", params={"after": 3}).json()[0]["initials"] == "CA"
    assert tool.put("/workers", json={**CARL, "name": "Carl Anders", "language": None}).json()["changed"] == [
        "language"
    ]
    assert tool.get("/workers", params={"after": 3}).json()[0]["language"] is None
    assert world.rows(schema.sites)[0].roster_changes == before + 2, "the badge, and the language of who has it"
    back = tool.post("/badges/revoke", json={"badge": given["badge"], "reason": "handed in"}).json()
    assert back == {
        "badge": given["badge"],
        "site": SITE,
        "worker": "W-100",
        "since_ms": NOON_MS,
        "until_ms": NOON_MS,
    }
    assert tool.post("/badges/revoke", json={"badge": given["badge"]}).status_code == 409
    with world.store.read() as connection:
        acts = audit_log.listing(connection, 0, 100)
        audit_log.verify(connection)
    assert {act["operator"] for act in acts[1:]} == {"token 1 (planner)"}
    assert [act["act"] for act in acts[-3:]] == ["badge_assigned", "worker_changed", "badge_revoked"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "word"),
    [
        ("PUT", "/workers", {**CARL, "niss": "00000100167"}, 409, "check digits"),
        ("PUT", "/workers", {**CARL, "niss": ANNA_NISS}, 409, "W-001"),
        ("PUT", "/workers", {**CARL, "limosa": "L1"}, 409, "one of them"),
        ("PUT", "/workers", {**CARL, "reference": "00000100166"}, 409, "looks like a national number"),
        ("PUT", "/workers", {**CARL, "niss": 100166}, 422, "niss"),
        ("PUT", "/workers", {**CARL, "language": "nld"}, 422, "language"),
        ("PUT", "/workers", {**CARL, "00000100166": 1}, 422, "Extra"),
        ("PUT", "/sites", {**SITE_BODY, "latitude": 51.0}, 409, "go together"),
        ("PUT", "/sites", {**SITE_BODY, "time_zone": "Europe/Atlantis"}, 409, "time zone"),
        ("PUT", "/employers", {"kbo": "0438195917"}, 409, "check digits"),
        ("POST", "/badges", {"site": "00000100166", "worker": "W-001", "uid": "04a1b2c3"}, 409, "no site"),
        ("POST", "/badges", {"site": SITE, "worker": "W-001", "uid": "04a1b2"}, 409, "4, 7 or 10"),
        ("GET", "/presences?first=2026-01-01&last=2026-02-01", None, 409, "31"),
        *(
            ("GET", f"/sites?{query}", None, 422, "query")
            for query in (
                *(
                    f"after={number}"
                    for number in ("1.0", "%201", "1%0A", "1_0", "%2B1", "01", "-0", "1e2", "\u0663", "")
                ),
                *("after=1&after=2", "after=x&after=1", "colour=1", "after[]=1"),
            )
        ),
        *(
            ("GET", f"/presences?first={day}&last={day}", None, 422, "YYYY-MM-DD")
            for day in ("0", "1767571200", "1767571200.0", "20260105", "2026-01-05T00:00:00Z", "2026-01-05%2000:00", "")
        ),
        ("PUT", "/employers?name=Tweede", {"kbo": KBO}, 422, "query.name"),
        ("GET", "/nothing", None, 404, "nothing here"),
        ("DELETE", "/sites", None, 405, "cannot be done"),
    ],
)
def test_what_cannot_be_is_refused_in_one_form_that_quotes_nothing(
    tool: Tool, method: str, path: str, body: dict[str, object] | None, status: int, word: str
) -> None:
    answer = tool.request(method, path, json=body)
    assert answer.status_code == status
    assert set(answer.json()) == {"what", "kept", "do"}
    assert word in answer.json()["what"] + answer.json()["do"]
    for secret in (ANNA_NISS, "0000010016", "100166", "04a1b2"):
        assert secret not in answer.text


def test_the_description_says_the_bounds_of_a_page(tool: Tool) -> None:
    said = tool.get(planning_refusals.OPENAPI).json()["paths"]["/sites"]["get"]["parameters"]
    bounds = {one["name"]: (one["schema"]["minimum"], one["schema"]["maximum"]) for one in said}
    assert bounds == {"after": (0, planning_models.ID_MOST), "limit": (1, planning_models.ROWS_MOST)}


def test_a_body_that_is_too_large_or_no_json_is_refused(tool: Tool) -> None:
    assert tool.put("/sites", content=b"[" * (planning_refusals.BODY_BYTES_MOST + 1)).status_code == 413
    assert tool.put("/sites", content=b'{"niss": "00000100166').status_code == 422
    assert "00000100166" not in tool.put("/sites", content=b'{"niss": "00000100166').text
    said = {"Content-Type": "application/json", **tool.headers}
    assert tool.put("/sites", content=b"\xff", headers=said).json()["what"] == "the body is no JSON"


def test_nobody_gets_in_without_a_token_that_is_good_and_has_the_scope(shared: World, tool: Tool) -> None:
    good = token_of(shared, Scope.PRESENCES_READ)
    changed = good[:-1] + ("A" if good[-1] != "A" else "B")
    other = f"bct_999_{secret_of(good)}"
    for presented in ("", "x", changed, other, good.upper(), "bct_0_" + "A" * 43, "bct_1_" + "é" * 43):
        answer = tool.get("/sites", headers={b"Authorization": f"Bearer {presented}".encode()})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert tool.get("/sites", headers={}).status_code == 401
    assert tool.get("/sites", headers={"Authorization": f"Basic {good}"}).status_code == 401
    reads = {"Authorization": f"Bearer {good}"}
    assert tool.get("/presences?first=2026-01-05&last=2026-01-05", headers=reads).status_code == 200
    assert tool.get("/sites", headers=reads).status_code == 403
    writes_not = {"Authorization": f"Bearer {token_of(shared, Scope.PLANNING_READ)}"}
    assert tool.put("/employers", json={"kbo": KBO}, headers=writes_not).status_code == 403
    assert tool.get(planning_refusals.OPENAPI, headers={}).status_code == 200


@given(st.text(max_size=80) | st.from_regex(r"bct_[0-9]+_[0-9A-Za-z_-]{43}", fullmatch=True))
@settings(max_examples=50, deadline=None)
def test_any_text_is_no_token(shared: World, text: str) -> None:
    with shared.store.read() as connection:
        assert api_tokens.find(connection, text, shared.now_ms) is None
        assert not api_tokens.has_form(text + "!")


def test_a_token_ends_by_itself_or_is_revoked_and_only_its_hash_is_kept(world: World) -> None:
    first, second = token_of(world, days=1), token_of(world, days=2)
    assert client(world, first).get("/sites").status_code == 200
    rows = world.rows(schema.api_tokens)
    assert first not in repr(rows)
    assert secret_of(first) not in repr([*rows, *world.rows(schema.acts)])
    assert [row.used_ms for row in rows] == [world.now_ms, None]
    with world.store.write() as connection:
        assert api_tokens.revoke(connection, 2, WHO, world.now_ms) == "planner"
    assert client(world, second).get("/sites").status_code == 401
    world.now_ms += DAY_MS
    assert client(world, first).get("/sites").status_code == 401
    for number in (2, 3):
        with pytest.raises(PeopleError, match="no token"), world.store.write() as connection:
            api_tokens.revoke(connection, number, WHO, world.now_ms)
    with pytest.raises(PeopleError, match="scope"), world.store.write() as connection:
        api_tokens.make(connection, "planner", (), 1, WHO, world.now_ms)
    with pytest.raises(PeopleError, match="name"), world.store.write() as connection:
        api_tokens.make(connection, "a/b", tuple(Scope), 1, WHO, world.now_ms)


def test_who_asks_too_often_waits_and_nobody_else_does(shared: World) -> None:
    app = client(shared, None, requests_a_minute=3)
    headers = [{"Authorization": f"Bearer {token_of(shared)}"} for _ in range(2)]
    said = [app.get("/sites", headers=headers[0]) for _ in range(4)]
    assert [answer.status_code for answer in said] == [200, 200, 200, 429]
    assert 0 < int(said[-1].headers["Retry-After"]) <= 20
    assert app.get("/sites", headers=headers[1]).status_code == 200
    assert [app.get("/sites").status_code for _ in range(4)] == [401, 401, 401, 429]
    assert app.get("/sites", headers=headers[1]).status_code == 200


def test_the_bound_gives_back_what_time_brings() -> None:
    now = 0.0
    bound = RateBound(60, lambda: now)
    assert [bound.wait_s(1) for _ in range(60)] == [0.0] * 60
    assert bound.wait_s(1) == pytest.approx(1.0)
    now = 2.0
    assert [bound.wait_s(1) > 0 for _ in range(3)] == [False, False, True]
    now = 1e9
    assert [bound.wait_s(1) for _ in range(60)] == [0.0] * 60
    assert bound.wait_s(1) > 0


def test_tokens_are_made_listed_and_revoked_by_commands(world: World, tmp_path: Any) -> None:
    (tmp_path / "data.key").write_text(b"data key of the tests, 32 bytes.".hex())
    (tmp_path / "data.key").chmod(0o600)
    config = tmp_path / "bridge.toml"
    config.write_text(
        '[broker]\nca = "c"\ncertificate = "c"\nkey = "k"\n[secrets]\ndata_key_file = "data.key"\n'
        '[authority]\nendpoint = "http://127.0.0.1:9/"\n'
    )

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(command, ["bridge", "token", *arguments, "--config", str(config)])
        assert done.exit_code == 0, done.output
        return done.stdout

    token = run("add", "--name", "planner", "--scope", "planning:read", "--scope", "presences:read").strip()
    with world.store.read() as connection:
        found = api_tokens.find(connection, token, 0)
        assert found == (1, "planner", frozenset({Scope.PLANNING_READ, Scope.PRESENCES_READ}), None, EVERYTHING)
    assert "everything" in run("list")
    run("add", "--name", "planner", "--scope", "planning:read", "--site", SITE, "--employer", KBO)
    assert f"{SITE}, {KBO}" in run("list")
    assert "planning:read presences:read" in run("list")
    run("revoke", "1", "--reason", "the tool was replaced")
    listed, second = map(json.loads, run("list", "--json").splitlines())
    assert (listed["reach"], second["reach"]) == ({}, {"sites": [SITE], "employers": [KBO]})
    assert listed["revoked_ms"] is not None
    assert "secret_sha256" not in listed
    assert WORKPLACE not in listed


def test_engagements_are_put_and_listed_and_a_site_keeps_what_is_left_out(world: World) -> None:
    tool = Tool(application(world), token_of(world))
    assert tool.put("/employers", json={"kbo": "0448181966", "name": "Tweede"}).status_code == 200
    body = {"worker": "W-001", "employer": "0448181966", "from_day": "2026-02-01", "sites": [SITE]}
    assert tool.put("/engagements", json=body).json()["changed"] == ["engagement"]
    assert tool.put("/engagements", json=body).json()["changed"] == []
    assert tool.get("/engagements").json() == [{"id": 1, **body, "to_day": None}]
    assert tool.put("/engagements", json={**body, "worker": "W-009"}).status_code == 409

    world.change_site(deadline="08:30", deadline_minutes=20)
    site = {"name": SITE, "workplace": WORKPLACE, "night_hours": "22:00-06:00", "longest_shift_h": 10}
    assert set(tool.put("/sites", json=site).json()["changed"]) == {"night_hours", "longest_shift_h"}
    assert tool.put("/sites", json={"name": SITE, "workplace": WORKPLACE}).json()["changed"] == []
    coming = {"next_regime": "construction-io", "regime_from": "2027-01-01"}
    assert set(tool.put("/sites", json={**site, **coming}).json()["changed"]) == set(coming)
    (told,) = tool.get("/sites").json()
    assert {name: told[name] for name in coming} == coming
    with world.store.read() as connection:
        kept = sites.find(connection, SITE)
    assert kept is not None
    assert (kept.deadline, kept.deadline_minutes) == ("08:30", 20)
    assert tool.put("/sites", json={**site, "regime_from": "2027-02-01", "next_regime": None}).status_code == 409


def test_a_plan_is_put_listed_and_withdrawn_and_says_who_has_not_come(world: World) -> None:
    tool = Tool(application(world), token_of(world))
    monday = {"site": SITE, "day": "2026-01-05"}
    body = {
        **monday,
        "workers": [
            {"worker": "W-001", "from_time": "07:00", "to_time": "15:30"},
            {"worker": "W-002", "from_time": "22:00", "to_time": "06:00"},
            {"worker": "W-003"},
        ],
    }
    put = tool.put("/plans", json=body)
    assert put.json() == {"id": 1, "is_new": True, "added": 3, "changed": 0, "removed": 0}
    assert tool.put("/plans", json=body).json() == {"id": 1, "is_new": False, "added": 0, "changed": 0, "removed": 0}
    (listed,) = tool.get("/plans?first=2026-01-05&last=2026-01-05").json()
    assert listed["workers"][0] == {**body["workers"][0], "source": "planning"}
    assert listed["workers"][2] == {"worker": "W-003", "from_time": None, "to_time": None, "source": "planning"}
    assert tool.get("/plans?first=2026-01-06&last=2026-01-06").json() == []

    world.punches(*world.clock.start(), world.clock.punch())
    (place,) = tool.get(f"/today?site={SITE}").json()["places"]
    assert (place["sites"], place["planned"], place["day"]) == ([SITE], True, "2026-01-05")
    people = {one["worker"]: one for one in place["people"]}
    assert {worker: one["status"] for worker, one in people.items()} == {
        "W-001": "here",
        "W-002": "later",
        "W-003": "missing",
    }
    assert people["W-001"]["why"] == "waits to be sent"
    assert people["W-002"]["expected"]["to"] == "2026-01-06T06:00:00+01:00"
    assert tool.get("/today").json()["places"] == [place]
    assert tool.get("/today?day=2026-01-06").json()["places"] == []

    assert tool.put("/plans", json={**body, "workers": body["workers"][1:]}).json()["removed"] == 1
    assert tool.post("/plans/withdraw", json=monday).json() == {"removed": 2}
    assert tool.post("/plans/withdraw", json=monday).status_code == 409
    acts = [(row.act, row.operator) for row in world.rows(schema.acts) if row.act.startswith("plan_")]
    assert acts == [(act, "token 1 (planner)") for act in ("plan_put", "plan_put", "plan_withdrawn")]


def test_a_plan_that_cannot_be_changes_nothing(world: World) -> None:
    tool = Tool(application(world), token_of(world))
    monday = {"site": SITE, "day": "2026-01-05"}
    for workers, status in (
        ([{"worker": "W-009"}], 409),
        ([{"worker": "W-001"}, {"worker": "W-001"}], 409),
        ([{"worker": "W-001", "to_time": "15:30"}], 409),
        ([{"worker": "W-001", "from_time": "7:00"}], 422),
        ([{"worker": "W-001", "from_time": "24:00"}], 422),
        (None, 422),
    ):
        assert tool.put("/plans", json={**monday, "workers": workers}).status_code == status
    assert tool.put("/plans", json={**monday, "site": "nowhere", "workers": []}).status_code == 409
    for day in (0, 1767571200, "1767571200", "2026-01-05T00:00:00", None):
        assert tool.put("/plans", json={"site": SITE, "day": day, "workers": []}).status_code == 422
    assert tool.get("/today?site=nowhere").status_code == 409
    assert tool.get("/today?day=today").status_code == 422
    for day in ("0001-01-01", "1999-12-31", "2200-01-01", "9999-12-31"):
        assert tool.put("/plans", json={"site": SITE, "day": day, "workers": []}).status_code == 409
        assert tool.get(f"/today?day={day}").status_code == 409
    assert world.rows(schema.plans) == []
    reads = Tool(application(world), token_of(world, Scope.PLANNING_READ))
    assert reads.put("/plans", json={**monday, "workers": []}).status_code == 403
    assert reads.get("/today").status_code == 403

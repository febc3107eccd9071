"""The simulated Check In and Out at Work: what it accepts and refuses, its OpenAPI file, its script."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.presences import EMPLOYER, LIMOSA, OTHER_EMPLOYER, WORKERS, WORKPLACE, WRONG_WORKER, post, web, worker_item
from tests.sandbox_process import SandboxNotStarted, SandboxProcess

from badgeclock.authorities import credentials
from badgeclock.authorities.errors import AuthorityUnavailable
from badgeclock.authorities.oauth import ClientKey, Tokens
from badgeclock.authorities.onss_soap import OnssSoap
from badgeclock.authorities.routes import Route
from badgeclock.authorities.transport import Transport
from badgeclock.onss import rest_names as n
from badgeclock.sandbox.control import Script
from badgeclock.sandbox.credentials import CLIENT_ID, kept_in
from badgeclock.sandbox.rules import Presence, movement_errors
from badgeclock.sandbox.service import Service
from badgeclock.sandbox.store import Store

NOW_MS = 1_772_430_000_000
MOVEMENT = {"registrationDate": "", "type": "IN", "ssin": WORKERS[0], "employer": {"enterpriseNumber": EMPLOYER}}


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory, sandbox_keys: Path) -> Iterator[tuple[SandboxProcess, Path]]:
    folder = tmp_path_factory.mktemp("asking")
    with SandboxProcess(folder, credentials=sandbox_keys, validation_delay_ms=0) as sandbox:
        yield sandbox, sandbox_keys


async def fetch(sandbox: SandboxProcess, keys: Path) -> str:
    transport = Transport(
        connect_timeout_s=5,
        timeout_s=20,
        tls=Route().tls,
        proxy_of=lambda _: None,
        accept="application/json",
    )
    try:
        client = ClientKey.load(CLIENT_ID, keys / "client.key", sandbox.token)
        return await Tokens(transport, sandbox.token, client, None).get()
    finally:
        await transport.close()


@pytest.fixture(scope="module")
def bearer(asking: tuple[SandboxProcess, Path]) -> dict[str, str]:
    asking[0].control(token_lifetime_s=86_400)
    return {"Authorization": f"Bearer {asyncio.run(fetch(*asking))}"}


def movement(**other: Any) -> dict[str, Any]:
    moment = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    made = MOVEMENT | {"registrationDate": moment, "contractualRelationshipReference": WORKPLACE} | other
    return {name: value for name, value in made.items() if value is not None}


def register(sandbox: SandboxProcess, *items: dict[str, Any], **headers: str) -> httpx.Response:
    url = sandbox.rest + n.REGISTER
    return web.post(url, json={"items": list(items)}, headers=headers)


# Rules for a movement


def presence(**other: Any) -> Presence:
    fields: dict[str, Any] = {
        "day": None,
        "inss": WORKERS[0],
        "company_id": int(EMPLOYER),
        "limosa_id": None,
        "workplace_id": WORKPLACE,
        "reference": None,
        "moment_ms": NOW_MS,
        "direction": "IN",
    }
    return Presence(**(fields | other))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({}, []),
        ({"company_id": None, "vat": "FR12345678901"}, []),
        ({"inss": None, "company_id": None, "limosa_id": LIMOSA}, []),
        ({"workplace_id": None, "place": {"address": {}}}, []),
        ({"moment_ms": NOW_MS - 600_000}, []),
        ({"moment_ms": NOW_MS + 60_000}, []),
        ({"moment_ms": NOW_MS - 600_001}, ["6"]),
        ({"moment_ms": NOW_MS + 60_001}, ["6"]),
        ({"moment_ms": None}, ["6"]),
        ({"inss": WRONG_WORKER}, ["5"]),
        ({"inss": None}, ["5"]),
        ({"limosa_id": LIMOSA}, ["2", "5"]),
        ({"company_id": None}, ["2"]),
        ({"vat": "FR12345678901"}, ["2"]),
        ({"company_id": 438195917}, ["3"]),
        ({"workplace_id": None}, ["4"]),
        ({"workplace_id": "x"}, ["4"]),
        ({"place": {"address": {}, "coordinates": {}}}, ["4"]),
        ({"workplace_id": "x", "inss": WRONG_WORKER, "company_id": 1, "moment_ms": 0}, ["3", "4", "5", "6"]),
    ],
    ids=str,
)
def test_each_error_of_a_movement_has_its_code(other: dict[str, Any], expected: list[str]) -> None:
    assert movement_errors(presence(**other), NOW_MS, 600) == expected


def test_one_wrong_movement_does_not_hold_up_the_others(
    asking: tuple[SandboxProcess, Path], bearer: dict[str, str]
) -> None:
    late = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    nowhere = "2026-02-30T00:00:00Z"
    answer = register(
        asking[0], movement(), movement(registrationDate=late), movement(registrationDate=nowhere), **bearer
    )
    assert answer.status_code == 200
    first, *rest = answer.json()["items"]
    assert first["createdPresenceRegistration"].keys() == {"id", "validity", "remarks"}
    assert [item["notCreatedPresenceRegistration"]["errors"][0]["code"] for item in rest] == ["6", "6"]
    assert WORKERS[0] not in answer.text


def test_the_same_movement_twice_is_taken_and_remarked(
    asking: tuple[SandboxProcess, Path], bearer: dict[str, str]
) -> None:
    sandbox = asking[0]
    item = movement(employer={"enterpriseNumber": OTHER_EMPLOYER})
    numbers = [
        register(sandbox, item, **bearer).json()["items"][0]["createdPresenceRegistration"]["id"] for _ in range(2)
    ]
    states = [web.get(f"{sandbox.rest}{n.GET}/{number}", headers=bearer).json() for number in numbers]
    assert [state["validity"] for state in states] == ["valid", "invalid"]
    assert states[1]["remarks"] == ["SAME DECLARATION HAS ALREADY BEEN REGISTERED"]


def test_neither_service_shows_what_came_by_the_other(
    asking: tuple[SandboxProcess, Path], bearer: dict[str, str]
) -> None:
    sandbox, keys = asking
    own = credentials.load(keys / "client.pem", keys / "client.key")
    number = register(sandbox, movement(), **bearer).json()["items"][0]["createdPresenceRegistration"]["id"]

    async def over_soap() -> int:
        async with OnssSoap(sandbox.endpoint, own=own) as client:
            assert await client.get(number) is None
            [outcome] = await client.register([worker_item("a")])
            return getattr(outcome, "reception_number", 0)

    other = asyncio.run(over_soap())
    answer = web.get(f"{sandbox.rest}{n.GET}/{other}", headers=bearer)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:problem-type:belgif:resourceNotFound")
    page = web.get(f"{sandbox.base}/").text
    assert str(number) in page
    assert str(other) in page
    assert WORKERS[0] not in page


# Who may call


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x", "Basic eDp4"])
def test_without_a_token_nothing_is_done(asking: tuple[SandboxProcess, Path], header: str | None) -> None:
    sandbox = asking[0]
    before = sandbox.received()["total"]
    answer = register(sandbox, movement(), **({} if header is None else {"Authorization": header}))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Content-Type"] == n.PROBLEM
    assert sandbox.received()["total"] == before


def test_a_token_ends_with_its_time_and_with_the_process(asking: tuple[SandboxProcess, Path]) -> None:
    sandbox, keys = asking
    sandbox.control(token_lifetime_s=1)
    old = {"Authorization": f"Bearer {asyncio.run(fetch(sandbox, keys))}"}
    deadline = datetime.now(UTC) + timedelta(seconds=10)
    while register(sandbox, movement(), **old).status_code == 200:
        assert datetime.now(UTC) < deadline
    assert register(sandbox, movement(), **old).status_code == 401
    sandbox.control(token_lifetime_s=86_400)


def test_a_message_must_be_signed_by_a_certificate_of_its_authority(
    asking: tuple[SandboxProcess, Path], tmp_path: Path
) -> None:
    sandbox = asking[0]
    stranger = kept_in(tmp_path / "others").client
    for own in (None, stranger):

        async def call(own: credentials.Credentials | None = own) -> None:
            async with OnssSoap(sandbox.endpoint, own=own) as client:
                await client.register([worker_item("a")])

        with pytest.raises(AuthorityUnavailable, match="SOA-01001") as refused:
            asyncio.run(call())
        assert refused.value.retry is False


def test_without_credentials_nobody_is_asked_and_nobody_known(tmp_path: Path) -> None:
    with SandboxProcess(tmp_path) as sandbox:
        assert register(sandbox, movement()).status_code == 200
        form = {"grant_type": "client_credentials", "client_assertion_type": "x", "client_assertion": "x"}
        denied = web.post(sandbox.token, data=form)
        assert (denied.status_code, denied.json()["error"]) == (401, "invalid_client")
        assert web.post(sandbox.token, data={}).json()["error"] == "invalid_request"
        assert post(sandbox.endpoint, "registerPresences", b"x").status_code == 500


# Violations of the OpenAPI file


def test_a_problem_names_the_field_and_not_its_value(
    asking: tuple[SandboxProcess, Path], bearer: dict[str, str]
) -> None:
    answer = register(asking[0], movement(), movement(ssin=f"{WORKERS[0]}7", colour="blue-secret"), **bearer)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, n.PROBLEM)
    assert {issue["name"] for issue in answer.json()["issues"]} == {"items[1].ssin", "items[1].colour"}
    assert WORKERS[0] not in answer.text
    assert "blue-secret" not in answer.text


def test_too_much_is_turned_away(asking: tuple[SandboxProcess, Path], bearer: dict[str, str]) -> None:
    assert register(asking[0], *[movement()] * 201, **bearer).status_code == 400
    content = b" " * (2 * 1024 * 1024 + 1)
    url = asking[0].rest + n.REGISTER
    assert web.post(url, content=content, headers=bearer).status_code == 413


@pytest.mark.parametrize(
    "examples", [2, pytest.param(300, marks=[pytest.mark.torture, pytest.mark.timeout(1800)])], ids=str
)
def test_it_does_what_its_openapi_file_says(
    asking: tuple[SandboxProcess, Path], bearer: dict[str, str], tmp_path: Path, examples: int
) -> None:
    sandbox = asking[0]
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", sandbox.openapi, "--no-color", "--seed", "1"),
        *("-H", f"Authorization: {bearer['Authorization']}", "--max-examples", str(examples)),
        *("--phases", "coverage,fuzzing", "--request-timeout", "300"),
    ]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert "Tested: 5" in run.stdout or "5 selected / 5 total" in run.stdout


# Scripted behaviour


def test_chance_picks_the_same_calls_for_the_same_seed(tmp_path: Path) -> None:
    script = Script.model_validate({"chance": [{"kind": "http-500", "per_mille": 200, "operation": "search"}]})

    def picked(seed: int) -> list[bool]:
        store = Store(tmp_path / f"{seed}.db", seed)
        service = Service(store, script, lambda: datetime.now(UTC))
        met = [service.meet("search") is not None for _ in range(200)]
        assert service.meet("get") is None
        store.close()
        return met

    first = picked(1)
    assert first == picked(1)
    assert first != picked(2)
    assert 15 < sum(first) < 75


@pytest.mark.parametrize(
    "wrong",
    [
        {"maintenance": [{"start": "2026-03-02T08:00:00Z", "end": "2026-03-02T08:00:00Z"}]},
        {"maintenance": [{"start": "2026-03-02T08:00:00", "end": "2026-03-02T09:00:00"}]},
        {"rate_limit": {"calls": 0}},
        {"chance": [{"kind": "http-500", "per_mille": 1001}]},
        {"relapse": [{"remarks": ["X"]}]},
        {"faults": [{"kind": "hang", "operation": "dance"}]},
    ],
    ids=str,
)
def test_nonsense_is_not_taken_for_an_order(asking: tuple[SandboxProcess, Path], wrong: dict[str, Any]) -> None:
    answer = web.post(f"{asking[0].base}/control", json=wrong)
    assert answer.status_code == 422


def test_a_store_of_another_version_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "sandbox.db") as old:
        old.execute("CREATE TABLE registration (number INTEGER PRIMARY KEY)")
    with pytest.raises(SandboxNotStarted, match="another version"):
        SandboxProcess(tmp_path)

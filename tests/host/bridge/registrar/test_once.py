"""An authority that counts, whatever it answers and whenever it commits: nobody registered twice, and nobody forgotten.

`answers_of_the_authority.csv` has an authority's possible answers, whether it had committed, and the right result; each
of its rows is a test. The table of all statuses and faults, and the lives by seed, are whole under `make torture`.
"""

from __future__ import annotations

import csv
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from tests.counting_authority import BEFORE, HALF, NOTHING, Answer, CountingAuthority, Plan
from tests.host.bridge.registrar import once
from tests.host.bridge.registrar.once import Counts, Life
from tests.host.bridge.world import eventually

from badgeclock.bridge.registrar import call_gate
from badgeclock.bridge.store import schema
from badgeclock.sandbox.credentials import kept_in

ROWS = list(csv.DictReader((Path(__file__).with_name("answers_of_the_authority.csv")).read_text().splitlines()))
SEEDS = 200
SEEDS_A_TEST = 20


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    once.hurry(monkeypatch.setattr)


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path / "life")
    yield made
    made.close()


def first(answer: Answer, commits: str = NOTHING, after_s: float = 0.0) -> Callable[[list[str]], Plan | None]:
    """A plan for the first call only."""
    left = [Plan(answer, commits, after_s)]
    return lambda _: left.pop() if left else None


def operations(authority: CountingAuthority) -> list[str]:
    """The calls, in order, without queries of registrations."""
    return [operation for operation, _, _ in authority.calls if operation != "get"]


def registers(authority: CountingAuthority) -> list[list[str]]:
    """The items of each call of `register`."""
    return [references for operation, references, _ in authority.calls if operation == "register"]


async def registered_once(life: Life) -> None:
    """Let it run to its end: everybody is registered once."""
    counts = await life.end()
    assert (counts.doubled, counts.lost) == (0, 0)
    assert all(row.state in once.NUMBERED for row in life.rows()), [row.state for row in life.rows()]


async def met(life: Life, answer: Answer, commits: str, people: int = 2) -> list[str]:
    """A life whose first call meets this answer; the operations called until it was settled."""
    life.queue(people)
    life.authority.plan = first(answer, commits)
    async with life.authority.listening(), life.time.running():
        await life.run()
        called = operations(life.authority)
        await registered_once(life)
    return called


async def counts_as_registered(life: Life, answer: Answer) -> None:
    assert (await met(life, answer, BEFORE))[:1] == ["register"]
    assert len(registers(life.authority)) == 1
    assert "answer_lost" not in life.events()


async def is_searched_for(life: Life, answer: Answer, commits: str) -> None:
    """Nothing is sent again before a search, and one search serves the two that the call carried."""
    called = await met(life, answer, commits)
    assert called[:2] == ["register", "search"]
    assert "answer_lost" in life.events()
    if commits == BEFORE:
        assert len(registers(life.authority)) == 1
        assert called.count("search") <= 2 or life.authority.visible_s
    else:
        again = called.index("register", 1)
        assert called[1:again].count("search") >= 3
        sent_ms = [at_ms for operation, _, at_ms in life.authority.calls if operation == "register"]
        assert sent_ms[1] - sent_ms[0] >= (once.CALL_S + once.SETTLE_S) * 1000


async def soap_201(life: Life) -> None:
    await counts_as_registered(life, Answer("201", 201))


async def rest_201(life: Life) -> None:
    life.wire = "rest"
    await counts_as_registered(life, Answer("201", 201))


async def rest_207(life: Life) -> None:
    """Those of which it speaks are registered at once; the others are searched for, and sent again alone."""
    life.wire = "rest"
    called = await met(life, Answer("207", 207, "part"), HALF, people=4)
    assert called[:2] == ["register", "search"]
    assert [len(references) for references in registers(life.authority)] == [4, 2]
    outcomes = sorted(row.outcome for row in life.world.rows(schema.attempts))
    assert outcomes == ["registered"] * 4 + ["unanswered"] * 2


async def not_admitted(life: Life) -> None:
    """The queue waits for a person, with an event; what is in it goes out when the person has put it right."""
    life.queue(2)
    refusing = True
    life.authority.plan = lambda _: Plan(Answer("403", 403, "html"), NOTHING) if refusing else None
    async with life.authority.listening(), life.time.running():
        async with life.bridge():
            await eventually(lambda: len(registers(life.authority)) >= 2, once.PATIENCE_S)
            called = operations(life.authority)
            assert "search" in called[: called.index("register", 1)]
            assert "call_rejected" in life.events()
            assert {row.state for row in life.rows()} <= once.UNDER_WAY
            refusing = False
            await eventually(life.settled, once.PATIENCE_S)
        await registered_once(life)


async def too_large(life: Life) -> None:
    """Batches are halved until they pass."""
    life.queue(7)
    life.authority.plan = lambda people: Plan(Answer("413", 413, "html"), NOTHING) if len(people) > 2 else None
    async with life.authority.listening(), life.time.running():
        await life.run(calls=1)
        sizes = [len(references) for references in registers(life.authority)]
        assert sizes[:2] == [7, 3]
        assert "search" in operations(life.authority)[: operations(life.authority).index("register", 1)]
        assert set(sizes[2:]) <= {1, 2}
        await registered_once(life)


async def closed_for_a_day(life: Life) -> None:
    life.queue(2)
    life.authority.plan = first(Answer("429", 429, "empty", ("Retry-After: 86400",)))
    async with life.authority.listening(), life.time.running():
        async with life.bridge() as bridge:
            await eventually(lambda: bridge.gate.away, once.PATIENCE_S)
            assert bridge.gate.closed_s <= call_gate.CLOSED_MOST_S
            await eventually(life.settled, once.PATIENCE_S)
        assert operations(life.authority)[1] == "search"
        said = next(row.detail for row in life.world.rows(schema.events) if row.kind == "authority_away")
        assert "asks for 86400 s; trying again within" in said
        await registered_once(life)


async def unsigned_fault(life: Life) -> None:
    life.keys = life.authority.keys = kept_in(life.folder / "keys").service
    await is_searched_for(life, Answer("unsigned", 500, "SOA-02002", retry=True, signed=False), BEFORE)
    assert "answer_unproved" in life.events()


async def connection_refused(life: Life) -> None:
    """It never left: nothing is searched for."""
    life.queue(2)
    async with life.authority.listening():
        pass  # it has a port now, on which nobody listens
    async with life.time.running(), life.bridge() as bridge:
        await eventually(lambda: bridge.gate.away, once.PATIENCE_S)
        async with life.authority.listening():
            await eventually(life.settled, once.PATIENCE_S)
            assert "search" not in operations(life.authority)[:1]
            assert "answer_lost" not in life.events()
            await registered_once(life)


async def certificate_refused(life: Life) -> None:
    """It never left: who is not trusted gets nothing, and everything once it can be trusted."""
    stranger, known = trustme.CA(), trustme.CA()
    life.ca = life.folder / "known.pem"
    known.cert_pem.write_to_path(life.ca)
    contexts = []
    for authority in (stranger, known):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        contexts.append(context)
    life.queue(2)
    async with listening_with(life.authority, contexts[0]), life.time.running(), life.bridge() as bridge:
        await eventually(lambda: bridge.gate.away, once.PATIENCE_S)
        assert life.authority.calls == []
    async with listening_with(life.authority, contexts[1]), life.time.running():
        await life.run()
        assert len(registers(life.authority)) == 1
        assert "answer_lost" not in life.events()
        await registered_once(life)


def listening_with(authority: CountingAuthority, tls: ssl.SSLContext) -> AbstractAsyncContextManager[str]:
    authority.tls = tls
    return authority.listening()


async def slow_and_killed(life: Life) -> None:
    """It commits 20 s after it read the call; the bridge is killed at 6 s, and another starts at once."""
    life.queue(2)
    life.authority.plan = first(Answer("slow", how="hang"), BEFORE, 20.0)
    async with life.authority.listening():
        async with life.bridge(), life.time.running():
            await eventually(lambda: bool(registers(life.authority)), once.PATIENCE_S)
            await life.time.sleep(6.0)
        async with life.bridge(), life.time.running():
            await eventually(life.settled, once.PATIENCE_S)
        assert len(registers(life.authority)) == 1
        async with life.time.running():
            await registered_once(life)


async def seen_late(life: Life) -> None:
    life.authority.visible_s = 8.0
    await is_searched_for(life, Answer("cut", how="cut"), BEFORE)


async def autumn(life: Life) -> None:
    """In the second 02:05 a service that compares wall times finds the searched entries."""
    life.time.now_ms = int(datetime(2026, 10, 25, 1, 5, tzinfo=UTC).timestamp() * 1000)
    await is_searched_for(life, Answer("cut", how="cut"), BEFORE)
    assert {entry.created[:15] for entry in life.authority.books} == {"2026-10-25T02:0"}


def searched(answer: Answer, commits: str) -> Callable[[Life], Awaitable[None]]:
    return lambda life: is_searched_for(life, answer, commits)


RIGHT: dict[str, Callable[[Life], Awaitable[None]]] = {
    "SOAP 200, whole answer": lambda life: counts_as_registered(life, Answer("200")),
    "SOAP 201, whole answer": soap_201,
    "SOAP 202, empty": searched(Answer("202", 202, "empty"), BEFORE),
    "SOAP 204": searched(Answer("204", 204, "empty"), BEFORE),
    "SOAP 206, half an answer": searched(Answer("206", 206, "half"), BEFORE),
    "REST 201, whole answer": rest_201,
    "REST 207, in part": rest_207,
    "302 to a page": searched(Answer("302", 302, "html", ("Location: http://127.0.0.1/",)), BEFORE),
    "403": not_admitted,
    "404": searched(Answer("404", 404, "html"), NOTHING),
    "409": searched(Answer("409", 409, "html"), BEFORE),
    "413": too_large,
    "429 with Retry-After: 86400": closed_for_a_day,
    "503 by a proxy": searched(Answer("503", 503, "html"), BEFORE),
    "fault SOA-00001, Retry true": searched(Answer("SOA-00001", 500, "SOA-00001", retry=True), BEFORE),
    "fault SOA-02002, Retry true, unsigned where a signature is due": unsigned_fault,
    "connection refused": connection_refused,
    "certificate of the server refused": certificate_refused,
    "connection cut after the request was sent": searched(Answer("cut", how="cut"), BEFORE),
    "answer after 20 s, bridge killed at 6 s": slow_and_killed,
    "answer lost; the search sees it only 8 s later": seen_late,
    "answer lost at 02:05 of the second hour, autumn": autumn,
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["answer"])
async def test_what_the_authority_may_answer(life: Life, row: dict[str, str]) -> None:
    await RIGHT[row["answer"]](life)


def test_every_row_has_its_test() -> None:
    assert {row["answer"] for row in ROWS} == set(RIGHT)


def test_the_table_has_sixty_statuses_and_faults_committed_or_not_seen_late_or_not() -> None:
    cases = once.combinations()
    for commits in (BEFORE, NOTHING):
        for late_s in (0.0, 8.0):
            assert len({answer.name for answer, commit, late in cases if (commit, late) == (commits, late_s)}) >= 60


async def test_a_part_of_the_table(tmp_path: Path) -> None:
    cases = once.combinations()[::24]
    assert await once.table(tmp_path, cases) == Counts(len(cases), 0, 0)


@pytest.mark.parametrize("seed", range(2))
async def test_lives_by_seed(tmp_path: Path, seed: int) -> None:
    counts = await once.seeded(tmp_path, seed)
    assert (counts.doubled, counts.lost) == (0, 0)


@pytest.mark.torture
async def test_the_whole_table(tmp_path: Path) -> None:
    cases = once.combinations()
    assert await once.table(tmp_path, cases) == Counts(len(cases), 0, 0)


@pytest.mark.torture
@pytest.mark.parametrize("first_seed", range(0, SEEDS, SEEDS_A_TEST))
async def test_many_lives_by_seed(tmp_path: Path, first_seed: int) -> None:
    for seed in range(first_seed, first_seed + SEEDS_A_TEST):
        counts = await once.seeded(tmp_path, seed)
        assert (counts.doubled, counts.lost) == (0, 0), f"seed {seed}: {counts}"

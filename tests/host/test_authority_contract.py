"""The contract between authorities and the registrar, tested with each of them: SOAP and REST at the sandbox, file
export.

An authority is added here by one more `Stage`.
"""

from __future__ import annotations

import asyncio
import itertools
import pickle
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from tests.presences import (
    EMPLOYER,
    LIMOSA,
    OTHER_EMPLOYER,
    WORKERS,
    in_envelope,
    limosa_item,
    movement_item,
    post,
    today,
    worker_item,
)
from tests.sandbox_process import SandboxProcess

from badgeclock.authorities import credentials, kinds, ws_security
from badgeclock.authorities.base import (
    Authority,
    Cancellation,
    Cancelled,
    CancelRefused,
    Found,
    Item,
    MovementItem,
    PresenceItem,
    Refused,
    Registered,
    SearchCriteria,
    Status,
    attributed,
)
from badgeclock.authorities.errors import AuthorityAmbiguous, AuthorityRejected, AuthorityUnavailable, Doubt
from badgeclock.authorities.file import FileExport
from badgeclock.authorities.oauth import ClientKey
from badgeclock.authorities.onss_rest import OnssRest
from badgeclock.authorities.onss_soap import OnssSoap
from badgeclock.authorities.routes import Route
from badgeclock.authorities.soap import parse_envelope
from badgeclock.onss import description
from badgeclock.sandbox.admission import UNPROCESSED
from badgeclock.sandbox.control import FaultKind
from badgeclock.sandbox.credentials import CLIENT_ID

# What an answer over REST cannot show: its outcomes identify their item only by place.
UNSEEN = {("onss-rest", FaultKind.ANSWER_SWAPPED)}
# Cases that no client may take for a lost answer.
SURE = {("onss-soap", FaultKind.NOT_AUTHENTICATED), ("onss-soap", FaultKind.NOT_AUTHORISED)} | {
    ("onss-rest", FaultKind.NOT_AUTHENTICATED)
}
over_the_network = pytest.mark.parametrize("stage", ["onss-soap", "onss-rest"], indirect=True)


@dataclass
class Stage:
    """One authority under test: its settings, an item of its kind, and the sandbox behind it, if any."""

    kind: str
    told: dict[str, Any]
    item: Callable[..., Item]
    open: Callable[[float], Authority]  # with a deadline; what is slow to load is loaded
    sandbox: SandboxProcess | None = None

    def network(self) -> SandboxProcess:
        assert self.sandbox is not None
        return self.sandbox

    def control(self, **change: Any) -> None:
        if self.sandbox is not None:
            self.sandbox.control(**change)

    def references(self, found: list[Found], items: list[Item]) -> dict[str, list[int]]:
        """Numbers by the reference whose they are."""
        return {
            reference: [presence.reception_number for presence in presences]
            for reference, presences in attributed(found, items).items()
        }


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, sandbox_keys: Path) -> Iterator[tuple[SandboxProcess, Path]]:
    folder = tmp_path_factory.mktemp("asking")
    with SandboxProcess(folder, credentials=sandbox_keys, validation_delay_ms=0) as sandbox:
        yield sandbox, sandbox_keys


@pytest.fixture(scope="module", params=["onss-soap", "onss-rest", "file"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    kind: str = request.param
    if kind == "file":
        path = tmp_path_factory.mktemp("export") / "declared.jsonl"
        return Stage(kind, {"path": path}, movement_item, lambda _: FileExport(path))
    sandbox, keys = request.getfixturevalue("running")
    route = Route()
    own = credentials.load(keys / "client.pem", keys / "client.key")
    if kind == "onss-rest":
        client = ClientKey(CLIENT_ID, own.key, sandbox.token)
        urls = {"endpoint": sandbox.rest, "token_endpoint": sandbox.token}
        return Stage(
            kind,
            urls | {"client_id": CLIENT_ID, "key": keys / "client.key"},
            movement_item,
            lambda timeout_s: OnssRest(**urls, client=client, timeout_s=timeout_s, route=route),
            sandbox,
        )
    service = credentials.load_certificates(keys / "service.pem")
    return Stage(
        kind,
        {"endpoint": sandbox.endpoint, "certificate": keys / "client.pem", "key": keys / "client.key"},
        worker_item,
        lambda timeout_s: OnssSoap(sandbox.endpoint, own=own, service=service, timeout_s=timeout_s, route=route),
        sandbox,
    )


@pytest.fixture
async def authority(stage: Stage) -> AsyncIterator[Authority]:
    stage.control(faults=[], refuse=[], remark=[], relapse=[], maintenance=[], rate_limit=None, latency_ms=0)
    client = stage.open(20.0)
    yield client
    await client.close()


_counter = itertools.count()


@pytest.fixture
def site() -> str:
    """A workplace for each test, so that a search finds nothing of another's."""
    return f"1Y1{next(_counter):09d}Z"


def here(site: str) -> SearchCriteria:
    return SearchCriteria(periods=((today() - timedelta(days=1), today() + timedelta(days=1)),), workplace_id=site)


def items_of(stage: Stage, site: str, count: int) -> list[Item]:
    """Different people's items, or different moments."""
    now = datetime.now(UTC)
    other = [{"moment": now - timedelta(seconds=place)} for place in range(count)]
    return [
        stage.item(f"r{place}", workplace_id=site, inss=WORKERS[place % 5], **(more if movements(stage) else {}))
        for place, more in enumerate(other)
    ]


def movements(stage: Stage) -> bool:
    return stage.item is movement_item


def test_every_kind_is_held_to_the_contract() -> None:
    assert set(kinds.kinds()) == {"onss-soap", "onss-rest", "file"}


async def test_the_settings_make_a_client_that_works(stage: Stage, site: str) -> None:
    client = kinds.connect(kinds.read({"kind": stage.kind} | stage.told))
    assert isinstance((await client.register([stage.item("set", workplace_id=site)]))[0], Registered)
    await client.close()


async def test_an_item_gets_a_number_and_is_found_under_it(stage: Stage, authority: Authority, site: str) -> None:
    item = stage.item("mine", workplace_id=site)
    [outcome] = await authority.register([item])
    assert isinstance(outcome, Registered)
    assert outcome.reference == "mine"
    assert 1 <= outcome.reception_number < 10**15
    assert abs(outcome.created - datetime.now(UTC)) < timedelta(minutes=1)
    assert outcome.status in (Status.REGISTERED, Status.VALIDATED)
    found = await authority.get(outcome.reception_number)
    assert found is not None
    assert (found.inss, found.company_id, found.workplace_id) == (WORKERS[0], EMPLOYER, site)
    assert found.date == item.date
    assert found.reference in ("mine", None)
    assert [step.status for step in found.history] == [Status.REGISTERED, Status.VALIDATED]
    assert found.status is Status.VALIDATED
    if isinstance(item, MovementItem):
        assert found.moment is not None
        assert abs(found.moment - item.moment) < timedelta(seconds=1)
        assert found.direction is item.direction


async def test_a_posted_worker_is_registered_by_limosa_number_alone(
    stage: Stage, authority: Authority, site: str
) -> None:
    make = limosa_item if not movements(stage) else movement_item
    item = make("posted", workplace_id=site, inss=None, company_id=None, limosa_id=LIMOSA)
    [outcome] = await authority.register([item])
    assert isinstance(outcome, Registered)
    assert outcome.inss is None
    [found] = await authority.search(here(site))
    assert found.limosa_id == LIMOSA
    assert stage.references([found], [item]) == {"posted": [outcome.reception_number]}


async def test_outcomes_stand_in_the_order_of_the_items_a_full_batch_long(
    stage: Stage, authority: Authority, site: str
) -> None:
    items = items_of(stage, site, authority.batch_limit)
    outcomes = await authority.register(items)
    assert [outcome.reference for outcome in outcomes] == [item.reference for item in items]
    numbers = [outcome.reception_number for outcome in outcomes if isinstance(outcome, Registered)]
    assert len(set(numbers)) == len(items)
    assert numbers == sorted(numbers)
    found = await authority.search(here(site))
    assert [presence.reception_number for presence in found] == numbers


@over_the_network
async def test_one_refused_item_does_not_hold_up_the_others(stage: Stage, authority: Authority, site: str) -> None:
    stage.network().control(refuse=[{"inss": WORKERS[1], "code": "5"}])
    outcomes = await authority.register(items_of(stage, site, 3))
    assert [type(outcome) for outcome in outcomes] == [Registered, Refused, Registered]
    refused = outcomes[1]
    assert isinstance(refused, Refused)
    assert refused.code == 5
    assert len(await authority.search(here(site))) == 2


@pytest.mark.parametrize("count", [0, 1])
async def test_a_batch_of_impossible_size_is_not_sent(stage: Stage, authority: Authority, count: int) -> None:
    items = [stage.item(f"r{place}") for place in range(count * (authority.batch_limit + 1))]
    with pytest.raises(AuthorityRejected) as refused:
        await authority.register(items)
    assert refused.value.code == "LOCAL"


@pytest.mark.parametrize(
    "other",
    [
        {"reference": ""},
        {"reference": "x" * 25},
        {"reference": "ä"},
        {"inss": "123"},
        {"inss": None},
        {"company_id": None},
        {"company_id": "438195916"},
        {"limosa_id": LIMOSA},
        {"workplace_id": "x" * 14},
        {"workplace_id": ""},
    ],
)
async def test_an_ill_formed_item_is_named_and_nothing_is_sent(
    stage: Stage, authority: Authority, site: str, other: dict[str, Any]
) -> None:
    good = stage.item("good", workplace_id=site)
    bad = stage.item(**({"reference": "bad", "workplace_id": site} | other))
    with pytest.raises(AuthorityRejected) as refused:
        await authority.register([good, bad])
    assert refused.value.code == "LOCAL"
    assert refused.value.references == (bad.reference,)
    assert not any(worker in str(refused.value) for worker in WORKERS)
    assert await authority.search(here(site)) == []


async def test_what_an_authority_does_not_take_is_named_and_not_sent(authority: Authority, site: str) -> None:
    others = {PresenceItem: worker_item, MovementItem: movement_item}
    assert authority.declares
    for kind, make in others.items():
        item = make("other", workplace_id=site)
        if kind in authority.declares:
            assert isinstance((await authority.register([item]))[0], Registered)
        else:
            with pytest.raises(AuthorityRejected) as refused:
                await authority.register([item])
            assert (refused.value.code, refused.value.references) == ("LOCAL", ("other",))


async def test_two_items_with_one_reference_are_not_sent(stage: Stage, authority: Authority, site: str) -> None:
    with pytest.raises(AuthorityRejected) as refused:
        await authority.register([stage.item("same", workplace_id=site), stage.item("same", workplace_id=site)])
    assert refused.value.references == ("same",)
    assert await authority.search(here(site)) == []


async def test_the_same_item_twice_gets_two_numbers(stage: Stage, authority: Authority, site: str) -> None:
    item = stage.item("twice", workplace_id=site)
    first, second = (await authority.register([item]))[0], (await authority.register([item]))[0]
    assert isinstance(first, Registered)
    assert isinstance(second, Registered)
    found = await authority.search(here(site))
    assert stage.references(found, [item]) == {"twice": [first.reception_number, second.reception_number]}


async def test_a_search_is_narrowed_by_each_of_its_criteria(stage: Stage, authority: Authority, site: str) -> None:
    items = items_of(stage, site, 2)
    other = stage.item("other", workplace_id=site, company_id=OTHER_EMPLOYER, inss=WORKERS[2])
    numbers = [getattr(outcome, "reception_number", 0) for outcome in await authority.register([*items, other])]
    days, place = here(site).periods, {"workplace_id": site}
    now = datetime.now(UTC)
    for criteria, expected in (
        (SearchCriteria(periods=days, **place), numbers),
        (SearchCriteria(periods=days, inss=WORKERS[0], **place), numbers[:1]),
        (SearchCriteria(periods=days, company_id=OTHER_EMPLOYER, **place), numbers[2:]),
        (SearchCriteria(periods=days, statuses=(Status.VALIDATED,), **place), numbers),
        (SearchCriteria(periods=days, statuses=(Status.CANCELLED,), **place), []),
        (SearchCriteria(periods=((today() - timedelta(9), today() - timedelta(8)),), **place), []),
        (SearchCriteria(periods=days, created_from=now - timedelta(minutes=5), **place), numbers),
        (SearchCriteria(periods=days, created_to=now - timedelta(minutes=5), **place), []),
        (SearchCriteria(periods=days, workplace_id="NOBODY"), []),
    ):
        assert [found.reception_number for found in await authority.search(criteria)] == expected, criteria


@pytest.mark.parametrize(
    "criteria",
    [
        SearchCriteria(periods=()),
        SearchCriteria(periods=((today(), today() - timedelta(days=1)),)),
        SearchCriteria(periods=((today(), today()),), inss="123"),
        SearchCriteria(periods=((today(), today()),), statuses=(Status.VALIDATED,) * 2),
    ],
    ids=["no period", "backwards", "inss", "twice"],
)
async def test_impossible_criteria_are_not_sent(authority: Authority, criteria: SearchCriteria) -> None:
    with pytest.raises(AuthorityRejected):
        await authority.search(criteria)


async def test_a_number_that_nobody_has_is_nothing(authority: Authority) -> None:
    assert await authority.get(999_999_999_999_999) is None
    for absurd in (0, -1, 10**15):
        with pytest.raises(AuthorityRejected):
            await authority.get(absurd)


async def test_cancellations_say_for_each_number_what_became_of_it(
    stage: Stage, authority: Authority, site: str
) -> None:
    outcomes = await authority.register(items_of(stage, site, 2))
    first, second = (getattr(outcome, "reception_number", 0) for outcome in outcomes)
    reason = authority.cancel_reasons[0]
    [done] = await authority.cancel([Cancellation(reception_number=first, reason=reason)])
    assert done == Cancelled(reception_number=first)
    again = await authority.cancel(
        [Cancellation(reception_number=number, reason=reason) for number in (first, 999_999_999_999_999, second)]
    )
    assert [type(outcome) for outcome in again] == [CancelRefused, CancelRefused, Cancelled]
    codes = [outcome.codes for outcome in again if isinstance(outcome, CancelRefused)]
    assert codes == [("8",), ("7",)]
    found = await authority.get(first)
    assert found is not None
    assert found.status is Status.CANCELLED


@pytest.mark.parametrize("items", [[], [(0, 0)], [(5, 0), (5, 0)], [(5, None)]], ids=str)
async def test_an_impossible_cancellation_is_not_sent(authority: Authority, items: list[tuple[int, Any]]) -> None:
    reasons = [*authority.cancel_reasons]
    asked = [
        Cancellation(reception_number=number, reason="BORED" if reason is None else reasons[reason])
        for number, reason in items
    ]
    with pytest.raises(AuthorityRejected):
        await authority.cancel(asked)


@over_the_network
async def test_what_the_content_check_says_is_read_and_may_change_later(
    stage: Stage, authority: Authority, site: str
) -> None:
    sandbox = stage.network()
    [first, second] = items_of(stage, site, 2)
    sandbox.control(remark=[{"inss": WORKERS[1], "remarks": ["RELATED DIMONA NOT OK"]}])
    numbers = [getattr(outcome, "reception_number", 0) for outcome in await authority.register([first, second])]
    checked = [await authority.get(number) for number in numbers]
    assert [found and found.status for found in checked] == [Status.VALIDATED, Status.REMARKS]
    assert checked[1] is not None
    assert checked[1].remarks == ("RELATED DIMONA NOT OK",)
    sandbox.control(relapse=[{"inss": WORKERS[0], "remarks": ["EMPLOYER NOT ACTIVE"]}])
    later = await authority.get(numbers[0])
    assert later is not None
    assert [step.status for step in later.history] == [Status.REGISTERED, Status.VALIDATED, Status.REMARKS]
    assert later.remarks == ("EMPLOYER NOT ACTIVE",)


@over_the_network
@pytest.mark.parametrize("kind", list(FaultKind))
async def test_a_fault_is_only_called_harmless_if_nothing_was_processed(
    stage: Stage, authority: Authority, site: str, kind: FaultKind
) -> None:
    sandbox = stage.network()
    operation = {"onss-soap": "registerPresences", "onss-rest": "registerInBulk"}[stage.kind]
    items = items_of(stage, site, 2)
    impatient = stage.open(1.0)
    await impatient.search(here(site))  # a token, where one is needed
    count = 2 if kind is FaultKind.NOT_AUTHENTICATED else 1  # one such answer is got over by a new token
    sandbox.control(faults=[{"kind": kind, "count": count, "operation": operation}])
    expected = AuthorityUnavailable if (stage.kind, kind) in SURE else AuthorityAmbiguous
    if (stage.kind, kind) in UNSEEN:
        assert len(await impatient.register(items)) == 2
    else:
        with pytest.raises(expected) as failed:
            await impatient.register(items)
        assert not any(worker in str(failed.value) for worker in WORKERS)
        assert str(pickle.loads(pickle.dumps(failed.value))) == str(failed.value)  # noqa: S301 - our own
    await impatient.close()
    sandbox.control(faults=[])
    held = stage.references(await authority.search(here(site)), items)
    half = kind is FaultKind.CLOSE_HALF_COMMITTED
    assert len(held) == (0 if kind in UNPROCESSED else 1 if half else 2)
    assert all(len(numbers) == 1 for numbers in held.values())


@over_the_network
async def test_maintenance_and_too_many_calls_say_how_long_to_wait(stage: Stage, authority: Authority) -> None:
    sandbox = stage.network()
    await authority.search(here("NOBODY"))
    now = datetime.now(UTC)
    window = {"start": (now - timedelta(minutes=1)).isoformat(), "end": (now + timedelta(minutes=5)).isoformat()}
    sandbox.control(maintenance=[window])
    with pytest.raises(AuthorityAmbiguous) as turned_away:
        await authority.register([stage.item("later")])
    assert turned_away.value.doubt is Doubt.AWAY
    assert turned_away.value.retry_after is not None
    assert 240 < turned_away.value.retry_after <= 300
    sandbox.control(maintenance=[], rate_limit={"calls": 2, "window_s": 600})
    await authority.search(here("NOBODY"))
    await authority.search(here("NOBODY"))
    with pytest.raises(AuthorityUnavailable) as away:
        await authority.search(here("NOBODY"))
    assert away.value.retry_after is not None
    assert 0 < away.value.retry_after <= 600


async def test_batches_sent_at_once_do_not_mix(stage: Stage, authority: Authority, site: str) -> None:
    batches = [[stage.item(f"{batch}-{place}", workplace_id=site) for place in range(5)] for batch in range(6)]
    threads = threading.active_count()
    answers = await asyncio.gather(*(authority.register(batch) for batch in batches))
    for batch, outcomes in zip(batches, answers, strict=True):
        assert [outcome.reference for outcome in outcomes] == [item.reference for item in batch]
    numbers = [outcome.reception_number for answer in answers for outcome in answer if isinstance(outcome, Registered)]
    assert len(set(numbers)) == 30
    assert threading.active_count() < threads + 40


def test_settings_that_are_wrong_are_named_without_their_value(stage: Stage) -> None:
    for wrong in ({"calls": 0}, {"colour": "secret-blue"}, {"settle_s": "secret-blue"}):
        with pytest.raises(ValueError, match=next(iter(wrong))) as refused:
            kinds.read({"kind": stage.kind} | stage.told | wrong)
        assert "secret-blue" not in str(refused.value)


def test_a_signed_message_that_is_sent_again_is_no_signed_message(running: tuple[SandboxProcess, Path]) -> None:
    sandbox, keys = running
    asked = f'<m:{description.GET} xmlns:m="{description.MESSAGES}"/>'
    signed = parse_envelope(in_envelope(asked), 100_000)
    ws_security.sign(signed, credentials.load(keys / "client.pem", keys / "client.key"), datetime.now(UTC))
    message = etree.tostring(signed)
    first, second = (post(sandbox.endpoint, description.GET, message) for _ in range(2))
    assert "SOA-01001" not in first.text, first.text
    assert "SOA-01001" in second.text

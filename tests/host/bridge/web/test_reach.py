"""A token for a site or an employer: what it can see and write, and that the rest is hidden.

Two contractors at two sites. Anna and Bram work for the first employer at Quay 7, where Luz (Limosa) does too; Carl and
Dora for the second, Dora at both sites. Nothing of the other side may be in any answer, whatever is asked.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from tests.host.bridge.web.test_planning_api import Tool, application
from tests.host.bridge.world import ANNA_UID, BOTH, KBO, LUZ_UID, SITE, STRANGER_UID, WORKPLACE, World

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import badges, employers, engagements, plans, sites, workers
from badgeclock.bridge.people.identities import niss
from badgeclock.bridge.people.plans import Slot
from badgeclock.bridge.people.sites import Site
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.web import api_tokens, reach
from badgeclock.bridge.web.api_tokens import Scope

DATABASES = BOTH
WHO = Operator("anna", "for the tests")
OTHER_KBO = "0448181966"
OTHER_SITE = "Yard 5"
CARL_UID, DORA_UID = bytes.fromhex("04c0ffee"), bytes.fromhex("04d0d0d0")
PLANNER = (Scope.PLANNING_READ, Scope.PLANNING_WRITE, Scope.PRESENCES_READ)
MONDAY = "first=2026-01-05&last=2026-01-05"
LISTS = (
    "/employers",
    "/sites",
    "/workers",
    "/engagements",
    "/badges",
    f"/presences?{MONDAY}",
    f"/plans?{MONDAY}",
    "/today",
)
TODAY = date(2026, 1, 5)


@pytest.fixture
def two(world: World) -> World:
    """Two employers at two sites, with badges, plans, engagements and presences on both sides."""
    now_ms = world.now_ms
    with world.store.write() as connection:
        employers.add(connection, OTHER_KBO, "Tweede Bouw")
        sites.put(connection, Site(OTHER_SITE, "1Y1TEST00003Z", Regime.CONSTRUCTION))
        sites.set_key(connection, world.vault, OTHER_SITE, bytes(range(1, 33)))
        for reference, number in (("W-100", "00000100166"), ("W-200", "00000100463")):
            workers.add(
                connection,
                world.vault,
                reference=reference,
                name="Dora Proef",
                identity=niss(number),
                employer_kbo=OTHER_KBO,
                now_ms=now_ms,
            )
        for worker, site, uid in (("W-100", OTHER_SITE, CARL_UID), ("W-200", SITE, DORA_UID)):
            badges.assign(connection, world.vault, site=site, worker=worker, uid=uid, now_ms=now_ms)
        engagements.put(connection, "W-100", engagements.Engaged(OTHER_KBO, None, None, (OTHER_SITE,)))
        plans.put(connection, OTHER_SITE, TODAY, [Slot("W-100", 420)], WHO, now_ms)
        plans.put(connection, SITE, TODAY, [Slot("W-001", 420), Slot("W-200", 480)], WHO, now_ms)
    world.punches(
        *world.clock.start(), *(world.clock.punch(uid) for uid in (ANNA_UID, LUZ_UID, DORA_UID, STRANGER_UID))
    )
    return world


def tool_of(world: World, site_names: tuple[str, ...] = (), kbo_numbers: tuple[str, ...] = ()) -> Tool:
    """A planning tool whose token reaches these sites and employers."""
    with world.store.write() as connection:
        reached = reach.of_names(connection, site_names, kbo_numbers)
        token = api_tokens.make(connection, "planner", PLANNER, 30, WHO, world.now_ms, reached)
    return Tool(application(world), token)


def seen(tool: Tool, path: str) -> Any:
    """The entries of a list."""
    answer = tool.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def column(tool: Tool, path: str, name: str) -> list[Any]:
    """One column of a list."""
    return [row[name] for row in seen(tool, path)]


def people(tool: Tool, path: str = "/today") -> list[Any]:
    """Who is here or expected, by reference; None for a badge that nobody was given."""
    return sorted(one["worker"] or "" for place in seen(tool, path)["places"] for one in place["people"])


def test_a_token_of_a_site_sees_the_site_and_who_works_there(two: World) -> None:
    tool = tool_of(two, (SITE,))
    assert column(tool, "/sites", "name") == [SITE]
    assert column(tool, "/workers", "reference") == ["W-001", "W-002", "W-003", "W-200"]
    assert column(tool, "/employers", "kbo") == [KBO, OTHER_KBO], "both have workers at the site"
    assert column(tool, "/badges", "worker") == ["W-001", "W-002", "W-003", "W-200"]
    assert column(tool, "/engagements", "worker") == []
    assert column(tool, f"/presences?{MONDAY}", "worker") == ["W-001", "W-003", "W-200"]
    ((planned,),) = [[plan["workers"] for plan in seen(tool, f"/plans?{MONDAY}")]]
    assert [slot["worker"] for slot in planned] == ["W-001", "W-200"]
    assert people(tool) == ["", "W-001", "W-003", "W-200"], "a badge that nobody was given is the site's"
    assert all(OTHER_SITE not in tool.get(path).text for path in LISTS)
    assert all("W-100" not in tool.get(path).text for path in LISTS)


def test_a_token_of_an_employer_sees_its_workers_wherever_they_work(two: World) -> None:
    tool = tool_of(two, (), (KBO,))
    assert column(tool, "/employers", "kbo") == [KBO]
    assert column(tool, "/workers", "reference") == ["W-001", "W-002"]
    assert column(tool, "/sites", "name") == [SITE]
    assert column(tool, "/badges", "worker") == ["W-001", "W-002"]
    assert column(tool, f"/presences?{MONDAY}", "worker") == ["W-001"]
    assert people(tool) == ["W-001"]
    (place,) = seen(tool, "/today")["places"]
    assert sum(place["counts"].values()) == 1
    (plan,) = seen(tool, f"/plans?{MONDAY}")
    assert [slot["worker"] for slot in plan["workers"]] == ["W-001"]
    for path in LISTS:
        for beyond in (OTHER_KBO, OTHER_SITE, "W-100", "W-200", "W-003", "Tweede"):
            assert beyond not in tool.get(path).text, path

    other = tool_of(two, (), (OTHER_KBO,))
    assert column(other, "/workers", "reference") == ["W-100", "W-200"]
    assert column(other, "/sites", "name") == [SITE, OTHER_SITE]
    assert column(other, "/engagements", "worker") == ["W-100"]
    assert column(other, f"/presences?{MONDAY}", "worker") == ["W-200"]
    assert people(other) == ["W-100", "W-200"]


def test_a_token_of_both_sees_what_is_of_the_site_and_of_the_employer(two: World) -> None:
    tool = tool_of(two, (SITE,), (OTHER_KBO,))
    assert column(tool, "/workers", "reference") == ["W-100", "W-200"], "the employer's, who may be planned at the site"
    assert column(tool, "/sites", "name") == [SITE]
    assert column(tool, "/badges", "worker") == ["W-200"]
    assert column(tool, f"/presences?{MONDAY}", "worker") == ["W-200"]
    assert people(tool) == ["W-200"]
    (engaged,) = seen(tool, "/engagements")
    assert engaged["sites"] == [], "the name of a site that is beyond is not shown"
    assert all(OTHER_SITE not in tool.get(path).text for path in LISTS)


def test_a_worker_of_two_employers_is_seen_by_each_for_its_own_part(two: World) -> None:
    with two.store.write() as connection:
        engaged = engagements.Engaged(OTHER_KBO, date(2026, 1, 1), date(2026, 1, 31), (OTHER_SITE,))
        engagements.put(connection, "W-001", engaged)
    tool = tool_of(two, (), (OTHER_KBO,))
    assert "W-001" in column(tool, "/workers", "reference")
    assert column(tool, f"/presences?{MONDAY}", "worker") == ["W-200"], "Anna was declared under the other employer"
    assert "W-001" in people(tool), "expected by the plan; the declaration under the other employer is not shown"
    (anna,) = [one for place in seen(tool, "/today")["places"] for one in place["people"] if one["worker"] == "W-001"]
    assert (anna["declarations"], anna["number"]) == ([], None)
    two.now_ms = int(datetime(2026, 2, 1, 11, tzinfo=UTC).timestamp() * 1000)
    later = tool_of(two, (), (OTHER_KBO,))
    assert column(later, "/workers", "reference") == ["W-100", "W-200"], "the engagement has ended"


def test_who_reaches_a_site_writes_there_and_nowhere_else(two: World) -> None:
    tool = tool_of(two, (SITE,))
    before = _everything(two)
    refused = (
        tool.put("/employers", json={"kbo": KBO, "name": "X"}),
        tool.put("/sites", json={"name": "New", "workplace": "1Y1TEST00009Z"}),
        tool.put("/sites", json={"name": OTHER_SITE, "workplace": "1Y1TEST00003Z", "regime": "meat"}),
        tool.put("/workers", json={"reference": "W-001", "name": "X", "niss": "00000100265", "employer": KBO}),
        tool.put("/engagements", json={"worker": "W-001", "employer": KBO, "sites": [SITE]}),
    )
    assert [answer.status_code for answer in refused] == [403] * 5
    assert all("reach" in answer.json()["what"] for answer in refused)
    absent = (
        tool.put("/plans", json={"site": OTHER_SITE, "day": "2026-01-05", "workers": []}),
        tool.post("/plans/withdraw", json={"site": OTHER_SITE, "day": "2026-01-05"}),
        tool.get(f"/today?site={OTHER_SITE}"),
        tool.post("/badges", json={"site": OTHER_SITE, "worker": "W-001", "uid": "04a1b2c4"}),
        tool.post("/badges", json={"site": SITE, "worker": "W-100", "uid": "04a1b2c4"}),
        tool.put("/plans", json={"site": SITE, "day": "2026-01-05", "workers": [{"worker": "W-100"}]}),
        tool.post("/badges/revoke", json={"badge": _badge_of(two, "W-100")}),
    )
    assert [answer.status_code for answer in absent] == [409] * 7
    nowhere = tool.get("/today?site=nowhere").json()["what"].replace("nowhere", OTHER_SITE)
    assert absent[2].json()["what"] == nowhere, "no answer says whether it is there"
    assert _everything(two) == before

    assert tool.put("/sites", json={"name": SITE, "workplace": WORKPLACE, "night_hours": "22:00-06:00"}).is_success
    assert tool.post("/badges", json={"site": SITE, "worker": "W-001", "uid": "04a1b2c4"}).json()["is_new"]
    assert tool.put("/plans", json={"site": SITE, "day": "2026-01-06", "workers": [{"worker": "W-200"}]}).is_success


def test_who_reaches_an_employer_writes_for_it_and_leaves_the_others_of_a_plan(two: World) -> None:
    tool = tool_of(two, (), (KBO,))
    before = _everything(two)
    carl = {"reference": "W-100", "name": "Carl Proef", "niss": "00000100166", "employer": KBO}
    refused = (
        tool.put("/employers", json={"kbo": OTHER_KBO, "name": "X"}),
        tool.put("/employers", json={"kbo": "0206731645", "name": "X"}),
        tool.put("/sites", json={"name": SITE, "workplace": WORKPLACE, "regime": "meat"}),
        tool.put("/workers", json=carl),
        tool.put("/workers", json={**carl, "reference": "W-101"}),
        tool.put("/workers", json={"reference": "W-102", "name": "X", "niss": "00000100760", "employer": OTHER_KBO}),
        tool.put("/workers", json={"reference": "W-102", "name": "X", "limosa": "L1"}),
        tool.put("/engagements", json={"worker": "W-001", "employer": OTHER_KBO}),
        tool.post("/badges", json={"site": SITE, "worker": "W-001", "uid": DORA_UID.hex()}),
    )
    assert [answer.status_code for answer in refused] == [403] * 9
    assert all("W-100" not in answer.text for answer in refused)
    absent = (
        tool.put("/engagements", json={"worker": "W-100", "employer": KBO}),
        tool.put("/engagements", json={"worker": "W-001", "employer": KBO, "sites": [OTHER_SITE]}),
        tool.put("/plans", json={"site": SITE, "day": "2026-01-05", "workers": [{"worker": "W-200"}]}),
        tool.post("/badges/revoke", json={"badge": _badge_of(two, "W-200")}),
    )
    assert [answer.status_code for answer in absent] == [409] * 4
    assert _everything(two) == before

    eva = {"reference": "W-300", "name": "Eva Proef", "niss": "00000100760", "employer": KBO}
    assert tool.put("/workers", json=eva).json()["is_new"]
    body = {"site": SITE, "day": "2026-01-05", "workers": [{"worker": "W-300"}]}
    put = tool.put("/plans", json=body).json()
    assert (put["added"], put["removed"]) == (1, 1), "Anna is out, Eva in"
    assert [one["worker"] for one in seen(tool_of(two), f"/plans?{MONDAY}")[1]["workers"]] == ["W-200", "W-300"]
    assert tool.post("/plans/withdraw", json={"site": SITE, "day": "2026-01-05"}).json() == {"removed": 1}
    assert [one["worker"] for one in seen(tool_of(two), f"/plans?{MONDAY}")[1]["workers"]] == ["W-200"]


def test_an_engagement_of_a_token_of_both_stays_at_its_sites(two: World) -> None:
    tool = tool_of(two, (SITE,), (OTHER_KBO,))
    at_site = {"worker": "W-200", "employer": OTHER_KBO, "sites": [SITE]}
    assert tool.put("/engagements", json=at_site).json()["changed"] == ["engagement"]
    assert tool.put("/engagements", json={**at_site, "sites": []}).status_code == 403, "that is everywhere"
    replaces = {"worker": "W-100", "employer": OTHER_KBO, "sites": [SITE]}
    assert tool.put("/engagements", json=replaces).status_code == 403, "it would take the other site out"


def test_a_token_that_shows_the_bridge_as_a_whole_has_no_reach(world: World) -> None:
    with world.store.read() as connection:
        reached = reach.of_names(connection, (SITE,), ())
    with pytest.raises(PeopleError, match="as a whole"), world.store.write() as connection:
        api_tokens.make(connection, "planner", (Scope.STATUS_READ,), 1, WHO, world.now_ms, reached)


def _badge_of(world: World, worker: str) -> int:
    with world.store.read() as connection:
        (badge,) = badges.in_use(connection, worker)
    return badge.id


def _everything(world: World) -> list[Any]:
    """Every row that the interface could change."""
    tables = ("employers", "sites", "workers", "engagements", "badges", "plans", "expected", "acts")
    return [world.rows(getattr(schema, name)) for name in tables]

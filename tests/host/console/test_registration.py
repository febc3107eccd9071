"""The office's registration on its pages: one, at the gate by number, many at once, ahead, and back."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

from fastapi.testclient import TestClient
from tests.host.bridge.world import KBO, SITE
from tests.host.console.morning import MONDAY, QUAY_9, WHO, Morning
from tests.host.console.test_pages import do, text_of
from tests.national_numbers import national_number

from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.people import plans, sites
from badgeclock.bridge.people.plans import Slot
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store import schema
from badgeclock.bridge.web import reach

Visit = Callable[[str], TestClient]
WHY = "the gate has no power"
LATER = MONDAY + timedelta(days=3)


def by_hand(morning: Morning) -> list[tuple[date, str]]:
    """Day and state of what the office has registered."""
    return [(row.day, row.state) for row in morning.rows(schema.presences) if row.manual]


def test_one_worker_is_registered_today_and_planned_for_later_and_the_plan_taken_back(
    morning: Morning, visit: Visit
) -> None:
    client = visit("otto")
    page = client.get(f"/register?site={SITE}").text
    assert "One worker" in page
    form = {"site": SITE, "worker": "W-004", "day": MONDAY.isoformat(), "until": LATER.isoformat(), "why": WHY}
    assert do(client, "register", **form) == (303, "/register?site=Quay+7&done=2-2-0")
    assert by_hand(morning) == [(MONDAY, "QUEUED"), (MONDAY + timedelta(days=1), "QUEUED")]
    page = text_of(client.get("/register?site=Quay+7&done=2-2-0").text)
    assert "2 registrations are being sent. 2 are planned." in page
    assert f"W-004 DP {LATER.isoformat()} Quay 7 otto (console): {WHY}" in page
    numbers = [row.id for row in morning.rows(schema.later_registrations)]
    assert do(client, "withdraw-registration", item=str(numbers[1]), site=SITE, why="ill")[0] == 303
    assert do(client, "withdraw-registration", item=str(numbers[1]), site=SITE, why="ill")[0] == 409
    assert f"{LATER.isoformat()} Quay 7" not in text_of(client.get(f"/register?site={SITE}").text)
    acts = [(row.act, row.operator) for row in morning.rows(schema.acts)][-5:]
    assert acts[0] == ("presence_registered", "otto (console)")
    assert acts[-1] == ("registration_withdrawn", "otto (console)")
    # Told apart wherever it is shown, and cancelled on its own page.
    here = text_of(client.get(f"/?site={SITE}").text)
    assert "W-004 DP by hand waits to be sent" in here
    assert client.get(f"/presences?first={MONDAY}&form=csv").text.count('"yes"') == 1
    (reference, _) = [row.reference for row in morning.rows(schema.presences) if row.manual]
    shown = client.get(f"/presences/{reference}").text
    assert "registered by hand" in shown
    assert "There is no punch of this worker." in text_of(shown)
    assert do(client, "cancel-presence", item=reference, why="a mistake")[1] == f"/presences/{reference}?done=cancel"
    assert by_hand(morning)[0] == (MONDAY, "CLOSED")


def test_somebody_new_is_registered_at_the_gate_by_a_number_that_no_page_repeats(
    morning: Morning, visit: Visit
) -> None:
    client, niss = visit("otto"), national_number(77)
    day = {"site": QUAY_9, "day": MONDAY.isoformat(), "why": WHY}
    status, page = do(client, "register", **day, number=niss)
    assert status == 409
    assert "Nobody is known by this number" in page
    assert niss not in page
    form = {**day, "name": "Gino Proef", "employer": "0448181966", "employer_name": "Onderaannemer"}
    assert do(client, "register", **form, number=f" {niss[:6]}-{niss[6:9]}.{niss[9:]}")[0] == 303
    assert do(client, "register", **day, number=niss) == (303, "/register?site=Quay+9&done=0-0-1")
    assert do(client, "register", **day, number="24910158641968060", name="Hana Proef")[0] == 303
    kinds = [(row.reference[:5], row.identity_kind) for row in morning.rows(schema.workers)][-2:]
    assert kinds == [("GATE-", "niss"), ("GATE-", "limosa")]
    assert [row.employer_kbo for row in morning.rows(schema.presences) if row.manual] == ["0448181966", ""]
    kept = " ".join(str(row) for table in (schema.acts, schema.events) for row in morning.rows(table))
    assert niss not in kept
    assert "24910158641968060" not in kept


def test_many_are_proposed_from_the_week_before_the_planning_and_an_employers_registrations(
    morning: Morning, visit: Visit
) -> None:
    client, next_monday = visit("otto"), MONDAY + timedelta(days=7)
    with morning.office.write() as connection:
        plans.put(connection, SITE, next_monday, [Slot("W-006", 420, 930)], WHO, morning.now_ms)
    at = f"/register/many?site={SITE}&first={next_monday}&last={next_monday + timedelta(days=1)}"
    ticked = {}
    for source in ("source=week", "source=planning", f"source=employer&employer={KBO}"):
        page = client.get(f"{at}&{source}").text
        ticked[source.partition("&")[0]] = re.findall(r'name="items" value="([^"]+)"[^>]* checked', page)
    assert ticked == {
        "source=week": [f"W-001|{next_monday}|{KBO}", f"W-002|{next_monday}|{KBO}"],
        "source=planning": [f"W-006|{next_monday}|"],
        "source=employer": [
            f"{worker}|{next_monday + timedelta(days=day)}|{KBO}" for worker in ("W-001", "W-002") for day in (0, 1)
        ],
    }
    assert not by_hand(morning), "a preview changes nothing"
    assert do(client, "register-many", site=SITE, why=WHY, items=ticked["source=employer"]) == (
        303,
        "/register?site=Quay+7&done=0-4-0",
    )
    assert "registered already" in text_of(client.get(f"{at}&source=week").text)
    today = text_of(client.get(f"/register/many?site={SITE}&source=employer&employer={KBO}").text)
    assert "registered already" in today
    assert do(client, "register-many", site=SITE, why=WHY, items="nonsense")[0] == 409


def test_where_only_the_worker_registers_the_laws_reason_stands_in_the_forms_place(
    morning: Morning, visit: Visit
) -> None:
    with morning.office.write() as connection:
        sites.change(connection, QUAY_9, regime=Regime.CLEANING, by="tests", now_ms=morning.now_ms)
    client = visit("otto")
    for path in (f"/register?site={QUAY_9}", f"/register/many?site={QUAY_9}"):
        page = client.get(path).text
        assert "programme law of 26 December 2022" in page
        assert 'action="/do/register' not in page
    status, page = do(client, "register", site=QUAY_9, worker="W-004", day=MONDAY.isoformat(), why=WHY)
    assert status == 409
    assert "in person, on the spot" in page
    assert not by_hand(morning)


def test_who_may_register_whom_and_where(morning: Morning, visit: Visit) -> None:
    form = {"site": SITE, "worker": "W-004", "day": MONDAY.isoformat(), "why": WHY}
    assert visit("vera").get(f"/register?site={SITE}").status_code == 403
    assert "may not do that" in do(visit("vera"), "register", **form)[1]
    with morning.office.read() as connection:
        elsewhere = reach.of_names(connection, (QUAY_9,), ())
        others = reach.of_names(connection, (), (KBO,))
    morning.account("gate", Role.OPERATOR, elsewhere)
    morning.account("sub", Role.OPERATOR, others)
    assert do(visit("gate"), "register", **form)[0] == 404
    assert visit("gate").get(f"/register?site={SITE}").status_code == 404
    day = {"site": QUAY_9, "day": MONDAY.isoformat(), "why": WHY}
    assert do(visit("gate"), "register", **day, number=national_number(4))[0] == 303, "who stands there with a card"
    assert do(visit("sub"), "register", **{**form, "worker": "W-003"})[0] == 409, "another employer's"
    new = {**form, "worker": "", "number": national_number(78), "name": "Ida Proef", "employer": "0448181966"}
    assert do(visit("sub"), "register", **new)[0] == 409
    assert do(visit("sub"), "register", **form)[0] == 303
    assert len(by_hand(morning)) == 2

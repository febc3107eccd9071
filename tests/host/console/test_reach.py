"""Every page of the console for every role and reach: what a role has no right to is refused, and what is of another
site or employer is on no page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote, unquote

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from tests.host.bridge.world import KBO, SITE
from tests.host.console.morning import QUAY_9, WHO, Morning

from badgeclock.bridge.accounts.roles import RIGHTS, Right, Role
from badgeclock.bridge.acts.acts import DEEDS, Asked, perform
from badgeclock.bridge.people import employers
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act
from badgeclock.bridge.web import reach
from badgeclock.bridge.web.reach import EVERYTHING, Reach
from badgeclock.errors import BadgeclockError

Visit = Callable[[str], TestClient]
OTHERS_KBO = "0999999922"
RIGHT_OF = {
    **dict.fromkeys(("/imports", "/imports/{word}", "/imports/{word}/faults.csv"), Right.OFFICE),
    "/acts": Right.BOOK,
    "/settings": Right.BOOK,
    "/accounts": Right.ACCOUNTS,
    **dict.fromkeys(("/register", "/register/many", "/hours", "/links"), Right.DECIDE),
}
"""The right that a page needs, if not the right to see."""
OPEN = {
    "/livez",
    "/sign-in",
    "/language/{code}",
    "/sign-in/provider",
    "/sign-in/provider/back",
    "/visit",
    "/visit/{secret}",
}
"""The pages that need no session."""
LEADS = "/at/{workplace}"
"""Redirects to another page, as by a poster's code."""
VALUES = {
    "workplace": ["1Y1TEST00001Z", "1Y1TEST00002Z"],
    "name": ["clock-0001", "clock-0002", SITE, QUAY_9],
    "reference": ["W-001", "W-003"],
    "reason": ["refused"],
    "word": ["of-no-list"],
}


def routes(app: object) -> list[APIRoute]:
    return [route for route in app.routes if isinstance(route, APIRoute)]  # type: ignore[attr-defined]


def addresses(morning: Morning, route: APIRoute) -> Iterator[str]:
    """Addresses of a page, with what the store has in the place of its parameters, and of a site where it wants one."""
    wanted = {one.alias for one in route.dependant.query_params if one.field_info.is_required()}
    assert wanted <= {"site"}, f"{route.path} wants {wanted}: say here what the store has of it"
    for path in _paths(morning, route):
        yield from ((f"{path}?site={quote(name)}" for name in (SITE, QUAY_9)) if wanted else (path,))


def _paths(morning: Morning, route: APIRoute) -> Iterator[str]:
    names = re.findall(r"\{(\w+)(?::path)?\}", route.path)
    if not names:
        yield route.path
        return
    presences = [row.reference for row in morning.rows(schema.presences)]
    values = VALUES | {"item": presences}
    if route.path.startswith("/presences/"):
        values["reference"] = presences
    for value in values[names[-1]]:
        path = re.sub(r"\{reason\}", "refused", route.path)
        yield re.sub(r"\{\w+(?::path)?\}", quote(value), path)


@pytest.fixture
def reaches(morning: Morning) -> dict[str, Reach]:
    """By name, what an account may reach; the employer without workers reaches nobody."""
    with morning.office.write() as connection:
        added = employers.put(connection, OTHERS_KBO, "Elders bv")
        audit_log.write_change(connection, WHO, added, Act.EMPLOYER_ADDED, Act.EMPLOYER_CHANGED, morning.now_ms)
        return {
            "all": EVERYTHING,
            "quay-9": reach.of_names(connection, (QUAY_9,), ()),
            "employer": reach.of_names(connection, (), (KBO,)),
            "others": reach.of_names(connection, (), (OTHERS_KBO,)),
        }


WALKS = [
    *((named, Role.ADMINISTRATOR) for named in ("all", "employer", "others")),
    *(("quay-9", role) for role in Role),
]
"""Every reach with the role that opens every page, and every role with a reach of some."""
BEYOND = {
    "all": [],
    "quay-9": ["W-004", "W-005", "W-006", SITE, "1Y1TEST00001Z", "clock-0001", "clock-0099"],
    "employer": ["W-003", "Elders", OTHERS_KBO, "clock-0002", "clock-0099"],
    "others": [*(f"W-{number:03d}" for number in range(1, 7)), SITE, QUAY_9, KBO, "clock-0001", "clock-0099"],
}
"""Data that an account of that reach must not find anywhere."""


def test_every_page_for_every_role_and_reach(morning: Morning, visit: Visit, reaches: dict[str, Reach]) -> None:
    for named, role in WALKS:
        morning.account(f"{named}.{role}"[:32], role, reaches[named])
    pages = [route for route in routes(visit("").app) if "GET" in (route.methods or ()) and route.path not in OPEN]
    paths = [(route.path, path) for route in pages if route.path != "/live" for path in addresses(morning, route)]
    assert len(paths) >= 20
    seen = 0
    for named, role in WALKS:
        client = visit(f"{named}.{role}"[:32])
        for of, path in paths:
            answer = client.get(path)
            right = RIGHT_OF.get(of, Right.SEE)
            if right not in RIGHTS[role]:
                assert answer.status_code == 403, (role, path)
            assert answer.status_code in ((303,) if of == LEADS else (200, 403, 404)), (role, path, answer.status_code)
            # What the address itself says comes back in links to other languages.
            said = answer.text + unquote(answer.headers.get("location", ""))
            for echo in (quote(unquote(path), safe=""), quote(unquote(path)), path, unquote(path)):
                said = said.replace(echo, "")
            if answer.status_code == 404:  # what is beyond is named as what does not exist is
                said = said.replace(f"&#39;{unquote(path).partition('site=')[2]}&#39;", "")
            found = [word for word in BEYOND[named] if word in said]
            assert not found, (named, role, path, found)
            seen += answer.status_code == 200
    assert seen > 80
    for of, path in paths:
        assert visit("").get(path).headers["location"].startswith("/sign-in?to="), of


def test_nobody_does_what_their_role_or_reach_does_not_allow(morning: Morning, reaches: dict[str, Reach]) -> None:
    """Every act about what is beyond, and every act of a role without it: refused, and the store stays as it was."""
    fields = {
        "why": "tries", "command": "restart", "settings": "volume=1", "badge": "1", "employer": KBO, "name": "x",
        "role": "administrator", "tables": [],
    }  # fmt: skip
    items = ("clock-0001", "W-004", SITE, KBO, morning.refused(), "clock-0001/4", "event/1", "ada")
    sessions = {}
    for named, role in (("quay-9", Role.ADMINISTRATOR), ("others", Role.ADMINISTRATOR), ("all", Role.VIEWER)):
        morning.account(f"{named}.{role}"[:32], role, reaches[named])
        sessions[named, role] = morning.session(f"{named}.{role}"[:32])
    before = len(morning.rows(schema.acts))
    for who, secret in sessions.items():
        for act, deed in DEEDS.items():
            for item in items if deed.right is not None and act != Asked.SHOW_NAMES else ():
                known = {name: value for name, value in fields.items() if name in deed.body.model_fields}
                with morning.office.write() as connection:
                    try:
                        perform(connection, morning.vault, act, secret, {**known, "item": item}, morning.now_ms)
                    except BadgeclockError:
                        continue
                raise AssertionError((who, act, item))
    assert len(morning.rows(schema.acts)) == before

"""Badges that are given to workers."""

from __future__ import annotations

import pytest
from tests.host.bridge.world import ANNA_UID, SITE, World, token_of

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import badges
from badgeclock.bridge.store import schema


def test_a_badge_is_kept_as_its_token_and_only_that(world: World) -> None:
    (first, *_) = world.rows(schema.badges)
    assert first.token == token_of(ANNA_UID)
    assert ANNA_UID not in b"".join(value for value in first if isinstance(value, bytes))


@pytest.mark.parametrize(
    ("site", "worker", "uid"),
    [("Quay 9", "W-001", ANNA_UID), (SITE, "W-999", ANNA_UID), (SITE, "W-001", b"12345")],
    ids=["no such site", "no such worker", "no such UID"],
)
def test_a_badge_that_cannot_be_given_is_refused(world: World, site: str, worker: str, uid: bytes) -> None:
    with pytest.raises(PeopleError), world.store.write() as connection:
        badges.assign(connection, world.vault, site=site, worker=worker, uid=uid, now_ms=world.now_ms)
    assert len(world.rows(schema.badges)) == 3

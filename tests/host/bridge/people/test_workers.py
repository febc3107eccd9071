"""Workers: who can be one."""

from __future__ import annotations

import pytest
from tests.host.bridge.world import ANNA_NISS, KBO, World

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import identities, workers
from badgeclock.bridge.people.identities import Identity
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import IdentityKind


def add(world: World, **changes: object) -> None:
    values = {
        "reference": "W-100",
        "name": "Carl Proef",
        "identity": identities.niss("00000100166"),
        "employer_kbo": KBO,
        **changes,
    }
    with world.store.write() as connection:
        workers.add(connection, world.vault, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"reference": "W-001"},
        {"reference": " "},
        {"identity": Identity(IdentityKind.NISS, ANNA_NISS)},
        {"employer_kbo": None},
        {"employer_kbo": "0448181966"},
    ],
    ids=["reference taken", "no reference", "number taken", "no employer", "unknown employer"],
)
def test_a_worker_who_cannot_be_is_refused(world: World, changes: dict[str, object]) -> None:
    with pytest.raises(PeopleError) as refused:
        add(world, **changes)
    assert ANNA_NISS not in str(refused.value)
    assert len(world.rows(schema.workers)) == 3
    add(world)

"""Sites: what can be one."""

from __future__ import annotations

import pytest
from tests.host.bridge.world import SITE, SITE_KEY, WORKPLACE, World

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import sites
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store import schema


@pytest.mark.parametrize(
    "changes",
    [
        {"name": SITE},
        {"workplace": "1Y1"},
        {"workplace": "1Y1TEST00001É"},
        {"site_key": b"short"},
        {"time_zone": "Europe/Atlantis"},
        {"time_zone": "../../etc/passwd"},
    ],
    ids=str,
)
def test_a_site_that_cannot_be_is_refused(world: World, changes: dict[str, object]) -> None:
    values = {
        "name": "Quay 8",
        "workplace": WORKPLACE,
        "regime": Regime.MEAT,
        "site_key": SITE_KEY,
        **changes,
    }
    with pytest.raises(PeopleError), world.store.write() as connection:
        sites.add(connection, world.vault, **values)  # type: ignore[arg-type]
    assert len(world.rows(schema.sites)) == 1

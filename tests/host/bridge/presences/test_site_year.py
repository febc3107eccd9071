"""Every person-day of a site that lives is declared, none besides it is unflagged, none is there twice."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from tests.host.bridge.presences.site_year import Outcome, SiteYear
from tests.host.bridge.world import BOTH, World

DATABASES = BOTH


async def lived(world: World, seed: int, first: date, days: int, staff: int = 12) -> Outcome:
    outcome = await SiteYear(world, seed, first, days, staff).live()
    assert outcome.total > days
    assert (outcome.missing, outcome.extra_unflagged, outcome.doubled) == (0, 0, 0), "\n".join(outcome.lines)
    return outcome


@pytest.mark.parametrize(
    ("seed", "first"),
    [(1, date(2026, 3, 25)), (2, date(2026, 10, 21))],
    ids=["spring, an earlier firmware", "autumn, this firmware"],
)
async def test_every_person_day_around_a_clock_change(world: World, seed: int, first: date) -> None:
    await lived(world, seed, first, 7)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(100, 108))
async def test_every_person_day_of_a_year_by_seed(tmp_path: Path, seed: int) -> None:
    world = World(tmp_path)
    outcome = await lived(world, seed, date(2026, 1, 1), 365)
    assert outcome.extra_flagged
    world.close()

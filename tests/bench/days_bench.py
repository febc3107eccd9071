"""Years of a site with forgotten taps, night shifts, two gates, moves and both clock changes, against the truth."""

from __future__ import annotations

import asyncio
import json
import tempfile
from datetime import date
from pathlib import Path

from tests.host.bridge.presences.site_year import Outcome, SiteYear
from tests.host.bridge.world import World

SEEDS = (1, 2)
"""The first with an earlier firmware's ways, the second with this one's."""


def measure() -> dict[str, float]:
    """The person-days of the years, those that were not declared, and those declared besides without a flag."""
    years = [_lived(seed) for seed in SEEDS]
    return {
        "days.total": sum(year.total for year in years),
        "days.missing": sum(year.missing + year.doubled for year in years),
        "days.extra_flagged": sum(year.extra_flagged for year in years),
        "days.extra_unflagged": sum(year.extra_unflagged for year in years),
        "days.flagged": sum(year.flagged for year in years),
    }


def _lived(seed: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        outcome = asyncio.run(SiteYear(world, seed, date(2026, 1, 1), 365).live())
        world.close()
    for line in outcome.lines:
        print(line)
    return outcome


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))

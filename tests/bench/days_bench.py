"""A year of a site with forgotten taps, night shifts, two gates, moves and both clock changes, against the truth."""

from __future__ import annotations

import asyncio
import json
import tempfile
from datetime import date
from pathlib import Path

from tests.host.bridge.presences.site_year import SiteYear
from tests.host.bridge.world import World

SEED = 1


def measure() -> dict[str, float]:
    """The person-days of the year, those that were not declared, and those declared besides without a flag."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        outcome = asyncio.run(SiteYear(world, SEED, date(2026, 1, 1), 365).live())
        world.close()
    return {
        "days.total": outcome.total,
        "days.missing": outcome.missing + outcome.doubled,
        "days.extra_flagged": outcome.extra_flagged,
        "days.extra_unflagged": outcome.extra_unflagged,
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))

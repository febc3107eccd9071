"""How often an authority that counts was given a presence twice, or not at all: the table, and lives by seed."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest

from tests.host.bridge.registrar import once
from tests.host.bridge.registrar.once import Counts

SEEDS = range(1000, 1040)


def measure() -> dict[str, float]:
    """Flat figures; see tests/bench/catalogue.py."""
    with (
        tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        once.hurry(patch.setattr)
        counts = asyncio.run(_lives(Path(folder)))
    return {"once.cases": counts.cases, "once.doubled": counts.doubled, "once.lost": counts.lost}


async def _lives(folder: Path) -> Counts:
    counts = await once.table(folder, once.combinations())
    for seed in SEEDS:
        found = await once.seeded(folder, seed)
        if (found.doubled, found.lost) != (0, 0):
            print(seed, found)
        counts += found
    return counts

"""Schedules of faults: from a text, repeated, or random from a seed."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from badgeclock.chaos import faults
from badgeclock.errors import SettingsError

_STEP = re.compile(r"([0-9]+(?:\.[0-9]+)?)s?\s+(\S.*)")


@dataclass(frozen=True, slots=True)
class Step:
    """These faults, as for `faults.parse`, for this long."""

    seconds: float
    fault: str


def written(text: str) -> list[Step]:
    """The steps of a text such as `20s none; 5s black-hole; 10 slow=500 split`. Raises SettingsError."""
    steps = []
    for part in text.split(";"):
        found = _STEP.fullmatch(part.strip())
        if found is None or not float(found[1]):
            raise SettingsError(
                what=f"{part.strip()!r} is no step of a schedule",
                kept="everything as it was",
                do="write seconds and faults, steps with a semicolon between them: '20s none; 5s slow split'",
            )
        faults.parse(found[2])
        steps.append(Step(float(found[1]), found[2]))
    return steps


def repeated(steps: Sequence[Step]) -> Iterator[Step]:
    """The steps, repeated forever."""
    return itertools.cycle(steps)


def by_chance(seed: int, names: Sequence[str], seconds: float) -> Iterator[Step]:
    """One fault after another out of `names`, each for a random time around `seconds`, then as long without any."""
    chance = random.Random(seed)
    while True:
        for fault in (chance.choice(list(names)), faults.NONE):
            yield Step(seconds * chance.uniform(0.5, 1.5), fault)

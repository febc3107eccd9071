"""The whole system, by seed. A few seeds here; many under `make torture`, or the one that failed:

    BADGECLOCK_SEEDS=17 python -m pytest tests/system/test_simulation.py -m torture

What was tried is added up in build/sim.json.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.chaos_stack import stack_through_proxy
from tests.system.simulation import Outcome, World, plan

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "sim.json"
FEW = [1]
MANY = range(100, 140)

pytestmark = pytest.mark.timeout(600)


def asked_for() -> list[int]:
    """The seeds of BADGECLOCK_SEEDS, such as `17` or `17 18`; else MANY."""
    return [int(seed) for seed in os.environ.get("BADGECLOCK_SEEDS", "").split()] or list(MANY)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("simulation")
    with stack_through_proxy(folder / "stack") as (stack, proxy):
        world = World(stack, proxy, folder)
        try:
            yield world
        finally:
            world.close()


@pytest.fixture(scope="module")
def outcomes() -> Iterator[list[Outcome]]:
    """What the seeds came to; written down at the end."""
    outcomes: list[Outcome] = []
    yield outcomes
    injected: Counter[str] = Counter()
    for outcome in outcomes:
        injected.update(outcome.injected)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps(
            {
                "seeds": [outcome.seed for outcome in outcomes],
                "signalled": sum(outcome.signalled for outcome in outcomes),
                "injected": dict(sorted(injected.items())),
                "broken": {outcome.seed: outcome.broken for outcome in outcomes if outcome.broken},
            },
            indent=1,
        )
        + "\n"
    )


def test_a_seed_gives_the_same_plan_again_and_another_seed_another() -> None:
    assert plan(5) == plan(5) != plan(6)
    assert {step.what for seed in range(20) for step in plan(seed)} == {
        "tap",
        "network",
        "power",
        "station",
        "authority",
    }


@pytest.mark.parametrize("seed", FEW)
def test_no_punch_is_lost_doubled_or_falsified(world: World, outcomes: list[Outcome], seed: int) -> None:
    check(world, outcomes, seed)


@pytest.mark.torture
@pytest.mark.parametrize("seed", asked_for())
def test_no_punch_is_lost_doubled_or_falsified_under_many_seeds(
    world: World, outcomes: list[Outcome], seed: int
) -> None:
    check(world, outcomes, seed)


def check(world: World, outcomes: list[Outcome], seed: int) -> None:
    outcome = world.run(seed)
    outcomes.append(outcome)
    print(f"seed {seed}: {outcome.signalled} punches signalled, {dict(outcome.injected)}")
    assert not outcome.broken, f"seed {seed}: {outcome.broken}\n" + "\n".join(map(str, plan(seed)))

"""The whole system under seeds of trouble: how many were run, what they did, and how often an invariant broke."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.system.chaos_stack import stack_through_proxy
from tests.system.simulation import World, write_summary

SEEDS = range(1000, 1010)


def measure() -> dict[str, float]:
    """Flat figures; see tests/bench/catalogue.py. What was injected by kind is in build/sim.json."""
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as scratch:
        folder = Path(scratch)
        with stack_through_proxy(folder / "stack") as (stack, proxy):
            world = World(stack, proxy, folder)
            try:
                outcomes = []
                for seed in SEEDS:
                    outcomes.append(world.run(seed))
                    if outcomes[-1].broken:
                        print(seed, outcomes[-1].broken, world.keep_evidence(seed))
            finally:
                world.close()
    write_summary(outcomes)
    return {
        "sim.seeds": len(outcomes),
        "sim.punches": sum(outcome.signalled for outcome in outcomes),
        "sim.faults": sum(outcome.injected.total() for outcome in outcomes),
        "sim.broken": sum(len(outcome.broken) for outcome in outcomes),
    }

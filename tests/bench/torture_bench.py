"""The work and findings of the torture of the clock's log: the last `make torture` of these sources, or one made
now."""

from __future__ import annotations

import json

from tests.torture import fresh


def measure() -> dict[str, float]:
    """How many cuts and pairs of cuts were made, and how many broke an invariant."""
    counts = fresh()
    return {f"torture.{name}": counts[name] for name in ("single_cuts", "double_cuts", "failures")}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))

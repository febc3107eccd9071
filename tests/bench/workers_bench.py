"""Several workers on PostgreSQL; apart, so that the figures of scale_bench are written while these do not come."""

from __future__ import annotations

from tests.bench.scale_bench import several


def measure() -> dict[str, float]:
    """Flat figures; see tests/bench/catalogue.py. Raises TimeoutError if clocks wait for their ACKs in vain."""
    return several()

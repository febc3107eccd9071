"""The cost of reading a badge: SPI work, heap and modelled time of the clock's drivers on the virtual board's chip; and
how long a reader is deaf that hangs again and again for a week.
"""

from __future__ import annotations

from tests.bench.reader_rig import Rig

HANGS = 300
SEED = 522


def measure() -> dict[str, float]:
    """Raises RuntimeError if a badge was not read, or a hang not recovered from, which is printed with its seed."""
    figures = {**Rig().costs(), **Rig().allocation()}
    week = Rig(SEED).week(HANGS, SEED)
    print(f"reader: {HANGS} hangs, seed {SEED}, longest deaf by kind: {week['longest_deaf_s_by_kind']}")
    if week["hangs_recovered"] < week["hangs_injected"]:
        raise RuntimeError(f"seed {SEED}: {week}")
    figures |= {name: week[name] for name in ("hangs_injected", "hangs_recovered", "longest_deaf_s")}
    return {f"reader.{name}": float(value) for name, value in figures.items()}

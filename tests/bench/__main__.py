"""Runs every `*_bench.py` beside this file and writes build/bench.json and docs/performance.md.

A bench module has `measure() -> dict[str, float]`: flat dotted keys. Each key must stand in `catalogue.FIGURES`, so
that no number is published without its meaning. A module that fails fails the run; the rest is still written.

    python -m tests.bench            all
    python -m tests.bench seal demo  only seal_bench.py and demo_bench.py; the other figures of the last run stay
"""

import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.catalogue import FIGURES, SECTIONS

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "bench.json"
PAGE = ROOT / "docs" / "performance.md"


def modules() -> list[str]:
    """Names of the bench modules, without `_bench`."""
    return sorted(path.stem.removesuffix("_bench") for path in Path(__file__).parent.glob("*_bench.py"))


def shown(value: float) -> str:
    """A figure with the digits it deserves."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def page(results: dict[str, float]) -> str:
    """docs/performance.md from the results; a key nobody explained is an error."""
    unknown = sorted(set(results) - set(FIGURES))
    if unknown:
        raise SystemExit(f"bench: no meaning in tests/bench/catalogue.py for: {', '.join(unknown)}")
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    lines = [
        "# Performance",
        "",
        "Written by `make bench` from `build/bench.json`; do not edit. Measured on",
        f"{time.strftime('%Y-%m-%d', time.gmtime())} with {machine}.",
        "The firmware runs on the unix port of the real MicroPython; an ESP32 runs it slower, so its figures are",
        "counts where a count says more than a time.",
    ]
    for prefix, title in SECTIONS.items():
        rows = [key for key in FIGURES if key.startswith(prefix) and key in results]
        if not rows:
            continue
        lines += ["", f"## {title}", "", "| figure | measured | wanted | |", "|---|---:|---|---|"]
        for key in rows:
            lines.append(f"| `{key}` | {shown(results[key])} | {FIGURES[key].wanted} | {FIGURES[key].meaning} |")
    return "\n".join(lines) + "\n"


def main(chosen: Sequence[str]) -> int:
    names = list(chosen) or modules()
    results: dict[str, float] = json.loads(RESULTS.read_text()) if chosen and RESULTS.exists() else {}
    failed = []
    for name in names:
        print(f"bench: {name}", flush=True)
        try:
            figures = importlib.import_module(f"tests.bench.{name}_bench").measure()
        except Exception as error:  # noqa: BLE001 - one bench must not hide the figures of the others; the run still fails
            failed.append(f"{name}: {error!r}")
            continue
        for key, value in figures.items():
            print(f"  {key} = {shown(value)}")
        results.update(figures)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")
    PAGE.write_text(page(results))
    print(f"bench: {len(results)} figures in {RESULTS.relative_to(ROOT)} and {PAGE.relative_to(ROOT)}")
    for line in failed:
        print(f"bench: FAILED {line}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""Runs every `*_bench.py` beside this file and writes build/bench.json and docs/performance.md.

A bench module has `measure() -> dict[str, float]`: flat dotted keys. Each key must stand in `catalogue.FIGURES`, so
that no number is published without its meaning. A module that fails fails the run; the rest is still written.

    python -m tests.bench            all
    python -m tests.bench seal demo  only seal_bench.py and demo_bench.py; the others' figures stay, with their day
"""

import importlib
import json
import os
import platform
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.catalogue import FIGURES, SECTIONS

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "bench.json"
PAGE = ROOT / "docs" / "performance.md"

ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \| (\d{4}-\d\d-\d\d) \|", re.MULTILINE)


def modules() -> list[str]:
    """Names of the bench modules, without `_bench`."""
    return sorted(path.stem.removesuffix("_bench") for path in Path(__file__).parent.glob("*_bench.py"))


def shown(value: float) -> str:
    """A figure with the digits it deserves."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def published(page: str) -> dict[str, tuple[str, str]]:
    """The figures of a page of ours: by key, the figure as shown, and the day of its measurement."""
    return {key: (figure, day) for key, figure, day in ROW.findall(page)}


def page(measured: dict[str, float], before: dict[str, tuple[str, str]]) -> str:
    """docs/performance.md: the present measurements, and `before` for the rest.

    Raises SystemExit for a key that is not in the catalogue.
    """
    unknown = sorted(set(measured) - set(FIGURES))
    if unknown:
        raise SystemExit(f"bench: no meaning in tests/bench/catalogue.py for: {', '.join(unknown)}")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    rows = before | {key: (shown(value), today) for key, value in measured.items()}
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    lines = [
        "# Performance",
        "",
        "Written by `make bench` from `build/bench.json`; do not edit. The last run was on",
        f"{today} with {machine}; what it did not measure is as old as its row says.",
        "The firmware runs on the unix port of the real MicroPython; an ESP32 runs it slower, so its figures are",
        "counts where a count says more than a time. What the bridge carries depends on the machine: read it beside",
        "its limits, which the same run measures on the same processors.",
    ]
    for prefix, title in SECTIONS.items():
        keys = [key for key in FIGURES if key.startswith(prefix) and key in rows]
        if not keys:
            continue
        lines += ["", f"## {title}", "", "| figure | measured | on | wanted | |", "|---|---:|---|---|---|"]
        for key in keys:
            figure, day = rows[key]
            lines.append(f"| `{key}` | {figure} | {day} | {FIGURES[key].wanted} | {FIGURES[key].meaning} |")
    return "\n".join(lines) + "\n"


def main(chosen: Sequence[str]) -> int:
    names = list(chosen) or modules()
    strangers = sorted(set(names) - set(modules()))
    if strangers:
        print(f"bench: there is no {', '.join(strangers)}; there are: {' '.join(modules())}", file=sys.stderr)
        return 2
    measured: dict[str, float] = {}
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
        measured.update(figures)
    results.update(measured)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")
    PAGE.write_text(page(measured, published(PAGE.read_text()) if PAGE.exists() else {}))
    print(f"bench: {len(results)} figures in {RESULTS.relative_to(ROOT)} and {PAGE.relative_to(ROOT)}")
    for line in failed:
        print(f"bench: FAILED {line}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

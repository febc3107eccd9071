"""One punch of a running stack, traced: run in its own process, in the copy that `clock_notes` made.

Prints one JSON object of two phases, `idle` (nobody comes) and `punch` (from the badge's entry into the field until the
reception number is on the display): `clock` and `bridge` are the modules in the order of their first use.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

from badgeclock.demo import cast
from badgeclock.demo.stack import Stack
from badgeclock.errors import BadgeclockError
from badgeclock.virtual.board import PARTITIONS, Image
from tests.trace.clock_notes import before_punch, noted

HEAP: Final = "1m"
TABLE: Final = PARTITIONS.with_name("partitions-16mb.csv")
"""Of a module with 16 MB: traced code has all its names, and does not fit the file system of one of 4 MB."""
"""The notes need heap that a clock does not have."""
HOLD_MS: Final = 300
TIMEOUT_S: Final = 60.0
SETTLE_S: Final = 5.0
"""The exchange after connecting is over by then."""
IDLE_S: Final = 4.0
REPORT_TIMEOUT_S: Final = 10.0


def main(names: list[str]) -> None:
    """`names`: the clock's modules by their number in its notes."""
    traces = Path(os.environ["BADGECLOCK_TRACE"])
    home = traces.parent / "stack"
    _enter(traces, "start")
    with Stack(
        home, lambda line: print(line, file=sys.stderr), heap=HEAP, image=Image.STOCK, partitions=TABLE
    ) as stack:
        console = home / "clock" / "console.log"
        time.sleep(SETTLE_S)
        _enter(traces, "idle")
        places = [console.stat().st_size]
        time.sleep(IDLE_S)
        _enter(traces, "punch")
        places.append(console.stat().st_size)
        stack.control.tap(cast.BADGES[0].uid, HOLD_MS)
        stack.control.wait_text("Confirmed by", timeout=TIMEOUT_S)
        places.append(console.stat().st_size)
        _enter(traces, "end")
        bridge = _bridge(traces, stack.bridge.pid)
        log = console.read_bytes()
    started, come, gone = places
    idle, both = (log[started:end].decode(errors="replace") for end in (come, gone))
    clock = [noted(idle, names), noted(before_punch(both, names), names)]
    phases = {phase: {"clock": clock[index], "bridge": bridge[phase]} for index, phase in enumerate(("idle", "punch"))}
    print(json.dumps(phases))


def _enter(traces: Path, phase: str) -> None:
    new = traces / "phase.new"
    new.write_text(phase)
    new.replace(traces / "phase")
    time.sleep(0.05)  # the traced processes look every 5 ms


def _bridge(traces: Path, pid: int | None) -> dict[str, list[str]]:
    """The modules that the bridge's process and its children ran, by phase. Raises BadgeclockError."""
    deadline = time.monotonic() + REPORT_TIMEOUT_S
    while not (traces / f"{pid}.json").exists():
        if time.monotonic() > deadline:
            raise BadgeclockError(what="the bridge wrote no trace", kept=f"{traces}", do="look at the bridge's log")
        time.sleep(0.02)
    reports: list[dict[str, Any]] = [json.loads(path.read_text()) for path in sorted(traces.glob("*.json"))]
    own = next(report for report in reports if report["pid"] == pid)
    children = [report for report in reports if report["parent"] == pid]
    phases: dict[str, list[str]] = {}
    for report in (own, *children):
        for phase, modules in report["phases"].items():
            phases[phase] = list(dict.fromkeys([*phases.get(phase, []), *modules]))
    return phases


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

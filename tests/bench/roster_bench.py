"""How long sending 5,000 badges to a clock takes, and the cost of a look-up among them."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from badgeclock.demo.stack import Stack
from badgeclock.toolchain import programs
from badgeclock.toolchain.places import ROOT
from tests.system.roster_crowd import crowd, has_roster, in_use

BADGES = 5_000
PATIENCE_S = 300.0


def measure() -> dict[str, float]:
    """Flat figures; see tests/bench/catalogue.py."""
    return _look_up() | _push()


def _look_up() -> dict[str, float]:
    run = subprocess.run(
        [
            *(str(programs.micropython("amd64")), "-X", "heapsize=4m", str(ROOT / "tests/bench/roster_on_device.py")),
            *(str(ROOT / "firmware"), str(ROOT / "tests/firmware")),
        ],
        env={"PATH": os.defpath, "BADGECLOCK_ROOT": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    told: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return told


def _push() -> dict[str, float]:
    """From the change in the store to the clock's STATUS that has it, the three seconds of settling included."""
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as scratch, Stack(Path(scratch)) as stack:
        _wait(stack, in_use(stack))
        crowd(stack, BADGES - in_use(stack))
        started = time.monotonic()
        _wait(stack, BADGES)
        return {"roster.push_5000_s": time.monotonic() - started}


def _wait(stack: Stack, entries: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not has_roster(stack, entries):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no roster of {entries} badges within {PATIENCE_S:.0f} s")
        time.sleep(0.1)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))

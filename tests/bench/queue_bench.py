"""A queue at the clock, in modelled time: what a badge waits, and what waits for the badges."""

from __future__ import annotations

import json
import os
import subprocess

from badgeclock.toolchain import programs
from badgeclock.toolchain.places import ROOT


def measure() -> dict[str, float]:
    """Flat figures; see tests/bench/catalogue.py."""
    run = subprocess.run(
        [
            *(str(programs.micropython("i386")), "-X", "heapsize=4m", str(ROOT / "tests/bench/queue_on_device.py")),
            *(str(ROOT / "firmware"), str(ROOT / "tests/firmware")),
        ],
        env={"PATH": os.defpath, "BADGECLOCK_ROOT": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    figures: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))

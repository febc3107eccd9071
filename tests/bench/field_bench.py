"""The clock in the field, in modelled time: what a badge waits in a queue, what waits for the badges, how long Wi-Fi
takes to be back, and a clock through as many taps as BADGECLOCK_SOAK_TAPS says with everything that can happen to it.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any, Final

from badgeclock.toolchain import programs
from badgeclock.toolchain.places import ROOT

SOAK_TAPS: Final = 100_000
SEED: Final = 1
HEAP: Final = "1m"
"""Of the process: flash, cards, bridge and judge of the model are in it besides the clock."""
TIMEOUT_S: Final = 6 * 3600


def measure() -> dict[str, float]:
    """Flat figures; see tests/bench/catalogue.py. Raises RuntimeError if the soak broke something."""
    figures = on_device("bench/queue_on_device.py", "4m", ROOT / "firmware", ROOT / "tests/firmware")
    figures |= on_device(
        "bench/wifi_on_device.py", "1m", ROOT / "firmware", ROOT / "tests/firmware", ROOT / "boards/esp32_devkit"
    )
    soaked = soak(int(os.environ.get("BADGECLOCK_SOAK_TAPS", SOAK_TAPS)), SEED)
    print(f"  {soaked}")
    if broken := wrong(soaked):
        raise RuntimeError(f"{broken}: {soaked}")
    return figures | {
        "field.soak_taps": soaked["taps"],
        "field.soak_power_cuts": soaked["cuts"],
        "field.soak_restarts": soaked["restarts"],
        "field.soak_lost": soaked["lost"],
        "field.soak_heap_low_free": soaked["lowest_free"],
    }


def soak(taps: int, seed: int) -> dict[str, Any]:
    """What tests/firmware/modelled_soak.py says of so many taps."""
    return on_device("firmware/modelled_soak.py", HEAP, taps, seed)


def wrong(soaked: dict[str, Any]) -> list[str]:
    """Which of its counts must not be."""
    found = [name for name in ("restarts", "lost") if soaked[name]]
    return found + (["unsignalled"] if soaked["unsignalled"] > soaked["cuts"] else [])


def on_device(script: str, heap: str, *arguments: object) -> dict[str, Any]:
    """The JSON object that a script of tests/ prints last in MicroPython i386."""
    run = subprocess.run(
        [
            *(str(programs.micropython("i386")), "-X", f"heapsize={heap}", str(ROOT / "tests" / script)),
            *map(str, arguments),
        ],
        env={"PATH": os.defpath, "BADGECLOCK_ROOT": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    if run.returncode:
        raise RuntimeError(f"{script}: {run.stdout[-2000:]}{run.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return told


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))

"""How many bytes a display gets for each state, what it takes of the heap, and how long one is dark after a dip of its
supply, on the real MicroPython.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from badgeclock.toolchain import programs
from tests.bench.catalogue import SHOWN

ROOT = Path(__file__).resolve().parents[2]
ON_DEVICE = Path(__file__).with_name("display_on_device.py")
RUN_TIMEOUT_S = 60


def measure() -> dict[str, float]:
    """Bytes on the wire when a state takes the idle screen's place: I2C with an SSD1306, SPI with an ST7789; bytes of
    the heap that each takes with the fullest screen, its code not counted; and the seconds, modelled, until the slowest
    of all displays is back after a dip of its supply.
    """
    command = [
        programs.micropython("i386"),
        ON_DEVICE,
        ROOT / "firmware",
        ROOT / "tests" / "golden",
        ROOT / "tests" / "firmware",
    ]
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{ON_DEVICE.name}: {done.stdout}{done.stderr}")
    figures = json.loads(done.stdout)
    return (
        {
            f"clock.{prefix}display_bytes.{state}": float(figures[f"{prefix}display_bytes.{state}"])
            for prefix in ("", "colour_")
            for state in SHOWN
        }
        | {f"clock.{prefix}display_heap": float(figures[f"{prefix}display_heap"]) for prefix in ("", "colour_")}
        | {"field.display_back_s": max(float(figures[name]) for name in figures if name.startswith("back_s."))}
    )

"""What reading a badge costs on the SPI bus, counted on the real MicroPython over the model of the chip's registers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from badgeclock.virtual import toolchain

ROOT = Path(__file__).resolve().parents[2]
ON_DEVICE = Path(__file__).with_name("reader_on_device.py")
RUN_TIMEOUT_S = 60


def measure() -> dict[str, float]:
    """Chip selects and bytes of an idle poll and of a UID of each length."""
    command = [toolchain.micropython("i386"), ON_DEVICE, ROOT / "firmware", ROOT / "tests" / "firmware"]
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{ON_DEVICE.name}: {done.stdout}{done.stderr}")
    return {f"reader.{name}": float(value) for name, value in json.loads(done.stdout).items()}

"""The memory cost of hostile answers of an authority and hostile spreadsheets, each in its own process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.host.test_memory_limits import MEASURE

ROOT = Path(__file__).resolve().parents[2]
INPUTS: Final = {
    "answers": ("elements", "attributes", "attributes_of_many", "depth", "brackets"),
    "styles": ("styles", "attributes_of_a_row", "texts"),
}


def measure() -> dict[str, float]:
    """The maximum additional memory for one of each kind, MB."""
    return {f"attack.bridge_rss_mb.{kind}": max(map(_megabytes, names)) for kind, names in INPUTS.items()}


def _megabytes(name: str) -> float:
    command = [sys.executable, "-c", MEASURE.format(name=name)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[1])

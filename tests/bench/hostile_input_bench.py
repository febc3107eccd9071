"""What hostile answers of an authority and hostile spreadsheets cost in memory, each in its own process."""

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
    """The most that one of each kind takes beyond what the process had before, MB."""
    return {f"attack.bridge_rss_mb.{kind}": max(map(_megabytes, names)) for kind, names in INPUTS.items()}


def _megabytes(name: str) -> float:
    command = [sys.executable, "-c", MEASURE.format(name=name)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[1])

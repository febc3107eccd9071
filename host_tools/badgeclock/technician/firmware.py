"""The files that make a clock's firmware, as they lie on its littlefs.

Everything but the two entry points is compiled by mpy-cross, without `-march`: bytecode that runs on any port, an
ESP32 and the unix port alike. `boot.py` and `main.py` stay source, because MicroPython starts those names as source
only.

The firmware hash tells which firmware made a record (docs/protocol.md §2, BOOT and UPDATE): the first 8 bytes of
SHA-256 over the sorted lines "path sha256\\n" of all these files.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Final

from badgeclock.errors import ProvisionError
from badgeclock.virtual import toolchain
from badgeclock.virtual.toolchain import ROOT

FIRMWARE_HASH_BYTES: Final = 8
MANIFEST_PATH: Final = "/firmware.json"
ENTRY_POINTS: Final = ("boot.py", "main.py")

_CACHE: Final = ROOT / "build" / "firmware"


@dataclass(frozen=True)
class Firmware:
    """A clock's firmware: content by path on the clock, /firmware.json included, and its hash (16 hex digits)."""

    files: Mapping[str, bytes]
    hash: str

    @property
    def size_bytes(self) -> int:
        """All files together."""
        return sum(map(len, self.files.values()))


def build(board: str = "esp32_devkit") -> Firmware:
    """Compile the firmware for `board`. Raises ProvisionError with mpy-cross's words if a file does not compile.

    Compiled files are kept under build/firmware by the hash of what they were made from; nothing else is.
    """
    files: dict[str, bytes] = {}
    for path, source in sorted(_sources(board).items()):
        if PurePosixPath(path).name in ENTRY_POINTS and path.count("/") == 1:
            files[path] = source.read_bytes()
        else:
            files[str(PurePosixPath(path).with_suffix(".mpy"))] = _compiled(source, path.lstrip("/"))
    digest = firmware_hash(files)
    files[MANIFEST_PATH] = json.dumps({"hash": digest}).encode() + b"\n"
    return Firmware(files, digest)


def firmware_hash(files: Mapping[str, bytes]) -> str:
    """The firmware hash of `files` (content by absolute path on the clock), 16 hex digits."""
    lines = "".join(f"{path} {hashlib.sha256(data).hexdigest()}\n" for path, data in sorted(files.items()))
    return hashlib.sha256(lines.encode()).digest()[:FIRMWARE_HASH_BYTES].hex()


def _sources(board: str) -> dict[str, Path]:
    """The source file of each path on the clock (`.py` in both)."""
    firmware = ROOT / "firmware"
    board_file = ROOT / "boards" / board / "board.py"
    sources = {f"/{name}": firmware / name for name in ENTRY_POINTS}
    sources["/board.py"] = board_file
    sources["/lib/umqtt/simple.py"] = toolchain.umqtt_dir() / "umqtt" / "simple.py"
    for package in ("app", "drivers"):
        sources |= {f"/{package}/{path.name}": path for path in (firmware / package).glob("*.py")}
    for source in sources.values():
        if not source.is_file():
            raise ProvisionError(
                what=f"{source} is missing",
                kept="everything as it was",
                do="name a board of the boards/ folder, and use a complete checkout",
            )
    return sources


def _compiled(source: Path, name: str) -> bytes:
    """The bytecode of `source`, whose tracebacks call it `name`."""
    text = source.read_bytes()
    key = hashlib.sha256(f"{version('mpy-cross')}\n{name}\n".encode() + text).hexdigest()
    kept = _CACHE / f"{key}.mpy"
    try:
        return kept.read_bytes()
    except FileNotFoundError:
        pass
    _CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_CACHE) as work:
        target = Path(work) / "out.mpy"
        command = [*toolchain.mpy_cross(), "-s", name, "-o", str(target), str(source)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            words = " ".join((run.stderr or run.stdout).split())
            raise ProvisionError(
                what=f"mpy-cross does not compile {source}: {words}",
                kept="everything as it was",
                do="correct the file; `make test` compiles every one",
            )
        bytecode = target.read_bytes()
        target.replace(kept)  # in one step: of two builds at once, each reads a whole file
    return bytecode

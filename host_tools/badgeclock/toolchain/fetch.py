"""Completes the toolchain: MicroPython, Mosquitto, PostgreSQL, Chromium, promtool, micropython-lib, drivers.

Runs before anything is installed (`python3 host_tools/badgeclock/toolchain/fetch.py`), on the standard library alone,
as root or not, on Debian 12 and 13. From any source, a program ends up at one fixed place:

    .toolchain/bin/{micropython,micropython-i386,mosquitto,mosquitto_pub,mosquitto_sub,postgres,initdb}    wrappers
    .toolchain/bin/chromium-headless-shell    the same, for the tests of the console's pages
    .toolchain/bin/promtool    the same, for the test of the alerting rules
    .toolchain/micropython-lib/{umqtt/simple.py,urequests.py}
    .toolchain/reader-drivers/{mfrc522,pirc522,python_rfid}    third-party MFRC522 drivers, for the tests of the chip
    .toolchain/manifest.json    what was fetched, with sha256

An installed wheel fetches its programs in the same way, on first use, into the user's cache (programs.py).

Programs come from PATH when they are new enough, else from Debian's packages: apt itself downloads and verifies them
under a private configuration (signed Release, hashed index, hashed package), they are unpacked into `.toolchain` and
started through their own loader, so the system is not touched. `BADGECLOCK_TOOLCHAIN` names another folder.
"""

from __future__ import annotations

import fcntl
import sys
import tempfile
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

if __name__ == "__main__":  # run as a script: the package is not installed, and this folder must not shadow the library
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from badgeclock.errors import ToolMissing
from badgeclock.toolchain.debian import Debian
from badgeclock.toolchain.manifest import Manifest, Piece
from badgeclock.toolchain.pins import (
    CHROMIUM,
    MICROPYTHON,
    MICROPYTHON_LIB,
    MOSQUITTO,
    POSTGRESQL,
    PROMTOOL,
    READER_DRIVERS,
)
from badgeclock.toolchain.places import toolchain_dir
from badgeclock.toolchain.python_index import get_archives
from badgeclock.toolchain.wrappers import get_programs


def fetch(say: Callable[[str], None] = print, wanted: Container[str] | None = None) -> list[ToolMissing]:
    """Complete the toolchain, or its pieces by the names in `wanted`; returns what could not be fetched.

    Does nothing if the manifest has each piece with today's pins. Pieces are independent: a failure does not affect the
    others. `say` gets a line per piece. Concurrent calls wait for each other.
    """
    folder = toolchain_dir()
    folder.mkdir(parents=True, exist_ok=True)
    failures: list[ToolMissing] = []
    with _locked(folder / "lock"), tempfile.TemporaryDirectory(prefix="apt-", dir=folder) as work:
        manifest = Manifest(folder)
        for piece in _pieces(Debian(Path(work))):
            if (wanted is not None and piece.name not in wanted) or manifest.has(piece):
                continue
            try:
                manifest.record(piece, piece.get(folder))
            except ToolMissing as error:
                failures.append(error)
            else:
                say(f"{piece.name}: {manifest.summary(piece)}")
    return failures


def _pieces(debian: Debian) -> Iterator[Piece]:
    for tree in (MICROPYTHON["amd64"], MICROPYTHON["i386"], MOSQUITTO, POSTGRESQL, CHROMIUM, PROMTOOL):
        pins: list[object] = [tree.arch, tree.packages, sorted(tree.programs.items())]
        pins += [tree.share, tree.without] if tree.share else []
        pins += [tree.libraries, tree.arguments] if tree.finds_itself else []
        results = tuple(f"bin/{name}" for name in tree.programs)
        yield Piece(tree.name, pins, results, partial(get_programs, tree, debian))
    for name, archives in (("micropython-lib", MICROPYTHON_LIB), ("reader-drivers", READER_DRIVERS)):
        results = tuple(f"{name}/{target}" for archive in archives for target in archive.files.values())
        yield Piece(name, [asdict(archive) for archive in archives], results, partial(get_archives, name, archives))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Fetch what is missing; one sentence on standard error for each piece that could not be fetched."""
    failures = fetch()
    for failure in failures:
        print(failure, file=sys.stderr)
    return ToolMissing.exit_code if failures else 0


if __name__ == "__main__":
    sys.exit(main())

"""Keeps a release as an archive, and brings it back to life beside this version.

The archive is git's own of a commit, so that the same commit gives the same bytes. What is unpacked is in build/,
because a release compiles its firmware the first time, as it does in a checkout.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import lzma
import os
import re
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from badgeclock.toolchain import places

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = Path(__file__).parent
ARCHIVE: Final = "product.tar.xz"
PARTS: Final = ("host_tools/badgeclock", "firmware", "boards")
VERSION_FILE: Final = "host_tools/badgeclock/__init__.py"
_VERSION: Final = re.compile(r'^__version__ = "([0-9.]+)"$', re.MULTILINE)

# Runs commands one after another as `badgeclock` does, in one process; all it knows of a release is where main is.
_RUNNER: Final = """
import json, pathlib, sys
import badgeclock
from badgeclock.cli.main import main
root, commands = json.load(sys.stdin)
assert pathlib.Path(badgeclock.__file__).is_relative_to(root), badgeclock.__file__
for arguments in commands:
    sys.argv = ["badgeclock", *arguments]
    try:
        main()
    except SystemExit as end:
        if end.code:
            sys.exit(f"badgeclock {' '.join(arguments)}: exit code {end.code}")
"""


@dataclass(frozen=True)
class Release:
    """A version that can run. `root` is its checkout, or what was unpacked of one."""

    version: str
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process of it needs to run its own code, with the packages and the toolchain of this checkout."""
        return {
            "PYTHONPATH": str(self.root / "host_tools"),
            "BADGECLOCK_TOOLCHAIN": str(places.toolchain_dir().resolve()),
        }

    def command(self, *arguments: str | Path) -> list[str]:
        """The command line of `badgeclock`; for a process with `environment`."""
        return [sys.executable, "-m", "badgeclock.cli.main", *map(str, arguments)]

    def run(self, *commands: list[str | Path], folder: Path) -> str:
        """Run commands of `badgeclock` in a folder, one after another; gives what they print. Fails as they do."""
        asked = json.dumps([str(self.root / "host_tools"), [list(map(str, command)) for command in commands]])
        done = subprocess.run(
            [sys.executable, "-c", _RUNNER],
            input=asked,
            cwd=folder,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"release {self.version}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def ask(self, *arguments: str | Path, folder: Path) -> Any:
        """The JSON object in the last line that one command prints."""
        return json.loads(self.run(list(arguments), folder=folder).splitlines()[-1])


def present() -> Release:
    """This checkout."""
    (version,) = _VERSION.findall((ROOT / VERSION_FILE).read_text())
    return Release(version, ROOT)


def last() -> Release:
    """The newest release that is kept, unpacked."""
    version = max((path.parent.name for path in FOLDER.glob(f"*/{ARCHIVE}")), key=_numbers)
    content = (FOLDER / version / ARCHIVE).read_bytes()
    root = ROOT / "build" / "releases" / f"{version}-{hashlib.sha256(content).hexdigest()[:16]}"
    root.mkdir(parents=True, exist_ok=True)
    done = root / "unpacked"
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            with tarfile.open(fileobj=io.BytesIO(content), mode="r:xz") as archive:
                archive.extractall(root, filter="data")
            done.touch()
    return Release(version, root)


def keep(revision: str = "HEAD") -> Path:
    """Write the archive of a commit into the folder of its version. Refuses to replace another one."""
    (version,) = _VERSION.findall(_git("show", f"{revision}:{VERSION_FILE}").decode())
    content = lzma.compress(_git("archive", "--format=tar", revision, *PARTS), preset=9 | lzma.PRESET_EXTREME)
    path = FOLDER / version / ARCHIVE
    if path.exists() and path.read_bytes() != content:
        raise SystemExit(f"{path} is there already, of another commit, and a release is never changed")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]

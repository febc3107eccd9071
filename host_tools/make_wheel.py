"""Builds the wheel from the checkout: `python host_tools/make_wheel.py FOLDER`; the same files give the same bytes.

setuptools includes remains of earlier builds in a wheel, and file modes by the machine's umask. So it runs on a copy of
the files that git tracks or would add, with the date of the last commit. It uses the locked packages of .venv; nothing
is fetched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PIP_WHEEL = (
    *(sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel"),
    *("-q", "--no-deps", "--no-build-isolation", "--no-index"),
)
TAKEN = ("host_tools", "firmware", "boards", "pyproject.toml", "README.md", "LICENSE")


def build(folder: Path) -> Path:
    """The wheel, written into `folder`. Raises CalledProcessError with the build's output on standard error."""
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *TAKEN).split("\0")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="badgeclock-wheel-") as work:
        copy, out = Path(work) / "badgeclock", Path(work) / "out"
        for name in filter(None, listed):
            if (ROOT / name).is_file():  # not deleted but uncommitted ones
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, copy / name)
                (copy / name).chmod(0o755 if os.access(ROOT / name, os.X_OK) else 0o644)
        subprocess.run(
            [*PIP_WHEEL, "-w", out, copy],
            env={
                "BADGECLOCK_TOOLCHAIN": str(ROOT / ".toolchain"),
                "BADGECLOCK_CACHE": str(ROOT / "build"),
                **os.environ,
                "SOURCE_DATE_EPOCH": date(),
            },
            check=True,
            umask=0o022,
        )
        (made,) = out.glob("*.whl")
        return Path(shutil.copy(made, folder))


def date() -> str:
    """`SOURCE_DATE_EPOCH`, else the date of the last commit, in seconds since 1970."""
    return os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct").strip()


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))

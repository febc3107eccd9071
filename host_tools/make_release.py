"""Makes the files of a release: `python host_tools/make_release.py FOLDER RELEASE_ENVIRONMENT`; `make release`.

FOLDER gets the wheel, the firmware packages, the lists of what is inside, the notes, and SHA256SUMS over them. The same
commit gives the same bytes. The image of MicroPython is not among them: it is built in a container (RELEASING.md).
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import make_sbom
import make_wheel
from badgeclock import __version__
from badgeclock.technician import firmware, firmware_package

ROOT = Path(__file__).resolve().parents[1]
CARRIED = "badgeclock/product/compiled/"
SUMS = "SHA256SUMS"


def make(folder: Path, environment: Path) -> None:
    """Write the files into `folder`, which is emptied."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with zipfile.ZipFile(make_wheel.build(folder)) as wheel:
        for name in wheel.namelist():
            if name.startswith(CARRIED):
                package = folder / name.removeprefix(CARRIED)
                package.write_bytes(wheel.read(name))
    date = make_wheel.date()
    default = folder / firmware_package.name("esp32_devkit", firmware.DEFAULT_DISPLAY)
    (folder / "bridge.cdx.json").write_text(make_sbom.of_bridge(environment, date))
    (folder / "firmware.cdx.json").write_text(make_sbom.of_firmware(environment, sha256(default), date))
    (folder / "NOTES.md").write_text(notes(environment))
    sums = [f"{sha256(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / SUMS).write_text("".join(sums))


def notes(environment: Path) -> str:
    """The section of this version in CHANGELOG.md, or the draft of one while there is none."""
    page = (ROOT / "CHANGELOG.md").read_text()
    section = re.search(rf"^## {re.escape(__version__)}\b.*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    if section is not None:
        return section[0].strip() + "\n"
    draft = subprocess.run(
        [environment / "bin" / "towncrier", "build", "--draft", "--version", __version__, "--date", "not released yet"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
    ).stdout  # fmt: skip
    return draft[draft.index("## ") :].strip() + "\n"


def sha256(path: Path) -> str:
    """In hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
    print((Path(sys.argv[1]) / SUMS).read_text(), end="")

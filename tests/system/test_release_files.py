"""The output of `make release`: the same bytes twice, and correct lists of contents."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import make_sbom
from badgeclock import __version__
from badgeclock.toolchain import places

ROOT = Path(__file__).resolve().parents[2]


def test_the_bridges_list_has_what_its_extra_brings_and_nothing_of_the_others() -> None:
    inside = make_sbom.closure(Requirement("badgeclock[bridge]"))
    assert {"zeep", "sqlalchemy", "greenlet", "cryptography", "cffi", "typer"} <= inside
    assert not inside & {"esptool", "mpremote", "pyserial", "pillow", "python-multipart", "badgeclock", "pytest"}


def released(checkout: Path, umask: int, zone: str) -> dict[str, str]:
    """What a clone of this commit makes: the sum of each file of `make release` and `make deb`, by its name."""
    subprocess.run(["git", "clone", "-q", ROOT, checkout], check=True, umask=umask)
    environment = {**os.environ, "TZ": zone, "BADGECLOCK_TOOLCHAIN": str(places.toolchain_dir())}
    for target in ("release", "deb"):
        subprocess.run(["make", target], cwd=checkout, env=environment, check=True, umask=umask)
    made = [*(checkout / "build" / "release").iterdir(), *(checkout / "build" / "deb").iterdir()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in made}


@pytest.mark.torture
@pytest.mark.timeout(3000)
def test_two_clones_of_one_commit_release_the_same_files(tmp_path: Path) -> None:
    """At different paths, by different umasks and time zones. Needs the network for what a release is made with."""
    first, second = tmp_path / "one", tmp_path / "in a longer place" / "two"
    second.parent.mkdir()
    sums = released(first, 0o022, "UTC")
    assert sums == released(second, 0o077, "Asia/Tokyo")
    assert f"badgeclock-{__version__}-py3-none-any.whl" in sums
    assert f"badgeclock-bridge_{__version__}_trixie_amd64.deb" in sums
    firmware_packages = [name for name in sums if name.startswith("badgeclock-firmware-")]
    assert len(firmware_packages) == len(list((ROOT / "boards").glob("*/fronts/*.py")))
    for name, part in (("bridge", "sqlalchemy"), ("firmware", "micropython")):
        made = json.loads((first / "build" / "release" / f"{name}.cdx.json").read_text())
        assert made["metadata"]["component"]["version"] == __version__
        assert part in {component["name"] for component in made["components"]}

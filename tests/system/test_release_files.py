"""The output of `make release`: the same bytes twice, and correct lists of contents."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import make_sbom
from badgeclock import __version__

ROOT = Path(__file__).resolve().parents[2]


def test_the_bridges_list_has_what_its_extra_brings_and_nothing_of_the_others() -> None:
    inside = make_sbom.closure(Requirement("badgeclock[bridge]"))
    assert {"zeep", "sqlalchemy", "greenlet", "cryptography", "cffi", "typer"} <= inside
    assert not inside & {"esptool", "mpremote", "pyserial", "pillow", "python-multipart", "badgeclock", "pytest"}


@pytest.mark.torture
def test_two_releases_of_one_commit_are_the_same_files() -> None:
    """Needs the network for the environment in which a release is made."""
    sums = []
    for _ in range(2):
        subprocess.run(["make", "release"], cwd=ROOT, check=True)
        sums.append((ROOT / "build" / "release" / "SHA256SUMS").read_text())
    assert sums[0] == sums[1]
    assert f"badgeclock-{__version__}-py3-none-any.whl" in sums[0]
    assert sums[0].count("badgeclock-firmware-") == len(list((ROOT / "boards").glob("*/fronts/*.py")))
    for name, part in (("bridge", "sqlalchemy"), ("firmware", "micropython")):
        made = json.loads((ROOT / "build" / "release" / f"{name}.cdx.json").read_text())
        assert made["metadata"]["component"]["version"] == __version__
        assert part in {component["name"] for component in made["components"]}

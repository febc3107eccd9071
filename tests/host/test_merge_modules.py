"""Modules that a clock always has become one, and nothing of theirs is mixed up."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from badgeclock.errors import ProvisionError
from badgeclock.technician import firmware
from badgeclock.technician.merge_modules import Part, distinct, merge
from badgeclock.technician.short_names import shorten
from badgeclock.toolchain import programs

HOUSE = {
    "a.py": """\
import time

_SIZE = const(4)
_kept = []


def _note(what):
    _kept.append(what)


class Tank:
    def fill(self):
        _note(7)
        return _SIZE, len(_kept)
""",
    "b.py": """\
import time
import a as tanks
from a import (
    Tank,
)

_SIZE = const(5)
_kept = 0


def _note():
    global _kept
    _kept += 1


class Lake(Tank):
    def size(self):
        from a import Tank

        _note()
        return _SIZE, _kept, tanks.Tank is Tank
""",
    "c.py": """\
from b import Lake
import a as first

lake = Lake()
print(lake.fill(), lake.size(), first.Tank().fill())
""",
}
BUNDLES = {"whole.py": ["b.py", "a.py"]}


def test_a_bundle_does_what_its_modules_did(tmp_path: Path) -> None:
    apart = distinct(HOUSE, BUNDLES)
    merged, parts = merge(shorten(apart, "", BUNDLES), BUNDLES)
    assert set(merged) == {"c.py", "whole.py"}
    lines = HOUSE["a.py"].rstrip().count("\n") + 1
    assert parts == {
        "whole.py": [Part("a.py", 1, lines), Part("b.py", lines + 1, HOUSE["b.py"].rstrip().count("\n") + 1)]
    }
    for name, text in merged.items():
        (tmp_path / name).with_suffix(".mpy").write_bytes(firmware.compiled(name, text))
    run = subprocess.run(
        [programs.micropython("i386"), "-c", "import c"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.stdout == "(4, 1) (5, 1, True) (4, 2)\n", run.stderr


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"b.py": "def fill(): pass\n", "a.py": "fill = 4\n"}, "both something called fill"),
        ({"b.py": "import a as other\n", "a.py": "import b as other\n"}, "one another in a circle"),
        ({"c.py": "import a\n"}, "write from package import module"),
        ({"c.py": "load('a')\n"}, "always in memory"),
    ],
)
def test_what_cannot_be_merged_is_refused(more: dict[str, str], why: str) -> None:
    with pytest.raises(ProvisionError, match=why):
        merge({"a.py": "", "b.py": "", **more}, BUNDLES)


def test_a_function_that_hides_a_name_of_its_module_is_refused() -> None:
    sources = {"a.py": "_kept = 1\n\n\ndef f():\n    _kept = 2\n    return _kept\n", "b.py": "_kept = 3\n"}
    with pytest.raises(ProvisionError, match="for its own"):
        distinct(sources, BUNDLES)

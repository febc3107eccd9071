"""The tests that `make check` selects."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests import check

SOURCES = {
    "tests/host/bridge/test_gate.py": "from badgeclock.bridge.gate import Gate\n",
    "tests/host/bridge/test_people.py": "from tests.host.bridge.world import World\n",
    "tests/host/bridge/world.py": "from badgeclock.bridge import people\n",
    "tests/host/test_protocol.py": "import json\nVECTORS = 'record.json'\n",
    "tests/host/test_docs.py": "",
    "tests/system/test_memory.py": "from badgeclock.bridge import people\nfrom badgeclock.bridge.gate import Gate\n",
    "tests/firmware/test_clock.py": "def test_x():\n    from modelled_time import run\n    from app import clock\n",
    "tests/firmware/modelled_time.py": "import time\n",
}


@pytest.mark.parametrize(
    ("changed", "touched"),
    [
        ("host_tools/badgeclock/bridge/gate.py", ["tests/host/bridge/test_gate.py"]),
        ("host_tools/badgeclock/bridge/people.py", ["tests/host/bridge/test_people.py"]),
        ("host_tools/badgeclock/bridge/__init__.py", ["tests/host/bridge/test_people.py"]),
        ("host_tools/badgeclock/bridge/backup.py", []),
        ("tests/host/bridge/world.py", ["tests/host/bridge/test_people.py"]),
        ("tests/host/bridge/test_people.py", ["tests/host/bridge/test_people.py"]),
        ("tests/system/test_memory.py", ["tests/system/test_memory.py"]),
        ("tests/firmware/modelled_time.py", ["tests/firmware/test_clock.py"]),
        ("firmware/app/clock.py", ["tests/firmware/test_clock.py"]),
        ("firmware/app/ui/clock.py", ["tests/firmware/test_clock.py"]),
        ("firmware/drivers/clock.py", []),
        ("tests/vectors/record.json", ["tests/host/test_protocol.py"]),
        ("docs/protocol.md", ["tests/host/test_docs.py"]),
        ("tests/host/test_that_is_gone.py", []),
    ],
)
def test_a_change_touches_what_imports_it_or_reads_it(changed: str, touched: list[str]) -> None:
    assert check.touched([changed], SOURCES) == touched


def test_what_is_always_run_exists(root: Path) -> None:
    for name in check.ALWAYS:
        path, _, function = name.partition("::")
        assert f"def {function or 'test_'}" in (root / path).read_text()


def test_no_test_begins_when_the_time_is_over_but_those_of_the_gates(tmp_path: Path, root: Path) -> None:
    (tmp_path / "tests").mkdir()
    for name in ("test_gates.py", "test_late.py"):
        (tmp_path / "tests" / name).write_text("def test_it():\n    raise AssertionError\n")
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "tests.check",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(tmp_path),
            tmp_path,
        ],
        cwd=root,
        env={"PATH": "", check.UNTIL: str(time.time() - 1)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 1 skipped" in run.stdout, run.stdout + run.stderr
    assert "tests/test_gates.py::test_it" in run.stdout.rpartition("FAILED")[2]

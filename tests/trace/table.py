"""The traced modules beside the way that README.md shows."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.trace import clock_notes

ROOT: Final = Path(__file__).resolve().parents[2]
HERE: Final = Path(__file__).parent
TIMEOUT_S: Final = 540.0
_WAY: Final = re.compile(r"## The way a punch takes\n+```\n(.*?)```", re.DOTALL)
_ROOM: Final = re.compile(r"\b(?:app|drivers|bridge|authorities)(?:/\w+)+")


@dataclass(frozen=True)
class Trace:
    """Modules in the order of their first use, `clock` by path in firmware/ and `bridge` by path in the package."""

    clock: tuple[str, ...]
    bridge: tuple[str, ...]
    idle: frozenset[str]
    """Modules that run without badges, too."""

    def met(self, named: str) -> str | None:
        """The first module that a name of README.md stands for: the module itself, or one of the room."""
        for module in (*self.clock, *self.bridge):
            if module == named or module.startswith(f"{named}/"):
                return module
        return None


def way_by_names() -> list[str]:
    """The modules and rooms that README.md names on the way of a punch, in its order."""
    found = _WAY.search((ROOT / "README.md").read_text())
    assert found is not None, "README.md has no drawing under 'The way a punch takes'"
    return list(dict.fromkeys(_ROOM.findall(found[1])))


def trace() -> Trace:
    """One punch on its own stack. Raises RuntimeError with the stack's output, if it does not complete."""
    with tempfile.TemporaryDirectory(prefix="badgeclock-trace-") as folder:
        copy, traces = Path(folder) / "checkout", Path(folder) / "traces"
        traces.mkdir()
        names = clock_notes.copy_of(ROOT, copy)
        shutil.copytree(ROOT / "tests" / "trace", copy / "tests" / "trace")
        (copy / "tests" / "__init__.py").touch()
        environment = {
            **os.environ,
            "BADGECLOCK_TOOLCHAIN": os.environ.get("BADGECLOCK_TOOLCHAIN") or str(ROOT / ".toolchain"),
            "BADGECLOCK_TRACE": str(traces),
            "PYTHONPATH": os.pathsep.join(map(str, (copy / "host_tools", copy, HERE / "python_start"))),
        }
        (traces / "phase").write_text("start")
        run = subprocess.run(
            [sys.executable, "-m", "tests.trace.run", json.dumps(names)],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if run.returncode != 0:
            raise RuntimeError(f"the traced punch did not come to its end:\n{run.stderr}{run.stdout}")
        phases = json.loads(run.stdout)
        idle = frozenset((*phases["idle"]["clock"], *phases["idle"]["bridge"]))
        return Trace(tuple(phases["punch"]["clock"]), tuple(phases["punch"]["bridge"]), idle)


def lines(found: Trace) -> list[str]:
    """The table: each module that ran, in order, and its name in README.md."""
    named = way_by_names()
    rows: list[str] = []
    for where, modules in (("clock", found.clock), ("bridge", found.bridge)):
        rows += ["", f"{where}: modules by first use, from the badge until the reception number is on the display", ""]
        for place, module in enumerate(modules, start=1):
            fits = [name for name in named if module == name or module.startswith(f"{name}/")]
            also = "also when idle" if module in found.idle else ""
            rows.append(f"{place:>4}  {module:<42} {', '.join(fits):<24} {also}".rstrip())
    rows += ["", "README.md's way, by file names:", ""]
    rows += [f"      {name:<42} {found.met(name) or 'NOT RUN THROUGH'}" for name in named]
    return rows


def print_table() -> None:
    """Trace a punch and print the table."""
    print("\n".join(lines(trace())))

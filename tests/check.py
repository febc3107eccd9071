"""`make check`: an answer in two minutes. The gates, one way of a punch, and the tests that a change touches.

A test is touched if its file changed, or if it imports a module that changed, itself or through other modules of the
tests. Of the system's tests only those whose own file changed: they import nearly everything. When the two minutes are
over no further test begins; those are listed as skipped, and `make test` runs them.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
LIMIT_S: Final = 120.0
ALWAYS: Final = (
    "tests/test_gates.py",
    "tests/system/test_way_of_a_punch.py::test_every_badge_of_the_demo_comes_to_its_end_on_the_display_and_in_the_store",
)
NOT_BY_IMPORT: Final = ("tests/system/", "tests/bench/", "tests/torture/")
TEXTS: Final = "tests/host/test_docs.py"
UNTIL: Final = "BADGECLOCK_CHECK_UNTIL"
"""In the environment of the tests: the Unix time after which none begins."""


def module_names(path: str) -> set[str]:
    """The module name of a file for imports. A module of the firmware's rooms may be flat on the clock."""
    parts = PurePosixPath(path).with_suffix("").parts
    if parts[-1] == "__init__":
        parts = parts[:-1]
    if parts[0] in {"host_tools", "firmware"}:
        name = parts[1:]
        flat = {f"{name[0]}.{name[-1]}"} if parts[0] == "firmware" and len(name) > 2 else set()
        return {".".join(name)} | flat
    return {parts[-1], ".".join(parts)} if parts[:2] == ("tests", "firmware") else {".".join(parts)}


def imports(source: str) -> set[str]:
    """Every module that a source may import, also those of a package that it names one by one."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def touched(changed: Iterable[str], sources: Mapping[str, str]) -> list[str]:
    """The files of tests that a change touches. `changed`: paths from the checkout's root; `sources`: the text of every
    Python file in tests/, by such a path.
    """
    changed = set(changed)
    names = {name for path in changed if path.endswith(".py") for name in module_names(path)}
    imported = {path: imports(source) for path, source in sources.items()}
    reached = {path for path in sources if path in changed}
    while new := {path for path in sources if path not in reached and imported[path] & names}:
        reached |= new
        names = {name for path in new for name in module_names(path)}
    data = {PurePosixPath(path).name for path in changed if not path.endswith(".py")}
    reached |= {path for path, source in sources.items() if any(name in source for name in data)}
    if any(path.endswith(".md") for path in changed):
        reached |= {TEXTS} & set(sources)
    return sorted(
        path
        for path in reached
        if PurePosixPath(path).name.startswith("test_") and (path in changed or not path.startswith(NOT_BY_IMPORT))
    )


def changes() -> list[str]:
    """What differs from where this branch left main, committed or not; on main itself, without a change, what the last
    commit changed.
    """

    def git(*arguments: str) -> list[str]:
        run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return run.stdout.split("\n")[:-1] if run.returncode == 0 else []

    left = [*git("merge-base", "main", "HEAD"), "HEAD"][0]
    new = git("ls-files", "--others", "--exclude-standard")
    found = [*git("diff", "--name-only", left), *new] or git("diff", "--name-only", "HEAD~1", "HEAD")
    return sorted(path for path in found if path)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """No test begins when the time is over."""
    if time.time() > float(os.environ.get(UNTIL, "inf")) and not item.nodeid.startswith(ALWAYS[0]):
        pytest.skip("the two minutes are over; `make test` runs it")


def main() -> int:
    """Run the tests; pytest's status."""
    sources = {str(path.relative_to(ROOT)): path.read_text() for path in sorted((ROOT / "tests").rglob("*.py"))}
    changed = changes()
    chosen = [path for path in touched(changed, sources) if (ROOT / path).exists() and path not in ALWAYS]
    print(f"{len(changed)} files changed; they touch {', '.join(chosen) or 'no test'}", flush=True)
    selection = ["-m", "not torture and not bench", "-k", "not (firmware and (amd64 or i386-mpy))"]
    command = [sys.executable, "-m", "pytest", "-q", "-n", "4", "--dist", "loadfile", "-p", "tests.check", *selection]
    environment = {**os.environ, UNTIL: str(time.time() + LIMIT_S)}
    return subprocess.run([*command, *ALWAYS, *chosen], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

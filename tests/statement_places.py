"""Where the product executes statements on the bridge's store, and which of those places a run of the tests never ran.

A place is a call, such as `connection.execute(…)`, of a module in `ROOMS`. Its code lists it (`places`); the watch of
the plans notes each one that ran (`note`), and has the plan of each statement that was executed there. With
`--every-statement`, pytest compares the two when all tests have ended, those of its workers together: a place that no
test ran fails the run, and so does a statement from a place that the code's list lacks. `make test` has the option: it
is for a run of all tests.

Not seen: a second form of a statement at one place, which counts once; a statement that another function executes,
which is that function's place; on which of the two databases a place ran, one is enough; and what a process that a
test started runs.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from types import CodeType
from typing import Final, NamedTuple

PACKAGE: Final = Path(__file__).resolve().parents[1] / "host_tools" / "badgeclock"
ROOMS: Final = ("bridge/", "console/", "evidence/")
OPTION: Final = "--every-statement"
EXECUTING: Final = frozenset(
    {
        "execute",
        "exec_driver_sql",
        "executemany",
        "executescript",
        "create_all",
        "has_table",
        "get_columns",
        "get_table_names",
    }
)
"""Names of methods that execute a statement. `Result.scalars` and `Result.scalar` only read what came of one."""
ELSEWHERE: Final = {
    "bridge/store/database.py": "the rows that go past SQLAlchemy, whose plans have tests of their own; and settings",
    "bridge/store/migrations/": "run once for each store; tests/host/bridge/store/test_stored.py runs them all",
}
"""Files and folders where the watch of the plans does not look, and why that is right."""
BY_THE_DRIVER: Final = {
    "bridge/operations/backup.py:_copy_sqlite": "a setting of a file that was copied",
    "bridge/store/changes.py:_place": "SQLite's and PostgreSQL's own counters: no table is read",
}
"""Functions that execute a statement without SQLAlchemy, and why no plan is needed."""

Position = tuple[str, int, int]
"""A call's file below `PACKAGE`, and the line and the column of its end. Its start is not the same in the code and in
a frame that runs."""


class Place(NamedTuple):
    """A call that executes a statement."""

    position: Position
    function: str
    line: int

    def __str__(self) -> str:
        return f"{self.position[0]}:{self.line} ({self.function})"


def places() -> dict[Position, Place]:
    """All of the product's."""
    return {
        place.position: place
        for room in ROOMS
        for path in sorted((PACKAGE / room).rglob("*.py"))
        if not (file := path.relative_to(PACKAGE).as_posix()).startswith(tuple(ELSEWHERE))
        for place in places_of(file, path.read_text(encoding="utf-8"))
    }


def places_of(file: str, code: str) -> Iterator[Place]:
    """Those of a file with this code."""
    yield from _within(file, ast.parse(code), "the module itself")


def _within(file: str, node: ast.AST, function: str) -> Iterator[Place]:
    for below in ast.iter_child_nodes(node):
        named = isinstance(below, ast.FunctionDef | ast.AsyncFunctionDef)
        if isinstance(below, ast.Call) and isinstance(below.func, ast.Attribute) and below.func.attr in EXECUTING:
            assert below.end_lineno is not None
            assert below.end_col_offset is not None
            line = below.func.end_lineno or below.lineno
            yield Place((file, below.end_lineno, below.end_col_offset), function, line)
        yield from _within(file, below, below.name if named else function)


_ran: set[tuple[CodeType, int]] = set()


def note(code: CodeType, instruction: int) -> None:
    """The product executes a statement at this instruction, a frame's `f_lasti`."""
    _ran.add((code, instruction))


def ran() -> set[Position]:
    """The positions that were noted in this process."""
    return {_position(code, instruction) for code, instruction in _ran}


def _position(code: CodeType, instruction: int) -> Position:
    _, end_line, _, end_column = next(islice(code.co_positions(), instruction // 2, None))
    return Path(code.co_filename).relative_to(PACKAGE).as_posix(), end_line or 0, end_column or 0


def faults(listed: dict[Position, Place], found: Collection[Position]) -> list[str]:
    """What a run says that ran the positions `found`: a line for each place that it missed or that is not listed."""
    missed = [
        f"no test runs the statement at {place}"
        for position, place in sorted(listed.items())
        if position not in found and f"{position[0]}:{place.function}" not in BY_THE_DRIVER
    ]
    unlisted = sorted(f"{file}:{line}" for file, line, _ in {*found} - listed.keys() if file.startswith(ROOMS))
    return missed + [f"a statement is executed at {place} by a call that is none of EXECUTING" for place in unlisted]

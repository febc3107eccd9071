"""A copy of the checkout whose firmware notes, on the clock's console, each module that it runs through.

Each function of `firmware/app` and `firmware/drivers` begins with a call of `drivers.trace_note.note`, which prints the
module's number the first time in every WINDOW_MS. The clock's own sources stay as they are.
"""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

WINDOW_MS: Final = 100
PARTS: Final = ("app", "drivers")
_LEFT_OUT: Final = ("app/__init__.py", "drivers/__init__.py")
_NOTE: Final = """
import time

on = False
_seen = bytearray({count})
_since = time.ticks_ms()


def note(number):
    global _since
    if not on:
        return
    now = time.ticks_ms()
    if time.ticks_diff(now, _since) > {window}:
        _since = now
        print("<trace window>")
        for at in range(len(_seen)):
            _seen[at] = 0
    if not _seen[number]:
        _seen[number] = 1
        print("<trace %d>" % number)
"""
PUNCH: Final = "app/punch"
_WINDOW: Final = re.compile(r"<trace window>")
_PRINTED: Final = re.compile(r"<trace (\d+)>")
_MACHINE_CODE: Final = frozenset({"native", "viper", "asm_thumb", "asm_xtensawin"})


def copy_of(checkout: Path, target: Path) -> list[str]:
    """Copy what a stack is started from to `target`, the firmware with its notes; gives the modules by their number.

    A module is named by its path without the end: `app/uplink`, `drivers/mfrc522`.
    """
    for folder in ("firmware", "boards", "host_tools"):
        shutil.copytree(checkout / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    firmware = target / "firmware"
    files = sorted(path for part in PARTS for path in (firmware / part).rglob("*.py"))
    files = [path for path in files if path.relative_to(firmware).as_posix() not in _LEFT_OUT]
    for number, path in enumerate(files):
        path.write_text(with_notes(path.read_text(), number))
    (firmware / "drivers" / "trace_note.py").write_text(_NOTE.format(count=len(files), window=WINDOW_MS))
    main = firmware / "main.py"
    main.write_text(f"import drivers.trace_note\n\ndrivers.trace_note.on = True\n{main.read_text()}")
    return [path.relative_to(firmware).with_suffix("").as_posix() for path in files]


def with_notes(source: str, number: int) -> str:
    """The source with a note of `number` at the start of each function that is not machine code."""
    tree = ast.parse(source)
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _MACHINE_CODE & set(_words(node))
    ]
    for function in functions:
        after = 1 if ast.get_docstring(function, clean=False) is not None else 0
        function.body.insert(after, ast.parse(f"_trace_note({number})").body[0])
    if functions:
        after = 1 if ast.get_docstring(tree, clean=False) is not None else 0
        tree.body.insert(after, ast.parse("from drivers.trace_note import note as _trace_note").body[0])
    return ast.unparse(ast.fix_missing_locations(tree))


def noted(console: str, names: list[str]) -> list[str]:
    """The modules that a piece of the clock's console names, in the order of their first use."""
    return list(dict.fromkeys(names[int(number)] for number in _PRINTED.findall(console)))


def before_punch(console: str, names: list[str]) -> str:
    """The console from the window before the one in which a punch was first made; all of it, if none was.

    The clock looks for a badge all the time, so the reader's modules were noted in an earlier window than the punch.
    """
    made = console.find(f"<trace {names.index(PUNCH)}>")
    starts = [found.start() for found in _WINDOW.finditer(console, 0, max(made, 0))]
    return console[starts[-min(2, len(starts))] :] if starts else console


def _words(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterable[str]:
    """The last word of each decorator."""
    return (ast.unparse(decorator).rpartition(".")[2] for decorator in function.decorator_list)

"""Finds the place in the source of a clock's traceback: its bytecode has no line numbers, and short names.

A traceback names module and function ("app.link", "_b"). Both are on the same line before and after names are
shortened, so building the firmware again shows the function and file. The clock stores nothing of it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

_FRAME = re.compile(r'(\s*File "([\w.]+)", line \d+, in )([\w<>]+)')


Sources = Mapping[str, Sequence[tuple[str, str, str]]]
"""By module name in tracebacks, for each of its sources: its path, its text, and its text as compiled, with the same
lines.
"""


def explained(traceback: str, sources: Sources) -> str:
    """The traceback with each frame's place in the source. A name of several functions of a module gets all of them;
    what is not in `sources` is unchanged.
    """
    return "\n".join(_line(line, sources) for line in traceback.splitlines())


def _line(line: str, sources: Sources) -> str:
    match = _FRAME.match(line)
    if match is None or match[2] not in sources:
        return line
    found = []
    for path, text, compiled in sources[match[2]]:
        names = {node.lineno: node.name for node in _functions(text)}
        found += [
            f"{path}:{node.lineno} {names.get(node.lineno, node.name)}"
            for node in _functions(compiled)
            if node.name == match[3]
        ]
    return f"{line}  ({' or '.join(found)})" if found else line


def _functions(text: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

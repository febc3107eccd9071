"""Where in the source a clock's traceback happened: its bytecode has no line numbers, and short names.

A traceback names module and function ("app.link", "_b"). Both stand on the same line before and after names are
shortened, so building the firmware again says which function of which file that is. Nothing of it is on the clock.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

_FRAME = re.compile(r'(\s*File "([\w.]+)", line \d+, in )([\w<>]+)')


Sources = Mapping[str, Sequence[tuple[str, str, str]]]
"""By module as a traceback calls it, for each source in it: its path, its text, and its text as it was compiled, line
by line the same.
"""


def explained(traceback: str, sources: Sources) -> str:
    """The traceback with each frame's place in the source. A name that stands for several functions of a module gets
    all of them; what is not in `sources` stays as it is.
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

"""Removes the docstrings of the firmware's sources, before the build chooses names.

mpy-cross drops them anyway. But a name that the sources mention is no free name for modules (name_modules.py), and a
constant that a text mentions stays a name (inline_constants.py), so a word in a docstring would decide the layout of a
clock's heap.

Lines do not move: `pass` is in the place of each docstring.
"""

from __future__ import annotations

import ast


def drop(text: str) -> str:
    """The source without its docstrings, those of attributes included."""
    lines = text.encode().split(b"\n")
    found = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    for node in sorted(found, key=lambda node: (node.lineno, node.col_offset), reverse=True):
        last = node.end_lineno or 0
        tail = lines[last - 1][node.end_col_offset :]
        lines[node.lineno - 1] = lines[node.lineno - 1][: node.col_offset] + b"pass" + tail
        for line in range(node.lineno, last):
            lines[line] = b""
    return b"\n".join(lines).decode()


def statements(text: str) -> str:
    """What the source says to the interpreter: without docstrings and comments, and with other lines."""
    return ast.unparse(ast.parse(drop(text)))

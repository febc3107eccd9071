"""Gives modules names that MicroPython's image has, which cost a clock no memory, before they are compiled.

A module that is imported leaves its name in the heap, with its package's and without, until the next start:
"app.uplink" and "uplink". The build gives the modules that only the firmware imports names of the interpreter's
(interpreter_names.py), beside the packages: `from app.uplink import Uplink` becomes `from acos import Uplink`. A module
that others import keeps its name and its place. One that opens a file beside itself finds it beside the packages.

Lines do not move. Code that cannot be renamed safely is refused, and the result is compared with its expected syntax
tree.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from badgeclock.errors import ProvisionError
from badgeclock.technician.interpreter_names import EVERYWHERE, MODULES

_PACKAGES: Final = ("app", "drivers")
_LETTERS: Final = re.compile(r"[a-z][a-z0-9]+")


def name(sources: Mapping[str, str], outside: str = "") -> dict[str, str]:
    """The sources by path ("app/clock.py", without rooms) with new module names, by their new paths. They must include
    all importers; a module mentioned in the Python text `outside` keeps its name.

    Raises ProvisionError for an import that cannot be changed.
    """
    given = names(sources, outside)
    modules = {_module(path): new for path, new in given.items()}
    named = {}
    for path, text in sources.items():
        wanted = ast.fix_missing_locations(_Renamer(modules).visit(ast.parse(text)))
        new = _renamed(path, text, modules)
        if ast.dump(ast.parse(new)) != ast.dump(wanted) or new.count("\n") != text.count("\n"):
            raise _refusal(f"other modules' names would change what {path} says")
        named[given.get(path, path.removesuffix(".py")) + ".py"] = new
    return named


def names(sources: Mapping[str, str], outside: str = "") -> dict[str, str]:
    """The new names of renamed modules, by path."""
    trees = {path: ast.parse(text, path) for path, text in sources.items()}
    words = {word for tree in trees.values() for word in _words(tree)} | {path.removesuffix(".py") for path in sources}
    free = sorted(
        (one for one in EVERYWHERE - MODULES - words if _LETTERS.fullmatch(one)), key=lambda one: (len(one), one)
    )
    called = set(re.findall(rf"\b(?:{'|'.join(_PACKAGES)})\.(\w+)", outside))
    for node in ast.walk(ast.parse(outside)):
        if isinstance(node, ast.ImportFrom) and node.module in _PACKAGES:
            called |= {alias.name for alias in node.names}
    named = sorted(
        path
        for path, text in sources.items()
        if PurePosixPath(path).parts[0] in _PACKAGES and PurePosixPath(path).stem not in called | {"__init__"}
    )
    return dict(zip(named, free, strict=False))


def _words(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        for field in ("id", "attr", "name", "arg", "asname", "module"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                yield from value.split(".")
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"\w+", node.value)


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def _renamed(path: str, text: str, modules: Mapping[str, str]) -> str:
    lines = text.encode().split(b"\n")
    changes = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            new = _import(node, modules)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in modules:
            new = repr(modules[node.value])
        elif isinstance(node, ast.Import) and any(alias.name in modules for alias in node.names):
            raise _refusal(f"{path}, line {node.lineno}: write from package import module")
        else:
            continue
        if new is not None:
            changes.append((node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0, new))
    for first, column, last, end, new in sorted(changes, reverse=True):
        tail = lines[last - 1][end:]
        lines[first - 1] = lines[first - 1][:column] + new.encode() + tail
        for line in range(first, last):
            lines[line] = b""
    return b"\n".join(lines).decode()


def _import(node: ast.ImportFrom, modules: Mapping[str, str]) -> str | None:
    """The replacement of an import, None if it stays."""
    if node.module is not None and node.module in modules:
        return ast.unparse(ast.ImportFrom(modules[node.module], node.names, node.level))
    moved = [alias for alias in node.names if f"{node.module}.{alias.name}" in modules]
    if not moved:
        return None
    return "; ".join(ast.unparse(one) for one in _split(node, modules))


def _split(node: ast.ImportFrom, modules: Mapping[str, str]) -> list[ast.stmt]:
    """`from app import a, b` as two statements: of modules that stay, and of those renamed."""
    made: list[ast.stmt] = []
    left = [alias for alias in node.names if f"{node.module}.{alias.name}" not in modules]
    if left:
        made.append(ast.ImportFrom(node.module, left, node.level))
    moved = [
        ast.alias(modules[f"{node.module}.{alias.name}"], alias.asname or alias.name)
        for alias in node.names
        if f"{node.module}.{alias.name}" in modules
    ]
    return [*made, ast.Import(moved)] if moved else made


class _Renamer(ast.NodeTransformer):
    """Makes the syntax tree that the new text must have."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = modules

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt | list[ast.stmt]:
        if node.module is not None and node.module in self._modules:
            node.module = self._modules[node.module]
            return node
        return _split(node, self._modules)

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str) and node.value in self._modules:
            node.value = self._modules[node.value]
        return node


def _refusal(what: str) -> ProvisionError:
    return ProvisionError(
        what=f"the firmware cannot be built: {what}", kept="everything as it was", do="import modules plainly"
    )

"""Flattens the rooms of the firmware's sources into one package `app`, before they are compiled.

In the source `app/log/record.py` is `app.log.record`: rooms show a reader how a punch is processed. On a clock every
package is a module, a dictionary and longer names in the heap, so the build makes `app/record.py` of it, `app.record`.
Imports, attributes of the package and texts that are a module's name are adapted.

Only names change, inside their lines, so a traceback gives the file and line of the source. Code that cannot be
flattened safely is refused, and the result is compared with its expected syntax tree.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from badgeclock.errors import ProvisionError

PACKAGE: Final = "app"

_Change = tuple[int, int, int, str]
"""Line from 1, start and end column in bytes, new text."""


def flatten(sources: Mapping[str, str]) -> dict[str, str]:
    """The sources by path ("app/log/record.py") without rooms, by their new paths ("app/record.py").

    They must include all callers. Raises ProvisionError if two modules would have one name, if a room holds code of its
    own, or if a file uses a room as anything but a part of a module's name.
    """
    homes: dict[str, str] = {}
    for path in sources:
        flat = flat_path(path)
        if flat in homes:
            raise _refusal(f"{homes[flat]} and {path} would both be {flat} on the clock", "give one another name")
        homes[flat] = path
    rooms = {PurePosixPath(path).parts[1] for path in sources if _is_in_a_room(path)}
    for room in sorted(rooms):
        if f"{PACKAGE}/{room}.py" in homes:
            raise _refusal(
                f"{homes[f'{PACKAGE}/{room}.py']} has the name of the room {PACKAGE}/{room}/",
                "give the module or the room another name",
            )
    modules = {_module(path) for path in sources}
    flattened = {}
    for path, text in sources.items():
        tree = ast.parse(text, path)
        if _is_in_a_room(path) and PurePosixPath(path).name == "__init__.py":
            if not all(_is_docstring(node) for node in tree.body):
                raise _refusal(f"{path} holds code, which the clock would not have", "move it into a module")
            continue
        flattened[flat_path(path)] = _flat_text(path, text, tree, rooms, modules)
    return flattened


def flat_path(path: str) -> str:
    """The path on the clock; `path` itself outside rooms. Raises ProvisionError below a room."""
    parts = PurePosixPath(path).parts
    if not _is_in_a_room(path):
        return path
    if len(parts) > 3:
        raise _refusal(f"{path} is deeper than a room", f"move it into a folder of {PACKAGE}/")
    return path if parts[2] == "__init__.py" else f"{PACKAGE}/{parts[2]}"


def _is_in_a_room(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return parts[0] == PACKAGE and len(parts) > 2


def _module(path: str) -> str:
    return str(PurePosixPath(path).with_suffix("")).replace("/", ".")


def _flat_name(name: str, rooms: set[str]) -> str:
    """The name on the clock of "app.log.record", or of the package "app.log"."""
    parts = name.split(".")
    return ".".join([PACKAGE, *parts[2:]]) if parts[0] == PACKAGE and parts[1:2] and parts[1] in rooms else name


def _flat_text(path: str, text: str, tree: ast.Module, rooms: set[str], modules: set[str]) -> str:
    _refuse_unsafe(path, tree, rooms, modules)
    lines = text.encode().split(b"\n")
    for line, start, end, new in sorted(_changes(tree, lines, rooms, modules), reverse=True):
        lines[line - 1] = lines[line - 1][:start] + new.encode() + lines[line - 1][end:]
    flat = b"\n".join(lines).decode()
    wanted = _Flattener(rooms, modules).visit(ast.parse(text))
    if ast.dump(ast.parse(flat)) != ast.dump(wanted):
        raise _refusal(f"flat names would change what {path} says", "write the module's name plainly, in one line")
    return flat


def _refuse_unsafe(path: str, tree: ast.Module, rooms: set[str], modules: set[str]) -> None:
    """Raise ProvisionError for names that would be undefined, or mean something else, without the rooms."""
    todo = f"import the modules: from {PACKAGE}.room import module"
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    in_room = re.compile(rf"\b{PACKAGE}\.(?:{'|'.join(sorted(rooms)) or '(?!)'})\b")
    uses = any(_is_room(node, rooms) for node in ast.walk(tree))
    for node in ast.walk(tree):
        where = f"{path}, line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.ImportFrom) and node.level:
            raise _refusal(f"{where}: a relative import", todo)
        if isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            for alias in node.names:
                if alias.name in rooms:
                    raise _refusal(f"{where}: imports the room {alias.name}", todo)
        if isinstance(node, ast.Import) and any(
            alias.name.split(".")[0] == PACKAGE and _flat_name(alias.name, rooms) == PACKAGE != alias.name
            for alias in node.names
        ):
            raise _refusal(f"{where}: imports a room", todo)
        is_bound = (isinstance(node, ast.Name) and node.id == PACKAGE and not isinstance(node.ctx, ast.Load)) or (
            isinstance(node, ast.arg) and node.arg == PACKAGE
        )
        if uses and is_bound:
            raise _refusal(f"{where}: {PACKAGE} is a name for something else", "give it another name")
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
            and node.value not in modules
            and in_room.search(node.value)
        ):
            raise _refusal(f"{where}: a text names a room and is no module's name", "name the module, and nothing else")


def _is_room(node: ast.AST, rooms: set[str]) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == PACKAGE
        and node.attr in rooms
    )


def _changes(tree: ast.Module, lines: list[bytes], rooms: set[str], modules: set[str]) -> Iterator[_Change]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            old, at = node.module, lines[node.lineno - 1].find(node.module.encode(), node.col_offset)
        elif isinstance(node, ast.alias):
            old, at = node.name, node.col_offset
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in modules:
            old, at = node.value, lines[node.lineno - 1].find(node.value.encode(), node.col_offset)
        elif isinstance(node, ast.Attribute) and _is_room(node, rooms):
            if node.lineno == node.end_lineno:
                yield node.lineno, node.value.end_col_offset or 0, node.end_col_offset or 0, ""
            continue
        else:
            continue
        new = _flat_name(old, rooms)
        if new != old and at >= 0:
            yield node.lineno, at, at + len(old.encode()), new


class _Flattener(ast.NodeTransformer):
    """Makes the expected syntax tree of the new text."""

    def __init__(self, rooms: set[str], modules: set[str]) -> None:
        self._rooms = rooms
        self._modules = modules

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        node.module = _flat_name(node.module or "", self._rooms)
        return node

    def visit_alias(self, node: ast.alias) -> ast.alias:
        node.name = _flat_name(node.name, self._rooms)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str) and node.value in self._modules:
            node.value = _flat_name(node.value, self._rooms)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if _is_room(node, self._rooms):
            return ast.Name(PACKAGE, ast.Load())
        return node


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _refusal(what: str, do: str) -> ProvisionError:
    return ProvisionError(what=f"the firmware cannot be built: {what}", kept="everything as it was", do=do)

"""Replaces the firmware's public constants by their numbers, before it is compiled.

mpy-cross does this by itself for `_NAME = const(number)`, and within a file for `NAME = const(number)`. But a public
constant stays in its module for others: a name, an entry and a look-up at each use. A clock's build has all other
modules, so they get the number too, and the constant becomes private, and mpy-cross removes it.

A file's private `_NAME = b"..."`, tuple or text becomes a constant too, without an entry in the module. Bytes and
tuples computed on import, such as `b"\\xff" * 64`, are computed here: the bytes, so that a clock that runs code in
place has them in flash, the tuples, so that their parts are not in memory as well.

Lines do not move, so a traceback gives the file and line of the source. The result is compared with its expected syntax
tree.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from badgeclock.errors import ProvisionError


@dataclass
class _File:
    """The meaning of a file's names: `modules` by local name, `constants` by local name as (module, constant)."""

    tree: ast.Module
    modules: dict[str, str] = field(default_factory=dict)
    constants: dict[str, tuple[str, str]] = field(default_factory=dict)


def inline(sources: Mapping[str, str], outside: str = "") -> dict[str, str]:
    """The sources by path ("app/clock.py") with numbers for public constants. They must include all callers; a constant
    mentioned in the text `outside`, or assigned elsewhere, is not changed.

    Raises ProvisionError if a file's meaning would change.
    """
    trees = {path: ast.parse(text, path) for path, text in sources.items()}
    values = {_module(path): _constants(tree) for path, tree in trees.items()}
    _keep(values, trees, outside)
    inlined = {}
    for path, text in sources.items():
        file = _read(trees[path], values)
        own = values[_module(path)]
        wanted = ast.fix_missing_locations(_Inliner(file, values, own).visit(ast.parse(text)))
        new = _rewritten(text, file, values, own)
        if ast.dump(ast.parse(new)) != ast.dump(wanted) or new.count("\n") != text.count("\n"):
            raise ProvisionError(
                what=f"the firmware cannot be built: numbers for constants would change what {path} says",
                kept="everything as it was",
                do="use the constant in a plain way: module.NAME, or from module import NAME",
            )
        inlined[path] = _folded(new)
    return inlined


def _module(path: str) -> str:
    return str(PurePosixPath(path).with_suffix("")).replace("/", ".")


def _constants(tree: ast.Module) -> dict[str, int]:
    """The public constants of a file with their numbers."""
    return {name: value for name, value in _numbers(tree).items() if not name.startswith("_")}


def _numbers(tree: ast.Module) -> dict[str, int]:
    """The values of the file's own `NAME = const(number)`, including private ones."""
    known: dict[str, int] = {}
    for node in tree.body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Name)
            and node.value.func.id == "const"
        ):
            number = _number(node.value.args[0], known)
            if number is not None:
                known[node.targets[0].id] = number
    return known


def _number(node: ast.expr, known: Mapping[str, int]) -> int | None:
    """The value of an expression of numbers and constants, None for any other."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id not in known:
            return None
        if isinstance(part, ast.Constant) and type(part.value) is not int:
            return None
        if not isinstance(part, ast.expr | ast.operator | ast.unaryop | ast.expr_context) or isinstance(
            part, ast.Attribute | ast.Call | ast.Subscript
        ):
            return None
    value = eval(compile(ast.Expression(node), "const", "eval"), {"__builtins__": {}}, dict(known))  # noqa: S307 - sums of our own
    return value if type(value) is int else None


def _keep(values: Mapping[str, dict[str, int]], trees: Mapping[str, ast.Module], outside: str) -> None:
    """Remove from `values` what must stay a name."""
    kept = set(re.findall(r"\w+", outside))
    for path, tree in trees.items():
        stored: defaultdict[str, int] = defaultdict(int)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
                kept.add(node.attr)
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                stored[node.id] += 1
            elif isinstance(node, ast.arg):
                stored[node.arg] += 1
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                kept.add(node.value)
        kept |= {name for name, times in stored.items() if times > (name in values[_module(path)])}
    for constants in values.values():
        for name in [name for name in constants if name in kept]:
            del constants[name]


def _read(tree: ast.Module, values: Mapping[str, Mapping[str, int]]) -> _File:
    file = _File(tree)
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in tree.body:
        if not isinstance(node, ast.ImportFrom) or node.level:
            continue
        for alias in node.names:
            local = alias.asname or alias.name
            if f"{node.module}.{alias.name}" in values and local not in bound:
                file.modules[local] = f"{node.module}.{alias.name}"
            elif alias.name in values.get(node.module or "", {}):
                file.constants[local] = (node.module or "", alias.name)
    return file


class _Inliner(ast.NodeTransformer):
    """Makes the syntax tree that the new text must have."""

    def __init__(self, file: _File, values: Mapping[str, Mapping[str, int]], own: Mapping[str, int]) -> None:
        self._file = file
        self._values = values
        self._own = own

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self._own:
            return ast.Name("_" + node.id, node.ctx)
        if node.id in self._file.constants:
            module, name = self._file.constants[node.id]
            return _literal(self._values[module][name])
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        value = _attribute_value(node, self._file, self._values)
        if value is not None:
            return _literal(value)
        self.generic_visit(node)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        node.names = _left(node, self._file, self._values)
        return node if node.names else ast.Pass()


def _literal(value: int) -> ast.expr:
    return ast.parse(_digits(value), mode="eval").body


def _digits(value: int) -> str:
    return str(value) if value >= 0 else f"({value})"


def _attribute_value(node: ast.Attribute, file: _File, values: Mapping[str, Mapping[str, int]]) -> int | None:
    if isinstance(node.value, ast.Name) and node.value.id in file.modules:
        return values[file.modules[node.value.id]].get(node.attr)
    return None


def _left(node: ast.ImportFrom, file: _File, values: Mapping[str, Mapping[str, int]]) -> list[ast.alias]:
    """What the statement still imports: no constants, and no module of which only constants were used."""
    return [
        alias
        for alias in node.names
        if (alias.asname or alias.name) not in file.constants
        and not _is_for_constants_only(alias.asname or alias.name, file, values)
    ]


def _is_for_constants_only(local: str, file: _File, values: Mapping[str, Mapping[str, int]]) -> bool:
    if local not in file.modules:
        return False
    uses = sum(isinstance(node, ast.Name) and node.id == local for node in ast.walk(file.tree))
    numbers = sum(
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == local
        and _attribute_value(node, file, values) is not None
        for node in ast.walk(file.tree)
    )
    return uses == numbers > 0


def _rewritten(text: str, file: _File, values: Mapping[str, Mapping[str, int]], own: Mapping[str, int]) -> str:
    lines = text.encode().split(b"\n")
    changes = sorted(_changes(file, values, own), reverse=True)
    for start, end, new in changes:
        (first, column), (last, end_column) = start, end
        tail = lines[last - 1][end_column:]
        lines[first - 1] = lines[first - 1][:column] + new.encode() + tail
        for line in range(first, last):
            lines[line] = b""
    return b"\n".join(lines).decode()


# --- other constants than numbers ---

_Value = int | str | bytes | tuple["_Value", ...]


def _folded(text: str) -> str:
    """The source with its module's bytes, texts and tuples as literals, those of private names as constants. mpy-cross
    handles `const` without an import, which would only leave a name in the module.
    """
    tree = ast.parse(text)
    numbers = _numbers(tree)
    times = Counter(
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    )
    times.update(node.arg for node in ast.walk(tree) if isinstance(node, ast.arg))
    times.update(name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names)
    first_use: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            first_use[node.id] = min(node.lineno, first_use.get(node.id, node.lineno))
    lines = text.encode().split(b"\n")
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and [alias.name for alias in node.names] == ["const"]:
            lines[node.lineno - 1] = b"pass"
        if not (isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)):
            continue
        value, name = node.value, node.targets[0].id
        if times[name] != 1 or value.lineno != value.end_lineno:
            continue
        made = _made(value, numbers)
        # mpy-cross replaces a constant's name only after its definition, and leaves no name.
        is_constant = _is_private(name) and first_use.get(name, value.lineno + 1) > value.lineno
        if made is not None and not isinstance(made, int) and is_constant:
            changes = [(value, f"const({made!r})")]
        else:
            changes = list(_computed(value, numbers))
        for part, literal in reversed(changes):
            line = lines[part.lineno - 1]
            lines[part.lineno - 1] = line[: part.col_offset] + literal.encode() + line[part.end_col_offset :]
    return b"\n".join(lines).decode()


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _computed(node: ast.expr, numbers: Mapping[str, int]) -> Iterator[tuple[ast.expr, str]]:
    """The parts of a tuple, or the whole, that a clock would compute, in their order, and the literal of each."""
    if isinstance(node, ast.Tuple):
        for part in node.elts:
            yield from _computed(part, numbers)
    elif isinstance(node, ast.BinOp | ast.Call):
        made = _made(node, numbers)
        if isinstance(made, bytes | tuple):
            yield node, repr(made)


def _made(node: ast.expr, numbers: Mapping[str, int]) -> _Value | None:
    """The value of the expression, if it is a literal, a tuple of such, either repeated, or bytes of zeros; else
    None."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, str, bytes):
        value: int | str | bytes = node.value  # type: ignore[assignment]  # as the line above says
        return value
    if isinstance(node, ast.Name):
        return numbers.get(node.id)
    if isinstance(node, ast.Tuple):
        parts = tuple(_made(part, numbers) for part in node.elts)
        return None if None in parts else parts  # type: ignore[return-value]  # no part is None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = _made(node.left, numbers), _made(node.right, numbers)
        return left * right if isinstance(left, bytes | tuple) and isinstance(right, int) else None
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "bytes"
        and len(node.args) == 1
    ):
        count = _made(node.args[0], numbers)
        return bytes(count) if isinstance(count, int) else None
    return None


def _changes(
    file: _File, values: Mapping[str, Mapping[str, int]], own: Mapping[str, int]
) -> Iterator[tuple[tuple[int, int], tuple[int, int], str]]:
    """(start, end, new text), start and end as (line from 1, column in bytes)."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Name) and node.id in own:
            new: str | None = "_" + node.id
        elif isinstance(node, ast.Name) and node.id in file.constants:
            module, name = file.constants[node.id]
            new = _digits(values[module][name])
        elif isinstance(node, ast.Attribute):
            value = _attribute_value(node, file, values)
            new = None if value is None else _digits(value)
        elif isinstance(node, ast.ImportFrom):
            left = _left(node, file, values)
            if len(left) == len(node.names):
                continue
            names = ", ".join(alias.name + (f" as {alias.asname}" if alias.asname else "") for alias in left)
            new = f"from {node.module} import {names}" if left else "pass"
        else:
            continue
        if new is not None and isinstance(node, ast.stmt | ast.expr):
            yield (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0), new

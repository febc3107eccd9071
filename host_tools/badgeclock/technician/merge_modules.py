"""Merges modules that a clock always has in memory into one, before they are compiled.

A module costs the heap its dictionary, a table of the names it mentions, its file's name, and an entry for each thing
that it imports. What is always in memory needs one of these, not thirty.

Twice: `distinct` runs before names are shortened, so that no two files of a bundle have one private name for different
things; `merge` runs last and puts the files one after the other. An import of one of them becomes an import of the
bundle, and is dropped within it. Lines stay in order, so that a traceback can be mapped to its file. Code that cannot
be merged safely is refused.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from badgeclock.errors import ProvisionError

_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS: Final = (*_FUNCTIONS, ast.ClassDef)


@dataclass(frozen=True)
class Part:
    """A file's lines in its bundle: its former path, its first line from 1, how many there are."""

    path: str
    first: int
    lines: int


# --- before names are shortened ---


def distinct(sources: Mapping[str, str], bundles: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The sources by path, in which the files of a bundle share no private module name. bundles: the paths of its
    files, by the bundle's path.

    Raises ProvisionError if such a name has another meaning within its file.
    """
    changed = dict(sources)
    for paths in bundles.values():
        homes: defaultdict[str, set[str]] = defaultdict(set)
        for path in paths:
            for name in _globals(ast.parse(sources[path], path)):
                homes[name].add(path)
        for path in paths:
            wanted = {
                name: f"{name}_{PurePosixPath(path).stem}"
                for name, where in homes.items()
                if name.startswith("_") and not name.startswith("__") and len(where) > 1 and path in where
            }
            changed[path] = _renamed(path, sources[path], wanted)
    return changed


def _globals(tree: ast.Module) -> Iterator[str]:
    """The names that a module defines, those it imports left out."""
    for node in tree.body:
        if isinstance(node, _DEFINITIONS):
            yield node.name
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            yield from (
                one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
            )


def _renamed(path: str, text: str, wanted: Mapping[str, str]) -> str:
    tree = ast.parse(text, path)
    lines = text.encode().split(b"\n")
    places = []
    declared = {
        (id(function), name)
        for function in ast.walk(tree)
        if isinstance(function, _FUNCTIONS)
        for node in ast.walk(function)
        if isinstance(node, ast.Global)
        for name in node.names
    }
    for function in ast.walk(tree):
        if not isinstance(function, (*_FUNCTIONS, ast.Lambda)):
            continue
        for node in ast.walk(function):
            is_bound = (
                (isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load) and node.id in wanted)
                and (id(function), node.id) not in declared
            ) or (isinstance(node, ast.arg) and node.arg in wanted)
            if is_bound:
                raise _refusal(f"{path}, line {function.lineno}: a function has a name of its module for its own")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in wanted:
            places.append((node.lineno, node.col_offset, node.id))
        elif isinstance(node, ast.Global):
            for name in node.names:
                found = re.compile(rb"\b" + name.encode() + rb"\b").search(lines[node.lineno - 1], node.col_offset)
                if name in wanted and found:
                    places.append((node.lineno, found.start(), name))
    for node in tree.body:
        if isinstance(node, _DEFINITIONS) and node.name in wanted:
            found = re.compile(rb"(async\s+)?(def|class)\s+").match(lines[node.lineno - 1], node.col_offset)
            if found:
                places.append((node.lineno, found.end(), node.name))
    for line, column, name in sorted(set(places), reverse=True):
        before = lines[line - 1]
        lines[line - 1] = before[:column] + wanted[name].encode() + before[column + len(name.encode()) :]
    return b"\n".join(lines).decode()


# --- afterwards ---


def merge(
    sources: Mapping[str, str], bundles: Mapping[str, Sequence[str]]
) -> tuple[dict[str, str], dict[str, list[Part]]]:
    """(sources by path, parts of each bundle by its path): every file of `bundles` is in its bundle.

    Raises ProvisionError if two files of a bundle have one name for different things, if a file is needed before its
    place, or for an import or a text of its name that would fail.
    """
    home = {_module(path): _module(bundle) for bundle, paths in bundles.items() for path in paths}
    texts = {path: _redirected(path, text, home) for path, text in sources.items()}
    merged = {path: text for path, text in texts.items() if _module(path) not in home}
    parts: dict[str, list[Part]] = {}
    for bundle, paths in bundles.items():
        ordered = _ordered({path: sources[path] for path in paths})
        _refuse_clashes({path: texts[path] for path in ordered})
        parts[bundle], first, lines = [], 1, []
        for path in ordered:
            own = texts[path].rstrip("\n").split("\n")
            parts[bundle].append(Part(path, first, len(own)))
            first += len(own)
            lines += own
        merged[bundle] = "\n".join(lines) + "\n"
    return merged, parts


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def _ordered(sources: Mapping[str, str]) -> list[str]:
    """The paths, each after its imports."""
    ordered: list[str] = []
    paths = {_module(path): path for path in sources}
    waiting = dict.fromkeys(sources)
    while waiting:
        ready = [
            path
            for path in waiting
            if not any(
                paths.get(one) in waiting for one in _imported(ast.parse(sources[path])) if paths.get(one) != path
            )
        ]
        if not ready:
            raise _refusal(f"the modules {', '.join(waiting)} import one another in a circle")
        ordered.append(ready[0])
        del waiting[ready[0]]
    return ordered


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def _redirected(path: str, text: str, home: Mapping[str, str]) -> str:
    """The text with imports from other bundles, and none from its own."""
    own = home.get(_module(path))
    lines = text.encode().split(b"\n")
    changes: list[tuple[ast.Import | ast.ImportFrom, str]] = []
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in home:
            raise _refusal(f"{path}, line {node.lineno}: the text {node.value} is a module that is always in memory")
        if isinstance(node, ast.Import) and any(alias.name in home for alias in node.names):
            names = [ast.alias(home.get(alias.name, alias.name), alias.asname) for alias in node.names]
            if any(alias.asname is None for alias in names):
                raise _refusal(f"{path}, line {node.lineno}: write from package import module")
            changes.append((node, ast.unparse(ast.Import(names))))
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.module in home:
            bundle = home[node.module]
            kept = [alias for alias in node.names if bundle != own or alias.asname not in (None, alias.name)]
            changes.append((node, ast.unparse(ast.ImportFrom(bundle, kept, 0)) if kept else "pass"))
    for node, new in sorted(changes, key=lambda change: (-change[0].lineno, -change[0].col_offset)):
        end = node.end_lineno or 0
        tail = lines[end - 1][node.end_col_offset :]
        lines[node.lineno - 1] = lines[node.lineno - 1][: node.col_offset] + new.encode() + tail
        for line in range(node.lineno, end):
            lines[line] = b""
    return b"\n".join(lines).decode()


def _refuse_clashes(texts: Mapping[str, str]) -> None:
    """Raise ProvisionError if two of the files have one global name for different things."""
    meanings: dict[str, tuple[str, str]] = {}
    for path, text in texts.items():
        for name, meaning in _meanings(ast.parse(text, path), path):
            other, its = meanings.setdefault(name, (path, meaning))
            if its != meaning:
                raise _refusal(f"{other} and {path} have both something called {name}")


def _meanings(tree: ast.Module, path: str) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name.partition(".")[0], f"import {alias.name}") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)
    yield from ((name, path) for name in _globals(tree))


def _refusal(what: str) -> ProvisionError:
    return ProvisionError(
        what=f"the firmware cannot be built: {what}",
        kept="everything as it was",
        do="give one of them another name",
    )

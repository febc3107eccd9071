"""Gives names that cost nothing to what only the firmware itself uses, before it is compiled.

MicroPython keeps every name that compiled code mentions in the heap, once and until the next start: its letters, 7
bytes beside them, in a table that grows by doubling. The names in its own image are free (interpreter_names.py). So the
build gives what the firmware names itself such names, `acos` for `set_from_bridge`, as many as there are.

Private names (one leading underscore) of two files share one if neither file, nor files joined by inheritance, have
both; a public name, of a module's or a class's, has one of its own everywhere. Parameters get the first of them, since
calls do not name them. Names used by the interpreter, a text, a keyword, umqtt or code outside are not changed; nor are
exceptions, which people read.

Only names change, inside their lines, so lines correspond to those of the source (tracebacks.py). Code that cannot be
renamed safely is refused, and the result is compared with the source's syntax tree.
"""

from __future__ import annotations

import ast
import itertools
import keyword
import re
import string
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from badgeclock.errors import ProvisionError
from badgeclock.technician.interpreter_names import EVERYWHERE, SOMEWHERE

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_PARAMETERS: Final = 16  # names reserved for parameters
_BY_TEXT: Final = ("getattr", "hasattr", "setattr")
_SHOWN: Final = "tuple"
"""The own name of every named tuple of the firmware."""
_FOREIGN: Final = "umqtt/simple.py"
"""Third-party code: its names are an interface, and MicroPython's official image has its own copy."""


@dataclass(frozen=True)
class _Place:
    """The place of a name: line from 1, column in bytes."""

    line: int
    column: int
    name: str


def shorten(
    sources: Mapping[str, str], outside: str = "", bundles: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> dict[str, str]:
    """The sources with such names, by the same paths ("app/clock.py"). They must include all callers; names in the
    Python text `outside` are not changed. bundles: files that become one module (merge_modules.py), by its path: its
    globals get distinct names.

    Raises ProvisionError for a private name that is used outside or in a text, where it would not change.
    """
    trees = {path: ast.parse(text, path) for path, text in sources.items()}
    kept = _identifiers(ast.parse(outside))
    taken = kept.union(*map(_identifiers, trees.values()))
    free = [name for name in _free_names() if name not in taken]
    for_parameters, free = free[:_PARAMETERS], free[_PARAMETERS:]
    # `X = const(1)` of a module is a name for other modules only without a leading underscore.
    public = dict(zip(sorted(_public_names(trees, kept)), (one for one in free if one[0] != "_"), strict=False))
    homes = {path: bundle for bundle, paths in bundles.items() for path in paths}
    names = public | _private_names(trees, _groups(trees), homes, [one for one in free if one not in public.values()])
    keywords = {node.arg for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    shortened = {}
    for path, text in sources.items():
        vanishing = _constants(trees[path])
        changes = {
            place: names[place.name]
            for place in _names(trees[path], text)
            if place.name in names and place.name not in vanishing
        }
        for shown in _shown(trees[path]):
            changes[_Place(shown.lineno, shown.col_offset + 1, str(shown.value))] = _SHOWN
        parameters = dict(_parameters(trees[path], keywords, for_parameters))
        shortened[path] = _changed(path, text, changes | parameters)
    return shortened


def _free_names() -> Iterator[str]:
    """Names for the firmware's own: those that cost nothing, the shortest first, then _a … _z, _A … with one letter
    and with two.
    """
    yield from sorted(
        (name for name in EVERYWHERE if not name.startswith("__") and not keyword.iskeyword(name)),
        key=lambda name: (len(name), name),
    )
    for length in (1, 2):
        for parts in itertools.product(string.ascii_letters, repeat=length):
            yield "_" + "".join(parts)


# --- public names ---


def _public_names(trees: Mapping[str, ast.Module], outside: set[str]) -> set[str]:
    """The public names of the firmware's own that nothing else uses."""
    bound: set[str] = set()
    defined: set[str] = set()
    texts: set[str] = set()
    kept = {*SOMEWHERE, *outside, *_exceptions(trees)}
    for path, tree in trees.items():
        if path.endswith(_FOREIGN):
            kept |= _identifiers(tree)
            continue
        fields = set(map(id, _fields(tree)))
        bound |= set(_given(tree))
        kept |= set(path.removesuffix(".py").split("/"))
        for node in ast.walk(tree):
            if isinstance(node, _DEFINITIONS):
                defined.add(node.name)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in fields:
                texts.add(node.value)
            elif isinstance(node, ast.keyword):
                kept |= {node.arg or ""}
            elif isinstance(node, ast.Import):
                kept |= {name for alias in node.names for name in alias.name.split(".")}
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _BY_TEXT:
                kept |= {one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    # A text equal to a function's name may be a look-up; one equal to an attribute's is the key of some file.
    return {name for name in bound - kept - (texts & defined) if not name.startswith("_")}


def _named_tuples(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "namedtuple":
            yield node


def _shown(tree: ast.Module) -> Iterator[ast.Constant]:
    """The texts that are a named tuple's own name: nothing looks it up."""
    for node in _named_tuples(tree):
        if isinstance(node.args[0], ast.Constant):
            yield node.args[0]


def _fields(tree: ast.Module) -> Iterator[ast.Constant]:
    """The texts that are names of a named tuple's fields, where they stand in the call."""
    for node in _named_tuples(tree):
        for part in node.args[1:]:
            if isinstance(part, ast.Tuple):
                yield from (one for one in part.elts if isinstance(one, ast.Constant) and isinstance(one.value, str))


def _given(tree: ast.Module) -> Iterator[str]:
    """Names of functions and classes, attributes, and members of modules and classes in a file."""
    for node in ast.walk(tree):
        if isinstance(node, _DEFINITIONS):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Import):
            yield from (alias.asname for alias in node.names if alias.asname)
    yield from (field.value for field in _fields(tree) if isinstance(field.value, str))
    bodies = [tree.body, *(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]
    for statement in itertools.chain.from_iterable(bodies):
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id


def _exceptions(trees: Mapping[str, ast.Module]) -> set[str]:
    """Classes that are exceptions: by their bases, which may be further ones of these."""
    classes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found = {"Exception"}
    while True:
        more = {
            one.name for one in classes if any(isinstance(base, ast.Name) and base.id in found for base in one.bases)
        }
        if more <= found:
            return found
        found |= more


# --- private names ---


def is_private(name: str) -> bool:
    """Whether a name has exactly one leading underscore and more: not `_` or `__init__`."""
    return len(name) > 1 and name[0] == "_" != name[1]


def _private_names(
    trees: Mapping[str, ast.Module], group_of: Mapping[str, str], homes: Mapping[str, str], free: list[str]
) -> dict[str, str]:
    """One of the `free` names for every private name. Names of one group (see `_groups`) get different ones, and so do
    the globals of the files that have one home.
    """
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for path, tree in trees.items():
        used = _identifiers(tree)
        vanishing = _constants(tree)
        wanted = {name for name in used - vanishing if is_private(name)}
        _refuse_unsafe(path, tree, wanted)
        for name in wanted:
            groups[name].add(group_of[path])
        if path in homes:
            for name in wanted & set(_module_names(tree)):
                groups[name].add(f"{homes[path]} globals")
    bound = {name for tree in trees.values() for name in _bound(tree)}
    foreign = sorted(set(groups) - bound)
    if foreign:
        raise _refusal(f"the private name {foreign[0]} belongs to no file of the firmware")
    given: dict[str, str] = {}
    used_in: defaultdict[str, set[str]] = defaultdict(set)
    for name in sorted(groups, key=lambda name: (-len(groups[name]), name)):
        choice = next(one for one in free if not used_in[one] & groups[name])
        used_in[choice] |= groups[name]
        given[name] = choice
    return given


def _groups(trees: Mapping[str, ast.Module]) -> dict[str, str]:
    """The group of each path: a file with a subclass of another file's class belongs to the same group, because one
    object then has both files' private names. Classes are identified by name; files with classes of the same name
    belong together.
    """
    group = {path: path for path in trees}
    homes: defaultdict[str, set[str]] = defaultdict(set)
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                homes[node.name].add(path)
    for path, tree in trees.items():
        for node in ast.walk(tree):
            for base in node.bases if isinstance(node, ast.ClassDef) else ():
                name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
                joined = {group[home] for home in homes[name]}
                group = {each: group[path] if its in joined else its for each, its in group.items()}
    return group


def _refuse_unsafe(path: str, tree: ast.Module, private: set[str]) -> None:
    imported = {
        alias.asname or alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if not alias.name.startswith(("app.", "drivers."))
    }
    shown = set(map(id, _shown(tree)))
    for node in ast.walk(tree):
        if id(node) in shown:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in private:
            raise _refusal(f"{path}, line {node.lineno}: the private name {node.value} is in a text")
        if isinstance(node, ast.Attribute) and node.attr in private:
            owner = node.value
            if isinstance(owner, ast.Name) and owner.id in imported:
                raise _refusal(f"{path}, line {node.lineno}: {node.attr} is a private name of {owner.id}")
        if isinstance(node, ast.ExceptHandler) and node.name in private:
            raise _refusal(f"{path}, line {node.lineno}: {node.name} is a private name for an exception")


def _module_names(tree: ast.Module) -> Iterator[str]:
    """The names that a file's module has."""
    for node in tree.body:
        if isinstance(node, _DEFINITIONS):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        else:
            yield from (one.id for one in ast.walk(node) if isinstance(one, ast.Name))


def _constants(tree: ast.Module) -> set[str]:
    """Private names given as `_NAME = const(number)`: mpy-cross replaces them by the number."""
    return {
        node.targets[0].id
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and is_private(node.targets[0].id)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "const"
    }


def _identifiers(tree: ast.Module) -> set[str]:
    """Every identifier of a file, in any place."""
    return {one for one in _skeleton(tree) if isinstance(one, str) and one.isidentifier()}


def _bound(tree: ast.Module) -> Iterator[str]:
    """Names that a file gives a value to."""
    for node in ast.walk(tree):
        if isinstance(node, _DEFINITIONS):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield node.asname or node.name


# --- parameters ---


def _parameters(tree: ast.Module, keywords: set[str | None], names: list[str]) -> Iterator[tuple[_Place, str]]:
    """Each place of each parameter that can be renamed, and its name: the positional ones that no call names.

    Not those of a function with another one inside, which might hide a short name.
    """
    for function in ast.walk(tree):
        if not isinstance(function, _FUNCTIONS):
            continue
        if any(isinstance(node, _FUNCTIONS) for node in _own_nodes(function)):
            continue
        arguments = function.args
        positional = [*arguments.posonlyargs, *arguments.args, *filter(None, (arguments.vararg, arguments.kwarg))]
        inside = Counter(node.id for node in ast.walk(function) if isinstance(node, ast.Name))
        inside.update(node.arg for node in ast.walk(function) if isinstance(node, ast.arg))
        free = (name for name in names if name not in inside)
        for parameter in positional:
            name = parameter.arg
            if name == "self" or name in keywords or _is_rebound(function, name):
                continue
            short = next(free, None)
            if short is None:
                break
            yield _Place(parameter.lineno, parameter.col_offset, name), short
            for node in _own_nodes(function):
                if isinstance(node, ast.Name) and node.id == name:
                    yield _Place(node.lineno, node.col_offset, name), short


def _own_nodes(function: _Function) -> Iterator[ast.AST]:
    """The parts of a function with its own names: its body, not its defaults, decorators and annotations."""
    for statement in function.body if isinstance(function.body, list) else [function.body]:
        yield from ast.walk(statement)


def _is_rebound(function: _Function, name: str) -> bool:
    """Whether an inner scope of the function has the same name."""
    for node in _own_nodes(function):
        if isinstance(node, ast.ClassDef | ast.Global | ast.Nonlocal):
            return True
        if isinstance(node, ast.ExceptHandler) and node.name == name:
            return True
        if isinstance(node, ast.alias) and name in (node.asname, node.name.partition(".")[0]):
            return True
        if isinstance(node, _COMPREHENSIONS) and any(
            isinstance(one, ast.Name) and one.id == name
            for generator in node.generators
            for one in ast.walk(generator.target)
        ):
            return True
    return False


# --- the text ---


def _names(tree: ast.Module, text: str) -> Iterator[_Place]:
    """Every place of a name that may be the firmware's own."""
    lines = text.encode().split(b"\n")
    for field in _fields(tree):
        yield _Place(field.lineno, field.col_offset + 1, str(field.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield _Place(node.lineno, node.col_offset, node.id)
        elif isinstance(node, ast.arg | ast.keyword):
            yield _Place(node.lineno, node.col_offset, node.arg or "")
        elif isinstance(node, ast.Attribute):
            yield _Place(node.end_lineno or 0, (node.end_col_offset or 0) - len(node.attr.encode()), node.attr)
        elif isinstance(node, _DEFINITIONS):
            found = re.compile(rb"(async\s+)?(def|class)\s+").match(lines[node.lineno - 1], node.col_offset)
            if found:
                yield _Place(node.lineno, found.end(), node.name)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            for name in node.names:
                found = re.compile(rb"\b" + name.encode() + rb"\b").search(lines[node.lineno - 1], node.col_offset)
                if found:
                    yield _Place(node.lineno, found.start(), name)
        elif isinstance(node, ast.alias):
            yield _Place(node.lineno, node.col_offset, node.name)
            if node.asname:
                yield _Place(node.end_lineno or 0, (node.end_col_offset or 0) - len(node.asname.encode()), node.asname)


def _changed(path: str, text: str, changes: Mapping[_Place, str]) -> str:
    """The text with the changes made. Raises ProvisionError if anything but names differs afterwards."""
    lines = text.encode().split(b"\n")
    for place, name in sorted(changes.items(), key=lambda change: (change[0].line, -change[0].column)):
        line, old = lines[place.line - 1], place.name.encode()
        end = place.column + len(old)
        if line[place.column : end] != old:
            raise _refusal(f"{path}, line {place.line}: {place.name} is not where the syntax tree has it")
        lines[place.line - 1] = line[: place.column] + name.encode() + line[end:]
    short = b"\n".join(lines).decode()
    before, after = _skeleton(ast.parse(text)), _skeleton(ast.parse(short))
    differing = [(old, new) for old, new in zip(before, after, strict=False) if old != new]
    allowed = {(place.name, name) for place, name in changes.items()}
    allowed |= {(repr(old), repr(new)) for old, new in allowed}  # a named tuple's own name and fields
    if len(before) != len(after) or len(differing) != len(changes) or not allowed.issuperset(differing):
        raise _refusal(f"{path}: short names would change what it says")
    return short


def _skeleton(tree: ast.Module) -> list[object]:
    """A syntax tree as one sequence: kinds of nodes, their lines, constants, and identifiers."""
    row: list[object] = []
    for node in ast.walk(tree):
        row.append((type(node), getattr(node, "lineno", 0)))
        for name, value in ast.iter_fields(node):
            values = value if isinstance(value, list) else [value]
            if isinstance(node, ast.Constant) and name == "value":
                row.append(repr(value))
            else:
                row.extend(one for one in values if isinstance(one, str))
    return row


def _refusal(what: str) -> ProvisionError:
    return ProvisionError(
        what=f"the firmware cannot be built: {what}",
        kept="everything as it was",
        do="give the name no leading underscore, or another name",
    )

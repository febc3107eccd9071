"""The verifier as a set of modules that can be loaded again, one of them changed: what mutation needs.

`REAL` is the imported package. `made_with` executes the sources again, in the order in which they import each other,
and leaves the imported ones untouched.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

NAMES = (
    "badgeclock.protocol.record",
    "badgeclock.protocol.seal",
    "badgeclock.evidence.findings",
    "badgeclock.evidence.keys",
    "badgeclock.evidence.timeline",
    "badgeclock.evidence.time_checks",
    "badgeclock.evidence.image",
    "badgeclock.evidence.dump",
    "badgeclock.evidence.store_source",
    "badgeclock.evidence.verifier",
)


class World:
    """The modules by their last names: `world.seal`, `world.verifier` …"""

    def __init__(self, modules: dict[str, ModuleType]) -> None:
        self._modules = {name.rpartition(".")[2]: module for name, module in modules.items()}

    def __getattr__(self, name: str) -> Any:
        return self._modules[name]


REAL = World({name: importlib.import_module(name) for name in NAMES})


@cache
def source_of(name: str) -> Path:
    """The file of a module."""
    file = sys.modules[name].__file__
    assert file is not None
    return Path(file)


@cache
def _code_of(name: str) -> CodeType:
    path = source_of(name)
    return compile(path.read_text(), str(path), "exec")


@contextmanager
def made_with(changed: str, tree: ast.Module) -> Iterator[World]:
    """A world in which the module `changed` is made of `tree`."""
    before = {name: sys.modules[name] for name in NAMES}
    try:
        modules = {}
        for name in NAMES:
            module = ModuleType(name)
            module.__file__ = str(source_of(name))
            module.__package__ = name.rpartition(".")[0]
            _install(name, module)
            exec(compile(tree, str(source_of(name)), "exec") if name == changed else _code_of(name), module.__dict__)  # noqa: S102
            modules[name] = module
        yield World(modules)
    finally:
        for name, module in before.items():
            _install(name, module)


def _install(name: str, module: ModuleType) -> None:
    sys.modules[name] = module
    package, _, last = name.rpartition(".")
    setattr(sys.modules[package], last, module)

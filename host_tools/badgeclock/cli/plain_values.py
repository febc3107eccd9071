"""Spares a command the library that Typer converts values with, where a value needs no conversion.

Typer loads pydantic for the first parameter of any command, also for one that was not given: 50 ms of the processor,
more than most commands work. Here what was not given, what is of its type already, text, and a path without conditions
are taken as they are; anything else, and so every wrong value, goes to Typer. A Typer that converts otherwise is left
alone.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from typer.core import TyperArgument, TyperOption

_CONVERTER: Final = "get_runtime_param"
"""The method of a parameter that gives its converter (Typer 0.29)."""
_CONDITIONS: Final = ("exists", "writable", "resolve_path", "allow_dash", "path_type")


class _Sparing:
    """A converter that calls Typer's only for a value that it does not take unchanged."""

    def __init__(self, asked: Any) -> None:
        self._asked = asked
        """Gives Typer's converter."""

    def coerce(self, value: Any, *, param: Any, ctx: Any) -> Any:
        """The value of a parameter. Raises as Typer's."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        wanted, said = param.type_descriptor.annotation, param.type_descriptor.parameter_info
        if isinstance(wanted, type) and said.parser is None:
            if isinstance(value, wanted):
                return value
            if wanted is Path and isinstance(value, str) and _is_free(said) and _may_be_read(value):
                return Path(value)
        return self._asked().coerce(value, param=param, ctx=ctx)


def _is_free(said: Any) -> bool:
    """Whether nothing is asked of a path but that it can be read if it is there."""
    return said.file_okay and said.dir_okay and not any(getattr(said, name) for name in _CONDITIONS)


def _may_be_read(path: str) -> bool:
    return os.access(path, os.R_OK) or not os.path.lexists(path)


def spare() -> None:
    """Have every parameter of this process converted so."""
    for kind in (TyperOption, TyperArgument):
        asked = getattr(kind, _CONVERTER, None)
        if asked is not None:
            setattr(kind, _CONVERTER, lambda self, asked=asked: _Sparing(lambda: asked(self)))

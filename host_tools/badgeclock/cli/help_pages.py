"""Help pages of commands, from a table of their parameters: showing one imports none of the command's modules.

The table, `help_pages.json`, is made of the commands themselves (`python -m tests.command_table`), and a test compares
the pages. It is read only when a page is asked for.
"""

from __future__ import annotations

import inspect
import json
from datetime import datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

import typer

TABLE: Final = Path(__file__).with_name("help_pages.json")
TYPES: Final[dict[str, type]] = {it.__name__: it for it in (bool, int, float, str, datetime, Path)}
"""Types of parameters by their names in the table; any other has choices."""


def page(words: str, summary: str) -> Any:
    """A command that shows the help page of the one with these words, and does nothing; None if it has no page here."""
    described = _table().get(words)
    if described is None:
        return None
    parameters = [_parameter(**it) for it in described]

    def show(**_: Any) -> None:
        """Stands for the command's own function."""

    show.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    show.__annotations__ = {it.name: it.annotation for it in parameters}
    app = typer.Typer(add_completion=False)
    app.command(words.rpartition(" ")[2], help=summary)(show)
    return typer.main.get_command(app)


@cache
def _table() -> dict[str, list[dict[str, Any]]]:
    table: dict[str, list[dict[str, Any]]] = json.loads(TABLE.read_text("utf-8"))
    return table


def _parameter(
    name: str,
    kind: str,
    declared: list[str],
    said: dict[str, Any],
    default: Any = inspect.Parameter.empty,
    choices: list[Any] | None = None,
    is_list: bool = False,  # noqa: FBT001, FBT002 - a row of the table
) -> inspect.Parameter:
    """A parameter of a function that Typer makes a command of. `kind` is a name of `TYPES`; "option" and "argument"
    come before it.
    """
    how, _, type_name = kind.partition(" ")
    of: Any = TYPES.get(type_name) or Enum(type_name, {str(it): it for it in choices or ()})
    if isinstance(default, str) and not is_list:
        default = of(default)
    if is_list:
        of = list[of]
    if default is None:
        of = of | None
    info = typer.Option if how == "option" else typer.Argument
    annotation = Annotated[of, info(*declared, **said)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)

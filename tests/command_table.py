"""Writes the entries of help pages, `commands.json`, and the parameters of commands, `help_pages.json`, in
`host_tools/badgeclock/cli`, from the commands themselves.

Run `python -m tests.command_table` when a command, its help or a parameter has changed.
"""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperGroup

from badgeclock.cli import help_pages, lazy_groups
from badgeclock.cli.main import app


def commands() -> dict[str, Any]:
    """Every command, itself, by its words."""
    shown = dict(lazy_groups._SHOWN)
    lazy_groups._SHOWN.clear()
    try:
        return dict(_below("", typer.main.get_command(app)))
    finally:
        lazy_groups._SHOWN.update(shown)


def _below(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    if words:
        yield words, command
    if isinstance(command, TyperGroup):
        context = typer.Context(command)
        for name in command.list_commands(context):
            yield from _below(f"{words} {name}".lstrip(), command.get_command(context, name))


def table(found: dict[str, Any]) -> str:
    """By the words of each command its help, and of a group that is one module its commands."""
    said = {words: (command.short_help or command.help or "", _names(command)) for words, command in found.items()}
    missing = [words for words, (help_of, _) in said.items() if help_of.startswith("Not installed")]
    if missing:
        raise SystemExit(f"not installed here: {', '.join(missing)}; run `make setup` first")
    return _lines(said)


def pages(found: dict[str, Any]) -> str:
    """By the words of each command that is no group its parameters, as `help_pages.page` takes them."""
    return _lines(
        {
            words: [_described(name, annotation, default) for name, annotation, default in _parameters(command)]
            for words, command in found.items()
            if not isinstance(command, TyperGroup)
        }
    )


def _lines(content: dict[str, Any]) -> str:
    lines = [f"{json.dumps(words)}: {json.dumps(said)}" for words, said in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _names(command: Any) -> list[str]:
    is_mere = isinstance(command, TyperGroup) and not isinstance(command, lazy_groups._Group)
    if not is_mere or command.callback is not None or command.params:
        return []
    return command.list_commands(typer.Context(command))


def _parameters(command: Any) -> Iterator[tuple[str, Any, Any]]:
    function = inspect.unwrap(command.callback)
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        yield name, hints[name], parameter.default


def _described(name: str, annotation: Any, default: Any) -> dict[str, Any]:
    info: Any = typer.Argument()
    if get_origin(annotation) is Annotated:
        annotation, info = get_args(annotation)
    fresh, how = (typer.Option(), "option") if type(info) is type(typer.Option()) else (typer.Argument(), "argument")
    said = {key: value for key, value in vars(info).items() if value != vars(fresh)[key]}
    # In an annotation the first declaration is where the default would otherwise be.
    first = [said.pop("default")] if "default" in said else []
    declared = [*first, *(said.pop("param_decls", None) or ())]
    if isinstance(annotation, types.UnionType):
        annotation = next(it for it in get_args(annotation) if it is not type(None))
    is_list = get_origin(annotation) is list
    if is_list:
        (annotation,) = get_args(annotation)
    row: dict[str, Any] = {
        "name": name,
        "kind": f"{how} {annotation.__name__}",
        "declared": declared,
        "said": said,
    }
    if is_list:
        row["is_list"] = True
    if annotation not in help_pages.TYPES.values():
        row["choices"] = [it.value for it in annotation]
    if default is not inspect.Parameter.empty:
        row["default"] = default.value if isinstance(default, Enum) else _plain(default)
    return row


def _plain(value: Any) -> Any:
    """A default as the table has it; of a place of this installation, which a page says in words, the name alone."""
    if isinstance(value, Path):
        return value.name if value.is_absolute() else str(value)
    return value


def main() -> None:
    """Write the files."""
    found = commands()
    lazy_groups.TABLE.write_text(table(found), "utf-8")
    help_pages.TABLE.write_text(pages(found), "utf-8")


if __name__ == "__main__":
    main()

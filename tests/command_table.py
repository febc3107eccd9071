"""Writes the entries of help pages, `host_tools/badgeclock/cli/commands.json`, from the commands themselves.

Run `python -m tests.command_table` when a command or its help has changed.
"""

from __future__ import annotations

import json
from typing import Any

import typer
from typer.core import TyperGroup

from badgeclock.cli import lazy_groups
from badgeclock.cli.main import app


def table() -> str:
    """The file's content: by the words of each command its help, and for a group that is one module its commands."""
    shown = dict(lazy_groups._SHOWN)
    lazy_groups._SHOWN.clear()
    found: dict[str, tuple[str, list[str]]] = {}
    try:
        _collect(found, "", typer.main.get_command(app))
    finally:
        lazy_groups._SHOWN.update(shown)
    missing = [words for words, (said, _) in found.items() if said.startswith("Not installed")]
    if missing:
        raise SystemExit(f"not installed here: {', '.join(missing)}; run `make setup` first")
    lines = [f"{json.dumps(words)}: {json.dumps(said)}" for words, said in found.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _collect(found: dict[str, tuple[str, list[str]]], words: str, command: Any) -> None:
    names: list[str] = []
    if words:
        found[words] = ("", [])
    if isinstance(command, TyperGroup):
        context = typer.Context(command)
        names = command.list_commands(context)
        for name in names:
            _collect(found, f"{words} {name}".lstrip(), command.get_command(context, name))
    is_mere = not isinstance(command, lazy_groups._Group) and command.callback is None and not command.params
    if words:
        found[words] = (command.short_help or command.help or "", names if is_mere else [])


def main() -> None:
    """Write the file."""
    lazy_groups.TABLE.write_text(table(), "utf-8")


if __name__ == "__main__":
    main()

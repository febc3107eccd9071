"""Groups of commands whose parts are loaded when one of their commands is used.

A group's help page comes from `commands.json`, so it loads no part; a command's page comes from a table as well
(`help_pages`). A command imports only the libraries it uses. The tables are generated from the commands themselves
(`python -m tests.command_table`), and a test compares them.
"""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from badgeclock.cli import extras, help_pages

_USAGE: Final[type[Exception]] = typer.BadParameter.mro()[1]
"""Typer's error for a command line that it cannot parse; a wrong value is one kind of it."""
TABLE: Final = Path(__file__).with_name("commands.json")


class Shown(NamedTuple):
    """A command's entry in the table, by its words: its help, and the commands in it if it is only a group."""

    help: str
    commands: tuple[str, ...] = ()


def _read() -> dict[str, Shown]:
    return {words: Shown(said, tuple(names)) for words, (said, names) in json.loads(TABLE.read_text("utf-8")).items()}


_SHOWN: Final = _read()


class _Later(TyperCommand):
    """A command that is listed, and loaded on use."""

    def __init__(self, words: str, where: str) -> None:
        shown = _SHOWN.get(words)
        super().__init__(words.rpartition(" ")[2], help=shown and shown.help)
        self._words = words
        self._where = where

    @property
    def noun(self) -> str:
        """Its first word."""
        return self._words.partition(" ")[0]

    def loaded(self) -> Any:
        """The command itself; for a mere group, one whose commands are listed, and loaded on use."""
        shown = _SHOWN.get(self._words)
        if shown is None or not shown.commands:
            return self._itself()
        return _Group(
            {name: _InGroup(f"{self._words} {name}", self._where, self._within(name)) for name in shown.commands},
            name=self.name,
            help=shown.help,
            no_args_is_help=True,
        )

    def _itself(self) -> Any:
        return _load(self.name or "", self._where, self.noun)

    def _within(self, name: str) -> tuple[str, ...]:
        """The names by which a command of it is found in the module's group."""
        return (name,)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Show the command's page and end, if that is requested; else a context of the command itself."""
        page = help_pages.page(self._words, self.help or "")
        if page is not None:
            with contextlib.suppress(_USAGE):
                page.make_context(info_name, list(args), parent, **extra)
        return self.loaded().make_context(info_name, args, parent, **extra)


class _InGroup(_Later):
    """The same of a command of a group that is one module, or of a group in that."""

    def __init__(self, words: str, where: str, names: tuple[str, ...]) -> None:
        super().__init__(words, where)
        self._names = names

    def _itself(self) -> Any:
        found = _load("", self._where, self.noun)
        for name in self._names:
            if isinstance(found, TyperGroup):  # a stand-in for one that is not installed has no commands
                found = found.commands[name]
        return found

    def _within(self, name: str) -> tuple[str, ...]:
        return (*self._names, name)


class _Group(TyperGroup):
    """A group with commands that are loaded on use, after its own."""

    def __init__(self, parts: Mapping[str, _Later], **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {**self.commands, **parts}
        self._is_listing = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command: itself, or on a help page its entry."""
        found = super().get_command(ctx, cmd_name)
        if isinstance(found, _Later):
            if not self._is_listing:
                found = self.commands[cmd_name] = found.loaded()
            elif cmd_name == found.noun and (absent := extras.absent(cmd_name)):
                found = extras.stand_in(cmd_name, absent)
        return found

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first of the arguments names, and the rest of them."""
        later = self.commands.get(args[0]) if "--help" in args[1:] else None
        if isinstance(later, _Later):
            return later.name, later, args[1:]
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help page."""
        self._is_listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._is_listing = False


def group_of(nouns: Mapping[str, str], words: str = "") -> type[TyperGroup]:
    """The class of a group that has the commands `nouns` besides its registered ones; `words` are those that call it.

    Each is a name and its place: `module:attribute`, a Typer app; or an app with only the command of that name.
    """

    class Lazily(_Group):
        def __init__(self, **attributes: Any) -> None:
            parts = {noun: _Later(f"{words} {noun}".lstrip(), where) for noun, where in nouns.items()}
            super().__init__(parts, **attributes)

    return Lazily


def _load(name: str, where: str, noun: str) -> Any:
    module, _, attribute = where.partition(":")
    try:
        app: typer.Typer = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        absent = extras.missing(noun, error)
        if absent is None:
            raise
        return extras.stand_in(noun, absent)  # the other commands work, and so does the help that lists them
    group = get_group(app)
    if name:
        group.name = name
    return group.commands.get(name, group)

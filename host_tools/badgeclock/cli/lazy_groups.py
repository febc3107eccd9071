"""Groups of commands whose parts are loaded when they are asked for: a command waits only for the libraries it uses."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from badgeclock.cli import extras


def group_of(nouns: Mapping[str, str]) -> type[TyperGroup]:
    """The class of a group that has, besides what is registered with it, the commands `nouns`.

    Each is a name and where it is: `module:attribute`, a Typer app; or an app that has just the command of that name.
    """

    class Lazily(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            return list(dict.fromkeys([*super().list_commands(ctx), *nouns]))

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            if cmd_name in nouns and cmd_name not in self.commands:
                self.commands[cmd_name] = _loaded(cmd_name, nouns[cmd_name])
            return super().get_command(ctx, cmd_name)

    return Lazily


def _loaded(name: str, where: str) -> Any:
    module, _, attribute = where.partition(":")
    try:
        app: typer.Typer = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        absent = extras.missing(name, error)
        if absent is None:
            raise
        return extras.stand_in(name, absent)  # the other commands are there, and so is the help that lists them
    group = get_group(app)
    group.name = name
    return group.commands.get(name, group)

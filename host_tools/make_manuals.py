"""Writes the manual pages and the shells' completions, from the commands themselves: `make manuals`.

    man1/badgeclock.1           all commands, exit codes
    man1/badgeclock-NOUN.1      one noun: each of its commands with its arguments and options
    badgeclock.bash             completion of words and options for bash, and for zsh by its bashcompinit
    badgeclock.fish             the same for fish

Tab does not run the program: the scripts contain the words, so they answer at once.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer
from typer.core import TyperGroup

from badgeclock import __version__, errors
from badgeclock.cli.main import app

NAME: Final = "badgeclock"
EXITS: Final = (
    (0, "Done."),
    (errors.EXIT_FAILED, "Not done, or something was found; the message says what was kept and what to do."),
    (errors.EXIT_USAGE, "The command was not understood."),
    (errors.EXIT_DEVICE, "No clock answers on that port, or another program holds it."),
    (errors.EXIT_VERIFY_MISMATCH, "What was read back from the clock is not what was written."),
    (errors.EXIT_SERVICE_REFUSED, "The authority refused, or answered what its specification does not allow."),
    (errors.EXIT_TRY_LATER, "Not now; the same later may do."),
    (errors.EXIT_BAD_CONFIGURATION, "A setting is missing, unknown or impossible."),
)


@dataclass(frozen=True)
class Option:
    """An option, or an argument: how it is written, its help, and the environment variable that gives it."""

    forms: tuple[str, ...]
    value: str
    help: str
    variable: str = ""


@dataclass(frozen=True)
class Command:
    """A command by its words after `badgeclock`, with its subcommands."""

    words: tuple[str, ...]
    help: str
    arguments: tuple[Option, ...]
    options: tuple[Option, ...]
    below: tuple[Command, ...]

    def all(self) -> Iterator[Command]:
        """Itself and everything below it."""
        yield self
        for one in self.below:
            yield from one.all()


def commands() -> Command:
    """All of them."""
    return _read(typer.main.get_command(app), ())


def _read(command: Any, words: tuple[str, ...]) -> Command:
    below = []
    if isinstance(command, TyperGroup):
        context = typer.Context(command)
        for name in command.list_commands(context):
            found: Any = command.get_command(context, name)
            if not found.hidden:
                below.append(_read(found, (*words, name)))
    arguments, options = [], []
    for parameter in command.params:
        if getattr(parameter, "hidden", False):
            continue
        is_flag = getattr(parameter, "is_flag", False)
        variable = parameter.envvar if isinstance(parameter.envvar, str) else ""
        said = Option(
            tuple(sorted((*parameter.opts, *parameter.secondary_opts), key=len)),
            "" if is_flag else (parameter.metavar or parameter.name or "").upper().strip("[]"),
            getattr(parameter, "help", None) or "",
            variable,
        )
        (arguments if parameter.param_type_name == "argument" else options).append(said)
    text = " ".join((command.help or command.short_help or "").split())
    return Command(words, text, tuple(arguments), tuple(options), tuple(below))


# --- manual pages ---


def pages() -> dict[str, str]:
    """The pages by their file's name."""
    root = commands()
    found = {f"{NAME}.1": _overview(root)}
    for noun in root.below:
        found[f"{NAME}-{noun.words[0]}.1"] = _page(noun)
    return found


def _overview(root: Command) -> str:
    parts = [_head(NAME, root.help), ".SH SYNOPSIS", f".B {NAME}", ".I COMMAND", "[\\fIARGUMENTS\\fR]"]
    parts += [".SH COMMANDS"]
    for noun in root.below:
        parts += [".TP", f".BR {NAME}\\-{_text(noun.words[0])} (1)", _text(noun.help or noun.words[0])]
    parts += [".SH EXIT STATUS"]
    for code, said in EXITS:
        parts += [".TP", f".B {code}", _text(said)]
    return "\n".join(parts) + "\n"


def _page(noun: Command) -> str:
    name = f"{NAME}-{noun.words[0]}"
    parts = [_head(name, noun.help), ".SH DESCRIPTION", _text(noun.help or name)]
    for command in noun.all():
        if command.below and not command.options and not command.arguments:
            continue
        line = " ".join([NAME, *command.words])
        given = "".join(f" {one.value or one.forms[0].upper()}" for one in command.arguments)
        parts += [f'.SH "{_text(line.upper())}"', f".B {_text(line)}", f".I {_text(given)} [OPTIONS]", ".PP"]
        parts += [_text(command.help or line)]
        for one in (*command.arguments, *command.options):
            written = ", ".join(one.forms) if one in command.options else (one.value or one.forms[0].upper())
            value = f" \\fI{_text(one.value)}\\fR" if one in command.options and one.value else ""
            by = f" (environment: {one.variable})" if one.variable else ""
            parts += [".TP", f"\\fB{_text(written)}\\fR{value}", _text((one.help + by).strip() or written)]
    return "\n".join([*parts, ".SH SEE ALSO", f".BR {NAME} (1)"]) + "\n"


def _head(name: str, said: str) -> str:
    first = _text(said.partition(". ")[0].rstrip(".") or name)
    title = f'.TH "{_text(name.upper())}" 1 "" "Badgeclock {__version__}" "Badgeclock"'
    return f"{title}\n.SH NAME\n{_text(name)} \\- {first}"


def _text(said: str) -> str:
    """Text for roff: no line begins with a dot or a quote, and hyphens are those of commands."""
    safe = said.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("`", "\\(ga")
    safe = safe.replace("'", "\\(aq").replace("…", "...")
    return f"\\&{safe}" if safe.startswith((".", "'")) else safe


# --- completion ---


def bash() -> str:
    """The script for bash."""
    lines = []
    for command in commands().all():
        words = sorted(
            {one.words[-1] for one in command.below} | {form for one in command.options for form in one.forms}
        )
        lines.append(f'    "{" ".join(command.words)}") words="{" ".join([*words, "--help"])}";;')
    table = "\n".join(lines)
    return textwrap.dedent(
        """\
        # Completion of badgeclock for bash, made from its commands; for zsh: run bashcompinit first.
        _badgeclock() {
          local path="" words="" here=${COMP_WORDS[COMP_CWORD]} number
          for ((number = 1; number < COMP_CWORD; number++)); do
            case ${COMP_WORDS[number]} in
              -*) break;;
            esac
            _badgeclock_words "${path:+$path }${COMP_WORDS[number]}" || break
            path="${path:+$path }${COMP_WORDS[number]}"
          done
          _badgeclock_words "$path"
          case $here in
            -*) ;;
            *) words=$(printf '%s\\n' $words | grep -v '^-')
          esac
          COMPREPLY=($(compgen -W "$words" -- "$here"))
          [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$here"))
        }
        _badgeclock_words() {
          case $1 in
        @TABLE@
            *) return 1;;
          esac
        }
        complete -o filenames -F _badgeclock badgeclock
        """
    ).replace("@TABLE@", table)


def fish() -> str:
    """The script for fish."""
    lines = ["# Completion of badgeclock for fish, made from its commands."]
    for command in commands().all():
        at = _fish_condition(command)
        lines += [f"complete -c {NAME} -n '{at}' -f -a {one.words[-1]} -d {_fish(one.help)}" for one in command.below]
        for option in command.options:
            form = max(option.forms, key=len).lstrip("-")
            value = "" if not option.value else " -r"
            lines.append(f"complete -c {NAME} -n '{at}' -l {form}{value} -d {_fish(option.help)}")
    return "\n".join(lines) + "\n"


def _fish_condition(command: Command) -> str:
    seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in command.words)
    below = " ".join(one.words[-1] for one in command.below)
    not_yet = f"not __fish_seen_subcommand_from {below}" if below else ""
    return "; and ".join(part for part in (seen, not_yet) if part) or "true"


def _fish(said: str) -> str:
    first = said.partition(". ")[0][:100].replace("\\", "").replace("'", "\\'")
    return f"'{first}'"


def write(folder: Path) -> None:
    """All of them."""
    manuals = folder / "man1"
    manuals.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (manuals / name).write_text(text, "utf-8")
    (folder / f"{NAME}.bash").write_text(bash(), "utf-8")
    (folder / f"{NAME}.fish").write_text(fish(), "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
    print(sys.argv[1])

"""The `badgeclock` command: one module a noun, loaded when it is asked for.

Data goes to stdout, talk to stderr. Exit codes are those of `badgeclock.errors`.
"""

import sys

import typer

from badgeclock.cli.lazy_groups import group_of
from badgeclock.errors import BadgeclockError

NOUNS = ("demo", "clock", "bridge", "badge", "journal", "ca", "sandbox", "virtual", "chaos")

app = typer.Typer(
    cls=group_of({noun: f"badgeclock.cli.{noun}:app" for noun in NOUNS}),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Badgeclock: from a badge on a reader to a reception number on the clock's display.",
)


@app.callback()
def _badgeclock() -> None:
    """Makes a group of it, which has no command of its own."""


def main() -> None:
    """Runs the command; an error of ours becomes its message on stderr and its exit code."""
    try:
        app()
    except BadgeclockError as error:
        typer.echo(f"badgeclock: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()

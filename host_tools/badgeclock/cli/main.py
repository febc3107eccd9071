"""The `badgeclock` command: one module per noun, loaded on use.

Data goes to stdout, messages to stderr. Exit codes are those of `badgeclock.errors`. Every error is reported in
sentences; BADGECLOCK_TRACEBACK=1 adds the traceback of a bug.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path
from typing import NoReturn
from zoneinfo import ZoneInfoNotFoundError

import typer

from badgeclock.cli import extras, plain_values
from badgeclock.cli.errors import OwnFault, Surroundings
from badgeclock.cli.lazy_groups import group_of
from badgeclock.errors import BadgeclockError

NOUNS = tuple(extras.OF_NOUN)

plain_values.spare()

app = typer.Typer(
    cls=group_of({noun: f"badgeclock.cli.{noun}:app" for noun in NOUNS}),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Badgeclock: from a badge on a reader to a reception number on the clock's display.",
)


@app.callback()
def _badgeclock() -> None:
    """Makes the app a group without a command of its own."""


def main() -> None:
    """Runs the command; an error becomes its message on stderr and its exit code."""
    _have_streams()
    try:
        app()
    except SystemExit as done:
        _end(done.code if isinstance(done.code, int) else 0 if done.code is None else 1)
    except BadgeclockError as error:
        _refuse(error)
    except Exception as error:
        if os.environ.get("BADGECLOCK_TRACEBACK"):
            raise
        _refuse(_as_refusal(error))
    _end(0)


def _as_refusal(error: BaseException) -> BadgeclockError:
    """The message for an exception that no part expected."""
    if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        return _as_refusal(error.exceptions[0])
    if isinstance(error, BadgeclockError):
        return error
    if isinstance(error, ModuleNotFoundError):
        noun = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
        absent = extras.missing(noun, error)
        if absent is not None:
            return absent
    kept = "what was written before"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if isinstance(error.filename, str | Path) else ""
        return Surroundings(
            what=f"{where}{error.strerror or type(error).__name__}",
            kept=kept,
            do="look at the file's place and rights and at the disk's room, and run the command again",
        )
    if isinstance(error, ZoneInfoNotFoundError):
        return Surroundings(
            what="this machine has no data of time zones", kept=kept, do="install tzdata, and run the command again"
        )
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "" if trace is None else f", {Path(trace.tb_frame.f_code.co_filename).name} line {trace.tb_lineno}"
    return OwnFault(
        what=f"this program has a fault here ({type(error).__name__}{place})",
        kept=kept,
        do="report it, with the command; BADGECLOCK_TRACEBACK=1 before it shows more",
    )


def _refuse(error: BadgeclockError) -> NoReturn:
    with contextlib.suppress(OSError):
        typer.echo(f"badgeclock: {error}", err=True)
    _end(error.exit_code)


def _have_streams() -> None:
    """Open the standard streams that a service manager closed, and replace characters that a terminal lacks."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - for the process's life
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _end(code: int) -> NoReturn:
    """Exit, and report output that did not arrive: a full disk, a closed pipe."""
    try:
        sys.stdout.flush()
    except OSError as error:
        with contextlib.suppress(OSError):
            typer.echo(f"badgeclock: what was printed did not arrive ({error.strerror}).", err=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = code or 1
    sys.exit(code)


if __name__ == "__main__":
    main()

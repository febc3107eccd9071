"""Opening a workshop from the command line: its passphrase is entered at the terminal, or, for programs, read from the
file named in BADGECLOCK_PASSPHRASE_FILE. It is never an argument: other users of the machine could see it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import typer

from badgeclock import key_file, text_file
from badgeclock.errors import SettingsError
from badgeclock.technician import workshop
from badgeclock.technician.workshop import Workshop

VARIABLE: Final = "BADGECLOCK_PASSPHRASE_FILE"


def opened_workshop(path: Path) -> Workshop:
    """The workshop in `path`. Raises SettingsError as `open_workshop`, or if every user may read the passphrase
    file."""
    return workshop.open_workshop(path, asked)


def asked(path: Path) -> str:
    """The passphrase of the workshop in `path`."""
    return _from_file() or str(typer.prompt(f"passphrase of {path}", hide_input=True, err=True))


def chosen(path: Path) -> str:
    """A new passphrase for the workshop in `path`, typed twice."""
    return _from_file() or str(
        typer.prompt(f"new passphrase for {path}", hide_input=True, confirmation_prompt=True, err=True)
    )


def _from_file() -> str | None:
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    path = Path(name)
    try:
        if key_file.is_open_to_all(path):
            raise SettingsError(
                what=f"everybody on this machine may read {path}, where the passphrase is",
                kept="everything as it was",
                do=f"run `chmod 600 {path}`",
            )
        return text_file.read(path).strip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            what=f"{path}, which {VARIABLE} names, cannot be read ({type(error).__name__})",
            kept="everything as it was",
            do="name a file with the passphrase in its first line, or none to be asked",
        ) from None

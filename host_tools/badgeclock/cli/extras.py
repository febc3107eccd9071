"""Which extra of the installation a command needs, and the message when it is missing."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import Final, NoReturn

from typer.core import TyperCommand

from badgeclock.cli.errors import NotInstalled

OF_NOUN: Final = {
    "demo": "demo",
    "clock": "technician",
    "bridge": "bridge",
    "console": "console",
    "badge": "bridge",
    "site": "bridge",
    "journal": "bridge",
    "ca": None,
    "doctor": "bridge",
    "status": "bridge",
    "sandbox": "sandbox",
    "virtual": "virtual",
    "chaos": None,
}
"""The extra of `pip install badgeclock[…]` for each noun; None: none is needed. `journal verify` needs its extra only
for a bridge's store.
"""


def missing(noun: str, error: ModuleNotFoundError) -> NotInstalled | None:
    """The message for a third-party module that a command could not import; None if it is ours."""
    name = error.name or ""
    extra = OF_NOUN.get(noun)
    if extra is None or name.partition(".")[0] in {"", "badgeclock"}:
        return None
    return NotInstalled(
        what=f"`badgeclock {noun}` needs Python packages that are not installed ({name} is the first)",
        kept="everything as it was",
        do=f"install them: pip install 'badgeclock[{extra}]'",
    )


_SIGN_OF: Final = {
    "bridge": ("pydantic_settings",),
    "console": ("pydantic_settings", "segno"),
    "technician": ("esptool",),
    "virtual": ("PIL",),
    "sandbox": ("joserfc",),
    "demo": ("pydantic_settings", "segno", "esptool", "PIL"),
}
"""Modules whose presence shows whether an extra is installed, without importing them."""


def absent(noun: str) -> NotInstalled | None:
    """The message for a noun whose extra is not installed; None if it is."""
    for name in _SIGN_OF.get(OF_NOUN.get(noun) or "", ()):
        if not _is_there(name):
            return missing(noun, ModuleNotFoundError("not installed", name=name))
    return None


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:  # another module is in its place
        return False


def stand_in(noun: str, why: NotInstalled) -> TyperCommand:
    """Stands in the help for a command whose packages are missing. It accepts any arguments, and raises `why`."""
    return TyperCommand(
        noun,
        callback=partial(_refuse, why),
        help=f"Not installed: pip install 'badgeclock\\[{OF_NOUN[noun]}]'.",  # `[` begins a style there
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        add_help_option=False,
    )


def _refuse(why: NotInstalled) -> NoReturn:
    raise why

"""The languages of a clock's display, as data files: those that come with the clock, and any that a technician has.

English is built into the firmware; `firmware/lang/` holds the others. What a file may say is judged by the clock's own
code (firmware/app/ui/words.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from badgeclock import text_file
from badgeclock.errors import SettingsError
from badgeclock.technician import on_device
from badgeclock.toolchain.places import ROOT

FOLDER: Final = "/lang/"
BUILT_IN: Final = "en"
LONGEST_BYTES: Final = 4096
"""What the clock reads at most."""

_NAME: Final = re.compile(r"[a-z]{2,8}\.json")


def shipped() -> dict[str, bytes]:
    """The language files that come with the clock, by their path on it."""
    return {FOLDER + path.name: path.read_bytes() for path in sorted((ROOT / "firmware" / "lang").glob("*.json"))}


def read(files: Iterable[Path]) -> dict[str, bytes]:
    """A technician's own language files, by their path on the clock. Raises SettingsError for one that is none."""
    found = {}
    for path in files:
        try:
            data = text_file.unmarked(path.read_bytes())
        except OSError as error:
            raise _wrong(path, f"cannot be read ({error.strerror})") from error
        if not _NAME.fullmatch(path.name) or path.stem == BUILT_IN:
            raise _wrong(path, "has no language's name, such as pl.json")
        if len(data) > LONGEST_BYTES:
            raise _wrong(path, f"is longer than {LONGEST_BYTES} bytes")
        found[FOLDER + path.name] = data
    return found


def is_language(path: str) -> bool:
    """Whether a path on the clock is that of a language file."""
    return path.startswith(FOLDER) and _NAME.fullmatch(path.removeprefix(FOLDER)) is not None


def check_chosen(language: object, paths: Iterable[str]) -> None:
    """Raise SettingsError unless `language` is English or has its file among `paths` on the clock."""
    known = sorted({BUILT_IN, *(Path(path).stem for path in paths if is_language(path))})
    if language not in known:
        raise SettingsError(
            what=f"the clock would have no words: language must be one of {', '.join(known)}",
            kept="the settings that it has, and all punches",
            do="choose one of them, or add --language-file",
        )


def check_source(files: Mapping[str, bytes]) -> str:
    """Source that makes a clock judge language files (by path); it raises SettingsError as its own code does."""
    calls = [f"bc_judge_language({data!r}, {path.lstrip('/')!r})\n" for path, data in files.items()]
    return on_device.JUDGE + "".join(calls)


def _wrong(path: Path, what: str) -> SettingsError:
    return SettingsError(
        what=f"{path} {what}",
        kept="everything on the clock",
        do="give a file like those of firmware/lang: its name is the language's code, its content JSON",
    )

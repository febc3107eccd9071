"""The languages of a clock's display, as data files: those of every clock, those that a site can choose, and a
technician's own.

English is built into the firmware; `firmware/lang/` has the others that every clock gets, and
`firmware/further_languages/` those that a clock gets on request. The clock's own code checks the files
(firmware/app/ui/words.py). Additional letters are in a separate file, only as far as needed.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from badgeclock import text_file
from badgeclock.errors import SettingsError
from badgeclock.technician import art, on_device
from badgeclock.toolchain.places import ROOT

FOLDER: Final = "/lang/"
LETTERS_PATH: Final = FOLDER + "letters.bin"
BUILT_IN: Final = "en"
LONGEST_BYTES: Final = 4096
"""The clock's limit for a file."""

_FURTHER: Final = ROOT / "firmware" / "further_languages"
_NAME: Final = re.compile(r"[a-z]{2,8}\.json")


def shipped() -> dict[str, bytes]:
    """The language files of every clock, by their path on it."""
    return {FOLDER + path.name: path.read_bytes() for path in sorted((ROOT / "firmware" / "lang").glob("*.json"))}


def further() -> dict[str, bytes]:
    """The languages that a site can choose, by their path on the clock."""
    return {FOLDER + path.name: path.read_bytes() for path in sorted(_FURTHER.glob("*.json"))}


def note(data: bytes) -> str:
    """A language file's metadata besides its texts; empty if there is none."""
    found = json.loads(data)
    return str(found.get("note", "")) if isinstance(found, dict) else ""


def letters(texts: Iterable[str], files: Iterable[bytes]) -> bytes:
    """The file of additional letters for a clock's texts, such as its site's name, and language files; empty if it
    needs none. Raises ToolMissing.
    """
    wanted = [*texts]
    for data in files:
        with contextlib.suppress(ValueError):  # the clock's own code reports its faults
            wanted.append(json.dumps(json.loads(data), ensure_ascii=False))
    return art.letters(wanted)


def read(files: Iterable[Path]) -> dict[str, bytes]:
    """The language files chosen by a technician, by their path on the clock: a file, else one of `further`. Raises
    SettingsError if it is neither.
    """
    found = {}
    for given in files:
        path = given
        if not given.exists() and given == Path(given.name) and (_FURTHER / given).exists():
            path = _FURTHER / given
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
    """Whether a path on the clock is a language file's."""
    return path.startswith(FOLDER) and _NAME.fullmatch(path.removeprefix(FOLDER)) is not None


def check_chosen(language: object, paths: Iterable[str]) -> None:
    """Raise SettingsError unless `language` is English or has its file among `paths` on the clock."""
    known = sorted({BUILT_IN, *(Path(path).stem for path in (*paths, *further()) if is_language(path))})
    if language not in known:
        raise SettingsError(
            what=f"the clock would have no words: language must be one of {', '.join(known)}",
            kept="the settings that it has, and all punches",
            do="choose one of them, or add --language-file",
        )


def check_source(files: Mapping[str, bytes]) -> str:
    """Source that makes a clock check language files (by path); it raises SettingsError like its own code."""
    calls = [f"bc_judge_language({data!r}, {path.lstrip('/')!r})\n" for path, data in files.items()]
    return on_device.JUDGE + "".join(calls)


def _wrong(path: Path, what: str) -> SettingsError:
    return SettingsError(
        what=f"{path} {what}",
        kept="everything on the clock",
        do="give a file like those of firmware/lang: its name is the language's code, its content JSON",
    )

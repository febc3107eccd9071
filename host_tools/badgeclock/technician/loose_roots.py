"""Finds roots in the wrong place: workshops, and files exported from one, by their names.

Files are opened only to see whether they are under a passphrase. A search stops at `MOST_ENTRIES`, and goes `DEPTH`
folders deep: forgotten folders are next to others, not deep in a disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from badgeclock.technician import workshop_lock

DEPTH: Final = 4
MOST_ENTRIES: Final = 50_000
WORKSHOP_FILES: Final = ("ca.key.pem", "fleet.key")


class Root(StrEnum):
    """The kinds of roots."""

    WORKSHOP = "workshop in the clear"
    LOCKED_WORKSHOP = "workshop under a passphrase"
    BUNDLE = "bundle of a clock"


@dataclass(frozen=True)
class Loose:
    """A root, and its place: the workshop's folder, or the bundle's file."""

    root: Root
    path: Path


def is_in_workshop(path: Path) -> bool:
    """Whether a file is in a workshop's folder, or in one of its folders."""
    return any(is_workshop(folder) for folder in path.resolve().parents)


def is_workshop(folder: Path) -> bool:
    """Whether a folder is a workshop, or was a part of one."""
    return any((folder / name).is_file() for name in WORKSHOP_FILES)


def find(places: Iterable[Path]) -> list[Loose]:
    """The roots below these folders, each once, workshops not entered."""
    found: dict[Path, Loose] = {}
    left = MOST_ENTRIES
    for place in dict.fromkeys(path.resolve() for path in places if path.is_dir()):
        for folder, files in _folders(place):
            left -= len(files) + 1
            if left < 0:
                return list(found.values())
            for loose in _in_folder(folder, files):
                found.setdefault(loose.path, loose)
    return list(found.values())


def _folders(place: Path) -> Iterator[tuple[Path, list[str]]]:
    depth = len(place.parts)
    for name, folders, files in os.walk(place):
        folder = Path(name)
        if is_workshop(folder) or len(folder.parts) - depth >= DEPTH:
            folders.clear()
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        yield folder, files


def _in_folder(folder: Path, files: list[str]) -> Iterator[Loose]:
    if is_workshop(folder):
        keys = [folder / name for name in WORKSHOP_FILES if name in files]
        closed = all(workshop_lock.is_closed(_start(key)) for key in keys)
        yield Loose(Root.LOCKED_WORKSHOP if closed else Root.WORKSHOP, folder)
        return
    for name in files:
        if name == "bundle.json" or name.endswith(".bundle.json"):
            path = folder / name
            if b'"e0"' in _start(path, 4096):
                yield Loose(Root.BUNDLE, path)


def _start(path: Path, size: int = 16) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""

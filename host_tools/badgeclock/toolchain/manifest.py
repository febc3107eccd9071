"""`.toolchain/manifest.json`: what was fetched, with sha256, and the pins of each piece."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

# Changed together with unpacking or wrapping, so that an older .toolchain is remade.
RECIPE = 1


@dataclass(frozen=True)
class Got:
    """One fetched item in the manifest."""

    name: str
    version: str
    sha256: str
    source: str


@dataclass(frozen=True)
class Piece:
    """A part of the toolchain that is fetched as a whole: remade when `pins` change or one of `results` is missing."""

    name: str
    pins: object
    results: tuple[str, ...]  # below the toolchain's folder
    get: Callable[[Path], list[Got]]


class Manifest:
    """`.toolchain/manifest.json`: for each piece the key of its pins and what was fetched for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "manifest.json"
        try:
            self._pieces: dict[str, dict[str, object]] = json.loads(self._path.read_text())
        except (OSError, ValueError):
            self._pieces = {}

    def has(self, piece: Piece) -> bool:
        known = self._pieces.get(piece.name, {}).get("key") == _key(piece)
        return known and all((self._folder / result).exists() for result in piece.results)

    def record(self, piece: Piece, got: list[Got]) -> None:
        self._pieces[piece.name] = {"key": _key(piece), "got": [asdict(item) for item in got]}
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(self._pieces, indent=1, sort_keys=True) + "\n")
        new.replace(self._path)

    def summary(self, piece: Piece) -> str:
        got = self._pieces[piece.name]["got"]
        assert isinstance(got, list)
        return ", ".join(f"{item['name']} {item['version']}" for item in got[:2]) + f" from {got[0]['source']}"


def _key(piece: Piece) -> str:
    return hashlib.sha256(json.dumps([RECIPE, piece.pins]).encode()).hexdigest()


def sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()

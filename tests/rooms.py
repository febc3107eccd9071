"""`python -m tests.rooms` draws the rooms of the code from its own imports, into docs/rooms.md.

Three drawings: the host's packages, the rooms of the bridge, the rooms of the firmware. A room is a folder; a module
that is beside folders is a room by itself. An arrow says that a module of the one imports a module of the other;
imports for type checking alone count too. With `--rev COMMIT` the same of an older commit goes to standard output.
"""

from __future__ import annotations

import argparse
import ast
import io
import subprocess
import sys
import tarfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "rooms.md"
SOURCES: Final = ("host_tools/badgeclock", "firmware")
_LEFT_OUT: Final = frozenset({"manifest"})  # of the build, not of the clock

_PACKAGE: Final = ".__init__"

Sources = Mapping[PurePosixPath, str]
"""Text by path in the checkout."""


@dataclass(frozen=True)
class Drawing:
    """Rooms with their modules, and the arrows between them."""

    title: str
    rooms: Mapping[str, Sequence[str]]
    arrows: frozenset[tuple[str, str]]

    @property
    def modules(self) -> int:
        """How many there are in all rooms."""
        return sum(len(modules) for modules in self.rooms.values())

    @property
    def both_ways(self) -> list[tuple[str, str]]:
        """Rooms that import each other."""
        return sorted((a, b) for a, b in self.arrows if a < b and (b, a) in self.arrows)

    @property
    def circle(self) -> list[str]:
        """Rooms one of whose arrows leads back to itself, in that order; empty if there is no such circle."""
        sorter = TopologicalSorter({room: {b for a, b in self.arrows if a == room} for room in self.rooms})
        try:
            sorter.prepare()
        except CycleError as error:
            found: list[str] = error.args[1]
            return list(reversed(found))
        return []


def of_checkout() -> Sources:
    """The sources as they lie there."""
    paths = [path for folder in SOURCES for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts]
    return {PurePosixPath(path.relative_to(ROOT)): path.read_text() for path in sorted(paths)}


def of_commit(rev: str) -> Sources:
    """The sources of a commit. Raises SystemExit with git's words."""
    run = subprocess.run(["git", "archive", rev, *SOURCES], cwd=ROOT, capture_output=True, check=False)
    if run.returncode != 0:
        sys.exit(run.stderr.decode())
    sources: dict[PurePosixPath, str] = {}
    with tarfile.open(fileobj=io.BytesIO(run.stdout)) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.name.endswith(".py") else None
            if file is not None:
                sources[PurePosixPath(member.name)] = file.read().decode()
    return sources


def drawings(sources: Sources) -> list[Drawing]:
    """The three drawings of some sources."""
    host = {_module(path): text for path, text in sources.items() if path.parts[0] == "host_tools"}
    firmware = {_module(path): text for path, text in sources.items() if path.parts[0] == "firmware"}
    return [
        drawn("The host's packages", host, "badgeclock"),
        drawn("The rooms of the bridge", host, "badgeclock.bridge"),
        drawn("The rooms of the firmware", firmware, ""),
    ]


def drawn(title: str, modules: Mapping[str, str], base: str) -> Drawing:
    """The rooms right below the package `base` (of the firmware: `app` and below it, and its other packages)."""
    rooms: dict[str, list[str]] = defaultdict(list)
    arrows: set[tuple[str, str]] = set()
    for module, text in modules.items():
        room = _room(module, base)
        if room is None:
            continue  # another package's, or the package's own file
        if not module.endswith(_PACKAGE):
            rooms[room].append(module)
        for imported in _imports(module, text, modules):
            other = _room(imported, base)
            if other is not None and other != room:
                arrows.add((room, other))
    known = frozenset((a, b) for a, b in arrows if a in rooms and b in rooms)
    return Drawing(title, dict(sorted(rooms.items())), known)


def page(found: Sequence[Drawing], what: str = "") -> str:
    """The Markdown page."""
    lines = [
        f"# Rooms{what}",
        "",
        "Drawn by `make rooms` from the imports of the code itself; `make rooms REV=commit` prints the page of another",
        "commit. An arrow says: imports. The contracts in `pyproject.toml` say what may import what (`make lint`).",
    ]
    for drawing in found:
        base = _base(drawing)
        lines += ["", f"## {drawing.title}", "", *_figures(drawing, base), "", "```mermaid", "flowchart TD"]
        shown = {room: modules for room, modules in drawing.rooms.items() if room not in base}
        lines += [f"    {_key(room)}[{_label(room, modules)}]" for room, modules in shown.items()]
        lines += [f"    {_key(a)} --> {_key(b)}" for a, b in sorted(drawing.arrows) if not {a, b} & base]
        lines += ["```", "", "| room | modules | imports |", "|---|---|---|"]
        for room, modules in drawing.rooms.items():
            names = ", ".join(dict.fromkeys(_short(module, room) for module in modules if _is_folder(room, modules)))
            imported = ", ".join(sorted(b for a, b in drawing.arrows if a == room))
            lines.append(f"| `{room}` | {names} | {imported} |")
    return "\n".join(lines) + "\n"


def _figures(drawing: Drawing, base: frozenset[str]) -> list[str]:
    side_by_side = len(drawing.rooms)
    text = f"{drawing.modules} modules in {side_by_side} rooms, {len(drawing.arrows)} arrows"
    both = drawing.both_ways
    if both:
        text += f"; {len(both)} pairs import each other: " + ", ".join(f"{a} and {b}" for a, b in both)
    elif drawing.circle:
        text += "; one circle: " + " → ".join(drawing.circle)
    else:
        text += "; no circle"
    lines = [f"{text}."]
    if base:
        lines.append(f"Left out of the drawing, since most import it: {', '.join(sorted(base))}.")
    return lines


def _base(drawing: Drawing) -> frozenset[str]:
    """Rooms that at least half of the others import, and that import no other room than such ones."""
    into = {room: {a for a, b in drawing.arrows if b == room} for room in drawing.rooms}
    out = {room: {b for a, b in drawing.arrows if a == room} for room in drawing.rooms}
    often = {room for room in drawing.rooms if len(into[room]) * 2 >= len(drawing.rooms) - 1}
    return frozenset(room for room in often if out[room] <= often)


def _module(path: PurePosixPath) -> str:
    """The dotted name of a file below the first folder; a package's own file keeps its name."""
    return ".".join(path.with_suffix("").parts[1:])


def _room(module: str, base: str) -> str | None:
    """The room of a module below `base`; None if it is not below it."""
    if base:
        if not module.startswith(f"{base}."):
            return None
        room = module.removeprefix(f"{base}.").partition(".")[0]
        return None if room == "__init__" else room
    parts = module.split(".")  # the firmware
    if parts[0] in _LEFT_OUT:
        return None
    if parts[0] == "app":
        return None if parts[1] == "__init__" else ".".join(parts[:2])
    return parts[0]


def _imports(module: str, text: str, known: Mapping[str, str]) -> Iterator[str]:
    """Our modules that a source imports, anywhere in it."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (name for alias in node.names if (name := _longest(alias.name, known)))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                name = _longest(f"{node.module}.{alias.name}", known)
                if name and name != module:
                    yield name


def _longest(name: str, known: Mapping[str, str]) -> str | None:
    """The module of ours that a dotted name begins with."""
    while name and name not in known:
        if name + _PACKAGE in known:
            return name + _PACKAGE
        name = name.rpartition(".")[0]
    return name or None


def _is_folder(room: str, modules: Sequence[str]) -> bool:
    return any(module.split(".")[-1] != room.rsplit(".", maxsplit=1)[-1] for module in modules)


def _label(room: str, modules: Sequence[str]) -> str:
    return f'"{room} ({len(modules)})"' if _is_folder(room, modules) else f'"{room}"'


def _short(module: str, room: str) -> str:
    """The module's name in the room, or that of its folder there."""
    return f".{module}".partition(f".{room}.")[2].partition(".")[0]


def _key(room: str) -> str:
    return "r_" + room.replace(".", "_")


def main() -> None:
    """Write docs/rooms.md, or print the page of another commit."""
    parser = argparse.ArgumentParser(prog="tests.rooms")
    parser.add_argument("--rev", help="a commit: print its rooms instead")
    rev: str | None = parser.parse_args().rev
    if rev is None:
        PAGE.write_text(page(drawings(of_checkout())))
    else:
        print(page(drawings(of_commit(rev)), f" of {rev}"), end="")


if __name__ == "__main__":
    main()

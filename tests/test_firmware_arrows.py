"""Which way the firmware's imports point, read from its sources.

A room of `app/` (log, net, ui, badge) is one place, and a module beside the rooms is its own place. A module that
is loaded on demand is named in a text, "app.net.desk", which counts as an import.

    app      imports no driver, no board and no module of the hardware
    log      imports neither net nor ui nor badge
    ui       imports neither net nor badge
    badge    imports no other room
    drivers  take of app only constants: what a chip answers with, and what a signal is made of
    places   have no circle of imports

Beside the arrows: errors are one tree, app/errors.py, and no two classes of the application have one name.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.test_gates import BUILD_FILES, HARDWARE_MODULES

ROOT = Path(__file__).resolve().parents[1]
FIRMWARE = ROOT / "firmware"

ROOMS = ("badge", "log", "net", "ui")
FORBIDDEN = {
    "log": ("net", "ui", "badge"),
    "ui": ("net", "badge"),
    "badge": ("net", "ui", "log"),
}
"""By room of app/, the rooms that it must not import."""

Sources = Mapping[str, str]


def sources() -> dict[str, str]:
    """The firmware's own files by path below firmware/."""
    return {
        path.relative_to(FIRMWARE).as_posix(): path.read_text()
        for path in sorted(FIRMWARE.rglob("*.py"))
        if path.name not in BUILD_FILES and "__pycache__" not in path.parts
    }


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(path: str, text: str, modules: set[str]) -> Iterator[tuple[int, str, str]]:
    """(line, module, name or "") of each import in a file, and of each text that is the name of a module."""
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (node.lineno, inner, "") if inner in modules else (node.lineno, node.module or "", alias.name)
        elif isinstance(node, ast.Constant) and node.value in modules and "." in str(node.value):
            yield node.lineno, node.value, ""


def place(module: str) -> str:
    """The room of a module of app, or the module itself."""
    parts = module.split(".")
    return ".".join(parts[:2])


def wrong_imports(files: Sources) -> list[str]:
    """Violations of the rules above, except circles, as lines "path:line: why"."""
    modules = {module_of(path) for path in files}
    found = []
    for path, text in files.items():
        parts = path.split("/")
        for line, module, name in imports(path, text, modules):
            where = f"{path}:{line}"
            target = module.split(".")
            if parts[0] == "app":
                if target[0] in {"drivers", "board", "front"} | HARDWARE_MODULES:
                    found.append(f"{where}: app imports {module}")
                room = parts[1] if len(parts) > 2 else ""
                if target[0] == "app" and target[1:2] and target[1] in FORBIDDEN.get(room, ()):
                    found.append(f"{where}: {room} imports {module}")
            if parts[0] == "drivers" and target[0] == "app" and not name.isupper():
                found.append(f"{where}: a driver imports {name or module} of app, which is no constant")
    return found


def circle(files: Sources) -> list[str]:
    """Places of app that import each other, in order, the first one again at the end; empty if there are none."""
    modules = {module_of(path) for path in files}
    arrows: dict[str, set[str]] = {}
    for path, text in files.items():
        if path.startswith("app/"):
            own = place(module_of(path))
            for _, module, _ in imports(path, text, modules):
                if module.startswith("app.") and place(module) != own:
                    arrows.setdefault(own, set()).add(place(module))
    done: set[str] = set()

    def walk(here: str, way: list[str]) -> list[str]:
        if here in way:
            return [*way[way.index(here) :], here]
        if here in done:
            return []
        for there in sorted(arrows.get(here, ())):
            found = walk(there, [*way, here])
            if found:
                return found
        done.add(here)
        return []

    return next((found for start in sorted(arrows) if (found := walk(start, []))), [])


def wrong_classes(files: Sources) -> list[str]:
    """Exceptions outside the one tree, and names of two classes of app, as lines "path:line: why"."""
    found = []
    homes: dict[str, str] = {}
    tree = {"ClockError"}
    for path, text in sorted(files.items(), key=lambda file: (file[0] != "app/errors.py", file[0])):
        for node in ast.walk(ast.parse(text, path)):
            if not isinstance(node, ast.ClassDef) or not path.startswith("app/"):
                continue
            where = f"{path}:{node.lineno}"
            if node.name in homes:
                found.append(f"{where}: {node.name} is also a class of {homes[node.name]}")
            homes[node.name] = path
            bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
            if path == "app/errors.py" and bases & tree:
                tree.add(node.name)
            elif node.name != "ClockError" and any(
                base in tree or base.endswith(("Error", "Exception")) for base in bases
            ):
                found.append(f"{where}: {node.name} is an exception outside the tree of app/errors.py")
    return found


def test_errors_are_one_tree_and_no_class_name_is_there_twice() -> None:
    assert not wrong_classes(sources()), "\n".join(wrong_classes(sources()))


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("app/net/link.py", "class Lost(OSError):\n    pass", "Lost is an exception outside the tree"),
        ("app/net/link.py", "class Lost(errors.LinkError):\n    pass", "Lost is an exception outside the tree"),
        ("app/errors.py", "class Lost(Exception):\n    pass", "Lost is an exception outside the tree"),
        ("app/ui/face.py", "class Clock:\n    pass", "Clock is also a class of app/clock.py"),
    ],
)
def test_a_class_against_the_rules_is_found(path: str, text: str, why: str) -> None:
    files = sources()
    (wrong,) = wrong_classes({**files, path: files[path] + f"\n\n{text}\n"})
    assert why in wrong


def test_imports_point_the_way_of_a_punch() -> None:
    files = sources()
    assert {path.split("/")[1] for path in files if path.startswith("app/") and path.count("/") == 2} == set(ROOMS)
    assert not wrong_imports(files), "\n".join(wrong_imports(files))


def test_places_of_the_application_have_no_circle() -> None:
    assert not circle(sources()), " -> ".join(circle(sources()))


@pytest.mark.parametrize(
    ("path", "line", "why"),
    [
        ("app/punch.py", "from drivers import mfrc522", "app imports drivers"),
        ("app/badge/proof.py", "from drivers.mfrc522 import MFRC522", "app imports drivers.mfrc522"),
        ("app/clock.py", "import board", "app imports board"),
        ("app/net/link.py", "from machine import Pin", "app imports machine"),
        ("app/log/record.py", "from app.net import frames", "log imports app.net.frames"),
        ("app/log/recall.py", "from app.ui.face import Face", "log imports app.ui.face"),
        ("app/ui/face.py", "from app.net.uplink import ONLINE", "ui imports app.net.uplink"),
        ("app/ui/pages.py", "on_demand.load('app.net.ntp')", "ui imports app.net.ntp"),
        ("app/badge/proof.py", "from app.log import record", "badge imports app.log.record"),
        ("drivers/led.py", "from app.ui.face import Face", "a driver imports Face of app"),
        ("drivers/led.py", "import app.clock", "a driver imports app.clock of app"),
    ],
)
def test_an_import_against_the_rules_is_found(path: str, line: str, why: str) -> None:
    files = sources()
    changed = {**files, path: files[path] + f"\n{line}\n"}
    (wrong,) = wrong_imports(changed)
    assert why in wrong
    assert wrong.startswith(f"{path}:{changed[path].count(chr(10))}: ")


@pytest.mark.parametrize(
    ("path", "line", "arrow"),
    [
        ("app/punch.py", "from app.clock import Clock", ("app.punch", "app.clock")),
        ("app/errors.py", "from app.log import record", ("app.errors", "app.log")),
        ("app/receipts.py", "from app.net import frames", ("app.receipts", "app.net")),
        ("app/recent.py", "def f():\n    on_demand.load('app.today')", ("app.recent", "app.today")),
    ],
)
def test_a_circle_is_found(path: str, line: str, arrow: tuple[str, str]) -> None:
    files = sources()
    found = circle({**files, path: files[path] + f"\n{line}\n"})
    assert found[0] == found[-1]
    assert arrow in itertools.pairwise(found), found

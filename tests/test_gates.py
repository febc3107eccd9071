"""Quality gates: rules for the whole tree, checked by tools or by reading it.

Each gate shows the tool's own words when it fails. A part of the tree that is not there yet is skipped, visibly.
"""

from __future__ import annotations

import ast
import builtins
import importlib.metadata
import itertools
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from badgeclock.toolchain import places, programs

ROOT = Path(__file__).resolve().parents[1]
HOST = ROOT / "host_tools" / "badgeclock"
PACKAGES = sorted(path.parent for path in HOST.glob("*/__init__.py"))
FIRMWARE = ROOT / "firmware"
BOARDS = sorted(path for path in (ROOT / "boards").glob("esp32_*") if any(path.glob("*.py")))

# Read by MicroPython's build tool, which gives them functions of its own; they never run on a clock.
BUILD_FILES = {"manifest.py"}

# Modules that name the hardware or the board: the portable part must not use them.
HARDWARE_MODULES = {
    "aioespnow", "apa106", "bluetooth", "board", "dht", "ds18x20", "esp", "esp32", "espnow", "flashbdev", "inisetup",
    "machine", "neopixel", "network", "onewire", "webrepl", "webrepl_setup",
}  # fmt: skip

# The built-in and frozen modules of a stock ESP32 build of MicroPython 1.25 (ports/esp32: modules and
# boards/manifest.py).
ESP32_MODULES = HARDWARE_MODULES | {
    "_thread", "array", "asyncio", "binascii", "btree", "builtins", "cmath", "collections", "cryptolib", "deflate",
    "errno", "framebuf", "gc", "hashlib", "heapq", "io", "json", "math", "micropython", "mip", "ntptime", "os",
    "platform", "random", "re", "requests", "select", "socket", "ssl", "struct", "sys", "time", "tls", "uctypes",
    "umqtt", "upysh", "urequests", "vfs", "websocket",
}  # fmt: skip

SECRETS = {
    "a private key": re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}"),
    "a token of a code host or cloud": re.compile(
        rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|glpat-[\w-]{20}|AKIA[0-9A-Z]{16})\b"
    ),
    "a login inside an address": re.compile(rb"https?://[^\s/:@'\"{}<>$]+:[^\s/:@'\"{}<>$]+@"),
    "a folder of somebody's machine": re.compile(rb"(?<![\w.~$}/-])/(?:work|root|Users)/\w"),
    "a package registry's host": re.compile(
        rb"\b(?:deb|security|snapshot)[.]debian[.]org|\bpypi[.]org|pythonhosted[.]"
    ),
}


def firmware_files() -> list[Path]:
    """Every Python file that runs on a clock: the firmware and the hardware boards."""
    return sorted(
        path
        for folder in (FIRMWARE, *BOARDS)
        for path in folder.rglob("*.py")
        if path.name not in BUILD_FILES and "__pycache__" not in path.parts
    )


class Raised(NamedTuple):
    """An exception class: its place and its name."""

    path: Path
    line: int
    name: str


@cache
def exceptions_of(folder: Path) -> list[Raised]:
    """Every exception class below `folder`: one that descends from a built-in one, through classes of ours or not."""
    classes: list[tuple[Raised, set[str]]] = []
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(), str(path))):
            if isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
                classes.append((Raised(path, node.lineno, node.name), bases))
    known = {
        name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
    }
    found: list[Raised] = []
    while new := [item for item, bases in classes if item not in found and bases & known]:
        found += new
        known |= {item.name for item in new}
    return sorted(found)


def require_firmware(part: Path) -> None:
    if not any(part.rglob("*.py")):
        pytest.skip(f"{part.relative_to(ROOT)} has no Python file yet")


def run(*command: str | Path) -> None:
    """Run a tool from the checkout's root; fail with its output if it is not content."""
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        pytest.fail(f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}", pytrace=False)


def imported_modules(path: Path) -> dict[str, int]:
    """The top-level name of each module that a file imports, with the line."""
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            found.update({alias.name.partition(".")[0]: node.lineno for alias in node.names})
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            found[node.module.partition(".")[0]] = node.lineno
    return found


def tracked_files() -> list[Path]:
    """The files of the repository and new ones beside them; ignored or deleted files are left out."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in listing.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_ruff_is_content_with_the_host() -> None:
    run(sys.executable, "-m", "ruff", "check", "--no-cache", ".")


def test_ruff_is_content_with_the_firmware() -> None:
    folders = [path for path in (FIRMWARE, ROOT / "boards", ROOT / "tests" / "firmware") if any(path.rglob("*.py"))]
    run(sys.executable, "-m", "ruff", "check", "--no-cache", "--config", "ruff-firmware.toml", *folders)


def test_mypy_strict_is_content_with_the_host() -> None:
    run(sys.executable, "-m", "mypy", "--cache-dir", "build/mypy-host")


def test_mypy_strict_is_content_with_the_benches_that_no_test_runs() -> None:
    """Those for the device have the firmware's modules."""
    benches = [path for path in tracked_files() if path.parent == ROOT / "tests" / "bench" and path.suffix == ".py"]
    on_host = [path for path in benches if not path.stem.endswith(("_on_device", "umqtt_direct"))]
    assert on_host
    run(sys.executable, "-m", "mypy", "--follow-imports=silent", "--cache-dir", "build/mypy-bench", *on_host)


@pytest.mark.parametrize("part", [FIRMWARE, *BOARDS], ids=lambda path: path.name)
def test_mypy_is_content_with_the_firmware_under_the_esp32_stubs(part: Path) -> None:
    require_firmware(part)
    typings = places.toolchain_dir() / "typings"
    command = [
        *(sys.executable, "-m", "mypy", "--config-file", "mypy-firmware.ini"),
        *("--custom-typeshed-dir", typings, "--cache-dir", f"build/mypy-{part.name}", part.relative_to(ROOT)),
    ]
    result = subprocess.run(
        command,
        cwd=ROOT,
        env={"MYPYPATH": f"{typings}:{FIRMWARE}:{part}"},
        capture_output=True,
        text=True,
        check=False,
    )
    # The stubs have faults of their own, which are not ours to mend: only lines about our files count.
    ours = [
        line for line in result.stdout.splitlines() if line.startswith(("firmware/", "boards/")) and ": error:" in line
    ]
    if ours or result.returncode not in {0, 1}:
        pytest.fail("\n".join(ours) or result.stdout + result.stderr, pytrace=False)


def test_mpy_cross_compiles_every_file_for_the_esp32(tmp_path: Path) -> None:
    require_firmware(FIRMWARE)
    for path in firmware_files():
        run(*programs.mpy_cross(), "-march=xtensawin", "-o", tmp_path / "out.mpy", path.relative_to(ROOT))


def test_the_portable_part_imports_no_hardware_module() -> None:
    require_firmware(FIRMWARE / "app")
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: imports {module}"
        for path in sorted((FIRMWARE / "app").rglob("*.py"))
        for module, line in imported_modules(path).items()
        if module in HARDWARE_MODULES
    ]
    assert not wrong, "\n".join(wrong)


def test_the_firmware_imports_only_what_an_esp32_has() -> None:
    require_firmware(FIRMWARE)
    own = {path.stem for folder in (FIRMWARE, *BOARDS) for path in folder.iterdir()} | {"front"}  # one of fronts/
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: imports {module}, which a stock ESP32 build lacks"
        for path in firmware_files()
        for module, line in imported_modules(path).items()
        if module not in ESP32_MODULES | own
    ]
    assert not wrong, "\n".join(wrong)


def test_imports_point_one_way() -> None:
    """The contracts are in pyproject.toml; that each can fail, tests/host/test_contracts.py shows."""
    run(sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache")


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_package_keeps_its_exceptions_in_its_errors_module(package: Path) -> None:
    """What leaves a module. One with an underscore is caught where it is raised; `portable` runs on MicroPython too."""
    wrong = [
        f"{found.path.relative_to(ROOT)}:{found.line}: {found.name} belongs into {package.name}/errors.py"
        for found in exceptions_of(HOST)
        if found.path.is_relative_to(package) and found.path != package / "errors.py"
        if not found.name.startswith("_") and "portable" not in found.path.parts
    ]
    assert not wrong, "\n".join(wrong)


def test_no_two_exceptions_have_one_name() -> None:
    places: dict[str, list[str]] = {}
    for found in exceptions_of(HOST):
        places.setdefault(found.name, []).append(f"{found.path.relative_to(ROOT)}:{found.line}")
    wrong = [f"{name}: {', '.join(where)}" for name, where in places.items() if len(where) > 1]
    assert not wrong, "\n".join(wrong)


def test_an_exception_is_found_by_its_ancestors_whatever_they_are_called(tmp_path: Path) -> None:
    (tmp_path / "errors.py").write_text("class Root(Exception):\n    pass\n")
    (tmp_path / "one.py").write_text(
        "from x import errors\nclass Away(errors.Root):\n    pass\nclass Other:\n    pass\n"
    )
    (tmp_path / "two.py").write_text("class Away(Root): ...\nclass _Odd(ValueError): ...\n")
    found = {(item.path.name, item.name) for item in exceptions_of(tmp_path)}
    assert found == {("errors.py", "Root"), ("one.py", "Away"), ("two.py", "Away"), ("two.py", "_Odd")}


def test_no_file_holds_a_secret_or_names_a_private_place() -> None:
    wrong = []
    for path in tracked_files():
        content = path.read_bytes()
        for what, pattern in SECRETS.items():
            for match in pattern.finditer(content):
                line = content.count(b"\n", 0, match.start()) + 1
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {what}: {match[0].decode(errors='replace')}")
    assert not wrong, "\n".join(wrong)


OLD_WORDS = re.compile(
    r"(?<![-\w])anew\b|\bwhoever\b|\bshall\b|\bfor ever\b|\bnone any more\b"
    r"|\b(?:amid|in the mid)st\b|\bthere(?:of|by|in)\b"
    r"|\b(?:is|are|was|were|be) told\b|\bwhosever\b|\bto be had\b|\bcannot be had\b|\b(?:has|knows) no word\b"
    r"|\b(?:code|clock|bridge|broker|store|module|function|driver|verifier|registrar|uplink|firmware|console|authority)"
    r" (?:hears|heard|walks|wishes|bids|knows|tells|told|wants|thinks|speaks)\b",
    re.IGNORECASE,
)
"""What nobody says today, and verbs that programs do not do. Names keep theirs: `founded_anew`, `--found-anew`."""
WRITTEN_ONCE = (
    "tests/releases/",
    "tests/stores/",
    "tests/vectors/",
    "host_tools/badgeclock/console/static/vendor/",
    "LICENSE",
)


READ_BY_PEOPLE = {".py", ".md", ".html", ".po", ".sh", ".toml", ".yml"}


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that people read: all of a page; of Python its comments, docstrings and texts.

    None of a file without any of the words: splitting every file into tokens takes long.
    """
    if path.suffix not in READ_BY_PEOPLE or not OLD_WORDS.search(path.read_text()):
        return
    if path.suffix != ".py":
        yield from enumerate(path.read_text().splitlines(), 1)
        return
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type in {tokenize.COMMENT, tokenize.STRING}:
                yield from enumerate(token.string.splitlines(), token.start[0])


def test_pages_comments_and_messages_are_in_todays_words() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {found[0]}"
        for path in tracked_files()
        if not str(path.relative_to(ROOT)).startswith(WRITTEN_ONCE) and path != Path(__file__).resolve()
        for number, line in prose(path)
        if (found := OLD_WORDS.search(line))
    ]
    assert not wrong, "\n".join(wrong)


LOCKS = tuple(f"requirements{kind}.lock" for kind in ("", "-dev", "-build", "-docs", "-release", "-typings"))
NEVER_IMPORTED = {
    "psycopg": "SQLAlchemy's driver of PostgreSQL",
    "python-multipart": "FastAPI's for form fields",
    "tzdata": "zoneinfo's, on machines without a zone database",
}


def locked(lock: str) -> dict[str, str]:
    """The version of every package in a lock."""
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==([^\s;]+)", (ROOT / lock).read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_and_hashes_every_package(lock: str) -> None:
    entries = re.findall(r"^(\S+)==\S.*?\\\n((?:    --hash=\S+(?: \\)?\n)+)", (ROOT / lock).read_text(), re.MULTILINE)
    names = [line for line in (ROOT / lock).read_text().splitlines() if re.match(r"[A-Za-z0-9]", line)]
    assert entries
    assert len(entries) == len(names), "an entry without a hash"


def test_every_dependency_is_in_the_lock() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for lock, wanted in (
        ("requirements.lock", dependencies(told["project"])),
        ("requirements-build.lock", told["dependency-groups"]["build"]),
        ("requirements-docs.lock", told["dependency-groups"]["docs"]),
        ("requirements-release.lock", told["dependency-groups"]["release"]),
        ("requirements-dev.lock", told["dependency-groups"]["dev"]),
    ):
        missing = [text for text in wanted if named(text) not in locked(lock)]
        assert not missing, f"run `make lock`: {missing}"


def dependencies(project: dict[str, Any]) -> list[str]:
    """The requirements of the package and of its extras, without what an extra takes from the others."""
    every = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    return [text for text in every if named(text) != project["name"]]


def named(requirement: str) -> str:
    """The package's name in a requirement."""
    return re.split(r"[<>=~!\[; ]", requirement)[0]


def test_what_runs_at_a_site_is_locked_apart_and_in_the_same_versions() -> None:
    run_time, development = locked("requirements.lock"), locked("requirements-dev.lock")
    assert not {"pytest", "mypy", "ruff", "hypothesis", "openpyxl", "playwright"} & run_time.keys()
    both = run_time.keys() & development.keys()
    assert {name: run_time[name] for name in both} == {name: development[name] for name in both}


def test_every_dependency_is_used_and_everything_used_is_one() -> None:
    """Modules that come with a dependency of a dependency may vanish with its next version."""
    wanted = {named(text) for text in dependencies(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"])}
    imported = set()
    for path in (ROOT / "host_tools" / "badgeclock").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
                imported.add(node.module.partition(".")[0])
    of_module = importlib.metadata.packages_distributions()
    packages = {
        re.sub(r"[._]", "-", package.lower())
        for module in imported - set(sys.stdlib_module_names) - {"badgeclock"}
        for package in of_module.get(module, ["nothing that is installed: " + module])
    }
    micropython = {"nothing that is installed: " + module for module in ("esp32", "machine", "network", "vfs")}
    assert wanted - packages == NEVER_IMPORTED.keys()
    assert packages - wanted - micropython == set()


def test_the_host_runs_without_what_only_tests_need() -> None:
    only = locked("requirements-dev.lock").keys() - locked("requirements.lock").keys()
    of_module = importlib.metadata.packages_distributions()
    blocked = sorted(
        module
        for module, packages in of_module.items()
        if {re.sub(r"[._]", "-", package.lower()) for package in packages} <= only
    )
    assert {"pytest", "openpyxl", "hypothesis"} <= set(blocked)
    source = (
        "import importlib, pkgutil, sys\n"
        f"sys.modules.update(dict.fromkeys({blocked!r}))\n"
        "import badgeclock\n"
        "for found in pkgutil.walk_packages(badgeclock.__path__, 'badgeclock.'):\n"
        "    if '.portable' not in found.name and '.migrations' not in found.name:\n"
        "        importlib.import_module(found.name)\n"
    )
    run(sys.executable, "-c", source)


@pytest.mark.parametrize("script", [".ci/run", "host_tools/venv.sh", "host_tools/locked_venv.sh"])
def test_a_shell_script_parses(script: str) -> None:
    run("bash", "-n", ROOT / script)

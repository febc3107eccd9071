"""Collects `test_*.py` here as tests that run inside the real MicroPython: one item a function and variant.

Variants: `amd64`, `i386` (the ESP32's object layout and heap) and `i386-mpy` (the same, without rooms, with short
names and compiled by mpy-cross, as a clock gets it). A file and variant share one MicroPython process. CPython never imports these files.

A file may say in comments of its own line:

    # heapsize: 512k     more heap on i386 than the default
    # timeout: 600       seconds for the whole file and variant, instead of 300
    # mark: torture      a pytest mark for every test of the file
"""

from __future__ import annotations

import ast
import fcntl
import hashlib
import json
import keyword
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from badgeclock.technician import flatten_rooms, inline_constants, short_names
from badgeclock.toolchain import programs

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "firmware"
RUNNER = HERE / "run_one.py"
PORTABLE = ROOT / "host_tools" / "badgeclock" / "virtual" / "portable"
# What runs on the host, what compiles on the clock, and what starts the tests.
NOT_COMPILED = (
    HERE / "conftest.py",
    RUNNER,
    *(ROOT / "firmware" / name for name in ("boot.py", "main.py", "manifest.py")),
)
BOARD = ROOT / "boards" / "esp32_devkit" / "board.py"
REPORT = "\x1e"

HEAP_AMD64 = "8m"
HEAP_I386 = "128k"
TIMEOUT_S = 300
COMPILE_TIMEOUT_S = 900  # on top, for the items that compile, or wait until another worker has
STALE_BUILD_S = 3600


@dataclass(frozen=True)
class Variant:
    """One way to run the tests: the VM's architecture, and whether the code is compiled beforehand."""

    name: str
    arch: programs.Arch
    compiled: bool


VARIANTS = (
    Variant("amd64", "amd64", compiled=False),
    Variant("i386", "i386", compiled=False),
    Variant("i386-mpy", "i386", compiled=True),
)


@dataclass
class Result:
    """The result of one test function: `started` is the outcome of one that never returned. `seconds`: its own time,
    None if nobody measured it.
    """

    outcome: str = "not reached"
    text: str = ""
    output: list[str] = field(default_factory=list)
    seconds: float | None = None


class FirmwareTestFailed(Exception):
    """Has the text for people; pytest needs no traceback of its own."""


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> FirmwareFile:
    """Put our collector in the place of pytest's, which would import the file."""
    return FirmwareFile.from_parent(parent, path=module_path)


class FirmwareFile(pytest.File):
    """One test file; runs each variant once, with the functions that are selected, and keeps the results."""

    def collect(self) -> Iterator[pytest.Item]:
        source = self.path.read_text()
        self.comments = dict(re.findall(r"^# (heapsize|timeout): *(\S+)$", source, re.MULTILINE))
        self.timeout_s = float(self.comments.get("timeout", TIMEOUT_S))
        marks = re.findall(r"^# mark: *(\w+)$", source, re.MULTILINE)
        self.results: dict[str, dict[str, Result]] = {}
        self.unclaimed_s = 0.0
        functions = [
            node
            for node in ast.parse(source, str(self.path)).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        ]
        for node in functions:
            for variant in VARIANTS:
                item = FirmwareItem.from_parent(
                    self, name=f"{node.name}[{variant.name}]", test=node.name, variant=variant, line=node.lineno
                )
                item.add_marker(pytest.mark.timeout(self.timeout_s + COMPILE_TIMEOUT_S))
                for mark in marks:
                    item.add_marker(mark)
                yield item

    def result(self, wanted: FirmwareItem) -> Result:
        """The result of one item. The first call for a variant runs every selected item of it."""
        variant = wanted.variant
        if variant.name not in self.results:
            selected = [
                item.test
                for item in self.session.items
                if isinstance(item, FirmwareItem) and item.parent is self and item.variant is variant
            ]
            self.results[variant.name] = self._run(variant, selected)
            self.unclaimed_s = sum(result.seconds or 0.0 for result in self.results[variant.name].values())
        return self.results[variant.name][wanted.test]

    def _run(self, variant: Variant, functions: list[str]) -> dict[str, Result]:
        heap = HEAP_AMD64 if variant.arch == "amd64" else self.comments.get("heapsize", HEAP_I386)
        firmware, tests, notes = _compiled() if variant.compiled else (ROOT / "firmware", HERE, "")
        path = ":".join(map(str, (firmware, tests, programs.umqtt_dir())))
        command = [programs.micropython(variant.arch), "-X", f"heapsize={heap}", RUNNER, self.path.stem, *functions]
        with tempfile.TemporaryDirectory(prefix="badgeclock-test-") as scratch:
            environment = {"PATH": os.defpath, "BADGECLOCK_ROOT": str(ROOT), "BADGECLOCK_PATH": path, "TMPDIR": scratch}
            try:
                run = subprocess.run(
                    command,
                    cwd=scratch,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    timeout=self.timeout_s,
                    check=False,
                )
                output, end = run.stdout, f"MicroPython left with status {run.returncode}"
            except subprocess.TimeoutExpired as error:
                output, end = error.stdout or b"", f"MicroPython was ended after {self.timeout_s:.0f} s"
        return _parse(output.decode(errors="replace"), functions, "\n".join(filter(None, (notes, end))))


class FirmwareItem(pytest.Item):
    """One test function in one variant."""

    def __init__(self, *, test: str, variant: Variant, line: int, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]  # pytest's own: name and parent
        self.test = test
        self.variant = variant
        self._line = line

    def setup(self) -> None:
        """Have the file run, if it has not in this variant: what the process itself takes is time of the setup."""
        file = self.parent
        assert isinstance(file, FirmwareFile)
        self.result = file.result(self)

    def runtest(self) -> None:
        result = self.result
        if result.output:
            self.add_report_section("call", "stdout", "\n".join(result.output))
        if result.outcome == "skipped":
            pytest.skip(result.text)
        if result.outcome != "passed":
            raise FirmwareTestFailed(result.text)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:
        if isinstance(excinfo.value, FirmwareTestFailed):
            return _with_source_lines(str(excinfo.value))
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self._line - 1, self.name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give each test its own time, which its file's process took while the first of them was set up."""
    report = yield
    if isinstance(item, FirmwareItem) and isinstance(item.parent, FirmwareFile):
        if report.when == "setup":
            report.duration = max(0.0, report.duration - item.parent.unclaimed_s)
            item.parent.unclaimed_s = 0.0
        elif report.when == "call":
            report.duration = item.result.seconds or report.duration
    return report


def _parse(output: str, functions: list[str], end: str) -> dict[str, Result]:
    """The result of each function. One that has no report gets the output's end and `end` as its text."""
    results = {function: Result() for function in functions}
    current: Result | None = None
    outside: list[str] = []
    for line in output.split("\n"):  # not splitlines: the record separator would end a line
        if line.startswith(REPORT):
            said = json.loads(line[1:])
            result = results[said["test"]]
            result.outcome, result.text = said["outcome"], said.get("text", "")
            result.seconds = said["ms"] / 1000 if "ms" in said else None
            current = result if result.outcome == "started" else None
        elif line:
            (outside if current is None else current.output).append(line)
    for function, result in results.items():
        if result.outcome == "started":
            result.text = f"{function} did not come back. {end}"
        elif result.outcome == "not reached":
            result.text = "\n".join([f"{function} was not reached. {end}", *outside])
    return results


def _with_source_lines(text: str) -> str:
    """A MicroPython traceback with the source lines that it leaves out."""
    lines = []
    for line in text.splitlines():
        lines.append(line)
        match = re.match(r'\s*File "([^"]+)", line (\d+)', line)
        path = ROOT / match[1] if match else None
        if match and path is not None and path.is_file() and path != RUNNER:
            source = path.read_text().splitlines()
            if int(match[2]) <= len(source):
                lines.append(f"    {source[int(match[2]) - 1].strip()}")
    return "\n".join(lines)


def _compiled() -> tuple[Path, Path, str]:
    """Firmware and firmware tests compiled by mpy-cross: their two folders, and what it refused (empty: nothing).

    The folder is named by the content of the sources. One worker builds it while the others wait.
    """
    sources = sorted([*(ROOT / "firmware").rglob("*.py"), *HERE.glob("*.py"), BOARD])
    digest = hashlib.sha256((ROOT / "firmware" / "app" / "ui" / "glyphs.bin").read_bytes())
    for source in [*sources, *Path(short_names.__file__).parent.glob("*.py")]:
        digest.update(f"{source.relative_to(ROOT)}\0".encode() + source.read_bytes() + b"\0")
    builds = ROOT / "build" / "mpy"
    target = builds / digest.hexdigest()[:16]
    builds.mkdir(parents=True, exist_ok=True)
    with (builds / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            new = Path(tempfile.mkdtemp(prefix="new-", dir=builds))
            refused = "".join(_compile(name, text, new) for name, text in _shrunk(sources).items())
            shutil.copy(ROOT / "firmware" / "app" / "ui" / "glyphs.bin", new / "firmware" / "app")
            (new / "refused.txt").write_text(refused)
            new.rename(target)
            for old in builds.iterdir():
                if old.is_dir() and old != target and old.stat().st_mtime < time.time() - STALE_BUILD_S:
                    shutil.rmtree(old, ignore_errors=True)
    return target / "firmware", target / "tests" / "firmware", (target / "refused.txt").read_text()


def _shrunk(sources: list[Path]) -> dict[str, str]:
    """Firmware, umqtt and firmware tests as a clock's build makes them: no rooms, numbers for constants, short names. By
    the path below the build folder.
    """
    texts = {"umqtt/simple.py": (programs.umqtt_dir() / "umqtt" / "simple.py").read_text()}
    folders = {"umqtt/simple.py": "firmware"}
    for source in sources:
        if source not in NOT_COMPILED:
            folder = "tests/firmware" if source.is_relative_to(HERE) else "firmware"
            name = source.name if source == BOARD else str(source.relative_to(ROOT / folder))
            texts[name] = source.read_text()
            folders[flatten_rooms.flat_path(name)] = folder
    # run_one.py calls the tests, a replay its situation; what models the flash is not compiled.
    called = sorted(set(re.findall(r"def (test_\w+)", "\n".join(texts.values()))))
    called += re.findall(r"^def (\w+)", texts["memoryfaults.py"], re.MULTILINE)
    texts_of_tests = "\n".join(source.read_text() for source in HERE.glob("*.py"))  # some are names for getattr
    called += {name for name in re.findall(r"\"([a-z_]\w*)\"", texts_of_tests) if not keyword.iskeyword(name)}
    portable = [path.read_text() for path in sorted(PORTABLE.glob("*.py"))]
    outside = "\n".join([*called, *portable])
    shrunk = short_names.shorten(inline_constants.inline(flatten_rooms.flatten(texts)), outside)
    return {f"{folders[name]}/{name}": text for name, text in shrunk.items()}


def _compile(name: str, text: str, new: Path) -> str:
    """Compile one file into the same place below `new`; the compiler's words if it refuses."""
    output = (new / name).with_suffix(".mpy")
    output.parent.mkdir(parents=True, exist_ok=True)
    source = output.with_suffix(".txt")
    source.write_text(text)
    command = [*programs.mpy_cross(), "-march=x86", "-s", name, "-o", str(output), str(source)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if run.returncode == 0 else f"mpy-cross refused {name}:\n{run.stdout}{run.stderr}\n"

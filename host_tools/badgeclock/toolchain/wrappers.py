"""The scripts in `.toolchain/bin`: each starts a program of PATH, or Debian's through its own loader and libraries."""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from badgeclock.errors import ToolMissing
from badgeclock.toolchain.debian import Debian, unpack
from badgeclock.toolchain.manifest import Got, sha256
from badgeclock.toolchain.pins import AT_LEAST, DebianTree
from badgeclock.toolchain.places import toolchain_dir

_START = ".start"
"""Suffix of a program that finds its data by its wrapper's place: its wrapper is beside it."""
_LOADER = "loader"
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">{fonts}</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>
"""
_PROGRAM = ".program"
"""Suffix of a program whose place is taken by its wrapper."""


def get_programs(tree: DebianTree, debian: Debian, folder: Path) -> list[Got]:
    """Make the wrappers of `tree` in `folder/bin`, around the programs on PATH or else around Debian's."""
    found = _on_path(tree)
    if found is not None:
        for name, path in found.items():
            _write_wrapper(folder / "bin" / name, f'exec {shlex.quote(str(path))} "$@"')
        main = next(iter(found.values()))
        version = ".".join(map(str, _version_of(main) or ()))
        return [Got(tree.name, version, sha256(main), str(main))]

    base = folder / "debian" / tree.name
    got = unpack(*debian.download(tree), base, tree.share)
    for name, inside in tree.programs.items():
        if tree.finds_itself:
            _write_beside_itself(tree, base, inside)
            _write_wrapper(folder / "bin" / name, f'exec "$here/../debian/{tree.name}/{inside}{_START}" "$@"')
        elif tree.share is None:
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


def _write_beside_itself(tree: DebianTree, base: Path, inside: str) -> None:
    """The loader and the wrapper of a program that finds its data by its loader's place, and its child processes by its
    wrapper; with the list of its fonts.
    """
    place = (base / inside).parent
    up = "/".join([".."] * inside.count("/"))
    shutil.copy2((base / f"usr/lib/{tree.multiarch}/{tree.loader}").resolve(), place / _LOADER)
    (place / "fonts.conf").write_text(_FONTS.format(fonts=f"{up}/{tree.share}"))
    libraries = ":".join(f"$here/{up}/{each}" for each in (f"usr/lib/{tree.multiarch}", *tree.libraries))
    name = Path(inside).name
    arguments = " ".join(f'"{each}"' for each in tree.arguments).format(wrapper=f"$here/{name}{_START}")
    _write_wrapper(
        place / f"{name}{_START}",
        'FONTCONFIG_FILE="$here/fonts.conf"; export FONTCONFIG_FILE\n'
        f'exec "$here/{_LOADER}" --library-path "{libraries}" "$here/{name}" {arguments} "$@"',
    )


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
    return found if version is not None and version >= AT_LEAST[tree.name] else None


def _version_of(program: Path) -> tuple[int, ...] | None:
    """The version the program itself names, or None if it does not start."""
    argument = "-h" if program.name.startswith("mosquitto") else "--version"
    try:
        run = subprocess.run([program, argument], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(
        r"(?:MicroPython v|mosquitto version |postgres \(PostgreSQL\) |Chromium |promtool, version )(\d+(?:\.\d+)+)",
        run.stdout,
    )
    return tuple(map(int, match[1].split("."))) if match else None


def _loader_command(tree: DebianTree, base: str, inside: str) -> str:
    """The shell line that starts a program of `tree`, which is in `base`, through its own loader and libraries."""
    lib = f"{base}/usr/lib/{tree.multiarch}"
    program = inside if tree.share is None else f"{inside}{_PROGRAM}"
    return f'exec "{lib}/{tree.loader}" --library-path "{lib}" --argv0 "$0" "{base}/{program}" "$@"'


def _write_wrapper(path: Path, command: str) -> None:
    """A script that execs the program, so that signals reach it; it can be moved with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(
        "#!/bin/sh\n"
        "self=$0\n"
        'if [ -L "$self" ]; then self=$(readlink -f "$self"); fi\n'
        "case $self in */*) here=${self%/*} ;; *) here=. ;; esac\n"
        f"{command}\n"
    )
    new.chmod(0o755)
    new.replace(path)

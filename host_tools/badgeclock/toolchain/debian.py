"""Debian's packages, downloaded and verified by apt under a private configuration; the system is not touched.

Everything from here passed apt's own verification: signed Release, hashed index, hashed package.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from badgeclock.errors import ToolMissing
from badgeclock.toolchain.apt_sources import debian_sources
from badgeclock.toolchain.manifest import Got, sha256
from badgeclock.toolchain.pins import CODENAME, SUITES, Arch, DebianTree
from badgeclock.toolchain.places import MAKE_COMPLETE


class Debian:
    """The machine's Debian archives, queried at most once for each architecture and suite, in its own folder."""

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
            do=f"check the network and the mirror in /etc/apt (it may be in the middle of an update), {MAKE_COMPLETE}",
        )

    def _apt(self, sources: list[dict[str, str]], arch: Arch, suite: str) -> _PrivateApt:
        """apt with a verified index of `suite`. Raises _AptFailed, the second time without another attempt."""
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


def unpack(debs: list[Path], suite: str, target: Path, share: str | None) -> list[Got]:
    """Unpack the packages over each other into `target`, replacing it as a whole; of usr/share only `share` is kept."""
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
        got.append(Got(values["Package"], values["Version"], sha256(deb), f"Debian {CODENAME} (suite {suite})"))
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

    Everything it returns passed apt's own verification: signed Release, hashed index, hashed package.
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
        # Package scripts never run, so their dependencies (adduser, perl …) are skipped; programs load libraries.
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

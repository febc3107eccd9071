"""The Debian package of the bridge: the same bytes twice, and a bridge that runs from it in a clean Debian."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import make_deb
from badgeclock.toolchain.apt_sources import debian_sources

SUITE = "trixie"
LIMIT_S = 120.0
pytestmark = [
    pytest.mark.torture,
    pytest.mark.timeout(3000),
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("debootstrap"), reason="needs root and debootstrap"),
]
HTTP = """
[http]
port = {port}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Needs the package index."""
    return make_deb.build(tmp_path_factory.mktemp("deb"), SUITE)


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Debian of its minimal size, with what the package depends on. Needs the machine's Debian archive."""
    folder = tmp_path_factory.mktemp("chroot")
    mirror = debian_sources(Path("/etc/apt"))[0]["URIs"].split()[0]
    subprocess.run(
        ["debootstrap", "--variant=minbase", "--include=python3,adduser", SUITE, folder, mirror],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    folder.chmod(0o755)  # "/" of its users; pytest's folders are their owner's alone
    yield folder
    shutil.rmtree(folder)


def test_two_packages_of_one_commit_are_the_same_file(package: Path, tmp_path: Path) -> None:
    assert make_deb.build(tmp_path, SUITE).read_bytes() == package.read_bytes()


def test_a_bridge_runs_from_it_as_its_own_user_and_its_store_outlives_the_package(
    package: Path, debian: Path, tmp_path: Path
) -> None:
    def inside(*command: str, user: str = "root") -> str:
        done = subprocess.run(
            ["chroot", debian, "runuser", "-u", user, "--", *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    shutil.copy(package, debian / "package.deb")
    inside("dpkg", "-i", "/package.deb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = debian / "etc" / "badgeclock"
    example = debian / "usr" / "share" / "doc" / "badgeclock-bridge" / "bridge.toml.example"
    (settings / "bridge.toml").write_text(example.read_text() + HTTP.format(port=port))
    badgeclock = Path(sys.executable).with_name("badgeclock")
    subprocess.run([badgeclock, "ca", "init", "workshop", "--without-passphrase"], cwd=tmp_path, check=True)
    subprocess.run([badgeclock, "ca", "export", "out", "--workshop", "workshop", "--bridge"], cwd=tmp_path, check=True)
    for path in (tmp_path / "out").iterdir():
        shutil.copy(path, settings)
    for path in settings.iterdir():
        path.chmod(0o640)
        inside("chgrp", "badgeclock", f"/etc/badgeclock/{path.name}")
    config = ("--config", "/etc/badgeclock/bridge.toml")
    inside("badgeclock", "bridge", "init", *config, user="badgeclock")
    running = subprocess.Popen(
        ["chroot", debian, "runuser", "-u", "badgeclock", "--", "badgeclock", "bridge", "run", *config],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + LIMIT_S
        while True:
            assert running.poll() is None, running.communicate()[0]
            assert time.monotonic() < deadline
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=5) as answer:
                    assert answer.status == 200
                    break
            except OSError:
                time.sleep(0.5)
    finally:
        running.terminate()
        running.communicate()
    inside("dpkg", "--purge", "badgeclock-bridge")
    assert not (debian / "usr" / "lib" / "badgeclock").exists(), "compiled files stayed"
    assert (debian / "var" / "lib" / "badgeclock" / "bridge.db").is_file()

"""The commands of docs/first-punch.md, typed one block after the other, lead to a registered punch."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from badgeclock.toolchain import places

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 120.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Shell:
    """A shell into which the blocks of the page are typed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "shell.log"
        programs = f"{Path(sys.executable).parent}:{places.toolchain_dir() / 'bin'}"
        self._process = subprocess.Popen(
            ["bash", "-e"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, "PATH": f"{programs}:{os.defpath}"},
        )

    def type(self, block: str) -> None:
        """Returns once every command of the block that does not keep running has ended."""
        done = self.folder / "typed"
        done.unlink(missing_ok=True)
        assert self._process.stdin is not None
        self._process.stdin.write(f"{block}\ntouch typed\n")
        self._process.stdin.flush()
        self.wait(done.exists)

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.2)

    def says(self, text: str, *command: str) -> bool:
        """Whether a command prints the text."""
        badgeclock = Path(sys.executable).with_name("badgeclock")
        done = subprocess.run([badgeclock, *command], cwd=self.folder, capture_output=True, text=True, check=False)
        return text in done.stdout

    def end(self) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    typed = Shell(tmp_path)
    yield typed
    typed.end()
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.mark.torture
@pytest.mark.timeout(600)
def test_the_commands_of_the_page_lead_to_a_registered_punch(shell: Shell) -> None:
    page = (ROOT / "docs" / "first-punch.md").read_text()
    for port in ("8883", "8480"):
        page = page.replace(port, str(free_port()))
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    workshop, clock, provision, authority, bridge, punch, seen = blocks
    shell.type(workshop)
    shell.type(clock)
    shell.wait((shell.folder / "clock" / "tty").exists)
    shell.type(provision)
    shell.type(authority)
    shell.wait((shell.folder / "sandbox-credentials" / "service.pem").exists)
    shell.type(bridge)
    shell.wait(lambda: shell.says("Online", "virtual", "screen", "--dir", "clock"))
    shell.type(punch)

    def registered() -> bool:
        return shell.says('"reception_number": 1', "bridge", "today", "--json")

    shell.wait(registered)
    shell.type(seen)
    assert "W-001" in shell.log.read_text()

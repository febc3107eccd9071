"""The commands of the README's "A real clock", run one after the other against a virtual clock."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from badgeclock.toolchain import programs
from badgeclock.virtual.board import VirtualBoard

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 60.0

BRIDGE = """
[broker]
host = "127.0.0.1"
port = {port}
ca = "out/ca.pem"
certificate = "out/certificate.pem"
key = "out/key.pem"
[secrets]
data_key_file = "data.key"
[authority]
kind = "file"
path = "declarations"
"""


def commands() -> list[list[str]]:
    """The commands in words, without comments."""
    text = (ROOT / "README.md").read_text().partition("## A real clock")[2]
    block = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert block
    return [shlex.split(line, comments=True) for line in block[1].replace("\\\n", " ").splitlines()]


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def test_the_commands_lead_to_a_clock_that_starts_and_reaches_its_broker_and_bridge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "passphrase").write_text("seven words that are in no book\n")
    (tmp_path / "passphrase").chmod(0o600)
    monkeypatch.setenv("BADGECLOCK_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "wifi.txt").write_text("a password of the site\n")
    (tmp_path / "bridge.toml").write_text(BRIDGE.format(port=port))
    badgeclock = str(Path(sys.executable).with_name("badgeclock"))
    servers: list[subprocess.Popen[bytes]] = []
    with VirtualBoard(tmp_path / "clock") as board, (tmp_path / "log").open("wb") as log:
        board.plug_in()
        named = {
            "/dev/ttyUSB0": board.console.path,
            "broker.example": "localhost",
            "broker.example:8883": f"localhost:{port}",
            ".venv/bin/badgeclock": badgeclock,
            "mosquitto": str(programs.mosquitto()),
        }
        try:
            for words in commands():
                command = [named.get(word, word) for word in words]
                if command[1:3] == ["ca", "broker"]:
                    command += ["--port", str(port)]
                if words[0] == "make" or words[1:3] == ["clock", "acceptance"]:
                    continue  # a virtual clock has no ROM loader; the acceptance has its own test
                if words[0] == "mosquitto" or words[1:3] == ["bridge", "run"]:
                    servers.append(subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log))
                    continue
                done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
                assert done.returncode == 0, f"{words}: {done.stderr}"
            wait_for(lambda: "Hold your badge" in board.screen_text(), "the clock did not start")

            def is_online() -> bool:
                listed = subprocess.run(
                    [badgeclock, "bridge", "clock", "list", "--json"],
                    cwd=tmp_path, capture_output=True, text=True, check=True,
                ).stdout  # fmt: skip
                return any(clock["online"] for clock in map(json.loads, listed.splitlines()))

            wait_for(is_online, "the bridge does not see the clock")
        except AssertionError as error:
            pytest.fail(f"{error}\n{(tmp_path / 'log').read_text()}\n{board.screen_text()}")
        finally:
            for server in servers:
                server.terminate()
                server.wait()

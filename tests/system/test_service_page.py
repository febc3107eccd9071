"""The commands of docs/service.md, typed one after the other, lead from nothing to a registered punch."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.test_first_punch import Shell

ROOT = Path(__file__).resolve().parents[2]
COMMANDS_MOST = 3


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    typed = Shell(tmp_path)
    yield typed
    typed.end()
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.mark.torture
@pytest.mark.timeout(600)
def test_three_commands_lead_to_a_registered_punch(shell: Shell) -> None:
    page = (ROOT / "docs" / "service.md").read_text()
    commands, seen, *_ = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    lines = commands.splitlines()
    assert len(lines) == COMMANDS_MOST
    make, run, tap = lines
    shell.type(make)
    shell.type(run)
    shell.wait(lambda: "it runs" in shell.log.read_text())
    shell.type(tap)
    config = ("--config", "site/bridge.toml")
    shell.wait(lambda: shell.says('"reception_number": 1', "bridge", "today", "--json", *config))
    shell.type(seen)
    said = shell.log.read_text()
    assert "W-001" in said
    assert "1 here" in said

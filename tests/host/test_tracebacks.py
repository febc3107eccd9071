"""A clock's traceback without line numbers leads to the source again."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.clock_names import module
from typer.testing import CliRunner

from badgeclock.cli.main import app
from badgeclock.technician import firmware
from badgeclock.technician.tracebacks import explained
from badgeclock.toolchain import programs


def test_a_traceback_of_a_clocks_bytecode_leads_to_the_functions_in_the_source(tmp_path: Path) -> None:
    files = firmware.build().files
    for path, data in files.items():
        target = tmp_path / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    script = "import sys; sys.path.insert(0, '.')\nimport technician\ntechnician.judge_settings('{}', '{}')"
    command = [programs.micropython("i386"), "-X", "heapsize=256k", "-c", script]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    said = run.stdout + run.stderr
    assert f'File "{module("firmware/app/settings.py")}", line 1, in' in said, said
    log = tmp_path / "console.log"
    log.write_text("clock: started\n" + said)
    shown = CliRunner().invoke(app, ["clock", "traceback", str(log)], catch_exceptions=False).output
    places = re.findall(r"\(firmware/app/settings\.py:\d+ (\w+)\)", shown)
    assert places[0] == "Settings", shown
    assert "(firmware/technician.py:" in shown
    assert len(places) > 1, shown
    assert "clock: started" in shown
    assert "SettingsError: " in shown


def test_what_is_not_the_firmwares_stays_as_it_is() -> None:
    text = 'Traceback (most recent call last):\n  File "main.py", line 3, in <module>\nOSError: 12'
    assert explained(text, firmware.sources()) == text

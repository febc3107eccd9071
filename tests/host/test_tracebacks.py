"""A clock's traceback without line numbers leads to the source again."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from badgeclock.technician import firmware
from badgeclock.technician.tracebacks import explained
from badgeclock.toolchain import programs


def test_a_traceback_of_a_clocks_bytecode_leads_to_the_function_in_the_source(tmp_path: Path) -> None:
    for path, data in firmware.build().files.items():
        target = tmp_path / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    script = (
        "import sys; sys.path.insert(0, '.')\nfrom app import frames\nframes.Channel('clock-1', b'k').open(b't', b'')"
    )
    command = [programs.micropython("i386"), "-X", "heapsize=256k", "-c", script]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    said = run.stdout + run.stderr
    assert 'File "app.frames", line 1, in' in said, said
    lines = explained(said, firmware.sources()).splitlines()
    places = [match[1] for line in lines if (match := re.search(r"\((\S+):\d+ open_frame\)", line))]
    assert places == ["firmware/app/net/frames.py"], lines


def test_what_is_not_the_firmwares_stays_as_it_is() -> None:
    text = 'Traceback (most recent call last):\n  File "main.py", line 3, in <module>\nOSError: 12'
    assert explained(text, firmware.sources()) == text

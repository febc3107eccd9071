"""What starting costs: a help page, a command that reads, the bridge, and the demo's page.

Seconds and milliseconds of the processor where the key says so, the fewest of some starts, since what else the machine
does meanwhile is no part of it; for the demo, seconds until its page answers.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.load import Rig, free_port
from tests.reading_commands import MAY_END_WITH, READING, prepare, words_of

STARTS: Final = 5
BRIDGES: Final = 3
PATIENCE_S: Final = 60.0
COMMAND: Final = (sys.executable, "-m", "badgeclock.cli.main")
PAGES: Final = ("", "bridge", "bridge clock", "bridge badge add", "clock provision", "console account add", "demo")


def measure() -> dict[str, float]:
    """Figures by their names in catalogue.py."""
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as folder:
        rig = prepare(Path(folder))
        try:
            reading = {words: _fewest_cpu_ms(words_of(words, Path(folder))) for words in READING}
            return {
                "cli.help_cpu_ms": max(_fewest_cpu_ms([*words.split(), "--help"]) for words in PAGES),
                "cli.list_cpu_ms": max(reading.values()),
                **{f"cli.list_cpu_ms.{words.replace(' ', '_')}": took for words, took in reading.items()},
                "bridge.ready_s": min(_ready_cpu_s(rig) for _ in range(BRIDGES)),
                "demo.page_s": _demo_page_s(),
            }
        finally:
            rig.close()


def _fewest_cpu_ms(words: Sequence[str]) -> float:
    """Of a command from its first instruction to its end."""
    found = []
    for _ in range(STARTS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([*COMMAND, *words], check=False, capture_output=True, text=True, timeout=PATIENCE_S)
        if done.returncode not in MAY_END_WITH:
            raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}: {done.stderr}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found) * 1000


def _ready_cpu_s(rig: Rig) -> float:
    """Of a bridge until it takes messages."""
    if "broker" not in rig.processes:
        rig.start_broker()
    rig.start_bridge()
    spent = rig.cpu_s("bridge")
    rig.kill("bridge")
    return spent


def _demo_page_s() -> float:
    """From the command to an answer of the demo's page, with a toolchain that was set up before."""
    port = free_port()
    _end(_demo(port))
    began = time.monotonic()
    process = _demo(port)
    took = time.monotonic() - began
    _end(process)
    return took


def _demo(port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [*COMMAND, "demo", "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE_S):
                return process
        except (urllib.error.URLError, OSError):
            if process.poll() is not None:
                raise RuntimeError(f"the demo ended with {process.returncode}") from None
            time.sleep(0.02)
    _end(process)
    raise TimeoutError


def _end(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGTERM)
    process.wait(PATIENCE_S)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))

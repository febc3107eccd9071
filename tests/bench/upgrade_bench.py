"""An upgrade of a bridge with a million presences while its clocks punch, and the way back to the version before.

The version before is this repository's own: the last one whose newest form of the store is the oldest that there is a
way back to. It runs from a copy (`compare.copy_of`), with this checkout's packages. The bridge is stopped, the store
brought to this version's form by `bridge init`, and the new one started; the clocks go on all the time, and send again
what they get no acknowledgement for.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from badgeclock.bridge.store import forms
from tests.bench.compare import ROOT, copy_of
from tests.bench.living_store import Punching, fleet_of, rig_on
from tests.bench.load import PATIENCE_S, RUN_BRIDGE, LoadClock, Rig

PRESENCES: Final = int(os.environ.get("BADGECLOCK_BENCH_PRESENCES", "1000000"))
PER_S: Final = 20.0
PUNCHING_S: Final = 40.0
BEFORE_S: Final = 4.0
VERSIONS: Final = Path("host_tools/badgeclock/bridge/store/migrations/versions")


def measure() -> dict[str, float]:
    """Figures by their names in catalogue.py. Raises RuntimeError if a record is lost or stored twice."""
    form, before = _before()
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as folder:
        rig = rig_on(Path(folder) / "rig", PRESENCES)
        try:
            # The clocks are added while the store has this version's form: what adds them is this version's.
            fleet, others = (fleet_of(rig, name, PER_S, PUNCHING_S) for name in ("live", "back"))
            rig.store.migrate_back(form)
            rig.start_broker()
            _start(rig, before)
            return _upgrade(rig, fleet) | _way_back(rig, others, form, before)
        finally:
            rig.close()


def _before() -> tuple[str, Path]:
    """The oldest form that there is a way back to, and the files of the last version whose newest it is."""
    ways = [path for path in sorted((ROOT / VERSIONS).glob("r*.py")) if "def downgrade" in path.read_text()]
    first = ways[0].stem.removeprefix("r")
    form = forms.FORMS[forms.FORMS.index(first) - 1]
    added = ["git", "log", "--diff-filter=A", "--format=%H", "-1", "--", str(VERSIONS / ways[0].name)]
    commit = subprocess.run(added, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    return form, copy_of(f"{commit}^")


def _upgrade(rig: Rig, fleet: Sequence[LoadClock]) -> dict[str, float]:
    clocks = Punching(rig, fleet, PER_S)
    time.sleep(BEFORE_S)
    _stop(rig)
    began = time.monotonic()
    _init(rig)
    migrate_s = time.monotonic() - began
    _start(rig, ROOT)
    return {"upgrade.pause_s": clocks.wait(), "upgrade.migrate_s": migrate_s}


def _way_back(rig: Rig, fleet: Sequence[LoadClock], form: str, before: Path) -> dict[str, float]:
    clocks = Punching(rig, fleet, PER_S)
    time.sleep(BEFORE_S)
    _stop(rig)
    _init(rig, "--back-to", form)
    _start(rig, before)
    return {"upgrade.way_back_pause_s": clocks.wait()}


def _start(rig: Rig, version: Path) -> None:
    """Start the bridge of a version, and wait until it is connected."""
    command = [sys.executable, "-c", RUN_BRIDGE, "run", "--config", str(rig.config)]
    rig._start("bridge", ["env", f"PYTHONPATH={version / 'host_tools'}", *command])
    rig.wait_ready()


def _stop(rig: Rig) -> None:
    """End the bridge as a service manager does."""
    process = rig.processes.pop("bridge")
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE_S)


def _init(rig: Rig, *words: str) -> None:
    command = [sys.executable, "-m", "badgeclock.cli.main", "bridge", "init", "--config", str(rig.config), *words]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))

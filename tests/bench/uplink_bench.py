"""What the uplink costs: TLS records and bytes a punch beside umqtt.simple alone, and heap.

The clock is the real firmware on MicroPython i386, the broker a real Mosquitto with mutual TLS.
Records are counted where TLS writes to its socket.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from badgeclock.toolchain import programs
from tests.system.uplink_rig import CLOCK_ID, ROOT, Bridge, ClockProcess, Keys, Site, running, wait_until

SINGLE_PUNCHES = 50
BACKLOG_PUNCHES = 3000


def measure() -> dict[str, float]:
    """Flat figures; see tests/bench/catalogue.py."""
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as folder:
        site = Site(Path(folder))
        site.start()
        try:
            figures = _uplink(site, Path(folder) / "clock")
            return figures | _umqtt(Path(folder) / "clock" / "setup.json")
        finally:
            site.kill()


def _uplink(site: Site, folder: Path) -> dict[str, float]:
    keys = Keys.of(site.shop, CLOCK_ID)
    with Bridge(site, keys) as bridge, running(ClockProcess(site, folder, keys=keys)) as clock:
        before = clock.wait_state("the first records", lambda said: said["tail"] == said["head"] > 0)
        for _ in range(SINGLE_PUNCHES):
            mark = len(clock.events)
            clock.do("punch", count=1)
            seq = clock.wait("punch", after=mark)["seq"]
            clock.wait("receipt", after=mark, seq=seq)
        single = clock.state()
        bridge.acknowledges = False
        clock.do("punch", count=BACKLOG_PUNCHES, pace=25)
        backlog = clock.wait_state("a backlog", lambda said: not said["wanted"])
        bridge.acknowledges = True
        drained = clock.wait_state("an empty journal", lambda said: said["tail"] == said["head"])
        wait_until(lambda: len(bridge.heard[CLOCK_ID].records) == drained["head"], "every record")
        return {
            "uplink.tls_records_per_punch": (single["writes"] - before["writes"]) / SINGLE_PUNCHES,
            "uplink.tls_bytes_per_punch": (single["written"] - before["written"]) / SINGLE_PUNCHES,
            "uplink.backlog_tls_records_per_punch": (drained["writes"] - backlog["writes"]) / BACKLOG_PUNCHES,
            "uplink.backlog_tls_bytes_per_punch": (drained["written"] - backlog["written"]) / BACKLOG_PUNCHES,
            "uplink.heap_i386": before["heap_used"] - clock.of("heap")[0]["before_uplink"],
        }


def _umqtt(setup: Path) -> dict[str, float]:
    """The same broker and certificates, umqtt.simple 1.3.4 alone; QoS 1 because at QoS 0 nothing reports a loss."""
    run = subprocess.run(
        [
            str(programs.micropython("i386")),
            str(ROOT / "tests/bench/umqtt_direct.py"),
            str(setup),
            str(SINGLE_PUNCHES),
        ],
        env={"PATH": os.defpath, "BADGECLOCK_PATH": str(programs.umqtt_dir())},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    _, acknowledged = (json.loads(line) for line in run.stdout.splitlines())
    return {
        "umqtt.tls_records_per_punch": acknowledged["writes"] / SINGLE_PUNCHES,
        "umqtt.tls_bytes_per_punch": acknowledged["written"] / SINGLE_PUNCHES,
    }

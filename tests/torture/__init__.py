"""The whole torture of the clock's log: power cuts, pairs of cuts, faults of flash and heap, in the real MicroPython.

`sweep` runs all of it on every core and writes build/torture.json; `replay` runs one case again. What is tortured and
how is in tests/firmware: world, cuts, iofaults, memoryfaults. Found cases are kept in tests/regress.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from badgeclock.toolchain import programs

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
TESTS = ROOT / "tests" / "firmware"
MODEL = ROOT / "host_tools" / "badgeclock" / "virtual" / "portable"
RESULTS = ROOT / "build" / "torture.json"
SHARD = TESTS / "torture_shard.py"
REPORT = "\x1e"
SHARD_TIMEOUT_S = 3600
LOG = (
    "errors", "log/provisioning",
    "log/hmac256", "log/journal", "log/keystore", "log/record", "log/seal", "log/sealed_log",
)  # fmt: skip
HARNESS = (
    "auditor", "cuts", "expect", "iofaults", "keyscan", "memoryfaults", "nor", "quiet_flash", "torture_shard", "world",
)  # fmt: skip

COMPLETE = "whole life"
OTHERS = (
    "first day",
    "founded again",
    "over the sector border",
    "over the end of the ring",
    "over the border without idle",
    "late around the ring",
    "erased late",
)
# Operations of the complete life in one shard. It has some fifty: the last shards find nothing.
OPERATIONS_A_SHARD = 4
SHARDS = 16
ROW, PAGE = 16, 256

HEAPS = {"amd64": "64m", "i386": "1m"}

Task = dict[str, Any]


def tasks() -> list[tuple[programs.Arch, Task]]:
    """Every piece, the longest first."""
    found: list[tuple[programs.Arch, Task]] = []
    for shard in range(SHARDS):
        first = shard * OPERATIONS_A_SHARD
        found.append(("amd64", {"do": "pairs", "life": COMPLETE, "operations": [first, first + OPERATIONS_A_SHARD]}))
    for life in (COMPLETE, *OTHERS):
        found.append(("amd64", {"do": "unstable", "life": life}))
        found += [("amd64", {"do": "coarse", "life": life, "grain": grain}) for grain in (ROW, PAGE)]
        found.append(("amd64", {"do": "singles", "life": life}))
        found.append(("amd64", {"do": "io", "life": life}))
        # On 32 bits the same code runs in a sample.
        found.append(("i386", {"do": "singles", "life": life, "sparse": 17}))
    found += [("amd64", {"do": "pairs", "life": life, "sparse": 13}) for life in OTHERS]
    found += [("amd64", {"do": "memory"}), ("i386", {"do": "memory"})]
    return found


def sources() -> str:
    """A digest of everything that a result depends on."""
    digest = hashlib.sha256()
    for folder, names in ((FIRMWARE / "app", LOG), (TESTS, HARNESS), (MODEL, ("norcells",))):
        for name in names:
            digest.update(f"{name}\0".encode() + (folder / f"{name}.py").read_bytes() + b"\0")
    return digest.hexdigest()


def run(arch: programs.Arch, task: Task) -> subprocess.CompletedProcess[str]:
    """Run one piece in its own MicroPython."""
    command = [programs.micropython(arch), "-X", f"heapsize={HEAPS[arch]}", str(SHARD), json.dumps(task)]
    environment = {
        "PATH": os.defpath,
        "BADGECLOCK_ROOT": str(ROOT),
        "BADGECLOCK_PATH": f"{FIRMWARE}:{TESTS}",
    }
    return subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SHARD_TIMEOUT_S,
        check=False,
    )


def sweep() -> dict[str, Any]:
    """Run everything, print what fails, and write and give the counts."""
    counts: Counter[str] = Counter(single_cuts=0, double_cuts=0, io_faults=0, memory_faults=0, failures=0)
    start = time.monotonic()
    before = sources()

    def work(piece: tuple[programs.Arch, Task]) -> None:
        arch, task = piece
        done = run(arch, task)
        text, _, report = done.stdout.rpartition(REPORT)
        if done.returncode or not report:
            counts["failures"] += 1
            print(f"{arch} {json.dumps(task)} did not end: {done.stdout}", flush=True)
            return
        found = json.loads(report)
        counts.update(found)
        print(f"{time.monotonic() - start:6.0f} s  {arch} {json.dumps(task)}: {json.dumps(found)}", flush=True)
        if text:
            print(text, flush=True)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(work, tasks()))
    results = {**counts, "seconds": round(time.monotonic() - start), "sources": before}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return results


def fresh() -> dict[str, Any]:
    """The counts of the last sweep if it was of these very sources, else of one made now."""
    if RESULTS.exists():
        results: dict[str, Any] = json.loads(RESULTS.read_text())
        if results["sources"] == sources():
            return results
    return sweep()


def replay(case: Task, arch: programs.Arch = "amd64") -> str:
    """Run one case alone; returns its output if it breaks an invariant, else nothing."""
    done = run(arch, {"replay": case})
    return done.stdout if done.returncode else ""

"""Measures two states of the checkout in one run: an older commit and the working tree, in turn.

    python -m tests.bench.compare REV bridge              three rounds of bridge_bench.py in each
    python -m tests.bench.compare REV memory --rounds 1   memory_bench.py once in each

Only a ratio within one run says something on a machine whose speed drifts. The older state runs from a copy under
build/compare, with this checkout's packages and toolchain. Nothing is written to build/bench.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
from collections import defaultdict
from pathlib import Path

from badgeclock.toolchain.places import toolchain_dir

ROOT = Path(__file__).resolve().parents[2]


def copy_of(revision: str) -> Path:
    """The files of a commit, in their own folder. Raises SystemExit if there is no such commit."""
    found = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        raise SystemExit(f"compare: there is no commit {revision!r} in this clone")
    folder = ROOT / "build" / "compare" / found.stdout.strip()[:12]
    if not folder.exists():
        making = folder.with_name(folder.name + ".making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        archive = subprocess.Popen(["git", "archive", revision], cwd=ROOT, stdout=subprocess.PIPE)
        assert archive.stdout is not None
        with archive.stdout, tarfile.open(fileobj=archive.stdout, mode="r|") as files:
            files.extractall(making, filter="data")
        if archive.wait():
            raise SystemExit(f"compare: git archive {revision} failed")
        making.rename(folder)
    return folder


def measure(tree: Path, name: str) -> dict[str, float]:
    """The results of the bench module `name` of a tree. Raises SystemExit with its message if it fails."""
    # As the bridge does it, also where an older bench does not: or one more search for cycles is a quarter of a figure.
    program = "import gc; gc.set_threshold(50_000, 20, 50)\n"
    program += f"import json; from tests.bench.{name}_bench import measure; print('figures', json.dumps(measure()))"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tree / "host_tools"), str(tree)]),
        "BADGECLOCK_TOOLCHAIN": str(toolchain_dir()),
    }
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    for line in run.stdout.splitlines():
        if line.startswith("figures "):
            figures: dict[str, float] = json.loads(line.removeprefix("figures "))
            return figures
    raise SystemExit(f"compare: {name}_bench.py failed in {tree}\n{run.stdout[-2000:]}{run.stderr[-2000:]}")


def main() -> int:
    """Print, for each figure, both medians and the median of the ratios round by round."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.compare", description=__doc__.splitlines()[0])
    parser.add_argument("revision")
    parser.add_argument("names", nargs="+", metavar="bench", help="names of bench modules, without _bench")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    before = copy_of(chosen.revision)
    for name in chosen.names:
        found: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for number in range(chosen.rounds):
            print(f"compare: {name}, round {number + 1} of {chosen.rounds}", file=sys.stderr, flush=True)
            old, new = measure(before, name), measure(ROOT, name)
            for key in sorted(old.keys() & new.keys()):
                found[key].append((old[key], new[key]))
        print(f"{'figure':48} {'before':>14} {'after':>14} {'after/before':>13}")
        for key, pairs in found.items():
            ratios = [now / then for then, now in pairs if then]
            ratio = f"{statistics.median(ratios):13.4f}" if ratios else " " * 13
            then, now = (statistics.median(values) for values in zip(*pairs, strict=True))
            print(f"{key:48} {then:14,.4g} {now:14,.4g} {ratio}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The model of a clock's ways, by which simulations of many days punch, against the firmware itself."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

from tests.host.bridge.presences.clock_ways import ClockWays

from badgeclock.toolchain import programs

ROOT = Path(__file__).resolve().parents[2]
ON_DEVICE = Path(__file__).with_name("ways_on_device.py")
SEED = 20261129
MORNING_S = 1_796_021_880
"""When the device's clock begins, as tests/firmware/clock_site.py has it."""


def test_the_model_says_what_the_firmware_says_through_many_days(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    pauses = (120, 1800, 3600, 4 * 3600, 8 * 3600, 11 * 3600, 11 * 3600 - 1, 13 * 3600, 14 * 3600, 30 * 3600)
    taps = [
        (chance.choice(pauses), chance.randrange(3), chance.choice(("", "", "", "in", "out", "break")))
        for _ in range(900)
    ]
    asked = tmp_path / "questions.jsonl"
    asked.write_text("".join(json.dumps(tap) + "\n" for tap in taps))
    command = [
        programs.micropython("i386"),
        "-X",
        "heapsize=4m",
        ON_DEVICE,
        ROOT / "firmware",
        ROOT / "tests" / "firmware",
        asked,
    ]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    model, utc_s = ClockWays(), MORNING_S
    for at, ((seconds, badge, key), answer) in enumerate(zip(taps, answers, strict=True)):
        utc_s += seconds
        assert [int(part) for part in model.way(bytes([badge]), utc_s, key)] == answer, (SEED, at, taps[at])

"""The firmware's flash content, judged by the host's verifier: no effect of a power cut is a failure."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from badgeclock.evidence import verifier
from badgeclock.evidence.findings import Reason, Verdict
from badgeclock.evidence.image import Partitions
from badgeclock.evidence.keys import ClockKeys
from badgeclock.evidence.verifier import Evidence, Report
from badgeclock.toolchain import programs

ROOT = Path(__file__).resolve().parents[2]
ON_DEVICE = Path(__file__).with_name("lives_on_device.py")
SEED = 4100
LIVES = 12
CUTS = 6
OF_A_CUT = {Reason.TORN, Reason.UNFINISHED, Reason.BEFORE_START, Reason.AFTER_BREAK}


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The flashes of all lives, made by the real MicroPython."""
    folder = tmp_path_factory.mktemp("lives")
    command = [programs.micropython("amd64"), "-X", "heapsize=8m", ON_DEVICE, ROOT / "firmware"]
    command += [ROOT / "tests" / "firmware", SEED, LIVES, folder]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout[-800:] + done.stderr
    return folder


def judged(path: Path) -> Report:
    evidence = Evidence()
    parts = [memoryview(path.with_name(f"{path.name}.{name}").read_bytes()) for name in ("journal", "seal")]
    verifier.add_flash(evidence, Partitions(parts[0], parts[1]))
    nonce = bytes(range(1, 9))
    return verifier.verify(ClockKeys("clock-0042", nonce, bytes(range(32))), evidence)


@pytest.mark.parametrize("life", range(LIVES))
def test_a_clock_that_started_after_a_power_cut_is_proven_from_its_first_whole_epoch_on(lives: Path, life: int) -> None:
    for cut in range(CUTS):
        report = judged(lives / f"{life}-{cut}-started")
        said = [str(finding) for finding in report.findings if finding.reason is not Reason.BEFORE_START]
        assert said == [], f"seed {SEED}, life {life}, start after cut {cut}"
        assert report.key_met
        assert report.ok > 0


@pytest.mark.parametrize("life", range(LIVES))
def test_a_flash_read_right_after_a_power_cut_never_fails(lives: Path, life: int) -> None:
    for cut in range(CUTS):
        report = judged(lives / f"{life}-{cut}-cut")
        said = [str(finding) for finding in report.findings if finding.reason not in OF_A_CUT]
        assert said == [], f"seed {SEED}, life {life}, cut {cut}"
        assert report.verdict is not Verdict.FAILED


def test_the_lives_show_what_they_are_about(lives: Path) -> None:
    reports = [judged(lives / f"{life}-{cut}-cut") for life in range(LIVES) for cut in range(CUTS)]
    found = {finding.reason for report in reports for finding in report.findings}
    assert {Reason.TORN, Reason.UNFINISHED, Reason.BEFORE_START} <= found
    assert any(report.burnt for report in reports)

"""The cost of `badgeclock journal verify`: a flash of more than 100,000 records, from the file to the verdict."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from badgeclock.evidence import verifier
from badgeclock.evidence.findings import Verdict
from badgeclock.evidence.image import Partitions
from badgeclock.evidence.keys import ClockKeys
from badgeclock.evidence.open_file import open_file
from tests.host.evidence.flash import A_SECTOR, flash_of
from tests.host.evidence.logs import maker

RECORDS = 102_400
SECTORS = RECORDS // A_SECTOR + 8
RUNS = 3


def busy_clock(records: int) -> maker.Sealer:  # type: ignore[name-defined]  # a module loaded by its path
    """A clock with a punch every 20 s, epochs closed at midnight or when they are full, and a start a day."""
    clock = maker.Sealer().founded().starts()
    clock.passes(9_000).set_time(clock.utc_ms + 400)
    day = clock.utc_ms // maker.DAY_MS
    while clock.seq < records:
        clock.passes(20_011)
        if clock.records >= 2047 or clock.utc_ms // maker.DAY_MS != day:
            day = clock.utc_ms // maker.DAY_MS
            clock.closes().starts(after_ms=9_000)
        clock.punch(flags=1 + clock.seq % 2)
    return clock


def measure() -> dict[str, float]:
    """Records a second, file reading and all rules included, the best of three."""
    clock = busy_clock(RECORDS)
    flash = flash_of(clock.slots, clock.end(), sectors=SECTORS)
    best = 0.0
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as scratch:
        journal_file, seal_file = Path(scratch, "journal.bin"), Path(scratch, "seal.bin")
        journal_file.write_bytes(flash.journal)
        seal_file.write_bytes(flash.seal)
        for _ in range(RUNS):
            started = time.perf_counter()
            evidence = verifier.Evidence()
            verifier.add_flash(evidence, Partitions(open_file(journal_file), open_file(seal_file)))
            report = verifier.verify(ClockKeys(maker.CLOCK_ID, maker.NONCE, maker.E_0), evidence)
            elapsed = time.perf_counter() - started
            if report.verdict is not Verdict.OK or report.ok < RECORDS:
                raise RuntimeError(f"the verifier found {[str(finding) for finding in report.findings][:3]}")
            best = max(best, report.ok / elapsed)
    return {"seal.verify_records_per_s": best}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))

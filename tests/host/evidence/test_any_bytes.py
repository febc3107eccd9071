"""For any bytes as evidence, the verifier returns a verdict or raises one of our errors."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.host.evidence.flash import SECTOR, flash_of
from tests.host.evidence.logs import LOGS, maker, slots_of
from tests.host.evidence.negatives import clock, whole_flash

from badgeclock.errors import BadgeclockError
from badgeclock.evidence import dump, image, report_text, store_source, verifier
from badgeclock.evidence.findings import Findings, Verdict
from badgeclock.evidence.image import Partitions
from badgeclock.evidence.keys import ClockKeys
from badgeclock.evidence.sources import parse_anchor
from badgeclock.evidence.verifier import Evidence

KEYS = ClockKeys(maker.CLOCK_ID, maker.NONCE, maker.E_0, bytes(32))
SLOTS = slots_of(LOGS["logs"][1]["slots"])
GOOD = flash_of(SLOTS, LOGS["logs"][1]["end"])
RAWS = [raw for raw in SLOTS if raw]
TOPIC = f"badgeclock/v1/{maker.CLOCK_ID}/".encode()


def told(evidence: Evidence) -> Verdict:
    """The verdict, after every line of output was made."""
    report = verifier.verify(KEYS, evidence)
    assert len(list(report_text.record_objects(report))) == report.ok + report.unproven + report.failed
    assert all(isinstance(line, str) for line in [*report_text.record_lines(report), *report_text.lines(report)])
    assert report_text.summary_object(report)["verdict"] == report.verdict.value
    return report.verdict


def with_flash(journal_bytes: bytes, seal_bytes: bytes) -> Verdict | None:
    evidence = Evidence()
    try:
        verifier.add_flash(evidence, Partitions(memoryview(journal_bytes), memoryview(seal_bytes)))
    except BadgeclockError:
        return None
    return told(evidence)


@settings(deadline=None)
@given(st.binary(max_size=4 * SECTOR), st.binary(max_size=2 * SECTOR))
def test_any_bytes_as_partitions(journal_bytes: bytes, seal_bytes: bytes) -> None:
    assert with_flash(journal_bytes, seal_bytes) is not Verdict.OK


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_random_whole_sectors_as_partitions(seed: int) -> None:
    source = random.Random(seed)
    assert with_flash(source.randbytes(3 * SECTOR), source.randbytes(2 * SECTOR)) is not Verdict.OK


edits = st.lists(
    st.tuples(st.booleans(), st.integers(0, 4 * SECTOR - 1), st.binary(min_size=1, max_size=200)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@given(edits)
def test_a_good_flash_with_anything_written_over_it_fails(changes: list[tuple[bool, int, bytes]]) -> None:
    flash = GOOD.copy()
    for in_seal, at, content in changes:
        part = flash.seal if in_seal else flash.journal
        end = min(at + len(content), len(part))
        part[at:end] = content[: end - at]
    verdict = with_flash(bytes(flash.journal), bytes(flash.seal))
    if (flash.journal, flash.seal) == (GOOD.journal, GOOD.seal):
        assert verdict is Verdict.OK
    else:
        assert verdict is not Verdict.OK


@settings(deadline=None)
@given(st.binary(max_size=0x9100))
def test_any_bytes_as_a_whole_flash(content: bytes) -> None:
    try:
        image.partitions_of(content)
    except BadgeclockError:
        return
    raise AssertionError("a partition table by chance")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 0xCFFF), st.binary(min_size=1, max_size=64))
def test_a_whole_flash_with_a_changed_table_or_key_store(at: int, content: bytes) -> None:
    flash = bytearray(whole_flash(GOOD))
    flash[at : at + len(content)] = content
    evidence = Evidence()
    try:
        parts = image.partitions_of(bytes(flash))
        verifier.add_flash(evidence, parts)
        verifier.check_copies(evidence, KEYS, parts)
    except BadgeclockError:
        return
    told(evidence)


records = st.one_of(
    st.sampled_from(RAWS),
    st.binary(min_size=64, max_size=64),
    st.tuples(st.sampled_from(RAWS), st.integers(0, 511)).map(
        lambda both: maker.changed(both[0], both[1] >> 3, 1 << (both[1] & 7))
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(records, min_size=1, max_size=30), st.binary(max_size=70))
def test_any_records_as_dumps(raws: list[bytes], rest: bytes) -> None:
    evidence = Evidence()
    try:
        for number, data in enumerate((b"".join(raws) + rest, b"".join(RAWS))):
            evidence.sources.append(dump.read(data, KEYS, f"dump {number}", evidence.findings).runs)
    except BadgeclockError:
        return
    verdict = told(evidence)
    if not rest and set(raws) <= set(RAWS):
        assert verdict is Verdict.OK
    else:
        assert verdict is not Verdict.OK


payloads = st.tuples(st.sampled_from([b"punches ", b"status ", b"ack "]), st.binary(max_size=300))
lines_of_a_dump = st.one_of(st.binary(max_size=80), payloads.map(lambda both: TOPIC + both[0] + both[1].hex().encode()))


@settings(deadline=None)
@given(st.lists(lines_of_a_dump))
def test_any_lines_as_a_dump(lines: list[bytes]) -> None:
    evidence = Evidence()
    text = b"\n".join([TOPIC + b"punches " + RAWS[0].hex().encode(), *lines])
    try:
        read = dump.read(text, KEYS, "lines", evidence.findings)
    except BadgeclockError:
        return
    evidence.sources.append(read.runs)
    evidence.anchors += read.anchors
    told(evidence)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2**40), st.binary(max_size=70) | records, st.integers(-(2**62), 2**62)), max_size=20
    )
)
def test_any_rows_of_a_store(rows: list[tuple[int, bytes, int]]) -> None:
    evidence = Evidence()
    evidence.sources.append(store_source.runs_of_rows(rows, evidence.findings))
    told(evidence)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_as_an_anchor(text: str) -> None:
    try:
        anchor = parse_anchor(text)
    except BadgeclockError:
        return
    assert len(anchor.tag) == 16


def test_a_hostile_dump_of_many_numbers_takes_no_more_space_than_itself() -> None:
    raws = b"".join(RAWS[3][:4] + (seq * 40_503 % 2**32).to_bytes(4, "big") + RAWS[3][8:] for seq in range(3_000))
    evidence = Evidence()
    runs = dump.read(raws, KEYS, "dump", evidence.findings).runs
    evidence.sources.append(runs)
    assert sum(len(run.raws) for run in runs) == len(raws)
    report = verifier.verify(KEYS, evidence)
    assert report.ok == 0


def test_a_flash_of_nothing_but_burnt_slots_is_judged_soon() -> None:
    flash = flash_of(SLOTS + [None] * 1500, LOGS["logs"][1]["end"], sectors=30)
    assert with_flash(bytes(flash.journal), bytes(flash.seal)) is Verdict.UNPROVEN


def test_findings_of_one_kind_in_a_row_are_one() -> None:
    findings = Findings()
    made = clock()
    evidence = Evidence(findings=findings)
    raws = bytearray(b"".join(made.slots))
    for at in range(64 * 3, len(raws), 64):
        raws[at + 50] ^= 1
        raws[at + 30] ^= 1
    evidence.sources.append(dump.read(bytes(raws), KEYS, "dump", findings).runs)
    verifier.verify(KEYS, evidence)
    assert len(list(findings)) <= 2

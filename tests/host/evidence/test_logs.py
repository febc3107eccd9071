"""The golden logs and the attack logs of tests/vectors/logs.json, judged as a flash with the known anchors."""

from __future__ import annotations

from typing import Any

import pytest
from tests.host.evidence.flash import A_SECTOR, flash_of
from tests.host.evidence.logs import LOGS, slots_of

from badgeclock.evidence import image, store_source, verifier
from badgeclock.evidence.dump import Anchor, read
from badgeclock.evidence.findings import Reason, Verdict
from badgeclock.evidence.keys import ClockKeys
from badgeclock.evidence.verifier import Evidence, Report
from badgeclock.protocol import seal
from badgeclock.protocol.errors import RecordRefused, SealFailed
from badgeclock.protocol.record import Kind

Slots = list[bytes | None]


def keys() -> ClockKeys:
    return ClockKeys(LOGS["clock_id"], bytes.fromhex(LOGS["nonce"]), bytes.fromhex(LOGS["e0"]))


def named(cases: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


def judged(case: dict[str, Any], *, with_keys: bool = False) -> Report:
    """The verifier's report on a log as a clock's flash would hold it, with all that the case knows beside it."""
    slots = slots_of(case["slots"])
    flash = flash_of(slots, case.get("end"), sectors=max(6, len(slots) // A_SECTOR + 4))
    evidence = Evidence()
    seal_bytes = memoryview(bytes(flash.seal)) if with_keys else None
    verifier.add_flash(evidence, image.Partitions(memoryview(bytes(flash.journal)), seal_bytes))
    if "other" in case:
        other = b"".join(raw for raw in slots_of(case["other"]) if raw)
        evidence.sources.append(read(other, keys(), "the other clock", evidence.findings).runs)
    if "received_ms" in case:
        pairs = zip(slots_of(case["slots"]), case["received_ms"], strict=True)
        rows = [(int.from_bytes(raw[4:8], "big"), raw, received) for raw, received in pairs if raw]
        evidence.sources.append(store_source.runs_of_rows(rows, evidence.findings))
    for told in case.get("anchors", []):
        evidence.anchors.append(Anchor(told["next_seq"], bytes.fromhex(told["tag"]), "the bridge"))
    return verifier.verify(keys(), evidence)


def by_number(spans: list[tuple[int, int, str]], slots: Slots) -> dict[int, str]:
    """The reason of each number; of slots without a record only those that are missing count."""
    return {
        seq: reason
        for first, last, reason in spans
        for seq in range(first, last + 1)
        if reason in {"missing", "rolled back"} or (seq < len(slots) and slots[seq])
    }


def found(report: Report, verdict: Verdict) -> list[tuple[int, int, str]]:
    return [
        (finding.first, finding.last, finding.reason.value)
        for finding in report.findings
        if finding.reason.verdict is verdict and finding.first is not None and finding.last is not None
    ]


def first_broken(slots: Slots) -> int | None:
    """Number of the first record that the seal, checked record by record, rejects."""
    state = keys().founded()
    for raw in slots:
        if raw is None:
            continue
        try:
            state = seal.advance(state, raw)[1]
        except (SealFailed, RecordRefused):
            return int.from_bytes(raw[4:8], "big")
    return None


@named(LOGS["logs"])
def test_a_golden_log_is_proven_to_the_last_byte(case: dict[str, Any]) -> None:
    report = judged(case, with_keys=True)
    slots = slots_of(case["slots"])
    assert [str(finding) for finding in report.findings] == []
    assert (report.verdict, report.ok, report.key_met) == (Verdict.OK, len([raw for raw in slots if raw]), True)
    assert (report.head, report.burnt) == (len(slots), slots.count(None))
    assert first_broken(slots) is None


@named(LOGS["logs"])
def test_a_golden_log_leads_to_the_state_that_it_says(case: dict[str, Any]) -> None:
    state = keys().founded()
    for raw in slots_of(case["slots"]):
        if raw is not None:
            state = seal.advance(state, raw)[1]
    end = case["end"]
    assert (state.next_seq, state.boot, state.epoch, state.records) == (
        end["next_seq"],
        end["boot"],
        end["epoch"],
        end["records"],
    ) or end["r"] == ""
    assert (state.r.hex(), state.e_next.hex(), state.tag.hex()) == (end["r"], end["e_next"], end["tag"])


def test_the_golden_logs_show_every_kind_of_record_and_several_burnt_numbers_in_a_row() -> None:
    slots = [raw for case in LOGS["logs"] for raw in slots_of(case["slots"])]
    assert {Kind(raw[1]) for raw in slots if raw} == set(Kind)
    assert any(slots[at : at + 3] == [None] * 3 for at in range(len(slots)))
    assert all(len(case["slots"]) >= 50 for case in LOGS["logs"])


@named(LOGS["attacks"])
def test_an_attack_is_told_record_by_record(case: dict[str, Any]) -> None:
    report, slots, expected = judged(case), slots_of(case["slots"]), case["expected"]
    assert by_number(found(report, Verdict.FAILED), slots) == by_number(expected["failed"], slots)
    assert by_number(found(report, Verdict.UNPROVEN), slots) == by_number(expected["unproven"], slots)
    is_seen = bool(expected["failed"])
    assert (report.verdict is Verdict.FAILED) == is_seen


@named(LOGS["attacks"])
def test_the_seal_alone_stops_where_the_vectors_say(case: dict[str, Any]) -> None:
    assert first_broken(slots_of(case["slots"])) == case["expected"]["first_broken"]


def test_only_what_no_seal_can_see_is_not_seen() -> None:
    unseen = {case["name"] for case in LOGS["attacks"] if not case["expected"]["failed"]}
    assert unseen == {
        "stolen key: the future forged",
        "clock set back, and said so",
        "RTC jumped ahead while off, and the bridge set it",
        "RTC jumped back while off, and the bridge set it",
    }


def test_the_words_of_the_vectors_are_the_verifiers() -> None:
    words = {reason.value for reason in Reason}
    for case in LOGS["attacks"]:
        for _, _, reason in case["expected"]["failed"] + case["expected"]["unproven"]:
            assert reason in words

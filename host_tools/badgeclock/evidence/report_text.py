"""A report in words and as JSON. Neither ever has a token, key or payload."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from badgeclock.evidence.findings import Finding, Verdict
from badgeclock.evidence.time_checks import moment_of
from badgeclock.evidence.verifier import Report
from badgeclock.protocol.record import Kind

_KINDS: Final = {int(kind): kind.name for kind in Kind}
_HEADLINES: Final = {
    Verdict.OK: "all of it is proven: the clock sealed these records in this order and nothing was changed since",
    Verdict.UNPROVEN: "nothing is wrong, but not all of it is proven",
    Verdict.FAILED: "NOT genuine as a whole: see below what fails. Keep the clock and these files as they are",
}


def lines(report: Report) -> Iterator[str]:
    """The findings, one line each, and the summary."""
    for finding in report.findings:
        yield str(finding)
    yield from summary(report)


def record_lines(report: Report) -> Iterator[str]:
    """One line per record, with any verdict."""
    for seq, raw, finding in report.records():
        head = f"record {seq}, {_when(raw)}, {_kind(raw[1])}"
        yield f"{head}: ok" if finding is None else f"{head}: {finding.reason.verdict.value}, {finding.reason.value}"


def summary(report: Report) -> Iterator[str]:
    """The summary in a few lines."""
    total = report.ok + report.unproven + report.failed
    yield f"{report.clock_id}: {_HEADLINES[report.verdict]}"
    yield f"records: {total} read, {report.ok} ok, {report.unproven} unproven, {report.failed} failed"
    if total:
        kinds = ", ".join(f"{_kind(kind)} {count}" for kind, count in sorted(report.kinds.items()))
        yield f"of kind: {kinds}; burnt numbers that a BOOT declares: {report.burnt}"
    if report.first_proven is not None:
        yield f"proven from record {report.first_proven}; next number {report.head}"
    if report.epoch is not None:
        state = "retired" if report.retired else f"epoch {report.epoch}, start {report.boot}"
        yield f"at the end: {state}, tag {report.tag.hex()}"
    for seq, step_ms in report.steps:
        yield f"the clock was set by {step_ms / 1000:+.1f} s in record {seq}, and says so"
    yield f"anchors: {report.anchors_met} met, {report.anchors_out_of_reach} about records that are not here"
    yield f"key store: {'holds the next key and no other' if report.key_met else 'not given, or not met'}"


def record_objects(report: Report) -> Iterator[dict[str, Any]]:
    """One object per record: seq, verdict, reason, kind, utc_ms (null: no time)."""
    for seq, raw, finding in report.records():
        kind, utc_ms, source = moment_of(raw)
        yield {
            "seq": seq,
            "verdict": Verdict.OK.value if finding is None else finding.reason.verdict.value,
            "reason": None if finding is None else finding.reason.value,
            "kind": _kind(kind),
            "utc_ms": utc_ms if source else None,
        }


def summary_object(report: Report) -> dict[str, Any]:
    """The final object: the summary, and every finding, including those without a record."""
    return {
        "clock_id": report.clock_id,
        "verdict": report.verdict.value,
        "ok": report.ok,
        "unproven": report.unproven,
        "failed": report.failed,
        "kinds": {_kind(kind): count for kind, count in sorted(report.kinds.items())},
        "burnt": report.burnt,
        "first_proven": report.first_proven,
        "next_seq": report.head,
        "epoch": report.epoch,
        "boot": report.boot,
        "tag": report.tag.hex() or None,
        "retired": report.retired,
        "time_set": [{"seq": seq, "step_ms": step_ms} for seq, step_ms in report.steps],
        "anchors_met": report.anchors_met,
        "anchors_out_of_reach": report.anchors_out_of_reach,
        "key_met": report.key_met,
        "findings": [_finding_object(finding) for finding in report.findings],
    }


def _finding_object(finding: Finding) -> dict[str, Any]:
    return {
        "verdict": finding.reason.verdict.value,
        "reason": finding.reason.value,
        "first": finding.first,
        "last": finding.last,
        "place": finding.place or None,
        "meaning": finding.reason.meaning,
    }


def _kind(kind: int) -> str:
    return _KINDS.get(kind, f"kind {kind}")


def _when(raw: bytes) -> str:
    _, utc_ms, source = moment_of(raw)
    if not source:
        return "no time"
    return datetime.fromtimestamp(utc_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

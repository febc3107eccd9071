"""The verifier: checks every record of a clock, from every source, starting from the clock's first key.

One pass in the order of numbers. Proof begins at GENESIS, or at the first EPOCH record of a ring that has turned over:
the keys of later epochs follow from E_0 alone. A failed record does not hide those after it: its successor's tag shows
from which state to continue, and if none fits, proof begins again with the next epoch. Nothing is skipped silently:
each number is ok, unproven or failed, with a reason.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from badgeclock.evidence import image
from badgeclock.evidence.dump import Anchor
from badgeclock.evidence.findings import Finding, Findings, Reason, Verdict
from badgeclock.evidence.image import KeySlot, Ring
from badgeclock.evidence.keys import ClockKeys
from badgeclock.evidence.time_checks import TimeChecks
from badgeclock.evidence.timeline import Run, Timeline, merge
from badgeclock.protocol import seal
from badgeclock.protocol.errors import RecordRefused, SealFailed, SealGap
from badgeclock.protocol.record import RECORD_BYTES, SEALED_BYTES, Flag, Kind
from badgeclock.protocol.seal import SealState

_KIND_AT: Final = 1
_BOOT: Final = int(Kind.BOOT)
_EPOCH: Final = int(Kind.EPOCH)
_MOST_BURNT: Final = 255
"""Numbers in a row that a BOOT can declare burnt."""
_AT_ONCE: Final = 4096
"""Records copied from a mapped file at a time: a slice of bytes costs less than one of a view."""
_LOOK_AHEAD: Final = 3
"""Records in a row that may fail and still leave the one after them provable."""


@dataclass(slots=True)
class Evidence:
    """All that was read about one clock. `slots` None: no key store was given; `ring` None: no journal partition."""

    sources: list[Sequence[Run]] = field(default_factory=list)
    ring: Ring | None = None
    slots: list[KeySlot] | None = None
    anchors: list[Anchor] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)


@dataclass(slots=True)
class Report:
    """The verifier's result. Counts are of records; `head` is the number after the newest one."""

    clock_id: str
    timeline: Timeline
    findings: Findings
    ok: int = 0
    unproven: int = 0
    failed: int = 0
    kinds: Counter[int] = field(default_factory=Counter)
    burnt: int = 0
    first_proven: int | None = None
    head: int = 0
    epoch: int | None = None
    boot: int | None = None
    tag: bytes = b""
    retired: bool = False
    steps: list[tuple[int, int]] = field(default_factory=list)
    anchors_met: int = 0
    anchors_out_of_reach: int = 0
    key_met: bool = False

    @property
    def verdict(self) -> Verdict:
        """The overall verdict: failed if anything failed, ok only if everything is proven."""
        verdicts = {finding.reason.verdict for finding in self.findings}
        return max(verdicts, key=[Verdict.OK, Verdict.UNPROVEN, Verdict.FAILED].index, default=Verdict.OK)

    def records(self) -> Iterator[tuple[int, bytes, Finding | None]]:
        """Every record with its number and its worst verdict."""
        spans = sorted(
            (f for f in self.findings if f.first is not None),
            key=lambda f: (f.first or 0, f.reason.verdict is not Verdict.FAILED),
        )
        open_spans: list[Finding] = []
        at = 0
        for run in self.timeline.runs:
            for seq in range(run.first, run.end):
                while at < len(spans) and (spans[at].first or 0) <= seq:
                    open_spans.append(spans[at])
                    at += 1
                if open_spans:
                    open_spans = [f for f in open_spans if f.last is not None and f.last >= seq]
                worst = min(open_spans, key=lambda f: f.reason.verdict is not Verdict.FAILED, default=None)
                yield seq, run.raw(seq), worst


def verify(keys: ClockKeys, evidence: Evidence) -> Report:
    """Judge everything that was read about the clock. Never raises, for any bytes."""
    timeline = merge(evidence.sources)
    report = Report(keys.clock_id, timeline, evidence.findings)
    if not timeline.runs:
        evidence.findings.add(Reason.EMPTY, None)
        return report
    for seq, conflicts in timeline.conflicts.items():
        for source in sorted({conflict.source for conflict in conflicts}):
            evidence.findings.add(Reason.EQUIVOCATION, seq, place=f"in {source} too")
    judge = _Judge(keys, evidence, report)
    judge.judge_all()
    _check_flash(evidence, judge, report)
    _check_anchors(evidence, report)
    _count(report)
    return report


class _Judge:
    """Takes the timeline in order. `state` is None while no key for the next number is known."""

    def __init__(self, keys: ClockKeys, evidence: Evidence, report: Report) -> None:
        self._keys = keys
        self._evidence = evidence
        self._report = report
        self._findings = report.findings
        self._runs = report.timeline.runs
        self._times = TimeChecks()
        self._head = self._runs[0].first if evidence.ring is None else evidence.ring.lowest
        self._before: bytes | None = None  # the record before, with any verdict
        self._broken = False  # whether proof had begun and was lost
        self._verified_from = (keys.founded(), 0)  # the state of the last run verified, and where in its run it began
        self.state: SealState | None = None
        self.epoch_day: int | None = None
        self.at_end: list[SealState] = []
        """States that the last record, if it failed, may have led to."""

    def judge_all(self) -> None:
        """Judge every run."""
        if self._head == 0 or self._runs[0].first == 0:
            self._head = 0
            self.state = self._keys.founded()
        for index, run in enumerate(self._runs):
            self._cross(run)
            self._judge_run(index)
            self._head = run.end
            self._before = run.raw(run.end - 1)
        self._report.head = self._head
        for seq, reason in self._times.end():
            self._findings.add(reason, seq)
        for first, last, error_ms in self._times.corrected:
            self._findings.add(Reason.CORRECTED, first, last)
            if error_ms > 0:
                self._findings.drop(Reason.FUTURE, first, last)
        self.epoch_day = self._times.epoch_day
        if self.state is None and self._before is not None and self._before[_KIND_AT] == _EPOCH:
            # Nothing follows the record that closed the last epoch: the key store may still vouch for it.
            self.at_end = [self._after_epoch(self._before, self._head, None)]
        self._report.steps = self._times.steps
        if self.state is not None:
            self._report.epoch, self._report.boot = self.state.epoch, self.state.boot
            self._report.tag = self.state.tag
            self._report.retired = not self.state.r

    def _cross(self, run: Run) -> None:
        """Go from the record before to the first of a run: numbers between are burnt and declared, or missing."""
        hole = run.first - self._head
        if hole <= 0:
            return
        declared = min(_declared(run.raw(run.first)), hole)
        if declared < hole:
            self._findings.add(Reason.MISSING, self._head, run.first - declared - 1)
            self._lose()
        ring = self._evidence.ring
        for seq in range(run.first - declared, run.first):
            if ring is not None and ring.lowest <= seq < ring.head and seq not in ring.burnt:
                self._findings.add(Reason.BURNT_SLOT, seq)
        self._report.burnt += declared

    def _judge_run(self, index: int) -> None:
        run = self._runs[index]
        at = 0
        count = run.end - run.first
        while at < count:
            if self.state is None:
                at = self._begin_again(index, at)
                continue
            self._verified_from = (self.state, at)
            part = run.part(run.first + at, min(run.first + at + _AT_ONCE, run.end))
            verified = seal.verify_run(self.state, bytes(part.raws))
            if verified.taken:
                self._accept(run.part(run.first + at, run.first + at + verified.taken))
            at += verified.taken
            self.state = verified.state
            if verified.refused is not None:
                self._refuse(index, run.first + at, verified.refused)
                at += 1

    def is_one_behind(self, slot: KeySlot) -> bool:
        """Whether a key slot is the clock's key before the last record."""
        run = self._runs[-1]
        state, at = self._verified_from
        verified = seal.verify_run(state, run.raws[at * RECORD_BYTES : -RECORD_BYTES])
        return slot.continues(seal.burn(verified.state, _declared(run.raw(run.end - 1))))

    def _accept(self, part: Run) -> None:
        """The seal is valid; the records must also agree with each other."""
        if self._report.first_proven is None:
            self._report.first_proven = part.first
        for seq, reason in self._times.check(part.raws):
            self._findings.add(reason, seq)

    def _refuse(self, index: int, seq: int, refused: RecordRefused | SealFailed) -> None:
        """A record fails: report it, and find the state from which the next one can be judged."""
        assert self.state is not None
        for conflict in self._report.timeline.conflicts.get(seq, []):
            verified = seal.verify_run(self.state, conflict.raw)
            if verified.taken == 1 and verified.refused is None:
                self.state = verified.state
                self._times.lose()
                return  # the other one is genuine, and both are reported already
        if not self.state.r:
            self._findings.add(Reason.RETIRED, seq)
            self.state = self.state._replace(next_seq=seq + 1)
            return
        after, was_burnt = self._after_failed(self.state, index, seq)
        reason = Reason.BURNT_SLOT if was_burnt else _reason(refused)
        if self._is_torn(seq, reason):
            reason = Reason.TORN
        self._findings.add(reason, seq)
        if seq + 1 == self._runs[-1].end:
            self.at_end = [self.state, *self._guesses(self.state, self._runs[-1].raw(seq), seq)]
        self._times.lose()
        self._broken = self._broken or after is None
        self.state = after

    def _is_torn(self, seq: int, reason: Reason) -> bool:
        """Whether this is what a power cut leaves: the flash's last slot, which the clock's key has not passed yet."""
        slots = self._evidence.slots
        live = slots[-1] if slots else None
        is_last = seq + 1 == self._runs[-1].end
        return is_last and live is not None and live.seq == seq and reason is not Reason.UNSEALED

    def _after_failed(self, state: SealState, index: int, seq: int, depth: int = 1) -> tuple[SealState | None, bool]:
        """The state after a failed record, if the next record's tag confirms one; and whether its slot was burnt."""
        following = self._following(index, seq)
        if following is None:
            return None, False
        next_index, next_seq = following
        raw = self._runs[next_index].raw(next_seq)
        guesses = self._guesses(state, self._runs[index].raw(seq), seq)
        for guess in guesses:
            if _bears_out(guess, raw, next_seq):
                return _with_boot_of(guess, raw), False
        if _declared(raw) and _bears_out(state, raw, next_seq):
            return state, True
        if depth < _LOOK_AHEAD:
            for guess in guesses:
                if self._after_failed(guess, next_index, next_seq, depth + 1)[0] is not None:
                    return _with_boot_of(guess, raw), False
        return None, False

    def _guesses(self, state: SealState, raw: bytes, seq: int) -> list[SealState]:
        """The possible states after a failed record: its tag or its body was changed, and it may have closed its
        epoch."""
        base = seal.burn(state, seq - state.next_seq)
        stored, made = raw[SEALED_BYTES:], seal.record_tag(base.r, base.tag, raw[:SEALED_BYTES])
        after = base._replace(next_seq=seq + 1, records=base.records + 1)
        guesses = []
        for tag in dict.fromkeys((made, stored)):
            guesses.append(after._replace(tag=tag, r=seal.step(base.r, tag)))
            r, e_next = seal.epoch_start(base.e_next, base.epoch + 1) if base.epoch < seal.EPOCH_LAST else (b"", b"")
            if r:
                guesses.append(after._replace(tag=tag, r=r, e_next=e_next, epoch=base.epoch + 1, records=0))
        if _is_unsealed(raw):
            guesses.append(after._replace(tag=stored))
        return guesses

    def _following(self, index: int, seq: int) -> tuple[int, int] | None:
        """The record after this one, with its run's index; None at the end, or if numbers between are missing."""
        run = self._runs[index]
        if seq + 1 < run.end:
            return index, seq + 1
        if index + 1 == len(self._runs):
            return None
        follow = self._runs[index + 1]
        hole = follow.first - run.end
        return (index + 1, follow.first) if hole <= _declared(follow.raw(follow.first)) else None

    def _begin_again(self, index: int, at: int) -> int:
        """Without a key: the first place from `at` on where an epoch begins and verifies; all before it is unproven."""
        run = self._runs[index]
        for seq, closing in self._after_closing(run, at):
            raw = run.raw(seq)
            state = self._after_epoch(closing, seq - (_declared(raw) if seq == run.first else 0), raw)
            if seal.verify_run(state, raw).taken == 1 or self._after_failed(state, index, seq)[0] is not None:
                self._unproven(run.first + at, seq)
                self.state = state
                return seq - run.first
        self._unproven(run.first + at, run.end)
        return run.end - run.first

    def _after_closing(self, run: Run, at: int) -> Iterator[tuple[int, bytes]]:
        """Numbers of a run, from its place `at` on, that follow an EPOCH record, with that record."""
        if not at and self._before is not None and self._before[_KIND_AT] == _EPOCH:
            yield run.first, self._before
        kinds = bytes(run.raws[_KIND_AT::RECORD_BYTES])
        place = kinds.find(_EPOCH, max(at - 1, 0))
        while 0 <= place < len(kinds) - 1:
            seq = run.first + place + 1
            yield seq, run.raw(seq - 1)
            place = kinds.find(_EPOCH, place + 1)

    def _after_epoch(self, closing: bytes, next_seq: int, raw: bytes | None) -> SealState:
        """The state after an EPOCH record, from its number and tag alone: a false one confirms no next record."""
        epoch = int.from_bytes(closing[10:12], "big")
        boot = int.from_bytes(closing[8:10], "big")
        r, e_next = self._keys.epoch_start(min(epoch + 1, seal.EPOCH_LAST))
        state = SealState(next_seq, boot, epoch + 1, 0, r, e_next, closing[SEALED_BYTES:], self._keys.genesis)
        return state if raw is None else _with_boot_of(state, raw)

    def _unproven(self, first: int, end: int) -> None:
        if end > first:
            self._findings.add(Reason.AFTER_BREAK if self._broken else Reason.BEFORE_START, first, end - 1)

    def _lose(self) -> None:
        self._broken = self._broken or self.state is not None
        self.state = None
        self._times.lose()


def _reason(refused: RecordRefused | SealFailed) -> Reason:
    """The seal's verdict as a reason. Holes are handled before: a number that does not fit belongs elsewhere."""
    return Reason.SEQUENCE if isinstance(refused, SealGap) else Reason(refused.reason)


def _declared(raw: bytes) -> int:
    """How many burnt numbers a record declares before it."""
    return raw[41] if raw[_KIND_AT] == _BOOT else 0


def _is_unsealed(raw: bytes) -> bool:
    return bool(raw[3] & int(Flag.UNSEALED))


def _with_boot_of(state: SealState, raw: bytes) -> SealState:
    """The same with the next record's boot count: that of a failed one is unknown."""
    return state._replace(boot=max(int.from_bytes(raw[8:10], "big") - (raw[_KIND_AT] == _BOOT), 0))


def _bears_out(state: SealState, raw: bytes, seq: int) -> bool:
    """Whether a record's tag is the one from this state."""
    if _is_unsealed(raw):
        return seal.unsealed_tag(state.tag, raw[:SEALED_BYTES]) == raw[SEALED_BYTES:]
    r = seal.burn(state, seq - state.next_seq).r
    return seal.record_tag(r, state.tag, raw[:SEALED_BYTES]) == raw[SEALED_BYTES:]


# --- against the flash and other sources ---


def _check_flash(evidence: Evidence, judge: _Judge, report: Report) -> None:
    """The key store must hold the next key and no other; the ring must have all known records within its numbers."""
    ring, slots, findings = evidence.ring, evidence.slots, report.findings
    tail: list[int] = []
    if ring is not None:
        for seq in sorted(ring.burnt):
            if report.timeline.find(seq) is not None:
                findings.add(Reason.EQUIVOCATION, seq, place="burnt in the flash")
        tail = [seq for seq in sorted(ring.burnt) if seq >= report.head]
        if tail:
            findings.add(Reason.TORN, tail[0], tail[-1])
        if report.head > ring.head:
            findings.add(Reason.ROLLED_BACK, ring.head, report.head - 1)
    if slots is None:
        return
    if report.retired:
        for slot in slots:
            reason = Reason.UNFINISHED if judge.is_one_behind(slot) else Reason.EARLIER_KEY
            findings.add(reason, None, place=f"key slot {slot.index}, after RETIRE")
        report.key_met = not slots
        return
    if not slots:
        findings.add(Reason.NO_KEY, None, place="key store")
        return
    _check_key(slots, judge, len(tail), report)


def _check_key(slots: list[KeySlot], judge: _Judge, burnt: int, report: Report) -> None:
    findings = report.findings
    live = slots[-1]
    for slot in slots[:-1]:
        # The previous one exists for a moment, until it is zeroed.
        beside = slot.seq + 1 >= live.seq and slot is slots[-2]
        findings.add(Reason.UNFINISHED if beside else Reason.EARLIER_KEY, None, place=f"key slot {slot.index}")
    states = [judge.state] if judge.state is not None else judge.at_end
    if not states:
        findings.add(Reason.AFTER_BREAK, None, place=f"key slot {live.index}")
        return
    most_burnt = min(burnt, _MOST_BURNT)
    possible = [seal.burn(state, count) if state.r else state for state in states for count in range(most_burnt + 1)]
    if any(live.continues(state) for state in possible):
        report.key_met = True
        if judge.epoch_day is not None and live.day != judge.epoch_day:
            findings.add(Reason.KEY, None, place=f"key slot {live.index}, the day of its epoch")
    elif judge.is_one_behind(live):
        findings.add(Reason.UNFINISHED, None, place=f"key slot {live.index}, one record behind")
    else:
        findings.add(Reason.KEY, None, place=f"key slot {live.index}")


def _check_anchors(evidence: Evidence, report: Report) -> None:
    """A tag noted elsewhere must be the chain's tag at that number."""
    head = max(report.head, evidence.ring.head if evidence.ring is not None else 0)
    for anchor in evidence.anchors:
        if anchor.next_seq > head:
            if evidence.ring is not None or not anchor.from_status:
                report.findings.add(Reason.ROLLED_BACK, report.head, anchor.next_seq - 1, place=anchor.source)
            else:
                report.anchors_out_of_reach += 1
            continue
        newest = report.timeline.newest_below(anchor.next_seq)
        if newest is None:
            report.anchors_out_of_reach += 1
        elif newest[SEALED_BYTES:] != anchor.tag:
            report.findings.add(Reason.ANCHOR, anchor.next_seq - 1, place=anchor.source)
        else:
            report.anchors_met += 1


def _count(report: Report) -> None:
    """Records by verdict and kind."""
    worst: dict[Verdict, list[tuple[int, int]]] = {Verdict.FAILED: [], Verdict.UNPROVEN: []}
    for finding in report.findings:
        if finding.first is not None and finding.last is not None:
            worst[finding.reason.verdict].append((finding.first, finding.last))
    failed = _covered(worst[Verdict.FAILED], report.timeline)
    either = _covered(worst[Verdict.FAILED] + worst[Verdict.UNPROVEN], report.timeline)
    total = 0
    for run in report.timeline.runs:
        total += run.end - run.first
        report.kinds.update(run.raws[_KIND_AT::RECORD_BYTES])
    report.failed, report.unproven, report.ok = failed, either - failed, total - either


def _covered(spans: list[tuple[int, int]], timeline: Timeline) -> int:
    """How many records of the timeline lie in any of the spans (first, last)."""
    runs = timeline.runs
    count, seen = 0, -1
    for first, last in sorted(spans):
        start = max(first, seen + 1)
        index = max(bisect_right(runs, start, key=lambda run: run.first) - 1, 0)
        while index < len(runs) and runs[index].first <= last:
            count += max(0, min(last + 1, runs[index].end) - max(start, runs[index].first))
            index += 1
        seen = max(seen, last)
    return count


# --- what a caller gathers before ---


def add_flash(evidence: Evidence, parts: image.Partitions) -> None:
    """Read a clock's partitions into the evidence. Raises EvidenceError for lengths that no clock uses."""
    evidence.ring = image.read_ring(parts.journal, evidence.findings)
    evidence.sources.insert(0, evidence.ring.runs)
    if parts.seal is not None:
        evidence.slots = image.read_keys(parts.seal, evidence.findings)


def check_copies(evidence: Evidence, keys: ClockKeys, parts: image.Partitions) -> None:
    """No key of an epoch that has begun may be anywhere in a whole flash, and no key slot outside the key store."""
    if parts.flash is None or parts.seal is None:
        return
    newest = evidence.slots[-1].epoch if evidence.slots else 0
    spent = (keys.epoch_key(epoch) for epoch in range(newest + 1))
    for address in image.key_copies(parts.flash, parts.seal, spent):
        evidence.findings.add(Reason.EARLIER_KEY, None, place=f"flash address 0x{address:x}")

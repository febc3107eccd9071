"""Merges records from several sources: one record for each number, and every number that has two.

A source provides its records as runs of ascending numbers. A repeated number is compared byte by byte; a different
record is a conflict; the seal decides which one is genuine. Works in the space of the records themselves and a few
bytes a run, whatever numbers they claim.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from badgeclock.protocol.record import RECORD_BYTES

_SEQ: Final = struct.Struct(">4xI56x")


class Run(NamedTuple):
    """Records of ascending numbers without a gap: the first one's number, their bytes, and the source's name."""

    first: int
    raws: memoryview
    source: str

    @property
    def end(self) -> int:
        """The number after the last one."""
        return self.first + len(self.raws) // RECORD_BYTES

    def raw(self, seq: int) -> bytes:
        """The 64 bytes of a number that is in the run."""
        at = (seq - self.first) * RECORD_BYTES
        return bytes(self.raws[at : at + RECORD_BYTES])

    def part(self, first: int, end: int) -> Run:
        """The numbers `first` to `end` - 1 of the run."""
        start = (first - self.first) * RECORD_BYTES
        return Run(first, self.raws[start : start + (end - first) * RECORD_BYTES], self.source)


class Conflict(NamedTuple):
    """Another record under a number of the timeline."""

    raw: bytes
    source: str


@dataclass(slots=True)
class Timeline:
    """One record per number, in ascending runs; two runs that touch come from different places."""

    runs: list[Run] = field(default_factory=list)
    conflicts: dict[int, list[Conflict]] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """The number after the newest record; 0 without any."""
        return self.runs[-1].end if self.runs else 0

    def find(self, seq: int) -> bytes | None:
        """The record with this number."""
        index = bisect_right(self.runs, seq, key=lambda run: run.first) - 1
        if index < 0 or seq >= self.runs[index].end:
            return None
        return self.runs[index].raw(seq)

    def newest_below(self, seq: int) -> bytes | None:
        """The record with the greatest number below `seq`."""
        index = bisect_right(self.runs, seq - 1, key=lambda run: run.first) - 1
        if index < 0:
            return None
        run = self.runs[index]
        return run.raw(min(seq, run.end) - 1)


def runs_of(raws: bytes | bytearray | memoryview, source: str) -> list[Run]:
    """Concatenated records, split where their numbers do not increase by one."""
    view = memoryview(raws)
    seqs = array("I", (seq for (seq,) in _SEQ.iter_unpack(view)))
    cuts = [0, *(at for at in range(1, len(seqs)) if seqs[at] != seqs[at - 1] + 1), len(seqs)]
    return [
        Run(seqs[start], view[start * RECORD_BYTES : end * RECORD_BYTES], source)
        for start, end in pairwise(cuts)
        if end > start
    ]


def merge(sources: Iterable[Sequence[Run]]) -> Timeline:
    """All runs of all sources as one timeline."""
    timeline = Timeline()
    runs = timeline.runs
    for run in sorted((run for source in sources for run in source), key=lambda run: run.first):
        known = min(max(timeline.end, run.first), run.end)
        if known > run.first:
            _compare(timeline, run.part(run.first, known))
        if known < run.end:
            runs.append(run.part(known, run.end))
    return timeline


def _compare(timeline: Timeline, again: Run) -> None:
    """Compare a run with the timeline: equal records are ignored, different ones are conflicts."""
    index = bisect_right(timeline.runs, again.first, key=lambda run: run.first) - 1
    seq = again.first
    while seq < again.end:
        known = timeline.runs[index]
        end = min(known.end, again.end)
        if known.part(seq, end).raws != again.part(seq, end).raws:
            for number in range(seq, end):
                other = again.raw(number)
                if known.raw(number) != other:
                    timeline.conflicts.setdefault(number, []).append(Conflict(other, again.source))
        seq = end
        index += 1

"""A verifier's findings: one stable word each, with its meaning and what to do.

The words are the interface to scripts (`--json`) and to docs/inspecting.md, which a test compares with this list. No
text made here contains a key, a token or a payload.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class Verdict(Enum):
    """The verdict on a record."""

    OK = "ok"
    UNPROVEN = "unproven"
    FAILED = "failed"


class Reason(Enum):
    """Why a record, or a place in the flash, is not ok. The value is the word; `meaning` and `verdict` go with it."""

    # --- the record by itself (docs/protocol.md §2) ---
    LENGTH = "length"
    FORMAT = "format"
    KIND = "kind"
    FLAGS = "flags"
    DIRECTION = "direction"
    MILLISECONDS = "milliseconds"
    CLOCK_SOURCE = "clock source"
    UNUSED_BYTES = "unused bytes"
    # --- the record in its chain (§3) ---
    UNSEALED = "unsealed"
    RETIRED = "retired"
    SEQUENCE = "sequence"
    TAG = "tag"
    GENESIS = "genesis"
    COMMITMENT = "commitment"
    BOOT_COUNT = "boot count"
    EPOCH = "epoch"
    EPOCH_LENGTH = "epoch length"
    EPOCH_COUNT = "epoch count"
    EPOCH_DAY = "epoch day"
    MISSING = "missing"
    EQUIVOCATION = "equivocation"
    # --- the clock's times (§2) ---
    TIME = "time"
    UPTIME = "uptime"
    TIME_SET = "time set"
    FUTURE = "future"
    # --- the flash (§4, §5) ---
    BURNT_SLOT = "burnt slot"
    HEADER = "header"
    MARK = "mark"
    UNUSED_SPACE = "unused space"
    KEY = "key"
    KEY_SLOT = "key slot"
    EARLIER_KEY = "earlier key"
    NO_KEY = "no key"
    # --- other sources ---
    ANCHOR = "anchor"
    ROLLED_BACK = "rolled back"
    # --- neither right nor wrong ---
    TORN = "torn"
    UNFINISHED = "unfinished"
    BEFORE_START = "before the start"
    AFTER_BREAK = "after a break"
    CORRECTED = "corrected"
    EMPTY = "empty"

    @property
    def verdict(self) -> Verdict:
        """UNPROVEN if power loss, a missing source or the clock itself explains it, else FAILED."""
        return Verdict.UNPROVEN if self in _UNPROVEN else Verdict.FAILED

    @property
    def meaning(self) -> str:
        """What it means and what to do, in a line."""
        return _MEANINGS[self]


_UNPROVEN = {
    Reason.TORN,
    Reason.UNFINISHED,
    Reason.BEFORE_START,
    Reason.AFTER_BREAK,
    Reason.CORRECTED,
    Reason.EMPTY,
}

_CHANGED = "the bytes were changed after the clock sealed them, or another made them"
_NOT_OF_THIS_FORMAT = _CHANGED + "; or the clock's firmware is newer: verify with that version"
_NO_CLOCK = "no clock makes such a record; its firmware is not ours, or the bytes were changed"
_TIME_CHANGED = "the clock was set without a TIME_SET record; compare with the bridge's arrival times"
_AGAIN = "power failed just before the flash was read; start the clock once and read it again"

_MEANINGS = {
    Reason.LENGTH: "bytes that are no whole records; the file was cut or is no dump",
    Reason.FORMAT: _NOT_OF_THIS_FORMAT,
    Reason.KIND: _NOT_OF_THIS_FORMAT,
    Reason.FLAGS: _NOT_OF_THIS_FORMAT,
    Reason.DIRECTION: _NOT_OF_THIS_FORMAT,
    Reason.MILLISECONDS: _NOT_OF_THIS_FORMAT,
    Reason.CLOCK_SOURCE: _NOT_OF_THIS_FORMAT,
    Reason.UNUSED_BYTES: "sealed by the clock, but with content where the format has none; its firmware is not ours",
    Reason.UNSEALED: "the clock had lost its key when it kept this; anybody could have written it",
    Reason.RETIRED: "the clock's chain ended with RETIRE; nothing after it can be genuine",
    Reason.SEQUENCE: "another record is in this one's place: moved, repeated or put in",
    Reason.TAG: _CHANGED,
    Reason.GENESIS: "a chain has one GENESIS, as its first record",
    Reason.COMMITMENT: "the chain does not begin with this clock's key; was the clock provisioned again?",
    Reason.BOOT_COUNT: "starts of the clock are missing or were put in",
    Reason.EPOCH: "the record names another epoch than the key that sealed it",
    Reason.EPOCH_LENGTH: "an epoch has 2,048 records at most, and this one was not closed",
    Reason.EPOCH_COUNT: "the EPOCH record counts other records than there are",
    Reason.EPOCH_DAY: "the EPOCH record names another day than its epoch's first record",
    Reason.MISSING: "numbers without a record that no BOOT declares burnt: records were taken out",
    Reason.EQUIVOCATION: "two different records under one number; one is not genuine, or the clock was copied",
    Reason.TIME: _TIME_CHANGED,
    Reason.UPTIME: "the time since the start went back within one start",
    Reason.TIME_SET: "the time before the step does not follow from the records before it",
    Reason.FUTURE: "the record claims a time after the bridge already had it",
    Reason.BURNT_SLOT: "a number declared burnt is not zero in the flash",
    Reason.HEADER: "a journal sector's header is not the one that belongs there",
    Reason.MARK: "a sector's acknowledgement mark is neither set nor clear, or out of its order",
    Reason.UNUSED_SPACE: "bytes where erased flash belongs",
    Reason.KEY: "the key that the clock holds does not continue these records: some were cut off, added or put back",
    Reason.KEY_SLOT: "a key slot is neither live, spent nor erased",
    Reason.EARLIER_KEY: "a key that sealed earlier records is still there: its holder can forge them",
    Reason.NO_KEY: "the clock holds no key, and no RETIRE record says why",
    Reason.ANCHOR: "a tag that was known outside is not the one in the records: they were rewritten or put back",
    Reason.ROLLED_BACK: "records known outside are not in the flash: it was put back, cut short, or read before them",
    Reason.TORN: "a record was half written and nothing declares it yet: " + _AGAIN,
    Reason.UNFINISHED: _AGAIN,
    Reason.BEFORE_START: "older than the first closed epoch found; give --store or a dump to prove these too",
    Reason.AFTER_BREAK: "its key depends on a record that failed or is missing; proof begins again with the next epoch",
    Reason.CORRECTED: "sealed by the clock, but its RTC was wrong by more than the record states: the next TIME_SET "
    "says by how much",
    Reason.EMPTY: "there is no record at all",
}


class Finding(NamedTuple):
    """A finding: numbers `first` to `last` (None: not a record but `place`), and where it was seen."""

    reason: Reason
    first: int | None
    last: int | None
    place: str = ""

    def __str__(self) -> str:
        parts = []
        if self.first is not None:
            parts.append(f"record {self.first}" if self.first == self.last else f"records {self.first} to {self.last}")
        if self.place:
            parts.append(self.place)
        return f"{', '.join(parts)}: {self.reason.verdict.value}, {self.reason.value}: {self.reason.meaning}"


@dataclass(slots=True)
class Findings:
    """All findings. Neighbours with the same reason form one span, so a million bad records are one line."""

    _spans: list[Finding] = field(default_factory=list)

    def add(self, reason: Reason, first: int | None, last: int | None = None, place: str = "") -> None:
        """Numbers `first` to `last` (one, if `last` is left out) are not ok."""
        if last is None:
            last = first
        before = self._spans[-1] if self._spans else None
        if (
            before is not None
            and before.last is not None
            and (before.reason, before.last + 1, before.place) == (reason, first, place)
        ):
            self._spans[-1] = before._replace(last=last)
        else:
            self._spans.append(Finding(reason, first, last, place))

    def drop(self, reason: Reason, first: int, last: int) -> None:
        """Remove findings of that reason for numbers `first` to `last`: they are explained."""
        kept: list[Finding] = []
        for span in self._spans:
            if span.reason is not reason or span.first is None or span.last is None:
                kept.append(span)
                continue
            if span.first < first:
                kept.append(span._replace(last=min(span.last, first - 1)))
            if span.last > last:
                kept.append(span._replace(first=max(span.first, last + 1)))
        self._spans = kept

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._spans)

    def __bool__(self) -> bool:
        return bool(self._spans)

    def has(self, seq: int) -> bool:
        """Whether there is a finding for this number."""
        return any(f.first is not None and f.last is not None and f.first <= seq <= f.last for f in self._spans)

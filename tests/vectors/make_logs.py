"""Writes logs.json beside this file: `python tests/vectors/make_logs.py`. Whole logs of a clock, and attacks on them.

In the spirit of make.py, with its primitives: a third implementation, from docs/protocol.md alone. A log is what stands
in the journal's slots from number 0 up, a burnt number as null. Keys are in the clear, on purpose: whoever writes
another verifier, or another clock, can hold it to these. docs/protocol.md §8 says what each key means.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import struct
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_SPEC = importlib.util.spec_from_file_location("badgeclock_vectors_make", HERE / "make.py")
assert _SPEC is not None
assert _SPEC.loader is not None
make = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(make)

GENESIS, BOOT, PUNCH, TIME_SET, EPOCH, CONFIG, TAMPER, FAULT, UPDATE, RETIRE = range(1, 11)
CLOCK_ID = "clock-0042"
FLEET_KEY = hashlib.sha256(b"vectors: fleet key of the logs").digest()
NONCE = bytes.fromhex("0102030405060708")
MONDAY_MS = 1_767_596_291_000  # 2026-01-05 06:58:11 UTC
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
NO_BOUND = 255
BOUND_MS = 32  # what the byte 40 stands for, which `set_time` states
UID = "04a1b2c3"

K_DEV = make.hkdf(FLEET_KEY, CLOCK_ID.encode(), b"badgeclock/v1/clock")
E_0 = make.hmac(K_DEV, b"E0" + CLOCK_ID.encode() + NONCE)


class Sealer:
    """A clock that seals any record, with a time and an uptime that advance together."""

    def __init__(self) -> None:
        self.slots: list[bytes | None] = []
        self.tag = hashlib.sha256(b"badgeclock/v1/genesis" + CLOCK_ID.encode()).digest()[:16]
        self.seq = self.boot = self.records = 0
        self.utc_ms, self.uptime_ms, self.source, self.bound = MONDAY_MS, 4_000, 1, NO_BOUND
        self.day = self.utc_ms // DAY_MS
        self.retired = False
        self.epoch = -1
        self.e_next = E_0
        self._open_epoch()

    def _open_epoch(self) -> None:
        self.epoch += 1
        number = struct.pack(">H", self.epoch)
        self.r = make.hmac(self.e_next, b"R" + number)
        self.e_next = make.hmac(self.e_next, b"E" + number)
        self.records = 0

    def copy(self) -> Sealer:
        """Another clock with the same flash."""
        other = object.__new__(Sealer)
        other.__dict__.update(self.__dict__)
        other.slots = list(self.slots)
        return other

    def passes(self, ms: int) -> Sealer:
        """Advance the time."""
        self.utc_ms += ms
        self.uptime_ms = (self.uptime_ms + ms) % 2**32
        return self

    def fields(self, kind: int, **others: Any) -> dict[str, Any]:
        """A record of the present moment, before its seal."""
        has_time = self.source != 0
        made = {
            "kind": kind,
            "flags": 0,
            "seq": self.seq,
            "boot": self.boot,
            "epoch": self.epoch,
            "utc_s": self.utc_ms // 1000 if has_time else 0,
            "ms": self.utc_ms % 1000 if has_time else 0,
            "source": self.source,
            "bound": self.bound if has_time else NO_BOUND,
            "uptime_ms": self.uptime_ms,
            "token": bytes(8),
            "beacon": bytes(8),
            "detail": bytes(8),
        }
        return made | others

    def append(self, kind: int, **others: Any) -> Sealer:
        """Seal any record with a right tag."""
        fields = self.fields(kind, **others)
        return self.append_body(make.body(fields))

    def append_body(self, content: bytes) -> Sealer:
        """Seal any 48 bytes as the next record."""
        kind, boot, utc_s = content[1], int.from_bytes(content[8:10], "big"), int.from_bytes(content[12:16], "big")
        if not self.records and kind != EPOCH:
            self.day = utc_s // 86_400
        self.tag = make.hmac(make.hmac(self.r, b"M"), self.tag + content)[:16]
        self.slots.append(content + self.tag)
        self.boot = boot
        self._step(self.tag)
        if kind == EPOCH:
            self._open_epoch()
            self.day = utc_s // 86_400
        if kind == RETIRE:
            self.retired = True
        return self

    def _step(self, tag: bytes) -> None:
        self.r = make.hmac(self.r, b"r" + tag)
        self.seq += 1
        self.records += 1

    def tear(self) -> Sealer:
        """A write that power loss tore: a burnt number."""
        self.slots.append(None)
        self._step(bytes(16))
        return self

    # --- a clock's actions ---

    def founded(self) -> Sealer:
        return self.append(GENESIS, token=NONCE, detail=make.hmac(E_0, b"C")[:8])

    def starts(self, cause: int = 1, after_ms: int = 30_000) -> Sealer:
        """A start, so long after the record before, and how many numbers are burnt it sees itself."""
        burnt = 0
        while burnt < len(self.slots) and self.slots[-1 - burnt] is None:
            burnt += 1
        self.utc_ms += after_ms
        self.uptime_ms = 2_100
        detail = bytes([cause, burnt, 0, 0]) + make.FIRMWARE[:4]
        return self.append(BOOT, boot=self.boot + 1, detail=detail)

    def punch(self, uid: str = UID, flags: int = 1, **others: Any) -> Sealer:
        unverified = 0x40 if self.bound == NO_BOUND or not self.source else 0
        return self.append(PUNCH, flags=flags | unverified, token=make.token(uid), **others)

    def punches(self, count: int, every_ms: int = 61_007) -> Sealer:
        for number in range(count):
            self.passes(every_ms).punch(("04a1b2c3", "04112233445566", "deadbeef")[number % 3], 1 + number % 2)
        return self

    def set_time(self, utc_ms: int, source: int = 3, bound: int = 40) -> Sealer:
        """The bridge sets the clock, and TIME_SET has the time before."""
        has_time = self.source != 0
        old = struct.pack(">IHBB", self.utc_ms // 1000, self.utc_ms % 1000, self.source, 0) if has_time else bytes(8)
        self.utc_ms, self.source, self.bound = utc_ms, source, bound
        return self.append(TIME_SET, detail=old)

    def closes(self) -> Sealer:
        """The EPOCH record of the running epoch."""
        return self.append(EPOCH, detail=struct.pack(">II", self.records + 1, self.day))

    def closes_at_midnight(self) -> Sealer:
        return self.passes(DAY_MS - self.utc_ms % DAY_MS + 900).closes()

    def end(self) -> dict[str, Any]:
        """The clock's key store after the log; empty keys after RETIRE."""
        return {
            "next_seq": self.seq,
            "boot": self.boot,
            "epoch": self.epoch,
            "records": self.records,
            "day": self.day,
            "tag": self.tag.hex(),
            "r": "" if self.retired else self.r.hex(),
            "e_next": "" if self.retired else self.e_next.hex(),
        }


# --- golden logs ---


def working_week() -> Sealer:
    clock = Sealer().founded().starts()
    clock.passes(3_000).append(CONFIG, detail=hashlib.sha256(b"settings").digest()[:8], flags=0x40)
    clock.passes(9_000).set_time(clock.utc_ms + 700)
    for day in range(4):
        clock.punches(9)
        if day == 1:
            clock.passes(5_000).append(TAMPER, detail=b"\x01" + bytes(7))
            clock.passes(8_000).append(TAMPER, detail=b"\x02" + bytes(7))
            clock.passes(1_000).append(FAULT, detail=struct.pack(">BBHI", 1, 0, 3, 0))
        if day == 2:
            clock.passes(5_000).append(UPDATE, detail=make.FIRMWARE)
            clock.starts(cause=5)
        clock.closes_at_midnight()
        clock.passes(6 * HOUR_MS).punch("04112233445566", 0x0A, beacon=bytes.fromhex("00ff10ef20df30cf"))
        clock.passes(20_000).punch("deadbeef", 0x21)
        clock.passes(3_000).punch("deadbeef", 0x31)
    return clock


def power_cuts() -> Sealer:
    clock = Sealer().founded().starts()
    clock.passes(2_000).set_time(clock.utc_ms - 400_000)
    clock.punches(7)
    clock.tear().starts().punches(6)
    clock.tear().tear().tear().starts(cause=3).punches(8)
    clock.closes_at_midnight()
    clock.tear().starts().punches(11)  # the first number of an epoch
    clock.closes_at_midnight().punches(9)
    clock.starts(cause=2).tear().tear().starts().punches(6)
    return clock


def clock_without_time() -> Sealer:
    clock = Sealer()
    clock.source = 0
    clock.founded().starts().punches(12)
    clock.passes(4_000).set_time(MONDAY_MS + HOUR_MS)
    clock.punches(12)
    clock.passes(4_000).set_time(clock.utc_ms - 90_000)
    clock.punches(12)
    clock.source, clock.bound = 1, NO_BOUND  # a start whose RTC kept the time but lost its note
    clock.starts(after_ms=-5 * HOUR_MS).punches(6)
    clock.passes(2_000).set_time(clock.utc_ms + 6 * HOUR_MS)
    clock.closes_at_midnight()
    clock.passes(45 * DAY_MS).punches(7)  # a silence in which uptime goes round
    return clock


def several_days_in_one_epoch() -> Sealer:
    """The clock was off over two midnights and had no time to close its epoch: the EPOCH record says the first day, and
    the next one, whose first number is burnt, the day on which the one before was made.
    """
    clock = Sealer().founded().starts()
    clock.passes(2_000).set_time(clock.utc_ms + 400).punches(20)
    clock.starts(after_ms=2 * DAY_MS).punches(20)
    clock.passes(DAY_MS).punches(3).closes()
    clock.tear().starts().punches(10)
    return clock.closes_at_midnight().punches(2)


def times_that_claim_little() -> Sealer:
    """Not faults of a clock: any UTC that states no bound, an uptime that has gone round, a start before a moment that
    a TIME_SET took back, and a time before that is as far off as the bounds and two seconds allow.
    """
    clock = Sealer().founded().starts().punches(9)
    for _ in range(3):  # without a bound, UTC is no claim
        clock.utc_ms -= 5 * HOUR_MS
        clock.punches(5)
    clock.uptime_ms = (
        clock.uptime_ms - (1 << 30) - 1 - 61_007
    ) % 2**32  # further back than 12.4 days: a silence of 37.3
    clock.punches(5)
    clock.passes(4_000).set_time(clock.utc_ms + 30 * HOUR_MS).punches(9)
    clock.passes(3_000).set_time(clock.utc_ms - 20 * HOUR_MS)
    clock.starts().punches(9)  # after the newest record, though before an earlier one
    clock.utc_ms -= 2 * BOUND_MS + 2_000 + 5
    return clock.set_time(clock.utc_ms + 60_000).punches(9)


def longest_epoch() -> Sealer:
    """2,047 numbers, most of them burnt; the 2,048th is a BOOT, and EPOCH the 2,049th."""
    clock = Sealer().founded().starts()
    clock.passes(2_000).set_time(clock.utc_ms + 400).punches(50)
    while clock.records < 2_047:
        for _ in range(min(255, 2_046 - clock.records)):
            clock.tear()
        clock.starts()
    return clock.starts(cause=3).closes().punches(2)


def retired() -> Sealer:
    clock = working_week().punches(4)
    return clock.passes(60_000).append(RETIRE)


GOLDEN = {
    "a working week": working_week,
    "power cuts": power_cuts,
    "a clock without time": clock_without_time,
    "several days in one epoch": several_days_in_one_epoch,
    "times that claim little": times_that_claim_little,
    "the longest epoch": longest_epoch,
    "retired": retired,
}


# --- attacks ---


def changed(raw: bytes | None, offset: int, bits: int = 1) -> bytes:
    assert raw is not None
    return raw[:offset] + bytes([raw[offset] ^ bits]) + raw[offset + 1 :]


def attack(
    log: str,
    what: str,
    slots: list[bytes | None],
    *,
    first_broken: int | None = None,
    failed: list[tuple[int, int, str]] | None = None,
    unproven: list[tuple[int, int, str]] | None = None,
    **others: Any,
) -> dict[str, Any]:
    return {
        "log": log,
        "what": what,
        **others,
        "expected": {
            "first_broken": first_broken,
            "failed": [list(span) for span in failed or []],
            "unproven": [list(span) for span in unproven or []],
        },
        "slots": [raw.hex() if raw else None for raw in slots],
    }


def anchor(slots: list[bytes | None], next_seq: int) -> dict[str, Any]:
    """An anchor: the chain's tag when `next_seq` was the next number."""
    newest = next(raw for raw in reversed(slots[:next_seq]) if raw is not None)
    return {"next_seq": next_seq, "tag": newest[48:].hex()}


def epoch_end(slots: list[bytes | None], seq: int) -> int:
    """Number of the EPOCH record that closes the epoch of `seq`."""
    return next(n for n in range(seq, len(slots)) if (raw := slots[n]) is not None and raw[1] == EPOCH)


def attacks() -> dict[str, dict[str, Any]]:  # noqa: PLR0915 - a list of cases
    week = "a working week"
    good = working_week().slots
    last = epoch_end(good, 20)
    made: dict[str, dict[str, Any]] = {}

    slots = list(good)
    slots[20] = changed(good[20], 25)
    made["modify: a badge token"] = attack(
        week, "one bit of record 20", slots, first_broken=20, failed=[(20, 20, "tag")]
    )
    slots = list(good)
    slots[20] = changed(good[20], 60)
    made["modify: a tag"] = attack(
        week, "one bit of the tag of record 20", slots, first_broken=20, failed=[(20, 20, "tag")]
    )
    slots = list(good)
    slots[20], slots[25], slots[26] = changed(good[20], 12), changed(good[25], 3, 3), changed(good[26], 50)
    made["modify: three records"] = attack(
        week,
        "records 20, 25 and 26",
        slots,
        first_broken=20,
        failed=[(20, 20, "tag"), (25, 26, "tag")],
    )
    slots = list(good)
    slots[last] = changed(good[last], 43)
    made["modify: the record that closes a day"] = attack(
        week, "the count in an EPOCH record", slots, first_broken=last, failed=[(last, last, "tag")]
    )
    slots = list(good)
    slots[20] = None
    made["delete: one record"] = attack(
        week,
        "record 20 zeroed; those after it in its epoch cannot be proven any more",
        slots,
        first_broken=21,
        failed=[(20, 20, "missing")],
        unproven=[(21, last, "after a break")],
    )
    slots = [*good[:20], *good[21:]]
    made["delete: one record, the rest moved up"] = attack(
        week,
        "record 20 taken out and all after it moved one place up",
        slots,
        first_broken=21,
        failed=[(20, 20, "sequence"), (last, len(slots) - 1, "sequence")],
        unproven=[(21, last - 1, "after a break")],
    )
    slots = list(good)
    slots[20], slots[21] = good[21], good[20]
    made["reorder"] = attack(
        week,
        "records 20 and 21 in each other's place",
        slots,
        first_broken=21,
        failed=[(20, 20, "sequence")],
        unproven=[(21, last, "after a break")],
    )
    slots = list(good)
    slots[30] = good[20]
    made["replay: an old record in a new one's place"] = attack(
        week,
        "record 20 again where record 30 was",
        slots,
        first_broken=20,
        failed=[(30, 30, "sequence")],
        unproven=[(31, epoch_end(good, 31), "after a break")],
    )
    slots = [*good, good[20]]
    made["replay: an old record at the end"] = attack(
        week, "record 20 again as the newest", slots, first_broken=20, failed=[(len(good), len(good), "sequence")]
    )
    made["truncate"] = attack(
        week,
        "the last five records cut off; the bridge had acknowledged them",
        good[:-5],
        failed=[(len(good) - 5, len(good) - 1, "rolled back")],
        anchors=[anchor(good, len(good))],
    )
    fork = working_week_until(good, 40)
    twin = fork.copy()
    twin.passes(500_000).punches(4, 13_000)
    made["clone"] = attack(
        week,
        "a second clock with the flash of the first goes on from record 40; both were heard",
        good,
        failed=[(40, 43, "equivocation")],
        other=[raw.hex() if raw else None for raw in twin.slots],
    )
    back = fork.copy()
    back.passes(500_000).punches(len(good) - 40 + 3, 13_000)
    made["rollback of an acknowledged part"] = attack(
        week,
        "the flash put back to record 40, then punches until the numbers were passed again",
        back.slots,
        failed=[(len(good) - 1, len(good) - 1, "anchor")],
        anchors=[anchor(good, len(good))],
    )
    thief = working_week_until(good, 40)
    forged: list[bytes | None] = list(good)
    old = good[30]
    assert old is not None
    before = good[29]
    assert before is not None
    body = changed(old, 24, 0xFF)[:48]
    tag = make.hmac(make.hmac(thief.r, b"M"), before[48:] + body)[:16]
    forged[30] = body + tag
    made["stolen key: the past forged"] = attack(
        week,
        "whoever holds the key of record 40 seals another record 30 with it",
        forged,
        first_broken=30,
        failed=[(30, 30, "tag")],
        unproven=[(31, epoch_end(good, 31), "after a break")],
    )
    ahead = working_week_until(good, 40)
    ahead.passes(700_000).punches(3)
    made["stolen key: the future forged"] = attack(
        week,
        "whoever holds the key of record 40 seals what comes after: no seal can see this; the real clock's records can",
        ahead.slots,
    )
    lost = working_week_until(good, 40)
    unsealed = make.body(lost.passes(40_000).fields(PUNCH, flags=0x81, token=make.token(UID)))
    slots = [*lost.slots, unsealed + hashlib.sha256(lost.tag + unsealed).digest()[:16]]
    made["unsealed"] = attack(
        week, "a clock that lost its key keeps a punch", slots, first_broken=40, failed=[(40, 40, "unsealed")]
    )
    set_back = working_week_until(good, 40)
    set_back.utc_ms -= HOUR_MS
    at = set_back.seq
    set_back.punches(3)
    made["clock set back, running"] = attack(
        week, "an hour back without a TIME_SET", set_back.slots, failed=[(at, at, "time")]
    )
    set_back = working_week_until(good, 40)
    at = set_back.seq
    set_back.starts(after_ms=-2 * DAY_MS).punches(3)
    made["clock set back, while off"] = attack(
        week, "two days back in the RTC, its error bound still stated", set_back.slots, failed=[(at, at, "time")]
    )
    declared = working_week_until(good, 40)
    declared.passes(9_000).set_time(declared.utc_ms - HOUR_MS).punches(3)
    made["clock set back, and said so"] = attack(
        week, "an hour back with a TIME_SET: nothing fails, the step is told", declared.slots
    )
    for name, jump_ms in (("ahead", 3 * DAY_MS), ("back", -HOUR_MS)):
        jumped = working_week_until(good, 40)
        at = jumped.seq
        jumped.source, jumped.bound = 1, 40
        jumped.starts(after_ms=HOUR_MS * 2 + jump_ms).punches(3)
        jumped.bound = NO_BOUND  # as after a refusal of TLS
        jumped.punches(1)
        end = jumped.seq
        jumped.passes(9_000).set_time(jumped.utc_ms - jump_ms).punches(3)
        arrived = [jumped.utc_ms] * len(jumped.slots)
        made[f"RTC jumped {name} while off, and the bridge set it"] = attack(
            week,
            f"the RTC went {name} while the clock was off, its bound still stated; TIME_SET tells the step",
            jumped.slots,
            unproven=[(at, end - 2, "corrected")],
            received_ms=arrived,
        )
    slots = list(power_cuts().slots)
    hidden = next(n for n, raw in enumerate(slots) if raw is None) - 1
    boot = slots[hidden + 2]
    slots[hidden] = None
    slots[hidden + 2] = changed(boot, 41, 3)
    made["hide: a punch made a burnt number"] = attack(
        "power cuts",
        "the punch before a burnt number zeroed, and the BOOT after it made to declare two",
        slots,
        first_broken=hidden + 2,
        failed=[(hidden + 2, hidden + 2, "tag")],
        unproven=[(hidden + 3, epoch_end(slots, hidden + 3), "after a break")],
    )
    ended = retired()
    at = ended.seq
    ended.passes(5_000).punch()
    made["after the end"] = attack(
        "retired", "a punch after RETIRE, with the key it would have had", ended.slots, first_broken=at,
        failed=[(at, at, "retired")],
    )  # fmt: skip
    made |= _attacks_on_epochs(good) | _attacks_on_time(good)
    early = working_week_until(good, 40)
    arrived = [MONDAY_MS + 30 * DAY_MS] * 40
    at = early.seq
    early.passes(10_000).punches(2)
    made["from the future"] = attack(
        week,
        "two records reached the bridge an hour before the time they claim",
        early.slots,
        failed=[(at, at + 1, "future")],
        received_ms=[*arrived, early.utc_ms - HOUR_MS, early.utc_ms - HOUR_MS],
    )
    return made


def _attacks_on_epochs(good: list[bytes | None]) -> dict[str, dict[str, Any]]:
    week, long = "a working week", "the longest epoch"
    made: dict[str, dict[str, Any]] = {}
    for count in (3, 4):
        slots = list(good)
        for seq in range(20, 20 + count):
            slots[seq] = changed(good[seq], 25)
        made[f"modify: {count} records in a row"] = attack(
            week,
            f"a badge token in each of {count} records: after three in a row proof goes on, after four it does not",
            slots,
            first_broken=20,
            failed=[(20, 22 if count == 3 else 20, "tag")],
            unproven=[] if count == 3 else [(21, epoch_end(good, 21), "after a break")],
        )
    empty = working_week_until(good, epoch_end(good, 20) + 1)
    at = empty.seq
    empty.passes(9_000).closes().punches(3)
    made["an empty epoch"] = attack(
        week,
        "an EPOCH record as the first of its epoch",
        empty.slots,
        first_broken=at,
        failed=[(at, at, "epoch count")],
    )
    days = several_days_in_one_epoch()
    closing = epoch_end(days.slots, 0)
    named = burnt_until(days.slots, closing)
    named.utc_ms += 9_000
    named.uptime_ms += 9_000
    named.append(EPOCH, detail=struct.pack(">II", named.records + 1, named.utc_ms // DAY_MS))
    made["the day of the last record"] = attack(
        "several days in one epoch",
        "an EPOCH record that names the day on which it was made, not that of its epoch's first record",
        named.slots,
        failed=[(closing, closing, "epoch day")],
    )
    full = longest_epoch().slots
    last = next(seq for seq in range(2_046, 2_050) if full[seq] is not None and full[seq][1] == EPOCH) - 1  # type: ignore[index]
    over = burnt_until(full, last)
    over.passes(1_000).punch()
    made["a punch in a full epoch"] = attack(
        long,
        "a PUNCH as the 2,048th number of its epoch",
        over.slots,
        first_broken=last,
        failed=[(last, last, "epoch length")],
    )
    return made


def _attacks_on_time(good: list[bytes | None]) -> dict[str, dict[str, Any]]:
    week = "a working week"
    made: dict[str, dict[str, Any]] = {}
    at = 40
    back = working_week_until(good, at)
    back.bound = NO_BOUND
    back.passes(1_000).punch()
    back.uptime_ms -= 500
    back.punch()
    made["uptime that goes back"] = attack(
        week,
        "half a second back, with no bound that UTC could be held to",
        back.slots,
        failed=[(at + 1, at + 1, "uptime")],
    )
    before = working_week_until(good, at)
    before.passes(9_000).set_time(before.utc_ms - HOUR_MS).starts(after_ms=-2 * BOUND_MS - 2_001).punches(3)
    made["a start before the time that was set"] = attack(
        week,
        "2.065 s before the newest record, of which both bounds and two seconds cover 2.064",
        before.slots,
        failed=[(at + 1, at + 1, "time")],
    )
    off = working_week_until(good, at)
    off.utc_ms -= 2 * BOUND_MS + 2_000 + 6
    off.set_time(off.utc_ms + 60_000).punches(3)
    made["a time before that was not"] = attack(
        week,
        "a TIME_SET whose time before is 2.070 s before that of the record before, at the same moment of uptime",
        off.slots,
        failed=[(at, at, "time set")],
    )
    return made


def burnt_until(slots: list[bytes | None], end: int) -> Sealer:
    """The clock of a log with burnt numbers as it was after `end` numbers."""
    clock = Sealer()
    for raw in slots[:end]:
        if raw is None:
            clock.tear()
            continue
        clock.append_body(raw[:48])
        assert clock.slots[-1] == raw
        _, _, _, _, _, _, utc_s, ms, clock.source, clock.bound, clock.uptime_ms = struct.unpack(
            ">BBHIHHIHBBI", raw[:24]
        )
        clock.utc_ms = utc_s * 1000 + ms
    return clock


def working_week_until(good: list[bytes | None], end: int) -> Sealer:
    """The clock of the working week as it was after `end` records: its keys, its chain and its time."""
    clock = Sealer()
    for raw in good[:end]:
        assert raw is not None
        fields = struct.unpack(">BBHIHHIHBBI8s8s8s16s", raw)
        clock.utc_ms, clock.source, clock.bound, clock.uptime_ms = (
            fields[6] * 1000 + fields[7],
            fields[8],
            fields[9],
            fields[10],
        )
        clock.append(fields[1], flags=fields[2], boot=fields[4], token=fields[11], beacon=fields[12], detail=fields[13])
        assert clock.slots[-1] == raw
    return clock


def log_vectors() -> dict[str, Any]:
    logs = []
    for name, make_log in GOLDEN.items():
        clock = make_log()
        logs.append(
            {
                "name": name,
                "end": clock.end(),
                "slots": [raw.hex() if raw else None for raw in clock.slots],
            }
        )
    return {
        "clock_id": CLOCK_ID,
        "fleet_key": FLEET_KEY.hex(),
        "nonce": NONCE.hex(),
        "e0": E_0.hex(),
        "firmware": make.FIRMWARE.hex(),
        "logs": logs,
        "attacks": [{"name": name} | told for name, told in attacks().items()],
    }


def main() -> None:
    (HERE / "logs.json").write_text(json.dumps(log_vectors(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

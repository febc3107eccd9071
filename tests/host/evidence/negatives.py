"""Evidence that breaks one rule each, and the exact findings of the verifier.

Everything here is bytes, made by the vectors' third implementation, so the same cases judge the verifier as it is and
each mutant of it. A forger in these cases holds every key: the tags are right unless the tag is the point.
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.host.evidence.flash import A_SECTOR, SECTOR, Flash, flash_of, header, key_slot, secrets
from tests.host.evidence.logs import maker
from tests.host.evidence.world import World

from badgeclock.bridge.store.database import Store
from badgeclock.errors import BadgeclockError
from badgeclock.partition_table import TABLE_OFFSET, Partition, PartitionTable

Said = tuple[str, int | None, int | None]
"""A reason's word and the numbers it is about."""

M = maker
HOUR_MS = M.HOUR_MS
DAY_MS = M.DAY_MS
TOPIC = f"badgeclock/v1/{M.CLOCK_ID}/"


@dataclass
class Case:
    """Evidence of one clock, and the expected result: findings, or the error that refuses it."""

    name: str
    expected: list[Said] | str
    flash: Flash | None = None
    with_keys: bool = True
    whole: bytes | None = None
    dumps: Sequence[bytes] = ()
    rows: Sequence[tuple[int, bytes, int]] | None = None
    anchors: Sequence[tuple[int, bytes, bool]] = ()
    call: Callable[[World], object] | None = field(default=None)


def judged(case: Case, world: World) -> list[Said] | str:
    """A verifier's result: its findings, or the name of the error with its reason."""
    try:
        if case.call is not None:
            return str(case.call(world))
        return _findings(case, world)
    except BadgeclockError as error:
        reason = getattr(error, "reason", None)
        return f"{type(error).__name__}: {reason}" if reason else type(error).__name__


def _findings(case: Case, world: World) -> list[Said]:
    keys = world.keys.ClockKeys(M.CLOCK_ID, M.NONCE, M.E_0, LINK_KEY)
    evidence = world.verifier.Evidence()
    if case.flash is not None:
        seal = memoryview(bytes(case.flash.seal)) if case.with_keys else None
        world.verifier.add_flash(evidence, world.image.Partitions(memoryview(bytes(case.flash.journal)), seal))
    if case.whole is not None:
        parts = world.image.partitions_of(case.whole)
        world.verifier.add_flash(evidence, parts)
        world.verifier.check_copies(evidence, keys, parts)
    for number, data in enumerate(case.dumps):
        read = world.dump.read(data, keys, f"dump {number}", evidence.findings)
        evidence.sources.append(read.runs)
        evidence.anchors += read.anchors
    if case.rows is not None:
        evidence.sources.append(world.store_source.runs_of_rows(case.rows, evidence.findings))
    evidence.anchors += [world.dump.Anchor(seq, tag, "anchor", told) for seq, tag, told in case.anchors]
    report = world.verifier.verify(keys, evidence)
    return sorted(
        ((f.reason.value, f.first, f.last) for f in report.findings), key=lambda said: (said[0], said[1] or 0)
    )


LINK_KEY = M.make.hmac(M.K_DEV, b"L" + M.CLOCK_ID.encode() + M.NONCE)


# --- clocks to begin with ---


def clock() -> Any:
    """Founded, started, its time set by the bridge, five punches: the next record is number 8."""
    made = M.Sealer().founded().starts()
    return made.passes(9_000).set_time(made.utc_ms + 700).punches(5)


def long_clock(records: int = 500) -> Any:
    """A clock with several epochs, for a ring that has turned over."""
    made = clock()
    while made.seq < records:
        made.punches(40).closes_at_midnight()
    return made


def flash_after(made: Any, **others: Any) -> Flash:
    return flash_of(made.slots, made.end(), **others)


def bare(made: Any) -> bytes:
    """The records of a clock as a dump."""
    return b"".join(raw for raw in made.slots if raw is not None)


# --- the record by itself, and in its chain ---


def forged(name: str, expected: list[Said], **fields: Any) -> Case:
    """One record with a right tag and a false content, number 8, between genuine ones."""
    made = clock()
    made.passes(5_000).append(fields.pop("kind", M.PUNCH), **fields)
    made.boot = 1  # a second GENESIS does not count as a start
    return Case(name, expected, flash_after(made.punches(2)))


def formats() -> Iterator[Case]:
    good = clock()
    good.passes(5_000)
    content = M.make.body(good.fields(M.PUNCH, flags=1, token=M.make.token(M.UID)))
    for reason, offset, value in (
        ("format", 0, b"\x02"),
        ("kind", 1, b"\x00"),
        ("kind", 1, b"\x0b"),
        ("flags", 2, b"\x01"),
        ("direction", 3, b"\x05"),
        ("milliseconds", 16, struct.pack(">H", 1000)),
        ("clock source", 18, b"\x04"),
    ):
        made = good.copy()
        made.append_body(content[:offset] + value + content[offset + len(value) :]).punches(2)
        yield Case(f"{reason} {value.hex()}", [(reason, 8, 8)], flash_after(made))


def chain() -> Iterator[Case]:  # noqa: PLR0915 - a list of cases, one after another
    yield forged("a second GENESIS", [("genesis", 8, 8)], kind=M.GENESIS, token=M.NONCE)
    made = clock()
    made.passes(5_000).append(M.PUNCH, boot=2, token=M.make.token(M.UID), flags=1).punches(2)
    yield Case("a boot count that no BOOT raised", [("boot count", 8, 8)], flash_after(made))
    made = clock()
    made.passes(30_000).append(M.BOOT, boot=3, detail=b"\x01" + bytes(7)).punches(2)
    yield Case("a BOOT that skips one", [("boot count", 8, 8)], flash_after(made))
    made = clock()
    made.passes(30_000).append(M.BOOT, boot=1, detail=b"\x01" + bytes(7)).punches(2)
    yield Case("a BOOT that counts none", [("boot count", 8, 8)], flash_after(made))
    yield forged("a record of another epoch", [("epoch", 8, 8)], epoch=1, token=M.make.token(M.UID), flags=1)
    for count in (8, 10):
        made = clock().passes(5_000)
        made.append(M.EPOCH, detail=struct.pack(">II", count, made.day)).punches(2)
        yield Case(f"an epoch of 9 records that counts {count}", [("epoch count", 8, 8)], flash_after(made))
    made = clock().punches(2047 - 8, 1_001)
    at = made.seq
    yield Case("an epoch that is full", [], flash_after(made.copy().passes(500).closes(), sectors=40))
    started = made.copy().starts().passes(500).closes()
    yield Case("an epoch that a start makes longer", [], flash_after(started, sectors=40))
    made.punches(1).passes(500).closes()
    yield Case("an epoch that is never closed", [("epoch length", at, at)], flash_after(made, sectors=40))
    made = M.Sealer().append(M.GENESIS, token=M.NONCE, detail=bytes(8)).starts().punches(3)
    yield Case("a chain of another key", [("commitment", 0, 0)], flash_after(made))
    made = M.Sealer().append(M.PUNCH, flags=0x41).starts().punches(3)
    yield Case("a chain without GENESIS", [("genesis", 0, 0)], flash_after(made))
    made = clock()
    end = made.end()
    body = M.make.body(made.passes(9_000).fields(M.PUNCH, flags=0x81, token=M.make.token(M.UID)))
    slots = [*made.slots, body + sha256(made.tag + body).digest()[:16]]
    dead = flash_of(slots)
    yield Case("an unsealed record", [("no key", None, None), ("unsealed", 8, 8)], dead)
    yield Case(
        "an unsealed record and a key",
        [("key", None, None), ("unsealed", 8, 8)],
        flash_of(slots, {**end, "r": "11" * 32}),
    )
    flash = flash_after(clock().punches(2))
    yield Case("one bit", [("tag", 4, 4)], flash.copy().put(4, M.changed(bytes(flash.journal[flash.at(4) :][:64]), 30)))
    raws = [bytes(flash.journal[flash.at(seq) :][:64]) for seq in range(10)]
    moved = flash.copy().put(4, raws[5]).put(5, raws[4])
    yield Case(
        "two records exchanged", [("after a break", 5, 9), ("after a break", None, None), ("sequence", 4, 4)], moved
    )
    again = flash.copy().put(5, raws[4])
    yield Case("a record repeated", [("after a break", 6, 9), ("after a break", None, None), ("sequence", 5, 5)], again)
    made = clock().passes(4_000).append(M.RETIRE)
    yield Case("a retired clock", [], flash_after(made))
    key = {**made.end(), "r": made.r.hex(), "e_next": made.e_next.hex()}
    yield Case("a key after RETIRE", [("earlier key", None, None)], flash_of(made.slots, key))
    yield Case(
        "a RETIRE whose key is not zeroed yet", [("unfinished", None, None)], flash_of(made.slots, clock().end())
    )
    empty = M.make.body(made.copy().passes(4_000).fields(M.PUNCH, flags=1))
    inner, outer = b"\x36" * 32, b"\x5c" * 32  # what an implementation of HMAC for 32-byte keys makes of none
    mac = sha256(outer + sha256(inner + b"M").digest()).digest()
    tag = M.make.hmac(mac, made.tag + empty)[:16]
    yield Case("a punch under no key after RETIRE", [("retired", 9, 9)], flash_of([*made.slots, empty + tag]))
    made.passes(4_000).punch()
    yield Case("a punch after RETIRE", [("retired", 9, 9)], flash_of(made.slots))


def last_epoch(world: World) -> object:
    """The epoch after which there is no number left: it has no end."""
    state = world.seal.found(M.CLOCK_ID, M.E_0, M.NONCE)._replace(next_seq=9, epoch=0xFFFF, records=4000)
    good = world.record.unpack(clock().slots[4])._replace(seq=9, epoch=0xFFFF, boot=0)
    return world.seal.seal(state, good)[1].records


def unused_bytes() -> Iterator[Case]:
    punch = {"token": M.make.token(M.UID), "flags": 1}
    for name, fields in {
        "a PUNCH with a detail": {**punch, "detail": b"\x00\x01" + bytes(6)},
        "a PUNCH whose direction comes from nowhere": {**punch, "detail": b"\x05" + bytes(7)},
        "a BOOT of unknown cause": {"kind": M.BOOT, "boot": 2, "detail": b"\x06" + bytes(7)},
        "a BOOT with spare bytes": {"kind": M.BOOT, "boot": 2, "detail": bytes([1, 0, 1]) + bytes(5)},
        "a TAMPER of a third kind": {"kind": M.TAMPER, "detail": b"\x03" + bytes(7)},
        "a TAMPER with spare bytes": {"kind": M.TAMPER, "detail": b"\x01" + bytes(6) + b"\x01"},
        "a FAULT without a code": {"kind": M.FAULT, "detail": bytes(8)},
        "a FAULT with a spare byte": {"kind": M.FAULT, "detail": b"\x01\x01" + bytes(6)},
        "a FAULT with spare bytes": {"kind": M.FAULT, "detail": b"\x01\x00\x00\x01" + bytes(3) + b"\x01"},
        "a CONFIG with a token": {"kind": M.CONFIG, "token": M.make.token(M.UID)},
        "a CONFIG with a direction": {"kind": M.CONFIG, "flags": 1},
        "a RETIRE with a detail": {"kind": M.RETIRE, "detail": b"\x01" + bytes(7)},
    }.items():
        made = clock().passes(5_000)
        made.append(fields.pop("kind", M.PUNCH), **fields)  # type: ignore[arg-type]
        yield Case(name, [("unused bytes", 8, 8)], flash_after(made))
    for name, fields in {
        "no time with seconds": {"utc_s": 1},
        "no time with milliseconds": {"ms": 1},
        "no time with a bound": {"bound": 80},
    }.items():
        made = M.Sealer()
        made.source = 0
        made.founded().starts().passes(4_000).append(M.PUNCH, flags=0x41, token=M.make.token(M.UID), **fields)
        yield Case(name, [("unused bytes", 2, 2)], flash_after(made))
    for name, old in {
        "a TIME_SET with a spare byte": (0, 0, 1),
        "a TIME_SET from an unknown source": (0, 4, 0),
        "a TIME_SET from 1,000 ms": (1000, 1, 0),
    }.items():
        made = clock().passes(5_000)
        ms, source, spare = old
        told = (made.utc_ms // 1000 - 1, ms, source, spare) if ms else (made.utc_ms // 1000, 0, source or 1, spare)
        made.append(M.TIME_SET, detail=struct.pack(">IHBB", *told))
        yield Case(name, [("unused bytes", 8, 8)], flash_after(made))


# --- time ---


def times() -> Iterator[Case]:  # noqa: PLR0915 - a list of cases, one after another
    def after(change: Callable[[Any], object], name: str, expected: list[Said]) -> Case:
        made = clock()
        change(made)
        return Case(name, expected, flash_after(made.punches(2)))

    def jump(ms: int) -> Callable[[Any], object]:
        def change(made: Any) -> None:
            made.utc_ms += ms

        return change

    yield after(jump(-1_000), "a step of a second needs no TIME_SET", [])
    yield after(jump(-HOUR_MS), "an hour back", [("time", 8, 8)])
    yield after(jump(HOUR_MS), "an hour ahead", [("time", 8, 8)])
    yield after(jump(-(2**32)), "back by as much as uptime can show", [("time", 8, 8)])
    yield after(lambda made: made.passes(50 * DAY_MS), "a silence of fifty days", [])
    yield after(lambda made: made.passes(40 * DAY_MS), "a silence of forty days", [])

    def drift(made: Any) -> None:
        made.passes(10 * DAY_MS)
        made.utc_ms += 80_000  # 93 ppm

    yield after(drift, "a crystal's drift", [])

    def uptime(ms: int) -> Callable[[Any], object]:
        def change(made: Any) -> None:
            made.uptime_ms += ms

        return change

    yield after(uptime(-70_000), "uptime back, UTC ahead", [("uptime", 8, 8)])

    def both_back(made: Any) -> None:
        made.passes(-62_500)

    yield after(both_back, "uptime back with UTC, by less than a step", [("uptime", 8, 8)])

    made = M.Sealer().founded().starts().punches(2)
    made.uptime_ms -= 70_000
    yield Case("uptime back, without a bound", [("uptime", 4, 4)], flash_after(made.punches(1)))
    made = M.Sealer()
    made.source = 0
    made.founded().starts().punches(2)
    made.source, made.bound = 3, 40
    yield Case("a time that comes from nowhere", [("time", 4, 4)], flash_after(made.punches(1)))

    made = clock().starts(after_ms=-1_500)
    yield Case("a start a second early", [], flash_after(made.punches(1)))
    made = clock().starts(after_ms=-HOUR_MS)
    yield Case("a start an hour before the record before it", [("time", 8, 8)], flash_after(made.punches(1)))
    made = clock()
    made.bound = NO_BOUND
    made.starts(after_ms=-HOUR_MS)
    yield Case("the same from a clock that states no bound", [], flash_after(made.punches(1)))
    made = clock()
    made.starts(after_ms=-HOUR_MS).passes(1_000).set_time(made.utc_ms + 2 * HOUR_MS)
    yield Case("the same, set right afterwards", [("time", 8, 8)], flash_after(made.punches(1)))

    made = clock().passes(3_000).set_time(clock().utc_ms - 9 * HOUR_MS)
    yield Case("a clock set back that says so", [], flash_after(made.punches(1)))
    made = clock().passes(3_000)
    made.utc_ms -= HOUR_MS
    yield Case("a TIME_SET from a false time", [("time set", 8, 8)], flash_after(made.set_time(made.utc_ms).punches(1)))
    made = clock().passes(3_000)
    made.append(M.TIME_SET, detail=bytes(8))
    yield Case("a TIME_SET from no time, which it had", [("time set", 8, 8)], flash_after(made.punches(1)))
    made = M.Sealer()
    made.source = 0
    made.founded().starts().punches(2)
    old = struct.pack(">IHBB", made.utc_ms // 1000, 0, 1, 0)
    made.source, made.bound = 3, 40
    made.append(M.TIME_SET, detail=old)
    yield Case("a TIME_SET from a time, which it had not", [("time set", 4, 4)], flash_after(made.punches(1)))
    made = M.Sealer().founded().starts().passes(3_000).append(M.TIME_SET, detail=bytes(8))
    yield Case("the same of a clock without a bound", [("time set", 2, 2)], flash_after(made.punches(1)))
    made = M.Sealer().founded()
    made.bound = 80
    yield Case("a first start that states a bound", [], flash_after(made.starts().punches(1)))
    yield from squeezed_in()
    made = clock().passes(5_000)
    made.append(M.EPOCH, detail=struct.pack(">II", made.records + 1, made.day + 1))
    yield Case("another day than the epoch's", [("epoch day", 8, 8)], flash_after(made.punches(1)))
    made = clock().closes_at_midnight().passes(DAY_MS).punches(1).passes(5_000)
    made.append(M.EPOCH, detail=struct.pack(">II", made.records + 1, made.day - 1))
    yield Case("another day than the second epoch's", [("epoch day", 10, 10)], flash_after(made.punches(1)))
    made = clock().closes_at_midnight().passes(DAY_MS).tear().starts().punches(1).passes(5_000)
    made.append(M.EPOCH, detail=struct.pack(">II", made.records + 1, made.day + 1))
    yield Case("the day of an epoch whose first number burnt", [("epoch day", 12, 12)], flash_after(made.punches(1)))


def squeezed_in() -> Iterator[Case]:
    """Records that had to be written between the setting of the clock and its TIME_SET."""

    def set_with(kind: str) -> Any:
        made = clock().passes(3_000)
        old = struct.pack(">IHBB", made.utc_ms // 1000, made.utc_ms % 1000, made.source, 0)
        made.utc_ms += 3 * HOUR_MS
        if kind == "epoch":
            made.closes()
        elif kind == "boot":
            made.append(M.BOOT, boot=made.boot + 1, detail=b"\x01" + bytes(7))
        return made, old

    made, old = set_with("epoch")
    yield Case("an EPOCH before its TIME_SET", [], flash_after(made.copy().append(M.TIME_SET, detail=old).punches(1)))
    yield Case("an EPOCH ahead of its time", [("time", 8, 8)], flash_after(made.copy().punches(2)))
    yield Case("an EPOCH ahead of its time, the last record", [("time", 8, 8)], flash_after(made.copy()))
    yield Case("an EPOCH ahead of its time, then a start", [("time", 8, 8)], flash_after(made.copy().starts()))
    later = made.copy().passes(4_000).append(M.TIME_SET, detail=old)
    yield Case("an EPOCH too long before a TIME_SET", [("time", 8, 8), ("time set", 9, 9)], flash_after(later))
    made, old = set_with("boot")
    yield Case("a BOOT before its TIME_SET", [], flash_after(made.append(M.TIME_SET, detail=old).punches(1)))


NO_BOUND = M.NO_BOUND


# --- holes ---


def holes() -> Iterator[Case]:
    made = clock().tear().starts().punches(2)
    flash = flash_after(made)
    yield Case("a burnt number that its BOOT declares", [], flash)
    yield Case("a dump with a burnt number", [], dumps=[bare(made)])
    yield Case(
        "a burnt number that the flash has not come to",
        [("rolled back", 8, 11)],
        flash_after(clock()),
        with_keys=False,
        dumps=[bare(made)],
    )
    yield Case("rubbish in a burnt slot", [("burnt slot", 8, 8)], flash.copy().put(8, b"\x01" * 64))
    yield Case("an erased burnt slot", [("burnt slot", 8, 8)], flash.copy().put(8, b"\xff" * 64))
    for count, said in ((1, [("missing", 8, 8)]), (3, [("sequence", 10, 10)])):
        lying = clock().tear().tear()
        lying.passes(30_000).append(M.BOOT, boot=2, detail=bytes([1, count]) + bytes(6)).punches(2)
        rest: list[Said] = [("after a break", 10, 12), ("after a break", None, None)] if count == 1 else []
        yield Case(f"two burnt numbers, {count} declared", rest + said, flash_after(lying))
    flash = flash_after(clock().punches(3))
    broken: list[Said] = [("after a break", 7, 10), ("after a break", None, None), ("missing", 6, 6)]
    yield Case("a record zeroed", broken, flash.copy().put(6, bytes(64)))
    yield Case("a record erased", broken, flash.copy().put(6, b"\xff" * 64))
    made = clock().punches(3)
    yield Case(
        "a record not in a dump",
        [("after a break", 7, 10), ("missing", 6, 6)],
        dumps=[bare(made)[: 6 * 64] + bare(made)[7 * 64 :]],
    )
    made = long_clock(100)
    closed = M.epoch_end(made.slots, 20)
    told: list[Said] = [("after a break", 7, closed), ("missing", 6, 6)]
    yield Case("proof goes on with the next epoch", told, flash_after(made).put(6, bytes(64)))
    first = M.changed(made.slots[closed + 1], 30)
    told = [("after a break", 7, closed), ("missing", 6, 6), ("tag", closed + 1, closed + 1)]
    yield Case(
        "proof goes on after a false first record", told, flash_after(made).put(6, bytes(64)).put(closed + 1, first)
    )
    yield Case("a dump from the middle", [("before the start", 10, closed)], dumps=[bare(made)[640:]])
    alone = made.slots[closed]
    yield Case("nothing but an EPOCH record", [("before the start", closed, closed)], dumps=[alone])
    yield Case("nothing at all", [("empty", None, None)], flash_of([]), with_keys=False)


# --- two of one ---


def twice() -> Iterator[Case]:
    made = clock()
    fork = made.copy().passes(77_000).punch().passes(5_000).punch()
    made.punches(3)
    yield Case("records sent twice", [], dumps=[bare(made)[: 9 * 64] + bare(made)[4 * 64 :]])
    yield Case("two histories", [("equivocation", 8, 9)], dumps=[bare(made), bare(fork)])
    yield Case("two histories in one dump", [("equivocation", 8, 9)], dumps=[bare(made) + bare(fork)])
    false = M.changed(made.slots[8], 30)
    yield Case(
        "a forgery beside the record",
        [("equivocation", 8, 8)],
        dumps=[bare(made)[: 8 * 64] + false + bare(made)[8 * 64 :]],
    )
    flash = flash_after(made)
    yield Case("a forgery in the dump", [("equivocation", 8, 8)], flash, dumps=[bare(made)[: 8 * 64] + false])
    burnt = clock().tear().starts()
    yield Case(
        "a record where the flash says burnt",
        [("equivocation", 8, 8), ("key", None, None), ("sequence", 9, 9)],
        flash_after(burnt),
        dumps=[made.slots[8]],
    )
    yield Case(
        "a flash behind a dump", [("rolled back", 8, 10)], flash_after(clock()), with_keys=False, dumps=[bare(made)]
    )
    tag = made.slots[8][48:]
    yield Case("an anchor that is met", [], flash, anchors=[(9, tag, False)])
    yield Case("an anchor that is not", [("anchor", 8, 8)], flash, anchors=[(9, bytes(16), False)])
    yield Case("an anchor beyond the flash", [("rolled back", 11, 11)], flash, anchors=[(12, tag, True)])
    yield Case("an anchor beyond a dump", [("rolled back", 11, 11)], dumps=[bare(made)], anchors=[(12, tag, False)])
    yield Case("a STATUS beyond a dump", [], dumps=[bare(made)], anchors=[(12, tag, True)])
    yield Case(
        "a row under another number",
        [("after a break", 10, 10), ("missing", 9, 9), ("sequence", 11, 11)],
        rows=[(seq if seq != 9 else 11, raw, made.utc_ms) for seq, raw in enumerate(made.slots)],
    )
    yield Case(
        "a row that is too short",
        [("empty", None, None), ("sequence", 0, 0)],
        rows=[(0, made.slots[0][:63], made.utc_ms)],
    )
    rows = [(seq, raw, made.utc_ms + 9_000) for seq, raw in enumerate(made.slots)]
    yield Case("rows that arrived in time", [], rows=list(rows))
    rows[9] = (9, made.slots[9], made.utc_ms - HOUR_MS)
    yield Case("a row from the future", [("future", 9, 9)], rows=list(rows))
    rows[1] = (1, made.slots[1], made.utc_ms - DAY_MS)  # no bound: no claim
    yield Case("a row that claims nothing", [("future", 9, 9)], rows=rows)
    jumped = M.Sealer().founded()
    jumped.bound = 40
    jumped.starts(after_ms=DAY_MS).punches(2).passes(HOUR_MS).set_time(jumped.utc_ms - DAY_MS).punches(1)
    rows = [(seq, raw, jumped.utc_ms) for seq, raw in enumerate(jumped.slots)]
    yield Case("rows of a clock whose RTC was a day ahead", [("corrected", 1, 3)], rows=rows)
    timeless = M.Sealer()
    timeless.source = 0
    timeless.founded().starts()
    yield Case("rows without a time", [], rows=[(seq, raw, 1) for seq, raw in enumerate(timeless.slots)])


# --- the flash ---


def ring() -> Iterator[Case]:
    made = clock().punches(150)
    good = flash_after(made, acked=63)

    def changed(place: int, at: int, content: bytes, name: str, *said: Said) -> Case:
        flash = good.copy()
        flash.journal[place * SECTOR + at : place * SECTOR + at + len(content)] = content
        return Case(name, list(said), flash)

    bad: Said = ("header", None, None)
    mark: Said = ("mark", None, None)
    half: Said = ("unfinished", None, None)
    yield Case("a good flash", [], good)
    yield changed(1, 0, b"BCJ2", "another magic", bad)
    magic = b"BCJ2" + header(1, 6)[4:12]
    yield changed(1, 0, magic + M.struct.pack(">I", zlib.crc32(magic)), "another magic with its CRC", bad)
    yield changed(3, 0, b"\x5a" * SECTOR, "rubbish between the head and a prepared sector", bad)
    yield changed(1, 15, bytes([good.journal[SECTOR + 15] ^ 1]), "a false CRC", bad)
    yield changed(1, 0, header(7, 6), "another sector's header", bad)
    yield changed(1, 0, header(1, 6, erases=2), "erased too often", bad)
    yield changed(1, 40, b"\xfe", "something in a header's erased part", bad)
    yield changed(1, 0, b"\xff" * 64, "no header", bad)
    yield changed(3, 0, b"\xff" * SECTOR, "a sector not prepared before another that is", bad)
    yield changed(5, 0, header(5, 6), "a sector prepared too early", bad)
    yield changed(
        4,
        0,
        b"\xff" * 3 + b"\x00" * 70,
        "a sector being prepared",
        half,
    )
    far = flash_after(made, sectors=9)
    far.journal[7 * SECTOR : 7 * SECTOR + 9] = b"\x5a" * 9
    yield Case("rubbish far from the head", [bad], far)
    yield changed(1, 16, bytes(7), "a mark half set", half)
    yield changed(
        0,
        16,
        b"\xff" * 16,
        "a mark that is not set yet",
    )
    yield changed(2, 16, bytes(16), "a mark on a sector that is not full", mark)
    yield changed(2, 16, bytes(7), "half a mark on a sector that is not full", mark)
    flash = flash_after(made, acked=126)
    yield Case("two sectors acknowledged", [], flash.copy())
    flash.journal[2 * SECTOR + 16 : 2 * SECTOR + 32] = bytes(16)
    yield Case("a mark on the head's sector", [mark], flash)
    flash = good.copy()
    flash.journal[16:32] = b"\xff" * 16
    flash.journal[SECTOR + 16 : SECTOR + 32] = bytes(16)
    yield Case("marks out of order", [mark], flash.copy())
    flash.journal[SECTOR + 16 : SECTOR + 24] = b"\xff" * 8
    yield Case("half a mark out of order", [mark], flash)
    yield changed(4, 640, b"\x7f", "something in erased space", ("unused space", 261, 261))
    yield Case("a torn record", [("torn", 158, 158)], good.copy().put(158, made.slots[4][:40] + b"\xff" * 24))
    late = good.copy().put(100, M.changed(made.slots[100], 30))
    late.seal = flash_of([], {**made.end(), "next_seq": 100}).seal
    yield Case("a false record where an old key stands", [("key", None, None), ("tag", 100, 100)], late)
    yield Case("a torn record, zeroed", [("torn", 158, 158)], good.copy().put(158, bytes(64)))
    yield Case("journal of two sectors", "EvidenceError", Flash(good.journal[: 2 * SECTOR], good.seal))
    yield Case("journal with half a sector", "EvidenceError", Flash(good.journal[: 5 * SECTOR + 9], good.seal))
    rubbish = Flash(bytearray(b"\x5a" * SECTOR + b"\xff" * (3 * SECTOR)), good.seal)
    yield Case("rubbish alone", [("empty", None, None), bad], rubbish, with_keys=False)


def turned() -> Iterator[Case]:
    """A ring that has turned over: its oldest records are gone, and the keys of later epochs need none of them."""
    made = long_clock(700)
    good = flash_after(made, acked=600)
    newest = made.seq // A_SECTOR + 2
    lowest = (newest + 1 - 6) * A_SECTOR
    closed = M.epoch_end(made.slots, lowest)
    old: Said = ("before the start", lowest, closed)
    bad: Said = ("header", None, None)
    yield Case("a ring that has turned over", [old], good)
    whole = bare(made)
    yield Case("the same with the records that it lost", [], good, dumps=[whole])
    burnt = clock().tear().starts()
    while burnt.seq < 700:
        burnt.punches(40).closes_at_midnight()
    yield Case("the same with a burnt number that it lost", [], flash_after(burnt), dumps=[bare(burnt)])
    part = whole[: (lowest - 20) * 64]
    yield Case(
        "the same with some of them",
        [("after a break", lowest, closed), ("missing", lowest - 20, lowest - 1)],
        good,
        dumps=[part],
    )
    place = (newest + 1) % 6
    flash = good.copy()
    flash.journal[place * SECTOR : (place + 1) * SECTOR] = b"\xff" * SECTOR
    old = ("before the start", lowest + A_SECTOR, M.epoch_end(made.slots, lowest + A_SECTOR))
    yield Case("its oldest sector erased, no header yet", [old, ("unfinished", None, None)], flash)
    flash = good.copy()
    flash.journal[place * SECTOR : (place + 1) * SECTOR] = b"\x5a" * SECTOR
    yield Case("its oldest sector half erased", [old, ("unfinished", None, None)], flash)
    flash = good.copy()
    flash.journal[place * SECTOR : place * SECTOR + 64] = header(newest - 5, 6, erases=0)
    old = ("before the start", lowest, closed)
    yield Case("an erase count below its turn", [bad, old], flash)
    flash = good.copy()
    flash.journal[place * SECTOR : (place + 1) * SECTOR] = header(newest - 11, 6) + b"\xff" * (SECTOR - 64)
    old = ("before the start", lowest + A_SECTOR, M.epoch_end(made.slots, lowest + A_SECTOR))
    yield Case("a sector of the turn before", [bad, old, ("unfinished", None, None)], flash)


def keys() -> Iterator[Case]:  # noqa: PLR0915 - a list of cases, one after another
    made = clock().punches(20)
    end = made.end()
    good = flash_after(made)
    live = bytes(good.seal).index(b"BCK1")

    def with_slot(content: bytes, name: str, *said: Said, at: int = live) -> Case:
        flash = good.copy()
        flash.seal[at : at + len(content)] = content
        return Case(name, list(said), flash)

    key: Said = ("key", None, None)
    slot: Said = ("key slot", None, None)
    none: Said = ("no key", None, None)
    half: Said = ("unfinished", None, None)
    earlier: Said = ("earlier key", None, None)
    for name, other in {
        "number": {"next_seq": end["next_seq"] + 1},
        "epoch": {"epoch": 1},
        "boot count": {"boot": 2},
        "count": {"records": 9},
        "key": {"r": "11" * 32},
        "next epoch's key": {"e_next": "11" * 32},
        "tag": {"tag": "11" * 16},
        "day": {"day": 9},
    }.items():
        yield with_slot(key_slot(end, **other), f"a key slot with another {name}", key)
    yield with_slot(key_slot(end, acked=end["next_seq"] + 1), "acknowledged more than there is", none, slot)
    yield with_slot(key_slot(end, zero=bytes(7) + b"\x01"), "a spare byte in a key slot", none, slot)
    yield with_slot(key_slot(end, zero=b"\x01\x01" + bytes(6)), "connections of starts without room for a BOOT")
    tampered = bytearray(key_slot(end))
    tampered[:4] = b"BCK2"
    tampered[112:] = sha256(tampered[:112]).digest()[:16]
    yield with_slot(bytes(tampered), "another magic of a key slot", none, slot)
    yield with_slot(bytes(128), "no live key", none)
    yield with_slot(b"\x55" * 128, "rubbish beside the live key", half, at=live + 128)
    yield with_slot(b"\x55" * 128, "a key half zeroed", half, at=live - 128)
    yield with_slot(b"\x55" * 128, "rubbish in a key slot", slot, at=live + 256)
    last = len(good.seal) - SECTOR
    yield with_slot(secrets(), "the clock's secrets beside its keys", at=last)
    yield with_slot(secrets(number=0), "secrets with a number that none has", slot, at=last)
    yield with_slot(secrets(pad=b"\x01"), "a byte behind the secrets", slot, at=last)
    yield with_slot(secrets()[:-1] + b"\x01", "secrets under a wrong check", slot, at=last)
    yield with_slot(secrets() + b"\x01", "something in the sector of the secrets", slot, at=last)
    before = clock().punches(19).end()
    yield with_slot(key_slot(before), "the key before, not zeroed yet", half, at=live - 128)
    yield with_slot(key_slot(clock().punches(18).end()), "an earlier key", earlier, at=live - 128)
    yield with_slot(key_slot(before), "the key of the record before", half)
    yield with_slot(key_slot({**before, "boot": 7}), "a key one behind, and not this clock's", key)
    two = good.copy()
    two.seal[live - 128 : live] = key_slot(before)
    two.seal[live - 256 : live - 128] = key_slot(before, acked=3)
    yield Case("three live keys", [earlier, half], two)
    cut = flash_of(made.slots[:-2], end)
    yield Case("two records cut off", [key], cut)
    early = flash_of(made.slots, clock().end())
    yield Case("an earlier key put back", [key], early)
    started = clock().tear().starts()
    torn = flash_of(started.slots, clock().end())
    yield Case("a key behind a start", [key], torn)
    burnt = clock().tear().end()
    yield Case("a key behind a start, burnt number taken", [half], flash_of(started.slots, burnt))
    closed = clock().closes_at_midnight()
    yield Case("a key after an EPOCH record", [], flash_after(closed))
    wrong = flash_of(closed.slots, {**closed.end(), "day": 1})
    yield Case("a key after an EPOCH record, another day", [key], wrong)
    yield Case("key store of one sector", "EvidenceError", Flash(good.journal, good.seal[:SECTOR]))
    yield Case("key store with half a sector", "EvidenceError", Flash(good.journal, good.seal[: 2 * SECTOR + 9]))
    end_of_epoch = long_clock(60)
    only = [raw if n + 1 == len(end_of_epoch.slots) else None for n, raw in enumerate(end_of_epoch.slots)]
    kept = flash_of(only, end_of_epoch.end())
    yield Case(
        "only the record that closed the epoch",
        [("after a break", end_of_epoch.seq - 1, end_of_epoch.seq - 1), ("missing", 0, end_of_epoch.seq - 2)],
        kept,
    )


def whole_flash(flash: Flash, other: bytes = b"") -> bytes:
    """A small flash with a partition table: key store, journal and one more."""
    parts = (
        Partition("seal", 0x40, 0, 0x9000, len(flash.seal)),
        Partition("journal", 0x40, 1, 0xD000, len(flash.journal)),
        Partition("vfs", 1, 0x83, 0xD000 + len(flash.journal), SECTOR),
    )
    image = bytearray(b"\xff" * (0xD000 + len(flash.journal) + SECTOR))
    table = PartitionTable(parts).to_binary()
    image[TABLE_OFFSET : TABLE_OFFSET + len(table)] = table
    image[0x9000 : 0x9000 + len(flash.seal)] = flash.seal
    image[0xD000 : 0xD000 + len(flash.journal)] = flash.journal
    image[-SECTOR : -SECTOR + len(other)] = other
    return bytes(image)


def whole() -> Iterator[Case]:
    made = clock().closes_at_midnight().punches(4)
    good = flash_after(made)
    earlier: Said = ("earlier key", None, None)
    yield Case("a whole flash", [], whole=whole_flash(good))
    yield Case("E_0 in the file system", [earlier], whole=whole_flash(good, b"json: " + M.E_0))
    e_1 = M.make.hmac(M.E_0, b"E\x00\x00")
    yield Case("E_1 in the file system", [earlier], whole=whole_flash(good, b"x" + e_1))
    copy = key_slot(clock().closes_at_midnight().punches(1).end())
    yield Case("a key slot in the file system", [earlier], whole=whole_flash(good, b"abc" + copy))
    old = clock()
    for _ in range(70):
        old.closes_at_midnight().punches(1)
    kept = flash_after(old, sectors=8)
    yield Case("an old key among many", [earlier], whole=whole_flash(kept, b"x" + e_1))
    yield Case("the start of an old key among many", [], whole=whole_flash(kept, b"x" + e_1[:31]))
    yield Case("a spoilt key slot in the file system", [], whole=whole_flash(good, b"abc" + copy[:-1]))
    cut = whole_flash(good)[: -SECTOR - 1]
    yield Case("a flash that ends early", "EvidenceError", whole=cut)
    yield Case("a flash that ends early, at a sector", "EvidenceError", whole=whole_flash(good)[: 0xD000 + 5 * SECTOR])
    yield Case("no flash", "EvidenceError", whole=b"\xff" * 0x9000)


# --- dumps ---


def status_line(made: Any, tag: bytes, *, key: bytes | None = None, kind: int = 1) -> bytes:
    """A STATUS of the clock as mosquitto_sub prints it."""
    told = {
        "v": 1, "state": "online", "boot": made.boot, "connection": 1, "session": "11" * 8, "head": made.seq, "tail": 0,
        "tag": tag.hex(), "free": 1, "capacity": 2, "sealed": True, "receipt": 0, "firmware": "00" * 8, "utc_ms": 1,
        "source": 1, "bound_ms": None, "uptime_ms": 1, "heap_free": 1, "reset": 1, "reader": None, "rejected": 0,
    }  # fmt: skip
    head = bytes([1, kind]) + bytes(7) + b"\x01" + M.json.dumps(told).encode()
    clock_id = M.CLOCK_ID.encode()
    up = M.make.hmac(key or LINK_KEY, b"up")
    tag16 = M.make.hmac(up, b"badgeclock/v1" + bytes([len(clock_id)]) + clock_id + bytes(8) + head)[:16]
    return f"{TOPIC}status {(head + tag16).hex()}\n".encode()


def dumps() -> Iterator[Case]:
    made = clock().punches(3)
    raw = bare(made)
    text = b"".join(f"{TOPIC}punches {raw[at : at + 192].hex()}\n".encode() for at in range(0, len(raw), 192))
    length: Said = ("length", None, None)
    yield Case("a text dump", [], dumps=[text])
    yield Case(
        "a text dump with another clock's lines", [], dumps=[text + b"badgeclock/v1/clock-0001/punches 0102\n\n"]
    )
    yield Case("a text dump with a cut message", [length], dumps=[text + f"{TOPIC}punches 0102\n".encode()])
    yield Case("a text dump with receipts", [], dumps=[text + f"{TOPIC}receipts 0102\n".encode()])
    yield Case("a binary dump with a cut record", [length], dumps=[raw + raw[:9]])
    yield Case("no dump", "EvidenceError", dumps=[b"hello" * 20])
    yield Case("less than a record", "EvidenceError", dumps=[b"\x01" * 63])
    yield Case("a line without digits", "EvidenceError", dumps=[text + f"{TOPIC}punches xyz\n".encode()])
    yield Case("a line of another topic", "EvidenceError", dumps=[text + b"other/topic 01\n"])
    good = made.slots[-1][48:]
    yield Case("a STATUS that agrees", [], dumps=[text + status_line(made, good)])
    yield Case("a STATUS that does not", [("anchor", 10, 10)], dumps=[text + status_line(made, bytes(16))])
    yield Case("a forged STATUS", [], dumps=[text + status_line(made, bytes(16), key=bytes(32))])
    yield Case("a frame that is no STATUS", [], dumps=[text + status_line(made, bytes(16), kind=2)])
    unfounded = M.Sealer()
    yield Case("a STATUS before any record", [], dumps=[text + status_line(unfounded, bytes(16))])


@cache
def empty_store() -> Store:
    """A bridge's store without clocks."""
    store = Store("sqlite:///" + str(Path(tempfile.mkdtemp(prefix="badgeclock-test-"), "bridge.db")))
    store.migrate()
    return store


# --- packing, which a verifier never does and a forger might ---


def calls() -> Iterator[Case]:
    def pack(**change: Any) -> Callable[[World], object]:
        def call(world: World) -> object:
            good = world.record.unpack(clock().slots[4])
            return world.record.pack(good._replace(**change))

        return call

    length, span = "RecordRefused: field length", "RecordRefused: field range"
    for name in ("token", "beacon", "detail", "tag"):
        yield Case(f"a short {name}", length, call=pack(**{name: b"x"}))
    yield Case("a number that does not fit", span, call=pack(seq=2**32))
    yield Case("a kind that nobody takes", "RecordRefused: kind", call=pack(kind=11))
    raw = clock().slots[4]
    yield Case("63 bytes", "RecordRefused: length", call=lambda world: world.record.unpack(raw[:63]))
    for name, payload in {"nothing": b"", "a byte more": raw + b"x", "64 records": raw * 64}.items():
        yield Case(
            f"a batch of {name}",
            "RecordRefused: batch length",
            call=lambda world, payload=payload: world.record.split(payload),
        )
    state: Callable[[World], Any] = lambda world: world.seal.found(M.CLOCK_ID, M.E_0, M.NONCE)  # noqa: E731
    yield Case("a gap", "SealGap: gap", call=lambda world: world.seal.advance(state(world), clock().slots[1]))
    yield Case(
        "a run with a cut record",
        "length",
        call=lambda world: world.seal.verify_run(state(world), clock().slots[0] + b"x").refused.reason,
    )
    yield Case("an epoch that cannot be closed", "4001", call=last_epoch)
    yield Case(
        "a store that knows no such clock",
        "EvidenceError",
        call=lambda world: world.store_source.read(
            empty_store(), world.keys.ClockKeys(M.CLOCK_ID, M.NONCE, M.E_0), world.findings.Findings()
        ),
    )
    yield Case("no bound at all", "255", call=lambda world: world.record.bound_encode(None))
    yield Case("no bound decoded", "None", call=lambda world: world.record.bound_decode(255))


def all_cases() -> list[Case]:
    """Every case, in the order of this file."""
    parts = (formats, chain, unused_bytes, times, holes, twice, ring, turned, keys, whole, dumps, calls)
    return [case for part in parts for case in part()]

"""Reads the two raw partitions of a clock from its flash: records, key slots, and whether every other byte is in place.

A record's place is decided by its own number, not by an index or a header; the header must then agree. Every byte of
both partitions is part of a record, a key slot, the slot of the clock's secrets, a header or erased, and each has a
check. Format: docs/protocol.md §4 and §5.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NamedTuple

from badgeclock import partition_table
from badgeclock.errors import EvidenceError, SettingsError
from badgeclock.evidence.findings import Findings, Reason
from badgeclock.evidence.timeline import Run
from badgeclock.protocol.record import RECORD_BYTES, TAG_BYTES
from badgeclock.protocol.seal import KEY_BYTES, SealState

SECTOR_BYTES: Final = 4096
RECORDS_A_SECTOR: Final = 63
LEAST_SECTORS: Final = 3
AHEAD_SECTORS: Final = 2
"""Sectors beyond the head's that a clock prepares."""
SLOT_BYTES: Final = 128
LEAST_KEY_SECTORS: Final = 2
SOURCE: Final = "flash"

_HEADER: Final = struct.Struct(">4sIII16s32s")
_JOURNAL_MAGIC: Final = b"BCJ1"
_CLEAR_MARK: Final = b"\xff" * 16
_SET_MARK: Final = bytes(16)
_ERASED_SECTOR: Final = b"\xff" * SECTOR_BYTES
_ERASED: Final = b"\xff" * RECORD_BYTES
_BURNT: Final = bytes(RECORD_BYTES)

_SLOT: Final = struct.Struct(f">4sIHHIIIH6s{KEY_BYTES}s{KEY_BYTES}s{TAG_BYTES}s{TAG_BYTES}s")
_SLOT_MAGIC: Final = b"BCK1"
_CHECKED_BYTES: Final = 112
_ERASED_SLOT: Final = b"\xff" * SLOT_BYTES
_SPENT_SLOT: Final = bytes(SLOT_BYTES)
_SECRETS: Final = struct.Struct(">4sIH")
_SECRETS_MAGIC: Final = b"BCS1"
_SECRETS_BYTES: Final = 1024
_SECRETS_CHECKED_BYTES: Final = 1008
_SEQ_AT: Final = 4
_KEY_START: Final = 8
_FEW_KEYS: Final = 64
"""Up to this many keys are searched for one by one; more in one pass over every byte."""


class Partitions(NamedTuple):
    """Bytes of the journal, of the key store (None: not given), and of the whole flash (None: only partitions)."""

    journal: memoryview
    seal: memoryview | None
    flash: memoryview | None = None


def partitions_of(flash: bytes | memoryview) -> Partitions:
    """The journal and key store in a dump of a clock's whole flash, found by its own partition table.

    Raises EvidenceError if there is no table, or the dump ends before the partitions do.
    """
    view = memoryview(flash)
    start = partition_table.TABLE_OFFSET
    try:
        table = partition_table.from_binary(bytes(view[start : start + partition_table.TABLE_SIZE_BYTES]))
        journal, seal = table["journal"], table["seal"]
    except (SettingsError, KeyError):
        raise EvidenceError(
            what="this is no flash of a clock: it has no partition table with `journal` and `seal` at 0x8000",
            kept="nothing was judged",
            do="read the whole flash, from address 0; or give the partitions with --journal and --seal",
        ) from None
    if max(journal.end, seal.end) > len(view):
        raise EvidenceError(
            what=f"the flash has {len(view):,} bytes, and its table says that a partition ends at byte "
            f"{max(journal.end, seal.end):,}",
            kept="nothing was judged",
            do="read the whole flash, to its end",
        )
    return Partitions(view[journal.offset : journal.end], view[seal.offset : seal.end], view)


# --- the journal ---


@dataclass(slots=True)
class Ring:
    """The content of the journal partition, in the order of numbers.

    `runs` are the slots with content, `burnt` the numbers whose slot is zero, `lowest` the first number that the ring
    can still contain, `head` the number after the last slot that is not erased.
    """

    runs: list[Run] = field(default_factory=list)
    burnt: set[int] = field(default_factory=set)
    lowest: int = 0
    head: int = 0


class Sector(NamedTuple):
    """One physical sector: where it is, which logical one, by its records or else by its header, and its bytes."""

    place: int
    k: int
    raw: memoryview

    @property
    def first(self) -> int:
        """Number of its first slot."""
        return self.k * RECORDS_A_SECTOR


def read_ring(journal: memoryview, findings: Findings) -> Ring:
    """The records of a journal partition; anything else that does not belong there goes to `findings`.

    Raises EvidenceError for a length that no clock uses.
    """
    count, rest = divmod(len(journal), SECTOR_BYTES)
    if rest or count < LEAST_SECTORS:
        raise EvidenceError(
            what=f"a journal has {LEAST_SECTORS} or more sectors of {SECTOR_BYTES} bytes; this has {len(journal):,}",
            kept="nothing was judged",
            do="read the partition again, whole",
        )
    sectors, strange = _sectors_of(journal, count)
    ring = Ring()
    if not sectors:
        for place in strange:
            findings.add(Reason.HEADER, None, place=_place(place))
        return ring
    ring.runs = list(_runs(sectors, ring.burnt))
    while ring.runs and not _belongs(ring.runs[-1], ring.burnt):
        junk = ring.runs.pop()
        findings.add(Reason.UNUSED_SPACE, junk.first, junk.end - 1, place="journal")
    ring.head = max(ring.runs[-1].end if ring.runs else 0, max(ring.burnt, default=-1) + 1)
    ring.lowest = _check_places(sectors, strange, count, ring.head, findings) * RECORDS_A_SECTOR
    _check_marks(sectors, ring.head, findings)
    for sector in sectors:
        check_header(sector, count, findings)
    return ring


def _sectors_of(journal: memoryview, count: int) -> tuple[list[Sector], list[int]]:
    """The sectors with a number, ascending, and the places of those that are neither numbered nor erased."""
    sectors, strange = [], []
    for place in range(count):
        raw = journal[place * SECTOR_BYTES : (place + 1) * SECTOR_BYTES]
        k = _logical(raw, place, count)
        if k is not None:
            sectors.append(Sector(place, k, raw))
        elif raw != _ERASED_SECTOR:
            strange.append(place)
    sectors.sort(key=lambda sector: sector.k)
    return sectors, strange


def _logical(raw: memoryview, place: int, count: int) -> int | None:
    """The logical sector: by the majority of its records that can be here at all, else by its header."""
    magic, header_k, _, crc, _, _ = _HEADER.unpack_from(raw)
    has_header = magic == _JOURNAL_MAGIC and crc == zlib.crc32(raw[:12]) and header_k % count == place
    votes = Counter([header_k] if has_header else [])
    for slot in range(RECORDS_A_SECTOR):
        seq = int.from_bytes(raw[RECORD_BYTES * (slot + 1) + _SEQ_AT :][:4], "big")
        k, its_slot = divmod(seq, RECORDS_A_SECTOR)
        if has_header and k == header_k and slot == its_slot == 0:
            return k
        if k % count == place and raw[RECORD_BYTES * (slot + 1) :][:RECORD_BYTES] not in (_ERASED, _BURNT):
            votes[k] += 1
    return votes.most_common(1)[0][0] if votes else None


def _check_places(sectors: list[Sector], strange: list[int], count: int, head: int, findings: Findings) -> int:
    """Check that every place has the right logical sector; returns the lowest that the ring must still have.

    A place is reused by an erase and then a header, so power loss leaves at most the next one half done.
    """
    newest_k = sectors[-1].k
    in_work = (newest_k + 1) % count
    lowest_k = max(newest_k + 1 - count, 0)
    known = {sector.k for sector in sectors}
    for place in strange:
        findings.add(Reason.UNFINISHED if place == in_work else Reason.HEADER, None, place=_place(place))
    if newest_k + 1 >= count and lowest_k not in known:
        if in_work not in strange:
            findings.add(Reason.UNFINISHED, None, place=_place(in_work))
        lowest_k += 1
    furthest_k = head // RECORDS_A_SECTOR + AHEAD_SECTORS
    if newest_k > furthest_k:
        findings.add(Reason.HEADER, None, place=_place(sectors[-1].place))
    for k in range(head // RECORDS_A_SECTOR, min(newest_k, furthest_k)):
        if k not in known and k % count not in strange:
            findings.add(Reason.HEADER, None, place=_place(k % count))
    for sector in sectors:
        if sector.k < lowest_k:
            findings.add(Reason.HEADER, None, place=_place(sector.place))
    return lowest_k


def _check_marks(sectors: list[Sector], head: int, findings: Findings) -> None:
    """Acknowledgement marks are set in ascending order, on full sectors; power loss may leave the next one half set."""
    expected = True
    for sector in sectors:
        mark = sector.raw[16:32]
        if mark == _SET_MARK and expected and sector.first + RECORDS_A_SECTOR <= head:
            continue
        if mark != _CLEAR_MARK:
            half = expected and mark != _SET_MARK and sector.first + RECORDS_A_SECTOR <= head
            findings.add(Reason.UNFINISHED if half else Reason.MARK, None, place=_place(sector.place))
        expected = False


def check_header(sector: Sector, count: int, findings: Findings) -> None:
    """Magic, number, erase count, CRC and the erased rest of a header."""
    magic, k, erases, crc, _, rest = _HEADER.unpack_from(sector.raw)
    turn = sector.k // count
    if (
        magic != _JOURNAL_MAGIC
        or k != sector.k
        or crc != zlib.crc32(sector.raw[:12])
        or not turn <= erases <= turn + 1
        or rest != _ERASED[:32]
    ):
        findings.add(Reason.HEADER, None, place=_place(sector.place))


def _runs(sectors: list[Sector], burnt: set[int]) -> Iterator[Run]:
    """Slots with content, joined over the headers between them; the numbers of those that are zero go to `burnt`."""
    first, joined = 0, bytearray()
    for sector in sectors:
        for seq, content in _pieces(sector, burnt):
            if joined and seq != first + len(joined) // RECORD_BYTES:
                yield Run(first, memoryview(bytes(joined)), SOURCE)
                joined.clear()
            if not joined:
                first = seq
            joined += content
    if joined:
        yield Run(first, memoryview(bytes(joined)), SOURCE)


def _pieces(sector: Sector, burnt: set[int]) -> Iterator[tuple[int, bytes]]:
    """(number of the first slot, content) of slots with content; a full sector in one piece."""
    slots = bytes(sector.raw[RECORD_BYTES:])
    if _ERASED not in slots and _BURNT not in slots:
        yield sector.first, slots
        return
    for slot in range(RECORDS_A_SECTOR):
        content = slots[slot * RECORD_BYTES : (slot + 1) * RECORD_BYTES]
        if content == _BURNT:
            burnt.add(sector.first + slot)
        elif content != _ERASED:
            yield sector.first + slot, content


def _belongs(run: Run, burnt: set[int]) -> bool:
    """Whether content after a hole can be records: it follows a burnt slot, or one record's number fits its place."""
    if not run.first or run.first - 1 in burnt:
        return True
    return any(int.from_bytes(run.raw(seq)[_SEQ_AT : _SEQ_AT + 4], "big") == seq for seq in range(run.first, run.end))


def _place(place: int) -> str:
    return f"journal sector {place}"


# --- the key store ---


@dataclass(frozen=True, slots=True)
class KeySlot:
    """A live key slot. Keys stay out of repr."""

    index: int
    seq: int
    epoch: int
    boot: int
    records: int
    acked: int
    day: int
    tag: bytes
    r: bytes = field(repr=False)
    e_next: bytes = field(repr=False)

    def continues(self, state: SealState) -> bool:
        """Whether this is the clock's key after the records that led to `state`."""
        return (self.seq, self.epoch, self.boot, self.records, self.r, self.e_next, self.tag) == (
            state.next_seq,
            state.epoch,
            state.boot,
            state.records,
            state.r,
            state.e_next,
            state.tag,
        )


def read_keys(seal: memoryview, findings: Findings) -> list[KeySlot]:
    """The live slots of a key store, the valid one last; malformed slots go to `findings`.

    Raises EvidenceError for a length that no clock uses.
    """
    if len(seal) % SECTOR_BYTES or len(seal) < LEAST_KEY_SECTORS * SECTOR_BYTES:
        raise EvidenceError(
            what=f"a key store has {LEAST_KEY_SECTORS} or more sectors of {SECTOR_BYTES} bytes; this has {len(seal):,}",
            kept="nothing was judged",
            do="read the partition again, whole",
        )
    live, torn = [], []
    count = len(seal) // SLOT_BYTES
    slots_a_sector = SECTOR_BYTES // SLOT_BYTES
    with_secrets = set()
    for place in range(len(seal) // SECTOR_BYTES):
        sector = seal[place * SECTOR_BYTES : (place + 1) * SECTOR_BYTES]
        if bytes(sector[: len(_SECRETS_MAGIC)]) == _SECRETS_MAGIC:
            with_secrets.add(place)
            if not _are_secrets(sector):
                findings.add(Reason.KEY_SLOT, None, place=f"secrets in sector {place}")
    ring = [index for index in range(count) if index // slots_a_sector not in with_secrets]
    for index in ring:
        raw = seal[index * SLOT_BYTES : (index + 1) * SLOT_BYTES]
        if raw in (_ERASED_SLOT, _SPENT_SLOT):
            continue
        slot = _live_slot(index, raw)
        if slot is None:
            torn.append(index)
        else:
            live.append(slot)
    live.sort(key=lambda slot: (slot.seq, slot.acked))
    # Power may fail while the next slot is written, or the one before is zeroed.
    at = ring.index(live[-1].index) if live else 0
    beside = {ring[(at + 1) % len(ring)], ring[at - 1]} if live else set()
    for index in torn:
        findings.add(Reason.UNFINISHED if index in beside else Reason.KEY_SLOT, None, place=f"key slot {index}")
    return live


def _live_slot(index: int, raw: bytes | memoryview) -> KeySlot | None:
    magic, seq, epoch, boot, count, acked, day, _, zero, r, e_next, tag, check = _SLOT.unpack(raw)
    if sha256(raw[:_CHECKED_BYTES]).digest()[:TAG_BYTES] != check:
        return None
    if magic != _SLOT_MAGIC or any(zero) or acked > seq:
        return None
    return KeySlot(index, seq, epoch, boot, count, acked, day, tag, r, e_next)


def _are_secrets(sector: memoryview) -> bool:
    """Whether a sector with the magic of the clock's secrets has one whole slot, and is erased after it."""
    _, number, length = _SECRETS.unpack_from(sector)
    checked = sector[:_SECRETS_CHECKED_BYTES]
    return (
        number > 0
        and not any(checked[_SECRETS.size + length :])
        and sha256(checked).digest()[:TAG_BYTES] == sector[_SECRETS_CHECKED_BYTES:_SECRETS_BYTES]
        and sector[_SECRETS_BYTES:] == _ERASED_SECTOR[_SECRETS_BYTES:]
    )


def key_copies(flash: memoryview, seal: memoryview, keys: Iterable[bytes]) -> Iterator[int]:
    """Addresses where one of `keys` is in the flash, or a live key slot outside the key store."""
    own = bytes(seal)
    content = bytes(flash).replace(own, bytes(len(own)), 1)
    at = -1
    while (at := content.find(_SLOT_MAGIC, at + 1)) >= 0:
        if at + SLOT_BYTES <= len(content) and _live_slot(0, content[at : at + SLOT_BYTES]) is not None:
            yield at
    content = bytes(flash)
    by_start = {key[:_KEY_START]: key for key in keys}
    if len(by_start) <= _FEW_KEYS:
        yield from (at for key in by_start.values() if (at := content.find(key)) >= 0)
        return
    for at in range(len(content) - KEY_BYTES + 1):
        key = by_start.get(content[at : at + _KEY_START])
        if key is not None and content.startswith(key, at):
            yield at


assert _HEADER.size == RECORD_BYTES
assert _SLOT.size == SLOT_BYTES

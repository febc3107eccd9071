"""Every single bit of a flash with 200 records is flipped, in both partitions, and each flip is found.

All bits are judged where they stand: a record by the state before it, a header, a mark and an erased slot by the
reading of the ring, a key slot by the reading of the key store. A dense sample goes the whole way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.host.evidence.flash import A_SECTOR, SECTOR, Flash, flash_of
from tests.host.evidence.logs import maker

from badgeclock.evidence import image, verifier
from badgeclock.evidence.findings import Findings, Verdict
from badgeclock.evidence.image import Partitions
from badgeclock.evidence.keys import ClockKeys
from badgeclock.evidence.verifier import Evidence
from badgeclock.protocol import seal
from badgeclock.protocol.seal import SealState
from badgeclock.toolchain.places import ROOT

RECORDS = 200
SECTORS = 4  # the records leave some of the last one erased
SAMPLE = 131  # a prime, so that the sample falls on every bit of a byte and every byte of a slot


def clock() -> Any:
    """A clock with 200 numbers, among them burnt ones, and two closed epochs."""
    made = maker.Sealer().founded().starts()
    made.passes(9_000).set_time(made.utc_ms + 700).punches(70).closes_at_midnight().punches(40)
    made.tear().starts().punches(30).tear().tear().starts().closes_at_midnight()
    return made.punches(RECORDS - made.seq)


CLOCK = clock()
GOOD = flash_of(CLOCK.slots, CLOCK.end(), sectors=SECTORS, acked=70, ahead=0, seal_sectors=2)
KEYS = ClockKeys(maker.CLOCK_ID, maker.NONCE, maker.E_0)


def verdict_of(flash: Flash) -> Verdict:
    """The verifier's overall verdict."""
    evidence = Evidence()
    verifier.add_flash(evidence, Partitions(memoryview(bytes(flash.journal)), memoryview(bytes(flash.seal))))
    return verifier.verify(KEYS, evidence).verdict


def flips(content: bytearray, start: int = 0, end: int | None = None) -> Iterator[int]:
    """The content with one bit after another flipped; gives the bit's number and puts it right again."""
    for bit in range(start * 8, (len(content) if end is None else end) * 8):
        content[bit >> 3] ^= 1 << (bit & 7)
        yield bit
        content[bit >> 3] ^= 1 << (bit & 7)


def states() -> Iterator[tuple[int, bytes, SealState]]:
    """Each record with its number and the state by which it is judged."""
    state = KEYS.founded()
    for seq, raw in enumerate(CLOCK.slots):
        if raw is not None:
            yield seq, raw, state
            state = seal.advance(state, raw)[1]


def test_the_flash_is_good_before_it_is_touched() -> None:
    assert verdict_of(GOOD) is Verdict.OK
    assert len(CLOCK.slots) == RECORDS


def test_no_bit_of_a_record_can_be_flipped() -> None:
    unseen = []
    for seq, raw, state in states():
        content = bytearray(raw)
        unseen += [(seq, bit) for bit in flips(content) if seal.verify_run(state, bytes(content)).refused is None]
    assert not unseen, f"(record, bit): {unseen}"


def test_no_bit_of_a_header_a_mark_or_erased_space_can_be_flipped() -> None:
    untouched = image.read_ring(memoryview(bytes(GOOD.journal)), Findings())
    content = bytearray(GOOD.journal)
    head = GOOD.at(RECORDS)
    parts = [(place * SECTOR, place * SECTOR + 64) for place in range(SECTORS)]
    parts.append((head + 64, (RECORDS // A_SECTOR + 1) * SECTOR))
    unseen = []
    for start, end in parts:
        for bit in flips(content, start, end):
            findings = Findings()
            ring = image.read_ring(memoryview(content), findings)
            assert ring.head == untouched.head, f"bit {bit} of the journal moved the head"
            if not findings:
                unseen.append(bit)
    assert not unseen, f"bits of the journal: {unseen}"


def test_no_bit_of_a_burnt_slot_or_of_the_next_slot_can_be_flipped() -> None:
    burnt = [seq for seq, raw in enumerate(CLOCK.slots) if raw is None]
    flash = GOOD.copy()
    unseen = []
    for seq in [*burnt, RECORDS]:
        at = flash.at(seq)
        unseen += [bit for bit in flips(flash.journal, at, at + 64) if verdict_of(flash) is Verdict.OK]
    assert not unseen, f"bits of the journal: {unseen}"


def test_no_bit_of_the_key_store_can_be_flipped() -> None:
    untouched = image.read_keys(memoryview(bytes(GOOD.seal)), Findings())
    assert len(untouched) == 1
    content = bytearray(GOOD.seal)
    unseen = []
    for bit in flips(content):
        findings = Findings()
        live = image.read_keys(memoryview(content), findings)
        assert live in ([], untouched), f"bit {bit} of the key store made another key"
        if not findings:
            unseen.append(bit)
    assert not unseen, f"bits of the key store: {unseen}"


def test_no_bit_of_the_clocks_secrets_can_be_flipped_and_the_key_beside_them_counts() -> None:
    vector = json.loads((ROOT / "tests" / "vectors" / "secrets.json").read_text())
    secrets = bytearray(bytes.fromhex(vector["slot"]).ljust(SECTOR, b"\xff"))
    untouched = image.read_keys(memoryview(bytes(GOOD.seal)), Findings())
    findings = Findings()
    assert image.read_keys(memoryview(bytes(secrets + GOOD.seal)), findings)[0].seq == untouched[0].seq
    assert not findings
    unseen = []
    for bit in flips(secrets):
        findings = Findings()
        image.read_keys(memoryview(bytes(secrets + GOOD.seal[:SECTOR])), findings)
        if not findings:
            unseen.append(bit)
    assert not unseen, f"bits of the sector of the secrets: {unseen}"


@pytest.mark.parametrize("partition", ["journal", "seal"])
def test_a_flipped_bit_is_found_by_the_verifier_as_a_whole(partition: str) -> None:
    flash = GOOD.copy()
    content = getattr(flash, partition)
    unseen = []
    for bit in range(0, len(content) * 8, SAMPLE):
        content[bit >> 3] ^= 1 << (bit & 7)
        if verdict_of(flash) is Verdict.OK:
            unseen.append(bit)
        content[bit >> 3] ^= 1 << (bit & 7)
    assert not unseen, f"bits of the {partition} partition: {unseen}"

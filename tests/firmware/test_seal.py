"""The ratchet against the golden vectors."""

import json
import os

from app.log import record, seal, unpacked


def vectors():
    with open(os.getenv("BADGECLOCK_ROOT") + "/tests/vectors/seal.json") as file:
        return json.load(file)


def replay(steps, ratchet, tag, told):
    """Follow vector steps; the chain's tag after them."""
    for step in steps:
        assert step["r"] == told["r"], step["seq"]
        assert step["e_next"] == told["e_next"], step["seq"]
        ratchet.load(bytes.fromhex(step["r"]))
        stepped_by = seal.BURNT_TAG
        epoch_closed = False
        if step["record"] is not None:
            raw = bytes.fromhex(step["record"])
            tag = ratchet.tag(tag, raw[: record.SEALED_BYTES])[: record.TAG_BYTES]
            assert tag == raw[record.SEALED_BYTES :], step["seq"]
            epoch_closed = unpacked.unpack(raw).kind == record.KIND_EPOCH
            stepped_by = tag
        if epoch_closed:
            r, e_next = seal.epoch_start(bytes.fromhex(step["e_next"]), step["epoch"] + 1)
        else:
            r, e_next = ratchet.step(stepped_by), bytes.fromhex(step["e_next"])
        assert r.hex() == step["next_r"], step["seq"]
        told["r"], told["e_next"] = r.hex(), e_next.hex()
    return tag


def test_the_first_keys_and_the_first_tag_are_the_golden_ones():
    golden = vectors()
    assert seal.first_tag(golden["clock_id"]).hex() == golden["first_tag"]
    assert seal.commitment(bytes.fromhex(golden["e0"])).hex() == golden["commitment"]
    r, e_next = seal.epoch_start(bytes.fromhex(golden["e0"]), 0)
    assert r.hex() == golden["steps"][0]["r"]
    assert e_next.hex() == golden["steps"][0]["e_next"]


def test_every_golden_step_gives_its_tag_and_its_next_key_across_epochs_and_a_burnt_slot():
    golden = vectors()
    told = {"r": golden["steps"][0]["r"], "e_next": golden["steps"][0]["e_next"]}
    ratchet = seal.Ratchet()
    tag = replay(golden["steps"], ratchet, bytes.fromhex(golden["first_tag"]), told)
    assert tag.hex() == golden["burnt"]["tag_before"]
    assert golden["burnt"]["steps"][0]["record"] is None, "the vectors show no burnt slot"
    tag = replay(golden["burnt"]["steps"], ratchet, tag, told)
    assert tag.hex() == golden["unsealed"]["tag_before"]


def test_the_golden_unsealed_record_carries_the_plain_chain():
    golden = vectors()["unsealed"]
    raw = bytes.fromhex(golden["record"])
    tag = seal.unsealed_tag(bytes.fromhex(golden["tag_before"]), raw[: record.SEALED_BYTES])
    assert tag[: record.TAG_BYTES] == raw[record.SEALED_BYTES :]


def test_one_bit_of_the_record_or_of_the_tag_before_changes_the_tag():
    ratchet = seal.Ratchet()
    ratchet.load(bytes(range(32)))
    body, before = bytearray(record.SEALED_BYTES), bytearray(record.TAG_BYTES)
    tag = ratchet.tag(before, body)
    for part in (body, before):
        for bit in range(len(part) * 8):
            part[bit >> 3] ^= 1 << (bit & 7)
            assert ratchet.tag(before, body) != tag, bit
            part[bit >> 3] ^= 1 << (bit & 7)
    assert ratchet.tag(before, body) == tag

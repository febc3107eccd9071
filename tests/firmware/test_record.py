"""The record of 64 bytes against the golden vectors."""

import json
import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app.log import record, unpacked
from expect import raised


def vectors():
    with open(os.getenv("BADGECLOCK_ROOT") + "/tests/vectors/record.json") as file:
        return json.load(file)


def stamp_of(fields):
    stamp = record.Stamp()
    for name in ("utc_s", "ms", "source", "bound", "uptime_ms"):
        setattr(stamp, name, fields[name])
    return stamp


def test_every_golden_record_is_packed_to_its_bytes():
    cases = vectors()["records"]
    assert len(cases) >= record.KIND_RETIRE, "the vectors do not show every kind"
    for case in cases:
        fields, wanted = case["fields"], bytes.fromhex(case["bytes"])
        buf = bytearray(record.RECORD_BYTES)
        numbers = [fields[name] for name in ("kind", "flags", "seq", "boot", "epoch")]
        eights = [bytes.fromhex(fields[name]) for name in ("token", "beacon", "detail")]
        record.pack_into(buf, *numbers, stamp_of(fields), *eights)
        assert buf[: record.SEALED_BYTES] == wanted[: record.SEALED_BYTES], case["name"]
        assert buf[record.SEALED_BYTES :] == bytes(record.TAG_BYTES), case["name"]


def test_every_golden_record_is_unpacked_to_its_fields():
    for case in vectors()["records"]:
        got = unpacked.unpack(bytes.fromhex(case["bytes"]))
        for name, value in case["fields"].items():
            mine = getattr(got, name)
            assert (mine.hex() if isinstance(mine, bytes) else mine) == value, (case["name"], name)


def test_a_record_is_unpacked_from_the_middle_of_a_buffer():
    case = vectors()["records"][0]
    raw = bytes.fromhex(case["bytes"])
    assert unpacked.unpack(b"\xff" * 7 + raw + b"\x00", 7) == unpacked.unpack(raw)


def test_what_the_format_refuses_is_refused():
    for case in vectors()["refused"]:
        raw = bytes.fromhex(case["bytes"])
        if len(raw) > record.RECORD_BYTES:
            continue  # unpack reads from a larger buffer on purpose; a batch's length is its taker's business
        raised(ValueError, unpacked.unpack, raw)


def test_every_golden_bound_is_encoded_to_its_byte():
    for ms, encoded in vectors()["bounds"]:
        assert record.bound_encode(ms) == encoded, (ms, encoded)
    assert record.bound_encode(None) == record.BOUND_NONE


def test_a_bound_decodes_to_the_smallest_step_that_covers_it():
    assert record.bound_decode(record.BOUND_NONE) is None
    before = -1
    for encoded in range(record.BOUND_NONE):
        value = record.bound_decode(encoded)
        assert value >= before, encoded
        assert record.bound_decode(record.bound_encode(value)) == value
        above = record.bound_decode(record.bound_encode(value + 1))
        assert above is None or above >= value + 1
        before = value

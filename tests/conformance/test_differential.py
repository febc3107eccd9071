"""The firmware's codec and the host's, with the same inputs: they must give the same results.

The firmware answers inside the real MicroPython, in one process per batch. Inputs come from a seed, which a failure
prints, and from hypothesis. HMAC and HKDF are held to the published vectors besides: RFC 4231 and RFC 5869.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from badgeclock.protocol import frames, record, seal
from badgeclock.protocol.errors import FrameRefused, RecordRefused
from badgeclock.protocol.frames import Frame
from badgeclock.protocol.record import Record
from badgeclock.toolchain import programs

ROOT = Path(__file__).resolve().parents[2]
ON_DEVICE = Path(__file__).with_name("codec_on_device.py")
SEED = 20260105
ROUNDS = 400
CLOCK_ID = "clock-0001"

Question = list[Any]


def device_answers(folder: Path, questions: list[Question], arch: programs.Arch = "i386") -> list[Any]:
    """The result of the firmware's code."""
    asked = folder / "questions.jsonl"
    asked.write_text("".join(json.dumps(question) + "\n" for question in questions))
    command = [programs.micropython(arch), "-X", "heapsize=1m", ON_DEVICE, ROOT / "firmware", asked]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def host_answer(question: Question) -> Any:
    """The result of the host's code."""
    what, *arguments = question
    return {
        "unpack": _unpack,
        "pack": _pack,
        "bound": lambda ms, encoded: [record.bound_encode(ms), record.bound_decode(encoded)],
        "ratchet": _ratchet,
        "epoch": lambda key, epoch: [part.hex() for part in seal.epoch_start(bytes.fromhex(key), epoch)],
        "unsealed": lambda tag, body: seal.unsealed_tag(bytes.fromhex(tag), bytes.fromhex(body)).hex(),
        "hmac": lambda key, message: seal.hmac.digest(bytes.fromhex(key), bytes.fromhex(message), "sha256").hex(),
        "frame": _frame,
        "open": _open,
    }[what](*arguments)


def _unpack(raw: str) -> Any:
    try:
        told = record.unpack(bytes.fromhex(raw))
    except RecordRefused as refused:
        return refused.reason
    return [field.hex() if isinstance(field, bytes) else field for field in told[1:]]


def _pack(*fields: Any) -> str:
    eights = [bytes.fromhex(text) for text in fields[10:]]
    return record.pack(Record(1, *fields[:10], *eights, bytes(16)))[:48].hex()


def _ratchet(r: str, tag: str, body: str) -> list[str]:
    key = bytes.fromhex(r)
    made = seal.record_tag(key, bytes.fromhex(tag), bytes.fromhex(body))
    return [made.hex(), seal.step(key, made).hex(), seal.step(key, seal.BURNT_TAG).hex()]


def _frame(key: str, clock_id: str, session: str, kind: int, counter: str, body: str) -> str:
    frame = Frame(kind, int(counter), bytes.fromhex(body))
    name = bytes.fromhex(clock_id).decode()
    return frames.seal_frame(bytes.fromhex(key), name, bytes.fromhex(session), frame).hex()


def _open(key: str, clock_id: str, session: str, raw: str) -> Any:
    name = bytes.fromhex(clock_id).decode()
    try:
        frame = frames.open_frame(bytes.fromhex(key), name, bytes.fromhex(session), bytes.fromhex(raw))
    except FrameRefused:
        return "refused"
    return [frame.type, str(frame.counter), frame.body.hex()]


def differences(folder: Path, questions: list[Question], arch: programs.Arch = "i386") -> list[str]:
    """Each question with two answers."""
    theirs = device_answers(folder, questions, arch)
    assert len(theirs) == len(questions)
    ours = [host_answer(question) for question in questions]
    return [
        f"{question}: firmware {their}, host {our}"
        for question, their, our in zip(questions, theirs, ours, strict=True)
        if their != our
    ]


# --- by a seed ---


def good_fields(source: random.Random) -> list[Any]:
    """Fields of a record that both must take, edges as often as the middle."""

    def number(bits: int) -> int:
        return source.choice((0, 1, 2**bits - 1, source.getrandbits(bits)))

    return [
        source.randint(1, 10),
        source.randrange(32) * 8 | source.randrange(5),
        *(number(32), number(16), number(16), number(32)),
        source.choice((0, 999, source.randrange(1000))),
        source.randrange(4),
        *(number(8), number(32)),
        *(source.randbytes(8).hex() for _ in range(3)),
    ]


def questions_of(seed: int) -> Iterator[Question]:
    """Questions of every kind; good ones, and good ones with one byte changed."""
    source = random.Random(seed)
    clock_id = CLOCK_ID.encode().hex()
    for _ in range(ROUNDS):
        fields = good_fields(source)
        yield ["pack", *fields]
        raw = bytearray(bytes.fromhex(_pack(*fields)) + source.randbytes(16))
        yield ["unpack", raw.hex()]
        raw[source.choice((0, 1, 2, 3, 16, 17, 18, source.randrange(64)))] = source.getrandbits(8)
        yield ["unpack", raw.hex()]
        yield ["bound", source.getrandbits(source.randint(1, 34)), source.getrandbits(8)]
        r, tag, body = source.randbytes(32).hex(), source.randbytes(16).hex(), source.randbytes(48).hex()
        yield ["ratchet", r, tag, body]
        yield ["epoch", r, source.getrandbits(16)]
        yield ["unsealed", tag, body]
        session = source.randbytes(8).hex()
        body = source.randbytes(source.choice((0, 1, 13, 998))).hex()
        sealed = ["frame", r, clock_id, session, source.getrandbits(8), str(source.getrandbits(64)), body]
        yield sealed
        frame = bytearray.fromhex(host_answer(sealed))
        yield ["open", r, clock_id, session, frame.hex()]
        frame[source.randrange(len(frame))] ^= 1 << source.randrange(8)
        yield ["open", r, clock_id, session, frame[: source.choice((len(frame), source.randrange(len(frame))))].hex()]


@pytest.mark.parametrize("arch", ["i386", "amd64"])
def test_both_codecs_answer_alike(tmp_path: Path, arch: programs.Arch) -> None:
    different = differences(tmp_path, list(questions_of(SEED)), arch)
    assert not different, f"seed {SEED}, {len(different)} differences:\n" + "\n".join(different[:5])


# --- by hypothesis ---

raws = st.binary(max_size=64) | st.binary(min_size=64, max_size=64).map(lambda raw: b"\x01\x03\x00" + raw[3:])


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(raws, min_size=20, max_size=60))
def test_any_bytes_are_a_record_to_both_or_to_none(tmp_path: Path, records: list[bytes]) -> None:
    assert differences(tmp_path, [["unpack", raw.hex()] for raw in records]) == []


# --- published vectors ---

RFC_4231 = [
    ("0b" * 20, b"Hi There".hex(), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (
        b"Jefe".hex(),
        b"what do ya want for nothing?".hex(),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    ("aa" * 20, "dd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (bytes(range(1, 26)).hex(), "cd" * 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    (
        "aa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First".hex(),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        "aa" * 131,
        b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
        b"hashed before being used by the HMAC algorithm.".hex(),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
]


def test_hmac_keeps_to_rfc_4231_on_both(tmp_path: Path) -> None:
    questions = [["hmac", key, message] for key, message, _ in RFC_4231]
    wanted = [digest for _, _, digest in RFC_4231]
    assert [host_answer(question) for question in questions] == wanted
    assert device_answers(tmp_path, questions) == wanted


def test_hkdf_keeps_to_rfc_5869() -> None:
    made = seal.hkdf_sha256(bytes.fromhex("0b" * 22), salt=bytes(range(13)), info=bytes(range(0xF0, 0xFA)), length=42)
    assert made.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    long = seal.hkdf_sha256(
        bytes(range(0x50)), salt=bytes(range(0x60, 0xB0)), info=bytes(range(0xB0, 0x100)), length=82
    )
    assert long.hex() == (
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
        "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
    )
    bare = seal.hkdf_sha256(bytes.fromhex("0b" * 22), salt=b"", info=b"", length=42)
    assert bare.hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"

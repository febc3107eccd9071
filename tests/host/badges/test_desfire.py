"""The bridge's side of a DESFire's protocol against published examples, and against any answer at all."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from hypothesis import given
from hypothesis import strategies as st

from badgeclock.badges import desfire
from badgeclock.badges.desfire import Dialogue, Ev1Session, Ev2Session, Session
from badgeclock.badges.errors import CardError, CardRefused, CardUntrusted

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "badges.json").read_text())


def answering(*answers: str, sent: list[bytes]) -> Callable[[bytes], bytes]:
    """A card that gives these answers to any command, and records the commands."""
    left = [bytes.fromhex(answer) for answer in answers]

    def transceive(apdu: bytes) -> bytes:
        sent.append(apdu)
        return left.pop(0)

    return transceive


def test_aes_authentication_is_the_published_trace() -> None:
    case, sent = VECTORS["authenticate_aes"], list[bytes]()
    dialogue = desfire.authenticate_aes(0, bytes.fromhex(case["key"]), lambda _: bytes.fromhex(case["rnd_a"]))
    desfire.run(dialogue, answering(case["challenge"] + "91af", case["answer"] + "9100", sent=sent))
    assert [apdu.hex() for apdu in sent] == ["90aa0000010000", f"90af000020{case['response']}00"]


@pytest.mark.parametrize("case", VECTORS["authenticate_ev2_first"], ids=lambda case: str(case["source"]))
def test_ev2_authentication_is_that_of_the_application_note(case: dict[str, str]) -> None:
    sent = list[bytes]()
    dialogue = desfire.authenticate_ev2(0, bytes.fromhex(case["key"]), lambda _: bytes.fromhex(case["rnd_a"]))
    session = desfire.run(dialogue, answering(case["challenge"] + "91af", case["answer"] + "9100", sent=sent))
    assert [apdu.hex() for apdu in sent] == ["9071000002000000", f"90af000020{case['response']}00"]
    assert isinstance(session, Ev2Session)
    assert (session._ti.hex(), session._k_enc.key.hex(), session._k_mac.key.hex()) == (
        case["transaction"],
        case["encryption"],
        case["mac"],
    )


def test_the_true_uid_is_read_as_in_the_application_note() -> None:
    case, sent = VECTORS["get_card_uid_ev2"], list[bytes]()
    session = Ev2Session(0, *(bytes.fromhex(case[name]) for name in ("encryption", "mac", "transaction")))
    uid = desfire.run(session.enciphered_answer(0x51, b"", 7), answering(case["answer"], sent=sent))
    assert uid.hex() == case["uid"]
    assert [apdu.hex() for apdu in sent] == [case["command"]]


@pytest.mark.parametrize(
    ("key_no", "new", "old", "ti", "counter", "enc", "mac", "cipher"),
    [
        # NXP AN12196 §5.16.1, another key than the session's, and §5.16.2, the session's own.
        (
            2,
            "F3847D627727ED3BC9C4CC050489B966",
            "00" * 16,
            "7614281A",
            2,
            "4CF3CB41A22583A61E89B158D252FC53",
            "5529860B2FC5FB6154B7F28361D30BF9",
            "2CF362B7BF4311FF3BE1DAA295E8C68DE09050560D19B9E16C2393AE9CD1FAC7",
        ),
        (
            0,
            "5004BF991F408672B1EF00F08F9E8647",
            None,
            "7614281A",
            3,
            "4CF3CB41A22583A61E89B158D252FC53",
            "5529860B2FC5FB6154B7F28361D30BF9",
            "C0EB4DEEFEDDF0B513A03A95A75491818580503190D4D05053FF75668A01D6FD",
        ),
    ],
)
def test_ev2_key_changes_are_those_of_the_application_note(
    key_no: int, new: str, old: str | None, ti: str, counter: int, enc: str, mac: str, cipher: str
) -> None:
    session = Ev2Session(0, bytes.fromhex(enc), bytes.fromhex(mac), bytes.fromhex(ti))
    session._counter = counter
    before = None if old is None else bytes.fromhex(old)
    asked = next(session.change_key(key_no, bytes.fromhex(new), b"\x01", before))
    assert asked[5:6] == bytes([key_no])
    assert asked[6:38].hex().upper() == cipher


def test_the_crc_is_the_published_one() -> None:
    case = VECTORS["card_uid_ev1"]
    assert desfire.crc32(bytes.fromhex(case["uid"]) + b"\0").hex() == case["crc"]


def test_an_answer_in_parts_is_put_together_and_one_without_end_is_refused() -> None:
    sent = list[bytes]()
    parts = ["040101123400" + "1a91af", "04010102001a05" + "91af", "00" * 14 + "9100"]
    assert len(desfire.run(desfire.get_version(), answering(*parts, sent=sent))) == 28
    assert [apdu[1] for apdu in sent] == [0x60, 0xAF, 0xAF]
    with pytest.raises(CardUntrusted, match="without end"):
        desfire.run(desfire.get_version(), lambda _: b"\x00\x91\xaf")


def sessions() -> list[Session]:
    return [
        Ev1Session(0, AES(bytes(16))),
        Ev1Session(0, desfire._des(bytes(8))),
        Ev2Session(0, bytes(16), bytes(16), bytes(4)),
    ]


def dialogues() -> list[Callable[[], Dialogue[Any]]]:
    """Every way to talk to a card."""
    found: list[Callable[[], Dialogue[Any]]] = [
        desfire.get_version,
        lambda: desfire.select(bytes(3)),
        lambda: desfire.authenticate_des(0, bytes(16)),
        lambda: desfire.authenticate_aes(0, bytes(16)),
        lambda: desfire.authenticate(0, bytes(16)),
    ]
    for number in range(3):
        found += [
            lambda number=number: sessions()[number].command(0x6A),  # type: ignore[misc]
            lambda number=number: sessions()[number].enciphered_answer(0x51, b"", 7),  # type: ignore[misc]
            lambda number=number: sessions()[number].enciphered_command(0x3D, b"head", b"data"),  # type: ignore[misc]
            lambda number=number: sessions()[number].change_key(1, bytes(16), b"\1", bytes(16)),  # type: ignore[misc]
            lambda number=number: sessions()[number].change_key(0, bytes(16), b"\1"),  # type: ignore[misc]
        ]
    return found


STATUS = st.sampled_from([b"\x91\x00", b"\x91\xaf", b"\x91\xae", b"\x91\x1c", b"\x90\x00", b""])
ANSWERS = st.lists(st.tuples(st.binary(max_size=70), STATUS).map(b"".join), max_size=40)


@given(which=st.sampled_from(range(len(dialogues()))), answers=ANSWERS)
def test_whatever_a_card_answers_a_dialogue_ends_in_a_value_or_a_card_error(which: int, answers: list[bytes]) -> None:
    left = iter(answers)
    frames = 0

    def transceive(_: bytes) -> bytes:
        nonlocal frames
        frames += 1
        assert frames < 100
        return next(left, b"\x91\xaf")

    try:
        desfire.run(dialogues()[which](), transceive)
    except CardError:
        return


@pytest.mark.parametrize("number", range(3))
def test_no_session_believes_an_answer_without_a_proof(number: int) -> None:
    for answer in (b"\x91\x00", bytes(8) + b"\x91\x00", bytes(24) + b"\x91\x00"):
        with pytest.raises(CardUntrusted):
            desfire.run(sessions()[number].command(0x6A), lambda _, answer=answer: answer)  # type: ignore[misc]
        with pytest.raises(CardUntrusted):
            desfire.run(sessions()[number].enciphered_answer(0x51, b"", 7), lambda _, answer=answer: answer)  # type: ignore[misc]


def test_errors_keep_their_words_on_the_way_to_another_process() -> None:
    for error in (CardRefused(0x5A, 0xA0), CardRefused(0x5A, 0x77), CardUntrusted("answer MAC")):
        assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301

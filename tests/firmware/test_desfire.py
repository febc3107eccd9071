"""DESFire's authentication and messages, and CMAC, by what NXP, NIST and others have published, and against a card."""

# heapsize: 256k

import json
import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from binascii import crc32, unhexlify

from app.badge import desfire
from app.badge.cmac import cmac, diversify
from app.badge.desfire import REFUSED, WRONG, Desfire
from app.badge.iso14443 import GARBLED, TIMEOUT

with open(os.getenv("BADGECLOCK_ROOT") + "/tests/vectors/badges.json") as file:
    VECTORS = json.load(file)


def of(vector):
    """A vector's fields as bytes."""
    return {name: unhexlify(value) for name, value in vector.items() if name != "source"}


class Script:
    """An ISO-DEP that expects commands and gives answers, in order."""

    def __init__(self, *steps):
        self.steps = list(steps)

    def transceive(self, command, length, answer):
        expected, given = self.steps.pop(0)
        assert expected is None or bytes(command[:length]) == expected, bytes(command[:length]).hex()
        if isinstance(given, int):
            return given
        answer[: len(given)] = given
        return len(given)


def with_rnd_a(value):
    desfire.urandom = lambda length: value


def test_cmac_keeps_to_rfc_4493():
    vector = VECTORS["cmac"]
    key, message = unhexlify(vector["key"]), unhexlify(vector["message"])
    for length, expected in vector["by_length"].items():
        into = bytearray(16)
        cmac(key, message[: int(length)], into)
        assert bytes(into) == unhexlify(expected), length


def test_diversification_pads_to_two_blocks_as_an10922_does():
    for vector in VECTORS["diversification"]:
        vector = of(vector)
        into = bytearray(16)
        diversify(vector["key"], bytearray(b"\0" + vector["input"]), into)
        assert bytes(into) == vector["derived"]


def test_authenticate_aes_keeps_to_the_published_trace():
    vector = of(VECTORS["authenticate_aes"])
    with_rnd_a(vector["rnd_a"])
    card = Desfire(
        Script(
            (b"\x90\xaa\x00\x00\x01\x00\x00", vector["challenge"] + b"\x91\xaf"),
            (b"\x90\xaf\x00\x00\x20" + vector["response"] + b"\x00", vector["answer"] + b"\x91\x00"),
        )
    )
    assert card.authenticate(0, vector["key"]) == 0
    assert bytes(card._encryption) == vector["session"]


def test_authenticate_ev2_first_keeps_to_an12196():
    for vector in VECTORS["authenticate_ev2_first"]:
        vector = of(vector)
        with_rnd_a(vector["rnd_a"])
        card = Desfire(
            Script(
                (b"\x90\x71\x00\x00\x02\x00\x00\x00", vector["challenge"] + b"\x91\xaf"),
                (b"\x90\xaf\x00\x00\x20" + vector["response"] + b"\x00", vector["answer"] + b"\x91\x00"),
            )
        )
        assert card.authenticate_ev2(0, vector["key"]) == 0
        assert bytes(card._encryption) == vector["encryption"] and bytes(card._mac) == vector["mac"]
        assert bytes(card._transaction[3:]) == vector["transaction"]


def test_session_keys_of_ev2_keep_to_an12343():
    vector = of(VECTORS["session_keys_ev2"])
    for name, first, second in (("encryption", 0xA5, 0x5A), ("mac", 0x5A, 0xA5)):
        into = bytearray(16)
        desfire._derive(vector["key"], first, second, vector["rnd_a"], vector["rnd_b"], into)
        assert bytes(into) == vector[name], name


def test_macs_of_ev2_keep_to_an12343():
    vector = VECTORS["macs_ev2"]
    card = Desfire(Script())
    card._mac[:] = unhexlify(vector["key"])
    card._transaction[3:] = unhexlify(vector["transaction"])
    for signed in vector["signed"]:
        card._counter = signed["counter"]
        card._sign(unhexlify(signed["code"])[0], unhexlify(signed["data"]))
        assert bytes(card._iv[i] for i in range(1, 16, 2)) == unhexlify(signed["mac"]), signed


def in_ev2_session(vector, *steps):
    card = Desfire(Script(*steps))
    card._session = 2  # EV2
    card._encryption[:] = vector["encryption"]
    card._mac[:] = vector["mac"]
    card._transaction[3:] = vector["transaction"]
    return card


def test_an_answer_under_ev2_keeps_to_an12196():
    vector = of(VECTORS["get_card_uid_ev2"])
    uid = bytearray(7)
    card = in_ev2_session(vector, (vector["command"], vector["answer"]))
    assert card.get_card_uid(uid) == 7 and bytes(uid) == vector["uid"]


def test_every_changed_bit_of_an_ev2_answer_is_found():
    vector = of(VECTORS["get_card_uid_ev2"])
    for bit in range(24 * 8):
        answer = bytearray(vector["answer"])
        answer[bit // 8] ^= 1 << bit % 8
        uid = bytearray(7)
        assert in_ev2_session(vector, (None, answer)).get_card_uid(uid) == WRONG, bit
        assert bytes(uid) == bytes(7)


def test_the_crc_of_ev1_is_the_one_that_cards_send():
    vector = of(VECTORS["card_uid_ev1"])
    assert (crc32(vector["uid"] + b"\x00") ^ 0xFFFFFFFF).to_bytes(4, "little") == vector["crc"]


def test_an_answer_of_another_length_is_garbled_and_a_refusal_tells_its_status():
    for answer, expected, status in (
        (b"", GARBLED, -1),
        (b"\x91", GARBLED, -1),
        (b"\x91\x00", GARBLED, 0),
        (bytes(15) + b"\x91\xaf", GARBLED, 0xAF),
        (bytes(16) + b"\x91\x00", GARBLED, 0),
        (bytes(17) + b"\x91\xaf", GARBLED, 0xAF),
        (b"\x91\xae", REFUSED, 0xAE),
        (b"\x91\x1c", REFUSED, 0x1C),
        (b"\x6d\x00", REFUSED, -1),
        (TIMEOUT, TIMEOUT, -1),
    ):
        for attempt in (Desfire.authenticate, Desfire.authenticate_ev2):
            card = Desfire(Script((None, answer)))
            assert attempt(card, 1, bytes(16)) == expected, answer
            assert card.status == status, answer


def test_nothing_is_read_without_a_session():
    card = Desfire(Script())
    assert card.read(0xBD, 1, 17, bytearray(17)) == REFUSED
    assert card.get_card_uid(bytearray(7)) == REFUSED


def test_a_card_that_does_not_have_the_key_is_found_out():
    for attempt, length in ((Desfire.authenticate, 16), (Desfire.authenticate_ev2, 32)):
        card = Desfire(Script((None, bytes(16) + b"\x91\xaf"), (None, bytes(length) + b"\x91\x00")))
        with_rnd_a(bytes(range(16)))
        assert attempt(card, 1, b"k" * 16) == WRONG
        assert card.read(0xBD, 1, 17, bytearray(17)) == REFUSED, "there is no session"

"""HMAC-SHA-256 against RFC 4231 and against the textbook form."""

import hashlib
import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app.log.hmac256 import Key, hmac256
from expect import raised


def textbook(key, message):
    """RFC 2104 as it is written."""
    if len(key) > 64:
        key = hashlib.sha256(key).digest()
    key = key + bytes(64 - len(key))
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + message).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).digest()


def test_the_cases_of_rfc_4231_come_out():
    for key, message, wanted in (
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (bytes(range(1, 26)), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        (
            b"\xaa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ):
        assert hmac256(key, message).hex() == wanted, (key, message)


def test_it_equals_the_textbook_form_for_keys_and_messages_of_many_lengths():
    noise = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(8))
    for key_bytes in (0, 1, 31, 32, 65, 100):
        for message_bytes in (0, 1, 16, 55, 56, 63, 64, 65, 200):
            key, message = noise[:key_bytes], noise[-message_bytes - 1 : -1]
            assert hmac256(key, message) == textbook(key, message), (key_bytes, message_bytes)


def test_a_key_whose_end_is_zero_bytes_keeps_its_place():
    assert hmac256(b"\x01" + bytes(31), b"m") == textbook(b"\x01" + bytes(31), b"m")
    assert hmac256(bytes(31) + b"\x01", b"m") == textbook(bytes(31) + b"\x01", b"m")


def test_a_message_in_two_parts_is_the_message():
    whole = bytes(range(200))
    for cut in (0, 1, 64, 199, 200):
        assert hmac256(b"k" * 32, whole[:cut], memoryview(whole)[cut:]) == hmac256(b"k" * 32, whole)


def test_a_key_object_serves_many_messages_and_takes_another_key():
    key = Key(b"a" * 32)
    assert key.digest(b"1") == textbook(b"a" * 32, b"1")
    assert key.digest(b"2") == textbook(b"a" * 32, b"2")
    key.set(b"b" * 32)
    assert key.digest(b"2") == textbook(b"b" * 32, b"2")


def test_a_key_of_33_to_64_bytes_is_refused_rather_than_taken_wrongly():
    for length in (33, 64):
        raised(ValueError, hmac256, bytes(length), b"")

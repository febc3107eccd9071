"""UIDs as readers print them, and those that no badge has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import badge_uids


@pytest.mark.parametrize(
    "text",
    [
        "deadbeef",
        "DE:AD:BE:EF",
        "0xDEADBEEF",
        "0xDE 0xAD 0xBE 0xEF",
        "0xDE, 0xAD, 0xBE, 0xEF",
        "Card UID: de ad be ef",
        "UID=DE-AD-BE-EF",
        "NFCID1 : de.ad.be.ef",
        "Serial number: DE:AD:BE:EF\n",
        "3735928559 msb",
        "3735928559 (MSB first)",
        "decimal 3735928559 msb",
        "4022250974 lsb",
        "4022250974 dec, LSB",
    ],
)
def test_common_prints_of_a_uid_are_taken_alike(text: str) -> None:
    assert badge_uids.parse(text).hex() == "deadbeef"


def test_a_longer_uid_is_taken_in_decimal_as_well() -> None:
    uid = bytes.fromhex("04a1b2c3d4e5f6")
    assert badge_uids.parse(f"{int.from_bytes(uid, 'big')} msb") == uid
    assert badge_uids.parse(f"{int.from_bytes(uid, 'little')} lsb") == uid
    assert badge_uids.parse("0000000123 msb").hex() == "0000007b"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "4, 7 or 10 bytes"),
        ("04a1b2", "4, 7 or 10 bytes"),
        ("4a1b2c3", "hexadecimal"),
        ("card", "hexadecimal"),
        ("1.23456E+07", "shortened by a spreadsheet"),
        ("1,23E+9", "shortened by a spreadsheet"),
        ("3735928560", "decimal number"),
        ("99999999999999999999999999 msb", "hexadecimal"),
        ("9999999999999999999999999 msb", "4, 7 or 10 bytes"),
        ("88 04 A1 B2", "first half"),
        ("0x08A1B2C3", "another one each time"),
        ("00:00:00:00", "all zeros or all ones"),
        ("ff" * 7, "all zeros or all ones"),
    ],
)
def test_what_no_badge_can_have_for_good_is_refused_without_quoting_it(text: str, word: str) -> None:
    with pytest.raises(PeopleError, match=word) as refused:
        badge_uids.parse(text)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize("uid", ["8804a1b2c3d4e5", "08a1b2c3d4e5f6", "123456e2", "12345600"])
def test_the_same_first_byte_of_a_longer_uid_says_nothing(uid: str) -> None:
    assert badge_uids.parse(uid).hex() == uid


@given(st.text())
def test_any_text_is_a_uid_or_refused(text: str) -> None:
    try:
        uid = badge_uids.parse(text)
    except PeopleError:
        return
    assert len(uid) in badge_uids.UID_BYTES

"""National, bis and Limosa numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.host.bridge.world import ANNA_NISS

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import identities
from badgeclock.bridge.store.states import IdentityKind


@pytest.mark.parametrize(
    "number",
    [
        "00000100166",  # born before 2000, on the fictitious 00.00.01
        "00000100195",  # born since 2000
        "00200100211",  # bis, sex unknown
        "00400100580",  # bis, born since 2000
        "00993100153",  # month and day that no calendar has
        "85.07.30-033 28",
        "00000100265",
    ],
)
def test_national_and_bis_numbers_are_taken(number: str) -> None:
    taken = identities.niss(number)
    assert taken.kind is IdentityKind.NISS
    assert taken.number.isdigit()
    assert len(taken.number) == 11


@pytest.mark.parametrize("number", ["00000100167", "0000010016", "000001001668", "", "abcdefghijk", "00000O00166"])
def test_numbers_with_wrong_check_digits_are_refused_without_quoting_them(number: str) -> None:
    with pytest.raises(PeopleError) as refused:
        identities.niss(number)
    assert not number or number not in str(refused.value)


@pytest.mark.parametrize("number", ["85010100016", "85010199984"])
def test_a_sequence_that_is_never_given_is_refused_though_its_check_digits_are_right(number: str) -> None:
    with pytest.raises(PeopleError):
        identities.niss(number)


def test_a_spreadsheet_may_have_taken_two_zeros_and_no_more() -> None:
    assert identities.niss_or_limosa("000100166", None).number == "00000100166"
    for typed in ("100166", "00100166", "97"):
        with pytest.raises(PeopleError):
            identities.niss_or_limosa(typed, None)


def test_of_numbers_of_a_personnel_list_none_is_a_national_number() -> None:
    taken = 0
    for number in range(1, 100_000_000, 4_999):
        try:
            identities.niss_or_limosa(str(number), None)
        except PeopleError:
            continue
        taken += 1
    assert taken == 0


@given(st.text())
def test_any_text_is_a_national_number_or_refused(text: str) -> None:
    try:
        identities.niss(text)
    except PeopleError:
        return


@given(st.text())
def test_any_text_is_a_limosa_number_or_refused(text: str) -> None:
    try:
        identities.limosa(text)
    except PeopleError:
        return


def test_a_number_is_in_no_repr_and_masked_for_people() -> None:
    identity = identities.niss(ANNA_NISS)
    assert ANNA_NISS not in repr(identity)
    assert identity.masked == "*********65"

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

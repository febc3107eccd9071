"""A worker's numbers at the authority: national (NISS) or bis number, and Limosa.

They are encrypted before they reach the store, and no error contains one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from stdnum.be import ssn

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.store.states import IdentityKind
from badgeclock.bridge.store.vault import PEOPLE, Vault

NISS_DIGITS: Final = 11
_TYPED_DIGITS_LEAST: Final = 9
"""Spreadsheets drop leading zeros: at most two, for a person born in the first years of a century."""
_NEVER_GIVEN: Final = ("000", "999")
"""Numbers within a day are 001 to 997, odd for men, and 002 to 998 (Royal Decree of 3 April 1984, article 3)."""
_SHORTENED: Final = re.compile(r"[0-9]+[.,]?[0-9]*[eE]\+?[0-9]+")
_LIMOSA_CHARACTERS: Final = 64


@dataclass(frozen=True, slots=True)
class Identity:
    """A worker's number towards the authority; not in its `repr`."""

    kind: IdentityKind
    number: str = field(repr=False)

    @property
    def masked(self) -> str:
        """The last two characters, for a person who must distinguish two workers."""
        return "*" * (len(self.number) - 2) + self.number[-2:]


def niss(text: str) -> Identity:
    """A national or bis number, spaces, dots and dashes allowed; raises PeopleError if its check digits are wrong."""
    if _SHORTENED.fullmatch(text.strip()):
        raise PeopleError(
            "the national number was shortened by a spreadsheet, which took it for a number",
            "format the column as text and write it again",
        )
    number = ssn.compact(text)
    # Any date is accepted: registers use fictitious ones. Only the form and the check digits must be right.
    good = len(number) == NISS_DIGITS and number.isascii() and number.isdigit()
    if not good or _check_digits(number) != int(number[9:]) or number[6:9] in _NEVER_GIVEN:
        raise PeopleError("the national number has wrong check digits or a wrong form", "read it again, digit by digit")
    return Identity(IdentityKind.NISS, number)


def _check_digits(number: str) -> int | None:
    base, wanted = int(number[:9]), int(number[9:])
    return next((97 - n % 97 for n in (base, 2_000_000_000 + base) if 97 - n % 97 == wanted), None)


def limosa(text: str) -> Identity:
    """A Limosa number as on the declaration; raises PeopleError if it is empty or not a line of plain text."""
    number = text.strip()
    if not number or len(number) > _LIMOSA_CHARACTERS or not number.isascii() or not number.isalnum():
        raise PeopleError(
            "the Limosa number is empty or has characters no declaration has", "copy it from the L1 paper"
        )
    return Identity(IdentityKind.LIMOSA, number)


def niss_or_limosa(niss_text: str | None, limosa_text: str | None) -> Identity:
    """A worker's number from two arguments, exactly one of which must be given; raises PeopleError."""
    if niss_text and not limosa_text:
        typed = ssn.compact(niss_text)
        return niss(typed.zfill(NISS_DIGITS) if len(typed) >= _TYPED_DIGITS_LEAST else niss_text)
    if limosa_text and not niss_text:
        return limosa(limosa_text)
    raise PeopleError("a worker has a national number or a Limosa number", "give niss or limosa, one of them")


def identity_of(vault: Vault, row: Any) -> Identity:
    """A worker's number, decrypted; `row` has the worker's reference, identity_kind and identity_closed."""
    number = vault.open(PEOPLE, f"identity:{row.reference}", row.identity_closed).decode()
    return Identity(IdentityKind(row.identity_kind), number)

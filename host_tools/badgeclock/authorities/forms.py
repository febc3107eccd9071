"""Checks the form of items before they are sent, since one malformed item can fail the whole call.

Only the form is checked. The authority decides whether a number exists, or its check digits are right. No message made
here contains a value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from badgeclock.authorities import failures
from badgeclock.authorities.base import Address, Cancellation, Coordinates, Item, MovementItem
from badgeclock.authorities.failures import Call

RECEPTION_NUMBER_LIMIT: Final = 10**15  # 15 digits at most

_REFERENCE: Final = re.compile(r"[!-~]{1,24}", re.ASCII)
_INSS: Final = re.compile(r"[0-9]{11}")
_COMPANY: Final = re.compile(r"[0-9]{10}")
_VAT: Final = re.compile(r"[A-Z]{2}[A-Z0-9+*]{2,12}")  # Council Directive 2006/112/EC art. 215: the country's prefix
_LIMOSA: Final = re.compile(r"[!-~]{1,64}")  # the schema sets no limit; seen: 17 digits
_WORKPLACE: Final = re.compile(r"[!-~]{1,13}")
_POSTCODE: Final = re.compile(r"[1-9][0-9]{3}")
_WORD: Final = re.compile(r"[^\x00-\x1f\x7f]{1,100}")


def check_items(call: Call, declares: frozenset[type[Item]], limit: int, items: Sequence[Item]) -> None:
    """Raises AuthorityRejected, "LOCAL", with the references to blame, unless the items are 1 to `limit` well-formed
    ones of the kinds declared, with different references.
    """
    _check_count(call, limit, items)
    if strange := tuple(item.reference for item in items if type(item) not in declares):
        raise failures.misfit(call, f"{len(strange)} items are not of the kind that this authority takes", strange)
    wrong = {item.reference: fields for item in items if (fields := misfits(item))}
    if wrong:
        reference, fields = next(iter(wrong.items()))
        first = f"the first is {failures.plain(reference)}: {', '.join(fields)}"
        raise failures.misfit(call, f"the form of {len(wrong)} items is wrong; {first}", tuple(wrong))
    counts = Counter(item.reference for item in items)
    if twice := tuple(reference for reference, count in counts.items() if count > 1):
        raise failures.misfit(call, f"{len(twice)} references stand on more than one item", twice)


def check_cancellations(call: Call, reasons: Sequence[str], limit: int, items: Sequence[Cancellation]) -> None:
    """Raises AuthorityRejected, "LOCAL", unless they are 1 to `limit` cancellations of different numbers for known
    reasons."""
    _check_count(call, limit, items)
    for item in items:
        check_reception_number(call, item.reception_number)
    if len({item.reception_number for item in items}) != len(items):
        raise failures.misfit(call, "a reception number is on more than one item")
    if any(item.reason not in reasons for item in items):
        raise failures.misfit(call, f"a reason is none of {', '.join(reasons)}")


def check_reception_number(call: Call, number: int) -> None:
    """Raises AuthorityRejected, "LOCAL", if that cannot be a reception number."""
    if not is_reception_number(number):
        raise failures.misfit(call, "a reception number is not of 1 to 15 digits above zero")


def is_reception_number(number: int) -> bool:
    """Whether a number has 1 to 15 digits and is above zero."""
    return 1 <= number < RECEPTION_NUMBER_LIMIT


def misfits(item: Item) -> tuple[str, ...]:
    """The fields of an item whose form cannot be sent; empty if it can. Quotes no value."""
    wrong = []
    if not _REFERENCE.fullmatch(item.reference):
        wrong.append("reference (1 to 24 visible ASCII characters)")
    wrong += _place_misfits(item) if isinstance(item, MovementItem) else _workplace_misfits(item.workplace_id)
    vat = item.vat if isinstance(item, MovementItem) else None
    if item.limosa_id is not None:
        if item.inss is not None or item.company_id is not None or vat is not None:
            wrong.append("limosa_id (it stands alone, without inss and employer)")
        elif not _LIMOSA.fullmatch(item.limosa_id):
            wrong.append("limosa_id (1 to 64 visible ASCII characters)")
        return tuple(wrong)
    if item.inss is None or not is_inss(item.inss):
        wrong.append("inss (11 digits)")
    if vat is None:
        if item.company_id is None or not is_company_id(item.company_id):
            wrong.append("company_id (10 digits)")
    elif item.company_id is not None or not _VAT.fullmatch(vat):
        wrong.append("vat (a country's two capitals and 2 to 12 characters, instead of company_id)")
    return tuple(wrong)


def is_inss(text: str) -> bool:
    """Whether a text has the form of a NISS or bis number."""
    return _INSS.fullmatch(text) is not None


def is_company_id(text: str) -> bool:
    """Whether a text has the form of a KBO/BCE number."""
    return _COMPANY.fullmatch(text) is not None


def is_workplace_id(text: str) -> bool:
    """Whether a text has the form of a site's number in the declaration of works."""
    return _WORKPLACE.fullmatch(text) is not None


def is_address(address: Address) -> bool:
    """Whether an address has the form that can be declared: it needs a house number."""
    words = [address.municipality, address.street, address.house_number, *([address.box] if address.box else [])]
    return _POSTCODE.fullmatch(address.postcode) is not None and all(_WORD.fullmatch(word) for word in words)


def _check_count(call: Call, limit: int, items: Sequence[object]) -> None:
    if not 1 <= len(items) <= limit:
        raise failures.misfit(call, f"{len(items)} items where 1 to {limit} may be sent at once")


def _workplace_misfits(workplace_id: str) -> list[str]:
    return [] if is_workplace_id(workplace_id) else ["workplace_id (1 to 13 visible ASCII characters)"]


def _place_misfits(item: MovementItem) -> list[str]:
    wrong = []
    if item.moment.utcoffset() != timedelta(0):
        wrong.append("moment (aware, in UTC)")
    if item.workplace_id is not None:
        wrong += _workplace_misfits(item.workplace_id)
    if item.coordinates is not None and item.address is not None:
        wrong.append("coordinates (not beside an address)")
    if item.workplace_id is None and item.coordinates is None and item.address is None:
        wrong.append("workplace_id (or coordinates, or an address: one is needed)")
    if item.coordinates is not None and not _on_earth(item.coordinates):
        wrong.append("coordinates (degrees: latitude -90 to 90, longitude -180 to 180)")
    if item.address is not None and not is_address(item.address):
        wrong.append("address (a postcode of 4 digits; municipality, street and house number of 1 to 100 characters)")
    return wrong


def _on_earth(place: Coordinates) -> bool:
    return -90 <= place.latitude <= 90 and -180 <= place.longitude <= 180

"""The people and badges of the demo. All invented.

The national numbers carry the fictitious birth date 00.00.01 and right check digits (97 - first nine digits mod 97), so
they belong to nobody and still pass every check a real one passes. The badge ids are random; the company and
workplace numbers follow the authority's form only.
"""

from dataclasses import dataclass
from enum import StrEnum

from badgeclock.bridge.accounts.roles import Role


class EndState(StrEnum):
    """The final state of a punch, as in the bridge's store."""

    REGISTERED = "REGISTERED"
    UNASSIGNED = "UNASSIGNED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker of the bridge; exactly one of inss and limosa_id is set."""

    reference: str
    name: str
    inss: str | None = None
    limosa_id: str | None = None


@dataclass(frozen=True, slots=True)
class Badge:
    """A badge beside the clock: its UID, its holder, and the expected result of its punch."""

    key: str
    label: str
    uid: str
    worker: Worker | None
    end: EndState


def check_digits(first_nine: int) -> str:
    """An 11-digit national number for somebody born before 2000 by the fictitious calendar: 97 - n mod 97."""
    return f"{first_nine:09d}{97 - first_nine % 97:02d}"


def enterprise_number(first_eight: int) -> str:
    """A 10-digit enterprise number with its check digits: 97 - n mod 97."""
    return f"{first_eight:08d}{97 - first_eight % 97:02d}"


SITE = "Demo site"
WORKPLACE_ID = "1Y1DEM000000Z"
EMPLOYER_NAME = "Voorbeeld Bouw"
EMPLOYER_NUMBER = enterprise_number(9_999_999)
CLOCK_ID = "clock-0001"

ANNA = Worker("W-001", "Anna Proef", inss=check_digits(1_002))
BRAM = Worker("W-002", "Bram Proef", inss=check_digits(1_003))
LUZ = Worker("W-003", "Luz Proef", limosa_id="24999999999999901")
CARL = Worker("W-004", "Carl Proef", inss=check_digits(1_005))
WORKERS = (ANNA, BRAM, LUZ, CARL)

BADGES = (
    Badge("anna", "Anna, 4-byte badge", "5A17C3E1", ANNA, EndState.REGISTERED),
    Badge("bram", "Bram, 7-byte badge", "04D2A1B2C36180", BRAM, EndState.REGISTERED),
    Badge("luz", "Luz, Limosa", "044F19AA552B80", LUZ, EndState.REGISTERED),
    Badge("unknown", "A badge nobody was given", "0477E2D1905C80", None, EndState.UNASSIGNED),
    Badge("refused", "Carl, number the authority refuses", "9B3D40F6", CARL, EndState.REFUSED),
)

REFUSED_INSS = CARL.inss

OPERATORS = {"vera": Role.VIEWER, "otto": Role.OPERATOR, "ada": Role.ADMINISTRATOR, "ines": Role.INSPECTOR}
"""The accounts of the operators' pages."""

"""Reads the XML that an office exchanges with social security as tables: Dimona, and the declaration of works.

    PersonnelFileConsultationAnswer   who is in service: a row per Dimona period (the NSSO's XSD of 2022/3)
    Dimona                            declarations: a row per DimonaIn (XSD of 2023/1); other forms name a period by
                                      a number that only the answer has, and are left out
    AVWDDT                            a declaration of works: a row for its contractor and for each subcontractor
                                      (glossary of 2023/3); it does not name its own number, so the site must be given

Elements are found by name at any depth, since for AVWDDT only the names are published. Any bytes become rows of text or
a SheetError.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any, Final

from lxml import etree

from badgeclock.bridge.errors import SheetError
from badgeclock.bridge.people.spreadsheets import DTD_WORDS, FILE_BYTES_MOST, ROWS_MOST, Row, Sheet
from badgeclock.bridge.people.xlsx import CELL_CHARACTERS_MOST

DIMONA: Final = "dimona"
WORKS: Final = "works"
DIMONA_COLUMNS: Final = ("niss", "employer", "from", "to", "from_time", "to_time", "cancelled", "form")
WORKS_COLUMNS: Final = ("site", "employer", "from", "to")
DIMONA_IN: Final = "DimonaIn"
_OTHER_FORMS: Final = ("DimonaOut", "DimonaUpdate", "DimonaCancel", "DailyRegistrationDeclaration")
_BOMS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def is_xml(content: bytes) -> bool:
    """Whether a file is XML rather than a table."""
    begins = content[:64]
    for bom in _BOMS:
        begins = begins.removeprefix(bom)
    return begins.replace(b"\0", b"").lstrip().startswith(b"<")


def read(content: bytes, site: str | None) -> list[Sheet]:
    """The table in a file; `site` is the name of the site of a declaration of works. Raises SheetError."""
    if len(content) > FILE_BYTES_MOST:
        raise SheetError(f"the file is larger than {FILE_BYTES_MOST // 2**20} MB", "split it into several")
    if any(word in content for word in DTD_WORDS):
        raise SheetError("the file declares document types of its own", "export it again")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        raise SheetError("the file is XML that cannot be read", "export it again") from None
    kind = _name(root)
    if kind == "AVWDDT":
        found = _works(root, site)
    elif kind == "Dimona":
        found = _declarations(root)
    elif kind == "PersonnelFileConsultationAnswer":
        found = _periods(root)
    else:
        raise SheetError(
            "the XML is neither Dimona, nor the answer to a consultation of the personnel file, nor AVWDDT",
            "give one of these, or a table",
        )
    is_works = kind == "AVWDDT"
    rows = []
    for number, cells in enumerate(found, 1):
        if number > ROWS_MOST:
            raise SheetError(f"the file has more than {ROWS_MOST} rows", "split it into several")
        rows.append(Row(number, cells))
    return [Sheet(WORKS if is_works else DIMONA, WORKS_COLUMNS if is_works else DIMONA_COLUMNS, rows)]


def _periods(root: Any) -> Iterator[dict[str, str]]:
    for consulted in _all(root, "PersonnelFileConsult"):
        employer = _text(consulted, "CompanyID", direct=True)
        for period in _all(consulted, "DimonaPeriod"):
            yield _service(period, employer, "1" if _text(period, "IsCancelled") == "1" else "", "")


def _declarations(root: Any) -> Iterator[dict[str, str]]:
    for form in _all(root, "Form"):
        for declared in _all(form, DIMONA_IN):
            employer = next(iter(_all(declared, "EmployerId")), None)
            yield _service(declared, "" if employer is None else _text(employer, "CompanyID"), "", DIMONA_IN)
        for other in _OTHER_FORMS:
            for _ in _all(form, other):
                yield {**dict.fromkeys(DIMONA_COLUMNS, ""), "form": other}


def _service(of: Any, employer: str, cancelled: str, form: str) -> dict[str, str]:
    person = next(iter(_all(of, "NaturalPerson")), None)
    hours = (_text(of, "StartingHour", direct=True), _text(of, "EndingHour", direct=True))
    times = (f"{hour[:2]}:{hour[2:]}" if hour else "" for hour in hours)
    first, last = _text(of, "StartingDate", direct=True), _text(of, "EndingDate", direct=True)
    niss = "" if person is None else _text(person, "INSS", direct=True)
    return dict(zip(DIMONA_COLUMNS, (niss, employer, first, last, *times, cancelled, form), strict=True))


def _works(root: Any, site: str | None) -> Iterator[dict[str, str]]:
    if site is None:
        raise SheetError("a declaration of works does not name its own number", "say with --site which site it is of")
    for form in _all(root, "Form"):
        first, last = _text(form, "WorksContractStartDate"), _text(form, "WorksContractEndDate")
        for declarant in _all(form, "WorksContractDeclarantId"):
            yield _at_site(site, _text(declarant, "CompanyID", direct=True), first, last)
        for contractor in _all(form, "SubcontractorId"):
            employing = next(iter(_all(contractor, "SubcontractorEmployerId")), None)
            number = "" if employing is None else _text(employing, "CompanyID")
            yield _at_site(
                site,
                number or _text(contractor, "CompanyID", direct=True),
                _text(contractor, "InterventionStartDate") or first,
                _text(contractor, "InterventionEndDate") or last,
            )


def _at_site(*cells: str) -> dict[str, str]:
    return dict(zip(WORKS_COLUMNS, cells, strict=True))


def _name(element: Any) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _all(element: Any, name: str) -> list[Any]:
    return [one for one in element.iter() if one is not element and _name(one) == name]


def _text(element: Any, name: str, *, direct: bool = False) -> str:
    """The text of the first element of a name, of the direct children alone or at any depth."""
    found = next((one for one in (element if direct else element.iter()) if _name(one) == name), None)
    text = "" if found is None or not found.text else " ".join(found.text.split())
    if len(text) > CELL_CHARACTERS_MOST or not text.isprintable():
        raise SheetError(f"a {name} has more than a line of text that can be printed", "export the file again")
    return text

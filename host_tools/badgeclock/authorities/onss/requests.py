"""Requests to the SOAP service: each operation's arguments, and the check of a search's criteria."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from lxml import etree

from badgeclock.authorities import belgian_time, forms
from badgeclock.authorities.base import Cancellation, PresenceItem, SearchCriteria
from badgeclock.authorities.onss.statuses import STATUS_ON_WIRE
from badgeclock.authorities.soap import ENVELOPE
from badgeclock.onss import description
from badgeclock.onss.description import MESSAGES, TYPES

_M: Final = f"{{{MESSAGES}}}"
_T: Final = f"{{{TYPES}}}"


def search_misfits(criteria: SearchCriteria) -> tuple[str, ...]:
    """The fields of search criteria whose form the message does not allow. Quotes no value."""
    wrong = []
    if not 1 <= len(criteria.periods) <= description.PERIOD_LIMIT:
        wrong.append(f"periods (1 to {description.PERIOD_LIMIT})")
    if any(first > last for first, last in criteria.periods):
        wrong.append("periods (the first day before the last)")
    if criteria.inss is not None and not forms.is_inss(criteria.inss):
        wrong.append("inss (11 digits)")
    if criteria.company_id is not None and not forms.is_company_id(criteria.company_id):
        wrong.append("company_id (10 digits)")
    if criteria.workplace_id is not None and not forms.is_workplace_id(criteria.workplace_id):
        wrong.append("workplace_id (1 to 13 visible ASCII characters)")
    if len(set(criteria.statuses)) != len(criteria.statuses):
        wrong.append("statuses (each once)")
    if len(set(criteria.remarks)) != len(criteria.remarks) or not set(criteria.remarks) <= set(description.REMARKS):
        wrong.append("remarks (the service's own texts, each once)")
    return tuple(wrong)


def register_arguments(items: Sequence[PresenceItem]) -> dict[str, Any]:
    """The arguments of registerPresences."""
    return {"PresenceRegistrationRequest": [_presence(item) for item in items]}


def register_envelope(items: Sequence[PresenceItem]) -> etree._Element:
    """The same as the envelope that zeep makes of them under our own description, of items whose form was checked.

    For the one message that has hundreds of items: zeep takes ten times as long.
    """
    envelope = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"soap-env": ENVELOPE, "m": MESSAGES, "t": TYPES})
    request = etree.SubElement(etree.SubElement(envelope, f"{{{ENVELOPE}}}Body"), f"{_M}RegisterPresencesRequest")
    for item in items:
        presence = etree.SubElement(request, f"{_M}PresenceRegistrationRequest")
        etree.SubElement(presence, f"{_T}RegistrationDate").text = item.date.isoformat()
        if item.limosa_id is not None:
            etree.SubElement(presence, f"{_T}LimosaId").text = item.limosa_id
        else:
            etree.SubElement(presence, f"{_T}INSS").text = item.inss
            etree.SubElement(presence, f"{_T}CompanyID").text = str(int(item.company_id or ""))
        etree.SubElement(presence, f"{_T}WorkPlaceId").text = item.workplace_id
        etree.SubElement(presence, f"{_T}ClientPresenceRegistrationReference").text = item.reference
    return envelope


def cancel_arguments(items: Sequence[Cancellation]) -> dict[str, Any]:
    """The arguments of cancelPresences."""
    return {
        "CancelPresenceRequest": [
            {"PresenceRegistrationId": item.reception_number, "CancellationReason": item.reason} for item in items
        ]
    }


def search_arguments(criteria: SearchCriteria, first_row: int, fetch_size: int) -> dict[str, Any]:
    """The arguments of searchPresences for one page, oldest number first so that new ones do not shift the pages."""
    chosen: dict[str, Any] = {
        "RegistrationPeriodList": {
            "RegistrationPeriod": [
                {"RegistrationPeriodStartDate": first, "RegistrationPeriodEndDate": last}
                for first, last in criteria.periods
            ]
        }
    }
    if criteria.inss is not None:
        chosen["INSS"] = criteria.inss
    if criteria.company_id is not None:
        chosen["CompanyID"] = int(criteria.company_id)
    if criteria.workplace_id is not None:
        chosen["WorkPlaceId"] = criteria.workplace_id
    if criteria.statuses:
        chosen["StatusList"] = {"Status": [STATUS_ON_WIRE[status] for status in criteria.statuses]}
    if criteria.remarks:
        chosen["RemarkList"] = {"Remark": list(criteria.remarks)}
    if criteria.created_from is not None:
        chosen["CreationStartDate"] = belgian_time.from_bound(criteria.created_from)
    if criteria.created_to is not None:
        chosen["CreationEndDate"] = belgian_time.to_bound(criteria.created_to)
    return {
        "SearchPresenceRequest": {
            "SearchPresenceRegistrationCriteria": chosen,
            "PaginationProperties": {"FirstRow": first_row, "FetchSize": fetch_size},
            "SortingProperties": {"SortDirection": "ASCENDING", "SortCriteria": "ID"},
        }
    }


def get_arguments(reception_number: int) -> dict[str, Any]:
    """The arguments of getPresenceRegistration."""
    return {"GetPresenceRegistrationRequest": {"PresenceRegistrationId": reception_number}}


def _presence(item: PresenceItem) -> dict[str, Any]:
    who: dict[str, Any]
    if item.limosa_id is not None:
        who = {"LimosaId": item.limosa_id}
    else:
        who = {"INSS": item.inss, "CompanyID": int(item.company_id or "")}
    return {
        "RegistrationDate": item.date,
        **who,
        "WorkPlaceId": item.workplace_id,
        "ClientPresenceRegistrationReference": item.reference,
    }

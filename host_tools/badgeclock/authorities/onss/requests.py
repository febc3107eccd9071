"""What goes to the service: the look at an item's form before it is sent, and the arguments of each operation.

Only the form is looked at here, since one ill-formed item makes the service turn down the whole call. Whether a number
exists, or its check digits fit, is the service's to say.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from badgeclock.authorities.base import Cancellation, PresenceItem, SearchCriteria
from badgeclock.authorities.onss import description

_REFERENCE: Final = re.compile(r"[!-~]{1,24}", re.ASCII)
_INSS: Final = re.compile(r"[0-9]{11}")
_COMPANY: Final = re.compile(r"[0-9]{10}")
_LIMOSA: Final = re.compile(r"[!-~]{1,64}")  # the schema sets no limit; seen: 17 digits
_WORKPLACE: Final = re.compile(r"[!-~]{1,13}")


def misfits(item: PresenceItem) -> tuple[str, ...]:
    """The fields of an item whose form the message does not allow; empty if it can be sent. Quotes no value."""
    wrong = []
    if not _REFERENCE.fullmatch(item.reference):
        wrong.append("reference (1 to 24 visible ASCII characters)")
    if not _WORKPLACE.fullmatch(item.workplace_id):
        wrong.append("workplace_id (1 to 13 visible ASCII characters)")
    if item.limosa_id is not None:
        if item.inss is not None or item.company_id is not None:
            wrong.append("limosa_id (it stands alone, without inss and company_id)")
        elif not _LIMOSA.fullmatch(item.limosa_id):
            wrong.append("limosa_id (1 to 64 visible ASCII characters)")
        return tuple(wrong)
    if item.inss is None or not _INSS.fullmatch(item.inss):
        wrong.append("inss (11 digits)")
    if item.company_id is None or not _COMPANY.fullmatch(item.company_id):
        wrong.append("company_id (10 digits)")
    return tuple(wrong)


def repeated(items: Sequence[PresenceItem]) -> tuple[str, ...]:
    """References that more than one item carries: their answers could not be told apart."""
    return tuple(reference for reference, count in Counter(item.reference for item in items).items() if count > 1)


def search_misfits(criteria: SearchCriteria) -> tuple[str, ...]:
    """The fields of search criteria whose form the message does not allow. Quotes no value."""
    wrong = []
    if not 1 <= len(criteria.periods) <= description.PERIOD_LIMIT:
        wrong.append(f"periods (1 to {description.PERIOD_LIMIT})")
    if any(first > last for first, last in criteria.periods):
        wrong.append("periods (the first day before the last)")
    if criteria.inss is not None and not _INSS.fullmatch(criteria.inss):
        wrong.append("inss (11 digits)")
    if criteria.company_id is not None and not _COMPANY.fullmatch(criteria.company_id):
        wrong.append("company_id (10 digits)")
    if criteria.workplace_id is not None and not _WORKPLACE.fullmatch(criteria.workplace_id):
        wrong.append("workplace_id (1 to 13 visible ASCII characters)")
    if len(set(criteria.statuses)) != len(criteria.statuses):
        wrong.append("statuses (each once)")
    if len(set(criteria.remarks)) != len(criteria.remarks) or not set(criteria.remarks) <= set(description.REMARKS):
        wrong.append("remarks (the service's own texts, each once)")
    return tuple(wrong)


def register_arguments(items: Sequence[PresenceItem]) -> dict[str, Any]:
    """The arguments of registerPresences."""
    return {"PresenceRegistrationRequest": [_presence(item) for item in items]}


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
        chosen["StatusList"] = {"Status": [description.STATUS_ON_WIRE[status] for status in criteria.statuses]}
    if criteria.remarks:
        chosen["RemarkList"] = {"Remark": list(criteria.remarks)}
    if criteria.created_from is not None:
        chosen["CreationStartDate"] = _local(criteria.created_from)
    if criteria.created_to is not None:
        chosen["CreationEndDate"] = _local(criteria.created_to)
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


def _local(moment: datetime) -> str:
    """An aware time as the service writes times: Belgian, milliseconds, no zone."""
    return moment.astimezone(description.ZONE).replace(tzinfo=None).isoformat(timespec="milliseconds")

"""Presences for tests: invented people, published sample companies, and days that are right whenever a test runs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from badgeclock.authorities.base import Direction, MovementItem, PresenceItem

# NISS and bis numbers with right check digits and the fictitious birth dates 00.00.01, 00.20.01 and 00.40.01.
WORKERS = ("00000100166", "00000100195", "00200100211", "00400100452", "00400100580")
WRONG_WORKER = "00000100167"
EMPLOYER = "0438195916"
OTHER_EMPLOYER = "0206731645"
WORKPLACE = "1Y1000NF9KCQZ"
LIMOSA = "24910158641968060"

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES = "http://socialsecurity.be/presenceregistration/v1"
TYPES = "http://socialsecurity.be/presenceregistration/schemas/v1"
FAULTS = "http://socialsecurity.be/errors/v1"

# One for all tests, for making one reads every root certificate; no connection outlives the process it led to.
web = httpx.Client(trust_env=False, timeout=20, limits=httpx.Limits(max_keepalive_connections=0))


def today() -> date:
    """The day it is in Belgium."""
    return datetime.now(ZoneInfo("Europe/Brussels")).date()


def tomorrow() -> date:
    """A day that may be declared now, and still may if midnight passes during the test."""
    return today() + timedelta(days=1)


def worker_item(reference: str, **other: Any) -> PresenceItem:
    """A presence of a worker with an INSS; any field can be given."""
    fields: dict[str, Any] = {
        "date": tomorrow(),
        "inss": WORKERS[0],
        "company_id": EMPLOYER,
        "workplace_id": WORKPLACE,
        "reference": reference,
    }
    return PresenceItem(**(fields | other))


def limosa_item(reference: str, **other: Any) -> PresenceItem:
    """A presence of a posted worker with a Limosa declaration; any field can be given."""
    return worker_item(reference, **({"inss": None, "company_id": None, "limosa_id": LIMOSA} | other))


def movement_item(reference: str, **other: Any) -> MovementItem:
    """A worker with an INSS who comes in now; any field can be given."""
    fields: dict[str, Any] = {
        "moment": datetime.now(UTC),
        "direction": Direction.IN,
        "inss": WORKERS[0],
        "company_id": EMPLOYER,
        "workplace_id": WORKPLACE,
        "reference": reference,
    }
    return MovementItem(**(fields | other))


def in_envelope(body: str) -> bytes:
    """A SOAP 1.1 message with that body."""
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{body}</s:Body></s:Envelope>'.encode()


def post(endpoint: str, operation: str, message: bytes, **headers: str) -> httpx.Response:
    """A message posted as SOAP 1.1 requires; headers given replace those."""
    usual = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{MESSAGES}/{operation}"'}
    return web.post(endpoint, content=message, headers=usual | headers)

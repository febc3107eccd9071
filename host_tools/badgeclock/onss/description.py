"""The facts of PresenceRegistration version 1, from the service's specification 1.11, WSDL and XSD.

`WSDL` is our own description of the service; the schemas beside it define the messages.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from lxml import etree

from badgeclock.errors import SettingsError

WSDL: Final = Path(__file__).with_name("presence_registration.wsdl")

MESSAGES: Final = "http://socialsecurity.be/presenceregistration/v1"
TYPES: Final = "http://socialsecurity.be/presenceregistration/schemas/v1"
FAULTS: Final = "http://socialsecurity.be/errors/v1"

REGISTER: Final = "registerPresences"
CANCEL: Final = "cancelPresences"
SEARCH: Final = "searchPresences"
GET: Final = "getPresenceRegistration"

# operation: local names of its request and its answer
OPERATIONS: Final = {
    REGISTER: ("RegisterPresencesRequest", "RegisterPresencesResponse"),
    CANCEL: ("CancelPresencesRequest", "CancelPresencesResponse"),
    SEARCH: ("SearchPresencesRequest", "SearchPresencesResponse"),
    GET: ("GetPresenceRegistrationRequest", "GetPresenceRegistrationResponse"),
}

BATCH_LIMIT: Final = 200
FETCH_LIMIT: Final = 500
PERIOD_LIMIT: Final = 31
CANCEL_REASONS: Final = ("HOLIDAY", "DISEASE", "PLANNING", "C32A")

# The service prints times without a zone; they are Belgian time.
ZONE: Final = ZoneInfo("Europe/Brussels")

# The state of a registration; one that "FAILED" its content check is registered nevertheless.
REGISTERED: Final = "SUCCESSFULLY REGISTERED"
CANCELLED: Final = "SUCCESSFULLY CANCELLED"
VALIDATED: Final = "VALIDATED"
FAILED: Final = "FAILED"

SAME_DECLARATION: Final = "SAME DECLARATION HAS ALREADY BEEN REGISTERED"
# Spaces and spelling are the service's.
REMARKS: Final = (
    "RELATED DIMONA NOT OK",
    "GIVEN INSS IS NOT THE FOUNDER OF THE COMPANY",
    "EMPLOYER IS NOT KNOWN AS COMPANY FOUNDER",
    "THE COMPANY DOESN'T EXISTS",
    "INDEPENDANT IS NOT KNOWN AS COMPANY FOUNDER",
    "LIMOSA ID IS NOT KNOWN",
    "LIMOSA ID IS NOT ACTIVE AT DATE",
    "NISS-BIS IS NOT KNOWN IN LIMOSA",
    "NISS-BIS IS NOT ACTIVE AT THIS DATE IN LIMOSA",
    "DUC IS NOT EXISTING",
    "DUC IS NOT ACTIVE AT THIS DATE",
    "COMPANY IS NOT KNOWN  AS BUILDER OR  SUBCONTRACTOR IN THIS DUC",
    "SITE IS NOT SUBJECT TO PRESENCE REGISTRATION",
    SAME_DECLARATION,
    "NISS IS NOT KNOW IN THE NATIONAL REGISTER",
    "EMPLOYER NOT ACTIVE",
    "THE COMPANY ID ASSOCIATED AT A NOT ACTIVE CONTRACT",
)

_XML_SCHEMA: Final = "{http://www.w3.org/2001/XMLSchema}schema"


def soap_action(operation: str) -> str:
    """The SOAPAction of an operation."""
    return f"{MESSAGES}/{operation}"


def schema_of(wsdl: Path) -> etree.XMLSchema:
    """The schema of everything a WSDL file describes, its imports (beside it) included. Raises SettingsError."""
    try:
        inline = etree.parse(str(wsdl), _file_parser()).find(f".//{_XML_SCHEMA}")
        if inline is None:
            raise SettingsError(
                what=f"{wsdl} describes no message types",
                kept="nothing was sent",
                do="give the service's WSDL file, with its XSD files beside it as they were downloaded",
            )
        return etree.XMLSchema(inline)
    except (OSError, etree.XMLSyntaxError, etree.XMLSchemaParseError) as error:
        raise SettingsError(
            what=f"{wsdl} cannot be read as a WSDL file with its schemas: {error}",
            kept="nothing was sent",
            do="give the service's WSDL file, with its XSD files beside it as they were downloaded",
        ) from error


def _file_parser() -> etree.XMLParser:
    return etree.XMLParser(no_network=True, resolve_entities=False)

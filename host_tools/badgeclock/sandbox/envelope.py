"""Reads SOAP 1.1 envelopes for the sandbox: no entities, no DTD, no network, up to a maximum size."""

from __future__ import annotations

from typing import Final

from lxml import etree

from badgeclock.sandbox.errors import TurnedDown

ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SECURITY: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"

_NOT_XML: Final = "SOA-03001"
_NOT_SOAP: Final = "SOA-03002"


def parse(data: bytes, limit: int) -> etree._Element:
    """The envelope in at most `limit` bytes, without comments and processing instructions. Raises TurnedDown."""
    if len(data) > limit:
        raise TurnedDown(_NOT_XML, f"the message has more than {limit} bytes")
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError):
        raise TurnedDown(_NOT_XML, "the message is not well-formed XML") from None
    if root is None:
        raise TurnedDown(_NOT_XML, "the message is not well-formed XML")
    if root.getroottree().docinfo.internalDTD is not None:
        raise TurnedDown(_NOT_XML, "the message has a document type declaration, which SOAP forbids")
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        raise TurnedDown(_NOT_SOAP, "the message is no SOAP 1.1 envelope")
    return root


def body_element(envelope: etree._Element) -> etree._Element:
    """The one element in the one body. Raises TurnedDown."""
    bodies = [child for child in envelope if child.tag == f"{{{ENVELOPE}}}Body"]
    if len(bodies) != 1 or len(bodies[0]) != 1:
        raise TurnedDown(_NOT_SOAP, "the message has not one body with one element")
    return bodies[0][0]

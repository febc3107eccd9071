"""SOAP 1.1 envelopes from strangers: parsed without entities, without a DTD, without the network, never above a size.

Comments and processing instructions are dropped while parsing, so that the text of an element is all of its text.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from lxml import etree

ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SECURITY: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"


class Flaw(StrEnum):
    """What keeps bytes from being a SOAP 1.1 message."""

    TOO_LARGE = "larger than allowed"
    NOT_XML = "not well-formed XML"
    DOCTYPE = "XML with a document type declaration, which SOAP forbids"
    NOT_SOAP = "XML, but no SOAP 1.1 envelope with one body element"


class NotSoap(ValueError):
    """Bytes that are not a SOAP 1.1 message; the text never quotes them."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


def parse_envelope(data: bytes, limit: int) -> etree._Element:
    """The envelope in at most `limit` bytes. Raises NotSoap."""
    if len(data) > limit:
        raise NotSoap(Flaw.TOO_LARGE)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError):
        # The parser's own words may quote the text. LookupError: an encoding nobody knows.
        raise NotSoap(Flaw.NOT_XML) from None
    if root is None:
        raise NotSoap(Flaw.NOT_XML)
    if root.getroottree().docinfo.internalDTD is not None:
        raise NotSoap(Flaw.DOCTYPE)
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        raise NotSoap(Flaw.NOT_SOAP)
    return root


def body_element(envelope: etree._Element) -> etree._Element:
    """The one element in the envelope's body. Raises NotSoap."""
    bodies = envelope.findall(f"{{{ENVELOPE}}}Body")
    if len(bodies) != 1 or len(bodies[0]) != 1:
        raise NotSoap(Flaw.NOT_SOAP)
    return bodies[0][0]

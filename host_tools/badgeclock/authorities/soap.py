"""SOAP 1.1 envelopes from untrusted senders: parsed without entities, DTD or network access, up to a maximum size.

Comments and processing instructions are dropped while parsing, so that the text of an element is all of its text.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from badgeclock.authorities import bounded
from badgeclock.authorities.errors import Flaw, NotSoap

ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SECURITY: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"

_TOO_DEEP: Final = etree.XPath(f"boolean({'/*' * (bounded.DEPTH_MOST + 1)})")


def parse_envelope(data: bytes, limit: int) -> etree._Element:
    """The envelope in at most `limit` bytes. Raises NotSoap."""
    if len(data) > limit:
        raise NotSoap(Flaw.TOO_LARGE)
    bounded.check_xml(data)
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
        # The parser's own message may quote the text. LookupError: an unknown encoding.
        raise NotSoap(Flaw.NOT_XML) from None
    if root is None:
        raise NotSoap(Flaw.NOT_XML)
    if root.getroottree().docinfo.internalDTD is not None:
        raise NotSoap(Flaw.DOCTYPE)
    if _TOO_DEEP(root):
        raise NotSoap(Flaw.TOO_LARGE)
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        raise NotSoap(Flaw.NOT_SOAP)
    return root


def body_element(envelope: etree._Element) -> etree._Element:
    """The one element in the envelope's body. Raises NotSoap."""
    bodies = envelope.findall(f"{{{ENVELOPE}}}Body")
    if len(bodies) != 1 or len(bodies[0]) != 1:
        raise NotSoap(Flaw.NOT_SOAP)
    return bodies[0][0]

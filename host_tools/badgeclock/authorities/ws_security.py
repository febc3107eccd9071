"""WS-Security 1.0 with an X.509 certificate: SOAP messages signed, and signatures verified.

The signature covers what the service's policy requires: the Body (SignedParts), the Timestamp (IncludeTimestamp) and
the certificate that is in the message (ProtectTokens), each whole, by exclusive canonicalisation and the algorithms of
an `AlgorithmSuite`. Names and URIs are those of OASIS WSS 1.0 (SOAP Message Security and X.509 Token Profile), of
WS-SecurityPolicy 1.2 and of RFC 6931.

A signature only proves what it covers. So `verify` first checks the message: one Security header, one signature, only
algorithms that a `Policy` allows, no duplicate id, and references to the same Body and Timestamp that will be read, not
to a copy elsewhere in the message. Then xmlsec verifies the signature, with a key that the caller trusts.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from lxml import etree

from badgeclock.authorities.credentials import Credentials
from badgeclock.authorities.errors import NotTrusted, Unsound
from badgeclock.authorities.onss_soap_settings import AlgorithmSuite
from badgeclock.authorities.soap import ENVELOPE, SECURITY

UTILITY: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
X509_V3: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
BASE64: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
SIGNATURE: Final = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
RSA_SHA1: Final = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
SHA1: Final = "http://www.w3.org/2000/09/xmldsig#sha1"

LIFETIME: Final = timedelta(minutes=5)
"""How long our messages are valid, and the maximum accepted from others. As in WSS4J."""
SKEW: Final = timedelta(minutes=2)
"""How far the other side's clock may differ from ours."""

_S: Final = f"{{{ENVELOPE}}}"
_E: Final = f"{{{SECURITY}}}"
_U: Final = f"{{{UTILITY}}}"
_D: Final = f"{{{SIGNATURE}}}"
_ID: Final = f"{_U}Id"
_ID_NAMES: Final = frozenset({_ID, "Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id"})
_REFERENCES_LIMIT: Final = 16


@dataclass(frozen=True, slots=True)
class Policy:
    """What `verify` accepts.

    digests, signatures  the algorithms' URIs
    protects_token       whether a certificate that is in the message must be signed too. Not needed if the caller knows
                         the signers, since it then decides nothing
    other_headers        whether other whole headers, which are not read here, may be signed
    """

    digests: frozenset[str]
    signatures: frozenset[str]
    protects_token: bool
    other_headers: bool


STRICT: Final = Policy(frozenset({SHA256}), frozenset({RSA_SHA256}), protects_token=True, other_headers=False)
"""The service's policy for a caller's message, with SHA-256."""


def answers_under(suite: AlgorithmSuite) -> Policy:
    """The policy for known signers. The service's WSDL attaches its policy to requests only: of an answer only body and
    timestamp must be signed. Algorithms stronger than the suite's are accepted too.
    """
    digests, signatures = {SHA256}, {RSA_SHA256}
    if suite is AlgorithmSuite.BASIC256:
        digests.add(SHA1)
    if suite is not AlgorithmSuite.BASIC256_SHA256:
        signatures.add(RSA_SHA1)
    return Policy(frozenset(digests), frozenset(signatures), protects_token=False, other_headers=True)


def sign(
    envelope: etree._Element,
    credentials: Credentials,
    now: datetime,
    suite: AlgorithmSuite = AlgorithmSuite.BASIC256_SHA256,
) -> None:
    """Put a Security header into an envelope, in place: certificate, timestamp of `now` (aware), signature of both
    and of the body.
    """
    constants = xmlsec.constants
    sha1 = suite is AlgorithmSuite.BASIC256
    digest = constants.TransformSha1 if sha1 else constants.TransformSha256
    plain = suite is AlgorithmSuite.BASIC256_SHA256
    method = constants.TransformRsaSha256 if plain else constants.TransformRsaSha1
    body = envelope.find(f"{_S}Body")
    assert body is not None  # a message of ours
    header = envelope.find(f"{_S}Header")
    if header is None:
        header = etree.Element(f"{_S}Header")
        envelope.insert(0, header)
    security = etree.SubElement(header, f"{_E}Security", nsmap={"wsse": SECURITY, "wsu": UTILITY})
    security.set(f"{_S}mustUnderstand", "1")
    token = etree.SubElement(security, f"{_E}BinarySecurityToken", EncodingType=BASE64, ValueType=X509_V3)
    token.text = base64.b64encode(credentials.certificate_der).decode()
    stamp = etree.SubElement(security, f"{_U}Timestamp")
    etree.SubElement(stamp, f"{_U}Created").text = _written(now)
    etree.SubElement(stamp, f"{_U}Expires").text = _written(now + LIFETIME)
    signature = xmlsec.template.create(security, constants.TransformExclC14N, method, ns="ds")
    security.append(signature)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(credentials.key_pem, constants.KeyDataFormatPem)
    for name, element in (("TS", stamp), ("B", body), ("X509", token)):
        identity = f"{name}-{secrets.token_hex(8)}"
        element.set(_ID, identity)
        reference = xmlsec.template.add_reference(signature, digest, uri=f"#{identity}")
        xmlsec.template.add_transform(reference, constants.TransformExclC14N)
        context.register_id(element, "Id", UTILITY)
    key_info = xmlsec.template.ensure_key_info(signature)
    pointer = etree.SubElement(etree.SubElement(key_info, f"{_E}SecurityTokenReference"), f"{_E}Reference")
    pointer.set("URI", f"#{token.get(_ID)}")
    pointer.set("ValueType", X509_V3)
    context.sign(signature)


def verify(
    envelope: etree._Element,
    now: datetime,
    trusted: Callable[[x509.Certificate | None], Sequence[x509.Certificate]],
    policy: Policy = STRICT,
) -> x509.Certificate:
    """The certificate whose key signed the envelope's body and timestamp, and what else the policy requires.

    `trusted` gets the certificate in the message, or None, and returns those to verify with, none if it trusts none.
    Raises NotTrusted.
    """
    security, signature = _one_signature(envelope)
    stamp = _one(security, f"{_U}Timestamp")
    token = _token(security, signature)
    covered = [_one(envelope, f"{_S}Body"), stamp]
    others = [] if token is None else [token]
    if policy.protects_token:
        covered, others = covered + others, []
    if policy.other_headers:
        unsignable = [*covered, security, signature]
        others = [one for one in (*security, *_one(envelope, f"{_S}Header")) if one not in unsignable]
    signed = _signed(envelope, signature, covered, others, policy)
    candidates = trusted(None if token is None else _certificate(token))
    if not candidates:
        raise NotTrusted(Unsound.UNTRUSTED)
    for certificate in candidates:
        if _fits(signature, certificate, signed):
            _check_time(stamp, now)
            return certificate
    raise NotTrusted(Unsound.BROKEN)


def _fits(signature: etree._Element, certificate: x509.Certificate, covered: list[etree._Element]) -> bool:
    context = xmlsec.SignatureContext()
    der = certificate.public_bytes(serialization.Encoding.DER)
    try:
        context.key = xmlsec.Key.from_memory(der, xmlsec.constants.KeyDataFormatCertDer)
        for element in covered:
            context.register_id(element, "Id", UTILITY)
        context.verify(signature)
    except xmlsec.Error:
        return False
    return True


def _one_signature(envelope: etree._Element) -> tuple[etree._Element, etree._Element]:
    if envelope.find(f"{_S}Header/{_E}Security/{_D}Signature") is None:
        raise NotTrusted(Unsound.NO_SIGNATURE)
    security = _one(_one(envelope, f"{_S}Header"), f"{_E}Security")
    return security, _one(security, f"{_D}Signature")


def _one(parent: etree._Element, tag: str) -> etree._Element:
    found = parent.findall(tag)
    if len(found) != 1:
        raise NotTrusted(Unsound.FORM)
    return found[0]


def _token(security: etree._Element, signature: etree._Element) -> etree._Element | None:
    """The certificate in the message that the signature points to; None if it points to none in the message."""
    pointer = signature.find(f"{_D}KeyInfo/{_E}SecurityTokenReference/{_E}Reference")
    tokens = security.findall(f"{_E}BinarySecurityToken")
    if pointer is None and not tokens:
        return None
    if pointer is None or len(tokens) != 1 or pointer.get("URI") != f"#{tokens[0].get(_ID)}":
        raise NotTrusted(Unsound.FORM)
    return tokens[0]


def _certificate(token: etree._Element) -> x509.Certificate:
    if token.get("ValueType") != X509_V3 or token.get("EncodingType", BASE64) != BASE64 or len(token):
        raise NotTrusted(Unsound.FORM)
    try:
        return x509.load_der_x509_certificate(base64.b64decode("".join((token.text or "").split()), validate=True))
    except (binascii.Error, ValueError):
        raise NotTrusted(Unsound.FORM) from None


def _signed(
    envelope: etree._Element,
    signature: etree._Element,
    covered: list[etree._Element],
    others: list[etree._Element],
    policy: Policy,
) -> list[etree._Element]:
    """Check the signature's references: each of `covered`, any of `others`, each by a unique id, and nothing else; only
    with algorithms of the policy.
    """
    info = _one(signature, f"{_D}SignedInfo")
    method = _one(info, f"{_D}SignatureMethod")
    canonical = _one(info, f"{_D}CanonicalizationMethod")
    if method.get("Algorithm") not in policy.signatures or canonical.get("Algorithm") != EXCLUSIVE_C14N:
        raise NotTrusted(Unsound.ALGORITHM)
    references = info.findall(f"{_D}Reference")
    if len(references) > _REFERENCES_LIMIT:
        raise NotTrusted(Unsound.FORM)
    for reference in references:
        transforms = [one.get("Algorithm") for one in reference.findall(f"{_D}Transforms/{_D}Transform")]
        digest = _one(reference, f"{_D}DigestMethod").get("Algorithm")
        if transforms != [EXCLUSIVE_C14N] or digest not in policy.digests:
            raise NotTrusted(Unsound.ALGORITHM)
    ids = Counter(value for element in envelope.iter() for name, value in element.attrib.items() if name in _ID_NAMES)
    if any(count > 1 for count in ids.values()):
        raise NotTrusted(Unsound.FORM)
    pointed = {reference.get("URI") for reference in references}
    known = {f"#{element.get(_ID)}" for element in covered if element.get(_ID)}
    if len(known) != len(covered) or not known <= pointed:
        raise NotTrusted(Unsound.NOT_COVERED)
    besides = [element for element in others if element.get(_ID) and f"#{element.get(_ID)}" in pointed]
    if len(pointed) != len(references) or pointed != known | {f"#{element.get(_ID)}" for element in besides}:
        # Something else is signed, which is not read here: report it instead of ignoring it.
        raise NotTrusted(Unsound.FORM)
    return covered + besides


def _check_time(stamp: etree._Element, now: datetime) -> None:
    created = _read_time(_one(stamp, f"{_U}Created"))
    ends = stamp.findall(f"{_U}Expires")
    # The sender may shorten its validity, not extend it.
    expires = min([created + LIFETIME, *map(_read_time, ends[:1])])
    if created > now + SKEW or expires < now - SKEW or expires < created:
        raise NotTrusted(Unsound.STALE)


def _read_time(element: etree._Element) -> datetime:
    try:
        moment = datetime.fromisoformat((element.text or "").strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotTrusted(Unsound.FORM) from None


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"

"""WS-Security 1.0 with an X.509 certificate, for the service: requests checked, answers signed.

Written from OASIS WSS 1.0 (SOAP Message Security, X.509 Token Profile) and XML Signature, on lxml's exclusive
canonicalisation and RSA of `cryptography`; the client (`authorities.ws_security`) uses xmlsec, so both do not share a
bug.

The policy requires signatures of: Body, Timestamp and the certificate in the message, each whole.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from badgeclock.sandbox.credentials import Identity
from badgeclock.sandbox.envelope import ENVELOPE, SECURITY
from badgeclock.sandbox.errors import NotAuthenticated

_WSS: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
UTILITY: Final = f"{_WSS}wssecurity-utility-1.0.xsd"
X509_V3: Final = f"{_WSS}x509-token-profile-1.0#X509v3"
BASE64: Final = f"{_WSS}soap-message-security-1.0#Base64Binary"
SIGNATURE: Final = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"

HOLDS: Final = timedelta(minutes=5)
"""How long an answer is valid, and a request without an end."""
APART: Final = timedelta(minutes=2)
"""How far the caller's clock may differ from ours."""
SEEN_MOST: Final = 100_000
_PARTS: Final = 3  # body, timestamp, certificate

_ID: Final = f"{{{UTILITY}}}Id"
_ANY_ID: Final = frozenset({_ID, "Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id"})


class Seen:
    """The signatures of valid messages, each accepted once. Kept in memory while the message is valid."""

    def __init__(self) -> None:
        self._until: dict[bytes, datetime] = {}

    def add(self, signature: bytes, until: datetime, now: datetime) -> None:
        """Raise NotAuthenticated for a repeated signature, or if too many are kept."""
        if signature not in self._until and len(self._until) >= SEEN_MOST:
            self._until = {known: end for known, end in self._until.items() if end >= now}
        if signature in self._until or len(self._until) >= SEEN_MOST:
            raise NotAuthenticated("it was sent before")
        self._until[signature] = until


def check(
    envelope: etree._Element,
    now: datetime,
    trusted: Callable[[x509.Certificate], Sequence[x509.Certificate]],
    seen: Seen,
) -> x509.Certificate:
    """The certificate that signed the message: one that `trusted` returns for the message's own. Raises
    NotAuthenticated, also for a message that is in `seen`.
    """
    security = _only(_only(envelope, ENVELOPE, "Header"), SECURITY, "Security")
    signature = _only(security, SIGNATURE, "Signature")
    stamp = _only(security, UTILITY, "Timestamp")
    token = _only(security, SECURITY, "BinarySecurityToken")
    _check_pointer(signature, token)
    _check_digests(envelope, signature, (_only(envelope, ENVELOPE, "Body"), stamp, token))
    for certificate in trusted(_certificate(token)):
        if _signed_by(signature, certificate):
            until = _check_age(stamp, now)
            seen.add(_decoded(_only(signature, SIGNATURE, "SignatureValue")), until, now)
            return certificate
    raise NotAuthenticated("its certificate is not trusted, or did not sign it")


def sign(envelope: etree._Element, identity: Identity, now: datetime) -> None:
    """Put a Security header into an answer, in place: certificate, timestamp of `now` (aware), signature."""
    body = _only(envelope, ENVELOPE, "Body")
    header = envelope.find(f"{{{ENVELOPE}}}Header")
    if header is None:
        header = etree.Element(f"{{{ENVELOPE}}}Header")
        envelope.insert(0, header)
    security = etree.SubElement(
        header, f"{{{SECURITY}}}Security", nsmap={"wsse": SECURITY, "wsu": UTILITY, "ds": SIGNATURE}
    )
    security.set(f"{{{ENVELOPE}}}mustUnderstand", "1")
    token = etree.SubElement(security, f"{{{SECURITY}}}BinarySecurityToken", EncodingType=BASE64, ValueType=X509_V3)
    token.text = base64.b64encode(identity.certificate_der).decode()
    stamp = etree.SubElement(security, f"{{{UTILITY}}}Timestamp")
    etree.SubElement(stamp, f"{{{UTILITY}}}Created").text = _instant(now)
    etree.SubElement(stamp, f"{{{UTILITY}}}Expires").text = _instant(now + HOLDS)
    signature = etree.SubElement(security, f"{{{SIGNATURE}}}Signature")
    info = etree.SubElement(signature, f"{{{SIGNATURE}}}SignedInfo")
    etree.SubElement(info, f"{{{SIGNATURE}}}CanonicalizationMethod", Algorithm=EXCLUSIVE)
    etree.SubElement(info, f"{{{SIGNATURE}}}SignatureMethod", Algorithm=RSA_SHA256)
    for part in (stamp, body, token):
        part.set(_ID, f"id-{secrets.token_hex(10)}")
    for part in (stamp, body, token):
        reference = etree.SubElement(info, f"{{{SIGNATURE}}}Reference", URI=f"#{part.get(_ID)}")
        transforms = etree.SubElement(reference, f"{{{SIGNATURE}}}Transforms")
        etree.SubElement(transforms, f"{{{SIGNATURE}}}Transform", Algorithm=EXCLUSIVE)
        etree.SubElement(reference, f"{{{SIGNATURE}}}DigestMethod", Algorithm=SHA256)
        etree.SubElement(reference, f"{{{SIGNATURE}}}DigestValue").text = _digest_text(part)
    value = identity.key.sign(_canonical(info), padding.PKCS1v15(), hashes.SHA256())
    etree.SubElement(signature, f"{{{SIGNATURE}}}SignatureValue").text = base64.b64encode(value).decode()
    key_info = etree.SubElement(signature, f"{{{SIGNATURE}}}KeyInfo")
    pointer = etree.SubElement(key_info, f"{{{SECURITY}}}SecurityTokenReference")
    etree.SubElement(pointer, f"{{{SECURITY}}}Reference", URI=f"#{token.get(_ID)}", ValueType=X509_V3)


def _canonical(element: etree._Element, prefixes: Sequence[str] = ()) -> bytes:
    return etree.tostring(
        element, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=list(prefixes)
    )


def _prefixes(method: etree._Element) -> list[str]:
    """The prefixes that a caller's canonicalisation keeps (XML Exclusive Canonicalization 1.0, section 3)."""
    kept = method.find(f"{{{EXCLUSIVE}}}InclusiveNamespaces")
    return [] if kept is None else (kept.get("PrefixList") or "").split()


def _digest_text(element: etree._Element) -> str:
    return base64.b64encode(hashlib.sha256(_canonical(element)).digest()).decode()


def _only(parent: etree._Element, namespace: str, name: str) -> etree._Element:
    found = parent.findall(f"{{{namespace}}}{name}")
    if len(found) != 1:
        raise NotAuthenticated(f"it has {len(found) or 'no'} {name}")
    return found[0]


def _check_pointer(signature: etree._Element, token: etree._Element) -> None:
    """Check that the signature refers to the certificate in the message, in the supported form."""
    reference = _only(
        _only(_only(signature, SIGNATURE, "KeyInfo"), SECURITY, "SecurityTokenReference"), SECURITY, "Reference"
    )
    if reference.get("URI") != f"#{token.get(_ID)}" or token.get("ValueType") != X509_V3:
        raise NotAuthenticated("its signature does not point to the certificate in it")
    if token.get("EncodingType", BASE64) != BASE64 or len(token):
        raise NotAuthenticated("its certificate is not in Base64")


def _check_digests(envelope: etree._Element, signature: etree._Element, parts: Sequence[etree._Element]) -> None:
    """Check that the signature covers exactly `parts`, each by a unique id."""
    identities = [value for element in envelope.iter() for name, value in element.attrib.items() if name in _ANY_ID]
    if len(identities) != len(set(identities)):
        raise NotAuthenticated("one id is on two elements")
    info = _only(signature, SIGNATURE, "SignedInfo")
    if _algorithm(info, "CanonicalizationMethod") != EXCLUSIVE or _algorithm(info, "SignatureMethod") != RSA_SHA256:
        raise NotAuthenticated("its signature uses another algorithm than RSA with SHA-256")
    references = info.findall(f"{{{SIGNATURE}}}Reference")
    by_uri = {reference.get("URI"): reference for reference in references}
    if len(references) != _PARTS or set(by_uri) != {f"#{part.get(_ID)}" for part in parts}:
        raise NotAuthenticated("its signature does not cover body, timestamp and certificate, and these alone")
    for part in parts:
        reference = by_uri[f"#{part.get(_ID)}"]
        transform = _only(_only(reference, SIGNATURE, "Transforms"), SIGNATURE, "Transform")
        if transform.get("Algorithm") != EXCLUSIVE or _algorithm(reference, "DigestMethod") != SHA256:
            raise NotAuthenticated("a part is signed by another algorithm than SHA-256")
        digest = hashlib.sha256(_canonical(part, _prefixes(transform))).digest()
        if not hmac.compare_digest(_decoded(_only(reference, SIGNATURE, "DigestValue")), digest):
            raise NotAuthenticated("a part of it is not what was signed")


def _signed_by(signature: etree._Element, certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    value = _decoded(_only(signature, SIGNATURE, "SignatureValue"))
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    info = _only(signature, SIGNATURE, "SignedInfo")
    signed = _canonical(info, _prefixes(_only(info, SIGNATURE, "CanonicalizationMethod")))
    try:
        key.verify(value, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _algorithm(parent: etree._Element, name: str) -> str | None:
    return _only(parent, SIGNATURE, name).get("Algorithm")


def _decoded(element: etree._Element) -> bytes:
    try:
        return base64.b64decode("".join((element.text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise NotAuthenticated("a value of its signature is not in Base64") from None


def _certificate(token: etree._Element) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(_decoded(token))
    except ValueError:
        raise NotAuthenticated("what is in its certificate's place is none") from None


def _check_age(stamp: etree._Element, now: datetime) -> datetime:
    """Until when the message is valid; raises NotAuthenticated if it is not valid now."""
    created = _moment(_only(stamp, UTILITY, "Created"))
    ends = stamp.find(f"{{{UTILITY}}}Expires")
    expires = created + HOLDS if ends is None else _moment(ends)
    if not created - APART <= now <= expires + APART or expires < created:
        raise NotAuthenticated("its timestamp is too old or in the future; compare the clocks of both sides")
    return expires + APART


def _moment(element: etree._Element) -> datetime:
    try:
        moment = datetime.fromisoformat((element.text or "").strip())
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotAuthenticated("its timestamp is no time") from None


def _instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"

"""The certificates of a site's own authority: broker, bridge and one per clock.

P-256 keys and a chain of two (authority, leaf) throughout: an ESP32 needs about a second for a handshake with those,
many with RSA. The broker distinguishes clients by the common name: a clock's is its clock id, the bridge's is `bridge`.

Validity. The authority: 10 years, the life of a clock. A clock: 5 years, so each is visited once in its life to renew.
Broker and bridge: 2 years, as they are renewed on a server without touching a clock. All start one day in the past, so
that a certificate from a laptop whose clock is ahead is not refused by a clock as not yet valid.

Keys for a clock are SEC1 ("EC PRIVATE KEY") in DER, and certificates DER without anything after them: MicroPython's
`tls` accepts both, and DER needs neither a PEM parser nor its buffers. PEM on the host is PKCS #8, as OpenSSL writes
it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from badgeclock.errors import ProvisionError, SettingsError
from badgeclock.protocol.bridge_names import BRIDGE_NAME

BACKDATED: Final = timedelta(days=1)
AUTHORITY_VALID: Final = timedelta(days=3652) - BACKDATED
CLOCK_VALID: Final = timedelta(days=1826) - BACKDATED
SERVICE_VALID: Final = timedelta(days=731) - BACKDATED

ALWAYS_NAMED: Final = ("localhost", "127.0.0.1")

_OF_BRIDGE: Final = re.compile(rf"{BRIDGE_NAME}(-\d+)?")  # earlier versions issued some for its workers, too
CLOCK_ID_FORM: Final = re.compile(r"[a-z0-9-]{3,23}")
"""docs/protocol.md §1. MQTT 3.1.1 promises that a broker takes client ids of up to 23 characters."""


@dataclass(frozen=True)
class Lifetime:
    """A validity of this length from `now` (None: the present), plus the day before."""

    valid: timedelta
    now: datetime | None = None

    @property
    def start(self) -> datetime:
        return (self.now or datetime.now(UTC)) - BACKDATED


@dataclass(frozen=True)
class Identity:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def certificate_der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        """PKCS #8, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def key_der(self) -> bytes:
        """SEC1 (RFC 5915), not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate in DER, 64 hex digits."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def common_name(self) -> str:
        return str(self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def load_identity(certificate_pem: bytes, key_pem: bytes) -> Identity:
    """The identity in two PEM files. Raises ValueError if they are unreadable, not P-256, or do not belong together."""
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    key = serialization.load_pem_private_key(key_pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise ValueError("the key is not the certificate's")
    return Identity(certificate, key)


def make_authority(now: datetime | None = None, generation: int = 1) -> Identity:
    """A new authority that signs leaves only (path length 0). A successor is the next generation, with its own name:
    issuers are looked up by name.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, authority_name(generation))])
    builder = (
        _builder(name, name, key.public_key(), Lifetime(AUTHORITY_VALID, now))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Identity(builder.sign(key, hashes.SHA256()), key)


def authority_name(generation: int) -> str:
    """The common name of a site's authority, counted from 1."""
    return "Badgeclock site authority" + (f" {generation}" if generation > 1 else "")


def generation_of(authority: Identity) -> int:
    """The number of this authority of the site, from 1."""
    number = authority.common_name.removeprefix(authority_name(1)).strip()
    return int(number) if number.isdigit() else 1


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The host names and addresses in a broker's certificate."""
    known = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (*known.get_values_for_type(x509.DNSName), *map(str, known.get_values_for_type(x509.IPAddress)))


def issued_by(authority: Identity, certificate: x509.Certificate) -> bool:
    """Whether this authority signed the certificate."""
    try:
        certificate.verify_directly_issued_by(authority.certificate)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def issue_clock(
    authority: Identity, clock_id: str, now: datetime | None = None, *, valid: timedelta = CLOCK_VALID
) -> Identity:
    """A new key and certificate for the clock `clock_id`. Raises SettingsError if that is not a clock id."""
    check_clock_id(clock_id)
    return _issue(authority, clock_id, Lifetime(valid, now), ExtendedKeyUsageOID.CLIENT_AUTH)


def issue_bridge(authority: Identity, now: datetime | None = None) -> Identity:
    """A new key and certificate for the bridge."""
    return _issue(authority, BRIDGE_NAME, Lifetime(SERVICE_VALID, now), ExtendedKeyUsageOID.CLIENT_AUTH)


def issue_broker(authority: Identity, names: Iterable[str] = (), now: datetime | None = None) -> Identity:
    """A new key and certificate for the broker under `names` (DNS names, IP addresses) and localhost, 127.0.0.1.

    Raises SettingsError if a name is neither.
    """
    wanted = list(dict.fromkeys([*names, *ALWAYS_NAMED]))
    alternatives = [_general_name(name) for name in wanted]
    lifetime = Lifetime(SERVICE_VALID, now)
    return _issue(authority, wanted[0], lifetime, ExtendedKeyUsageOID.SERVER_AUTH, alternatives)


def make_revocation_list(
    authority: Identity, serials: Iterable[int], now: datetime | None = None
) -> x509.CertificateRevocationList:
    """The authority's list of revoked serial numbers, dated `now`.

    It stays valid as long as the authority: OpenSSL refuses every certificate once a list has expired, and each
    revocation replaces the broker's list.
    """
    now = now or datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now - BACKDATED)
        .next_update(authority.certificate.not_valid_after_utc)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
    )
    for serial in sorted(set(serials)):
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(authority.key, hashes.SHA256())


def revoked_serials(revocation_list: x509.CertificateRevocationList) -> set[int]:
    """The serial numbers on the list."""
    return {entry.serial_number for entry in revocation_list}


def check_issued_by(authority: Identity, certificate: x509.Certificate) -> None:
    """Raise ProvisionError if `certificate` is not this authority's: then it belongs to another workshop."""
    if not issued_by(authority, certificate):
        raise ProvisionError(
            what="the certificate was not issued by this workshop's authority",
            kept="every certificate as it is",
            do="use the workshop that issued it",
        )


def check_clock_id(clock_id: str) -> None:
    """Raise SettingsError unless `clock_id` has the form of docs/protocol.md §1 and is not a name of the bridge."""
    if CLOCK_ID_FORM.fullmatch(clock_id) and not _OF_BRIDGE.fullmatch(clock_id):
        return
    raise SettingsError(
        what=f"{clock_id!r} is no clock id",
        kept="everything as it was",
        do="use 3 to 23 characters of a-z, 0-9 and the hyphen, not `bridge` nor `bridge-2`; for example clock-0001",
    )


def _issue(
    authority: Identity,
    common_name: str,
    lifetime: Lifetime,
    usage: x509.ObjectIdentifier,
    alternatives: list[x509.GeneralName] | None = None,
) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        _builder(subject, authority.certificate.subject, key.public_key(), lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return Identity(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lifetime: Lifetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(lifetime.start)
        .not_valid_after(lifetime.start + BACKDATED + lifetime.valid)
    )


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    if re.fullmatch(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*", name):
        return x509.DNSName(name)
    raise SettingsError(
        what=f"{name!r} is neither a host name nor an IP address",
        kept="everything as it was",
        do="name the broker as the clocks will reach it, for example mqtt.site.example or 192.168.1.10",
    )

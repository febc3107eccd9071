"""The keys of a sandbox that requires them: its own authority, a registered client, the service itself.

They are made once, in one folder, valid for a long trial, and trusted nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from badgeclock.errors import SettingsError

CLIENT_ID: Final = "self_service_employer_sandbox"
"""The client registered at the token endpoint."""
VALID_DAYS: Final = 3650
RSA_BITS: Final = 2048
CLIENT_CERTIFICATE: Final = "client.pem"
CLIENT_KEY: Final = "client.key"
SERVICE_CERTIFICATE: Final = "service.pem"
SERVICE_KEY: Final = "service.key"
AUTHORITY_CERTIFICATE: Final = "authority.pem"


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its RSA key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey = field(repr=False)

    @property
    def certificate_der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        """The key in PKCS #8, PEM, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


@dataclass(frozen=True, slots=True)
class Keys:
    """The sandbox's keys: the authority of accepted signers, and its own to sign answers."""

    authority: x509.Certificate
    client: Identity
    service: Identity


def kept_in(folder: Path) -> Keys:
    """The keys in a folder, made if there are none yet. Raises SettingsError."""
    if not (folder / AUTHORITY_CERTIFICATE).exists():
        _make(folder)
    try:
        return Keys(
            authority=x509.load_pem_x509_certificate((folder / AUTHORITY_CERTIFICATE).read_bytes()),
            client=_read(folder / CLIENT_CERTIFICATE, folder / CLIENT_KEY),
            service=_read(folder / SERVICE_CERTIFICATE, folder / SERVICE_KEY),
        )
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(
            what=f"the sandbox cannot read its keys in {folder} ({type(error).__name__})",
            kept="its store is as it was",
            do="give another --credentials, or an empty folder",
        ) from None


def _read(certificate: Path, key: Path) -> Identity:
    """Raises OSError, ValueError or TypeError for a missing file or one that is not an RSA key."""
    private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError("no RSA key")
    return Identity(x509.load_pem_x509_certificate(certificate.read_bytes()), private)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority_key = rsa.generate_private_key(65537, RSA_BITS)
        name = _name("Badgeclock sandbox: nobody's authority")
        authority = _certificate(name, authority_key, name, authority_key)
        for files, common_name in (
            ((CLIENT_CERTIFICATE, CLIENT_KEY), "Badgeclock sandbox: a client"),
            ((SERVICE_CERTIFICATE, SERVICE_KEY), "Badgeclock sandbox: the service"),
        ):
            key = rsa.generate_private_key(65537, RSA_BITS)
            certificate = _certificate(_name(common_name), key, name, authority_key)
            (folder / files[0]).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
            (folder / files[1]).touch(mode=0o600)
            (folder / files[1]).write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
        # Last: if it exists, all do.
        (folder / AUTHORITY_CERTIFICATE).write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    except OSError as error:
        raise SettingsError(
            what=f"the sandbox cannot make its keys in {folder} ({error.strerror or type(error).__name__})",
            kept="its store is as it was",
            do="give another --credentials",
        ) from None


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _certificate(
    name: x509.Name, key: rsa.RSAPrivateKey, issuer: x509.Name, issuer_key: rsa.RSAPrivateKey
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )

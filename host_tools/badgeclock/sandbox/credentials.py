"""The keys of a sandbox that asks for them: an authority of its own, a client that is registered, the service itself.

They are made once, in one folder, for as long as a trial can last; they vouch for nobody anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from badgeclock.authorities import credentials
from badgeclock.authorities.credentials import Credentials
from badgeclock.errors import SettingsError

CLIENT_ID: Final = "self_service_employer_sandbox"
"""The client that the token endpoint knows."""
VALID_DAYS: Final = 3650
CLIENT_CERTIFICATE: Final = "client.pem"
CLIENT_KEY: Final = "client.key"
SERVICE_CERTIFICATE: Final = "service.pem"
SERVICE_KEY: Final = "service.key"
AUTHORITY_CERTIFICATE: Final = "authority.pem"


@dataclass(frozen=True, slots=True)
class Keys:
    """What the sandbox knows: who may sign (`authority` signed their certificates), and its own to answer with."""

    authority: x509.Certificate
    client: Credentials
    service: Credentials


def kept_in(folder: Path) -> Keys:
    """The keys in a folder, made if there are none yet. Raises SettingsError."""
    if not (folder / AUTHORITY_CERTIFICATE).exists():
        _make(folder)
    return Keys(
        authority=credentials.load_certificates(folder / AUTHORITY_CERTIFICATE)[0],
        client=credentials.load(folder / CLIENT_CERTIFICATE, folder / CLIENT_KEY),
        service=credentials.load(folder / SERVICE_CERTIFICATE, folder / SERVICE_KEY),
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority_key = rsa.generate_private_key(65537, credentials.RSA_LEAST_BITS)
        name = _name("Badgeclock sandbox: nobody's authority")
        authority = _certificate(name, authority_key, name, authority_key)
        for files, common_name in (
            ((CLIENT_CERTIFICATE, CLIENT_KEY), "Badgeclock sandbox: a client"),
            ((SERVICE_CERTIFICATE, SERVICE_KEY), "Badgeclock sandbox: the service"),
        ):
            key = rsa.generate_private_key(65537, credentials.RSA_LEAST_BITS)
            certificate = _certificate(_name(common_name), key, name, authority_key)
            (folder / files[0]).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
            (folder / files[1]).touch(mode=0o600)
            (folder / files[1]).write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
        # Last: its being there says that all are.
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

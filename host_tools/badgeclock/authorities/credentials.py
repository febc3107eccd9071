"""The bridge's credentials for an authority: an X.509 certificate and its RSA key, from two PEM files.

A certificate that comes as one .p12 file is split with `openssl pkcs12 -in FILE -nodes`. The key has no passphrase: the
file's owner and mode protect it. No message made here contains a byte of a key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from badgeclock import key_file
from badgeclock.errors import SettingsError

RSA_LEAST_BITS: Final = 2048
RSA_MOST_BITS: Final = 8192


@dataclass(frozen=True, slots=True)
class Credentials:
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

    def expired(self, now: datetime) -> bool:
        """Whether the certificate is not valid at `now` (aware), before its time or after."""
        return not self.certificate.not_valid_before_utc <= now <= self.certificate.not_valid_after_utc


def load(certificate: Path, key: Path) -> Credentials:
    """The credentials in two PEM files; anything after the first certificate in its file is ignored.

    Raises SettingsError if a file is missing or unreadable, if every user may read the key, if it is not an RSA key of
    2048 to 8192 bits, or not the certificate's.
    """
    found = load_certificates(certificate)[0]
    private = load_key(key)
    if private.public_key() != found.public_key():
        raise _refused(f"the key in {key} does not belong to the certificate in {certificate}")
    return Credentials(found, private)


def load_certificates(path: Path) -> list[x509.Certificate]:
    """The certificates in a PEM file, at least one. Raises SettingsError."""
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise _refused(f"{path} cannot be read ({error.strerror or type(error).__name__})") from None
    except ValueError:
        raise _refused(f"{path} holds no certificate in PEM") from None
    for one in found:
        check_key_size(one.public_key(), path)
    return found


def check_key_size(key: object, path: Path) -> None:
    """Raises SettingsError if a public key from `path` is not of the kind that the authority's services accept."""
    if not isinstance(key, rsa.RSAPublicKey) or not RSA_LEAST_BITS <= key.key_size <= RSA_MOST_BITS:
        raise _refused(f"the key in {path} is no RSA key of {RSA_LEAST_BITS} to {RSA_MOST_BITS} bits")


def load_key(path: Path) -> rsa.RSAPrivateKey:
    """The RSA key in a PEM file that not every user may read. Raises SettingsError."""
    try:
        if key_file.is_open_to_all(path):
            raise _refused(f"everybody on this machine may read the key {path} (chmod o= mends it)")
        found = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise _refused(f"{path} cannot be read ({error.strerror or type(error).__name__})") from None
    except (ValueError, TypeError):  # TypeError: the key is encrypted
        raise _refused(f"{path} holds no private key in PEM without passphrase") from None
    if not isinstance(found, rsa.RSAPrivateKey):
        raise _refused(f"the key in {path} is no RSA key")
    check_key_size(found.public_key(), path)
    return found


def _refused(what: str) -> SettingsError:
    return SettingsError(
        what=what, kept="nothing was sent", do="give the certificate that the authority's portal knows, and its key"
    )

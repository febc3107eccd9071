"""A revocation signed in the workshop, to be carried to the broker's machine, which needs no root for it.

    list     the revocation lists of every authority, signed
    revoked  a certificate with its key that is on them, made for this: the broker must refuse it
    guest    one with the clock's name and its key, for three days: it takes over the clock's connection, and ends it

Anyone with the file can, for three days, take the place of the revoked clock at the broker. They cannot act for it: its
frames and its records need keys that are not in the file.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.x509 import CertificateRevocationList

from badgeclock.errors import ProvisionError
from badgeclock.technician import broker, certificates, running_broker
from badgeclock.technician.certificates import Identity
from badgeclock.technician.workshop import LIST_END, Workshop

VALID: Final = timedelta(days=3)
_VERSION: Final = 1
_DECOY: Final = "ca-revoked"


@dataclass(frozen=True)
class RevocationOrder:
    """The data for the broker's machine. `to_json` and `from_json` are its file."""

    clock_id: str
    serial: str
    """The serial of the clock's certificate, hexadecimal."""
    lists_pem: bytes = field(repr=False)
    revoked: Identity = field(repr=False)
    guest: Identity = field(repr=False)

    def to_json(self) -> bytes:
        """The file's content. It contains keys, and only its owner may read it."""
        fields = {"v": _VERSION, "clock_id": self.clock_id, "serial": self.serial, "list": self.lists_pem.decode()}
        for name, identity in (("revoked", self.revoked), ("guest", self.guest)):
            fields[name] = (identity.certificate_pem + identity.key_pem).decode()
        return json.dumps(fields, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes, source: str) -> RevocationOrder:
        """Raises ProvisionError naming `source`, never quoting it."""
        try:
            body: dict[str, Any] = json.loads(data)
            if body["v"] != _VERSION:
                raise ValueError("another version")
            revoked, guest = (
                certificates.load_identity(body[name].encode(), body[name].encode()) for name in ("revoked", "guest")
            )
            return cls(str(body["clock_id"]), str(body["serial"]), str(body["list"]).encode(), revoked, guest)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ProvisionError(
                what=f"{source} is no revocation of version {_VERSION}",
                kept="the broker's list as it is",
                do="carry over the file that `badgeclock ca revoke --to` wrote in the workshop",
            ) from None


def make(shop: Workshop, clock_id: str) -> RevocationOrder:
    """Revoke a clock's certificates in the workshop, and make the file for the broker's machine."""
    decoy = certificates.issue_clock(shop.authority(), _DECOY, valid=VALID)
    shop.revoke(decoy.certificate.serial_number)
    serial = shop.revoke_clock(clock_id)
    guest = certificates.issue_clock(shop.authority(), clock_id, valid=VALID)
    return RevocationOrder(clock_id, f"{serial:x}", shop.revocation_list.read_bytes(), decoy, guest)


def apply(order: RevocationOrder, directory: Path) -> bool:
    """Update a broker's directory with the lists, and disconnect the clock; returns whether its exclusion was
    confirmed.

    Raises ProvisionError, without changing anything, if the lists are not signed by each authority that this broker
    trusts, or lack entries of its own.
    """
    directory = directory.resolve()
    _check(order, directory)
    pid = broker.take_list(directory, order.lists_pem)
    if pid is None:
        return False
    return running_broker.put_out(directory, order.clock_id, order.revoked, order.guest)


def _check(order: RevocationOrder, directory: Path) -> None:
    try:
        authorities = x509.load_pem_x509_certificates((directory / "ca.pem").read_bytes())
        present = _lists((directory / "crl.pem").read_bytes())
        coming = _lists(order.lists_pem)
    except (OSError, ValueError) as error:
        raise ProvisionError(
            what=f"{directory} is no broker's directory whose lists can be read ({type(error).__name__})",
            kept="everything as it was",
            do="name the directory that `badgeclock ca broker` made",
        ) from None
    signed = [
        any(one.issuer == by.subject and one.is_signature_valid(by.public_key()) for one in coming)  # type: ignore[arg-type]
        for by in authorities
    ]
    if not all(signed) or len(coming) != len(authorities):
        raise ProvisionError(
            what="the revocation is not signed by every authority that this broker trusts",
            kept="the broker's list as it is",
            do="make it in this broker's workshop; in a change of authority, bring the broker up to date first",
        )
    missing = _serials(present) - _serials(coming)
    if missing:
        raise ProvisionError(
            what=f"the revocation is older than the broker's list: {len(missing)} certificates are not on it",
            kept="the broker's list as it is",
            do="make it again in the workshop",
        )


def _lists(pem: bytes) -> list[CertificateRevocationList]:
    return [x509.load_pem_x509_crl(one + LIST_END) for one in pem.split(LIST_END)[:-1]]


def _serials(lists: list[CertificateRevocationList]) -> set[int]:
    return set().union(*(certificates.revoked_serials(one) for one in lists))


def write(order: RevocationOrder, path: Path) -> None:
    """Write it into a new file, 0600. Raises ProvisionError if there is one."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ProvisionError(what=f"{path} exists already", kept="that file, untouched", do="name a new file") from None
    with os.fdopen(handle, "wb") as file:
        file.write(order.to_json())

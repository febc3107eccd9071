"""The technician's workshop: one directory with everything secret that a fleet of clocks hangs on.

    ca.key.pem ca.pem ca.der       the authority
    crl.pem                        certificates it takes back
    fleet.key                      root of every clock's seal (docs/protocol.md §3), 64 hex digits
    sites/<site>.key               key of the site's badge tokens (§1), 64 hex digits
    sites/<site>.badge.key         root of the site's badge keys (docs/badges.md §4), 64 hex digits
    broker/{certificate,key}.pem   bridge/{certificate,key}.pem
    clocks/<id>/{certificate.pem,key.pem,bundle.json}
    clocks/<id>/{certificate,key}.<serial>.pem    of a life that was retired

Directories are 0700 and files 0600 from the first byte. A file is made once and never overwritten: losing a fleet key
would make every chain of the fleet unverifiable. Two files change by intent, each replaced whole: `crl.pem`, and
`bundle.json` when a clock's chain is founded anew; the bundle before it stays beside it.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import tempfile
import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from badgeclock.badges.keys import Root
from badgeclock.errors import ProvisionError, SettingsError
from badgeclock.technician import certificates
from badgeclock.technician.bundle import Bundle
from badgeclock.technician.certificates import Identity

KEY_BYTES: Final = 32

_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_READABLE_BY_OTHERS: Final = 0o077


@dataclass(frozen=True)
class Workshop:
    """An existing workshop. Make one with `create`, find one with `open_workshop`."""

    path: Path

    @property
    def authority_certificate(self) -> Path:
        """PEM."""
        return self.path / "ca.pem"

    @property
    def revocation_list(self) -> Path:
        """PEM."""
        return self.path / "crl.pem"

    def authority(self) -> Identity:
        """The authority that signs. Raises ProvisionError if its files are damaged."""
        return self._identity(self.path / "ca.pem", self.path / "ca.key.pem")

    def fleet_key(self) -> bytes:
        """The fleet key, 32 bytes. Raises ProvisionError if its file is damaged."""
        return read_key(self.path / "fleet.key")

    def site_key_file(self, site: str) -> Path:
        """The file of the site's key, 64 hex digits and a newline; made at the first call for this site."""
        path = self.path / "sites" / f"{site_slug(site)}.key"
        if not path.exists():
            write_once(path, new_key())
        return path

    def site_key(self, site: str) -> bytes:
        """The key of the site's badge tokens, 32 bytes; made at the first call for this site."""
        return read_key(self.site_key_file(site))

    def badge_root_file(self, site: str) -> Path:
        """The file of the site's badge root, 64 hex digits and a newline; made at the first call for this site."""
        path = self.path / "sites" / f"{site_slug(site)}.badge.key"
        if not path.exists():
            write_once(path, new_key())
        return path

    def badge_root(self, site: str) -> Root:
        """What the keys of the site's badges come from; made at the first call for this site."""
        return Root(read_key(self.badge_root_file(site)))

    def broker(self, names: tuple[str, ...] = ()) -> Identity:
        """The broker's identity, made at the first call with `names`; later calls give the same one.

        Raises ProvisionError if it exists without one of `names`.
        """
        folder = self.path / "broker"
        if not (folder / "certificate.pem").exists():
            self._store(folder, certificates.issue_broker(self.authority(), names))
        identity = self._identity(folder / "certificate.pem", folder / "key.pem")
        known = identity.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        named = {*known.get_values_for_type(x509.DNSName), *map(str, known.get_values_for_type(x509.IPAddress))}
        missing = sorted(set(names) - named)
        if missing:
            raise ProvisionError(
                what=f"the broker's certificate in {folder} does not name {', '.join(missing)}",
                kept="that certificate and its key",
                do=f"move {folder} away and run this again; clocks trust the new certificate as they did the old one",
            )
        return identity

    def bridge(self, worker: int = 1) -> Identity:
        """The identity of the bridge, or of another worker of it, made at the first call. Raises SettingsError."""
        name = certificates.bridge_name(worker)
        folder = self.path / "bridge"
        if worker > 1:
            folder /= name
        if not (folder / "certificate.pem").exists():
            make_directory(folder)
            self._store(folder, certificates.issue_bridge(self.authority(), worker=worker))
        return self._identity(folder / "certificate.pem", folder / "key.pem")

    def clock_folder(self, clock_id: str) -> Path:
        """Where the clock's files are. Raises SettingsError if `clock_id` is no clock id (so it is no path either)."""
        certificates.check_clock_id(clock_id)
        return self.path / "clocks" / clock_id

    def clock(self, clock_id: str) -> Identity:
        """The clock's identity, made at the first call. Raises ProvisionError if its certificate was revoked."""
        folder = self.clock_folder(clock_id)
        if not (folder / "certificate.pem").exists():
            self._store(folder, certificates.issue_clock(self.authority(), clock_id))
        identity = self._identity(folder / "certificate.pem", folder / "key.pem")
        if identity.certificate.serial_number in self.revoked():
            raise ProvisionError(
                what=f"the certificate of {clock_id} was revoked",
                kept="the clock as it is",
                do=f"give the clock another id; or move certificate.pem and key.pem out of {folder} for new ones",
            )
        return identity

    def bundle(self, clock_id: str) -> Bundle | None:
        """What the bridge must know of the clock, or None before the clock's chain was founded."""
        return self._read_bundle(self.clock_folder(clock_id) / "bundle.json")

    def pending_bundle(self, clock_id: str) -> Bundle | None:
        """The bundle of a founding that was begun and not confirmed, or None."""
        return self._read_bundle(self.clock_folder(clock_id) / "bundle.pending.json")

    def begin_founding(self, bundle: Bundle) -> None:
        """Keep `bundle` before its secrets go to the clock: a pulled cable then leaves no chain without its key."""
        _replace(self.clock_folder(bundle.clock_id) / "bundle.pending.json", bundle.to_json())

    def confirm_founding(self, clock_id: str) -> Path:
        """The pending bundle is the clock's from now on; the one before it stays as bundle.<its nonce>.json."""
        folder = self.clock_folder(clock_id)
        current = folder / "bundle.json"
        before = self._read_bundle(current)
        if before is not None:
            current.rename(folder / f"bundle.{before.genesis_nonce.hex()}.json")
        (folder / "bundle.pending.json").rename(current)
        return current

    def change_bundle(self, bundle: Bundle) -> None:
        """Replace the clock's bundle: another site or certificate, the same chain."""
        _replace(self.clock_folder(bundle.clock_id) / "bundle.json", bundle.to_json())

    def revoked(self) -> set[int]:
        """Serial numbers of the revoked certificates."""
        return certificates.revoked_serials(x509.load_pem_x509_crl(self.revocation_list.read_bytes()))

    def revoke(self, serial: int) -> None:
        """Put `serial` on the revocation list. Brokers take the new list when their configuration is written again."""
        self._write_revocation_list(self.revoked() | {serial})

    def revoke_clock(self, clock_id: str) -> int:
        """Revoke the clock's certificate and return its serial number. Raises ProvisionError if it has none here."""
        folder = self.clock_folder(clock_id)
        if not (folder / "certificate.pem").exists():
            raise ProvisionError(
                what=f"{clock_id} has no certificate in {self.path}",
                kept="the revocation list as it was",
                do=f"look at the clock ids in {self.path / 'clocks'}",
            )
        certificate = x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes())
        certificates.check_issued_by(self.authority(), certificate)
        self.revoke(certificate.serial_number)
        return certificate.serial_number

    def retire_clock(self, clock_id: str) -> int:
        """Revoke the clock's certificate and set it and its key aside under its serial number, which is returned.

        Its bundles stay: they are what its records are verified by. The id can then be provisioned anew.
        """
        serial = self.revoke_clock(clock_id)
        folder = self.clock_folder(clock_id)
        for name in ("key", "certificate"):  # the certificate last: while it is there, this can be done again
            with contextlib.suppress(FileNotFoundError):
                (folder / f"{name}.pem").rename(folder / f"{name}.{serial:x}.pem")
        _sync_directory(folder)
        return serial

    def _write_revocation_list(self, serials: set[int]) -> None:
        new = certificates.make_revocation_list(self.authority(), serials)
        _replace(self.revocation_list, new.public_bytes(serialization.Encoding.PEM))

    def _store(self, folder: Path, identity: Identity) -> None:
        make_directory(folder)
        write_once(folder / "key.pem", identity.key_pem)
        write_once(folder / "certificate.pem", identity.certificate_pem)

    def _identity(self, certificate: Path, key: Path) -> Identity:
        try:
            return certificates.load_identity(certificate.read_bytes(), key.read_bytes())
        except (OSError, ValueError) as error:
            raise ProvisionError(
                what=f"{certificate} with {key.name} cannot be used ({error})",
                kept="both files as they are",
                do="restore them from a backup of the workshop",
            ) from error

    def _read_bundle(self, path: Path) -> Bundle | None:
        return Bundle.from_json(path.read_bytes(), str(path)) if path.exists() else None


def create(path: Path) -> Workshop:
    """Make a workshop with a new authority and fleet key in `path`, which may be an empty directory.

    Raises ProvisionError if a workshop is there already: nothing of it is touched.
    """
    if (path / "ca.key.pem").exists() or (path / "fleet.key").exists():
        raise ProvisionError(
            what=f"{path} is a workshop already",
            kept="its authority and its keys, untouched",
            do="use it, or name another directory",
        )
    make_directory(path)
    for folder in ("sites", "clocks", "broker", "bridge"):
        make_directory(path / folder)
    authority = certificates.make_authority()
    write_once(path / "fleet.key", new_key())
    write_once(path / "ca.pem", authority.certificate_pem)
    write_once(path / "ca.der", authority.certificate_der)
    empty = certificates.make_revocation_list(authority, ())
    write_once(path / "crl.pem", empty.public_bytes(serialization.Encoding.PEM))
    write_once(path / "ca.key.pem", authority.key_pem)  # last: it is what makes the directory a workshop
    return Workshop(path)


def open_workshop(path: Path) -> Workshop:
    """The workshop in `path`. Raises SettingsError if there is none, or if others may read its keys."""
    if not (path / "ca.key.pem").is_file():
        raise SettingsError(
            what=f"{path} is no workshop: it has no ca.key.pem",
            kept="everything as it was",
            do=f"make one with `badgeclock ca init {path}`",
        )
    if path.stat().st_mode & _READABLE_BY_OTHERS:
        raise SettingsError(
            what=f"others on this machine may open {path}, where the fleet's keys are",
            kept="everything as it was",
            do=f"run `chmod 700 {path}`",
        )
    return Workshop(path)


def site_slug(site: str) -> str:
    """The file name for a site: lower case, hyphens. Names that differ only in case or spacing are one site.

    A name with other characters gets six digits of its SHA-256 as well, so that no two names meet in one file.
    Raises SettingsError for a name without any visible character.
    """
    name = " ".join(unicodedata.normalize("NFC", site).split())
    if not name:
        raise SettingsError(what="the site has no name", kept="everything as it was", do="name the site")
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if slug == name.lower().replace(" ", "-"):
        return slug
    return f"{slug or 'site'}-{sha256(name.casefold().encode()).hexdigest()[:6]}"


def new_key() -> bytes:
    """The content of a new key file: 64 hex digits and a newline."""
    return secrets.token_hex(KEY_BYTES).encode() + b"\n"


def read_key(path: Path) -> bytes:
    """The 32 bytes of a key file. Raises ProvisionError if it is missing or damaged; the message never quotes it."""
    try:
        key = bytes.fromhex(path.read_text("ascii"))
    except (OSError, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ProvisionError(
            what=f"{path} does not hold a key of {2 * KEY_BYTES} hex digits",
            kept="the file as it is",
            do="restore it from a backup of the workshop; a new key would not fit the clocks in use",
        )
    return key


def make_directory(path: Path) -> None:
    """Make `path`, 0700, with its parents. An existing one stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)


def write_once(path: Path, data: bytes) -> None:
    """Write a new file, 0600, and make it durable. Raises ProvisionError if it exists."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    except FileExistsError:
        raise ProvisionError(
            what=f"{path} exists already",
            kept="that file, untouched",
            do="move it away if you are sure that nothing depends on it",
        ) from None
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    _sync_directory(path.parent)


def _replace(path: Path, data: bytes) -> None:
    """Put `data` in place of `path` in one step, 0600 and durable."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink()
        raise
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

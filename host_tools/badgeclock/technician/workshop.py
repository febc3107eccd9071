"""The technician's workshop: one directory with every secret that a fleet of clocks depends on.

    ca.key.pem ca.pem              the authority; after it in ca.pem, a second one that is trusted during a change
    ca.next.pem ca.next.key.pem    the next authority, or ...
    ca.former.pem ca.former.key.pem    ... the former one, during a change
    crl.pem                        revoked certificates: a list of each authority in ca.pem
    fleet.key                      root of every clock's seal (docs/protocol.md §3), 64 hex digits
    sites/<site>.key               key of the site's badge tokens (§1), 64 hex digits
    sites/<site>.badge.key         root of the site's badge keys (docs/badges.md §4), 64 hex digits
    broker/{certificate,key}.pem   bridge/{certificate,key}.pem
    clocks/<id>/{certificate.pem,key.pem,bundle.json}
    clocks/<id>/{certificate,key}.<serial>.pem    of a retired clock, or before a renewal
    clocks.ledger                  which chip is which clock; lines are only added (technician/ledger.py)
    clocks/<id>/trusts             the authorities last given to the clock, by fingerprint
    clocks/<id>/founding.<nonce>.key    from which, with the fleet key, the chain's keys are derived; nowhere else
    lock.json                      if it has a passphrase: every file with a key is encrypted (workshop_lock.py)

It belongs on a machine without a network. Data for other machines is signed or exported here and carried over: broker
and bridge get certificates with their keys, the bridge a clock's bundle and a site's key, the broker a revocation.

Directories are 0700 and files 0600 from the first byte. A file is made once and never overwritten: losing a fleet key
would make every chain of the fleet unverifiable. Intended changes replace whole files: `crl.pem`, `trusts`, renewals,
and `bundle.json` when a clock's chain is founded again; the former bundle is kept beside it.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from badgeclock.badges.keys import Root
from badgeclock.bundle import Bundle
from badgeclock.errors import ProvisionError, SettingsError
from badgeclock.protocol.bridge_names import BRIDGE_NAME
from badgeclock.technician import certificates, durable_files, key_files, site_file_names, workshop_lock
from badgeclock.technician.certificates import Identity
from badgeclock.technician.key_files import KEY_BYTES
from badgeclock.technician.workshop_lock import Lock

SITE_KEYS_MOST: Final = 8

_READABLE_BY_OTHERS: Final = 0o077
LIST_END: Final = b"-----END X509 CRL-----\n"
_SERVICES: Final = ("broker", BRIDGE_NAME)


@dataclass(frozen=True)
class Workshop:
    """An existing workshop. Make one with `create`, find one with `open_workshop`."""

    path: Path
    lock: Lock | None = field(default=None, repr=False)
    """Decrypts its secret files, if it has a passphrase."""

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

    def authorities(self) -> tuple[Identity, ...]:
        """Every authority that is trusted: the one that signs, and during a change the next or the former one."""
        others = [name for name in ("next", "former") if (self.path / f"ca.{name}.key.pem").exists()]
        return (
            self.authority(),
            *(self._identity(self.path / f"ca.{name}.pem", self.path / f"ca.{name}.key.pem") for name in others),
        )

    def trusted_der(self) -> bytes:
        """The certificates of `authorities`, in DER, one after another, as a clock has them."""
        return b"".join(authority.certificate_der for authority in self.authorities())

    def begin_authority(self) -> None:
        """Make the next authority. From now on both are trusted; the present one continues to sign.

        Raises ProvisionError during a change.
        """
        if len(self.authorities()) > 1:
            raise ProvisionError(
                what="another authority is taking over already",
                kept="both authorities as they are",
                do="finish that first: badgeclock ca authority switch, then end",
            )
        made = certificates.make_authority(generation=certificates.generation_of(self.authority()) + 1)
        durable_files.write_once(self.path / "ca.next.pem", made.certificate_pem)
        self._write_secret(self.path / "ca.next.key.pem", made.key_pem)  # last: it begins the change
        self._write_trust()

    def switch_authority(self, leave: frozenset[str] = frozenset()) -> None:
        """Switch to the next authority; the former one stays trusted. Broker, bridge and clocks can then be renewed.

        Raises ProvisionError if there is none, or if a clock does not trust it yet and is not among `leave`: it would
        refuse the broker's next certificate.
        """
        path = self.path
        if not (path / "ca.next.key.pem").exists():
            raise ProvisionError(
                what="no authority is about to take over",
                kept="the authority as it is",
                do="make one with `badgeclock ca authority begin`",
            )
        coming = self._identity(path / "ca.next.pem", path / "ca.next.key.pem")
        if not (path / "ca.former.key.pem").exists():
            former = self.authority()
            behind = sorted(set(self.clocks_without(coming)) - leave)
            if behind:
                raise ProvisionError(
                    what=f"these clocks do not trust the next authority yet: {', '.join(behind)}",
                    kept="the authority that they trust, in its place",
                    do="provision each of them over the cable; or leave them behind with --leave ID",
                )
            durable_files.replace(path / "ca.former.pem", former.certificate_pem)
            self._replace_secret(path / "ca.former.key.pem", former.key_pem)
        # After a power cut from here on, the same command finishes it.
        durable_files.replace(path / "ca.pem", coming.certificate_pem)
        self._replace_secret(path / "ca.key.pem", coming.key_pem)
        (path / "ca.next.key.pem").unlink()
        (path / "ca.next.pem").unlink()
        self._write_trust()

    def end_authority(self, leave: frozenset[str] = frozenset()) -> None:
        """Stop trusting the former authority: its certificates are no longer accepted.

        Raises ProvisionError if there is none, or if broker, bridge or a clock that is not among `leave` still has one.
        """
        path = self.path
        if not (path / "ca.former.key.pem").exists():
            raise ProvisionError(
                what="there is no former authority",
                kept="the authority as it is",
                do="see the state of the change with `badgeclock ca list`",
            )
        former = self._identity(path / "ca.former.pem", path / "ca.former.key.pem")
        holders = {name: held for name, held in self.holders().items() if name not in leave}
        held = sorted(name for name, one in holders.items() if certificates.issued_by(former, one.certificate))
        if held:
            raise ProvisionError(
                what=f"these still have a certificate of the former authority: {', '.join(held)}",
                kept="the former authority, trusted",
                do="renew each (`badgeclock ca renew`), clocks over the cable; or leave clocks behind with --leave ID",
            )
        serial = former.certificate.serial_number
        (path / "ca.former.key.pem").rename(path / f"ca.{serial:x}.key.pem")
        (path / "ca.former.pem").rename(path / f"ca.{serial:x}.pem")
        self._write_trust()

    def holders(self) -> dict[str, Identity]:
        """The holders of valid certificates of this workshop: `broker`, `bridge`, clocks."""
        folders = {name: self.path / name for name in _SERVICES}
        folders |= {folder.name: folder for folder in sorted((self.path / "clocks").iterdir())}
        revoked = self.revoked()
        found = {}
        for name, folder in folders.items():
            if (folder / "certificate.pem").exists():
                identity = self._held(folder)
                if identity.certificate.serial_number not in revoked:
                    found[name] = identity
        return found

    def clocks(self) -> list[str]:
        """The clocks with a certificate that is not revoked, by id."""
        return [name for name in self.holders() if name not in _SERVICES]

    def clocks_without(self, authority: Identity) -> list[str]:
        """The clocks in use, by id, that did not get this authority when they were last provisioned."""
        return [
            name
            for name in self.holders()
            if name not in _SERVICES
            and self.bundle(name) is not None
            and authority.fingerprint not in self._trusts(name)
        ]

    def record_trust(self, clock_id: str) -> None:
        """Record that the clock got every present authority."""
        lines = "".join(f"{authority.fingerprint}\n" for authority in self.authorities())
        durable_files.replace(self.clock_folder(clock_id) / "trusts", lines.encode())

    def _trusts(self, clock_id: str) -> set[str]:
        path = self.clock_folder(clock_id) / "trusts"
        return set(path.read_text("ascii").split()) if path.exists() else set()

    def fleet_key(self) -> bytes:
        """The fleet key, 32 bytes. Raises ProvisionError if its file is damaged."""
        return self._key(self.path / "fleet.key")

    def site_key_to_be(self, site: str) -> bytes:
        """The keys of the site's badge tokens, 32 bytes each, or a new one that is not stored until `keep`."""
        path = self._site_file(site, ".key")
        return self._keys(path) if path.exists() else secrets.token_bytes(KEY_BYTES)

    def add_site_key(self, site: str) -> Path:
        """Add a key to those of a site, and return the file; raises ProvisionError for a site without any."""
        path = self._site_file(site, ".key")
        keys = self._keys(path)
        if len(keys) == SITE_KEYS_MOST * KEY_BYTES:
            raise ProvisionError(
                what=f"the site {site!r} has had {SITE_KEYS_MOST} keys, which is as many as a clock holds",
                kept="the keys that it has",
                do="give it another name, and its badges to their workers there",
            )
        self._replace_secret(path, self._read_secret(path).rstrip() + b"\n" + key_files.new_key())
        return path

    def badge_root_to_be(self, site: str) -> Root:
        """The root of the keys of the site's badges, or a new one that is not stored until `keep`."""
        path = self._site_file(site, ".badge.key")
        return Root(self._key(path) if path.exists() else secrets.token_bytes(KEY_BYTES))

    def _site_file(self, site: str, suffix: str) -> Path:
        """The site's file. An earlier version gave one file to "Quay 7" and "Quay-7": it stays with the one of the two
        that this workshop's clocks belong to.
        """
        folder, name = self.path / "sites", site_file_names.single_spaced(site).casefold()
        shared = folder / f"{site_file_names.plain(site)}{suffix}"
        if shared.exists() and site_file_names.plain(site) == name.replace(" ", "-"):
            owners = self._sites_called(site_file_names.plain(site))
            if name in owners:
                return shared
            if owners:
                return folder / f"{site_file_names.marked(site)}{suffix}"
        return folder / f"{site_file_names.site_slug(site)}{suffix}"

    def _sites_called(self, plain: str) -> set[str]:
        """The sites of this workshop's clocks whose names have these letters and digits."""
        bundles = (self.bundle(folder.name) for folder in (self.path / "clocks").iterdir())
        return {
            site_file_names.single_spaced(one.site).casefold()
            for one in bundles
            if one is not None and site_file_names.plain(one.site) == plain
        }

    def _keep_key(self, path: Path, key: bytes) -> None:
        if not path.exists():
            self._write_secret(path, key.hex().encode() + b"\n")

    def site_key_file(self, site: str) -> Path:
        """The file of the site's keys, 64 hex digits and a newline each; made at the first call for this site."""
        path = self._site_file(site, ".key")
        if not path.exists():
            self._write_secret(path, key_files.new_key())
        return path

    def site_key(self, site: str) -> bytes:
        """The keys of the site's badge tokens, 32 bytes each; the first is made at the first call for this site."""
        return self._keys(self.site_key_file(site))

    def badge_root_file(self, site: str) -> Path:
        """The file of the site's badge root, 64 hex digits and a newline; made at the first call for this site."""
        path = self._site_file(site, ".badge.key")
        if not path.exists():
            self._write_secret(path, key_files.new_key())
        return path

    def badge_root(self, site: str) -> Root:
        """The root of the keys of the site's badges; made at the first call for this site."""
        return Root(self._key(self.badge_root_file(site)))

    def broker(self, names: tuple[str, ...] = ()) -> Identity:
        """The broker's identity, made at the first call with `names`; later calls give the same one.

        Raises ProvisionError if it exists without one of `names`.
        """
        folder = self.path / "broker"
        if not (folder / "certificate.pem").exists():
            self._store(folder, certificates.issue_broker(self.authority(), names))
        identity = self._held(folder)
        missing = sorted(set(names) - set(certificates.names_of(identity.certificate)))
        if missing:
            raise ProvisionError(
                what=f"the broker's certificate in {folder} does not name {', '.join(missing)}",
                kept="that certificate and its key",
                do=f"renew it with `badgeclock ca renew broker {' '.join(missing)}`; clocks trust it as the old one",
            )
        return identity

    def bridge(self) -> Identity:
        """The identity of the bridge, made at the first call."""
        folder = self.path / "bridge"
        if not (folder / "certificate.pem").exists():
            durable_files.make_directory(folder)
            self._store(folder, certificates.issue_bridge(self.authority()))
        return self._held(folder)

    def renew_broker(self, names: tuple[str, ...] = ()) -> Identity:
        """A new key and certificate for the broker, with the names it has and `names`; the old ones are set aside.

        Raises ProvisionError if it has none.
        """
        folder = self.path / "broker"
        before = self._renewable(folder, "broker")
        made = certificates.issue_broker(self.authority(), (*certificates.names_of(before.certificate), *names))
        return self._renew(folder, before, made)

    def renew_bridge(self) -> Identity:
        """A new key and certificate for the bridge; the old ones stay aside. Raises ProvisionError if it has none."""
        folder = self.path / "bridge"
        return self._renew(folder, self._renewable(folder, BRIDGE_NAME), certificates.issue_bridge(self.authority()))

    def renew_clock(self, clock_id: str) -> Identity:
        """A new key and certificate for a clock, which it gets when it is provisioned; its sealed chain continues.

        Until then its old certificate, which is set aside, works as before. Raises ProvisionError if it has none, or if
        it was revoked.
        """
        folder = self.clock_folder(clock_id)
        before = self._renewable(folder, clock_id)
        if before.certificate.serial_number in self.revoked():
            raise ProvisionError(
                what=f"the certificate of {clock_id} was revoked",
                kept="the clock as it is",
                do="a clock that is trusted again gets a new one when it is provisioned: see `badgeclock clock retire`",
            )
        return self._renew(folder, before, certificates.issue_clock(self.authority(), clock_id))

    def _renewable(self, folder: Path, name: str) -> Identity:
        if not (folder / "certificate.pem").exists():
            raise ProvisionError(
                what=f"{name} has no certificate in {self.path}",
                kept="everything as it was",
                do=f"issue one with `badgeclock ca issue`; the clocks are in {self.path / 'clocks'}",
            )
        return self._held(folder)

    def _held(self, folder: Path) -> Identity:
        """The certificate and key in a folder, after finishing an interrupted renewal."""
        if (folder / "certificate.new.pem").exists():
            with contextlib.suppress(FileNotFoundError):
                (folder / "key.new.pem").rename(folder / "key.pem")
            (folder / "certificate.new.pem").rename(folder / "certificate.pem")
            durable_files.sync_directory(folder)
        return self._identity(folder / "certificate.pem", folder / "key.pem")

    def _renew(self, folder: Path, before: Identity, made: Identity) -> Identity:
        """Set a key and certificate aside under their serial number, and put the new ones in their place."""
        serial = before.certificate.serial_number
        self._replace_secret(folder / f"key.{serial:x}.pem", before.key_pem)
        durable_files.replace(folder / f"certificate.{serial:x}.pem", before.certificate_pem)
        self._replace_secret(folder / "key.new.pem", made.key_pem)
        durable_files.replace(folder / "certificate.new.pem", made.certificate_pem)  # last: now the new ones are valid
        return self._held(folder)

    def clock_folder(self, clock_id: str) -> Path:
        """The folder of the clock's files. Raises SettingsError if `clock_id` is not a clock id (so it cannot be a
        path)."""
        certificates.check_clock_id(clock_id)
        return self.path / "clocks" / clock_id

    def clock(self, clock_id: str) -> Identity:
        """The clock's identity, made at the first call. Raises ProvisionError if its certificate was revoked."""
        identity = self.clock_to_be(clock_id)
        self._keep_clock(clock_id, identity)
        return identity

    def has_certificate(self, clock_id: str) -> bool:
        """Whether the clock has a certificate, revoked or not; a retired one has none."""
        return (self.clock_folder(clock_id) / "certificate.pem").exists()

    def new_clock(self, clock_id: str) -> Identity:
        """A new identity for a clock, which is not stored until `keep`."""
        return certificates.issue_clock(self.authority(), clock_id)

    def keep(self, clock_id: str, identity: Identity, site: str, site_key: bytes, root: Root | None) -> None:
        """Store what a clock gets, as far as the workshop does not have it yet; `root` only for badges that prove
        themselves."""
        self._keep_clock(clock_id, identity)
        self._keep_key(self._site_file(site, ".key"), site_key)
        if root is not None:
            self._keep_key(self._site_file(site, ".badge.key"), root.secret)

    def _keep_clock(self, clock_id: str, identity: Identity) -> None:
        if not self.has_certificate(clock_id):
            self._store(self.clock_folder(clock_id), identity)

    def clock_to_be(self, clock_id: str) -> Identity:
        """The clock's identity, or a new one. Raises ProvisionError if its certificate was revoked."""
        folder = self.clock_folder(clock_id)
        if not self.has_certificate(clock_id):
            return self.new_clock(clock_id)
        identity = self._held(folder)
        if identity.certificate.serial_number in self.revoked():
            raise ProvisionError(
                what=f"the certificate of {clock_id} was revoked",
                kept="the clock as it is",
                do=f"give the clock another id; or move certificate.pem and key.pem out of {folder} for new ones",
            )
        return identity

    def present_of(self, clock_id: str) -> Identity | None:
        """The clock's present identity, revoked or not; None if there is none."""
        folder = self.clock_folder(clock_id)
        return self._held(folder) if (folder / "certificate.pem").exists() else None

    def bundle(self, clock_id: str) -> Bundle | None:
        """The bridge's data on the clock, or None before the clock's chain was founded."""
        return self._read_bundle(self.clock_folder(clock_id) / "bundle.json")

    def pending_bundle(self, clock_id: str) -> Bundle | None:
        """The bundle of an unconfirmed founding, or None."""
        return self._read_bundle(self.clock_folder(clock_id) / "bundle.pending.json")

    def begin_founding(self, bundle: Bundle, secret: bytes) -> None:
        """Store `bundle` and its founding secret before its keys are sent to the clock, so that an interruption leaves
        no chain without them.
        """
        self._keep_key(self._founding_file(bundle.clock_id, bundle.genesis_nonce), secret)
        self._replace_secret(self.clock_folder(bundle.clock_id) / "bundle.pending.json", bundle.to_json())

    def founding_secret(self, clock_id: str, nonce: bytes) -> bytes:
        """The secret from which a clock's chain keys are derived besides the fleet key, 32 bytes; empty for a chain of
        version 0.1.0. It stays here: without it, fleet key and nonce, which is in record 0, give no key.
        """
        path = self._founding_file(clock_id, nonce)
        return self._key(path) if path.exists() else b""

    def _founding_file(self, clock_id: str, nonce: bytes) -> Path:
        return self.clock_folder(clock_id) / f"founding.{nonce.hex()}.key"

    def confirm_founding(self, clock_id: str) -> Path:
        """Make the pending bundle the clock's; the former one stays as bundle.<its nonce>.json."""
        folder = self.clock_folder(clock_id)
        current = folder / "bundle.json"
        before = self._read_bundle(current)
        if before is not None:
            current.rename(folder / f"bundle.{before.genesis_nonce.hex()}.json")
        (folder / "bundle.pending.json").rename(current)
        return current

    def change_bundle(self, bundle: Bundle) -> None:
        """Replace the clock's bundle: another site or certificate, the same chain."""
        self._replace_secret(self.clock_folder(bundle.clock_id) / "bundle.json", bundle.to_json())

    def revoked(self) -> set[int]:
        """Serial numbers of the revoked certificates."""
        lists = self.revocation_list.read_bytes().split(LIST_END)[:-1]
        found = [certificates.revoked_serials(x509.load_pem_x509_crl(one + LIST_END)) for one in lists]
        return set().union(*found)

    def revoke(self, serial: int) -> None:
        """Put `serial` on the revocation list. A broker reads the new list on `broker.update`."""
        self._write_revocation_lists(self.revoked() | {serial})

    def revoke_clock(self, clock_id: str) -> int:
        """Revoke the clock's certificate, and those from before a renewal; returns the present one's serial number.
        Raises ProvisionError if it has none here.
        """
        folder = self.clock_folder(clock_id)
        if not (folder / "certificate.pem").exists():
            raise ProvisionError(
                what=f"{clock_id} has no certificate in {self.path}",
                kept="the revocation list as it was",
                do=f"look at the clock ids in {self.path / 'clocks'}",
            )
        certificate = x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes())
        if not any(certificates.issued_by(authority, certificate) for authority in self.authorities()):
            certificates.check_issued_by(self.authority(), certificate)
        every = [x509.load_pem_x509_certificate(path.read_bytes()) for path in folder.glob("certificate*.pem")]
        self._write_revocation_lists(self.revoked() | {one.serial_number for one in every})
        return certificate.serial_number

    def revoke_former_bridge(self) -> list[int]:
        """Revoke the bridge's certificates before its present one; returns their serial numbers. Raises ProvisionError
        if there is no other.
        """
        aside = [path for path in (self.path / BRIDGE_NAME).glob("certificate.*.pem") if path.stem != "certificate.new"]
        every = [x509.load_pem_x509_certificate(path.read_bytes()).serial_number for path in aside]
        if not every:
            raise ProvisionError(
                what="the bridge has had one certificate, which it needs",
                kept="the revocation list as it was",
                do="give it another one first: `badgeclock ca renew bridge`",
            )
        self._write_revocation_lists(self.revoked() | set(every))
        return sorted(every)

    def retire_clock(self, clock_id: str) -> int:
        """Revoke the clock's certificate and set it and its key aside under its serial number, which is returned.

        Its bundles stay: its records are verified with them. The id can then be provisioned again.
        """
        serial = self.revoke_clock(clock_id)
        folder = self.clock_folder(clock_id)
        for name in ("key", "certificate"):  # the certificate last: while it exists, this can be repeated
            with contextlib.suppress(FileNotFoundError):
                (folder / f"{name}.pem").rename(folder / f"{name}.{serial:x}.pem")
        durable_files.sync_directory(folder)
        return serial

    def secret_files(self) -> list[Path]:
        """Every file with a present or former key."""
        path = self.path
        found = [path / "fleet.key", *path.glob("ca*.key.pem"), *path.glob("sites/*.key")]
        for folder in ("broker", BRIDGE_NAME, "clocks/*"):
            found += path.glob(f"{folder}/key*.pem")
        return sorted([*found, *path.glob("clocks/*/*.json"), *path.glob("clocks/*/founding.*.key")])

    def put_under(self, passphrase: str, cost: int = workshop_lock.COST) -> Workshop:
        """The same workshop under a passphrase, or under another one. If interrupted, it continues when repeated.

        Unencrypted files are only replaced by new ones: the disk keeps the old data until that space is reused.
        """
        lock = self.lock or workshop_lock.new_lock()
        durable_files.replace(self.path / workshop_lock.LOCK_FILE, workshop_lock.wrapped(lock, passphrase, cost))
        made = Workshop(self.path, lock)
        for path in self.secret_files():
            data = path.read_bytes()
            if not workshop_lock.is_closed(data):
                made._replace_secret(path, data)
        return made

    def plain(self, path: Path) -> bytes:
        """The content of one of `secret_files`, in the clear. Raises ProvisionError if it was changed."""
        return self._read_secret(path)

    def _write_secret(self, path: Path, data: bytes) -> None:
        durable_files.write_once(path, self._closed(path, data))

    def _replace_secret(self, path: Path, data: bytes) -> None:
        durable_files.replace(path, self._closed(path, data))

    def _closed(self, path: Path, data: bytes) -> bytes:
        return data if self.lock is None else self.lock.close(_purpose(path), data)

    def _read_secret(self, path: Path) -> bytes:
        """A secret file's content. An unencrypted one beside a lock is from an interrupted `put_under`."""
        data = path.read_bytes()
        if not workshop_lock.is_closed(data):
            return data
        if self.lock is None:
            raise ProvisionError(
                what=f"{path} is under a passphrase, and this workshop has lost its {workshop_lock.LOCK_FILE}",
                kept="the file as it is",
                do="restore it from a backup of the workshop",
            )
        return self.lock.open(_purpose(path), data, path)

    def _key(self, path: Path) -> bytes:
        try:
            data = self._read_secret(path)
        except OSError:
            data = b""
        return key_files.parsed_key(data, path)

    def _keys(self, path: Path) -> bytes:
        try:
            data = self._read_secret(path)
        except OSError:
            data = b""
        return key_files.parsed_keys(data, path)

    def _write_trust(self) -> None:
        """Update ca.pem and crl.pem to the present authorities."""
        durable_files.replace(self.authority_certificate, b"".join(one.certificate_pem for one in self.authorities()))
        self._write_revocation_lists(self.revoked())

    def _write_revocation_lists(self, serials: set[int]) -> None:
        """One list of each authority, with every serial: they are random, so none matches another's certificate."""
        lists = [certificates.make_revocation_list(authority, serials) for authority in self.authorities()]
        durable_files.replace(
            self.revocation_list, b"".join(one.public_bytes(serialization.Encoding.PEM) for one in lists)
        )

    def _store(self, folder: Path, identity: Identity) -> None:
        durable_files.make_directory(folder)
        self._write_secret(folder / "key.pem", identity.key_pem)
        durable_files.write_once(folder / "certificate.pem", identity.certificate_pem)

    def _identity(self, certificate: Path, key: Path) -> Identity:
        try:
            return certificates.load_identity(certificate.read_bytes(), self._read_secret(key))
        except (OSError, ValueError) as error:
            raise ProvisionError(
                what=f"{certificate} with {key.name} cannot be used ({error})",
                kept="both files as they are",
                do="restore them from a backup of the workshop",
            ) from error

    def _read_bundle(self, path: Path) -> Bundle | None:
        return Bundle.from_json(self._read_secret(path), str(path)) if path.exists() else None


def create(path: Path, passphrase: str | None = None) -> Workshop:
    """Make a workshop with a new authority and fleet key in `path`, which may be an empty directory; without a
    passphrase its keys are not encrypted.

    Raises ProvisionError if a workshop is there already: nothing of it is touched.
    """
    if (path / "ca.key.pem").exists() or (path / "fleet.key").exists():
        raise ProvisionError(
            what=f"{path} is a workshop already",
            kept="its authority and its keys, untouched",
            do="use it, or name another directory",
        )
    durable_files.make_directory(path)
    for folder in ("sites", "clocks", "broker", "bridge"):
        durable_files.make_directory(path / folder)
    authority = certificates.make_authority()
    durable_files.write_once(path / "fleet.key", key_files.new_key())
    durable_files.write_once(path / "ca.pem", authority.certificate_pem)
    empty = certificates.make_revocation_list(authority, ())
    durable_files.write_once(path / "crl.pem", empty.public_bytes(serialization.Encoding.PEM))
    durable_files.write_once(path / "ca.key.pem", authority.key_pem)  # last: it makes the directory a workshop
    return Workshop(path) if passphrase is None else Workshop(path).put_under(passphrase)


def open_workshop(path: Path, ask: Callable[[Path], str] | None = None) -> Workshop:
    """The workshop in `path`. `ask` is called with its path for the passphrase, if it has one.

    Raises SettingsError if there is none, if others may read its keys, or if the passphrase is wrong.
    """
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
    lock = path / workshop_lock.LOCK_FILE
    if not lock.is_file():
        return Workshop(path)
    if ask is None:
        raise SettingsError(
            what=f"{path} is under a passphrase",
            kept="everything as it was",
            do="use a command that asks for it",
        )
    return Workshop(path, workshop_lock.unwrapped(lock.read_bytes(), ask(path), lock))


def _purpose(path: Path) -> str:
    """A secret file's purpose, which is authenticated with it; a private key or a bundle identifies its owner
    itself."""
    if path.parent.name == "sites" or path.name == "fleet.key" or path.name.startswith("founding."):
        return path.name
    return "bundle" if path.suffix == ".json" else "private key"

"""Checks of an installation: each is one function below, and changes nothing.

Each yields its findings with their fixes. A check whose prerequisites are wrong finds nothing: they have their own
findings.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from sqlalchemy import Connection

from badgeclock import key_file
from badgeclock.authorities import kinds
from badgeclock.authorities.kinds import AuthoritySettings
from badgeclock.bridge import settings, store_url
from badgeclock.bridge.acts.acts_socket import named
from badgeclock.bridge.attention import validity
from badgeclock.bridge.attention.validity import Holder
from badgeclock.bridge.clocks import registry
from badgeclock.bridge.notices import book
from badgeclock.bridge.settings import BridgeSettings
from badgeclock.bridge.store import vault
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import ClockState
from badgeclock.errors import BadgeclockError, SettingsError, StoreError
from badgeclock.installation import units
from badgeclock.installation.findings import Finding, Machine
from badgeclock.technician import loose_roots
from badgeclock.technician.loose_roots import Root

_T = TypeVar("_T")

CONNECT_S: Final = 5.0
DISK_FREE: Final = 512 * 1024 * 1024
"""Bytes. A store of a million presences is about as large, and a backup of it is made beside it."""
_UNSYNCHRONISED: Final = 5
"""TIME_ERROR (adjtimex(2)): this machine's clock is not synchronised."""
_GIVEN_UP_MS: Final = 3 * validity.DAY_MS
_SYSTEMD: Final = Path("/run/systemd/system")
_UNIT_PLACES: Final = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"), Path("/lib/systemd/system"))

_ROOTS: Final = {
    Root.WORKSHOP: (
        "a workshop is beside a bridge, its keys in the clear: who breaks into this machine can forge every clock",
        "move it to a machine without a network, lock it there (badgeclock ca lock); carry over what ca export writes",
    ),
    Root.LOCKED_WORKSHOP: (
        "a workshop is beside a bridge: only its passphrase protects every clock's keys from an intruder",
        "move it to a machine without a network, and do not type its passphrase here",
    ),
    Root.BUNDLE: (
        "the first key of a clock is beside a bridge: with it every record of that clock can be forged",
        "delete it: the workshop has it, and the store what the bridge needs",
    ),
}
_RENEW: Final = {
    Holder.BRIDGE: "badgeclock ca renew bridge, then ca export --bridge, and restart the bridge with it",
    Holder.SITE_AUTHORITY: "badgeclock ca authority begin, and what it says then",
    Holder.AUTHORITY: "renew it, register it at the authority's portal, and put it in its place",
    Holder.CONSOLE: "renew it, and restart the console",
    Holder.CLOCK: "badgeclock ca renew clock, then badgeclock clock provision over the cable",
    Holder.TOKEN: "badgeclock bridge token add, and give the planning tool the new one",
}


def load(config: Path, places: tuple[Path, ...], now_ms: int) -> Machine:
    """This machine, as input of the checks."""
    held: BridgeSettings | None = None
    if config.is_file():
        try:
            held = settings.load(config)
        except SettingsError:
            held = None  # `held_settings` says why
    return Machine(config if config.is_file() else None, held, places, now_ms)


def held_settings(machine: Machine) -> Iterator[Finding]:
    """Invalid settings."""
    if machine.config is not None and machine.settings is None:
        try:
            settings.load(machine.config)
        except SettingsError as error:
            yield Finding("settings", error.what, str(machine.config), error.do)


def roots(machine: Machine) -> Iterator[Finding]:
    """Roots on a machine with a bridge."""
    if machine.config is None:
        return
    for loose in loose_roots.find(machine.places):
        what, do = _ROOTS[loose.root]
        yield Finding("roots", what, str(loose.path), do)


def secret_files(machine: Machine) -> Iterator[Finding]:
    """Keys that are missing, readable by every user, or fit no certificate."""
    if machine.settings is None:
        return
    for path in _keys(machine.settings):
        try:
            if key_file.is_open_to_all(path):
                what = "everybody on this machine may read this key"
                yield Finding("files", what, str(path), f"chmod o= {path}")
        except OSError as error:
            what = f"this key cannot be read ({error.strerror})"
            yield Finding("files", what, str(path), "put it there, or correct its name in bridge.toml")
    own = machine.settings.broker
    if os.access(own.key, os.R_OK) and os.access(own.certificate, os.R_OK) and not _fit(own.certificate, own.key):
        what = "this key and the certificate beside it in bridge.toml do not belong together"
        yield Finding("files", what, str(own.key), "badgeclock ca export --bridge writes both")


def _keys(own: BridgeSettings) -> list[Path]:
    found = [own.secrets.data_key_file, own.broker.key]
    for authority in (own.authority, own.movement_authority):
        key = getattr(authority, "key", None)
        found += [key] if isinstance(key, Path) else []
    return found + ([own.console.key] if own.console.key is not None else [])


def _fit(certificate: Path, key: Path) -> bool:
    from cryptography import x509  # noqa: PLC0415 - `status` needs two of these checks, and starts faster without
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - as above

    def spki(one: Any) -> bytes:
        data: bytes = one.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return data

    try:
        held = x509.load_pem_x509_certificate(certificate.read_bytes())
        return spki(held) == spki(serialization.load_pem_private_key(key.read_bytes(), None))
    except (OSError, ValueError, TypeError):
        return False


def certificates(machine: Machine) -> Iterator[Finding]:
    """Certificates and tokens that end soon, or have ended."""
    if machine.settings is None:
        return
    endings = validity.of_files(machine.settings)
    endings += _asked(machine.settings, lambda connection: validity.of_store(connection, machine.now_ms)) or []
    for one in endings:
        step = validity.step_of(one, machine.now_ms)
        if step is None:
            continue
        left = one.days_left(machine.now_ms)
        what = "it has ended" if left < 0 else f"it ends in {left} days"
        yield Finding("certificates", f"{one.holder.value}: {what}", one.name, _RENEW[one.holder])


def broker(machine: Machine) -> Iterator[Finding]:
    """A broker that cannot be reached, or that does not trust the bridge, or is not trusted."""
    if machine.settings is None:
        return
    own = machine.settings.broker
    where = f"{own.host}:{own.port}"
    try:
        context = ssl.create_default_context(cafile=own.ca)
        context.load_cert_chain(own.certificate, own.key)
    except (OSError, ssl.SSLError):
        return  # `secret_files` reports it
    try:
        with (
            socket.create_connection((own.host, own.port), CONNECT_S) as connection,
            context.wrap_socket(connection, server_hostname=own.host) as secured,
        ):
            secured.settimeout(0.2)  # in TLS 1.3 a client learns only by reading that it was rejected
            _read_silence(secured)
    except ssl.SSLCertVerificationError as error:
        do = "[broker] host must be a name of its certificate, and [broker] ca of the same workshop; see `ca broker`"
        yield Finding("broker", f"its certificate is not trusted: {error.verify_message}", where, do)
    except ssl.SSLError as error:
        do = "its ca.pem and the bridge's certificate must be of one workshop, and not revoked: badgeclock ca broker"
        yield Finding("broker", f"it refuses the bridge's certificate ({error.reason})", where, do)
    except OSError as error:
        do = "start it: mosquitto -c FOLDER/mosquitto.conf, or its service; look at its log"
        yield Finding("broker", f"it cannot be reached ({error.strerror or 'no answer'})", where, do)


def _read_silence(secured: ssl.SSLSocket) -> None:
    """Read once; no data is expected. Raises SSLError if the other end has refused."""
    try:
        secured.recv(1)
    except TimeoutError:
        return


def store(machine: Machine) -> Iterator[Finding]:
    """A store that cannot be opened, or has another form than this version's, or another data key."""
    if machine.settings is None:
        return
    where = machine.settings.store.url.rpartition("@")[2]
    try:
        with closing(Store.for_reading(machine.settings.store.url)) as opened:
            opened.check()
    except (StoreError, SettingsError) as error:
        yield Finding("store", error.what, where, error.do)
    try:
        vault.load(machine.settings.secrets.data_key_file)
    except BadgeclockError as error:
        yield Finding("store", error.what, str(machine.settings.secrets.data_key_file), error.do)


def disk(machine: Machine) -> Iterator[Finding]:
    """A disk that is nearly full."""
    if machine.settings is None:
        return
    folder = state_folder(machine.settings)
    if folder.is_dir() and (free := shutil.disk_usage(folder).free) < DISK_FREE:
        do = "make room; without any, no punch is taken: clocks keep them"
        yield Finding("disk", f"{free // 1_000_000} MB are free", str(folder), do)


def clocks(machine: Machine) -> Iterator[Finding]:
    """No clock at all, or clocks with marks."""
    if machine.settings is None:
        return
    marked = _asked(machine.settings, registry.marked)
    known = _asked(machine.settings, registry.counts)
    if known is not None and not any(number for (state, _), number in known.items() if state != ClockState.RETIRED):
        do = "badgeclock clock provision in the workshop, badgeclock bridge clock add here"
        yield Finding("clocks", "no clock was added to the bridge", "the store", do)
    for (mark, cause), number in (marked or {}).items():
        if number and cause != "certificate":  # reported by `certificates`
            do = "badgeclock bridge clock list says which, and what to do"
            yield Finding("clocks", f"{number} {mark} ({cause})", "the store", do)


def authority(machine: Machine) -> Iterator[Finding]:
    """Settings of an authority that cannot be used, or an endpoint that cannot be reached."""
    if machine.settings is None:
        return
    for name, one in (
        ("authority", machine.settings.authority),
        ("movement_authority", machine.settings.movement_authority),
    ):
        if one is None:
            continue
        try:
            kinds.connect(one)
        except BadgeclockError as error:
            yield Finding("authority", error.what, f"[{name}]", error.do)
        else:
            yield from _reached(one, name)
        if one.kind == "file":
            what = "declarations go to a file: nobody gets a reception number"
            yield Finding("authority", what, f"[{name}]", "docs/authorities.md says how to get access")


def _reached(one: AuthoritySettings, name: str) -> Iterator[Finding]:
    endpoint = getattr(one, "endpoint", None)
    if not isinstance(endpoint, str) or getattr(one, "proxy", None) or os.environ.get("HTTPS_PROXY"):
        return  # the network between decides
    parts = urlsplit(endpoint)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 443), CONNECT_S).close()
    except OSError as error:
        what = f"its endpoint cannot be reached ({error.strerror or 'no answer'})"
        do = "look at the network and its firewall, or set `proxy`; what is queued waits"
        yield Finding("authority", what, f"[{name}]", do)


def notices(machine: Machine) -> Iterator[Finding]:
    """Settings with which no notice can be sent, and notices undelivered for a day."""
    if machine.settings is None or not (machine.settings.notices.calls or machine.settings.notices.heartbeat_url):
        return
    from badgeclock.bridge.notices.sending import Sender  # noqa: PLC0415 - as above

    try:
        Sender(machine.settings.notices)
    except SettingsError as error:
        yield Finding("notices", error.what, "[notices]", error.do)
    since_ms = machine.now_ms - _GIVEN_UP_MS
    lost = _asked(machine.settings, lambda connection: book.given_up(connection, since_ms))
    if lost:
        do = "badgeclock bridge notices test says what is in the way"
        yield Finding("notices", f"{lost} were given up in the last three days", "[notices]", do)


def time(machine: Machine) -> Iterator[Finding]:
    """A machine's clock that is not synchronised: punches are judged by it."""
    if machine.config is not None and _is_unsynchronised():
        do = "install and enable chrony or systemd-timesyncd"
        yield Finding("time", "nothing keeps this machine's time right", "this machine", do)


def _is_unsynchronised() -> bool:
    # struct timex (linux/timex.h) has less than 256 bytes; modes 0 only reads.
    asked = ctypes.create_string_buffer(512)
    return bool(ctypes.CDLL(None).adjtimex(asked) == _UNSYNCHRONISED)


def services(machine: Machine) -> Iterator[Finding]:
    """A bridge that does not run, and units that have failed or do not start with the machine."""
    if machine.settings is None:
        return
    if not is_running(machine.settings):
        do = "systemctl start badgeclock-bridge, or badgeclock bridge run; its log says why it ended"
        yield Finding("services", "the bridge does not run, or not as you", str(machine.config), do)
    if not _SYSTEMD.is_dir():
        return
    for name in (units.BRIDGE, units.CONSOLE, units.BROKER):
        if not any((place / name).exists() for place in _UNIT_PLACES):
            continue
        if _systemctl("is-failed", name) == "failed":
            yield Finding("services", "it has failed", name, f"journalctl -u {name}")
        if _systemctl("is-enabled", name) == "disabled":
            yield Finding("services", "it does not start with the machine", name, f"systemctl enable {name}")


def _systemctl(*words: str) -> str:
    import subprocess  # noqa: PLC0415 - as above

    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False, timeout=10)
    return done.stdout.strip()


def is_running(own: BridgeSettings) -> bool:
    """Whether a bridge answers on the socket of its user."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as door:
        door.settimeout(CONNECT_S)
        try:
            with named(own.acts.socket) as name:
                door.connect(name)
        except OSError:
            return False
        return True


def state_folder(own: BridgeSettings) -> Path:
    """The folder of an SQLite store; else that of the data key."""
    if own.store.url.startswith(store_url.SQLITE):
        return Path(own.store.url.removeprefix(store_url.SQLITE)).parent
    return own.secrets.data_key_file.parent


def _asked(own: BridgeSettings, question: Callable[[Connection], _T]) -> _T | None:
    """A result from the store; None if it fails, which `store` reports."""
    try:
        with closing(Store.for_reading(own.store.url)) as opened:
            opened.check()
            with opened.read() as connection:
                return question(connection)
    except (StoreError, SettingsError):
        return None


CHECKS: Final[tuple[Callable[[Machine], Iterator[Finding]], ...]] = (
    held_settings,
    roots,
    secret_files,
    certificates,
    broker,
    store,
    disk,
    clocks,
    authority,
    notices,
    time,
    services,
)


def examine(machine: Machine) -> list[Finding]:
    """The findings of all checks."""
    return [finding for check in CHECKS for finding in check(machine)]

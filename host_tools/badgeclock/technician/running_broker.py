"""A broker that runs on a directory of `badgeclock ca broker`: found, made to read its files again, and looked at from
outside as a client sees it, so that nothing is said to be done that is not.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from badgeclock.errors import SettingsError
from badgeclock.technician.certificates import ALWAYS_NAMED, Identity, issue_clock
from badgeclock.technician.workshop import Workshop

CONFIGURATION: Final = "mosquitto.conf"
PID_FILE: Final = "mosquitto.pid"
PATIENCE_S: Final = 10.0
"""How long the broker may take to read its files again, or to answer."""
_LOOK_EVERY_S: Final = 0.1
_CONNACK: Final = b"\x20\x02\x00\x00"
_DISCONNECT: Final = b"\xe0\x00"
_OF_CERTIFICATES: Final = ("ALERT_CERTIFICATE", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "ALERT_ACCESS_DENIED")
"""Parts of OpenSSL's names for the alerts by which a server turns a client's certificate away (RFC 5246 §7.2.2)."""
_GUEST_VALID: Final = timedelta(hours=1)
_LOOKER: Final = "ca-looks-on"
"""The name under which the broker's certificate is looked at: a handshake, and no MQTT."""


def find(directory: Path) -> int | None:
    """The process id of the broker that runs on this directory, by whatever path it was started; None if none does.

    Its pid file may be missing, torn or another broker's: then every process of this machine that may be looked at is.
    """
    wanted = (directory / CONFIGURATION).resolve()
    with suppress(OSError, ValueError):
        pid = int((directory / PID_FILE).read_text("ascii"))
        if _runs_on(pid, wanted):
            return pid
    every = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal())
    return next((pid for pid in sorted(every) if _runs_on(pid, wanted)), None)


def _runs_on(pid: int, configuration: Path) -> bool:
    """Whether a process is a Mosquitto with that configuration: `-c`, followed by a path from its own directory."""
    try:
        arguments = [os.fsdecode(one) for one in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")]
        if not any(Path(argument).name == "mosquitto" for argument in arguments):
            return False
        names = [name for option, name in pairwise(arguments) if option in _OF_CONFIGURATION]
        return any((Path(f"/proc/{pid}/cwd").readlink() / name).resolve() == configuration for name in names)
    except OSError:
        return False


_OF_CONFIGURATION: Final = ("-c", "--config-file")


def reload(pid: int) -> None:
    """Make the broker with process id `pid` read its certificates, revocation lists and ACL again.

    Connections that are up stay up, that of a revoked clock too: `evict` ends it.
    """
    os.kill(pid, signal.SIGHUP)


def evict(directory: Path, workshop: Workshop, clock_id: str) -> bool:
    """End the connection of a revoked clock, if it has one. True once it was seen that the clock is out and stays out.

    Mosquitto judges a certificate at the handshake alone. But it lets a name have one connection, the newest: so this
    comes under that name for a moment, with a certificate of an hour that no file keeps. The broker notifies the bridge
    the clock's last will. Every other connection stays. Call it after `update`; it waits up to `PATIENCE_S` until the
    broker turns the clock's own certificate away, so that the clock cannot come back.
    """
    guest = issue_clock(workshop.authority(), clock_id, valid=_GUEST_VALID)
    return put_out(directory, clock_id, workshop.present_of(clock_id), guest)


def put_out(directory: Path, clock_id: str, revoked: Identity | None, guest: Identity) -> bool:
    """The same, with what a workshop made for it: `guest` comes under the clock's name, and `revoked` is a certificate
    on the list, by which it is seen that the list is in force (None: that is known).
    """
    if revoked is not None and not _in_time(
        lambda: _answer(directory, revoked, revoked.common_name) is _Answer.TURNED_AWAY
    ):
        return False
    return _answer(directory, guest, clock_id) is _Answer.LET_IN


def shows(directory: Path, workshop: Workshop, identity: Identity) -> bool:
    """Whether the broker shows this certificate to who connects now; waits up to `PATIENCE_S` for it."""

    guest = issue_clock(workshop.authority(), _LOOKER, valid=_GUEST_VALID)

    def is_shown() -> bool:
        with suppress(OSError), _link(directory, guest) as link:
            shown = x509.load_der_x509_certificate(link.getpeercert(binary_form=True) or b"")
            return shown.fingerprint(hashes.SHA256()) == identity.certificate.fingerprint(hashes.SHA256())
        return False

    return _in_time(is_shown)


def _in_time(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True


class _Answer(Enum):
    """What a broker says to a client's certificate."""

    LET_IN = "let in"
    TURNED_AWAY = "turned away"
    NONE = "no answer"
    """It is not reached, or the connection broke: that says nothing of the certificate."""


def _answer(directory: Path, identity: Identity, client_id: str) -> _Answer:
    """Whether the broker lets a client with this certificate in. It is disconnected again at once."""
    try:
        with _link(directory, identity) as link:
            link.sendall(mqtt_connect(client_id))
            is_accepted = link.recv(4) == _CONNACK
            link.sendall(_DISCONNECT)
            return _Answer.LET_IN if is_accepted else _Answer.NONE
    except ssl.SSLError as error:
        return _Answer.TURNED_AWAY if any(word in (error.reason or "") for word in _OF_CERTIFICATES) else _Answer.NONE
    except OSError:
        return _Answer.NONE


@contextmanager
def _link(directory: Path, identity: Identity) -> Iterator[ssl.SSLSocket]:
    """A TLS connection with the broker of a directory, as a client with this certificate. Raises OSError."""
    context = ssl.create_default_context(cafile=str(directory / "ca.pem"))
    # As the clocks use it. In TLS 1.3 a client is through before its certificate is judged, and what it sends then
    # can take the answer's place.
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.TemporaryDirectory(prefix="badgeclock-") as folder:  # 0700; ssl takes a key from a file only
        pem = Path(folder) / "client.pem"
        pem.touch(mode=0o600)
        pem.write_bytes(identity.certificate_pem + identity.key_pem)
        context.load_cert_chain(pem)
    with (
        socket.create_connection(_address(directory.resolve()), timeout=PATIENCE_S) as raw,
        context.wrap_socket(raw, server_hostname=ALWAYS_NAMED[0]) as link,
    ):
        yield link


def mqtt_connect(client_id: str) -> bytes:
    """A CONNECT of MQTT 3.1.1 (§3.1) with a clean session and no last will."""
    name = client_id.encode("ascii")
    body = b"\x00\x04MQTT\x04\x02\x00\x3c" + len(name).to_bytes(2, "big") + name
    return bytes((0x10, len(body))) + body


def _address(directory: Path) -> tuple[str, int]:
    """Where the broker of a directory listens, for a client on this machine."""
    found = re.search(r"^listener (\d+) (\S+)$", (directory / CONFIGURATION).read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise SettingsError(
            what=f"{directory / CONFIGURATION} names no listener",
            kept="the clock's connection, if it has one",
            do="write it again with `badgeclock ca broker`, and restart the broker",
        )
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(found[2], found[2])  # noqa: S104 - what an operator wrote
    return host, int(found[1])

"""Finds a broker that runs on a directory of `badgeclock ca broker`, makes it reload its files, and checks it from
outside as a client, so that only confirmed changes are reported as done.
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
"""How long the broker may take to reload its files, or to answer."""
_LOOK_EVERY_S: Final = 0.1
_CONNACK: Final = b"\x20\x02\x00\x00"
_DISCONNECT: Final = b"\xe0\x00"
_OF_CERTIFICATES: Final = ("ALERT_CERTIFICATE", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "ALERT_ACCESS_DENIED")
"""Parts of OpenSSL's names for the alerts by which a server refuses a client's certificate (RFC 5246 §7.2.2)."""
_GUEST_VALID: Final = timedelta(hours=1)
_LOOKER: Final = "ca-looks-on"
"""The name for checking the broker's certificate: a handshake, without MQTT."""


def find(directory: Path) -> int | None:
    """The process id of the broker that runs on this directory, started by any path; None if none does.

    Its pid file may be missing, damaged or another broker's: then all readable processes of this machine are checked.
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
    """Make the broker with process id `pid` reload its certificates, revocation lists and ACL.

    Open connections stay, including a revoked clock's: `evict` ends it.
    """
    os.kill(pid, signal.SIGHUP)


def evict(directory: Path, workshop: Workshop, clock_id: str) -> bool:
    """End the connection of a revoked clock, if it has one. True once it is confirmed that the clock is disconnected
    and refused.

    Mosquitto checks a certificate only at the handshake. But it allows a name only one connection, the newest: so this
    connects under that name for a moment, with a certificate valid for an hour that is never stored. The broker sends
    the clock's last will to the bridge. Other connections stay. Call it after `update`; it waits up to `PATIENCE_S`
    until the broker refuses the clock's own certificate, so that the clock cannot reconnect.
    """
    guest = issue_clock(workshop.authority(), clock_id, valid=_GUEST_VALID)
    return put_out(directory, clock_id, workshop.present_of(clock_id), guest)


def put_out(directory: Path, clock_id: str, revoked: Identity | None, guest: Identity) -> bool:
    """The same, with a workshop's file: `guest` connects under the clock's name, and `revoked` is a certificate on the
    list, which shows that the list is loaded (None: known already).
    """
    if revoked is not None and not _in_time(
        lambda: _answer(directory, revoked, revoked.common_name) is _Answer.TURNED_AWAY
    ):
        return False
    return _answer(directory, guest, clock_id) is _Answer.LET_IN


def shows(directory: Path, workshop: Workshop, identity: Identity) -> bool:
    """Whether the broker presents this certificate to new connections; waits up to `PATIENCE_S` for it."""

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
    """A broker's reaction to a client's certificate."""

    LET_IN = "let in"
    TURNED_AWAY = "turned away"
    NONE = "no answer"
    """It cannot be reached, or the connection broke: unknown."""


def _answer(directory: Path, identity: Identity, client_id: str) -> _Answer:
    """Whether the broker accepts a client with this certificate, which disconnects at once."""
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
    # As used by the clocks. In TLS 1.3 a client finishes the handshake before its certificate is checked, and data it
    # sends then can hide the answer.
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
    """The address of a directory's broker, for a client on this machine."""
    found = re.search(r"^listener (\d+) (\S+)$", (directory / CONFIGURATION).read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise SettingsError(
            what=f"{directory / CONFIGURATION} names no listener",
            kept="the clock's connection, if it has one",
            do="write it again with `badgeclock ca broker`, and restart the broker",
        )
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(found[2], found[2])  # noqa: S104 - the operator's value
    return host, int(found[1])

"""The configuration of the site's Mosquitto 2: mutual TLS, and each clock confined to its own topics.

The broker is trusted to deliver and nothing else (docs/protocol.md §6, §7): records are sealed and frames carry a MAC,
so this file only has to prevent eavesdropping, disturbing others and filling the broker. A client's name is its
certificate's common name, not what it sends: it is its MQTT user and its client id, so no client can take over
another's connection.
"""

from __future__ import annotations

import json
import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from badgeclock.errors import SettingsError
from badgeclock.protocol import broker_access
from badgeclock.protocol.bridge_names import BRIDGE_NAME
from badgeclock.protocol.errors import TopicRefused
from badgeclock.protocol.topics import check_clock_id
from badgeclock.technician import running_broker
from badgeclock.technician.certificates import Identity
from badgeclock.technician.durable_files import make_directory
from badgeclock.technician.running_broker import CONFIGURATION, PID_FILE
from badgeclock.technician.workshop import Workshop
from badgeclock.toolchain import programs

PACKET_LIMIT_BYTES: Final = 4096 + 512
"""The longest frame, which is longer than the longest batch (docs/protocol.md §6, §7), its topic and MQTT's own bytes.
A client that sends more is disconnected."""
CONNECTIONS_LIMIT: Final = 12_000
QUEUE_LIMIT_MESSAGES: Final = 20_000
"""Messages queued for a slow reader. Clocks send again what is dropped beyond it: the bridge has not acknowledged
it."""

QUEUE_LIMIT_BYTES: Final = 64 * 1024 * 1024

CLOCK_WRITES: Final = ("punches", "status", "desk", "report", "roster")
CLOCK_READS: Final = ("ack", "receipts", "command")

CIPHERS: Final = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
)
"""Of TLS 1.2: forward secret and authenticated, for the P-256 certificates of all parties. An ESP32 has the first two
(ESP-IDF, MBEDTLS_GCM_C). All of TLS 1.3's qualify."""

FIREWALL: Final = "firewall.nft"
SOURCE_CONNECTIONS: Final = 100
"""Most connections that one address may have, or one network of 64 bits in IPv6, all of which often belongs to one
machine: a site's clocks may share one. 12,000 idle connections of one address kept every other client out."""
SOURCE_NEW_A_SECOND: Final = 20
OTHERS_CONNECTIONS: Final = CONNECTIONS_LIMIT - 1000
"""Most connections of all addresses that are not listed as a site's: the rest is reserved for those that are."""
OTHERS_NEW_A_SECOND: Final = 200
"""New ones per second: each costs the broker a handshake, a millisecond or two of one core."""

CLIENTS: Final = "data/dynamic-security.json"
"""The plugin's state; the broker rewrites it when the bridge adds a clock."""

_TRUST: Final = ("ca.pem", "crl.pem", "certificate.pem", "key.pem", "acl")
_PORTS: Final = range(1, 65536)


@dataclass(frozen=True)
class BrokerConfig:
    """A written configuration. `command` starts the broker in the foreground."""

    path: Path
    host: str
    port: int

    @property
    def command(self) -> list[str]:
        """The command line of the broker. Raises ToolMissing if Mosquitto is missing."""
        return [str(programs.mosquitto()), "-c", str(self.path)]


def write_config(
    directory: Path,
    port: int,
    workshop: Workshop,
    *,
    host: str = "127.0.0.1",
    names: tuple[str, ...] = (),
    user: str | None = None,
    dynamic_security: Path | None = None,
) -> BrokerConfig:
    """Write everything that a broker needs into `directory` (0700): mosquitto.conf, acl, certificates, data/.

    `names` are its names and addresses for clocks, besides localhost and 127.0.0.1; `host` is the address to listen on.
    `user` is the system user that Mosquitto runs as when root starts it; by default the user who calls this, as
    Mosquitto's own choice (`mosquitto`, else `nobody`) could not read the files. `dynamic_security` is Mosquitto's
    plugin of that name, which then replaces the access list and refuses subscriptions: it gets the workshop's clocks,
    and the bridge adds others (docs/security.md). Writing again renews everything but data/; the revocation list is the
    workshop's newest, which a running broker loads on SIGHUP (`running_broker.reload`). Raises SettingsError.
    """
    if port not in _PORTS:
        raise SettingsError(what=f"{port} is no TCP port", kept="everything as it was", do="choose one from 1 to 65535")
    directory = directory.resolve()
    _check_path(directory)
    make_directory(directory)
    make_directory(directory / "data")
    identity = workshop.broker(names)
    _write_trust(directory, workshop, identity)
    _write(directory / FIREWALL, firewall(port).encode())
    if dynamic_security is not None:
        _write_clients(directory, workshop)
    text = configuration(directory, host, port, user or _own_name(), dynamic_security)
    _write(directory / CONFIGURATION, text.encode())
    if user is not None and os.geteuid() == 0:
        owner = _entry(user)
        for path in (directory, *directory.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    return BrokerConfig(directory / "mosquitto.conf", host, port)


def update(directory: Path, workshop: Workshop) -> bool:
    """Update a broker's directory to the workshop's present certificates, revocation lists and access rules, and make
    the running broker load them; returns whether there is one. Its mosquitto.conf stays.

    Open connections stay. Raises SettingsError if there is no broker's directory.
    """
    directory = directory.resolve()
    _check_directory(directory)
    _write_trust(directory, workshop, workshop.broker())
    return _taken(directory) is not None


def take_list(directory: Path, lists_pem: bytes) -> int | None:
    """Put revocation lists into a broker's directory and make the running broker load them; returns its process id,
    None if none runs. Raises SettingsError if there is no broker's directory.
    """
    _check_directory(directory)
    _write(directory / "crl.pem", lists_pem)
    return _taken(directory)


def _check_directory(directory: Path) -> None:
    if not (directory / CONFIGURATION).is_file():
        raise SettingsError(
            what=f"{directory} is no broker's directory: it has no {CONFIGURATION}",
            kept="everything as it was",
            do="make one with `badgeclock ca broker`",
        )


def _taken(directory: Path) -> int | None:
    """Give written files to the directory's owner, and make the running broker load them; returns its process id."""
    owner = directory.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        for name in _TRUST:
            os.chown(directory / name, owner.st_uid, owner.st_gid)
    pid = running_broker.find(directory)
    if pid is not None:
        running_broker.reload(pid)
    return pid


def _write_trust(directory: Path, workshop: Workshop, identity: Identity) -> None:
    """The files that change with the certificates."""
    files = {
        "ca.pem": workshop.authority_certificate.read_bytes(),
        "crl.pem": workshop.revocation_list.read_bytes(),
        "certificate.pem": identity.certificate_pem,
        "key.pem": identity.key_pem,
        "acl": acl().encode(),
    }
    for name in _TRUST:
        _write(directory / name, files[name])


def _write_clients(directory: Path, workshop: Workshop) -> None:
    """The plugin's file: the workshop's clocks, and those added to the broker before."""
    known = {name for name in clients(directory) | set(workshop.clocks()) if _is_clock_id(name)}
    _write(directory / CLIENTS, json.dumps(broker_access.whole(known), indent=1).encode())


def clients(directory: Path) -> set[str]:
    """The clocks in a broker's plugin, from its file."""
    try:
        written = json.loads((directory / CLIENTS).read_bytes())["clients"]
        return {str(one["username"]) for one in written} - {BRIDGE_NAME}
    except (OSError, ValueError, TypeError, KeyError):
        return set()


def _is_clock_id(name: str) -> bool:
    try:
        return bool(check_clock_id(name))
    except TopicRefused:
        return False


def acl() -> str:
    """The access rules. `%u` is the common name of the client's certificate; anything not granted is refused."""
    lines = ["# A clock: its own topics, and these ways only (docs/protocol.md §7)."]
    lines += [f"pattern write badgeclock/v1/%u/{topic}" for topic in CLOCK_WRITES]
    lines += [f"pattern read badgeclock/v1/%u/{topic}" for topic in CLOCK_READS]
    lines += ["", "# The bridge: the other end of all of them.", f"user {BRIDGE_NAME}"]
    lines += [f"topic read badgeclock/v1/+/{topic}" for topic in CLOCK_WRITES]
    lines += [f"topic write badgeclock/v1/+/{topic}" for topic in CLOCK_READS]
    return "\n".join(lines) + "\n"


def firewall(port: int) -> str:
    """Rules for nftables, since Mosquitto has none: limits on one address's open and new connections, and on those of
    all addresses outside the sets `sites_of_ip` and `sites_of_ip6` together.
    """
    lines = [
        "# Written by Badgeclock: `nft -f` this file on the broker's machine, and at each of its starts.",
        "# Addresses of sites, for which there is always room, after it:",
        "#   nft add element inet badgeclock sites_of_ip '{ 198.51.100.7, 203.0.113.0/24 }'     (sites_of_ip6)",
        "table inet badgeclock",
        "delete table inet badgeclock",
        "table inet badgeclock {",
    ]
    families = (("ip", "ipv4_addr", "ip saddr"), ("ip6", "ipv6_addr", "ip6 saddr & ffff:ffff:ffff:ffff::"))
    for family, kind, _ in families:
        lines += [
            f"\tset open_of_{family} {{ type {kind}; size 65536; flags dynamic; }}",
            f"\tset new_of_{family} {{ type {kind}; size 65536; flags dynamic, timeout; timeout 1m; }}",
            f"\tset sites_of_{family} {{ type {kind}; flags interval; }}",
        ]
    lines += ["\tchain input {", "\t\ttype filter hook input priority filter; policy accept;"]
    new = f"\t\ttcp dport {port} ct state new"
    rate = f"limit rate over {SOURCE_NEW_A_SECOND}/second burst {2 * SOURCE_CONNECTIONS} packets"
    for family, _, source in families:
        held = f"{source} ct count over {SOURCE_CONNECTIONS}"
        lines += [
            f"{new} add @open_of_{family} {{ {held} }} reject with tcp reset",
            f"{new} update @new_of_{family} {{ {source} {rate} }} drop",
        ]
    lines += [f"{new} {family} saddr @sites_of_{family} accept" for family, _, _ in families]
    lines += [
        f"{new} ct count over {OTHERS_CONNECTIONS} reject with tcp reset",
        f"{new} limit rate over {OTHERS_NEW_A_SECOND}/second burst {10 * OTHERS_NEW_A_SECOND} packets drop",
    ]
    return "\n".join([*lines, "\t}", "}"]) + "\n"


def configuration(directory: Path, host: str, port: int, user: str | None, dynamic_security: Path | None = None) -> str:
    """The text of mosquitto.conf for files in `directory`. `user` None: the line is left out."""
    # Mosquitto 2.0.11 consults an access list first, which grants every subscription: only one of the two can be used.
    access = (
        [f"acl_file {directory}/acl"]
        if dynamic_security is None
        else [f"plugin {dynamic_security}", f"plugin_opt_config_file {directory}/{CLIENTS}"]
    )
    lines = [
        "# Written by Badgeclock; a new one replaces it whole.",
        *([f"user {user}"] if user else []),
        f"pid_file {directory}/{PID_FILE}",
        "",
        f"listener {port} {host}",
        "protocol mqtt",
        "set_tcp_nodelay true",
        f"max_connections {CONNECTIONS_LIMIT}",
        "",
        "# Both sides show a certificate of the site's own authority; the client's name is its certificate's.",
        "tls_version tlsv1.2",
        f"ciphers {':'.join(CIPHERS)}",
        f"cafile {directory}/ca.pem",
        f"certfile {directory}/certificate.pem",
        f"keyfile {directory}/key.pem",
        f"crlfile {directory}/crl.pem",
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
        "allow_anonymous false",
        *access,
        "",
        f"max_packet_size {PACKET_LIMIT_BYTES}",
        f"max_queued_messages {QUEUE_LIMIT_MESSAGES}",
        f"max_queued_bytes {QUEUE_LIMIT_BYTES}",
        "retain_available true",
        "",
        "# Nothing is kept over a restart, so that no file torn by a power cut stops one. Clocks connect again and say",
        "# their status, and they keep their punches.",
        "persistence false",
        "",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        "log_timestamp_format %Y-%m-%dT%H:%M:%S%z",
        "connection_messages true",
        "sys_interval 0",
    ]
    return "\n".join(lines) + "\n"


def _own_name() -> str | None:
    """The name of the calling user; None for a numeric user without one, for which Mosquitto need not change user."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return None


def _entry(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise SettingsError(
            what=f"this machine has no user {user}",
            kept="the files as their owner has them",
            do="name the system user that Mosquitto runs as, often mosquitto",
        ) from None


def _check_path(directory: Path) -> None:
    if any(character in str(directory) for character in "\r\n"):
        raise SettingsError(
            what="the broker's directory has a line break in its name",
            kept="everything as it was",
            do="choose another directory",
        )


def _write(path: Path, data: bytes) -> None:
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    new.replace(path)

"""The systemd units of broker, bridge and console: one text for the Debian package and for `badgeclock site init`.

A service reports when it is ready and that it is alive (`bridge.service_manager`), reads its keys as credentials, so
that their files can be root's alone, and may only write its own folder. tests/host/test_units.py checks them with
`systemd-analyze security`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

BRIDGE: Final = "badgeclock-bridge.service"
CONSOLE: Final = "badgeclock-console.service"
BROKER: Final = "badgeclock-broker.service"
WATCHDOG_S: Final = 60
"""A service that has not reported for this long is killed and restarted."""
FILES: Final = 16384
"""Open files of bridge and broker: a connection each, of 12,000 clocks at most."""

_HARDENED: Final = """\
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
PrivateTmp=yes
PrivateDevices=yes
PrivateIPC=yes
PrivateUsers=yes
DevicePolicy=closed
ProtectSystem=strict
ProtectHome=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
"""
"""Restrictions of every unit. `/proc` stays readable: the bridge looks there for a command that locks the store. Memory
may be made executable: libffi, by which Python calls C, does so."""


@dataclass(frozen=True)
class Place:
    """The paths of an installation.

    command     the `badgeclock` program
    config      bridge.toml
    state       the folder of the store; the services may write there and nowhere else
    user        the services' user, and the group of the same name
    data_key    the file of the store's data key
    broker_key  the file of the bridge's own key
    keys        further settings whose files are read as credentials: the environment variable of each, and its file
    document    the page that `systemctl status` names
    """

    command: str
    config: Path
    state: Path
    user: str
    data_key: Path
    broker_key: Path
    keys: Mapping[str, Path] = field(default_factory=dict)
    document: str = "https://badgeclock.invalid/docs/service.html"


PACKAGE: Final = Place(
    command="/usr/bin/badgeclock",
    config=Path("/etc/badgeclock/bridge.toml"),
    state=Path("/var/lib/badgeclock"),
    user="badgeclock",
    data_key=Path("/var/lib/badgeclock/data.key"),
    broker_key=Path("/etc/badgeclock/key.pem"),
    document="file:/usr/share/doc/badgeclock-bridge/README",
)
"""The paths of the Debian package."""

_DATA_KEY: Final = "BADGECLOCK_BRIDGE_SECRETS__DATA_KEY_FILE"
_BROKER_KEY: Final = "BADGECLOCK_BRIDGE_BROKER__KEY"


def bridge(place: Place) -> str:
    """The unit of the bridge."""
    keys = {_DATA_KEY: place.data_key, _BROKER_KEY: place.broker_key, **place.keys}
    return _python_unit(
        place,
        "takes punches from clocks and registers them with the authority",
        ("mosquitto.service", BROKER, "postgresql.service"),
        "bridge run",
        keys,
        f"LimitNOFILE={FILES}\n",
    )


def console(place: Place) -> str:
    """The unit of the operators' pages."""
    keys = {_DATA_KEY: place.data_key}
    return _python_unit(place, "the pages for operators, beside the bridge", (BRIDGE,), "console run", keys, "")


def broker(mosquitto: Path, folder: Path, user: str) -> str:
    """The unit of the site's own Mosquitto, whose configuration `badgeclock ca broker` wrote into `folder`."""
    return (
        _head("the site's broker, between clocks and bridge", (), folder / "mosquitto.conf", "man:mosquitto(8)")
        + "[Service]\n"
        "Type=simple\n"  # a Mosquitto built without libsystemd reports nothing
        f"User={user}\n"
        f"Group={user}\n"
        f"ExecStart={mosquitto} -c {folder}/mosquitto.conf\n"
        "ExecReload=/bin/kill -HUP $MAINPID\n"
        "Restart=always\n"
        "RestartSec=2\n"
        f"LimitNOFILE={FILES}\n"
        f"ReadWritePaths={folder}\n" + _HARDENED + _foot()
    )


def _python_unit(
    place: Place, what: str, after: tuple[str, ...], command: str, keys: Mapping[str, Path], more: str
) -> str:
    names = {variable: variable.removeprefix("BADGECLOCK_BRIDGE_").lower() for variable in keys}
    return (
        _head(what, after, place.config, place.document) + "[Service]\n"
        "Type=notify\n"
        f"WatchdogSec={WATCHDOG_S}\n"
        f"User={place.user}\n"
        f"Group={place.user}\n"
        f"WorkingDirectory={place.state}\n"
        + "".join(f"LoadCredential={names[variable]}:{path}\n" for variable, path in keys.items())
        + "".join(f"Environment={variable}=%d/{name}\n" for variable, name in names.items())
        + f"ExecStart={place.command} {command} --config {place.config}\n"
        "Restart=always\n"
        "RestartSec=2\n"
        "# 78: the settings are wrong. Starting again would say the same.\n"
        "RestartPreventExitStatus=78\n"
        "TimeoutStopSec=30\n"
        f"{more}"
        f"ReadWritePaths={place.state}\n" + _HARDENED + _foot()
    )


def _head(what: str, after: tuple[str, ...], needs: Path, document: str) -> str:
    return (
        "[Unit]\n"
        f"Description=Badgeclock: {what}\n"
        f"Documentation={document}\n"
        f"After={' '.join(('network-online.target', *after))}\n"
        "Wants=network-online.target\n"
        f"ConditionPathExists={needs}\n"
        "\n"
    )


def _foot() -> str:
    return "\n[Install]\nWantedBy=multi-user.target\n"

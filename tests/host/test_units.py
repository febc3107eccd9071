"""The systemd units: systemd's verdict on them, and a service's notifications."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from badgeclock.bridge import service_manager
from badgeclock.installation import units

EXPOSURE_MOST = 2.0
ANALYZE = shutil.which("systemd-analyze")
UNITS = {
    units.BRIDGE: units.bridge(units.PACKAGE),
    units.CONSOLE: units.console(units.PACKAGE),
    units.BROKER: units.broker(Path("/usr/sbin/mosquitto"), Path("/srv/badgeclock/broker"), "mosquitto"),
}


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not on this machine")
@pytest.mark.parametrize("name", UNITS)
def test_a_service_is_exposed_to_little(name: str, tmp_path: Path) -> None:
    unit = tmp_path / name
    unit.write_text(UNITS[name])
    limit = str(int(EXPOSURE_MOST * 10))
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={limit}", unit],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-400:]


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not on this machine")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_every_line(name: str, tmp_path: Path) -> None:
    unit = tmp_path / name
    # A program and a user that this machine has: only the lines are tested.
    unit.write_text(UNITS[name].replace("/usr/bin/badgeclock", "/bin/true").replace("/usr/sbin/mosquitto", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert str(unit) not in done.stderr, done.stderr
    assert "nknown" not in done.stderr, done.stderr


def test_keys_are_read_as_credentials_only() -> None:
    bridge = UNITS[units.BRIDGE]
    for variable, path in (
        ("BADGECLOCK_BRIDGE_SECRETS__DATA_KEY_FILE", "/var/lib/badgeclock/data.key"),
        ("BADGECLOCK_BRIDGE_BROKER__KEY", "/etc/badgeclock/key.pem"),
    ):
        named = next(line for line in bridge.splitlines() if line.startswith(f"Environment={variable}="))
        credential = named.rpartition("/")[2]
        assert f"LoadCredential={credential}:{path}" in bridge


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The service manager's end of its socket."""
    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    end.bind(str(tmp_path / "notify"))
    end.settimeout(0)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    yield end
    end.close()


async def test_a_service_says_that_it_is_ready_alive_and_stops(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(service_manager.keep_alive())
    assert await loop.sock_recv(manager, 100) == b"READY=1"
    assert await loop.sock_recv(manager, 100) == b"WATCHDOG=1"
    assert await loop.sock_recv(manager, 100) == b"WATCHDOG=1"
    task.cancel()
    while (said := await loop.sock_recv(manager, 100)) == b"WATCHDOG=1":
        pass
    assert said == b"STOPPING=1"


def test_the_watchdog_of_another_process_is_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid() + 1))
    assert service_manager.watchdog_s() is None
    monkeypatch.delenv("WATCHDOG_PID")
    assert service_manager.watchdog_s() == 30


def test_nobody_is_waited_for_where_no_manager_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    service_manager.say(service_manager.READY)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    service_manager.say(service_manager.READY)

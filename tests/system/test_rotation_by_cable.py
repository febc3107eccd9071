"""Every certificate of a site is renewed and its authority replaced, by command line and cable, while people badge.

The clock is the firmware on a virtual board; broker, bridge and authority are real processes.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from badgeclock.demo import cast
from badgeclock.demo.stack import Stack
from badgeclock.technician import certificates, firmware
from badgeclock.technician.provision import Plan, provision
from badgeclock.technician.serial_device import open_device
from badgeclock.virtual.control_socket import ControlError
from tests.provisioned import copied
from tests.system.crowd import enroll

pytestmark = [pytest.mark.timeout(600), pytest.mark.torture]

PATIENCE_S = 90.0
BETWEEN_TAPS_S = 0.8


class Queue:
    """People who badge one after another, until it is left; `signalled` counts the punches that a signal promised."""

    def __init__(self, stack: Stack, count: int) -> None:
        self._stack = stack
        self._badges = enroll(stack, "rotation", count)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.signalled = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        turn = 0
        while not self._stop.wait(BETWEEN_TAPS_S):
            tap = self._stack.control.tap(self._badges[turn % len(self._badges)].uid, 300)
            turn += 1
            try:
                self._stack.control.signal_after(tap, timeout=2)
                self.signalled += 1
            except ControlError:
                pass  # the clock is in the technician's hands


class Site:
    """The steps of an operator and a technician."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.broker_directory = stack.directory / "broker"

    def ca(self, *arguments: str) -> None:
        """`badgeclock ca …`, with the broker reloaded."""
        line = [
            sys.executable,
            "-m",
            "badgeclock.cli.main",
            "ca",
            *arguments,
            "--workshop",
            str(self.stack.workshop.path),
        ]
        if arguments[:2] != ("renew", "clock"):
            line += ["--broker", str(self.broker_directory)]
        done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "no broker runs" not in done.stderr

    def take_to_the_bridge(self) -> None:
        """Copy what the bridge needs, and restart it."""
        shop, folder = self.stack.workshop, self.stack.directory / "bridge"
        identity = shop.bridge()
        for name, data in (
            ("ca.pem", shop.authority_certificate.read_bytes()),
            ("certificate.pem", identity.certificate_pem),
            ("key.pem", identity.key_pem),
        ):
            (folder / name).write_bytes(data)
        self.stack.bridge.stop()
        self.stack.bridge.start()

    def visit(self) -> None:
        """Provision the clock over its cable; nothing but certificates changes."""
        with open_device(str(self.stack.directory / "clock" / "tty")) as device:
            done = provision(device, Plan(self.stack.workshop, cast.CLOCK_ID, firmware.build()))
        assert {path for path in done.copied if not path.startswith("/certs/")} == set()

    def clock(self) -> dict[str, Any]:
        answer = httpx.get(f"http://127.0.0.1:{self.stack._http_port}/api/clocks", trust_env=False, timeout=5).json()
        assert isinstance(answer[0], dict)
        return dict(answer[0])

    def settle(self) -> None:
        """Until the bridge has everything that the clock holds."""
        deadline = time.monotonic() + PATIENCE_S
        while self._waits():
            assert time.monotonic() < deadline, (self.stack.control.screen_text(), self.clock())
            time.sleep(0.2)

    def _waits(self) -> bool:
        shown = [line.strip() for line in self.stack.control.screen_text()]
        return shown[-1:] != ["Online"]


def test_a_site_changes_all_its_certificates_and_loses_no_punch(provisioned: Path, tmp_path: Path) -> None:
    with Stack(copied(provisioned, tmp_path), latency_ms=50) as stack:
        site, shop = Site(stack), stack.workshop
        with Queue(stack, 20) as queue:
            site.ca("renew", "broker")
            site.ca("renew", "bridge")
            site.take_to_the_bridge()
            site.ca("renew", "clock", cast.CLOCK_ID)
            site.visit()
            site.ca("authority", "begin")
            site.take_to_the_bridge()
            site.visit()
            site.ca("authority", "switch")
            site.ca("renew", "broker")
            site.ca("renew", "bridge")
            site.take_to_the_bridge()
            stack.broker.kill()
            stack.broker.start()
            site.ca("renew", "clock", cast.CLOCK_ID)
            site.visit()
            site.ca("authority", "end")
            site.take_to_the_bridge()
            stack.broker.kill()
            stack.broker.start()
            site.visit()
            stack.wait_online()
        site.settle()
        clock = site.clock()
        assert (clock["state"], clock["held_reason"]) == ("ACTIVE", None)
        assert queue.signalled > 20
        assert len(stack.punches()) >= queue.signalled
        assert clock["next_seq"] >= queue.signalled
        (authority,) = shop.authorities()
        assert certificates.generation_of(authority) == 2
        certificate = shop.clock(cast.CLOCK_ID).certificate
        assert clock["status"]["cert_until"] == int(certificate.not_valid_after_utc.timestamp())

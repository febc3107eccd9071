"""An operator's desk from a blank card to a revoked badge: broker, bridge, virtual clock and virtual DESFire, all real."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from badgeclock.bridge import schema
from badgeclock.bridge.settings import load
from badgeclock.bridge.store import Store
from badgeclock.demo import cast
from badgeclock.demo.stack import Stack, _badgeclock
from badgeclock.protocol import record
from badgeclock.protocol.record import Flag, Kind
from badgeclock.technician import firmware
from badgeclock.technician.provision import Broker, Plan, provision
from badgeclock.technician.serial_device import open_device

pytestmark = pytest.mark.timeout(240)

CARD = "04A1B2C3D4E580"
HOLD_MS = 600


class DeskStack(Stack):
    """A running site whose clock takes badges that prove themselves, and whose bridge may issue them."""

    def _provision(self) -> None:
        plan = Plan(
            workshop=self.workshop,
            clock_id=cast.CLOCK_ID,
            firmware=firmware.build(),
            site=cast.SITE,
            broker=Broker("localhost", self._broker_port),
            badges="both",
            badge_ev1="allow",
        )
        with open_device(str(self.directory / "clock" / "tty")) as device:
            provision(device, plan)

    def badgeclock(self, *arguments: str) -> subprocess.Popen[str]:
        """A command of an operator at the bridge's machine."""
        command = [*_badgeclock(*arguments), "--config", str(self.bridge_config)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskStack]:
    with DeskStack(tmp_path_factory.mktemp("desk"), latency_ms=50) as running:
        root = running.workshop.badge_root_file(cast.SITE)
        assert finished(running.badgeclock("bridge", "site", "set", "--name", cast.SITE, "--badge-key", str(root)))[0] == 0
        yield running


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=90)
    return process.returncode, out, err


def test_a_blank_card_becomes_a_badge_that_punches_and_is_unknown_when_taken_back(stack: DeskStack) -> None:
    issuing = stack.badgeclock("badge", "issue", "--clock", cast.CLOCK_ID, "--worker", "W-001", "--json")
    stack.door.wait_text("Lay the badge", timeout=20)
    stack.door.hold(CARD, kind="desfire-ev2")
    code, out, err = finished(issuing)
    print(out, err)
    assert code == 0, (out, err)

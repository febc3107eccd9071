"""One clock that was provisioned once for all tests of a run: its flash, its battery and its workshop, to copy.

Provisioning takes some seconds of a quiet machine. Tests of something else start from a copy; those of provisioning do
it themselves.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from pathlib import Path

from badgeclock.demo import cast
from badgeclock.technician import firmware, workshop
from badgeclock.technician.provision import Broker, Plan, Wifi, provision
from badgeclock.technician.serial_device import open_device
from badgeclock.virtual.accesspoint import Network
from badgeclock.virtual.board import VirtualBoard

PASSWORD = "a password of the site"
NEW = {"site": cast.SITE, "broker": Broker("localhost", 8883), "wifi": Wifi("site", PASSWORD)}
"""What a new clock is given."""
PATIENCE_S = 120.0


def once(shared: Path) -> Path:
    """The folder of a provisioned clock without power, `clock`, and of its `workshop`; made by the first caller of
    all the processes that share the folder `shared`.
    """
    home = shared / "provisioned"
    with (shared / "provisioned.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            new = shared / "provisioned.new"
            shutil.rmtree(new, ignore_errors=True)  # of a process that ended in the middle
            _make(new)
            new.rename(home)
    return home


def copied(image: Path, home: Path, *, battery: bool = True) -> Path:
    """Lay a copy of a clock and its workshop in `home`; with the time, as long as its `battery` is in. Gives `home`."""
    (home / "clock").mkdir(parents=True, exist_ok=True)
    for name in ("flash.bin", "efuse.json", *(["rtc.json"] if battery else [])):
        shutil.copy(image / "clock" / name, home / "clock" / name)
    shutil.copytree(image / "workshop", home / "workshop")
    return home


def _make(home: Path) -> None:
    shop = workshop.create(home / "workshop")
    with VirtualBoard(home / "clock") as board:
        board.set_network(Network.DOWN)
        board.plug_in()
        with open_device(board.console.path) as device:
            provision(device, Plan(shop, cast.CLOCK_ID, firmware.build(), **NEW))
        deadline = time.monotonic() + PATIENCE_S
        while "Hold your badge" not in board.screen_text():
            assert time.monotonic() < deadline, board.screen_text()
            time.sleep(0.05)

"""Clocks at two brokers, one bridge: the brokers are joined by Mosquitto's own bridge, as docs/operating-setup.md says.

The lines in that page are what runs here, with this machine's places in them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import func, select

from badgeclock.bridge.store import schema
from badgeclock.technician import broker
from tests.bench.load import Drive, LoadClock, Rig, free_port, now_ms

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operating-setup.md"
PUNCHES = 20
pytestmark = pytest.mark.torture


def joining(port: int, shop: Path) -> str:
    """The lines of the page, for an outer broker at a port of this machine."""
    (lines,) = re.findall(r"```conf\n(connection .*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return (
        lines.replace("broker-2.example:8883", f"localhost:{port}")
        .replace("/etc/badgeclock/bridge/ca.pem", str(shop / "ca.pem"))
        .replace("/etc/badgeclock/bridge", str(shop / "bridge"))
    )


def test_clocks_at_two_joined_brokers_are_acknowledged_by_one_bridge(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    try:
        outer_port = free_port()
        outer = broker.write_config(tmp_path / "outer", outer_port, rig.shop)
        with rig.mosquitto.path.open("a", encoding="utf-8") as file:
            file.write("\n" + joining(outer_port, rig.shop.path))
        tokens = rig.employ(5)
        here, there = rig.add_clocks("inner", 2), rig.add_clocks("outer", 2)
        for clock in (*here, *there):
            clock.seal(PUNCHES, 1, tokens, now_ms())
        rig._start("outer", outer.command)
        rig.start()
        inner_port = rig.broker_port
        for port, clocks in ((inner_port, here), (outer_port, there)):
            rig.broker_port = port
            for clock in clocks:
                clock.connect(rig)
        run(here, there)
        with rig.store.read() as connection:
            stored = connection.execute(select(func.count()).select_from(schema.records)).scalar_one()
        assert stored == sum(clock.clock.state.next_seq for clock in (*here, *there))
    finally:
        rig.close()


def run(here: list[LoadClock], there: list[LoadClock]) -> None:
    """Punch at both until all is acknowledged, each ACK under its clock's own key."""
    drive = Drive([*here, *there], resend_s=1.0)
    drive.listen(0.5)
    drive.run(4, per_s=100.0)
    for clock in (*here, *there):
        clock.check_last_ack()

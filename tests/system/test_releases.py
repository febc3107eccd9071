"""A site of the last release is brought to this version part by part, in either order, and no punch is lost.

The last release's bridge, tools and firmware are those of its commit (tests/releases); the clocks run in the real
MicroPython and speak through a real Mosquitto.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.releases import kept
from tests.releases.site import Site

pytestmark = pytest.mark.timeout(240)


def test_whichever_of_clock_and_bridge_is_updated_first_every_punch_gets_its_number_and_every_record_verifies(
    tmp_path: Path,
) -> None:
    old, new = kept.last(), kept.present()
    updated, left = "clock-0001", "clock-0002"
    with Site(tmp_path, old, (updated, left)) as site:
        # Everything is the last release's.
        numbers = [site.tap_and_read(updated, 0)]
        # The clock is updated first, with a punch that it could not send.
        site.clocks[updated].door.network_down()
        site.tap(updated, 1)
        told = site.provision(new, updated)
        assert told["chain"] == "kept"
        site.clocks[updated].door.network_up()
        numbers.append(site.registered(1))
        numbers.append(site.tap_and_read(updated, 2))
        # The bridge is updated while the other clock has a backlog, begun before it went and ended after it was gone.
        site.clocks[left].door.network_down()
        numbers += []
        site.tap(left, 3)
        site.kill_bridge()
        site.tap(left, 4)
        site.start_bridge(new)
        site.clocks[left].door.network_up()
        numbers += [site.registered(3), site.registered(4)]
        numbers.append(site.tap_and_read(left, 5))
        assert len(set(numbers)) == len(numbers)

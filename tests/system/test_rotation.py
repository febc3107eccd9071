"""Certificates change under a running site: real Mosquitto, the clock's own uplink, and nothing lost.

A clock that is provisioned is stopped, gets its new files and starts again: that is what the cable does
(tests/host/test_provision.py does it with one).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from badgeclock.protocol.frames import Offline
from badgeclock.technician import broker, running_broker
from tests.system.uplink_rig import CLOCK_ID, Bridge, ClockProcess, Keys, Site, running, wait_until

OTHER_ID = "clock-0002"
ONLINE = 2


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "site")
    made.start()
    yield made
    made.kill()


class Place:
    """A clock of the site, whose flash outlives its process."""

    def __init__(self, site: Site, folder: Path, clock_id: str) -> None:
        self.site = site
        self.keys = Keys.of(site.shop, clock_id)
        self._folder = folder

    def start(self) -> ClockProcess:
        """Start with the workshop's present files, as after provisioning."""
        return ClockProcess(self.site, self._folder, keys=self.keys, authority=self.site.shop.trusted_der())


def punch(clock: ClockProcess, bridge: Bridge, clock_id: str, count: int = 3) -> None:
    """Punches, and wait until the bridge has them all."""
    clock.do("punch", count=count)
    clock.wait_state("an empty journal", lambda said: not said["wanted"] and said["tail"] == said["head"])
    heard = bridge.heard[clock_id]
    assert sorted(heard.records) == list(range(heard.state.next_seq))
    assert not bridge.faults


def restart(site: Site, clock: ClockProcess) -> None:
    """Restart the broker, with a punch while it is away."""
    site.kill()
    clock.do("punch", count=2)
    site.start()


def test_clock_broker_bridge_and_authority_change_while_punches_run_and_nothing_is_lost(
    site: Site, tmp_path: Path
) -> None:
    shop, directory = site.shop, site.config.path.parent
    place = Place(site, tmp_path / "clock", CLOCK_ID)
    with Bridge(site, place.keys) as bridge:
        with running(place.start()) as clock:
            punch(clock, bridge, CLOCK_ID)
            # The broker's own certificate: open connections stay, new ones get the new one.
            before = len(clock.of("link"))
            shop.renew_broker()
            assert broker.update(directory, shop)
            punch(clock, bridge, CLOCK_ID)
            assert len(clock.of("link")) == before
            restart(site, clock)
            punch(clock, bridge, CLOCK_ID)
            # Another authority begins; the clock is given both over the cable.
            shop.begin_authority()
            assert broker.update(directory, shop)
            bridge.renew(site)
            clock.do("punch", count=2)
        with running(place.start()) as clock:
            punch(clock, bridge, CLOCK_ID)
            # It replaces the old one: the broker's certificate is from it, and the clock accepts it.
            shop.switch_authority()
            shop.renew_broker()
            shop.renew_bridge()
            assert broker.update(directory, shop)
            bridge.renew(site)
            restart(site, clock)
            punch(clock, bridge, CLOCK_ID)
            # Its old certificate is good until the former authority ends; then it has the new one.
            shop.renew_clock(CLOCK_ID)
            punch(clock, bridge, CLOCK_ID)
            clock.do("punch", count=2)
        shop.end_authority()
        assert broker.update(directory, shop)
        with running(place.start()) as clock:
            restart(site, clock)
            punch(clock, bridge, CLOCK_ID)
            assert not clock.state()["failures"].get("certificate")


def test_a_clock_that_does_not_trust_the_next_authority_keeps_its_punches_until_it_does(
    site: Site, tmp_path: Path
) -> None:
    shop, directory = site.shop, site.config.path.parent
    place = Place(site, tmp_path / "clock", CLOCK_ID)
    with Bridge(site, place.keys) as bridge:
        with running(place.start()) as clock:
            punch(clock, bridge, CLOCK_ID)
            shop.begin_authority()
            shop.switch_authority(frozenset({CLOCK_ID}))
            shop.renew_broker()
            broker.update(directory, shop)
            bridge.renew(site)
            restart(site, clock)
            clock.wait_state("a broker that it does not trust", lambda said: bool(said["failures"].get("certificate")))
        with running(place.start()) as clock:
            punch(clock, bridge, CLOCK_ID, count=1)


def test_a_revoked_clock_is_out_at_once_and_the_other_one_notices_nothing(site: Site, tmp_path: Path) -> None:
    shop, directory = site.shop, site.config.path.parent
    stolen, good = Place(site, tmp_path / "stolen", OTHER_ID), Place(site, tmp_path / "good", CLOCK_ID)
    with (
        Bridge(site, stolen.keys, good.keys) as bridge,
        running(stolen.start()) as thief,
        running(good.start()) as clock,
    ):
        punch(thief, bridge, OTHER_ID)
        punch(clock, bridge, CLOCK_ID)
        links = len(clock.of("link"))
        shop.revoke_clock(OTHER_ID)
        assert broker.update(directory, shop)
        assert running_broker.evict(directory, shop, OTHER_ID)
        thief.wait("link", after=len(thief.of("link")), state=1)
        wait_until(lambda: isinstance(bridge.heard[OTHER_ID].statuses[-1], Offline), "its last will")
        had = bridge.heard[OTHER_ID].state.next_seq
        thief.do("punch", count=3)
        thief.wait_state("a broker that refuses it", lambda said: bool(said["failures"].get("tls")))
        punch(clock, bridge, CLOCK_ID)
        assert bridge.heard[OTHER_ID].state.next_seq == had
        assert len(clock.of("link")) == links

"""Wi-Fi that stays away: the board's own code on a port that says "connecting" without an end, and the uplink's patience
with it. Time passes only when everybody waits, so an hour costs nothing.
"""

# heapsize: 320k

import asyncio
import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")
sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/boards/esp32_devkit")

from modelled_time import run, time  # before anything that waits


class Station:
    """The station of the ESP32 port (network_wlan.c, v1.25), and the access point that it is to find. found_after: how
    often the radio must go on until an address comes; joins_fail: how often `connect` fails at once.
    """

    def __init__(self):
        self.found_after = 1
        self.joins_fail = 0
        self.on_at_s = []
        self.joins = 0
        self._is_on = self._is_wanted = False

    def active(self, on=None):
        if on is not None:
            if on and not self._is_on:
                self.on_at_s.append(time.passed_ms // 1000)
            self._is_on = on
        return self._is_on

    def config(self, **_):
        assert self._is_on

    def connect(self, ssid, password):
        assert self._is_on and (ssid, password) == ("site", "a password")
        if self.joins_fail:
            self.joins_fail -= 1
            raise OSError("Wifi Internal Error")
        self.joins += 1
        self._is_wanted = True

    def disconnect(self):
        if not self._is_on:
            raise OSError("Wifi Not Started")
        self._is_wanted = False

    def isconnected(self):
        return self._is_on and self._is_wanted and len(self.on_at_s) >= self.found_after

    def status(self):
        if self.isconnected():
            return 1010
        return 1001 if self._is_wanted else 1000

    def ifconfig(self):
        return ("192.0.2.9",) * 4


STATIONS = []


class Interface:
    """network.WLAN: the newest station."""

    IF_STA = PM_NONE = 0

    def __new__(cls, _):
        return STATIONS[-1]


class Ports:
    """In the place of the hardware's modules, of which this test needs Wi-Fi alone."""

    STAT_CONNECTING = 1001
    WLAN = Interface

    def __getattr__(self, name):
        return None


for name in ("esp32", "machine", "network"):
    sys.modules[name] = Ports()

from app.errors import LinkError  # noqa: E402 - the modules above come first
from app.net.uplink import NO_BROKER, NO_WIFI, Uplink  # noqa: E402
from board import Wifi  # noqa: E402

HOUR_MS = 3600000


class Site:
    """An uplink with its Wi-Fi, and what else it needs: a few lines each. Its broker is out of reach, or, while it
    `answers`, hangs up after a few bytes.
    """

    clock_id, broker_host, broker_port = "clock-0001", "broker", 8883

    def __init__(self, found_after=1):
        self.station = Station()
        self.station.found_after = found_after
        STATIONS.append(self.station)
        self.wifi = Wifi("site", "a password")
        self.nearly_full = False
        self.restart_due = False
        self.answers = False
        self.socket = None
        self.uplink = Uplink(self, None, None, self, None, None, None, self.wifi, self, self, None, self)
        self.uplink._connect = self._fail

    async def _fail(self):
        await asyncio.sleep(1)
        if self.answers:
            self.uplink._link.wire = Received()
        raise LinkError("connect", "no answer")

    def MQTTClient(self, *_, **__):
        return self

    def set_callback(self, _):
        pass

    def link(self, _):
        pass

    def disconnected(self):
        pass


class Received:
    """A wire through which something came."""

    received = 7


def pass_ms(site, ms):
    run(site.uplink.run(), ms)


def test_the_radio_goes_off_and_on_after_two_minutes_without_an_address_and_then_more_seldom():
    site = Site(found_after=1000)
    pass_ms(site, HOUR_MS * 2)
    since_s = [at_s - site.station.on_at_s[0] for at_s in site.station.on_at_s]
    assert [at_s // 60 for at_s in since_s[:7]] == [0, 2, 6, 14, 30, 46, 62], since_s
    assert site.station.joins == len(since_s), "and once each time: the port tries again by itself"
    assert site.uplink.link_state == NO_WIFI


def test_a_station_that_finds_its_access_point_only_after_the_radio_was_off_is_back_soon():
    site = Site(found_after=2)
    pass_ms(site, 125000)
    assert site.station.isconnected() and site.uplink.link_state == NO_BROKER
    assert not site.restart_due


def test_after_an_hour_without_an_address_a_restart_is_due_but_not_in_a_journal_that_fills():
    site = Site(found_after=1000)
    pass_ms(site, HOUR_MS - 1000)
    assert not site.restart_due
    full = Site(found_after=1000)
    full.nearly_full = True
    pass_ms(full, HOUR_MS * 2)
    assert not full.restart_due
    pass_ms(site, HOUR_MS + 1000)
    assert site.restart_due


def test_an_address_that_leads_nowhere_is_given_up_as_late_but_needs_no_restart():
    site = Site()
    pass_ms(site, HOUR_MS * 2)
    assert 5 <= len(site.station.on_at_s) <= 10 and not site.restart_due


def test_a_broker_that_says_something_keeps_the_wifi_as_it_is():
    site = Site()
    site.answers = True
    pass_ms(site, HOUR_MS)
    assert len(site.station.on_at_s) == 1


def test_a_join_that_fails_at_once_is_tried_again_in_half_a_minute():
    site = Site()
    site.station.joins_fail = 2
    pass_ms(site, 70000)
    assert site.station.isconnected() and len(site.station.on_at_s) == 1

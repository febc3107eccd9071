"""Wi-Fi on a port that reports "connecting" forever, and an uplink with it: for tests of its patience.

Import this before anything of the app: `modelled_time` is in the place of `time`, and the hardware's modules in
theirs. boards/esp32_devkit must be on the path.
"""

import asyncio
import sys

from modelled_time import time


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
        assert self._is_on
        assert (ssid, password) == ("site", "a password")
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
    """Replaces the hardware's modules, of which this test needs only Wi-Fi."""

    STAT_CONNECTING = 1001
    WLAN = Interface

    def __getattr__(self, name):
        return None


for name in ("esp32", "machine", "network"):
    sys.modules[name] = Ports()

from app.errors import LinkError  # noqa: E402 - the modules above come first
from app.net.uplink import Uplink  # noqa: E402
from board import Wifi  # noqa: E402


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

    def MQTTClient(self, *_, **__):  # noqa: N802 - as umqtt.simple
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

"""`network` of the ESP32 port: a station in reach of the virtual board's access point."""

# ruff: noqa: ARG002, D101, D103, PLW0603, RET503 - names, arguments and results are the ESP32 port's

from json import loads as _loads
from sys import implementation as _implementation

import _virtual_bus as _bus
import _virtual_memory as _memory
from micropython import const

STA_IF = const(0)
AP_IF = const(1)

STAT_BEACON_TIMEOUT = const(200)
STAT_NO_AP_FOUND = const(201)
STAT_WRONG_PASSWORD = const(202)
STAT_ASSOC_FAIL = const(203)
STAT_HANDSHAKE_TIMEOUT = const(204)
STAT_IDLE = const(1000)
STAT_CONNECTING = const(1001)
STAT_GOT_IP = const(1010)

_version = _implementation[1]
_hostname = "mpy-esp32"
_country = "XX"


def hostname(name=None):
    global _hostname
    if name is None:
        return _hostname
    _hostname = name


def country(code=None):
    global _country
    if code is None:
        return _country
    _country = code


class WLAN:
    IF_STA = const(0)
    IF_AP = const(1)
    PM_NONE = const(0)
    PM_PERFORMANCE = const(1)
    PM_POWERSAVE = const(2)

    # The one station's, as in the port.
    _state = bytearray(5)
    _radio = []  # what the memory has given for it, ...
    _lease = []  # ... and for an address
    _is_held = bytearray(1)
    _settings = {"pm": PM_PERFORMANCE, "txpower": 20.0, "reconnects": -1, "channel": 6}

    def __init__(self, interface_id=STA_IF):
        if interface_id != STA_IF:
            raise ValueError("the virtual board has a station only")
        if not self._radio:
            try:
                self._radio.extend(_memory.take(_memory.WLAN))
            except _memory.Short:
                if _version < (1, 26):
                    raise RuntimeError("Wifi Unknown Error 0x0101")
                raise OSError("WiFi Out of Memory")

    def _ask(self):
        _bus.ask_into(_bus.WLAN_STATE, 0, 0, 0, self._state, 5)
        return self._state

    def active(self, is_active=None):
        if is_active is not None:
            _bus.ask(_bus.WLAN_ACTIVE, 0, 0, 1 if is_active else 0)
        return bool(self._ask()[0])

    def connect(self, ssid=None, key=None, *, bssid=None):
        if not self.active():
            raise OSError("Wifi Not Started")
        if ssid is not None:
            self._settings["ssid"] = ssid
            self._key = key or ""
        elif "ssid" not in self._settings:
            raise OSError("Wifi Invalid Argument")
        name = self._settings["ssid"]
        name = name if isinstance(name, bytes) else name.encode()
        _bus.ask_data(_bus.WLAN_CONNECT, 0, 0, name + b"\0" + self._key.encode())

    def disconnect(self):
        _bus.ask(_bus.WLAN_DISCONNECT, 0, 0, 0)

    def isconnected(self):
        is_joined = self._ask()[1]
        if is_joined != self._is_held[0]:
            if is_joined:
                try:
                    self._lease.extend(_memory.take(_memory.ADDRESS))
                except _memory.Short:  # no packet buffer, no address
                    return False
            else:
                _memory.give(self._lease)
            self._is_held[0] = is_joined
        return bool(is_joined)

    def status(self, param=None):
        state = self._ask()
        if param is None:
            return state[2] | state[3] << 8
        if param == "rssi":
            if not state[1]:
                raise OSError("Wifi Not Connected")
            return state[4] - 256
        raise ValueError("unknown status param")

    def scan(self):
        return [
            (ssid.encode(), bytes(bssid), channel, rssi, security, hidden)
            for ssid, bssid, channel, rssi, security, hidden in _loads(_bus.ask_sized(_bus.WLAN_SCAN, 0, 0, 0))
        ]

    def _address(self):
        answer = bytearray(22)
        _bus.ask_into(_bus.WLAN_ADDRESS, 0, 0, 0, answer, 22)
        return answer

    def ifconfig(self, config=None):
        if config is None:
            answer = self._address()
            return tuple(".".join(str(part) for part in answer[at : at + 4]) for at in (6, 10, 14, 18))

    def config(self, param=None, **settings):
        if param is None:
            self._settings.update(settings)
        elif param == "mac":
            return bytes(self._address()[:6])
        elif param == "hostname":
            return hostname()
        elif param in self._settings:
            return self._settings[param]
        else:
            raise ValueError("unknown config param")

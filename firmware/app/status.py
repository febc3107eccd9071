"""The clock's own part of STATUS, besides the uplink's keys (docs/protocol.md §7)."""

import gc

from app import on_demand

_HEARTBEAT = "app.net.heartbeat"


class Status:
    """Called by the uplink for each STATUS. firmware: the firmware hash, 8 bytes; reset_cause: of a BOOT record;
    valid_until: Unix seconds of the end of the clock's certificate, or None. face, timekeeper: for their fault counts.
    case: drivers.keys.Contact, low: open. rtc: `temperature()`; wifi: `rssi()`. roster: app.net.roster.Roster.
    settings: `heartbeat_s`, `version`. site_keys: how many keys of its site the clock has. heap_free: returns the free
    bytes of the heap.
    """

    def __init__(
        self,
        reader,
        log,
        reset_cause,
        firmware,
        valid_until,
        settings,
        face,
        timekeeper,
        case,
        rtc,
        wifi,
        roster,
        site_keys,
        heap_free=gc.mem_free,
    ):
        self._reader = reader
        self._log = log
        self._reset_cause = reset_cause
        self._firmware = firmware.hex()
        self._valid_until = valid_until
        self._settings = settings
        self._face = face
        self._timekeeper = timekeeper
        self._case = case
        self._rtc = rtc
        self._wifi = wifi
        self._roster = roster
        self._heap_free = heap_free
        self._keys = site_keys

    def __call__(self):
        return on_demand.load(_HEARTBEAT).of_clock(self)

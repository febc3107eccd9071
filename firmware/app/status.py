"""The clock's own part of STATUS, beside the uplink's keys (docs/protocol.md §7)."""

import gc

from micropython import const

from app.receipts import RECEIPT_OF_DAY

_DESK_FORM = const(2)  # of the badge desk's frames: 2, each job has its own key
_BADGE_FORM = const(2)  # the highest form of a badge's keys that app.badge.proof knows (docs/badges.md §4)


class Status:
    """Called by the uplink for each STATUS. firmware: the firmware hash, 8 bytes; reset_cause: of a BOOT record;
    valid_until: Unix seconds of the end of the clock's certificate, or None. face, timekeeper: what they count as
    faults. case: drivers.keys.Contact, low: open. rtc: `temperature()`; wifi: `rssi()`. roster: app.net.roster.Roster.
    settings: `heartbeat_s`, `version`. site_keys: how many keys of its site the clock has. heap_free: gives the bytes
    that the heap has free.
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
        version = self._reader.version
        try:
            temperature = self._rtc.temperature()
        except OSError:
            temperature = None
        roster = self._roster
        return {
            "reader": None if version is None else "%02x" % version,
            "reader_resets": self._reader.resets,
            "reader_fault": self._reader.fault,
            "firmware": self._firmware,
            "reset": self._reset_cause,
            "heap_free": self._heap_free(),
            "tears": self._log.tears,
            "wear": self._log.wear,
            "heartbeat_s": self._settings.heartbeat_s,
            "cert_until": self._valid_until,
            "temperature": temperature,
            "rssi": self._wifi.rssi(),
            "case_open": not self._case.level,
            "display_faults": self._face.display_faults,
            "rtc_faults": self._timekeeper.rtc_faults,
            "roster": None if roster.partition is None else (roster.version, roster.entries),
            "settings": self._settings.version,
            "receipts": RECEIPT_OF_DAY,
            "badges": _BADGE_FORM,
            "desk": _DESK_FORM,
            "site_keys": self._keys,
        }

"""What the clock says of itself beyond the uplink's own keys of STATUS (docs/protocol.md §7)."""

import gc


class Status:
    """Called by the uplink for each STATUS. firmware: the firmware hash, 8 bytes; reset_cause: of a BOOT record.
    roster: app.roster.Roster. settings_version: of the settings in use.
    """

    def __init__(self, reader, log, reset_cause, firmware, roster, settings_version):
        self._reader = reader
        self._log = log
        self._reset_cause = reset_cause
        self._firmware = firmware.hex()
        self._roster = roster
        self._settings_version = settings_version

    def __call__(self):
        version = self._reader.version
        roster = self._roster
        return {
            "reader": None if version is None else "%02x" % version,
            "reader_resets": self._reader.resets,
            "reader_fault": self._reader.fault,
            "firmware": self._firmware,
            "reset": self._reset_cause,
            "heap_free": gc.mem_free(),
            "tears": self._log.tears,
            "wear": self._log.wear,
            "roster": None if roster.partition is None else (roster.version, roster.entries),
            "settings": self._settings_version,
        }

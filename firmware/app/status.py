"""What the clock says of itself beyond the uplink's own keys of STATUS (docs/protocol.md §7)."""

import gc


class Status:
    """Called by the uplink for each STATUS. firmware: the firmware hash, 8 bytes; reset_cause: of a BOOT record."""

    def __init__(self, reader, log, reset_cause, firmware):
        self._reader = reader
        self._log = log
        self._reset_cause = reset_cause
        self._firmware = firmware.hex()

    def __call__(self):
        version = self._reader.version
        return {
            "reader": None if version is None else "%02x" % version,
            "reader_resets": self._reader.resets,
            "reader_fault": self._reader.fault,
            "firmware": self._firmware,
            "reset": self._reset_cause,
            "heap_free": gc.mem_free(),
            "tears": self._log.tears,
            "wear": self._log.wear,
        }

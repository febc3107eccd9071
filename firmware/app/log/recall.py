"""Reads the newest records of the log for a starting clock."""

from micropython import const

from app import faults
from app.log import record, unpacked
from app.recent import EARLIEST, MOVES

_RECALLED = const(640)  # records read back
_AT_ONCE = const(16)


class Recalled:
    """The content of the newest records: `newest_s`, the latest recorded moment not from NTP (0: none); `sure_s`, the
    earliest possible present by their bounds (0: unknown); `given_s`, the last one from the bridge, or else the newest
    (0: none); `config`, the detail of the last CONFIG record or None; `deaths`, how many starts in a row ended with the
    death of a task (FAULT 5) and no punch between; `latest_s`, the moment of the last record.

    Moments without a time are extrapolated by uptime from the last known one, as if no time had passed between two
    starts: they are the earliest possible, and a restart forgets no duplicate.
    """

    def __init__(self):
        self.newest_s = 0
        self.sure_s = 0
        self.given_s = 0
        self.latest_s = 0
        self.start_s = 0  # of the start whose records are being read
        self.config = None
        self.deaths = 0


def recall(log, recent):
    """Read the newest records of an open log, whose BOOT of this start is still to come, into `recent`; gives
    Recalled.
    """
    recalled = Recalled()
    recent.whole = log.head <= _RECALLED
    buf = bytearray(_AT_ONCE * record.RECORD_BYTES)
    seq = max(0, log.head - _RECALLED)
    while seq < log.head:
        count, seq = log.read_into(buf, seq, _AT_ONCE)
        if not count:
            break
        for i in range(count):
            try:
                entry = unpacked.unpack(buf, i * record.RECORD_BYTES)
            except ValueError:  # of a newer firmware, or with a flipped bit: it is skipped, and sent unchanged
                continue
            _apply(entry, recent, recalled)
    recalled.given_s = recalled.given_s or recalled.newest_s
    return recalled


def _apply(entry, recent, recalled):
    if entry.source == record.SOURCE_BRIDGE:
        recalled.given_s = entry.utc_s
    if entry.source != record.SOURCE_NTP:
        bound_ms = record.bound_decode(entry.bound)
        sure_s = 0 if bound_ms is None else entry.utc_s - bound_ms // 1000 - 1
        if entry.kind == record.KIND_TIME_SET:  # the time before was wrong, or missing
            recalled.newest_s, recalled.sure_s = entry.utc_s, sure_s
        else:
            recalled.newest_s = max(recalled.newest_s, entry.utc_s)
            recalled.sure_s = max(recalled.sure_s, sure_s)
    if entry.kind == record.KIND_BOOT:
        recalled.start_s = recalled.latest_s
    elif entry.kind == record.KIND_TIME_SET:
        recalled.latest_s = 0
    moment_s = entry.utc_s or recalled.start_s + entry.uptime_ms // 1000
    recalled.latest_s = max(recalled.latest_s, moment_s)
    if entry.kind == record.KIND_PUNCH:
        recalled.deaths = 0
        if not entry.flags & record.FLAG_DUPLICATE:
            marks = 0 if entry.utc_s else MOVES | EARLIEST
            recent.put(entry.token, moment_s, entry.flags & record.DIRECTION_MASK | marks)
    elif entry.kind == record.KIND_CONFIG:
        recalled.config = entry.detail
    elif entry.kind == record.KIND_FAULT and entry.detail[0] == faults.TASK:
        recalled.deaths += 1

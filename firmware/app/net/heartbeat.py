"""STATUS: a clock's report on itself (docs/protocol.md §7), on every connection, every heartbeat, and at changes.

In memory for that only (app.on_demand). The functions belong to the Uplink and the Status that they are given.
"""

import gc
import json
import time

from micropython import const

from app.log import record
from app.net import frames
from app.receipts import RECEIPT_OF_DAY

_EMPTY_OBJECT = const(2)  # bytes of {}
_COMMA = const(0x2C)
STATUS_JSON_MAX = const(998)  # what fits a frame (docs/protocol.md §6)
_DESK_FORM = const(2)  # of the badge desk's frames: 2, each job has its own key
_BADGE_FORM = const(2)  # the highest form of a badge's keys that app.badge.proof supports (docs/badges.md §4)


def send(uplink):
    """Send STATUS."""
    log = uplink._log
    counter = uplink._next_counter()
    uplink._noted = (log.sealed, log.nearly_full)
    # In two halves, into the link's own buffer: as a whole it would need its size four times, each in one piece.
    further = _further(uplink)
    own = _own(uplink, further)
    for name in own:
        further.pop(name, None)
    own = json.dumps(own, separators=(",", ":")).encode()
    further = json.dumps(further, separators=(",", ":")).encode()
    space = uplink._link.space(frames.FRAME_BYTES_MAX)
    length = len(own)
    space[frames.HEAD_BYTES : frames.HEAD_BYTES + length] = own
    if _EMPTY_OBJECT < len(further) <= STATUS_JSON_MAX + 1 - length:
        at = frames.HEAD_BYTES + length - 1
        space[at : at + len(further)] = further
        space[at] = _COMMA
        length += len(further) - 1
    frame = uplink._channel.seal_in(space, frames.STATUS, counter, length)
    uplink._status_due = False
    uplink._status_at = time.ticks_ms()
    uplink._status_sent[uplink._number % len(uplink._status_sent)] = (uplink._number, uplink._status_at)
    uplink._client.publish(uplink._channel.topic("status"), frame, retain=True)


def facts(uplink):
    """The content of STATUS, as a dict."""
    further = _further(uplink)
    further.update(_own(uplink, further))
    return further


def of_clock(status):
    """The part of a Status object."""
    version = status._reader.version
    try:
        temperature = status._rtc.temperature()
    except OSError:
        temperature = None
    roster = status._roster
    return {
        "reader": None if version is None else "%02x" % version,
        "reader_resets": status._reader.resets,
        "reader_fault": status._reader.fault,
        "firmware": status._firmware,
        "reset": status._reset_cause,
        "heap_free": status._heap_free(),
        "tears": status._log.tears,
        "wear": status._log.wear,
        "heartbeat_s": status._settings.heartbeat_s,
        "cert_until": status._valid_until,
        "temperature": temperature,
        "rssi": status._wifi.rssi(),
        "case_open": not status._case.level,
        "display_faults": status._face.display_faults,
        "rtc_faults": status._timekeeper.rtc_faults,
        "roster": None if roster.partition is None else (roster.version, roster.entries),
        "settings": status._settings.version,
        "receipts": RECEIPT_OF_DAY,
        "badges": _BADGE_FORM,
        "desk": _DESK_FORM,
        "site_keys": status._keys,
    }


def _further(uplink):
    further = dict(uplink._guarded(uplink.status) or ())
    if uplink.errands.refused_settings:
        further["settings_refused"] = uplink.errands.refused_settings
    return further


def _own(uplink, further):
    log, stamp = uplink._log, uplink._stamp
    uplink._timekeeper.stamp(stamp)
    facts = {
        "v": 1,
        "state": "online",
        "boot": log.boot,
        "connection": uplink._connection,
        "session": uplink._channel.session.hex(),
        "head": log.head,
        "tail": log.tail,
        "tag": log.tag.hex(),
        "free": log.free,
        "capacity": log.capacity,
        "sealed": log.sealed,
        "receipt": uplink._receipt,
        "firmware": further.get("firmware", "0000000000000000"),
        "utc_ms": stamp.utc_s * 1000 + stamp.ms,
        "source": stamp.source,
        "bound_ms": record.bound_decode(stamp.bound),
        "uptime_ms": stamp.uptime_ms,
        "heap_free": further.get("heap_free", gc.mem_free()),
        "reset": further.get("reset", 0),
        "reader": further.get("reader"),
        "rejected": uplink.rejected,
    }
    if log.retired:
        facts["retired"] = True
    return facts

"""Orders of the bridge: say where you are, test yourself, tell what happened; and the report that goes back.

Loaded when an authenticated COMMAND asks for it; takes itself out of memory when its report is sent, or with the
connection (docs/protocol.md §6, "Orders and reports"). The uplink polls it, a few milliseconds at a time, so no badge
waits for it. A report has no badge, no token and no secret in it, and fits one frame.
"""

import gc
import json
import sys
import time

from micropython import const

from app import console
from app.errors import FrameError
from app.log.record import RECORD_BYTES, SEALED_BYTES
from app.net import frames
from app.ui import screens, signals

_IDENTIFY = const(1)
_CAPTURE = const(4)
_REPORT = const(0x03)
_LINE_LETTERS = const(72)
_TEST_MS = const(3000)  # the pattern stands this long, unless a badge comes
_DRAWN_MS = const(1000)  # and has left for the display after this
_REPORT_MAX = const(998)  # what fits a frame


class Order:
    """The order that the uplink's attribute `order` is until its report is sent. face: `show(draw, ms, signal)`,
    `identify()`, `display_faults`. up, scope: of upward frames. log: the SealedLog.
    """

    def __init__(self, uplink, up, scope, status_topic, face, reader, log):
        self._uplink = uplink
        self._frame_key = up
        self._scope = scope
        self._topic = status_topic[: -len(b"status")] + b"report"
        self._face = face
        self._reader = reader
        self._log = log
        self._number = 0
        self._command = 0
        self._due = False
        self._since = None
        self._told = {}
        self._body = None
        self._faults_before = 0

    def take(self, command, number):
        """Begin with the next poll; the order that is under way already goes on. Raises FrameError for another one
        meanwhile.
        """
        if number == self._number:
            return
        if self._number or self._uplink.desk:
            raise FrameError("order busy")
        self._number = number
        self._command = command
        self._due = True

    def poll(self, now):
        """Do one piece, if it is time; the last call takes this object and its module away."""
        if self._due:
            self._due = False
            self._begin()
        elif self._since is not None:
            if time.ticks_diff(now, self._since) >= _DRAWN_MS:
                self._since = None
                self._conclude()
        elif self._body is None:
            self.end()

    def end(self):
        """The report has left; or the connection ended, and the bridge asks again if it still wants to know."""
        self._uplink.order = None
        if sys.modules.pop("app.net.order", None):
            del sys.modules["app"].order
        gc.collect()

    def _begin(self):
        if self._command == _IDENTIFY:
            self._face.identify()
            self._finish()
        elif self._command == _CAPTURE:
            wire = self._uplink.wire
            self._told["wire"] = {"writes": wire.writes, "written": wire.written, "received": wire.received}
            self._told["failures"] = self._uplink.failures
            self._told["last_failure"] = self._uplink.last_failure[:120]
            self._told["lines"] = [" ".join([str(word) for word in words])[:_LINE_LETTERS] for words in console.last]
            self._uplink.tell()  # the rest is what STATUS tells
            self._finish()
        else:
            self._faults_before = self._face.display_faults
            self._face.show(_pattern, _TEST_MS, signals.IDENTIFY)
            self._since = time.ticks_ms()
            told, reader = self._told, self._reader
            told["reader"] = "good" if reader.usable and reader.chip.healthy() else reader.fault or "deaf"
            told["flash"] = self._read_back()
            told["seal"] = "good" if self._log.sealed else "unsealed"

    def _conclude(self):
        """The pattern has left for the display."""
        facts, told = self._uplink.facts(), self._told
        told["display"] = "good" if self._face.display_faults == self._faults_before else "no-answer"
        told["rtc"] = "good" if facts.get("temperature") is not None and facts["source"] else "no-time"
        gc.collect()
        told["heap_free"] = gc.mem_free()
        self._finish()

    @property
    def unsent(self):
        """Whether the report is to be sent."""
        return self._body is not None

    def publish(self, client, counter):
        """Send the report through an MQTT client, in the frame with this counter."""
        body, self._body = self._body, None
        client.publish(self._topic, frames.seal_frame(self._frame_key, self._scope, _REPORT, counter, body))

    def _read_back(self):
        """Whether the newest record stands in the flash as it was sealed."""
        buf = bytearray(RECORD_BYTES)
        try:
            count = self._log.read_into(buf, self._log.head - 1, 1)[0]
        except OSError:
            return "unreadable"
        return "good" if not count or buf[SEALED_BYTES:] == self._log.tag else "changed"

    def _finish(self):
        told = {"v": 1, "order": self._number, "command": self._command, "told": self._told}
        body = json.dumps(told)
        while len(body) > _REPORT_MAX:  # the oldest line goes first, then the counts
            if self._told.get("lines"):
                self._told["lines"].pop(0)
            else:
                self._told["failures"] = {}
            body = json.dumps(told)
        self._body = body.encode()


def _pattern(canvas, words):
    """Every pixel is lit, in two halves that take turns; what stays dark in both is broken."""
    canvas.fill(0)
    for x in range(0, 128, 8):
        canvas.fill_rect(x, 0, 4, 64, 1)
    screens.line(canvas, words.identify, 3)
    return screens.NOTICE

"""Orders of the bridge: identify, self-test, capture, restart; and the report that goes back.

An errand of app.net.errands, in memory until its report is sent or the connection ends (docs/protocol.md §6, "Orders
and reports"). It works a few milliseconds at a time, so no badge waits for it. A report contains no badge, token or
secret, and fits one frame.
"""

import gc
import json
import time

from micropython import const

from app import console
from app.errors import FrameError
from app.log.record import RECORD_BYTES, SEALED_BYTES
from app.ui import screens, signals

_IDENTIFY = const(1)
_CAPTURE = const(4)
_REPORT = const(0x03)
_LINE_LETTERS = const(72)
_TEST_MS = const(3000)  # the pattern stays this long, unless a badge comes
_DRAWN_MS = const(1000)  # and is sent to the display within this time
_REPORT_MAX = const(998)  # what fits a frame


class Order:
    """One order. channel: app.net.frames.Channel. face: `show(draw, ms, signal)`, `identify()`, `display_faults`. log:
    the SealedLog.
    """

    def __init__(self, channel, face, reader, log):
        self._channel = channel
        self._face = face
        self._reader = reader
        self._log = log
        self._number = 0
        self._command = 0
        self._due = False
        self._since = None
        self._findings = {}
        self._body = None
        self._faults_before = 0

    def handle(self, command, number):
        """Begin with the next step; the same order again changes nothing. Raises FrameError for another one at the same
        time.
        """
        if number == self._number:
            return
        if self._number:
            raise FrameError("order busy")
        self._number = number
        self._command = command
        self._due = True

    def step(self, uplink, now):
        """Do one piece, if it is due. uplink: `facts()`, `failures`, `last_failure`, `wire`, `report_status()`. now:
        ticks in ms.
        """
        if self._due:
            self._due = False
            self._begin(uplink)
        elif self._since is not None and time.ticks_diff(now, self._since) >= _DRAWN_MS:
            self._since = None
            self._conclude(uplink)

    @property
    def done(self):
        """Whether the report was sent."""
        return not self._due and self._since is None and self._body is None

    def _begin(self, uplink):
        if self._command == _IDENTIFY:
            self._face.identify()
            self._finish()
        elif self._command == _CAPTURE:
            wire = uplink.wire
            self._findings["wire"] = {"writes": wire.writes, "written": wire.written, "received": wire.received}
            self._findings["failures"] = uplink.failures
            self._findings["last_failure"] = uplink.last_failure[:120]
            self._findings["lines"] = [
                " ".join([str(word) for word in words])[:_LINE_LETTERS] for words in console.last
            ]
            uplink.report_status()  # the rest is in STATUS
            self._finish()
        else:
            self._faults_before = self._face.display_faults
            self._face.show(_pattern, _TEST_MS, signals.IDENTIFY)
            self._since = time.ticks_ms()
            findings, reader = self._findings, self._reader
            findings["reader"] = "good" if reader.usable and reader.chip.healthy() else reader.fault or "deaf"
            findings["flash"] = self._read_back()
            findings["seal"] = "good" if self._log.sealed else "unsealed"

    def _conclude(self, uplink):
        """The pattern was sent to the display."""
        gc.collect()
        facts, findings = uplink.facts(), self._findings
        findings["display"] = "good" if self._face.display_faults == self._faults_before else "no-answer"
        findings["rtc"] = "good" if facts.get("temperature") is not None and facts["source"] else "no-time"
        findings["heap_free"] = facts["heap_free"]
        self._finish()

    @property
    def unsent(self):
        """Whether there is a report to send."""
        return self._body is not None

    def publish(self, client, counter):
        """Send the report through an MQTT client, in the frame with this counter."""
        body, self._body = self._body, None
        client.publish(self._channel.topic("report"), self._channel.seal(_REPORT, counter, body))

    def _read_back(self):
        """Whether the newest record is in the flash as it was sealed."""
        buf = bytearray(RECORD_BYTES)
        try:
            count = self._log.read_into(buf, self._log.head - 1, 1)[0]
        except OSError:
            return "unreadable"
        return "good" if not count or buf[SEALED_BYTES:] == self._log.tag else "changed"

    def _finish(self):
        report = {"v": 1, "order": self._number, "command": self._command, "told": self._findings}
        body = json.dumps(report)
        while len(body) > _REPORT_MAX:  # the oldest line goes first, then the counts
            if self._findings.get("lines"):
                self._findings["lines"].pop(0)
            else:
                self._findings["failures"] = {}
            body = json.dumps(report)
        self._body = body.encode()


def _pattern(canvas, words):
    """Every pixel is lit, in two alternating halves; pixels dark in both are broken."""
    canvas.fill(0)
    for x in range(0, 128, 8):
        canvas.fill_rect(x, 0, 4, 64, 1)
    screens.line(canvas, words.identify, 24)
    return screens.NOTICE

"""The technician's pages on the clock's display: in and out held together for three seconds, then any key turns.

The facts are those of STATUS (docs/protocol.md §7), and the texts are for technicians: English, short. The pages are a
message like any other: a badge ends them at once. In memory while they are shown.
"""

import gc
import time

from micropython import const

from app import localtime
from app.ui import font, screens, signals

PAGES = const(4)
_STAY_MS = const(30000)  # without a key

_RESETS = ("other", "power", "hard", "watchdog", "sleep", "soft")
_SOURCES = ("none", "RTC", "NTP", "bridge")


class Pages:
    """The pages on a display. face: `show(draw, ms, signal)`. uplink: `facts`, `failures`, `last_failure`."""

    def __init__(self, face, uplink):
        self._face = face
        self._uplink = uplink
        self._page = -1
        self._since = time.ticks_ms()
        self._turn()

    def stay(self, key, badge_at):
        """Turn if a key was pressed. False when it is over: no key for long, or a badge came (its ticks) since."""
        if time.ticks_diff(badge_at, self._since) < 0:
            if key:
                self._turn()
                return True
            if time.ticks_diff(time.ticks_ms(), self._since) < _STAY_MS:
                return True
        return False

    def _turn(self):
        self._since = time.ticks_ms()
        self._page = (self._page + 1) % PAGES
        gc.collect()
        facts = self._uplink.facts()
        facts["failures"] = sum(self._uplink.failures.values())
        facts["last_failure"] = self._uplink.last_failure
        self._face.show(screen(self._page, facts), _STAY_MS, signals.KEY)


def screen(page, facts):
    """A function `draw(canvas, words) -> mood` for a page, 0 to PAGES - 1."""
    rows = _rows(page, facts)
    return lambda canvas, _words: _draw(canvas, page, rows)


def _draw(canvas, page, rows):
    """A ruled title, and at most six lines of sixteen letters."""
    canvas.fill(0)
    font.text(canvas, "%d/%d %s" % (page + 1, PAGES, rows[0]), 0, 0)
    canvas.hline(0, 9, 128, 1)
    for at in range(1, len(rows)):
        font.text(canvas, rows[at][:16], 0, 2 + 9 * at)
    return screens.NOTICE


def _rows(page, facts):
    if page == 0:
        up_s = facts["uptime_ms"] // 1000
        bound = facts["bound_ms"]
        reset = facts["reset"]
        return (
            "Clock #%d" % facts["boot"],  # its starts
            "up %dd %02d:%02d" % (up_s // 86400, up_s // 3600 % 24, up_s // 60 % 60),
            "reset " + (_RESETS[reset] if reset in range(6) else str(reset)),
            "time " + _SOURCES[facts["source"]],
            "error " + ("unknown" if bound is None else "%d ms" % bound),
            "heap %d" % facts["heap_free"],
            "fw " + facts["firmware"][:12],
        )
    if page == 1:
        room = "free %d/%d" % (facts["free"], facts["capacity"])
        return (
            "Records",
            "next %d" % facts["head"],
            "unsent %d" % (facts["head"] - facts["tail"]),
            room if len(room) <= 16 else room[5:],
            "sealed " + ("yes" if facts["sealed"] else "NO"),
            "torn %d" % facts["tears"],
            "erases %d" % facts["wear"],
        )
    if page == 2:
        failure = facts["last_failure"]
        end = failure.rfind(" ", 0, 17)  # between words, if the rest has room then
        if len(failure) <= 16 or end < len(failure) - 17:
            end = 16
        return (
            "Network",
            "signal " + ("none" if facts["rssi"] is None else "%d dBm" % facts["rssi"]),
            "failures %d" % facts["failures"],
            failure[:end],
            failure[end:].strip()[:16] or "connections %d" % facts["connection"],
            "certificate till",
            _day(facts["cert_until"]),
        )
    return (
        "Parts",
        "reader " + (facts["reader"] or "none"),
        facts["reader_fault"] or "good",
        "restarted %d" % facts["reader_resets"],
        "disp %d RTC %d" % (facts["display_faults"], facts["rtc_faults"]),  # how often each failed
        "case " + ("open" if facts["case_open"] else "closed"),
        "temp. " + ("none" if facts["temperature"] is None else "%d C" % facts["temperature"]),
    )


def _day(utc_s):
    return "unknown" if utc_s is None else "%d-%02d-%02d" % localtime.civil_from_days(utc_s // localtime.DAY_S)

"""What the clock shows and sounds, and for how long: the worker's whole interface.

Signals start at once, inside the call; the display follows in the face's own task, some pages at a time, since a whole
screen takes 23 ms. A message stays for its time; the next badge replaces it at once. The receipt of the newest punch
changes that punch's message if it is still shown, and is its own message otherwise, within ten seconds and never over
another one. After a punch of another worker the receipt is not shown: nobody may take another's answer for their own.
"""

import asyncio
import time

from micropython import const

from app import on_demand, punch
from app.errors import SettingsError
from app.ui import screens, signals

_WORDS = "app.ui.words"

_IDLE = const(0)
_KEPT = const(1)
_KEPT_LATER = const(2)
_REGISTERED = const(3)
_DUPLICATE = const(4)
_UNKNOWN = const(5)
_REFUSED = const(6)
_SEVERAL = const(7)
_FULL = const(8)
_FAULT = const(9)
_CHOSEN = const(10)
_IDENTIFY = const(11)
_UNPROVED = const(12)
_PAGE = const(13)

_ABOUT_PUNCH = (_KEPT, _KEPT_LATER, _REGISTERED, _UNKNOWN, _REFUSED)

# By receipt state of docs/protocol.md §6, the worker's screen; none for higher states.
_BY_RECEIPT = (_IDLE, _REGISTERED, _REFUSED, _UNKNOWN, _REGISTERED, _REGISTERED)

_ONLINE = const(2)
_UPGRADED_MS = const(1000)  # a receipt is shown at least this long
_LATE_MS = const(10000)  # this long after the punch, its receipt is not shown to the worker at the clock
_IDENTIFY_MS = const(5000)
_ASSUMED_MS = const(3000)  # an assumed direction is shown at least as long as a key can correct it
_BUSY_MS = const(10)
_QUIET_MS = const(20)
_SLICE_MS = const(4)  # two pages on I2C at 400 kHz
_RETRY_MS = const(10000)  # restart interval of a display that does not answer
_REFRESH_MS = const(500)
_CHECK_MS = const(3000)  # between two checks whether the display is on
_RENEW_CHECKS = const(20)  # after this long it is rewritten when nobody is near, ...
_RENEW_MOST_CHECKS = const(40)  # ... and after so many in any case
_SOFTEST = const(1)


class Face:
    """words: app.ui.words.Words of the site's language. display: `canvas`, `tint(mood)` (app.ui.screens), and methods
    that may raise OSError: `start()`, `update() -> bool`, `healthy() -> bool`, `renew()`. buzzer, lamp: players
    (drivers.pattern), and the buzzer has a `volume`.

    It is also the uplink's `events`: receipt, link, acked. `receipts`: the app.receipts.Receipts in which it
    notes them. `display_faults` counts the times the display did not answer, or was off.
    """

    def __init__(self, settings, words, display, buzzer, lamp, timekeeper, log, receipts):
        self._settings = settings
        self._words = words
        self._other = (None, words)  # another language than the site's, and its Words
        self._language = None  # language of the message, None: the site's
        self._display = display
        self._buzzer = buzzer
        self._lamp = lamp
        self._timekeeper = timekeeper
        self._log = log
        self.receipts = receipts
        self._message_ms = settings.message_s * 1000
        self._link = 0
        self._kind = _IDLE  # or a function that draws, see `show`
        self._until = time.ticks_ms()
        self._drawn = False
        self._seq = 0
        self._direction = 0
        self._moment_s = 0
        self._code = 0
        self._assumed = False
        self._draw_page = None
        self._standing_fault = 0
        # The newest valid punch, and what was shown about it.
        self._punch_seq = -1
        self._punch_token = b"\0\0"
        self._punch_language = None
        self._punched_at = time.ticks_ms()
        self._punch_direction = 0
        self._punch_moment_s = 0
        self._reported = _IDLE
        self._waiting = _IDLE
        self._receipt_code = 0
        self._tail = ""
        self._idle_of = None
        self._refreshed = time.ticks_ms()
        self._checked = time.ticks_ms()  # when the display was last checked, or did not answer
        self._checks = 0  # since it was rewritten; below zero: it does not answer
        self.display_faults = 0
        buzzer.volume = settings.volume

    # --- the clock's side ---

    def punched(self, outcome):
        """Signal the result for a badge (app.punch.Outcome), and show it."""
        if outcome.kind == punch.KEPT:
            tones = signals.KEPT_TONES[outcome.direction]
            shown_ms = max(self._message_ms, _ASSUMED_MS) if outcome.assumed else self._message_ms
            if self._link == _ONLINE:
                self._buzzer.play(tones)
                self._lamp.play(signals.KEPT_LAMP)
                self._show(_KEPT, shown_ms)
            else:
                self._buzzer.play(tones, signals.OFFLINE_TONES)
                self._lamp.play(signals.OFFLINE_LAMP)
                self._show(_KEPT_LATER, shown_ms)
            self._note_punch(outcome, _IDLE)
        elif outcome.kind == punch.UNKNOWN:
            self._signal(signals.UNKNOWN_BADGE)
            self._show(_UNKNOWN, self._message_ms)
            self._note_punch(outcome, _UNKNOWN)
        elif outcome.kind == punch.DUPLICATE:
            self._signal(signals.TWICE)
            self._show(_DUPLICATE, self._message_ms)
            self._punch_seq = -1
        elif outcome.kind == punch.UNPROVED:
            self._signal(signals.BADGE_REFUSED)
            self._show(_UNPROVED, self._message_ms)
            self._punch_seq = -1
        elif outcome.kind == punch.FULL:
            self._signal(signals.NO_ROOM)
            self._show(_FULL, self._message_ms)
        else:
            self._signal(signals.FAULT)
            self._code = self._standing_fault
            self._show(_FAULT, self._message_ms)
        self._seq = outcome.seq
        self._direction = outcome.direction
        self._moment_s = outcome.moment_s
        self._language = outcome.language

    def _note_punch(self, outcome, reported):
        """Remember the newest valid punch, for which the clock itself has `reported`."""
        self._punch_seq = outcome.seq
        self._punch_token = outcome.token
        self._punch_language = outcome.language
        self._punched_at = time.ticks_ms()
        self._punch_direction = outcome.direction
        self._punch_moment_s = outcome.moment_s
        self._assumed = outcome.assumed
        self._reported = reported
        self._waiting = _IDLE

    def several(self):
        """More than one badge is in the field. Signalled once while it lasts."""
        if self._kind != _SEVERAL:
            self._signal(signals.SEVERAL_BADGES)
        self._show(_SEVERAL, self._message_ms)

    def chosen(self, direction, choice_ms):
        """A key set the direction of the next punch, for that long; shown if the display is free."""
        self._signal(signals.KEY)
        if callable(self._kind):
            return
        self._direction = direction
        self._show(_CHOSEN, choice_ms)

    def show(self, draw, duration_ms, signal):
        """Signal, and show for that long what `draw(canvas, words)` draws, which returns its mood: for modules that may
        be dropped.
        """
        self._signal(signal)
        self._show(draw, duration_ms)

    def page(self, draw, duration_ms):
        """Show a requested page, like `show`, for that long; any other message ends it."""
        self._signal(signals.KEY)
        self._show(_PAGE, duration_ms)
        self._draw_page = draw

    def keep(self, duration_ms):
        """Extend such a page to that long from now."""
        if self._kind == _PAGE:
            self._until = time.ticks_add(time.ticks_ms(), duration_ms)

    def fault(self, code):
        """The clock cannot serve (app.faults), until it is called with code 0; shown instead of the idle screen."""
        if code and not self._standing_fault:
            self._signal(signals.FAULT)
        self._standing_fault = code
        self._idle_of = None

    # --- the uplink's side ---

    def receipt(self, seq, state, code, reception_number):
        """The authority's or the bridge's result for the punch `seq`."""
        self.receipts.put(seq, state, code, reception_number)
        kind = _BY_RECEIPT[state] if state < len(_BY_RECEIPT) else _IDLE
        if kind == _IDLE or seq != self._punch_seq or kind == self._reported:
            return
        if time.ticks_diff(time.ticks_ms(), self._punched_at) > _LATE_MS:
            return
        self._reported = kind
        self._receipt_code = code
        if kind == _REGISTERED and code:  # the direction used by the bridge
            self._punch_direction = code
        self._tail = str(reception_number)[-6:]
        if self._kind in _ABOUT_PUNCH or self._is_over():
            self._show_receipt(kind)
        else:
            self._waiting = kind

    def link(self, state):
        """0 no Wi-Fi, 1 no broker, 2 online."""
        self._link = state

    def acked(self, tail):  # noqa: ARG002 - an event of the uplink
        """The bridge has every record below `tail`: the count on the idle screen follows by itself."""
        self._refreshed = time.ticks_add(time.ticks_ms(), -_REFRESH_MS)

    def identify(self):
        """Identify: somebody wants to find this clock."""
        self._signal(signals.IDENTIFY)
        self._show(_IDENTIFY, _IDENTIFY_MS)

    # --- its task ---

    async def run(self):
        """Play signals and keep the display up to date; never returns."""
        while True:
            await asyncio.sleep_ms(self.work())

    def work(self):
        """One bounded piece: signals that are due, a change of the message, some pages. Returns the milliseconds until
        the next call.
        """
        playing = self._buzzer.step() >= 0
        playing = self._lamp.step() >= 0 or playing
        self._settle()
        if self._kind == _IDLE:
            self._draw_idle()
        elif not self._drawn:
            self._draw()
        self._drawn = True
        if self._update():
            return 0
        return _BUSY_MS if playing else _QUIET_MS

    def _signal(self, signal):
        tones, lamp = signal
        self._buzzer.play(tones)
        self._lamp.play(lamp)

    def _show(self, kind, duration_ms):
        self._kind = kind
        self._draw_page = None
        self._until = time.ticks_add(time.ticks_ms(), duration_ms)
        self._language = None
        self._drawn = False

    def _show_receipt(self, kind):
        """Show a receipt for the newest punch."""
        left_ms = 0 if self._kind == _IDLE else time.ticks_diff(self._until, time.ticks_ms())
        upgraded = self._kind in _ABOUT_PUNCH and kind == _REGISTERED
        if kind != _REGISTERED or not self._buzzer.playing:  # a confirmation never cuts the punch's own tones
            if kind == _REGISTERED:
                self._signal(signals.CONFIRMED)
            else:
                self._signal(signals.REFUSED if kind == _REFUSED else signals.UNKNOWN_BADGE)
        self._seq = self._punch_seq
        self._direction = self._punch_direction
        self._moment_s = self._punch_moment_s
        self._show(kind, max(left_ms, _UPGRADED_MS) if upgraded else self._message_ms)
        self._language = self._punch_language
        self._waiting = _IDLE

    def _is_over(self):
        return self._kind == _IDLE or time.ticks_diff(self._until, time.ticks_ms()) <= 0

    def _settle(self):
        """End a message whose time is over; then a waiting receipt is shown, if it is still recent."""
        if self._kind == _IDLE or not self._is_over():
            return
        if self._waiting and time.ticks_diff(time.ticks_ms(), self._punched_at) <= _LATE_MS:
            self._show_receipt(self._waiting)
            return
        self._waiting = _IDLE
        self._kind = _IDLE
        self._draw_page = None
        self._idle_of = None

    def _draw_idle(self):
        now = time.ticks_ms()
        if self._idle_of is not None and time.ticks_diff(now, self._refreshed) < _REFRESH_MS:
            return
        self._refreshed = now
        local = self._timekeeper.local()
        minute = local[3] * 60 + local[4] if local else -1
        self._buzzer.volume = _volume(self._settings, minute)
        log, words = self._log, self._words
        if log.sealed:
            warning = words.nearly_full if log.nearly_full else ""
        else:
            warning = words.unsealed
        what = (minute, self._link, log.unsent, warning, not log.free, self._standing_fault)
        if what == self._idle_of:
            return
        self._idle_of = what
        if log.retired or not (self._standing_fault or log.free):
            mood = self._draw_refusal(words)
        elif self._standing_fault:
            mood = screens.fault(self._display.canvas, words, self._standing_fault)
        else:
            mood = screens.idle(
                self._display.canvas,
                words,
                self._settings.site,
                _clock_text(local) if local else None,
                self._link,
                what[2],
                warning,
            )
        self._display.tint(mood)

    def _words_of(self, language):
        """The words of a language, the site's if the clock does not have it. Only the site's and one other stay in
        memory, without the module that reads them.
        """
        if language is None or language == self._settings.language:
            return self._words
        if language != self._other[0]:
            try:
                self._other = (language, on_demand.load(_WORDS).load(language))
            except SettingsError:
                self._other = (language, self._words)
            on_demand.drop(_WORDS)
        return self._other[1]

    def _draw_refusal(self, words):
        """Why no punch can be kept."""
        return (screens.retired if self._log.retired else screens.full)(self._display.canvas, words)

    def _draw(self):
        canvas, words, kind = self._display.canvas, self._words_of(self._language), self._kind
        time_text = _clock_text(self._timekeeper.local_of(self._moment_s)) if self._moment_s else "--:--"
        if callable(kind):
            mood = kind(canvas, words)
        elif kind == _PAGE and self._draw_page:
            mood = self._draw_page(canvas, words)
        elif kind in (_KEPT, _KEPT_LATER) and self._assumed:
            look = screens.KEPT_LOOK if kind == _KEPT else screens.LATER_LOOK
            mood = screens.assumed(canvas, words, look, self._direction, time_text, self._seq)
        elif kind == _KEPT:
            mood = screens.kept(canvas, words, self._direction, time_text, self._seq)
        elif kind == _KEPT_LATER:
            mood = screens.kept_later(canvas, words, self._direction, time_text, self._seq, self._log.unsent)
        elif kind == _REGISTERED:
            mood = screens.registered(canvas, words, self._direction, time_text, self._seq, self._tail)
        elif kind == _DUPLICATE:
            mood = screens.duplicate(canvas, words, self._direction, time_text, self._seq)
        elif kind == _UNKNOWN:
            mood = screens.unknown(canvas, words, self._punch_token, self._seq)
        elif kind == _REFUSED:
            mood = screens.refused(canvas, words, self._receipt_code, self._seq)
        elif kind == _SEVERAL:
            mood = screens.several(canvas, words)
        elif kind == _UNPROVED:
            mood = screens.unproved(canvas, words)
        elif kind == _FULL:
            mood = self._draw_refusal(words)
        elif kind == _FAULT:
            mood = screens.fault(canvas, words, self._code)
        elif kind == _CHOSEN:
            mood = screens.chosen(canvas, words, self._direction)
        else:
            mood = screens.identify(canvas, words, self._settings.clock_id)
        self._display.tint(mood)

    def _update(self):
        """Send pages for a few milliseconds; True if there are more. A display that does not answer is left alone for a
        while and then restarted; one that is off although it was switched on, as after a dip of its supply, is
        rewritten, and so is any after a minute, or two while somebody is near: not every display can report a reset.
        """
        started = time.ticks_ms()
        since_ms = time.ticks_diff(started, self._checked)
        if self._checks < 0 and since_ms < _RETRY_MS:
            return False
        try:
            if self._checks < 0:
                self._display.start()
                self._checks = 0
            while self._display.update():
                if time.ticks_diff(time.ticks_ms(), started) >= _SLICE_MS:
                    return True
            if since_ms < _CHECK_MS:
                return False
            self._checked = started
            self._checks += 1
            if not self._display.healthy():
                self.display_faults += 1
            elif self._checks < (_RENEW_CHECKS if self._kind == _IDLE else _RENEW_MOST_CHECKS):
                return False
            self._checks = 0
            self._display.renew()
            return True
        except OSError:
            self._checked = time.ticks_ms()
            self._checks = -1
            self.display_faults += 1
            return False


def _clock_text(local):
    return "%02d:%02d" % (local[3], local[4])


def _volume(settings, minute):
    """How loud the buzzer is at a minute of the day, -1 if that is not known: softest in the quiet hours."""
    if settings.quiet_hours is None or minute < 0:
        return settings.volume
    start, end = settings.quiet_hours
    quiet = start <= minute < end if start < end else minute >= start or minute < end
    return min(settings.volume, _SOFTEST) if quiet else settings.volume

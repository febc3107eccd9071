"""A punch, from the reader's UID to the worker's signal.

    UID -> the badge proves itself and its number, if the site requires that (app.badge.proof)
        -> token under the site's key, the UID or the number is wiped
        -> the same badge a moment ago? nothing more
        -> on the roster? the worker's language; if not, the punch is kept and flagged
        -> direction, duplicate
        -> sealed in the flash            nothing is signalled before it is stored
        -> tones and lamp                 nothing slow before them
        -> display, uplink                in their own tasks

Direction: a key pressed before, else the clock's fixed one, else from the badge's last punch: out after in, in after
out. That is valid for `direction_hours`, 14 by default, and only assumed once midnight has passed: a night shift ends
with an OUT, but after a night's rest a worker comes in, even if yesterday's OUT was forgotten. After that, and for a
badge that may be missing in memory (Recent.whole), the punch is an assumed IN: record and display show that, and a key
within three seconds makes another punch of that badge, with the key's direction.

The window of duplicates and those hours outlast restarts: `recall` reads them back. Without a time they use uptime.

After the info key a badge makes no punch: it opens the page of its punches of today (app.today).
"""

import time

from micropython import const

from app.errors import ClockError, JournalFull
from app.log import record
from app.log.hmac256 import KEY_BYTES, Key
from app.recent import EARLIEST, MOVES

# Nothing was recorded or signalled: the same badge within two seconds and no key in between, or a badge that stopped
# answering and is tried again.
MUTED = const(0)
KEPT = const(1)
DUPLICATE = const(2)  # kept and flagged: the badge's last valid punch is younger than the window
FULL = const(3)  # not kept
FAILED = const(4)  # not kept
UNPROVED = const(5)  # not kept: a badge that had to prove itself and did not, or one whose UID is random
ASKED = const(6)  # the info key was pressed before: no punch
UNKNOWN = const(7)  # kept and flagged: the roster does not have the badge, so that somebody must assign it

# `choose`: the next badge opens its page of today.
ASK = const(8)

# Types of the badge id (docs/protocol.md §1)
_UID = b"\x01"
_NUMBER = b"\x02"
_UID_BYTES = const(10)
_RANDOM_UID = const(0x08)  # the first byte of a random UID of 4 bytes (ISO/IEC 14443-3 §6.5.4)

# Results of a prover (app.badge.proof, which is not always loaded).
_BADGE_PROVED = const(1)
_BADGE_UNPROVED = const(2)
_BADGE_SILENT = const(3)
_NUMBER_BYTES = const(8)
_MUTE_MS = const(2000)
_MUTES = const(4)
_CHOICE_MS = const(10000)
_CORRECT_MS = const(3000)
_REST_S = const(39600)  # 11 hours: the rest between two days of work (directive 2003/88/EC, article 3)
_STEP_S = const(2)  # a clock set by no more than this does not move punches

# Sources of a direction (docs/protocol.md §2, PUNCH)
_BY_KEY = const(1)
_BY_CLOCK = const(2)
_BY_LAST = const(3)
_ASSUMED = const(4)

# Direction of the last punch -> of the next one.
_NEXT = (
    record.DIRECTION_IN,
    record.DIRECTION_OUT,
    record.DIRECTION_IN,
    record.DIRECTION_BREAK_END,
    record.DIRECTION_OUT,
)


class Outcome:
    """The result for a badge; one object, refilled for each.

    kind: one of the constants above. seq: of the record, if kept. direction: DIRECTION_* of app.log.record. assumed: no
    source for the direction. moment_s: UTC of the punch, for a duplicate that of the first one; 0 without a time.
    token: of the badge, 8 bytes. language: that of the badge's worker ("fr"), None for the site's.
    """

    def __init__(self):
        self.kind = MUTED
        self.seq = 0
        self.direction = 0
        self.assumed = False
        self.moment_s = 0
        self.token = b""
        self.language = None


class Punches:
    """Makes punches of badges. site_key: 32 bytes for each key of the site so far, in order. log: a SealedLog, open.
    recent: a Recent recalled from it, `latest_s` its result. face: signals the outcome at once (`punched(outcome)`).
    notify: called after that, to wake the uplink. roster: an app.net.roster.Roster. prover: an app.badge.proof.Prover,
    None at a site that accepts badges by their UID.

    held: token of the badge that was read last, while staying opens its page of today; else b"".
    """

    def __init__(self, settings, site_key, log, timekeeper, recent, latest_s, face, notify, roster, prover=None):
        self._log = log
        self._timekeeper = timekeeper
        self._recent = recent
        self._face = face
        self._notify = notify
        self._roster = roster
        self._prover = prover
        self._fixed = ("auto", "in", "out").index(settings.direction)  # as DIRECTION_* of the record
        self._window_s = settings.duplicate_window_s
        self._horizon_s = settings.direction_hours * 3600
        self._keys = [Key(site_key[at : at + KEY_BYTES]) for at in range(0, len(site_key), KEY_BYTES)]
        self._stamp = record.Stamp()
        self._outcome = Outcome()
        self._detail = bytearray(8)
        timekeeper.stamp(self._stamp)
        # The time of this start; before the clock has a time, its earliest value.
        self._start_s = (self._stamp.utc_s or latest_s) - timekeeper.uptime_s()
        self.held = b""
        self.uid = bytearray(_UID_BYTES)  # where the reader puts a UID; zero again when `handle` returns
        view = memoryview(self.uid)
        self._views = {4: view[:4], 7: view[:7], 8: view[:8], 10: view}
        self._muted = [(b"", time.ticks_ms())] * _MUTES
        self._chosen = record.DIRECTION_NONE
        self._chosen_at = time.ticks_ms()
        # Token of the newest punch, while its direction is assumed and no other badge came; else b"".
        self._unsure = b""
        self._unsure_flags = 0
        self._unsure_at = self._chosen_at

    def choose(self, direction):
        """A key was pressed: the punch of the next ten seconds has this direction. DIRECTION_BREAK_START stands for
        the break key, which also ends a break; ASK for the info key.
        """
        self._chosen = direction
        self._chosen_at = time.ticks_ms()

    def correct(self, direction):
        """A key was pressed: if the newest punch is one whose direction was assumed, and was signalled less than three
        seconds ago, make another one of its badge with the key's direction; gives its Outcome. Else None: the key is
        the next badge's.
        """
        outcome = self._outcome
        if not self._unsure or outcome.direction == direction:
            return None
        if not 0 <= time.ticks_diff(time.ticks_ms(), self._unsure_at) < _CORRECT_MS:
            return None
        outcome.token = self._unsure
        self._punch(outcome, direction, self._unsure_flags)
        return outcome

    def handle(self, length):
        """Make a punch of the UID of `length` bytes in `uid` and signal it; gives its Outcome."""
        outcome = self._outcome
        proof = self._identify(length, outcome)
        token = outcome.token
        choice = self._choice()
        if token != self._unsure:
            self._unsure = b""
        self.held = b"" if proof in (_BADGE_SILENT, _BADGE_UNPROVED) else token
        if proof == _BADGE_SILENT or (self._is_muted(token) and not choice):
            outcome.kind = MUTED
            return outcome
        known = self._roster.find(token)
        outcome.language = self._roster.languages[max(0, known)]
        if proof == _BADGE_UNPROVED:
            outcome.kind = UNPROVED
            self._face.punched(outcome)
            self._mute(token)
            return outcome
        if choice == ASK:
            outcome.kind = ASKED
            self.held = b""
            self._chosen = record.DIRECTION_NONE
            self._mute(token)
            return outcome
        flags = record.FLAG_PROVED if proof == _BADGE_PROVED else 0
        self._punch(outcome, choice, flags if known >= 0 else flags | record.FLAG_UNKNOWN_BADGE)
        return outcome

    def _punch(self, outcome, choice, badge_flags):
        """Store a punch of the badge with the token in `outcome`, signal it, and fill in the result."""
        token = outcome.token
        self._timekeeper.stamp(self._stamp)
        now_s = self._now_s()
        self._decide(token, choice, now_s, outcome)
        flags = badge_flags | outcome.direction
        counts = outcome.kind == KEPT
        if not counts:
            flags |= record.FLAG_DUPLICATE
        if flags & record.FLAG_UNKNOWN_BADGE:
            outcome.kind = UNKNOWN
        if self._stamp.bound == record.BOUND_NONE:
            flags |= record.FLAG_TIME_UNVERIFIED
        try:
            outcome.seq = self._log.punch(flags, token, self._stamp, self._detail)
        except JournalFull:
            outcome.kind = FULL
        except (ClockError, OSError, MemoryError):
            outcome.kind = FAILED
        self._face.punched(outcome)
        self._mute(token)
        if counts and outcome.kind in (KEPT, UNKNOWN):
            self._recent.put(token, now_s, outcome.direction | MOVES)
            self._chosen = record.DIRECTION_NONE
            self._unsure = token if outcome.assumed and outcome.kind == KEPT else b""
            self._unsure_flags = badge_flags
            self._unsure_at = time.ticks_ms()
        self._notify()

    def _identify(self, length, outcome):
        """Turn the UID in `uid`, or the number that its badge proves, into the token; returns the proof's result."""
        proof = self._prover.prove(self.uid, length) if self._prover else 0
        if proof == _BADGE_PROVED:
            outcome.token = self._token(_NUMBER, self._views[_NUMBER_BYTES])
        else:
            if length == 4 and self.uid[0] == _RANDOM_UID and not proof:
                proof = _BADGE_UNPROVED
            outcome.token = self._token(_UID, self._views[length])
        for i in range(_UID_BYTES):
            self.uid[i] = 0
        return proof

    def _token(self, kind, badge):
        """The badge's token, raised by every key of the site after its first (docs/protocol.md §1)."""
        token = badge
        for key in self._keys:
            token = key.digest(kind, token)[:8]
            kind = b"\x03"
        return token

    def hold(self):
        """The last badge is still there: its two seconds restart."""
        token, _ = self._muted[0]
        self._muted[0] = (token, time.ticks_ms())

    def _decide(self, token, chosen, now_s, outcome):
        """Direction, its source, kind and moment of a punch that will be stored."""
        last = self._recent.find(token)
        age_s = now_s - last[0] if last else -1
        # Without a time, events before this start may be longer ago than they seem.
        is_fresh = 0 <= age_s < self._horizon_s and (
            last[2] == MOVES or (self._stamp.utc_s > 0 and not last[2] & EARLIEST)
        )
        outcome.kind = KEPT
        outcome.moment_s = self._stamp.utc_s
        if chosen:
            origin = _BY_KEY
            outcome.direction = chosen
            if chosen == record.DIRECTION_BREAK_START and is_fresh and last[1] == chosen:
                outcome.direction = record.DIRECTION_BREAK_END
        elif self._fixed:
            origin = _BY_CLOCK
            outcome.direction = self._fixed
        else:
            local_of = self._timekeeper.local_of
            midnight = is_fresh and self._stamp.utc_s and local_of(last[0])[6] != local_of(now_s)[6]
            if is_fresh and not (midnight and age_s >= _REST_S):
                origin = _ASSUMED if midnight else _BY_LAST
                outcome.direction = _NEXT[last[1]]
            else:
                origin = _ASSUMED if last or not self._recent.whole else _BY_LAST
                outcome.direction = record.DIRECTION_IN
        if 0 <= age_s < self._window_s and chosen in (record.DIRECTION_NONE, last[1]):
            origin = _BY_LAST
            outcome.kind = DUPLICATE
            outcome.direction = last[1]
            outcome.moment_s = last[0] if self._stamp.utc_s else 0
        outcome.assumed = origin == _ASSUMED
        self._detail[0] = origin

    def _choice(self):
        if self._chosen and 0 <= time.ticks_diff(time.ticks_ms(), self._chosen_at) < _CHOICE_MS:
            return self._chosen
        return record.DIRECTION_NONE

    def _now_s(self):
        """Seconds by which punches are compared: UTC, or extrapolated by uptime while the clock has no time. A step of
        the clock moves the punches of this start.
        """
        up_s = self._timekeeper.uptime_s()
        now_s = self._stamp.utc_s or self._start_s + up_s
        step_s = now_s - up_s - self._start_s
        if abs(step_s) > _STEP_S:
            self._start_s += step_s
            self._recent.shift(step_s)
        return now_s

    def _is_muted(self, token):
        now = time.ticks_ms()
        for i, (muted, since) in enumerate(self._muted):
            if muted == token and 0 <= time.ticks_diff(now, since) < _MUTE_MS:  # below zero: over six days ago
                self._muted[i] = (token, now)
                return True
        return False

    def _mute(self, token):
        self._muted.pop()
        self._muted.insert(0, (token, time.ticks_ms()))

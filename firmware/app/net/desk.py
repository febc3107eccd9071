"""Issue mode: the clock as the badge desk's reader. It passes on the bridge's commands to the badge.

An errand of app.net.errands, in memory for one job (docs/protocol.md §6, "The badge desk"). It has two sides, and
neither waits for the other: the uplink delivers a step (`handle`) and sends its answer (`unsent`, `publish`); the badge
loop, the only user of the reader, carries the step out (`step`). Issue mode ends by the bridge's order, after the time
without a step given at open, or with the connection. The data is encrypted on the network, and zeroed here after
sending.

A job's key comes from the seal's key of the record that comes next, and opening the job writes that record: the flash
has no key of a job, not even while it runs. A bridge of an earlier version uses one permanent key for all jobs.
"""

import struct
import time

from micropython import const

from app.badge import iso14443
from app.badge.iso_dep import IsoDep
from app.errors import FrameError
from app.log import record
from app.log.hmac256 import Key, hmac256
from app.net import frames
from app.ui import desk_screen, signals

_OPEN = const(1)
_BADGE = const(2)
_APDU = const(3)
_CLOSE = const(4)

_DONE = const(1)
_ACTIVATED = const(2)
_ANSWER = const(3)
_SEVERAL = const(4)
_UNFIT = const(5)
_GONE = const(6)
_ENDED = const(7)

_SEALED_DESK = const(0x18)  # as in app.net.errands
_SEALED_DESK_ANSWER = const(0x05)

_LABEL = b"desk"
_HEAD = ">IHB"
_HEAD_BYTES = const(7)
_SEQ = ">I"
_SEQ_BYTES = const(4)
_PAYLOAD_MAX = const(255)
_BLOCK = const(32)
_LONGEST_S = const(60)
_LAST_MS = const(4000)  # how long the end of a job stays on the display
_KEEP_MS = const(1000)  # a message outlasts the job's own time, so the idle screen never shows within it
_BADGE_MS = const(3000)  # for one command: formatting a card takes the longest, and the watchdog barks after 8 s


class Desk:
    """A job of the badge desk. channel: app.net.frames.Channel. face: `show(draw, ms, signal)`. reader:
    app.badge.iso14443.Reader, which only `step` uses. log: the SealedLog; note: writes a record of a kind and a detail,
    returns whether it could; digest: the detail of CONFIG. busy: issue mode is on, so badges do not punch.
    """

    def __init__(self, channel, face, reader, log, note, digest):
        self._channel = channel
        self._log = log
        self._note = note
        self._digest = digest
        self._seq = None  # of the record whose key is the job's; None: a job of an earlier bridge
        self._up = self._down = None
        self._behind = False  # send the bridge the number of the next record: it used another
        self._face = face
        self._reader = reader
        self._iso_dep = IsoDep(reader.chip)
        self._iso_dep.badge_ms = _BADGE_MS
        self._answer = bytearray(_HEAD_BYTES + _PAYLOAD_MAX)
        self._uid = bytearray(10)
        self._apdu = bytearray()
        self._job = 0
        self._step = 0
        self._word = 0  # the step to do; 0: none
        self._length = 0  # of the answer to send; 0: none
        self._limit_ms = 0
        self._handled_at = time.ticks_ms()
        self._lost = False
        self._active = False  # a badge accepts commands
        self.busy = False

    # --- the uplink's side ---

    def handle(self, kind, counter, body):
        """Accept a step of an authentic frame. Raises FrameError for one that is malformed or out of turn."""
        waits = self._word == _BADGE  # waiting for a badge, which the bridge may end
        if self._lost or self._length or (self._word and not waits):
            raise FrameError("desk busy")
        seq = None
        if kind == _SEALED_DESK:
            if len(body) < _SEQ_BYTES:
                raise FrameError("desk length")
            seq = struct.unpack_from(_SEQ, body, 0)[0]
            body = body[_SEQ_BYTES:]
        if not _HEAD_BYTES <= len(body) <= _HEAD_BYTES + _PAYLOAD_MAX:
            raise FrameError("desk length")
        up, down = self._up, self._down
        is_new = up is None or seq != self._seq
        if is_new:
            up, down = self._keys(seq)
            if up is None:
                self._behind = True
                return
        plain = bytearray(body)
        self._cipher(down, counter, plain, len(plain))
        job, step, word = struct.unpack_from(_HEAD, plain, 0)
        payload = plain[_HEAD_BYTES:]
        _wipe(plain)
        right = _fits(word, step, payload)
        if word != _OPEN and self.busy:
            right = right and job == self._job and step == self._step + 1 and (word == _CLOSE or not waits)
        if not right or (is_new and word != _OPEN and seq is not None):
            raise FrameError("desk step")
        if is_new and seq is not None and not self._note(record.KIND_CONFIG, self._digest):
            self._behind = True
            return
        self._seq, self._up, self._down = seq, up, down
        if word == _OPEN:
            self._limit_ms = payload[0] * 1000
        self._job = job
        self._step = step
        self._handled_at = time.ticks_ms()
        if word == _OPEN or self.busy:
            self._apdu = payload
            self._word = word
        else:
            self._answer_with(_ENDED, 0)

    @property
    def unsent(self):
        """Whether there is an answer to send."""
        return self._length > 0 or self._behind

    def publish(self, client, counter):
        """Send the answer through an MQTT client, in the frame with this counter; it is erased here."""
        kind, body = _SEALED_DESK_ANSWER, b""
        if self._behind:
            self._behind = False
            body = struct.pack(_SEQ, self._log.head)
        else:
            length, self._length = self._length, 0
            self._cipher(self._up, counter, self._answer, length)
            if self._seq is None:
                kind = frames.DESK_ANSWER
            else:
                body = struct.pack(_SEQ, self._seq)
            body += bytes(memoryview(self._answer)[:length])
            _wipe(self._answer)
        client.publish(self._channel.topic("desk"), self._channel.seal(kind, counter, body))

    def disconnected(self):
        """The connection ended, and the job with it."""
        self._lost = True

    # --- the badge loop's side ---

    def step(self):
        """Carry out the pending step, if any: at most one exchange with a badge, bounded by the drivers."""
        word = self._word
        if self._lost or (self.busy and time.ticks_diff(time.ticks_ms(), self._handled_at) > self._limit_ms):
            self._word = 0
            if self.busy:
                self._end(desk_screen.FAILED, signals.FAULT)
            if word:
                self._answer_with(_ENDED, 0)
        elif word == _BADGE:
            self._look()
        elif word:
            self._word = 0
            if word == _OPEN:
                self._begin()
            elif word == _APDU:
                self._transceive()
            else:
                stage = self._apdu[0]
                self._end(stage, signals.CONFIRMED if stage == desk_screen.DONE else signals.TWICE)
                self._answer_with(_DONE, 0)

    @property
    def done(self):
        """Whether nothing is left to do or to send."""
        return not self.busy and not self._word and (self._lost or not self.unsent)

    def _keys(self, seq):
        """(up, down), the keys of a new job: from that record's key, or of all jobs. None: another record is next."""
        if seq is None:
            return Key(hmac256(self._channel.up, _LABEL)), Key(hmac256(self._channel.down, _LABEL))
        if seq != self._log.head or not self._log.sealed:
            return None, None
        key = self._log.desk()
        return Key(hmac256(key, b"up")), Key(hmac256(key, b"down"))

    def _begin(self):
        self.busy = True
        self._active = False
        self._reader.again()
        self._show(desk_screen.LAY, signals.KEY)
        self._answer_with(_DONE, 0)

    def _look(self):
        """Poll once for a badge; several or an unsuitable one are reported, and the bridge decides whether to continue
        waiting."""
        reader, answer = self._reader, self._answer
        found = reader.poll(self._uid)
        if found == iso14443.SEVERAL:
            self._show(desk_screen.LAY, signals.SEVERAL_BADGES)
            word, length = _SEVERAL, 0
        elif found <= 0:
            return
        else:
            word, length = _UNFIT, 1 + found
            if reader.sak & iso14443.SAK_ISO_DEP:
                word = _ACTIVATED
                if self._iso_dep.activate() < 0:
                    self._lose_badge()
                    word, length = _GONE, 0
                else:
                    self._active = True
                    self._show(desk_screen.KEEP, signals.KEY)
                reader.chip.wait_at_most(iso14443.TIMEOUT_US)
            answer[_HEAD_BYTES] = reader.sak
            answer[_HEAD_BYTES + 1 : _HEAD_BYTES + 1 + found] = self._uid[:found]
        _wipe(self._uid)
        self._word = 0
        self._answer_with(word, length)

    def _transceive(self):
        apdu, self._apdu = self._apdu, bytearray()
        self._iso_dep.allow()
        received = self._iso_dep.transceive(apdu, len(apdu), memoryview(self._answer)[_HEAD_BYTES:])
        self._reader.chip.wait_at_most(iso14443.TIMEOUT_US)  # the reader's own checks expect it between two commands
        _wipe(apdu)
        if received < 0:
            self._lose_badge()
        self._answer_with(_GONE if received < 0 else _ANSWER, max(0, received))

    def _lose_badge(self):
        """Make the next poll find every badge as new, including one that was lost."""
        self._active = False
        self._iso_dep.deselect()
        self._reader.again()
        self._show(desk_screen.LAY, signals.TWICE)

    def _end(self, stage, signal):
        """Leave issue mode. The badge returns to its halt state, so that it does not punch while it is there; the
        reader's next poll halts one that was not activated.
        """
        self.busy = False
        if self._active:
            self._active = False
            self._iso_dep.deselect()
        _wipe(self._uid)
        self._face.show(desk_screen.screen(stage), _LAST_MS, signal)

    def _show(self, stage, signal):
        self._face.show(desk_screen.screen(stage), self._limit_ms + _KEEP_MS, signal)

    def _answer_with(self, word, length):
        """The answer to the present step, with `length` bytes of payload that are in their place."""
        struct.pack_into(_HEAD, self._answer, 0, self._job, self._step, word)
        self._length = _HEAD_BYTES + length

    def _cipher(self, key, counter, text, length):
        """Encrypt or decrypt the first `length` bytes of a bytearray in place."""
        place = self._channel.session + struct.pack(">Q", counter)
        for start in range(0, length, _BLOCK):
            block = key.digest(place, bytes((start // _BLOCK,)))
            for at in range(start, min(start + _BLOCK, length)):
                text[at] ^= block[at - start]


def _fits(word, step, payload):
    """Whether a step has the form that its type requires."""
    if word == _OPEN:
        return step == 1 and len(payload) == 1 and 1 <= payload[0] <= _LONGEST_S
    if word == _BADGE:
        return not payload
    if word == _APDU:
        return len(payload) > 0
    return word == _CLOSE and len(payload) == 1 and payload[0] <= desk_screen.FAILED


def _wipe(buffer):
    for at in range(len(buffer)):
        buffer[at] = 0

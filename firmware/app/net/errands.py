"""The bridge's tasks for a clock besides records: a job of the badge desk, an order, a new roster, new settings.

Each is an errand in its own module, in memory only while needed (app.on_demand). An errand gets frames (`handle`),
works in small pieces (`step`), has answers to send (`unsent`, `publish`), and is `done` at some time; then it is
dropped here, with its module. There is at most one of each kind.

    badge desk, order    loaded as the frame comes; the badge loop works for the desk, the uplink for an order
    roster, settings     loaded, and worked on, between two looks for badges; settings, which end in a restart, when no
                         badge is near
"""

import gc
import struct

from micropython import const

from app import on_demand
from app.errors import FrameError
from app.net import frames

# Required free memory, growth included, during a connection; the largest errand takes 9 KB, including the bridge's
# data.
_ROOM_BYTES = const(12000)

# Commands of docs/protocol.md §6, each before an order's number
_IDENTIFY = const(1)
_RESTART = const(3)
_CAPTURE = const(4)
_ORDER_BYTES = const(5)

_SEALED_DESK = const(0x18)  # a type of app.net.frames, and of app.net.desk and app.net.uplink: no name stays in memory

_DESK = "app.net.desk"
_ORDER = "app.net.order"
_ROSTER_UPDATE = "app.net.roster_update"
_RECONFIGURE = "app.net.reconfigure"


class Errands:
    """The errands of one clock. channel: app.net.frames.Channel. face: what the errands show things on. reader: the
    badges'. log: the SealedLog. roster: app.net.roster.Roster.

    note, digest: app.clock.Clock.note, and what a CONFIG record says; a job of the badge desk begins with one. desk:
    the badge desk's job, or None. restart_due: by an order, new settings, or missing Wi-Fi; the clock restarts when no
    badge is near. refused_settings: (version, why) of the bridge's last settings, if refused, else None.
    """

    def __init__(self, channel, face, reader, log, roster):
        self._channel = channel
        self._face = face
        self._reader = reader
        self._log = log
        self._roster = roster
        self.note = self.digest = None
        self.desk = None
        self._order = None
        self._roster_update = None
        self._waiting = None  # (type, body) of the first frame of an errand to load
        self.restart_due = False
        self.refused_settings = None

    def handle(self, kind, counter, body):
        """Accept an authentic frame. Raises FrameError for one that is malformed or out of turn, and MemoryError if
        there is no room for its code; the bridge sends again.
        """
        if kind == frames.DESK or kind == _SEALED_DESK:  # noqa: PLR1714 - as below
            if self.desk is None:
                desk = on_demand.load(_DESK, "app.ui.desk_screen", "app.badge.iso_dep")
                self.desk = desk.Desk(self._channel, self._face, self._reader, self._log, self.note, self.digest)
            self.desk.handle(kind, counter, body)
        elif kind == frames.COMMAND:
            if len(body) != _ORDER_BYTES or not _IDENTIFY <= body[0] <= _CAPTURE:
                raise FrameError("command")
            command, number = struct.unpack(">BI", body)
            if command == _RESTART:
                self.restart_due = True
                return
            if self._order is None:
                if self.desk:
                    raise FrameError("order busy")
                self._order = on_demand.load(_ORDER).Order(self._channel, self._face, self._reader, self._log)
            self._order.handle(command, number)
        elif kind == frames.ROSTER and self._roster_update:
            self._roster_update.handle(body)
        elif kind == frames.ROSTER or kind == frames.SETTINGS:  # noqa: PLR1714 - a tuple of both would stay in memory
            self._waiting = kind, bytes(body)
        else:
            raise FrameError("type")

    @property
    def unsent(self):
        """An errand with something to send, or None."""
        if self.desk and self.desk.unsent:
            return self.desk
        if self._order and self._order.unsent:
            return self._order
        return self._roster_update if self._roster_update and self._roster_update.unsent else None

    def disconnected(self):
        """The connection ended: end the errands that belong to it."""
        if self.desk:
            self.desk.disconnected()
        self._order = None
        on_demand.drop(_ORDER)

    def step_desk(self):
        """The badge loop's turn with a job of the badge desk; True while badges do not punch."""
        desk = self.desk
        if desk is None:
            return False
        desk.step()
        if desk.done:
            self.desk = None
            on_demand.drop(_DESK)
        return desk.busy

    def step_order(self, uplink, now):
        """The uplink's turn with an order, if there is one."""
        order = self._order
        if order:
            order.step(uplink, now)
            if order.done:
                self._order = None
                on_demand.drop(_ORDER)

    def can_wait(self):
        """Whether new settings are the next thing to do."""
        return self._waiting and self._waiting[0] == frames.SETTINGS

    def step(self, uplink):
        """Do a bounded piece of an errand; True if there is more. Raises FrameError for a first frame that was
        malformed.
        """
        update = self._roster_update
        if self._waiting:
            (kind, body), self._waiting = self._waiting, None
            gc.collect()
            if gc.mem_free() >= _ROOM_BYTES:  # not if a connection or a badge desk would then lack memory
                self._load(uplink, kind, body)
            return True
        if not update:
            return False
        more = update.step(uplink)
        if update.done:
            self._roster_update = None
            on_demand.drop(_ROSTER_UPDATE)
        return more

    def _load(self, uplink, kind, body):
        if kind == frames.ROSTER:
            try:
                update = on_demand.load(_ROSTER_UPDATE, "app.net.roster_bank").Update(self._channel, self._roster)
                update.handle(body)
                self._roster_update = update
            finally:
                if not self._roster_update:
                    on_demand.drop(_ROSTER_UPDATE)
            return
        try:
            restart, self.refused_settings = on_demand.load(_RECONFIGURE, "app.settings").apply(body)
            self.restart_due = self.restart_due or restart
            uplink.report_status()
        finally:
            on_demand.drop(_RECONFIGURE)

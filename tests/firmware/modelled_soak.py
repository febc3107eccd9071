"""A clock through as many taps as one likes, in modelled time, with everything that can happen to it, by a seed.

    micropython -X heapsize=4m tests/firmware/modelled_soak.py TAPS SEED [SAY_EVERY]

The clock is that of `queue_rig` with its real uplink; flash, reader, display and memory take their time. Cards of every
kind of UID come, known and unknown, single and in pairs, and leave at any time; keys are pressed; the power fails in
the middle of flash work; the reader garbles and stops answering; Wi-Fi fails; and messages to and from the bridge meet
every fault of badgeclock.chaos, as it appears above TLS. A judge that shares no code with the clock takes what the
bridge gets. Prints one line of JSON at the end; see `Soak.outcome`.
"""

import asyncio
import gc
import json
import os
import random
import struct
import sys

if __name__ == "__main__":
    root = os.getenv("BADGECLOCK_ROOT")
    sys.path[:0] = [root + "/firmware", root + "/tests/firmware"]

import queue_rig  # before anything of the app
from app import clock as clock_module
from app.badge.iso14443 import COLLISION, DEAF, GARBLED, TIMEOUT, Reader
from app.clock import Clock
from app.errors import LinkError
from app.log import record
from app.log.provisioning import provision
from app.log.recall import recall
from app.log.sealed_log import SealedLog
from app.net import frames, roster_start
from app.net.errands import Errands
from app.net.frames import Channel
from app.net.uplink import ONLINE, Uplink
from app.punch import DUPLICATE, KEPT, UNKNOWN, Punches
from app.receipts import Receipts
from app.recent import Recent
from app.ui.face import Face
from app.ui.words import ENGLISH
from auditor import BOOT, PUNCH, Auditor
from drivers.ssd1306 import SSD1306_I2C
from modelled_time import run, time
from nor import PowerCut
from queue_rig import BusyNor, BusyPanel, Case, Signal, Timekeeper, work
from rc522 import Badge
from roster_bridge import LINK_KEY, Image, entries_of

E0 = bytes(32)
KNOWN = 300
JOURNAL_SECTORS, SEAL_SECTORS, ROSTER_SECTORS = 40, 4, 8
LIFE_MS = 3600000  # a clock's tasks are restarted as often, to let go of what a life without restarts would keep
NETWORK = ("none", "refuse", "black-hole", "drop", "hang-accept", "slow", "reset-after", "corrupt", "split", "hang-tls")
NETWORK += ("hang-connect", "hang-subscribe", "lose", "duplicate", "reorder", "replay", "forge", "nonsense", "takeover")
AIR = ("down", "forgotten", "moved", "refusing", "late-address", "nowhere")
CONNECT_FAILS_MS = {"refuse": 100, "black-hole": 10000, "hang-accept": 20000, "hang-tls": 20000}
CONNECT_FAILS_MS.update({"hang-connect": 20000, "hang-subscribe": 20000})
ENDS = ("drop", "reset-after", "corrupt", "nonsense", "takeover")
HELD_OFF = ("silent", "black-hole")


class Settings(queue_rig.Settings):
    """And what the uplink needs."""

    broker_host = "broker"
    broker_port = 8883
    heartbeat_s = 600


class Dice:
    """By a seed."""

    def __init__(self, seed):
        random.seed(seed)

    chance = staticmethod(random.random)
    between = staticmethod(random.randrange)
    choice = staticmethod(random.choice)


class Cards:
    """The reader's chip and its badges, one after another, for any time."""

    version = 0x92

    def __init__(self, soak):
        self._soak = soak
        self._badges = []
        self._leave_at = self._come_at = time.ticks_ms()
        self._bad_until = time.ticks_ms()
        self._bad = TIMEOUT

    def _look(self):
        """The badges in the field now."""
        now, dice, soak = time.ticks_ms(), self._soak.dice, self._soak
        if self._badges and time.ticks_diff(now, self._leave_at) >= 0:
            self._badges = []
            # Mostly a queue, and now and then a pause.
            self._come_at = time.ticks_add(
                now, dice.between(2000, 30000) if dice.chance() < 0.02 else dice.between(0, 900)
            )
        if not self._badges and soak.left and time.ticks_diff(now, self._come_at) >= 0:
            pair = dice.chance() < 0.01
            self._badges = [Badge(soak.card()) for _ in range(2 if pair else 1)]
            self._leave_at = time.ticks_add(
                now, dice.between(20, 600) if dice.chance() < 0.98 else dice.between(2000, 9000)
            )
            soak.left -= 1
            soak.taps += 1
            soak.pairs += pair
            soak.trouble()
        return self._badges

    def fall_ill(self, how, for_ms):
        """Every exchange ends so for a while, or until the chip is restarted."""
        self._bad, self._bad_until = how, time.ticks_add(time.ticks_ms(), for_ms)

    def start(self):
        if self._bad == DEAF:
            self._bad_until = time.ticks_ms()
        return True

    def healthy(self):
        return True

    def renew_field(self):
        for badge in self._badges:
            badge.power_off()

    def exchange(self, frame, answer, last_bits=0):
        badges = list(self._look())
        work.spend(queue_rig.FRAME_US)
        if time.ticks_diff(time.ticks_ms(), self._bad_until) < 0:
            return self._bad
        given = [badge.receive(bytes(frame[1:]), last_bits) for badge in badges]
        given = [one for one in given if one]
        if not given or self._look() != badges:
            return TIMEOUT
        if len(given) > 1 and given[0] != given[1]:
            return COLLISION
        answer[1 : 1 + len(given[0])] = given[0]
        return len(given[0])


class Keys:
    """Keys that are pressed now and then, two of them for long."""

    def __init__(self, soak):
        self._soak = soak
        self._both_until = time.ticks_ms()

    def pressed(self):
        dice = self._soak.dice
        if dice.chance() < 0.002:
            self._soak.count("keys")
            return dice.choice(("in", "out", "break", "info"))
        if dice.chance() < 0.00002:
            self._both_until = time.ticks_add(time.ticks_ms(), 4000)
        return None

    def down(self, names):  # noqa: ARG002 - as drivers.keys
        return time.ticks_diff(time.ticks_ms(), self._both_until) < 0


class Wifi:
    """Away at times."""

    def __init__(self):
        self.gone_until = time.ticks_ms()
        self.needs_radio = False  # until the radio was off and on, however long that takes
        self.rejoins = 0

    def connected(self):
        return not self.needs_radio and time.ticks_diff(time.ticks_ms(), self.gone_until) >= 0

    def start(self):
        pass

    def rejoin(self):
        self.rejoins += 1
        self.needs_radio = False

    def dns(self):
        return "192.0.2.1"


class Received:
    """A wire through which something came."""

    received = writes = written = 1


class Net:
    """In the place of the uplink's link and MQTT client: messages are under way for a while, and meet faults."""

    idle = True
    ping_since = None
    quiet_ms = 0

    def __init__(self, soak):
        self._soak = soak
        self.wire = None
        self.fault = "none"
        self._to_bridge = []  # (when, topic, message)
        self._to_clock = []
        self._old = []
        self._ends_at = None

    # --- as a link ---

    async def open(self):
        soak = self._soak
        fails_ms = CONNECT_FAILS_MS.get(self.fault)
        await asyncio.sleep_ms(fails_ms or 300)
        if fails_ms or not soak.wifi.connected():
            raise LinkError("connect", "no answer")
        self.wire = Received()
        self._to_bridge, self._to_clock = [], []
        self._ends_at = time.ticks_add(time.ticks_ms(), soak.dice.between(0, 5000)) if self.fault in ENDS else None

    def forget_address(self):
        pass

    def shut(self):
        self._to_bridge, self._to_clock = [], []

    def space(self, length):
        return memoryview(bytearray(length))

    def poll(self):
        now = time.ticks_ms()
        if self.fault in ENDS and self._ends_at is None:
            self._ends_at = time.ticks_add(now, self._soak.dice.between(0, 20000))
        if self._ends_at is not None and time.ticks_diff(now, self._ends_at) >= 0:
            raise LinkError("packet" if self.fault == "nonsense" else "closed", "by the other side")
        if not self._soak.wifi.connected():
            return False
        for message in self._due(self._to_bridge, now):
            self._soak.bridge.receive(*message[1:])
        moved = False
        for message in self._due(self._to_clock, now):
            work.spend(queue_rig.SEND_US)
            self._soak.uplink._on_message(message[1], memoryview(message[2]))
            moved = True
        return moved

    # --- as a client ---

    def MQTTClient(self, *_, **__):  # noqa: N802 - as umqtt.simple
        return self

    def set_callback(self, _):
        pass

    def ping(self):
        pass

    def publish(self, topic, message, retain=False):  # noqa: ARG002, FBT002 - as umqtt.simple
        work.spend(queue_rig.SEND_US)
        self._send(self._to_bridge, bytes(topic), bytes(message))

    # --- the way ---

    def answer(self, name, frame):
        self._send(self._to_clock, b"badgeclock/v1/clock-0001/" + name, frame)

    def _send(self, queue, topic, message):
        dice, fault = self._soak.dice, self.fault
        if fault == "lose" and dice.chance() < 0.3:
            return
        late_ms = 20
        if fault == "slow":
            late_ms = dice.between(500, 6000)
        elif fault == "reorder":
            late_ms = dice.between(0, 400)
        due = time.ticks_add(time.ticks_ms(), late_ms)
        queue.append((due, topic, message))
        if fault == "duplicate":
            queue.append((due, topic, message))
        elif fault == "replay" and self._old:
            queue.append((due,) + dice.choice(self._old))
        elif fault == "forge":
            at = dice.between(0, len(message))
            queue.append((due, topic, message[:at] + bytes((message[at] ^ 1,)) + message[at + 1 :]))
        if queue is self._to_clock:
            self._old = self._old[-15:] + [(topic, message)]

    @staticmethod
    def _due(queue, now):
        due = [message for message in queue if time.ticks_diff(now, message[0]) >= 0]
        for message in due:
            queue.remove(message)
        return due


class Bridge:
    """Receives the clock's records, judges them by their seal, and acknowledges."""

    def __init__(self, soak):
        self._soak = soak
        self.judge = Auditor("clock-0001", E0)
        self._down = frames.downward_key(LINK_KEY)
        self._up = frames.upward_key(LINK_KEY)
        self._counter = 0
        self._receipt = 0

    def receive(self, topic, message):
        if topic.endswith(b"/punches"):
            self._take_records(message)
        elif topic.endswith(b"/status"):
            scope = frames.context(b"clock-0001", bytes(8))
            try:
                kind, counter, _ = frames.open_frame(self._up, scope, message)
            except frames.FrameError:
                return  # forged on the way
            if kind == frames.STATUS:
                now_ms = self._soak.timekeeper.now_s() * 1000
                self._answer(b"command", frames.TIME, struct.pack(">QQ", now_ms, counter))
                self._acknowledge(frames.VERDICT_IN_ORDER)

    def _take_records(self, batch):
        judge, verdict = self.judge, frames.VERDICT_IN_ORDER
        for at in range(0, len(batch) - 63, 64):
            raw = batch[at : at + 64]
            seq = struct.unpack_from(">I", raw, 4)[0]
            if seq < judge.seq:
                continue
            burnt = raw[41] if raw[1] == BOOT else 0
            if seq != judge.seq + burnt:
                verdict = frames.VERDICT_GAP
                break
            try:
                judge.take(raw)
            except AssertionError:
                if self._soak.net.fault == "forge":
                    break  # not the clock's: changed on the network path
                raise
            if raw[1] == PUNCH:
                self._soak.delivered(seq)
        del judge.records[:], judge.spent[:], judge.burnt[:]
        self._acknowledge(verdict)

    def _acknowledge(self, verdict):
        self._answer(b"ack", frames.ACK, struct.pack(">IB8s", self.judge.seq, verdict, bytes(8)))

    def _answer(self, name, kind, body):
        self._counter += 1
        scope = frames.context(b"clock-0001", self._soak.channel.session)
        self._soak.net.answer(name, frames.seal_frame(self._down, scope, kind, self._counter, body))


class Soak:
    """One clock, its flash, and the workers who come to it."""

    def __init__(self, taps, seed, say_every=0):
        clock_module.gc = Collector(self)
        self.dice = Dice(seed)
        self.left = taps
        self.taps = self.pairs = 0
        self._seed, self._say_every = seed, say_every
        self.happened = {}
        self.signalled = set()  # seqs of punches that the bridge has not yet
        self.punches = self.unsignalled = self.cuts = self.restarts = 0
        self.lowest_free = 1 << 30
        self._lately = []
        self._known = [b"\x5b" + number.to_bytes(3, "big") for number in range(KNOWN)]
        self.journal, self.seal = BusyNor(JOURNAL_SECTORS), BusyNor(SEAL_SECTORS)
        self.flash = BusyNor(ROSTER_SECTORS)
        self.seal.supply = self.flash.supply = self.journal.supply  # one board
        self.timekeeper = Timekeeper()
        provision(self.journal, self.seal, Settings.clock_id, E0, bytes(8), self._stamp())
        self.net, self.wifi, self.bridge = Net(self), Wifi(), Bridge(self)
        self.version = 0

    # --- events ---

    def card(self):
        """A UID that none of the last ones was."""
        while True:
            if self.dice.chance() < 0.6:
                uid = self.dice.choice(self._known)
            else:
                size = self.dice.choice((4, 7, 10))
                uid = bytes([self.dice.between(1, 0x88)] + [self.dice.between(0, 0x88) for _ in range(size - 1)])
            if uid not in self._lately and uid[0] != 8:
                self._lately = self._lately[-7:] + [uid]
                return uid

    def count(self, what):
        self.happened[what] = self.happened.get(what, 0) + 1

    def trouble(self):
        """Other events than a tap."""
        dice = self.dice
        if self._say_every and self.taps % self._say_every == 0:
            print(self.taps, "taps", self.outcome())
        if dice.chance() < 0.02:
            self.net.fault = dice.choice(NETWORK) if dice.chance() < 0.7 else "none"
            self.count("network " + self.net.fault)
        if dice.chance() < 0.004:
            air = dice.choice(AIR)
            self.count("access point " + air)
            self.wifi.gone_until = time.ticks_add(time.ticks_ms(), dice.between(3000, 150000))
            self.wifi.needs_radio = air in ("forgotten", "moved", "nowhere")
        if dice.chance() < 0.003:
            self.cards.fall_ill(dice.choice((GARBLED, TIMEOUT, DEAF)), dice.between(100, 8000))
            self.count("reader")
        if dice.chance() < 0.002:
            self.journal.supply.cut_after(dice.between(1, 1500), dice.between(1, 1 << 16))
            self.count("power cuts")
        if dice.chance() < 0.0005:
            self.version += 1
            self._image = Image(self.version, entries_of(dice.between(1, 200), dice.between(0, 1000)))
            self.count("rosters")
            self._give_roster(0)

    def _give_roster(self, part):
        """A part of the newest roster, as the uplink passes it on; lost parts are not repeated."""
        self.errands.handle(frames.ROSTER, 1, self._image.body(part))

    # --- the clock ---

    def _stamp(self):
        stamp = record.Stamp()
        self.timekeeper.stamp(stamp)
        return stamp

    def _start(self):
        """A start with the flash's content."""
        self.roster = roster_start.load(self.flash, LINK_KEY)
        self.log = SealedLog(self.journal, self.seal, Settings.clock_id, bytes(8))
        self.log.open(1, None)
        recent = Recent(is_short=False)
        recalled = recall(self.log, recent)
        self.log.begin(self._stamp())
        display = SSD1306_I2C(BusyPanel())
        display.start()
        face = self.face = Face(Settings, ENGLISH, display, Signal(), Signal(), self.timekeeper, self.log, Receipts())
        self.cards = Cards(self)
        reader = Reader(self.cards)
        self.channel = Channel(Settings.clock_id, LINK_KEY)
        self.errands = Errands(self.channel, face, reader, self.log, self.roster)
        self.uplink = Uplink(
            Settings,
            self.channel,
            None,
            self.log,
            self.timekeeper,
            None,
            None,
            self.wifi,
            self.net,
            face,
            dict,
            self.errands,
        )
        self.uplink._link = self.net
        self.uplink._connect = self._connect
        self._makes = Punches(
            Settings,
            b"s" * 32,
            self.log,
            self.timekeeper,
            recent,
            recalled.latest_s,
            face,
            self.uplink.notify,
            self.roster,
        )
        self._punched, face.punched = face.punched, self._signals
        return Clock(
            reader,
            Keys(self),
            Case(),
            self._makes,
            face,
            self.log,
            self.timekeeper,
            self.uplink,
            None,
            self._reset,
            0,
            14,
            None,
        )

    def _signals(self, outcome):
        if outcome.kind in (KEPT, DUPLICATE, UNKNOWN):
            self.signalled.add(outcome.seq)
            self.punches += 1
        self._punched(outcome)

    async def _connect(self):
        uplink = self.uplink
        await self.net.open()
        uplink._connection += 1
        uplink._number = uplink._last_counter = uplink._gap_asked = 0
        self.channel.session = bytes([self.dice.between(0, 256) for _ in range(8)])
        uplink._window.restart(self.log.tail)
        uplink._client = self.net
        self.bridge._counter = 0
        uplink._send_status()
        uplink._set_state(ONLINE)

    def delivered(self, seq):
        if seq in self.signalled:
            self.signalled.remove(seq)
        else:
            self.unsignalled += 1

    def _reset(self):
        raise Restart

    def live(self):
        """Run from start to start until every card has come, and the bridge has everything."""
        while self.left:
            clock = self._start_again()
            try:
                run(self._until_over(clock), LIFE_MS)
            except PowerCut:
                self.cuts += 1
            except Restart:
                if self.journal.supply.is_cut:
                    self.cuts += 1
                else:
                    self.restarts += not self.errands.restart_due
                    self.count("restarts asked for" if self.errands.restart_due else "restarts by itself")
            self.journal.supply.restore()
        self.net.fault = "none"
        self.wifi.gone_until, self.wifi.needs_radio = time.ticks_ms(), False
        clock = self._start_again()
        self.journal.supply.cancel_cut()
        run(self._until_delivered(clock), 40 * LIFE_MS)

    def _start_again(self):
        while True:
            try:
                return self._start()
            except PowerCut:
                self.cuts += 1
                self.journal.supply.restore()

    async def _until_over(self, clock):
        serving = asyncio.create_task(clock._serve(lambda: None))
        while self.left and not serving.done():
            await asyncio.sleep_ms(1000)
        if serving.done():
            await serving
        serving.cancel()

    async def _until_delivered(self, clock):
        serving = asyncio.create_task(clock._serve(lambda: None))
        for _ in range(100000):
            if self.bridge.judge.seq == self.log.head and not self.signalled:
                break
            await asyncio.sleep_ms(1000)
        serving.cancel()

    def outcome(self):
        """lost: punches that were signalled and are not with the bridge; unsignalled: that are, and were not: at most
        one a cut. restarts: that nobody caused. lowest_free: heap bytes, of all that this process has.
        """
        return {
            "seed": self._seed,
            "taps": self.taps,
            "pairs": self.pairs,
            "punches": self.punches,
            "cuts": self.cuts,
            "unsignalled": self.unsignalled,
            "restarts": self.restarts,
            "lost": len(self.signalled),
            "lowest_free": self.lowest_free,
            "days": time.passed_ms // 86400000,
            "happened": self.happened,
        }


class Restart(Exception):
    """The board was reset."""


class Collector(queue_rig.Collector):
    """Notes the scarcest moment of the heap."""

    def __init__(self, soak):
        self._soak = soak

    def collect(self):
        super().collect()
        self._soak.lowest_free = min(self._soak.lowest_free, gc.mem_free())


if __name__ == "__main__":
    soak = Soak(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
    soak.live()
    print(json.dumps(soak.outcome()))

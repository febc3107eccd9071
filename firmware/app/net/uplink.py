"""Sends every record to the bridge, and handles its answers. No fault of the network loses anything from the journal.

A record may be dropped only below `next` of an authenticated ACK (docs/protocol.md §6, §7). Until then it is sent, and
sent again: after a gap that the bridge reports, after a timeout, after every new connection. The bridge identifies a
record by (clock, seq, tag), so repetitions do no harm.

On a connection: CONNECT with the last will, the three subscriptions, STATUS with the session of eight random bytes;
then batches from the journal's tail, as `Window` allows. The bridge answers STATUS with TIME, ACK and RECEIPTS.

Nothing here blocks on the network (see app/net/link.py), and nothing ends `run`: any failure is counted in `failures`,
closes the connection and starts another after a pause with full jitter (AWS Architecture Blog, "Exponential Backoff And
Jitter"): a random time up to 0.5 s, 1 s, 2 s … at most 30 s. The first tries are quick so that a restarted broker is
found within seconds; with 30 s, ten thousand clocks connect 670 times a second on average, which a broker can handle.
"""

import asyncio
import gc
import os
import struct
import time

from micropython import const

from app import console, on_demand
from app.errors import FrameError, JournalFull, LinkError
from app.log import record
from app.log.record import KIND_TIME_SET, RECORD_BYTES, SOURCE_NONE
from app.net import frames
from app.net.link import POLL_MS, Link
from app.receipts import RECEIPT_OF_DAY, RECEIPT_REGISTERED

_GREETING = "app.net.greeting"
_JOINING = "app.net.joining"
_HEARTBEAT = "app.net.heartbeat"

NO_WIFI = const(0)
NO_BROKER = const(1)
ONLINE = const(2)

BATCH_RECORDS = const(16)
WINDOW_RECORDS = const(256)  # sixteen batches; more gains nothing with an ack in 20 ms
ACK_TIMEOUT_MS = const(5000)
ACK_TIMEOUT_MAX_MS = const(15000)
ACK_OVERDUE_MS = const(1000)  # a bridge whose answer lacks a record sent this long ago never got it: it was restarted

BACKOFF_FIRST_MS = const(500)
BACKOFF_MOST_MS = const(30000)
STEADY_MS = const(10000)  # a connection that lasted this long resets the backoff

KEEPALIVE_S = const(60)
PING_AFTER_MS = const(30000)
SWEEP_MS = const(1000)  # how often the log is checked without notice, and changes of state are checked
STATUS_PAUSE_MS = const(1000)  # between two STATUS frames of a connection
_SEALED_DESK = const(0x18)  # as in app.net.errands
TIME_SLOW_MS = const(500)  # a TIME that took longer is used, and requested again: the round trip is the clock's bound
TIME_ASKS = const(3)  # at most this often in a row; a bridge that starts after its clock answers the first STATUS late
TIME_LATE_MS = const(10000)  # a TIME that took longer is too imprecise; a broker that delays it must not set the clock
TIME_STEP_MS = const(2000)  # a larger step is a TIME_SET record
_WIFI_POLL_MS = const(250)
# After this long without an address, or with one but no byte from the broker, Wi-Fi is joined from the radio up: the
# port may wait forever for a vanished access point, or keep a useless address. Then twice as long, ...
_WIFI_LOST_MS = const(120000)
_WIFI_LOST_MOST_MS = const(960000)
_STATUS_KEPT = const(4)  # sending times of the last STATUS frames, for their TIME
_ENOMEM = const(12)  # what an ESP32's TLS raises where there is no memory for a connection
_RETIRE = b"\x05"  # the body of that COMMAND, which has no arguments


class Window:
    """Records in flight, by number: go-back-N, because the bridge accepts a chain in order only.

    Every number from `base` up is unknown to the bridge; those below `cursor` have been sent. Times are ticks in ms.
    """

    def __init__(self):
        self.restart(0)

    def restart(self, base):
        """Reset: nothing is in flight; `base` is sent first."""
        self.base = self.cursor = base
        self.limit = BATCH_RECORDS
        self.waits = 0  # timeouts in a row
        self._since = 0
        self._gap = -1  # the last gap answered by going back
        self._retry = False  # after a timeout: an answer, even without progress, means that sending again is useful

    def room(self, head):
        """How many records may be sent now."""
        return max(0, min(BATCH_RECORDS, head - self.cursor, self.limit - (self.cursor - self.base)))

    def sent(self, cursor, now):
        """Everything below `cursor` has been sent."""
        if self.cursor == self.base:
            self._since = now
        self.cursor = cursor

    def answered(self, next_seq, verdict, now):
        """The bridge has all below `next_seq`; after VERDICT_GAP later records were discarded."""
        if next_seq > self.base:
            self.base = next_seq
            self.cursor = max(self.cursor, next_seq)
            self.limit = min(WINDOW_RECORDS, 2 * self.limit)
            self.waits = 0
            self._since = now
            self._gap = -1
            self._retry = False
        if verdict == frames.VERDICT_GAP or next_seq < self.base:
            # Everything sent before the bridge reported the gap is answered with the same gap: go back once.
            if self._gap != next_seq:
                self._gap = next_seq
                self._back(next_seq, now)
                self.limit = BATCH_RECORDS
        elif next_seq == self.base and (self._retry or time.ticks_diff(now, self._since) > ACK_OVERDUE_MS):
            self._retry = False
            self._back(next_seq, now)
            self.limit = BATCH_RECORDS

    def expired(self, now):
        """Whether the bridge was silent for too long; then one record is sent as a probe, then two, four …: batches
        grow to what the network transports within the timeout.
        """
        if self.cursor == self.base:
            return False
        if time.ticks_diff(now, self._since) < min(ACK_TIMEOUT_MS * (1 + self.waits), ACK_TIMEOUT_MAX_MS):
            return False
        self.waits += 1
        self.limit = 1
        self._gap = -1
        self._retry = True
        self._back(self.base, now)
        return True

    def _back(self, seq, now):
        self.base = self.cursor = seq
        self._since = now


def backoff_ms(failures, chance):
    """The pause after the n-th failure in a row (from 0); `chance` is random, 0 to 65,535."""
    return min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS << min(failures, 16)) * chance >> 16


class Uplink:
    """The uplink of one clock. `run` it as a task; `notify` it of every record.

    settings: clock_id, broker_host, broker_port, heartbeat_s. channel: app.net.frames.Channel. certs: ca, cert, key in
    DER. log: the SealedLog, open. timekeeper: `stamp`, `set_from_bridge`, `refuse`. sockets, tls, mqtt_module: modules
    socket, tls and umqtt.simple. wifi: `connected()`, `start()`, `rejoin()`, `dns()`. status: returns a dict of STATUS
    keys; `firmware`, `heap_free`, `reset` and `reader` should be among them. events, called within the uplink's task:
    `receipt(seq, state, code, reception_number)`, `link(state)`, `acked(tail)`. An exception of `status` or `events` is
    counted and changes nothing else. errands: app.net.errands.Errands. room: `take()` and `give()` of the memory that a
    connection needs, reserved while there is none, and `join()` before Wi-Fi takes its part of it; None where memory is
    sufficient.
    """

    def __init__(
        self,
        settings,
        channel,
        certs,
        log,
        timekeeper,
        sockets,
        tls,
        wifi,
        mqtt_module,
        events,
        status,
        errands,
        room=None,
    ):
        self._log = log
        self._timekeeper = timekeeper
        self._wifi = wifi
        self._room = room
        self._events = events
        self.status = status
        self._settings = settings
        self._channel = channel
        self.errands = errands
        self._mqtt = mqtt_module
        self._link = mqtt_module.socket = Link(
            sockets, wifi.dns, tls, certs, settings.broker_host, settings.broker_port
        )
        self._client = self._new_client()
        self._stamp = record.Stamp()
        self._window = Window()
        self._connection = 0  # of this boot
        self._number = 0  # of the last frame in this connection
        self._last_counter = 0  # of a frame from the bridge in this session
        self._receipt = 0  # highest receipt number without a gap below it, this boot
        self._gap_asked = 0  # how often later ones were requested from the bridge
        self._time_asked = 0  # how often a faster TIME was requested
        self._status_due = False
        self._status_at = time.ticks_ms()
        self._status_sent = [(0, time.ticks_ms())] * _STATUS_KEPT
        self._noted = None
        self._notified = False
        self._swept_at = time.ticks_ms()
        self._reached_at = time.ticks_ms()  # when the broker last sent something, or Wi-Fi was joined again
        self._patience_ms = _WIFI_LOST_MS
        self.link_state = NO_WIFI
        self.rejected = 0  # frames from the network that were ignored, this boot
        self.failures = {}  # category (app.errors.LinkError): how often a connection ended by it
        self.last_failure = ""

    # --- for the clock ---

    @property
    def wire(self):
        """Traffic of this or the last connection: `writes` (TLS records), `written` and `received` bytes."""
        return self._link.wire

    def notify(self):
        """A record was appended; it is sent at the uplink's next turn, within POLL_MS."""
        self._notified = True

    def report_status(self):
        """Something relevant changed: send STATUS soon."""
        self._status_due = True

    def run_errands(self):
        """Do a bounded piece of an errand; True if there is more."""
        return self._guarded(self.errands.step, self)

    async def run(self):
        """Keep the clock connected; never returns."""
        failures = 0
        while True:
            online_at = None
            wire = self._link.wire
            try:
                if not self._wifi.connected():
                    await self._join()
                    failures = 0  # earlier failures do not apply to the present network
                self._set_state(NO_BROKER)
                await self._connect()
                online_at = time.ticks_ms()
                await self._serve()
            except Exception as error:  # noqa: BLE001 - whatever it was, make a new connection
                self._count(error)
            if self._link.wire is not wire and self._link.wire.received:
                self._reached_at = time.ticks_ms()
                self._patience_ms = _WIFI_LOST_MS
            self._link.shut()
            self.errands.disconnected()
            if self._room:
                gc.collect()  # remains of the connection take memory
                self._room.take()
            self._set_state(min(self.link_state, NO_BROKER))
            if online_at is not None and time.ticks_diff(time.ticks_ms(), online_at) > STEADY_MS:
                failures = 0
                gc.collect()
            self._rejoin_if_lost(time.ticks_ms())
            await self._pause(backoff_ms(failures, int.from_bytes(os.urandom(2), "big")))
            failures += 1

    async def _pause(self, pause_ms):
        """Wait, but only while Wi-Fi is connected."""
        while True:
            step_ms = min(pause_ms, _WIFI_POLL_MS)
            await asyncio.sleep_ms(step_ms)
            pause_ms -= step_ms
            if not pause_ms or not self._wifi.connected():
                return

    # --- connecting ---

    async def _join(self):
        self._set_state(NO_WIFI)
        try:
            await on_demand.load(_JOINING).join(self)
        finally:
            on_demand.drop(_JOINING)

    def _rejoin_if_lost(self, now):
        if time.ticks_diff(now, self._reached_at) >= self._patience_ms:
            self._reached_at = now
            self._patience_ms = min(2 * self._patience_ms, _WIFI_LOST_MOST_MS)
            console.report("Wi-Fi leads nowhere: joining it from the radio up")
            self._wifi.rejoin()

    def _new_client(self):
        """A new client for each connection, so that packet identifiers start at 1 and never reach 65,536."""
        own = self._settings
        client = self._mqtt.MQTTClient(own.clock_id, own.broker_host, own.broker_port, keepalive=KEEPALIVE_S)
        client.set_callback(self._on_message)
        return client

    async def _connect(self):
        """Connect, subscribe, send STATUS. Raises any error of these."""
        await self._link.open(self._room)
        try:
            await on_demand.load(_GREETING, "app.log.connection_numbers").greet(self)
        finally:
            on_demand.drop(_GREETING)
        self._set_state(ONLINE)

    async def _serve(self):
        """Send and receive until something ends the connection."""
        link = self._link
        self._notified = True
        while True:
            moved = link.poll()
            now = time.ticks_ms()
            if time.ticks_diff(now, self._swept_at) >= SWEEP_MS:
                self._swept_at = now
                self._sweep(now)
            self.errands.step_order(self, now)
            if link.idle and self._send(now):
                moved = True
            await asyncio.sleep_ms(0 if moved else POLL_MS)

    def _set_state(self, state):
        if state != self.link_state:
            self.link_state = state
            self._guarded(self._events.link, state)

    def _count(self, error):
        """Count a failure under its category and keep its text for the technician."""
        if isinstance(error, LinkError) and len(error.args) == 2:
            category, detail = error.args
            if category == "certificate" and "validity" in detail:  # mbedTLS: "has expired", "starts in the future"
                self._timekeeper.refuse()
        elif isinstance(error, MemoryError) or (isinstance(error, OSError) and error.args[0] == _ENOMEM):
            category, detail = "memory", ""
        else:
            category, detail = "other", repr(error)
        self.failures[category] = self.failures.get(category, 0) + 1
        failure = "%s: %s" % (category, detail)
        if failure != self.last_failure:
            console.report("connection:", failure)
        self.last_failure = failure

    def _guarded(self, function, *arguments):
        """The result of the clock's own function, or None: a fault of display or reader must not end a connection."""
        try:
            return function(*arguments)
        except FrameError:
            self.rejected += 1
        except Exception as error:  # noqa: BLE001 - faults of other parts, counted here
            self.failures["clock"] = self.failures.get("clock", 0) + 1
            self.last_failure = "clock: " + repr(error)

    # --- sending ---

    def _send(self, now):
        """Send the one packet that is most urgent, if any. True if one was."""
        window = self._window
        if self._status_due and time.ticks_diff(now, self._status_at) >= STATUS_PAUSE_MS:
            self._send_status()
            return True
        errand = self.errands.unsent
        if errand:
            errand.publish(self._client, self._next_counter())
            return True
        if self._notified:
            room = window.room(self._log.head)
            if room:
                return self._send_records(room, now)
            if window.cursor >= self._log.head:
                self._notified = False
        if self._link.quiet_ms >= PING_AFTER_MS and self._link.ping_since is None:
            self._client.ping()
            return True
        return False

    def _send_records(self, room, now):
        log, cursor, count = self._log, self._window.cursor, 0
        batch = self._link.space(room * RECORD_BYTES)
        while count < room and cursor < log.head:  # one reading ends with its sector
            read, cursor = log.read_into(batch[count * RECORD_BYTES :], cursor, room - count)
            count += read
        if count:
            self._client.publish(self._channel.topic("punches"), batch[: count * RECORD_BYTES])
        self._window.sent(cursor, now)
        return count > 0

    def _sweep(self, now):
        """Checks once a second: Wi-Fi, timeouts, records without notice, the heartbeat, relevant changes."""
        if not self._wifi.connected():
            raise LinkError("closed", "no Wi-Fi")
        if self._window.expired(now):
            self._status_due = True
        self._notified = True
        note = (self._log.sealed, self._log.nearly_full)
        if note != self._noted or time.ticks_diff(now, self._status_at) >= self._settings.heartbeat_s * 1000:
            self._status_due = True

    def _next_counter(self):
        """The counter of the next frame of this connection."""
        self._number += 1
        return frames.upward_counter(self._log.boot, self._connection, self._number)

    def facts(self):
        """The content of STATUS (docs/protocol.md §7), as a dict."""
        try:
            return on_demand.load(_HEARTBEAT).facts(self)
        finally:
            on_demand.drop(_HEARTBEAT)

    def _send_status(self):
        try:
            on_demand.load(_HEARTBEAT).send(self)
        finally:
            on_demand.drop(_HEARTBEAT)

    # --- receiving ---

    def _on_message(self, topic, frame):
        """Handle a publication. Anything but a fresh frame of this session's bridge is counted and ignored."""
        try:
            kind, counter, body = self._channel.open(topic, frame)
            if counter <= self._last_counter:
                raise FrameError("counter")
            self._last_counter = counter
            if kind == frames.ACK:
                self._handle_ack(body)
            elif kind == frames.RECEIPTS:
                self._handle_receipts(body)
            elif kind == frames.TIME:
                self._handle_time(body)
            elif kind == frames.COMMAND and bytes(body) == _RETIRE:
                self._retire()
            else:
                self.errands.handle(kind, counter, body)
                if kind == _SEALED_DESK:
                    self._notified = True  # a job begins with a record
        except FrameError:
            self.rejected += 1
        except MemoryError as error:  # an errand is loaded when there is room; the bridge sends again
            self._count(error)

    def _handle_ack(self, body):
        next_seq, verdict, beacon = frames.read_ack(body)
        log = self._log
        if next_seq > log.head:
            raise FrameError("ack of records that do not exist")
        if beacon != record.NOTHING:
            log.set_beacon(beacon)
        before = log.tail
        log.ack(next_seq)
        self._window.answered(next_seq, verdict, time.ticks_ms())
        self._notified = True
        if log.tail != before:
            self._guarded(self._events.acked, log.tail)

    def _handle_receipts(self, body):
        """Pass the receipts on, in order and once each. At a gap request the missing ones, by STATUS.

        The bridge repeats only those younger than a day, so a gap can remain: after two tries it is accepted. One of an
        unknown state, from a newer bridge, is skipped, so that it does not delay reception numbers.
        """
        for index in range(frames.count_receipts(body)):
            number, seq, state, code, reception_number = frames.read_receipt(body, index)
            if number <= self._receipt:
                continue
            if self._receipt and number != self._receipt + 1 and self._gap_asked < 2:
                if not self._status_due:
                    self._gap_asked += 1
                    self._status_due = True
                return
            self._gap_asked = 0
            self._receipt = number
            if RECEIPT_REGISTERED <= state <= RECEIPT_OF_DAY:
                self._guarded(self._events.receipt, seq, state, code, reception_number)
            else:
                self.rejected += 1

    def _handle_time(self, body):
        """Set the clock, if the answer came soon enough, and record the step if it is large enough."""
        utc_ms, answered = frames.read_time(body)
        number = answered & 0xFFFFFFFF
        sent_number, sent_at = self._status_sent[number % _STATUS_KEPT]
        if number != sent_number or answered != frames.upward_counter(self._log.boot, self._connection, number):
            raise FrameError("time for another status")
        rtt_ms = time.ticks_diff(time.ticks_ms(), sent_at)
        if rtt_ms <= TIME_SLOW_MS:
            self._time_asked = 0
        elif self._time_asked < TIME_ASKS:
            self._time_asked += 1
            self._status_due = True
        if rtt_ms > TIME_LATE_MS:
            raise FrameError("time too late")
        if not self._log.free:
            return  # no room for TIME_SET; the next STATUS brings another TIME
        stamp = self._stamp
        self._timekeeper.stamp(stamp)
        source = stamp.source
        old = struct.pack(">IHBB", stamp.utc_s, stamp.ms, source, 0)
        step_ms = self._timekeeper.set_from_bridge(utc_ms, rtt_ms)
        if source != SOURCE_NONE and abs(step_ms) <= TIME_STEP_MS:
            return
        self._timekeeper.stamp(stamp)
        try:
            self._log.append(KIND_TIME_SET, 0, record.NOTHING, old, stamp)
        except JournalFull:
            pass  # `free` left room, so only a fault of the log gets here, and the log reports it
        self._notified = True

    def _retire(self):
        """End the log, if the bridge has acknowledged enough."""
        self._timekeeper.stamp(self._stamp)
        try:
            self._log.retire(self._stamp)
        except JournalFull:
            pass  # retired already, or the bridge must acknowledge first, and repeats the order
        self._notified = self._status_due = True

"""A clock without a case: the real sealed log and uplink inside MicroPython, led by lines. For tests and the bench.

    micropython uplink_clock.py SETUP.json

Flash is a file, so that a small heap holds a clock with a backlog of thousands. Commands come as JSON lines on stdin,
events go out as JSON lines on stdout. A ticker of 10 ms stands for the badge loop: it appends requested punches and
does the log's housekeeping, and it measures its delay by the uplink.
"""

# MicroPython has no pathlib and no contextlib, and its event loop has no files.
# ruff: noqa: PTH123, SIM115, ASYNC230, RUF005, E402, I001

import asyncio
import errno
import gc
import json
import os
import select
import socket
import sys
import time
import tls
from binascii import unhexlify

sys.path[:] = os.getenv("BADGECLOCK_PATH").split(":") + [".frozen"]

from app.log import provisioning, sealed_log
from app.log.record import DIRECTION_IN, FLAG_DUPLICATE, Stamp
from app.settings import Secrets, Settings
from app.timekeeper import Timekeeper

SECTOR = 4096
ERASED = b"\xff" * 256
TICK_MS = 10
ANYBODY = (FLAG_DUPLICATE, b"badgebdg")  # a punch that is not declared


class FlashFile:
    """esp32.Partition's block interface over a file, NOR as it is: a program clears bits and can set none."""

    def __init__(self, path, sectors):
        self._sectors = sectors
        try:
            self._file = open(path, "r+b")
        except OSError:
            self._file = open(path, "w+b")
            for _ in range(sectors * SECTOR // len(ERASED)):
                self._file.write(ERASED)

    def readblocks(self, block, buf, offset=0):
        self._file.seek(block * SECTOR + offset)
        if self._file.readinto(buf) != len(buf):
            raise OSError(errno.EIO)

    def writeblocks(self, block, buf, offset=0):
        old = bytearray(len(buf))
        self.readblocks(block, old, offset)
        new = int.from_bytes(buf, "big")
        if int.from_bytes(old, "big") & new != new:
            raise ValueError("program of 0 to 1")
        self._write(block, offset, buf)

    def ioctl(self, operation, argument):
        if operation == 6:
            for offset in range(0, SECTOR, len(ERASED)):  # in parts: a fragmented heap has no 4 KB in one piece
                self._write(argument, offset, ERASED)
            return 0
        return self._sectors if operation == 4 else SECTOR

    def _write(self, block, offset, buf):
        self._file.seek(block * SECTOR + offset)
        self._file.write(buf)
        self._file.flush()


class HostRtc:
    """An RTC that is `offset_s` off the host's clock, or has stopped."""

    def __init__(self, offset_s):
        self._offset_s = offset_s
        self._note = None

    def read(self):
        return None if self._offset_s is None else time.gmtime(time.time() + self._offset_s)[:6]

    def note(self):
        return self._note

    def set(self, *date_and_note):
        self._offset_s = 0
        self._note = date_and_note[-1]


class Sockets:
    """Module socket. The site's name server is the test's, on the port that is free there."""

    AF_INET = socket.AF_INET
    SOCK_STREAM = socket.SOCK_STREAM
    SOCK_DGRAM = socket.SOCK_DGRAM
    socket = socket.socket

    def __init__(self, name_server):
        self._name_server = name_server

    def getaddrinfo(self, host, port, *more):
        return socket.getaddrinfo(host, self._name_server if port == 53 else port, *more)


class Wifi:
    """An access point that the test switches."""

    def __init__(self):
        self.up = True

    def connected(self):
        return self.up

    def start(self):
        say("wifi started")

    def rejoin(self):
        say("wifi rejoined")

    def dns(self):
        return "127.0.0.1"


class Certs:
    """The three files in DER."""

    def __init__(self, setup):
        self.ca = read(setup["ca"])
        self.cert = read(setup["cert"])
        self.key = read(setup["key"])


class Events:
    """What the uplink reports to the clock, passed on. `faulty` makes each of them raise, as a broken display would."""

    faulty = False

    def receipt(self, seq, state, code, reception_number):
        say("receipt", seq=seq, state=state, code=code, number=reception_number)
        self._break()

    def link(self, state):
        say("link", state=state)
        self._break()

    def acked(self, tail):
        say("acked", tail=tail)
        self._break()

    def identify(self):
        say("identify")
        self._break()

    def _break(self):
        if self.faulty:
            raise OSError(errno.EIO)


def ignore(_):
    """The port's clock is the host's own and stays as it is."""


def read(path):
    with open(path, "rb") as file:
        return file.read()


def say(event, **fields):
    fields["event"] = event
    print(json.dumps(fields))


class Clock:
    """The parts that main.py would compose, as far as the uplink uses them."""

    def __init__(self, setup):
        self.settings = Settings(json.dumps(setup["settings"]))
        secrets = Secrets(json.dumps(setup["secrets"]))
        journal = FlashFile(setup["flash"] + ".journal", setup.get("sectors", 64))
        seal = FlashFile(setup["flash"] + ".seal", 4)
        rtc = HostRtc(setup.get("rtc_offset_s", 0))
        self.timekeeper = Timekeeper(rtc, self.settings.timezone, ignore)
        self.stamp = Stamp()
        self.timekeeper.stamp(self.stamp)
        if "e0" in setup:
            provisioning.provision(
                journal, seal, self.settings.clock_id, unhexlify(setup["e0"]), unhexlify(setup["nonce"]), self.stamp
            )
        self.log = sealed_log.SealedLog(journal, seal, self.settings.clock_id, bytes(8))
        self.log.open(sealed_log.RESET_POWER_ON, self.stamp)
        self.wifi = Wifi()
        self.events = Events()
        gc.collect()
        say("heap", before_uplink=gc.mem_alloc())
        import umqtt.simple as mqtt
        from app.net.errands import Errands
        from app.net.frames import Channel
        from app.net.roster import Roster
        from app.net.uplink import Uplink

        if setup.get("umqtt") == "1.8":
            from umqtt18 import MQTTClient

            mqtt.MQTTClient = MQTTClient

        certs, net, wifi, events = Certs(setup), Sockets(setup["name_server"]), self.wifi, self.events
        channel = Channel(self.settings.clock_id, secrets.link_key)
        own = self.settings, channel, certs, self.log, self.timekeeper
        errands = Errands(channel, events, None, self.log, Roster(None))
        self.uplink = Uplink(*own, net, tls, wifi, mqtt, events, self.status, errands)
        self.wanted = 0
        self.pace = 1
        self.flags, self.token = ANYBODY
        self.tap_every_ms = 0
        self.tap_due = time.ticks_ms()
        self.ticks = 0
        self.latest_ms = 0
        self.heap_low = gc.mem_free()

    def status(self):
        if self.events.faulty:
            raise OSError(errno.EIO)
        return {"firmware": "0123456789abcdef", "heap_free": gc.mem_free(), "reset": 1, "reader": "92", "test": True}

    async def tick(self):
        """The badge loop's stand-in."""
        while True:
            start = time.ticks_ms()
            await asyncio.sleep_ms(TICK_MS)
            self.ticks += 1
            self.latest_ms = max(self.latest_ms, time.ticks_diff(time.ticks_ms(), start) - TICK_MS)
            self.timekeeper.stamp(self.stamp)
            if self.tap_every_ms and self.log.free and time.ticks_diff(start, self.tap_due) >= 0:
                self.tap()
            for _ in range(self.pace):
                if self.wanted and self.log.free:
                    self.wanted -= 1
                    seq = self.log.punch(self.flags, self.token, self.stamp)
                    self.uplink.notify()
                    if self.pace == 1:
                        say("punch", seq=seq, ms=time.ticks_ms())
                self.log.idle(self.stamp)

    def tap(self):
        """A punch that was due some time ago; gives how many ms after that it was safe and would be signalled."""
        seq = self.log.punch(*ANYBODY, self.stamp)
        self.uplink.notify()
        say("tap", seq=seq, late_ms=time.ticks_diff(time.ticks_ms(), self.tap_due))
        self.tap_due = time.ticks_add(self.tap_due, self.tap_every_ms)

    async def listen(self):
        poller = select.poll()
        poller.register(sys.stdin, select.POLLIN)
        while True:
            if not poller.poll(0):
                await asyncio.sleep_ms(20)
                continue
            line = sys.stdin.readline()
            if not line:
                return
            command = json.loads(line)
            self.obey(command.pop("do"), **command)

    def obey(self, do, **more):
        if do == "punch":
            self.wanted += more["count"]
            self.pace = more.get("pace", 1)
            self.flags, self.token = (DIRECTION_IN, unhexlify(more["token"])) if "token" in more else ANYBODY
        elif do == "tap":
            self.tap_every_ms = more["every_ms"]
            self.tap_due = time.ticks_add(time.ticks_ms(), self.tap_every_ms)
        elif do == "wifi":
            self.wifi.up = more["up"]
        elif do == "faulty":
            self.events.faulty = more["on"]
        elif do == "state":
            self.tell_state()
        elif do == "fresh":
            self.ticks = self.latest_ms = 0

    def tell_state(self):
        gc.collect()
        free = gc.mem_free()
        uplink, log = self.uplink, self.log
        say(
            "state",
            head=log.head,
            tail=log.tail,
            wanted=self.wanted,
            link=uplink.link_state,
            rejected=uplink.rejected,
            failures=uplink.failures,
            last_failure=uplink.last_failure,
            ticks=self.ticks,
            latest_ms=self.latest_ms,
            writes=uplink.wire.writes,
            written=uplink.wire.written,
            received=uplink.wire.received,
            heap_free=free,
            heap_used=gc.mem_alloc(),
            source=self.timekeeper.source,
            utc_s=self.timekeeper.now_s(),
        )


async def main():
    with open(sys.argv[1]) as file:
        setup = json.load(file)
    clock = Clock(setup)
    say("ready", head=clock.log.head, tail=clock.log.tail)
    ticker = asyncio.create_task(clock.tick())
    uplink = asyncio.create_task(clock.uplink.run())
    await clock.listen()
    for task, name in ((ticker, "ticker"), (uplink, "uplink")):
        if task.done():
            say("ended", task=name)


asyncio.run(main())

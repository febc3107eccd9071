"""The reader's drivers at work for `reader_rig.py`; prints one JSON object.

Arguments: the folder of the firmware, the descriptor of the wire to the chip, and what to do:
    costs         SPI work and modelled time of a poll by badge, and of a proof
    proofs        what becomes of each of the badges that the rig puts into the field
    week N SEED   a week of polling in which the chip hangs N times
    allocation    heap bytes that 1,000 idle polls take
"""

import gc
import json
import struct
import sys
import time

sys.path[:] = ["", ".frozen", sys.argv[1]]

from app.badge import iso14443, iso_dep  # noqa: E402  the folder comes in by argument
from drivers import mfrc522  # noqa: E402

CALL_US = 60  # an SPI transfer of the ESP32's port, MicroPython's call included
BYTE_NS = 1600  # at 5 MHz
SELECT, WRITE, READ, TRANSFER, RESET, IRQ, ASK = range(7)

PERIOD = 1 << 30  # of an ESP32's ticks
DAY_MS = 86400000
POLL_MS = 40
CHECK_US = 3200000  # a little more than is between two checks of the chip
PROVED, AGAIN = 1, 3  # of app.badge.proof, which is loaded only on demand
WEEK_US = 7 * DAY_MS * 1000
LONGEST_US = 120 * 1000000


class Time:
    """Modelled time in the place of `time`, with an ESP32's ticks, which wrap within the week."""

    def __init__(self):
        self.us = 0
        self.ns = 0

    def spend(self, count):
        self.ns += CALL_US * 1000 + count * BYTE_NS
        self.us += self.ns // 1000
        self.ns %= 1000

    def ticks_ms(self):
        return (PERIOD - 3 * DAY_MS + self.us // 1000) % PERIOD

    def ticks_us(self):
        return self.us % PERIOD

    def ticks_add(self, ticks, delta):
        return (ticks + delta) % PERIOD

    def ticks_diff(self, one, two):
        return (one - two + PERIOD // 2) % PERIOD - PERIOD // 2

    def sleep_ms(self, ms):
        self.us += ms * 1000

    def sleep_us(self, us):
        self.us += us


class Bus:
    """The machine.SPI methods and the pins that the driver uses, at the other end of which the rig's chip is."""

    def __init__(self, wire, clock):
        self._wire = wire
        self._clock = clock

    def _send(self, op, n, data=b""):
        self._wire.write(struct.pack("<BHQ", op, n, self._clock.us) + data)

    def cs(self, level):
        self._send(SELECT, level)

    def rst(self, level):
        self._send(RESET, level)

    def irq(self):
        self._send(IRQ, 0)
        return self._wire.read(1)[0]

    def write(self, buf):
        self._clock.spend(len(buf))
        self._send(WRITE, len(buf), buf)

    def readinto(self, buf, write=0):
        self._clock.spend(len(buf))
        self._send(READ, write << 8 | len(buf))
        buf[:] = self._wire.read(len(buf))

    def write_readinto(self, out, into):
        self._clock.spend(len(out))
        self._send(TRANSFER, len(out), out)
        into[:] = self._wire.read(len(out))

    def ask(self, what):
        self._send(ASK, len(what), what)
        return json.loads(self._wire.read(int.from_bytes(self._wire.read(2), "little")))


def reader():
    """(Reader, Bus, Time), polled until the chip is set up."""
    clock = iso14443.time = mfrc522.time = iso_dep.time = Time()
    bus = Bus(open(int(sys.argv[2]), "r+b"), clock)  # noqa: PTH123, SIM115  MicroPython's; as long as the process lives
    made = iso14443.Reader(mfrc522.MFRC522(bus, bus.cs, bus.rst, bus.irq))
    made.poll(bytearray(10))
    return made, bus, clock


def leave(made, clock, uid):
    """The badges that were there have left, and the reader has noticed."""
    for _ in range(3):
        clock.sleep_ms(1100)
        made.poll(uid)
        made.check()


def prover(made, clock):
    import app.badge.proof

    app.badge.proof.time = clock
    return app.badge.proof.Prover(made, bytes(range(16)), "proved", "allow")


def costs():
    made, bus, clock = reader()
    prove = prover(made, clock).prove
    uid = bytearray(10)
    figures = {}
    for name, length in (("idle", 0), ("uid4", 4), ("uid7", 7), ("uid10", 10), ("desfire", 7)):
        leave(made, clock, uid)
        if length:
            bus.ask("badge " + name)
        clock.sleep_ms(5)
        bus.ask("counts")
        started = clock.us
        found = made.poll(uid)
        proof = prove(uid, found) if name == "desfire" else PROVED
        taken = clock.us - started
        counts = bus.ask("counts")
        if found != length or proof != PROVED:
            raise ValueError(f"{name}: {found} bytes, proof {proof}")
        figures[name + ".transactions"] = counts["transactions"]
        figures[name + ".bytes"] = counts["bytes"]
        figures[name + ".model_ms"] = taken / 1000
        # Each answer begins a frame delay time after the reader's last bit (ISO 14443-3 §6.2.1.1).
        figures[name + ".air_ms"] = counts["sent_ms"] + counts["received_ms"] + 0.09115 * counts["answers"]
        if name == "desfire":
            figures["desfire.card_ms"] = counts["waiting_ms"]
        bus.ask("remove")
    return figures


def proofs():
    """For each badge the verdict of its last proof, or None without a UID, and how long the worker waited for it."""
    made, bus, clock = reader()
    prove = prover(made, clock).prove
    uid = bytearray(10)
    results = []
    while bus.ask("next"):
        started = clock.us
        verdict = None
        number = ""
        quiet = 0
        while clock.us - started < 1500000 and quiet < 10:
            found = made.poll(uid)
            quiet += 1
            if found > 0:
                quiet = 0
                verdict = prove(uid, found)
                number = bytes(uid[:8]).hex() if verdict == PROVED else ""
                if verdict != AGAIN:
                    break
            made.check()
            clock.sleep_ms(POLL_MS)
        results.append((verdict, number, (clock.us - started) / 1000))
        bus.ask("remove")
        leave(made, clock, uid)
    return results


def week(hangs, seed):
    """Poll as the clock does. A badge comes as the chip hangs and stays until it is read: the time that takes is how
    long the reader was deaf. What is between two hangs is skipped, but for a part of the last seconds before each, so
    that it falls on any moment between two checks.
    """
    made, bus, clock = reader()
    uid = bytearray(10)
    recovered = 0
    longest = {}

    def serve():
        found = made.poll(uid)
        made.check()
        clock.sleep_ms(0 if found == iso14443.FAILED else POLL_MS)
        return found

    for n in range(hangs):
        clock.us = max(clock.us, WEEK_US * n // hangs)
        until = clock.us + int(bus.ask("random") * CHECK_US)
        while clock.us < until:
            if serve():
                raise ValueError("a badge where there is none")
        how = bus.ask("hang")
        wanted = None
        started = clock.us
        while clock.us - started < LONGEST_US:
            found = serve()
            if wanted is None and bus.ask("hung") is not None:
                wanted = bus.ask("badge new")
            elif wanted and found == 7 and bytes(uid[:7]).hex() == wanted:
                recovered += 1
                deaf = clock.us - bus.ask("hung")
                longest[how] = max(longest.get(how, 0), deaf)
                break
        else:
            print("not recovered from hang", n, how, "seed", seed)
        bus.ask("remove")
        leave(made, clock, uid)
    return {
        "hangs_injected": hangs,
        "hangs_recovered": recovered,
        "longest_deaf_s": max(longest.values()) / 1000000,
        "longest_deaf_s_by_kind": {how: us / 1000000 for how, us in longest.items()},
        "resets": made.resets,
        "usable": made.usable,
        "days": clock.us / 1000 / DAY_MS,
    }


def allocation():
    class Silent:
        """A chip that returns "no answer" at once without using heap."""

        def write(self, buf):
            pass

        def readinto(self, buf, write):
            pass

        def write_readinto(self, _out, into):
            into[1] = 0x01

    made, _, _ = reader()
    iso14443.time = mfrc522.time = time  # modelled time takes heap itself
    chip = made.chip
    chip._spi, chip._cs, chip._irq = Silent(), lambda _level: None, lambda: 0
    uid = bytearray(10)
    for _ in range(10):
        made.poll(uid)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(1000):
        made.poll(uid)
    after = gc.mem_alloc()
    return {"idle.alloc_bytes_per_1000": after - before}


act = sys.argv[3]
if act == "week":
    print(json.dumps(week(int(sys.argv[4]), sys.argv[5])))
else:
    print(json.dumps({"costs": costs, "proofs": proofs, "allocation": allocation}[act]()))

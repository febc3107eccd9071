"""A clock, its flash, and everybody who relies on it; the tortured lives, and the invariants.

    I1  every punch that was signalled is there once, in order, with its badge
    I2  at most one more for each punch that failed: written, not signalled
    I3  the chain verifies from GENESIS on, and the key store holds the key of the next record and no other
    I4  every torn record is declared by the BOOT record after it; no cut tears more than one
    I5  the next punch is kept, and is there after one more start
    I6  no key that was used is anywhere on the flash, journal and key store
    I7  a second recovery finds nothing to mend: it adds its BOOT record and leaves all else as it was
    I8  a start reads a bounded part of the flash
    I9  nothing that no bridge acknowledged is freed: from the tail on everything can be read

The judge is `auditor`, which shares no code with the clock. A broken invariant is an AssertionError that begins with
its name.
"""

import gc
import sys

from app.errors import JournalFull
from app.log import record
from app.log.provisioning import provision
from app.log.sealed_log import RESET_POWER_ON, SealedLog
from auditor import PUNCH, Auditor
from expect import raised
from keyscan import KeyScan
from nor import Nor, Power

CLOCK_ID = "clock-0001"
E0 = bytes(range(32))
OTHER_E0 = bytes(range(100, 132))
NONCE = b"12345678"
MONDAY = 1767596291  # 2026-01-05 06:58:11 UTC
DAY_S = 86400
JOURNAL_SECTORS = 3
SEAL_SECTORS = 3
SLOTS = SEAL_SECTORS * 32
IS_SMALL = sys.maxsize <= 0x7FFFFFFF  # the ESP32's layout, and a heap to match

# I8: each slot once, those of a half erased sector again when they are spent, and every key programmed read back; the
# headers around the head, the marks by bisection, the head's slot (twice more if something is in it, which could be
# a record without seal), the record written and read back. Every burnt slot before the head is one read more.
MOST_SEAL_READS = SLOTS + 32 + 8
MOST_JOURNAL_READS = 14


def compact():
    """Collect on the small heap, or small things that live would lie all over it, and no sector fit between them."""
    if IS_SMALL:
        gc.collect()


class World:
    """`start`: the world from which this one continues. `flash`: the class of its partitions."""

    def __init__(self, start=None, flash=Nor):
        self.power = Power()
        self.journal = flash(JOURNAL_SECTORS, self.power, start and start.journal.image())
        self.seal = flash(SEAL_SECTORS, self.power, start and start.seal.image())
        # Who judges the records from where this world began.
        self.judge_from = start.judge_from if start else Auditor(CLOCK_ID, E0)
        self.auditor = self.judge_from.fork()
        self.scan = start.scan if start else KeyScan(())
        self.signalled = []  # (seq, token)
        self.failed = []  # tokens of punches that were not signalled
        self.under_way = None  # token of the punch that is being kept
        self.acked = start.acked if start else 0
        self.is_founded = bool(start and start.is_founded)
        self.utc_s = start.utc_s if start else MONDAY
        self.cuts = 0
        self.burnt = 0  # records that cuts tore
        self.log = None

    def images(self):
        return self.journal.image(), self.seal.image()

    def memory(self):
        """The state of workers and the bridge at this moment, for `resumed`."""
        failed = self.failed + ([self.under_way] if self.under_way else [])
        known = tuple(self.signalled), failed, self.acked, self.is_founded, self.utc_s
        return known + (self.judge_from, self.scan, self.cuts)

    # --- what a life is made of ---

    def found(self):
        self.is_founded = False
        provision(self.journal, self.seal, CLOCK_ID, self.judge_from.e0, NONCE, self.stamp())
        self.is_founded = True

    def found_again(self):
        """A technician gives the clock a new chain; nothing of before is expected."""
        self.judge_from = Auditor(CLOCK_ID, OTHER_E0)
        self.auditor = self.judge_from.fork()
        self.acked = 0
        self.signalled = []
        self.found()

    def boot(self):
        self.log = SealedLog(self.journal, self.seal, CLOCK_ID, b"firmware")
        self.log.open(RESET_POWER_ON, self.stamp())

    def punch(self, number):
        token = b"badge" + bytes((number >> 16, number >> 8 & 0xFF, number & 0xFF))
        self.under_way = token
        seq = self.log.punch(record.DIRECTION_IN, token, self.stamp())
        self.under_way = None
        self.signalled.append((seq, token))

    def idle(self):
        for _ in range(20):
            if not self.log.idle(self.stamp()):
                return
        raise AssertionError("idle never ends")

    def stamp(self):
        stamp = record.Stamp()
        stamp.utc_s, stamp.source = self.utc_s, record.SOURCE_RTC
        return stamp

    def next_day(self):
        self.utc_s += DAY_S

    def deliver(self):
        """The bridge receives, judges and acknowledges everything."""
        self.take()
        self.log.ack(self.auditor.seq)
        self.acked = self.auditor.seq

    def take(self):
        buf = bytearray(64 * 8)
        seq = self.auditor.seq
        while seq < self.log.head:
            count, seq = self.log.read_into(buf, seq, 8)
            for index in range(count):
                self.auditor.take(bytes(buf[index * 64 : index * 64 + 64]))

    # --- power ---

    def power_up(self):
        """Power is back; the punch under way was not signalled."""
        self.cuts += self.power.is_cut
        self.power.restore()
        if self.under_way:
            self.failed.append(self.under_way)
            self.under_way = None

    def recover(self):
        """Start the clock. Who founds a clock and sees no end of it does it again."""
        if not self.is_founded:
            self.found()
        self.journal.reset_counts()
        self.seal.reset_counts()
        self.boot()
        self._i8_few_reads()
        self.burnt += self.log.tears

    def restart(self):
        self.power_up()
        self.recover()

    # --- what must hold ---

    def judge(self):
        """After a restart: every invariant, then one punch and one start more, and every invariant again.

        A full journal must report that, and accept the punch once the bridge has acknowledged.
        """
        self.check()
        if not self.log.free:
            raised(JournalFull, self.log.punch, record.DIRECTION_IN, b"no place", self.stamp())
            self.deliver()
            self.idle()
            self.take()
        head, records = self.log.head, len(self.auditor.records)
        self.punch(900)
        before = self._below(head)
        self.restart()
        assert self.log.tears == 0, "I7: the second start found burnt slots"
        assert self.log.head == head + 2, "I5, I7: head %d after %d, a punch and a start" % (self.log.head, head)
        assert self._below(head) == before, "I7: the second start changed what stood before the head"
        self.check()
        assert len(self.auditor.records) == records + 2, "I5: the punch after the restart"

    def live_on(self):
        """Until the ring has turned, with starts in between: what a cut left must do no harm later either."""
        for _ in range(2):
            # Acknowledged up to the middle of the next sector, which so becomes the oldest of a full ring.
            for number in range(40):
                self.punch(number)
                self.idle()
            self.deliver()
            while self.log.free:
                self.punch(901)
                self.idle()
            for _ in range(3):
                self.restart()
                self.check()
            self.deliver()
            self.idle()

    def check(self):
        compact()
        try:
            self.take()
        except AssertionError as error:
            raise AssertionError("I3: " + str(error))
        assert self.log.sealed, "I3: the log has no key"
        assert self.auditor.seq == self.log.head, "I3: records up to %d, head %d" % (self.auditor.seq, self.log.head)
        try:
            self.auditor.check_keys(self.seal)
        except AssertionError as error:
            raise AssertionError("I3: " + str(error))
        self._i1_signalled_punches()
        assert len(self.auditor.burnt) <= self.cuts, "I4: %r burnt by %d cuts" % (self.auditor.burnt, self.cuts)
        self._i6_spent_keys()
        self._i9_unacknowledged()

    def _i1_signalled_punches(self):
        kept = [(seq, token) for seq, kind, token in self.auditor.records if kind == PUNCH]
        seen = []
        failed = list(self.failed)
        for punch in kept:
            if punch in self.signalled:
                seen.append(punch)
            else:
                assert punch[1] in failed, "I2: a punch that nobody made, or that failed once: %r" % (punch,)
                failed.remove(punch[1])
        assert seen == self.signalled, "I1: signalled %r, kept %r" % (self.signalled, kept)

    def _i6_spent_keys(self):
        contents = [flash.sector(sector) for flash in (self.journal, self.seal) for sector in range(flash.sectors)]
        place = self.scan.search(contents, self.auditor.spent)
        assert place is None, "I6: a spent key in sector %d of both at %d" % place

    def _i8_few_reads(self):
        reads = self.seal.reads, self.journal.reads
        most = MOST_SEAL_READS, MOST_JOURNAL_READS + self.log.tears
        assert reads[0] <= most[0], "I8: %r reads at the start" % (reads,)
        assert reads[1] <= most[1], "I8: %r reads at the start" % (reads,)

    def _i9_unacknowledged(self):
        assert self.log.tail <= self.acked, "I9: tail %d, acknowledged %d" % (self.log.tail, self.acked)
        seqs, buf, seq = [], bytearray(64 * 8), self.log.tail
        while seq < self.log.head:
            count, seq = self.log.read_into(buf, seq, 8)
            seqs += [buf[at + 6] << 8 | buf[at + 7] for at in range(0, count * 64, 64)]
        burnt = self.auditor.burnt
        whole = [seq for seq in range(self.log.tail, self.log.head) if seq not in burnt]
        assert seqs == whole, "I9: from the tail on there are %r of %r" % (seqs, whole)

    def _below(self, head):
        """The bytes of the head's sector up to the head's slot."""
        return bytes(self.journal.sector(head // 63 % JOURNAL_SECTORS)[: 64 + head % 63 * 64])


def resumed(images, memory, flash=Nor):
    """A world without power with the flash `images`, and in which everybody has the state in `memory`."""
    world = World(None, flash)
    world.journal = flash(JOURNAL_SECTORS, world.power, images[0])
    world.seal = flash(SEAL_SECTORS, world.power, images[1])
    signalled, failed, world.acked, world.is_founded, world.utc_s, world.judge_from, world.scan, world.cuts = memory
    world.signalled = list(signalled)
    world.failed = list(failed)
    world.auditor = world.judge_from.fork()
    return world


# --- the lives ---


def first_day(world):
    world.found()
    world.boot()
    world.punch(1)
    world.idle()
    world.punch(2)


def founded_again(world):
    world.found_again()
    world.boot()
    world.punch(1)


def over_the_sector_border(world):
    world.boot()
    world.idle()
    world.punch(1)
    world.punch(2)
    world.deliver()
    world.idle()
    world.next_day()
    world.punch(3)
    world.idle()
    world.punch(4)
    world.deliver()
    world.idle()


def over_the_border_without_idle(world):
    world.boot()
    for number in range(1, 6):
        world.punch(number)
    world.deliver()
    world.punch(6)


def whole_life(world):
    """Two boots, punches, acks, the ring's wrap and its sector change, an epoch's end, the key store's next sector."""
    world.boot()
    world.deliver()
    world.idle()
    for number in range(1, 5):
        world.punch(number)
    world.next_day()
    world.punch(5)
    world.idle()
    world.boot()
    for number in range(6, 9):
        world.punch(number)
    world.deliver()
    world.idle()
    world.punch(9)


def without_idle(world):
    """Both partitions' next sectors are erased in the middle of a punch, because nothing was idle before."""
    world.boot()
    world.deliver()
    for number in range(1, 14):
        world.punch(number)


def rushed(head, deliver_at=()):
    """As `advanced`, but the clock was never idle."""
    return _run_up(head, deliver_at, lambda _: None)


def advanced(head, deliver_at=()):
    """A world whose clock has run, without cuts, up to `head`."""
    return _run_up(head, deliver_at, World.idle)


def _run_up(head, deliver_at, after_each):
    world = World()
    world.found()
    world.boot()
    while world.log.head < head:
        world.punch(world.log.head)
        if world.log.head in deliver_at:
            world.deliver()
        after_each(world)
        del world.signalled[:]
        if world.log.head % 8 == 0:
            gc.collect()
    world.take()
    world.scan = KeyScan(world.auditor.spent)
    world.judge_from = world.auditor.fork()
    return world


_WRAP = JOURNAL_SECTORS * 63

# name: (life, what it starts from)
LIVES = {
    "whole life": (whole_life, lambda: advanced(_WRAP - 9, (62,))),
    "first day": (first_day, World),
    "founded again": (founded_again, lambda: advanced(5, (5,))),
    "over the sector border": (over_the_sector_border, lambda: advanced(60)),
    "over the end of the ring": (over_the_sector_border, lambda: advanced(_WRAP - 3, (100, 150))),
    "over the border without idle": (over_the_border_without_idle, lambda: advanced(60)),
    "late around the ring": (over_the_border_without_idle, lambda: advanced(_WRAP - 3, (100, 150, 186))),
    "erased late": (without_idle, lambda: rushed(_WRAP - 9, (62,))),
}

"""Power fails at every byte that is programmed and in every erase of a clock's life; then the clock starts again.

Each life below is run once without a cut, then again for every step of it with the cut there. What must hold after the
restart, judged by the auditor and not by the code under test:

    every punch that was signalled is there once, in order, with its badge; at most one more, the one under way
    the chain verifies from GENESIS; every torn record is burnt and declared by the BOOT record after it
    the key store holds one key, that of the next record; no key of before is anywhere on the flash
    what no bridge acknowledged is still to be read; recovery interrupted and started again comes to the same

A failure prints the `replay(...)` that runs its cuts alone.
"""

# The flash of these tests is in the heap too, with the state from which every cut starts.
# heapsize: 512k

import gc
import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app import record
from app.founding import found
from app.sealed_log import RESET_POWER_ON, SealedLog
from auditor import PUNCH, Auditor
from expect import raised
from nor import Nor, Power, PowerCut

CLOCK_ID = "clock-0001"
E0 = bytes(range(32))
MONDAY = 1767596291  # 2026-01-05 06:58:11 UTC
DAY_S = 86400
JOURNAL_SECTORS = 3
SEAL_SECTORS = 3
# On 32 bits a sample: the code is the same, and what is asked is that it runs there.
SPARSER = 1 if sys.maxsize > 0x7FFFFFFF else 53


def compact():
    """Collect on the small heap, or small things that live would lie all over it, and no sector fit between them."""
    if SPARSER > 1:
        gc.collect()


class World:
    """A clock, its flash, and everybody who relies on it: workers who saw a signal and a bridge that acknowledged."""

    def __init__(self, start=None):
        self.power = Power()
        self.journal = Nor(JOURNAL_SECTORS, self.power, start and start.journal.image())
        self.seal = Nor(SEAL_SECTORS, self.power, start and start.seal.image())
        self.auditor = start.auditor.fork() if start else Auditor(CLOCK_ID, E0)
        self.signalled = []  # (seq, token)
        self.burnt = 0  # records that a cut tore
        self.under_way = None  # token of the punch in which power failed
        self.acked = start.acked if start else 0
        self.stamp = record.Stamp()
        self.stamp.utc_s = start.stamp.utc_s if start else MONDAY
        self.stamp.source = record.SOURCE_RTC
        self.is_founded = start is not None
        self.log = None

    # --- what a life is made of ---

    def found(self):
        self.is_founded = False
        found(self.journal, self.seal, CLOCK_ID, E0, b"12345678", self.stamp)
        self.is_founded = True

    def boot(self):
        self.log = SealedLog(self.journal, self.seal, CLOCK_ID, b"firmware")
        self.log.open(RESET_POWER_ON, self.stamp)

    def punch(self, number):
        token = b"badge" + bytes((number >> 16, number >> 8 & 0xFF, number & 0xFF))
        try:
            seq = self.log.punch(record.DIRECTION_IN, token, self.stamp)
        except PowerCut:
            self.under_way = token
            raise
        self.signalled.append((seq, token))

    def idle(self):
        for _ in range(20):
            if not self.log.idle(self.stamp):
                return
        raise AssertionError("idle never ends")

    def next_day(self):
        self.stamp.utc_s += DAY_S

    def deliver(self):
        """The bridge takes, judges and acknowledges everything."""
        self.take()
        self.log.ack(self.auditor.seq)
        self.acked = self.auditor.seq

    # --- what must hold ---

    def take(self):
        buf = bytearray(64 * 8)
        seq = self.auditor.seq
        while seq < self.log.head:
            count, seq = self.log.read_into(buf, seq, 8)
            for index in range(count):
                self.auditor.take(bytes(buf[index * 64 : index * 64 + 64]))

    def check(self):
        compact()
        self.take()
        assert self.auditor.seq == self.log.head
        assert self.log.sealed
        assert self.log.tail <= self.acked
        self.auditor.check_keys(self.seal)
        kept = [(seq, token) for seq, kind, token in self.auditor.records if kind == PUNCH]
        unseen = [punch for punch in kept if punch not in self.signalled]
        assert [punch for punch in kept if punch not in unseen] == self.signalled, "signalled punches"
        assert not unseen or [token for _, token in unseen] == [self.under_way], "punches that nobody made: %r" % unseen
        # Everything from the tail on is still there, also what the auditor took before this life.
        seqs, buf, seq = [], bytearray(64 * 8), self.log.tail
        while seq < self.log.head:
            count, seq = self.log.read_into(buf, seq, 8)
            seqs += [buf[at + 6] << 8 | buf[at + 7] for at in range(0, count * 64, 64)]
        whole = [seq for seq in range(self.log.tail, self.log.head) if seq not in self.auditor.burnt]
        assert seqs == whole, "from the tail on"

    def recover(self):
        """Who founds a clock and sees no end of it does it again."""
        if not self.is_founded:
            self.found()
        self.boot()
        self.burnt += self.log.tears


def first_day(world):
    world.found()
    world.boot()
    world.punch(1)
    world.idle()
    world.punch(2)


def founded_again(world):
    world.auditor = Auditor(CLOCK_ID, E0)
    world.acked = 0
    world.signalled = []
    world.found()
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


def advanced(head, deliver_at=()):
    """A world whose clock has run, without cuts, up to `head`."""
    world = World()
    world.found()
    world.boot()
    while world.log.head < head:
        world.punch(world.log.head)
        if world.log.head in deliver_at:
            world.deliver()
        world.idle()
        del world.signalled[:]
        if world.log.head % 8 == 0:
            gc.collect()
    world.take()
    world.auditor = world.auditor.fork()
    return world


# name: (life, what it starts from, every how manieth step is cut)
LIVES = {
    "first day": (first_day, lambda: None, 1),
    "founded again": (founded_again, lambda: advanced(5, (5,)), 3),
    "over the sector border": (over_the_sector_border, lambda: advanced(60), 4),
    "over the end of the ring": (over_the_sector_border, lambda: advanced(JOURNAL_SECTORS * 63 - 3, (100, 150)), 1),
    "over the border without idle": (over_the_border_without_idle, lambda: advanced(60), 4),
    "late around the ring": (
        over_the_border_without_idle,
        lambda: advanced(JOURNAL_SECTORS * 63 - 3, (100, 150, 186)),
        2,
    ),
}


def steps_of(life, start):
    world = World(start)
    life(world)
    return world.power.steps


def cut_once(life, start, cut, seed):
    """The world after a life with one cut, without power."""
    compact()
    world = World(start)
    world.power.cut_after(cut, seed)
    raised(PowerCut, life, world)
    return world


def judge_restart(world):
    """Start the clock and judge it, twice: the second start finds nothing to repair and adds BOOT alone."""
    world.recover()
    world.check()
    head, records = world.log.head, len(world.auditor.records)
    world.punch(900)
    world.boot()
    assert world.log.tears == 0
    assert world.log.head == head + 2
    world.check()
    assert len(world.auditor.records) == records + 2


def judge_cuts(name, start, cut, second=None):
    """One cut of a life, and a second one that many steps into the restart; a failure names them."""
    world = cut_once(LIVES[name][0], start, cut, cut)
    world.power.restore()
    try:
        if second is not None:
            world.power.cut_after(second, cut)
            try:
                world.recover()
            except PowerCut:
                pass
            world.power.restore()
        judge_restart(world)
        if cut % 3 == 0:
            world.auditor.check_forgotten(world.seal, world.journal)
    except Exception:
        print('replay("%s", %d, %s)' % (name, cut, second))
        raise
    return world


def replay(name, cut, second=None):
    """The cuts that a failure names, alone."""
    judge_cuts(name, LIVES[name][1](), cut, second)


def sweep(name):
    """Every cut of a life; how many of them left a torn record."""
    life, start_of, every = LIVES[name]
    start = start_of()
    steps = steps_of(life, start)
    torn = cuts = 0
    for cut in range(0, steps, every * SPARSER):
        world = judge_cuts(name, start, cut)
        cuts += 1
        torn += world.burnt
    assert steps > 500, steps
    assert torn, "no cut left a torn record"
    print("%s: %d cuts in %d steps, %d left a torn record" % (name, cuts, steps, torn))


def test_power_may_fail_anywhere_on_the_first_day():
    sweep("first day")


def test_power_may_fail_anywhere_while_a_clock_is_founded_again():
    sweep("founded again")


def test_power_may_fail_anywhere_over_a_sector_border_a_day_and_acks():
    sweep("over the sector border")


def test_power_may_fail_anywhere_over_the_end_of_the_ring():
    sweep("over the end of the ring")


def test_power_may_fail_anywhere_over_a_border_without_idle():
    sweep("over the border without idle")


def test_power_may_fail_anywhere_when_the_ring_is_erased_late():
    sweep("late around the ring")


def test_power_may_fail_again_in_the_restart_that_follows():
    for name in ("first day", "over the end of the ring"):
        start = LIVES[name][1]()
        steps = steps_of(LIVES[name][0], start)
        for cut in range(0, steps, 61 * SPARSER):
            for second in range(cut % 59, 800, 59):
                judge_cuts(name, start, cut, second)

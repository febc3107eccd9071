"""The heap is exhausted in the middle of the log's work: really full, with one hole of exactly n blocks.

Without collections, a hole of n blocks lets the first allocations succeed and one of the later ones fail; n from 0 up
until the work is done fails each of them once. After each failure the log must go on by itself, without a restart: what
allocates comes before what is programmed.
"""

import gc

from cuts import print_replay
from quiet_flash import QuietFlash
from world import IS_SMALL, advanced, resumed

BLOCK_BYTES = 16 if IS_SMALL else 32  # MicroPython's gc: four machine words
_BLOCK_WORDS = 4
_MOST_BLOCKS = 2000
_MOST_FILLINGS = 2000
_HEAD = 126 - 6


class CountedFlash(QuietFlash):
    """QuietFlash, which allocates nothing when it is used, with what a World asks of its partitions."""

    def __init__(self, sectors, _power=None, image=None):
        QuietFlash.__init__(self, sectors)
        for sector, content in (image or {}).items():
            self.content[sector * 4096 : (sector + 1) * 4096] = content
        self.reads = 0
        self.is_quiet = False

    def readblocks(self, block, buf, offset=0):
        self.reads += 1
        if self.is_quiet:
            QuietFlash.readblocks(self, block, buf, offset)
        else:  # the same, quicker, while there is memory
            at = block * 4096 + offset
            buf[:] = memoryview(self.content)[at : at + len(buf)]

    def reset_counts(self):
        self.reads = 0

    def image(self):
        return {number: self.sector(number) for number in range(self.sectors)}

    def sector(self, number):
        return bytes(memoryview(self.content)[number * 4096 : (number + 1) * 4096])


class Hole:
    """One free place of `blocks` blocks in a heap that is else full; `free_bytes` says so."""

    def __init__(self, blocks):
        self.free_bytes = 0
        self._fillings = [None] * _MOST_FILLINGS  # flat: a collection would take long with a chain
        self._count = 0
        # A list's items are one allocation, and clear() gives all but four of them back, without a collection.
        hole = [None] * (_BLOCK_WORDS * (blocks + 1))
        gc.collect()
        gc.disable()
        self._fill()
        hole.clear()
        self.free_bytes = gc.mem_free()

    def _fill(self):
        size = gc.mem_free()
        while size:
            try:
                self._fillings[self._count] = bytearray(size)
                self._count += 1
            except MemoryError:
                size //= 2
        try:
            while True:
                self._fillings[self._count] = (size,)  # one block
                self._count += 1
        except MemoryError:
            pass

    def close(self):
        self._fillings = None
        gc.enable()
        gc.collect()


def try_with(blocks, world, call):
    """Whether `call`, which works on `world`, gets along with a hole of that many blocks."""
    world.journal.is_quiet = world.seal.is_quiet = True
    hole = Hole(blocks)
    try:
        call()
        return True
    except MemoryError:
        return False
    finally:
        hole.close()
        world.journal.is_quiet = world.seal.is_quiet = False


def _copy(world):
    """The same world again, on flash that allocates nothing."""
    other = resumed(world.images(), world.memory(), CountedFlash)
    other.boot()
    return other


def _ready(start):
    world = _copy(start)
    world.deliver()
    world.idle()
    world.take()
    return world


def punch_after_idle(start):
    world = _ready(start)
    return world, lambda: world.punch(1)


def first_punch_of_a_sector_that_is_not_prepared(start):
    world = _copy(start)
    world.deliver()
    while world.log.head % 63:
        world.punch(1)
    return world, lambda: world.punch(2)


def punch_in_a_full_journal(start):
    world = _copy(start)
    while world.log.free:
        world.punch(1)
    world.log.ack(world.log.tail + 63)
    world.acked = world.log.tail
    return world, lambda: world.punch(2)


def housekeeping(start):
    world = _copy(start)
    world.deliver()
    return world, world.idle


def end_of_an_epoch(start):
    world = _ready(start)
    world.next_day()
    stamp = world.stamp()
    return world, lambda: world.log.idle(stamp)


def start_after_a_torn_record(start):
    world = _ready(start)
    world.journal.content[_slot_of(world.log.head)] = 1
    world.cuts = 1
    return world, world.boot


def start_after_a_whole_record_without_its_key(start):
    world = _ready(start)
    before = world.images()[1]
    world.punch(1)
    again = resumed((world.images()[0], before), world.memory(), CountedFlash)
    return again, again.boot


SITUATIONS = (
    punch_after_idle,
    first_punch_of_a_sector_that_is_not_prepared,
    punch_in_a_full_journal,
    housekeeping,
    end_of_an_epoch,
    start_after_a_torn_record,
    start_after_a_whole_record_without_its_key,
)


def _slot_of(seq):
    return seq // 63 % 3 * 4096 + 64 + seq % 63 * 64


def start_of():
    """The world from which every situation is made."""
    return advanced(_HEAD)


def judge_fault(start, situation, blocks):
    """Whether the work got along with that many blocks; AssertionError if its failure broke an invariant."""
    world, call = situation(start)
    done = try_with(blocks, world, call)
    if not done:
        world.power_up()
        # The work once more, in the same boot: a MemoryError leaves nothing half done, and the log open.
        call()
    world.take()
    world.restart()
    world.judge()
    return done


def sweep(every=1):
    """Every `every`-th size of hole in every situation, until the work gets along: (how many, failures)."""
    start = start_of()
    faults = failures = 0
    for situation in SITUATIONS:
        for blocks in range(0, _MOST_BLOCKS, every):
            try:
                if judge_fault(start, situation, blocks):
                    break
            except Exception as error:  # noqa: BLE001 - any error is a finding
                failures += 1
                print_replay({"memory": situation.__name__, "blocks": blocks}, error)
            faults += 1
        else:
            raise AssertionError("%s never got along" % situation.__name__)
    return faults, failures


def replay(case):
    """Run one fault, as a failure prints it."""
    for situation in SITUATIONS:
        if situation.__name__ == case["memory"]:
            judge_fault(start_of(), situation, case["blocks"])
            return
    raise ValueError(case["memory"])

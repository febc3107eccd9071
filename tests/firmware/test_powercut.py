"""Power fails at the bytes that are programmed and in the erases of a clock's lives; then the clock starts again.

What must hold is in `world`, how cuts are made in `cuts`. Here is a representative part of `make torture`, which makes
every cut and every pair of cuts. A failure prints the command that runs its cuts alone.
"""

# The flash of these tests is in the heap too, with the images from which every cut starts.
# heapsize: 2m
# timeout: 600

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from cuts import BYTES, Manner, Sweep, operations_of_life
from world import IS_SMALL, LIVES, World, advanced

# On 32 bits only a sample: the code is the same, and must run there.
SPARSER = 47 if IS_SMALL else 1


def sweep(name, every, manner=BYTES):
    """Every `every`-th cut of a life; a torn record must have been among them."""
    found = Sweep(name)
    number = 0
    for operation in operations_of_life(name, manner):
        for cut in operation.cuts():
            number += 1
            if number % (every * SPARSER) == 0:
                found.single(operation, cut)
    print("%s: %d cuts, %d left a torn record" % (name, found.singles, found.torn))
    assert not found.failures, "%d failures" % found.failures
    return found


def test_power_may_fail_anywhere_in_a_life_with_two_boots_acks_an_epoch_and_the_rings_wrap():
    assert sweep("whole life", 2 if IS_SMALL else 7).torn


def test_power_may_fail_anywhere_on_the_first_day():
    assert sweep("first day", 1).torn


def test_power_may_fail_anywhere_while_a_clock_is_founded_again():
    assert sweep("founded again", 3).torn


def test_power_may_fail_anywhere_over_a_sector_border_a_day_and_acks():
    assert sweep("over the sector border", 5).torn


def test_power_may_fail_anywhere_over_the_end_of_the_ring():
    assert sweep("over the end of the ring", 5).torn


def test_power_may_fail_anywhere_over_a_border_without_idle():
    assert sweep("over the border without idle", 5).torn


def test_power_may_fail_anywhere_when_sectors_are_erased_late():
    assert sweep("late around the ring", 5).torn
    assert sweep("erased late", 5).torn


def test_power_may_fail_at_any_row_or_page_of_a_chip_that_programs_many_bytes_at_once():
    for grain in (16, 256):
        sweep("whole life", 1, Manner(grain))


def test_power_may_fail_again_in_the_restart_that_follows():
    for name, every in (("whole life", 29), ("first day", 61), ("erased late", 97)):
        found = Sweep(name)
        number = 0
        for operation in operations_of_life(name):
            found.forget()
            for cut in operation.cuts():
                number += 1
                if number % (every * SPARSER) == 0:
                    found.pair_up(operation, cut, every, number)
        print("%s: %d pairs of cuts, %d images" % (name, found.pairs, found.recovered))
        assert found.pairs or IS_SMALL
        assert not found.failures, "%d failures" % found.failures


def test_bits_of_a_torn_byte_may_read_at_random_until_they_are_programmed_again():
    found = Sweep("whole life")
    for number, operation in enumerate(operations_of_life("whole life", Manner(unstable=1))):
        if number % (17 if IS_SMALL else 1) == 0:
            cuts = list(operation.cuts())
            for cut in cuts[:: 16 * min(SPARSER, 4)] + cuts[-1:]:
                for seed in range(3):
                    found.single(operation, cut, seed)
    print("%d cuts" % found.singles)
    assert not found.failures, "%d failures" % found.failures


def test_a_rotten_bit_in_a_sectors_header_or_mark_frees_no_record():
    full = advanced(40)
    full = World(full)
    full.boot()
    full.deliver()
    while full.log.free:
        full.punch(1)
        full.idle()
    oldest = full.log._journal.oldest
    assert oldest == full.log.tail // 63, "the oldest sector holds records that nobody acknowledged"
    for sector in range(3):
        for bit in range(0, 32 * 8, 1 if not IS_SMALL else 37):
            world = World(full)
            world.acked, world.signalled = full.acked, list(full.signalled)
            world.journal.rot(sector, bit // 8, 1 << bit % 8)
            world.recover()
            world.check()


def test_every_life_has_what_its_name_says():
    life, start_of = LIVES["whole life"]
    world = World(start_of())
    boots, epoch, head = 1, 0, world.log
    life(world)
    assert head is None
    assert world.log.boot == boots + 2
    assert world.log._state.epoch == epoch + 1
    assert world.log.head > 3 * 63, "past the end of the ring"
    assert world.journal.erases_of[0] == 1, "the ring's first sector was erased for its next turn"
    assert world.seal.erases, "a sector of keys was erased"
    assert world.acked > 63
    late = World(LIVES["erased late"][1]())
    LIVES["erased late"][0](late)
    assert (late.log.late, late.log._keys.late) == (1, 1), "a sector of each partition"

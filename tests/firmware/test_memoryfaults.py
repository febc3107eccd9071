"""The heap is exhausted in the log's work: a sample of `make torture`, which fails every allocation."""

# heapsize: 1m
# timeout: 600

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

import memoryfaults
from memoryfaults import BLOCK_BYTES, Hole, judge_fault, punch_after_idle, start_of, try_with


def test_a_hole_is_all_the_memory_there_is():
    hole = free = None
    for blocks in (0, 1, 2, 40):
        hole = Hole(blocks)
        free = hole.free_bytes
        hole.close()
        assert free == blocks * BLOCK_BYTES, (blocks, free)


def test_a_punch_fails_without_memory_and_touches_no_flash():
    start = start_of()
    world, call = punch_after_idle(start)
    before = world.images()
    assert not try_with(3, world, call)
    assert world.images() == before


def test_every_allocation_of_a_punch_may_fail():
    start = start_of()
    blocks = 0
    while not judge_fault(start, punch_after_idle, blocks):
        blocks += 3
    assert blocks > 20


def test_allocations_may_fail_in_all_that_the_log_does():
    faults, failures = memoryfaults.sweep(29)
    print("%d faults" % faults)
    assert faults > 20
    assert not failures

"""Every power cut of a clock that takes a new roster, and pairs of them."""

# heapsize: 2m
# timeout: 3000
# mark: torture

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from cuts import Manner
from roster_cuts import Life, sweep


def test_every_cut_at_every_byte():
    life = Life()
    count, _ = sweep(life, 1)
    assert count >= sum(operation.steps() for operation in life.operations)


def test_every_cut_of_a_page_at_a_time():
    sweep(Life(Manner(256)), 1)


def test_pairs_of_cuts():
    assert sweep(Life(), 97, 1)[1] > 1000


def test_bits_that_read_either_way():
    sweep(Life(Manner(1, 1)), 7, 0, 8)

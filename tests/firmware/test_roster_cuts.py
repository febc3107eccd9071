"""A new roster and power cuts: some at every program and erase; all of them are in test_roster_torture.py."""

# heapsize: 1m

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from cuts import Manner
from roster_cuts import Life, sweep


def test_after_a_cut_anywhere_one_whole_roster_counts_and_the_transfer_ends():
    count, pairs = sweep(Life(), 331, 12)
    assert count > 30 and pairs > 10, (count, pairs)


def test_bits_that_read_either_way_after_a_cut_change_nothing_of_that():
    assert sweep(Life(Manner(1, 1)), 991, 0, 3)[0] > 30


def test_a_header_that_is_whole_before_its_entries_are_does_not_count():
    life = Life()
    magic = life.operations[-1]
    image = life.operations[-3].images[0]
    content = bytearray(image[magic.sector])
    content[: len(magic.new)] = magic.new
    image[magic.sector] = bytes(content)
    life.judge(image)

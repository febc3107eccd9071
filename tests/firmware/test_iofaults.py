"""The flash's calls fail, once or for long, loudly or in silence: a sample of `make torture`, which fails every one."""

# heapsize: 1m

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

import iofaults
from world import IS_SMALL

SPARSER = 23 if IS_SMALL else 1


def sweep(life, every):
    faults, failures = iofaults.sweep(life, every * SPARSER)
    print("%s: %d faults" % (life, faults))
    assert faults > 5
    assert not failures


def test_no_signalled_punch_is_lost_when_a_call_of_a_whole_life_fails():
    sweep("whole life", 3)


def test_no_signalled_punch_is_lost_when_a_call_fails_while_sectors_are_erased_late():
    sweep("erased late", 5)


def test_a_clock_can_be_founded_after_any_call_of_the_first_day_failed():
    sweep("first day", 17)


def test_a_clock_can_be_founded_again_after_any_call_failed():
    sweep("founded again", 11)

"""The long form of test_powercut: every single cut of every life, and a dense grid of second cuts in the restart."""

# heapsize: 512k
# timeout: 3000
# mark: torture

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from test_powercut import LIVES, judge_cuts, steps_of

# On 32 bits the same code runs in a sample, as in test_powercut.
EVERY = 1 if sys.maxsize > 0x7FFFFFFF else 17
SECOND_EVERY = 13
SECOND_STEPS = 800


def test_power_may_fail_at_every_step_of_every_life():
    for name, (life, start_of, _) in LIVES.items():
        start = start_of()
        steps = steps_of(life, start)
        for cut in range(0, steps, EVERY):
            judge_cuts(name, start, cut)
        print("%s: every %d of %d steps" % (name, EVERY, steps))


def test_power_may_fail_again_all_over_the_restart_that_follows():
    pairs = 0
    for name, (life, start_of, _) in LIVES.items():
        start = start_of()
        for cut in range(0, steps_of(life, start), SECOND_EVERY * EVERY):
            for second in range(cut % SECOND_EVERY, SECOND_STEPS, SECOND_EVERY * EVERY):
                judge_cuts(name, start, cut, second)
                pairs += 1
    print("%d pairs of cuts" % pairs)

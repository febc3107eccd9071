"""The long form of test_badge_fuzz: 100,000 exchanges with cards that behave at random, for each of some seeds."""

# heapsize: 2m
# timeout: 3000
# mark: torture

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from test_badge_fuzz import run

SEEDS = range(1, 11)
EXCHANGES = 100000


def test_a_hundred_thousand_exchanges_with_cards_that_behave_at_random():
    for seed in SEEDS:
        run(seed, EXCHANGES)

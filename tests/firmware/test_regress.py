"""Every case of tests/regress, found by the torture or known from other logs, again."""

# heapsize: 1m

import json
import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

import cuts
import iofaults
import memoryfaults

FOLDER = os.getenv("BADGECLOCK_ROOT") + "/tests/regress"


def test_every_known_case_holds_every_invariant():
    names = sorted(name for name in os.listdir(FOLDER) if name.endswith(".json"))
    assert names
    for name in names:
        with open(FOLDER + "/" + name) as file:
            case = json.load(file)
        print(name, "-", case["why"])
        if "memory" in case:
            memoryfaults.replay(case)
        elif "fault" in case:
            iofaults.replay(case)
        else:
            cuts.replay(case)

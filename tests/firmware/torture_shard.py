"""One piece of `make torture`, inside MicroPython: prints failures with their replay lines, then the counts as JSON.

    micropython torture_shard.py '{"do": "pairs", "life": "whole life", "operations": [10, 12]}'
    micropython torture_shard.py '{"replay": {"life": "whole life", "cuts": [[812, 812, ""]]}}'

tests/torture starts it, with BADGECLOCK_PATH as the tests' path and BADGECLOCK_ROOT as the checkout.
"""

import json
import os
import sys

sys.path.extend(os.getenv("BADGECLOCK_PATH").split(":"))

import cuts
import iofaults
import memoryfaults

REPORT = "\x1e"
LIFE_OF = {"cuts": cuts, "fault": iofaults, "memory": memoryfaults}


def replay(case):
    """Run one case again; its AssertionError goes through."""
    for key, module in LIFE_OF.items():
        if key in case:
            module.replay(case)
            return
    raise ValueError("nothing to replay in %r" % case)


def operations(task, manner=cuts.BYTES):
    chosen = cuts.operations_of_life(task["life"], manner)
    first, end = task.get("operations", (0, len(chosen)))
    return chosen[first:end]


def singles(task):
    """Every cut."""
    sweep = cuts.Sweep(task["life"])
    for number, (operation, cut) in enumerate((o, c) for o in operations(task) for c in o.cuts()):
        if number % task.get("sparse", 1) == 0:
            sweep.single(operation, cut)
    return sweep.counts()


def coarse(task):
    """Every cut and every pair where whole rows or pages are torn."""
    sweep = cuts.Sweep(task["life"])
    for operation in operations(task, cuts.Manner(task["grain"])):
        sweep.forget()
        for cut in operation.cuts():
            sweep.single(operation, cut)
            sweep.pair_up(operation, cut)
    return sweep.counts()


def unstable(task):
    """Every cut, with torn bits that read at random."""
    sweep = cuts.Sweep(task["life"])
    for operation in operations(task, cuts.Manner(task.get("grain", 1), unstable=1)):
        sweep.unstable(operation)
    return sweep.counts()


def pairs(task):
    """Every pair of cuts whose first is in some operations; with `sparse`, a grid of them."""
    sweep, sparse = cuts.Sweep(task["life"]), task.get("sparse", 1)
    for operation in operations(task):
        sweep.forget()
        for number, cut in enumerate(operation.cuts()):
            if number % sparse == 0:
                sweep.pair_up(operation, cut, sparse, number)
    return sweep.counts()


def io(task):
    """Every call of the block interface fails, in every mode."""
    faults, failures = iofaults.sweep(task["life"], task.get("sparse", 1))
    return {"io_faults": faults, "failures": failures}


def memory(_):
    """Every allocation fails."""
    faults, failures = memoryfaults.sweep()
    return {"memory_faults": faults, "failures": failures}


KINDS = {"singles": singles, "coarse": coarse, "unstable": unstable, "pairs": pairs, "io": io, "memory": memory}


def main(task):
    if "replay" in task:
        replay(task["replay"])
    else:
        print(REPORT + json.dumps(KINDS[task["do"]](task)))


main(json.loads(sys.argv[1]))

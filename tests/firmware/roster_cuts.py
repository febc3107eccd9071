"""Power cuts while a clock takes a new roster: after each, the whole old or new roster is valid, and the same transfer
then completes. The flash and its ways to lose power are those of `cuts`.
"""

import gc

from cuts import BYTES, Operation, Remembering
from nor import Nor, Power
from norcells import Dice
from roster_bridge import IN_USE, Clock, Image, entries_of, token

SECTORS = 4
OLD, NEW = 250, 420  # one sector, and two
OLD_FIRST, NEW_FIRST = 0, 200  # so badges go, stay and come
GONE, STAYS, COMES = 3, 230, 600


class Life:
    """A clock with the old roster to which the new one comes: `operations` are what its flash does for that."""

    def __init__(self, manner=BYTES):
        self.image = Image(2, entries_of(NEW, NEW_FIRST), b"frnl")
        start = Clock(sectors=SECTORS)
        assert start.take(Image(1, entries_of(OLD, OLD_FIRST)))[2] == IN_USE
        self.operations = self.operations_of(Remembering(SECTORS, Power(), start.partition.image()), manner)

    def operations_of(self, flash, manner, begin=0):
        """Let a clock with this flash start and take the new roster, and give what its flash does."""
        operations = []
        manner.set(flash.supply)

        def remember(_, sector, offset, new):
            operations.append(Operation(manner, 0, (sector, offset, new), [flash.image()], None, flash.supply.steps))

        flash.remember = remember
        clock = Clock(flash)
        if clock.state()[0] != 2:
            assert clock.take(self.image, begin)[2] == IN_USE
            clock.settle()
        flash.remember = None
        return operations

    def judge(self, image, unstable=(), read_seed=0):
        """A start with this flash, and the transfer again. Raises AssertionError."""
        flash = Nor(SECTORS, Power(), image)
        if unstable:
            flash.unstable.update(unstable)
            flash.read_dice = Dice(read_seed)
        clock = Clock(flash)
        check(clock)
        if clock.state()[0] == 1:
            assert clock.take(self.image)[2] == IN_USE
            clock.settle()
            check(clock)
        assert clock.state() == (2, NEW)
        clock.start()
        check(clock)
        assert clock.state() == (2, NEW), "after one more start"


def check(clock):
    """Whether the valid roster is one of the two, whole."""
    roster = clock.roster
    assert clock.state() in ((1, OLD), (2, NEW)), clock.state()
    is_new = clock.state()[0] == 2
    assert (roster.find(token(GONE)) < 0) == is_new
    assert (roster.find(token(COMES)) >= 0) == is_new
    assert (
        roster.languages[roster.find(token(STAYS))] == ((None, "fr", "nl") if is_new else (None, "nl", "fr"))[STAYS % 3]
    )


def sweep(life, every, pairs_every=0, read_seeds=1):
    """Judge every `every`-th cut of the life and each cut of an erase, and of those each `pairs_every`-th with a second
    cut in what follows; gives how many.
    """
    count = pairs = 0
    for operation in life.operations:
        erases = operation.new is None
        for number, cut in enumerate(operation.cuts()):
            if not erases and number % every and cut[0] != operation.step + operation.steps() - 1:
                continue
            images, unstable = operation.after(cut)
            try:
                for read_seed in range(read_seeds if unstable else 1):
                    life.judge(images[0], unstable, read_seed)
                    count += 1
                if pairs_every and count % pairs_every == 0 and not unstable:
                    pairs += _seconds(life, images[0], operation.manner, every)
            except Exception:
                print("the roster's cut that broke it:", cut)
                raise
        gc.collect()
    return count, pairs


def _seconds(life, image, manner, every):
    count = 0
    for operation in life.operations_of(Remembering(SECTORS, Power(), image), manner):
        for number, cut in enumerate(operation.cuts()):
            if operation.new is None or number % every == 0:
                life.judge(operation.after(cut)[0][0])
                count += 1
    return count

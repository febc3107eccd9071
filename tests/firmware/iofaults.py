"""Each call of the flash's block interface fails, the first, the second, and so on until a life meets no fault.

How it fails:

    error     it does nothing and raises OSError, this once
    reported  it works and raises OSError nevertheless, once
    lasting   it and every later one raise OSError, until the flash is mended
    lost      a write or an erase does nothing, in silence, this once
    dead      its sector silently ignores writes and erases from now on, until the flash is repaired

The clock may continue, or refuse with its own error or an OSError, never another one; after a refusal it is started
again, as the clock's housekeeping does. When the flash is mended, one more start must bring back all that was
signalled.
"""

from app.errors import ClockError
from cuts import print_replay
from nor import Nor
from world import LIVES, World

EIO = 5

READ = "readblocks"
WRITE = "writeblocks"
ERASE = "ioctl"
MODES = {
    READ: ("error", "lasting"),
    WRITE: ("error", "reported", "lasting", "lost", "dead"),
    ERASE: ("error", "reported", "lasting", "lost", "dead"),
}

_IOCTL_BLOCK_ERASE = 6


class Plan:
    """The `nth` call of one kind fails, in a mode."""

    def __init__(self, call, nth, mode):
        self.call, self.nth, self.mode = call, nth, mode
        self.count = 0
        self.fired = False

    def is_due(self, call):
        if call != self.call or self.nth is None:
            return False
        self.count += 1
        due = self.count == self.nth or (self.mode == "lasting" and self.count > self.nth)
        self.fired = self.fired or due
        return due

    def end(self):
        self.nth = None


class Failing(Nor):
    """Flash that fails to plan, and is silent about bits that a program cannot set, as a real chip is."""

    plan = None

    def wanted_ones(self, sector, offset, bits):
        pass

    def readblocks(self, block, buf, offset=0):
        if self.plan and self.plan.is_due(READ):
            raise OSError(EIO)
        Nor.readblocks(self, block, buf, offset)

    def writeblocks(self, block, buf, offset=None):
        self._maybe(WRITE, block, lambda: Nor.writeblocks(self, block, buf, offset))

    def ioctl(self, operation, argument):
        if operation != _IOCTL_BLOCK_ERASE:
            return Nor.ioctl(self, operation, argument)
        self._maybe(ERASE, argument, lambda: Nor.ioctl(self, operation, argument))
        return 0

    def _maybe(self, call, block, work):
        if self.plan and self.plan.is_due(call):
            mode = self.plan.mode
            if mode == "lost":
                return
            if mode == "dead":
                self.dead.add(block)
            elif mode == "reported":
                work()
                raise OSError(EIO)
            else:
                raise OSError(EIO)
        work()


class GaveUp(Exception):
    """The clock could not be founded."""


class Stubborn(World):
    """A world that continues when the clock refuses, and restarts it each time."""

    def __init__(self, start, plan):
        World.__init__(self, start, Failing)
        self.journal.plan = self.seal.plan = plan
        self.refusals = 0

    def found(self):
        """A technician sees the error and tries again, a limited number of times."""
        for _ in range(3):
            try:
                World.found(self)
                return
            except (ClockError, OSError) as error:
                self.refusals += 1
                last = repr(error)
        raise GaveUp(last)

    def boot(self):
        self._try(World.boot)

    def punch(self, number):
        self._try(World.punch, number)

    def idle(self):
        self._try(World.idle)

    def deliver(self):
        self._try(World.deliver)

    def mend(self, plan):
        """The flash is as good as new; from now on nothing may be refused."""
        plan.end()
        for flash in (self.journal, self.seal):
            flash.mend()
        self.refusals, self.cuts = -1, self.refusals

    def _try(self, what, *arguments):
        if self.refusals < 0:
            what(self, *arguments)
            return
        try:
            what(self, *arguments)
            if what is World.punch:
                self._one_key()
        except (ClockError, OSError):
            self.refusals += 1
            self.power_up()
            # A badge that comes before the restart, and then the restart.
            for again in (lambda: World.punch(self, 800 + self.refusals), lambda: World.boot(self)):
                try:
                    again()
                except (ClockError, OSError):
                    self.power_up()

    def _one_key(self):
        """I6, of a clock that refused nothing: the slots that are neither erased nor spent are one."""
        kept = 0
        for sector in range(self.seal.sectors):
            content = bytes(self.seal.sector(sector))
            for at in range(0, 4096, 128):
                kept += content[at] not in (0xFF, 0) or content[at : at + 128] not in (_ERASED_SLOT, _SPENT_SLOT)
        assert kept == 1, "I6: %d key slots are kept, and nothing was said" % kept


_ERASED_SLOT = b"\xff" * 128
_SPENT_SLOT = bytes(128)


def judge_fault(name, start, plan):
    """A life with one fault in it; AssertionError if an invariant breaks."""
    world = Stubborn(start, plan)
    try:
        LIVES[name][0](world)
    except GaveUp:
        pass
    world.mend(plan)
    world.restart()
    world.judge()


def sweep(name, every=1, phase=0):
    """Every `every`-th fault of a life, from the `phase`-th on: (how many, failures)."""
    start = LIVES[name][1]()
    faults = failures = 0
    for call, modes in MODES.items():
        for mode in modes:
            nth = 1 + phase
            while True:
                plan = Plan(call, nth, mode)
                try:
                    judge_fault(name, start, plan)
                except Exception as error:  # noqa: BLE001 - any error is a finding
                    failures += 1
                    print_replay({"life": name, "fault": [call, nth, mode]}, error)
                if not plan.fired:
                    break
                faults += 1
                nth += every
    return faults, failures


def replay(case):
    """Run one fault, as a failure prints it."""
    judge_fault(case["life"], LIVES[case["life"]][1](), Plan(*case["fault"]))

"""Power cuts: every one of a life, and every one of the recovery after it.

A life is run once, and the flash is remembered before each of its operations; what a cut leaves is then made from that,
by the model that a real cut would have met. So are second cuts: the recovery after each first cut is run once and
remembered likewise. What is equal is done once: images that were recovered already, and recovered images that were
judged already. `replay` runs the life itself into the cut; a test holds the two to each other.

A cut is (step, seed, erase): steps count as `norcells.Supply` counts them, `seed` decides which bits of the torn byte
are left, `erase` is what an interrupted erase leaves.
"""

import json
from hashlib import sha256

from app.log.journal import HEADER_BYTES
from nor import Nor, Power, PowerCut
from norcells import ERASE_OUTCOMES, ERASED, PREFIX, RANDOM, Dice, torn_byte
from world import LIVES, World, resumed

JOURNAL = 0
_SEEDS_APART = 4096  # more than a recovery has steps
_ERASE_SEEDS = 2  # for the outcomes in which chance has a part
_READ_SEEDS = 2
_READ_SEEDS_AT_THE_END = 24


class Manner:
    """How flash loses power: `grain` bytes are torn together; `unstable`: their bits then read at random."""

    def __init__(self, grain=1, unstable=0):
        self.grain = grain
        self.unstable = unstable

    def set(self, power):
        power.grain_bytes = self.grain
        power.leaves_unstable = self.unstable


BYTES = Manner()


class Remembering(Nor):
    """Flash that calls `remember` before each program and erase."""

    remember = None

    def program(self, sector, offset, new):
        if self.remember:
            self.remember(self, sector, offset, new)
        Nor.program(self, sector, offset, new)

    def erase(self, sector):
        if self.remember:
            self.remember(self, sector, 0, None)
        Nor.erase(self, sector)


class Operation:
    """A program, or an erase if `new` is None, that is about to happen: where, the flash and everybody's memory before
    it, and the number of its first step.
    """

    def __init__(self, manner, which, place, images, memory, step):
        self.manner = manner
        self.which = which  # partition: 0 the journal, 1 the key store
        self.sector, self.offset, self.new = place
        self.images, self.memory, self.step = images, memory, step
        if self.new is not None:
            end = self.offset + len(self.new)
            self.old = bytes(images[which].get(self.sector, ERASED)[self.offset : end])
            wanted = int.from_bytes(self.new, "big") & int.from_bytes(self.old, "big")
            self.done = wanted.to_bytes(len(self.new), "big")

    def steps(self):
        """The number of its steps that a cut can hit."""
        if self.new is None:
            return 1
        grain = self.manner.grain
        return (self.offset + len(self.new) - 1) // grain - self.offset // grain + 1

    def cuts(self):
        """Each cut of it."""
        if self.new is None:
            for outcome in ERASE_OUTCOMES:
                for seed in range(_ERASE_SEEDS if outcome in (RANDOM, PREFIX) else 1):
                    yield self.step, self.step * _ERASE_SEEDS + seed, outcome
        else:
            for step in range(self.step, self.step + self.steps()):
                yield step, step, ""

    def range_after(self, cut):
        """What a cut of a program of bytes leaves where it programs: quicker than `after`, and held to it by a test."""
        at = cut[0] - self.step
        torn = torn_byte(self.old[at], self.new[at], Dice(cut[1]))
        return self.done[:at] + bytes((torn,)) + self.old[at + 1 :]

    def after(self, cut):
        """(images, unstable cells of the partition) that a cut of it leaves."""
        step, seed, erase = cut
        power = Power()
        self.manner.set(power)
        chip = Nor(1 + self.sector, power, self.images[self.which])
        power.cut_after(step - self.step, seed, erase)
        try:
            if self.new is None:
                chip.erase(self.sector)
            else:
                chip.program(self.sector, self.offset, self.new)
        except PowerCut:
            both = list(self.images)
            both[self.which] = chip.image()
            return both, chip.unstable
        raise AssertionError("the cut did not come")


def operations_of(world, run, manner=BYTES):
    """Let `world`, whose flash is Remembering, `run`, and give its operations."""
    operations = []
    manner.set(world.power)
    first = world.power.steps

    def remember(flash, sector, offset, new):
        which = JOURNAL if flash is world.journal else 1
        place = sector, offset, new
        step = world.power.steps - first
        operations.append(Operation(manner, which, place, world.images(), world.memory(), step))

    world.journal.remember = world.seal.remember = remember
    run(world)
    world.journal.remember = world.seal.remember = None
    return operations


def operations_of_life(name, manner=BYTES):
    life, start_of = LIVES[name]
    return operations_of(World(start_of(), Remembering), life, manner)


class Sweep:
    """Judges the states after cuts of one life; counts them, and prints a line for each that breaks an invariant."""

    def __init__(self, name):
        self.name = name
        self.singles = self.pairs = self.failures = 0
        self.recovered = self.judged = 0  # images, each different from all others of its operation
        self.torn = 0  # first cuts that left a torn record
        self._seen = set()
        self._known = {}

    def single(self, operation, cut, read_seed=0, lasting=0):
        """One cut and a restart. `lasting`: the clock then lives on until the ring has turned."""
        self.singles += 1
        images, unstable = operation.after(cut)
        world = _resumed_after(images, operation, unstable, read_seed)
        try:
            world.recover()
            world.judge()
            if lasting:
                world.live_on()
        except Exception as error:  # noqa: BLE001 - any error is a finding
            self._failed(error, operation.manner, [cut], read_seed, lasting)
        self.torn += world.burnt > 0

    def unstable(self, operation):
        """Every cut of an operation, with torn bits that read at random: a few ways each, many for the last step, after
        which all may look whole. What it does to a sector's header may show only when the ring has turned.
        """
        last = operation.step + operation.steps() - 1
        lasting = operation.which == JOURNAL and operation.offset < HEADER_BYTES
        for cut in operation.cuts():
            for read_seed in range(_READ_SEEDS_AT_THE_END if cut[0] == last else _READ_SEEDS):
                self.single(operation, cut, read_seed, lasting)

    def pair_up(self, operation, cut, sparse=1, phase=0):
        """A cut, and every `sparse`-th second cut in the recovery after it, from the `phase`-th on."""
        images, unstable = operation.after(cut)
        world = _resumed_after(images, operation, unstable, 0, Remembering)
        try:
            seconds = operations_of(world, World.recover, operation.manner)
        except Exception as error:  # noqa: BLE001 - any error is a finding
            self._failed(error, operation.manner, [cut])
            return
        count = phase
        for second in seconds:
            around = self._digest_around(second)
            for step, seed, erase in second.cuts():
                count += 1
                if count % sparse == 0:
                    # Not the bits of the first cut before this one.
                    self._pair(second, around, cut, (step, seed + cut[1] % 2 * _SEEDS_APART, erase))

    def forget(self):
        """Forget what is equal: to be called between the operations of a life, after which other things must hold."""
        self._seen.clear()
        self._known.clear()

    def counts(self):
        """What was done, by name."""
        return {
            "single_cuts": self.singles,
            "double_cuts": self.pairs,
            "images_recovered": self.singles + self.recovered,
            "failures": self.failures,
        }

    def _pair(self, second, around, cut, again):
        self.pairs += 1
        image = sha256(around)
        by_range = second.new is not None and second.manner is BYTES
        if by_range:
            image.update(second.range_after(again))
            if not self._is_new(image):
                return
        images, unstable = second.after(again)
        if not by_range:
            image.update(images[second.which].get(second.sector, b""))
            if not self._is_new(image):
                return
        self.recovered += 1
        world = _resumed_after(images, second, unstable, 0)
        try:
            world.recover()
            if self._is_new(self._digest_of(world)):
                self.judged += 1
                world.judge()
        except Exception as error:  # noqa: BLE001 - any error is a finding
            self._failed(error, second.manner, [cut, again])

    def _is_new(self, digest):
        number = int.from_bytes(digest.digest()[:7], "big")
        if number in self._seen:
            return False
        self._seen.add(number)
        return True

    def _digest_around(self, operation):
        """Of all that the operation does not change, and where it does."""
        digest = sha256(bytes((operation.which, operation.sector, operation.offset >> 4)))
        if operation.new is not None:
            content = operation.images[operation.which].get(operation.sector, ERASED)
            digest.update(content[: operation.offset])
            digest.update(content[operation.offset + len(operation.new) :])
        for which, image in enumerate(operation.images):
            for sector in sorted(image):
                if which != operation.which or sector != operation.sector:
                    digest.update(bytes((which, sector)) + self._sector_digest(image[sector]))
        return digest.digest()

    def _digest_of(self, world):
        digest = sha256(b"recovered")
        for flash in (world.journal, world.seal):
            for sector in range(flash.sectors):
                if sector in flash.content:
                    digest.update(self._sector_digest(flash.content[sector]))
                digest.update(b"-")
        return digest

    def _sector_digest(self, content):
        if isinstance(content, bytearray):
            return sha256(content).digest()
        # Most sectors are the same object in image after image; it is kept, so that its id stays its own.
        if id(content) not in self._known:
            self._known[id(content)] = content, sha256(content).digest()
        return self._known[id(content)][1]

    def _failed(self, error, manner, cuts, read_seed=0, lasting=0):
        self.failures += 1
        case = {"life": self.name, "cuts": cuts}
        if manner.grain > 1:
            case["grain"] = manner.grain
        if manner.unstable:
            case["unstable"] = read_seed
        if lasting:
            case["lasting"] = 1
        print_replay(case, error)


def print_replay(case, error):
    """Print the failure and the command that repeats it."""
    print("%s: %s" % (type(error).__name__, error))
    print("make torture REPLAY='%s'" % json.dumps(case))


def _resumed_after(images, operation, unstable, read_seed, flash=Nor):
    world = resumed(images, operation.memory, flash)
    world.cuts += 1
    part = world.seal if operation.which else world.journal
    part.unstable.update(unstable)
    if unstable:
        part.read_dice = Dice(read_seed)
    return world


def cut_really(name, cuts, manner=BYTES, read_seed=0):
    """A world whose life was cut, and then its recovery by each further cut; power is back, nothing recovered."""
    life, start_of = LIVES[name]
    world = World(start_of())
    manner.set(world.power)
    for number, cut in enumerate(cuts):
        run = World.recover if number else life
        world.power.cut_after(*cut)
        try:
            run(world)
        except PowerCut:
            world.journal.read_dice, world.seal.read_dice = Dice(read_seed), Dice(read_seed)
        else:
            raise AssertionError("the cut %r did not come" % (cut,))
        world.power_up()
    return world


def replay(case):
    """Run one case, in the form that a failure prints; an AssertionError names the broken invariant."""
    manner = Manner(case.get("grain", 1), int("unstable" in case))
    world = cut_really(case["life"], case["cuts"], manner, case.get("unstable", 0))
    world.recover()
    world.judge()
    if case.get("lasting"):
        world.live_on()

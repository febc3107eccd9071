"""The torture itself: that it makes the cuts it reports, and that it finds clocks with known defects.

Each clock below breaks one promise of the log. A harness that passes it would pass anything.
"""

# heapsize: 1m
# timeout: 600

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

import memoryfaults
from app.log import sealed_log
from app.errors import JournalError
from app.log.journal import Journal
from app.log.keystore import KeyStore
from app.log.sealed_log import SealedLog
from cuts import BYTES, Manner, Remembering, Sweep, cut_really, operations_of, operations_of_life
from iofaults import WRITE, Plan, judge_fault
from world import IS_SMALL, World, resumed


class Changed:
    """One attribute of a class or module, another while the block runs."""

    def __init__(self, owner, name, value):
        before = getattr(owner, name)
        self.enter = lambda: setattr(owner, name, value)
        self.leave = lambda: setattr(owner, name, before)

    def __enter__(self):
        self.enter()

    def __exit__(self, *_):
        self.leave()


class Put(Changed):
    """The same by a function that puts the attribute there: private names are others in a build, so no text has them."""

    def __init__(self, put, before, value):
        self.enter = lambda: put(value)
        self.leave = lambda: put(before)


def put_settle(value):
    SealedLog._settle_sealed = value


def put_commit(value):
    SealedLog._commit = value


def put_spend(value):
    KeyStore.spend = value


class Findings(Sweep):
    """A sweep that keeps what it finds instead of printing it."""

    def __init__(self, name):
        Sweep.__init__(self, name)
        self.texts = []

    def _failed(self, error, *_):
        self.failures += 1
        self.texts.append("%s: %s" % (type(error).__name__, error))


def found_by_cuts(life, every, manner=BYTES):
    """The invariants that every `every`-th cut of a life finds broken."""
    sweep = Findings(life)
    number = 0
    for operation in operations_of_life(life, manner):
        for cut in operation.cuts():
            number += 1
            if number % every == 0:
                sweep.single(operation, cut)
    return {text.split(": ")[1] for text in sweep.texts}


def test_images_derived_from_a_life_are_those_of_a_life_that_was_cut():
    for manner in (BYTES, Manner(16), Manner(256)):
        operations = operations_of_life("first day", manner)
        for operation in operations[::3]:
            cuts = list(operation.cuts())
            for cut in (cuts[0], cuts[len(cuts) // 2], cuts[-1]):
                images, _ = operation.after(cut)
                assert tuple(images) == cut_really("first day", [cut], manner).images(), cut
                if manner is BYTES and operation.new is not None:
                    end = operation.offset + len(operation.new)
                    part = images[operation.which][operation.sector][operation.offset : end]
                    assert operation.range_after(cut) == part, cut


def test_images_derived_from_a_recovery_are_those_of_a_recovery_that_was_cut():
    operation = operations_of_life("first day")[7]
    for cut in list(operation.cuts())[::40]:
        images, _ = operation.after(cut)
        again = operations_of(resumed(images, operation.memory, Remembering), World.recover)
        for second in again[::3]:
            second_cut = list(second.cuts())[-1]
            derived, _ = second.after(second_cut)
            assert tuple(derived) == cut_really("first day", [cut, second_cut]).images(), (cut, second_cut)


# --- clocks with a known defect, and the invariant that finds it ---


def findings(changed, every=31):
    with changed:
        return found_by_cuts("first day", every * (3 if IS_SMALL else 1))


def test_a_clock_that_signals_before_it_writes_is_found():
    keep = SealedLog.punch

    def keep_all_but_the_first(self, flags, token, stamp):
        return self.head if token[-1] == 1 else keep(self, flags, token, stamp)

    assert "I1" in findings(Changed(SealedLog, "punch", keep_all_but_the_first))


def test_a_clock_that_keeps_a_punch_twice_is_found():
    keep = SealedLog.punch

    def keep_twice(self, flags, token, stamp):
        keep(self, flags, token, stamp)
        return keep(self, flags, token, stamp)

    assert "I2" in findings(Changed(SealedLog, "punch", keep_twice))


def test_a_clock_that_keeps_torn_records_or_does_not_declare_them_is_found():
    assert "I3" in findings(Changed(Journal, "burn", lambda self, seq: None), 7)
    assert "I3" in findings(Changed(Journal, "burnt_before", lambda self, head: 0), 7)


def test_a_clock_that_burns_a_seq_at_every_start_is_found():
    settle = SealedLog._settle_sealed

    def burn_one(self):
        settle(self)
        self._ratchet.load(self._state.r)
        self._keys.make_room()
        if not self._journal._is_erased(self._state.seq):
            return
        self._stage_burnt()
        self._journal.burn(self._state.seq)
        self._commit(0)

    assert findings(Put(put_settle, settle, burn_one), 7) & {"I4", "I7", "I5, I7"}


def test_a_clock_that_leaves_a_copy_of_its_key_somewhere_is_found():
    write = Journal.write
    log = []

    def write_with_a_copy(self, seq, record):
        write(self, seq, record)
        if seq == 2:
            self._partition.writeblocks(2, log[-1], 1024)

    stage = KeyStore.stage

    def stage_and_tell(self, state):
        log.append(bytes(state.r))
        stage(self, state)

    with Changed(Journal, "write", write_with_a_copy):
        assert "I6" in findings(Changed(KeyStore, "stage", stage_and_tell), 7)


def test_a_clock_that_does_not_spend_its_keys_is_found():
    assert "I3" in findings(Put(put_spend, KeyStore.spend, lambda self, slot: None))


def test_a_clock_that_reads_its_flash_again_and_again_at_the_start_is_found():
    load = KeyStore.load

    def load_thrice(self, state):
        load(self, state)
        load(self, state)
        return load(self, state)

    assert findings(Changed(KeyStore, "load", load_thrice)) == {"I8"}


def test_a_clock_that_takes_what_it_has_for_acknowledged_is_found():
    assert "I9" in findings(Changed(sealed_log, "first_unsent", lambda unmarked, acked, head: head))


def test_a_clock_that_does_not_see_that_a_key_stayed_is_found():
    def spend_blindly(self, slot):
        self._program(slot, bytes(128))

    with Put(put_spend, KeyStore.spend, spend_blindly):
        start = World()
        try:
            for nth in range(1, 20):
                judge_fault("first day", start, Plan(WRITE, nth, "lost"))
        except AssertionError as error:
            assert str(error).startswith("I6"), error
            return
    raise AssertionError("nothing was found")


def test_a_clock_that_allocates_after_it_programmed_is_found():
    commit = SealedLog._commit

    def commit_and_allocate(self, kind):
        commit(self, kind)
        self._made = bytearray(2000)

    start = memoryfaults.start_of()
    with Put(put_commit, commit, commit_and_allocate):
        blocks = 0
        try:
            while not memoryfaults.judge_fault(start, memoryfaults.punch_after_idle, blocks):
                blocks += 7
        except (AssertionError, JournalError):  # an invariant, or a log that stays shut
            return
    raise AssertionError("nothing was found")

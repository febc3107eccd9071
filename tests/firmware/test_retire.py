"""The end of a clock's log: RETIRE is its last record, no key is left, and a cut anywhere ends in "retired" or "not"."""

# The flash of these tests is in the heap too.
# heapsize: 512k

import gc
import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app.log import record, seal, unpacked
from app.errors import JournalFull, JournalRetired
from app.log.provisioning import provision
from app.log.sealed_log import EPOCH_RECORDS, RESET_POWER_ON, SPARE_RECORDS, SealedLog
from auditor import BOOT, Auditor
from expect import raised
from nor import Nor, Power, PowerCut

CLOCK_ID = "clock-0001"
E0 = bytes(range(32))
MONDAY = 1767596291  # 2026-01-05 06:58:11 UTC
RETIRE = 10
SPARSER = 1 if sys.maxsize > 0x7FFFFFFF else 29


def stamp():
    made = record.Stamp()
    made.utc_s, made.source = MONDAY, record.SOURCE_RTC
    return made


class Site:
    """A clock, its flash, and an auditor for its bridge."""

    def __init__(self, start=None, sectors=3):
        self.power = Power()
        self.journal = Nor(sectors, self.power, start and start.journal.image())
        self.seal = Nor(3, self.power, start and start.seal.image())
        self.auditor = start.auditor.fork() if start else Auditor(CLOCK_ID, E0)
        self.stamp = stamp()
        if not start:
            provision(self.journal, self.seal, CLOCK_ID, E0, b"12345678", self.stamp)

    def boot(self):
        self.log = SealedLog(self.journal, self.seal, CLOCK_ID, b"firmware")
        self.log.open(RESET_POWER_ON, self.stamp)
        return self.log

    def idle(self):
        for _ in range(40):
            if not self.log.idle(self.stamp):
                return
        raise AssertionError("idle never ends")

    def take(self):
        buf, seq = bytearray(64 * 8), self.auditor.seq
        while seq < self.log.head:
            count, seq = self.log.read_into(buf, seq, 8)
            for index in range(count):
                self.auditor.take(bytes(buf[index * 64 : index * 64 + 64]))

    def live_slots(self):
        """Slots of the key store that hold anything at all."""
        return sum(
            bytes(self.seal.sector(sector))[at : at + 128] not in (b"\xff" * 128, bytes(128))
            for sector in range(self.seal.sectors)
            for at in range(0, 4096, 128)
        )

    def check_ended(self):
        """The chain verifies up to RETIRE, its last record, and the flash holds no key, whole or by half."""
        self.take()
        assert self.auditor.seq == self.log.head
        assert self.auditor.records[-1][1] == RETIRE
        assert self.live_slots() == 0
        self.auditor.spent += [self.auditor.r, self.auditor.e_next]
        self.auditor.check_forgotten(self.seal, self.journal)


def punched(count=4):
    site = Site()
    log = site.boot()
    for number in range(count):
        log.punch(record.DIRECTION_IN, b"%08d" % number, site.stamp)
        site.idle()
    return site


def test_retire_is_the_last_record_and_leaves_no_key():
    site = punched()
    site.take()
    log = site.log
    assert log.retire(site.stamp) == 6
    assert (log.retired, log.sealed, log.head, log.free, log.unsent) == (True, False, 7, 0, 7)
    site.check_ended()


def test_a_retired_log_refuses_everything_and_still_sends_what_is_not_acknowledged():
    site = punched()
    site.log.retire(site.stamp)
    image = site.journal.image()
    for log in (site.log, site.boot(), site.boot()):
        assert log.retired and not log.sealed
        for kind in (record.KIND_PUNCH, record.KIND_TIME_SET, record.KIND_RETIRE):
            error = raised(JournalRetired, log.append, kind, 0, bytes(8), bytes(8), site.stamp)
            assert isinstance(error, JournalFull) and "Provision it anew" in str(error)
        site.idle()
        assert site.journal.image() == image, "no BOOT, no EPOCH, nothing is prepared"
        assert (log.head, log.tail, log.unsent) == (7, 0, 7)
        buf = bytearray(64 * 8)
        assert log.read_into(buf, 0, 8) == (7, 7)
    site.check_ended()


def test_a_retired_log_is_another_boot_towards_the_bridge():
    """It keeps no BOOT record, and its STATUS must be newer than those before it all the same."""
    site = punched()
    assert site.log.boot == 1
    site.log.retire(site.stamp)
    assert site.log.boot == 1
    assert site.boot().boot == 2


def test_once_all_is_acknowledged_the_flash_says_so_to_the_technicians_tool():
    site = punched()
    site.log.retire(site.stamp)
    site.log.ack(6)
    site.idle()
    assert bytes(site.journal.sector(0))[16:32] == b"\xff" * 16
    site.log.ack(7)
    site.idle()
    assert bytes(site.journal.sector(0))[16:32] == bytes(16)
    assert not site.log.idle(site.stamp)


def test_what_is_due_before_the_end_is_written_before_it():
    site = punched()
    site.take()
    log = site.boot()
    while log.free > 3:
        log.punch(0, bytes(8), site.stamp)
        site.take()
        log.ack(site.auditor.seq)
        site.idle()
        if log.head >= EPOCH_RECORDS - 1:
            break
        gc.collect()
    log.retire(site.stamp)
    site.check_ended()
    assert [kind for _, kind, _ in site.auditor.records][-2:] == [5, RETIRE]


def test_a_full_clock_can_still_be_retired_and_one_without_any_room_says_that_it_cannot():
    site = punched(0)
    log = site.log
    while log.free:
        log.punch(0, bytes(8), site.stamp)
    log.retire(site.stamp)
    site.check_ended()
    site = punched(0)
    while site.log.free:
        site.log.punch(0, bytes(8), site.stamp)
    for _ in range(SPARE_RECORDS):
        site.boot()
    raised(JournalFull, site.log.retire, site.stamp)
    assert site.log.sealed and not site.log.retired


def test_a_clock_that_lost_its_key_can_be_retired_too():
    site = punched()
    for sector in range(3):
        site.seal.ioctl(6, sector)
    log = site.boot()
    assert not log.sealed and not log.retired
    seq = log.retire(site.stamp)
    assert log.retired
    log = site.boot()
    assert log.retired and log.head == seq + 1
    buf = bytearray(64)
    log.read_into(buf, seq, 1)
    last = unpacked.unpack(buf)
    assert last.kind == RETIRE and last.flags & record.FLAG_UNSEALED
    assert last.tag == seal.unsealed_tag(record_before(log, seq).tag, memoryview(buf)[:48])[:16]


def record_before(log, seq):
    buf = bytearray(64)
    log.read_into(buf, seq - 1, 1)
    return unpacked.unpack(buf)


def test_a_lost_key_alone_is_no_retirement():
    site = punched()
    for sector in range(3):
        site.seal.ioctl(6, sector)
    log = site.boot()
    assert not log.retired
    log.punch(0, bytes(8), site.stamp)


def test_power_may_fail_at_every_byte_of_the_end_and_of_the_restart_after_it():
    start = punched()
    start.take()
    start.auditor = start.auditor.fork()

    def life(site):
        site.boot()
        site.log.retire(site.stamp)
        site.idle()

    whole = Site(start)
    life(whole)
    whole.check_ended()
    outcomes = set()
    assert whole.power.steps > 500
    for cut in range(0, whole.power.steps, SPARSER):
        for second in (None,) if cut % 9 else (None, 0, 1, 64, 65, 100, 129, 200, 300):
            site = Site(start)
            site.power.cut_after(cut, cut)
            raised(PowerCut, life, site)
            site.power.restore()
            try:
                if second is not None:
                    site.power.cut_after(second, cut)
                    try:
                        site.boot()
                    except PowerCut:
                        pass
                    site.power.restore()
                log = site.boot()
                outcomes.add(log.retired)
                assert log.retired is not log.sealed
                if not log.retired:
                    site.take()
                    site.auditor.check_keys(site.seal)
                    log.retire(site.stamp)
                site.check_ended()
                head = log.head
                assert site.boot().head == head and site.log.retired
            except Exception:
                print("cut %d, second %s" % (cut, second))
                raise
        gc.collect()
    assert outcomes == {True, False} or SPARSER > 1


def test_wear_is_the_highest_erase_count_seen():
    site = Site()
    log = site.boot()
    assert log.wear == 0
    site.idle()
    for _ in range(63 * 3 * 3):
        log.punch(0, bytes(8), site.stamp)
        log.ack(log.head)
        site.idle()
        gc.collect()
    worn = log.wear
    assert worn == max(site.journal.erases_of.values())
    assert site.boot().wear in (worn, worn - 1)
    assert BOOT == 2

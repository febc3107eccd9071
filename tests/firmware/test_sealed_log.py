"""The sealed log through a clock's life on strict NOR flash, judged by a verifier made only from the protocol."""

# The flash of these tests is in the heap too.
# heapsize: 512k

import gc
import os
import struct
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app.log import record, unpacked
from app.errors import JournalError, JournalFull
from app.log.provisioning import provision, unsent, wipe
from app.log.sealed_log import EPOCH_RECORDS, RESET_POWER_ON, SPARE_RECORDS, SealedLog
from auditor import Auditor, hmac
from expect import raised
from nor import Nor
from quiet_flash import QuietFlash

CLOCK_ID = "clock-0001"
E0 = bytes(range(32))
NONCE = b"12345678"
FIRMWARE = b"firmware"
MONDAY = 1767596291  # 2026-01-05 06:58:11 UTC
DAY_S = 86400


def stamp_at(utc_s, source=record.SOURCE_BRIDGE):
    stamp = record.Stamp()
    stamp.utc_s, stamp.ms, stamp.source, stamp.bound, stamp.uptime_ms = utc_s, 7, source, 5, 1234
    return stamp


def token_of(number):
    return b"token" + bytes([number >> 16 & 0xFF, number >> 8 & 0xFF, number & 0xFF])


class Site:
    """A founded clock with its flash, and the bridge that receives its records."""

    def __init__(self, sectors=4, seal_sectors=4):
        self.journal, self.seal = Nor(sectors), Nor(seal_sectors)
        self.stamp = stamp_at(MONDAY)
        self.auditor = Auditor(CLOCK_ID, E0)
        provision(self.journal, self.seal, CLOCK_ID, E0, NONCE, self.stamp)
        self.log = None

    def start(self):
        self.log = SealedLog(self.journal, self.seal, CLOCK_ID, FIRMWARE)
        self.log.open(RESET_POWER_ON, self.stamp)
        return self.log

    def settle(self):
        """Idle until nothing is due."""
        for _ in range(50):
            if not self.log.idle(self.stamp):
                return
        raise AssertionError("idle never ends")

    def deliver(self):
        """The bridge receives new records, judges and acknowledges them."""
        self.take()
        self.log.ack(self.auditor.seq)

    def take(self, batch=63):
        """The bridge receives new records and judges them."""
        gc.collect()  # the auditor's small lists must not lie all over the heap
        buf = bytearray(batch * 64)
        seq = self.auditor.seq
        while seq < self.log.head:
            count, seq = self.log.read_into(buf, seq, batch)
            for index in range(count):
                self.auditor.take(bytes(buf[index * 64 : index * 64 + 64]))
        del self.auditor.spent[:-12]  # enough to search the flash for, and a small heap

    def holds(self, key):
        """Whether a key is on the flash."""
        return any(key in bytes(chip.sector(at)) for chip in (self.seal, self.journal) for at in range(chip.sectors))

    def check(self):
        self.auditor.check_keys(self.seal)
        self.auditor.check_forgotten(self.seal, self.journal)


def all_records(log):
    buf, seq, records = bytearray(64 * 63), 0, []
    while seq < log.head:
        count, seq = log.read_into(buf, seq, 63)
        records += [unpacked.unpack(buf, index * 64) for index in range(count)]
    return records


def test_a_clock_starts_with_genesis_and_boot_and_keeps_punches_in_order():
    site = Site()
    log = site.start()
    assert (log.head, log.boot, log._state.epoch, log.tail, log.unsent, log.sealed, log.tears) == (2, 1, 0, 0, 2, True, 0)
    assert log.punch(record.DIRECTION_IN, token_of(1), site.stamp) == 2
    assert log.punch(record.DIRECTION_OUT, token_of(2), site.stamp) == 3
    assert log.append(record.KIND_TAMPER, 0, record.NOTHING, b"\x01" + bytes(7), site.stamp) == 4
    kept = all_records(log)
    assert [r.kind for r in kept] == [
        record.KIND_GENESIS,
        record.KIND_BOOT,
        record.KIND_PUNCH,
        record.KIND_PUNCH,
        record.KIND_TAMPER,
    ]
    assert kept[0].token == NONCE
    assert kept[1].detail == b"\x01\x00\x00\x00firm"
    assert kept[2].token == token_of(1)
    assert kept[2].flags == record.DIRECTION_IN
    assert (kept[2].utc_s, kept[2].ms, kept[2].source, kept[2].bound, kept[2].uptime_ms) == (MONDAY, 7, 3, 5, 1234)
    assert log.tag == kept[-1].tag
    site.deliver()
    site.check()


def test_a_punch_costs_three_page_programs_and_no_erase():
    site = Site()
    log = site.start()
    site.settle()
    for number in range(200):
        site.deliver()
        site.settle()
        site.journal.reset_counts()
        site.seal.reset_counts()
        log.punch(record.DIRECTION_IN, token_of(number), site.stamp)
        assert site.journal.page_programs + site.seal.page_programs == 3, number
        assert site.journal.erases + site.seal.erases == 0, number
        assert site.journal.programmed_bytes + site.seal.programmed_bytes == 64 + 128 + 128
    assert log.late + log._keys.late == 0


def test_the_key_of_a_desk_job_is_that_of_the_next_record_and_leaves_the_flash_with_it():
    site = Site()
    log = site.start()
    site.deliver()
    r = site.auditor.r
    assert log.desk() == hmac(r, b"D") == log.desk()
    assert site.holds(r)
    log.append(record.KIND_CONFIG, 0, record.NOTHING, b"settings", site.stamp)
    assert not site.holds(r)
    assert log.desk() != hmac(r, b"D")
    site.deliver()
    site.check()
    assert log.desk() == hmac(site.auditor.r, b"D"), "bridge and clock agree on the next one"


def test_a_restart_goes_on_with_seq_boot_chain_and_ack():
    site = Site()
    for boot in range(1, 6):
        log = site.start()
        assert log.boot == boot
        assert log.head == 3 * boot - 1
        log.punch(0, token_of(boot), site.stamp)
        if boot > 1:
            assert log.tail == 3 * boot - 3  # from the key slot of the record before this BOOT
        site.deliver()
        log.punch(0, token_of(100 + boot), site.stamp)
        site.deliver()
        site.check()


def test_the_beacon_stands_in_every_record_after_it_was_told():
    site = Site()
    log = site.start()
    log.punch(0, token_of(1), site.stamp)
    log.set_beacon(b"beacon!!")
    log.punch(0, token_of(2), site.stamp)
    assert [r.beacon for r in all_records(log)][-2:] == [bytes(8), b"beacon!!"]
    site.deliver()


def test_many_turns_around_the_ring_and_the_key_store_lose_nothing_and_never_work_late():
    site = Site(sectors=4)
    log = site.start()
    for number in range(63 * 4 * 3):
        site.settle()
        assert log.punch(record.DIRECTION_IN, token_of(number), site.stamp) == number + 2
        if number % 40 == 39:
            site.deliver()
            site.check()
    site.deliver()
    site.check()
    assert [token for _, kind, token in site.auditor.records if kind == record.KIND_PUNCH] == [
        token_of(number) for number in range(63 * 4 * 3)
    ]
    assert log.late + log._keys.late == 0
    assert site.seal.erases >= 20
    assert site.journal.erases >= 8


def test_without_idle_sectors_are_prepared_late_and_only_when_acked():
    site = Site(sectors=4)
    log = site.start()
    for number in range(63 * 4 * 2):
        log.punch(0, token_of(number), site.stamp)
        if number % 50 == 49:
            site.deliver()
    site.deliver()
    site.check()
    journal_late = (log.head - 1) // 63
    key_late = (log.head - 1) // 32 - 3
    assert (log.late, log._keys.late) == (journal_late, key_late)


def test_a_full_journal_refuses_says_so_and_goes_on_after_an_ack():
    site = Site(sectors=3)
    log = site.start()
    assert log.capacity == 189
    while log.free:
        before = log.free
        log.punch(0, token_of(log.head), site.stamp)
        assert log.free == before - 1
        site.settle()
    assert log.unsent == 189 - SPARE_RECORDS
    assert log.nearly_full
    image = site.journal.image(), site.seal.image()
    for _ in range(3):
        assert "181 records" in str(raised(JournalFull, log.punch, 0, token_of(0), site.stamp))
        site.settle()
    assert image == (site.journal.image(), site.seal.image())
    site.take()
    log.ack(62)
    assert not log.free
    log.ack(63)
    assert log.free == 63
    site.settle()
    log.punch(0, token_of(1), site.stamp)
    site.deliver()
    site.check()
    assert not log.nearly_full


def test_nearly_full_begins_at_80_percent():
    site = Site(sectors=5)
    log = site.start()
    while not log.nearly_full:
        log.punch(0, token_of(log.head), site.stamp)
    assert log.capacity - log.free == 252
    assert log.capacity == 315


def test_restarts_of_a_full_clock_take_the_spare_places_and_then_wait_for_room():
    site = Site(sectors=3)
    log = site.start()
    while log.free:
        log.punch(0, token_of(log.head), site.stamp)
    for boot in range(2, 2 + SPARE_RECORDS):
        log = site.start()
        assert log.boot == boot
        assert log.head == 189 - SPARE_RECORDS + boot - 1
    log = site.start()
    assert log.head == 189
    assert log.boot == 2 + SPARE_RECORDS
    assert log.sealed
    assert log.free == 0
    log = site.start()
    assert log.head == 189
    assert log.boot == 2 + SPARE_RECORDS
    log.ack(126)
    log.punch(0, token_of(5), site.stamp)
    assert [r.kind for r in all_records(log)][-2:] == [record.KIND_BOOT, record.KIND_PUNCH]
    site.auditor = Auditor(CLOCK_ID, E0)
    site.log = log
    assert log.read_into(bytearray(64), 0, 1)[1] == 64, "the oldest sector was erased for the new one"


def test_a_day_that_changes_closes_the_epoch_once_when_idle():
    site = Site()
    log = site.start()
    site.settle()
    head = log.head
    site.stamp = stamp_at(MONDAY + DAY_S)
    log.punch(0, token_of(1), site.stamp)
    site.settle()
    assert log._state.epoch == 1
    assert log.head == head + 2
    closing = all_records(log)[-1]
    assert closing.kind == record.KIND_EPOCH
    assert closing.epoch == 0
    assert struct.unpack(">II", closing.detail) == (log.head, MONDAY // DAY_S)
    site.stamp = stamp_at(MONDAY + 5 * DAY_S)
    site.settle()
    assert log._state.epoch == 1, "an epoch without records was closed"
    log.punch(0, token_of(2), site.stamp)
    site.settle()
    assert log._state.epoch == 1, "the epoch began with its first record"
    site.stamp = stamp_at(MONDAY + 6 * DAY_S)
    site.settle()
    assert log._state.epoch == 2
    assert struct.unpack(">II", all_records(log)[-1].detail) == (2, MONDAY // DAY_S + 5)
    site.deliver()
    site.check()


def test_a_clock_without_time_closes_no_epoch():
    site = Site()
    log = site.start()
    log.punch(0, token_of(1), site.stamp)
    site.stamp = stamp_at(0, record.SOURCE_NONE)
    site.settle()
    assert log._state.epoch == 0


def test_a_clock_that_was_off_for_days_closes_one_epoch():
    site = Site()
    site.start().punch(0, token_of(1), site.stamp)
    site.stamp = stamp_at(MONDAY + 9 * DAY_S)
    log = site.start()
    site.settle()
    assert log._state.epoch == 1
    log.punch(0, token_of(2), site.stamp)
    site.settle()
    site.deliver()
    assert [kind for _, kind, _ in site.auditor.records] == [1, 2, 3, 2, 5, 3]


def test_an_epoch_ends_with_its_2048th_record_even_if_the_clock_is_never_idle():
    site = Site()
    log = site.start()
    for number in range(EPOCH_RECORDS + 2):
        log.punch(0, token_of(number), site.stamp)
        if number % 50 == 49:
            site.deliver()
            del site.auditor.records[:]
    assert log._state.epoch == 1
    site.deliver()
    site.check()
    kinds = {seq: kind for seq, kind, _ in site.auditor.records}
    assert kinds.get(EPOCH_RECORDS - 1, record.KIND_EPOCH) == record.KIND_EPOCH
    assert site.auditor.in_epoch == log.head - EPOCH_RECORDS


def test_idle_closes_an_epoch_of_2047_records_before_a_punch_has_to():
    site = Site()
    log = site.start()
    while log.head < EPOCH_RECORDS - 1:
        log.punch(0, token_of(log.head), site.stamp)
        if log.head % 50 == 0:
            site.deliver()
            del site.auditor.records[:]
    assert log._state.epoch == 0
    site.settle()
    assert log._state.epoch == 1
    assert log.head == EPOCH_RECORDS
    site.deliver()


def test_acked_marks_bring_the_tail_back_after_a_restart_without_records_since():
    site = Site(sectors=6)
    log = site.start()
    while log.head < 200:
        log.punch(0, token_of(log.head), site.stamp)
    site.take()
    log.ack(199)
    site.settle()
    assert log.tail == 199
    assert site.start().tail == 189


def test_when_everything_is_acknowledged_idle_writes_it_down_once():
    site = Site()
    log = site.start()
    log.punch(0, token_of(1), site.stamp)
    site.settle()
    assert unsent(site.journal, site.seal) == 3
    site.deliver()
    site.seal.reset_counts()
    site.settle()
    assert site.seal.page_programs == 2
    site.settle()
    assert site.seal.page_programs == 2
    assert unsent(site.journal, site.seal) == 0
    site.check()
    log = site.start()
    assert (log.tail, log.head) == (3, 4)
    log.punch(0, token_of(2), site.stamp)
    site.deliver()
    site.check()


def test_an_ack_beyond_the_head_or_older_than_the_tail_changes_nothing():
    site = Site()
    log = site.start()
    log.ack(2)
    assert log.tail == 2
    log.ack(1)
    log.ack(3)
    log.ack(0xFFFFFFFF)
    assert log.tail == 2


def test_records_below_the_tail_are_read_as_long_as_the_ring_holds_them():
    site = Site(sectors=4)
    log = site.start()
    while log.head < 63 * 4 + 10:
        log.punch(0, token_of(log.head), site.stamp)
        site.settle()
        site.deliver()
    buf = bytearray(64)
    count, following = log.read_into(buf, 0, 1)
    oldest = unpacked.unpack(buf).seq
    assert count == 1
    assert following == oldest + 1
    assert oldest == 189
    assert log.read_into(buf, log.head, 1) == (0, log.head)
    assert log.read_into(buf, log.head + 5, 1) == (0, log.head + 5)
    assert log.read_into(bytearray(63), 200, 5) == (0, 200)


def test_a_batch_leaves_burnt_seqs_out_and_stays_within_its_sector_and_limit():
    site = Site(sectors=4)
    log = site.start()
    while log.head < 60:
        log.punch(0, token_of(log.head), site.stamp)
    tear_next_slot(site, b"\x01\x03\x00")
    log = site.start()
    assert log.tears == 1
    log.punch(0, token_of(log.head), site.stamp)
    log.punch(0, token_of(log.head), site.stamp)
    buf = bytearray(64 * 10)
    assert log.read_into(buf, 55, 10) == (7, 63)
    assert [unpacked.unpack(buf, at * 64).seq for at in range(7)] == [55, 56, 57, 58, 59, 61, 62]
    assert log.read_into(buf, 60, 1) == (1, 62)
    assert unpacked.unpack(buf).seq == 61
    assert log.read_into(buf, 63, 10) == (1, 64)
    site.deliver()
    site.check()


def tear_next_slot(site, content):
    seq = site.log.head
    site.journal.corrupt(seq // 63 % site.journal.sectors, 64 + seq % 63 * 64, content)


def test_a_torn_record_is_burnt_and_declared_by_the_boot_record():
    site = Site()
    log = site.start()
    log.punch(0, token_of(1), site.stamp)
    tear_next_slot(site, b"\x01\x03\x00\x01\x00")
    log = site.start()
    kept = all_records(log)
    assert [r.seq for r in kept] == [0, 1, 2, 4]
    assert kept[-1].kind == record.KIND_BOOT
    assert kept[-1].detail[1] == 1
    assert bytes(site.journal.sector(0)[64 + 3 * 64 : 64 + 4 * 64]) == bytes(64)
    site.deliver()
    site.check()
    assert site.start().tears == 0
    site.deliver()


def test_a_boot_record_torn_again_and_again_declares_every_burnt_seq():
    site = Site()
    log = site.start()
    head = log.head
    for _ in range(50):
        site.log = log
        tear_next_slot(site, b"\x01\x02")
        log = SealedLog(site.journal, site.seal, CLOCK_ID, FIRMWARE)
        log._write_boot = lambda _: None  # the cut comes before BOOT, each time
        log.open(RESET_POWER_ON, site.stamp)
    log = site.start()
    assert log.tears == 50
    assert log.head == head + 51
    site.deliver()
    site.check()


def test_a_whole_record_whose_key_did_not_step_is_kept_and_the_key_steps():
    site = Site()
    log = site.start()
    before = site.seal.image()
    log.punch(record.DIRECTION_IN, token_of(1), site.stamp)
    site.seal = Nor(4, image=before)
    log = site.start()
    assert [(r.seq, r.kind) for r in all_records(log)][-2:] == [(2, record.KIND_PUNCH), (3, record.KIND_BOOT)]
    assert log.tears == 0
    site.deliver()
    site.check()


def test_a_whole_epoch_record_and_a_whole_boot_record_are_taken_up_too():
    site = Site()
    log = site.start()
    site.settle()
    before = site.seal.image()
    site.stamp = stamp_at(MONDAY + DAY_S)
    site.settle()
    assert log._state.epoch == 1
    site.seal = Nor(4, image=before)
    site.start()
    before = site.seal.image()
    log = site.start()
    assert log.boot == 3
    site.seal = Nor(4, image=before)
    log = site.start()
    assert log.boot == 4
    assert log._state.epoch == 1
    site.deliver()
    site.check()
    assert [kind for _, kind, _ in site.auditor.records] == [1, 2, 5, 2, 2, 2]


def test_found_refuses_while_records_wait_and_wipe_is_the_way_to_give_them_up():
    site = Site()
    log = site.start()
    log.punch(0, token_of(1), site.stamp)
    image = site.journal.image(), site.seal.image()
    error = raised(JournalError, provision, site.journal, site.seal, CLOCK_ID, E0, b"other no", site.stamp)
    assert error.unsent == 3
    assert "3 records" in str(error)
    assert image == (site.journal.image(), site.seal.image())
    log.ack(3)
    log.punch(0, token_of(2), site.stamp)
    assert unsent(site.journal, site.seal) == 1
    wipe(site.journal, site.seal)
    assert unsent(site.journal, site.seal) == 0
    site.auditor.spent.append(site.auditor.r)
    site.auditor.check_forgotten(site.seal, site.journal)
    provision(site.journal, site.seal, CLOCK_ID, E0, NONCE, site.stamp)
    site.auditor = Auditor(CLOCK_ID, E0)
    assert site.start().head == 2
    site.deliver()
    site.check()


def test_a_founded_clock_that_kept_nothing_may_be_founded_again():
    site = Site()
    provision(site.journal, site.seal, "clock-0002", bytes(range(50, 82)), NONCE, site.stamp)
    site.auditor = Auditor("clock-0002", bytes(range(50, 82)))
    site.start()
    site.deliver()
    site.check()


def test_found_takes_a_partition_full_of_foreign_bytes():
    journal, seal = Nor(3), Nor(2)
    journal.corrupt(0, 0, b"foreign" * 500)
    journal.corrupt(2, 77, b"foreign" * 100)
    seal.corrupt(1, 5, b"foreign" * 10)
    provision(journal, seal, CLOCK_ID, E0, NONCE, stamp_at(MONDAY))
    log = SealedLog(journal, seal, CLOCK_ID, FIRMWARE)
    log.open(RESET_POWER_ON, stamp_at(MONDAY))
    assert log.head == 2
    assert log.sealed


def test_keys_of_a_wrong_length_are_refused_before_anything_is_erased():
    site = Site()
    image = site.journal.image(), site.seal.image()
    for e0, nonce in ((bytes(31), NONCE), (bytes(33), NONCE), (E0, bytes(7))):
        raised(ValueError, provision, site.journal, site.seal, CLOCK_ID, e0, nonce, site.stamp)
    assert image == (site.journal.image(), site.seal.image())


def test_a_clock_that_was_never_founded_says_so():
    log = SealedLog(Nor(3), Nor(2), CLOCK_ID, FIRMWARE)
    raised(JournalError, log.open, RESET_POWER_ON, stamp_at(0))
    raised(JournalError, log.punch, 0, token_of(1), stamp_at(0))


def damaged_key_site(punches):
    site = Site(sectors=4)
    log = site.start()
    for number in range(punches):
        log.punch(record.DIRECTION_IN, token_of(number), site.stamp)
        site.settle()
        if number < punches - 20:
            site.deliver()
    live = (log.head - 1) % 128
    site.seal.corrupt(live // 32, live % 32 * 128 + 40, bytes([site.seal.sector(live // 32)[live % 32 * 128 + 40] ^ 1]))
    return site


def test_without_a_readable_key_punches_are_kept_unsealed_and_nothing_before_is_lost():
    for punches in (5, 61, 100, 300):
        site = damaged_key_site(punches)
        head, tag, delivered = site.log.head, site.log.tag, site.auditor.seq
        log = site.start()
        assert not log.sealed
        assert log.head == head + 1
        assert log.boot == 2
        seq = log.punch(record.DIRECTION_OUT, token_of(999), site.stamp)
        assert seq == head + 1
        kept = all_records(log)
        assert [r.seq for r in kept[-22:]] == list(range(seq - len(kept[-22:]) + 1, seq + 1))
        assert log.tail <= delivered
        for r, kind in ((kept[-2], record.KIND_BOOT), (kept[-1], record.KIND_PUNCH)):
            assert r.kind == kind
            assert r.flags & record.FLAG_UNSEALED
        buf = bytearray(64)
        for at in (head, head + 1):
            log.read_into(buf, at, 1)
            tag = plain_chain(tag, buf)
            assert buf[48:] == tag
        log = site.start()
        assert not log.sealed
        assert log.boot == 3
        assert log.head == head + 3
        log.read_into(buf, head + 2, 1)
        assert buf[48:] == plain_chain(tag, buf)


def test_a_key_that_can_be_read_again_does_not_overwrite_what_was_kept_without_it():
    for burnt in (0, 2):
        site = Site()
        log = site.start()
        for number in range(5):
            log.punch(1, token_of(number), site.stamp)
        head = log.head
        good = site.seal.image()
        for sector in range(site.seal.sectors):
            site.seal.ioctl(6, sector)
        for seq in range(head, head + burnt):
            site.journal.writeblocks(0, bytes(64), 64 + 64 * seq)
        log = site.start()
        assert not log.sealed
        for number in range(3):
            log.punch(1, token_of(100 + number), site.stamp)
        before = [(r.seq, r.kind, r.tag) for r in all_records(log)]
        for start in range(2):
            site.seal = Nor(site.seal.sectors, image=good)
            log = site.start()
            assert not log.sealed
            assert log.boot == 3 + start
            log.punch(1, token_of(200 + start), site.stamp)
            kept = [(r.seq, r.kind, r.tag) for r in all_records(log)]
            assert kept[: len(before)] == before
            assert len(kept) == len(before) + 2
            before = kept


def plain_chain(tag, raw):
    import hashlib

    return hashlib.sha256(tag + bytes(raw[:48])).digest()[:16]


def test_a_torn_unsealed_record_is_burnt():
    for torn in (b"\x01", b"\x01\x03\x00\x81" + bytes(30), None):
        site = damaged_key_site(10)
        log = site.start()
        log.punch(0, token_of(1), site.stamp)
        head = log.head
        if torn is None:  # torn within its tag: it reads as a record, but its tag is wrong
            log.punch(0, token_of(2), site.stamp)
            site.journal.corrupt(0, 64 + head * 64 + 50, b"\xff" * 14)
        else:
            tear_next_slot(site, torn)
        log = site.start()
        assert log.head == head + 2
        assert log.tears == 1
        assert [r.seq for r in all_records(log)][-2:] == [head - 1, head + 1]
        tag = all_records(log)[-2].tag
        buf = bytearray(64)
        log.read_into(buf, head + 1, 1)
        assert buf[48:] == plain_chain(tag, buf)


def test_an_unsealed_clock_goes_around_its_ring_and_fills_up_as_a_sealed_one_does():
    site = damaged_key_site(10)
    log = site.start()
    for number in range(63 * 5):
        log.punch(0, token_of(number), site.stamp)
        site.settle()
        log.ack(log.head)
    head = log.head
    assert site.start().head == head + 1
    while site.log.free:
        site.log.punch(0, token_of(1), site.stamp)
    raised(JournalFull, site.log.punch, 0, token_of(1), site.stamp)


def test_the_log_writes_genesis_boot_and_epoch_itself():
    site = Site()
    log = site.start()
    for kind in (record.KIND_GENESIS, record.KIND_BOOT, record.KIND_EPOCH):
        raised(ValueError, log.append, kind, 0, record.NOTHING, record.NOTHING, site.stamp)


def test_after_a_flash_error_the_log_refuses_until_it_is_opened_again_and_then_has_every_signalled_punch():
    class Failing(Nor):
        fail_in = 0

        def writeblocks(self, block, buf, offset=None):
            self.fail_in -= 1
            if self.fail_in == 0:
                raise OSError(5)
            Nor.writeblocks(self, block, buf, offset)

    for failing, fail_in in (("journal", 1), ("seal", 1), ("seal", 2)):
        site = Site()
        flash = Failing(4, image=getattr(site, failing).image())
        setattr(site, failing, flash)
        log = site.start()
        log.punch(0, token_of(1), site.stamp)
        flash.fail_in = fail_in
        raised(OSError, log.punch, 0, token_of(2), site.stamp)
        raised(JournalError, log.punch, 0, token_of(2), site.stamp)
        log.open(RESET_POWER_ON, site.stamp)
        log.punch(0, token_of(3), site.stamp)
        site.deliver()
        site.check()
        tokens = [token for _, kind, token in site.auditor.records if kind == record.KIND_PUNCH]
        assert (tokens[0], tokens[-1]) == (token_of(1), token_of(3)), (failing, fail_in)


def test_the_mount_reads_a_bounded_part_of_the_flash():
    site = Site(sectors=6)
    log = site.start()
    for head in (2, 70, 300, 1000):
        while log.head < head:
            log.punch(0, token_of(log.head), site.stamp)
            if log.head % 100 == 0:
                site.deliver()
                del site.auditor.records[:]
                site.settle()
        site.journal.reset_counts()
        site.seal.reset_counts()
        log = site.start()
        assert site.seal.reads <= 128 + 3, (head, site.seal.reads)
        assert site.journal.reads <= 12, (head, site.journal.reads)


def test_a_punch_allocates_little_and_idle_allocates_less():
    journal, seal = QuietFlash(3), QuietFlash(2)
    stamp = stamp_at(MONDAY)
    provision(journal, seal, CLOCK_ID, E0, NONCE, stamp)
    log = SealedLog(journal, seal, CLOCK_ID, FIRMWARE)
    log.open(RESET_POWER_ON, stamp)
    while log.idle(stamp):
        pass
    token = token_of(1)
    most = 2560 if sys.maxsize > 0x7FFFFFFF else 2048
    for call, limit in ((lambda: log.punch(1, token, stamp), most), (lambda: log.idle(stamp), 32)):
        call()
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        call()
        used = gc.mem_alloc() - before
        gc.enable()
        assert used <= limit, (used, limit)

"""The ring of sectors on strict NOR flash: places, headers, marks, and finding the head with few reads."""

import os
import struct
import sys
from binascii import crc32

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app.errors import JournalError
from app.log.journal import Journal
from expect import raised
from nor import Nor, Power, PowerCut


def record_of(seq):
    return bytearray(b"\x01" + struct.pack(">I", seq) + b"r" * 59)


def filled(flash, first, end):
    """A journal with records `first` to `end` - 1 on the flash, sectors prepared as they are needed."""
    journal = Journal(flash)
    journal.ready = first // 63 - 1
    for seq in range(first, end):
        if seq // 63 > journal.ready:
            journal.prepare(seq // 63)
        journal.write(seq, record_of(seq))
    return journal


def mounted(flash, head):
    journal = Journal(flash)
    journal.mount(head)
    return journal


def test_a_record_stands_where_the_protocol_says():
    flash = Nor(4)
    filled(flash, 0, 130)
    for seq, sector, at in ((0, 0, 64), (62, 0, 4032), (63, 1, 64), (129, 2, 64 + 3 * 64)):
        assert flash.sector(sector)[at : at + 64] == record_of(seq), seq


def test_the_header_has_the_layout_of_the_protocol():
    flash = Nor(4)
    filled(flash, 0, 64)
    fields = b"BCJ1" + struct.pack(">II", 1, 0)
    assert flash.sector(1)[:64] == fields + struct.pack(">I", crc32(fields)) + b"\xff" * 48


def test_a_fresh_sector_is_prepared_without_an_erase_and_a_used_one_counts_its_erases():
    flash = Nor(3)
    journal = filled(flash, 0, 63 * 3)
    assert flash.erases == 0
    for k in range(3, 9):
        journal.prepare(k)
    assert flash.erases_of == {0: 2, 1: 2, 2: 2}
    assert struct.unpack_from(">4sII", flash.sector(2)) == (b"BCJ1", 8, 2)


def test_a_sector_that_should_be_fresh_but_is_not_is_erased():
    flash = Nor(3)
    flash.corrupt(0, 4000, b"old")
    Journal(flash).prepare(0)
    assert flash.erases_of == {0: 1}


def test_a_record_costs_one_page_program():
    flash = Nor(4)
    journal = filled(flash, 0, 1)
    flash.reset_counts()
    for seq in range(1, 63):
        journal.write(seq, record_of(seq))
    assert flash.page_programs == 62
    assert flash.erases == 0


def test_mount_sees_the_sectors_that_were_prepared_ahead():
    flash = Nor(5)
    journal = filled(flash, 0, 70)
    assert mounted(flash, 70).ready == 1
    journal.prepare(2)
    journal.prepare(3)
    assert mounted(flash, 70).ready == 3
    assert mounted(flash, 126).ready == 3


def test_mount_at_a_sector_border_knows_whether_the_next_sector_is_prepared():
    flash = Nor(5)
    journal = filled(flash, 0, 63)
    assert mounted(flash, 63).ready == 0
    journal.prepare(1)
    assert mounted(flash, 63).ready == 1


def test_a_sector_whose_preparation_lost_power_is_not_ready():
    for steps in range(17):
        power = Power()
        flash = Nor(3, power)
        journal = filled(flash, 0, 63 * 3)
        power.cut_after(steps, seed=steps)
        try:
            journal.prepare(3)
        except PowerCut:
            power.restore()
        again = mounted(flash, 63 * 3)
        assert again.ready == (3 if steps == 17 else 2), steps
        again.prepare(3)
        assert mounted(flash, 63 * 3).ready == 3
        assert struct.unpack_from(">4sII", flash.sector(0))[:2] == (b"BCJ1", 3)


def test_records_stay_readable_when_their_header_rots():
    flash = Nor(4)
    filled(flash, 0, 70)
    flash.corrupt(1, 4, b"\xff")
    journal, buf = mounted(flash, 70), bytearray(64)
    journal.read(69, buf)
    assert buf == record_of(69)
    journal.write(70, record_of(70))


def test_the_head_is_found_without_a_key_at_every_place_of_the_first_turns():
    flash = Nor(3)
    assert Journal(flash).find_head() == 0
    journal = Journal(flash)
    for seq in range(63 * 8 + 5):
        if seq // 63 > journal.ready:
            journal.prepare(seq // 63)
        journal.write(seq, record_of(seq))
        if seq < 70 or seq % 63 in (0, 1, 31, 61, 62):
            found = Journal(flash)
            assert found.find_head() == seq + 1, seq
            assert found.ready == journal.ready, seq
    journal.prepare(journal.ready + 1)
    assert Journal(flash).find_head() == 63 * 8 + 5


def test_the_head_is_found_while_the_first_sector_of_a_new_turn_is_half_prepared():
    flash = Nor(4)
    filled(flash, 0, 63 * 4)
    flash.corrupt(0, 0, b"\xff" * 2000)
    assert Journal(flash).find_head() == 63 * 4


def test_finding_the_head_in_a_large_ring_takes_few_reads():
    class Imagined(Nor):
        """A ring in its first turn that holds `head` records, worked out at each read: 1.4 MB fit no small heap."""

        def readblocks(self, block, buf, offset=0):
            self.reads += 1
            seq = block * 63 + offset // 64 - 1
            if offset:
                buf[:] = record_of(seq) if seq < self.head else b"\xff" * 64
            elif block * 63 < self.head:
                fields = b"BCJ1" + struct.pack(">II", block, 0)
                buf[:] = fields + struct.pack(">I", crc32(fields)) + b"\xff" * 48
            else:
                buf[:] = b"\xff" * 64

    for head in (1, 63, 64, 1000, 16000, 336 * 63):
        flash = Imagined(336)
        flash.head = head
        assert Journal(flash).find_head() == head
        assert flash.reads <= 22, (head, flash.reads)


def test_the_first_unmarked_sector_is_found_for_every_number_of_marks():
    flash = Nor(6)
    journal = filled(flash, 0, 63 * 5 + 1)
    for k in range(6):
        flash.reset_counts()
        assert journal.first_unmarked(63 * 5 + 1) == min(k, 5), k
        assert flash.reads <= 4
        if k < 5:
            journal.mark_acked(k)


def test_a_torn_mark_is_no_mark_but_on_the_oldest_sector_it_is():
    flash = Nor(4)
    journal = filled(flash, 0, 63 * 3 + 1)
    journal.mark_acked(0)
    flash.corrupt(1, 16, b"\x00\x00")
    assert journal.first_unmarked(63 * 3 + 1) == 1
    flash.corrupt(0, 20, b"\xff\xff")
    assert journal.first_unmarked(63 * 3 + 1) == 1


def test_an_oldest_sector_that_lost_power_while_it_was_erased_counts_as_acked():
    flash = Nor(4)
    journal = filled(flash, 0, 63 * 3 + 1)
    flash.corrupt(0, 0, b"\xff" * 1000)
    assert journal.first_unmarked(63 * 3 + 1) == 1


def test_burnt_slots_before_the_head_are_counted_across_a_sector_border():
    flash = Nor(4)
    journal = filled(flash, 0, 62)
    assert journal.burnt_before(62) == 0
    journal.burn(62)
    assert journal.burnt_before(63) == 1
    journal.prepare(1)
    journal.burn(63)
    assert journal.burnt_before(64) == 2


def test_flash_that_does_not_hold_a_record_is_an_error():
    class Worn(Nor):
        def writeblocks(self, block, buf, offset=None):
            worn = bytearray(buf)
            if offset == 128:
                worn[0] |= 0x80
            Nor.writeblocks(self, block, worn, offset)

    journal = filled(Worn(3), 0, 1)
    assert "record 1" in str(raised(JournalError, journal.write, 1, record_of(1)))


def test_format_erases_what_is_not_erased_and_nothing_else():
    flash = Nor(5)
    filled(flash, 0, 64)
    Journal(flash).format()
    assert flash.erases_of == {0: 1, 1: 1}
    assert Journal(flash).find_head() == 0


def test_a_partition_too_small_for_a_ring_is_refused():
    raised(JournalError, Journal, Nor(2))

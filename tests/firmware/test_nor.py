"""The model of NOR flash inside MicroPython: faults, and flash encryption's rule of rows against what the log does."""

# heapsize: 512k

import json
import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app.log.journal import Journal
from app.log.keystore import KeyState, KeyStore
from expect import raised
from nor import Nor, Power, PowerCut
from norcells import ProgramRefused, ReadError


def test_it_does_what_the_table_of_cases_says():
    with open(os.getenv("BADGECLOCK_ROOT") + "/tests/vectors/nor.json") as file:
        cases = json.load(file)
    for case in cases:
        power = Power()
        power.grain_bytes = case.get("grain", 1)
        flash = Nor(1, power)
        for offset, content in case["programs"]:
            flash.writeblocks(0, bytes.fromhex(content), offset)
        power.cut_after(case["cut"], case["seed"], case.get("erase", ""))
        if "program" in case:
            raised(PowerCut, flash.writeblocks, 0, bytes.fromhex(case["program"]), case["at"])
        else:
            raised(PowerCut, flash.ioctl, 6, 0)
        for offset, content in case["left"]:
            length = len(content) // 2
            assert bytes(flash.sector(0)[offset : offset + length]).hex() == content, case


def test_model_time_is_that_of_the_datasheet():
    flash = Nor(2)
    flash.writeblocks(0, bytes(64), 0)
    flash.writeblocks(0, bytes(10), 250)
    flash.ioctl(6, 1)
    assert flash.model_ms == 3 * 0.4 + 45
    flash.reset_counts()
    assert flash.model_ms == 0
    assert flash.wear == {1: 1}


def test_an_unstable_bit_reads_at_random_until_it_is_programmed_or_erased():
    buf = bytearray(1)

    def seen(flash):
        values = set()
        for _ in range(30):
            flash.readblocks(0, buf, 7)
            values.add(buf[0])
        return values

    for end in (lambda flash: flash.writeblocks(0, b"\xfe", 7), lambda flash: flash.ioctl(6, 0)):
        flash = Nor(1)
        flash.make_unstable(0, 7, 1)
        assert seen(flash) == {0xFE, 0xFF}
        flash.writeblocks(0, b"\xff", 7)
        assert seen(flash) == {0xFE, 0xFF}, "a bit that is not programmed stays as it is"
        end(flash)
        assert len(seen(flash)) == 1


def test_a_cut_leaves_the_bits_of_its_byte_unstable_if_told_so():
    power = Power()
    power.leaves_unstable = True
    flash = Nor(1, power)
    power.cut_after(2, seed=5)
    raised(PowerCut, flash.writeblocks, 0, b"\x00\x00\x0f\x00", 0)
    assert flash.unstable == {0: {2: 0xF0}}


def test_a_dead_sector_takes_nothing_and_says_nothing_and_an_unreadable_one_says_so():
    flash = Nor(2)
    flash.writeblocks(1, b"\x00", 0)
    flash.dead.add(1)
    flash.writeblocks(1, b"\x00", 1)
    flash.ioctl(6, 1)
    assert bytes(flash.sector(1)[:2]) == b"\x00\xff"
    flash.unreadable.add(0)
    raised(ReadError, flash.readblocks, 0, bytearray(4))
    raised(OSError, flash.readblocks, 0, bytearray(4))
    flash.mend()
    flash.readblocks(0, bytearray(4))


def test_the_rule_of_rows_refuses_parts_of_rows_and_a_second_program():
    flash = Nor(1)
    flash.row_bytes = 16
    raised(ProgramRefused, flash.writeblocks, 0, bytes(16), 8)
    raised(ProgramRefused, flash.writeblocks, 0, bytes(24), 0)
    flash.writeblocks(0, bytes(32), 16)
    raised(ProgramRefused, flash.writeblocks, 0, bytes(16), 32)
    flash.ioctl(6, 0)
    flash.writeblocks(0, bytes(16), 32)


def encrypted(sectors):
    flash = Nor(sectors)
    flash.row_bytes = 16
    return flash


def test_what_the_journal_adds_keeps_to_encrypted_rows_and_what_it_mends_does_not():
    flash = encrypted(3)
    journal = Journal(flash)
    record = bytearray(b"\x01" + bytes(63))
    for k in range(4):
        journal.prepare(k)
    journal.write(63, record)
    journal.mark_acked(1)
    journal.burn(64)
    raised(ProgramRefused, journal.burn, 63)
    raised(ProgramRefused, journal.write, 63, record)
    raised(ProgramRefused, journal.mark_acked, 1)


def test_a_key_slot_keeps_to_encrypted_rows_and_its_zeroing_does_not():
    flash = encrypted(2)
    store, state = KeyStore(flash), KeyState()
    state.r = state.e_next = bytes(32)
    store.stage(state)
    store.commit()
    state.seq = 1
    store.stage(state)
    raised(ProgramRefused, store.commit)
    raised(ProgramRefused, KeyStore(flash).load, KeyState())

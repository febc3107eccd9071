"""The key store on strict NOR flash: one live slot, spent ones zero, around its sectors."""

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app.errors import KeyStoreError
from app.log.keystore import KeyState, KeyStore
from expect import raised
from nor import Nor, Power, PowerCut

SLOT_BYTES = 128


def state_of(seq):
    state = KeyState()
    state.seq, state.epoch, state.boot, state.records, state.acked, state.day = seq, 7, 3, seq % 100, seq // 2, 20458
    state.r, state.e_next, state.tag[:] = bytes([seq & 0xFF | 1]) * 32, b"E" * 32, b"T" * 16
    return state


def keep(store, seq):
    store.make_room()
    store.stage(state_of(seq))
    store.commit()


def loaded_seq(flash):
    state = KeyState()
    return state.seq if KeyStore(flash).load(state) else None


def kinds(flash):
    """One character a slot: `.` erased, `0` spent, `*` anything else."""
    text = ""
    for sector in range(flash.sectors):
        content = bytes(flash.sector(sector))
        for at in range(0, 4096, SLOT_BYTES):
            slot = content[at : at + SLOT_BYTES]
            text += "." if slot == b"\xff" * SLOT_BYTES else "0" if slot == bytes(SLOT_BYTES) else "*"
    return text


def test_every_field_comes_back():
    flash = Nor(4)
    keep(KeyStore(flash), 0x12345678)
    state, wanted = KeyState(), state_of(0x12345678)
    assert KeyStore(flash).load(state)
    for name in ("seq", "epoch", "boot", "records", "acked", "day", "r", "e_next", "tag"):
        assert getattr(state, name) == getattr(wanted, name), name


def test_the_slot_has_the_layout_of_the_protocol():
    flash = Nor(4)
    keep(KeyStore(flash), 5)
    slot = bytes(flash.sector(0)[:SLOT_BYTES])
    assert slot[:32] == b"BCK1" + bytes((0, 0, 0, 5, 0, 7, 0, 3, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0x4F, 0xEA)) + bytes(8)
    assert slot[32:64] == b"\x05" * 32
    assert slot[64:96] == b"E" * 32
    assert slot[96:112] == b"T" * 16


def test_an_erased_store_and_a_store_of_noise_have_no_key():
    assert loaded_seq(Nor(4)) is None
    flash = Nor(4)
    flash.corrupt(1, 100, b"\x5a" * 700)
    assert loaded_seq(flash) is None
    assert "*" not in kinds(flash)


def test_a_key_costs_two_page_programs_and_its_forerunner_is_zero_at_once():
    flash = Nor(4)
    store = KeyStore(flash)
    keep(store, 1)
    flash.reset_counts()
    keep(store, 2)
    assert flash.page_programs == 2
    assert flash.erases == 0
    assert kinds(flash) == "0*" + "." * 126


def test_it_goes_around_its_four_sectors_and_idle_erases_the_spent_ones():
    flash = Nor(4)
    store = KeyStore(flash)
    for seq in range(1, 400):
        keep(store, seq)
        while store.tidy():
            pass
        assert loaded_seq(flash) == seq
        assert kinds(flash).count("*") == 1
    assert store.late == 0
    assert flash.erases_of == {0: 3, 1: 3, 2: 3, 3: 3}


def test_without_idle_the_next_sector_is_erased_late_and_counted():
    flash = Nor(4)
    store = KeyStore(flash)
    for seq in range(1, 130):
        keep(store, seq)
    assert store.late == 1
    assert flash.erases == 1
    assert loaded_seq(flash) == 129
    assert kinds(flash) == "*" + "." * 31 + "0" * 96


def test_of_two_live_slots_the_higher_seq_counts_and_the_other_is_spent():
    power = Power()
    flash = Nor(4, power)
    store = KeyStore(flash)
    keep(store, 1)
    power.cut_after(SLOT_BYTES, seed=0)
    raised(PowerCut, keep, store, 2)
    power.restore()
    assert kinds(flash)[:3] == "**."
    assert loaded_seq(flash) == 2
    assert kinds(flash)[:3] == "0*."


def test_of_two_live_slots_with_one_seq_the_higher_acked_counts():
    for first, second in ((3, 7), (7, 3)):
        flash = Nor(4)
        for slot, acked in enumerate((first, second)):
            alone = Nor(4)
            store, state = KeyStore(alone), state_of(9)
            state.acked = acked
            store.stage(state)
            store.commit()
            flash.corrupt(0, slot * SLOT_BYTES, alone.sector(0)[:SLOT_BYTES])
        state = KeyState()
        assert KeyStore(flash).load(state)
        assert state.acked == 7
        assert kinds(flash)[:3] == ("0*." if second == 7 else "*0.")


def test_a_torn_slot_is_spent_and_the_next_key_goes_behind_it():
    for torn_after in (0, 1, 31, 32, 100, 127):
        power = Power()
        flash = Nor(4, power)
        store = KeyStore(flash)
        keep(store, 1)
        power.cut_after(torn_after, seed=torn_after)
        raised(PowerCut, keep, store, 2)
        power.restore()
        store = KeyStore(flash)
        assert store.load(KeyState())
        keep(store, 3)
        assert loaded_seq(flash) == 3
        assert kinds(flash).count("*") == 1, torn_after


def test_a_slot_torn_at_the_end_of_a_sector_sends_the_next_key_to_the_next_sector():
    flash = Nor(4)
    store = KeyStore(flash)
    for seq in range(1, 32):
        keep(store, seq)
    flash.corrupt(0, 31 * SLOT_BYTES, b"BCK1 torn")
    store = KeyStore(flash)
    assert store.load(KeyState())
    keep(store, 32)
    assert kinds(flash) == "0" * 32 + "*" + "." * 95


def test_a_half_erased_sector_is_erased_again_before_it_is_used():
    flash = Nor(4)
    store = KeyStore(flash)
    for seq in range(1, 128):
        keep(store, seq)
    flash.corrupt(0, 0, b"\xff" * 300 + b"\x77" * 40)
    store = KeyStore(flash)
    assert store.load(KeyState())
    assert store.tidy()
    assert flash.erases_of == {0: 1}
    keep(store, 128)
    keep(store, 129)
    assert loaded_seq(flash) == 129
    assert store.late == 0


def test_a_single_bad_read_does_not_cost_the_key():
    class Flaky(Nor):
        bad = 0

        def readblocks(self, block, buf, offset=0):
            Nor.readblocks(self, block, buf, offset)
            if offset == 0 and self.bad:
                self.bad -= 1
                buf[40] ^= 1

    flash = Flaky(4)
    keep(KeyStore(flash), 9)
    flash.bad = 1
    assert loaded_seq(flash) == 9


def test_flash_that_does_not_hold_a_slot_is_an_error_and_the_old_key_stays():
    class Worn(Nor):
        def writeblocks(self, block, buf, offset=None):
            worn = bytearray(buf)
            if offset == SLOT_BYTES:
                worn[40] |= 4
            Nor.writeblocks(self, block, worn, offset)

    flash = Worn(4)
    store = KeyStore(flash)
    keep(store, 2)
    assert "slot 1" in str(raised(KeyStoreError, keep, store, 3))
    assert loaded_seq(flash) == 2


def test_format_erases_what_is_not_erased_and_nothing_else():
    flash = Nor(4)
    keep(KeyStore(flash), 1)
    KeyStore(flash).format()
    assert flash.erases_of == {0: 1}
    assert kinds(flash) == "." * 128

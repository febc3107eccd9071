"""The slot of the clock's secrets on strict NOR flash: one live slot, whatever it replaces is zero, and so is the end.

A cut is tried at every page's border and in the middle of bytes; after each the next start finds the old content or the
new one, whole, the key beside it, and nothing of what was replaced.
"""

# heapsize: 512k

import json
import os
import sys
from binascii import unhexlify

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app.errors import KeyStoreError, SettingsError
from app.log import secret_slot
from app.log.keystore import KeyState, KeyStore
from expect import raised
from nor import Nor, Power, PowerCut

OLD = b'{"v": 1, "link_key": "' + b"ab" * 32 + b'", "wifi_password": "the old one"}'
NEW = b'{"v": 1, "link_key": "' + b"cd" * 32 + b'", "wifi_password": "the new one"}'
FILE = "/secrets.json"


def state_of(seq):
    state = KeyState()
    state.seq, state.r, state.e_next, state.tag[:] = seq, bytes([seq & 0xFF | 1]) * 32, b"E" * 32, b"T" * 16
    return state


def keep(store, seq):
    store.make_room()
    store.stage(state_of(seq))
    store.commit()


def everything(flash):
    return b"".join([bytes(flash.sector(sector)) for sector in range(flash.sectors)])


def loaded_seq(flash):
    state = KeyState()
    return state.seq if KeyStore(flash).load(state) else None


def clock(power=None):
    """A key store with a key, and OLD."""
    flash = Nor(4, power)
    keep(KeyStore(flash), 1)
    secret_slot.write(flash, OLD)
    return flash


def test_it_keeps_to_the_vector():
    with open(os.getenv("BADGECLOCK_ROOT") + "/tests/vectors/secrets.json") as file:
        vector = json.load(file)
    flash = Nor(4)
    for _ in range(vector["number"] - 1):
        secret_slot.write(flash, OLD)
    secret_slot.write(flash, vector["content"].encode())
    slot = unhexlify(vector["slot"])
    assert everything(flash).count(slot) == 1 and everything(flash).index(slot) % 4096 == 0


def test_what_is_replaced_is_zero_and_the_key_stays():
    flash = clock()
    assert secret_slot.read(flash) == OLD
    for content in (NEW, OLD, NEW, NEW):
        secret_slot.write(flash, content)
        assert secret_slot.read(flash) == content
        assert everything(flash).count(b"wifi_password") == 1
        assert loaded_seq(flash) == 1


def test_what_is_too_long_is_refused_and_what_is_there_stays():
    flash = clock()
    raised(SettingsError, secret_slot.write, flash, bytes(999))
    assert secret_slot.read(flash) == OLD
    secret_slot.write(flash, bytes(998))
    assert secret_slot.read(flash) == bytes(998)


def test_the_ring_of_keys_goes_around_the_secrets_and_never_erases_them():
    for last in (0, 40, 70, 100):  # the key's sector when the secrets come, so that theirs is another one
        flash = Nor(4)
        store = KeyStore(flash)
        for seq in range(1, last + 2):
            keep(store, seq)
        secret_slot.write(flash, OLD)
        store = KeyStore(flash)
        assert store.load(KeyState())
        for seq in range(last + 2, last + 300):
            keep(store, seq)
            while store.tidy():
                pass
            if seq % 31 == 0:
                assert loaded_seq(flash) == seq
        assert secret_slot.read(flash) == OLD
        assert store.late == 0


def test_at_the_end_nothing_is_left_and_the_sector_is_the_rings_again():
    flash = clock()
    store = KeyStore(flash)
    assert store.load(KeyState())
    assert store.secrets
    secret_slot.forget(store)
    assert not store.secrets
    store.end()
    assert not everything(flash).strip(b"\xff\x00")
    assert secret_slot.read(flash) is None
    while store.tidy():
        pass
    assert everything(flash) == b"\xff" * len(everything(flash))


def test_after_a_cut_anywhere_the_old_or_the_new_counts_whole_and_nothing_else_is_left():
    seen = set()
    for cut in list(range(0, 1024, 61)) + [1022, 1023] + list(range(1024, 2048, 61)) + [2046, 2047]:
        power = Power()
        flash = clock(power)
        power.cut_after(cut, seed=cut)
        raised(PowerCut, secret_slot.write, flash, NEW)
        power.restore()
        content = secret_slot.read(flash)
        seen.add(content)
        assert content in (OLD, NEW), cut
        assert loaded_seq(flash) == 1
        if content == NEW:
            assert b"ab" * 16 not in everything(flash), cut
        secret_slot.write(flash, NEW)
        assert everything(flash).count(b"cd" * 32) == 1 and b"ab" * 8 not in everything(flash), cut
    assert seen == {OLD, NEW}


def test_an_end_that_was_cut_is_finished_by_the_next_start():
    for cut in range(0, 1024, 37):
        power = Power()
        flash = clock(power)
        store = KeyStore(flash)
        assert store.load(KeyState())
        power.cut_after(cut, seed=cut)
        raised(PowerCut, secret_slot.forget, store)
        power.restore()
        store = KeyStore(flash)
        assert store.load(KeyState())
        secret_slot.forget(store)
        assert b"ab" not in everything(flash), cut


def test_a_single_bad_read_costs_no_secret():
    class Flaky(Nor):
        bad = 0

        def readblocks(self, block, buf, offset=0):
            Nor.readblocks(self, block, buf, offset)
            if len(buf) == 1024 and buf[0] != 255 and self.bad:
                self.bad -= 1
                buf[40] ^= 1

    flash = Flaky(4)
    secret_slot.write(flash, OLD)
    flash.bad = 2
    assert secret_slot.read(flash) == OLD
    assert not flash.bad


class Sticky(Nor):
    """A worn flash whose bytes do not all become zero."""

    sticks = False

    def writeblocks(self, block, buf, offset=None):
        if self.sticks and not any(buf):
            there = bytearray(64)
            self.readblocks(block, there, offset)
            buf = bytes(there) + bytes(len(buf) - 64)
        Nor.writeblocks(self, block, buf, offset)


def test_an_end_that_does_not_become_zero_is_an_error():
    flash = Sticky(4)
    store = KeyStore(flash)
    keep(store, 1)
    secret_slot.write(flash, OLD)
    assert store.load(KeyState())
    flash.sticks = True
    assert "cannot be made zero" in str(raised(KeyStoreError, store.end))
    assert "cannot be made zero" in str(raised(KeyStoreError, secret_slot.forget, store))
    assert "cannot be made zero" in str(raised(KeyStoreError, secret_slot.write, flash, NEW))


class Opened:
    """open() and os.remove() of a clock's file system, for the one path that there is."""

    def __init__(self, vfs, content):
        self.vfs, self.content = vfs, content

    def __call__(self, path, mode):
        assert (path, mode) == (FILE, "rb")
        if self.content is None:
            raise OSError(2)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def read(self):
        return self.content

    def remove(self, path):
        assert path == FILE
        self.content = None


def with_file(content, copies):
    """A file system's partition with `copies` in blocks of their own, and something else between."""
    vfs = Nor(6)
    for number, copy in enumerate(copies):
        vfs.corrupt(2 * number, 0, copy)
        vfs.corrupt(2 * number + 1, 0, b"app/settings.mpy: link_key")
    file = Opened(vfs, content)
    secret_slot.open = file
    secret_slot.os = file
    return vfs, file


def test_a_file_moves_into_the_slot_and_no_copy_of_any_version_is_left():
    vfs, file = with_file(NEW, (OLD, NEW, OLD))
    flash = Nor(4)
    keep(KeyStore(flash), 1)
    assert secret_slot.take(flash, vfs) == NEW
    assert file.content is None
    assert b"wifi_password" not in everything(vfs) and everything(vfs).count(b"settings.mpy: link_key") == 3
    assert secret_slot.take(flash, vfs) == NEW
    assert secret_slot.take(Nor(4), vfs) is None


def test_a_move_that_was_cut_is_finished_at_the_next_start():
    for cut in range(0, 1024 + 3 * 1024, 173):
        power = Power()
        flash = Nor(4, power)
        vfs, file = with_file(NEW, (OLD, NEW, OLD))
        vfs.supply = power
        power.cut_after(cut, seed=cut)
        raised(PowerCut, secret_slot.take, flash, vfs)
        power.restore()
        assert secret_slot.take(flash, vfs) == NEW, cut
        assert file.content is None and b"wifi_password" not in everything(vfs), cut


def test_a_worn_partition_leaves_the_file_so_that_the_clock_goes_on():
    class Worn(Nor):
        def writeblocks(self, block, buf, offset=None):
            Nor.writeblocks(self, block, bytes(len(buf)), offset)

    vfs, file = with_file(NEW, (NEW,))
    assert secret_slot.take(Worn(4), vfs) == NEW
    assert file.content == NEW

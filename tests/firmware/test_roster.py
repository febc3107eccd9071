"""The roster: found in few reads without a byte of the heap, whole after whatever happened, resumed where it stopped."""

# heapsize: 1m

import gc
import json
import os
import random
import struct
import sys
from binascii import unhexlify

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

import micropython
from app.net import roster_update
from app.errors import FrameError
from app.net.roster import Roster
from expect import raised
from nor import Nor
from roster_bridge import FLASH, IN_USE, NEXT, SEAL, TOO_LONG, Clock, Image, ascending, entries_of, token

MOST = 6336
READS = 13
BADGES = 250


class Silent(Nor):
    """Flash that silently ignores programming bits from 0 to 1, like a chip."""

    def wanted_ones(self, sector, offset, bits):
        pass


def with_roster(count=BADGES, version=1):
    clock = Clock()
    assert clock.take(Image(version, entries_of(count))) == (version, 1 + (count + 98) // 99, IN_USE)
    clock.settle()
    return clock


def test_a_clock_without_a_roster_or_with_an_empty_one_turns_nobody_away():
    assert Roster(None).find(token(1)) == 0
    clock = Clock()
    assert clock.state() == (0, 0) and clock.roster.find(token(1)) == 0
    assert clock.take(Image(3, b"")) == (3, 1, IN_USE)
    assert clock.state() == (3, 0) and clock.roster.find(token(1)) == 0
    assert clock.roster.languages[0] is None


def test_every_badge_is_found_with_its_language_and_no_other_is():
    clock = with_roster()
    assert clock.reports == 1
    for number in range(BADGES):
        index = clock.roster.find(token(number))
        assert clock.roster.languages[index] == (None, "nl", "fr")[number % 3]
    for stranger in (bytes(8), b"\xff" * 8, token(BADGES), token(99999)):
        assert clock.roster.find(stranger) == -1


def test_the_largest_roster_is_found_in_thirteen_reads_of_ten_bytes_and_without_allocation():
    clock = Clock()
    entries = ascending(MOST)
    assert clock.take(Image(1, entries))[2] == IN_USE
    flash, roster, most = clock.partition, clock.roster, 0
    for at in list(range(0, len(entries), 97 * 10)) + [len(entries) - 10]:
        flash.reset_counts()
        assert roster.find(entries[at : at + 8]) == entries[at + 8]
        most = max(most, flash.reads)
        assert flash.read_bytes == 10 * flash.reads
    assert most <= READS

    class Still:
        """A partition whose reads allocate nothing, as an ESP32's."""

        def readblocks(self, sector, buf, offset):
            buf[0] = 0x80

    still = Roster(Still())
    still.use(0, 1, MOST, (None,))
    wanted = token(5)
    still.find(wanted)
    gc.collect()
    micropython.heap_lock()
    try:
        still.find(wanted)
    finally:
        micropython.heap_unlock()


def test_a_restart_finds_the_same_roster():
    clock = with_roster()
    clock.start()
    assert clock.state() == (1, BADGES) and clock.roster.find(token(7)) == 1
    assert clock.roster.languages[:4] == (None, "nl", "fr", None)


def test_the_new_roster_replaces_the_old_one_at_its_end_and_not_before():
    clock = with_roster()
    image = Image(2, entries_of(300, 100))
    for part in range(len(image.parts) - 1):
        clock.handle(image.body(part))
        assert clock.answer() == (2, part + 1, NEXT)
        assert clock.state() == (1, BADGES) and clock.roster.find(token(7)) == 1
    clock.handle(image.body(len(image.parts) - 1))
    assert clock.answer() == (2, len(image.parts), IN_USE)
    assert clock.state() == (2, 300) and clock.roster.find(token(7)) == -1 and clock.roster.find(token(150)) == 0
    clock.settle()
    clock.start()
    assert clock.state() == (2, 300)
    assert clock.take(Image(3, entries_of(1)))[2] == IN_USE, "the banks take turns"
    assert clock.state() == (3, 1)


def test_what_the_clock_has_already_or_older_is_answered_with_what_it_has():
    clock = with_roster(version=9)
    assert clock.take(Image(9, entries_of(BADGES))) == (9, 0, IN_USE)
    clock.settle()
    assert clock.take(Image(8, entries_of(3))) == (9, 0, IN_USE)
    assert clock.state() == (9, BADGES)


def test_a_transfer_that_breaks_off_goes_on_where_it_was():
    clock = with_roster()
    image = Image(2, entries_of(BADGES, 1000))
    for part in (0, 1, 2):
        clock.handle(image.body(part))
        clock.answer()
    clock.partition.reset_counts()
    clock.handle(image.body(1))
    assert clock.answer() == (2, 3, NEXT), "in the same start: the part after the last"
    clock.start()
    clock.handle(image.body(3))
    assert clock.answer() == (2, 0, NEXT), "after a restart the header first"
    clock.handle(image.body(0))
    assert clock.answer() == (2, 2, NEXT), "the part that was last, once more"
    assert clock.take(image, 2)[2] == IN_USE
    assert clock.partition.erases == 0
    assert clock.state() == (2, BADGES) and clock.roster.find(token(1001)) >= 0


def test_another_version_in_the_middle_begins_anew():
    clock = with_roster()
    image, later = Image(2, entries_of(BADGES, 1000)), Image(3, entries_of(BADGES, 2000))
    for part in (0, 1, 2):
        clock.handle(image.body(part))
        clock.answer()
    clock.handle(later.body(2))
    assert clock.answer() == (3, 0, NEXT)
    assert clock.take(later)[2] == IN_USE and clock.state() == (3, BADGES)


def test_a_roster_whose_seal_does_not_hold_is_refused_and_the_old_one_stays():
    clock = with_roster()
    forged = Image(2, entries_of(BADGES, 1000), key=bytes(32))
    assert clock.take(forged) == (2, 0, SEAL)
    clock.settle()
    assert clock.state() == (1, BADGES)
    clock.start()
    assert clock.state() == (1, BADGES)
    good = Image(2, entries_of(BADGES, 1000))
    assert clock.take(good)[2] == IN_USE


def test_a_roster_that_is_longer_than_the_bank_is_refused():
    clock = Clock(sectors=4)
    assert clock.take(Image(1, ascending(2 * 396 + 1))) == (1, 0, TOO_LONG)
    clock.settle()
    assert clock.take(Image(1, ascending(2 * 396)))[2] == IN_USE


def test_flash_that_fails_is_told_and_the_old_roster_stays():
    clock = with_roster()
    clock.partition.unreadable.add(16 if clock.roster.first == 0 else 0)
    assert clock.take(Image(2, entries_of(BADGES, 1000))) == (2, 0, FLASH)
    clock.settle()
    assert clock.state() == (1, BADGES)
    clock.start()
    assert clock.state() == (1, BADGES)
    clock.partition.unreadable.add(clock.roster.first)
    assert clock.roster.find(token(3)) == 0, "who cannot be looked up is turned away by no clock"
    clock.start()
    assert clock.state() == (0, 0)


def test_a_rotten_bit_anywhere_in_a_bank_lets_the_bank_before_it_count():
    for place in (3, 5, 9, 17, 40, 64, 71, 64 + 990 + 5, 64 + 990 * 2 + 519):
        clock = with_roster()
        assert clock.take(Image(2, entries_of(BADGES, 1000)))[2] == IN_USE
        assert clock.state() == (2, BADGES)
        sector = clock.partition.sector(clock.roster.first)
        clock.partition.corrupt(clock.roster.first, place, bytes((sector[place] ^ 4,)))
        clock.start()
        assert clock.state() == (1, BADGES), place


def test_one_step_erases_one_sector_or_programs_one_part_and_no_more():
    clock = with_roster()
    image = Image(2, entries_of(500, 9000))
    for part in range(len(image.parts)):
        clock.handle(image.body(part))
        errand = clock.update
        while not errand.unsent:
            clock.partition.reset_counts()
            clock.errands.step(clock)
            flash = clock.partition
            assert flash.erases <= 1 and flash.programmed_bytes <= 990 and flash.read_bytes <= 990
        errand.publish(clock, 7)


def test_nothing_that_comes_while_a_part_is_worked_on_disturbs_it():
    clock = Clock()
    image = Image(1, entries_of(BADGES))
    for part in range(len(image.parts)):
        for _ in range(3):
            clock.handle(image.body(part))
        assert clock.answer()[1:] == (part + 1, NEXT if part + 1 < len(image.parts) else IN_USE)


def test_a_clock_to_which_no_part_comes_gives_the_memory_back():
    now = roster_update.time

    class Later:
        ticks_ms = staticmethod(lambda: now.ticks_add(now.ticks_ms(), 61000))
        ticks_diff = staticmethod(now.ticks_diff)

    clock = Clock()
    clock.handle(Image(1, entries_of(BADGES)).body(0))
    clock.answer()
    clock.errands.step(clock)
    assert clock.update
    sys.modules["app.net.roster_update"].time = Later
    clock.settle()


def test_bodies_that_are_none_are_refused():
    image = Image(2, entries_of(BADGES))
    clock = Clock()
    for body in (
        b"",
        image.body(1)[:7],
        image.body(1) + b"x",
        struct.pack(">IHH", 0, 0, 4) + image.parts[0],
        struct.pack(">IHH", 2, 4, 4) + image.parts[1],
        struct.pack(">IHH", 2, 0, 5) + image.parts[0],
        image.body(0)[:-1],
        image.body(0) + b"x",
    ):
        raised(FrameError, clock.handle, body)
    clock.handle(image.body(0))
    clock.answer()
    raised(FrameError, clock.handle, image.body(1)[:-1])
    assert clock.take(image, 1)[2] == IN_USE


def test_random_bodies_and_random_flash_end_in_a_refusal_or_a_roster_that_is_whole():
    random.seed(20261126)
    clock = Clock(Silent(32))
    clock.take(Image(1, entries_of(BADGES)))
    clock.settle()
    image = Image(2, entries_of(BADGES, 1000))
    for _ in range(400):
        body = bytearray(image.body(random.randrange(len(image.parts))))
        for _ in range(random.randrange(3)):
            body[random.randrange(len(body))] = random.getrandbits(8)
        try:
            clock.handle(bytes(body[: random.randrange(len(body) + 1)] if random.randrange(4) == 0 else body))
        except FrameError:
            continue
        for _ in range(60):
            errand = clock.update
            if errand is None:
                break
            if errand.unsent:
                errand.publish(clock, 7)
            if not clock.errands.step(clock):
                break
        assert clock.state() in ((1, BADGES), (2, BADGES)), clock.state()
    for seed in range(20):
        random.seed(seed)
        flash = Nor(4)
        for sector in (0, 2):
            flash.corrupt(sector, 0, b"BCR1" + bytes([random.getrandbits(8) for _ in range(200)]))
        assert Clock(flash).state() == (0, 0)


def test_the_roster_of_the_vectors_is_taken_and_has_what_it_says():
    with open(os.getenv("BADGECLOCK_ROOT") + "/tests/vectors/frames.json") as file:
        given = json.load(file)
    case = given["roster"]
    clock = Clock(sectors=4, link_key=unhexlify(given["k_link"]))
    for body in case["bodies"]:
        clock.handle(unhexlify(body))
        answer = clock.answer()
    assert answer == (case["version"], 3, IN_USE)
    assert clock.partition.sector(clock.roster.first)[:64] == b"BCR1" + unhexlify(case["header"])
    for made, language in case["badges"]:
        assert clock.roster.languages[clock.roster.find(unhexlify(made))] == language

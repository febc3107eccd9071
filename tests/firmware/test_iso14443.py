"""The reader chip's driver and ISO 14443-3 above it, on a chip's registers and badges' frames."""

import gc
import os
import random
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from bench import Time
from app.badge import iso14443
from drivers import mfrc522, reader_wires
from rc522 import Badge, Bus, Chip, crc_a

UID4 = b"\xde\xad\xbe\xef"
UID7 = b"\x04\xa3\xc6\x52\x11\x7f\x80"
UID10 = b"\x04\x11\x22\x33\x44\x55\x66\x77\x80\x99"


time = Time()


def reader(*badges, version=0x92, irq=True, wires=None):
    """(Reader, Bus, UID buffer) with badges in the field. Time passes in sleeps. wires(bus) may break some."""
    iso14443.time = mfrc522.time = reader_wires.time = time
    chip = Chip(version)
    chip.badges = list(badges)
    bus = Bus(chip)
    if wires:
        wires(bus)
    irq = bus.irq if irq else None
    made = iso14443.Reader(
        mfrc522.MFRC522(bus, bus.cs, bus.rst, irq),
        lambda: reader_wires.inspect(bus, bus.cs, bus.rst, irq, bus.miso),
    )
    return made, bus, bytearray(10)


def transactions(made, bus, uid):
    before = bus.transactions
    return made.poll(uid), bus.transactions - before


def until_found(made, uid, polls=6):
    """The results of polls up to the first that is not nothing."""
    for _ in range(polls):
        found = made.poll(uid)
        if found:
            return found
    return 0


def test_crc_a_agrees_with_the_standard_bit_by_bit():
    assert iso14443.crc_a(b"\x00\x00", 0, 2) == 0x1EA0  # ISO 14443-3 annex B, example 1
    assert iso14443.crc_a(b"\x12\x34", 0, 2) == 0xCF26  # example 2
    random.seed(1)
    for length in range(20):
        data = bytes(random.getrandbits(8) for _ in range(length))
        crc = iso14443.crc_a(data, 0, length)
        assert bytes((crc & 0xFF, crc >> 8)) == crc_a(data), data


def test_an_idle_poll_takes_at_most_eight_transactions():
    made, bus, uid = reader()
    made.poll(uid)
    found, count = transactions(made, bus, uid)
    assert (found, count) == (0, 7), (found, count)


def test_a_uid_of_each_length_is_read_within_its_transactions():
    for badge_id, limit in ((UID4, 26), (UID7, 42), (UID10, 58)):
        made, bus, uid = reader()
        made.poll(uid)
        bus.chip.badges = [Badge(badge_id)]
        found, count = transactions(made, bus, uid)
        print("uid of", found, "bytes:", count, "transactions")
        assert found == len(badge_id) and bytes(uid[:found]) == badge_id
        assert count <= limit, count


def test_an_idle_poll_allocates_nothing():
    made, bus, uid = reader()

    # The model allocates, so the chip's driver talks to a bus that only counts and says "no answer".
    class Silent:
        calls = 0

        def write(self, buf):
            Silent.calls += 1

        def readinto(self, buf, write):
            Silent.calls += 1

        def write_readinto(self, out, into):
            Silent.calls += 1
            into[1] = 0x01

    made.chip._spi = Silent()
    made.chip._cs = made.chip._irq = lambda level=0: 0
    made.poll(uid)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(1000):
        made.poll(uid)
    after = gc.mem_alloc()
    gc.enable()
    assert Silent.calls >= 7000
    assert after == before, after - before


def test_a_badge_left_on_the_reader_is_read_once_and_does_not_lock_it():
    made, bus, uid = reader(Badge(UID4))
    assert made.poll(uid) == 4
    results = []
    start = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start) < 1500:
        results.append(made.poll(uid))
        time.sleep_ms(10)
    assert set(results) == {0}, set(results)
    assert made.present
    bus.chip.badges.append(Badge(UID7))
    assert until_found(made, uid) == 7 and bytes(uid[:7]) == UID7


def test_a_badge_has_left_only_after_a_second_out_of_sight():
    made, bus, uid = reader(Badge(UID4))
    assert made.poll(uid) == 4
    bus.chip.badges = []
    start = time.ticks_ms()
    while made.present:
        assert made.poll(uid) == 0
        time.sleep_ms(10)
        assert time.ticks_diff(time.ticks_ms(), start) < 5000
    assert time.ticks_diff(time.ticks_ms(), start) >= 950


def test_how_long_a_badge_stays_is_told_to_within_a_look_and_ends_when_it_leaves():
    made, bus, uid = reader(Badge(UID4))
    assert made.poll(uid) == 4 and made.held_ms == 0
    start = time.ticks_ms()
    while made.held_ms < 2000:
        made.poll(uid)
        time.sleep_ms(10)
        assert time.ticks_diff(time.ticks_ms(), start) < 2300 and made.away_ms <= 220
    bus.chip.badges = []
    held_ms = made.held_ms
    for _ in range(60):
        made.poll(uid)
        time.sleep_ms(10)
    assert made.held_ms == held_ms and made.away_ms >= 500


def test_two_badges_are_refused_and_never_mixed():
    for other in (b"\xde\xad\xbe\x00", b"\x00\x00\x00\x01", UID7, UID10):
        made, bus, uid = reader(Badge(UID4), Badge(other))
        results = [made.poll(uid) for _ in range(8)]
        assert iso14443.SEVERAL in results, results
        assert set(results) <= {0, iso14443.SEVERAL}, results
        assert bytes(uid) == bytes(10)
        bus.chip.badges = bus.chip.badges[1:]
        assert until_found(made, uid) == len(other) and bytes(uid[: len(other)]) == other


def test_seven_byte_badges_of_one_maker_differ_only_in_the_second_level_and_are_still_told_apart():
    twin = UID7[:6] + b"\x81"
    made, _, uid = reader(Badge(UID7), Badge(twin))
    assert iso14443.SEVERAL in [made.poll(uid) for _ in range(4)]
    assert bytes(uid) == bytes(10)


def test_badges_with_different_atqa_are_several():
    made, _, uid = reader(Badge(UID4), Badge(UID7, atqa=b"\x44\x00"))
    assert made.poll(uid) == iso14443.SEVERAL


def flip(at):
    """A badge that sends one wrong bit in every answer of a given length."""

    def spoil(answer):
        if len(answer) != at:
            return answer
        return answer[:-1] + bytes((answer[-1] ^ 1,))

    return spoil


def test_a_wrong_check_byte_or_crc_never_gives_a_uid():
    for length in (5, 3):
        made, _, uid = reader(Badge(UID7, spoil=flip(length)))
        for _ in range(10):
            assert made.poll(uid) in (0, iso14443.FAILED)
            assert bytes(uid) == bytes(10), "a part of a UID stayed"


def test_a_cascade_tag_without_its_sak_bit_is_refused_and_the_other_way_round():
    def lie(answer):
        if len(answer) == 3:
            sak = bytes((answer[0] ^ 0x04,))
            return sak + crc_a(sak)
        return answer

    for badge_id in (UID4, UID7, UID10):
        made, _, uid = reader(Badge(badge_id, spoil=lie))
        for _ in range(6):
            assert made.poll(uid) in (0, iso14443.FAILED)


def test_malformed_answers_end_in_bounded_time_and_leave_the_reader_ready():
    random.seed(7)

    def noise(answer):
        choice = random.getrandbits(2)
        if choice == 0:
            return bytes(random.getrandbits(8) for _ in range(random.getrandbits(3)))
        if choice == 1:
            return answer[: random.getrandbits(2)]
        return answer

    good = Badge(UID7)
    made, bus, uid = reader()
    for _ in range(150):
        bus.chip.badges = [Badge(UID4, spoil=noise)]
        result = made.poll(uid)
        assert result in (0, iso14443.FAILED, iso14443.SEVERAL, 4, 7, 10), result
        made.check()
    bus.chip.badges = [good]
    assert until_found(made, uid) == 7 and bytes(uid[:7]) == UID7


def test_without_an_irq_pin_the_status_is_polled():
    made, bus, uid = reader(Badge(UID7), irq=False)
    assert made.poll(uid) == 7


def test_an_irq_pin_that_never_moves_or_lies_is_given_up():
    for level in (1, 0):
        made, bus, uid = reader()
        made.chip._irq = lambda level=level: level
        for _ in range(4):
            made.poll(uid)
        bus.chip.badges = [Badge(UID4)]
        assert until_found(made, uid) == 4
        start = time.ticks_ms()
        made.poll(uid)
        assert time.ticks_diff(time.ticks_ms(), start) < 50


def held_up(chip, begin, look, not_yet):
    """The first look after each call of the chip's `begin` finds it still at work, and another task comes in before the
    driver gets it.
    """
    begun = getattr(chip, begin)
    at_work = True

    def begin_again(*what):
        nonlocal at_work
        at_work = True
        begun(*what)

    def late(*what):
        nonlocal at_work
        time.sleep_ms(100)
        found, at_work = not_yet if at_work else look(*what), False
        return found

    setattr(chip, begin, begin_again)
    return late


def test_a_look_that_is_told_late_makes_no_pin_a_liar():
    made, bus, uid = reader(Badge(UID4))
    made.chip._irq = held_up(bus.chip, "send", bus.irq, 1)
    for _ in range(5):
        assert until_found(made, uid) == 4
        made.again()
    assert made.chip._irq is not None


def test_a_look_that_is_told_late_makes_no_chip_deaf_and_no_start_vain():
    for begin, register, not_yet in (("send", 0x04, 0), ("reset", 0x01, 0x10)):
        made, bus, uid = reader(Badge(UID4), irq=False)
        read = bus.chip.read
        late = held_up(bus.chip, begin, lambda register=register, read=read: read(register), not_yet)
        bus.chip.read = lambda asked, at=register, late=late, read=read: late() if asked == at else read(asked)
        for _ in range(5):
            assert made.chip.start(), begin
            assert until_found(made, uid) == 4, begin
            made.again()


def test_a_start_that_comes_late_through_the_bus_makes_no_chip_deaf():
    made, bus, uid = reader(Badge(UID4), irq=False)
    read, begun = bus.chip.read, bus.chip.send
    looks = 0

    def send(receive):
        nonlocal looks
        looks = 0
        begun(receive)

    def look(register):
        """The first look shows when the bus has brought the start, and the next one that the chip is still at work."""
        nonlocal looks
        if register == 0x04:
            looks += 1
            if looks == 1:
                time.sleep_ms(100)
            if looks <= 2:
                return 0
        return read(register)

    bus.chip.send, bus.chip.read = send, look
    for _ in range(5):
        assert until_found(made, uid) == 4
        made.again()


def test_only_an_empty_bus_is_no_reader_and_clones_are():
    for version in (0x91, 0x92, 0xB2, 0x88, 0x12, 0x89):
        made, _, _ = reader(version=version)
        assert made.usable and made.version == version
    for level in (0x00, 0xFF):
        chip = Chip()
        chip.dead = level
        bus = Bus(chip)
        made = iso14443.Reader(mfrc522.MFRC522(bus, bus.cs, bus.rst, bus.irq))
        assert not made.usable and made.version is None
        assert made.poll(bytearray(10)) in (0, iso14443.FAILED)


def look_after(made, uid, wanted, limit_ms=8000):
    """Poll and check until `usable` is as wanted."""
    start = time.ticks_ms()
    while made.check() != wanted:
        made.poll(uid)
        assert time.ticks_diff(time.ticks_ms(), start) < limit_ms, "still not"
        time.sleep_ms(20)


def test_a_chip_that_lost_its_registers_is_found_and_started_anew():
    made, bus, uid = reader()
    bus.chip.reset()
    start = time.ticks_ms()
    while not made.resets:
        made.poll(uid)
        made.check()
        time.sleep_ms(20)
        assert time.ticks_diff(time.ticks_ms(), start) < 5000
    bus.chip.badges = [Badge(UID4)]
    assert until_found(made, uid) == 4


def test_a_chip_that_hangs_in_the_middle_is_reset_at_once():
    made, bus, uid = reader()
    bus.chip.hang()
    assert made.poll(uid) == iso14443.FAILED
    assert made.check()
    assert made.resets == 1
    bus.chip.badges = [Badge(UID7)]
    assert until_found(made, uid) == 7


def test_an_encryption_bit_that_stuck_is_found_although_the_version_reads_right():
    made, bus, uid = reader()
    bus.chip.registers[0x08] |= 0x08
    look_after_start = time.ticks_ms()
    while not made.resets:
        made.check()
        time.sleep_ms(20)
        assert time.ticks_diff(time.ticks_ms(), look_after_start) < 5000
    assert made.usable


def test_a_reader_that_was_unplugged_comes_back_by_itself():
    made, bus, uid = reader()
    bus.chip.dead = 0xFF
    look_after(made, uid, wanted=False)
    bus.chip.dead = None
    look_after(made, uid, wanted=True)
    bus.chip.badges = [Badge(UID4)]
    assert until_found(made, uid) == 4


def test_a_good_reader_has_no_fault_with_and_without_an_irq_pin():
    for irq in (True, False):
        made, bus, uid = reader(Badge(UID4), irq=irq)
        assert made.fault is None and made.usable
        assert made.poll(uid) == 4, "configured again after the inspection"


def short(level):
    return lambda bus: setattr(bus, "short", level)


def opened(wire):
    return lambda bus: bus.open.add(wire)


def test_faults_of_the_wires_are_told_apart():
    for wires, fault, usable in (
        (short(1), "miso-high", False),
        (short(0), "miso-low", False),
        (opened("miso"), "no-answer", False),
        (lambda bus: setattr(bus.chip, "dead", 0), "no-answer", False),
        (opened("rst"), "no-reset", True),
        (opened("irq"), "no-irq", True),
    ):
        made, bus, uid = reader(Badge(UID4), wires=wires)
        assert (made.fault, made.usable) == (fault, usable), (made.fault, fault)
        assert (made.poll(uid) == 4) == usable


def test_a_wire_that_is_mended_is_noticed():
    made, bus, uid = reader(Badge(UID4), wires=short(1))
    bus.short = None
    look_after(made, uid, wanted=True)
    assert made.fault is None and until_found(made, uid) == 4


def test_a_chip_that_no_start_helps_is_a_fault_and_its_recovery_ends_it():
    made, bus, uid = reader()
    real_reset = bus.chip.reset

    def reset():
        real_reset()
        bus.chip.hung = True

    bus.chip.reset = reset
    bus.chip.hang()
    look_after(made, uid, wanted=False)
    assert made.resets == 3 and made.fault == "deaf", (made.resets, made.fault)
    started = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), started) < 20000:
        assert made.poll(uid) in (0, iso14443.FAILED)
        assert not made.check()
        time.sleep_ms(40)
    assert made.resets < 12, "a broken chip is tried every few seconds, not all the time"
    bus.chip.reset = real_reset
    bus.chip.badges = [Badge(UID4)]
    look_after(made, uid, wanted=True, limit_ms=10000)
    assert made.fault is None
    bus.chip.badges = [Badge(UID7)]
    assert until_found(made, uid) == 7


def test_registers_that_get_lost_again_and_again_are_a_fault():
    made, bus, uid = reader()
    started = time.ticks_ms()
    while made.check():
        bus.chip.registers[0x15] = 0  # full modulation: without it no badge receives the reader
        made.poll(uid)
        time.sleep_ms(40)
        assert time.ticks_diff(time.ticks_ms(), started) < 20000
    assert made.resets == 3
    look_after(made, uid, wanted=True, limit_ms=10000)


def test_each_lost_register_is_found():
    for register, value in ((0x15, 0), (0x14, 0x80), (0x26, 0x48), (0x2A, 0), (0x2B, 0), (0x2D, 0), (0x02, 0x80)):
        made, bus, uid = reader()
        bus.chip.registers[register] = value
        started = time.ticks_ms()
        while not made.resets:
            made.poll(uid)
            made.check()
            time.sleep_ms(40)
            assert time.ticks_diff(time.ticks_ms(), started) < 5000, hex(register)
        assert bus.chip.registers[register] != value


def test_a_clone_that_shows_reserved_bits_otherwise_is_left_alone():
    made, bus, uid = reader(version=0x88)
    real_read = bus.chip.read
    bus.chip.read = lambda register: real_read(register) | (0x10 if register in (0x11, 0x02) else 0)
    assert made.chip.start()
    started = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), started) < 10000:
        made.poll(uid)
        assert made.check()
        time.sleep_ms(40)
    assert made.resets == 0


def test_an_irq_pin_that_was_given_up_is_tried_again_after_a_start():
    made, bus, uid = reader()
    bus.open.add("irq")
    for _ in range(4):
        made.poll(uid)
    assert made.chip._irq is None
    bus.open.clear()
    assert made.chip.start() and made.chip._irq is not None


def test_a_chip_that_looks_well_is_started_anew_once_an_hour_but_not_under_a_badge():
    made, bus, uid = reader(Badge(UID4))
    assert made.poll(uid) == 4
    before = bus.chip.resets

    def hour():
        for _ in range(1300):
            made.poll(uid)
            made.check()
            time.sleep_ms(3000)

    hour()
    assert made.present and bus.chip.resets == before
    bus.chip.badges = []
    hour()
    assert bus.chip.resets > before and made.resets == 0 and made.usable


def test_no_part_of_a_uid_stays_in_the_readers_buffers():
    made, _, uid = reader(Badge(UID7))
    assert made.poll(uid) == 7
    assert bytes(made._level[1:]) == bytes(5) and bytes(made._select[3:]) == bytes(7)

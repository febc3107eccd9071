"""The clock's time: sources, the way an error bound narrows and widens, and that it is never smaller than the error."""

import gc
import os
import random
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app import localtime, timekeeper
from app.record import BOUND_NONE, SOURCE_BRIDGE, SOURCE_NONE, SOURCE_RTC, Stamp, bound_decode
from app.timekeeper import Timekeeper
from bench import Bcd, Time
from drivers.ds3231 import DS3231

MORNING_MS = localtime.unix_from_civil(2026, 11, 30, 6, 58, 0) * 1000


class World:
    """True time, a clock's ticks that drift from it, and an RTC chip that drifts too."""

    def __init__(self, true_ms=MORNING_MS, ticks_ppm=0, rtc_ppm=0):
        self.true_ms = true_ms
        self.ticks_ppm = ticks_ppm
        self._ticks_us = 0
        self.ticks = timekeeper.time = Time()
        self.wall = Time()
        self.chip = Bcd(self.wall, true_ms, rtc_ppm)
        self.system = []

    def start(self):
        """A Timekeeper as after a start; the RTC went on on its battery."""
        return Timekeeper(DS3231(self.chip), "Europe/Brussels", self.system.append)

    def pass_ms(self, ms):
        self.true_ms += ms
        self.wall.now_ms += ms
        self._ticks_us += ms * 1000 + ms * self.ticks_ppm // 1000
        self.ticks.now_ms = self._ticks_us // 1000

    def bridge(self, keeper, rtt_ms=40, late_ms=None):
        """The bridge answers; its time was right `late_ms` before the end of the round trip."""
        self.pass_ms(rtt_ms)
        return keeper.set_from_bridge(self.true_ms - (rtt_ms // 2 if late_ms is None else late_ms), rtt_ms)


def read(keeper):
    stamp = Stamp()
    keeper.stamp(stamp)
    return stamp


def error_ms(world, keeper):
    stamp = read(keeper)
    return stamp.utc_s * 1000 + stamp.ms - world.true_ms


def check(world, keeper, context=None):
    """The bound, which must hold the true error."""
    stamp = read(keeper)
    bound = bound_decode(stamp.bound)
    error = stamp.utc_s * 1000 + stamp.ms - world.true_ms
    assert bound is None or abs(error) <= bound, (context, error, bound)
    return bound


def refine_for(world, keeper, seconds):
    """Call `refine` as often as it asks to be called."""
    end = world.true_ms + seconds * 1000
    while world.true_ms < end:
        world.pass_ms(max(1, keeper.refine()))
        check(world, keeper)


def test_a_clock_whose_rtc_stopped_has_no_time_and_says_so():
    world = World()
    keeper = world.start()
    stamp = read(keeper)
    assert (stamp.utc_s, stamp.ms, stamp.source, stamp.bound) == (0, 0, SOURCE_NONE, BOUND_NONE)
    assert keeper.now_s() == 0 and keeper.local() is None and not keeper.verified
    assert world.system == []


def test_a_clock_without_a_time_lets_tls_start_from_the_newest_record():
    world = World()
    keeper = world.start()
    keeper.at_least(MORNING_MS // 1000)
    assert world.system == [(2026, 11, 30, 6, 58, 0)] and read(keeper).utc_s == 0


def test_a_missing_rtc_is_no_time_and_a_counted_fault():
    world = World()
    world.chip.dead = True
    keeper = world.start()
    assert keeper.source == SOURCE_NONE and keeper.rtc_faults == 1
    assert world.bridge(keeper) > 0
    assert keeper.source == SOURCE_BRIDGE and keeper.rtc_faults == 2
    world.pass_ms(20000)
    assert abs(error_ms(world, keeper)) < 100


def test_the_bridge_sets_the_clock_within_half_the_round_trip():
    world = World()
    keeper = world.start()
    step = world.bridge(keeper, rtt_ms=400, late_ms=10)
    assert step == world.true_ms - 10 + 200
    assert read(keeper).source == SOURCE_BRIDGE
    assert 200 <= check(world, keeper) <= 240
    assert world.system[-1] == (2026, 11, 30, 6, 58, 0)


def test_a_second_answer_narrows_the_first_and_a_contradiction_replaces_it():
    world = World()
    keeper = world.start()
    world.bridge(keeper, rtt_ms=2000, late_ms=1900)
    world.bridge(keeper, rtt_ms=30)
    assert check(world, keeper) <= 26
    world.bridge(keeper, rtt_ms=3000)
    assert check(world, keeper) <= 26
    assert keeper.set_from_bridge(world.true_ms + 60000, 30) > 59000
    assert error_ms(world, keeper) > 59000


def test_the_rtc_carries_the_time_over_a_power_cut_with_its_note():
    world = World()
    keeper = world.start()
    world.bridge(keeper)
    world.pass_ms(3600 * 1000 * 10)
    keeper = world.start()
    stamp = read(keeper)
    assert stamp.source == SOURCE_RTC and keeper.verified
    # Half a second of resolution, the round trip, and 5 ppm over at most eleven hours.
    assert check(world, keeper) <= 500 + 22 + 198 + 100
    refine_for(world, keeper, 30)
    assert check(world, keeper) <= 22 + 198 + 60


def test_an_rtc_that_nobody_set_through_the_clock_gives_a_time_without_a_bound():
    world = World()
    world.chip.registers[0x0F] = 0
    keeper = world.start()
    assert abs(error_ms(world, keeper)) <= 1000
    assert keeper.source == SOURCE_RTC and keeper.bound == BOUND_NONE and not keeper.verified


def test_an_rtc_from_before_the_product_was_never_set():
    world = World(true_ms=localtime.unix_from_civil(2000, 1, 1, 0, 0, 5) * 1000)
    world.chip.registers[0x0F] = 0
    assert world.start().source == SOURCE_NONE


def test_without_the_bridge_the_bound_grows_and_the_rtc_keeps_it_small():
    world = World(ticks_ppm=20, rtc_ppm=-4)
    keeper = world.start()
    world.bridge(keeper)
    refine_for(world, keeper, 6 * 3600)
    # 5 ppm of the RTC over six hours is 108 ms; the ticks alone would be 25 ppm, 540 ms.
    assert check(world, keeper) <= 22 + 108 + 60


def test_an_rtc_that_contradicts_the_bridge_is_not_believed():
    world = World()
    keeper = world.start()
    world.bridge(keeper)
    world.chip.set_ms(world.true_ms + 5000)
    refine_for(world, keeper, 600)
    assert keeper.rtc_faults == 1 and abs(error_ms(world, keeper)) <= 40
    world.bridge(keeper)
    assert keeper.rtc_faults == 1
    assert abs(world.chip.now_ms() - world.true_ms) <= 1000


def test_the_bound_is_never_smaller_than_the_error():
    random.seed(11)
    for run in range(40):
        world = World(ticks_ppm=random.randrange(-24, 25), rtc_ppm=random.randrange(-5, 6))
        world.pass_ms(random.randrange(100000))
        keeper = world.start()
        for _ in range(12):
            choice = random.getrandbits(2)
            if choice == 0:
                rtt = random.randrange(1, 3000)
                world.bridge(keeper, rtt, random.randrange(rtt + 1))
            elif choice == 1:
                world.pass_ms(random.randrange(1, 50000))
            elif choice == 2:
                refine_for(world, keeper, random.randrange(1, 40))
            else:
                world.pass_ms(random.randrange(1, 40000000))
                keeper = world.start()
            check(world, keeper, run)


def test_ticks_wrap_and_the_uptime_goes_on():
    world = World()
    keeper = world.start()
    world.bridge(keeper)
    for _ in range(20):
        world.pass_ms(1000)
        keeper.now_s()
    assert read(keeper).uptime_ms == 20040 and keeper.uptime_s() == 20
    assert abs(error_ms(world, keeper)) <= 22


def test_local_time_is_brussels():
    world = World()
    keeper = world.start()
    world.bridge(keeper)
    assert keeper.local()[:5] == (2026, 11, 30, 7, 58)


def test_a_stamp_within_a_second_allocates_nothing():
    world = World()
    keeper = world.start()
    world.bridge(keeper)
    world.pass_ms(100)
    stamp = Stamp()
    keeper.stamp(stamp)

    class Still:
        ticks_diff = staticmethod(timekeeper.time.ticks_diff)
        value = timekeeper.time.ticks_ms()

        @staticmethod
        def ticks_ms():
            return Still.value

    timekeeper.time = Still
    keeper.stamp(stamp)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(100):
        keeper.stamp(stamp)
    after = gc.mem_alloc()
    gc.enable()
    assert after == before, after - before

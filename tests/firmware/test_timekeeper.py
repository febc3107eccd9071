"""The clock's time: sources, the way an error bound narrows and widens, and that it is never smaller than the error."""

import gc
import os
import random
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app import localtime, timekeeper
from app.log.record import BOUND_NONE, SOURCE_BRIDGE, SOURCE_NONE, SOURCE_NTP, SOURCE_RTC, Stamp, bound_decode
from app.timekeeper import Timekeeper
from bench import Bcd, Time
from drivers.ds3231 import DS3231

MORNING_MS = localtime.unix_from_civil(2026, 11, 30, 6, 58, 0) * 1000
YEAR_MS = 31557600000


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
    """Call `refine` as often as it requests."""
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
    keeper.at_least(MORNING_MS // 1000, 0, 0)
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


class Chaos(World):
    """A world whose crystal has its own rate, up to 100 ppm, which temperature changes, and whose RTC fails."""

    def __init__(self):
        super().__init__(MORNING_MS + random.randrange(1 << 30), rtc_ppm=random.randrange(-5, 6))
        self.base_ppm = random.randrange(-88, 89)
        self.warm_up()
        self.sure_s = 0
        self.keeper = self.start()

    def warm_up(self):
        """The temperature makes a step."""
        self.ticks_ppm = self.base_ppm + random.randrange(-12, 13)

    def start(self):
        keeper = super().start()
        keeper.at_least(self.sure_s, self.sure_s, 0)
        return keeper

    def check(self, context):
        """A record is made; its bound holds the error, and it is before no moment that is sure."""
        bound = check(self, self.keeper, context)
        if bound is not None:
            self.sure_s = max(self.sure_s, read(self.keeper).utc_s - bound // 1000 - 1)
            assert self.sure_s <= self.true_ms // 1000 + 1, context

    def happen(self, context):
        chance = random.randrange(14)
        keeper = self.keeper
        if chance < 3:
            rtt = random.randrange(1, 3000)
            self.bridge(keeper, rtt, random.randrange(rtt + 1))
        elif chance == 3:  # a quiet morning: a heartbeat every ten minutes
            for _ in range(random.randrange(2, 14)):
                self.pass_ms(600000)
                self.bridge(keeper, random.randrange(2, 80))
                self.check(context)
        elif chance == 4:
            self.pass_ms(random.randrange(1, 50000))
        elif chance == 5:
            refine_for(self, keeper, random.randrange(1, 40))
        elif chance == 6:  # no bridge for up to three days, in which the clock looks at its ticks now and then
            for _ in range(random.randrange(1, 20)):
                self.pass_ms(random.randrange(1, 14400000))
                keeper.now_s()
        elif chance == 7:
            self.warm_up()
        elif chance == 8:
            self.pass_ms(random.randrange(1, 40000000))
            self.keeper = self.start()
        elif chance == 9:  # the battery was empty
            self.chip.registers[0x0F] |= 0x80
            self.pass_ms(random.randrange(1, 40000000))
            self.keeper = self.start()
        elif chance == 10:  # the bus is gone for a while, perhaps over a start
            self.chip.dead = True
            refine_for(self, keeper, 15)
            self.keeper = self.start() if random.getrandbits(1) else keeper
            refine_for(self, self.keeper, 15)
            self.chip.dead = False
        elif chance == 11 and keeper.bound != BOUND_NONE:  # the RTC jumps, and is looked at within ten seconds
            self.chip.set_ms(self.chip.now_ms() + random.choice((-1, 1)) * random.randrange(3000, 1 << 29))
            refine_for(self, keeper, 12)
            self.keeper = self.start() if random.getrandbits(1) else keeper
        elif chance == 12:  # the RTC goes back while it is without power, to before what is on record
            step_ms = self.chip.now_ms() - self.sure_s * 1000
            if self.sure_s and step_ms > 0:
                self.chip.set_ms(self.sure_s * 1000 - random.randrange(1 << 20, 1 << 29))
                self.keeper = self.start()
        elif chance == 13 and keeper.accepts_hints:  # NTP, rightly or not
            keeper.accept_hint(self.true_ms + random.randrange(-800000, 800000))
            assert read(keeper).source == SOURCE_NTP and keeper.bound == BOUND_NONE


def test_the_bound_is_never_smaller_than_the_error():
    seen = {}
    for seed in range(40):
        random.seed(seed)
        world = Chaos()
        for step in range(20):
            world.happen((seed, step))
            world.check((seed, step))
            source = read(world.keeper).source
            seen[source] = seen.get(source, 0) + 1
    assert len(seen) == 4 and min(seen.values()) > 20, seen


def test_the_crystals_rate_is_learned_and_the_bound_grows_less_then():
    grown = []
    for hours in (0, 8):
        world = World(ticks_ppm=83)
        world.chip.dead = True  # the ticks alone
        keeper = world.start()
        world.bridge(keeper)
        for _ in range(hours * 6):
            world.pass_ms(600000)
            world.bridge(keeper)
        for _ in range(12):
            world.pass_ms(3600000)
            check(world, keeper)
        grown.append(check(world, keeper))
    # 12 h: 100 ppm are 4,320 ms; learned within 8 h to 44 ms in 28,800 s, 2 ppm either way, and 25 for the temperature.
    assert 4320 <= grown[0] <= 4800 and grown[1] <= 1400, grown
    assert (keeper._low_ppm, keeper._high_ppm) == (-83 - 27, -83 + 27) or keeper._high_ppm - keeper._low_ppm <= 56


def test_a_bridge_whose_time_steps_teaches_no_rate():
    world = World(ticks_ppm=10)
    keeper = world.start()
    world.bridge(keeper)
    world.pass_ms(4000000)
    keeper.set_from_bridge(world.true_ms + 5000, 40)
    assert (keeper._low_ppm, keeper._high_ppm) == (-100, 100)
    world.true_ms += 5000
    for _ in range(8):
        world.pass_ms(600000)
        world.bridge(keeper)
        check(world, keeper)
    assert keeper._high_ppm < 100


def test_an_rtc_is_set_anew_before_it_is_worth_less_than_the_clock():
    world = World(rtc_ppm=4)
    keeper = world.start()
    world.bridge(keeper)
    for _ in range(6 * 24 * 3):
        world.pass_ms(600000)
        keeper.refine()
        world.bridge(keeper)
    keeper = world.start()
    # Half a second of resolution, and 5 ppm of at most 12 hours and what the clock did not know.
    assert check(world, keeper) <= 500 + 300 + 216


def test_an_rtc_that_jumped_is_found_out_and_says_nothing_for_sure_after_a_restart():
    for jump_ms in (-86400000, -4000, 4000, 86400000):
        world = World()
        keeper = world.start()
        world.bridge(keeper)
        world.chip.set_ms(world.chip.now_ms() + jump_ms)
        refine_for(world, keeper, 11)
        assert keeper.rtc_faults == 1 and check(world, keeper) is not None
        keeper = world.start()
        assert keeper.source == SOURCE_RTC and not keeper.verified and abs(error_ms(world, keeper)) <= 2000


def test_an_rtc_that_went_back_behind_what_is_on_record_says_nothing_for_sure():
    world = World()
    world.bridge(world.start())
    world.chip.set_ms(world.true_ms - 1800000)
    keeper = world.start()
    assert keeper.verified
    keeper.at_least(world.true_ms // 1000, world.true_ms // 1000 - 1, 0)
    assert not keeper.verified and keeper.rtc_faults == 1 and keeper.accepts_hints


def test_an_rtc_that_is_two_years_behind_leaves_the_clock_at_its_newest_record():
    for is_set in (True, False):
        world = World()
        if is_set:
            world.bridge(world.start())
        world.chip.registers[0x0F] = 0
        world.chip.set_ms(world.true_ms - 2 * YEAR_MS)
        keeper = world.start()
        keeper.at_least(MORNING_MS // 1000, MORNING_MS // 1000 - 1, MORNING_MS // 1000 - 1)
        assert not keeper.verified and abs(error_ms(world, keeper)) <= 2000
        assert world.system[-1][:5] == (2026, 11, 30, 6, 58), "and certificates are judged by it"


def test_an_rtc_that_is_three_years_ahead_is_doubted_once_tls_refuses_a_date():
    world = World()
    world.bridge(world.start())
    world.chip.set_ms(world.true_ms + 3 * YEAR_MS)
    keeper = world.start()
    ahead_s = read(keeper).utc_s
    keeper.at_least(ahead_s, ahead_s - 1, MORNING_MS // 1000)
    assert keeper.verified and world.system[-1][0] == 2029, "nobody can know yet"
    keeper.refuse()
    assert not keeper.verified and keeper.accepts_hints and keeper.rtc_faults == 1
    assert world.system[-1] == (2026, 11, 30, 6, 58, 0) and keeper.floor_s == MORNING_MS // 1000
    keeper.accept_hint(world.true_ms + 5000)
    assert world.system[-1][:5] == (2026, 11, 30, 6, 58) and not keeper.verified
    again = world.start()
    assert not again.verified, "the doubt outlives a restart"
    world.bridge(keeper)
    assert keeper.verified and not keeper.is_refused and abs(error_ms(world, keeper)) < 100


def test_an_rtc_that_is_days_after_what_is_on_record_is_not_sure_and_no_fault():
    for days, is_sure in ((3, True), (5, False)):
        world = World()
        world.bridge(world.start())
        world.chip.set_ms(world.true_ms + days * 86400000)
        keeper = world.start()
        recorded_s = world.true_ms // 1000
        keeper.at_least(recorded_s, recorded_s - 1, recorded_s)
        assert keeper.verified == is_sure and keeper.accepts_hints != is_sure, days
        assert keeper.rtc_faults == 0 and abs(error_ms(world, keeper) - days * 86400000) <= 2000
        assert world.start().verified == is_sure, "after a restart, too"
        world.bridge(keeper)
        assert keeper.verified and world.start().verified


def test_a_time_that_the_bridge_gave_is_not_doubted_for_a_certificate_that_ran_out():
    world = World()
    keeper = world.start()
    keeper.at_least(0, 0, MORNING_MS // 1000 - 86400)
    world.bridge(keeper)
    dates = list(world.system)
    keeper.refuse()
    assert keeper.verified and not keeper.is_refused and world.system == dates


def test_a_hint_gives_a_time_without_a_bound_and_the_bridge_replaces_it():
    world = World()
    keeper = world.start()
    assert keeper.accepts_hints
    assert keeper.accept_hint(world.true_ms + 5000) == world.true_ms + 5000
    stamp = read(keeper)
    assert (stamp.source, stamp.bound) == (SOURCE_NTP, BOUND_NONE) and not keeper.verified and keeper.accepts_hints
    assert keeper.local()[:5] == (2026, 11, 30, 7, 58)
    assert world.system == [], "certificates are not judged by it"
    assert world.chip.registers[0x0F] & 0x80, "nor is the RTC set"
    world.pass_ms(10000)
    assert error_ms(world, keeper) == 5000
    assert world.bridge(keeper) < -4900 and not keeper.accepts_hints
    assert check(world, keeper) <= 26


def test_2038_and_29_february_and_the_days_without_an_hour_or_with_one_more_are_ordinary():
    for date in (
        (2038, 1, 19, 3, 14, 6),
        (2028, 2, 28, 23, 59, 58),
        (2028, 2, 29, 23, 59, 58),
        (2026, 3, 29, 0, 59, 58),
        (2026, 10, 25, 0, 59, 58),
        (2099, 12, 31, 23, 59, 58),
    ):
        world = World(localtime.unix_from_civil(*date) * 1000)
        keeper = world.start()
        world.bridge(keeper)
        for _ in range(2):
            for _ in range(8):
                world.pass_ms(500)
                assert read(keeper).utc_s == (world.true_ms + 1) // 1000 or check(world, keeper) is not None
                check(world, keeper, date)
            keeper = world.start()
            assert check(world, keeper, date) is not None and keeper.source == SOURCE_RTC


def test_ticks_wrap_and_the_uptime_goes_on():
    world = World()
    keeper = world.start()
    world.bridge(keeper)
    for _ in range(20):
        world.pass_ms(1000)
        keeper.now_s()
    assert read(keeper).uptime_ms == 20040 and keeper.uptime_s() == 20
    assert abs(error_ms(world, keeper)) <= 22


def test_the_uptime_is_modulo_2_to_the_32_at_every_moment():
    for ms_before in (1, 400, 999):
        world = World()
        keeper = world.start()
        world.pass_ms(500)
        left = (1 << 32) - 500 - ms_before
        while left:
            passed = min(left, 1 << 28)
            world.pass_ms(passed)
            left -= passed
            keeper.now_s()
        assert read(keeper).uptime_ms == (1 << 32) - ms_before
        world.pass_ms(ms_before)
        assert read(keeper).uptime_ms == 0, ms_before
        world.pass_ms(1)
        assert read(keeper).uptime_ms == 1


def test_over_a_leap_second_the_bound_holds_until_the_bridge_says_what_it_was():
    for date in ((2026, 6, 30, 23, 59, 50), (2026, 12, 31, 23, 59, 50)):
        for leap_ms in (-1000, 1000, 0):  # one more second in a day makes Unix time step back
            for is_off in (False, True):
                world = World(localtime.unix_from_civil(*date) * 1000)
                keeper = world.start()
                world.bridge(keeper)
                world.pass_ms(15000)
                world.true_ms += leap_ms
                if is_off:
                    keeper = world.start()
                context = date, leap_ms, is_off
                assert check(world, keeper, context) >= 1000, context
                refine_for(world, keeper, 30)
                assert check(world, keeper, context) >= 1000 and not keeper.rtc_faults, context
                world.bridge(keeper)
                assert check(world, keeper, context) <= 26, context
                refine_for(world, keeper, 30)
                keeper = world.start()
                assert check(world, keeper, context) < 700, context


def test_over_a_leap_second_no_rate_is_learned():
    world = World(localtime.unix_from_civil(2026, 6, 30, 22, 0, 0) * 1000)
    keeper = world.start()
    world.bridge(keeper, 4)
    for hour in range(12):
        world.pass_ms(3600000)
        if hour == 2:
            world.true_ms -= 1000
        world.bridge(keeper, 4)
        world.pass_ms(1800000)
        check(world, keeper, hour)


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

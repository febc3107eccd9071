"""A site that lives: workers who forget taps, night shifts, two gates, gates without a connection, moves to another
site, both clock changes.

By a seed, day by day, with the bridge's own intake, registrar and store, and an authority that keeps books. The truth
is who was there on the day a shift began. What the books have is compared to it.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.host.bridge.presences.clock_ways import ClockWays
from tests.host.bridge.world import KBO, SITE, Clock, World, token_of

from badgeclock.authorities.base import Status
from badgeclock.bridge.errors import StoreConflict
from badgeclock.bridge.people import badges, employers, identities, workers
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import ENDED, PresenceState
from badgeclock.protocol.record import Direction, Origin

BRUSSELS = ZoneInfo("Europe/Brussels")
OTHER_SITE = "Quay 8"
OTHER_KBO = "0206731645"
FORGETS = 0.08
"""How often a tap is forgotten."""
EPOCH_RECORDS = 1_000
"""After so many records a clock closes its epoch."""
REGISTERED_S = 1200
"""The authority is called once no group has come for so many seconds, or its day ends."""
CONFLICTS_MOST = 10
GROUP_S = 300
"""Taps within so many seconds reach the bridge together."""
_WAYS = {Direction.IN: "in", Direction.OUT: "out", Direction.BREAK_START: "break", Direction.BREAK_END: "break"}
OUTAGES = 0.2
"""How often a gate has no connection for some hours of a day."""
OUTAGE_MOST_S = 6 * 3600
CORRECTS = 0.5
"""How often a worker presses a key within three seconds of a way that its clock assumed and that is wrong."""


class Tap(NamedTuple):
    """A tap: when (ms UTC), whose badge, at which gate, which way is meant (in, out or break), and whether its key was
    pressed before.
    """

    utc_ms: int
    worker: int
    gate: str
    meant: str
    by_key: bool


class Delivery(NamedTuple):
    """A tap, and when it reaches the bridge (ms UTC)."""

    utc_ms: int
    tap: Tap


class PersonDay(NamedTuple):
    """Who was where on which day: the number of the worker, the site's name, the day on which the shift began."""

    worker: int
    site: str
    day: date


@dataclass
class Plan:
    """What happens in a span of days: the taps in their order, and the truth.

    there       the person-days that must be declared: somebody was there, and tapped before that day was over
    untapped    those of which no tap fell on their day: nobody could know in time
    """

    taps: list[Tap] = field(default_factory=list)
    there: set[PersonDay] = field(default_factory=set)
    untapped: set[PersonDay] = field(default_factory=set)


@dataclass
class Outcome:
    """What came of it: person-days of the truth, those that the books lack, those that they have besides, flagged or
    not; those of the truth that are flagged all the same; and what a person must repeat it (`lines`).
    """

    total: int = 0
    missing: int = 0
    extra_flagged: int = 0
    extra_unflagged: int = 0
    doubled: int = 0
    flagged: int = 0
    lines: list[str] = field(default_factory=list)


def plan_of(seed: int, first: date, days: int, staff: int) -> Plan:
    """The plan of a seed. Each worker has habits: keys or none, a shift, a gate that is usual."""
    chance = random.Random(seed)
    plan = Plan()
    for worker in range(staff):
        kind = ("day", "day", "mover", "night", "late", "weekly")[worker % 6]
        keys = chance.random() < 0.5
        for at in range(days):
            day = first + timedelta(days=at)
            shift = kind if kind != "weekly" else ("day", "night")[day.isocalendar().week % 2]
            if _is_off(shift, day) or chance.random() < 0.05:
                continue
            _plan_shift(chance, plan, worker, day, shift, keys=keys)
    plan.taps.sort()
    return plan


def _is_off(shift: str, day: date) -> bool:
    """Nights are Monday to Thursday, so that a week of days begins rested; all else Monday to Friday."""
    return day.weekday() >= (4 if shift == "night" else 5)


def _plan_shift(chance: random.Random, plan: Plan, worker: int, day: date, shift: str, *, keys: bool) -> None:
    made: dict[PersonDay, list[Tap]] = defaultdict(list)

    def tap(site: str, minutes: int, key: str, gate: str = "") -> None:
        about = PersonDay(worker, site, day)
        taps = made[about]
        if chance.random() < FORGETS:
            return
        wall = datetime.combine(day, time()) + timedelta(minutes=minutes + chance.randrange(-9, 10))
        utc_ms = int(wall.replace(tzinfo=BRUSSELS).timestamp() * 1000) + chance.randrange(60_000)
        gate = gate or ("C" if site == OTHER_SITE else "A" if chance.random() < 0.6 else "B")
        taps.append(Tap(utc_ms, worker, gate, key, keys))

    if shift == "night":
        for minutes, key in ((22 * 60, "in"), (25 * 60, "break"), (25 * 60 + 30, "break"), (30 * 60, "out")):
            tap(SITE, minutes, key)
    elif shift == "late":
        end = chance.choice((22 * 60, 23 * 60, 24 * 60 + 30))
        for minutes, key in ((14 * 60, "in"), (18 * 60, "break"), (18 * 60 + 30, "break"), (end, "out")):
            tap(SITE, minutes, key)
    elif shift == "mover" and chance.random() < 0.4:
        for site, minutes, key in (
            (SITE, 7 * 60, "in"),
            (SITE, 12 * 60, "out"),
            (OTHER_SITE, 13 * 60, "in"),
            (OTHER_SITE, 17 * 60, "out"),
        ):
            tap(site, minutes, key)
    else:
        end = chance.choice((16 * 60, 17 * 60, 18 * 60))
        for minutes, key in ((7 * 60, "in"), (12 * 60, "break"), (12 * 60 + 30, "break"), (end, "out")):
            tap(SITE, minutes, key)
    for about, taps in made.items():
        plan.taps += taps
        in_time = any(datetime.fromtimestamp(one.utc_ms / 1000, BRUSSELS).date() == day for one in taps)
        (plan.there if in_time else plan.untapped).add(about)


class SiteYear:
    """The bridge of two sites, three gates and a staff, through the plan of a seed."""

    def __init__(self, world: World, seed: int, first: date, days: int, staff: int = 12) -> None:
        self.world = world
        self.seed = seed
        self.days = [first + timedelta(days=at) for at in range(days)]
        self.plan = plan_of(seed, first, days, staff)
        self.chance = random.Random(seed + 1)
        self.ways = {gate: ClockWays(knows_midnight=seed % 2 == 0) for gate in "ABC"}
        world.now_ms = int(datetime.combine(first, time(), BRUSSELS).timestamp() * 1000)
        world.change_site(night_hours="22:00-06:00")
        self.clocks = {
            "A": world.clock,
            "B": world.add_clock(Clock("clock-b")),
            "C": world.add_site(OTHER_SITE, "1Y1TEST00002Z", Regime.CONSTRUCTION),
        }
        for clock in self.clocks.values():
            clock.utc_ms = world.now_ms
            world.punches(*clock.start(), clock=clock)
        self.uids = [b"\x0a" + number.to_bytes(3, "big") for number in range(staff)]
        self._hire(staff)

    def _hire(self, staff: int) -> None:
        with self.world.store.write() as connection:
            employers.put(connection, OTHER_KBO, "Onderaannemer")
            for number in range(staff):
                reference = f"S-{number:03d}"
                workers.add(
                    connection,
                    self.world.vault,
                    reference=reference,
                    name=f"Proef {number}",
                    identity=identities.niss(niss_of(number)),
                    employer_kbo=KBO,
                    now_ms=self.world.now_ms,
                )
                for site in (SITE, OTHER_SITE):
                    badges.assign(
                        connection,
                        self.world.vault,
                        site=site,
                        worker=reference,
                        uid=self.uids[number],
                        now_ms=self.world.now_ms,
                    )

    async def live(self) -> Outcome:
        """Let every tap happen, have all registered within its day, and compare."""
        changes = {day: "" for day in self.days if self.chance.random() < 0.05}
        groups = list(_groups(_delivered(random.Random(self.seed + 2), self.plan.taps)))
        for group, then in zip(groups, [*groups[1:], None], strict=True):
            self.world.now_ms = group[-1].utc_ms + 1000
            day = datetime.fromtimestamp(self.world.now_ms / 1000, BRUSSELS).date()
            if changes.pop(day, None) is not None:
                self._change_something()
            self._deliver([delivery.tap for delivery in group])
            soon_ms = group[0].utc_ms + REGISTERED_S * 1000
            is_pause = then is None or then[0].utc_ms > soon_ms or _day(then[-1].utc_ms) != day
            if is_pause and self._queued():
                await self.world.registered(lambda: not self._queued())
        return self._compare()

    def _change_something(self) -> None:
        """The office changes an employer or the site's workplace number, while people are inside."""
        if self.chance.random() < 0.2:
            self.world.change_site(workplace=f"1Y1TEST0{self.chance.randrange(1000, 9999)}Z")
        else:
            number = self.chance.randrange(len(self.uids))
            self.world.change_worker(f"S-{number:03d}", employer_kbo=self.chance.choice((KBO, OTHER_KBO)))

    def _deliver(self, group: list[Tap]) -> None:
        messages: dict[str, list[bytes]] = defaultdict(list)
        for tap in group:
            clock, uid = self.clocks[tap.gate], self.uids[tap.worker]
            clock.utc_ms = tap.utc_ms
            if clock.state.records > EPOCH_RECORDS:
                messages[tap.gate].append(clock.close_epoch())
            key = tap.meant if tap.by_key else ""
            direction, origin = self.ways[tap.gate].way(token_of(uid), tap.utc_ms // 1000, key)
            messages[tap.gate].append(clock.punch(uid, direction, origin=origin))
            if origin is Origin.ASSUMED and tap.meant != _WAYS[direction] and self.chance.random() < CORRECTS:
                clock.utc_ms += 2000
                direction, origin = self.ways[tap.gate].way(token_of(uid), clock.utc_ms // 1000, tap.meant)
                messages[tap.gate].append(clock.punch(uid, direction, origin=origin))
        sent = [(self.clocks[gate].topic("punches"), b"".join(records)) for gate, records in messages.items()]
        for _ in range(CONFLICTS_MOST):
            with suppress(StoreConflict):  # a registrar that is ending still writes: once more, as the intake does
                self.world.deliver(*sent)
                return
        raise AssertionError(f"seed {self.seed}: the store refuses {len(sent)} messages again and again")

    def _queued(self) -> bool:
        table = schema.presences
        with self.world.store.read() as connection:
            statement = table.select().where(table.c.state.in_([PresenceState.QUEUED, PresenceState.SENT])).limit(1)
            return connection.execute(statement).first() is not None

    def _compare(self) -> Outcome:
        """The books against the truth; a row of the store says whether what is too much was flagged."""
        world, outcome = self.world, Outcome()
        sites = {row.id: row.name for row in world.rows(schema.sites)}
        staff = {row.id: int(row.reference[2:]) for row in world.rows(schema.workers) if row.reference[0] == "S"}
        by_reference = {row.reference: row for row in world.rows(schema.presences) if row.state not in ENDED}
        declared: dict[PersonDay, list[str | None]] = defaultdict(list)
        for found in world.authority.books:
            if found.status is not Status.CANCELLED:
                row = by_reference[str(found.reference)]
                flag = None if row.kept_ms is not None else row.assumed
                declared[PersonDay(staff[row.worker_id], sites[row.site_id], row.day)].append(flag)
        outcome.total = len(self.plan.there)
        for about in sorted(self.plan.there - declared.keys()):
            outcome.missing += 1
            outcome.lines.append(f"seed {self.seed}: missing {about}")
        for about, flags in declared.items():
            outcome.doubled += len(flags) - 1
            outcome.flagged += about in self.plan.there and flags[0] is not None
            if len(flags) > 1:
                outcome.lines.append(f"seed {self.seed}: doubled {about}")
            if about not in self.plan.there:
                outcome.extra_flagged += flags[0] is not None
                outcome.extra_unflagged += flags[0] is None
                if flags[0] is None:
                    outcome.lines.append(f"seed {self.seed}: not flagged {about}")
        return outcome


def niss_of(number: int) -> str:
    """A national number with right check digits and the fictitious birth date 00.00.01."""
    base = f"000001{number + 500:03d}"[:9]
    return base + f"{97 - int(base) % 97:02d}"


def _delivered(chance: random.Random, taps: list[Tap]) -> list[Delivery]:
    """When each tap reaches the bridge: at once, or once its gate has its connection again, but within its day."""
    back_ms: dict[tuple[str, date], tuple[int, int]] = {}
    deliveries = []
    for tap in taps:
        day = _day(tap.utc_ms)
        if (tap.gate, day) not in back_ms:
            gone_ms = tap.utc_ms if chance.random() < OUTAGES else 2**62
            back_ms[tap.gate, day] = gone_ms, gone_ms + chance.randrange(OUTAGE_MOST_S) * 1000
        gone_ms, again_ms = back_ms[tap.gate, day]
        at_ms = again_ms if gone_ms <= tap.utc_ms < again_ms else tap.utc_ms
        ends = datetime.combine(day, time(23, 58), BRUSSELS)
        deliveries.append(Delivery(max(tap.utc_ms, min(at_ms, int(ends.timestamp() * 1000))), tap))
    return sorted(deliveries)


def _groups(deliveries: list[Delivery]) -> Iterator[list[Delivery]]:
    """Taps that reach the bridge together: none waits over midnight."""
    group: list[Delivery] = []
    for one in deliveries:
        began = group[0] if group else one
        if one.utc_ms - began.utc_ms > GROUP_S * 1000 or _day(one.utc_ms) != _day(began.utc_ms):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _day(utc_ms: int) -> date:
    return datetime.fromtimestamp(utc_ms / 1000, BRUSSELS).date()

"""The hours of one worker, read alone: what they are among everybody's."""

from __future__ import annotations

from datetime import date

from tests.host.bridge.world import ANNA_UID, BOTH, BRAM_UID, DAY_MS, LUZ_UID, World

from badgeclock.bridge.presences import worked_hours
from badgeclock.bridge.registrar import corrections
from badgeclock.bridge.registrar.corrections import Right
from badgeclock.bridge.registrar.decisions import CancelCode, Decision
from badgeclock.bridge.store import schema
from badgeclock.protocol.record import Direction

DATABASES = BOTH
HOUR_MS = 3_600_000


async def test_the_hours_of_one_worker_are_theirs_among_all_whoever_had_the_badge(world: World) -> None:
    clock = world.clock
    world.punches(*clock.start())
    for day in range(3):
        for uid in (ANNA_UID, BRAM_UID, LUZ_UID)[: 3 - day]:
            world.punches(clock.punch(uid))
        world.now_ms = clock.utc_ms = clock.utc_ms + HOUR_MS
        for uid in (ANNA_UID, BRAM_UID, LUZ_UID)[: 3 - day]:
            world.punches(clock.punch(uid, Direction.OUT))
        world.now_ms = clock.utc_ms = clock.utc_ms + DAY_MS - HOUR_MS
    lent = max((row for row in world.rows(schema.presences) if row.worker_id == 1), key=lambda row: row.day)
    with world.store.write() as connection:
        why = Decision("office", "the badge was lent", world.now_ms)
        corrections.correct(connection, lent.reference, Right("W-003"), CancelCode.PLANNING, why)

    def hours(worker_id: int | None, first: date) -> list[worked_hours.WorkedShift]:
        with world.store.read() as connection:
            last = date(2026, 1, 31)
            return worked_hours.between(connection, first, last, world.now_ms, site_id=None, worker_id=worker_id)

    everybodys = hours(None, date(2026, 1, 3))
    assert len(everybodys) >= 5
    alone = {number: hours(number, date(2025, 12, 20)) for number in (1, 2, 3)}
    assert alone == {number: [one for one in everybodys if one.worker == f"W-00{number}"] for number in alone}
    assert all(alone.values())

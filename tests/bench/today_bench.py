"""Who is here and who has not come: one reading of a store of 1,000 workers and 100,000 presences, by day.

Ten sites of a hundred workers, a hundred working days each with four punches a worker, and a day under way that nobody
planned, so that everybody is expected by the last five working days.
"""

from __future__ import annotations

import gc
import json
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, text

from badgeclock.bridge.presences import today
from badgeclock.bridge.presences.attendance import Status
from badgeclock.bridge.presences.day_book import Key, new_row
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import PresenceState, PunchState
from badgeclock.protocol.record import Direction
from tests.host.bridge.world import KBO, World
from tests.postgres import Cluster

WORKERS = 1000
SITES = 10
DAYS = 100
ROUNDS = 7
DAY = date(2026, 6, 15)
_TAPS = ((7, Direction.IN), (12, Direction.BREAK_START), (13, Direction.BREAK_END), (16, Direction.OUT))


def measure() -> dict[str, float]:
    """The fastest of some readings, ms, on either database, and of how many presences: what else the machine does
    meanwhile is no part of it.
    """
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as folder:
        world = World(Path(folder))
        figures |= _readings(world, "sqlite")
        world.close()
    cluster = Cluster.careless()
    try:
        url = cluster.url(cluster.create())
        store = Store(url)
        store.migrate()
        store.close()
        world = World(url)
        figures |= _readings(world, "postgres")
        world.close()
    finally:
        cluster.close()
    return figures


def _readings(world: World, kind: str) -> dict[str, float]:
    filled = _fill(world)
    now_ms = _ms(DAY, 7, 30)
    took = []
    people: list[Any] = []
    for _ in range(ROUNDS):
        gc.collect()
        began = time.perf_counter()
        with world.store.read() as connection:
            report = today.look(connection, now_ms)
        took.append((time.perf_counter() - began) * 1000)
        people = [one for place in report.places for one in place.people]
    assert len(people) == WORKERS
    assert sum(one.status is Status.MISSING for one in people) == WORKERS // 10
    return {f"today.ms_{kind}": min(took), "today.presences": filled}


def _fill(world: World) -> int:
    """Workers 10 and more, their presences with numbers, their punches; on the day itself nine of ten came."""
    for number in range(SITES):
        world.add_site(f"Yard {number}", f"1Y1BENCH{number:04d}Z", Regime.CONSTRUCTION)
    days = [one for back in range(1, 200) if (one := DAY - timedelta(days=back)).weekday() < 5][:DAYS]
    with world.store.write() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER steps"))
        workers = [{**_worker(at)} for at in range(WORKERS)]
        connection.execute(insert(schema.workers), workers)
        badges = [
            {"site_id": 2 + at % SITES, "token": at.to_bytes(8, "big"), "worker_id": 10 + at, "since_ms": 0}
            for at in range(WORKERS)
        ]
        connection.execute(insert(schema.badges), badges)
        for day in [*reversed(days), DAY]:
            _fill_day(connection, day, [at for at in range(WORKERS) if day != DAY or at % 10])
        if connection.dialect.name == "postgresql":
            connection.execute(text("ANALYZE"))
    return len(days) * WORKERS


def _worker(at: int) -> dict[str, Any]:
    return {
        "id": 10 + at,
        "reference": f"B-{at:04d}",
        "name_closed": b"",
        "identity_kind": "niss",
        "identity_closed": b"",
        "identity_index": at.to_bytes(8, "big"),
        "employer_id": 1,
        "added_ms": 0,
    }


def _fill_day(connection: Connection, day: date, there: Sequence[int]) -> None:
    clock_of = {2 + number: 2 + number for number in range(SITES)}
    rows = []
    for at in there:
        row = new_row(Key(10 + at, KBO, f"1Y1BENCH{at % SITES:04d}Z", day), 2 + at % SITES, _ms(day, 7, 0))
        number = {"reception_number": 10**9 + at, "state": PresenceState.VALIDATED, "due_ms": None}
        rows.append({**row, **number})
    statement = insert(schema.presences).returning(schema.presences.c.id, sort_by_parameter_order=True)
    ids = connection.execute(statement, rows).scalars().all()
    taps = _TAPS[:1] if day == DAY else _TAPS
    connection.execute(
        insert(schema.punches),
        [
            {
                "clock_id": clock_of[2 + at % SITES],
                "seq": (day.toordinal() * len(_TAPS) + step) * WORKERS + at,
                "site_id": 2 + at % SITES,
                "token": at.to_bytes(8, "big"),
                "direction": int(way),
                "utc_ms": _ms(day, hour, at % 20),
                "state": PunchState.DECLARED,
                "worker_id": 10 + at,
                "presence_id": presence,
                "received_ms": _ms(day, hour, at % 20),
            }
            for at, presence in zip(there, ids, strict=True)
            for step, (hour, way) in enumerate(taps)
        ],
    )


def _ms(day: date, hour: int, minute: int) -> int:
    """Of Belgian summer time and winter time alike, to the hour: two before UTC."""
    return int(datetime(day.year, day.month, day.day, hour - 2, minute, tzinfo=UTC).timestamp() * 1000)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))

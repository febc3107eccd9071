"""A store of SQLite as it is after years: a thousand workers at ten sites, by the day, with three punches a presence.

Badges are in their own order each day, so that no index is written in the order in which it is kept. A store
that was made is kept in `build/` and copied: to make one of a million presences takes minutes.
"""

from __future__ import annotations

import random
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, insert

from badgeclock.bridge.presences.punch_fate import Punch
from badgeclock.bridge.presences.regimes import Place, Regime
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store, insert_rows
from badgeclock.bridge.store.states import ClockState, PresenceState, PunchState
from badgeclock.protocol.record import Direction
from tests.stores.written import revisions

ROOT: Final = Path(__file__).resolve().parents[2]
WORKERS: Final = 1000
SITES: Final = 10
CLOCKS: Final = 20
LAST_DAY: Final = date(2026, 6, 15)
FOR_PERSON: Final = 40
"""Presences that wait for a person, however many there are."""
DAYS_A_COMMIT: Final = 10
_TAPS: Final = ((7, Direction.IN), (12, Direction.BREAK_START), (16, Direction.OUT))
_PRESENCE: Final = (
    "id",
    "reference",
    "worker_id",
    "employer_kbo",
    "workplace",
    "day",
    "site_id",
    "state",
    "reception_number",
    "error_code",
    "remarks",
    "tries",
    "alone",
    "created_ms",
    "registered_ms",
    "final_ms",
)


def place(presences: int, at: Path) -> None:
    """Put a store of so many presences at a path."""
    kept = ROOT / "build" / f"grown-{presences}-{revisions()[-1]}.db"
    if not kept.exists():
        making = kept.with_suffix(".making")
        making.unlink(missing_ok=True)
        store = Store(f"sqlite:///{making}")
        store.migrate()
        _people(store)
        days = presences // WORKERS
        for first in range(0, days, DAYS_A_COMMIT):
            with store.write() as connection:
                for number in range(first, min(days, first + DAYS_A_COMMIT)):
                    _day(connection, number, days)
        with store.write() as connection:
            _for_person(connection, presences)
        store.close()
        making.rename(kept)
    shutil.copyfile(kept, at)


def token(worker: int) -> bytes:
    """Of the badge of a worker, 1 to `WORKERS`."""
    return random.Random(worker).randbytes(8)


def punches_of(count: int) -> list[Punch]:
    """Punches of so many badges, in no order, on the last day."""
    workers = random.Random(count).sample(range(1, WORKERS + 1), count)
    at_ms = ms_of(LAST_DAY, 7)
    return [
        Punch(
            clock_id=1,
            clock_state=ClockState.ACTIVE,
            seq=at,
            place=Place(site_of(worker), f"1Y1BENCH{site_of(worker):04d}Z", "Europe/Brussels", Regime.CONSTRUCTION),
            token=token(worker),
            direction=Direction.IN,
            is_sure=True,
            utc_ms=at_ms,
            bound=0,
            sealed=True,
            duplicate=False,
            received_ms=at_ms,
        )
        for at, worker in enumerate(workers)
    ]


def site_of(worker: int) -> int:
    """The site at which a worker works."""
    return 1 + worker % SITES


def _people(store: Store) -> None:
    workers = range(1, WORKERS + 1)
    sites = [
        {
            "id": number,
            "name": f"Yard {number}",
            "workplace": f"1Y1BENCH{number:04d}Z",
            "regime": Regime.CONSTRUCTION,
            "time_zone": "Europe/Brussels",
        }
        for number in range(1, SITES + 1)
    ]
    people = [
        {
            "id": number,
            "reference": f"B-{number:04d}",
            "name_closed": b"",
            "identity_kind": "niss",
            "identity_closed": b"",
            "identity_index": number.to_bytes(8, "big"),
            "employer_id": 1,
        }
        for number in workers
    ]
    badges = [
        {"site_id": site_of(number), "token": token(number), "worker_id": number, "since_ms": 0} for number in workers
    ]
    with store.write() as connection:
        connection.execute(insert(schema.employers), [{"id": 1, "kbo": "0438195916", "name": "Voorbeeld"}])
        connection.execute(insert(schema.sites), sites)
        connection.execute(insert(schema.workers), people)
        connection.execute(insert(schema.badges), badges)
        connection.execute(insert(schema.clocks), [_clock(number) for number in range(1, CLOCKS + 1)])


def _clock(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"grown-{number:03d}",
        "site_id": 1 + number % SITES,
        "state": "RETIRED",
        "link_key_closed": b"",
        "next_seq": 0,
        "boot": 1,
        "epoch": 1,
        "epoch_records": 0,
        "keys_closed": b"",
        "tag": b"",
        "genesis": b"",
        "failing_times": 0,
        "status_counter": b"",
        "online": False,
        "sealed": True,
        "receipt_last": 0,
        "counter_reserved": 0,
    }


def _day(connection: Connection, number: int, days: int) -> None:
    """All that a day leaves, oldest day first; presences of the last day are not validated yet."""
    day = LAST_DAY - timedelta(days=days - 1 - number)
    rng = random.Random(number)
    workers = rng.sample(range(1, WORKERS + 1), WORKERS)
    first = number * WORKERS + 1
    state = PresenceState.VALIDATED
    presences = [
        (
            first + at,
            f"BC{day:%Y%m%d}-{first + at:012d}",
            worker,
            "0438195916",
            f"1Y1BENCH{site_of(worker):04d}Z",
            day.isoformat(),
            site_of(worker),
            state.value,
            10**9 + first + at,
            0,
            "[]",
            1,
            0,
            ms_of(day, 7),
            ms_of(day, 7),
            ms_of(day, 8),
        )
        for at, worker in enumerate(workers)
    ]
    insert_rows(connection, schema.presences, _PRESENCE, presences)
    ids = range(first, first + WORKERS)
    insert_rows(
        connection,
        schema.attempts,
        ("presence_id", "call", "request_hash", "sent_ms", "answered_ms", "outcome"),
        ((at, f"call {at // 200}", bytearray(16), ms_of(day, 7), ms_of(day, 7), "registered") for at in ids),
    )
    insert_rows(
        connection,
        schema.receptions,
        ("presence_id", "number", "seen_ms"),
        ((at, 10**9 + at, ms_of(day, 7)) for at in ids),
    )
    _taps(connection, number, day, list(zip(workers, ids, strict=True)), rng.randbytes(60))


def _taps(connection: Connection, number: int, day: date, there: list[tuple[int, int]], body: bytes) -> None:
    a_day = len(_TAPS) * WORKERS // CLOCKS
    for step, (hour, way) in enumerate(_TAPS):
        seqs = [number * a_day + step * (WORKERS // CLOCKS) + at // CLOCKS for at in range(WORKERS)]
        clocks = [1 + at % CLOCKS for at in range(WORKERS)]
        at_ms = ms_of(day, hour)
        insert_rows(
            connection,
            schema.records,
            ("clock_id", "seq", "raw", "sealed", "received_ms"),
            (
                (clock, seq, bytearray(seq.to_bytes(4, "big") + body), 1, at_ms)
                for clock, seq in zip(clocks, seqs, strict=True)
            ),
        )
        insert_rows(
            connection,
            schema.punches,
            (
                "clock_id",
                "seq",
                "site_id",
                "token",
                "direction",
                "utc_ms",
                "state",
                "worker_id",
                "presence_id",
                "received_ms",
            ),
            (
                (
                    clock,
                    seq,
                    site_of(worker),
                    bytearray(token_of[worker]),
                    int(way),
                    at_ms,
                    PunchState.DECLARED.value,
                    worker,
                    presence,
                    at_ms,
                )
                for clock, seq, (worker, presence) in zip(clocks, seqs, there, strict=True)
            ),
        )
        insert_rows(
            connection,
            schema.receipts,
            ("clock_id", "number", "seq", "state", "error_code", "reception_number", "created_ms"),
            ((clock, seq + 1, seq, 2, 0, 10**9, at_ms) for clock, seq in zip(clocks, seqs, strict=True)),
        )


token_of: Final = {worker: token(worker) for worker in range(1, WORKERS + 1)}


def _for_person(connection: Connection, presences: int) -> None:
    """A few that wait, among all the others."""
    for at in range(FOR_PERSON):
        connection.exec_driver_sql(
            "UPDATE presences SET state = 'WAITING', reason = 'day_over' WHERE id = ?",
            (1 + at * presences // FOR_PERSON,),
        )


def ms_of(day: date, hour: int) -> int:
    """Belgian time, to the hour or two."""
    return int(datetime(day.year, day.month, day.day, hour - 2, tzinfo=UTC).timestamp() * 1000)

"""One, two and four workers on PostgreSQL: their rate, the processor time of a record, and gaps.

Each worker is warm before it is measured: every clock was there, and every statement was asked before. A gap is a
record of an honest clock that came before the one it follows: it is refused, and sent again. Apart from scale_bench, so
that its figures are written while these do not come.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select

from badgeclock.bridge.store import schema
from badgeclock.bridge.store.event_log import Kind
from tests.bench.load import Drive, Rig
from tests.bench.scale_bench import (
    BATCH_CLOCKS,
    BATCH_MESSAGES,
    BATCH_RECORDS,
    BATCH_WINDOW,
    SINGLE_CLOCKS,
    SINGLE_MESSAGES,
    SINGLE_WINDOW,
    fleet_of,
    rig_of,
    scaled,
)

WORKERS: Final = (1, 2, 4)
LOADS: Final = {
    "single": (SINGLE_CLOCKS, SINGLE_MESSAGES, SINGLE_WINDOW, 1),
    "batch": (BATCH_CLOCKS, 3 * BATCH_MESSAGES, BATCH_WINDOW, BATCH_RECORDS),
}
"""In batches three times what `scale_bench` sends: each of four workers commits 8,000 records at once, and two commits
are no measurement.
"""
WARM_MESSAGES: Final = {"single": 12, "batch": 2}
"""Of each clock, before those that are measured."""


def measure() -> dict[str, float]:
    """Flat figures; see tests/bench/catalogue.py. Raises TimeoutError if clocks wait for their ACKs in vain."""
    figures: dict[str, float] = {}
    gaps = resent = 0
    for workers in WORKERS:
        with rig_of("postgres", workers) as rig:
            rig.start()
            for load in LOADS:
                again, of_load = _drive(rig, load)
                resent += again
                figures |= {f"bridge.postgres.workers{workers}.{load}.{name}": value for name, value in of_load.items()}
            gaps += _gaps(rig)
    return {**figures, "bridge.false_gaps": gaps, "bridge.resent_messages": resent}


def _drive(rig: Rig, load: str) -> tuple[int, dict[str, float]]:
    """How many messages were sent again, and the figures of a load, from the first message to the last ACK."""
    clocks, messages, window, records = LOADS[load]
    fleet = fleet_of(rig, load, clocks, WARM_MESSAGES[load] + scaled(messages), records)
    for clock in fleet:
        clock.connect(rig)
    drive = Drive(fleet)
    drive.listen(0.5)
    kept = [clock.keep_back(scaled(messages)) for clock in fleet]
    drive.run(window)
    rig.analyze()
    for clock, (packets, ends) in zip(fleet, kept, strict=True):
        clock.packets += packets
        clock.ends += ends
    before = rig.cpu_s("bridge")
    elapsed = drive.run(window)
    spent = rig.cpu_s("bridge") - before
    for clock in fleet:
        clock.check_last_ack()
        assert clock.socket is not None
        clock.socket.close()
    sent = clocks * scaled(messages) * records
    return drive.again, {"per_s": sent / elapsed, "cpu_us": spent / sent * 1e6}


def _gaps(rig: Rig) -> int:
    events = schema.events
    with rig.store.read() as connection:
        return int(
            connection.execute(
                select(func.coalesce(func.sum(events.c.times), 0)).where(events.c.kind == Kind.GAP)
            ).scalar_one()
        )

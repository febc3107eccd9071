"""A grown store (`grown_store`) with a bridge's own keys in it, and clocks that punch into it while it is worked on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import func, select, update

from badgeclock.bridge.operations import data_key_rotation
from badgeclock.bridge.people import employers, sites
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.protocol.record import SEALED_BYTES
from tests.bench import grown_store
from tests.bench.load import Drive, LoadClock, Rig, now_ms
from tests.host.bridge.world import KBO, SITE, SITE_KEY, WORKPLACE

WORKERS: Final = 200
CLOCKS: Final = 20
RESEND_S: Final = 2.0
WINDOW: Final = 4


def rig_on(folder: Path, presences: int) -> Rig:
    """Broker and bridge, not started, on a store of so many presences, and workers with badges to punch with."""
    rig = Rig(folder)
    rig.store.close()
    file = rig.config.parent / "bridge.db"
    for beside in rig.config.parent.glob("bridge.db*"):
        beside.unlink()
    grown_store.place(presences, file)
    rig.store = Store(f"sqlite:///{file}")
    with rig.store.write() as connection:
        employers.add(connection, KBO)
        sites.add(connection, rig.vault, name=SITE, workplace=WORKPLACE, regime=Regime.CONSTRUCTION, site_key=SITE_KEY)
    _close_values(rig)
    _end_chains(rig)
    rig.tokens = rig.employ(WORKERS)
    return rig


def _close_values(rig: Rig) -> None:
    """Give what is empty there, where a bridge has ciphertext, a value under this bridge's data key."""
    with rig.store.write() as connection:
        for table, columns in data_key_rotation.CLOSED.items():
            for row in connection.execute(select(table)).all():
                empty = [it for it in columns if row._asdict()[it.column] == b""]
                if empty:
                    closed = {it.column: rig.vault.close(it.purpose(row), it.place(row), bytes(32)) for it in empty}
                    connection.execute(update(table).where(table.c.id == row.id).values(closed))


def _end_chains(rig: Rig) -> None:
    """Let each clock's chain end where its records do."""
    clocks, records = schema.clocks, schema.records
    with rig.store.write() as connection:
        for clock_id in connection.execute(select(clocks.c.id).where(clocks.c.tag == b"")).scalars().all():
            last = select(func.max(records.c.seq)).where(records.c.clock_id == clock_id).scalar_subquery()
            row = connection.execute(select(records).where(records.c.clock_id == clock_id, records.c.seq == last)).one()
            ends = {"next_seq": row.seq + 1, "tag": bytes(row.raw[SEALED_BYTES:])}
            connection.execute(update(clocks).where(clocks.c.id == clock_id).values(ends))


class Punching:
    """Clocks that punch one badge after another at a rate, until they are stopped and all is acknowledged."""

    def __init__(self, rig: Rig, fleet: Sequence[LoadClock], per_s: float) -> None:
        for clock in fleet:
            clock.connect(rig)
        self._drive = Drive(fleet, RESEND_S)
        self._fleet = fleet
        self._rig = rig
        self._per_s = per_s
        self._failed: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._drive.listen(0.5)
            self._drive.run(WINDOW, self._per_s)
        except BaseException as error:  # noqa: BLE001 - it is raised where the clocks are waited for
            self._failed.append(error)

    @property
    def goes_on(self) -> bool:
        """Whether anything is still to be sent or acknowledged."""
        return self._thread.is_alive()

    def wait(self) -> float:
        """Wait until all is acknowledged; the seconds that the longest wait for an ACK took.

        Raises RuntimeError if a record is missing in the store, or there twice.
        """
        self._thread.join()
        for error in self._failed:
            raise error
        for clock in self._fleet:
            clock.check_last_ack()
            assert clock.socket is not None
            clock.socket.close()
        names = [clock.clock.name for clock in self._fleet]
        expected = sum(clock.clock.state.next_seq for clock in self._fleet)
        records, clocks = schema.records, schema.clocks
        with self._rig.store.read() as connection:
            stored = connection.execute(
                select(func.count()).select_from(records.join(clocks)).where(clocks.c.name.in_(names))
            ).scalar_one()
        if stored != expected:
            raise RuntimeError(f"{stored} records are stored of {expected} that were acknowledged")
        return max(wait for clock in self._fleet for wait in clock.waits)


def fleet_of(rig: Rig, prefix: str, per_s: float, for_s: float) -> list[LoadClock]:
    """Added clocks with punches for `for_s` seconds at `per_s` in total; not connected."""
    fleet = rig.add_clocks(prefix, CLOCKS)
    for clock in fleet:
        clock.seal(max(1, round(per_s * for_s / CLOCKS)), 1, rig.tokens, now_ms())
    return fleet

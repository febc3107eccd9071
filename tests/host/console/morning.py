"""A morning at two sites, a quarter past seven: who has a number, who has none and why, who has not come."""

from __future__ import annotations

import asyncio
import functools
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Table, select
from tests.host.bridge.world import (
    ANNA_UID,
    BRAM_NISS,
    BRAM_UID,
    KBO,
    LUZ_UID,
    SITE,
    STRANGER_UID,
    Clock,
    World,
)
from tests.national_numbers import national_number

from badgeclock.bridge.accounts import accounts, passwords, sessions
from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.people import identities, plans, workers
from badgeclock.bridge.people.plans import Slot
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.settings import ConsoleSettings
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.event_log import Event, Kind, Severity
from badgeclock.bridge.store.states import PresenceState
from badgeclock.bridge.store.vault import Vault
from badgeclock.bridge.web.reach import EVERYTHING, Reach
from badgeclock.console.app import create_app
from badgeclock.console.door import BridgeDoor
from badgeclock.console.live import Watch
from badgeclock.console.openid import Provider
from badgeclock.console.serving import config_of
from badgeclock.protocol.record import Direction, Origin

MONDAY = date(2026, 1, 5)
BRUSSELS = ZoneInfo("Europe/Brussels")
QUAY_9 = "Quay 9"
PASSWORD = "a sentence of six short words"
_VAULT = Vault(b"data key of the tests, 32 bytes.")
WHO = Operator("tests")


def ms(text: str) -> int:
    """A local time of the site, `2026-01-05 07:00`, as ms UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=BRUSSELS).timestamp() * 1000)


class Morning:
    """The bridge's store on that morning, and the console on it; no bridge runs, so that acts go to the store."""

    def __init__(self, folder: Path) -> None:
        (folder / "bridge.db").write_bytes(_filled())
        self.now_ms = ms("2026-01-05 07:15")
        self.url = f"sqlite:///{folder / 'bridge.db'}"
        self.socket = folder / "acts.sock"
        self.vault = _VAULT
        self.office = Store(self.url)
        self.settings = ConsoleSettings(names=("testserver",))
        self.store = Store.for_reading(self.url)
        self.watch = Watch(self.store)

    def app(self, provider: Provider | None = None) -> FastAPI:
        """The console."""
        door = BridgeDoor(self.socket, self.url, self.vault, lambda: self.now_ms)
        return create_app(
            self.store, self.vault, door, self.settings, lambda: self.now_ms, self.watch, provider=provider
        )

    def account(self, name: str, role: Role, reach: Reach = EVERYTHING) -> None:
        """An account whose password is PASSWORD."""
        with self.office.write() as connection:
            accounts.make(connection, name, role, WHO, self.now_ms, reach)
            found = accounts.find(connection, name)
            assert found is not None
            accounts.set_password(connection, found.account, passwords.hashed(PASSWORD), WHO, self.now_ms)

    def session(self, name: str) -> str:
        """The secret of a new session of an account."""
        with self.office.write() as connection:
            found = accounts.find(connection, name)
            assert found is not None
            return sessions.open_session(connection, found.account.id, 12, self.now_ms)

    def rows(self, table: Table) -> list[Any]:
        """Everything in a table."""
        with self.office.read() as connection:
            return list(connection.execute(select(table).order_by(*table.primary_key)).all())

    def punches(self) -> list[str]:
        """The state of each punch."""
        return [row.state for row in self.rows(schema.punches)]

    def refused(self) -> str:
        """The reference of the presence that the authority refused."""
        return next(row.reference for row in self.rows(schema.presences) if row.state == PresenceState.REFUSED)

    def close(self) -> None:
        """Close the store."""
        self.store.close()
        self.office.close()


@functools.cache
def _filled() -> bytes:
    """The file of that store; made once, since it takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        _fill(world)
        world.close()
        return (Path(folder) / "bridge.db").read_bytes()


def _tap(world: World, text: str, uid: bytes, clock: Clock) -> None:
    """A punch by key at a local time, which the bridge gets at once."""
    world.now_ms = clock.utc_ms = ms(text)
    start = [] if clock.sent else clock.start()
    world.punches(*start, clock.punch(uid, Direction.IN, origin=Origin.KEY), clock=clock)


def _fill(world: World) -> None:
    world.now_ms = ms("2026-01-05 06:30")
    other = world.add_site(QUAY_9, "1Y1TEST00002Z", Regime.CONSTRUCTION)
    with world.store.write() as connection:
        for number, name in enumerate(("Dries Proef", "Eva Proef", "Farid Proef"), start=4):
            workers.add(
                connection,
                world.vault,
                reference=f"W-{number:03d}",
                name=name,
                identity=identities.niss(national_number(number)),
                employer_kbo=KBO,
            )
        slots = [Slot(f"W-{number:03d}", 420, 930) for number in (1, 2, 4)]
        plans.put(connection, SITE, MONDAY, [*slots, Slot("W-005", 780, 1020)], WHO, world.now_ms)
    world.authority.refused = {BRAM_NISS}
    _tap(world, "2026-01-05 06:58", ANNA_UID, world.clock)
    _tap(world, "2026-01-05 07:02", BRAM_UID, world.clock)
    _tap(world, "2026-01-05 07:03", STRANGER_UID, world.clock)
    _tap(world, "2026-01-05 07:05", LUZ_UID, other)
    with ThreadPoolExecutor(1) as elsewhere:  # a browser's event loop may run in this thread
        elsewhere.submit(asyncio.run, world.registered(lambda: not {"QUEUED", "SENT"} & set(world.states()))).result()
    happened = Event(Severity.WARNING, Kind.UNKNOWN_CLOCK, "clock-0099 sends, and nobody added it", "clock-0099")
    with world.store.write() as connection:
        event_log.write(connection, [happened], ms("2026-01-05 07:15"))


@contextmanager
def served(morning: Morning) -> Iterator[str]:
    """The console over HTTP on this machine, while the context lasts; gives its address."""
    config = config_of(morning.settings, morning.app())
    config.port = 0
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        morning.watch.end()
        server.should_exit = True
        thread.join()

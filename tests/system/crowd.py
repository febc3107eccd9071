"""Workers with badges for a running stack: as many as a test needs, all invented."""

from __future__ import annotations

import time

from sqlalchemy import func, select

from badgeclock.bridge.people import identities, workers
from badgeclock.bridge.people.badges import assign
from badgeclock.bridge.settings import load
from badgeclock.bridge.store import schema, vault
from badgeclock.bridge.store.database import Store
from badgeclock.demo import cast
from badgeclock.demo.cast import Badge, EndState, Worker
from badgeclock.demo.stack import Stack
from tests.national_numbers import national_number

FIRST_SERIAL = 2_000
UID_PREFIX = 0x5B000000


def enroll(stack: Stack, name: str, count: int) -> list[Badge]:
    """Adds `count` workers with a badge each to the stack's bridge, which may be running or not."""
    settings = load(stack.bridge_config)
    keys = vault.load(settings.secrets.data_key_file)
    store = Store(settings.store.url)
    badges = []
    with store.write() as connection:
        start = connection.execute(select(func.count()).select_from(schema.workers)).scalar_one()
        for number in range(start, start + count):
            worker = Worker(f"{name}-{number}", f"Test {name}", inss=national_number(FIRST_SERIAL + number))
            badge = Badge(worker.reference, worker.reference, f"{UID_PREFIX + number:08X}", worker, EndState.REGISTERED)
            workers.add(
                connection,
                keys,
                reference=worker.reference,
                name=worker.name,
                identity=identities.niss(worker.inss or ""),
                employer_kbo=cast.EMPLOYER_NUMBER,
            )
            assign(
                connection,
                keys,
                site=cast.SITE,
                worker=worker.reference,
                uid=bytes.fromhex(badge.uid),
                now_ms=time.time_ns() // 1_000_000,
            )
            badges.append(badge)
    store.close()
    return badges

"""Whether anything was committed since the last look; and a read-only store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tests.host.bridge.world import BOTH, eventually

from badgeclock.bridge.people import employers
from badgeclock.bridge.store import changes as looking
from badgeclock.bridge.store.changes import Changes, ChangeWatch
from badgeclock.bridge.store.database import Store
from badgeclock.errors import StoreError

DATABASES = BOTH


@pytest.fixture
def reading(database: str) -> Iterator[Store]:
    made = Store.for_reading(database)
    yield made
    made.close()


@pytest.fixture
def writing(database: str) -> Iterator[Store]:
    made = Store(database)
    yield made
    made.close()


def test_a_commit_of_another_program_is_seen_once(reading: Store, writing: Store) -> None:
    changes = Changes(reading)
    assert changes.look()
    for number in ("0438195916", "0999999922"):
        with writing.write() as connection:
            employers.add(connection, number, "Voorbeeld")
        assert changes.look()
    changes.close()


def test_a_store_that_is_open_for_reading_refuses_what_would_change_it(reading: Store) -> None:
    with pytest.raises(StoreError, match=r"readonly|read-only"), reading.write() as connection:
        employers.add(connection, "0438195916", "Voorbeeld")
    with reading.read() as connection:
        assert connection.execute(employers.schema.employers.select()).all() == []


async def test_a_watch_has_another_number_once_something_was_committed(
    reading: Store, writing: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "LOOK_S", 0.01)
    watch = ChangeWatch(reading)
    task = asyncio.create_task(watch.run())
    await eventually(lambda: watch.number() == 1)
    with writing.write() as connection:
        employers.add(connection, "0438195916", "Voorbeeld")
    await eventually(lambda: watch.number() > 1)
    task.cancel()
    await asyncio.wait([task])

"""Fixtures of the bridge's tests.

A test with the fixture `world` or `database` runs on SQLite; where its file says `DATABASES = BOTH`, on PostgreSQL too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.host.bridge.world import World, empty_store
from tests.postgres import Cluster, Copies

from badgeclock.bridge.store import presence_counts, schema


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Once for each database that the file names; fuzzed bytes run on SQLite alone, as they do not reach a database."""
    if "database" in metafunc.fixturenames:
        of_bytes = getattr(metafunc.function, "is_hypothesis_test", False)
        kinds = ("sqlite",) if of_bytes else getattr(metafunc.module, "DATABASES", ("sqlite",))
        metafunc.parametrize("database", kinds, indirect=True)


@pytest.fixture(scope="session")
def copies(cluster: Cluster, migrated: str) -> Copies:
    """Copies of the database with the bridge's tables."""
    return Copies(cluster, migrated)


@pytest.fixture
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Gives the URL of a new database of a kind, without tables."""
    made = []

    def url(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / 'bridge.db'}"
        cluster: Cluster = request.getfixturevalue("cluster")
        made.append(cluster.create())
        return cluster.url(made[-1])

    yield url
    for name in made:
        request.getfixturevalue("cluster").drop(name)


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with the bridge's tables and no rows."""
    if request.param == "sqlite":
        (tmp_path / "bridge.db").write_bytes(empty_store())
        yield f"sqlite:///{tmp_path / 'bridge.db'}"
    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        copies: Copies = request.getfixturevalue("copies")
        name = copies.take()
        yield cluster.url(name)
        copies.give_back(name)


@pytest.fixture
def world(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A bridge with three workers and one clock that has not sent anything yet; its registrar looks around often."""
    monkeypatch.setattr("badgeclock.bridge.registrar.due_work.POLL_S", 0.02)
    made = World(database)
    yield made
    _check_counts(made)
    made.close()


def _check_counts(world: World) -> None:
    """Whatever a test did with presences: they are counted right."""
    table = schema.presences
    with world.store.read() as connection:
        counted = dict(connection.execute(select(table.c.state, func.count()).group_by(table.c.state)).tuples().all())
        kept = presence_counts.by_state(connection)
    assert {state: number for state, number in kept.items() if number} == counted

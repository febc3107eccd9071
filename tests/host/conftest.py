"""The authority's sandbox as a process, one a test module; and the plans of the statements on the bridge's store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgres import Cluster
from tests.query_plans import Grown, Watch
from tests.sandbox_process import SandboxProcess

from badgeclock.bridge.store.database import Store
from badgeclock.sandbox.credentials import kept_in


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path_factory.mktemp("sandbox"), validation_delay_ms=0) as running:
        yield running


@pytest.fixture(scope="session")
def sandbox_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sandbox's keys; made once, for making them takes a while."""
    folder = tmp_path_factory.mktemp("keys") / "made"
    kept_in(folder)
    return folder


@pytest.fixture
def sandbox(process: SandboxProcess) -> SandboxProcess:
    """The module's sandbox without any scripted behaviour."""
    process.control(faults=[], refuse=[], remark=[], not_ours=[], latency_ms=0, validation_delay_ms=0, clock_offset_s=0)
    return process


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server that runs as long as the tests."""
    made = Cluster.careless()
    yield made
    made.close()


@pytest.fixture(scope="session")
def migrated(cluster: Cluster) -> str:
    """A PostgreSQL database with the bridge's tables, to copy."""
    name = cluster.create()
    store = Store(cluster.url(name))
    store.migrate()
    store.close()
    return name


@pytest.fixture(scope="session")
def plans(request: pytest.FixtureRequest) -> Iterator[Watch]:
    """The plans of a store's queries, for as long as the tests run."""
    grown: list[Grown] = []

    def much() -> Grown:
        if not grown:
            grown.append(Grown(request.getfixturevalue("cluster"), request.getfixturevalue("migrated")))
        return grown[0]

    watch = Watch(much)
    yield watch
    watch.close()
    for one in grown:
        one.close()


@pytest.fixture(autouse=True)
def _plan_of_each_statement(plans: Watch) -> Iterator[None]:
    """A test fails if it is the first to run a query that becomes slower every day."""
    plans.found.clear()
    yield
    assert not plans.found, "\n".join(plans.found)

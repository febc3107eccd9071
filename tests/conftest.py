"""Shared by all tests: the checkout's place, a clock that was provisioned once, and the plans of the statements on the
bridge's store.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

from badgeclock.bridge.store.database import Store
from badgeclock.technician import serial_device
from tests import provisioned as clock_to_copy
from tests import statement_places
from tests.postgres import Cluster
from tests.query_plans import Grown, Watch

# No test depends on how long something takes on this machine; an example of hypothesis has 200 ms by default.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parents[1]
_FAULTS = pytest.StashKey[list[str]]()
LONGEST_FIRST = (
    "tests/host/test_provision.py",
    "tests/host/test_bad_surroundings.py",
    "tests/system/test_releases.py",
    "tests/system/test_chip_memory.py",
    "tests/system/test_clock_offline.py",
    "tests/system/test_trace.py",
    "tests/system/test_way_of_a_punch.py",
    "tests/system/test_wheel.py",
    "tests/host/test_virtual_clock.py",
    "tests/host/bridge/test_service.py",
    "tests/system/test_displays.py",
    "tests/host/bridge/attention/test_attention.py",
    "tests/system/test_simulation.py",
    "tests/host/bridge/store/test_stored.py",
    "tests/host/test_broker_subscriptions.py",
    "tests/test_gates.py",
    "tests/host/console/test_browser.py",
    "tests/host/bridge/registrar/test_corrections.py",
    "tests/firmware/test_powercut.py",
    "tests/host/bridge/registrar/test_registrar.py",
    "tests/host/test_acceptance.py",
    "tests/host/bridge/presences/test_forgotten_taps.py",
    "tests/host/test_readme_commands.py",
    "tests/host/bridge/registrar/test_doubt.py",
    "tests/host/bridge/intake/test_thief.py",
    "tests/host/test_retire.py",
    "tests/host/evidence/test_mutations.py",
)
"""The files that take longest, those that wait among those that compute; then come the other system tests, then the
rest. Workers take whole files in this order: with a long file at the end, one worker works while the others are done.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slowest files first. Keep collected tests out of every later garbage collection."""
    ranks = {ROOT / name: rank for rank, name in enumerate(LONGEST_FIRST)}
    gone = [str(path) for path in ranks if not path.is_file()]
    if gone:
        raise pytest.UsageError(f"LONGEST_FIRST of tests/conftest.py names files that are gone: {', '.join(gone)}")
    system = ROOT / "tests" / "system"
    items.sort(key=lambda item: ranks.get(item.path, len(ranks) + (not item.path.is_relative_to(system))))
    gc.collect()
    gc.freeze()


_ran: set[statement_places.Position] = set()
"""Where this run executed statements of the product: in this process, and in the workers that have ended."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option of a run of all tests."""
    parser.addoption(
        statement_places.OPTION, action="store_true", help="fail if a statement of the product was run by no test"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker of pytest-xdist has ended."""
    _ran.update(map(tuple, getattr(node, "workeroutput", {}).get("statement_places", ())))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Compare the places of the product's statements with those that ran, if the tests themselves passed."""
    _ran.update(statement_places.ran())
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["statement_places"] = sorted(_ran)
    elif session.config.getoption(statement_places.OPTION) and session.exitstatus == pytest.ExitCode.OK:
        session.config.stash[_FAULTS] = statement_places.faults(statement_places.places(), _ran)
        if session.config.stash[_FAULTS]:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what that comparison found."""
    if found := config.stash.get(_FAULTS, []):
        terminalreporter.section("statements of the product that no test holds to its plan")
        for line in found:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout's folder."""
    return ROOT


@pytest.fixture(scope="session")
def provisioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clock to copy (tests/provisioned.py); made once a run, for every worker."""
    mine = tmp_path_factory.getbasetemp()
    return clock_to_copy.once(mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine)


@pytest.fixture(autouse=True)
def _patient_with_a_chip(monkeypatch: pytest.MonkeyPatch) -> None:
    """A technician's machine gives a chip four attempts to answer; a virtual chip on a busy machine gets more."""
    monkeypatch.setattr(serial_device, "ATTEMPTS", 12)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command that a test ran in this process sets up the process's logs; the next test has its own."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("gmqtt").setLevel(logging.NOTSET)


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
    assert not watch.found, "\n".join(watch.found)


@pytest.fixture(autouse=True)
def _plan_of_each_statement(plans: Watch) -> Iterator[None]:
    """A test fails if it, or a fixture since the test before, is the first to run a query that becomes slower every
    day.
    """
    yield
    found, plans.found = plans.found, []
    assert not found, "\n".join(found)

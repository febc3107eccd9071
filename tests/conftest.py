"""Shared by all tests: the checkout's place, and a clock that was provisioned once."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from badgeclock.technician import serial_device
from tests import provisioned as clock_to_copy


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout's folder."""
    return Path(__file__).resolve().parents[1]


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

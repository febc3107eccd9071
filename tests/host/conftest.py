"""The authority's sandbox as a process, one a test module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sandbox_process import SandboxProcess

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

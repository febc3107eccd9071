"""Seals verified in another process: the same results, whatever becomes of it."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator

import pytest
from tests.host.bridge.world import STRANGER_UID, Clock

from badgeclock.bridge.intake import seal_process
from badgeclock.bridge.intake.seal_process import SEPARATE_RECORDS, SealProcess, verifier, verify_here
from badgeclock.protocol import seal
from badgeclock.protocol.record import RECORD_BYTES


@pytest.fixture
def process() -> Iterator[SealProcess]:
    made = SealProcess()
    yield made
    made.close()


@pytest.fixture(scope="module")
def chains() -> seal_process.Chains:
    """Ten clocks' chains from their first record on, together more than SEPARATE_RECORDS; every other one is spoilt."""
    chance = random.Random(1)
    made = []
    for number in range(10):
        clock = Clock(f"clock-{number:04d}")
        start = clock.state
        raws = b"".join([*clock.start(), *(clock.punch(STRANGER_UID) for _ in range(SEPARATE_RECORDS // 8))])
        if number % 2:
            at = chance.randrange(len(raws))
            raws = raws[:at] + bytes([raws[at] ^ 1 << chance.randrange(8)]) + raws[at + 1 :]
        made.append((start, raws))
    return made


def comparable(results: list[seal.VerifiedRun]) -> list[tuple[object, ...]]:
    """Results, with refusals by what they say."""
    return [(one.state, one.taken, type(one.refused), str(one.refused)) for one in results]


def process_of(process: SealProcess) -> int:
    """The other process."""
    assert process._process is not None
    return process._process.pid


def test_what_is_verified_apart_is_what_would_be_verified_here(
    process: SealProcess, chains: seal_process.Chains
) -> None:
    assert comparable(process.verify(chains)) == comparable(verify_here(chains))
    assert {
        one.taken == len(raws) // RECORD_BYTES for one, (_, raws) in zip(verify_here(chains), chains, strict=True)
    } == {
        True,
        False,
    }
    first = process_of(process)
    again = [(one.state, b"") for one in verify_here(chains)]
    assert comparable(process.verify([*chains, *again])) == comparable(verify_here([*chains, *again]))
    assert process_of(process) == first


def test_a_few_records_are_verified_here(process: SealProcess, chains: seal_process.Chains) -> None:
    few = chains[:1]
    assert comparable(process.verify(few)) == comparable(verify_here(few))
    assert process._process is None


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_is_killed_or_hangs_costs_no_record(
    process: SealProcess, chains: seal_process.Chains, how: signal.Signals
) -> None:
    process.verify(chains)
    gone = process_of(process)
    assert process._socket is not None
    assert process._socket.gettimeout() == seal_process.ANSWER_S
    process._socket.settimeout(0.3)
    os.kill(gone, how)
    assert comparable(process.verify(chains)) == comparable(verify_here(chains))
    assert comparable(process.verify(chains)) == comparable(verify_here(chains))
    assert process_of(process) != gone


def test_the_process_ends_with_the_one_that_started_it(process: SealProcess, chains: seal_process.Chains) -> None:
    process.verify(chains)
    assert process._process is not None
    assert process._socket is not None
    process._socket.close()
    assert process._process.wait(10) == 0


def test_one_processor_has_nobody_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    verify, _ = verifier()
    assert verify is verify_here

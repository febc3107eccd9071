"""The bridge, killed at any moment while a burst of punches comes in: nothing is lost, and nothing is there twice.

Real processes: broker, bridge (and its workers) and the store's server; clocks on TLS connections of their own, which
send again what is not acknowledged, as the firmware does.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.bench.load import Drive, LoadClock, Rig, now_ms

from badgeclock.bridge.store import schema
from badgeclock.protocol.record import Kind

CLOCKS = 8
RESEND_S = 1.0
QUEUE_MESSAGES = 6
"""So few that the bridge stops reading from the broker again and again."""
STORES = {"sqlite": 1, "postgresql": 2}
"""Kinds of store, and how many workers the bridge has on them."""


@pytest.fixture
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    kind: str = request.param
    cluster = request.getfixturevalue("cluster") if kind == "postgresql" else None
    url = cluster.url(cluster.create()) if cluster else "sqlite:///bridge.db"
    made = Rig(tmp_path, url, STORES[kind], QUEUE_MESSAGES)
    yield made
    made.close()


def stored(rig: Rig) -> dict[str, list[bytes]]:
    """Every record in the store, by clock."""
    records, clocks = schema.records, schema.clocks
    found: dict[str, list[bytes]] = {}
    with rig.store.read() as connection:
        rows = select(clocks.c.name, records.c.raw).join(clocks, clocks.c.id == records.c.clock_id)
        for name, raw in connection.execute(rows.order_by(records.c.clock_id, records.c.seq)):
            found.setdefault(name, []).append(raw)
    return found


def burst(rig: Rig, messages: int) -> list[LoadClock]:
    """Clocks with a burst of messages of different lengths, connected."""
    tokens = rig.employ(20)
    clocks = rig.add_clocks("killed", CLOCKS)
    for clock in clocks:
        for _ in range(messages):
            clock.seal(1, random.choice((1, 1, 3, 20, 63)), tokens, now_ms())
    rig.start()
    for clock in clocks:
        clock.connect(rig)
    return clocks


def expect_all_once(rig: Rig, clocks: list[LoadClock]) -> None:
    """Each clock's records are stored, each once, as they were sealed, and so are the punches and presences of them."""
    found = stored(rig)
    assert found == {clock.clock.name: clock.sealed for clock in clocks}
    punches = sum(raw[1] == Kind.PUNCH for raws in found.values() for raw in raws)
    table = schema.punches
    with rig.store.read() as connection:
        assert connection.execute(select(func.count()).select_from(table)).scalar() == punches
        kinds = set(connection.execute(select(schema.events.c.kind).distinct()).scalars())
    assert not kinds & {"equivocation", "seal_failed", "rollback", "fork", "clone", "skipped"}, kinds
    for clock in clocks:
        clock.check_last_ack()


def kill_and_go_on(rig: Rig, rounds: int, messages: int) -> None:
    """So many kills while clocks send, each after another time; then everything is sent to its end."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    random.seed(seed)
    clocks = burst(rig, messages)
    drive = Drive(clocks, RESEND_S)
    pauses = 0.0
    for _ in range(rounds):
        drive.run(window=4, for_s=random.uniform(0.05, 0.6))
        pauses += rig.metric("intake_pauses")
        rig.kill("bridge")
        found = stored(rig)
        for clock in clocks:
            drive.listen(0)
            assert clock.acked <= len(found.get(clock.clock.name, ())), "what is acknowledged is committed"
        rig.start_bridge()
    drive.run(window=4)
    assert drive.done
    assert pauses + rig.metric("intake_pauses") > 0, "the bridge had more than it would take"
    expect_all_once(rig, clocks)


@pytest.mark.parametrize("rig", list(STORES), indirect=True)
def test_nothing_is_lost_or_doubled_when_the_bridge_is_killed_in_a_burst(rig: Rig) -> None:
    kill_and_go_on(rig, rounds=2 // rig.workers, messages=60)


@pytest.mark.torture
@pytest.mark.parametrize("rig", list(STORES), indirect=True)
def test_nothing_is_lost_or_doubled_over_many_kills(rig: Rig) -> None:
    kill_and_go_on(rig, rounds=60, messages=3000)


@pytest.mark.parametrize("rig", ["postgresql"], indirect=True)
def test_a_worker_that_is_killed_alone_is_started_anew_and_costs_nothing(rig: Rig) -> None:
    clocks = burst(rig, messages=80)
    drive = Drive(clocks, RESEND_S)
    drive.run(window=4, for_s=0.3)
    bridge = rig.processes["bridge"].pid
    (worker,) = Path(f"/proc/{bridge}/task/{bridge}/children").read_text().split()
    os.kill(int(worker), signal.SIGKILL)
    drive.run(window=4)
    rig.wait_ready()
    assert Path(f"/proc/{bridge}/task/{bridge}/children").read_text().split() not in ([], [worker])
    expect_all_once(rig, clocks)

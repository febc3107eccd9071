"""One clock's certificate in a stranger's hands, on the broker as it is set up here: what it costs the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bench.load import Drive, LoadClock, Rig, now_ms, packet, text

WORKERS = 2
NEVER_S = 1e9
GREEDY = [b"$share/bridge/badgeclock/v1/+/punches", b"$share/own/badgeclock/v1/#", b"badgeclock/v1/+/punches", b"#"]
"""What a thief asks for: the group of an earlier version, one of its own, everything."""


@pytest.fixture
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    cluster = request.getfixturevalue("cluster")
    made = Rig(tmp_path, cluster.url(cluster.create()), WORKERS)
    yield made
    made.close()


def ask_for(thief: LoadClock, filters: list[bytes]) -> None:
    assert thief.socket is not None
    for number, wanted in enumerate(filters, start=2):
        thief.socket.sendall(packet(0x82, number.to_bytes(2, "big") + text(wanted) + b"\1"))


def test_a_clock_that_asks_for_the_others_messages_takes_none_of_them(rig: Rig) -> None:
    tokens = rig.employ(20)
    thief, *clocks = rig.add_clocks("clock", 9)
    for clock in clocks:
        clock.seal(40, 1, tokens, now_ms())
    rig.start()
    thief.connect(rig)
    ask_for(thief, GREEDY)
    for clock in clocks:
        clock.connect(rig)
    drive = Drive(clocks, NEVER_S)
    drive.run(window=4, patience_s=30)
    assert drive.done
    for clock in clocks:
        clock.check_last_ack()

"""Open items and corrections, end to end: bridge, its commands and sandbox as processes, clocks on the wire."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.host.bridge.test_service import PATIENCE_S, Site, WireClock, now_ms
from tests.host.bridge.world import ANNA_UID, SITE_KEY, STRANGER_UID, Clock, eventually, token_of

from badgeclock.bridge.attention.reasons import NEEDS
from badgeclock.bridge.clocks import enrolment
from badgeclock.bridge.people import badges, sites
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store import schema
from badgeclock.protocol.frames import ReceiptState
from badgeclock.protocol.record import Direction

HALL = "Hall 3"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path, tmp_path / "credentials")
    yield made
    made.close()


def waiting(site: Site) -> list[dict[str, Any]]:
    """The output of `badgeclock bridge attention`."""
    done = site.command("attention", "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def figures(site: Site) -> dict[str, int]:
    shown = site.get("/metrics").text
    found = re.findall(r'^badgeclock_attention\{reason="(\w+)"\} (\d+)\.0$', shown, flags=re.MULTILINE)
    return {reason: int(count) for reason, count in found}


def hall_clock(site: Site) -> WireClock:
    """A clock of a site that declares movements, where Anna has her badge."""
    clock = Clock("clock-0002", utc_ms=now_ms())
    with site.store.write() as connection:
        sites.add(
            connection,
            site.vault,
            name=HALL,
            workplace="1Y1TEST00003Z",
            regime=Regime.CLEANING,
            site_key=SITE_KEY,
        )
        badges.assign(connection, site.vault, site=HALL, worker="W-001", uid=ANNA_UID, now_ms=now_ms())
        enrolment.add(connection, site.vault, clock.bundle(), site=HALL, now_ms=now_ms())
    return WireClock(site, clock)


def movements(site: Site) -> list[tuple[str, str]]:
    """Way and state of each presence, in the store."""
    with site.store.read() as connection:
        return [(row.way, row.state) for row in connection.execute(schema.presences.select().order_by("id"))]


def at_the_authority(site: Site) -> list[tuple[str, str]]:
    """Way and status of each movement in the sandbox's books."""
    return [(entry["direction"], entry["status"]) for entry in site.sandbox.received()["registrations"]]


async def test_an_unknown_badge_raises_its_hand_and_is_given_away_by_its_punch(site: Site) -> None:
    assert figures(site) == dict.fromkeys(NEEDS, 0)
    wire = site.add("clock-0001")
    wire.clock.start()
    await wire.connect()
    wire.punch(STRANGER_UID)
    await eventually(lambda: wire.done and wire.told().get(2) is ReceiptState.UNKNOWN_BADGE, PATIENCE_S)
    await eventually(lambda: figures(site)["unknown_badge"] == 1, PATIENCE_S)
    row = next(row for row in waiting(site) if row["reason"] == "unknown_badge")
    assert (row["item"], row["code"]) == ("clock-0001/2", token_of(STRANGER_UID)[:2].hex().upper())
    assert "badge_unknown" in [event["kind"] for event in site.get("/api/events").json()]
    assert row in site.get("/api/attention").json()

    given = site.command("badge", "add", "--punch", row["item"], "--worker", "W-002")
    assert given.returncode == 0, given.stderr
    await eventually(lambda: wire.told()[2] is ReceiptState.VALIDATED, PATIENCE_S)
    assert len(site.registrations()) == 1
    assert figures(site)["unknown_badge"] == 0
    await wire.disconnect()


async def test_the_wrong_way_is_cancelled_and_declared_right_though_the_bridge_is_killed_in_between(
    site: Site,
) -> None:
    wire = hall_clock(site)
    wire.clock.start()
    await wire.connect()
    wire.punch(ANNA_UID, direction=Direction.OUT)
    await eventually(lambda: wire.done and wire.told().get(2) is ReceiptState.VALIDATED, PATIENCE_S)
    (row,) = [row for row in waiting(site) if row["reason"] == "assumed_no_in"]

    # The answer to the cancellation never comes: the authority has carried it out, and the bridge is killed.
    site.sandbox.control(faults=[{"kind": "timeout-after-commit", "count": 1, "operation": "cancelInBulk"}])
    site.correct(row["item"], "--way", "in", "--reason", "pressed OUT for IN")
    await eventually(lambda: [status for _, status in at_the_authority(site)] == ["cancelled"], PATIENCE_S)
    site.end("bridge", signal.SIGKILL)
    assert movements(site) == [("out", "CANCELLING")]
    site.start_bridge()
    await eventually(lambda: movements(site) == [("out", "CANCELLED"), ("in", "VALIDATED")], PATIENCE_S)
    assert [way for way, status in at_the_authority(site) if status != "cancelled"] == ["IN"]
    assert len(at_the_authority(site)) == 2
    await wire.disconnect()


async def test_what_the_authority_says_is_too_late_becomes_its_correction_file(site: Site) -> None:
    wire = hall_clock(site)
    wire.clock.start()
    await wire.connect()
    wire.punch(ANNA_UID, direction=Direction.OUT)
    await eventually(lambda: wire.done and wire.told().get(2) is ReceiptState.VALIDATED, PATIENCE_S)
    (row,) = [row for row in waiting(site) if row["reason"] == "assumed_no_in"]
    told = len(wire.receipts)
    site.sandbox.control(clock_offset_s=86_400)
    site.correct(row["item"], "--way", "in", "--reason", "pressed OUT for IN")
    await eventually(lambda: figures(site)["correction_due"] == 1, PATIENCE_S)
    out = site.folder / "file"
    written = site.command("correction", "write", str(out), "--language", "nl")
    assert written.returncode == 0, written.stderr
    (one,) = json.loads((out / "corrections.json").read_text())["corrections"]
    assert (one["as_registered"]["way"], one["as_it_was"]["way"]) == ("out", "in")
    assert one["as_registered"]["reception_number"] == row["reception_number"]
    assert one["punches"][0]["seal"] == wire.clock.sent[2][-16:].hex()
    # It stands as before, and its content check is looked at once more.
    await eventually(lambda: movements(site) == [("out", "VALIDATED")] and len(wire.receipts) > told, PATIENCE_S)
    await wire.disconnect()

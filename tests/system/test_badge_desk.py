"""An operator's desk from a blank card to a revoked badge: broker, bridge, clock and cards together."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from badgeclock.bridge.clocks import badge_desk_jobs
from badgeclock.bridge.clocks.badge_desk_jobs import Job, Kind, Outcome
from badgeclock.bridge.settings import load
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import DeskState
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.demo import cast
from badgeclock.demo.stack import Stack
from badgeclock.protocol import record
from badgeclock.protocol.record import Flag
from badgeclock.technician import firmware
from badgeclock.technician.provision import Broker, Plan, provision
from badgeclock.technician.serial_device import open_device
from tests.provisioned import copied
from tests.system.at_the_reader import gone
from tests.system.heap_meter import HeapMeter

pytestmark = pytest.mark.timeout(300)

ANNAS_CARD, BRAMS_CARD, CARLS_CARD = "04A1B2C3D4E580", "04A1B2C3D4E581", "04A1B2C3D4E582"
HOLD_MS = 800

# Measured at a site of proofs, with the code in place: 2.5 KB more in use within a job, 56 KB free at the lowest, and
# nothing left after it. A job needs 1 KB at most.
LEFT_BYTES_AT_MOST = 512
FREE_BYTES_AT_LEAST = 52 * 1000
PATIENCE_S = 60.0
GONE_S = 1.2  # a reader considers a badge gone after a second
CLOCK = cast.CLOCK_ID


class DeskStack(Stack):
    """A running site whose clock lets badges prove themselves, and whose bridge has the site's badge key."""

    def _provision(self) -> None:
        plan = Plan(
            workshop=self.workshop,
            clock_id=CLOCK,
            firmware=firmware.build(),
            site=cast.SITE,
            broker=Broker("localhost", self._broker_port),
            badges="both",
            badge_ev1="allow",
        )
        with open_device(str(self.directory / "clock" / "tty")) as device:
            provision(device, plan)


@pytest.fixture(scope="module")
def site(provisioned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskStack]:
    with DeskStack(copied(provisioned, tmp_path_factory.mktemp("desk")), latency_ms=50) as running:
        root = running.workshop.badge_root_file(cast.SITE)
        printed(command(running, "bridge", "site", "set", "--name", cast.SITE, "--badge-key", str(root)))
        yield running


@pytest.fixture
def stack(site: DeskStack) -> Iterator[DeskStack]:
    """The same; no card is on the reader, the network is up and the bridge runs, before a test and after it."""
    yield site
    site.control.remove()
    site.control.network_up()
    if not site.bridge.running:
        site.bridge.start()


class Asked:
    """A job requested in the store, as by `badgeclock badge`, without the seconds a process takes."""

    def __init__(self, stack: DeskStack, kind: Kind, worker: str | None = None) -> None:
        self._stack = stack
        with opened(stack) as store, store.write() as connection:
            self._id = badge_desk_jobs.ask(
                connection, clock=CLOCK, kind=kind, worker=worker, asked_by="desk officer", now_ms=wall_clock_ms()
            )

    def outcome(self, state: DeskState = DeskState.DONE) -> Outcome:
        """How it ended; it must end in that state."""
        wait_until(lambda: self._job().state not in badge_desk_jobs.OPEN, "the job at its end")
        job = self._job()
        assert job.state is state, job
        assert job.outcome is not None
        return job.outcome

    def _job(self) -> Job:
        with opened(self._stack) as store, store.read() as connection:
            return badge_desk_jobs.find(connection, self._id)


@contextmanager
def opened(stack: DeskStack) -> Iterator[Store]:
    store = Store(load(stack.bridge_config).store.url)
    try:
        yield store
    finally:
        store.close()


def command(stack: DeskStack, *arguments: str) -> subprocess.Popen[str]:
    """An operator's command."""
    line = [sys.executable, "-m", "badgeclock.cli.main", *arguments, "--config", str(stack.bridge_config)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def printed(process: subprocess.Popen[str]) -> str:
    """A command's output; it must succeed."""
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 0, (out, err)
    return out


def lay(stack: DeskStack, card: str, kind: str | None = None, frames: float | None = None) -> None:
    """Lay a card on the reader as soon as the clock requests it."""
    stack.control.wait_text("Lay the badge", timeout=PATIENCE_S)
    stack.control.hold(card, kind=kind, frames=frames)


def lifted(stack: DeskStack) -> None:
    """Take the card away, and wait until the clock serves again."""
    stack.control.remove()
    stack.control.wait_text("Hold your badge", timeout=PATIENCE_S)
    gone(stack.control, GONE_S)


def wait_until(met: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:.0f} s: {what}"
        time.sleep(0.1)


def newest(stack: DeskStack, after: int) -> list[dict[str, Any]]:
    """The punches above a seq."""
    return [punch for punch in stack.punches() if punch["seq"] > after]


def last_seq(stack: DeskStack) -> int:
    return max((punch["seq"] for punch in stack.punches()), default=-1)


def session_of(stack: DeskStack) -> bytes | None:
    """The session of the clock's connection, as the bridge has it; None while it is not connected."""
    with opened(stack) as store, store.read() as connection:
        row = connection.execute(select(schema.clocks.c.online, schema.clocks.c.session)).one()
    return bytes(row.session) if row.online else None


def flags_of(stack: DeskStack, seq: int) -> int:
    """The flags of the clock's record, as the bridge keeps it."""
    with opened(stack) as store, store.read() as connection:
        raw = connection.execute(select(schema.records.c.raw).where(schema.records.c.seq == seq)).scalar_one()
    return record.unpack(raw).flags


def tap(stack: DeskStack, card: str) -> dict[str, Any]:
    """Tap a badge; its punch, once it has come to an end in the bridge."""
    before = last_seq(stack)
    stack.control.tap(card, HOLD_MS)
    ends = {"REGISTERED", "VALIDATED", "UNASSIGNED", "DUPLICATE"}
    wait_until(lambda: any(punch["state"] in ends for punch in newest(stack, before)), "the punch at its end")
    (punch,) = newest(stack, before)
    return punch


def test_a_blank_card_becomes_a_badge_that_punches_and_is_unknown_once_it_is_taken_back(stack: DeskStack) -> None:
    before = last_seq(stack)
    issuing = command(stack, "badge", "issue", "--clock", CLOCK, "--worker", "W-001", "--by", "desk officer", "--json")
    lay(stack, ANNAS_CARD, "desfire-ev2")
    issued = json.loads(printed(issuing))
    assert issued["what"] == "the card is a badge of W-001 now"
    lifted(stack)
    assert newest(stack, before) == [], "the card lay on the reader, and was no punch"

    punch = tap(stack, ANNAS_CARD)
    assert punch["worker"]["reference"] == "W-001"
    assert punch["state"] in {"REGISTERED", "VALIDATED"}
    assert flags_of(stack, punch["seq"]) & Flag.PROVED

    reading = command(stack, "badge", "read", "--clock", CLOCK, "--json")
    lay(stack, ANNAS_CARD)
    told = json.loads(printed(reading))
    assert (told["worker"], told["badge"], told["genuine"]) == ("W-001", issued["badge"], True)
    assert told["card"] == issued["card"]
    lifted(stack)

    printed(command(stack, "badge", "revoke", "--worker", "W-001", "--badge", str(issued["badge"])))
    stack.control.press("out")  # so soon after the first it would be a duplicate otherwise
    stack.control.wait_text("OUT", timeout=PATIENCE_S)
    punch = tap(stack, ANNAS_CARD)
    assert (punch["state"], punch["worker"]) == ("UNASSIGNED", None)
    stack.control.wait_text("Unknown badge", timeout=PATIENCE_S)
    assert flags_of(stack, punch["seq"]) & Flag.PROVED


def test_a_card_that_is_pulled_away_is_finished_and_kept_from_others(stack: DeskStack) -> None:
    stack.control.wait_text("Hold your badge", timeout=PATIENCE_S)
    issuing = Asked(stack, Kind.ISSUE, "W-002")
    lay(stack, BRAMS_CARD, "desfire-ev1", frames=21.5)
    stack.control.wait_text("Keep it there", timeout=PATIENCE_S)
    lay(stack, BRAMS_CARD)
    assert issuing.outcome().worker == "W-002"
    lifted(stack)
    another = Asked(stack, Kind.ISSUE, "W-001")
    lay(stack, BRAMS_CARD)
    assert "badge of W-002" in another.outcome(DeskState.FAILED).what
    stack.control.wait_text("Not finished", timeout=PATIENCE_S)
    lifted(stack)


def test_a_badge_that_only_has_a_uid_is_told_as_such_and_is_no_punch_at_the_desk(stack: DeskStack) -> None:
    stack.control.wait_text("Hold your badge", timeout=PATIENCE_S)
    before = last_seq(stack)
    anna = next(badge for badge in cast.BADGES if badge.key == "anna")
    reading = Asked(stack, Kind.READ)
    lay(stack, anna.uid)
    told = reading.outcome()
    assert (told.worker, told.genuine, told.card) == ("W-001", False, f"••••{anna.uid[-2:].lower()}")
    lifted(stack)
    assert newest(stack, before) == []
    assert tap(stack, anna.uid)["worker"]["reference"] == "W-001"


def test_a_bridge_that_is_killed_leaves_a_job_that_can_be_asked_for_again(stack: DeskStack) -> None:
    stack.control.wait_text("Hold your badge", timeout=PATIENCE_S)
    issuing = Asked(stack, Kind.ISSUE, "W-001")
    stack.control.wait_text("Lay the badge", timeout=PATIENCE_S)
    stack.bridge.kill()
    stack.bridge.start()
    assert "the bridge was restarted" in issuing.outcome(DeskState.INTERRUPTED).what
    again = Asked(stack, Kind.ISSUE, "W-001")
    stack.control.hold(CARLS_CARD, kind="desfire-ev3")  # the clock is still in issue mode: the new job takes it over
    assert again.outcome().what == "the card is a badge of W-001 now"
    lifted(stack)


def test_a_clock_without_network_leaves_issue_mode_and_takes_punches(stack: DeskStack) -> None:
    stack.control.wait_text("Hold your badge", timeout=PATIENCE_S)
    before = last_seq(stack)
    luz = next(badge for badge in cast.BADGES if badge.key == "luz")
    issuing = Asked(stack, Kind.ISSUE, "W-001")
    stack.control.wait_text("Lay the badge", timeout=PATIENCE_S)
    stack.control.network_down()
    stack.control.wait_text("Not finished", timeout=PATIENCE_S)
    stack.control.tap(luz.uid, HOLD_MS)
    stack.control.wait_text("sent later", timeout=PATIENCE_S)
    stack.control.network_up()
    issuing.outcome(DeskState.INTERRUPTED)
    wait_until(lambda: bool(newest(stack, before)), "the punch that was made offline")


@pytest.mark.torture
def test_issue_mode_fits_the_heap_and_gives_back_what_it_took(stack: DeskStack) -> None:
    card = "04A1B2C3D4E583"
    before = session_of(stack)
    meter = HeapMeter(stack)
    wait_until(lambda: session_of(stack) not in (before, None), "the bridge has noticed that the clock is back")
    issuing = Asked(stack, Kind.ISSUE, "W-001")  # the first job brings names that stay
    lay(stack, card, "desfire-ev2")
    issuing.outcome()
    lifted(stack)
    idle = meter.settled()
    reading = Asked(stack, Kind.READ)
    stack.control.wait_text("Lay the badge", timeout=PATIENCE_S)
    within = meter.settled()
    stack.control.hold(card)
    assert reading.outcome().genuine
    lifted(stack)
    after = meter.settled()
    low = min(meter.samples(), key=lambda sample: sample.free)
    print("heap:", "idle", idle, "within", within, "after", after, "lowest", low, "modules", meter.module_bytes)
    assert abs(after.used - idle.used) < LEFT_BYTES_AT_MOST, (idle, after)
    assert low.free >= FREE_BYTES_AT_LEAST, low
    assert "MemoryError" not in meter.console()


def test_nothing_of_a_badge_or_a_key_stands_in_any_log(stack: DeskStack) -> None:
    root = stack.workshop.badge_root(cast.SITE)
    secrets = [ANNAS_CARD, BRAMS_CARD, CARLS_CARD, root.secret.hex(), root.identity.hex()]
    for name, memory in json.loads((stack.directory / "clock" / "cards.json").read_text()).items():
        if application := memory["applications"].get("4314bc"):
            secrets.append(application["files"]["1"][2][2:18])  # a badge number
            keys = root.card(bytes.fromhex(name.partition(":")[2]), bytes.fromhex(application["files"]["2"][2]))
            secrets += [keys.picc.hex(), keys.application.hex(), keys.reading.hex(), keys.check.hex()]
    assert len(secrets) > 5 + 12
    for log in [*(stack.directory / "logs").iterdir(), stack.directory / "clock" / "console.log"]:
        text = log.read_bytes().lower()
        for secret in secrets:
            assert secret.lower().encode() not in text, f"{log.name} holds what it must not"

"""5,000 badges on their way to a clock where workers badge, and settings from the office: on real processes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from sqlalchemy import select

from badgeclock.bridge.clocks import remote_settings
from badgeclock.bridge.people import workers
from badgeclock.bridge.settings import load
from badgeclock.bridge.store import schema, vault
from badgeclock.demo import cast
from badgeclock.demo.stack import Stack
from badgeclock.protocol import record
from badgeclock.protocol.record import Flag
from badgeclock.toolchain.places import ROOT
from tests.system.chaos_stack import tap_to_signal_ms
from tests.system.crowd import enroll
from tests.system.roster_crowd import crowd, has_roster, in_use, now_ms, shown, writing

pytestmark = [pytest.mark.timeout(400), pytest.mark.torture]

BADGES = 5_000
PARTS = 52
PATIENCE_S = 120.0
CUT_AFTER_BYTES = 25_000
DUTCH = json.loads((ROOT / "firmware" / "lang" / "nl.json").read_text())
STRANGER = "04d1e2f3a4b5c6"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("rosters"), latency_ms=50) as running:
        yield running


def wait_until(met: Callable[[], bool], what: str, stack: Stack) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:.0f} s: {what}; now {shown(stack)}"
        time.sleep(0.2)


def metric(stack: Stack, name: str) -> float:
    text = httpx.get(f"http://127.0.0.1:{stack._http_port}/metrics", timeout=5, trust_env=False).text
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"badgeclock_{name} "))


def newest_record(stack: Stack) -> record.Record:
    with writing(stack) as connection:
        raw = connection.execute(
            select(schema.records.c.raw).order_by(schema.records.c.seq.desc()).limit(1)
        ).scalar_one()
    return record.unpack(bytes(raw))


def test_a_badge_that_nobody_was_given_is_told_so_at_once_kept_and_flagged(stack: Stack) -> None:
    wait_until(lambda: has_roster(stack, in_use(stack)), "the first roster in use", stack)
    stack.stations["network"].stop()
    stack.control.wait_text("No", timeout=30)
    tap = stack.control.tap(STRANGER, 300)
    stack.control.signal_after(tap)
    stack.control.wait_text("Unknown badge", timeout=5)
    stack.stations["network"].start()
    stack.wait_online()
    wait_until(lambda: bool(newest_record(stack).flags & Flag.UNKNOWN_BADGE), "the flagged record in the store", stack)


def test_a_worker_reads_their_own_language(stack: Stack) -> None:
    (badge,) = enroll(stack, "dutch", 1)
    assert badge.worker is not None
    keys = vault.load(load(stack.bridge_config).secrets.data_key_file)
    with writing(stack) as connection:
        workers.change(connection, keys, badge.worker.reference, language="nl", by="tests", now_ms=now_ms())
    wait_until(lambda: has_roster(stack, in_use(stack)), "the roster with the language", stack)
    stack.control.tap(badge.uid, 300)
    stack.control.wait_text(DUTCH["kept"], timeout=10)


def test_five_thousand_badges_come_while_workers_badge_and_after_a_power_cut_from_where_they_were(stack: Stack) -> None:
    badges = enroll(stack, "crowd", 4)
    before = metric(stack, "roster_parts_sent")
    started = stack.control.events()[-1]["id"]
    stack.control.cut_after(CUT_AFTER_BYTES)
    crowd(stack, BADGES - in_use(stack))
    assert stack.control.wait_event("power", after=started, timeout=90)["why"] == "cut"
    stack.control.plug_in()
    stack.wait_online()
    assert shown(stack)["roster_entries"] < BADGES
    for badge in badges:
        assert tap_to_signal_ms(stack, [badge.uid], 0.7)
    wait_until(lambda: has_roster(stack, BADGES), "the roster of 5,000 in use", stack)
    assert metric(stack, "roster_parts_sent") - before < PARTS + 20, "it went on where it was"
    stack.control.tap(badges[0].uid, 300)
    stack.control.wait_text("#", timeout=10)


def test_settings_from_the_office_are_taken_with_a_restart_or_refused_with_the_reason(stack: Stack) -> None:
    def order(**changes: object) -> None:
        with writing(stack) as connection:
            remote_settings.order(connection, cast.CLOCK_ID, changes, by="tests", now_ms=now_ms())

    order(language="xx")
    wait_until(lambda: shown(stack)["settings_refused"] is not None, "a refusal", stack)
    assert "lang/xx.json is missing" in shown(stack)["settings_refused"]
    assert shown(stack)["settings_told"] == 0
    order(language="en", site="North gate", message_s=3)
    wait_until(lambda: shown(stack)["settings_told"] == shown(stack)["settings_version"], "the settings in use", stack)
    stack.control.wait_text("North gate", timeout=30)
    wait_until(lambda: newest_record(stack).kind == record.Kind.CONFIG, "the change on record", stack)

"""The whole system under faults: tapped through each of them, without a resolver, and by seed.

A fault stays until the test lifts it, so a tap that waited for the network would get no signal. A few seeds run here;
many under `make torture`, or the one that failed:

    BADGECLOCK_SEEDS=17 python -m pytest tests/system/test_simulation.py -m torture

The totals are in build/sim.json.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from badgeclock.chaos.proxy import ChaosProxy
from badgeclock.demo import cast
from badgeclock.demo.cast import Badge
from badgeclock.demo.stack import Stack
from tests.provisioned import copied
from tests.system.chaos_stack import (
    expect_stored,
    signal_ms,
    stack_through_proxy,
    stored_punches,
    stored_records,
    tap_to_signal_ms,
)
from tests.system.crowd import enroll
from tests.system.simulation import AIR, NETWORK, Outcome, World, broken_chain, plan, write_summary
from tests.system.uplink_rig import Keys

FEW = [1]
MANY = range(100, 140)

BADGES = 8
PERIOD_S = 0.4

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Setting:
    """A stack, the proxy before its broker, and badges for its clock."""

    stack: Stack
    proxy: ChaosProxy
    badges: list[Badge]


def asked_for() -> list[int]:
    """The seeds of BADGECLOCK_SEEDS, such as `17` or `17 18`; else MANY."""
    return [int(seed) for seed in os.environ.get("BADGECLOCK_SEEDS", "").split()] or list(MANY)


@pytest.fixture(scope="module")
def setting(provisioned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    with stack_through_proxy(copied(provisioned, tmp_path_factory.mktemp("stack"))) as (stack, proxy):
        yield Setting(stack, proxy, enroll(stack, "chaos", BADGES))


@pytest.fixture(scope="module")
def world(setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(setting.stack, setting.proxy, tmp_path_factory.mktemp("simulation"))
    yield world
    world.close()


@pytest.fixture(scope="module")
def outcomes() -> Iterator[list[Outcome]]:
    """The results of the seeds; written at the end."""
    outcomes: list[Outcome] = []
    yield outcomes
    write_summary(outcomes)


# --- the whole firmware, tap by tap ---


def test_every_tap_is_signalled_and_arrives_once_whatever_the_network_does(
    setting: Setting,
) -> None:
    stack, proxy, badges = setting.stack, setting.proxy, setting.badges
    before = len(stored_punches(stack))
    uids = [badge.uid for badge in badges]
    late: dict[str, float] = {}
    turn = 0
    for fault in NETWORK:
        proxy.turn(fault)
        chosen = [uids[(turn + index) % BADGES] for index in range(2)]
        turn += 2
        late[fault] = max(tap_to_signal_ms(stack, chosen, PERIOD_S))
    proxy.turn("none")
    stack.wait_online()
    seqs = expect_stored(stack, before + turn)
    assert len(seqs) == len(set(seqs)) == before + turn
    assert seqs == sorted(seqs)
    assert len(proxy.counts) > 3, "backoff may pass a fault by, but hardly all of them"
    print({fault: f"{ms:.0f} ms" for fault, ms in late.items()}, proxy.counts)


@pytest.mark.parametrize(
    ("events", "began"),
    [
        ([("tone_on", 709)], None),
        ([("selected", 7)], None),
        ([("selected", 6), ("tone_on", 554)], None),
        ([("selected", 7), ("tone_on", 4000)], None),
        ([("tone_on", 709), ("selected", 7), ("tone_on", 554)], 2.0),
        ([("selected", 7), ("tone_on", 554), ("tone_on", 709)], 1.0),
    ],
)
def test_a_signal_is_the_first_one_that_sounds_once_the_badge_was_read(
    events: list[tuple[str, int]], began: float | None
) -> None:
    """The second tone of the punch before may come as late as when the next badge is on the reader."""
    listed = [{"kind": kind, "tap": of, "freq": of, "t_ms": float(at)} for at, (kind, of) in enumerate(events)]
    assert signal_ms(listed, 7) == began


def test_a_name_server_without_a_right_answer_delays_no_tap_and_the_clock_comes_online_when_it_has_one(
    setting: Setting,
) -> None:
    stack, proxy, badges = setting.stack, setting.proxy, setting.badges
    before = len(stored_punches(stack))
    stack.control.plug_out()
    stack.control.network("deaf-dns")
    accepted = proxy.accepted
    stack.control.plug_in()
    stack.control.wait_text("No server", timeout=30)
    for turn, mood in enumerate(("deaf-dns", "rubbish-dns", "nameless-dns")):
        stack.control.network(mood)
        chosen = [badges[(4 * turn + index) % BADGES].uid for index in range(4)]
        late = tap_to_signal_ms(stack, chosen, PERIOD_S)
        stack.control.wait_text("No server", timeout=30)
        print(mood, [f"{ms:.0f} ms" for ms in late])
    assert proxy.accepted == accepted, "the clock had an address"
    stack.control.network_up()
    stack.wait_online()
    expect_stored(stack, before + 12)


# --- by seed ---


def test_a_seed_gives_the_same_plan_again_and_another_seed_another() -> None:
    assert plan(5) == plan(5) != plan(6)
    assert {step.what for seed in range(20) for step in plan(seed)} == {
        "tap",
        "network",
        "air",
        "power",
        "station",
        "authority",
    }
    assert {step.how for seed in range(60) for step in plan(seed) if step.what == "air"} == set(AIR)


def test_the_judge_sees_a_lost_punch_a_changed_record_and_a_gap(setting: Setting) -> None:
    """On the virtual clock's own chain, which is whole."""
    bundle = setting.stack.workshop.bundle(cast.CLOCK_ID)
    assert bundle is not None
    keys = Keys(cast.CLOCK_ID, bundle.genesis_nonce, bundle.e0, bundle.link_key)
    before = len(stored_punches(setting.stack))
    tap_to_signal_ms(setting.stack, [setting.badges[0].uid], PERIOD_S)
    expect_stored(setting.stack, before + 1)
    raws = stored_records(setting.stack)
    assert broken_chain(keys, stored_punches(setting.stack), raws) == []
    assert "not stored: [7000]" in broken_chain(keys, [7000], raws)[0]
    for at in (0, len(raws) - 1):
        changed = [*raws[:at], raws[at][:30] + bytes([raws[at][30] ^ 1]) + raws[at][31:], *raws[at + 1 :]]
        assert f"record {at} does not verify" in broken_chain(keys, [], changed)[0]
    assert "does not verify" in broken_chain(keys, [], [raws[0], *raws[2:]])[0]
    assert "does not verify" in broken_chain(keys, [], [*raws, raws[-1]])[0]


@pytest.mark.parametrize("seed", FEW)
def test_no_punch_is_lost_doubled_or_falsified(world: World, outcomes: list[Outcome], seed: int) -> None:
    check(world, outcomes, seed)


@pytest.mark.torture
@pytest.mark.parametrize("seed", asked_for())
def test_no_punch_is_lost_doubled_or_falsified_under_many_seeds(
    world: World, outcomes: list[Outcome], seed: int
) -> None:
    check(world, outcomes, seed)


def check(world: World, outcomes: list[Outcome], seed: int) -> None:
    outcome = world.run(seed)
    outcomes.append(outcome)
    print(f"seed {seed}: {outcome.signalled} punches signalled, {dict(outcome.injected)}")
    if outcome.broken:
        pytest.fail(f"seed {seed}: {outcome.broken}\nwhat there is of it: {world.keep_evidence(seed)}")

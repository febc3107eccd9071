"""The whole firmware on a virtual clock, tapped through every fault and through a resolver that never answers.

A fault stays until the test lifts it, so a tap that waited for the network would get no signal.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from badgeclock.chaos.faults import FAULTS
from badgeclock.chaos.proxy import ChaosProxy
from badgeclock.demo.cast import Badge
from badgeclock.demo.stack import Stack
from tests.system.chaos_stack import expect_stored, stack_through_proxy, stored_punches, tap_to_signal_ms
from tests.system.crowd import enroll

pytestmark = pytest.mark.timeout(240)

BADGES = 8
PERIOD_S = 0.4


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, ChaosProxy, list[Badge]]]:
    with stack_through_proxy(tmp_path_factory.mktemp("chaos")) as (stack, proxy):
        yield stack, proxy, enroll(stack, "chaos", BADGES)


def test_every_tap_is_signalled_and_arrives_once_whatever_the_network_does(
    setting: tuple[Stack, ChaosProxy, list[Badge]],
) -> None:
    stack, proxy, badges = setting
    before = len(stored_punches(stack))
    uids = [badge.uid for badge in badges]
    late: dict[str, float] = {}
    turn = 0
    for fault in FAULTS:
        proxy.turn(fault)
        chosen = [uids[(turn + index) % BADGES] for index in range(3)]
        turn += 3
        late[fault] = max(tap_to_signal_ms(stack, chosen, PERIOD_S))
    proxy.turn("none")
    stack.wait_online()
    seqs = expect_stored(stack, before + turn)
    assert len(seqs) == len(set(seqs)) == before + turn
    assert seqs == sorted(seqs)
    assert len(proxy.counts) > 3, "backoff may pass a fault by, but hardly all of them"
    print({fault: f"{ms:.0f} ms" for fault, ms in late.items()}, proxy.counts)


def test_a_resolver_that_never_answers_delays_no_tap_and_the_clock_comes_online_when_it_does(
    setting: tuple[Stack, ChaosProxy, list[Badge]],
) -> None:
    stack, proxy, badges = setting
    before = len(stored_punches(stack))
    stack.door.plug_out()
    stack.door.network("deaf-dns")
    accepted = proxy.accepted
    stack.door.plug_in()
    stack.door.wait_text("No server", timeout=30)
    late = tap_to_signal_ms(stack, [badge.uid for badge in badges[:4]], PERIOD_S)
    stack.door.wait_text("No server", timeout=30)
    assert proxy.accepted == accepted, "the clock had an address"
    stack.door.network_up()
    stack.wait_online()
    expect_stored(stack, before + 4)
    print("deaf resolver:", [f"{ms:.0f} ms" for ms in late])

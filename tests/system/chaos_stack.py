"""The whole stack with the fault proxy between the clock and its broker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import select

from badgeclock.bridge import schema
from badgeclock.bridge.settings import load
from badgeclock.bridge.store import Store
from badgeclock.chaos.proxy import ChaosProxy
from badgeclock.demo.stack import Stack
from badgeclock.protocol.record import Kind, unpack

HOLD_MS: Final = 120
PATIENCE_S: Final = 90.0

# What firmware/app/signals.py plays first for a punch that was kept, or came twice.
SIGNALS_HZ: Final = frozenset({440, 554, 698, 709})


@contextmanager
def stack_through_proxy(folder: Path, seed: int = 1) -> Iterator[tuple[Stack, ChaosProxy]]:
    """A running stack whose clock reaches the broker through the proxy, without a fault yet."""
    stack = Stack(folder, latency_ms=50)
    with ChaosProxy(stack.broker_address, workshop=stack.workshop, seed=seed) as proxy:
        stack.clock_broker_port = proxy.port
        with stack:
            yield stack, proxy


def tap_to_signal_ms(stack: Stack, uids: list[str], period_s: float) -> list[float]:
    """Taps the badges one after another; ms from each badge in the field to its signal. Raises AssertionError if one
    has none.
    """
    taps = []
    for uid in uids:
        started = time.monotonic()
        taps.append(stack.door.tap(uid, HOLD_MS))
        time.sleep(max(0.0, period_s - (time.monotonic() - started)))
    stack.door.signal_after(taps[-1])
    tones = [
        (event["id"], float(event["t_ms"]))
        for event in stack.door.events(taps[0].id)
        if event["kind"] == "tone_on" and event["freq"] in SIGNALS_HZ
    ]
    found = []
    for tap, following in zip(taps, [*taps[1:], None], strict=True):
        own = [t_ms for number, t_ms in tones if number > tap.id and (following is None or number < following.id)]
        assert own, f"no signal for tap {tap.id}"
        found.append(own[0] - tap.t_field)
    return found


def stored_punches(stack: Stack) -> list[int]:
    """The seqs of the punches in the bridge's store, ascending."""
    store = Store(load(stack.bridge_config).store.url)
    try:
        with store.read() as connection:
            rows = connection.execute(select(schema.records.c.raw).order_by(schema.records.c.seq)).scalars().all()
    finally:
        store.close()
    return [record.seq for record in map(unpack, rows) if record.kind == Kind.PUNCH]


def expect_stored(stack: Stack, count: int) -> list[int]:
    """Waits until the bridge has that many punches; their seqs. Raises AssertionError."""
    deadline = time.monotonic() + PATIENCE_S
    while len(found := stored_punches(stack)) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} punches came; {stack.door.screen_text()}"
        time.sleep(0.2)
    return found

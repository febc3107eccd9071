"""The whole stack with the fault proxy between the clock and its broker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from badgeclock.bridge.settings import load
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.chaos.proxy import ChaosProxy
from badgeclock.demo import cast
from badgeclock.demo.stack import Stack
from badgeclock.protocol.record import Kind, unpack

PATIENCE_S: Final = 90.0
SIGNAL_PATIENCE_S: Final = 20.0
QUIET_MS: Final = 150
"""Longer than the silences within what a punch or a receipt sounds like (firmware/app/ui/signals.py: 60 ms at most)."""

# What firmware/app/ui/signals.py plays first for a punch that was kept, came twice, or is of a badge that the clock's
# roster does not have yet.
SIGNALS_HZ: Final = frozenset({220, 440, 554, 698, 709})


@contextmanager
def stack_through_proxy(folder: Path, seed: int = 1) -> Iterator[tuple[Stack, ChaosProxy]]:
    """A running stack whose clock reaches the broker through the proxy, without a fault yet."""
    stack = Stack(folder, latency_ms=50)
    with ChaosProxy(stack.broker_address, workshop=stack.workshop, seed=seed) as proxy:
        stack.clock_broker_port = proxy.port
        with stack:
            yield stack, proxy


def tap_to_signal_ms(stack: Stack, uids: list[str], period_s: float) -> list[float]:
    """Holds the badges to the reader one after another, each until its signal as a worker does; ms from each badge in
    the field to its signal. Raises AssertionError if one has none.
    """
    return [_held(stack, uid, period_s) for uid in uids]


def _held(stack: Stack, uid: str, period_s: float) -> float:
    _wait_quiet(stack)
    started = time.monotonic()
    tap = stack.control.hold(uid)
    while (signal := signal_ms(stack.control.events(tap.id), tap.id)) is None:
        assert time.monotonic() - started < SIGNAL_PATIENCE_S, (
            f"no signal for tap {tap.id}: {stack.control.events(tap.id)}"
        )
        time.sleep(0.01)
    stack.control.remove()
    time.sleep(max(0.0, period_s - (time.monotonic() - started)))
    return signal - tap.t_field


def _wait_quiet(stack: Stack) -> None:
    """Returns once nothing has sounded for QUIET_MS: the next tone does not belong to the signal before."""
    deadline = time.monotonic() + SIGNAL_PATIENCE_S
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < QUIET_MS / 1000:
        assert time.monotonic() < deadline, "the clock does not stop sounding"
        time.sleep(0.01)
        if stack.control.tone_hz():
            quiet_since = time.monotonic()


def signal_ms(events: list[dict[str, Any]], tap: int) -> float | None:
    """When the signal of the tap with that id began, by the board's events since; None if it has not yet.

    What sounds before the reader has the badge's UID is not about it: on a machine that is busy the second tone of the
    punch before may come as late as that, and a receipt that refuses an earlier punch comes when it likes.
    """
    selected = False
    for event in events:
        selected = selected or (event["kind"] == "selected" and event["tap"] == tap)
        if selected and event["kind"] == "tone_on" and event["freq"] in SIGNALS_HZ:
            return float(event["t_ms"])
    return None


def stored_records(stack: Stack) -> list[bytes]:
    """The virtual clock's records in the bridge's store, 64 bytes each, ascending."""
    store = Store(load(stack.bridge_config).store.url)
    try:
        with store.read() as connection:
            return list(
                connection.execute(
                    select(schema.records.c.raw)
                    .join(schema.clocks, schema.clocks.c.id == schema.records.c.clock_id)
                    .where(schema.clocks.c.name == cast.CLOCK_ID)
                    .order_by(schema.records.c.seq)
                ).scalars()
            )
    finally:
        store.close()


def stored_punches(stack: Stack) -> list[int]:
    """The seqs of the punches among them."""
    return [record.seq for record in map(unpack, stored_records(stack)) if record.kind == Kind.PUNCH]


def expect_stored(stack: Stack, count: int) -> list[int]:
    """Waits until the bridge has that many punches; their seqs. Raises AssertionError."""
    deadline = time.monotonic() + PATIENCE_S
    while len(found := stored_punches(stack)) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} punches came; {stack.control.screen_text()}"
        time.sleep(0.2)
    return found

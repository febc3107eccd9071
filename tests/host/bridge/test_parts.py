"""The running parts of a process: how they end, in which order, and the handling of their errors."""

from __future__ import annotations

import asyncio
import random

import pytest

from badgeclock.bridge.parts import Parts, Phase


class Journal:
    """Writes down which parts have ended, in their order."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def part(self, name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append(name)


async def run(parts: Parts, stop_after: int = 3) -> None:
    """Run parts, and stop them when they have run for so many turns of the loop."""
    stop = asyncio.Event()
    running = asyncio.create_task(parts.run(stop))
    for _ in range(stop_after):
        await asyncio.sleep(0)
    stop.set()
    await running


async def test_parts_end_in_the_order_of_their_phases_whatever_order_they_came_in() -> None:
    journal = Journal()
    parts = Parts()
    phases = list(Phase)
    random.Random(7).shuffle(phases)
    for phase in phases:
        parts.add(phase.name, phase, lambda phase=phase: journal.part(phase.name))
    await run(parts)
    assert journal.ended == [phase.name for phase in sorted(Phase)]


async def test_no_part_outlives_the_others_when_one_ends_or_fails_or_all_are_cancelled() -> None:
    for how in ("ends", "fails", "cancelled"):
        journal = Journal()
        parts = Parts()
        parts.add("waits", Phase.SENDERS, lambda journal=journal: journal.part("waits"))

        async def other(how: str = how) -> None:
            if how == "cancelled":
                await asyncio.Event().wait()
            if how == "fails":
                raise OSError("no socket")

        parts.add("other", Phase.BROKER, other)
        running = asyncio.create_task(parts.run(asyncio.Event()))
        await asyncio.sleep(0)
        if how == "cancelled":
            await asyncio.sleep(0)
            running.cancel()
        (outcome,) = await asyncio.gather(running, return_exceptions=True)
        assert isinstance(outcome, {"ends": type(None), "fails": OSError, "cancelled": asyncio.CancelledError}[how])
        assert journal.ended == ["waits"]
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_part_finishes_what_it_has_begun_before_it_is_cancelled() -> None:
    journal = Journal()
    parts = Parts()

    async def finish() -> None:
        await asyncio.sleep(0)
        journal.ended.append("finished")

    parts.add("intake", Phase.INTAKE, lambda: journal.part("intake"), finish=finish)
    parts.add("answers", Phase.ANSWERS, lambda: journal.part("answers"))
    parts.add("broker", Phase.BROKER, lambda: journal.part("broker"))
    await run(parts)
    assert journal.ended == ["broker", "finished", "intake", "answers"]


async def test_a_part_that_does_not_finish_is_cancelled_all_the_same() -> None:
    journal = Journal()
    parts = Parts(grace_s=0.01)
    parts.add("intake", Phase.INTAKE, lambda: journal.part("intake"), finish=asyncio.Event().wait)
    await run(parts)
    assert journal.ended == ["intake"]


def test_a_part_without_its_place_in_the_order_of_ending_cannot_be_added() -> None:
    with pytest.raises(TypeError, match="run"):
        Parts().add("forgotten", Journal().part)  # type: ignore[call-arg, arg-type]

"""The queue before the intake, and the task that empties it: commit a batch, answer it, begin the next.

A message that comes alone is committed at once; under load, everything that arrived since the last commit began shares
the next one, and commits begin a while apart: each costs as much as a hundred messages, whatever it has. Meanwhile the
seals of the next batch are verified (`speculative_verify`). Clocks take turns in the queue, and messages beyond a
clock's share are dropped (`fair_queue`). When the queue is full, reading from the broker pauses until half of it is
committed: then all clocks wait.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar, TypeVarTuple, Unpack

import structlog

from badgeclock.bridge.errors import StoreConflict
from badgeclock.bridge.intake.batch import BatchResult, ClockMessage
from badgeclock.bridge.intake.fair_queue import FairQueue
from badgeclock.bridge.intake.intake import Intake
from badgeclock.bridge.intake.speculative_verify import VerifiedMessages
from badgeclock.bridge.store.database import Store
from badgeclock.errors import StoreError
from badgeclock.protocol.record import RECORD_BYTES

STORE_RETRY_S: Final = 1.0
BATCH_BYTES: Final = 20_480 * RECORD_BYTES
"""A batch ends at this many records, however few its messages: a clock that sends a backlog must not delay fresh
punches."""
APART_S: Final = 0.04
"""A commit begins this long after the one before, unless `ENOUGH_BYTES` wait: several workers, each with its share of
the messages, would otherwise commit handfuls."""
ENOUGH_BYTES: Final = 512 * RECORD_BYTES
"""This much is worth its own commit, and, during a commit, verification ahead of the next."""
AGAIN_S: Final = 0.02
"""A message that arrived before its predecessor is handled again after this long."""
CONFLICT_TRIES: Final = 5

_Arguments = TypeVarTuple("_Arguments")
_T = TypeVar("_T")

log = structlog.get_logger("badgeclock.bridge.intake.intake")


@dataclass(slots=True)
class Batch:
    """Messages that share a commit, and the results of verifying them ahead, part by part."""

    messages: list[ClockMessage] = field(default_factory=list)
    verified: list[Mapping[str, VerifiedMessages]] = field(default_factory=list)
    payload_bytes: int = 0

    @property
    def length(self) -> int:
        """Messages so far."""
        return len(self.messages)


class Source(Protocol):
    """The source of messages."""

    def pause(self) -> None:
        """Stop delivering for now."""

    def resume(self) -> None:
        """Deliver again."""


class Batcher:
    """Handles delivered messages in batches, until cancelled."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        source: Source,
        *,
        committed: Callable[[BatchResult], None],
        now_ms: Callable[[], int],
        group_messages: int,
        queue_messages: int,
    ) -> None:
        self._store = store
        self._intake = intake
        self._source = source
        self._committed = committed
        self._now_ms = now_ms
        self._group_messages = group_messages
        self._queue_messages = queue_messages
        self._queue = FairQueue()
        self._arrived = asyncio.Event()
        self._enough = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="intake-ahead")
        self._paused = False
        self.pauses = 0

    @property
    def is_paused(self) -> bool:
        """Whether reading from the broker is paused because the queue is full."""
        return self._paused

    @property
    def waiting(self) -> int:
        """Messages not yet in a batch."""
        return len(self._queue)

    def dropped(self) -> Counter[str]:
        """How many messages were dropped since the last call because their clock exceeded its share, by topic
        prefix."""
        return self._queue.dropped()

    def deliver(self, topic: str, payload: bytes) -> None:
        """Accept a message from the broker; never waits and never raises."""
        if not self._queue.put(ClockMessage(topic, payload, self._now_ms())):
            return
        self._arrived.set()
        if self._queue.waiting_bytes >= ENOUGH_BYTES:
            self._enough.set()
        self._settled.clear()
        if len(self._queue) >= self._queue_messages and not self._paused:
            self._paused = True
            self.pauses += 1
            self._source.pause()

    async def run(self) -> None:
        """Commit batches and answer each, until cancelled."""
        committing: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        next_from = loop.time()
        try:
            while True:
                if committing is None and not self._queue:
                    self._settled.set()
                    await self._arrived.wait()
                batch = Batch()
                while committing is not None:
                    await self._fill(batch)
                    if not self._is_full(batch):
                        await self._wait_for_more(committing)
                        if not committing.done():
                            continue
                    await committing
                    committing = None
                if batch.payload_bytes < ENOUGH_BYTES:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout_at(next_from):
                            await self._enough.wait()
                await self._fill(batch)
                if batch.messages:
                    missed = await self._off_loop(self._intake.verify_missed, batch.messages, batch.verified)
                    batch.verified.append(missed)
                    next_from = loop.time() + APART_S
                    committing = asyncio.create_task(self.commit(batch))
        finally:
            if committing is not None:
                committing.cancel()
                await asyncio.wait([committing])
            self._thread.shutdown(wait=False)

    async def _wait_for_more(self, committing: asyncio.Task[None]) -> None:
        """Wait until enough has come to be verified ahead, or the commit is done."""
        enough = asyncio.create_task(self._enough.wait())
        try:
            await asyncio.wait([committing, enough], return_when=asyncio.FIRST_COMPLETED)
        finally:
            enough.cancel()

    async def settled(self) -> None:
        """Wait until everything that was delivered is committed and answered."""
        await self._settled.wait()

    async def commit(self, batch: Batch) -> None:
        """One transaction for a batch, then its answers. A store that fails costs the batch, not the bridge."""
        try:
            result = await self._handle(batch)
        except StoreError as error:
            log.error("group not committed", messages=batch.length, error=str(error))
            await asyncio.sleep(STORE_RETRY_S)
            return
        if result.early:
            asyncio.get_running_loop().call_later(AGAIN_S, self._queue_again, result.early)
        self._committed(result)

    async def _handle(self, batch: Batch) -> BatchResult:
        """Run the batch's transaction; repeat it after a conflict with another process."""
        tries = 0
        while True:
            try:
                return await self._store.writing(self._intake.handle, batch.messages, self._now_ms(), batch.verified)
            except StoreError as error:
                self._intake.failed()
                tries += 1
                if not isinstance(error, StoreConflict) or tries == CONFLICT_TRIES:
                    raise

    def _queue_again(self, early: Sequence[ClockMessage]) -> None:
        self._queue.put_back(early)
        self._arrived.set()
        self._settled.clear()

    async def _fill(self, batch: Batch) -> None:
        """Add arrived messages to a batch, and verify them ahead."""
        arrived: list[ClockMessage] = []
        while self._queue and batch.length + len(arrived) < self._group_messages and batch.payload_bytes < BATCH_BYTES:
            arrived.append(self._queue.take())
            batch.payload_bytes += len(arrived[-1].payload)
        if not self._queue:
            self._arrived.clear()
        if self._queue.waiting_bytes < ENOUGH_BYTES:
            self._enough.clear()
        if self._paused and len(self._queue) * 2 <= self._queue_messages:
            self._paused = False
            self._source.resume()
        if arrived:
            batch.messages += arrived
            batch.verified.append(await self._off_loop(self._intake.verify_ahead, arrived))

    async def _off_loop(self, work: Callable[[Unpack[_Arguments]], _T], *args: *_Arguments) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    def _is_full(self, batch: Batch) -> bool:
        return batch.length >= self._group_messages or batch.payload_bytes >= BATCH_BYTES

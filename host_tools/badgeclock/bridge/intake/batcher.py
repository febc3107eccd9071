"""The queue before the intake, and the task that empties it: commit a group, have it answered, take the next.

Alone, a message waits for nobody; under load, everything that came while a group was being committed shares the next
commit. Meanwhile the next group's seals are walked (`ahead`). When more waits than the queue shall hold, the broker is
not read any further until half of it is committed: then its clocks wait, and nothing is dropped here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar, TypeVarTuple, Unpack

import structlog

from badgeclock.bridge.errors import StoreConflict
from badgeclock.bridge.intake.batch import Delivery, Taken
from badgeclock.bridge.intake.intake import Intake
from badgeclock.bridge.intake.speculative_verify import Stretch
from badgeclock.bridge.store.database import Store
from badgeclock.errors import StoreError
from badgeclock.protocol.record import RECORD_BYTES

STORE_RETRY_S: Final = 1.0
LOOK_EVERY_S: Final = 0.005
"""How often, while a group is being committed, what came for the next one is looked at."""
GROUP_BYTES: Final = 20_480 * RECORD_BYTES
"""A group ends here, however few its messages: who drains a backlog shall not hold up those who punch."""
AGAIN_S: Final = 0.02
"""When a message is looked at again that came before what it follows."""
CONFLICT_TRIES: Final = 5

_Arguments = TypeVarTuple("_Arguments")
_T = TypeVar("_T")

log = structlog.get_logger("badgeclock.bridge.intake.intake")


@dataclass(slots=True)
class Group:
    """Messages that share a commit, and what was found by looking ahead at them, part by part."""

    deliveries: list[Delivery] = field(default_factory=list)
    walked: list[Mapping[str, Stretch]] = field(default_factory=list)
    payload_bytes: int = 0

    @property
    def length(self) -> int:
        """Messages so far."""
        return len(self.deliveries)


class Source(Protocol):
    """Where messages come from."""

    def pause(self) -> None:
        """Deliver nothing for now."""

    def resume(self) -> None:
        """Go on."""


class Batcher:
    """Takes what is delivered, in groups, until cancelled."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        source: Source,
        *,
        committed: Callable[[Taken], None],
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
        self._queue: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="intake-ahead")
        self._paused = False
        self.pauses = 0

    @property
    def waiting(self) -> int:
        """Messages that are not yet in a group."""
        return len(self._queue)

    def deliver(self, topic: str, payload: bytes) -> None:
        """Take a message from the broker; never waits and never raises."""
        self._queue.append(Delivery(topic, payload, self._now_ms()))
        self._arrived.set()
        self._settled.clear()
        if len(self._queue) >= self._queue_messages and not self._paused:
            self._paused = True
            self.pauses += 1
            self._source.pause()

    async def run(self) -> None:
        """Commit groups, and say what each leaves to say, until cancelled."""
        committing: asyncio.Task[None] | None = None
        try:
            while True:
                if committing is None and not self._queue:
                    self._settled.set()
                    await self._arrived.wait()
                group = Group()
                while True:
                    await self._fill(group)
                    if committing is None:
                        break
                    done, _ = await asyncio.wait([committing], timeout=None if self._is_full(group) else LOOK_EVERY_S)
                    if done:
                        committing.result()
                        committing = None
                if group.deliveries:
                    group.walked.append(await self._off_loop(self._intake.catch_up, group.deliveries, group.walked))
                    committing = asyncio.create_task(self.commit(group))
        finally:
            if committing is not None:
                committing.cancel()
                await asyncio.wait([committing])
            self._thread.shutdown(wait=False)

    async def settled(self) -> None:
        """Wait until everything that was delivered is committed and answered."""
        await self._settled.wait()

    async def commit(self, group: Group) -> None:
        """One transaction for a group, then its answers. A store that fails costs the group, not the bridge."""
        try:
            taken = await self._take(group)
        except StoreError as error:
            log.error("group not committed", messages=len(group.deliveries), error=str(error))
            await asyncio.sleep(STORE_RETRY_S)
            return
        if taken.early:
            asyncio.get_running_loop().call_later(AGAIN_S, self._again, taken.early)
        self._committed(taken)

    async def _take(self, group: Group) -> Taken:
        """The group's transaction; again, if another process was in its way."""
        tries = 0
        while True:
            try:
                return await self._store.writing(self._intake.take, group.deliveries, self._now_ms(), group.walked)
            except StoreError as error:
                self._intake.failed()
                tries += 1
                if not isinstance(error, StoreConflict) or tries == CONFLICT_TRIES:
                    raise

    def _again(self, early: Sequence[Delivery]) -> None:
        self._queue.extendleft(reversed(early))
        self._arrived.set()
        self._settled.clear()

    async def _fill(self, group: Group) -> None:
        """Add what has arrived to a group, and look ahead at it."""
        some: list[Delivery] = []
        while self._queue and group.length + len(some) < self._group_messages and group.payload_bytes < GROUP_BYTES:
            some.append(self._queue.popleft())
            group.payload_bytes += len(some[-1].payload)
        if not self._queue:
            self._arrived.clear()
        if self._paused and len(self._queue) * 2 <= self._queue_messages:
            self._paused = False
            self._source.resume()
        if some:
            group.deliveries += some
            group.walked.append(await self._off_loop(self._intake.look_ahead, some))

    async def _off_loop(self, work: Callable[[Unpack[_Arguments]], _T], *args: *_Arguments) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    def _is_full(self, group: Group) -> bool:
        return group.length >= self._group_messages or group.payload_bytes >= GROUP_BYTES

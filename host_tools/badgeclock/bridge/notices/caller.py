"""Checks once a minute for news, records it, and sends due letters; also sends the heartbeat.

Both run beside the processing of punches: a mail server that hangs, or answers a byte a second, delays other notices
for half a minute and nothing else.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Connection

from badgeclock.authorities.base import BELGIUM
from badgeclock.bridge import store_url
from badgeclock.bridge.attention import attention, validity
from badgeclock.bridge.errors import LetterNotSent
from badgeclock.bridge.notices import book, news
from badgeclock.bridge.notices.book import Letter, Outcome
from badgeclock.bridge.notices.news import Current, Trouble
from badgeclock.bridge.notices.sending import Sender
from badgeclock.bridge.rounds import Rounds
from badgeclock.bridge.settings import BridgeSettings
from badgeclock.bridge.store.database import Store
from badgeclock.errors import StoreError

LOOK_S: Final = 60.0
DISK_FREE: Final = 512 * 1024 * 1024
"""Bytes free on disk; with less the bridge is in trouble."""

log = structlog.get_logger("badgeclock.bridge.notices")


class Caller(Rounds):
    """Works in rounds. `troubles` returns the bridge's current troubles, by name."""

    def __init__(
        self,
        store: Store,
        settings: BridgeSettings,
        sender: Sender,
        now_ms: Callable[[], int],
        troubles: Callable[[], Iterator[str]],
    ) -> None:
        super().__init__(pause_s=LOOK_S, if_store_fails="nobody is called while the store fails")
        self._store = store
        self._settings = settings
        self._sender = sender
        self._now_ms = now_ms
        self._troubles = troubles
        self._since: dict[str, int] = {}
        self.outcomes: Counter[str] = Counter()
        """How many letters ended how, and how many tries failed."""

    async def run(self) -> None:
        """Run until cancelled. An exception here does not stop the bridge: it is logged, and the next round follows."""
        while True:
            try:
                await super().run()
            except Exception as error:  # noqa: BLE001 - punches continue in any case
                log.error("notices have a fault; trying again", error=type(error).__name__)
                await asyncio.sleep(LOOK_S)

    async def work(self) -> None:
        """Check once, record changes, and send due letters."""
        now_ms = self._now_ms()
        self._note_troubles(now_ms)
        found, changes, is_old = await self._store.reading(self._look, now_ms)
        if changes:
            await self._store.writing(book.write, found, self._sender.recipients, now_ms)
        if is_old:
            await self._store.writing(book.forget, now_ms)
        await self._summarise(now_ms)
        while letters := await self._store.reading(book.due, self._now_ms()):
            await asyncio.gather(*(self._send(letter) for letter in letters))

    def _look(self, connection: Connection, now_ms: int) -> tuple[Current, bool, bool]:
        troubles = [Trouble(name, since_ms) for name, since_ms in self._since.items()]
        files = validity.of_files(self._settings)
        found = news.current(connection, self._settings.notices, files, troubles, now_ms)
        return found, book.changes(connection, found, now_ms), book.has_old(connection, now_ms)

    def _note_troubles(self, now_ms: int) -> None:
        present = {*self._troubles(), *_disk(self._settings)}
        self._since = {name: self._since.get(name, now_ms) for name in present}

    async def _summarise(self, now_ms: int) -> None:
        minute = self._settings.notices.summary_minute
        local = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(BELGIUM)
        if minute is None or local.hour * 60 + local.minute < minute:
            return
        midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        until_ms = int(midnight.timestamp() * 1000)
        counts = await self._store.reading(attention.counts, now_ms)
        day = local.date().isoformat()
        if not await self._store.reading(book.is_summarised, day):
            await self._store.writing(book.summarise, counts, day, until_ms, self._sender.recipients, now_ms)

    async def _send(self, letter: Letter) -> None:
        if not await self._store.writing(book.claim, letter, self._now_ms()):
            return
        outcome: Outcome | None = Outcome.WITHDRAWN
        if self._sender.knows(letter):
            try:
                await self._sender.send(letter, self._now_ms())
                outcome = Outcome.SENT
            except LetterNotSent as error:
                outcome = None
                self.outcomes["failed"] += 1
                say = log.warning if letter.tries == 0 else log.debug
                say("a notice could not be sent; it is tried again", channel=letter.channel.value, why=error.why)
        ended = await self._store.writing(book.note, letter, outcome, self._now_ms())
        if ended is not None:
            self.outcomes[ended.value] += 1
        if ended is Outcome.GIVEN_UP:
            log.error("a notice was given up", channel=letter.channel.value, tries=letter.tries + 1)


def _disk(settings: BridgeSettings) -> Iterator[str]:
    if settings.store.url.startswith(store_url.SQLITE):
        folder = Path(settings.store.url.removeprefix(store_url.SQLITE)).parent
        if folder.is_dir() and shutil.disk_usage(folder).free < DISK_FREE:
            yield "disk"


class Heartbeat:
    """Calls an external monitoring address while this process runs and its store can be written; the monitor raises the
    alarm when the calls stop.
    """

    def __init__(self, store: Store, sender: Sender, every_s: float) -> None:
        self._store = store
        self._sender = sender
        self._every_s = every_s
        self._failed = False

    async def run(self) -> None:
        """Call until cancelled."""
        while True:
            try:
                await self._store.writing(_nothing)
                await self._sender.beat()
                self._failed = False
            except (StoreError, LetterNotSent) as error:
                say = log.debug if self._failed else log.warning
                say("the heartbeat was not given", why=error.what)
                self._failed = True
            await asyncio.sleep(self._every_s)


def _nothing(_: Connection) -> None:
    """A transaction that takes the store's lock and changes nothing."""

"""Declares every presence to the authority, and brings its reception number back: exactly once, whatever gets lost.

Four tasks, each with one duty and a module: `sending` takes queued presences, `lost_answers` searches for those without
an answer, `content_checks` follows those that have a number, `cancelling` carries out a person's decisions. Every call
goes through the authority's `Gate` (`authority_calls`), every transaction through `due_work`. One registrar per
authority: it handles only that one's declarations.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from badgeclock.authorities.base import Authority
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.presences.regimes import ITEM_OF, Declared
from badgeclock.bridge.registrar import outbox
from badgeclock.bridge.registrar.authority_calls import AuthorityCalls
from badgeclock.bridge.registrar.call_gate import Gate
from badgeclock.bridge.registrar.cancelling import Cancelling
from badgeclock.bridge.registrar.content_checks import ContentChecks
from badgeclock.bridge.registrar.due_work import DueWork
from badgeclock.bridge.registrar.lost_answers import LostAnswers
from badgeclock.bridge.registrar.sending import Sending
from badgeclock.bridge.registrar.signals import SentTimes, Signals
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import Vault

log = structlog.get_logger(__name__)


def declared_by(authority: Authority) -> frozenset[Declared]:
    """What an authority accepts, in the bridge's terms."""
    return frozenset(declared for declared, item in ITEM_OF.items() if item in authority.declares)


def share_out(authorities: Sequence[Authority]) -> list[tuple[Authority, frozenset[Declared]]]:
    """The uses of each authority; a declaration that several accept goes to the first, so one may have none."""
    shared: list[tuple[Authority, frozenset[Declared]]] = []
    given: frozenset[Declared] = frozenset()
    for authority in authorities:
        own = declared_by(authority) - given
        given |= own
        shared.append((authority, own))
    return shared


class Registrar:
    """Runs until cancelled; call `wake` after queueing presences. `changed` is called after every commit of its own.

    call_ms    how long a call may take before its client gives up
    settle_ms  how much longer until it is carried out, and can be found
    calls      how many calls may be in progress at once
    monotonic  seconds; the time for settling, since a machine's time of day may change at any moment
    """

    def __init__(
        self,
        store: Store,
        vault: Vault,
        authority: Authority,
        metrics: Metrics,
        *,
        now_ms: Callable[[], int],
        changed: Callable[[], None],
        call_ms: int,
        settle_ms: int,
        calls: int,
        gate: Gate | None = None,
        declares: frozenset[Declared] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        commits: Callable[[], int] | None = None,
    ) -> None:
        """`commits()` returns a new number after any commit to the store (`ChangeWatch.number`): while it is unchanged,
        the store is not read again. Without it the store is read every `due_work.POLL_S`.
        """
        self._now_ms = now_ms
        self.declares = own = declared_by(authority) if declares is None else declares
        self.gate = gate or Gate()
        self.name = "+".join(sorted(own))
        self._signals = signals = Signals()
        self._sent = sent = SentTimes(call_ms, settle_ms, monotonic)
        self._work = work = DueWork(store, vault, own, self.gate, now_ms=now_ms, changed=changed, commits=commits)
        self._calls = to = AuthorityCalls(authority, self.gate, metrics, work, self.name, now_ms)
        self._sending = Sending(to, work, signals, sent, vault, own, metrics, now_ms=now_ms, most_calls=calls)
        self._lost_answers = LostAnswers(to, work, signals, sent, own, metrics, now_ms=now_ms)
        self._content_checks = ContentChecks(to, work, signals, own, now_ms=now_ms, most_calls=calls)
        self._cancelling = Cancelling(to, work, signals, own, now_ms=now_ms)

    def wake(self) -> None:
        """Wake up: something was queued, or decided."""
        self._work.stir()
        self._signals.queued.set()
        self._signals.decided.set()

    async def run(self) -> None:
        """Work until cancelled; then calls in progress get a moment (`Sending.end`)."""
        self._sent.start()
        await self._calls.remember()
        lost = await self._work.commit(outbox.unsettle, self.declares, self._now_ms())
        if lost:
            log.warning("answers lost by a stop", presences=lost)
        try:
            async with asyncio.TaskGroup() as group:
                for task in (self._sending, self._lost_answers, self._content_checks, self._cancelling):
                    group.create_task(task.run())
        finally:
            await self._sending.end()

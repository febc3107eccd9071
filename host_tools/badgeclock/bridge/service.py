"""The running bridge: puts the parts together, keeps them running, and ends them in an order that loses nothing.

Raised errors of this file are about the start (settings, store, certificates, port). Once it runs, what is away is
tried again: the broker, the authority, the store. On `stop` the broker connection ends first, what was taken is
committed, and calls under way get a moment; what is unanswered then is asked about at the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog
from fastapi import FastAPI
from sqlalchemy import Connection

from badgeclock.authorities import kinds
from badgeclock.authorities.base import Authority
from badgeclock.authorities.kinds import AuthoritySettings
from badgeclock.authorities.maintenance import Calendar
from badgeclock.bridge.broker import BrokerLink
from badgeclock.bridge.clocks import registry, remote_settings
from badgeclock.bridge.clocks.badge_desk import Desk
from badgeclock.bridge.clocks.health_monitor import Watch
from badgeclock.bridge.clocks.remote_settings import ClockSettings
from badgeclock.bridge.downlink import frames_out as down
from badgeclock.bridge.downlink import rosters
from badgeclock.bridge.downlink.frames_out import Downlink
from badgeclock.bridge.downlink.orders import Orders
from badgeclock.bridge.downlink.rosters import Rosters
from badgeclock.bridge.intake import seal_process
from badgeclock.bridge.intake.acknowledger import Answers
from badgeclock.bridge.intake.batch import Taken
from badgeclock.bridge.intake.batcher import Grouping
from badgeclock.bridge.intake.intake import Intake
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.operations.retention import Sweeper
from badgeclock.bridge.registrar import expiry, outbox
from badgeclock.bridge.registrar.call_gate import Bucket, Circuit, Gate
from badgeclock.bridge.registrar.registrar import Registrar, declared_by
from badgeclock.bridge.settings import BridgeSettings, HttpSettings
from badgeclock.bridge.store import vault
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.bridge.web import planning_api, status_api
from badgeclock.bridge.worker_socket import FIRST, Relay
from badgeclock.errors import StoreError
from badgeclock.protocol.frames import RECEIPTS_MAX, Receipt
from badgeclock.protocol.topics import Channel, shared, subscription

_PUNCHES: Final = f"/{Channel.PUNCHES.value}"
GRACE_S: Final = 3.0
RECEIPTS_POLL_S: Final = 1.0
"""How often receipts are looked for that another process wrote; this one's own go out at once."""

log = structlog.get_logger("badgeclock.bridge.service")

_Key = TypeVar("_Key", str, tuple[str, str])


def registrars_of(
    authorities: Sequence[tuple[Authority, AuthoritySettings]],
    store: Store,
    data_vault: vault.Vault,
    metrics: Metrics,
    *,
    now_ms: Callable[[], int],
    changed: Callable[[], None],
) -> list[Registrar]:
    """A registrar for each authority, with a gate of its own; what several take goes to the first."""
    registrars: list[Registrar] = []
    for authority, settings in authorities:
        declares = declared_by(authority) - {declared for earlier in registrars for declared in earlier.declares}
        if not declares:
            log.warning("an authority takes only what another takes already; it is not used")
            continue
        gate = Gate(
            bucket=Bucket(settings.calls_per_s, settings.burst),
            calendar=Calendar.parse(settings.maintenance),
            utc_now=lambda: datetime.fromtimestamp(now_ms() / 1000, UTC),
        )
        registrars.append(
            Registrar(
                store,
                data_vault,
                authority,
                metrics,
                now_ms=now_ms,
                changed=changed,
                settle_ms=int(settings.settle_s * 1000),
                calls=settings.calls,
                gate=gate,
                declares=declares,
            )
        )
    return registrars


class Receipts:
    """Sends every receipt once, as soon as it is committed; what a clock misses it asks for with its next STATUS."""

    def __init__(self, store: Store, downlink: Downlink, link: BrokerLink) -> None:
        self._store = store
        self._downlink = downlink
        self._link = link
        self._written = asyncio.Event()

    def wake(self) -> None:
        """Receipts may have been written."""
        self._written.set()

    async def run(self) -> None:
        """Send until cancelled."""
        sent: int | None = None
        while True:
            self._written.clear()
            try:
                if sent is None:
                    sent = await self._store.reading(down.newest_receipt)
                while later := await self._send_after(sent):
                    sent = later
            except StoreError as error:
                self._downlink.forget_all()
                log.error("receipts wait for the store", error=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RECEIPTS_POLL_S):
                    await self._written.wait()

    async def _send_after(self, sent: int) -> int | None:
        """Send the next receipts; the place of the last of them, None if there is none."""
        rows = await self._store.reading(down.receipts_after, sent)
        if not rows:
            return None
        by_clock: dict[int, list[Receipt]] = defaultdict(list)
        for row in rows:
            by_clock[row.clock_id].append(row.receipt)
        most = max(len(receipts) for receipts in by_clock.values()) // RECEIPTS_MAX + 1
        if not self._downlink.ready(by_clock, most):
            await self._store.writing(self._downlink.prepare, list(by_clock), most)
        for clock_id, receipts in by_clock.items():
            for message in self._downlink.receipts(clock_id, receipts):
                self._link.publish(message)
        return rows[-1].id


class Service:
    """One bridge. Everything it needs is checked here, so that `run` starts or does not begin."""

    def __init__(
        self,
        settings: BridgeSettings,
        *,
        authority: Authority | None = None,
        meet: Path | None = None,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        """`meet` is the folder where its workers meet, if it has several."""
        self._settings = settings
        self._now_ms = now_ms
        self._vault = vault.load(settings.secrets.data_key_file)
        self._store = Store(settings.store.url)
        self._store.check()
        self._metrics = Metrics()
        several = meet is not None
        self._downlink = Downlink(self._vault)
        told = [one for one in (settings.authority, settings.movement_authority) if one is not None]
        if authority is not None:
            self._authorities = [(authority, settings.authority)]
        else:
            self._authorities = [(kinds.connect(one), one) for one in told]
        punches = shared(Channel.PUNCHES) if several else subscription(Channel.PUNCHES)
        rest = (Channel.STATUS, Channel.DESK, Channel.REPORT, Channel.ROSTER)
        self._link = BrokerLink(settings.broker, [punches, *map(subscription, rest)])
        self._receipts = Receipts(self._store, self._downlink, self._link)
        self._desk = Desk(
            self._store, self._vault, self._downlink, self._metrics, publish=self._link.publish, now_ms=now_ms
        )
        self._orders = Orders(self._store, self._vault, self._downlink, self._link.publish, now_ms)
        self._watch = Watch(
            self._store,
            now_ms,
            connected=lambda: self._link.connected,
            connections=lambda: self._link.connections,
        )
        self._sweeper = Sweeper(self._store, settings.retention, now_ms)
        self._rosters = Rosters(self._store, self._vault, self._downlink, self._link.publish, now_ms)
        self._clock_settings = ClockSettings(self._store, self._downlink, self._link.publish, now_ms)
        self._now_ms = now_ms
        self._registrars = registrars_of(
            self._authorities,
            self._store,
            self._vault,
            self._metrics,
            now_ms=now_ms,
            changed=self._receipts.wake,
        )
        self._answers = Answers(self._store, self._downlink, self._link.publish, now_ms)
        self._relay: Relay | None = None
        if meet is not None:
            others = self._answers.give_for_another
            self._relay = Relay(meet, FIRST, settings.intake.workers, self._link, take=self._take, answer=others)
        walk, self._end_walking = (seal_process.here, lambda: None) if several else seal_process.walker()
        self._grouping = Grouping(
            self._store,
            Intake(self._vault, self._downlink, settings.intake.patience_ms if several else None, walk),
            self._relay or self._link,
            committed=self._committed,
            now_ms=now_ms,
            group_messages=settings.intake.group_messages,
            queue_messages=settings.intake.queue_messages,
        )
        self._metrics.watch(self._measure, self._states)
        self._metrics.watch_stale(
            lambda: (
                self._counted(lambda connection: {"roster": rosters.stale(connection)})
                | self._counted(lambda connection: {"settings": remote_settings.stale(connection)})
            )
        )
        self._metrics.watch_clocks(
            lambda: self._counted(registry.counts),
            lambda: self._counted(registry.marked),
            lambda: self._counted(registry.most_worn),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set."""
        settings = self._settings.http
        app = self._web(settings)
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self._store.close)
            stack.callback(self._end_walking)
            for authority, _ in self._authorities:
                stack.push_async_callback(authority.close)
            parts: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
                "broker": lambda: self._link.run(self._deliver),
                "desk": self._desk.run,
                "intake": self._grouping.run,
                **{f"registrar {at}": registrar.run for at, registrar in enumerate(self._registrars)},
                "expiry": self._expire,
                "receipts": self._receipts.run,
                "orders": self._orders.run,
                "watch": self._watch.run,
                "rosters": self._rosters.run,
                "clock_settings": self._clock_settings.run,
                "sweeper": self._sweeper.run,
            }
            if self._relay is not None:
                parts |= {"relay": self._relay.run, "answers": self._answers.run}
            if settings.port:
                parts["http"] = await stack.enter_async_context(status_api.serving(settings, app))
            tasks = {name: asyncio.create_task(run(), name=name) for name, run in parts.items()}
            stopping = asyncio.create_task(stop.wait())
            log.info("the bridge runs", http=settings.port)
            try:
                await asyncio.wait([stopping, *tasks.values()], return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                await self._end(tasks)
        for task in tasks.values():
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error
        log.info("the bridge has stopped")

    def _web(self, settings: HttpSettings) -> FastAPI:
        app = status_api.create_app(
            self._store, self._vault, self._metrics, lambda: self._link.connected, settings.host, settings.names
        )
        bound = self._settings.planning.requests_a_minute
        app.mount(
            planning_api.PATH,
            planning_api.create_app(self._store, self._vault, requests_a_minute=bound, now_ms=self._now_ms),
        )
        return app

    async def _end(self, tasks: Mapping[str, asyncio.Task[Any]]) -> None:
        """Let clocks leave issue mode, close the way in, commit what came, give calls under way a moment, then end the
        rest.
        """
        await _cancel(tasks["desk"])
        await _cancel(tasks["broker"])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await self._grouping.settled()
        registrars = [name for name in tasks if name.startswith("registrar")]
        for name in (
            "intake",
            "relay",
            "answers",
            "expiry",
            *registrars,
            "receipts",
            "orders",
            "rosters",
            "clock_settings",
            "watch",
            "sweeper",
            "http",
        ):
            if name in tasks:
                await _cancel(tasks[name])

    async def _expire(self) -> None:
        declares = frozenset(declared for registrar in self._registrars for declared in registrar.declares)
        await expiry.run(self._store, declares, self._now_ms, self._receipts.wake)

    def _deliver(self, topic: str, payload: bytes) -> None:
        parts = (self._desk, self._orders, self._rosters)
        if topic.endswith(_PUNCHES) and self._relay is not None:
            self._relay.deliver(topic, payload)
        elif topic.endswith(_PUNCHES) or not any(part.deliver(topic, payload) for part in parts):
            self._take(topic, payload)

    def _take(self, topic: str, payload: bytes) -> None:
        self._grouping.deliver(topic, payload)

    def _committed(self, taken: Taken) -> None:
        self._answers.give(taken)
        self._metrics.count_group(taken.counts)
        if taken.queued:
            for registrar in self._registrars:
                registrar.wake()
        self._receipts.wake()

    def _measure(self) -> dict[str, float]:
        return {
            "broker_connected": float(self._link.connected),
            "broker_connections": float(self._link.connections),
            "intake_waiting_messages": float(self._grouping.waiting),
            "intake_pauses": float(self._grouping.pauses),
            "roster_parts_sent": float(self._rosters.sent),
            "rosters_taken": float(self._rosters.taken),
            "authority_away": float(any(one.gate.away for one in self._registrars)),
            "authority_circuit_open": float(any(one.gate.circuit is Circuit.OPEN for one in self._registrars)),
            "authority_maintenance": float(any(one.gate.in_maintenance for one in self._registrars)),
            **{f"frames_sent_{kind.name.lower()}": float(n) for kind, n in self._downlink.frames.items()},
            **{f"order_reports_{result.replace(' ', '_')}": float(n) for result, n in self._orders.results.items()},
        }

    def _states(self) -> dict[str, int]:
        return self._counted(outbox.counts)

    def _counted(self, count: Callable[[Connection], dict[_Key, int]]) -> dict[_Key, int]:
        """What the store counts; nothing while it fails."""
        try:
            with self._store.read() as connection:
                return count(connection)
        except StoreError:
            return {}


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])

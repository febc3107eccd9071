"""The running bridge: puts the parts together, keeps them running, and stops them in an order that loses nothing.

Errors raised here are about the start (settings, store, certificates, port). Once it runs, an unavailable broker,
authority or store is retried. On `stop` its parts end in the order of their phases: no more messages are received,
received ones are committed, and calls in progress get a moment; calls without an answer are looked up at the next
start.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import structlog
from sqlalchemy import Connection
from starlette.applications import Starlette
from starlette.types import ASGIApp

from badgeclock.authorities import kinds
from badgeclock.authorities.base import Authority
from badgeclock.authorities.kinds import AuthoritySettings
from badgeclock.authorities.maintenance import Calendar
from badgeclock.bridge import service_manager
from badgeclock.bridge.acts.acts_socket import ActsSocket
from badgeclock.bridge.attention import attention, validity
from badgeclock.bridge.broker import BrokerLink
from badgeclock.bridge.broker_clients import BrokerClients
from badgeclock.bridge.clocks import registry, remote_settings
from badgeclock.bridge.clocks.badge_desk import BadgeDesk
from badgeclock.bridge.clocks.health_monitor import HealthMonitor
from badgeclock.bridge.clocks.settings_sender import SettingsSender
from badgeclock.bridge.downlink import rosters
from badgeclock.bridge.downlink.frames_out import Downlink
from badgeclock.bridge.downlink.order_sender import OrderSender
from badgeclock.bridge.downlink.receipt_sender import ReceiptSender
from badgeclock.bridge.downlink.roster_sender import RosterSender
from badgeclock.bridge.intake import seal_process
from badgeclock.bridge.intake.acknowledger import Acknowledger
from badgeclock.bridge.intake.batch import BatchResult
from badgeclock.bridge.intake.batcher import Batcher
from badgeclock.bridge.intake.flood_watch import FloodWatch
from badgeclock.bridge.intake.intake import Intake
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.notices import book
from badgeclock.bridge.operations.retention import Sweeper
from badgeclock.bridge.parts import Parts, Phase
from badgeclock.bridge.presences import today
from badgeclock.bridge.registrar.authority_calls import settle_absent
from badgeclock.bridge.registrar.call_gate import Bucket, Circuit, Gate
from badgeclock.bridge.registrar.expiry import Expiry
from badgeclock.bridge.registrar.later_registrations import LaterRegistrations
from badgeclock.bridge.registrar.registrar import Registrar, share_out
from badgeclock.bridge.settings import BridgeSettings, HttpSettings
from badgeclock.bridge.store import bridge_lock, presence_counts, vault
from badgeclock.bridge.store.changes import ChangeWatch
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.write_lock import WriteLockWatch
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.bridge.web import status_api
from badgeclock.bridge.worker_socket import FIRST, Relay
from badgeclock.errors import StoreError
from badgeclock.protocol.broker_access import RESPONSE
from badgeclock.protocol.topics import UPWARD, Channel, subscription

if TYPE_CHECKING:
    from badgeclock.bridge.notices.caller import Caller

_PUNCHES: Final = f"/{Channel.PUNCHES.value}"

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
    commits: Callable[[], int] | None = None,
) -> list[Registrar]:
    """A registrar for each authority, with its own gate; a declaration that several accept goes to the first."""
    registrars: list[Registrar] = []
    used = share_out([authority for authority, _ in authorities])
    for (authority, declares), (_, settings) in zip(used, authorities, strict=True):
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
                call_ms=int(settings.call_s * 1000),
                settle_ms=int(settings.settle_s * 1000),
                calls=settings.calls,
                gate=gate,
                declares=declares,
                commits=commits,
            )
        )
    return registrars


class Service:
    """One bridge. Everything it needs is checked here, before `run`. From then on no other bridge can use the store."""

    def __init__(
        self,
        settings: BridgeSettings,
        *,
        authority: Authority | None = None,
        meet: Path | None = None,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        """`meet` is the folder of its workers' sockets, if it has several."""
        self._settings = settings
        self._now_ms = now_ms
        self._vault = vault.load(settings.secrets.data_key_file)
        self._store = Store(settings.store.url)
        self._store.check()
        self._lock = bridge_lock.take(settings.store.url)
        self._beside: Counter[str] = Counter()
        self._metrics = Metrics()
        self._parts = Parts()
        self._parts.add("store lock", Phase.UPKEEP, lambda: bridge_lock.keep(self._lock))
        self._commits = ChangeWatch(self._store)
        self._parts.add("change watch", Phase.UPKEEP, self._commits.run)
        self._parts.add("write lock watch", Phase.UPKEEP, WriteLockWatch(settings.store.url).run)
        self._downlink = Downlink(self._vault)
        wanted = [one for one in (settings.authority, settings.movement_authority) if one is not None]
        if authority is not None:
            self._authorities = [(authority, settings.authority)]
        else:
            self._authorities = [(kinds.connect(one), one) for one in wanted]
        self._link = BrokerLink(settings.broker, [subscription(channel) for channel in UPWARD], [RESPONSE])
        self._parts.add("broker", Phase.BROKER, lambda: self._link.run(self._deliver))
        self._add_senders()
        self._registrars = registrars_of(
            self._authorities,
            self._store,
            self._vault,
            self._metrics,
            now_ms=now_ms,
            changed=self._receipts.wake,
            commits=self._commits.number,
        )
        for number, registrar in enumerate(self._registrars):
            self._parts.add(f"registrar {number}", Phase.REGISTRARS, registrar.run)
        declares = frozenset(declared for registrar in self._registrars for declared in registrar.declares)
        self._parts.add("expiry", Phase.REGISTRARS, Expiry(self._store, declares, now_ms, self._receipts.wake).run)
        later = LaterRegistrations(self._store, now_ms, self._acted)
        self._parts.add("later registrations", Phase.REGISTRARS, later.run)
        monitor = HealthMonitor(
            self._store,
            now_ms,
            connected=lambda: self._link.connected,
            connections=lambda: self._link.connections,
        )
        self._parts.add("health monitor", Phase.UPKEEP, monitor.run)
        self._clients = BrokerClients(
            self._store,
            self._link.publish,
            lambda: self._link.connections if self._link.connected else 0,
            now_ms,
            self._link.read_only,
        )
        self._clients.rest_while(self._commits.number)
        self._parts.add("clients of the broker", Phase.UPKEEP, self._clients.run)
        self._parts.add("sweeper", Phase.UPKEEP, Sweeper(self._store, settings.retention, now_ms).run)
        self._add_intake(meet)
        acts = ActsSocket(settings.acts.socket, self._store, self._vault, now_ms, self._acted)
        self._parts.add("acts", Phase.WEB, acts.run)
        self._parts.add("service manager", Phase.WEB, service_manager.keep_alive)
        self._add_notices()
        self._add_metrics()

    def _add_notices(self) -> None:
        own = self._settings.notices
        self._caller: Caller | None = None
        if not (own.calls or own.heartbeat_url):
            return
        from badgeclock.bridge.notices.caller import Caller, Heartbeat  # noqa: PLC0415 - and what mail is sent with
        from badgeclock.bridge.notices.sending import Sender  # noqa: PLC0415

        sender = Sender(own)
        if own.calls:
            self._caller = Caller(self._store, self._settings, sender, self._now_ms, self._troubles)
            self._parts.add("notices", Phase.UPKEEP, self._caller.run)
        if own.heartbeat_url:
            self._parts.add("heartbeat", Phase.UPKEEP, Heartbeat(self._store, sender, own.heartbeat_s).run)

    def _troubles(self) -> Iterator[str]:
        if not self._link.connected:
            yield "broker"
        if self._batcher.is_paused:
            yield "intake"

    def _add_senders(self) -> None:
        publish, now_ms = self._link.publish, self._now_ms
        self._desk = BadgeDesk(self._store, self._vault, self._downlink, self._metrics, publish=publish, now_ms=now_ms)
        self._parts.add("badge desk", Phase.DESK, self._desk.run)
        self._receipts = ReceiptSender(self._store, self._downlink, publish)
        self._parts.add("receipts", Phase.SENDERS, self._receipts.run)
        self._orders = OrderSender(self._store, self._vault, self._downlink, publish, now_ms)
        self._parts.add("orders", Phase.SENDERS, self._orders.run)
        self._rosters = RosterSender(self._store, self._vault, self._downlink, publish, now_ms)
        self._parts.add("rosters", Phase.SENDERS, self._rosters.run)
        settings = SettingsSender(self._store, self._downlink, publish, now_ms)
        self._parts.add("clock settings", Phase.SENDERS, settings.run)
        for part in (self._desk, self._receipts, self._orders, self._rosters, settings):
            part.rest_while(self._commits.number)

    def _add_intake(self, meet: Path | None) -> None:
        intake = self._settings.intake
        self._acknowledger = Acknowledger(self._store, self._downlink, self._link.publish, self._now_ms)
        self._relay: Relay | None = None
        if meet is not None:
            of_workers = self._acknowledger.publish_for_worker
            self._relay = Relay(meet, FIRST, intake.workers, self._link, accept=self._accept, acknowledge=of_workers)
            self._parts.add("relay", Phase.ANSWERS, self._relay.run)
            self._parts.add("acknowledger", Phase.ANSWERS, self._acknowledger.run)
        verify_chains, self._end_verifying = (
            (seal_process.verify_here, lambda: None) if meet else seal_process.verifier()
        )
        self._batcher = Batcher(
            self._store,
            Intake(self._vault, self._downlink, intake.patience_ms if meet else None, verify_chains),
            self._relay or self._link,
            committed=self._committed,
            now_ms=self._now_ms,
            group_messages=intake.group_messages,
            queue_messages=intake.queue_messages,
        )
        self._parts.add("intake", Phase.INTAKE, self._batcher.run, finish=self._batcher.settled)
        self._floods = FloodWatch(
            self._store, self._batcher.dropped, self._now_ms, self._came_beside, self._clients.wake
        )
        self._parts.add("flood watch", Phase.UPKEEP, self._floods.run)

    def _add_metrics(self) -> None:
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
        self._metrics.watch_people(
            lambda: self._counted(lambda connection: today.standings(today.look(connection, self._now_ms()))),
            self._days_left,
        )
        self._metrics.watch_notices(
            lambda: self._counted(lambda connection: dict(book.waiting(connection))),
            lambda: {} if self._caller is None else dict(self._caller.outcomes),
        )
        self._metrics.watch_attention(
            lambda: self._counted(lambda connection: attention.counts(connection, self._now_ms()))
        )

    def _days_left(self) -> dict[str, int]:
        now_ms = self._now_ms()
        files = validity.of_files(self._settings)
        return self._counted(
            lambda connection: validity.fewest_days([*files, *validity.of_store(connection, now_ms)], now_ms)
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set."""
        settings = self._settings.http
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self._lock.release)
            stack.callback(self._store.close)
            stack.callback(self._end_verifying)
            for authority, _ in self._authorities:
                stack.push_async_callback(authority.close)
            if settings.port:
                serve = await stack.enter_async_context(status_api.serving(settings, self._web(settings)))
                self._parts.add("http", Phase.WEB, serve)
            names = [registrar.name for registrar in self._registrars]
            with contextlib.suppress(StoreError):  # the next start does it
                await self._store.writing(settle_absent, names, self._now_ms())
            log.info("the bridge runs", http=settings.port)
            await self._parts.run(stop)
        log.info("the bridge has stopped")

    def _web(self, settings: HttpSettings) -> Starlette:
        app = status_api.create_app(
            self._store, self._vault, self._metrics, lambda: self._link.connected, settings, self._now_ms
        )
        app.mount(status_api.PLANNING, status_api.Later(self._planning))
        return app

    def _planning(self) -> ASGIApp:
        from badgeclock.bridge.web import planning_api  # noqa: PLC0415 - see `status_api`

        bound = self._settings.planning.requests_a_minute
        return planning_api.create_app(self._store, self._vault, requests_a_minute=bound, now_ms=self._now_ms)

    def _deliver(self, topic: str, payload: bytes) -> None:
        parts = (self._desk, self._orders, self._rosters, self._clients)
        if topic.endswith(_PUNCHES) and self._relay is not None:
            self._relay.deliver(topic, payload)
        elif topic.endswith(_PUNCHES) or not any(part.deliver(topic, payload) for part in parts):
            self._accept(topic, payload)
        else:
            self._beside[topic.rpartition("/")[0]] += 1

    def _came_beside(self) -> Counter[str]:
        """How many messages bypassed the intake since the last call, by topic without the channel."""
        came, self._beside = self._beside, Counter()
        return came

    def _accept(self, topic: str, payload: bytes) -> None:
        self._batcher.deliver(topic, payload)

    def _committed(self, result: BatchResult) -> None:
        self._acknowledger.publish(result)
        self._metrics.count_group(result.counts)
        if result.queued:
            for registrar in self._registrars:
                registrar.wake()
        self._receipts.wake()

    def _acted(self) -> None:
        for registrar in self._registrars:
            registrar.wake()
        self._receipts.wake()

    def _measure(self) -> dict[str, float]:
        # Called in another thread than the one that counts: the growing dict is copied first, which is atomic.
        return {
            "broker_connected": float(self._link.connected),
            "broker_connections": float(self._link.connections),
            "intake_waiting_messages": float(self._batcher.waiting),
            "intake_pauses": float(self._batcher.pauses),
            "intake_dropped_messages": float(self._floods.messages),
            "roster_parts_sent": float(self._rosters.sent),
            "rosters_taken": float(self._rosters.in_use),
            "authority_away": float(any(one.gate.away for one in self._registrars)),
            "authority_circuit_open": float(any(one.gate.circuit is Circuit.OPEN for one in self._registrars)),
            "authority_maintenance": float(any(one.gate.in_maintenance for one in self._registrars)),
            **{f"frames_sent_{kind.name.lower()}": float(n) for kind, n in dict(self._downlink.frames).items()},
            **{
                f"order_reports_{result.replace(' ', '_')}": float(n)
                for result, n in dict(self._orders.results).items()
            },
        }

    def _states(self) -> dict[str, int]:
        return self._counted(presence_counts.by_state)

    def _counted(self, count: Callable[[Connection], dict[_Key, int]]) -> dict[_Key, int]:
        """The store's counts; empty while the store fails."""
        try:
            with self._store.read() as connection:
                return count(connection)
        except StoreError:
            return {}

"""The bridge's connection to the MQTT broker: mutual TLS, one connection at a time, reconnected until cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Final

import gmqtt
import structlog
from gmqtt.mqtt.handler import MQTTError

from badgeclock import key_file
from badgeclock.bridge.backoff import Backoff
from badgeclock.bridge.downlink.frames_out import Message
from badgeclock.bridge.plain_messages import PlainMessages
from badgeclock.bridge.settings import BrokerSettings
from badgeclock.errors import SettingsError

CONNECT_TIMEOUT_S: Final = 10.0
DISCONNECT_TIMEOUT_S: Final = 2.0
RECONNECT_CAP_S: Final = 10.0
ASK_S: Final = 5.0
"""Interval of the probes that check the connection."""
ASKED_MOST: Final = 3
"""After this many probes without an answer the connection is considered dead, and is replaced."""
_NO_RECONNECTS: Final = -2  # gmqtt: -1 is no limit, and 0 allows one
_REFUSED: Final = 0x80
_FILTERS_A_PACKET: Final = 100
"""At most 40 bytes each: a broker that we set up accepts packets of 4.5 KB (technician/broker.py)."""
_NOBODYS: Final = "badgeclock/v1/nobodys"
"""A filter that the bridge is not subscribed to. Unsubscribing from it changes nothing, and the broker answers: gmqtt
has no call for PINGREQ."""

log = structlog.get_logger("badgeclock.bridge.broker")


class BrokerLink:
    """Receives what clocks publish under some filters, and publishes messages while connected.

    Raises SettingsError at once if the certificates cannot be used.
    """

    def __init__(self, settings: BrokerSettings, filters: Sequence[str], asked: Sequence[str] = ()) -> None:
        """`asked`: filters that a broker may refuse."""
        self._settings = settings
        self._filters = filters
        self._asked = asked
        self._narrow: tuple[str, ...] = ()
        self._takes_narrow = True
        self._tls = _tls_context(settings)
        self._client: gmqtt.Client | None = None
        self._messages: PlainMessages | None = None
        self._pauses = 0
        self._packets_received = 0
        self._granting: set[int] = set()
        self._held: set[str] = set()
        """The topics that are subscribed to on this connection."""
        self.connected = False
        self.connections = 0

    def publish(self, message: Message) -> None:
        """Send one message at QoS 0, or drop it: a lost message is sent again when its clock reports."""
        if self._messages is not None and self.connected:
            self._messages.publish(message.topic, message.payload)

    def read_only(self, filters: Sequence[str]) -> None:
        """Restrict deliveries to these filters until the next call; without any, deliver everything again. A broker
        that refuses them on this connection continues as before.
        """
        after = tuple(filters)
        if after == self._narrow or (after and not self._takes_narrow):
            return
        self._narrow = after
        if self._client is None or not self.connected:
            return
        new = sorted(set(self._wanted()) - self._held)
        self._held.update(new)
        self._granting = set(_subscribe(self._client, new))
        if not self._granting:
            self._give_up(self._client)

    def _wanted(self) -> Sequence[str]:
        return self._narrow or self._filters

    def _granted(self, client: gmqtt.Client, number: int, codes: Sequence[int]) -> None:
        """The answer to the request of `read_only`: other subscriptions end only if all of it is granted."""
        if number not in self._granting:
            return
        self._granting.discard(number)
        if _is_refused(codes):
            log.warning("the broker hands over everything or nothing; a clock that floods goes on to be read")
            self._granting.clear()
            self._narrow, self._takes_narrow = (), False
        elif not self._granting:
            self._give_up(client)

    def _give_up(self, client: gmqtt.Client) -> None:
        wanted = set(self._wanted())
        gone = sorted(self._held - wanted)
        self._held = wanted
        for at in range(0, len(gone), _FILTERS_A_PACKET):
            client.unsubscribe(gone[at : at + _FILTERS_A_PACKET])

    def pause(self) -> None:
        """Stop reading from the broker until each caller of `pause` has called `resume`. Messages wait at the broker as
        far as it has room, then in the clocks.
        """
        self._pauses += 1
        if self._client is not None:
            _transport(self._client).pause_reading()

    def resume(self) -> None:
        """Resume reading."""
        self._pauses -= 1
        if self._client is not None and not self._pauses:
            _transport(self._client).resume_reading()

    def _read_certificates(self) -> None:
        """Load certificates that were renewed since the last connection; unusable files change nothing."""
        try:
            self._tls = _tls_context(self._settings)
        except SettingsError as error:
            log.error("the certificates of before are used", reason=str(error))

    async def run(self, deliver: Callable[[str, bytes], None]) -> None:
        """Be connected until cancelled; `deliver(topic, payload)` gets every message and must not raise."""
        backoff = Backoff(cap_s=RECONNECT_CAP_S)
        while True:
            self._read_certificates()
            lost = asyncio.Event()
            self._granting, self._held, self._takes_narrow = set(), set(self._wanted()), True
            client = _new_client(
                self._settings.client_id, self._wanted, self._asked, deliver, lost, self._note_received, self._granted
            )
            try:
                try:
                    async with asyncio.timeout(CONNECT_TIMEOUT_S):
                        await client.connect(
                            self._settings.host,
                            self._settings.port,
                            ssl=self._tls,
                            keepalive=self._settings.keepalive_s,
                        )
                    self._messages = PlainMessages(client, functools.partial(self._deliver, deliver))
                    self._client, self.connected = client, True
                    if self._pauses:
                        _transport(client).pause_reading()
                    self.connections += 1
                    backoff.succeeded()
                    log.info("connected to the broker", host=self._settings.host, port=self._settings.port)
                    await self._while_answering(client, lost)
                    log.warning("the broker is gone; connecting again")
                except (OSError, TimeoutError, MQTTError) as error:
                    if backoff.failures in (0, 10):
                        log.warning("no broker; trying again", reason=str(error) or type(error).__name__)
            finally:
                if self._messages is not None:
                    self._messages.flush()
                self._client, self._messages, self.connected = None, None, False
                await _end(client)
            await asyncio.sleep(backoff.failed())

    async def _while_answering(self, client: gmqtt.Client, lost: asyncio.Event) -> None:
        """Return when the connection is lost or no longer answers: a stopped machine, or a cut network, closes no
        connection. gmqtt itself notices after two keepalives.
        """
        unanswered, before = 0, self._packets_received
        while unanswered < ASKED_MOST:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(lost.wait(), ASK_S)
                return
            unanswered = 0 if self._packets_received != before or self._pauses else unanswered + 1
            before = self._packets_received
            client.unsubscribe(_NOBODYS)
        log.warning("the broker has stopped answering")

    def _note_received(self) -> None:
        self._packets_received += 1

    def _deliver(self, deliver: Callable[[str, bytes], None], topic: str, payload: bytes) -> None:
        self._packets_received += 1
        deliver(topic, payload)


def _transport(client: gmqtt.Client) -> asyncio.Transport:
    """The transport that gmqtt reads from; gmqtt has no call to pause it."""
    transport: asyncio.Transport = client._connection._transport  # noqa: SLF001 - see above
    return transport


def _new_client(
    client_id: str,
    wanted: Callable[[], Sequence[str]],
    asked: Sequence[str],
    deliver: Callable[[str, bytes], None],
    lost: asyncio.Event,
    received: Callable[[], None],
    granted: Callable[[gmqtt.Client, int, Sequence[int]], None],
) -> gmqtt.Client:
    client = gmqtt.Client(client_id, clean_session=True, logger=logging.getLogger("gmqtt"))
    client.set_config({"reconnect_retries": _NO_RECONNECTS})

    needed: list[int] = []

    def on_connect(*_: Any) -> None:
        needed.extend(_subscribe(client, wanted()))
        for one in asked:
            client.subscribe(gmqtt.Subscription(one, qos=1))

    def on_subscribe(_client: Any, mid: int, codes: tuple[int, ...], _properties: Any) -> None:
        if mid in needed and _is_refused(codes):
            log.error("the broker does not let the bridge read; its access list must name the bridge")
        granted(client, mid, codes)

    def on_unsubscribe(*_: Any) -> None:
        received()

    def on_message(_client: Any, topic: str | bytes, payload: bytes, _qos: int, _properties: Any) -> int:
        received()
        if isinstance(topic, str):
            deliver(topic, payload)
        return 0

    def on_disconnect(*_: Any) -> None:
        lost.set()

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_unsubscribe = on_unsubscribe
    client.on_message = on_message
    client.on_disconnect = on_disconnect
    return client


def _is_refused(codes: Sequence[int]) -> bool:
    return any(code >= _REFUSED for code in codes)


def _subscribe(client: gmqtt.Client, filters: Sequence[str]) -> list[int]:
    """Subscribe to filters, in packets small enough for the broker; returns the packets' numbers."""
    return [
        client.subscribe([gmqtt.Subscription(one, qos=1) for one in filters[at : at + _FILTERS_A_PACKET]])
        for at in range(0, len(filters), _FILTERS_A_PACKET)
    ]


async def _end(client: gmqtt.Client) -> None:
    with contextlib.suppress(OSError, TimeoutError, AttributeError):
        async with asyncio.timeout(DISCONNECT_TIMEOUT_S):
            await client.disconnect()


def _tls_context(settings: BrokerSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(settings.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if key_file.is_open_to_all(settings.key):
            raise SettingsError(
                what=f"everybody on this machine may read the bridge's key {settings.key}",
                kept="nothing was started",
                do=f"run `chmod o= {settings.key}`, and renew it if others have had it: `badgeclock ca renew bridge`",
            )
        context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            what=f"the bridge's certificates cannot be used: {error.strerror or type(error).__name__}",
            kept="nothing was started",
            do="check ca, certificate and key under [broker]; `badgeclock ca issue` makes new ones",
        ) from None
    return context

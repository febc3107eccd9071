"""Plain messages on a connection of gmqtt: PUBLISH packets of MQTT 5 at QoS 0 without properties (MQTT 5.0, 3.3), which
nearly all messages from and to clocks are.

gmqtt makes several objects and lines for its log of each packet, and a TLS record of each that is sent: a bridge spends
more on that than on storing a punch. Here plain messages are read and written directly; every other packet is gmqtt's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import gmqtt
from gmqtt.mqtt.utils import pack_variable_byte_integer

PUBLISH: Final = 0x30
_TYPE_AND_QOS: Final = 0xF6  # of a packet's first byte: all but DUP and RETAIN
_MQTT_5: Final = 5
_LONG: Final = 0x80
_LEAST: Final = 3  # the length of a topic, and that of the properties
_TOPICS: Final = 30_000


class PlainMessages:
    """The plain messages of a connected client."""

    def __init__(self, client: gmqtt.Client, deliver: Callable[[str, bytes], None]) -> None:
        """`deliver(topic, payload)` gets the plain messages, and must not raise; the client's `on_message` gets all
        others.
        """
        self._client = client
        self._deliver = deliver
        self._connection: Any = client._connection  # noqa: SLF001 - gmqtt has no place for another reader
        self._protocol = self._connection._protocol  # noqa: SLF001 - as above
        self._read_by_gmqtt = self._protocol._read_packet  # noqa: SLF001 - as above
        self._protocol._read_packet = self._read  # noqa: SLF001 - as above
        self._gathered: list[bytes] = []

    @property
    def _are_plain(self) -> bool:
        return bool(self._protocol.proto_ver == _MQTT_5)

    def _read(self, data: bytes) -> int:
        """How many bytes of `data` were whole packets; -1 if it is no MQTT."""
        end = deliver_plain(data, self._deliver) if self._are_plain else 0
        if end:
            self._connection._last_data_in = time.monotonic()  # noqa: SLF001 - after long silence gmqtt sends a PINGREQ
        if end == len(data):
            return end
        others: int = self._read_by_gmqtt(data[end:] if end else data)
        return others if others < 0 else end + others

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message at QoS 0; those of one turn of the event loop share a write."""
        if not self._are_plain:
            self._client.publish(topic, payload, qos=0)
            return
        if not self._gathered:
            asyncio.get_running_loop().call_soon(self.flush)
        named = _named(topic)
        size = len(named) + len(payload)
        self._gathered += (_begin(size), named, payload)

    def flush(self) -> None:
        """Write what was gathered."""
        gathered, self._gathered = self._gathered, []
        if gathered:
            self._protocol.write_data(b"".join(gathered))


@lru_cache(maxsize=256)
def _begin(size: int) -> bytes:
    begin: bytes = pack_variable_byte_integer(size)
    return bytes([PUBLISH]) + begin


@lru_cache(maxsize=_TOPICS)
def _named(topic: str) -> bytes:
    name = topic.encode()
    return len(name).to_bytes(2, "big") + name + b"\0"


def deliver_plain(data: bytes, deliver: Callable[[str, bytes], None]) -> int:
    """Deliver the plain messages at the beginning of `data`, up to the first other or unfinished packet. Returns where
    that begins.
    """
    at, length = 0, len(data)
    while at + 1 < length and data[at] & _TYPE_AND_QOS == PUBLISH:
        size, start = data[at + 1], at + 2
        if size & _LONG:
            if start == length or data[start] & _LONG:  # unfinished, or longer than any message of a clock
                return at
            size, start = (size & ~_LONG) | data[start] << 7, start + 1
        end = start + size
        if end > length or size < _LEAST:
            return at
        topic_at = start + 2
        topic_end = topic_at + (data[start] << 8 | data[start + 1])
        if topic_end == topic_at or topic_end >= end or data[topic_end]:  # an alias, no topic, or properties
            return at
        try:
            topic = data[topic_at:topic_end].decode()
        except UnicodeDecodeError:
            return at
        deliver(topic, data[topic_end + 1 : end])
        at = end
    return at

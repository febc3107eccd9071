"""Plain messages: read as gmqtt reads the same bytes, however they come in pieces, and written as gmqtt writes them."""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import Sequence
from typing import Any

import gmqtt
from gmqtt.mqtt.connection import MQTTConnection
from gmqtt.mqtt.constants import MQTTv50, MQTTv311
from gmqtt.mqtt.protocol import MQTTProtocol
from hypothesis import given
from hypothesis import strategies as st

from badgeclock.bridge import plain_messages
from badgeclock.bridge.plain_messages import PlainMessages

Message = tuple[str, bytes]
ALIAS = b"\x03\x23\x00\x01"
CONTENT_TYPE = b"\x05\x03\x00\x02ab"


def packet(first: int, body: bytes) -> bytes:
    size, length = len(body), b""
    while True:
        size, low = size >> 7, size & 0x7F
        length += bytes([low | 0x80 if size else low])
        if not size:
            return bytes([first]) + length + body


def publish(topic: bytes, payload: bytes, *, properties: bytes = b"\0", qos: int = 0, flags: int = 0) -> bytes:
    number = b"\0\x07" if qos else b""
    return packet(0x30 | qos << 1 | flags, struct.pack(">H", len(topic)) + topic + number + properties + payload)


class Transport(asyncio.Transport):
    """A connection that only keeps what gmqtt writes."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.writes = 0

    def write(self, data: Any) -> None:
        self.written += bytes(data)
        self.writes += 1

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        raise AssertionError("nothing closes it")

    def pause_reading(self) -> None:
        raise AssertionError("nothing pauses it")


def client_on(transport: Transport, version: int) -> gmqtt.Client:
    """A client of gmqtt on a connection of this version."""
    client = gmqtt.Client("bridge")
    handler: Any = client._package_handler
    protocol: Any = MQTTProtocol(connection_state=handler._connection_state, id_generator=handler.id_generator)
    protocol.proto_ver = version
    connection = MQTTConnection(transport, protocol, clean_session=True, keepalive=60, package_handler=handler)
    connection._keep_connection_callback.cancel()
    protocol._transport = transport
    client._connection = connection
    return client


async def _read(pieces: Sequence[bytes], version: int, *, plainly: bool) -> tuple[list[Message], bytes, int]:
    """The messages that a client delivers of these pieces, what it answers, and how many bytes it left."""
    came: list[Message] = []
    transport = Transport()
    client = client_on(transport, version)

    def on_message(_client: Any, topic: str, payload: bytes, _qos: int, _properties: Any) -> int:
        came.append((topic, payload))
        return 0

    client.on_message = on_message
    if plainly:
        PlainMessages(client, lambda topic, payload: came.append((topic, payload)))
    unread = b""
    for piece in pieces:
        unread += piece
        taken = client._connection._protocol._read_packet(unread)
        if taken < 0:
            return came, transport.written, taken
        unread = unread[taken:]
    return came, transport.written, len(unread)


async def _written(messages: Sequence[Message], version: int, *, plainly: bool) -> tuple[bytes, int]:
    """What a client writes for messages, and in how many writes."""
    transport = Transport()
    client = client_on(transport, version)
    plain = PlainMessages(client, lambda _topic, _payload: None)
    for topic, payload in messages:
        if plainly:
            plain.publish(topic, payload)
        else:
            client.publish(topic, payload, qos=0)
    await asyncio.sleep(0)
    return transport.written, transport.writes


def cut(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = [0, *sorted(min(it, len(data)) for it in cuts), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(places)]


TOPICS = st.sampled_from([b"badgeclock/v1/clock-0001/punches", b"a", "Ş".encode(), b"\xff\xfe", b""])
PAYLOADS = st.binary(max_size=40) | st.integers(100, 20_000).map(bytes)
PACKETS = st.one_of(
    st.builds(publish, TOPICS, PAYLOADS, flags=st.sampled_from([0, 1, 8])),
    st.builds(publish, TOPICS, PAYLOADS, properties=st.sampled_from([ALIAS, CONTENT_TYPE])),
    st.builds(publish, TOPICS, PAYLOADS, qos=st.just(1)),
    st.just(packet(0xD0, b"")),
)


@given(
    st.lists(PACKETS, max_size=12),
    st.lists(st.integers(0, 30_000), max_size=6),
    st.sampled_from([MQTTv50, MQTTv311]),
)
def test_the_same_is_delivered_answered_and_left_as_by_gmqtt_alone(
    packets: list[bytes], cuts: list[int], version: int
) -> None:
    pieces = cut(b"".join(packets), cuts)
    assert asyncio.run(_read(pieces, version, plainly=True)) == asyncio.run(_read(pieces, version, plainly=False))


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=3))
def test_any_bytes_are_delivered_as_by_gmqtt_alone(data: bytes, cuts: list[int]) -> None:
    pieces = cut(b"\x30" + data, cuts)
    assert asyncio.run(_read(pieces, MQTTv50, plainly=True)) == asyncio.run(_read(pieces, MQTTv50, plainly=False))


def test_plain_messages_do_not_pass_through_gmqtt_and_others_do() -> None:
    plain = publish(b"badgeclock/v1/clock-0001/punches", bytes(64), flags=1)
    delivered: list[Message] = []
    behind = publish(b"badgeclock/v1/clock-0001/punches", b"", qos=1)
    end = plain_messages.deliver_plain(plain * 3 + behind, lambda *message: delivered.append(message))
    assert end == 3 * len(plain)
    assert delivered == [("badgeclock/v1/clock-0001/punches", bytes(64))] * 3


@given(
    st.lists(st.tuples(st.sampled_from(["badgeclock/v1/clock-0001/ack", "a", "Ş"]), PAYLOADS), min_size=1, max_size=8),
    st.sampled_from([MQTTv50, MQTTv311]),
)
def test_the_same_bytes_are_written_as_by_gmqtt_and_at_once(messages: list[Message], version: int) -> None:
    expected, _ = asyncio.run(_written(messages, version, plainly=False))
    written, writes = asyncio.run(_written(messages, version, plainly=True))
    assert written == expected
    assert writes == (1 if version == MQTTv50 else len(messages))

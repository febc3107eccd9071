"""The part of MQTT 3.1.1 that a proxy between a clock and its broker needs: whole packets, and a few made by hand."""

from __future__ import annotations

import asyncio
from typing import Final

CONNECT: Final = 0x10
CONNACK: Final = 0x20
PUBLISH: Final = 0x30
SUBSCRIBE: Final = 0x82
SUBACK: Final = 0x90

_LENGTH_BYTES_MAX: Final = 4


def kind(unit: bytes) -> int:
    """The type of a packet: its first byte without the flags of PUBLISH (§2.2)."""
    return unit[0] & 0xF0 if unit[0] & 0xF0 == PUBLISH else unit[0]


def packet(first: int, body: bytes) -> bytes:
    """An MQTT packet: first byte, remaining length (§2.2.3), body."""
    length, head = len(body), bytearray([first])
    while True:
        head.append(length & 0x7F | (0x80 if length > 0x7F else 0))
        length >>= 7
        if not length:
            return bytes(head) + body


def text(content: bytes) -> bytes:
    """A length-prefixed string (§1.5.3)."""
    return len(content).to_bytes(2, "big") + content


def connect(client_id: str) -> bytes:
    """A CONNECT with a clean session and no keepalive (§3.1)."""
    return packet(CONNECT, text(b"MQTT") + bytes([4, 2, 0, 0]) + text(client_id.encode()))


def publication(topic: str, payload: bytes) -> bytes:
    """A PUBLISH at QoS 0 (§3.3)."""
    return packet(PUBLISH, text(topic.encode()) + payload)


def body_start(unit: bytes) -> int:
    """Where the body of a whole packet begins."""
    at = 1
    while unit[at] & 0x80:
        at += 1
    return at + 1


def payload_start(unit: bytes) -> int:
    """Where the payload of a PUBLISH at QoS 0 begins; its end if it has none."""
    at = body_start(unit)
    return min(at + 2 + int.from_bytes(unit[at : at + 2], "big"), len(unit))


async def read_packet(reader: asyncio.StreamReader) -> bytes:
    """The next packet. Raises IncompleteReadError at the end of the stream, ValueError for a length of five bytes."""
    head = bytearray(await reader.readexactly(2))
    length = head[1] & 0x7F
    while head[-1] & 0x80:
        if len(head) > _LENGTH_BYTES_MAX:
            raise ValueError("an MQTT length of five bytes")
        head += await reader.readexactly(1)
        length |= (head[-1] & 0x7F) << 7 * (len(head) - 2)
    return bytes(head) + await reader.readexactly(length)

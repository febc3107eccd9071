"""The time server of virtual sites: queries, answers, and wrong answers."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from badgeclock.virtual.timeserver import PACKET, TO_1970_S, Temper, TimeServer, timestamp, write_answer

QUESTION = b"\x23" + bytes(39) + b"anynonce"
NOON_S = 1_796_040_000.25


def seconds_of(packet: bytes) -> int:
    """Unix seconds of the transmit timestamp."""
    return int(struct.unpack_from(">I", packet, 40)[0]) - TO_1970_S


def test_a_question_is_answered_by_the_rfc() -> None:
    answer = write_answer(QUESTION, NOON_S)
    assert answer is not None
    assert (len(answer), answer[0], answer[1]) == (48, 0x24, 2)
    assert answer[24:32] == b"anynonce"
    assert answer[40:] == struct.pack(">II", 1_796_040_000 + TO_1970_S, 1 << 30)
    assert timestamp(2**32 - TO_1970_S) == bytes(8)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_question_or_none(content: bytes) -> None:
    answer = write_answer(content, NOON_S)
    assert (answer is None) == (len(content) < PACKET.size or content[0] & 7 != 3)


def test_the_server_answers_as_its_temper_is_until_it_is_closed() -> None:
    temper = Temper.RIGHT
    server = TimeServer(lambda: NOON_S, lambda: temper)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as clock:
        clock.connect(("127.0.0.1", server.port))
        clock.settimeout(5)
        clock.send(b"no question")
        clock.send(QUESTION)
        assert seconds_of(clock.recv(512)) == int(NOON_S)
        temper = Temper.LYING
        clock.send(QUESTION)
        assert seconds_of(clock.recv(512)) > NOON_S + 86_400
        temper = Temper.LOST
        clock.send(QUESTION)
        assert clock.recv(512)[:2] == b"\xe4\x00"
        temper = Temper.SILENT
        clock.send(QUESTION)
        clock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            clock.recv(512)
        server.close()
        clock.send(QUESTION)
        with pytest.raises(ConnectionRefusedError):
            clock.recv(512)

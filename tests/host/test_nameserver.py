"""The name server of virtual sites: queries, answers, and garbage."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from badgeclock.virtual.nameserver import NameServer, Temper, read_question, write_answer, write_rubbish

QUERY = bytes.fromhex("1234 0100 0001 0000 0000 0000") + b"\x04mqtt\x04site\x00\x00\x01\x00\x01"
ADDRESS = "192.0.2.10"


def test_a_question_is_read_and_answered_by_the_rfc() -> None:
    question = read_question(QUERY)
    assert question is not None
    assert (question.number, question.name, question.wants_address) == (0x1234, "mqtt.site", True)
    record = bytes.fromhex("c00c 0001 0001 0000003c 0004 c000020a")
    assert write_answer(question, ADDRESS) == bytes.fromhex("1234 8180 0001 0001 0000 0000") + QUERY[12:] + record
    assert write_answer(question, None) == bytes.fromhex("1234 8183 0001 0000 0000 0000") + QUERY[12:]


def test_a_question_for_ipv6_has_an_answer_without_addresses() -> None:
    question = read_question(QUERY[:-4] + b"\x00\x1c\x00\x01")
    assert question is not None
    assert write_answer(question, ADDRESS)[2:8] == bytes.fromhex("8180 0001 0000")


def test_a_question_of_mdns_may_want_its_answer_by_unicast() -> None:
    question = read_question(QUERY[:-2] + b"\x80\x01")
    assert question is not None
    assert question.wants_address


@given(st.binary(max_size=100))
def test_any_bytes_are_a_question_or_none(content: bytes) -> None:
    for query in (content, QUERY[:12] + content):
        question = read_question(query)
        assert question is None or (question.name and query[12:].startswith(question.raw))


@given(st.integers(0, len(QUERY) - 1))
def test_a_question_cut_short_is_none(length: int) -> None:
    assert read_question(QUERY[:length]) is None


def test_rubbish_is_never_a_right_answer() -> None:
    question = read_question(QUERY)
    assert question is not None
    right = write_answer(question, "192.0.2.66")
    assert all(message != right for _ in range(100) for message in write_rubbish(question))


def test_the_server_answers_as_its_temper_is_until_it_is_closed() -> None:
    temper = Temper.RIGHT
    server = NameServer({"mqtt.site": ADDRESS}.get, lambda: temper)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as clock:
        clock.connect(("127.0.0.1", server.port))
        clock.settimeout(5)
        clock.send(b"no question")
        clock.send(QUERY)
        assert clock.recv(512)[-4:] == socket.inet_aton(ADDRESS), "the first answer is to the first question"
        clock.send(QUERY.replace(b"mqtt", b"mail"))
        assert clock.recv(512)[3] & 15 == 3
        temper = Temper.NAMELESS
        clock.send(QUERY)
        assert clock.recv(512)[3] & 15 == 3
        temper = Temper.RUBBISH
        clock.send(QUERY)
        assert [clock.recv(512) for _ in range(4)]
        temper = Temper.SILENT
        clock.send(QUERY)
        clock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            clock.recv(512)
        server.close()
        clock.send(QUERY)
        with pytest.raises(ConnectionRefusedError):
            clock.recv(512)

"""A DNS server on loopback, as the router of a small site is one: A records over UDP (RFC 1035), with configured names.

It answers one query at a time in its own thread, because looking up a name may take long. Anything but a query gets no
answer.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address
from typing import Final

LOOPBACK: Final = "127.0.0.1"
TYPE_A: Final = 1
CLASS_IN: Final = 1
CLASS_MASK: Final = 0x7FFF  # the top bit requests an answer by unicast (RFC 6762 §5.4), which every answer here is
HEADER: Final = struct.Struct(">6H")  # number, flags, questions, answers, authorities, additional
RECORD: Final = struct.Struct(">HHHIH")  # pointer to the name, type, class, seconds to live, length
QR: Final = 0x8000
OPCODE: Final = 0x7800
ANSWER: Final = 0x8180  # an answer, recursion desired and available
NO_SUCH_NAME: Final = 3
QUESTION_AT: Final = HEADER.size
LABEL_MAX: Final = 63
TIME_TO_LIVE_S: Final = 60
LONGEST: Final = 512


class Temper(Enum):
    """How a name server answers: correctly, not at all, "no such name", or with garbage."""

    RIGHT = "right"
    SILENT = "silent"
    NAMELESS = "nameless"
    RUBBISH = "rubbish"


@dataclass(frozen=True)
class Question:
    """One question of one query: the name, whether an IPv4 address is wanted, and the bytes that are echoed."""

    number: int
    name: str
    wants_address: bool
    raw: bytes


def read_question(query: bytes) -> Question | None:
    """The question of a query; None for anything else."""
    if len(query) < QUESTION_AT:
        return None
    number, flags, questions, *_ = HEADER.unpack_from(query)
    if flags & (QR | OPCODE) or questions != 1:
        return None
    labels = []
    at = QUESTION_AT
    while at < len(query) and 0 < query[at] <= LABEL_MAX:
        labels.append(query[at + 1 : at + 1 + query[at]])
        at += 1 + query[at]
    end = at + 5
    if len(query) < end or query[at] or not labels:
        return None
    kind, group = struct.unpack_from(">HH", query, at + 1)
    try:
        name = b".".join(labels).decode("ascii")
    except UnicodeDecodeError:
        return None
    return Question(number, name, kind == TYPE_A and group & CLASS_MASK == CLASS_IN, query[QUESTION_AT:end])


def write_answer(question: Question, address: str | None) -> bytes:
    """The answer with that IPv4 address; without one, "no such name"."""
    if address is None:
        return HEADER.pack(question.number, ANSWER | NO_SUCH_NAME, 1, 0, 0, 0) + question.raw
    if not question.wants_address:
        return HEADER.pack(question.number, ANSWER, 1, 0, 0, 0) + question.raw
    record = RECORD.pack(0xC000 | QUESTION_AT, TYPE_A, CLASS_IN, TIME_TO_LIVE_S, 4) + IPv4Address(address).packed
    return HEADER.pack(question.number, ANSWER, 1, 1, 0, 0) + question.raw + record


def write_rubbish(question: Question) -> list[bytes]:
    """Invalid answers: random bytes, an answer cut short, another's answer, one with a bad name."""
    right = write_answer(question, "192.0.2.66")
    other = HEADER.pack(question.number ^ 1, ANSWER, 1, 1, 0, 0)
    return [
        secrets.token_bytes(secrets.randbelow(LONGEST)),
        right[:-3],
        other + right[QUESTION_AT:],
        right[: QUESTION_AT + len(question.raw)] + b"\x80" + right[QUESTION_AT + len(question.raw) :],
    ]


class NameServer:
    """Answers at `port` on loopback until it is closed.

    look_up: returns the IPv4 address of a name, or None. temper: how the next query is answered.
    """

    def __init__(self, look_up: Callable[[str], str | None], temper: Callable[[], Temper]) -> None:
        self._look_up = look_up
        self._temper = temper
        self._closed = False
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind((LOOPBACK, 0))
        self.port: int = self._sock.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="name server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; waits at most a second for a lookup in progress."""
        self._closed = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (LOOPBACK, self.port))
        self._thread.join(1.0)

    def _run(self) -> None:
        with self._sock:
            while True:
                query, asker = self._sock.recvfrom(LONGEST)
                if self._closed:
                    return
                for message in self._answers(query):
                    with contextlib.suppress(OSError):
                        self._sock.sendto(message, asker)

    def _answers(self, query: bytes) -> list[bytes]:
        temper = self._temper()
        question = read_question(query)
        if question is None or temper is Temper.SILENT:
            return []
        if temper is Temper.RUBBISH:
            return write_rubbish(question)
        return [write_answer(question, None if temper is Temper.NAMELESS else self._look_up(question.name))]

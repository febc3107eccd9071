"""Verifies seals in a helper process, if the machine has a second processor.

A record costs six hashes, too short for Python to release its lock to another thread: a third of a record's whole cost
in the bridge. Large batches are verified in the helper process; small ones here, where the round trip would cost more.

The helper process is `python -m badgeclock.bridge.intake.seal_process FD`; it exits when the socket closes.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog

from badgeclock.protocol import seal
from badgeclock.protocol.record import RECORD_BYTES
from badgeclock.protocol.seal import SealState, VerifiedRun

SEPARATE_RECORDS: Final = 256
"""From this many records on, the round trip costs less than it saves."""
ANSWER_S: Final = 10.0
"""Longest wait for the helper; what it does not answer in time is verified here."""
_SIZE: Final = struct.Struct(">I")

_Answer = tuple[tuple[Any, ...], int, bool]
"""The state after the last accepted record, how many were accepted, and whether that is all."""

Chains = Sequence[tuple[SealState, bytes]]
"""Clocks' states, each with records that follow one another, 64 bytes each."""

log = structlog.get_logger("badgeclock.bridge.intake.seal_process")


def verify_here(chains: Chains) -> list[VerifiedRun]:
    """Verify each in this process."""
    return [seal.verify_run(state, raws) for state, raws in chains]


def verifier() -> tuple[Callable[[Chains], list[VerifiedRun]], Callable[[], None]]:
    """The function that verifies chains on this machine, and the one that stops its process."""
    if len(os.sched_getaffinity(0)) == 1:
        return verify_here, lambda: None
    process = SealProcess()
    return process.verify, process.close


class SealProcess:
    """A helper process that verifies; started at first use, restarted after a failure. For one thread at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def verify(self, chains: Chains) -> list[VerifiedRun]:
        """As `verify_here`, even if the helper fails."""
        if sum(len(raws) for _, raws in chains) < SEPARATE_RECORDS * RECORD_BYTES:
            return verify_here(chains)
        try:
            answers = self._ask(chains)
        except (OSError, EOFError, ValueError) as error:
            log.error("seals are verified here: the process beside failed", error=type(error).__name__)
            self.close()
            return verify_here(chains)
        return [_result_of(raws, answer) for (_, raws), answer in zip(chains, answers, strict=True)]

    def close(self) -> None:
        """Stop the helper."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ask(self, chains: Chains) -> list[_Answer]:
        if self._socket is None:
            self._socket = self._start()
        _send(self._socket, [(tuple(state), raws) for state, raws in chains])
        answers: list[_Answer] = _receive(self._socket)
        return answers

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", __name__, str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        ours.settimeout(ANSWER_S)
        return ours


def _result_of(raws: bytes, answer: _Answer) -> VerifiedRun:
    state, taken, whole = answer
    after = SealState(*state)
    refused = None if whole else seal.verify_run(after, raws[taken * RECORD_BYTES :]).refused
    return VerifiedRun(after, taken, refused)


def _send(end: socket.socket, message: list[Any]) -> None:
    packed = marshal.dumps(message)
    end.sendall(_SIZE.pack(len(packed)) + packed)


def _receive(end: socket.socket) -> Any:
    """The next message; EOFError when the other end is closed."""
    (size,) = _SIZE.unpack(_receive_exactly(end, _SIZE.size))
    return marshal.loads(_receive_exactly(end, size))  # noqa: S302 - from our own process


def _receive_exactly(end: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    view, have = memoryview(data), 0
    while have < size:
        some = end.recv_into(view[have:])
        if not some:
            raise EOFError
        have += some
    return data


def _serve(end: socket.socket) -> None:
    """Answer requests until the other end is closed."""
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            results = [seal.verify_run(SealState(*state), raws) for state, raws in _receive(end)]
            _send(end, [(tuple(one.state), one.taken, one.refused is None) for one in results])


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the bridge
    _serve(socket.socket(fileno=int(sys.argv[1])))

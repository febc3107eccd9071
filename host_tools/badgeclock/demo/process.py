"""A child process of the demo: started, awaited, stopped, killed, and never left behind.

Children get SIGTERM whenever the parent ends (Linux PR_SET_PDEATHSIG, prctl(2)), so that even `kill -9` on the demo
leaves no broker or clock running.
"""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from badgeclock.errors import BadgeclockError

PR_SET_PDEATHSIG = 1
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.02
LOG_TAIL_LINES = 15

_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_answers(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


class Process:
    """One named child with its log file; `ready` is true when it serves.

    Raises BadgeclockError with the end of its log when it dies early or is not ready within READY_TIMEOUT_S.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | os.PathLike[str]],
        log: Path,
        ready: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = [os.fspath(part) for part in command]
        self._ready = ready
        self._environment = {**os.environ, **(environment or {})}
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Starts the child and returns once it is ready."""
        if not self.running:
            self.begin()
            self.wait_ready()

    def begin(self) -> None:
        """Starts the child, for `wait_ready` to wait for it, so that several start beside each other."""
        if self.running:
            return
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread holds a lock the child needs
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Returns once the child that has begun is ready."""
        child = self._child
        assert child is not None
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not self._ready():
            if child.poll() is not None:
                raise self._failed(f"ended with code {child.returncode} before it was ready")
            if time.monotonic() > deadline:
                self.kill()
                raise self._failed(f"was not ready within {READY_TIMEOUT_S:.0f} s")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Sends SIGTERM to the child and waits; after STOP_TIMEOUT_S it is killed."""
        if self._child is None:
            return
        if self.running:
            self._child.terminate()
            try:
                self._child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self._child = None

    def kill(self) -> None:
        """Ends the child at once (SIGKILL), as a power cut would."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def _failed(self, what: str) -> BadgeclockError:
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return BadgeclockError(
            what=f"{self.name} {what}; the end of its log:\n  " + "\n  ".join(lines),
            kept=f"the whole log in {self.log}",
            do="mend what the log says and start again",
        )

"""A sandbox as a child process, for tests that kill it and start it again."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

_START_TIMEOUT_S: Final = 30.0
_STOP_TIMEOUT_S: Final = 10.0
# The command without the others' modules: it starts in half the time.
_RUN: Final = """
import sys
from badgeclock.cli.sandbox import app
from badgeclock.errors import BadgeclockError
try:
    app()
except BadgeclockError as error:
    sys.exit(str(error))
"""


class SandboxNotStarted(Exception):
    """The sandbox's process ended, or printed nothing, before it listened."""


class SandboxProcess:
    """`badgeclock sandbox run` on loopback with the store in `directory`; started at once, ended by `stop` or `kill`.

    endpoint        URL of the SOAP endpoint; the same after `start` has been called again
    rest, token     URLs of the REST endpoint and of its token endpoint; openapi of its description
    base            URL of the control endpoint's host

    credentials     the folder of its keys, made if absent; None: it requires no certificate and no token

    What the process says on stderr is in sandbox.log in the directory. Raises SandboxNotStarted.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        seed: int = 1,
        latency_ms: int = 0,
        validation_delay_ms: int = 2_000,
        credentials: Path | None = None,
    ) -> None:
        self._directory = directory
        self._options = ["--seed", str(seed), "--latency-ms", str(latency_ms)]
        if credentials is not None:
            self._options += ["--credentials", str(credentials)]
        self._delay = ("--validation-delay-ms", str(validation_delay_ms))
        self._port = port
        # One for all calls, for making one reads every root certificate; no connection outlives the process it led to.
        self._http = httpx.Client(
            trust_env=False, timeout=_START_TIMEOUT_S, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self.endpoint = self.rest = self.token = self.openapi = self.base = ""
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process over the same store and, if it ran before, on the same port."""
        store = self._directory / "sandbox.db"
        output = self._directory / "sandbox.log"
        command = [sys.executable, "-c", _RUN, "run", "--port", str(self._port), "--store", str(store)]
        with output.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._options, *self._delay], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
            )
        assert self._process.stdout is not None
        first_line = self._process.stdout.readline()
        self._process.stdout.close()
        if not first_line:
            self._process.wait(_STOP_TIMEOUT_S)
            raise SandboxNotStarted(output.read_text(errors="replace")[-1000:].strip())
        where = json.loads(first_line)
        self.endpoint, self.rest, self.token = where["endpoint"], where["rest"], where["token"]
        self.openapi = where["openapi"]
        self.base = where["page"].rstrip("/")
        self._port = httpx.URL(self.base).port or 0
        self._wait_until_it_answers()

    def control(self, **change: Any) -> dict[str, Any]:
        """Change its script: the parts of `control.Script`."""
        answer = self._http.post(f"{self.base}/control", json=change)
        answer.raise_for_status()
        script: dict[str, Any] = answer.json()
        return script

    def received(self, after: int = 0) -> dict[str, Any]:
        """Received data, masked; at most 1,000 registrations above the number `after`."""
        parameters = {"after": after, "limit": 1000}
        answer = self._http.get(f"{self.base}/received", params=parameters)
        answer.raise_for_status()
        got: dict[str, Any] = answer.json()
        return got

    def kill(self) -> None:
        """kill -9; the store is as the last commit left it."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it in order; by force if it does not end."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self._http.get(f"{self.base}/control")
            except httpx.TransportError:
                time.sleep(0.02)
            else:
                return
        self.kill()
        raise SandboxNotStarted(f"it listened, but ended or did not answer; see {self._directory / 'sandbox.log'}")

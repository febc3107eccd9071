"""Uploaded lists, from the trial to the import: one is worked on at a time, in a process of its own.

They contain national numbers: on disk they are encrypted under a key that only this process has, and only for a while.
An import goes to the bridge in portions, so that punches are stored between them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, Any, Final

from badgeclock.bridge.acts.acts import Asked
from badgeclock.bridge.people import imports
from badgeclock.bridge.people.imports import Fault, Kind
from badgeclock.bridge.store.vault import Vault
from badgeclock.console.door import Door
from badgeclock.console.errors import ActRefused, ConsoleError
from badgeclock.console.import_process import FIRST_ROWS, PORTIONS, TRY, Work
from badgeclock.console.sealed_file import SealedFile
from badgeclock.errors import BadgeclockError

KEPT_S: Final = 1800.0
KEPT_MOST: Final = 16


class Stage(StrEnum):
    """How far a list is."""

    TRYING = "trying"
    TRIED = "tried"
    IMPORTING = "importing"
    IMPORTED = "imported"


@dataclass
class Job:
    """An uploaded list: whose, its name and content, how far it is, and what came of it."""

    account_id: int
    name: str
    content: SealedFile
    kind: Kind | None
    site: str | None
    stage: Stage = Stage.TRYING
    rows: int = 0
    done: int = 0
    """Rows tried or imported so far."""
    report: dict[str, Any] | None = None
    error: BadgeclockError | None = None
    faults: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    """Every bad row, as CSV."""
    since_s: float = 0.0
    work: Future[None] = field(default_factory=Future)

    @property
    def is_busy(self) -> bool:
        """Whether it is worked on, or waits for that."""
        return not self.work.done()

    @property
    def can_import(self) -> bool:
        """Whether it was tried, and every row is good."""
        return self.stage is Stage.TRIED and self.report is not None and not self.report["bad"]

    def faults_csv(self) -> bytes:
        """Every bad row, as CSV."""
        self.faults.seek(0)
        return self.faults.read()

    def close(self) -> None:
        """Delete its files."""
        self.content.close()
        self.faults.close()


class ImportJobs:
    """The lists, by a token that only the sender's page has."""

    def __init__(
        self,
        store_url: str,
        vault: Vault,
        door: Door,
        now_ms: Callable[[], int],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store_url = store_url
        self._vault = vault
        self._door = door
        self._now_ms = now_ms
        self._clock_s = clock_s
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="imports")
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._ended = False

    def begin(self, job: Job) -> str:
        """Keep a list for a while and try it; returns its token. Raises ConsoleError while another one of the same
        account, or too many, are worked on.
        """
        self._trim()
        if any(one.is_busy and one.account_id == job.account_id for one in self._jobs.values()):
            job.close()
            raise ConsoleError(
                what="another list of yours is still worked on", kept="everything as it was", do="wait until it is done"
            )
        if len(self._jobs) >= KEPT_MOST:
            job.close()
            raise ConsoleError(
                what="too many lists are worked on", kept="everything as it was", do="try again in some minutes"
            )
        word = secrets.token_urlsafe(16)
        self._jobs[word] = job
        self._submit(job, self._try, job)
        return word

    def import_it(self, job: Job, session: str) -> None:
        """Import a tried list, with the secret of a session."""
        job.stage, job.done = Stage.IMPORTING, 0
        self._submit(job, self._import, job, session)

    def find(self, word: str, account_id: int) -> Job | None:
        """The list of a token, if that account sent it and it is still kept."""
        self._trim()
        job = self._jobs.get(word)
        return job if job is not None and job.account_id == account_id else None

    def close(self) -> None:
        """End what is worked on, and delete every list."""
        with self._lock:
            self._ended = True
            if self._process is not None:
                self._process.kill()
        self._thread.shutdown(cancel_futures=True)
        while self._jobs:
            self._jobs.popitem()[1].close()

    def _trim(self) -> None:
        now_s = self._clock_s()
        idle = [word for word, job in self._jobs.items() if not job.is_busy]
        over = len(self._jobs) - KEPT_MOST + 1
        for at, word in enumerate(idle):
            if at < over or now_s - self._jobs[word].since_s > KEPT_S:
                self._jobs.pop(word).close()

    def _submit(self, job: Job, work: Callable[..., None], *args: object) -> None:
        job.since_s, job.error = self._clock_s(), None

        def done() -> None:
            try:
                work(*args)
            except BadgeclockError as error:
                job.error = error
            except (OSError, ValueError):
                job.error = _broken_off()
            finally:
                job.since_s = self._clock_s()

        job.work = self._thread.submit(done)

    def _try(self, job: Job) -> None:
        for said in self._said(job, TRY):
            job.rows = said.get("rows", job.rows)
            job.done = said.get("done", job.done)
            job.report = said.get("report")
        if job.report is None:
            raise _broken_off()
        job.done, job.stage = job.rows, Stage.TRIED

    def _import(self, job: Job, session: str) -> None:
        """Portion by portion; what was imported before a refusal stays, and is counted."""
        counts: Counter[tuple[str, str]] = Counter()
        queued = 0
        report: dict[str, Any] = {"bad": 0, "waiting": 0, "following": 0, "kinds": [], "first": [], "remarks": []}
        with contextlib.closing(self._said(job, PORTIONS)) as lines:
            for said in lines:
                if "tables" not in said:
                    continue
                done = asyncio.run(self._door.ask(Asked.IMPORT, session, tables=said["tables"]))
                faults = [Fault(*fault) for fault in done["faults"]]
                if faults:
                    kinds = imports.fault_kinds(faults, FIRST_ROWS)
                    report |= {"bad": len(faults), "following": done["following"], "kinds": kinds}
                    job.faults.seek(0)
                    job.faults.truncate()
                    job.faults.write(imports.as_csv(faults).encode())
                    break
                counts.update({(kind, verb): number for kind, verb, number in done["counts"]})
                queued += done["queued"]
                job.done += said["rows"]
                job.report = report | {"counts": _sums(counts), "queued": queued}
        job.report = report | {"counts": _sums(counts), "queued": queued}
        job.stage = Stage.IMPORTED

    def _said(self, job: Job, what: str) -> Generator[dict[str, Any], None, None]:
        """What the process says about a list. Raises ConsoleError."""
        work = Work(self._store_url, self._vault, job.name, job.kind, job.site, self._now_ms())
        command = [sys.executable, "-m", "badgeclock.console.import_process", what, str(job.faults.fileno())]
        with self._lock:
            if self._ended:
                raise _broken_off()
            process = self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[job.faults.fileno()]
            )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(work.packed() + job.content.content())
            process.stdin.close()
            for line in process.stdout:
                said = json.loads(line)
                if "refused" in said:
                    raise ActRefused("Import", **said["refused"])
                yield said
            if process.wait():
                raise _broken_off()
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _sums(counts: Counter[tuple[str, str]]) -> list[tuple[str, str, int]]:
    return [(kind, verb, number) for (kind, verb), number in sorted(counts.items())]


def _broken_off() -> ConsoleError:
    return ConsoleError(
        what="the work on the list was broken off",
        kept="what was imported before, if anything",
        do="send the list again: what is there already stays unchanged",
    )

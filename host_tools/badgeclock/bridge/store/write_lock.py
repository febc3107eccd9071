"""Finds the holder of SQLite's one write lock, in Linux's own list of locks, and handles a program that hangs.

A program suspended in the middle of a write keeps the lock, and no punch can be stored. A suspended one (Ctrl-Z,
SIGSTOP) is continued, so that it completes its write. One that idles for a minute, or cannot be continued, is killed,
as PostgreSQL ends a session that idles in a transaction: its whole change is rolled back. A program that works is
waited for, and reported.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy.engine import make_url

from badgeclock.bridge import logs
from badgeclock.bridge.rounds import Rounds

LOOK_S: Final = 2.0
LONG_ROUNDS: Final = 30
"""After this many checks, a minute, a program that hangs is killed, and one that works is reported."""
_WRITE_LOCK: Final = 120
"""The byte of the -shm file that a writer in WAL mode locks (https://sqlite.org/walformat.html, section 2.3)."""
_WORDS: Final = 4
_TWICE: Final = 2

log = logs.Named("badgeclock.bridge.store")


class Holder(NamedTuple):
    """The holder of the lock: its process, the words of its command up to the first option, its state."""

    pid: int
    command: str
    state: str
    """From proc(5): T and t are stopped, D waits for a disk."""
    began: int
    """Ticks from the machine's start to the process's: distinguishes a reused process number."""
    worked: int
    """Ticks of processor time."""

    @property
    def is_stopped(self) -> bool:
        """Whether a signal or a debugger has stopped it."""
        return self.state in "Tt"

    def is_same(self, other: Holder | None) -> bool:
        """Whether both are the same process."""
        return other is not None and (self.pid, self.began) == (other.pid, other.began)

    def described(self) -> str:
        """For messages."""
        return f"process {self.pid} ({self.command})" + (", which is suspended" if self.is_stopped else "")

    def to_do(self) -> str:
        """What to do about it."""
        if self.is_stopped:
            return f"let it go on with `kill -CONT {self.pid}`, or end it: its own change is then undone"
        return "wait until it has ended, or end it: its own change is then undone"


def database_of(url: str) -> Path | None:
    """The file of an SQLite store; None for any other."""
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:")
    return Path(str(parsed.database)) if is_file else None


def holder(database: Path) -> Holder | None:
    """The other program that holds the write lock; None if none does, or it is unknown.

    No file of the store is opened: closing it would release this process's own locks on it (POSIX).
    """
    with suppress(OSError, ValueError, IndexError):
        inode = str(database.with_name(f"{database.name}-shm").stat().st_ino)
        for line in Path("/proc/locks").read_text("ascii").splitlines():
            words = line.split()
            if "->" in words or words[3] != "WRITE" or words[5].rpartition(":")[2] != inode:
                continue
            pid, first, last = int(words[4]), int(words[6]), words[7]
            if first <= _WRITE_LOCK and (last == "EOF" or int(last) >= _WRITE_LOCK) and pid != os.getpid() and pid > 0:
                return Holder(pid, _command(pid), *_stands(pid))
    return None


def _command(pid: int) -> str:
    """The program's name for people: without option values, which may be somebody's name."""
    words = [os.fsdecode(word) for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") if word]
    words = words[1:] if len(words) > 1 and Path(words[0]).name.startswith("python") else words
    named = [Path(words[0]).name, *words[1:_WORDS]]
    until = next((place for place, word in enumerate(named) if word.startswith("-")), len(named))
    return " ".join(named[:until]) or "a program"


def _stands(pid: int) -> tuple[str, int, int]:
    """State, start and work of a process (proc(5): fields 3, 22, and 14 with 15 of its stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    return fields[0], int(fields[19]), int(fields[11]) + int(fields[12])


class WriteLockWatch(Rounds):
    """Checks in rounds whether another program locks the store; does nothing for other stores than SQLite."""

    def __init__(self, url: str) -> None:
        super().__init__(pause_s=LOOK_S, if_store_fails="who holds the store is not looked at")
        self._database = database_of(url)
        self._seen: Holder | None = None
        """The holder at the last check."""
        self._looks = self._standing = 0
        """For how many checks in a row it held the lock, and for how many it idled."""

    async def work(self) -> None:
        """Check once; a program that hangs is continued after two checks in a row, and killed after LONG_ROUNDS."""
        if self._database is None:
            return
        found, before = await asyncio.to_thread(holder, self._database), self._seen
        self._seen = found
        if found is None:
            return
        if before is None or not found.is_same(before):
            self._looks = self._standing = 1
            return
        self._looks += 1
        # A slow disk is waited for: a process that waits for one cannot be killed.
        self._standing = 1 if found.worked != before.worked or found.state == "D" else self._standing + 1
        if self._standing > LONG_ROUNDS:
            self._standing = 1
            if self._signal(found, signal.SIGKILL):
                log.error(
                    "a program stood in its write to the store and was ended; nothing is written", was=found.described()
                )
        elif found.is_stopped:
            if self._signal(found, signal.SIGCONT) and self._looks == _TWICE:
                log.warning("a suspended program holds the store; it is made to go on", held_by=found.described())
        elif not self._looks % LONG_ROUNDS:
            log.warning("a program holds the store, and no punch is stored meanwhile", held_by=found.described())

    def _signal(self, found: Holder, number: signal.Signals) -> bool:
        """Send it a signal if it is still the same process and holds the lock; returns whether that worked."""
        assert self._database is not None
        try:
            process = os.pidfd_open(found.pid)
        except OSError:
            return False
        try:
            if found.is_same(holder(self._database)):
                signal.pidfd_send_signal(process, number)
                return True
        except PermissionError:
            if self._looks == _TWICE or not self._looks % LONG_ROUNDS:
                log.error(
                    "a program of another user hangs in its write, and no punch is stored: end it",
                    held_by=found.described(), do=f"as root: kill -9 {found.pid}",
                )  # fmt: skip
        except OSError:
            pass
        finally:
            os.close(process)
        return False

"""Who holds SQLite's one lock for writing, by Linux's own list of locks; and what is done about a program that stands.

A program that is suspended in the midst of a write (Ctrl-Z, SIGSTOP) keeps the lock for as long as it stands, and no
punch can be stored. The bridge lets it go on: nothing that it does is lost, and it ends its write. What is held by a
program that works is waited for, and said.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import structlog
from sqlalchemy.engine import make_url

from badgeclock.bridge.rounds import Rounds

LOOK_S: Final = 2.0
LONG_ROUNDS: Final = 30
"""From so many looks on, a minute, it is said that a program that works holds the store."""
_WRITE_LOCK: Final = 120
"""The byte of the -shm file that a writer in WAL mode locks (https://sqlite.org/walformat.html, section 2.3)."""
_WORDS: Final = 4

log = structlog.get_logger("badgeclock.bridge.store")


class Holder(NamedTuple):
    """A program that holds the lock: its process, the words of its command up to the first option, how it stands."""

    pid: int
    command: str
    is_stopped: bool

    def described(self) -> str:
        """For a sentence."""
        return f"process {self.pid} ({self.command})" + (", which is suspended" if self.is_stopped else "")

    def to_do(self) -> str:
        """What a person can do about it."""
        if self.is_stopped:
            return f"let it go on with `kill -CONT {self.pid}`, or end it: its own change is then undone"
        return "wait until it has ended, or end it: its own change is then undone"


def database_of(url: str) -> Path | None:
    """The file of an SQLite store; None for any other."""
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:")
    return Path(str(parsed.database)) if is_file else None


def holder(database: Path) -> Holder | None:
    """Which other program holds the lock for writing; None if none does, or Linux does not say.

    No file of the store is opened: to close it again would end this process's own locks on it (POSIX).
    """
    with suppress(OSError, ValueError, IndexError):
        inode = str(database.with_name(f"{database.name}-shm").stat().st_ino)
        for line in Path("/proc/locks").read_text("ascii").splitlines():
            words = line.split()
            if "->" in words or words[3] != "WRITE" or words[5].rpartition(":")[2] != inode:
                continue
            pid, first, last = int(words[4]), int(words[6]), words[7]
            if first <= _WRITE_LOCK and (last == "EOF" or int(last) >= _WRITE_LOCK) and pid != os.getpid() and pid > 0:
                return Holder(pid, _command(pid), _is_stopped(pid))
    return None


def _command(pid: int) -> str:
    """What a person calls the program: no option's value, which may be somebody's name."""
    words = [os.fsdecode(word) for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") if word]
    words = words[1:] if len(words) > 1 and Path(words[0]).name.startswith("python") else words
    named = [Path(words[0]).name, *words[1:_WORDS]]
    until = next((place for place, word in enumerate(named) if word.startswith("-")), len(named))
    return " ".join(named[:until]) or "a program"


def _is_stopped(pid: int) -> bool:
    """Whether it is stopped by a signal (proc(5): T)."""
    return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[0] == "T"


class WriteLockWatch(Rounds):
    """Looks in rounds whether another program holds the store; does nothing for one that is no SQLite file."""

    def __init__(self, url: str) -> None:
        super().__init__(pause_s=LOOK_S, if_store_fails="who holds the store is not looked at")
        self._database = database_of(url)
        self._seen: tuple[int, int] = (0, 0)
        """The process that held it at the last look, and at how many looks in a row."""

    async def work(self) -> None:
        """Look once; a program that was suspended at two looks in a row is made to go on."""
        if self._database is None:
            return
        found = await asyncio.to_thread(holder, self._database)
        if found is None:
            self._seen = (0, 0)
            return
        looks = self._seen[1] + 1 if self._seen[0] == found.pid else 1
        self._seen = (found.pid, looks)
        if found.is_stopped and looks > 1:
            log.warning("a suspended program holds the store; it is made to go on", held_by=found.described())
            with suppress(OSError):
                os.kill(found.pid, signal.SIGCONT)
        elif looks % LONG_ROUNDS == 0:
            log.warning("a program holds the store, and no punch is stored meanwhile", held_by=found.described())

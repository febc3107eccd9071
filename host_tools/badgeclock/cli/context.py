"""What the commands of `badgeclock bridge` share: the store in a transaction, secrets from files, and the user's
name."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from badgeclock import text_file
from badgeclock.bridge import places
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.errors import SettingsError

if TYPE_CHECKING:  # a help page does not need the store
    from sqlalchemy import Connection

    from badgeclock.bridge.store.audit_log import Act, Change
    from badgeclock.bridge.store.database import Store
    from badgeclock.bridge.store.vault import Vault

STDIN: Final = Path("-")
WIDE: Final = 200
"""Columns of a table when no terminal limits it."""

Config = Annotated[
    Path, typer.Option("--config", help="The bridge's settings file.", envvar="BADGECLOCK_BRIDGE_CONFIG")
]


@dataclass(frozen=True, slots=True)
class Opened:
    """A store in a transaction, and the vault of its secrets."""

    connection: Connection
    vault: Vault

    def note(self, act: Act, subject: tuple[str, int], **detail: Any) -> None:
        """Record what the person at this terminal did."""
        from badgeclock.bridge.store import audit_log  # noqa: PLC0415

        audit_log.write(self.connection, audit_log.Operator(operator()), act, subject, detail, wall_clock_ms())

    def note_change(self, change: Change, added: Act, changed: Act) -> None:
        """The same for a written row, if it changed anything."""
        from badgeclock.bridge.store import audit_log  # noqa: PLC0415

        audit_log.write_change(self.connection, audit_log.Operator(operator()), change, added, changed, wall_clock_ms())


@contextmanager
def opened_store(config: Path) -> Iterator[tuple[Store, Vault]]:
    """The configured store and its vault."""
    from badgeclock.bridge.store import vault  # noqa: PLC0415
    from badgeclock.bridge.store.database import Store  # noqa: PLC0415

    where = places.find(config)
    keys = vault.load(where.data_key_file)
    store = Store(where.url)
    try:
        with _within_reach(where.url):
            store.check()
            yield store, keys
    finally:
        store.close()


_asked_by = ContextVar[int | None]("_asked_by", default=None)
"""The user who gave the command, while its process acts as the bridge's user."""


@contextmanager
def _within_reach(url: str) -> Iterator[None]:
    """While root has the store open, also be the store's owner, as the process's real user: then the bridge may signal
    a root command that hangs in its write (kill(2)). The command keeps its rights.
    """
    from badgeclock.bridge.store.write_lock import database_of  # noqa: PLC0415

    file = database_of(url)
    owner = file.stat().st_uid if file is not None and file.exists() else 0
    if os.geteuid() != 0 or os.getuid() != 0 or owner == 0:
        yield
        return
    asked = _asked_by.set(os.getuid())
    os.setresuid(owner, -1, -1)
    try:
        yield
    finally:
        os.setresuid(0, -1, -1)
        _asked_by.reset(asked)


@contextmanager
def changing(config: Path) -> Iterator[Opened]:
    """One transaction on the configured store."""
    with opened_store(config) as (store, keys), _not_suspended(), store.write() as connection:
        yield Opened(connection, keys)


@contextmanager
def _not_suspended() -> Iterator[None]:
    """Have Ctrl-Z, and the terminal, suspend this command only after its write: until then no punch can be stored.

    Ctrl-Z is sent to the whole process, so any thread may get it: it is noted, and raised again afterwards. The
    terminal's own signals go to the thread that reads or writes there.
    """
    asked = False

    def later(*_: object) -> None:
        nonlocal asked
        asked = True

    before = signal.signal(signal.SIGTSTP, later)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTIN, signal.SIGTTOU})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGTSTP, before)
        if asked:
            os.kill(os.getpid(), signal.SIGTSTP)


@contextmanager
def looking(config: Path) -> Iterator[Connection]:
    """A read transaction on the configured store; does not delay a running bridge, and decrypts no secret."""
    with store_in_use(config) as store, store.read() as connection:
        yield connection


@contextmanager
def store_in_use(config: Path) -> Iterator[Store]:
    """The configured store, for work too long for one read transaction."""
    from badgeclock.bridge.store.database import Store  # noqa: PLC0415

    store = Store(places.find(config).url)
    try:
        store.check()
        yield store
    finally:
        store.close()


def secret_text(path: Path) -> str:
    """The text of a secret's file, or of stdin for `-`, without the line end."""
    from badgeclock.technician import workshop_lock  # noqa: PLC0415 - most commands read no secret

    try:
        data = sys.stdin.buffer.read() if path == STDIN else path.read_bytes()
        if workshop_lock.is_closed(data):
            raise SettingsError(
                what=f"{path} is under the workshop's passphrase",
                kept="nothing was changed",
                do="have the workshop write it out (`badgeclock ca export`), and name that file",
            )
        text = text_file.decoded(data)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            what=f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}",
            kept="nothing was changed",
            do="name a file that holds it, or `-` for stdin",
        ) from None
    return text.strip()


def secret_bytes(path: Path, what: str) -> bytes:
    """The bytes of a secret's file, or stdin, in hexadecimal digits; `what` names them in errors."""
    try:
        return bytes.fromhex(secret_text(path))
    except ValueError:
        raise SettingsError(
            what=f"{path} does not hold {what} in hexadecimal digits",
            kept="nothing was changed",
            do="name the right file",
        ) from None


def punch_name(item: str) -> tuple[str, int]:
    """Clock and number of a punch written as CLOCK/SEQ."""
    clock, _, seq = item.rpartition("/")
    if not clock or not seq.isascii() or not seq.isdigit() or len(seq) > len(str(2**32)):
        raise typer.BadParameter("a punch is named CLOCK/SEQ, as in clock-0001/123")
    return clock, int(seq)


def operator() -> str:
    """The user of this machine who gives the command: the process's user, regardless of its environment."""
    asked = _asked_by.get()
    user = os.getuid() if asked is None else asked
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def acting(by: str) -> str:
    """The author recorded for a command with `--by`: the named person, with the user who gave it.

    Raises SettingsError for the name of another account of this machine, who can give the command themselves.
    """
    user, name = operator(), " ".join(by.split())
    if name in ("", user):
        return user
    with contextlib.suppress(KeyError):
        pwd.getpwnam(name)
        raise SettingsError(
            what=f"{name} has an account on this machine, and you are {user}",
            kept="everything as it was",
            do=f"let {name} give the command; or name the person, not an account",
        )
    return f"{name}, through {user}"


def moment(ms: int | None) -> str:
    """UTC, to the second."""
    return "never" if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"

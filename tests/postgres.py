"""A PostgreSQL server for tests and benches alone: a temporary cluster that listens on a Unix socket and no port.

The server refuses to run as root, and its data must belong to who runs it: as root it runs as an unprivileged user of
the system, else as the user who runs the tests.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from badgeclock.toolchain import programs

START_S = 60.0
_USERS = ("postgres", "nobody")
_OTHERS_PASS = 0o001
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


class Cluster:
    """A running server. `create` makes a database in it, or a copy of another, and gives its URL."""

    def __init__(self, *, settings: dict[str, str] | None = None) -> None:
        """`settings` are the server's own, by name. Raises ToolMissing; RuntimeError if the server does not start."""
        server, initdb = programs.postgresql()
        self.folder = Path(tempfile.mkdtemp(prefix="badgeclock-pg-"))
        self._as: dict[str, Any] = {"cwd": self.folder}
        if os.geteuid() == 0:
            user = _unprivileged()
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            if not all(parent.stat().st_mode & _OTHERS_PASS for parent in server.resolve().parents):
                server, initdb = _copied(server, initdb, self.folder / "programs")
        self.log = self.folder / "server.log"
        made = ("-D", "data", "-U", "badgeclock", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        with self.log.open("wb") as log:
            done = subprocess.run([initdb, *made], stdout=log, stderr=log, check=False, **self._as)
            if done.returncode:
                raise RuntimeError(self.log.read_text())
            chosen = {"listen_addresses": "", "unix_socket_directories": str(self.folder), "timezone": "GMT"}
            chosen |= {"log_timezone": "GMT", "jit": "off", "max_connections": "40", **(settings or {})}
            flags = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
            self._process = subprocess.Popen([server, "-D", "data", *flags], stdout=log, stderr=log, **self._as)
        self._wait()

    @classmethod
    def careless(cls) -> Cluster:
        """For tests in which the machine itself does not fail: nothing waits for a disk."""
        return cls(settings=dict.fromkeys(_DURABLE, "off"))

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def create(self, template: str | None = None) -> str:
        """The name of a new database, empty or a copy of `template`, to which nobody may be connected."""
        name = f"d{secrets.token_hex(6)}"
        copied = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
        self._run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)) + copied)
        return name

    def drop(self, name: str) -> None:
        """Remove a database, even with clients connected."""
        self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def url(self, name: str) -> str:
        """SQLAlchemy's URL of a database."""
        return f"postgresql+psycopg://badgeclock@/{name}?host={self.folder}"

    def connect(self, name: str) -> psycopg.Connection[Any]:
        """A connection to a database, in which each statement is committed."""
        return psycopg.connect(host=str(self.folder), user="badgeclock", dbname=name, autocommit=True)

    def _run(self, statement: sql.SQL | sql.Composed) -> None:
        with self.connect("postgres") as connection:
            connection.execute(statement)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_S
        while True:
            try:
                self._run(sql.SQL("SELECT 1"))
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(self.log.read_text()) from None
                time.sleep(0.05)
            else:
                return

    def close(self) -> None:
        """Stop the server and remove its files."""
        self._process.send_signal(signal.SIGINT)  # fast: rolls back what is open
        self._process.wait()
        shutil.rmtree(self.folder)


class Copies:
    """Copies of one database, for tests one after another: a returned one is emptied, and the next test gets it.

    The server takes a third of a second of processor time for a new database and some milliseconds for a few rows. A
    copy in which a test changed tables, functions or triggers is dropped.
    """

    def __init__(self, cluster: Cluster, template: str) -> None:
        """`template` may have rows; nobody is connected to it when a copy is made."""
        self._cluster = cluster
        self._template = template
        self._free: list[str] = []
        with cluster.connect(template) as connection:
            self._shape = _shape(connection)
            self._tables = [name for (name,) in connection.execute(_TABLES).fetchall()]
            self._rows = {name: _dumped(connection, name) for name in self._tables}
            self._sequences = connection.execute(_SEQUENCES).fetchall()

    def take(self) -> str:
        """The name of a database that is as the template is."""
        return self._free.pop() if self._free else self._cluster.create(self._template)

    def give_back(self, name: str) -> None:
        """Makes a database that `take` gave as the template is, anyone who is still connected to it, or drops it."""
        with self._cluster.connect(name) as connection:
            connection.execute(_END_OTHERS)
            same = _shape(connection) == self._shape
            if same:
                connection.execute("SET session_replication_role = replica")  # what may only grow is emptied too
                for table in self._tables:
                    _make(connection, table, self._rows[table])
                for sequence, value, called in self._sequences:
                    connection.execute("SELECT setval(%s, %s, %s)", (sequence, value, called))
        if same:
            self._free.append(name)
        else:
            self._cluster.drop(name)


_TABLES: Final[LiteralString] = """
    SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
    ORDER BY 1
"""
_SEQUENCES: Final[LiteralString] = """
    SELECT format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value), last_value IS NOT NULL
    FROM pg_sequences ORDER BY 1
"""
_END_OTHERS: Final[LiteralString] = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_SHAPE: Final[LiteralString] = """
    SELECT 'relation', oid::text, relname, relkind::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'column', attrelid::text, attname, attnum::text FROM pg_attribute a JOIN pg_class c
    ON c.oid = attrelid WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'trigger', oid::text, tgname, tgenabled::text FROM pg_trigger
    UNION ALL SELECT 'function', oid::text, proname, md5(prosrc) FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'constraint', oid::text, conname, convalidated::text FROM pg_constraint
    UNION ALL SELECT 'setting', '', '', array_to_string(setconfig, ',') FROM pg_db_role_setting
    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY 1, 2, 3, 4
"""


def _shape(connection: psycopg.Connection[Any]) -> list[Any]:
    """Everything but rows. A copy has its template's numbers of relations, triggers and functions."""
    return connection.execute(_SHAPE).fetchall()


def _of(statement: LiteralString, table: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(table))


def _dumped(connection: psycopg.Connection[Any], table: str) -> bytes:
    with connection.cursor().copy(_of("COPY {} TO STDOUT", table)) as rows:
        return b"".join(bytes(block) for block in rows)


def _make(connection: psycopg.Connection[Any], table: str, rows: bytes) -> None:
    """Give a table exactly these rows."""
    if _dumped(connection, table) == rows:
        return
    connection.execute(_of("DELETE FROM {}", table))
    if rows:
        with connection.cursor().copy(_of("COPY {} FROM STDIN", table)) as into:
            into.write(rows)


def _copied(server: Path, initdb: Path, to: Path) -> tuple[Path, Path]:
    """The programs where everybody may start them; they may be moved together with what they need."""
    (to / "bin").mkdir(parents=True)
    unpacked = server.parents[1] / "debian" / "postgresql"
    if unpacked.is_dir():
        shutil.copytree(unpacked, to / "debian" / "postgresql", symlinks=True)
    return Path(shutil.copy(server, to / "bin")), Path(shutil.copy(initdb, to / "bin"))


def _unprivileged() -> pwd.struct_passwd:
    for name in _USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(f"root needs one of the users {', '.join(_USERS)} to run PostgreSQL as")

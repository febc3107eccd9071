"""Copies of the store, made while the bridge runs, and verified: a copy that was never opened is not a backup.

A backup is a folder with the store in one file (SQLite's online copy, or pg_dump's archive of one snapshot) and a
manifest: the file's hash, the form of the tables, how many rows each has, the state of every clock's chain and of the
book of acts, and which data keys it needs; with a MAC under the data key, so that nobody else can make one. Names,
numbers and keys in it are encrypted as in the store; the data key itself is not in it and is kept apart.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, create_engine, func, inspect, select, text, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from badgeclock import __version__
from badgeclock.bridge.errors import BackupError
from badgeclock.bridge.operations import data_key_rotation
from badgeclock.bridge.store import audit_log, forms, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import Vault
from badgeclock.errors import ToolMissing
from badgeclock.protocol.record import SEALED_BYTES
from badgeclock.protocol.seal import first_tag

COUNTER_STEP: Final = 2**32
"""Frame counters to a clock that a restored store skips (docs/protocol.md §6): of 2**64."""
RECEIPT_STEP: Final = 2**20
"""Receipt numbers to a clock that it skips: of 2**32."""
FORM: Final = 1
MANIFEST: Final = "manifest.json"
MANIFEST_BYTES_MOST: Final = 64 * 2**20
SQLITE_FILE: Final = "store.db"
POSTGRESQL_FILE: Final = "store.pgdump"
_CHUNK: Final = 2**20
_CHECKS_AT_ONCE: Final = 2
"""Checks of a file at the same time: with the bridge at work on the same machine, no more."""
_BESIDE: Final = ("", "-wal", "-shm", "-journal")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Head(_Model):
    """The state of a clock's chain: its row, its name, its next record, the chain's last tag."""

    id: int
    clock: str
    next_seq: int
    tag: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Facts(_Model):
    """Facts of a store to compare: its form, its rows by table, its chains and its book of acts."""

    revision: str
    counts: dict[str, int]
    heads: list[Head]
    acts: int
    acts_head: _Hex64


class Manifest(_Model):
    """The manifest of a backup. `witness` is the MAC over all the rest, under the data key of number `key`."""

    form: Literal[1]
    made_ms: int
    bridge: str
    file: Literal["store.db", "store.pgdump"]
    length: int
    sha256: _Hex64
    facts: Facts
    fingerprints: dict[str, str]
    key: int
    witness: _Hex64

    def unwitnessed(self) -> bytes:
        """The input of the MAC."""
        return self.model_dump_json(exclude={"witness"}).encode()


def make(url: str, store: Store, keys: Vault, folder: Path, operator: Operator, now_ms: int) -> Manifest:
    """Copy the store (at `url`, open as `store`) into a new folder, open the copy and prove it; the bridge may run.

    Raises BackupError, StoreError, or ToolMissing for PostgreSQL without its tools; the folder is then not made.
    """
    parsed = make_url(url)
    with _new_folder(folder) as place:
        if parsed.get_backend_name() == "sqlite":
            file = place / SQLITE_FILE
            _copy_sqlite(Path(parsed.database or ""), file)
            with _opened(file) as connection:
                facts = _facts(connection)
                needed = data_key_rotation.uses(connection)
        else:
            file = place / POSTGRESQL_FILE
            with store.read() as connection:
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
                snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
                facts = _facts(connection)
                needed = data_key_rotation.uses(connection)
                _run_postgresql("pg_dump", parsed, f"--snapshot={snapshot}", f"--file={file}", "--format=custom")
        known_by = keys.fingerprints()
        manifest = Manifest(
            form=FORM,
            made_ms=now_ms,
            bridge=__version__,
            file=SQLITE_FILE if file.name == SQLITE_FILE else POSTGRESQL_FILE,
            length=file.stat().st_size,
            sha256=_sha256(file),
            facts=facts,
            fingerprints={str(number): known_by.get(number, "") for number in sorted(needed)},
            key=keys.newest,
            witness="00" * 32,
        )
        witness = keys.witness(manifest.key, manifest.unwitnessed())
        assert witness is not None
        manifest = manifest.model_copy(update={"witness": witness.hex()})
        _write(place / MANIFEST, manifest.model_dump_json(indent=2).encode() + b"\n")
        if file.name == SQLITE_FILE:
            _prove_tables(file, keys, manifest)
        else:
            _list_archive(file)
    with store.write() as connection:
        detail = {"sha256": manifest.sha256, "acts": facts.acts, "acts_head": facts.acts_head}
        audit_log.write(connection, operator, Act.BACKED_UP, "store", detail, now_ms)
    return manifest


def verify(folder: Path, keys: Vault) -> Manifest:
    """Prove a backup: its manifest, its file, every reference, tag, act and encrypted value of an SQLite store in it.

    Of pg_dump's archive the contents are listed; the rest is verified when it is restored. Raises BackupError,
    AuditError or DataKeyWrong at the first difference.
    """
    manifest = _witnessed(folder, keys)
    _prove_file(folder / manifest.file, keys, manifest)
    return manifest


def _witnessed(folder: Path, keys: Vault) -> Manifest:
    """The manifest of a backup, made under a data key of this file."""
    manifest = _manifest(folder)
    witness = keys.witness(manifest.key, manifest.unwitnessed())
    if witness is None or not hmac.compare_digest(witness.hex(), manifest.witness):
        raise BackupError(
            f"the manifest of {folder} was not made under data key {manifest.key} of this file, or it was changed",
            "use the data key file that this store was made with, or another backup",
        )
    return manifest


def _prove_file(file: Path, keys: Vault, manifest: Manifest) -> None:
    """Check a backup's file: its hash, and everything in it."""
    if manifest.file == SQLITE_FILE:
        _prove_tables(file, keys, manifest, first=_check_hash)
    else:
        _check_hash(file, manifest)
        _list_archive(file)


def _prove_tables(
    file: Path, keys: Vault, manifest: Manifest, first: Callable[[Path, Manifest], None] = lambda _file, _manifest: None
) -> None:
    """Check everything in an SQLite file, after `first`. SQLite checks its tables without Python's lock, so they are
    checked while Python does the rest; a file that is damaged is damaged first, whatever else is wrong.
    """
    with ThreadPoolExecutor(1) as beside:
        soundness = beside.submit(_is_sound, file, manifest.facts.counts)
        first(file, manifest)
        try:
            with _opened(file) as connection:
                _prove(connection, keys, manifest, str(file))
        finally:
            if not soundness.result():
                raise BackupError(f"the database in {file} is damaged", "use another backup")


def _list_archive(file: Path) -> None:
    _run_postgresql("pg_restore", None, "--list", str(file))


def _check_hash(file: Path, manifest: Manifest) -> None:
    try:
        same = file.stat().st_size == manifest.length and _sha256(file) == manifest.sha256
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror}", "use another backup") from None
    if not same:
        raise BackupError(
            f"{file} is not the file that the manifest names: it was changed or cut off", "use another backup"
        )


def compare(manifest: Manifest, live: Store) -> int:
    """Compare a backup with the store in use: everything in it must still be there, unchanged.

    Returns how many records the store has gained since; raises BackupError or AuditError.
    """
    audit_log.verify_in_use(live.read, bytes.fromhex(manifest.facts.acts_head))
    with live.read() as connection:
        return _gained(manifest, connection)


def _gained(manifest: Manifest, live: Connection) -> int:
    now = {head.id: head for head in _heads(live)}
    gained = 0
    for head in manifest.facts.heads:
        present = now.get(head.id)
        if present is None or present.clock != head.clock or present.next_seq < head.next_seq:
            raise BackupError(
                f"the store in use has less of {head.clock} than the backup: it is older, or another store",
                "find out which of the two is right before anything is overwritten",
            )
        if _tag_before(live, head) != head.tag:
            raise BackupError(
                f"the store in use and the backup have different records of {head.clock} under the same numbers",
                "keep both, and let the evidence be verified (`badgeclock journal verify`)",
            )
        gained += present.next_seq - head.next_seq
    return gained


def restore(folder: Path, url: str, keys: Vault, operator: Operator, now_ms: int) -> Manifest:
    """Restore a backup to the settings' store, which must not exist yet, and verify it there.

    An SQLite file must be, byte for byte, the one that was made: every table, index and reference of that one was
    checked before its backup got its name (`make`), and the manifest that has its hash can only be made with the data
    key. So here it is opened, compared with its manifest and decrypted, and its tables are not checked again.

    Migrates an older form of the tables to this version's. Raises BackupError, or StoreError for a newer form, without
    overwriting anything.
    """
    manifest = _witnessed(folder, keys)
    forms.check_known(manifest.facts.revision or None)
    parsed = make_url(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    if is_sqlite != (manifest.file == SQLITE_FILE):
        raise BackupError(
            f"the backup is {manifest.file}, and [store] url names another kind of database",
            "set [store] url to the kind that the backup was made of",
        )
    if is_sqlite:
        file = folder / manifest.file
        with _placed_sqlite(file, Path(parsed.database or ""), manifest.sha256):
            _check_hash(file, manifest)
            with _opened(file) as connection:
                _prove(connection, keys, manifest, str(file))
    else:
        _prove_file(folder / manifest.file, keys, manifest)
        _check_empty(parsed)
        options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
        _run_postgresql("pg_restore", parsed, *options, str(folder / manifest.file))
    store = Store(url)
    try:
        if not is_sqlite:
            with store.read() as connection:
                _prove(connection, keys, manifest, "what was restored")
        store.migrate()
        with store.write() as connection:
            _pass_what_clocks_were_sent(connection)
            detail = {"sha256": manifest.sha256, "made_ms": manifest.made_ms}
            audit_log.write(connection, operator, Act.RESTORED, "store", detail, now_ms)
    finally:
        store.close()
    return manifest


def _pass_what_clocks_were_sent(connection: Connection) -> None:
    """Raise the counters that a clock accepts only in ascending order above all that it may have been sent since the
    backup: otherwise it ignores frames until the bridge has counted that far again, and receipts until its next start.
    """
    clocks = schema.clocks
    connection.execute(
        update(clocks).values(
            counter_reserved=clocks.c.counter_reserved + COUNTER_STEP, receipt_last=clocks.c.receipt_last + RECEIPT_STEP
        )
    )


def _facts(connection: Connection) -> Facts:
    tables = inspect(connection).get_table_names()
    counts = {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in schema.metadata.sorted_tables
        if table.name in tables
    }
    book = audit_log.newest(connection)
    return Facts(
        revision=forms.form_of(connection) or "",
        counts=counts,
        heads=_heads(connection),
        acts=book.acts,
        acts_head=book.head.hex(),
    )


def _heads(connection: Connection) -> list[Head]:
    clocks = schema.clocks
    rows = connection.execute(select(clocks.c.id, clocks.c.name, clocks.c.next_seq, clocks.c.tag).order_by(clocks.c.id))
    return [Head(id=row.id, clock=row.name, next_seq=row.next_seq, tag=row.tag.hex()) for row in rows]


def _prove(connection: Connection, keys: Vault, manifest: Manifest, place: str) -> None:
    """Check everything in a store that Python can check, and compare it with the manifest."""
    try:
        if _facts(connection) != manifest.facts:
            raise BackupError(f"{place} does not hold what its manifest says", "use another backup")
        book = audit_log.verify(connection)
        if book.head.hex() != manifest.facts.acts_head:
            raise BackupError(f"{place} has another book of acts than its manifest says", "use another backup")
        for head in manifest.facts.heads:
            if _tag_before(connection, head) != head.tag:
                raise BackupError(
                    f"the records of {head.clock} in {place} do not end where its chain does", "use another backup"
                )
        _open_all(connection, keys)
    except SQLAlchemyError as error:
        raise BackupError(f"the database in {place} is damaged: {type(error).__name__}", "use another backup") from None


def _is_sound(file: Path, counts: Mapping[str, int]) -> bool:
    """Whether SQLite finds every table and index of a file whole, and every reference. `counts`: rows by table.

    Two tables at a time, those with most rows and indexes first: SQLite reads without Python's lock, and
    the check of a million presences takes 12 s of processor.
    """
    with _opened(file) as connection:
        trees = connection.execute(text("SELECT tbl_name, count(*) FROM sqlite_schema WHERE rootpage GROUP BY 1")).all()
    largest_first = [name for name, each in sorted(trees, key=lambda tree: -counts.get(tree[0], 0) * tree[1])]
    quoted = [name.replace('"', '""') for name in (*largest_first, "sqlite_schema")]
    checks = [f'PRAGMA integrity_check("{name}")' for name in quoted]
    with ThreadPoolExecutor(_CHECKS_AT_ONCE) as pool:
        references = pool.submit(_found, file, "PRAGMA foreign_key_check")
        verdicts = list(pool.map(lambda check: _found(file, check), checks))
        return all(verdict == [("ok",)] for verdict in verdicts) and not references.result()


def _found(file: Path, check: str) -> list[tuple[Any, ...]]:
    with _opened(file) as connection:
        return [tuple(row) for row in connection.exec_driver_sql(check)]


def _tag_before(connection: Connection, head: Head) -> str:
    """The tag of the newest record below a clock's next one; the empty chain's if there is none."""
    table = schema.records
    before = (table.c.clock_id == head.id) & (table.c.seq < head.next_seq)
    raw = connection.execute(select(table.c.raw).where(before).order_by(table.c.seq.desc()).limit(1)).scalar()
    return (first_tag(head.clock) if raw is None else bytes(raw[SEALED_BYTES:])).hex()


def _open_all(connection: Connection, keys: Vault) -> None:
    """Decrypt every encrypted value; raises DataKeyWrong. A backup of an earlier version lacks later columns."""
    for table, columns in data_key_rotation.CLOSED.items():
        there = {column["name"] for column in inspect(connection).get_columns(table.name)}
        for row in connection.execute(select(*(column for column in table.columns if column.name in there))):
            for closed in columns:
                value = row._asdict().get(closed.column)
                if value is not None:
                    keys.open(closed.purpose(row), closed.place(row), value)


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            content = file.read(MANIFEST_BYTES_MOST + 1)
    except OSError as error:
        raise BackupError(
            f"{path} cannot be read: {error.strerror}", "name the folder that a backup was made into"
        ) from None
    try:
        if len(content) > MANIFEST_BYTES_MOST:
            raise ValueError
        return Manifest.model_validate_json(content)
    except (ValidationError, ValueError):
        raise BackupError(
            f"{path} is no manifest of form {FORM}", "use another backup, or the version that made this one"
        ) from None


def _copy_sqlite(source: Path, target: Path) -> None:
    """SQLite's online copy, of one moment: in WAL mode no writer waits for it."""
    try:
        with _closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as live:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            with _closing(sqlite3.connect(target)) as copy:
                live.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")  # one self-contained file
    except (sqlite3.Error, OSError) as error:
        raise BackupError(f"the store cannot be copied: {error}", "look at the disk's space and rights") from None
    _sync(target)


@contextmanager
def _closing(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _opened(file: Path) -> Iterator[Connection]:
    """A copied SQLite file, opened strictly read-only."""
    address = f"file:{quote(str(file))}?mode=ro&immutable=1"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True), hide_parameters=True)
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise BackupError(f"{file} is no store: {type(error).__name__}", "use another backup") from None
    finally:
        engine.dispose()


@contextmanager
def _placed_sqlite(source: Path, target: Path, sha256: str) -> Iterator[None]:
    """Copy a file with this hash to a new path, completely or not at all: beside what the block proves of it, and only
    if that raises nothing.
    """
    there = [beside for end in _BESIDE if (beside := target.with_name(target.name + end)).exists()]
    if there:
        raise BackupError(
            f"{there[0]} is there already, and a restore overwrites nothing",
            "move it away first, or set [store] url to another file",
        )
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with ThreadPoolExecutor(1) as copying:
                arrived = copying.submit(_copied, source, descriptor, Path(name))
                yield
            if arrived.result() != sha256:
                raise BackupError(f"{source} did not arrive as it is", "look at the disk, and try again")
            os.link(name, target)  # fails if a store has appeared there
        finally:
            Path(name).unlink()
        _sync(target.parent)
    except OSError as error:
        raise BackupError(
            f"{target} cannot be written: {error.strerror}", "look at the disk's space and rights"
        ) from None


def _copied(source: Path, descriptor: int, target: Path) -> str:
    """The hash of a copy, once it is on the disk."""
    with os.fdopen(descriptor, "wb") as write, source.open("rb") as read:
        shutil.copyfileobj(read, write, _CHUNK)
    _sync(target)
    return _sha256(target)


def _check_empty(url: URL) -> None:
    engine = create_engine(url, hide_parameters=True)
    try:
        if inspect(engine).get_table_names():
            raise BackupError(
                "the database has tables already, and a restore overwrites nothing",
                "make an empty database, and set [store] url to it",
            )
    except SQLAlchemyError as error:
        raise BackupError(f"the database cannot be opened: {type(error).__name__}", "look at [store] url") from None
    finally:
        engine.dispose()


def _run_postgresql(program: str, url: URL | None, *options: str) -> None:
    """Run one of PostgreSQL's own programs; the password is passed in the environment, where other users cannot read
    it."""
    command, environment = [program, *options], dict(os.environ)
    if url is not None:
        plain = url.set(drivername="postgresql", password=None)
        command.append(f"--dbname={plain.render_as_string(hide_password=False)}")
        if url.password is not None:
            environment["PGPASSWORD"] = str(url.password)
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ToolMissing(
            what=f"{program} is not installed", kept="the store as it is", do="install postgresql-client"
        ) from None
    if done.returncode:
        line = (done.stderr.strip() or "no reason given").splitlines()[0]
        raise BackupError(f"{program} failed: {line}", "see the database's own log")


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder that gets its name once everything in it is written; deleted if anything fails."""
    if folder.exists():
        raise BackupError(f"{folder} is there already", "name a new folder for each backup")
    try:
        place = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise BackupError(f"{folder} cannot be made: {error.strerror}", "name a folder in one that is there") from None
    try:
        yield place
        place.rename(folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Changing the data key while the bridge runs.

    rotate  adds a new key to the data key file, and encrypts every value under it
    retire  removes the old keys from the file, once it is proved that nothing needs them

Nothing is ever encrypted under a key that is not in the file, and no key is removed while a value needs it: after a
kill at any point, the same command continues. A running bridge uses the new key within `vault.RELOAD_S`; the next pass
finds values that it still encrypted under the old one.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, LargeBinary, Table, func, select, text, update

from badgeclock.bridge.errors import KeysInUse
from badgeclock.bridge.store import audit_log, schema, vault
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import BADGE_ROOT, LINK_KEY, PEOPLE, SEAL_KEYS, SITE_KEY, Vault
from badgeclock.errors import StoreError

BATCH_ROWS: Final = 200
"""Rows that one transaction re-encrypts; a bridge waits no longer than for that."""
ADOPTED_S: Final = 3 * vault.RELOAD_S
"""After this long, every process that encrypts has reloaded the file."""
PASSES_MOST: Final = 10


class _Closed(NamedTuple):
    """A column of encrypted values, with the purpose and place of each row."""

    column: str
    purpose: Callable[[Any], str]
    place: Callable[[Any], str]


CLOSED: Final[Mapping[Table, tuple[_Closed, ...]]] = {
    schema.sites: (
        _Closed("site_key_closed", lambda _: SITE_KEY, lambda row: row.name),
        _Closed("badge_root_closed", lambda _: BADGE_ROOT, lambda row: row.name),
    ),
    schema.workers: (
        _Closed("name_closed", lambda _: PEOPLE, lambda row: f"name:{row.reference}"),
        _Closed("identity_closed", lambda _: PEOPLE, lambda row: f"identity:{row.reference}"),
    ),
    schema.clocks: (
        _Closed("link_key_closed", lambda _: LINK_KEY, lambda row: row.name),
        _Closed("keys_closed", lambda row: SEAL_KEYS + row.name, lambda row: row.name),
    ),
    schema.accounts: (_Closed("totp_closed", lambda _: PEOPLE, lambda row: f"totp:{row.name}"),),
}
"""Every encrypted column of the store."""


def uses(connection: Connection) -> Counter[int]:
    """How many values are encrypted under the data key of each number."""
    found: Counter[int] = Counter()
    for table, columns in CLOSED.items():
        for closed in columns:
            column = table.c[closed.column]
            first = func.substr(column, 1, 1, type_=LargeBinary)
            rows = connection.execute(select(first, func.count()).where(column.is_not(None)).group_by(first))
            for byte, count in rows:
                found[byte[0]] += count
    return found


def rotate(
    store: Store, keys: Vault, path: Path, operator: Operator, now_ms: Callable[[], int]
) -> Iterator[tuple[int, int]]:
    """Encrypt every value under a new data key; continues an interrupted rotation.

    `keys` is the vault of the file at `path`. Yields, after each pass, its number and how many rows it changed; raises
    StoreError if values under older keys keep coming. The old keys stay in the file, until `retire`.
    """
    with store.read() as connection:
        unfinished = any(number != keys.newest for number in uses(connection))
    if not unfinished:
        _add_key(store, keys, path, operator, now_ms())
    time.sleep(ADOPTED_S)
    for number in range(1, PASSES_MOST + 1):
        changed = sum(_pass(store, keys, table) for table in CLOSED)
        yield number, changed
        with store.read() as connection:
            if not _needed(connection, keys):
                return
    raise StoreError(
        what=f"after {PASSES_MOST} passes values are still closed under an older data key",
        kept="all keys in the file, and every value under one of them",
        do="look for a bridge or command that reads another copy of the data key file, and run this again",
    )


def _add_key(store: Store, keys: Vault, path: Path, operator: Operator, now_ms: int) -> None:
    present = vault.read_keys(path)
    number = max(present) + 1
    if number > vault.LAST_KEY:
        raise StoreError(
            what=f"{vault.LAST_KEY} data keys were made for this store, which is all it can number",
            kept="the keys in the file",
            do="restore the store into a new one",
        )
    vault.write_keys(path, {**present, number: secrets.token_bytes(vault.DATA_KEY_BYTES)})
    keys.reload()
    with store.write() as connection:
        detail = {"key": number, "fingerprint": keys.fingerprints()[number]}
        audit_log.write(connection, operator, Act.DATA_KEY_ADDED, "store", detail, now_ms)


def _pass(store: Store, keys: Vault, table: Table) -> int:
    """Re-encrypt what is not under the newest key, a batch per transaction; returns the number of rows."""
    after, changed, more = 0, 0, True
    while more:
        with store.write() as connection:
            rows = connection.execute(
                select(table).where(table.c.id > after).order_by(table.c.id).limit(BATCH_ROWS).with_for_update()
            ).all()
            for row in rows:
                if values := _values(keys, table, row):
                    connection.execute(update(table).where(table.c.id == row.id).values(values))
                    if table is schema.workers:
                        _index_anew(connection, row, values.get("identity_index"))
                    changed += 1
        more = len(rows) == BATCH_ROWS
        after = rows[-1].id if rows else after
    return changed


def _values(keys: Vault, table: Table, row: Any) -> dict[str, bytes]:
    """The columns of a row that are not under the newest key, re-encrypted."""
    now, values = row._asdict(), {}
    for closed in CLOSED[table]:
        value = now[closed.column]
        if value is not None and value[0] != keys.newest:
            purpose, place = closed.purpose(row), closed.place(row)
            values[closed.column] = keys.close(purpose, place, keys.open(purpose, place, value))
    if table is schema.workers and row.identity_index != (index := _index(keys, row)):
        values["identity_index"] = index
    return values


def _index_anew(connection: Connection, worker: Any, index: bytes | None) -> None:
    """Keep the match with declarations sent under the worker's present number: `sent_identity` is a copy."""
    table = schema.presences
    if index is not None:
        sent = (table.c.worker_id == worker.id) & (table.c.sent_identity == worker.identity_index)
        connection.execute(update(table).where(sent).values(sent_identity=index))


def _index(keys: Vault, row: Any) -> bytes:
    number = keys.open(PEOPLE, f"identity:{row.reference}", row.identity_closed).decode()
    return keys.index(f"{row.identity_kind}:{number}")


def _needed(connection: Connection, keys: Vault) -> Counter[int]:
    """How many values need an older key, by its number; 0 stands for an index under any other."""
    found = Counter({number: count for number, count in uses(connection).items() if number != keys.newest})
    if not found:
        table = schema.workers
        stale = sum(row.identity_index != _index(keys, row) for row in connection.execute(select(table)))
        found += Counter({0: stale})
    return found


def retire(store: Store, keys: Vault, path: Path, operator: Operator, now_ms: Callable[[], int]) -> list[int]:
    """Remove every key but the newest from the file; returns their numbers.

    Proved in one transaction that no writer can get between, and that begins `ADOPTED_S` after the file last changed,
    when every writer uses the newest key: no value needs them. Raises KeysInUse if one does.
    """
    present = vault.read_keys(path)
    newest = max(present)
    old = sorted(set(present) - {newest})
    if not old:
        return []
    time.sleep(max(0.0, min(ADOPTED_S, path.stat().st_mtime + ADOPTED_S - time.time())))
    keys.reload()
    with store.write() as connection:
        if connection.dialect.name == "postgresql":
            tables = ", ".join(table.name for table in CLOSED)
            connection.execute(text(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE"))
        if needed := _needed(connection, keys):
            raise KeysInUse(
                what=f"{needed.total()} values still need data keys {', '.join(map(str, old))}",
                kept="every key in the file",
                do="run `badgeclock bridge keys rotate`, then this again",
            )
        detail = {"keys": old, "fingerprints": [keys.fingerprints()[number] for number in old], "in_use": newest}
        audit_log.write(connection, operator, Act.DATA_KEY_RETIRED, "store", detail, now_ms())
        vault.write_keys(path, {newest: present[newest]})
    return old

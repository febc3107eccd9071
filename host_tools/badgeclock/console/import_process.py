"""Reads and tries a list in a process of its own, so that pages are answered meanwhile and its memory is freed.

The process is `python -m badgeclock.console.import_process try FD` or `… portions`. It gets its `Work` and the file on
stdin, and answers in lines of JSON: how far it is, then the report (each bad row goes as CSV into the file FD), or the
tables of a portion a line. It reads the store, and locks nothing. It has the console's niceness.
"""

from __future__ import annotations

import json
import os
import pickle
import struct
import sys
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from badgeclock.bridge.people import imports
from badgeclock.bridge.people.imports import Imported, Kind, Report, Table
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import Vault
from badgeclock.errors import BadgeclockError

TRY: Final = "try"
PORTIONS: Final = "portions"
FIRST_ROWS: Final = 50
"""So many bad rows are listed by themselves on the page."""
KINDS_MOST: Final = 100
_ROWS_NAMED: Final = 5
_SIZE: Final = struct.Struct(">I")


class Work(NamedTuple):
    """What to read, and with what."""

    store_url: str
    vault: Vault
    name: str
    """Of the file."""
    kind: Kind | None
    site: str | None
    now_ms: int

    def packed(self) -> bytes:
        """For the process's stdin, before the file's bytes."""
        data = pickle.dumps(self)
        return _SIZE.pack(len(data)) + data


def _say(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _try(work: Work, read: Imported, faults_fd: int) -> None:
    store = Store.for_reading(work.store_url)
    try:
        report = imports.rehearse(
            store, work.vault, read.tables, Operator("trial"), work.now_ms, lambda rows: _say(done=rows)
        )
    finally:
        store.close()
    with os.fdopen(faults_fd, "w", encoding="utf-8", newline="") as file:
        file.write(imports.as_csv(report.faults))
    _say(report=_as_fields(report, read))


def _as_fields(report: Report, read: Imported) -> dict[str, Any]:
    return {
        "counts": [[kind.value, verb, number] for (kind, verb), number in sorted(report.counts.items()) if number],
        "queued": 0,
        "waiting": report.waiting,
        "bad": len(report.faults),
        "following": report.following,
        "kinds": imports.fault_kinds(report.faults, _ROWS_NAMED)[:KINDS_MOST],
        "first": report.faults[:FIRST_ROWS],
        "remarks": read.remarks,
    }


def _give_portions(tables: Sequence[Table]) -> None:
    for portion in imports.portions(tables):
        _say(rows=imports.rows_of(portion), tables=[_table_fields(table) for table in portion])


def _table_fields(table: Table) -> dict[str, Any]:
    columns = table.sheet.columns
    rows = [[row.number, [row.cells[column] for column in columns], row.fault] for row in table.sheet.rows]
    return {
        "kind": table.kind.value,
        "place": table.place,
        "sha256": table.file_sha256,
        "columns": list(columns),
        "rows": rows,
    }


def main(arguments: Sequence[str]) -> None:
    """Do the work that comes on stdin."""
    stdin = sys.stdin.buffer
    (size,) = _SIZE.unpack(stdin.read(_SIZE.size))
    work: Work = pickle.loads(stdin.read(size))  # noqa: S301 - from our own process
    try:
        read = imports.read_file(stdin.read(), work.name, work.kind, site=work.site)
        _say(rows=imports.rows_of(read.tables))
        if arguments[0] == TRY:
            _try(work, read, int(arguments[1]))
        else:
            _give_portions(read.tables)
    except BadgeclockError as error:
        _say(refused={"what": error.what, "kept": error.kept, "do": error.do})


if __name__ == "__main__":
    main(sys.argv[1:])

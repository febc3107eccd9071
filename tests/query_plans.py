"""Holds the statements that a test has the bridge run to plans that do not grow with the store.

`watch` looks at each statement as it goes to the database, once a process for each text: it gets the plan from the
database, and records it if it scans a growing table. SQLite plans by the tables' form alone, so its plan is read where
the statement runs. PostgreSQL plans by the amount of data, so its plan is read in its own database that has much
(`Grown`).

A statement that no test runs is found by its place in the code (`tests/statement_places.py`).

Not covered: statements that bypass SQLAlchemy (`insert_rows` and `update_rows`, whose plans have tests of their own).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

import psycopg
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine, make_url

from badgeclock.bridge.store import schema
from tests import statement_places
from tests.postgres import Cluster

ROOT: Final = Path(__file__).resolve().parents[1]
FILL: Final = Path(__file__).with_name("grown_store.sql")
PACKAGE: Final = f"{ROOT / 'host_tools' / 'badgeclock'}/"
GROWING: Final = frozenset(
    {
        "punches",
        "records",
        "presences",
        "receipts",
        "receptions",
        "attempts",
        "events",
        "acts",
    }
)
"""Tables that have more rows with every day that people work. What people do one by one has few."""
LARGE: Final = frozenset({"uq_presences_standing", "uq_badges_in_use", "ix_punches_open"})
"""Partial indexes that have nearly every row all the same, or may have."""
SMALL: Final = frozenset(
    str(index.name)
    for table in schema.metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None and index.name not in LARGE
)
"""Partial indexes with only work in progress, or open items: reading one is not a scan."""

ALL_OF_IT: Final = {
    "bridge/web/status_views.py:punches_after": "a page behind a number, with no other condition",
    "bridge/web/status_views.py:events_after": "a page behind a number, with no other condition",
    "bridge/presences/expected_workers.py:_late": "what came since the last look, behind a number",
    "bridge/downlink/receipts.py:newest": "the last row",
    "bridge/downlink/receipts.py:after": "what came since the last look, behind a number",
    "bridge/store/audit_log.py:listing": "a page behind a number",
    "bridge/store/audit_log.py:_newest_of_all": "a page from the end, with no other condition",
    "bridge/store/audit_log.py:newest": "the last row",
    "bridge/store/audit_log.py:newest_hash": "the last row",
    "bridge/store/audit_log.py:_pages": "each act's hash covers the one before: the book is proved as a whole",
    "bridge/operations/backup.py:_facts": "a backup is proved by how much it has",
    "bridge/operations/retention.py:_first_since": "one row behind a number",
    "bridge/operations/retention.py:count": "of receipts those before a number, which are due",
    "bridge/operations/retention.py:_oldest": "of receipts the five hundred with the lowest numbers",
    "bridge/operations/retention.py:_unname": "a worker who is deleted is named nowhere afterwards",
    "bridge/operations/data_subject_export.py:_punches": "a worker's punches have no index: a part at a time",
    "bridge/operations/data_subject_export.py:_events": "whose text may name a worker: a part at a time",
    "bridge/operations/retention.py:erase": "a worker's punches have no index; people are erased one by one",
    "evidence/store_source.py:read": "the last record of a clock",
    "evidence/store_source.py:_records": "all that a clock ever sent is what is verified, a part at a time",
}
"""Where a growing table is read in the order of its numbers, or completely, and why that is right."""

_STATEMENT: Final = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
_SAVEPOINTS: Final = ("SAVEPOINT ", "RELEASE ", "ROLLBACK ")
_LIST: Final = re.compile(r"(IN \(%\(\w+\)s[^,()]*, %\(\w+\)s[^,()]*)(?:, %\(\w+\)s[^,()]*)+")
_WORD: Final = re.compile(r"\w+")
_STEP: Final = re.compile(r"(SCAN|SEARCH) (\w+)(?: USING (?:COVERING )?(?:INDEX (\w+)|INTEGER PRIMARY KEY))?(.*)")
_OF_ALL: Final = re.compile(r"\(rowid[<>]|^ \(clock_id=\?\)$")
_OF_ALL_POSTGRESQL: Final = re.compile(r"\(id [<>]=? [^()]*\)|\(clock_id = [^()]*\)")
"""Conditions of a search that leave all rows behind a number, or all that a clock ever sent."""
_ALIAS: Final = re.compile(r"(\w+) AS (\w+)")
_SEVERAL: Final = re.compile(r"(\(\?(?:, \?)*\)|\?|%\(\w+\)s(?:::\w+)?)(?:, \1)+|%\(\w+\)s")


class Step(NamedTuple):
    """A plan's access to a table: its index, if any, and whether it scans that."""

    table: str
    index: str | None
    reads_all: bool


def steps_of_sqlite(statement: str, details: Sequence[str]) -> list[Step]:
    """The steps of `EXPLAIN QUERY PLAN`. Those on tables that an INSERT does not name are about references to the new
    row, of which there are none: SQLite plans them and does not run them (sqlite.org/foreignkeys.html §3).
    """
    names = {alias: name for name, alias in _ALIAS.findall(statement)}
    found = []
    for detail in details:
        step = _STEP.match(detail)
        if step is None:
            continue
        kind, called, index, rest = step.groups()
        table = names.get(called, called)
        if statement.lstrip().startswith("INSERT") and not re.search(rf"\b{table}\b", statement):
            continue
        found.append(Step(table, index, kind == "SCAN" or _OF_ALL.search(rest) is not None))
    return found


def steps_of_postgresql(plan: Mapping[str, Any]) -> Iterator[Step]:
    """The steps of a node of `EXPLAIN (FORMAT JSON)` and of those below it."""
    condition, index = plan.get("Index Cond", ""), plan.get("Index Name")
    table = plan.get("Relation Name") or _TABLE_OF.get(index or "")
    if table is not None and plan["Node Type"] in _READS:
        yield Step(table, index, not condition or _OF_ALL_POSTGRESQL.fullmatch(condition) is not None)
    for below in plan.get("Plans", ()):
        yield from steps_of_postgresql(below)


_READS: Final = frozenset({"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan"})
_TABLE_OF: Final = {
    str(named.name): name
    for name, table in schema.metadata.tables.items()
    for named in (*table.indexes, *table.constraints)
}


def scans(steps: Sequence[Step]) -> list[Step]:
    """Those that cost more with every day."""
    return [step for step in steps if step.reads_all and step.table in GROWING and step.index not in SMALL]


class Watch:
    """Checks the statements of this process's tests; `found` are the faults since it was last emptied."""

    def __init__(self, grown: Callable[[], Grown]) -> None:
        self._texts: set[str] = set()
        self._seen: set[str] = set()
        self.grown = grown
        self.found: list[str] = []
        event.listen(Engine, "before_cursor_execute", self._look)

    def close(self) -> None:
        """Look at no more."""
        event.remove(Engine, "before_cursor_execute", self._look)

    def _look(self, connection: Connection, _cursor: Any, statement: str, parameters: Any, *_context: Any) -> None:
        """SQLAlchemy's `before_cursor_execute`."""
        sender = _sender(sys._getframe(1))
        if sender is None or statement.startswith(_SAVEPOINTS):
            return
        statement_places.note(sender.f_code, sender.f_lasti)
        if statement in self._texts:
            return
        self._texts.add(statement)
        text = connection.dialect.name + _SEVERAL.sub("several", statement)
        if text in self._seen or not _STATEMENT.match(statement) or GROWING.isdisjoint(_WORD.findall(statement)):
            return
        self._seen.add(text)
        values = parameters[0] if isinstance(parameters, list) else parameters
        if connection.dialect.name == "sqlite":
            driver: Any = connection.connection.driver_connection
            rows = driver.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
            steps = steps_of_sqlite(statement, [row[3] for row in rows])
        else:
            steps = self.grown().steps(statement, values)
        # Of a comprehension, which has a frame of its own before Python 3.12, the function that it is in.
        function = next(name for name in reversed(sender.f_code.co_qualname.split(".")) if name[0] != "<")
        place = f"{sender.f_code.co_filename.removeprefix(PACKAGE)}:{function}"
        wrong = scans(steps)
        if wrong and place not in ALL_OF_IT:
            said = "; ".join(f"all of {step.table}, by {step.index or 'no index'}" for step in wrong)
            self.found.append(f"{place} ({connection.dialect.name}) reads {said}: {' '.join(statement.split())}")


def _sender(frame: FrameType | None) -> FrameType | None:
    """The frame of the product that sent a statement; None for a test's own statement, for a migration's, and for those
    that begin a transaction.
    """
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(PACKAGE):
            return None if file.endswith("/store/database.py") or "/migrations/" in file else frame
        if "/tests/" in file and file != __file__:
            return None
        frame = frame.f_back
    return None


class Grown:
    """A PostgreSQL database with the bridge's tables and so much in them that a plan must choose."""

    def __init__(self, cluster: Cluster, migrated: str) -> None:
        name = cluster.create(migrated)
        url = make_url(cluster.url(name))
        self._connection = psycopg.connect(host=str(url.query["host"]), user="badgeclock", dbname=name, autocommit=True)
        self._connection.execute(FILL.read_bytes())

    def steps(self, statement: str, values: Any) -> list[Step]:
        """The steps of a statement's plan here; nothing is run. Of a list only the first values are used: hundreds are
        rightly looked for among 20,000 rows by reading them all, and among millions they are not.
        """
        statement = _LIST.sub(r"\1", statement)
        if isinstance(values, Mapping):
            values = {name: value[:2] if isinstance(value, list) else value for name, value in values.items()}
        with self._connection.cursor() as cursor:
            row = cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}".encode(), values).fetchone()
        assert row is not None
        return list(steps_of_postgresql(row[0][0]["Plan"]))

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

"""The plans themselves: that a scan is seen on either database, and what goes past SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select
from tests.host.bridge.world import ANNA_UID, BOTH, KBO, SITE, WORKPLACE, Clock, World, token_of
from tests.query_plans import Grown, Step, Watch, scans, steps_of_sqlite
from tests.stores import written

from badgeclock.bridge.presences import holders
from badgeclock.bridge.presences.day_book import DayBook, Key, new_row
from badgeclock.bridge.registrar import outbox
from badgeclock.bridge.store import database, presence_counts, schema
from badgeclock.bridge.store.states import PresenceState

DATABASES = BOTH

Explain = Callable[[Any], list[Step]]


@pytest.fixture
def explain(world: World, plans: Watch) -> Explain:
    """The steps of a statement's plan, on the database of the test's world."""

    def steps(statement: Any) -> list[Step]:
        with world.store.read() as connection:
            compiled = statement.compile(connection, compile_kwargs={"render_postcompile": True})
            if connection.dialect.name != "sqlite":
                return plans.grown().steps(str(compiled), compiled.params)
            values = tuple(compiled.params[name] for name in compiled.positiontup)
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values).all()
            return steps_of_sqlite(str(compiled), [row[3] for row in rows])

    return steps


PRESENCES, PUNCHES, BADGES = schema.presences.c, schema.punches.c, schema.badges.c
READS_ALL = {
    "by no index": select(PRESENCES.id).where(PRESENCES.error_code == 3),
    "to count": select(PRESENCES.state, func.count()).group_by(PRESENCES.state),
    "behind a number": select(PRESENCES.id)
    .where(PRESENCES.day >= date(2025, 12, 1), PRESENCES.id > 3)
    .order_by(PRESENCES.id)
    .limit(10),
    "of a clock": select(func.count()).where(PUNCHES.clock_id == 1, PUNCHES.state == "DUPLICATE"),
}
READS_FEW = {
    "by number": select(PRESENCES.state).where(PRESENCES.id.in_([1, 2, 3])),
    "by token": select(BADGES.worker_id).where(
        BADGES.token.in_([bytes(8), bytes(range(8))]), BADGES.until_ms.is_(None)
    ),
    "of a site": select(BADGES.worker_id).where(BADGES.site_id.in_([1, 2])),
    "by state": select(func.min(PRESENCES.due_ms)).where(PRESENCES.state == "SENT", PRESENCES.due_ms.is_not(None)),
}


@pytest.mark.parametrize("how", ["by no index", "to count", "of a clock"])
def test_a_statement_that_reads_all_of_a_growing_table_is_seen(explain: Explain, how: str) -> None:
    assert [step.table for step in scans(explain(READS_ALL[how]))]


def test_so_is_one_that_goes_through_all_in_the_order_of_their_numbers(world: World, explain: Explain) -> None:
    with world.store.read() as connection:
        if connection.dialect.name == "sqlite":  # PostgreSQL counts, and takes the day's index
            assert scans(explain(READS_ALL["behind a number"]))


@pytest.mark.parametrize("how", READS_FEW)
def test_one_that_finds_its_rows_is_none(explain: Explain, how: str) -> None:
    assert not any(step.reads_all for step in explain(READS_FEW[how]))


async def test_no_statement_of_days_of_work_reads_all_of_what_grows(world: World, plans: Watch) -> None:
    """The statements that fill a store with something in every column: punches, calls, corrections, quarantine,
    lists."""
    await written._fill(world)
    assert not plans.found, "\n".join(plans.found)


def test_the_statement_of_the_product_that_does_it_is_named_once(world: World) -> None:
    asked: list[Grown] = []
    seen = SimpleNamespace(steps=lambda *_: [Step("presences", None, reads_all=True)])
    watch = Watch(lambda: asked.append(seen) or seen)  # type: ignore[arg-type, return-value, func-returns-value]
    try:
        for _ in range(2):
            with world.store.read() as connection:
                outbox.next_due_ms(connection, PresenceState.QUEUED, [])
                connection.execute(READS_ALL["to count"]).all()  # a test's own
    finally:
        watch.close()
    assert [one.partition(" ")[0] for one in watch.found] == ["bridge/registrar/outbox.py:next_due_ms"] * len(asked)


@pytest.mark.parametrize("where", [{}, {"state": "SENT"}], ids=["", "in a state"])
def test_rows_that_are_changed_past_sqlalchemy_are_found_by_their_key(
    world: World, plans: Watch, where: dict[str, str]
) -> None:
    table, columns, alike = schema.presences, ("id", "tries"), {"due_ms": 5, "reason": None}
    with world.store.write() as connection:
        if connection.dialect.name != "sqlite":
            statement = database.update_of_lists(connection, table, columns, alike=tuple(alike), where=tuple(where))
            lists = [database.array_text(values) for values in ([1, 2], [3, 4])]
            (step,) = plans.grown().steps(statement, [*alike.values(), *lists, *where.values()])
            index = "ix_presences_sent" if where else "pk_presences"  # which has the key beside the state
            assert step == Step("presences", index, reads_all=False)
            return
        ran: list[str] = []
        driver: Any = connection.connection.driver_connection
        driver.set_trace_callback(ran.append)
        database.update_rows(connection, table, columns, [(1, 2), (3, 4)], alike=alike, where=where)
        driver.set_trace_callback(None)
        statement = next(one for one in ran if one.startswith("WITH new"))
        details = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert any(detail.startswith("SEARCH presences USING INTEGER PRIMARY KEY") for detail in details), details


def test_only_rows_with_what_they_must_have_are_changed_and_each_gets_what_is_alike(world: World) -> None:
    made = [
        new_row(Key(1, KBO, WORKPLACE, date(2026, 1 + day // 28, 1 + day % 28)), 1, world.now_ms) for day in range(90)
    ]
    table = schema.presences
    with world.store.write() as connection:
        connection.execute(table.insert(), made)
        connection.execute(table.update().where(PRESENCES.id % 3 == 0).values(state="WAITING", reason="late"))
        before = {row.id: row for row in connection.execute(select(table))}
        wanted = [(number, number << 33) for number in before if number % 5]
        alike = {"tries": 7, "due_ms": None, "state": "SENT"}
        columns = ("id", "reception_number")
        database.update_rows(connection, table, columns, wanted, alike=alike, where={"state": "QUEUED"})
        for row in connection.execute(select(table)):
            is_changed = row.id % 5 and row.id % 3
            changes = {"reception_number": row.id << 33, **alike} if is_changed else {}
            assert row._mapping == {**before[row.id]._mapping, **changes}


def test_presences_of_some_workers_are_found_by_worker_however_many_the_day_has(world: World, plans: Watch) -> None:
    """SQLite took the day's index for a list of workers, and read the whole day for each list."""
    day = date(2025, 12, 1)
    ran: list[tuple[str, Any]] = []
    with world.store.read() as connection:
        event.listen(connection, "before_cursor_execute", lambda _c, _cu, sql, values, *_: ran.append((sql, values)))
        DayBook(connection).load((worker_id, day) for worker_id in range(1, 600))
        ((statement, values),) = ran
        if connection.dialect.name == "sqlite":
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            steps = steps_of_sqlite(statement, [row[3] for row in rows])
            found = next(step for step in steps if step.table == "presences")
            assert found.index in {"ix_presences_worker_day", "uq_presences_standing"}
        else:
            (found,) = plans.grown().steps(statement, list(values))
            assert found.table == "presences"
        assert not found.reads_all


def test_many_rows_get_values_of_their_own_with_nothing_among_them(world: World) -> None:
    table = schema.clocks
    more = [world.add_clock(Clock(f"more-{number}")) for number in range(70)]
    columns = ("id", "failing_seq", "tag", "boot")
    rows = [
        (number, None if number % 2 else number << 33, number.to_bytes(16, "big"), number) for number in range(2, 72)
    ]
    with world.store.write() as connection:
        database.update_rows(connection, table, columns, rows)
        database.update_rows(connection, table, columns, [])
        chosen = select(*(table.c[name] for name in columns)).where(table.c.id > 1).order_by(table.c.id)
        assert connection.execute(chosen).tuples().all() == rows
    assert more


def test_one_group_looks_for_its_badges_in_as_many_statements_whatever_their_sites(world: World) -> None:
    """Two sites with the same tokens: who holds the badge at one is nobody at the other."""
    with world.store.read() as connection:
        place = SimpleNamespace(site_id=1)
        elsewhere = SimpleNamespace(site_id=99)
        wanted: Any = [SimpleNamespace(place=at, token=token_of(ANNA_UID)) for at in (place, elsewhere)]
        assert list(holders.holders_of(connection, wanted)) == [(1, token_of(ANNA_UID))]
    assert SITE


def test_presences_are_counted_as_they_come_change_and_go(world: World) -> None:
    rows = [new_row(Key(1, KBO, WORKPLACE, date(2026, 1, day)), 1, world.now_ms) for day in range(1, 9)]
    with world.store.write() as connection:
        connection.execute(schema.presences.insert(), rows)
        connection.execute(schema.presences.update().where(PRESENCES.day < date(2026, 1, 4)).values(state="WAITING"))
        connection.execute(schema.presences.update().values(due_ms=None))
        connection.execute(schema.presences.delete().where(PRESENCES.day == date(2026, 1, 8)))
    with world.store.write() as connection:
        counted = presence_counts.by_state(connection)
        presence_counts.fold(connection)
        assert presence_counts.by_state(connection) == counted
    assert {state: number for state, number in counted.items() if number} == {"QUEUED": 4, "WAITING": 3}
    assert set(counted) == {state.value for state in PresenceState}


def test_rows_of_counts_are_brought_together_before_they_are_many(world: World) -> None:
    states = [state.value for state in PresenceState]
    table = schema.presence_counts
    with world.store.write() as connection:
        before = presence_counts.by_state(connection)
        connection.execute(
            table.insert(), [{"state": state, "number": 1} for state in states * presence_counts.FOLD_FROM]
        )
        presence_counts.fold(connection)
        assert connection.execute(select(func.count()).select_from(table)).scalar_one() == len(states)
        assert presence_counts.by_state(connection) == {
            state: number + presence_counts.FOLD_FROM for state, number in before.items()
        }
        connection.rollback()


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
LISTS = {
    "bigint": st.integers(-(1 << 63), (1 << 63) - 1),
    "bytea": st.binary(max_size=9) | st.binary(max_size=9).map(bytearray),
    "text": TEXTS | st.sampled_from(["", "NULL", "null", '"', "\\", "{}", ",", " a ", *PresenceState]),
    "boolean": st.booleans(),
}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_array_reads_as_the_values_that_were_written(world: World, data: st.DataObject) -> None:
    with world.store.read() as connection:
        if connection.dialect.name == "sqlite":
            return
        for name, values in LISTS.items():
            some = data.draw(st.lists(st.none() | values, max_size=6))
            read = connection.exec_driver_sql(f"SELECT %s::{name}[]", (database.array_text(some),)).scalar_one()
            assert read == some

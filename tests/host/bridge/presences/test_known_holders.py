"""Holders of badges that are kept between batches are those that the store has, by any program and at any time."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any, Final

import pytest
from sqlalchemy import Column, Connection, Table, delete, insert, select, text, update
from sqlalchemy.sql import visitors
from tests.host.bridge.world import ANNA_UID, BOTH, BRAM_UID, LUZ_UID, SITE, STRANGER_UID, World, token_of

from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import badges, employers, engagements, identities, workers
from badgeclock.bridge.people.engagements import Engaged
from badgeclock.bridge.presences import holders
from badgeclock.bridge.presences.holders import KnownHolders, holders_of
from badgeclock.bridge.store import holder_marks, schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.database import Store
from badgeclock.protocol.record import Direction

DATABASES = BOTH
SECOND = "0206731645"
UIDS = (ANNA_UID, BRAM_UID, LUZ_UID, STRANGER_UID)
WORKERS = ("W-001", "W-002", "W-003")
SEEDS = range(2)
STEPS = 40
MONDAY = date(2026, 1, 5)

Change = Callable[[World, Connection, random.Random], None]


@pytest.fixture
def office(database: str, world: World) -> Iterator[Store]:
    """Another program's connections to the same store."""
    store = Store(database)
    with store.write() as connection:
        employers.put(connection, SECOND, "Onderaannemer")
        engagements.put(connection, "W-002", Engaged(SECOND))
    yield store
    store.close()
    assert world


def punches_of(*uids: bytes) -> Any:
    """What a look-up needs of punches at the one site."""
    return [SimpleNamespace(place=SimpleNamespace(site_id=1), token=token_of(uid)) for uid in uids]


def give(world: World, connection: Connection, rng: random.Random) -> None:
    """A badge to any worker, by the badge's holder or not."""
    uid, worker = rng.choice(UIDS), rng.choice(WORKERS)
    badges.assign(connection, world.vault, site=SITE, worker=worker, uid=uid, now_ms=world.now_ms)


def give_for_an_employer(world: World, connection: Connection, rng: random.Random) -> None:
    badges.assign(
        connection,
        world.vault,
        site=SITE,
        worker="W-002",
        uid=rng.choice(UIDS),
        employer_kbo=SECOND,
        now_ms=world.now_ms,
    )


def take_back(world: World, connection: Connection, rng: random.Random) -> None:
    used = select(schema.badges.c.id).where(schema.badges.c.until_ms.is_(None))
    some = connection.execute(used).scalars().all()
    if some:
        badge = badges.Badge(rng.choice(some), "W-001", 1, 0, None)
        badges.revoke(connection, badge, by="tests", now_ms=world.now_ms)


def engage(world: World, connection: Connection, rng: random.Random) -> None:
    from_day, days = MONDAY + timedelta(rng.randrange(-3, 3)), rng.choice((None, 0, 3))
    to_day = None if days is None else from_day + timedelta(days)
    sites = rng.choice(((), (SITE,)))
    engaged = Engaged(SECOND, from_day=from_day, to_day=to_day, sites=sites)
    engagements.engage(connection, rng.choice(WORKERS[:2]), engaged, Operator("tests", "busy"), world.now_ms)


def change_identity(world: World, connection: Connection, rng: random.Random) -> None:
    identity = rng.choice((identities.limosa("24999999999999999"), identities.niss("00000100463")))
    workers.change(connection, world.vault, "W-001", identity=identity, by="tests", now_ms=world.now_ms)


def end_engagements(_: World, connection: Connection, __: random.Random) -> None:
    connection.execute(update(schema.badges).values(engagement_id=None))
    connection.execute(delete(schema.engagements))


def begin_key_change(_: World, connection: Connection, rng: random.Random) -> None:
    table = schema.badges
    used = connection.execute(select(table.c.id).where(table.c.until_ms.is_(None)).order_by(table.c.id)).scalars().all()
    connection.execute(update(table).values(token_before=None))
    if used:
        before = update(table).where(table.c.id == rng.choice(used))
        connection.execute(before.values(token_before=token_of(rng.choice(UIDS))))


CHANGES: Final[tuple[Change, ...]] = (
    give,
    give,
    give_for_an_employer,
    take_back,
    engage,
    change_identity,
    end_engagements,
    begin_key_change,
)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_kept_holder_is_the_one_that_the_store_has_after_any_changes(world: World, office: Store, seed: int) -> None:
    """Changes by another program: committed, rolled back, and, where two may write at once, not committed yet."""
    rng, known, asked = random.Random(seed), KnownHolders(), 0

    def check(what: str) -> None:
        wanted = punches_of(*rng.sample(UIDS, rng.randrange(1, len(UIDS) + 1)))
        with world.store.write() as connection:
            assert known.of(connection, wanted) == holders_of(connection, wanted), f"seed {seed}: {what}"

    for step in range(STEPS):
        change = rng.choice(CHANGES)
        at = f"step {step}, {change.__name__}"
        world.now_ms += 1
        for _ in range(rng.randrange(3)):
            check(f"before {at}")
            asked += 1
        is_kept = rng.random() < 0.8
        with office.write() as connection:
            with contextlib.suppress(PeopleError):
                change(world, connection, rng)
            if connection.dialect.name != "sqlite":
                check(f"within {at}")
            if not is_kept:
                connection.rollback()
        check(f"after {at}")
        if rng.random() < 0.1:
            with office.write() as connection:
                holder_marks.fold(connection)
    assert asked


@pytest.mark.parametrize("seed", SEEDS)
def test_a_punch_is_booked_to_who_holds_the_badge_when_its_batch_begins(world: World, office: Store, seed: int) -> None:
    rng = random.Random(seed)
    world.punches(*world.clock.start())
    booked, expected = [], []
    for _ in range(STEPS):
        uids = rng.choices(UIDS, k=rng.randrange(1, 6))
        with office.read() as connection:
            of = holders_of(connection, punches_of(*uids))
        expected += [holder.worker_id if (holder := of.get((1, token_of(uid)))) else None for uid in uids]
        before = world.clock.state.next_seq
        world.punches(*(world.clock.punch(uid, Direction.IN) for uid in uids))
        booked += [row.worker_id for row in world.rows(schema.punches) if row.seq >= before]
        world.now_ms += 1
        for _ in range(rng.randrange(2)):
            with office.write() as connection:
                rng.choice((give, take_back))(world, connection, rng)
    assert booked == expected, f"seed {seed}"
    assert len(set(booked)) > 2


def columns_read() -> list[Column[Any]]:
    """Every column of a table that the look-ups of holders read or compare."""
    found = {
        element
        for statement in holders.LOOK_UPS
        for element in visitors.iterate(statement)
        if isinstance(element, Column) and element.table is not None
    }
    return sorted(found, key=str)


def mark_of(world: World) -> Any:
    with world.store.read() as connection:
        return holder_marks.mark(connection)


def test_a_change_of_any_column_that_is_read_gives_another_mark(world: World, office: Store) -> None:
    read = columns_read()
    assert {column.table.name for column in read} == {"badges", "workers", "employers", "engagements"}
    for column in read:
        before = mark_of(world)
        with office.write() as connection:
            connection.execute(text(f"UPDATE {column.table.name} SET {column.name} = {column.name}"))  # noqa: S608
        assert mark_of(world) != before, str(column)


@pytest.mark.parametrize("table", [schema.badges, schema.engagements], ids=str)
def test_a_row_more_or_less_gives_another_mark(world: World, office: Store, table: Table) -> None:
    with office.read() as connection:
        row = dict(connection.execute(select(table).order_by(table.c.id.desc())).mappings().first() or {})
    row["id"] += 1
    if table is schema.badges:
        row["token"] = token_of(STRANGER_UID)
    marks = {mark_of(world)}
    for change in (insert(table).values(row), delete(table).where(table.c.id == row["id"])):
        with office.write() as connection:
            connection.execute(change)
        marks.add(mark_of(world))
    assert len(marks) == 3


def test_a_mark_is_not_another_one_while_nothing_changes(world: World, office: Store) -> None:
    world.punches(*world.clock.start())
    before = mark_of(world)
    world.punches(world.clock.punch(ANNA_UID), world.clock.punch(STRANGER_UID))
    with office.write() as connection:
        give(world, connection, random.Random(1))
        connection.rollback()
    assert mark_of(world) == before


def test_the_mark_is_another_one_once_its_rows_are_replaced(world: World) -> None:
    table = schema.holder_marks
    with world.store.write() as connection:
        connection.execute(insert(table), [{"mark": number} for number in range(holder_marks.FOLD_FROM)])
        before = holder_marks.mark(connection)
        assert holder_marks.are_to_fold(connection)
        holder_marks.fold(connection)
        assert len(connection.execute(select(table)).all()) == 1
        assert holder_marks.mark(connection) != before
        assert not holder_marks.are_to_fold(connection)


def test_a_store_without_a_mark_gets_one(world: World) -> None:
    with world.store.write() as connection:
        connection.execute(delete(schema.holder_marks))
        assert holder_marks.mark(connection) is None
        assert holder_marks.are_to_fold(connection)
        holder_marks.fold(connection)
        assert holder_marks.mark(connection) is not None


def test_a_store_without_a_mark_is_asked_each_time(world: World, office: Store) -> None:
    known, wanted = KnownHolders(), punches_of(ANNA_UID)
    with office.write() as connection:
        connection.execute(delete(schema.holder_marks))
    for worker in ("W-002", "W-001"):
        with office.write() as connection:
            badges.assign(connection, world.vault, site=SITE, worker=worker, uid=ANNA_UID, now_ms=world.now_ms)
            connection.execute(delete(schema.holder_marks))
        with world.store.write() as connection:
            assert known.of(connection, wanted) == holders_of(connection, wanted)


def test_as_many_are_kept_as_were_asked_for_and_the_last_used_ones_stay(world: World) -> None:
    known = KnownHolders(most=2)
    asked: list[int] = []

    def of(connection: Connection, *uids: bytes) -> set[bytes]:
        return {token for _, token in known.of(connection, punches_of(*uids))}

    with world.store.write() as connection:
        for uids in ((ANNA_UID, BRAM_UID, LUZ_UID), (ANNA_UID,), (BRAM_UID,), (ANNA_UID,), (LUZ_UID,)):
            assert of(connection, *uids) == {token_of(uid) for uid in uids}
            asked.append(len(known))
        assert (1, token_of(ANNA_UID)) in known
        assert (1, token_of(BRAM_UID)) not in known
    assert asked == [2] * 5

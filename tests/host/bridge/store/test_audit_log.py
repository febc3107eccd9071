"""The book of acts: who did what, and that nobody can change it unnoticed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.host.bridge.world import ANNA_NISS, ANNA_UID, LUZ_LIMOSA, SITE, WORKPLACE, World
from typer.testing import CliRunner

from badgeclock.bridge.clocks import registry
from badgeclock.bridge.errors import AuditError
from badgeclock.bridge.people import identities
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import NO_ACT, Act, Operator
from badgeclock.cli.main import app
from badgeclock.errors import StoreError

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
DETAIL = st.dictionaries(
    NAMES,
    st.recursive(NAMES | st.integers(-(2**53), 2**53) | st.none() | st.booleans(), st.lists, max_leaves=4),
    max_size=4,
)


def note(world: World, reason: str = "", subject: tuple[str, int] | str = "store", **detail: object) -> bytes:
    """Write an act; returns the newest hash."""
    with world.store.write() as connection:
        audit_log.write(connection, Operator("anna", reason), Act.BACKED_UP, subject, detail, world.now_ms)
        return audit_log.newest(connection).head


def tampered(tmp_path: Path, *statements: str) -> None:
    """The attack of somebody with the database's file: removes the triggers first."""
    with sqlite3.connect(tmp_path / "bridge.db") as direct:
        for name in ("acts_UPDATE", "acts_DELETE"):
            direct.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            direct.execute(statement)
    direct.close()


@given(st.lists(st.tuples(NAMES, DETAIL), min_size=1, max_size=5))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=20, deadline=None
)
def test_whatever_is_written_down_holds(world: World, acts: list[tuple[str, dict[str, object]]]) -> None:
    with world.store.write() as connection:
        before = audit_log.newest(connection)
        for operator, detail in acts:
            audit_log.write(connection, Operator(operator), Act.BACKED_UP, "store", detail, world.now_ms)
        book = audit_log.verify(connection, before.head)
        assert book == audit_log.newest(connection)
        assert book.acts == before.acts + len(acts)


@pytest.mark.parametrize("statement", ["UPDATE acts SET operator = 'bram'", "DELETE FROM acts"])
def test_the_database_refuses_to_change_the_book(world: World, statement: str) -> None:
    note(world)
    with pytest.raises(StoreError, match="kept as it was written"), world.store.write() as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE acts SET operator = 'bram' WHERE id = 2",
        "UPDATE acts SET at_ms = at_ms + 1 WHERE id = 2",
        "UPDATE acts SET reason = '' WHERE id = 2",
        "UPDATE acts SET detail = '{}' WHERE id = 2",
        "UPDATE acts SET subject = 'worker 8' WHERE id = 2",
        "DELETE FROM acts WHERE id = 2",
        "DELETE FROM acts WHERE id = 1",
        "UPDATE acts SET id = 9 WHERE id = 2",
    ],
)
def test_an_act_that_was_changed_taken_out_or_moved_is_noticed(world: World, tmp_path: Path, statement: str) -> None:
    for number in range(1, 4):
        note(world, "looked at", ("worker", number), number=number)
    tampered(tmp_path, statement)
    with pytest.raises(AuditError, match="not as it was written"), world.store.read() as connection:
        audit_log.verify(connection)


def test_acts_that_were_cut_off_are_noticed_by_whoever_noted_the_newest(world: World, tmp_path: Path) -> None:
    first = note(world, number=1)
    noted = note(world, number=2)
    tampered(tmp_path, "DELETE FROM acts WHERE id = 2")
    with world.store.read() as connection:
        assert audit_log.verify(connection).acts == 1
        assert audit_log.verify(connection, first).acts == 1
        assert audit_log.verify(connection, NO_ACT).acts == 1
        with pytest.raises(AuditError, match="cut off"):
            audit_log.verify(connection, noted)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, f"because of {ANNA_NISS}", "about 00.00.01-002.65, again"])
def test_a_reason_is_a_line_without_a_national_number(reason: str) -> None:
    with pytest.raises(AuditError) as refused:
        audit_log.reason(reason)
    assert ANNA_NISS not in str(refused.value)


def test_a_decision_is_written_down_with_who_and_why_and_named_while_it_is_known(world: World) -> None:
    with world.store.write() as connection:
        registry.end(connection, world.clock.name, by="bram", reason="lost\nin the canal", now_ms=world.now_ms)
        (act,) = audit_log.listing(connection, 0, 10)
        assert act["act"] == "clock_ended"
        assert act["name"] == world.clock.name
        assert (act["operator"], act["reason"]) == ("bram", "lost in the canal")
        assert act["detail"] == {"state": "ACTIVE", "next_seq": 0}
        assert audit_log.listing(connection, 0, 10, "site 1") == []
        connection.execute(schema.sites.update().values(name=SITE))
    assert note(world, subject=("worker", 99)) != NO_ACT
    with world.store.read() as connection:
        assert audit_log.listing(connection, act["id"], 10)[0]["name"] is None


def test_a_worker_is_changed_in_part_and_a_badges_history_is_shown(world: World, tmp_path: Path) -> None:
    (tmp_path / "data.key").write_text(b"data key of the tests, 32 bytes.".hex())
    (tmp_path / "data.key").chmod(0o600)
    config = tmp_path / "bridge.toml"
    config.write_text(
        '[broker]\nca = "c"\ncertificate = "c"\nkey = "k"\n[secrets]\ndata_key_file = "data.key"\n'
        '[authority]\nendpoint = "http://127.0.0.1:9/"\n'
    )

    def run(*arguments: str, stdin: str = "") -> str:
        done = CliRunner().invoke(app, ["bridge", *arguments, "--config", str(config)], input=stdin)
        assert done.exit_code == 0, done.output
        return done.output

    why = ("--reason", "the authority has another number")
    assert "changed identity" in run(
        "worker", "set", "--reference", "W-001", "--niss-file", "-", *why, stdin="00000100166"
    )
    assert "changed name" in run("worker", "set", "--reference", "W-001", "--name", "Anna Anders", *why)
    assert "changed nothing" in run("worker", "set", "--reference", "W-003", *why)
    (anna, _, luz) = world.rows(schema.workers)
    assert identities.identity_of(world.vault, anna).number == "00000100166"
    assert identities.identity_of(world.vault, luz).number == LUZ_LIMOSA
    assert "is changed" in run("site", "set", "--name", SITE, "--workplace", "1y1test00009z", "--regime", "meat")
    (site,) = world.rows(schema.sites)
    assert (site.workplace, site.regime, site.site_key_closed is None) == ("1Y1TEST00009Z", "meat", False)
    world.assign(ANNA_UID, "W-002")
    assert "until 2026-01-05" in run("badge", "list", "--worker", "W-001")
    assert run("badge", "list", "--worker", "W-002").count("in use") == 2
    with world.store.read() as connection:
        acts = audit_log.listing(connection, 0, 10, "worker 1")
        audit_log.verify(connection)
        (changed,) = audit_log.listing(connection, 0, 10, "site 1")
    assert changed["detail"]["before"] == {"workplace": WORKPLACE, "regime": "construction"}
    assert {"worker_changed", "site_changed"} <= set(world.events())
    assert [act["detail"] for act in acts] == [{"changed": ["identity"]}, {"changed": ["name"]}]
    assert {act["reason"] for act in acts} == {why[1]}
    assert "Anders" not in repr(acts)

"""A day in the store beside the same day at the authority: differences are listed, and nothing is changed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.host.bridge.registrar.test_registrar import all_in, moving, three_punches
from tests.host.bridge.world import ANNA_NISS, ANNA_UID, BOTH, BRAM_NISS, Authority, World
from typer.testing import CliRunner

from badgeclock.authorities.base import MovementItem, PresenceItem
from badgeclock.authorities.errors import AuthorityUnavailable
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.registrar.reconcile import Difference, Report, reconcile
from badgeclock.bridge.registrar.registrar import share_out
from badgeclock.bridge.store import schema
from badgeclock.cli.main import app

DATABASES = BOTH
MONDAY = date(2026, 1, 5)


async def compared(world: World, *authorities: Authority, day: date = MONDAY) -> Report:
    """The report; neither side was changed by it."""
    asked = authorities or (world.authority,)
    before = world.rows(schema.presences), world.rows(schema.events), [list(one.books) for one in asked]
    report = await reconcile(world.store, world.vault, share_out(asked), day)
    assert before == (world.rows(schema.presences), world.rows(schema.events), [list(one.books) for one in asked])
    return report


def told(report: Report) -> list[tuple[Difference, str | None, str | None, tuple[int, ...]]]:
    return [(one.difference, one.worker, one.state, one.numbers) for one in report.findings]


async def all_registered(world: World) -> None:
    three_punches(world)
    await world.registered(all_in(world, "VALIDATED"), world.registrar(now_ms=moving(world)))


async def test_what_stands_on_both_sides_agrees(world: World) -> None:
    await all_registered(world)
    assert await compared(world) == Report(3, 0, ())
    assert await compared(world, day=date(2026, 1, 6)) == Report(0, 0, ())


async def test_what_the_authority_does_not_have_or_has_cancelled_is_listed(world: World) -> None:
    await all_registered(world)
    world.authority.cancel_by_hand(0)
    del world.authority.books[1]
    assert told(await compared(world)) == [
        (Difference.CANCELLED_THERE, "W-001", "VALIDATED", ()),
        (Difference.STORE_ONLY, "W-002", "VALIDATED", ()),
    ]


async def test_what_the_authority_has_twice_or_under_another_number_is_listed(world: World) -> None:
    await all_registered(world)
    anna, bram, _ = world.authority.books
    world.authority.books += [replace(anna, reception_number=7), replace(bram, reception_number=8)]
    world.authority.books.remove(bram)
    assert told(await compared(world)) == [
        (Difference.TWICE, "W-001", "VALIDATED", (7, anna.reception_number)),
        (Difference.OTHER_NUMBER, "W-002", "VALIDATED", (8,)),
    ]


async def test_what_only_the_authority_has_is_listed_if_it_is_ours(world: World) -> None:
    """A registration that the store says was refused; one of a store that is gone; and somebody else's."""
    world.authority.refused = {ANNA_NISS}
    three_punches(world)
    await world.registered(all_in(world, "VALIDATED", "REFUSED"), world.registrar(now_ms=moving(world)))
    (refused, *_) = world.rows(schema.presences)
    bram = world.authority.books[0]
    world.authority.books += [
        replace(bram, reception_number=21, reference=refused.reference, inss=ANNA_NISS),
        replace(bram, reception_number=22, reference="BC20260105-000000000000", inss="00000199960", inss_now=None),
        replace(bram, reception_number=23, reference=None, company_id="0206731645"),
        replace(bram, reception_number=24, reference="THEIRS", inss="00000199960", inss_now=None),
    ]
    report = await compared(world)
    assert told(report) == [
        (Difference.AUTHORITY_ONLY, "W-001", "REFUSED", (21,)),
        (Difference.AUTHORITY_ONLY, None, None, (22,)),
        (Difference.AUTHORITY_ONLY, "W-002", None, (23,)),
    ]
    assert report.agreed == 2
    assert not any(secret in json.dumps(one.as_dict()) for one in report.findings for secret in (ANNA_NISS, BRAM_NISS))


async def test_what_is_under_way_is_no_difference(world: World) -> None:
    three_punches(world)
    world.authority.script = ["lost after"]
    await world.registered(all_in(world, "UNKNOWN"), world.registrar(settle_ms=10**9))
    assert await compared(world) == Report(0, 3, ())


async def test_movements_without_references_are_known_by_what_they_say(world: World) -> None:
    clock = world.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING)
    world.punches(*clock.start(), clock.punch(ANNA_UID), clock=clock)
    three_punches(world)
    days, moves = (
        Authority(now_ms=lambda: world.now_ms, declares=frozenset({kind})) for kind in (PresenceItem, MovementItem)
    )
    for world.authority in (days, moves):
        await world.registered(lambda: len(world.authority.books) == (3 if world.authority is days else 1))
    await world.registered(all_in(world, "VALIDATED", "REGISTERED"))
    moves.books[0] = replace(moves.books[0], reference=None)
    assert (await compared(world, days, moves)).findings == ()
    with world.store.write() as connection:  # a store from an older backup
        connection.execute(schema.receptions.delete())
    moves.books.append(replace(moves.books[0], reception_number=5))
    (finding,) = (await compared(world, days, moves)).findings
    assert (finding.difference, finding.worker, finding.numbers[0]) == (Difference.TWICE, "W-001", 5)
    assert moves.books[0].moment is not None
    assert moves.books[0].created >= datetime(2026, 1, 5, tzinfo=UTC)


async def test_an_authority_that_does_not_answer_is_no_difference(world: World) -> None:
    await all_registered(world)
    world.authority.searches = ["away"]
    with pytest.raises(AuthorityUnavailable):
        await compared(world)


def test_the_command_compares_today_and_says_by_its_exit_code_whether_something_differs(tmp_path: Path) -> None:
    config = tmp_path / "bridge.toml"
    config.write_text(
        '[store]\nurl = "sqlite:///bridge.db"\n[broker]\nca = "ca"\ncertificate = "c"\nkey = "k"\n'
        '[secrets]\ndata_key_file = "data.key"\n[authority]\nkind = "file"\npath = "declared.jsonl"\n'
    )
    (tmp_path / "data.key").write_text(b"data key of the tests, 32 bytes.".hex())
    (tmp_path / "data.key").chmod(0o600)
    world = World(tmp_path)

    def run(*more: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["bridge", "reconcile", *more, "--config", str(config)])
        return done.exit_code, done.stdout

    assert run("--day", "2026-01-05", "--json") == (
        0,
        '{"day": "2026-01-05", "agreed": 0, "under_way": 0, "findings": []}\n',
    )
    export = {
        "number": 1,
        "created": "2026-01-05T11:00:00+00:00",
        "presence": {
            "reference": "BC20260105-000000000000",
            "date": "2026-01-05",
            "workplace_id": "1Y1TEST00001Z",
            "inss": ANNA_NISS,
            "company_id": "0438195916",
        },
    }
    (tmp_path / "declared.jsonl").write_text(json.dumps(export) + "\n")
    code, shown = run("--day", "2026-01-05")
    assert code == 4
    assert "at the authority alone" in shown
    assert "W-001" in shown
    assert ANNA_NISS not in shown
    assert run()[0] == 0  # today
    world.close()

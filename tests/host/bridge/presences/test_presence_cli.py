"""The commands for reviewing open items, and deciding."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from tests.host.bridge.registrar.test_registrar import all_in
from tests.host.bridge.world import ANNA_UID, BRAM_UID, SITE, STRANGER_UID, World
from typer.testing import CliRunner

from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store import schema
from badgeclock.cli.main import app
from badgeclock.protocol.record import Direction

Run = Callable[..., Result]


@pytest.fixture
def run(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    (tmp_path / "data.key").write_text(b"data key of the tests, 32 bytes.".hex())
    (tmp_path / "data.key").chmod(0o600)
    config = tmp_path / "bridge.toml"
    config.write_text(
        '[store]\nurl = "sqlite:///bridge.db"\n[broker]\nca = "ca"\ncertificate = "c"\nkey = "k"\n'
        '[secrets]\ndata_key_file = "data.key"\n[authority]\nendpoint = "http://localhost/"\n'
    )
    monkeypatch.setattr("badgeclock.cli.presence.wall_clock_ms", lambda: world.now_ms)

    def command(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, ["bridge", *arguments, "--config", str(config)], input=stdin)

    return command


def good(done: Result) -> str:
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


async def test_a_person_sees_decides_and_is_remembered(world: World, run: Run) -> None:
    world.authority.refused = {"00000100265"}
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID), world.clock.punch(BRAM_UID))
    world.punches(world.clock.punch(STRANGER_UID))
    await world.registered(all_in(world, "REFUSED", "VALIDATED", "UNASSIGNED", "REGISTERED"))
    anna, bram = [row.reference for row in world.rows(schema.presences)]

    listed = good(run("presence", "list"))
    assert anna in listed
    assert "code 5: INVALID INSS" in listed
    assert "clock-0001/4" in listed
    assert bram not in listed
    assert [json.loads(line)["item"] for line in good(run("presence", "list", "--json")).splitlines()] == [
        anna,
        "clock-0001/4",
    ]

    given = ("--niss-file", "-", "--reason", "it has a national number now")
    changed = good(run("worker", "set", "--reference", "W-001", *given, stdin="00000100463"))
    assert "Worker 'W-001': changed identity" in changed
    assert "QUEUED" in good(run("presence", "correct", anna, "--reason", "number corrected", "--by", "Office"))
    assert "CANCELLING" in good(run("presence", "cancel", bram, "--reason", "holiday", "--code", "HOLIDAY"))
    assert "CLOSED" in good(run("presence", "close", "clock-0001/4", "--reason", "a visitor"))
    assert good(run("presence", "list", "--json")) == ""
    shown = good(run("presence", "show", anna))
    assert "correct by Office" in shown
    assert "number corrected; sent as corrected" in shown
    assert world.clock.sent[2][-16:].hex() in shown
    assert json.loads(good(run("presence", "show", bram, "--json")))["decisions"][0]["code"] == "HOLIDAY"


def test_a_waiting_punch_is_shown_and_declared(world: World, run: Run) -> None:
    clock = world.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING)
    world.punches(*clock.start(), clock.punch(ANNA_UID, Direction.NONE), clock=clock)
    assert "WAITING (no_direction)" in good(run("presence", "show", "clock-0002/2"))
    assert "declared with presence BC2026" in good(
        run("presence", "declare", "clock-0002/2", "--way", "in", "--reason", "asked her")
    )
    assert world.states() == ["QUEUED"]


def test_a_presence_that_is_assumed_is_listed_and_kept(world: World, run: Run) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID, Direction.OUT))
    (reference,) = [row.reference for row in world.rows(schema.presences)]
    assert "assumed: no_in" in good(run("presence", "list"))
    assert "assumed: no_in" in good(run("presence", "show", reference))
    assert "stays" in good(run("presence", "keep", reference, "--reason", "was there"))
    assert good(run("presence", "list", "--json")) == ""
    assert run("presence", "keep", reference, "--reason", "again").exit_code != 0


def test_the_office_registers_plans_and_withdraws(world: World, run: Run) -> None:
    why = ("--reason", "the gate has no power", "--by", "Office")
    done = good(run("presence", "register", "W-001", "W-002", "--site", SITE, *why))
    assert "W-002 on 2026-01-05: presence BC20260105-" in done
    later = ("--day", "2026-01-05", "--day", "2026-01-08")
    again = good(run("presence", "register", "W-001", "--site", SITE, *later, *why))
    assert "registered or planned already: BC20260105-" in again
    assert "planned as 1; sent when" in again
    assert "2026-01-08" in good(run("presence", "planned"))
    assert json.loads(good(run("presence", "planned", "--json")))["by"].startswith("Office")
    good(run("presence", "withdraw", "1", "--reason", "ill"))
    assert good(run("presence", "planned", "--json")) == ""
    (first, _) = world.rows(schema.presences)
    assert "registered by hand" in good(run("presence", "show", first.reference))
    assert "register by Office" in good(run("presence", "show", first.reference))


CANNOT_BE = [
    ("presence", "register", "W-001", "--site", SITE, "--day", "2026-01-04", "--reason", "x"),
    ("presence", "register", "W-001", "--site", "nowhere", "--reason", "x"),
    ("presence", "withdraw", "1", "--reason", "x"),
    ("presence", "cancel", "BC1", "--reason", "x"),
    ("presence", "correct", "BC1", "--reason", "x"),
    ("presence", "close", "clock-0001/9", "--reason", "x"),
    ("presence", "show", "clock-0001/x"),
    ("presence", "declare", "BC1", "--reason", "x"),
    ("presence", "declare", "clock-0001/99999999999999999999", "--reason", "x"),
    ("presence", "cancel", "BC1"),
    ("worker", "set", "--reference", "W-001"),
    ("worker", "set", "--reference", "W-999", "--employer", "0438195916"),
    ("worker", "set", "--reference", "W-001", "--employer", "0999999999"),
    ("site", "set", "--name", SITE),
    ("site", "set", "--name", "nowhere", "--regime", "meat"),
    ("site", "set", "--name", SITE, "--workplace", "too short"),
]


def test_what_cannot_be_changes_nothing(world: World, run: Run) -> None:
    tables = (schema.workers, schema.sites, schema.corrections, schema.events)
    before = [world.rows(table) for table in tables]
    for arguments in CANNOT_BE:
        assert run(*arguments).exit_code != 0, arguments
        assert [world.rows(table) for table in tables] == before, arguments


def test_a_site_gets_another_regime_and_workplace_number(world: World, run: Run) -> None:
    good(run("site", "set", "--name", SITE, "--regime", "construction-io", "--workplace", "1y1test00009z"))
    (site,) = world.rows(schema.sites)
    assert (site.regime, site.workplace) == ("construction-io", "1Y1TEST00009Z")
    assert "site_changed" in world.events()

"""What the commands print: the list, the badge of a punch, and the file of corrections for the authority."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from tests.host.bridge.registrar.test_registrar import all_in
from tests.host.bridge.world import ANNA_NISS, ANNA_UID, BRAM_NISS, DAY_MS, NOON_MS, STRANGER_UID, World, token_of
from typer.testing import CliRunner

from badgeclock.bridge.operations.correction_words import WORDS, Language
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store import schema
from badgeclock.cli.context import operator
from badgeclock.cli.main import app
from badgeclock.errors import SettingsError
from badgeclock.protocol.record import Direction

Run = Callable[..., Result]
CODE = token_of(STRANGER_UID)[:2].hex().upper()


@pytest.fixture
def run(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    (tmp_path / "data.key").write_text(b"data key of the tests, 32 bytes.".hex())
    (tmp_path / "data.key").chmod(0o600)
    config = tmp_path / "bridge.toml"
    config.write_text(
        '[store]\nurl = "sqlite:///bridge.db"\n[broker]\nca = "ca"\ncertificate = "c"\nkey = "k"\n'
        '[secrets]\ndata_key_file = "data.key"\n[authority]\nendpoint = "http://localhost/"\n'
    )
    for module in ("presence", "attention", "correction", "people", "context"):
        monkeypatch.setattr(f"badgeclock.cli.{module}.wall_clock_ms", lambda: world.now_ms)

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["bridge", *arguments, "--config", str(config)])

    return command


def good(done: Result) -> str:
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_nothing_waits(world: World, run: Run) -> None:
    assert "Nothing waits for a person." in good(run("attention"))
    assert good(run("attention", "--json")) == ""
    assert world.rows(schema.punches) == []


def test_the_list_is_read_by_a_person_and_by_a_program_and_gives_a_badge_away(world: World, run: Run) -> None:
    world.deliver((world.clock.topic("nonsense"), b""))
    world.now_ms += 1000
    world.punches(*world.clock.start(), world.clock.punch(STRANGER_UID))
    shown = good(run("attention"))
    assert "2 wait for a person" in shown
    assert f"code {CODE}" in shown
    assert "badgeclock bridge badge add --punch clock-0001/2 --worker" in shown
    assert shown.index("unknown_topic") < shown.index("unknown_badge")
    event, badge = [json.loads(line) for line in good(run("attention", "--json")).splitlines()]
    assert (badge["item"], badge["code"], badge["clock"]) == ("clock-0001/2", CODE, "clock-0001")
    assert "1 oldest are shown" in good(run("attention", "--limit", "1"))
    assert "presences queued for waiting punches: 1" in good(
        run("badge", "add", "--punch", "clock-0001/2", "--worker", "W-002")
    )
    assert "seen to" in good(run("attention", "settle", event["item"], "--reason", "our monitor", "--by", "Office"))
    assert "Nothing waits" in good(run("attention"))
    assert [row.act for row in world.rows(schema.acts)] == ["badge_assigned", "attention_settled"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--worker", "W-002"),
        ("--worker", "W-002", "--punch", "clock-0001/2", "--site", "Quay 7"),
        ("--worker", "W-002", "--site", "Quay 7"),
        ("--worker", "W-002", "--punch", "clock-0001"),
        ("--worker", "W-999", "--punch", "clock-0001/2"),
        ("--worker", "W-002", "--punch", "clock-0001/2", "--employer", "0206731645"),
    ],
)
def test_a_badge_that_is_not_named_is_not_given(world: World, run: Run, arguments: tuple[str, ...]) -> None:
    world.punches(*world.clock.start(), world.clock.punch(STRANGER_UID))
    before = [world.rows(table) for table in (schema.badges, schema.acts)]
    assert run("badge", "add", *arguments).exit_code != 0
    assert [world.rows(table) for table in (schema.badges, schema.acts)] == before


async def test_a_wrong_way_is_corrected_by_command(world: World, run: Run) -> None:
    clock = world.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING)
    world.punches(*clock.start(), clock.punch(ANNA_UID, Direction.OUT), clock=clock)
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"))
    (row,) = world.rows(schema.presences)
    assert "assumed_no_in" in good(run("attention"))
    assert "CANCELLING" in good(run("presence", "correct", row.reference, "--way", "in", "--reason", "wrong key"))


async def test_a_correction_for_the_authority_is_written_with_who_what_and_evidence_and_ends(
    world: World, run: Run, tmp_path: Path
) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID))
    await world.registered(all_in(world, "REGISTERED", "VALIDATED"))
    world.now_ms = NOON_MS + DAY_MS
    (row,) = world.rows(schema.presences)
    said = good(run("presence", "correct", row.reference, "--worker", "W-002", "--reason", "the badge was <lent>"))
    assert "written down as correction 1" in said
    assert "2026-02-04" in said
    assert "the badge was <lent>" in good(run("correction", "list"))

    folder = tmp_path / "corrections"
    written = good(run("correction", "write", str(folder), "--language", "fr", "--by", "Office"))
    assert ANNA_NISS not in written
    found = json.loads((folder / "corrections.json").read_text())
    (one,) = found["corrections"]
    assert one["as_registered"]["reception_number"] == row.reception_number
    assert (one["as_registered"]["person"]["number"], one["as_it_was"]["person"]["number"]) == (ANNA_NISS, BRAM_NISS)
    assert (one["kind"], one["send_by"], one["why"]) == ("correct", "2026-02-04", "the badge was <lent>")
    (punch,) = one["punches"]
    assert punch["seal"] == world.clock.sent[2][-16:].hex()
    assert punch["bytes"] == world.clock.sent[2].hex()
    assert punch["moment"] == "2026-01-05 12:00:00+01:00"
    assert [call["outcome"] for call in one["calls"]] == ["registered"]
    page = (folder / "corrections.html").read_text()
    for said in (str(row.reception_number), ANNA_NISS, BRAM_NISS, punch["seal"], "the badge was &lt;lent&gt;"):
        assert said in page
    assert WORDS[Language.FR]["title"].replace("'", "&#39;") in page
    assert '<html lang="fr">' in page
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    act = world.rows(schema.acts)[-1]
    who = f"Office, through {operator()}"
    assert (act.act, act.operator, act.detail) == ("correction_written", who, {"corrections": [1]})

    again = run("correction", "write", str(folder))
    assert isinstance(again.exception, SettingsError)
    assert world.rows(schema.acts)[-1].id == act.id, "what was not written is no act"
    assert "file made" in good(run("correction", "list"))
    assert "its file is made" in good(run("attention"))
    assert "has ended" in good(run("correction", "done", "1", "--reason", "its letter of 9 January"))
    assert good(run("correction", "list", "--json")) == ""
    ended = json.loads(good(run("correction", "list", "--ended", "--json")))
    assert ended["outcome"] == "answered: its letter of 9 January"
    assert "Nothing waits" in good(run("attention"))


def test_a_punch_without_presence_is_written_with_its_day_and_movement(world: World, run: Run, tmp_path: Path) -> None:
    clock = world.add_site("Office tower", "1Y1TEST00003Z", Regime.CLEANING)
    world.now_ms += DAY_MS
    world.punches(*clock.start(), clock.punch(ANNA_UID, Direction.OUT), clock=clock)
    assert "correction 1" in good(run("presence", "declare", "clock-0002/2", "--reason", "she was there"))
    good(run("correction", "write", str(tmp_path / "out"), "--number", "1"))
    (one,) = json.loads((tmp_path / "out" / "corrections.json").read_text())["corrections"]
    assert one["as_registered"] is None
    assert (one["as_it_was"]["way"], one["as_it_was"]["moment"]) == ("out", "2026-01-05 12:00:00+01:00")
    assert one["as_it_was"]["site"] == {"name": "Office tower", "workplace": "1Y1TEST00003Z"}
    assert "withdrawn" in good(run("correction", "withdraw", "1", "--reason", "she has one already"))
    assert world.states() == ["WAITING"]


@pytest.mark.parametrize(
    "arguments", [("write", "out"), ("done", "7", "--reason", "x"), ("write", "out", "--number", "7")]
)
def test_a_correction_that_is_not_open_is_none(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert run("correction", *arguments).exit_code != 0
        assert not (tmp_path / "out").exists()


def test_every_language_has_every_word() -> None:
    assert all(set(WORDS[language]) == set(WORDS[Language.EN]) for language in Language)
    assert all(word.strip() for words in WORDS.values() for word in words.values())

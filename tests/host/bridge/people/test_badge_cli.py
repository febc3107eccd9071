"""`badgeclock badge` and the badge key's commands: their output and exit codes."""

from __future__ import annotations

import json
import os
import pwd
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.host.bridge.world import SITE, SITE_KEY, World
from typer.testing import CliRunner, Result

from badgeclock.bridge.clocks import badge_desk_jobs
from badgeclock.bridge.clocks.badge_desk_jobs import Outcome
from badgeclock.bridge.people import badge_keys, badges
from badgeclock.bridge.store import schema, vault
from badgeclock.bridge.store.states import DeskState
from badgeclock.bridge.store.vault import BADGE_ROOT, Vault
from badgeclock.cli import badge as badge_cli
from badgeclock.cli.context import operator
from badgeclock.cli.main import app
from badgeclock.errors import EXIT_FAILED, EXIT_TRY_LATER, EXIT_USAGE, BadgeclockError
from badgeclock.technician import workshop

ROOT = bytes(range(40, 72))
CARD = badge_keys.WrittenCard(bytes.fromhex("04a3c652117f80"), b"issue  1")


@pytest.fixture
def config(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of the world's store; commands that wait do not wait for long."""
    world.store.check()
    monkeypatch.setattr(badge_cli, "FOLLOW_S", 0.01)
    monkeypatch.setattr(badge_cli, "BRIDGE_S", 0.5)
    key = tmp_path / "data.key"
    key.write_text(b"data key of the tests, 32 bytes.".hex())
    key.chmod(0o600)
    path = tmp_path / "bridge.toml"
    path.write_text(
        f"""
        [store]
        url = "sqlite:///{tmp_path / "bridge.db"}"
        [broker]
        ca = "ca.pem"
        certificate = "certificate.pem"
        key = "key.pem"
        [secrets]
        data_key_file = "data.key"
        [authority]
        endpoint = "http://127.0.0.1:9/"
        """
    )
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--config", str(config)])


@contextmanager
def bridge_that(world: World, state: DeskState, outcome: Outcome) -> Iterator[None]:
    """Starts every job, reports its progress, and ends it with this outcome."""
    stop = threading.Event()

    def serve() -> None:
        while not stop.wait(0.02):
            with world.store.write() as connection:
                for job in badge_desk_jobs.asked(connection):
                    badge_desk_jobs.begin(connection, job.id, world.now_ms)
                    badge_desk_jobs.set_progress(connection, job.id, "lay the card on the reader")
            time.sleep(0.1)
            with world.store.write() as connection:
                running = connection.execute(
                    schema.desk_jobs.select().where(schema.desk_jobs.c.state == DeskState.RUNNING)
                ).all()
                for row in running:
                    badge_desk_jobs.end(connection, row.id, state, outcome, world.now_ms)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def give(world: World, worker: str, number: bytes) -> badges.Badge:
    """A badge that was issued."""
    with world.store.write() as connection:
        site = connection.execute(schema.sites.select()).one()
        badge_keys.set_badge_root(connection, world.vault, SITE, ROOT, world.now_ms)
        desk = badge_keys.site_keys_of(connection, world.vault, site.id)
        return badges.issue(connection, desk, worker, number, CARD, by="a test", at="clock-0001", now_ms=world.now_ms)


def test_an_issued_badge_is_told_with_its_row_and_exit_code_0(world: World, config: Path) -> None:
    done = Outcome("the card is a badge of W-001 now", worker="W-001", badge=7, card="••••5a", genuine=True)
    with bridge_that(world, DeskState.DONE, done):
        result = run(config, "badge", "issue", "--clock", "clock-0001", "--worker", "W-001")
    assert result.exit_code == 0, result.output
    assert result.stdout == "the card is a badge of W-001 now; badge: 7; worker: W-001; card: ••••5a\n"
    assert "lay the card on the reader" in result.stderr
    with bridge_that(world, DeskState.DONE, done):
        result = run(config, "badge", "read", "--clock", "clock-0001", "--json")
    told = json.loads(result.stdout)
    assert (told["state"], told["badge"], told["genuine"]) == ("DONE", 7, True)


@pytest.mark.parametrize(
    ("state", "code"),
    [(DeskState.FAILED, EXIT_FAILED), (DeskState.STOPPED, EXIT_FAILED), (DeskState.INTERRUPTED, EXIT_TRY_LATER)],
)
def test_a_job_that_did_not_end_well_says_why_and_leaves_with_its_code(
    world: World, config: Path, state: DeskState, code: int
) -> None:
    with bridge_that(world, state, Outcome("it happened", "the card", "look")):
        result = run(config, "badge", "issue", "--clock", "clock-0001", "--worker", "W-001")
    assert result.exit_code == code
    assert "it happened. Kept: the card. To do: look." in result.stderr
    assert result.stdout == ""


def test_without_a_bridge_the_job_is_given_up(world: World, config: Path) -> None:
    result = run(config, "badge", "read", "--clock", "clock-0001")
    assert isinstance(result.exception, BadgeclockError)
    assert result.exception.exit_code == EXIT_TRY_LATER
    assert "badgeclock bridge run" in str(result.exception)
    (row,) = world.rows(schema.desk_jobs)
    assert row.state == DeskState.STOPPED


def test_ctrl_c_gives_the_job_up(world: World, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    followed = badge_cli._followed

    def interrupted_once(*_: object) -> object:
        monkeypatch.setattr(badge_cli, "_followed", followed)
        raise KeyboardInterrupt

    monkeypatch.setattr(badge_cli, "_followed", interrupted_once)
    result = run(config, "badge", "read", "--clock", "clock-0001")
    assert result.exit_code == EXIT_FAILED
    assert [row.state for row in world.rows(schema.desk_jobs)] == [DeskState.STOPPED]


def test_the_only_badge_of_a_worker_is_taken_back(world: World, config: Path) -> None:
    with world.store.write() as connection:
        (uid_badge,) = badges.in_use(connection, "W-001")
    result = run(config, "badge", "revoke", "--worker", "W-001", "--by", "desk officer")
    assert result.exit_code == 0, result.output
    with world.store.read() as connection:
        assert badges.in_use(connection, "W-001") == []
    told = [row.detail for row in world.rows(schema.events) if row.kind == "badge_revoked"]
    assert told == [f"badge {uid_badge.id} of W-001 was taken back by desk officer, through {operator()}"]
    again = run(config, "badge", "revoke", "--worker", "W-001")
    assert "has no badge" in str(again.exception)


def test_nobody_acts_under_the_name_of_another_account(
    world: World, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = next(one.pw_name for one in pwd.getpwall() if one.pw_uid != os.getuid())
    result = run(config, "badge", "revoke", "--worker", "W-001", "--by", other)
    assert f"{other} has an account" in str(result.exception)
    assert "badge_revoked" not in {row.kind for row in world.rows(schema.events)}
    for name in ("USER", "LOGNAME"):
        monkeypatch.setenv(name, other)
    assert run(config, "badge", "revoke", "--worker", "W-001").exit_code == 0
    (told,) = [row.detail for row in world.rows(schema.events) if row.kind == "badge_revoked"]
    assert told.endswith(f"by {pwd.getpwuid(os.getuid()).pw_name}")


def test_of_several_badges_one_is_named(world: World, config: Path) -> None:
    badge = give(world, "W-001", b"number 1")
    unclear = run(config, "badge", "revoke", "--worker", "W-001")
    assert "several badges" in str(unclear.exception)
    assert str(badge.id) in str(unclear.exception)
    wrong = run(config, "badge", "revoke", "--worker", "W-001", "--badge", "999")
    assert "badge 999 is not one" in str(wrong.exception)
    assert run(config, "badge", "revoke", "--worker", "W-001", "--badge", str(badge.id)).exit_code == 0
    with world.store.read() as connection:
        assert [one.id for one in badges.in_use(connection, "W-001")] == [1]
    assert "no worker" in str(run(config, "badge", "revoke", "--worker", "W-999").exception)


def test_a_badge_is_taken_back_before_its_card_is_made_blank(world: World, config: Path) -> None:
    give(world, "W-003", b"number 3")
    with bridge_that(world, DeskState.DONE, Outcome("the card is blank, with the factory's key")):
        result = run(config, "badge", "revoke", "--worker", "W-003", "--badge", "4", "--wipe", "--clock", "clock-0001")
    assert result.exit_code == 0, result.output
    (job,) = world.rows(schema.desk_jobs)
    assert (job.kind, job.worker, job.state) == ("wipe", None, DeskState.DONE)
    for arguments in (["--wipe"], ["--clock", "clock-0001"]):
        assert run(config, "badge", "revoke", "--worker", "W-001", *arguments).exit_code == EXIT_USAGE


def test_a_badge_key_is_kept_encrypted_and_never_shown(world: World, config: Path, tmp_path: Path) -> None:
    key = tmp_path / "site.badge.key"
    key.write_text(ROOT.hex() + "\n")
    result = run(config, "bridge", "site", "set", "--name", SITE, "--badge-key", str(key))
    assert result.exit_code == 0, result.output
    assert ROOT.hex() not in result.output
    (site,) = world.rows(schema.sites)
    assert ROOT not in site.badge_root_closed
    assert Vault(b"data key of the tests, 32 bytes.").open(BADGE_ROOT, SITE, site.badge_root_closed) == ROOT
    run(config, "bridge", "site", "set", "--name", SITE, "--badge-key", str(key))
    key.write_text(bytes(32).hex())
    run(config, "bridge", "site", "set", "--name", SITE, "--badge-key", str(key))
    told = [row.detail for row in world.rows(schema.events) if row.kind == "badge_key_set"]
    assert told == [f"the site {SITE} has a badge key", f"the site {SITE} has another badge key"]


@pytest.mark.parametrize("text", ["", "zz", "00" * 16, "00" * 33])
def test_what_is_no_badge_key_is_refused(config: Path, tmp_path: Path, text: str) -> None:
    key = tmp_path / "site.badge.key"
    key.write_text(text)
    result = run(config, "bridge", "site", "set", "--name", SITE, "--badge-key", str(key))
    assert isinstance(result.exception, BadgeclockError)
    key.write_text(ROOT.hex())
    result = run(config, "bridge", "site", "set", "--name", "Nowhere", "--badge-key", str(key))
    assert "no site" in str(result.exception)


def test_a_site_can_be_added_with_its_badge_key(world: World, config: Path, tmp_path: Path) -> None:
    for name, content in (("site.key", bytes(32)), ("badge.key", ROOT)):
        (tmp_path / name).write_text(content.hex())
    result = run(
        config,
        *("bridge", "site", "add", "--name", "Quay 8", "--workplace", "1Y1TEST00002Z"),
        *("--key", str(tmp_path / "site.key"), "--badge-key", str(tmp_path / "badge.key")),
    )
    assert result.exit_code == 0, result.output
    keys = vault.load(config.parent / "data.key")
    with world.store.read() as connection:
        site = connection.execute(schema.sites.select().where(schema.sites.c.name == "Quay 8")).one()
        assert badge_keys.site_keys_of(connection, keys, site.id).root.secret == ROOT


def test_a_new_badge_number_is_never_one_that_was_used(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    give(world, "W-001", b"number 1")
    drawn = iter([b"number 1", b"number 1", b"number 2"])
    monkeypatch.setattr(badge_keys.secrets, "token_bytes", lambda _: next(drawn))
    with world.store.read() as connection:
        site = connection.execute(schema.sites.select()).one()
        assert (
            badge_keys.new_number(connection, badge_keys.site_keys_of(connection, world.vault, site.id)) == b"number 2"
        )


def test_a_list_tells_cards_of_an_earlier_version_apart(world: World, config: Path) -> None:
    give(world, "W-001", b"number 1")
    with world.store.write() as connection:
        site = connection.execute(schema.sites.select()).one()
        keys = badge_keys.site_keys_of(connection, world.vault, site.id)
        before = badge_keys.WrittenCard(bytes.fromhex("04a3c652117f81"), b"")
        badges.issue(connection, keys, "W-001", b"number 2", before, by="a test", at="clock-0001", now_ms=world.now_ms)
    lines = run(config, "bridge", "badge", "list", "--worker", "W-001").output.splitlines()
    assert [line.split("in use  ")[1] for line in lines] == [
        "by its UID",
        "proves itself",
        "proves itself, by keys of its UID alone: replace it",
    ]


def test_a_stolen_clock_is_looked_at_from_its_certificate_to_its_sites_badges(config: Path, tmp_path: Path) -> None:
    shop = workshop.create(tmp_path / "workshop")
    shop.clock("clock-0001")
    at = ("--workshop", str(shop.path))
    result = run(config, "site", "stolen", "clock-0001", *at, "--json")
    assert result.exit_code == EXIT_FAILED
    found = {step["name"]: step for step in map(json.loads, result.output.splitlines())}
    assert found["certificate"]["state"] == "open"
    assert found["site key"]["do"].startswith(f"badgeclock site new-key '{SITE}'")
    shop.revoke_clock("clock-0001")
    lines = run(config, "site", "stolen", "clock-0001", *at).output.splitlines()
    assert lines[0].startswith("done  certificate: ")
    assert run(config, "site", "stolen", "clock-0001").output.startswith("ask   certificate: ")


def test_another_site_key_goes_from_the_workshop_to_the_bridge_and_the_old_one_is_forgotten_last(
    world: World, config: Path, tmp_path: Path
) -> None:
    shop = workshop.create(tmp_path / "workshop")
    key = shop.site_key_file(SITE)
    key.write_text(SITE_KEY.hex() + "\n")
    made = CliRunner().invoke(app, ["site", "new-key", SITE, "--workshop", str(shop.path)])
    assert made.output.splitlines()[0] == str(key)
    assert shop.site_key(SITE)[:32] == SITE_KEY
    assert len(shop.site_key(SITE)) == 64
    assert shop.site_key_to_be(SITE) == shop.site_key(SITE)
    assert run(config, "bridge", "site", "set", "--name", SITE, "--key", str(key)).exit_code == 0
    assert [row.site_keys for row in world.rows(schema.sites)] == [2]
    refused = run(config, "bridge", "site", "set", "--name", SITE, "--forget-old-key")
    assert isinstance(refused.exception, BadgeclockError)
    assert "clock-0001" in str(refused.exception)
    world.status(world.clock.online(session=b"session1", site_keys=2))
    assert run(config, "bridge", "site", "set", "--name", SITE, "--forget-old-key").exit_code == 0
    assert [row.key_changed_ms for row in world.rows(schema.sites)] == [None]
    for _ in range(6):
        shop.add_site_key(SITE)
    with pytest.raises(BadgeclockError, match="8 keys"):
        shop.add_site_key(SITE)
    key.write_text(SITE_KEY.hex() + "\n" + SITE_KEY.hex()[2:] + "\n")
    with pytest.raises(BadgeclockError, match="64 hex digits"):
        shop.site_key(SITE)


def test_the_new_key_of_a_workshop_under_a_passphrase_is_written_out_for_the_bridge(
    world: World, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "passphrase").write_text("seven words that are in no book")
    (tmp_path / "passphrase").chmod(0o600)
    monkeypatch.setenv("BADGECLOCK_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    shop = workshop.create(tmp_path / "workshop")
    key = shop.site_key_file(SITE)
    key.write_text(SITE_KEY.hex() + "\n")
    at = ("--workshop", str(shop.put_under("seven words that are in no book", 2**4).path))
    made = CliRunner().invoke(app, ["site", "new-key", SITE, *at])
    assert "ca export" in made.stderr
    refused = run(config, "bridge", "site", "set", "--name", SITE, "--key", str(key))
    assert "under the workshop's passphrase" in str(refused.exception)
    assert "ca export" in str(refused.exception)
    out = tmp_path / "out"
    assert CliRunner().invoke(app, ["ca", "export", str(out), *at, "--site", SITE]).exit_code == 0
    assert run(config, "bridge", "site", "set", "--name", SITE, "--key", str(out / key.name)).exit_code == 0
    assert [row.site_keys for row in world.rows(schema.sites)] == [2]

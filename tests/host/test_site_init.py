"""`badgeclock site init` makes an installation that can run, or nothing; `doctor` and `status` report its state."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from sqlalchemy import text
from typer.testing import CliRunner

from badgeclock.bridge import settings
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.database import Store
from badgeclock.cli import doctor as doctor_cli
from badgeclock.cli import status as status_cli
from badgeclock.demo.process import Process, free_port, port_answers
from badgeclock.errors import BadgeclockError, SettingsError
from badgeclock.installation import answers, checks, overview, site_files, units
from badgeclock.installation.answers import Answers, Services
from badgeclock.installation.findings import Finding, Machine
from badgeclock.technician import broker, workshop
from badgeclock.toolchain import programs

NOW_MS = 1_780_000_000_000
DAY_MS = 86_400_000
GIVEN = {
    "site": "Site 12",
    "workplace": "1Y1DEM000000Z",
    "employer": "0999999922",
    "employer_name": "Voorbeeld Bouw",
    "services": "hand",
}


def make(folder: Path, **more: object) -> site_files.Made:
    given = answers.checked({**GIVEN, **more})
    return site_files.make(folder, given, lambda _: None, "/opt/badgeclock/bin/badgeclock", "operator", NOW_MS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation, made once: tests that change it use a copy."""
    folder = tmp_path_factory.mktemp("site") / "made"
    make(folder, broker_port=free_port(), http_port=free_port(), console_port=free_port())
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    return copy


def machine(folder: Path, now_ms: int = NOW_MS) -> Machine:
    return checks.load(folder / "bridge.toml", (folder,), now_ms)


def test_the_settings_hold_and_lead_to_what_was_made(made: Path) -> None:
    own = settings.load(made / "bridge.toml")
    for path in (own.broker.ca, own.broker.certificate, own.broker.key, own.secrets.data_key_file):
        assert path.is_file()
    for path in (own.broker.key, own.secrets.data_key_file, made / "bridge.toml"):
        assert path.stat().st_mode & 0o077 == 0
    store = Store.for_reading(own.store.url)
    with store.read() as connection:
        (site,) = connection.execute(schema.sites.select()).all()
        (employer,) = connection.execute(schema.employers.select()).all()
        (account,) = connection.execute(schema.accounts.select()).all()
        acts = connection.execute(schema.acts.select()).all()
    store.close()
    assert (site.name, site.workplace, employer.kbo, account.role) == (
        "Site 12", "1Y1DEM000000Z", "0999999922", "administrator",
    )  # fmt: skip
    assert {"employer_added", "site_added"} <= {act.act for act in acts}, "each is in the book of acts"


def test_what_is_there_is_not_written_over(made: Path) -> None:
    before = (made / "bridge.toml").read_bytes()
    with pytest.raises(SettingsError, match="not empty"):
        make(made)
    assert (made / "bridge.toml").read_bytes() == before


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadgeclockError, match="check digits"):
        make(tmp_path / "site", employer="0999999921")
    assert not (tmp_path / "site").exists()


def test_a_file_of_answers_is_asked_nothing_and_names_what_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "answers.toml"
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in GIVEN.items()]
    file.write_text("".join(lines))
    assert answers.read(file, None) == Answers.model_validate(GIVEN)
    file.write_text("".join(lines[1:]))
    with pytest.raises(SettingsError, match="`site` is not answered"):
        answers.read(file, None)
    file.write_text("".join(lines) + 'regime = "farming"\n')
    with pytest.raises(SettingsError, match="regime"):
        answers.read(file, None)


def test_a_person_is_asked_each_question() -> None:
    asked = []

    def ask(question: answers.Question) -> str:
        asked.append(question.name)
        return str({**GIVEN, "regime": "cleaning"}.get(question.name, question.default))

    found = answers.read(None, ask)
    assert asked == [question.name for question in answers.QUESTIONS]
    assert (found.site, found.regime, found.services) == ("Site 12", "cleaning", Services.HAND)


def test_an_authority_of_the_answers_is_that_of_the_settings() -> None:
    authority = {"kind": "onss-soap", "endpoint": "https://authority.example/v1", "key": "/srv/own.key"}
    given = answers.checked({**GIVEN, "authority": authority})
    written = tomllib.loads(site_files.toml_of(given))
    assert written["authority"] == authority
    unit = units.bridge(site_files.place_of(Path("/srv/site"), given, "/opt/badgeclock/bin/badgeclock"))
    assert "LoadCredential=authority__key:/srv/own.key" in unit


def test_services_have_no_place_where_systemd_shows_them_nothing() -> None:
    with pytest.raises(SettingsError, match="sees nothing"):
        make(Path("/home/somebody/site"), services="systemd")


def test_the_units_of_a_folder_name_its_files(folder: Path) -> None:
    given = answers.checked({**GIVEN, "services": "systemd", "user": "badgeclock"})
    site_files.write_units(folder, given, "/opt/badgeclock/bin/badgeclock")
    unit = (folder / "systemd" / units.BRIDGE).read_text()
    assert f"ExecStart=/opt/badgeclock/bin/badgeclock bridge run --config {folder}/bridge.toml" in unit
    assert f"ReadWritePaths={folder}/state" in unit
    assert f"LoadCredential=secrets__data_key_file:{folder}/bridge/data.key" in unit
    assert str(programs.mosquitto()) in (folder / "systemd" / units.BROKER).read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_keys_stay_roots_and_the_state_is_the_services(folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    site_files._give_to(folder, "nobody")
    for path in ("state", "state/bridge.db"):
        assert (folder / path).stat().st_uid == nobody.pw_uid
    for path in ("bridge/key.pem", "bridge/data.key", "workshop", "workshop/fleet.key"):
        found = (folder / path).stat()
        assert (found.st_uid, found.st_mode & 0o077) == (0, 0), path
    for path in ("bridge.toml", "bridge/ca.pem", "bridge/certificate.pem"):
        found = (folder / path).stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (0, nobody.pw_gid, 0o640), path


# --- doctor ---


def of(check: str, folder: Path, now_ms: int = NOW_MS) -> list[Finding]:
    """The findings of the check of that name, beyond those of every stopped installation."""
    return [one for one in checks.examine(machine(folder, now_ms)) if one.check == check]


def test_a_new_installation_lacks_only_what_a_person_must_bring(made: Path) -> None:
    own = {"roots", "broker", "clocks", "authority", "time", "services"}
    assert {one.check for one in checks.examine(machine(made))} <= own


def break_settings(folder: Path) -> None:
    (folder / "bridge.toml").write_text((folder / "bridge.toml").read_text() + "[broken]\n")


def open_key(folder: Path) -> None:
    (folder / "bridge" / "data.key").chmod(0o604)


def lose_key(folder: Path) -> None:
    (folder / "bridge" / "key.pem").unlink()


def other_key(folder: Path) -> None:
    other = workshop.create(folder / "other").bridge()
    (folder / "bridge" / "key.pem").write_bytes(other.key_pem)


def older_store(folder: Path) -> None:
    store = Store(settings.load(folder / "bridge.toml").store.url)
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    store.close()


def other_data_key(folder: Path) -> None:
    (folder / "bridge" / "data.key").write_text("no key\n")


@pytest.mark.parametrize(
    ("wrong", "check", "says"),
    [
        (break_settings, "settings", "broken"),
        (open_key, "files", "everybody"),
        (lose_key, "files", "cannot be read"),
        (other_key, "files", "do not belong together"),
        (older_store, "store", "has the form 0001"),
        (other_data_key, "store", "data"),
    ],
)
def test_the_doctor_finds_it_and_says_what_mends_it(
    wrong: Callable[[Path], None], check: str, says: str, folder: Path
) -> None:
    assert of(check, folder) == []
    wrong(folder)
    found = of(check, folder)
    assert says in found[0].what
    assert found[0].do


def test_the_doctor_counts_the_days_of_certificates(made: Path) -> None:
    assert of("certificates", made) == []
    now_ms = workshop_end_ms(made) - 20 * DAY_MS
    (found,) = of("certificates", made, now_ms)
    assert (found.what, found.where) == ("bridge: it ends in 20 days", "certificate.pem")
    assert "it has ended" in of("certificates", made, now_ms + 21 * DAY_MS)[0].what


def workshop_end_ms(folder: Path) -> int:
    identity = workshop.open_workshop(folder / "workshop").bridge()
    return int(identity.certificate.not_valid_after_utc.timestamp() * 1000)


def test_the_doctor_finds_a_full_disk(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert of("disk", made) == []
    monkeypatch.setattr(checks, "DISK_FREE", 2**62)
    assert "are free" in of("disk", made)[0].what


def test_the_doctor_says_that_notices_reach_nobody(folder: Path) -> None:
    with (folder / "bridge.toml").open("a") as file:
        file.write('[notices]\nheartbeat_url = "https://hc.example/"\nwebhook_url = "https://hooks.example/"\n')
        file.write('webhook_secret_file = "webhook.secret"\n')
    assert "webhook.secret cannot be read" in of("notices", folder)[0].what
    (folder / "webhook.secret").touch(mode=0o600)
    (folder / "webhook.secret").write_text("whsec_" + "A" * 44)
    assert of("notices", folder) == []
    store = Store(settings.load(folder / "bridge.toml").store.url)
    with store.write() as connection:
        row = {"uid": "1", "channel": "webhook", "recipient": "x", "body": {}, "made_ms": 0, "due_ms": 0, "tries": 30}
        ended = {"ended_ms": NOW_MS - DAY_MS, "outcome": "given up"}
        connection.execute(schema.letters.insert().values(**row, **ended))
    store.close()
    assert of("notices", folder)[0].what == "1 were given up in the last three days"


@pytest.fixture
def running(folder: Path) -> Iterator[Process]:
    """The installation's broker."""
    port = settings.load(folder / "bridge.toml").broker.port
    config = broker.write_config(folder / "broker", port, workshop.open_workshop(folder / "workshop"))
    process = Process("broker", config.command, folder / "broker.log", lambda: port_answers(port))
    process.start()
    yield process
    process.stop()


def test_the_doctor_tries_the_broker_as_the_bridge_would(folder: Path, running: Process) -> None:
    assert of("broker", folder) == []
    stranger = workshop.create(folder / "stranger").bridge()
    (folder / "bridge" / "certificate.pem").write_bytes(stranger.certificate_pem)
    (folder / "bridge" / "key.pem").write_bytes(stranger.key_pem)
    assert "refuses the bridge's certificate" in of("broker", folder)[0].what
    shutil.copy(folder / "stranger" / "ca.pem", folder / "bridge" / "ca.pem")
    assert "is not trusted" in of("broker", folder)[0].what
    running.stop()
    assert "cannot be reached" in of("broker", folder)[0].what


def test_the_doctor_says_whether_the_bridge_answers(folder: Path) -> None:
    assert "does not run" in of("services", folder)[0].what
    door = socket.socket(socket.AF_UNIX)
    try:
        door.bind(str(folder / "state" / "acts.sock"))
        door.listen()
        assert of("services", folder) == []
    finally:
        door.close()


def test_the_doctor_ends_with_1_and_prints_each_finding_with_its_fix(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    monkeypatch.setenv("HOME", str(made))
    done = CliRunner().invoke(doctor_cli.app, ["--json"])
    assert done.exit_code == 1
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"roots", "broker", "clocks", "authority", "services"} <= {one["check"] for one in found}
    assert all(one["do"] for one in found)


# --- status ---


def test_the_status_is_one_screen_and_marks_what_needs_somebody(made: Path) -> None:
    done = CliRunner().invoke(status_cli.app, ["--config", str(made / "bridge.toml")])
    assert done.exit_code == 1, done.output
    lines = done.stdout.splitlines()
    assert len(lines) <= 24
    assert any(line.startswith("! bridge ") and "does not run" in line for line in lines)
    assert any(line.startswith("! clocks ") for line in lines), "none is known"
    assert any(line.startswith("  waits ") and "nothing" in line for line in lines)


def test_the_status_of_a_store_of_another_form_says_so(folder: Path) -> None:
    older_store(folder)
    lines = {line.about: line for line in overview.look(machine(folder))}
    assert lines["store"].is_wrong
    assert "0001" in lines["store"].says


def test_a_machine_whose_settings_do_not_hold_has_no_other_findings(folder: Path) -> None:
    broken = replace(machine(folder), settings=None)
    assert {one.check for one in checks.examine(broken)} <= {"roots", "time"}


# --- in containers ---


@pytest.fixture(scope="module")
def contained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "contained"
    assert make(folder, services="compose").password == "", "there is no store yet"
    return folder


def test_a_compose_file_names_what_is_there_and_confines_every_service(contained: Path) -> None:
    services = yaml.safe_load((contained / "compose.yaml").read_text())["services"]
    assert services.keys() == {"broker", "store", "prepare", "bridge", "console"}
    for name, service in services.items():
        assert "no-new-privileges:true" in service["security_opt"]
        for volume in service["volumes"]:
            outside, inside, *_ = volume.split(":")
            assert name == "store" or (outside == inside and Path(outside).exists())
            assert "workshop" not in outside, "no root of the fleet is in a container"
        if name != "store":
            assert (service["cap_drop"], service["read_only"]) == (["ALL"], True)
            assert service["user"] == f"{os.geteuid()}:{os.getegid()}"
    assert services["store"]["ports"] == ["127.0.0.1:5433:5432"], "nobody but this machine reaches it"
    assert services["bridge"]["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}


def test_the_stores_password_is_in_files_of_its_own(contained: Path) -> None:
    password = (contained / "bridge" / "store.password").read_text()
    assert password in (contained / "bridge" / "pgpass").read_text()
    assert password not in (contained / "compose.yaml").read_text() + (contained / "bridge.toml").read_text()
    for name in ("store.password", "pgpass", "site.key", "data.key"):
        assert (contained / "bridge" / name).stat().st_mode & 0o077 == 0


def test_what_is_prepared_twice_is_there_once(contained: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BADGECLOCK_BRIDGE_STORE__URL", f"sqlite:///{tmp_path}/bridge.db")
    assert site_files.prepare(contained, "operator", NOW_MS)
    assert not site_files.prepare(contained, "operator", NOW_MS)
    store = Store.for_reading(f"sqlite:///{tmp_path}/bridge.db")
    with store.read() as connection:
        assert [row.name for row in connection.execute(schema.sites.select())] == ["Site 12"]
    store.close()


def test_nothing_is_prepared_for_an_installation_without_containers(made: Path) -> None:
    with pytest.raises(SettingsError, match="no installation in containers"):
        site_files.prepare(made, "operator", NOW_MS)

"""Settings, logs and the command line."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from tests.host.bridge.world import ANNA_NISS, ANNA_UID, KBO, LUZ_LIMOSA, SITE, SITE_KEY, WORKPLACE, Clock
from typer.testing import CliRunner

from badgeclock.authorities import onss_soap_settings
from badgeclock.bridge import logs
from badgeclock.bridge.broker import BrokerLink
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.settings import HttpSettings, load
from badgeclock.bridge.store import schema, vault
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.web import status_api
from badgeclock.cli.bridge import app
from badgeclock.errors import EXIT_BAD_CONFIGURATION, EXIT_USAGE, BadgeclockError, SettingsError

GOOD = """
[broker]
ca = "ca.pem"
certificate = "certificate.pem"
key = "/etc/badgeclock/key.pem"
[secrets]
data_key_file = "data.key"
[authority]
endpoint = "https://services.example/v1"
certificate = "onss.pem"
key = "onss.key"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "bridge.toml"
    path.write_text(GOOD)
    return path


def test_a_calendar_that_nobody_understands_is_refused_with_the_settings(config: Path) -> None:
    config.write_text(GOOD + 'maintenance = ["sundays"]\n')
    with pytest.raises(SettingsError, match="no maintenance"):
        load(config)


def test_paths_count_from_the_files_own_folder(config: Path) -> None:
    settings = load(config)
    folder = config.parent
    assert settings.store.url == f"sqlite:///{folder / 'bridge.db'}"
    assert settings.broker.ca == folder / "ca.pem"
    assert settings.broker.key == Path("/etc/badgeclock/key.pem")
    assert settings.secrets.data_key_file == folder / "data.key"
    assert isinstance(settings.authority, onss_soap_settings.Settings)
    assert settings.authority.certificate == folder / "onss.pem"
    assert settings.authority.service_certificate is None
    assert settings.http.port == 0
    assert settings.http.host == "127.0.0.1"


def test_the_environment_overrides_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BADGECLOCK_BRIDGE_HTTP__PORT", "9100")
    assert load(config).http.port == 9100
    monkeypatch.setenv("BADGECLOCK_BRIDGE_AUTHORITY__TIMEOUT_S", "7.5")
    authority = load(config).authority
    assert isinstance(authority, onss_soap_settings.Settings)
    assert (authority.timeout_s, authority.key) == (7.5, config.parent / "onss.key")


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ("[http]\nport = 70000", "http.port"),
        ("[http]\nprot = 8000", "http.prot"),
        ("[strore]\nurl = 'secret'", "strore"),
        ("[store]\nurl = 7", "store.url"),
        ("[intake]\ngroup_messages = 0", "intake.group_messages"),
        ("[[[", "TOML"),
        ("[authority]\nkind = 'secret'\nendpoint = 'https://x/'", "file, onss-rest, onss-soap"),
        ("[authority]\nkind = 'base'", "file, onss-rest, onss-soap"),
        ("[authority]\nkind = 7", "file, onss-rest, onss-soap"),
        ("[authority]\nendpoint = 'https://secret/'", "certificate and key are missing"),
        ("[authority]\nendpoint = 'http://127.0.0.1/'\nkey = 'secret'", "certificate and key go together"),
        ("[authority]\nkind = 'file'", "path Field required"),
        ("[authority]\nkind = 'file'\npath = 'x'\ncolour = 'secret'", "colour"),
        ("[authority]\nkind = 'onss-rest'\nendpoint = 'https://x/'", "token_endpoint Field required; client_id"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(config: Path, change: str, names: str) -> None:
    config.write_text((GOOD.partition("[authority]")[0] if "[authority]" in change else GOOD) + change)
    with pytest.raises(SettingsError, match=names) as refused:
        load(config)
    assert refused.value.exit_code == EXIT_BAD_CONFIGURATION
    assert "secret" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml"):
        load(tmp_path / "none.toml")


def test_certificates_that_cannot_be_used_are_refused_at_the_start(config: Path) -> None:
    with pytest.raises(SettingsError, match="certificates"):
        BrokerLink(load(config).broker, [])


async def test_a_port_that_is_taken_is_refused_at_the_start(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = HttpSettings(port=taken.getsockname()[1])
        store = Store(f"sqlite:///{tmp_path / 'x.db'}")
        application = status_api.create_app(store, vault.Vault(bytes(32)), Metrics(), lambda: True, settings)
        with pytest.raises(SettingsError, match="cannot be used"):
            async with status_api.serving(settings, application):
                pass


@given(
    st.text(alphabet="0123456789. -abc", max_size=40), st.sampled_from([ANNA_NISS, "00.00.01-001.66", "000001-001 66"])
)
def test_what_has_the_form_of_a_national_number_is_in_no_log(around: str, number: str) -> None:
    event = logs.mask(None, "info", {"event": f"{around} {number} {around}", "count": 7})
    assert number not in str(event)
    assert event["count"] == 7


def test_a_log_line_is_one_json_object_also_for_libraries_and_errors(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    structlog.get_logger("badgeclock.test").warning("punch kept", seq=7)
    logging.getLogger("somebody.else").error("about %s", ANNA_NISS)
    logging.getLogger("gmqtt").critical("payload")
    try:
        raise ValueError(f"for {ANNA_NISS}")
    except ValueError:
        structlog.get_logger("badgeclock.test").exception("failed")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["level"] for line in lines] == ["warning", "error", "error"]
    assert lines[0]["seq"] == 7
    assert ANNA_NISS not in str(lines)


def full_disk() -> TextIO:
    return Path("/dev/full").open("w")


def closed() -> TextIO:
    file = io.StringIO()
    file.close()
    return file


def pipe_that_nobody_reads() -> TextIO:
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w")


@pytest.mark.parametrize("made", [full_disk, closed, pipe_that_nobody_reads])
def test_a_log_that_cannot_be_written_stops_nothing_and_goes_on_later(
    made: Callable[[], TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = made(), io.StringIO()
    monkeypatch.setattr("sys.stderr", bad)
    logs.configure()
    structlog.get_logger("badgeclock.test").warning("lost")
    logging.getLogger("somebody.else").error("lost")
    monkeypatch.setattr("sys.stderr", good)
    structlog.get_logger("badgeclock.test").warning("kept")
    logging.getLogger("somebody.else").error("kept")
    assert [json.loads(line)["event"] for line in good.getvalue().splitlines()] == ["kept", "kept"]
    with contextlib.suppress(OSError):
        bad.close()


def test_everything_the_bridge_must_know_is_told_by_commands_and_secrets_by_stdin(config: Path, tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "site.key").write_text(SITE_KEY.hex())
    (tmp_path / "bundle.json").write_text(json.dumps(clock.bundle()))
    said = []

    def do(*arguments: str, stdin: str = "") -> None:
        done = CliRunner().invoke(app, [*arguments, "--config", str(config)], input=stdin, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        said.append(done.output)

    do("init")
    do("init")
    key = str(tmp_path / "site.key")
    do("site", "add", "--name", SITE, "--workplace", WORKPLACE, "--regime", "construction", "--key", key)
    do("employer", "add", "--kbo", KBO)
    anna = ("worker", "add", "--reference", "W-001", "--name", "Anna Proef", "--employer", KBO)
    do(*anna, "--niss-file", "-", stdin=f"{ANNA_NISS}\n")
    do("worker", "add", "--reference", "W-003", "--name", "Luz Proef", "--limosa", "-", stdin=LUZ_LIMOSA)
    do("badge", "add", "--site", SITE, "--worker", "W-001", "--uid-file", "-", stdin=ANNA_UID.hex())
    do("clock", "add", str(tmp_path / "bundle.json"), "--site", SITE)
    store = Store(load(config).store.url)
    with store.read() as connection:
        for table, count in ((schema.workers, 2), (schema.badges, 1), (schema.clocks, 1)):
            assert len(connection.execute(table.select()).all()) == count
    store.close()
    for secret in (ANNA_NISS, LUZ_LIMOSA, ANNA_UID.hex(), SITE_KEY.hex(), clock.e0.hex()):
        assert secret not in "".join(said)
    missing = str(tmp_path / "none")
    with pytest.raises(BadgeclockError, match="none"):
        CliRunner().invoke(app, [*anna, "--niss-file", missing, "--config", str(config)], catch_exceptions=False)
    unclear = CliRunner().invoke(app, [*anna, "--config", str(config)])
    assert unclear.exit_code == EXIT_USAGE

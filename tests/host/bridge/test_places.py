"""Where store and data key are is found without the model of all settings, and always as by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from badgeclock.bridge import places, settings
from badgeclock.bridge.settings import BridgeSettings
from badgeclock.errors import SettingsError

REST = """
[broker]
ca = "ca.pem"
certificate = "certificate.pem"
key = "key.pem"
[authority]
kind = "file"
path = "out.jsonl"
"""
SECRETS = '[secrets]\ndata_key_file = "secret/data.key"\n'
PLAIN = [
    SECRETS + REST,
    SECRETS + REST + "[store]\n",
    SECRETS + REST + '[store]\nurl = "sqlite:///folder/other.db"\n[http]\nport = 9100\n',
    SECRETS + REST + '[store]\nurl = "sqlite:////var/lib/bridge.db"\n',
    SECRETS + REST + '[store]\nurl = "postgresql+psycopg://bridge@database/bridge"\n',
    '[secrets]\ndata_key_file = "/etc/data.key"\n' + REST,
]
WRONG = [
    "store = 5\n" + SECRETS + REST,
    SECRETS + REST + '[stores]\nurl = "sqlite:///other.db"\n',
    SECRETS + REST + '[store]\nfile = "other.db"\n',
    SECRETS + REST + "[store]\nurl = 5\n",
    SECRETS,
    REST,
    "[secrets]\n" + REST,
    "no TOML",
]


def test_it_knows_every_section_and_which_must_be_there() -> None:
    assert set(BridgeSettings.model_fields) == places.SECTIONS
    assert {name for name, one in BridgeSettings.model_fields.items() if one.is_required()} == places.WANTED


@pytest.mark.parametrize("text", PLAIN)
def test_it_finds_what_the_settings_say_without_them(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file := tmp_path / "bridge.toml").write_text(text)
    whole = settings.load(file)
    monkeypatch.delattr(settings, "load")
    assert places.find(file) == (whole.store.url, whole.secrets.data_key_file)


def test_what_the_environment_says_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file := tmp_path / "bridge.toml").write_text(SECRETS + REST)
    monkeypatch.setenv("BADGECLOCK_BRIDGE_STORE__URL", "sqlite:////other/place.db")
    monkeypatch.setenv("badgeclock_bridge_secrets__data_key_file", "other.key")
    assert places.find(file) == ("sqlite:////other/place.db", tmp_path / "other.key")


@pytest.mark.parametrize("text", WRONG)
def test_a_file_that_is_wrong_there_is_refused_as_the_bridge_refuses_it(tmp_path: Path, text: str) -> None:
    (file := tmp_path / "bridge.toml").write_text(text)
    with pytest.raises(SettingsError):
        places.find(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no settings file"):
        places.find(tmp_path / "bridge.toml")

"""Files that people save: a byte order mark and line ends are not part of a setting, key, number or password."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click import unstyle
from typer.testing import CliRunner

from badgeclock import text_file
from badgeclock.bridge import settings
from badgeclock.bridge.store import vault
from badgeclock.bundle import Bundle
from badgeclock.cli import clock, context
from badgeclock.cli.main import app
from badgeclock.partition_table import read_csv
from badgeclock.technician import key_files, languages
from badgeclock.toolchain.places import ROOT

KEY = "0123456789abcdef" * 4
SETTINGS = (
    '[broker]\nca = "c"\ncertificate = "c"\nkey = "k"\n[secrets]\ndata_key_file = "d"\n'
    '[authority]\nendpoint = "http://127.0.0.1:9/"\n[http]\nport = 9100\n'
)


def utf8(text: str) -> bytes:
    return codecs.BOM_UTF8 + text.replace("\n", "\r\n").encode() + b"\r\n"


def utf16(text: str) -> bytes:
    return codecs.BOM_UTF16_LE + (text.replace("\n", "\r\n") + "\r\n").encode("utf-16-le")


@pytest.mark.parametrize("saved", [utf8, utf16], ids=["utf-8", "utf-16"])
@pytest.mark.parametrize(
    ("content", "read", "expected"),
    [
        (SETTINGS, lambda path: settings.load(path).http.port, 9100),
        (KEY, lambda path: vault.read_keys(path)[1].hex(), KEY),
        (f"1:{KEY}\n2:{KEY[::-1]}", lambda path: len(vault.read_keys(path)), 2),
        (KEY, lambda path: key_files.read_key(path).hex(), KEY),
        (KEY, lambda path: context.secret_bytes(path, "a key").hex(), KEY),
        ("85.07.30-033 28", context.secret_text, "85.07.30-033 28"),
        ("pass word", lambda path: clock._wifi("site", path).password, "pass word"),  # type: ignore[union-attr]
        ((ROOT / "boards/esp32_devkit/partitions.csv").read_text(), lambda path: len(read_csv(path).partitions), None),
    ],
    ids=["settings", "data key", "data keys", "workshop key", "key", "number", "Wi-Fi password", "partition table"],
)
def test_a_file_that_an_editor_saved_says_what_was_meant(
    content: str,
    read: Callable[[Path], object],
    expected: object,
    saved: Callable[[str], bytes],
    tmp_path: Path,
) -> None:
    path, plain = tmp_path / "saved", tmp_path / "plain"
    path.write_bytes(saved(content))
    plain.write_text(content)
    path.chmod(0o600)
    plain.chmod(0o600)
    found = read(path)
    assert found == (read(plain) if expected is None else expected)


def test_what_is_json_for_others_loses_its_mark(tmp_path: Path) -> None:
    bundle = Bundle("clock-0001", "Site", "ab", bytes(8), bytes(32), bytes(32))
    assert Bundle.from_json(codecs.BOM_UTF8 + bundle.to_json(), "bundle.json") == bundle
    path = tmp_path / "pl.json"
    path.write_bytes(codecs.BOM_UTF8 + b"{}")
    assert json.loads(languages.read([path])["/lang/pl.json"].decode()) == {}


def test_standard_input_is_read_like_a_file(tmp_path: Path) -> None:
    refused = CliRunner().invoke(
        app,
        ["bridge", "worker", "add", "--reference", "W-1", "--name", "A", "--niss-file", "-", "--config", str(tmp_path)],
        input=utf8("85073003328"),
    )
    assert "national number" not in unstyle(str(refused.exception))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnicodeDecodeError):
        text_file.decoded(b"\xff\x00\xff")
    (tmp_path / "bridge.toml").write_bytes(b"\xff\x00\xff")
    with pytest.raises(settings.SettingsError, match="no TOML"):
        settings.load(tmp_path / "bridge.toml")

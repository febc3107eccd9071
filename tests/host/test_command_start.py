"""A command imports only what it uses: imports are counted, since seconds depend on the machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests import command_table
from typer.testing import CliRunner

from badgeclock.cli import clocks, lazy_groups
from badgeclock.cli.main import app

LOADED = """
import sys
sys.argv = ["badgeclock", *sys.argv[1:]]
from badgeclock.cli.main import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""
SETTINGS = """
[broker]
ca = "ca.pem"
certificate = "certificate.pem"
key = "key.pem"
[secrets]
data_key_file = "data.key"
[authority]
kind = "file"
path = "out.jsonl"
"""
MAY_LOAD = {
    "badgeclock.errors",
    "badgeclock.text_file",
    "badgeclock.bridge",
    "badgeclock.bridge.logs",
    "badgeclock.bridge.places",
    "badgeclock.bridge.store_url",
    "badgeclock.bridge.wall_clock",
    "badgeclock.protocol",
    "badgeclock.protocol.bridge_names",
}
NEVER = {
    *("alembic", "mako", "psycopg", "sqlalchemy.dialects.postgresql", "httpx", "fastapi", "pydantic_settings"),
    *("structlog", "pygments", "badgeclock.bridge.settings", "badgeclock.authorities.onss_soap"),
}
HELP_MOST = 500
LIST_MOST = 580


def loaded(folder: Path, *words: str) -> set[str]:
    """The modules that a command has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words], cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("words", ["", "bridge", "bridge clock", "clock", "bridge run"])
def test_a_help_page_loads_no_part_of_the_product(tmp_path: Path, words: str) -> None:
    modules = loaded(tmp_path, *words.split(), "--help")
    own = {name for name in modules if name.startswith("badgeclock.") and not name.startswith("badgeclock.cli")}
    assert own <= MAY_LOAD
    assert not modules & {"sqlalchemy", "cryptography", "structlog"}
    assert len(modules) < HELP_MOST


def test_a_command_that_reads_loads_neither_migrations_nor_the_other_databases_driver(tmp_path: Path) -> None:
    (tmp_path / "bridge.toml").write_text(SETTINGS)
    assert CliRunner().invoke(app, ["bridge", "init", "--config", str(tmp_path / "bridge.toml")]).exit_code == 0
    for words in ("bridge clock list", "bridge presence list", "bridge audit list", "console account list"):
        modules = loaded(tmp_path, *words.split())
        assert not modules & NEVER, words
        assert "sqlalchemy.dialects.sqlite" in modules
        assert len(modules) < LIST_MOST, words


def test_what_help_pages_list_is_what_the_commands_say() -> None:
    assert lazy_groups.TABLE.read_text("utf-8") == command_table.table(), "run `python -m tests.command_table`"


def test_a_help_page_out_of_the_table_is_that_of_the_commands_themselves() -> None:
    page = CliRunner().invoke(app, ["bridge", "clock", "--help"]).output
    own = CliRunner().invoke(clocks.app, ["--help"]).output
    assert page.partition(" Commands ")[2] == own.partition(" Commands ")[2] != ""


def test_a_command_of_a_group_out_of_the_table_runs_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    missing = CliRunner().invoke(app, ["bridge", "clock", "list", "--config", str(tmp_path / "none.toml")])
    assert "none.toml" in str(missing.exception)
    wrong = CliRunner().invoke(app, ["bridge", "clock", "lisst"])
    assert wrong.exit_code == 2
    assert "Did you mean 'list'?" in wrong.output

"""A command imports only what it uses: imports are counted, since seconds depend on the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import command_table, reading_commands
from typer.testing import CliRunner

from badgeclock.cli import clocks, help_pages, lazy_groups
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
    *("structlog", "pygments", "badgeclock.bridge.settings", "badgeclock.authorities.onss_soap", "pydantic", "lxml"),
}
LATER = {
    *("fastapi", "alembic", "httpx", "aiosmtplib", "lxml", "jinja2", "argon2", "pyotp", "cryptography.x509"),
    *("badgeclock.bridge.acts.acts", "badgeclock.bridge.web.planning_api", "badgeclock.bridge.people.imports"),
}
BRIDGE_MOST = 880
HELP_MOST = 390
LIST_MOST = 500
SETTINGS_MODEL = {"badgeclock.bridge.settings", "pydantic"}
MAY_ALSO = {
    "bridge backup verify": {"pydantic"},  # in the class of a backup's description
    "bridge retention show": SETTINGS_MODEL,
    "clock partitions": {"httpx", "pygments"},  # loads what writes a board, too
    "status": SETTINGS_MODEL,
}
MOST = {"clock partitions": 560, "site stolen": 510, "status": 570}
WITHOUT_STORE = {"ca list", "clock partitions", "journal verify"}


def loaded(folder: Path, *words: str) -> set[str]:
    """The modules that a command has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode in reading_commands.MAY_END_WITH, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "words",
    [
        "",
        "bridge",
        "bridge clock",
        "clock",
        "bridge run",
        "bridge badge add",
        "clock provision",
        "bridge attention",
        "console account",
        "console account add",
    ],
)
def test_a_help_page_loads_no_part_of_the_product(tmp_path: Path, words: str) -> None:
    modules = loaded(tmp_path, *words.split(), "--help")
    own = {name for name in modules if name.startswith("badgeclock.") and not name.startswith("badgeclock.cli")}
    assert own <= MAY_LOAD
    assert not modules & {"sqlalchemy", "cryptography", "structlog", "pydantic"}
    assert len(modules) < HELP_MOST


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An installation with a little in it."""
    folder = tmp_path_factory.mktemp("installed")
    rig = reading_commands.prepare(folder)
    yield folder
    rig.close()


@pytest.mark.parametrize("command", reading_commands.READING)
def test_a_command_that_reads_loads_neither_migrations_nor_the_other_databases_driver(
    installed: Path, command: str
) -> None:
    modules = loaded(installed, *reading_commands.words_of(command, installed))
    assert not modules & (NEVER - MAY_ALSO.get(command, set()))
    assert "sqlalchemy.dialects.sqlite" in modules or command in WITHOUT_STORE
    assert len(modules) < MOST.get(command, LIST_MOST)


def test_every_command_is_known_to_read_or_to_do_something_else() -> None:
    assert reading_commands.unknown() == set()


def test_a_bridge_loads_at_its_start_nothing_that_is_for_what_somebody_asks_later() -> None:
    parts = ("settings", "service", "worker")
    start = f"import sys, uvloop, {', '.join(f'badgeclock.bridge.{part}' for part in parts)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=True, timeout=60)
    modules = set(done.stdout.split())
    assert not modules & LATER
    assert len(modules) < BRIDGE_MOST


def test_what_help_pages_list_and_say_is_what_the_commands_do() -> None:
    found = command_table.commands()
    assert lazy_groups.TABLE.read_text("utf-8") == command_table.table(found), "run `python -m tests.command_table`"
    assert help_pages.TABLE.read_text("utf-8") == command_table.pages(found), "run `python -m tests.command_table`"


def test_every_page_out_of_the_table_is_that_of_the_command_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """What the table says is compared above; here what becomes of it, of commands that are one of a kind in that."""
    found = command_table.commands()
    pages = json.loads(help_pages.TABLE.read_text("utf-8"))
    kinds = {str(sorted((it["kind"], *it, *it["said"]) for it in said)): words for words, said in pages.items()}
    assert {"bridge site set", "bridge token add"} <= set(kinds.values())
    for words in kinds.values():
        shown = help_pages.page(words, lazy_groups._SHOWN[words].help)
        assert _page(shown, capsys) == _page(found[words], capsys) != "", words


def _page(command: Any, capsys: pytest.CaptureFixture[str]) -> str:
    command.main(["--help"], prog_name="badgeclock", standalone_mode=False)
    return capsys.readouterr().out


def test_a_word_that_looks_like_the_page_is_the_value_of_an_option(tmp_path: Path) -> None:
    asked = ["bridge", "clock", "release", "clock-0001", "--reason", "--help", "--config", str(tmp_path / "none.toml")]
    assert "none.toml" in str(CliRunner().invoke(app, asked).exception)


def test_a_settings_file_that_cannot_be_read_is_refused_as_typer_does(tmp_path: Path) -> None:
    folder = tmp_path / "bridge.toml"
    folder.symlink_to(tmp_path / "nowhere")
    refused = CliRunner().invoke(app, ["bridge", "clock", "list", "--config", str(folder)])
    assert "no settings file" in str(refused.exception)


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

"""The documentation is complete: a setting, an event, a state or a command that it does not mention is a failing
test."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
import typing
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from badgeclock import __version__
from badgeclock.authorities import kinds
from badgeclock.bridge import settings
from badgeclock.bridge.attention import reasons
from badgeclock.bridge.clocks import health
from badgeclock.bridge.store import event_log
from badgeclock.bridge.store.states import PresenceState, PunchState, Reason
from badgeclock.chaos import faults
from badgeclock.cli.main import app
from badgeclock.onss import rest_names
from badgeclock.sandbox.control import FaultKind, Script

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(page.name for page in ROOT.glob("*.md")),
    *(str(page.relative_to(ROOT)) for page in [*(ROOT / "docs").rglob("*.md"), *(ROOT / "boards").glob("*/README.md")]),
]
AUTHORITIES = (ROOT / "docs" / "authorities.md").read_text()
OPERATING = "".join((ROOT / "docs" / f"operating{part}.md").read_text() for part in ("-setup", "", "-reference"))


@pytest.mark.parametrize("kind", list(event_log.Kind))
def test_every_kind_of_event_is_explained(kind: event_log.Kind) -> None:
    assert f"`{kind.value}`" in OPERATING


@pytest.mark.parametrize("state", [*PresenceState, *(state for state in PunchState if state != "DECLARED")])
def test_every_state_that_is_shown_is_explained(state: str) -> None:
    assert f"| {state} |" in OPERATING


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_to_wait_is_explained(reason: Reason) -> None:
    assert f"`{reason.value}`" in OPERATING


@pytest.mark.parametrize("mark", list(health.Mark))
def test_every_mark_of_a_clock_is_explained(mark: health.Mark) -> None:
    assert f"| {mark.value} |" in OPERATING


@pytest.mark.parametrize("cause", sorted(health.TO_DO))
def test_every_cause_of_a_mark_is_explained(cause: str) -> None:
    assert f"`{cause}`" in OPERATING or f"| {cause} |" in OPERATING


@pytest.mark.parametrize("fault", faults.FAULTS)
def test_every_fault_of_the_proxy_is_explained(fault: str) -> None:
    assert f"`{fault}`" in (ROOT / "docs" / "network.md").read_text()


def test_every_setting_is_explained() -> None:
    rows = re.findall(r"^\| `\[(\w+)\] (.+?) \|", OPERATING, flags=re.MULTILINE)
    explained = {(section, name) for section, names in rows for name in re.findall(r"\w+", names)}
    for section, field in settings.BridgeSettings.model_fields.items():
        models = typing.get_args(field.annotation) or (field.annotation,)
        for model in models:
            for name in getattr(model, "model_fields", {}):
                assert (section, name) in explained


@pytest.mark.parametrize("kind", kinds.kinds())
def test_every_setting_of_an_authority_is_explained(kind: str) -> None:
    rows = re.findall(rf"^\| (?:`{kind}`|all) \| (.+?) \|", AUTHORITIES, flags=re.MULTILINE)
    module = importlib.import_module(f"badgeclock.authorities.{kind.replace('-', '_')}")
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == set(module.Settings.model_fields)


@pytest.mark.parametrize("word", [*FaultKind, *Script.model_fields])
def test_everything_that_the_sandbox_can_be_told_is_explained(word: str) -> None:
    assert f"`{word}`" in AUTHORITIES


def test_every_name_of_the_rest_service_stands_with_its_source() -> None:
    shown = re.findall(r"^\| `(.+?)` \| (official|third party|assumed) \| (.+) \|$", AUTHORITIES, flags=re.MULTILINE)
    wanted = [(str(name), str(name.source), name.meaning) for name in rest_names.TABLE]
    lines = "\n".join(f"| `{name}` | {source} | {meaning} |" for name, source, meaning in wanted)
    assert shown == wanted, f"docs/authorities.md wants:\n{lines}"


def test_all_that_waits_for_a_person_stands_with_what_to_do() -> None:
    shown = re.search(r"<!-- attention: .*? -->\n(.*?)\n<!-- end of attention -->", OPERATING, flags=re.DOTALL)
    wanted = reasons.page_table()
    assert shown is not None
    assert shown[1] == wanted, f"docs/operating.md wants:\n{wanted}"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_and_option_that_a_page_shows_exists(page: str) -> None:
    group = typer.main.get_command(app)
    for line in re.findall(r"badgeclock ((?:[a-z]+ ?)+[^`#\n]*)", (ROOT / page).read_text()):
        command = group
        for word in line.split():
            if not isinstance(command, TyperGroup) or word.startswith("-"):
                break  # what follows are arguments
            found = command.get_command(typer.Context(command), word)
            assert found is not None, f"{page} shows `badgeclock {line}`"
            command = found
        options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        for option in re.findall(r"(?<!\S)--[a-z-]+", line):
            assert option in options, f"{page} shows {option} in `badgeclock {line}`"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_line_that_a_reader_must_scroll_for(page: str) -> None:
    """A row of a table cannot be broken in Markdown; every other line has at most 120 characters."""
    lines = enumerate((ROOT / page).read_text().splitlines(), 1)
    wide = [f"{page}:{number}" for number, line in lines if len(line) > 120 and not line.startswith("|")]
    assert not wide, "\n".join(wide)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_between_pages_leads_somewhere(page: str) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", (ROOT / page).read_text()):
        if "://" in target:
            continue
        there = (ROOT / page).parent / target if target else ROOT / page
        assert there.exists(), f"{page} links to {target}"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there.read_text()), f"{page} links to {target}#{anchor}"


def anchors(text: str) -> set[str]:
    """The targets of a link after `#`: a heading in small letters, a hyphen for a blank and nothing for signs."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_sites_menu_and_the_menu_has_no_other() -> None:
    menu = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    assert sorted(re.findall(r"\S+\.md$", menu, re.MULTILINE)) == sorted(PAGES)


def test_the_files_of_a_release_that_pages_install_are_this_versions() -> None:
    named = {
        (page, version)
        for page in PAGES
        if page != "CHANGELOG.md"
        for version in re.findall(r"badgeclock(?:-bridge)?[-_](\d[\d.]*)[-_]", (ROOT / page).read_text())
    }
    assert {version for _, version in named} == {__version__}, named
    assert {page for page, _ in named} >= {"README.md", "docs/installing.md", "docs/first-punch.md"}


def test_what_is_said_of_releases_is_so() -> None:
    """The first release changes these pages (RELEASING.md)."""
    released = (ROOT / "boards" / "esp32_devkit" / "release.json").exists()
    for page, words in (("README.md", "no release yet"), ("SECURITY.md", "No release is tagged yet")):
        assert (words in (ROOT / page).read_text()) is not released, page


def test_no_bridge_sends_a_beacon_while_the_page_of_the_formats_says_so() -> None:
    page = (ROOT / "docs" / "protocol.md").read_text()
    assert "No bridge sends one yet" in page
    assert "bridges of this version always send zero" in page
    named = [
        path
        for path in (ROOT / "host_tools" / "badgeclock" / "bridge").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Ack"
        if len(node.args) > 2 or node.keywords
    ]
    assert named == []


def test_every_fragment_is_of_a_kind() -> None:
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]["type"]
    ours = "|".join(kind["directory"] for kind in configured)
    for path in (ROOT / "changelog.d").glob("*"):
        assert path.name == "README.md" or re.fullmatch(rf"[\w-]+\.({ours})\.md", path.name), path.name


SECURITY = (ROOT / "docs" / "security.md").read_text()


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[^`]+)`", SECURITY))))
def test_every_test_that_the_threat_table_names_is_there(named: str) -> None:
    path, _, function = named.partition("::")
    assert (ROOT / path).is_file() or (ROOT / path).is_dir()
    if function:
        assert re.search(rf"^(async )?def {function}\(", (ROOT / path).read_text(), flags=re.MULTILINE)

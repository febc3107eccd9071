"""The manual pages and the shells' completions are those of the commands, and the programs that read them can."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "host_tools"))

import make_manuals  # noqa: E402 - a script beside the package
from make_manuals import Command  # noqa: E402


@cache
def written() -> dict[str, str]:
    return make_manuals.pages()


@cache
def every_command() -> tuple[Command, ...]:
    return tuple(make_manuals.commands().all())


def test_every_command_and_option_is_on_a_page() -> None:
    assert len(every_command()) > 100
    for command in every_command():
        if not command.words:
            continue
        page = written()[f"badgeclock-{command.words[0]}.1"].replace("\\-", "-")
        if command.options or command.arguments:
            assert f".B badgeclock {' '.join(command.words)}\n" in page
        for option in command.options:
            assert all(form in page for form in option.forms)


def test_no_page_has_what_is_hidden() -> None:
    assert "bridge intake" not in written()["badgeclock-bridge.1"]


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not on this machine")
def test_the_pages_are_read_without_a_warning() -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z"], input="\n".join(written().values()).encode(), capture_output=True,
        check=True,
    )  # fmt: skip
    assert done.stderr == b""


@pytest.fixture(scope="module")
def completion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    make_manuals.write(folder)
    return folder / "badgeclock.bash"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["bri"], ["bridge"]),
        (["bridge", "not"], ["notices"]),
        (["bridge", "notices", ""], ["list", "test"]),
        (["bridge", "worker", "add", "--lang"], ["--language"]),
        (["bridge", "worker", "add", "--name", "x", "--lang"], ["--language"]),
        (["stat"], ["status"]),
        (["doctor", "--j"], ["--json"]),
    ],
)
def test_bash_completes_words_and_options(typed: list[str], offered: list[str], completion: Path) -> None:
    words = " ".join(f"'{word}'" for word in ["badgeclock", *typed])
    script = f'. {completion}; COMP_WORDS=({words}); COMP_CWORD={len(typed)}; _badgeclock; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, cwd=completion.parent)
    assert done.stdout.split() == offered


def test_fish_has_every_command() -> None:
    text = make_manuals.fish()
    for command in every_command():
        if command.words:
            assert f" -a {command.words[-1]} " in text

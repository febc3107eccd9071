"""The extras of the installation: each has the packages its commands import, and a command names the one it needs."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest

from badgeclock.cli import extras
from badgeclock.cli.main import NOUNS

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OF_MODULE = importlib.metadata.packages_distributions()

# Imported when a store is named, and refused by the name of the extra where it is not installed.
ONLY_FOR_A_STORE = [
    ("badgeclock.evidence.sources", module)
    for module in ("badgeclock.bridge.places", "badgeclock.bridge.store.database", "badgeclock.evidence.store_source")
]


def packages(extra: str | None) -> set[str]:
    """The packages of an extra with those that come without any; of an extra that is made of others, theirs."""
    texts = list(PROJECT["dependencies"])
    for text in PROJECT["optional-dependencies"][extra] if extra else ():
        inner = re.fullmatch(rf"{PROJECT['name']}\[(.*)\]", text)
        for name in inner[1].split(",") if inner else ():
            texts += PROJECT["optional-dependencies"][name]
        texts += [] if inner else [text]
    return {re.split(r"[<>=~!\[; ]", text)[0] for text in texts}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    found = grimp.build_graph("badgeclock", include_external_packages=True)
    for importer, imported in ONLY_FOR_A_STORE:
        found.remove_import(importer=importer, imported=imported)
    return found


@pytest.mark.parametrize("noun", NOUNS)
def test_a_commands_extra_has_what_it_imports(noun: str, graph: grimp.ImportGraph) -> None:
    extra = None if noun == "journal" else extras.OF_NOUN[noun]
    roots = {f"badgeclock.cli.{noun}", "badgeclock.cli.main"}
    if noun in {"bridge", "badge", "site"}:  # parts of `bridge` are loaded by name
        roots |= graph.find_children("badgeclock.cli") - {f"badgeclock.cli.{other}" for other in NOUNS if other != noun}
        roots |= graph.find_children("badgeclock.authorities")  # and kinds of authorities
    modules = set().union(*(graph.find_upstream_modules(root) for root in roots))
    used = {
        re.sub(r"[._]", "-", package.lower())
        for module in modules
        if not module.startswith("badgeclock") and module not in sys.stdlib_module_names
        for package in OF_MODULE.get(module, [])
    }
    assert used
    assert used - packages(extra) == set()


def test_a_command_without_its_packages_says_how_to_get_them_and_the_help_still_lists_it() -> None:
    source = (
        "import sys\n"
        "sys.modules |= dict.fromkeys(('pydantic', 'pydantic_settings', 'sqlalchemy'))\n"
        "from badgeclock.cli.main import main\n"
        "sys.argv = ['badgeclock', *sys.argv[1:]]\n"
        "main()\n"
    )

    def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", source, *arguments], capture_output=True, text=True, check=False)

    refused = ask("bridge", "clock", "list", "--json")
    assert refused.returncode == 78
    assert refused.stderr.endswith("To do: install them: pip install 'badgeclock[bridge]'.\n")
    helped = ask("--help")
    assert helped.returncode == 0
    assert "pip install 'badgeclock[bridge]'" in helped.stdout


def test_a_module_of_our_own_that_is_missing_is_no_matter_of_an_extra() -> None:
    assert extras.missing("bridge", ModuleNotFoundError("no", name="badgeclock.bridge.gone")) is None
    assert extras.missing("ca", ModuleNotFoundError("no", name="zeep")) is None

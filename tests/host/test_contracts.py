"""Each contract about imports can fail: a copy of the package with one wrong import is turned down by it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}
WRONG = [
    ("packages", "virtual/nor.py", "badgeclock.cli.main"),
    ("packages", "bridge/logs.py", "badgeclock.evidence.verifier"),
    ("packages", "authorities/base.py", "badgeclock.bridge.settings"),
    ("packages", "technician/reader.py", "badgeclock.virtual.nor"),
    ("packages", "errors.py", "badgeclock.listeners"),
    ("rooms", "bridge/store/vault.py", "badgeclock.bridge.people.workers"),
    ("rooms", "bridge/presences/regimes.py", "badgeclock.bridge.registrar.outbox"),
    ("rooms", "bridge/intake/batch.py", "badgeclock.bridge.clocks.registry"),
    ("rooms", "bridge/intake/batch.py", "badgeclock.bridge.people.workers"),
    ("rooms", "bridge/web/api_tokens.py", "badgeclock.bridge.service"),
    ("protocol", "protocol/record.py", "badgeclock.listeners"),
    ("tools", "chaos/mqtt.py", "badgeclock.technician.certificates"),
    ("tools", "virtual/nor.py", "badgeclock.sandbox.rules"),
    ("tools", "evidence/keys.py", "badgeclock.technician.workshop"),
    ("authority", "sandbox/soap.py", "badgeclock.authorities.ws_security"),
    ("authority", "authorities/soap.py", "badgeclock.sandbox.envelope"),
]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contracts")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "host_tools" / "badgeclock", folder / "badgeclock", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def linted(folder: Path, contract: str) -> str:
    """import-linter's output on the package in `folder` for one contract."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"]
    return subprocess.run(
        [*command, "--no-cache", "--contract", contract],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    ).stdout


@pytest.mark.parametrize(("contract", "file", "imported"), WRONG, ids=[f"{c}-{f}-{i}" for c, f, i in WRONG])
def test_a_wrong_import_breaks_its_contract(package: Path, contract: str, file: str, imported: str) -> None:
    path = package / "badgeclock" / file
    before = path.read_text()
    module = ".".join(("badgeclock", *Path(file).with_suffix("").parts))
    path.write_text(f"{before}\nimport {imported}\n")
    try:
        said = linted(package, contract)
    finally:
        path.write_text(before)
    assert "BROKEN" in said
    assert f"{module} -> {imported}" in said, said


def test_a_package_that_no_line_names_breaks_the_contract(package: Path) -> None:
    new = package / "badgeclock" / "novelty"
    new.mkdir()
    (new / "__init__.py").touch()
    try:
        assert "novelty" in linted(package, "packages")
    finally:
        shutil.rmtree(new)


def test_each_contract_was_broken() -> None:
    assert {contract for contract, _, _ in WRONG} == set(CONTRACTS)


def test_the_protocol_may_import_no_package_but_the_errors() -> None:
    packages = {path.stem for path in (ROOT / "host_tools" / "badgeclock").iterdir() if path.suffix in {"", ".py"}}
    others = packages - {"__init__", "__pycache__", "errors", "protocol"}
    named = {name.removeprefix("badgeclock.") for name in CONTRACTS["protocol"]["forbidden_modules"]}
    assert named == others

"""Fixtures of the console's tests: one morning a test, and one browser for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, sync_playwright
from tests.host.console.morning import Morning

from badgeclock.bridge.accounts import passwords
from badgeclock.bridge.accounts.roles import Role
from badgeclock.toolchain import programs

Visit = Callable[[str], TestClient]


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check takes a millisecond instead of fifty; `test_passwords.py` has the real ones."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", quick)
    monkeypatch.setattr(passwords, "_nobodys", lambda: quick.hash("nobody's"))


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Morning]:
    """The store on that morning, with an account for each role: vera, otto, and ada."""
    made = Morning(tmp_path)
    for name, role in (("vera", Role.VIEWER), ("otto", Role.OPERATOR), ("ada", Role.ADMINISTRATOR)):
        made.account(name, role)
    yield made
    made.close()


@pytest.fixture
def visit(morning: Morning) -> Visit:
    """Gives a browser without scripts: of an account that is signed in, or of nobody (an empty name)."""
    app = morning.app()

    def client(name: str) -> TestClient:
        made = TestClient(app, base_url="http://testserver", follow_redirects=False)
        made.headers["origin"] = "http://testserver"
        if name:
            made.cookies.set("badgeclock", morning.session(name))
        return made

    return client


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, for the one file that uses it: as long as it is there, its event loop runs in this thread."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=programs.chromium())
        yield made
        made.close()

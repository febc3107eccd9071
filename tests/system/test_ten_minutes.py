"""The steps of docs/ten-minutes.md, followed to the letter on the demo, in a browser.

What is bold or `so` in a step is something that is done or seen; the words around it are for the reader. So a step that
says something else than what this file reads in it fails.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from badgeclock.demo.page import KEYS
from badgeclock.toolchain import programs

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "ten-minutes.md"
PATIENCE_MS: Final = 60_000
"""Only ends a hung run."""
FORMS: Final = {
    "demo": r"on the demo's page",
    "operators": r"on the operators' pages",
    "other": r"in the other window",
    "sign in": r"sign in as \*\*(.+?)\*\*",
    "under": r"under \*\*(.+?)\*\*",
    "press": r"press \*\*(.+?)\*\*",
    "tap": r"tap \*\*(.+?)\*\*",
    "open": r"open \*\*(.+?)\*\*",
    "open the link": r"open the link in another window",
    "load again": r"load the page again",
    "follow": r"follow \*\*(.+?)\*\*",
    "choose": r"choose \*\*(.+?)\*\* as \*\*(.+?)\*\*",
    "write": r"write `(.+?)` as \*\*(.+?)\*\*",
    "see": r"you see \*\*(.+?)\*\*",
}
STEP: Final = re.compile("|".join(f"(?P<f{at}>{form})" for at, form in enumerate(FORMS.values())), re.IGNORECASE)
FIRST: Final = 2
"""Groups of STEP before the words of its first form."""


class Deed(NamedTuple):
    """An act or an expected result of a step: the form's name, and the words in bold or `so`."""

    form: str
    words: tuple[str, ...]


def steps() -> Iterator[tuple[str, list[Deed]]]:
    """The numbered steps of the page, each with its acts."""
    for text in re.findall(r"^\d+\. .*?(?=^\d+\. |^#|^$)", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        step = " ".join(text.split())
        deeds = []
        for found in STEP.finditer(step):
            at = next(int(name[1:]) for name, said in found.groupdict().items() if said is not None)
            form = list(FORMS)[at]
            words = re.fullmatch(FORMS[form], found[0], re.IGNORECASE)
            assert words is not None
            deeds.append(Deed(form, words.groups()))
        yield step, deeds


def test_whatever_is_bold_in_a_step_is_something_that_is_done_or_seen() -> None:
    found = list(steps())
    assert [int(step.partition(".")[0]) for step, _ in found] == list(range(1, len(found) + 1))
    for step, deeds in found:
        rest = STEP.sub("", step)
        assert deeds
        assert "`" not in rest, rest
        # Names alone, without anything to be done with them, are those of the accounts.
        assert set(re.findall(r"\*\*(.+?)\*\*", rest)) <= {"vera", "ada"}, rest


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The two addresses that `badgeclock demo` prints."""
    command = [sys.executable, "-m", "badgeclock.cli.main", "demo", "--port", "0", "--dir", str(tmp_path / "demo")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(2)]
        addresses = [re.search(r"http://[\d.:]+/", line) for line in said]
        assert all(addresses), said
        first, second = (found[0] for found in addresses if found is not None)
        yield first, second
        process.send_signal(signal.SIGINT)
        process.wait()


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=programs.chromium())
        yield made
        made.close()


class Reader:
    """Somebody who does what the page says, and nothing else."""

    def __init__(self, browser: Browser, demo: str, operators: str) -> None:
        self._browser = browser
        self._pages = {"demo": self._window(demo), "operators": self._window(operators)}
        self._now, self._part = "demo", ""
        self._deeds: dict[str, Callable[..., None]] = {
            "sign in": self._sign_in,
            "under": self._look_under,
            "press": self._press,
            "tap": self._press,
            "open": lambda word: self._page.locator("summary").get_by_text(word, exact=True).click(),
            "open the link": self._open_link,
            "load again": lambda: self._do(self._page.reload),
            "follow": self._follow,
            "choose": lambda option, label: self._field(label).select_option(label=option),
            "write": self._write,
            "see": self._see,
        }

    def does(self, deed: Deed) -> None:
        """One deed of a step."""
        if deed.form in self._pages or deed.form == "other":
            self._now, self._part = deed.form, ""
        else:
            self._deeds[deed.form](*deed.words)

    @property
    def _page(self) -> Page:
        return self._pages[self._now]

    @property
    def _where(self) -> Page | Locator:
        """The part of the page that the step speaks of."""
        if not self._part:
            return self._page
        named = self._page.get_by_text(self._part, exact=True)
        return self._page.locator("form, li").filter(has=named).last

    def _window(self, address: str) -> Page:
        context = self._browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(address)
        return page

    def _do(self, act: Callable[[], Any]) -> None:
        act()
        self._part = ""

    def _sign_in(self, name: str) -> None:
        password = self._pages["demo"].locator("section", has_text="Sign in as").locator("b").last.inner_text()
        self._now, self._part = "operators", ""
        self._field("Name").fill(name)
        self._field("Password").fill(password)
        self._press("Sign in")

    def _look_under(self, part: str) -> None:
        self._part = part

    def _press(self, word: str) -> None:
        self._do(self._where.get_by_role("button", name=word, exact=True).click)
        if word in KEYS:  # nobody has their badge there before the display has changed
            display = self._page.locator("#screen")
            expect(display).to_have_attribute("alt", re.compile(word.upper()), timeout=PATIENCE_MS)

    def _follow(self, word: str) -> None:
        self._do(self._page.get_by_role("link").filter(has_text=re.compile(rf"^\s*{re.escape(word)}")).first.click)

    def _field(self, label: str) -> Locator:
        fields = self._where.get_by_label(re.compile(rf"^\s*{re.escape(label)}"))
        return fields.filter(visible=True).first

    def _write(self, text: str, label: str) -> None:
        tomorrow = (date.today() + timedelta(days=1)).isoformat()  # noqa: DTZ011 - as the reader's calendar has it
        self._field(label).fill(tomorrow if text == "tomorrow's date" else text)

    def _open_link(self) -> None:
        self._pages["other"] = self._window(self._page.locator("code.address").inner_text())

    def _see(self, text: str) -> None:
        seen = re.compile(r"\s*".join(map(re.escape, text.split())))
        expect(self._page.locator("body")).to_contain_text(seen, timeout=PATIENCE_MS)


@pytest.mark.torture
@pytest.mark.timeout(600)
def test_who_follows_the_page_to_the_letter_sees_what_it_says(browser: Browser, demo: tuple[str, str]) -> None:
    reader = Reader(browser, *demo)
    for step, deeds in steps():
        print(step)
        for deed in deeds:
            reader.does(deed)

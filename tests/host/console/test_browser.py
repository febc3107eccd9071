"""An operator's tasks in a real browser, on a desktop and a phone; and what it finds hard to read there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from tests.host.console.morning import PASSWORD, Morning, served

from badgeclock.bridge.notices import words
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.event_log import Event, Kind, Severity

DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PATIENCE_MS = 120_000
"""Only ends a hung run."""
expect.set_options(timeout=PATIENCE_MS)
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def address(morning: Morning) -> Iterator[str]:
    """Where the console is."""
    with served(morning) as at:
        yield at


Window = Callable[..., Page]


@pytest.fixture
def window(browser: Browser, address: str) -> Iterator[Window]:
    """Opens a page of somebody who is signed in, in a browser that has seen nothing else. What its scripts and its
    policy complain of fails the test.
    """
    contexts, complaints = [], []

    def opened(secret: str = "", **settings: Any) -> Page:
        context = browser.new_context(base_url=address, **settings)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        if secret:
            context.add_cookies([{"name": "badgeclock", "value": secret, "url": address}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints


def test_from_signing_in_to_a_badge_that_is_given_away_on_a_phone(morning: Morning, window: Window) -> None:
    page = window(**PHONE)
    page.goto("/")
    page.get_by_label("Name").fill("otto")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("2 people here have no number")
    page.get_by_role("link", name="A badge nobody was given").click()  # one
    page.get_by_label("Worker").select_option("W-006")  # two
    page.get_by_role("button", name="Give the badge").click()  # three
    expect(page.get_by_role("status").first).to_contain_text("The badge is given")
    assert "UNASSIGNED" not in morning.punches()


def test_a_page_follows_what_happens_and_keeps_what_its_reader_opened(morning: Morning, window: Window) -> None:
    page = window(morning.session("vera"), **DESKTOP)
    page.goto("/")
    expect(page.locator("#heard")).to_contain_text("heard")
    later = page.locator("details.later").first
    later.locator("summary").click()
    expect(later.get_by_text("W-005")).to_be_visible()
    happened = Event(Severity.WARNING, Kind.FLOODED, "it sends far too much", "clock-0001")
    with morning.office.write() as connection:
        event_log.write(connection, [happened], morning.now_ms)
    expect(page.get_by_text("A clock sends far too much")).to_be_visible()
    expect(page.locator("#to-do")).to_contain_text("4")
    expect(later.get_by_text("W-005")).to_be_visible()
    # What is chosen in a list that follows stays chosen.
    clocks = window(morning.session("otto"), **DESKTOP)
    clocks.goto("/clocks")
    clocks.get_by_role("checkbox", name="clock-0002").check()
    with morning.office.write() as connection:
        connection.execute(schema.clocks.update().values(status_ms=morning.now_ms - 60_000))
    expect(clocks.get_by_text("1 min ago").first).to_be_visible()
    expect(clocks.get_by_role("checkbox", name="clock-0002")).to_be_checked()
    clocks.get_by_label("Reason").fill("which is which")
    clocks.get_by_role("button", name="Order it").click()
    expect(clocks.get_by_role("status").first).to_contain_text("Ordered: clocks that are online")
    assert [row.clock_id for row in morning.rows(schema.orders)] == [2]
    # The session ends meanwhile: the page goes where one signs in, and comes back to itself.
    morning.now_ms += 3 * 3_600_000
    with morning.office.write() as connection:
        event_log.write(connection, [happened], morning.now_ms)
    page.wait_for_url(re.compile("/sign-in"))


LOCALES = ("nl-BE", "fr-BE", "de-BE", "en-GB")
SCHEMES = ("light", "dark")
SAMPLE = {("light", "fr-BE"), ("dark", "de-BE")}
"""Pages that each run checks; the rest takes long."""


@pytest.mark.parametrize(
    ("scheme", "locale"),
    [
        pytest.param(scheme, locale, marks=() if (scheme, locale) in SAMPLE else pytest.mark.torture)
        for scheme in SCHEMES
        for locale in LOCALES
    ],
)
def test_axe_finds_nothing_on_any_page_and_nothing_is_wider_than_a_phone(
    morning: Morning, window: Window, scheme: str, locale: str
) -> None:
    phone = window(morning.session("ada"), color_scheme=scheme, locale=locale, **PHONE)
    paths = [
        "/",
        "/?site=Quay+9",
        "/register?site=Quay+7",
        "/register/many?site=Quay+7&source=employer&employer=0438195916",
        "/inspection?site=Quay+7",
        "/links",
        "/hours",
        "/poster?site=Quay+7",
        "/attention",
        "/presences",
        f"/presences/{morning.refused()}",
        f"/attention/refused/{morning.refused()}",
        "/account",
        *("/people", "/people/W-001", "/sites", "/sites/Quay%207", "/clocks", "/clocks/clock-0001"),
        *("/imports", "/acts", "/settings", "/accounts"),
    ]
    signed_out = window(color_scheme=scheme, locale=locale, **DESKTOP)
    for page, path in [*((phone, path) for path in paths), (signed_out, "/sign-in")]:
        page.goto(path)
        if page.locator(".menu summary").is_visible():
            page.locator(".menu summary").click()
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) == 0, path
        assert page.evaluate("document.documentElement.lang") == locale[:2]


BY_KEYBOARD = {
    "/people": ("items", "employer", "first", "last", "sites", "why", "Engage"),
    "/imports": ("file", "kind", "site", "Try it"),
    "/register?site=Quay+7": ("worker", "why", "Register"),
    "/inspection?site=Quay+7": ("CSV", "PDF"),
    "/settings": (),
    "/attention": ("items", "why", "Seen to", "Close"),
    "/clocks": ("items", "command", "why", "Order it"),
}
"""By page, the stops of Tab in this order, by the field's name or the word."""


def test_what_is_on_the_offices_pages_is_reached_by_keyboard_without_scripts(morning: Morning, window: Window) -> None:
    page = window(morning.session("ada"), java_script_enabled=False, **DESKTOP)
    for path, wanted in BY_KEYBOARD.items():
        page.goto(path)
        seen = tabbed(page)
        assert seen[0] == "To the content", path
        assert "Now" in seen, path
        left = list(wanted)
        for one in seen:
            if left and one == left[0]:
                left.pop(0)
        assert not left, (path, seen)
    # The menu of a phone opens by a key, and has the way out.
    phone = window(morning.session("ada"), java_script_enabled=False, **PHONE)
    phone.goto("/settings")
    phone.locator(".menu summary").focus()
    phone.keyboard.press("Enter")
    assert {"Now", "Settings", "Sign out"} <= set(tabbed(phone))


def tabbed(page: Page) -> list[str]:
    """The stops of Tab from here to the page's end, each visibly focused."""
    seen: list[str] = []
    script = """() => {
        const at = document.activeElement;
        if (!at || at === document.body) return null;
        const box = at.getBoundingClientRect();
        const is_shown = getComputedStyle(at).outlineStyle !== "none" && box.width > 0;
        const name = at.tagName === "BUTTON" ? null : at.getAttribute("name");
        return [name || at.innerText.trim(), is_shown];
    }"""
    for _ in range(120):
        page.keyboard.press("Tab")
        found = page.evaluate(script)
        if found is None:
            break
        assert found[1], f"the focus is not seen on {found[0]!r}"
        seen.append(found[0])
    return seen


def test_everything_can_be_reached_and_done_by_keyboard_without_scripts(morning: Morning, window: Window) -> None:
    page = window(morning.session("otto"), java_script_enabled=False, **DESKTOP)
    page.goto(f"/attention/refused/{morning.refused()}")
    seen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        seen.append(focused.get_attribute("name") or focused.inner_text())
        if seen[-1] == "worker":
            focused.select_option("W-006")
        if seen[-1] == "why":
            page.keyboard.type("it was his brother")
            page.keyboard.press("Enter")
            break
    assert seen[0] == "To the content"
    assert "Now" in seen
    page.wait_for_url(re.compile("done=correct"))
    expect(page.get_by_role("status").first).to_contain_text("It is being put right")


def test_from_a_notices_link_to_what_it_is_about_by_keyboard_alone(morning: Morning, window: Window) -> None:
    item = morning.refused()
    new = [{"kind": "refused", "name": "refused", "number": 1, "items": [item]}]
    address = words.link({"new": new}, "https://console.example").removeprefix("https://console.example")
    page = window(**DESKTOP)
    page.goto(address)
    for _ in range(5):
        page.keyboard.press("Tab")
        if page.locator(":focus").get_attribute("name") == "name":
            break
    page.keyboard.type("otto")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(re.escape(address)))
    seen = tabbed(page)
    assert seen[0] == "To the content"
    assert {"worker", "why", "Send again"} <= set(seen)
    # Several notices lead to the list: what changes there is said politely, and never takes the focus away.
    page.goto(words.link({"new": new * 2}, ""))
    assert page.get_by_role("status").first.evaluate("at => at.getAttribute('aria-live') || 'polite'") == "polite"
    assert not page.locator('[aria-live="assertive"]').count()
    stop = page.get_by_role("link", name="Refused by the authority").first
    stop.focus()
    happened = Event(Severity.WARNING, Kind.FLOODED, "it sends far too much", "clock-0001")
    with morning.office.write() as connection:
        event_log.write(connection, [happened], morning.now_ms)
    expect(page.get_by_text("A clock sends far too much")).to_be_visible()
    expect(stop).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(re.escape(address)))

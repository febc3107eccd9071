"""`python -m tests.host.console.pictures` draws the pages of the docs: docs/images/console-*.png."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from tests.host.console.morning import Morning, served

from badgeclock.bridge.accounts.roles import Role
from badgeclock.toolchain import programs

IMAGES = Path(__file__).resolve().parents[3] / "docs" / "images"
DESKTOP, PHONE = {"width": 1100, "height": 700}, {"width": 390, "height": 844}


def main() -> None:
    """Draw them."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        morning = Morning(Path(folder))
        morning.account("otto", Role.OPERATOR)
        browser = playwright.chromium.launch(executable_path=programs.chromium())
        with served(morning) as address:
            secret = morning.session("otto")
            for name, path, size, scheme in (
                ("console-now", "/", DESKTOP, "light"),
                ("console-now-phone", "/", PHONE, "dark"),
                ("console-badge-phone", "/attention/unknown_badge/clock-0001/4", PHONE, "light"),
            ):
                context = browser.new_context(base_url=address, viewport=size, color_scheme=scheme)
                context.add_cookies([{"name": "badgeclock", "value": secret, "url": address}])
                page = context.new_page()
                page.goto(path)
                page.screenshot(path=IMAGES / f"{name}.png", full_page=True)
                context.close()
        browser.close()
        morning.close()


if __name__ == "__main__":
    main()

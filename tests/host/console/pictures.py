"""`python -m tests.host.console.pictures` draws the pages of the docs: docs/images/console-*.png."""

from __future__ import annotations

import io
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from tests.host.bridge.world import SITE
from tests.host.console.morning import MONDAY, Morning, served

from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.clocks.health import Mark, Reason, Standing
from badgeclock.bridge.registrar import office_registrations
from badgeclock.bridge.registrar.decisions import Decision
from badgeclock.bridge.registrar.office_registrations import Entry
from badgeclock.bridge.store import schema
from badgeclock.toolchain import programs

IMAGES = Path(__file__).resolve().parents[3] / "docs" / "images"
DESKTOP, PHONE = {"width": 1100, "height": 700}, {"width": 390, "height": 844}


PAGES = {
    "to-do": "/attention",
    "presences": "/presences",
    "people": "/people",
    "person": "/people/W-001",
    "sites": "/sites",
    "clocks": "/clocks",
    "clock": "/clocks/clock-0001",
    "imports": "/imports",
    "acts": "/acts",
    "accounts": "/accounts",
}
"""By the picture's name."""
OFFICE_PAGES = {
    "register": "/register?site=Quay+7",
    "register-many": "/register/many?site=Quay+7&first=2026-01-12&last=2026-01-16&source=employer&employer=0438195916",
    "inspection": "/inspection?site=Quay+7",
    "links": "/links",
    "hours": "/hours",
    "poster": "/poster?site=Quay+7",
}
"""The same of what the office registers: drawn last, with somebody who was registered by hand."""
COLOURS = 96
"""A page has few, and its picture is a third so large with these alone."""
_STATUS = {
    "boot": 3,
    "head": 9,
    "tail": 3,
    "free": 8_100_000,
    "capacity": 8_388_608,
    "sealed": True,
    "retired": False,
    "firmware": "0.6.0",
    "wear": 12,
    "bound_ms": 80,
    "heap_free": 41_200,
    "reader": "0x92",
    "rssi": -61,
    "heartbeat_s": 600,
    "cert_until": 1_780_000_000,
    "temperature": 19,
    "roster": [4, 3],
}


def _report_clocks(morning: Morning) -> None:
    """The reports of two clocks: one is well, the other's display is dark."""
    table = schema.clocks
    dark = Reason(Mark.UNHEALTHY, "display", "its display did not answer")
    values = {"status": _STATUS, "status_ms": morning.now_ms - 180_000, "online": True, "roster_told": 4}
    with morning.office.write() as connection:
        connection.execute(table.update().values(values))
        standing = Standing().with_reasons([dark], morning.now_ms - 900_000).to_json()
        connection.execute(table.update().where(table.c.name == "clock-0002").values(standing=standing))


def _register(morning: Morning) -> None:
    """Somebody whom the office has registered today, and on a day to come."""
    decision = Decision("otto (console)", "the gate has no power", morning.now_ms)
    with morning.office.write() as connection:
        days = (MONDAY, MONDAY + timedelta(days=3))
        office_registrations.register(connection, [Entry("W-004", SITE, day) for day in days], decision)


def main() -> None:
    """Draw them; of names of pictures in the command, these alone."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        morning = Morning(Path(folder))
        morning.account("otto", Role.OPERATOR)
        morning.account("ada", Role.ADMINISTRATOR)
        morning.account("inge", Role.INSPECTOR)
        _report_clocks(morning)
        browser = playwright.chromium.launch(executable_path=programs.chromium())
        with served(morning) as address:
            secrets = {name: morning.session(name) for name in ("otto", "ada", "inge")}
            for name, path, size, scheme, who in (
                ("console-now", "/", DESKTOP, "light", "otto"),
                ("console-now-phone", "/", PHONE, "dark", "otto"),
                ("console-badge-phone", "/attention/unknown_badge/clock-0001/4", PHONE, "light", "otto"),
                *(
                    (f"console-{page}{size[1]}", path, size[0], "light", "ada")
                    for page, path in PAGES.items()
                    for size in ((DESKTOP, ""), (PHONE, "-phone"))
                ),
                *(
                    (f"console-{page}{size[1]}", path, size[0], "light", "inge" if page == "inspection" else "otto")
                    for page, path in OFFICE_PAGES.items()
                    for size in ((DESKTOP, ""), (PHONE, "-phone"))
                ),
            ):
                if path == OFFICE_PAGES["register"] and not morning.rows(schema.later_registrations):
                    _register(morning)
                if sys.argv[1:] and name not in sys.argv[1:]:
                    continue
                context = browser.new_context(base_url=address, viewport=size, color_scheme=scheme)
                context.add_cookies([{"name": "badgeclock", "value": secrets[who], "url": address}])
                page = context.new_page()
                page.goto(path)
                shot = Image.open(io.BytesIO(page.screenshot(full_page=True)))
                shot.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
                    IMAGES / f"{name}.png", optimize=True
                )
                context.close()
        browser.close()
        morning.close()


if __name__ == "__main__":
    main()

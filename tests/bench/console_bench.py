"""The operators' pages: the first page over a store of ten thousand and of a million presences, in a browser, and live.

The first two are requested in the console's own process, without a network; before each request somebody punches, so
that no page is served twice.
The browser is Chromium without a window, on the morning of the tests.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import select

from badgeclock.bridge.accounts import accounts, sessions
from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.settings import ConsoleSettings
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.event_log import Event, Kind, Severity
from badgeclock.bridge.store.states import PunchState
from badgeclock.bridge.store.vault import PEOPLE, Vault
from badgeclock.cli.run import collect_seldom
from badgeclock.console import site
from badgeclock.console.app import create_app
from badgeclock.console.door import BridgeDoor
from badgeclock.console.live import Watch
from badgeclock.protocol.record import Direction
from badgeclock.toolchain import programs
from tests.bench import grown_store, live_bench
from tests.host.bridge.world import KBO
from tests.host.console.morning import Morning, served
from tests.national_numbers import national_number

SIZES: Final = {"1e4": 10_000, "1e6": 1_000_000}
ROUNDS: Final = 60
PAINTS: Final = 9
CHANGES: Final = 9
ROWS: Final = 1000
_NOW_MS: Final = grown_store.ms_of(grown_store.LAST_DAY, 8)


def measure() -> dict[str, float]:
    """Figures by their names in catalogue.py."""
    figures = {f"console.now_ms.{size}.p95": _now_ms(presences) for size, presences in SIZES.items()}
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as folder:
        morning = Morning(Path(folder))
        morning.account("otto", Role.OPERATOR)
        figures["console.import_1000_rows_s"] = _import_s(morning)
        with served(morning) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=programs.chromium())
            figures |= _painted(browser, address, morning)
            figures["console.live_delay_ms"] = _live_ms(browser, address, morning)
            browser.close()
        morning.close()
    return figures | live_bench.measure()


def _now_ms(presences: int) -> float:
    """The 95th percentile of the first page's answers."""
    vault = Vault(b"data key of the bench, 32 bytes.")
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as folder:
        path = Path(folder) / "grown.db"
        grown_store.place(presences, path)
        store = Store(f"sqlite:///{path}")
        table = schema.workers
        with store.write() as connection:
            for row in connection.execute(table.select()).all():
                closed = vault.close(PEOPLE, f"name:{row.reference}", b"Anna Proef")
                connection.execute(table.update().where(table.c.id == row.id).values(name_closed=closed))
            accounts.make(connection, "otto", Role.OPERATOR, Operator("bench"), _NOW_MS)
            connection.execute(schema.accounts.update().values(must_change=False))
            found = accounts.find(connection, "otto")
            assert found is not None
            secret = sessions.open_session(connection, found.account.id, 12, _NOW_MS)
        reading, writing = Store.for_reading(f"sqlite:///{path}"), store
        door = BridgeDoor(Path(folder) / "none.sock", f"sqlite:///{path}", vault, lambda: _NOW_MS)
        names = ConsoleSettings(names=("testserver",))
        client = TestClient(create_app(reading, vault, door, names, lambda: _NOW_MS, Watch(reading)))
        client.cookies.set("badgeclock", secret)
        took = []
        collect_seldom()
        with _no_look_is_kept():
            for number in range(ROUNDS):
                _punch(writing, number)
                began = time.perf_counter()
                answer = client.get("/")
                took.append((time.perf_counter() - began) * 1000)
                assert answer.status_code == 200
                assert "Yard 1" in answer.text
        reading.close()
        writing.close()
    return statistics.quantiles(took[ROUNDS // 10 :], n=20)[-1]


def _punch(store: Store, number: int) -> None:
    """One of those who are there today goes."""
    presences, punches = schema.presences, schema.punches
    with store.write() as connection:
        there = select(presences).where(presences.c.day == grown_store.LAST_DAY).order_by(presences.c.id)
        row = connection.execute(there.offset(number).limit(1)).one()
        connection.execute(
            punches.insert().values(
                clock_id=1,
                seq=10**9 + number,
                site_id=row.site_id,
                token=bytes(8),
                direction=int(Direction.OUT),
                utc_ms=_NOW_MS,
                state=PunchState.DECLARED,
                worker_id=row.worker_id,
                presence_id=row.id,
                received_ms=_NOW_MS,
            )
        )


@contextmanager
def _no_look_is_kept() -> Iterator[None]:
    holds_s, site.LOOK_HOLDS_S = site.LOOK_HOLDS_S, 0.0  # type: ignore[misc]  # as if a second had gone by
    try:
        yield
    finally:
        site.LOOK_HOLDS_S = holds_s  # type: ignore[misc]


def _import_s(morning: Morning) -> float:
    """From a list that is sent, tried and imported to its page, with no bridge between."""
    rows = [f"B-{at:04d};Anna Proef;{national_number(at)};{KBO}" for at in range(2000, 2000 + ROWS)]
    content = "\n".join(["reference;name;niss;employer", *rows])
    client = TestClient(morning.app(), base_url="http://testserver", headers={"origin": "http://testserver"})
    client.cookies.set("badgeclock", morning.session("otto"))
    page = client.get("/imports").text
    token = page.partition('name="token" value="')[2].partition('"')[0]
    began = time.perf_counter()
    tried = client.post("/imports", data={"token": token}, files={"file": ("workers.csv", content)}).text
    word = tried.partition('name="upload" value="')[2].partition('"')[0]
    assert word, tried
    done = client.post("/do/import", data={"token": token, "upload": word})
    took_s = time.perf_counter() - began
    assert done.status_code == 200
    assert f"{ROWS} added" in done.text
    return took_s


def _open(browser: Browser, address: str, morning: Morning) -> Page:
    context = browser.new_context(base_url=address)
    context.add_cookies([{"name": "badgeclock", "value": morning.session("otto"), "url": address}])
    return context.new_page()


def _painted(browser: Browser, address: str, morning: Morning) -> dict[str, float]:
    """The median time to the first paint of a browser that has seen nothing, and all that it loads for the page."""
    painted, loaded = [], 0
    for _ in range(PAINTS):
        page = _open(browser, address, morning)
        page.goto("/")
        script = "JSON.stringify(performance.getEntriesByType('paint').map(one => [one.name, one.startTime]))"
        page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length > 0")
        painted.append(dict(json.loads(page.evaluate(script)))["first-contentful-paint"])
        entries = "performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource'))"
        loaded = page.evaluate(f"{entries}.reduce((sum, one) => sum + one.transferSize, 0)")
        page.context.close()
    return {"console.first_paint_ms": statistics.median(painted), "console.page_kb": loaded / 1024}


def _live_ms(browser: Browser, address: str, morning: Morning) -> float:
    """The median time from a commit in the store to its row on an open page."""
    page = _open(browser, address, morning)
    page.goto("/attention")
    page.wait_for_selector("#heard:not([hidden])")
    took = []
    for number in range(CHANGES):
        happened = Event(Severity.WARNING, Kind.UNKNOWN_TOPIC, f"somebody wrote {number}", f"clock-{1000 + number}")
        with morning.office.write() as connection:
            event_log.write(connection, [happened], morning.now_ms)
        began = time.perf_counter()
        page.get_by_text(f"somebody wrote {number}").wait_for()
        took.append((time.perf_counter() - began) * 1000)
        page.wait_for_timeout(100 + 137 * number)  # at no fixed time of the console's look
    page.context.close()
    return statistics.median(took)

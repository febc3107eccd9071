"""What two hundred open pages cost the intake: half of what it can take, beside none and beside them.

A page is what a browser with htmx does: a stream, and after each "changed" on it the page's piece, over a connection
that is kept; each with a session of its own. Clocks, broker, bridge and console are processes of this machine, which
the pages and the clocks themselves run on, too.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any, Final

from badgeclock.bridge.accounts import accounts, sessions
from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.audit_log import Operator
from tests.bench.load import PATIENCE_S, Drive, LoadClock, Rig, free_port, now_ms

PAGES: Final = 200
WORKERS: Final = 500
CLOCKS, WINDOW, MESSAGES = 200, 64, 100
HALF: Final = 0.5
_CONSOLE: Final = "from badgeclock.cli.main import app; app()"
_CHANGED: Final = b"event: changed"
_LENGTH: Final = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def measure() -> dict[str, float]:
    """Figures by their names in catalogue.py."""
    with tempfile.TemporaryDirectory(prefix="badgeclock-bench-") as folder:
        rig = Rig(Path(folder))
        port = free_port()
        rig.config.write_text(f"{rig.config.read_text()}[console]\nport = {port}\n")
        try:
            rig.tokens = rig.employ(WORKERS)
            rig.start()
            rate = _per_s(rig, _fleet(rig, "full"), None)
            alone = _fleet(rig, "alone")
            alone_per_s = _per_s(rig, alone, rate * HALF)
            rig._start("console", [sys.executable, "-c", _CONSOLE, "console", "run", "--config", str(rig.config)])
            with _pages(port, _secrets(rig)) as fetched:
                beside = _fleet(rig, "beside")
                before, began = fetched.value, time.monotonic()
                beside_per_s = _per_s(rig, beside, rate * HALF)
                fetches_s = (fetched.value - before) / (time.monotonic() - began)
        finally:
            rig.close()
    p99_ms, alone_ms = _p99_ms(beside), _p99_ms(alone)
    return {
        "console.live200.intake_ratio": beside_per_s / alone_per_s,
        "console.live200.ack_p99_ratio": p99_ms / alone_ms,
        "console.live200.ack_p99_ms": p99_ms,
        "console.live200.fetches_per_s": fetches_s,
    }


def _fleet(rig: Rig, prefix: str) -> list[LoadClock]:
    fleet = rig.add_clocks(prefix, CLOCKS)
    for clock in fleet:
        clock.seal(MESSAGES, 1, rig.tokens, now_ms())
    return fleet


def _per_s(rig: Rig, fleet: Sequence[LoadClock], per_s: float | None) -> float:
    """Messages a second, from the first to the last acknowledgement."""
    for clock in fleet:
        clock.connect(rig)
    drive = Drive(fleet)
    drive.listen(0.5)
    elapsed_s = drive.run(WINDOW, per_s)
    for clock in fleet:
        clock.check_last_ack()
        assert clock.socket is not None
        clock.socket.close()
    return len(fleet) * MESSAGES / elapsed_s


def _p99_ms(fleet: Sequence[LoadClock]) -> float:
    waits = sorted(wait for clock in fleet for wait in clock.waits)
    return waits[len(waits) * 99 // 100] * 1000


def _secrets(rig: Rig) -> list[str]:
    """A session for each page."""
    with rig.store.write() as connection:
        accounts.make(connection, "otto", Role.OPERATOR, Operator("bench"), now_ms())
        connection.execute(schema.accounts.update().values(must_change=False))
        found = accounts.find(connection, "otto")
        assert found is not None
        return [sessions.open_session(connection, found.account.id, 12, now_ms()) for _ in range(PAGES)]


# --- the pages, in a process of their own ---


@contextmanager
def _pages(port: int, secrets: Sequence[str]) -> Iterator[Synchronized[int]]:
    """The pages, all open; gives how often they fetched their piece so far."""
    context = multiprocessing.get_context("spawn")
    opened, fetched = context.Value("q", 0), context.Value("q", 0)
    browser = context.Process(target=_browse, args=(port, list(secrets), opened, fetched), daemon=True)
    browser.start()
    try:
        deadline = time.monotonic() + PATIENCE_S
        while opened.value < len(secrets) or fetched.value < len(secrets):
            if time.monotonic() > deadline or not browser.is_alive():
                raise TimeoutError(f"{opened.value} pages are open, and fetched themselves {fetched.value} times")
            time.sleep(0.05)
        yield fetched
        if not browser.is_alive():
            raise RuntimeError("the pages ended")
    finally:
        browser.kill()
        browser.join()


def _browse(port: int, secrets: Sequence[str], opened: Any, fetched: Any) -> None:
    async def all_of_them() -> None:
        await asyncio.gather(*(_page(port, secret, opened, fetched) for secret in secrets))

    asyncio.run(all_of_them())


async def _page(port: int, secret: str, opened: Any, fetched: Any) -> None:
    head = f"Host: 127.0.0.1:{port}\r\nCookie: badgeclock={secret}\r\n"
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            break
        except OSError:
            await asyncio.sleep(0.2)
    writer.write(f"GET /live HTTP/1.1\r\n{head}\r\n".encode())
    opened.value += 1
    unread, kept = b"", None
    while some := await reader.read(4096):
        unread += some
        if _CHANGED in unread:
            unread = b""
            kept = await _fetch(port, head, kept)
            fetched.value += 1


_Kept = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _fetch(port: int, head: str, kept: _Kept | None) -> _Kept:
    """Fetch the piece, over the connection that was kept if the console has not closed it."""
    while True:
        reader, writer = kept or await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET / HTTP/1.1\r\n{head}HX-Request: true\r\n\r\n".encode())
        try:
            answer = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            if kept is None:
                raise
            writer.close()
            kept = None
            continue
        found = _LENGTH.search(answer)
        if not answer.startswith(b"HTTP/1.1 200") or found is None:
            raise RuntimeError(answer.decode())
        await reader.readexactly(int(found[1]))
        return reader, writer


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))

"""The demo's one web page: the clock's display live, badges to tap, stations to stop, and each punch's way.

Two lasting threads do the blocking work: one watches the clock and the bridge, one carries out the visitor's requests.
Child processes are only started from the second, because they get SIGTERM with the end of the thread that started them.
"""

import asyncio
import base64
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import HTMLResponse, StreamingResponse
from fastapi.templating import Jinja2Templates

from badgeclock.demo.cast import BADGES, CLOCK_ID, OPERATORS
from badgeclock.demo.stack import Stack
from badgeclock.demo.way import Tap, follow
from badgeclock.errors import BadgeclockError

WATCH_S = 0.1
HOLD_MS = 400
SCREEN_SCALE = 4
KEYS = ("in", "out", "break", "info")
"""The clock's own keys, by their names on the virtual board."""

_templates = Jinja2Templates(directory=Path(__file__).parent / "templates")


class Watch:
    """The page's state, and the listeners for its changes."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._parts: dict[str, str] = {}
        self._listeners: set[asyncio.Queue[str]] = set()
        self.taps: list[Tap] = []
        self.busy: set[str] = set()

    def look(self) -> dict[str, Any]:
        """Reads clock, stations and bridge; blocking. A part that does not answer keeps its last state."""
        seen: dict[str, Any] = {"stations": self._stations()}
        with contextlib.suppress(BadgeclockError, OSError):
            control = self._stack.control
            text = [line.rstrip() for line in control.screen_text()]
            seen["screen"] = {"text": text, "png": base64.b64encode(control.screen_png(SCREEN_SCALE)).decode()}
            leds = control.leds()
            seen["lamps"] = {"green": leds["green"], "red": leds["red"], "hertz": control.tone_hz()}
            ways = follow(self.taps, control.events(), self._stack.punches())
            seen["punches"] = [{**way.as_json(), "label": way.badge.label} for way in reversed(ways)]
        return seen

    def _stations(self) -> list[dict[str, Any]]:
        return [
            {
                "key": station.key,
                "name": station.name,
                "running": station.running(),
                "stop": station.words[0],
                "start": station.words[1],
                "busy": station.key in self.busy,
            }
            for station in self._stack.stations.values()
        ]

    def publish(self, seen: dict[str, Any]) -> None:
        """Sends changes since the last reading to every listener."""
        for part, value in seen.items():
            data = json.dumps(value)
            if self._parts.get(part) != data:
                self._parts[part] = data
                for listener in self._listeners:
                    listener.put_nowait(f"event: {part}\ndata: {data}\n\n")

    async def listen(self, request: Request) -> AsyncIterator[str]:
        """Server-sent events: everything once, then the changes."""
        listener: asyncio.Queue[str] = asyncio.Queue()
        for part, data in self._parts.items():
            listener.put_nowait(f"event: {part}\ndata: {data}\n\n")
        self._listeners.add(listener)
        try:
            while not await request.is_disconnected():
                with contextlib.suppress(TimeoutError):
                    yield await asyncio.wait_for(listener.get(), timeout=1)
        finally:
            self._listeners.discard(listener)


def listen(port: int) -> socket.socket:
    """A socket listening on this loopback port, 0 for any. Raises BadgeclockError if another program has it."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise BadgeclockError(
            what=f"port {port} on 127.0.0.1 cannot be used ({error.strerror})",
            kept="everything as it was",
            do="stop the program that has it, or choose another with --port",
        ) from error
    listening.listen()
    return listening


def create_app(stack: Stack) -> FastAPI:
    """The page over a running stack."""
    watch = Watch(stack)
    hand = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hand")
    eye = ThreadPoolExecutor(max_workers=1, thread_name_prefix="eye")

    async def keep_looking() -> None:
        loop = asyncio.get_running_loop()
        while True:
            watch.publish(await loop.run_in_executor(eye, watch.look))
            await asyncio.sleep(WATCH_S)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        looking = asyncio.create_task(keep_looking())
        yield
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
        hand.shutdown()
        eye.shutdown()

    app = FastAPI(title="Badgeclock demo", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    badges = {badge.key: badge for badge in BADGES}

    @app.get("/", response_class=HTMLResponse)
    async def show(request: Request) -> HTMLResponse:
        return _templates.TemplateResponse(
            request,
            "demo.html",
            {"badges": BADGES, "clock_id": CLOCK_ID, "stack": stack, "operators": OPERATORS, "keys": KEYS},
        )

    @app.get("/events")
    async def events(request: Request) -> StreamingResponse:
        return StreamingResponse(watch.listen(request), media_type="text/event-stream")

    async def carry_out(action: Any, *arguments: Any) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(hand, action, *arguments)
        except (BadgeclockError, OSError) as error:
            raise HTTPException(status_code=409, detail=str(error)) from error

    @app.post("/tap/{key}")
    async def tap(key: str) -> dict[str, bool]:
        badge = badges.get(key)
        if badge is None:
            raise HTTPException(status_code=404, detail=f"No badge is called {key!r}.")
        result = await carry_out(stack.control.tap, badge.uid, HOLD_MS)
        watch.taps.append(Tap(badge, result.t_field))
        return {"ok": True}

    @app.post("/press/{key}")
    async def press(key: str) -> dict[str, bool]:
        if key not in KEYS:
            raise HTTPException(status_code=404, detail=f"The clock has no key {key!r}.")
        await carry_out(stack.control.press, key)
        return {"ok": True}

    @app.post("/station/{key}/{action}")
    async def station(key: str, action: str) -> dict[str, bool]:
        chosen = stack.stations.get(key)
        if chosen is None or action not in ("start", "stop"):
            raise HTTPException(status_code=404, detail=f"There is no {action} of {key!r}.")
        watch.busy.add(key)
        try:
            await carry_out(chosen.start if action == "start" else chosen.stop)
        finally:
            watch.busy.discard(key)
        return {"ok": True}

    return app

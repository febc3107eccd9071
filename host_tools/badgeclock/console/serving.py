"""The console's process: listens, answers until stopped, and ends its streams first."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator

import structlog
import uvicorn
from fastapi import FastAPI

from badgeclock.bridge import service_manager
from badgeclock.bridge.settings import BridgeSettings, ConsoleSettings
from badgeclock.bridge.store import vault
from badgeclock.bridge.store.database import Store
from badgeclock.console import settings_page
from badgeclock.console.app import create_app
from badgeclock.console.door import BridgeDoor
from badgeclock.console.live import Watch
from badgeclock.console.openid import Provider
from badgeclock.errors import SettingsError

STOP_S = 3
_PROXY = "127.0.0.1"

log = structlog.get_logger("badgeclock.console")


class _Server(uvicorn.Server):
    """Ends the streams when stopping: no page would close its own."""

    def __init__(self, config: uvicorn.Config, watch: Watch) -> None:
        super().__init__(config)
        self._watch = watch
        self._alive: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Reports readiness once started."""
        await super().startup(sockets)
        self._alive = asyncio.create_task(service_manager.keep_alive())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Reports stopping before it does."""
        if self._alive is not None:
            self._alive.cancel()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: object) -> None:
        self._watch.end()
        super().handle_exit(sig, frame)  # type: ignore[arg-type]  # uvicorn's own name for a frame

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ends by a signal with status 0, as without one."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(settings: BridgeSettings, now_ms: Callable[[], int]) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises SettingsError, StoreError."""
    own = settings.console
    keys = vault.load(settings.secrets.data_key_file)
    store = Store.for_reading(settings.store.url)
    try:
        store.check()
        watch = Watch(store)
        door = BridgeDoor(settings.acts.socket, settings.store.url, keys, now_ms)
        provider = None if own.provider is None else Provider(own.provider, lambda: now_ms() / 1000)
        app = create_app(store, keys, door, own, now_ms, watch, settings_page.shown(settings), provider)
        listener = _listener(own.host, own.port)
        with contextlib.closing(listener):
            scheme = "https" if own.certificate else "http"
            log.info("the console runs", address=f"{scheme}://{own.host}:{own.port}/")
            _Server(config_of(own, app), watch).run(sockets=[listener])
    finally:
        store.close()
    log.info("the console has stopped")


def config_of(settings: ConsoleSettings, app: FastAPI) -> uvicorn.Config:
    """The server's settings."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=settings.behind_proxy,
        forwarded_allow_ips=_PROXY,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
        timeout_graceful_shutdown=STOP_S,
    )


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            what=f"[console] {host}:{port} cannot be used: {error.strerror}",
            kept="nothing was started",
            do="free the port or set another",
        ) from None
    return listener

"""The sandbox as a process: a listening socket, the application, and an orderly end on SIGTERM or Ctrl-C."""

from __future__ import annotations

import ipaddress
import signal
import socket
from typing import Final

import uvicorn

from badgeclock.errors import SettingsError
from badgeclock.onss import rest_names
from badgeclock.sandbox import rest
from badgeclock.sandbox.app import ENDPOINT_PATH, create_app
from badgeclock.sandbox.connections import Connections
from badgeclock.sandbox.service import Service

_LOOPBACK_NAMES: Final = ["127.0.0.1", "localhost", "[::1]"]
_STOP_TIMEOUT_S: Final = 1  # calls that hang on purpose must not delay the end


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 is any free one. Raises SettingsError."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise SettingsError(
            what=f"the sandbox cannot listen on {host} port {port} ({error.strerror or error})",
            kept="its store is as it was",
            do="give another --host or --port (0 takes any free port), or end what listens there",
        ) from error


def base_url(listening: socket.socket) -> str:
    """The URL of the sandbox at a listening socket, without a path."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def announcement(listening: socket.socket) -> dict[str, str]:
    """The sandbox's addresses: its SOAP `endpoint`, its `rest` endpoint with `token` endpoint and `openapi` file, its
    `control` interface, and its `page`.
    """
    base = base_url(listening)
    return {
        "endpoint": f"{base}{ENDPOINT_PATH}",
        "rest": f"{base}{rest_names.BASE}",
        "token": f"{base}{rest_names.TOKEN_PATH}",
        "openapi": f"{base}{rest.MOUNTED_AT}{rest.OPENAPI_PATH}",
        "control": f"{base}/control",
        "page": f"{base}/",
    }


def serve(listening: socket.socket, service: Service) -> None:
    """Answer as the authority until SIGTERM or SIGINT, then close the service's store."""
    # uvicorn ends on a signal, and then raises it again for the handler that was there before.
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, _end)
    connections = Connections()
    config = uvicorn.Config(
        create_app(service, connections, _allowed_hosts(listening)),
        http=connections.protocol(),
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=_STOP_TIMEOUT_S,
    )
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        service.store.close()


def _end(_: int, __: object) -> None:
    raise SystemExit(0)


def _allowed_hosts(listening: socket.socket) -> list[str]:
    """The accepted host names: on loopback only loopback's own, elsewhere any."""
    host = listening.getsockname()[0]
    return _LOOPBACK_NAMES if ipaddress.ip_address(host).is_loopback else ["*"]

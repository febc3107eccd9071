"""`badgeclock sandbox`: the authority, simulated on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The authority, simulated: for demonstrations, tests and integrators.",
)


@app.callback()
def sandbox() -> None:
    """The authority, simulated: for demonstrations, tests and integrators."""


@app.command()
def run(
    host: Annotated[str, typer.Option(help="Address to listen on. It has no access control: keep to loopback.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port to listen on; 0 is any free one.", min=0, max=65535)] = 8470,
    store: Annotated[Path, typer.Option(help="SQLite file of what it has received; made if absent.")] = Path(
        "sandbox.db"
    ),
    seed: Annotated[int, typer.Option(help="Reception numbers follow from it.")] = 1,
    latency_ms: Annotated[int, typer.Option(help="Time between its work and its answer.", min=0, max=600_000)] = 0,
    validation_delay_ms: Annotated[
        int, typer.Option(help="Time until a registration's content is checked.", min=0, max=604_800_000)
    ] = 2_000,
    credentials: Annotated[
        Path | None,
        typer.Option(
            help="Folder of its keys; made if absent. With it, only signed SOAP messages and REST calls with a token "
            "are taken, as by the real services; without it, anything."
        ),
    ] = None,
) -> None:
    """Answer as the NSSO's PresenceRegistration (SOAP) and Check In and Out at Work (REST) do, until Ctrl-C or SIGTERM.

    The first line on stdout is JSON with their endpoints, the address of its control interface, and its page.
    """
    # The command line starts faster without these.
    from badgeclock.sandbox import server  # noqa: PLC0415
    from badgeclock.sandbox.credentials import kept_in  # noqa: PLC0415
    from badgeclock.sandbox.service import Service, utc_now  # noqa: PLC0415

    with server.listen(host, port) as listening:
        keys = None if credentials is None else kept_in(credentials)
        service = Service.reopened(store, seed, latency_ms, validation_delay_ms, utc_now, keys)
        typer.echo(json.dumps(server.announcement(listening)))
        server.serve(listening, service)

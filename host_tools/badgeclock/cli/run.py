"""`badgeclock bridge run`: the bridge itself, and the workers it starts."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from badgeclock.bridge import logs
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.context import Config
from badgeclock.installation.units import GIVE_WAY
from badgeclock.protocol.bridge_names import BRIDGE_WORKERS_MAX

if TYPE_CHECKING:
    from badgeclock.bridge.service import Service
    from badgeclock.bridge.worker import Crew, Worker

app = typer.Typer()


@app.command()
def run(
    *,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=BRIDGE_WORKERS_MAX, help="Processes that take punches, instead of [intake] workers."),
    ] = None,
    config: Config = Path("bridge.toml"),
) -> None:
    """Run the bridge in the foreground until SIGTERM or Ctrl-C."""
    import uvloop  # noqa: PLC0415 - the help pages are faster without the bridge

    from badgeclock.bridge import settings  # noqa: PLC0415
    from badgeclock.bridge.service import Service  # noqa: PLC0415
    from badgeclock.bridge.worker import Crew  # noqa: PLC0415

    logs.configure()
    configured = settings.load(config)
    if workers is not None:
        configured = configured.model_copy(update={"intake": configured.intake.model_copy(update={"workers": workers})})
    collect_seldom()
    if configured.intake.workers == 1:
        uvloop.run(_serve(Service(configured)))
        return
    with tempfile.TemporaryDirectory(prefix="badgeclock-") as folder:
        crew = Crew(configured, config, Path(folder))
        uvloop.run(_serve(Service(configured, meet=Path(folder)), crew))


@app.command(hidden=True)
def intake(
    number: Annotated[int, typer.Argument(min=2, max=BRIDGE_WORKERS_MAX, help="Which of the bridge's workers.")],
    *,
    of: Annotated[int, typer.Option(help="The bridge's process; the worker ends with it.")],
    meet: Annotated[Path, typer.Option(help="The folder in which the bridge's workers find each other.")],
    config: Config = Path("bridge.toml"),
) -> None:
    """Take punches beside a bridge that runs with several workers, which starts this itself."""
    import uvloop  # noqa: PLC0415 - as above

    from badgeclock.bridge import settings  # noqa: PLC0415
    from badgeclock.bridge.worker import Worker, end_with  # noqa: PLC0415

    end_with(of)
    logs.configure()
    one = Worker(settings.load(config), number, meet, wall_clock_ms)
    collect_seldom()
    uvloop.run(_serve(one))


async def _serve(what: Service | Worker, crew: Crew | None = None) -> None:
    """Run the bridge until a signal to stop, with its other workers, if any."""
    others = asyncio.create_task(crew.run()) if crew else None
    try:
        await what.run(_stop_signal())
    finally:
        if others:
            others.cancel()
            await asyncio.wait([others])


def collect_seldom() -> None:
    """Collect garbage less often: a batch makes a hundred thousand tuples, none of them in a cycle.

    Measured: the collector took a quarter of a record's cost in a large batch, and up to half of a page of the console.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def give_way() -> None:
    """Let the other programs of this machine go first. Under systemd the console's unit does so, and its filter of
    system calls would kill a process that did it itself (`installation.units`).
    """
    if "NOTIFY_SOCKET" not in os.environ:
        os.nice(GIVE_WAY)


def _stop_signal() -> asyncio.Event:
    """An event that SIGTERM or Ctrl-C sets."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop

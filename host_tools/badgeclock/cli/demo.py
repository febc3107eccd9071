"""`badgeclock demo`: the whole way of a punch on this machine."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from badgeclock.errors import SettingsError

PICTURE_SCALE = 3

app = typer.Typer(help="The whole way of a punch on this machine: broker, sandbox, bridge, a virtual clock and a page.")


@app.callback(invoke_without_command=True)
def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Tap five badges, follow each to its end, and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: one JSON object a punch on stdout.")] = False,
    picture: Annotated[
        Path | None, typer.Option(help="With --once: write the screens that the display showed as one PNG.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the page on 127.0.0.1; 0 is any free one.", min=0, max=65535)] = (
        8460
    ),
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="Empty folder to make everything in, and leave it; by default one that goes away."),
    ] = None,
) -> None:
    """Start everything with fresh keys, and show it. Ctrl-C stops everything.

    With --once the exit code is 0 only if every expected end was seen, on the clock's display and in the store.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    with _folder(directory) as folder:
        if once:
            _once(folder, picture, as_json=as_json)
        else:
            _serve(folder, port)


def _once(folder: Path, picture: Path | None, *, as_json: bool) -> None:
    from badgeclock.demo.once import json_line, run_once  # noqa: PLC0415 (the command line starts faster without it)
    from badgeclock.demo.picture import contact_sheet  # noqa: PLC0415
    from badgeclock.demo.stack import Stack  # noqa: PLC0415
    from badgeclock.demo.way import Way  # noqa: PLC0415

    def report(way: Way) -> None:
        if as_json:
            typer.echo(json_line(way))
            return
        number = f", reception number {way.reception_number}" if way.reception_number else ""
        typer.echo(f"#{way.seq} {way.badge.label}: {way.state}{number}; signal after {way.tap_to_signal_ms} ms")

    screens: list[bytes] = []
    with Stack(folder, _report) as stack:
        complete = run_once(stack, report, lambda: screens.append(stack.control.screen_png(PICTURE_SCALE)))
    if picture is not None:
        picture.write_bytes(contact_sheet(screens))
    if not complete:
        typer.echo("demo: not every punch came to its expected end", err=True)
        raise typer.Exit(1)


def _serve(folder: Path, port: int) -> None:
    import uvicorn  # noqa: PLC0415

    from badgeclock.demo.page import create_app, listen  # noqa: PLC0415
    from badgeclock.demo.stack import Stack  # noqa: PLC0415

    with listen(port) as listening, Stack(folder, _report, with_console=True) as stack:
        typer.echo(f"Open http://127.0.0.1:{listening.getsockname()[1]}/ and tap a badge. Ctrl-C stops everything.")
        typer.echo(f"The operators' pages are at {stack.console_url}; that page says who may sign in.")
        sys.stdout.flush()
        server = uvicorn.Server(uvicorn.Config(create_app(stack), log_level="warning", timeout_graceful_shutdown=1))
        server.run(sockets=[listening])
        _report("stopping")


@contextmanager
def _folder(chosen: Path | None) -> Iterator[Path]:
    """The folder for everything; a temporary one is deleted at the end, unless something failed."""
    if chosen is not None:
        try:
            chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
            empty = not any(chosen.iterdir())
        except OSError as error:
            raise _no_folder(chosen, f"cannot be made ({error.strerror})") from error
        if not empty:
            raise _no_folder(chosen, "is not empty")
        yield chosen
        return
    folder = Path(tempfile.mkdtemp(prefix="badgeclock-demo-"))
    try:
        yield folder
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        raise typer.Exit(130) from None
    except BaseException:
        _report(f"what was made is kept in {folder}")
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _no_folder(folder: Path, why: str) -> SettingsError:
    return SettingsError(what=f"the folder {folder} {why}", kept="everything as it was", do="name an empty one")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _report(line: str) -> None:
    typer.echo(line, err=True)

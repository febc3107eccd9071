"""`badgeclock virtual …`: run a virtual clock, and act as the person in front of it."""

from __future__ import annotations

import json
import signal
import sys
import threading
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from badgeclock import text_file
from badgeclock.virtual.accesspoint import Network, WifiSettings
from badgeclock.virtual.board import PARTITIONS, BoardOptions, Break, Front, Image, VirtualBoard
from badgeclock.virtual.chips.mfrc522 import Hang
from badgeclock.virtual.control_socket import ClockControl, ControlServer
from badgeclock.virtual.nor import INSTANT, TYPICAL, FlashFault
from badgeclock.virtual.wallet import kinds

app = typer.Typer(help="Run a virtual clock and be the person in front of it.", no_args_is_help=True)

Folder = Annotated[
    Path, typer.Option("--dir", "-d", help="The clock's folder: its flash, its serial port, its socket.")
]

KindOption = Annotated[str | None, typer.Option(help=f"{', '.join(kinds())}; without: by the UID.")]
FramesOption = Annotated[
    float | None, typer.Option(help="It leaves after so many answers; n.5: it acts on one more frame, unheard.", min=0)
]


class Architecture(StrEnum):
    """Architecture of the MicroPython that runs; i386 has the ESP32's object sizes."""

    AMD64 = "amd64"
    I386 = "i386"


class Flash(StrEnum):
    """How long flash work takes."""

    INSTANT = "instant"
    TYPICAL = "typical"


class Plug(StrEnum):
    """What to do with the power cable."""

    IN = "in"
    OUT = "out"


class Boot(StrEnum):
    """What to do with the BOOT button."""

    HOLD = "hold"
    RELEASE = "release"


class Case(StrEnum):
    """What to do with the case."""

    OPEN = "open"
    CLOSE = "close"


@app.command()
def run(
    folder: Folder,
    arch: Annotated[Architecture, typer.Option(help="Of MicroPython.")] = Architecture.I386,
    heap: Annotated[
        str | None,
        typer.Option(help="A heap of so many bytes, or with k or m, in place of an ESP32's memory."),
    ] = None,
    flash: Annotated[Flash, typer.Option(help="Whether flash work takes its typical time.")] = Flash.INSTANT,
    seed: Annotated[int, typer.Option(help="Of what torn flash cells hold.")] = 0,
    display: Annotated[Front, typer.Option(help="The display; its firmware must be for the same one.")] = Front.SSD1306,
    image: Annotated[
        Image, typer.Option(help="Of MicroPython: one that runs the firmware in place, or the official one.")
    ] = Image.IN_PLACE,
    partitions: Annotated[
        Path | None,
        typer.Option(help="Partition table (CSV) of the board, and its flash's size; without it the board's for 4 MB."),
    ] = None,
    wifi_ssid: Annotated[str | None, typer.Option(help="Name of the network; without it every name joins.")] = None,
    wifi_password_file: Annotated[Path | None, typer.Option(help="File with the network's password.")] = None,
) -> None:
    """Run one virtual clock, with the plug in, until SIGTERM or Ctrl-C."""
    password = text_file.read(wifi_password_file).strip() if wifi_password_file is not None else ""
    options = BoardOptions(
        arch="amd64" if arch is Architecture.AMD64 else "i386",
        heap_bytes=_bytes(heap) if heap else BoardOptions.heap_bytes,
        idf_bytes=0 if heap else None,
        flash_timing=TYPICAL if flash is Flash.TYPICAL else INSTANT,
        seed=seed,
        wifi=WifiSettings(ssid=wifi_ssid, password=password),
        front=display,
        image=image,
        partitions=partitions or PARTITIONS,
    )
    # The bus thread must not wait long for one that draws a picture.
    sys.setswitchinterval(0.0005)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    with VirtualBoard(folder, options) as board:
        control = ControlServer(board)
        try:
            board.plug_in()
            typer.echo(json.dumps({"dir": str(folder), "tty": board.console.path, "door": str(control.path)}))
            stop.wait()
        finally:
            control.close()


def _bytes(text: str) -> int:
    factor = {"k": 1024, "m": 1024 * 1024}.get(text[-1:].lower(), 1)
    try:
        return int(text[:-1] if factor > 1 else text) * factor
    except ValueError as error:
        raise typer.BadParameter(f"{text} is no size, such as 128k") from error


@app.command()
def tap(
    folder: Folder,
    uid: Annotated[str, typer.Argument(help="The badge's UID, 4, 7 or 10 bytes in hex.")],
    hold_ms: Annotated[float, typer.Option(help="How long it stays at the reader.")] = 400,
    kind: KindOption = None,
    frames: FramesOption = None,
) -> None:
    """Hold a badge to the reader for a moment; print tap to signal in ms."""
    with ClockControl(folder) as control:
        result = control.tap(uid, hold_ms, kind, frames)
        typer.echo(json.dumps({"tap": result.id, "tap_to_signal_ms": round(control.signal_after(result), 1)}))


@app.command()
def hold(
    folder: Folder,
    uid: Annotated[str, typer.Argument(help="The badge's UID, 4, 7 or 10 bytes in hex.")],
    kind: KindOption = None,
    frames: FramesOption = None,
) -> None:
    """Lay a badge on the reader."""
    with ClockControl(folder) as control:
        typer.echo(json.dumps({"tap": control.hold(uid, kind, frames).id}))


@app.command()
def remove(folder: Folder) -> None:
    """Take all badges from the reader."""
    with ClockControl(folder) as control:
        typer.echo(json.dumps({"removed": control.remove()}))


@app.command()
def press(
    folder: Folder,
    key: Annotated[str, typer.Argument(help="info, in, out or break.")],
    ms: Annotated[float, typer.Option(help="How long.")] = 150,
) -> None:
    """Press a key."""
    with ClockControl(folder) as control:
        control.press(key, ms)


@app.command()
def case(folder: Folder, action: Annotated[Case, typer.Argument()]) -> None:
    """Open or close the case."""
    with ClockControl(folder) as control:
        if action is Case.OPEN:
            control.open_case()
        else:
            control.close_case()


@app.command()
def screen(
    folder: Folder,
    png: Annotated[Path | None, typer.Option(help="Write a picture there, too.")] = None,
    scale: Annotated[int, typer.Option(help="Of the picture.", min=1, max=32)] = 4,
) -> None:
    """Print the text on the display."""
    with ClockControl(folder) as control:
        for line in control.screen_text():
            typer.echo(line)
        if png is not None:
            png.write_bytes(control.screen_png(scale))


@app.command()
def tones(folder: Folder) -> None:
    """Print the tones that were sounded, one JSON object a line."""
    with ClockControl(folder) as control:
        for tone in control.tones():
            typer.echo(json.dumps(tone))


@app.command()
def plug(folder: Folder, where: Annotated[Plug, typer.Argument()]) -> None:
    """Pull the plug, or put it back."""
    with ClockControl(folder) as control:
        if where is Plug.IN:
            control.plug_in()
        else:
            control.plug_out()


@app.command()
def boot(folder: Folder, action: Annotated[Boot, typer.Argument()]) -> None:
    """Hold or release BOOT; held, the next start runs no script and stays in the REPL."""
    with ClockControl(folder) as control:
        if action is Boot.HOLD:
            control.hold_boot()
        else:
            control.release_boot()


@app.command()
def reset(folder: Folder) -> None:
    """Press the reset button."""
    with ClockControl(folder) as control:
        control.reset()


@app.command()
def cut(
    folder: Folder,
    after: Annotated[int, typer.Argument(help="Bytes programmed or sectors erased until then.", min=0)],
) -> None:
    """Cut the power in the middle of flash work to come."""
    with ClockControl(folder) as control:
        control.cut_after(after)


@app.command("break-flash")
def break_flash(
    folder: Folder,
    fault: Annotated[FlashFault, typer.Argument(help="dead or unreadable: a sector; rot or unstable: bits of a byte.")],
    partition: Annotated[str, typer.Argument(help="Name of the partition, for example journal.")],
    at: Annotated[int, typer.Argument(help="Byte of the partition.", min=0)],
    mask: Annotated[int, typer.Argument(help="Bits of the byte.", min=1, max=255)] = 1,
) -> None:
    """Break the flash."""
    with ClockControl(folder) as control:
        control.break_flash(fault.value, partition, at, mask)


@app.command("mend-flash")
def mend_flash(folder: Folder) -> None:
    """End every fault of the flash; what it holds stays as it is."""
    with ClockControl(folder) as control:
        control.mend_flash()


@app.command()
def noise(
    folder: Folder,
    rate: Annotated[float, typer.Argument(help="Share of the bits in the air that turn; 0: none.", min=0, max=1)],
    seed: Annotated[int, typer.Option(help="Of the errors.")] = 0,
) -> None:
    """Disturb the reader's field."""
    with ClockControl(folder) as control:
        control.noise(rate, seed)


@app.command()
def hang(
    folder: Folder,
    how: Annotated[Hang, typer.Argument(help="How the chip stops to read badges.")] = Hang.SPI,
    seed: Annotated[int, typer.Option(help="Of the registers that are lost.")] = 0,
) -> None:
    """Hang the reader's chip."""
    with ClockControl(folder) as control:
        control.hang_reader(how.value, seed)


@app.command(name="break")
def break_wire(folder: Folder, what: Annotated[Break, typer.Argument(help="One of the reader's wires.")]) -> None:
    """Break a wire of the reader."""
    with ClockControl(folder) as control:
        control.break_wire(what.value)


@app.command()
def mend(folder: Folder) -> None:
    """Make the reader's wires good again."""
    with ClockControl(folder) as control:
        control.mend_wires()


@app.command()
def network(folder: Folder, mood: Annotated[Network, typer.Argument()]) -> None:
    """Change the network's mood."""
    with ClockControl(folder) as control:
        control.network(mood.value)


@app.command()
def events(folder: Folder, after: Annotated[int, typer.Option(help="Id of the last event already known.")] = 0) -> None:
    """Print what happened, one JSON object a line."""
    with ClockControl(folder) as control:
        for event in control.events(after):
            typer.echo(json.dumps(event))


@app.command()
def stats(folder: Folder) -> None:
    """Print the counts of the buses and the flash as JSON."""
    with ClockControl(folder) as control:
        typer.echo(json.dumps(control.stats()))

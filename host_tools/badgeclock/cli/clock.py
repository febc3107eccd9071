"""`badgeclock clock`: flash a chip, make it a clock, update it."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from badgeclock import text_file
from badgeclock.cli.workshop_passphrase import opened_workshop
from badgeclock.errors import SettingsError
from badgeclock.partition_table import board_partitions
from badgeclock.technician import (
    acceptance,
    claim,
    firmware,
    flash,
    languages,
    provision,
    reader,
    release,
    retire,
    tracebacks,
)
from badgeclock.technician.serial_device import open_device

app = typer.Typer(no_args_is_help=True, help="A clock on a cable: write its chip, make it a clock of the site.")

PortArgument = Annotated[str, typer.Argument(help="The clock's serial port, such as /dev/ttyUSB0.")]
BoardOption = Annotated[str, typer.Option(help="A folder of boards/.")]
YesLoseOption = Annotated[
    int | None, typer.Option(min=0, help="Give up exactly this many punches that no bridge has acknowledged.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]


@app.command(name="flash")
def flash_command(
    port: PortArgument,
    *,
    image: Annotated[
        Path | None,
        typer.Option(help="An image as .bin: of `make firmware`, or MicroPython's ESP32_GENERIC; else the release's."),
    ] = None,
    official: Annotated[
        bool,
        typer.Option(
            "--official", help="MicroPython's own ESP32_GENERIC, to try a clock out with badges by their UID."
        ),
    ] = False,
    download: Annotated[
        str | None, typer.Option(metavar="VERSION", help="With --official: which, such as 1.25.0; else the newest.")
    ] = None,
    page: Annotated[
        str, typer.Option(envvar="BADGECLOCK_MICROPYTHON_PAGE", help="The page that links MicroPython's images.")
    ] = flash.DOWNLOAD_PAGE,
    erase: Annotated[bool, typer.Option("--erase", help="Erase the clock's files, keys and records as well.")] = False,
    yes_lose: YesLoseOption = None,
    board: BoardOption = "esp32_devkit",
    as_json: JsonOption = False,
) -> None:
    """Write MicroPython and the project's partition table to an ESP32. Its records, keys and files stay.

    MicroPython is the release's image for this board, checked by its signature and SHA-256.
    """
    if image is not None and official:
        raise SettingsError(
            what="--image and --official exclude each other",
            kept="everything on the chip",
            do="give a file, or take MicroPython's own image",
        )
    if download is not None and not official:
        raise SettingsError(
            what="--download chooses among MicroPython's own images",
            kept="everything on the chip",
            do="add --official, or leave --download out",
        )
    if official:
        path = flash.download_image(image_folder(), page=page, version=download, say=report)
    else:
        path = image or release.fetch(image_folder() / "releases", release.source(), say=report)
    done = flash.flash(
        port,
        flash.read_image(path),
        board=board,
        records=flash.Records.ERASE if erase else flash.Records.KEEP,
        yes_lose=yes_lose,
        say=report,
    )
    if as_json:
        typer.echo(json.dumps({**dataclasses.asdict(done), "micropython": ".".join(map(str, done.micropython))}))
    else:
        typer.echo(f"{port} runs MicroPython {'.'.join(map(str, done.micropython))}")
    report(f"next: badgeclock clock provision {port} --workshop … --id … --site … --broker … --wifi-ssid …")


@app.command(name="provision")
def provision_command(
    port: PortArgument,
    *,
    directory: Annotated[
        Path,
        typer.Option("--workshop", envvar="BADGECLOCK_WORKSHOP", help="The workshop, made by `badgeclock ca init`."),
    ],
    clock_id: Annotated[str, typer.Option("--id", help="The clock's id, 3 to 23 of a-z, 0-9 and -: clock-0001.")],
    site: Annotated[str | None, typer.Option(help="The site's name as the display shows it.")] = None,
    broker: Annotated[str | None, typer.Option(help="host:port of the broker, as the clock reaches it.")] = None,
    wifi_ssid: Annotated[
        str | None, typer.Option(help="The site's network; without a password file an open one.")
    ] = None,
    wifi_password_file: Annotated[
        Path | None, typer.Option(help="A file whose first line is the network's password; - reads standard input.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Language of the display: en, nl, fr, de; pl, pt, ro, tr; or of a file.")
    ] = None,
    language_file: Annotated[
        list[Path] | None,
        typer.Option(
            help="A language besides, for workers: pl.json, pt.json, ro.json, tr.json, or a file of your own like "
            "those of firmware/lang; may be given more than once."
        ),
    ] = None,
    direction: Annotated[str | None, typer.Option(help="auto, in or out.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Time zone of the display, such as Europe/Brussels.")] = None,
    volume: Annotated[int | None, typer.Option(min=0, max=3, help="Of the buzzer: 0, silent, to 3.")] = None,
    quiet_hours: Annotated[
        str | None, typer.Option(help="When the buzzer is at its softest, such as 22:00-06:00; '' for never.")
    ] = None,
    display: Annotated[
        str | None, typer.Option(help="The clock's display, a file of the board's fronts/; else the one it has.")
    ] = None,
    badges: Annotated[
        str | None,
        typer.Option(help="Which badges count: uid (all, by UID), both, or proved (only those that prove themselves)."),
    ] = None,
    badge_ev1: Annotated[
        str | None, typer.Option(help="allow or refuse badges that prove themselves the way of DESFire EV1.")
    ] = None,
    duplicate_window: Annotated[
        int | None,
        typer.Option(min=0, max=3600, help="Seconds in which a badge's second punch counts for nothing; 0 for none."),
    ] = None,
    direction_hours: Annotated[
        int | None,
        typer.Option(min=1, max=48, help="For how long a badge's last punch decides the next one's direction."),
    ] = None,
    ntp: Annotated[
        str | None,
        typer.Option(help="A host that the time is asked of while nothing better is known; '' for none."),
    ] = None,
    found_anew: Annotated[
        bool, typer.Option("--found-anew", help="Begin a new sealed chain, though the clock has one.")
    ] = False,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Take the id from another chip that is gone: its certificate is revoked."),
    ] = False,
    yes_lose: YesLoseOption = None,
    board: BoardOption = "esp32_devkit",
    as_json: JsonOption = False,
) -> None:
    """Make a chip with MicroPython a clock of the site, or bring a clock up to date. Safe to run again.

    What is not given stays as the clock has it. The sealed chain and its punches are kept.
    """
    shop = opened_workshop(directory)
    plan = provision.Plan(
        workshop=shop,
        clock_id=clock_id,
        firmware=firmware.build(board, display or firmware.DEFAULT_DISPLAY),
        site=site,
        broker=provision.Broker.parse(broker) if broker else None,
        wifi=_wifi(wifi_ssid, wifi_password_file),
        language=language,
        language_files=languages.read(language_file or ()),
        direction=direction,
        timezone=timezone,
        display=display,
        volume=volume,
        quiet_hours=quiet_hours,
        badges=badges,
        badge_ev1=badge_ev1,
        duplicate_window_s=duplicate_window,
        direction_hours=direction_hours,
        ntp=ntp,
        chain=provision.Chain.FOUND_ANEW if found_anew else provision.Chain.KEEP,
        yes_lose=yes_lose,
        holder=claim.Holder.REPLACE if replace else claim.Holder.KEEP,
    )
    with open_device(port, report) as device:
        done = provision.provision(device, plan, report)
    if as_json:
        typer.echo(done.to_json())
    else:
        typer.echo(
            f"{done.clock_id} is ready: chain {done.chain}, {len(done.copied)} files copied, {done.seconds:.1f} s"
        )
    if done.chain is provision.ChainState.FOUNDED:
        report(f"next: badgeclock bridge clock add {done.bundle} --site {done.site!r}")
    if done.replaced is not None:
        report(f"next: badgeclock ca broker DIRECTORY --workshop {directory} …, which puts the other chip out at once")


@app.command(name="reader")
def reader_command(port: PortArgument, *, as_json: JsonOption = False) -> None:
    """Have a clock inspect its reader and its wires. The clock starts again afterwards."""
    with open_device(port, report) as device:
        found = reader.inspect(device, report)
    typer.echo(json.dumps(dataclasses.asdict(found)) if as_json else found.sentence)
    if found.fault is not None:
        raise typer.Exit(1)


@app.command(name="acceptance")
def acceptance_command(
    port: PortArgument,
    *,
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("acceptance.json"),
) -> None:
    """Try a provisioned clock for ten minutes, with a person beside it, and write a report to send to its makers.

    The report names no site, network, badge or secret.
    """
    done = acceptance.run(port, _Person(), report)
    out.write_text(done.to_json())
    passed = sum(check.passed for check in done.checks)
    typer.echo(f"{passed} of {len(done.checks)} passed; the report is in {out}")
    if not done.passed:
        raise typer.Exit(1)


class _Person:
    """Asks the person at the keyboard."""

    def hold_badges(self, count: int) -> None:
        """See acceptance.Hands."""
        typer.prompt(
            f'When the clock shows "Hold your badge", hold {count} different badges to it, then press Enter',
            default="", show_default=False, err=True,
        )  # fmt: skip

    def cut_power(self, number: int) -> None:
        """See acceptance.Hands."""
        typer.prompt(
            f"Cut {number}: pull the supply, wait 3 s, plug it in, wait until the clock is ready, then press Enter",
            default="", show_default=False, err=True,
        )  # fmt: skip

    def saw_signals(self) -> bool:
        """See acceptance.Hands."""
        return typer.confirm("Did each badge give a tone, a green light and its screen?", err=True)


@app.command(name="retire")
def retire_command(
    port: PortArgument,
    *,
    directory: Annotated[
        Path,
        typer.Option("--workshop", envvar="BADGECLOCK_WORKSHOP", help="The workshop that provisioned the clock."),
    ],
    yes_lose: YesLoseOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a clock: its last record, its keys and secrets gone, its certificate revoked. Safe to run again.

    Its records stay readable in its flash. Provision it to use it again.
    """
    shop = opened_workshop(directory)
    with open_device(port, report) as device:
        done = retire.retire(device, shop, yes_lose, report)
    typer.echo(done.to_json() if as_json else f"{done.clock_id} is retired: record {done.seq} is its last")
    report(f"next: badgeclock bridge clock retire {done.clock_id} --gone --reason …")
    report("next: write the broker's configuration again (badgeclock ca broker) and restart the broker")


@app.command(name="traceback")
def traceback_command(
    log: Annotated[Path, typer.Argument(help="What the clock's serial line said; - reads it from standard input.")],
    *,
    board: BoardOption = "esp32_devkit",
    display: Annotated[str, typer.Option(help="A front of the board.")] = firmware.DEFAULT_DISPLAY,
) -> None:
    """Print a clock's serial log with the place in the source behind each line of its tracebacks.

    A clock's programs have no line numbers and short names. They are those of this version; a clock with another
    firmware hash (`bridge clock list`) needs the version that it was provisioned from.
    """
    try:
        text = sys.stdin.read() if str(log) == "-" else log.read_text(errors="replace")
    except OSError as error:
        raise SettingsError(
            what=f"{log} cannot be read: {error.strerror}",
            kept="everything",
            do="name a file of the serial line's text",
        ) from error
    typer.echo(tracebacks.explained(text, firmware.sources(board, display)))


@app.command()
def partitions(*, board: BoardOption = "esp32_devkit") -> None:
    """Print the board's partition table, one JSON object a line."""
    for part in board_partitions(board).partitions:
        typer.echo(json.dumps(dataclasses.asdict(part)))


def report(line: str) -> None:
    """Progress goes to standard error."""
    typer.echo(line, err=True)


def image_folder() -> Path:
    """The folder of downloaded images, in the user's cache."""
    return Path(typer.get_app_dir("badgeclock")) / "images"


def _wifi(ssid: str | None, password_file: Path | None) -> provision.Wifi | None:
    if ssid is None:
        if password_file is not None:
            raise SettingsError(
                what="a Wi-Fi password without a network",
                kept="everything on the clock",
                do="add --wifi-ssid",
            )
        return None
    if password_file is None:
        return provision.Wifi(ssid)
    try:
        given = typer.get_binary_stream("stdin").readline() if str(password_file) == "-" else password_file.read_bytes()
        text = text_file.decoded(given)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            what=f"the Wi-Fi password file {password_file} cannot be read",
            kept="everything on the clock",
            do="name a text file with the password in its first line",
        ) from error
    return provision.Wifi(ssid, (text.splitlines() or [""])[0])

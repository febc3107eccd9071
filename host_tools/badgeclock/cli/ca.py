"""`badgeclock ca`: the site's authority and what it issues."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from badgeclock.errors import SettingsError
from badgeclock.technician import broker, certificates, workshop

app = typer.Typer(no_args_is_help=True, help="The site's authority: certificates of clocks, bridge and broker.")

WorkshopOption = Annotated[
    Path,
    typer.Option("--workshop", envvar="BADGECLOCK_WORKSHOP", help="The workshop's directory, made by `ca init`."),
]


class Holder(StrEnum):
    """Who a certificate is for."""

    CLOCK = "clock"
    BRIDGE = "bridge"
    BROKER = "broker"


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="A new or empty directory; it becomes yours alone (0700).")],
) -> None:
    """Make a workshop: an authority and the fleet key. Keep a backup of it: a new one fits no clock of the old one."""
    shop = workshop.create(directory)
    typer.echo(shop.path)
    typer.echo("next: badgeclock clock provision PORT --workshop " + str(shop.path), err=True)


@app.command()
def issue(
    holder: Annotated[Holder, typer.Argument(help="Who it is for.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(help="The clock's id; the broker's names and addresses besides localhost; none for the bridge."),
    ] = None,
    *,
    workers: Annotated[
        int, typer.Option(min=1, max=certificates.BRIDGE_WORKERS_MAX, help="For the bridge: one for each worker.")
    ] = 1,
    directory: WorkshopOption,
) -> None:
    """Issue a certificate, or show the one that was issued before. Prints the certificate's path."""
    shop = workshop.open_workshop(directory)
    given = tuple(names or ())
    if holder is Holder.CLOCK:
        if len(given) != 1:
            raise SettingsError(
                what="a clock's certificate needs one clock id",
                kept="everything as it was",
                do="name it, for example `badgeclock ca issue clock clock-0001`",
            )
        shop.clock(given[0])
        folder = shop.clock_folder(given[0])
    elif holder is Holder.BROKER:
        shop.broker(given)
        folder = shop.path / "broker"
    else:
        for worker in range(1, workers + 1):
            shop.bridge(worker)
        folder = shop.path / "bridge"
    typer.echo(folder / "certificate.pem")


@app.command()
def revoke(clock_id: str, *, directory: WorkshopOption) -> None:
    """Take a clock's certificate back: the broker refuses it once it has the new list."""
    shop = workshop.open_workshop(directory)
    serial = shop.revoke_clock(clock_id)
    told = {"clock_id": clock_id, "serial": f"{serial:x}", "revocation_list": str(shop.revocation_list)}
    typer.echo(json.dumps(told))
    typer.echo("next: write the broker's configuration again (badgeclock ca broker) and restart the broker", err=True)


@app.command(name="broker")
def broker_configuration(
    directory: Annotated[Path, typer.Argument(help="Where mosquitto.conf and what it needs go.")],
    *,
    shop: WorkshopOption,
    port: Annotated[int, typer.Option(help="TCP port to listen on.")] = 8883,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for clocks of the network.")] = "127.0.0.1",
    name: Annotated[
        list[str] | None, typer.Option(help="Host name or address by which clocks reach it; may be given again.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="System user of Mosquitto, if root starts it.")] = None,
) -> None:
    """Write the configuration of the site's Mosquitto: mutual TLS, each clock on its own topics."""
    config = broker.write_config(
        directory, port, workshop.open_workshop(shop), host=host, names=tuple(name or ()), user=user
    )
    typer.echo(config.path)
    typer.echo(f"next: mosquitto -c {config.path}", err=True)

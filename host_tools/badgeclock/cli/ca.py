"""`badgeclock ca`: the site's authority and what it issues."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from badgeclock.cli.errors import BrokerBehind
from badgeclock.cli.workshop_passphrase import chosen, opened_workshop
from badgeclock.errors import SettingsError
from badgeclock.protocol.bridge_names import BRIDGE_NAME
from badgeclock.technician import broker, certificates, durable_files, revocation_order, running_broker, workshop
from badgeclock.technician.revocation_order import RevocationOrder
from badgeclock.toolchain import programs

app = typer.Typer(no_args_is_help=True, help="The site's authority: certificates of clocks, bridge and broker.")
authority_app = typer.Typer(no_args_is_help=True, help="Let another authority take over, without losing a punch.")
app.add_typer(authority_app, name="authority")

WorkshopOption = Annotated[
    Path,
    typer.Option("--workshop", envvar="BADGECLOCK_WORKSHOP", help="The workshop's directory, made by `ca init`."),
]
BrokerDirectoryOption = Annotated[
    Path | None,
    typer.Option("--broker", help="The directory made by `ca broker`: it is updated, and its broker reloads."),
]
LeaveOption = Annotated[
    list[str] | None, typer.Option("--leave", help="Leave this clock behind; may be given again. It is out then.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]

_RESTART = (
    "restart the broker where it runs, with the configuration of that directory; if that is another machine, bring the "
    "directory there first; then give this command again beside the broker"
)
_TELL = "next: run `badgeclock ca broker` again for the broker's directory and send its process SIGHUP; or use --broker"


class Holder(StrEnum):
    """Who a certificate is for."""

    CLOCK = "clock"
    BRIDGE = "bridge"
    BROKER = "broker"


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="A new or empty directory; it becomes yours alone (0700).")],
    *,
    without_passphrase: Annotated[
        bool, typer.Option("--without-passphrase", help="Leave its keys in the clear: for trying things out.")
    ] = False,
) -> None:
    """Make a workshop: an authority and the fleet key, under a passphrase. It belongs on a machine without a network.

    Keep a backup of it, and the passphrase in another place: a new one fits no clock of the old one.
    """
    shop = workshop.create(directory, None if without_passphrase else chosen(directory))
    typer.echo(shop.path)
    typer.echo("next: badgeclock clock provision PORT --workshop " + str(shop.path), err=True)


@app.command()
def lock(*, directory: WorkshopOption) -> None:
    """Put a workshop under a passphrase, or under another one. Backups that were made before stay as they are."""
    opened_workshop(directory).put_under(chosen(directory))
    typer.echo(f"the keys in {directory} are under that passphrase", err=True)
    typer.echo(
        "what lay in the clear before may still be on this disk and in its backups: keep them as the keys", err=True
    )


@app.command()
def export(
    to: Annotated[Path, typer.Argument(help="A new folder; what is in it is in the clear, for your eyes (0700).")],
    *,
    directory: WorkshopOption,
    bridge: Annotated[bool, typer.Option("--bridge", help="The bridge's certificate and key, and ca.pem.")] = False,
    clock: Annotated[list[str] | None, typer.Option(help="This clock's bundle; may be given again.")] = None,
    site: Annotated[list[str] | None, typer.Option(help="This site's key; may be given again.")] = None,
    badge_key: Annotated[list[str] | None, typer.Option(help="This site's badge root, for its badge desk.")] = None,
) -> None:
    """Write out what the bridge's machine needs, to be carried there; no root of the fleet is in it. Delete it then."""
    shop = opened_workshop(directory)
    files: dict[str, bytes] = {}
    if bridge:
        identity = shop.bridge()
        files = {"certificate.pem": identity.certificate_pem, "key.pem": identity.key_pem}
        files["ca.pem"] = shop.authority_certificate.read_bytes()
    for clock_id in clock or ():
        bundle = shop.bundle(clock_id)
        if bundle is None:
            raise SettingsError(
                what=f"{clock_id} has no chain yet",
                kept="nothing was written",
                do="provision it first: badgeclock clock provision",
            )
        files[f"{clock_id}.bundle.json"] = bundle.to_json()
    for name in site or ():
        path = shop.site_key_file(name)
        files[path.name] = shop.plain(path)
    for name in badge_key or ():
        path = shop.badge_root_file(name)
        files[path.name] = shop.plain(path)
    to.mkdir(mode=0o700)
    for name, data in files.items():
        durable_files.write_once(to / name, data)
        typer.echo(to / name)


@app.command()
def issue(
    holder: Annotated[Holder, typer.Argument(help="Who it is for.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(help="The clock's id; the broker's names and addresses besides localhost; none for the bridge."),
    ] = None,
    *,
    directory: WorkshopOption,
) -> None:
    """Issue a certificate, or show the one that was issued before. Prints the certificate's path."""
    shop = opened_workshop(directory)
    given = tuple(names or ())
    if holder is Holder.CLOCK:
        clock_id = _one_clock(given)
        shop.clock(clock_id)
        folder = shop.clock_folder(clock_id)
    elif holder is Holder.BROKER:
        shop.broker(given)
        folder = shop.path / "broker"
    else:
        shop.bridge()
        folder = shop.path / "bridge"
    typer.echo(folder / "certificate.pem")


@app.command()
def renew(
    holder: Annotated[Holder, typer.Argument(help="Whose certificate ends soon.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(help="The clock's id; further names of the broker, which keeps those it has."),
    ] = None,
    *,
    directory: WorkshopOption,
    broker_directory: BrokerDirectoryOption = None,
) -> None:
    """Issue a new key and certificate in place of the present ones, which are set aside. Prints the new one's path.

    A clock goes on with its old certificate until it is provisioned; its keys and its records stay.
    """
    shop = opened_workshop(directory)
    given = tuple(names or ())
    if holder is Holder.CLOCK:
        clock_id = _one_clock(given)
        shop.renew_clock(clock_id)
        folder = shop.clock_folder(clock_id)
        then = f"next, over the cable: badgeclock clock provision PORT --workshop {directory} --id {clock_id}"
    elif holder is Holder.BROKER:
        shop.renew_broker(given)
        folder = shop.path / "broker"
        then = _TELL
    else:
        shop.renew_bridge()
        folder = shop.path / "bridge"
        then = "next: restart the bridge; clocks keep what they punch meanwhile"
    typer.echo(folder / "certificate.pem")
    is_running = _update(shop, broker_directory)
    if holder is Holder.BROKER and broker_directory is not None:
        if not is_running or not running_broker.shows(broker_directory, shop, shop.broker()):
            raise BrokerBehind(kept="the new certificate, in the workshop and in the broker's directory", do=_RESTART)
        then = "the broker shows it to every client that connects from now on"
    typer.echo(then, err=True)


@app.command()
def revoke(
    clock_id: str,
    *,
    directory: WorkshopOption,
    broker_directory: BrokerDirectoryOption = None,
    to: Annotated[
        Path | None, typer.Option(help="Write the revocation into this file, to be carried to the broker's machine.")
    ] = None,
) -> None:
    """Take a clock's certificates back. With --broker it is out at once, its open connection too; with --to as soon as
    `ca revoked` has the file there. `bridge` takes back those that the bridge had before it was renewed.
    """
    shop = opened_workshop(directory)
    if clock_id == BRIDGE_NAME:
        _revoke_former_bridge(shop, broker_directory, to)
        return
    if to is not None:
        order = revocation_order.make(shop, clock_id)
        revocation_order.write(order, to)
        typer.echo(json.dumps({"clock_id": clock_id, "serial": order.serial, "file": str(to)}))
        typer.echo(
            f"{clock_id} is not out yet. next, beside the broker: badgeclock ca revoked {to} --broker …", err=True
        )
        return
    serial = shop.revoke_clock(clock_id)
    fields: dict[str, object] = {
        "clock_id": clock_id,
        "serial": f"{serial:x}",
        "revocation_list": str(shop.revocation_list),
    }
    if broker_directory is None:
        typer.echo(json.dumps(fields))
        typer.echo(f"{clock_id} is not out yet. {_TELL}", err=True)
        return
    broker.update(broker_directory, shop)
    fields["evicted"] = running_broker.evict(broker_directory, shop, clock_id)
    _report_eviction(clock_id, fields)


def _revoke_former_bridge(shop: workshop.Workshop, broker_directory: Path | None, to: Path | None) -> None:
    if to is not None:
        raise typer.BadParameter("of the bridge's, carry the folder over that `badgeclock ca broker` writes")
    serials = [f"{serial:x}" for serial in shop.revoke_former_bridge()]
    _update(shop, broker_directory)
    typer.echo(json.dumps({"holder": BRIDGE_NAME, "serials": serials, "revocation_list": str(shop.revocation_list)}))
    if broker_directory is None:
        typer.echo(_TELL, err=True)
    typer.echo("next: restart the bridge with its present certificate, which ends any connection in its name", err=True)


@app.command()
def revoked(
    file: Annotated[Path, typer.Argument(help="What `ca revoke --to` wrote in the workshop.")],
    *,
    broker_directory: Annotated[Path, typer.Option("--broker", help="The directory made by `ca broker`.")],
) -> None:
    """Put a clock out that was revoked in the workshop, whose keys are not needed. Deletes the file once it is out."""
    order = RevocationOrder.from_json(file.read_bytes(), str(file))
    fields: dict[str, object] = {"clock_id": order.clock_id, "serial": order.serial}
    fields["evicted"] = revocation_order.apply(order, broker_directory)
    if fields["evicted"]:
        file.unlink()
    _report_eviction(order.clock_id, fields)


def _report_eviction(clock_id: str, fields: dict[str, object]) -> None:
    typer.echo(json.dumps(fields))
    if not fields["evicted"]:
        raise BrokerBehind(
            kept=f"the revocation, in the broker's directory; {clock_id} may still be connected",
            do=_RESTART,
        )


@app.command(name="list")
def list_certificates(*, directory: WorkshopOption, as_json: JsonOption = False) -> None:
    """Show every authority and certificate that is trusted, and when it ends."""
    shop = opened_workshop(directory)
    authorities = shop.authorities()
    rows = [("authority", one.common_name, one) for one in authorities]
    rows += [("certificate", name, one) for name, one in shop.holders().items()]
    for kind, name, one in rows:
        ends = one.certificate.not_valid_after_utc
        fields = {
            "kind": kind,
            "name": name,
            "ends": ends.isoformat(),
            "serial": f"{one.certificate.serial_number:x}",
            "authority": next(
                (by.common_name for by in authorities if certificates.issued_by(by, one.certificate)), None
            ),
        }
        typer.echo(json.dumps(fields) if as_json else f"{ends:%Y-%m-%d}  {name}, by {fields['authority']}")


@authority_app.command()
def begin(*, directory: WorkshopOption, broker_directory: BrokerDirectoryOption = None) -> None:
    """Make the authority that will take over. Both are trusted from now on; the present one goes on issuing."""
    shop = opened_workshop(directory)
    shop.begin_authority()
    _update(shop, broker_directory)
    typer.echo(shop.authority_certificate)
    typer.echo(
        "next: restart the bridge; provision every clock over the cable; then badgeclock ca authority switch", err=True
    )


@authority_app.command()
def switch(
    *, directory: WorkshopOption, leave: LeaveOption = None, broker_directory: BrokerDirectoryOption = None
) -> None:
    """Let the next authority issue. Every clock must trust it by then; the former one stays trusted."""
    shop = opened_workshop(directory)
    shop.switch_authority(frozenset(leave or ()))
    _update(shop, broker_directory)
    typer.echo(shop.authority_certificate)
    typer.echo(
        "next: badgeclock ca renew broker, bridge, and each clock at a visit; then badgeclock ca authority end",
        err=True,
    )


@authority_app.command()
def end(
    *, directory: WorkshopOption, leave: LeaveOption = None, broker_directory: BrokerDirectoryOption = None
) -> None:
    """Stop trusting the former authority, once nobody has a certificate from it."""
    shop = opened_workshop(directory)
    shop.end_authority(frozenset(leave or ()))
    _update(shop, broker_directory)
    typer.echo(shop.authority_certificate)
    typer.echo("next: restart the broker and the bridge, which forget the former authority then", err=True)


def _one_clock(given: tuple[str, ...]) -> str:
    if len(given) != 1:
        raise SettingsError(
            what="a clock's certificate needs one clock id",
            kept="everything as it was",
            do="name it, for example `badgeclock ca issue clock clock-0001`",
        )
    return given[0]


def _update(shop: workshop.Workshop, broker_directory: Path | None) -> bool:
    """Reload a broker that runs there; returns whether one does."""
    if broker_directory is None:
        return False
    is_running = broker.update(broker_directory, shop)
    if not is_running:
        typer.echo(f"no broker runs on {broker_directory}; the next one that starts takes this", err=True)
    return is_running


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
    refuse_subscriptions: Annotated[
        bool,
        typer.Option(
            "--refuse-subscriptions",
            help="Refuse what is not a clock's own, by Mosquitto's dynamic-security plugin instead of an access list.",
        ),
    ] = False,
) -> None:
    """Write the configuration of the site's Mosquitto: mutual TLS, each clock on its own topics."""
    plugin = programs.dynamic_security() if refuse_subscriptions else None
    if refuse_subscriptions and plugin is None:
        raise SettingsError(
            what="Mosquitto's plugin mosquitto_dynamic_security.so is not on this machine",
            kept="everything as it was",
            do="install a package of Mosquitto 2 that has it (Debian's does), or leave --refuse-subscriptions out",
        )
    config = broker.write_config(
        directory,
        port,
        opened_workshop(shop),
        host=host,
        names=tuple(name or ()),
        user=user,
        dynamic_security=plugin,
    )
    typer.echo(config.path)
    typer.echo(f"next: mosquitto -c {config.path}", err=True)

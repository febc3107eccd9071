"""`badgeclock bridge`: the bridge itself, and the people, sites and clocks it knows.

Secrets come from files or stdin (`-`), never from the command line, where other users could read them.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
import uvloop
from sqlalchemy import Connection

from badgeclock.bridge import holders, log, people, settings, vault
from badgeclock.bridge.presences import Regime
from badgeclock.bridge.service import Service, wall_clock_ms
from badgeclock.bridge.settings import BridgeSettings
from badgeclock.bridge.store import Store
from badgeclock.bridge.vault import Vault
from badgeclock.errors import SettingsError

app = typer.Typer(no_args_is_help=True, help="Run the bridge; tell it of sites, employers, workers, badges and clocks.")
site_app = typer.Typer(no_args_is_help=True, help="Sites, their workplace numbers and regimes.")
employer_app = typer.Typer(no_args_is_help=True, help="Employers, by enterprise number.")
worker_app = typer.Typer(no_args_is_help=True, help="Workers, by your own reference.")
badge_app = typer.Typer(no_args_is_help=True, help="Badges, given to workers.")
clock_app = typer.Typer(no_args_is_help=True, help="Clocks, from the bundles that the workshop wrote.")
for name, part in (
    ("site", site_app),
    ("employer", employer_app),
    ("worker", worker_app),
    ("badge", badge_app),
    ("clock", clock_app),
):
    app.add_typer(part, name=name)

STDIN: Final = Path("-")
BADGE_KEY_HELP: Final = (
    "The file of the site's badge key (the workshop's sites/….badge.key), to issue badges; `-` is stdin."
)

Config = Annotated[
    Path, typer.Option("--config", help="The bridge's settings file.", envvar="BADGECLOCK_BRIDGE_CONFIG")
]


@dataclass(frozen=True, slots=True)
class _Open:
    connection: Connection
    vault: Vault


@contextmanager
def opened_store(config: Path) -> Iterator[tuple[Store, Vault]]:
    """The configured store and its vault."""
    configured = settings.load(config)
    keys = vault.load(configured.secrets.data_key_file)
    store = Store(configured.store.url)
    try:
        store.check()
        yield store, keys
    finally:
        store.close()


@contextmanager
def _changing(config: Path) -> Iterator[_Open]:
    """One transaction on the configured store."""
    with opened_store(config) as (store, keys), store.write() as connection:
        yield _Open(connection, keys)


def _secret(path: Path) -> str:
    """The text of a secret's file, or of stdin for `-`, without the line end."""
    try:
        text = sys.stdin.read() if path == STDIN else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            what=f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}",
            kept="nothing was changed",
            do="name a file that holds it, or `-` for stdin",
        ) from None
    return text.strip()


def _bytes(path: Path, what: str) -> bytes:
    try:
        return bytes.fromhex(_secret(path))
    except ValueError:
        raise SettingsError(
            what=f"{path} does not hold {what} in hexadecimal digits",
            kept="nothing was changed",
            do="name the right file",
        ) from None


def prepare(configured: BridgeSettings) -> None:
    """Make the data key if there is none, and the store's tables, or bring them to this version's form."""
    vault.create(configured.secrets.data_key_file)
    vault.load(configured.secrets.data_key_file)
    store = Store(configured.store.url)
    try:
        store.migrate()
    finally:
        store.close()


@app.command()
def init(config: Config = Path("bridge.toml")) -> None:
    """Make the data key and the store, or bring an older store to this version's form."""
    configured = settings.load(config)
    prepare(configured)
    typer.echo(f"The store is ready. Back up {configured.secrets.data_key_file} apart from it.", err=True)


@app.command()
def run(config: Config = Path("bridge.toml")) -> None:
    """Run the bridge in the foreground until SIGTERM or Ctrl-C."""
    log.configure()
    service = Service(settings.load(config))

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await service.run(stop)

    uvloop.run(serve())


@site_app.command("add")
def add_site(
    name: Annotated[str, typer.Option(help="The site's name, as on its clocks.")],
    workplace: Annotated[str, typer.Option(help="Its number in the declaration of works, 13 characters.")],
    key: Annotated[Path, typer.Option(help="The site key's file: 64 hexadecimal digits; `-` is stdin.")],
    regime: Annotated[Regime, typer.Option(help="Which rule its presences follow.")] = Regime.CONSTRUCTION,
    time_zone: Annotated[str, typer.Option(help="Where its days begin and end.")] = people.TIME_ZONE,
    badge_key: Annotated[Path | None, typer.Option(help=BADGE_KEY_HELP)] = None,
    config: Config = Path("bridge.toml"),
) -> None:
    """Add a site."""
    site_key = _bytes(key, "a site key")
    root = None if badge_key is None else _bytes(badge_key, "a badge key")
    with _changing(config) as opened:
        people.add_site(
            opened.connection,
            opened.vault,
            name=name,
            workplace=workplace,
            regime=regime,
            site_key=site_key,
            time_zone=time_zone,
        )
        if root is not None:
            holders.set_badge_root(opened.connection, opened.vault, name, root, wall_clock_ms())
    typer.echo(f"Site {name!r} added.", err=True)


@site_app.command("set")
def set_site(
    name: Annotated[str, typer.Option(help="The site's name.")],
    badge_key: Annotated[Path, typer.Option(help=BADGE_KEY_HELP)],
    config: Config = Path("bridge.toml"),
) -> None:
    """Give the bridge a site's badge key, so that badges can be issued at its clocks.

    Another key than before makes every card of the site a stranger's.
    """
    root = _bytes(badge_key, "a badge key")
    with _changing(config) as opened:
        holders.set_badge_root(opened.connection, opened.vault, name, root, wall_clock_ms())
    typer.echo(f"Site {name!r} has its badge key.", err=True)


@employer_app.command("add")
def add_employer(
    kbo: Annotated[str, typer.Option(help="Enterprise number (KBO/BCE).")],
    name: Annotated[str, typer.Option(help="Its name.")] = "",
    config: Config = Path("bridge.toml"),
) -> None:
    """Add an employer; one that is there already stays as it is."""
    with _changing(config) as opened:
        people.add_employer(opened.connection, kbo, name)
    typer.echo("Employer added.", err=True)


@worker_app.command("add")
def add_worker(
    reference: Annotated[str, typer.Option(help="Your own number for the worker; lists and logs show it.")],
    name: Annotated[str, typer.Option(help="The worker's name; lists show initials only.")],
    niss_file: Annotated[Path | None, typer.Option(help="File with the national number; `-` is stdin.")] = None,
    limosa: Annotated[Path | None, typer.Option(help="File with the Limosa number instead; `-` is stdin.")] = None,
    employer: Annotated[str | None, typer.Option(help="The employer's enterprise number.")] = None,
    config: Config = Path("bridge.toml"),
) -> None:
    """Add a worker, with a national number and an employer, or with a Limosa number."""
    if niss_file is not None and limosa is None:
        identity = people.niss(_secret(niss_file))
    elif limosa is not None and niss_file is None:
        identity = people.limosa(_secret(limosa))
    else:
        raise typer.BadParameter("give --niss-file or --limosa, one of them")
    with _changing(config) as opened:
        people.add_worker(
            opened.connection,
            opened.vault,
            reference=reference,
            name=name,
            identity=identity,
            employer_kbo=employer,
        )
    typer.echo(f"Worker {reference!r} added, number {identity.masked}.", err=True)


@badge_app.command("add")
def add_badge(
    site: Annotated[str, typer.Option(help="The site whose clocks shall know the badge.")],
    worker: Annotated[str, typer.Option(help="The worker's reference.")],
    uid_file: Annotated[Path, typer.Option(help="File with the badge's UID in hexadecimal digits; `-` is stdin.")],
    config: Config = Path("bridge.toml"),
) -> None:
    """Give a badge to a worker; only its token is stored. Today's punches of it that nobody had are declared."""
    uid = _bytes(uid_file, "a UID")
    with _changing(config) as opened:
        assigned = people.assign_badge(
            opened.connection, opened.vault, site=site, worker=worker, uid=uid, now_ms=wall_clock_ms()
        )
    typer.echo(f"Badge given to {worker!r}; presences queued for waiting punches: {assigned.queued}.", err=True)


@clock_app.command("add")
def add_clock(
    bundle: Annotated[Path, typer.Argument(help="The clock's bundle.json; `-` is stdin.")],
    site: Annotated[str, typer.Option(help="The site it stands at.")],
    config: Config = Path("bridge.toml"),
) -> None:
    """Add a provisioned clock, or one that was provisioned anew."""
    content = people.read_bundle(_secret(bundle))
    with _changing(config) as opened:
        people.add_clock(opened.connection, opened.vault, content, site=site, now_ms=wall_clock_ms())
    typer.echo(f"Clock {content['clock_id']!r} added.", err=True)


@clock_app.command("release")
def release_clock(
    clock: Annotated[str, typer.Argument(help="The clock's id.")],
    config: Config = Path("bridge.toml"),
) -> None:
    """End a clock's quarantine, once you know why it sent two different records under one number."""
    with _changing(config) as opened:
        queued = people.release_clock(opened.connection, clock, wall_clock_ms())
    typer.echo(f"Clock {clock!r} released; presences queued for its punches of today: {queued}.", err=True)

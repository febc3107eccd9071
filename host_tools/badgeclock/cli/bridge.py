"""`badgeclock bridge`: the bridge itself, and the people, sites and clocks it knows.

Secrets come from files or stdin (`-`), never from the command line, where other users could read them.
"""

from __future__ import annotations

import asyncio
import gc
import getpass
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import uvloop
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from badgeclock.bridge import audit, clock_settings, clocks, holders, log, orders, people, settings, vault
from badgeclock.bridge.audit import Act, Change, Operator
from badgeclock.bridge.regimes import Regime
from badgeclock.bridge.service import Service, wall_clock_ms
from badgeclock.bridge.settings import BridgeSettings
from badgeclock.bridge.states import ClockState
from badgeclock.bridge.store import Store
from badgeclock.bridge.vault import Vault
from badgeclock.bridge.workers import Crew, Worker, end_with
from badgeclock.cli.lazily import group_of
from badgeclock.errors import SettingsError
from badgeclock.protocol.frames import Command
from badgeclock.protocol.record import Origin
from badgeclock.technician.certificates import BRIDGE_WORKERS_MAX

app = typer.Typer(
    cls=group_of(
        {
            "import": "badgeclock.cli.imports:app",
            "token": "badgeclock.cli.tokens:app",
            "presence": "badgeclock.cli.presence:app",
            **{
                noun: f"badgeclock.cli.custody:{noun}_app"
                for noun in ("keys", "audit", "backup", "retention", "person")
            },
        }
    ),
    no_args_is_help=True,
    help="Run the bridge; tell it of sites, employers, workers, badges and clocks.",
)
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
SITE_LANGUAGE: Final = "site"
BADGE_KEY_HELP: Final = (
    "The file of the site's badge key (the workshop's sites/….badge.key), to issue badges; `-` is stdin."
)
_WITHDRAWN: Final = "withdrawn"
_LOOK_S: Final = 0.2
WIDE: Final = 200
"""Columns of a table that no terminal limits."""

Config = Annotated[
    Path, typer.Option("--config", help="The bridge's settings file.", envvar="BADGECLOCK_BRIDGE_CONFIG")
]


@dataclass(frozen=True, slots=True)
class Opened:
    """A store in a transaction, and the vault of its secrets."""

    connection: Connection
    vault: Vault

    def note(self, act: Act, subject: tuple[str, int], **detail: Any) -> None:
        """Write down what the person at this terminal did."""
        audit.write(self.connection, Operator(operator()), act, subject, detail, wall_clock_ms())

    def note_change(self, change: Change, added: Act, changed: Act) -> None:
        """The same of a row that was put, if anything became of it."""
        audit.write_change(self.connection, Operator(operator()), change, added, changed, wall_clock_ms())


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
def changing(config: Path) -> Iterator[Opened]:
    """One transaction on the configured store."""
    with opened_store(config) as (store, keys), store.write() as connection:
        yield Opened(connection, keys)


@contextmanager
def looking(config: Path) -> Iterator[Connection]:
    """A reading transaction on the configured store; holds up no running bridge, and opens no secret."""
    store = Store(settings.load(config).store.url)
    try:
        store.check()
        with store.read() as connection:
            yield connection
    finally:
        store.close()


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
def run(
    *,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=BRIDGE_WORKERS_MAX, help="Processes that take punches, instead of [intake] workers."),
    ] = None,
    config: Config = Path("bridge.toml"),
) -> None:
    """Run the bridge in the foreground until SIGTERM or Ctrl-C."""
    log.configure()
    configured = settings.load(config)
    if workers is not None:
        configured = configured.model_copy(update={"intake": configured.intake.model_copy(update={"workers": workers})})
    _collect_seldom()
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
    end_with(of)
    log.configure()
    one = Worker(settings.load(config), number, meet, wall_clock_ms)
    _collect_seldom()
    uvloop.run(_serve(one))


async def _serve(what: Service | Worker, crew: Crew | None = None) -> None:
    """Run it until told to stop, with its other workers if it has some."""
    others = asyncio.create_task(crew.run()) if crew else None
    try:
        await what.run(_until_told())
    finally:
        if others:
            others.cancel()
            await asyncio.wait([others])


def _collect_seldom() -> None:
    """Look for cycles less often: a group makes a hundred thousand tuples, in none of which there is one.

    Measured: a quarter of what a record in a large group costs went into looking.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _until_told() -> asyncio.Event:
    """Set by SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


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
    with changing(config) as opened:
        site_id = people.add_site(
            opened.connection,
            opened.vault,
            name=name,
            workplace=workplace,
            regime=regime,
            site_key=site_key,
            time_zone=time_zone,
        )
        about = {"name": name, "workplace": workplace, "regime": regime.value, "time_zone": time_zone}
        opened.note(Act.SITE_ADDED, ("site", site_id), after=about)
        if root is not None:
            holders.set_badge_root(opened.connection, opened.vault, name, root, wall_clock_ms())
            opened.note(Act.BADGE_KEY_SET, ("site", site_id))
    typer.echo(f"Site {name!r} added.", err=True)


@site_app.command("set")
def set_site(
    name: Annotated[str, typer.Option(help="The site's name.")],
    badge_key: Annotated[Path | None, typer.Option(help=BADGE_KEY_HELP)] = None,
    key: Annotated[Path | None, typer.Option(help="The key's file of a site that was imported without one.")] = None,
    regime: Annotated[Regime | None, typer.Option(help="Which rule its presences follow from now on.")] = None,
    workplace: Annotated[str | None, typer.Option(help="Its number in the declaration of works.")] = None,
    reason: Annotated[str, typer.Option(help="Why; it is kept with your name.")] = "",
    config: Config = Path("bridge.toml"),
) -> None:
    """Change a site: its keys, so that badges can be given and issued there, its regime, its workplace number.

    Another badge key than before makes every card of the site a stranger's; a site key is given once. What was declared
    stays as it was declared.
    """
    if all(given is None for given in (badge_key, key, regime, workplace)):
        raise typer.BadParameter("give --key, --badge-key, --regime or --workplace")
    with changing(config) as opened:
        site_id = people.site_id(opened.connection, name)
        if key is not None:
            change = people.set_site_key(opened.connection, opened.vault, name, _bytes(key, "a site key"))
            opened.note_change(change, Act.SITE_ADDED, Act.SITE_KEY_SET)
        if badge_key is not None:
            root = _bytes(badge_key, "a badge key")
            if holders.set_badge_root(opened.connection, opened.vault, name, root, wall_clock_ms()):
                opened.note(Act.BADGE_KEY_SET, ("site", site_id))
        people.change_site(
            opened.connection,
            name,
            regime=regime,
            workplace=workplace,
            by=operator(),
            reason=reason,
            now_ms=wall_clock_ms(),
        )
    typer.echo(f"Site {name!r} is changed.", err=True)


@employer_app.command("add")
def add_employer(
    kbo: Annotated[str, typer.Option(help="Enterprise number (KBO/BCE).")],
    name: Annotated[str, typer.Option(help="Its name.")] = "",
    config: Config = Path("bridge.toml"),
) -> None:
    """Add an employer, or name one that is there already."""
    with changing(config) as opened:
        change = people.put_employer(opened.connection, kbo, name)
        opened.note_change(change, Act.EMPLOYER_ADDED, Act.EMPLOYER_CHANGED)
    typer.echo("Employer added.", err=True)


@worker_app.command("add")
def add_worker(
    reference: Annotated[str, typer.Option(help="Your own number for the worker; lists and logs show it.")],
    name: Annotated[str, typer.Option(help="The worker's name; lists show initials only.")],
    niss_file: Annotated[Path | None, typer.Option(help="File with the national number; `-` is stdin.")] = None,
    limosa: Annotated[Path | None, typer.Option(help="File with the Limosa number instead; `-` is stdin.")] = None,
    employer: Annotated[str | None, typer.Option(help="The employer's enterprise number.")] = None,
    language: Annotated[str | None, typer.Option(help="In which clocks speak to the worker: nl, fr, de, en.")] = None,
    config: Config = Path("bridge.toml"),
) -> None:
    """Add a worker, with a national number and an employer, or with a Limosa number."""
    if niss_file is not None and limosa is None:
        identity = people.niss(_secret(niss_file))
    elif limosa is not None and niss_file is None:
        identity = people.limosa(_secret(limosa))
    else:
        raise typer.BadParameter("give --niss-file or --limosa, one of them")
    with changing(config) as opened:
        worker_id = people.add_worker(
            opened.connection,
            opened.vault,
            reference=reference,
            name=name,
            identity=identity,
            employer_kbo=employer,
            language=language,
            now_ms=wall_clock_ms(),
        )
        opened.note(Act.WORKER_ADDED, ("worker", worker_id))
    typer.echo(f"Worker {reference!r} added, number {identity.masked}.", err=True)


@worker_app.command("set")
def set_worker(
    reference: Annotated[str, typer.Option(help="The worker's reference.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is kept with your name.")],
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    niss_file: Annotated[Path | None, typer.Option(help="File with the national number; `-` is stdin.")] = None,
    limosa: Annotated[Path | None, typer.Option(help="File with the Limosa number instead; `-` is stdin.")] = None,
    employer: Annotated[str | None, typer.Option(help="Another employer's enterprise number.")] = None,
    language: Annotated[
        str | None,
        typer.Option(help="In which clocks speak to the worker: nl, fr, de, en; site for each site's own."),
    ] = None,
    config: Config = Path("bridge.toml"),
) -> None:
    """Change what is given of a worker: presences from now on are declared so.

    What was declared stays as it was declared; `badgeclock bridge presence correct` declares it anew.
    """
    if niss_file is not None and limosa is not None:
        raise typer.BadParameter("give --niss-file or --limosa, not both")
    identity = people.niss(_secret(niss_file)) if niss_file else people.limosa(_secret(limosa)) if limosa else None
    with changing(config) as opened:
        change = people.change_worker(
            opened.connection,
            opened.vault,
            reference,
            name=name,
            identity=identity,
            employer_kbo=employer,
            language="" if language == SITE_LANGUAGE else language,
            by=operator(),
            reason=reason,
            now_ms=wall_clock_ms(),
        )
    typer.echo(f"Worker {reference!r}: changed {', '.join(change.changed) or 'nothing'}.", err=True)


@badge_app.command("list")
def list_badges(
    worker: Annotated[str, typer.Option(help="The worker's reference.")],
    config: Config = Path("bridge.toml"),
) -> None:
    """Show every badge that a worker has or had: its row, its site, since and until when."""
    with looking(config) as connection:
        for badge, site in holders.history(connection, worker):
            until = "in use" if badge.until_ms is None else f"until {moment(badge.until_ms)}"
            typer.echo(f"{badge.id:>6}  {site}  since {moment(badge.since_ms)}  {until}")


@badge_app.command("add")
def add_badge(
    site: Annotated[str, typer.Option(help="The site whose clocks shall know the badge.")],
    worker: Annotated[str, typer.Option(help="The worker's reference.")],
    uid_file: Annotated[Path, typer.Option(help="File with the badge's UID in hexadecimal digits; `-` is stdin.")],
    config: Config = Path("bridge.toml"),
) -> None:
    """Give a badge to a worker; only its token is stored. Today's punches of it that nobody had are declared."""
    uid = _bytes(uid_file, "a UID")
    with changing(config) as opened:
        assigned = people.assign_badge(
            opened.connection, opened.vault, site=site, worker=worker, uid=uid, now_ms=wall_clock_ms()
        )
        if assigned.is_new:
            opened.note(Act.BADGE_ASSIGNED, ("worker", assigned.worker), badge=assigned.badge, site=site)
    typer.echo(f"Badge given to {worker!r}; presences queued for waiting punches: {assigned.queued}.", err=True)


@clock_app.command("add")
def add_clock(
    bundle: Annotated[Path, typer.Argument(help="The clock's bundle.json; `-` is stdin.")],
    site: Annotated[str, typer.Option(help="The site it stands at.")],
    config: Config = Path("bridge.toml"),
) -> None:
    """Add a provisioned clock, or one that was provisioned anew."""
    content = people.read_bundle(_secret(bundle))
    with changing(config) as opened:
        clock_id = people.add_clock(opened.connection, opened.vault, content, site=site, now_ms=wall_clock_ms())
        opened.note(Act.CLOCK_ADDED, ("clock", clock_id), site=site)
    typer.echo(f"Clock {content['clock_id']!r} added.", err=True)


@clock_app.command("list")
def list_clocks(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with all there is.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Show every clock: its state, its next record, what it said last, and what is wrong with it and to be done."""
    with looking(config) as connection:
        found = clocks.listing(connection)
    if as_json:
        for clock in found:
            typer.echo(json.dumps(clock))
        return
    columns = ("clock", "site", "state", "next record", "last status", "unsent", "free", "why", "kept aside")
    table = Table(*columns, box=None, pad_edge=False)
    for clock in found:
        told = clock["status"] or {}
        table.add_row(
            clock["clock"],
            clock["site"],
            clock["state"] + ("" if clock["online"] or clock["state"] == ClockState.RETIRED else ", offline"),
            str(clock["next_seq"]),
            moment(clock["status_ms"]),
            str(told["head"] - told["tail"]) if told else "",
            str(told["free"]) if told else "",
            clock["held_reason"] or ("retirement ordered" if clock["open_orders"] else ""),
            str(clock["kept_aside"] or ""),
        )
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)
    for clock in found:
        for mark in clock["marks"]:
            since = moment(mark["since_ms"])
            typer.echo(f"{clock['clock']} is {mark['mark']} since {since}: {mark['detail']}. To do: {mark['to_do']}")


class _Order(StrEnum):
    """What a clock can be ordered to do; its end has a command of its own."""

    IDENTIFY = "identify"
    SELF_TEST = "self-test"
    RESTART = "restart"
    CAPTURE = "capture"


_COMMANDS: Final = {
    _Order.IDENTIFY: Command.IDENTIFY,
    _Order.SELF_TEST: Command.SELF_TEST,
    _Order.RESTART: Command.RESTART,
    _Order.CAPTURE: Command.CAPTURE,
}


@clock_app.command("order")
def order_clock(
    clock: Annotated[str, typer.Argument(help="The clock's id.")],
    what: Annotated[
        _Order,
        typer.Argument(
            help="identify: show its id and sound. self-test: try every part. restart: when no badge is near. "
            "capture: tell its last lines and failures."
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is kept with your name.")],
    *,
    wait: Annotated[
        int, typer.Option(min=0, max=3600, help="Seconds to wait; then the order is withdrawn. 0: leave it standing.")
    ] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print the order, with the clock's report, as JSON.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Have the running bridge order a clock to do something, and show what it reports.

    Exit code 75: the clock did not answer in time. Exit code 1: a self-test found something wrong.
    """
    with opened_store(config) as (store, _):
        with store.write() as connection:
            order = clocks.order(
                connection, clock, _COMMANDS[what], by=operator(), reason=reason, now_ms=wall_clock_ms()
            )
        when = "now" if order.online else "as soon as it is online"
        typer.echo(f"{'Ordered' if order.new else 'Ordered already'}: {clock!r}, {what.value}, {when}.", err=True)
        if not wait:
            return
        done = _awaited(store, order.id, wait)
    if as_json:
        typer.echo(json.dumps(done))
    else:
        typer.echo(done["outcome"])
        for name, value in (done["report"] or {}).items():
            typer.echo(f"  {name}: {json.dumps(value, ensure_ascii=True)}")
    if done["outcome"].startswith(_WITHDRAWN):
        raise typer.Exit(os.EX_TEMPFAIL)
    if done["outcome"].startswith("failed"):
        raise typer.Exit(1)


@clock_app.command("orders")
def list_orders(
    clock: Annotated[str, typer.Argument(help="The clock's id.")],
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Show at most so many, newest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with the reports.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Show what a clock was ordered to do, by whom and why, and what became of it."""
    with looking(config) as connection:
        found = clocks.orders_of(connection, clock, limit)
    for order in found:
        if as_json:
            typer.echo(json.dumps(order))
        else:
            ended = order["outcome"] or ("sent, no answer yet" if order["sent_ms"] else "waits for the clock")
            given = f"{moment(order['given_ms'])}  {order['command']}, by {order['given_by']}: {order['reason']}"
            typer.echo(f"{given}  [{ended}]")


def _awaited(store: Store, number: int, wait_s: int) -> dict[str, Any]:
    """The order once it has ended; after `wait_s` it is withdrawn."""
    deadline = time.monotonic() + wait_s
    while True:
        with store.read() as connection:
            order = orders.find(connection, number)
        if order["done_ms"] is not None:
            return order
        if time.monotonic() >= deadline:
            sent = (
                "the clock did not answer" if order["sent_ms"] else "it was not sent: the clock, or the bridge, is away"
            )
            with store.write() as connection:
                orders.withdraw(connection, number, f"{_WITHDRAWN} after {wait_s} s: {sent}", wall_clock_ms())
        else:
            time.sleep(_LOOK_S)


@clock_app.command("settings")
def set_clock(
    clock: Annotated[str | None, typer.Argument(help="The clock's id; without it all are shown.")] = None,
    changes: Annotated[
        list[str] | None, typer.Argument(help="What to change, as volume=2; nothing: only show.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with all there is.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Change settings of a clock from here, or show what clocks have of settings and rosters, and shall have.

    The clock judges them, restarts with them at an idle moment, or says why it refuses them.
    """
    if clock is not None and changes:
        wanted = clock_settings.parse(changes)
        with changing(config) as opened:
            done = clock_settings.order(opened.connection, clock, wanted, by=operator(), now_ms=wall_clock_ms())
        when = "now" if done.online else "as soon as it is online"
        typer.echo(f"Settings {done.version} are sent to {clock!r} {when}.", err=True)
        return
    with looking(config) as connection:
        found = clock_settings.listing(connection, clock)
    if as_json:
        for one in found:
            typer.echo(json.dumps(one))
        return
    table = Table(
        "clock", "settings", "has", "wanted", "refused", "roster has", "badges", "wanted", box=None, pad_edge=False
    )
    for one in found:
        settings_wanted = " ".join(f"{key}={value}" for key, value in one["settings_wanted"].items())
        table.add_row(
            one["clock"],
            settings_wanted,
            _version(one["settings_told"]),
            str(one["settings_version"]),
            one["settings_refused"] or "",
            _version(one["roster_told"]),
            str(one["roster_entries"] or ""),
            "on its way" if one["roster_version"] is None else str(one["roster_version"]),
        )
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def _version(told: int | None) -> str:
    return "takes none" if told is None else str(told)


@clock_app.command("quarantine")
def show_quarantine(
    clock: Annotated[str, typer.Argument(help="The clock's id.")],
    *,
    after: Annotated[int, typer.Option(min=0, help="Show records kept aside behind this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Show at most so many of them.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with all there is.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Show why a clock is under quarantine, what waits for your decision, and which records are kept aside."""
    with looking(config) as connection:
        found = clocks.quarantine_of(connection, clock, after, limit)
    if as_json:
        typer.echo(json.dumps(found))
        return
    since = f", since {moment(found['held_ms'])}" if found["held_ms"] else ""
    typer.echo(f"{clock}: {found['state']}, {found['held_reason'] or 'not under quarantine'}{since}")
    typer.echo(f"next record {found['next_seq']}; punches that wait for a decision: {found['punches_waiting']}")
    for alarm in found["alarms"]:
        at = "" if alarm["seq"] is None else f" at record {alarm['seq']}"
        typer.echo(f"{moment(alarm['last_ms'])}  {alarm['kind']}{at}, {alarm['times']} times: {alarm['detail']}")
    typer.echo(f"records kept aside: {found['kept']}")
    for kept in found["kept_aside"]:
        way = f"{kept['direction'] or ''}{'?' if kept['origin'] == Origin.ASSUMED.name else ''}"
        said = f"{kept['kind']} {way} {moment(kept['utc_ms'])}" if kept["kind"] else "no record"
        typer.echo(f"{kept['id']:>6}  record {kept['seq']}, {kept['reason']}: {said}")


@clock_app.command("release")
def release_clock(
    clock: Annotated[str, typer.Argument(help="The clock's id.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is kept with your name.")],
    config: Config = Path("bridge.toml"),
) -> None:
    """End a clock's quarantine, once you know what happened; today's punches that waited for it are declared."""
    with changing(config) as opened:
        done = clocks.release(opened.connection, clock, by=operator(), reason=reason, now_ms=wall_clock_ms())
    typer.echo(f"Clock {clock!r} released; presences queued for its punches of today: {done.queued}.", err=True)
    if not done.can_go_on:
        typer.echo(
            f"It was {done.held_reason}: a clock whose chain is not the store's cannot go on and will be back under "
            "quarantine with its next status. Read its flash with `badgeclock journal verify`, declare by hand what is "
            "missing, and provision it anew with --found-anew.",
            err=True,
        )


@clock_app.command("retire")
def retire_clock(
    clock: Annotated[str, typer.Argument(help="The clock's id.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is kept with your name.")],
    *,
    gone: Annotated[
        bool, typer.Option("--gone", help="The clock will not come again: end it here, without its last record.")
    ] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """End a clock: when it is online the running bridge has it write its last record and give up its keys."""
    by, now_ms = operator(), wall_clock_ms()
    with changing(config) as opened:
        if gone:
            waiting = clocks.end(opened.connection, clock, by=by, reason=reason, now_ms=now_ms)
            typer.echo(f"Clock {clock!r} is retired. Punches that go on waiting for a decision: {waiting}.", err=True)
        else:
            order = clocks.order_retirement(opened.connection, clock, by=by, reason=reason, now_ms=now_ms)
            when = "now" if order.online else "as soon as it is online"
            typer.echo(f"{'Ordered' if order.new else 'Ordered already'}: {clock!r} ends {when}.", err=True)
    typer.echo(f"next, once it is retired: badgeclock ca revoke {clock} --workshop …", err=True)


def operator() -> str:
    """Who gives the command, as this machine knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def moment(ms: int | None) -> str:
    """UTC, to the second."""
    return "never" if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"

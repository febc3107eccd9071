"""The bridge's data and how long it is kept: `badgeclock bridge keys`, `audit`, `backup`, `retention` and `person`.

Each command loads its own part of `operations`; the book of acts needs none of them.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from badgeclock.bridge import places
from badgeclock.bridge.store import audit_log, vault
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.context import Config, changing, looking, moment, opened_store, operator, store_in_use

if TYPE_CHECKING:
    from badgeclock.bridge.operations.backup import Manifest
    from badgeclock.bridge.settings import RetentionSettings

backup_app = typer.Typer(no_args_is_help=True, help="Copies of the store, proved when they are made and when you like.")
audit_app = typer.Typer(no_args_is_help=True, help="The book of acts: who did what, when and why.")
person_app = typer.Typer(no_args_is_help=True, help="What a worker may ask for: their data, or its erasure.")
retention_app = typer.Typer(no_args_is_help=True, help="How long what is kept, and the deletion of what is older.")
keys_app = typer.Typer(no_args_is_help=True, help="The data key, which encrypts names, numbers and keys in the store.")

ReasonOption = Annotated[str, typer.Option(help="Why, in a sentence; it is kept with your name.")]


@keys_app.command("list")
def list_keys(config: Config = Path("bridge.toml")) -> None:
    """Show the data keys in the file, by number and fingerprint, and how many values need each."""
    from badgeclock.bridge.operations import data_key_rotation  # noqa: PLC0415 - see the top

    with opened_store(config) as (store, keys), store.read() as connection:
        needed = data_key_rotation.uses(connection)
    for number, fingerprint in keys.fingerprints().items():
        state = "in use" if number == keys.newest else "old"
        typer.echo(f"{number}  {fingerprint}  {state}  {needed[number]} values")


@keys_app.command("rotate")
def rotate_keys(reason: ReasonOption, config: Config = Path("bridge.toml")) -> None:
    """Make a new data key and encrypt everything under it, while the bridge runs. Run again if it was cut off.

    The old key stays in the file: copies of the store that were made before need it.
    """
    from badgeclock.bridge.operations import data_key_rotation  # noqa: PLC0415 - see the top

    path = places.find(config).data_key_file
    with opened_store(config) as (store, keys):
        for number, changed in data_key_rotation.rotate(store, keys, path, Operator(operator(), reason), wall_clock_ms):
            typer.echo(f"pass {number}: {changed} rows", err=True)
        known_by = keys.fingerprints()[keys.newest]
    typer.echo(
        f"Everything is under data key {keys.newest}, {known_by}. Back up {path} apart from the store.", err=True
    )
    typer.echo("next, when no backup under an older key is needed: badgeclock bridge keys retire", err=True)


@keys_app.command("retire")
def retire_keys(reason: ReasonOption, config: Config = Path("bridge.toml")) -> None:
    """Take old data keys out of the file, after proof that nothing in the store needs them.

    Backups that were made under them open only with a copy of the file as it was.
    """
    from badgeclock.bridge.operations import data_key_rotation  # noqa: PLC0415 - see the top

    path = places.find(config).data_key_file
    with opened_store(config) as (store, keys):
        gone = data_key_rotation.retire(store, keys, path, Operator(operator(), reason), wall_clock_ms)
    left = max(vault.read_keys(path))
    message = f"Retired: data keys {', '.join(map(str, gone))}." if gone else "There is no old data key."
    typer.echo(f"{message} In use: {left}.", err=True)


@backup_app.command("make")
def make_backup(
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with your name.")] = "",
    config: Config = Path("bridge.toml"),
) -> None:
    """Copy the store into a new folder, while the bridge runs, and prove the copy. The data key is not in it."""
    from badgeclock.bridge.operations import backup  # noqa: PLC0415 - see the top

    url = places.find(config).url
    with opened_store(config) as (store, keys):
        made = backup.make(url, store, keys, folder, Operator(operator(), reason), wall_clock_ms())
    _print_backup(folder, made)


@backup_app.command("verify")
def verify_backup(
    folder: Annotated[Path, typer.Argument(help="The backup's folder.")],
    *,
    live: Annotated[bool, typer.Option("--live", help="Hold it against the store that is in use, too.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Open a backup and prove it: the file, every reference, chain and act, and that the data key opens every value."""
    from badgeclock.bridge.operations import backup  # noqa: PLC0415 - see the top

    made = backup.verify(folder, vault.load(places.find(config).data_key_file))
    _print_backup(folder, made)
    if live:
        with store_in_use(config) as store:
            gained = backup.compare(made, store)
        typer.echo(f"The store in use has all of it, and {gained} records more.", err=True)


@backup_app.command("restore")
def restore_backup(
    folder: Annotated[Path, typer.Argument(help="The backup's folder.")],
    reason: ReasonOption,
    config: Config = Path("bridge.toml"),
) -> None:
    """Put a backup where the settings have the store. Nothing is overwritten: move what is there away first."""
    from badgeclock.bridge.operations import backup  # noqa: PLC0415 - see the top

    where = places.find(config)
    keys = vault.load(where.data_key_file)
    who = Operator(operator(), reason)
    _print_backup(folder, backup.restore(folder, where.url, keys, who, wall_clock_ms()))
    typer.echo(
        "Restored. Clocks that sent more since come under quarantine as `skipped` or send it again, and presences may "
        'have been declared since: see docs/operating.md, "A store from a backup".',
        err=True,
    )


def _print_backup(folder: Path, made: Manifest) -> None:
    rows = sum(made.facts.counts.values())
    needs = ", ".join(f"{number} ({known_by})" for number, known_by in made.fingerprints.items()) or "none"
    typer.echo(
        f"{folder}: proved. Made {moment(made.made_ms)}; {rows} rows, {made.facts.counts.get('records', 0)} records of "
        f"{len(made.facts.heads)} clocks, {made.facts.acts} acts. Needs data keys: {needs}.",
        err=True,
    )


@audit_app.command("list")
def list_acts(
    *,
    after: Annotated[int, typer.Option(min=0, help="Show acts behind this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Show at most so many.")] = 100,
    subject: Annotated[str | None, typer.Option(help="Only about this, as the list shows it: `worker 12`.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with all there is.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Show what operators did, oldest first. Nothing of it identifies a worker once that worker is erased."""
    with looking(config) as connection:
        acts = audit_log.listing(connection, after, limit, subject)
    for act in acts:
        if as_json:
            typer.echo(json.dumps(act))
        else:
            about = f"{act['subject']} ({act['name']})" if act["name"] else act["subject"]
            why = f": {act['reason']}" if act["reason"] else ""
            typer.echo(f"{act['id']:>6}  {moment(act['at_ms'])}  {act['operator']}  {act['act']}  {about}{why}")


@audit_app.command("verify")
def verify_acts(
    head: Annotated[str, typer.Option(help="The hash that was newest at some time, from a backup or your notes.")] = "",
    config: Config = Path("bridge.toml"),
) -> None:
    """Check every act against the one before it, and print their number and the newest hash, to be noted."""
    try:
        known = bytes.fromhex(head) or None
    except ValueError:
        raise typer.BadParameter("a hash is 64 hexadecimal digits", param_hint="--head") from None
    with store_in_use(config) as store:
        book = audit_log.verify_in_use(store.read, known)
    typer.echo(f"{book.acts} {book.head.hex()}")


def _policy(config: Path) -> RetentionSettings:
    from badgeclock.bridge import settings  # noqa: PLC0415 - the other commands start faster without it

    return settings.load(config).retention


@retention_app.command("show")
def show_retention(config: Config = Path("bridge.toml")) -> None:
    """Show, by purpose, the first day that is kept, and how many rows are older."""
    from badgeclock.bridge.operations import retention  # noqa: PLC0415 - see the top

    policy = _policy(config)
    with looking(config) as connection:
        due = retention.due(connection, policy, wall_clock_ms())
    for purpose, (before, rows) in due.items():
        typer.echo(f"{purpose}: kept from {before}; older: {rows} rows")


@retention_app.command("run")
def run_retention(
    reason: Annotated[str, typer.Option(help="Why now; it is kept with your name.")] = "",
    config: Config = Path("bridge.toml"),
) -> None:
    """Delete what is older than its purpose allows. What was deleted is an act in the book, with a hash over it."""
    from badgeclock.bridge.operations import retention  # noqa: PLC0415 - see the top

    policy = _policy(config)
    with opened_store(config) as (store, _):
        done = retention.sweeping(store, policy, Operator(operator(), reason), wall_clock_ms())
    _print_deleted(done)


@person_app.command("export")
def export_person(
    worker: Annotated[str, typer.Option(help="The worker's reference.")],
    to: Annotated[Path, typer.Option(help="A new JSON file; a text to read is written beside it.")],
    reason: ReasonOption,
    config: Config = Path("bridge.toml"),
) -> None:
    """Write all that is kept of one worker into files that only you can read."""
    from badgeclock.bridge.operations import data_subject_export  # noqa: PLC0415 - see the top

    who = Operator(operator(), reason)
    with opened_store(config) as (store, keys):
        found = data_subject_export.collect(store, keys, worker, who, wall_clock_ms())
    files = data_subject_export.write(to, found)
    typer.echo(f"Written: {files[0]} and {files[1]}, with name and number. Hand them over, and delete them.", err=True)


@person_app.command("erase")
def erase_person(
    worker: Annotated[str, typer.Option(help="The worker's reference.")],
    reason: ReasonOption,
    config: Config = Path("bridge.toml"),
) -> None:
    """Erase a worker, unless presences of theirs must still be kept; then it says until when."""
    from badgeclock.bridge.operations import retention  # noqa: PLC0415 - see the top

    policy = _policy(config)
    with changing(config) as opened:
        done = retention.erase(opened.connection, policy, worker, Operator(operator(), reason), wall_clock_ms())
    _print_deleted(done)
    typer.echo("Copies are in the backups that were made before; those end with their own time.", err=True)


def _print_deleted(done: Counter[str]) -> None:
    message = ", ".join(f"{name} {count}" for name, count in sorted(done.items()))
    typer.echo(f"Deleted: {message or 'nothing'}.", err=True)

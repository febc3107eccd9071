"""`badgeclock bridge notices`: whether notices arrive, and which are open."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from badgeclock.bridge.errors import LetterNotSent
from badgeclock.bridge.notices import book
from badgeclock.bridge.notices.book import Letter, Recipient
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.context import Config, looking, moment
from badgeclock.errors import EXIT_FAILED, SettingsError

if TYPE_CHECKING:
    from badgeclock.bridge.notices.sending import Sender

app = typer.Typer(no_args_is_help=True, help="Who is called when nobody looks: does it arrive, and for what.")


@app.command("test")
def send_trial(config: Config = Path("bridge.toml")) -> None:
    """Send a trial notice to everybody in [notices], and call the heartbeat's address. Ends with 1 if one failed."""
    from badgeclock.bridge import settings  # noqa: PLC0415 - the other commands send nothing
    from badgeclock.bridge.notices.sending import Sender  # noqa: PLC0415

    own = settings.load(config).notices
    sender = Sender(own)
    if not sender.recipients and not own.heartbeat_url:
        raise SettingsError(
            what="[notices] names nobody to call",
            kept="everything as it was",
            do="set email_to, webhook_url or heartbeat_url in bridge.toml; docs/notices.md has an example",
        )
    failed = asyncio.run(_try_all(sender, with_heartbeat=bool(own.heartbeat_url)))
    if failed:
        raise typer.Exit(EXIT_FAILED)


async def _try_all(sender: Sender, *, with_heartbeat: bool) -> int:
    results = [await _try_one(sender, one) for one in sender.recipients]
    if with_heartbeat:
        try:
            await sender.beat()
        except LetterNotSent as error:
            results.append(_failed("heartbeat", error))
        else:
            typer.echo("heartbeat: answered")
    return results.count(False)


async def _try_one(sender: Sender, to: Recipient) -> bool:
    now_ms = wall_clock_ms()
    body = {"kind": "test", "new": [], "over": [], "made_ms": now_ms}
    where = to.address if to.channel is book.Channel.EMAIL else "webhook"
    try:
        await sender.send(Letter(0, uuid.uuid4().hex, to.channel, to.mark, body, now_ms, 0), now_ms)
    except LetterNotSent as error:
        return _failed(where, error)
    typer.echo(f"{where}: taken")
    return True


def _failed(where: str, error: LetterNotSent) -> bool:
    typer.echo(f"{where}: {error.why}")
    return False


@app.command("list")
def list_notices(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Show what somebody was called for and is not over, and how many letters are still under way."""
    with looking(config) as connection:
        found = book.opened(connection)
        waiting = book.waiting(connection)
    for one in found:
        where = ", ".join(part for part in (one["site"], one["clock"], one["item"]) if part)
        line = f"{moment(one['since_ms'])}  {one['kind']}  {where or one['name']}"
        typer.echo(json.dumps(one) if as_json else line)
    under_way = ", ".join(f"{number} by {channel}" for channel, number in sorted(waiting.items()))
    typer.echo(f"{len(found)} open; letters under way: {under_way or 'none'}", err=True)

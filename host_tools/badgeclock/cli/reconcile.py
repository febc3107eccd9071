"""`badgeclock bridge reconcile`: compares a day in the store with the authority's."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from badgeclock.authorities import kinds
from badgeclock.bridge import settings
from badgeclock.bridge.people.sites import TIME_ZONE
from badgeclock.bridge.presences.regimes import local_day
from badgeclock.bridge.registrar import reconcile as reconciling
from badgeclock.bridge.registrar.reconcile import Report
from badgeclock.bridge.registrar.registrar import share_out
from badgeclock.bridge.store import vault
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.context import WIDE, Config
from badgeclock.errors import EXIT_VERIFY_MISMATCH

app = typer.Typer()


@app.command()
def reconcile(
    *,
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day to compare.", show_default="today")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Compare a day in the store with what the authority has of it, and list what differs; changes nothing.

    Exit code 4: something differs.
    """
    chosen = day.date() if day else local_day(wall_clock_ms(), TIME_ZONE)
    configured = settings.load(config)

    async def compared() -> Report:
        wanted = [one for one in (configured.authority, configured.movement_authority) if one is not None]
        authorities = [kinds.connect(one) for one in wanted]
        try:
            return await reconciling.reconcile(store, keys, share_out(authorities), chosen)
        finally:
            for authority in authorities:
                await authority.close()

    keys = vault.load(configured.secrets.data_key_file)
    store = Store(configured.store.url)
    try:
        store.check()
        report = asyncio.run(compared())
    finally:
        store.close()
    _print(report, chosen.isoformat(), as_json=as_json)
    if report.findings:
        raise typer.Exit(EXIT_VERIFY_MISMATCH)


def _print(report: Report, day: str, *, as_json: bool) -> None:
    if as_json:
        findings = [one.as_dict() for one in report.findings]
        fields = {"day": day, "agreed": report.agreed, "under_way": report.under_way, "findings": findings}
        typer.echo(json.dumps(fields))
        return
    columns = ("what", "workplace", "worker", "item", "state", "number", "at the authority")
    table = Table(*columns, box=None, pad_edge=False)
    for one in report.findings:
        number = "" if one.number is None else str(one.number)
        there = ", ".join(map(str, one.numbers))
        table.add_row(one.difference, one.workplace, one.worker or "", one.item or "", one.state or "", number, there)
    if report.findings:
        Console(width=None if sys.stdout.isatty() else WIDE).print(table)
    typer.echo(
        f"{day}: {report.agreed} stand on both sides, {len(report.findings)} differ, {report.under_way} are under way.",
        err=True,
    )

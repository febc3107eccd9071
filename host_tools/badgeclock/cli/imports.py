"""`badgeclock bridge import`: employers, sites, workers, badges and plans, from the office's files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from badgeclock.bridge.errors import SheetError
from badgeclock.bridge.people import imports, spreadsheets
from badgeclock.bridge.people.imports import LEFT_OUT, REMOVED, Kind, Report, Table
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.context import STDIN, Config, opened_store, operator
from badgeclock.errors import EXIT_FAILED

app = typer.Typer()

WERE = "were"
ROWS_NAMED = 10
"""So many rows of a cause, or runs of them, are named."""


@app.command("import")
def import_tables(
    files: Annotated[list[Path], typer.Argument(help="CSV, XLSX or XML files; `-` is stdin, with --kind.")],
    kind: Annotated[
        Kind | None, typer.Option(help="What the table is of; else its sheet or file is named after it.")
    ] = None,
    site: Annotated[
        str | None, typer.Option(help="The site that a declaration of works (XML) is of, which does not say it.")
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="The code page of CSV files that are neither UTF-8 nor Windows-1252: cp850, mac_roman."),
    ] = None,
    faults: Annotated[
        Path | None, typer.Option(help="Write every bad row, one a line, into this CSV file as well.")
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")] = False,
    config: Config = Path("bridge.toml"),
) -> None:
    """Import employers, sites, workers, badges and who is expected: every row, or none. The same file again changes
    nothing. More than 2,000 rows are tried as a whole first, then written in portions, with punches between them.

    What is wrong is said on stdout, each cause once with its first rows; of more than 200, those of a kind as one.
    """
    read = [imports.read_file(_content(file), str(file), kind, encoding, site) for file in files]
    tables = [table for file in read for table in file.tables]
    for remark in (remark for file in read for remark in file.remarks):
        typer.echo(f"badgeclock: {remark}.", err=True)
    who = Operator(operator(), f"import of files {', '.join(sorted({table.file_sha256[:16] for table in tables}))}")
    work = imports.rehearse if dry_run else imports.carry_out
    with opened_store(config) as (store, keys):
        report = work(store, keys, tables, who, wall_clock_ms())
    if faults is not None:
        _write_faults(faults, report)
    _print_report(report, tables, done="would be" if dry_run else WERE)


def _content(file: Path) -> bytes:
    """A file's bytes, up to the size limit; raises SheetError beyond it."""
    try:
        if file == STDIN:
            return sys.stdin.buffer.read(spreadsheets.FILE_BYTES_MOST + 1)
        with file.open("rb") as opened:
            return opened.read(spreadsheets.FILE_BYTES_MOST + 1)
    except OSError as error:
        raise SheetError(f"{file} cannot be read: {error.strerror}", "name a CSV or XLSX file") from None


def _write_faults(file: Path, report: Report) -> None:
    try:
        file.write_text(imports.as_csv(report.faults), encoding="utf-8", newline="")
    except OSError as error:
        typer.echo(f"badgeclock: {file} cannot be written: {error.strerror}.", err=True)


def _print_report(report: Report, tables: list[Table], done: str) -> None:
    lines = imports.gathered(report.faults, ROWS_NAMED)
    for line in lines[: imports.CAUSES_MOST]:
        typer.echo(line)
    if len(lines) > imports.CAUSES_MOST:
        typer.echo(f"badgeclock: {len(lines) - imports.CAUSES_MOST} kinds more; --faults FILE has every row.", err=True)
    if report.faults:
        typer.echo(
            f"badgeclock: {len(report.faults)} of {imports.rows_of(tables)} rows are bad; {_kept(report, done)}.",
            err=True,
        )
        if report.following:
            typer.echo(f"badgeclock: {report.following} more are bad only because they name one of these.", err=True)
        raise typer.Exit(EXIT_FAILED)
    _print_counts(report, done)


def _kept(report: Report, done: str) -> str:
    if done == WERE and report.counts:
        return f"{report.counts.total()} before them were imported, and the same list, once corrected, completes it"
    return "nothing was imported"


def _print_counts(report: Report, done: str) -> None:
    for kind in Kind:
        counts = {verb: report.counts[kind, verb] for verb in ("added", "changed", "unchanged")}
        counts |= {verb: report.counts[kind, verb] for verb in (REMOVED, LEFT_OUT) if report.counts[kind, verb]}
        if any(counts.values()):
            text = ", ".join(f"{count} {done} {verb}" for verb, count in counts.items())
            typer.echo(f"{kind}: {text}", err=True)
    if report.queued:
        typer.echo(f"presences that {done} queued for waiting punches: {report.queued}", err=True)
    if report.waiting:
        typer.echo(f"punches that wait for these badges: {report.waiting}", err=True)

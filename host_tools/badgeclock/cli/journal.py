"""`badgeclock journal`: what a clock's records prove, offline and without trusting the bridge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from badgeclock.errors import EXIT_VERIFY_MISMATCH, EvidenceError

if TYPE_CHECKING:
    from badgeclock.evidence.keys import ClockKeys

app = typer.Typer(no_args_is_help=True, help="A clock's records as evidence: are they genuine, and are they all there?")


@app.callback()
def journal() -> None:
    """A clock's records as evidence: are they genuine, and are they all there?"""


@app.command()
def verify(
    flash: Annotated[
        Path | None, typer.Argument(help="The clock's whole flash, read from address 0.", show_default=False)
    ] = None,
    *,
    journal_file: Annotated[
        Path | None, typer.Option("--journal", help="The partition `journal`, in place of the whole flash.")
    ] = None,
    seal_file: Annotated[Path | None, typer.Option("--seal", help="The partition `seal` that goes with it.")] = None,
    dumps: Annotated[
        list[Path] | None,
        typer.Option(
            "--dump", help="Messages of the clock: records, or lines of mosquitto_sub -F '%t %x'. Repeatable."
        ),
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="The bridge's store: its SQLAlchemy URL, or the bridge.toml that names it.")
    ] = None,
    bundle: Annotated[Path | None, typer.Option(help="The clock's bundle.json, which holds its first key.")] = None,
    workshop: Annotated[
        Path | None, typer.Option(envvar="BADGECLOCK_WORKSHOP", help="The workshop, in place of a bundle; with --id.")
    ] = None,
    clock_id: Annotated[str | None, typer.Option("--id", help="The clock's id in the workshop.")] = None,
    anchors: Annotated[
        list[str] | None,
        typer.Option("--anchor", metavar="SEQ:TAG", help="A record's number and tag that you know. Repeatable."),
    ] = None,
    all_records: Annotated[
        bool, typer.Option("--all", help="A line for every record, not only what is wrong.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a record, then the summary.")] = False,
) -> None:
    """Judge every record of a clock and say what is proven, what is not, and what fails.

    Leaves with status 0 if everything is proven, 4 if anything failed or is unproven. Nothing is written anywhere.
    """
    _check_usage(flash, journal_file, seal_file, dumps, store)
    # The command line starts faster without these.
    from badgeclock.evidence import report_text, sources, verifier  # noqa: PLC0415
    from badgeclock.evidence.findings import Verdict  # noqa: PLC0415

    keys = _keys(bundle, workshop, clock_id)
    given = sources.Inputs(
        flash=flash,
        journal=journal_file,
        seal=seal_file,
        dumps=dumps or (),
        store=store,
        anchors=[sources.parse_anchor(text) for text in anchors or ()],
    )
    report = verifier.verify(keys, sources.read(keys, given))
    if as_json:
        for record in report_text.record_objects(report):
            typer.echo(json.dumps(record))
        typer.echo(json.dumps(report_text.summary_object(report)))
    else:
        if all_records:
            for line in report_text.record_lines(report):
                typer.echo(line)
        for line in report_text.lines(report):
            typer.echo(line)
    if report.verdict is not Verdict.OK:
        raise typer.Exit(EXIT_VERIFY_MISMATCH)


def _check_usage(
    flash: Path | None,
    journal_file: Path | None,
    seal_file: Path | None,
    dumps: list[Path] | None,
    store: str | None,
) -> None:
    """Meaningless combinations are usage errors."""
    if flash is not None and journal_file is not None:
        raise typer.BadParameter("give the whole flash or its partitions, not both")
    if seal_file is not None and journal_file is None:
        raise typer.BadParameter("--seal goes with --journal")
    if flash is None and journal_file is None and not dumps and store is None:
        raise typer.BadParameter("name a flash, --journal, --dump or --store")


def _keys(bundle: Path | None, workshop: Path | None, clock_id: str | None) -> ClockKeys:
    """The clock's keys, from one of the two places that have them."""
    from badgeclock.evidence import keys  # noqa: PLC0415 - see above

    if bundle is not None:
        return keys.from_bundle(bundle)
    if workshop is None or clock_id is None:
        raise typer.BadParameter("the clock's key is needed: --bundle, or --workshop with --id")
    from badgeclock.cli.workshop_passphrase import opened_workshop  # noqa: PLC0415 - see above

    made = opened_workshop(workshop).bundle(clock_id)
    if made is None:
        raise EvidenceError(
            what=f"the workshop {workshop} has founded no chain of {clock_id}",
            kept="nothing was judged",
            do="look at the clock ids in its folder `clocks`",
        )
    return keys.of_bundle(made)

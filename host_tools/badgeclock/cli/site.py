"""`badgeclock site`: an installation for a site, another key for it, and what to do about a stolen clock."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from badgeclock.bridge.clocks import theft
from badgeclock.bridge.clocks.theft import State, Step
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.ca import JsonOption, WorkshopOption
from badgeclock.cli.context import Config, looking, operator
from badgeclock.cli.workshop_passphrase import chosen, opened_workshop
from badgeclock.errors import EXIT_FAILED

if TYPE_CHECKING:
    from badgeclock.installation import answers as questions

app = typer.Typer(
    no_args_is_help=True, help="A site's installation and its keys, and what to do when a clock was stolen."
)

Folder = Annotated[Path, typer.Argument(help="The installation's folder.")]


@app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder; everything is made in it.")],
    answers: Annotated[
        Path | None, typer.Option("--answers", help="A TOML file with the answers, instead of being asked.")
    ] = None,
    *,
    is_trial: Annotated[
        bool,
        typer.Option("--trial", help="To try it out: sandbox, virtual clock, one worker with a badge; no question."),
    ] = False,
    without_passphrase: Annotated[
        bool, typer.Option("--without-passphrase", help="Leave the workshop's keys in the clear.")
    ] = False,
) -> None:
    """Make a site's installation: workshop, broker, bridge, operators' pages, and the units that keep them running.

    Prints the first password of the operators' pages on stdout.
    """
    from badgeclock.installation import answers as questions  # noqa: PLC0415 - the other commands start faster without
    from badgeclock.installation import running, site_files, trial  # noqa: PLC0415

    if is_trial and answers is not None:
        raise typer.BadParameter("give --trial or --answers")
    given = trial.answers() if is_trial else questions.read(answers, _ask if sys.stdin.isatty() else None)
    passphrase = None if is_trial or without_passphrase else chosen(folder / site_files.WORKSHOP)
    command = shutil.which(sys.argv[0]) or sys.argv[0]
    made = site_files.make(
        folder, given, lambda _: passphrase, str(Path(command).resolve()), operator(), wall_clock_ms()
    )
    if is_trial:
        trial.add(made.folder, given, running.own_command(), _say)
    if made.password:
        typer.echo(made.password)
        where = f"http://127.0.0.1:{given.console_port}/"
        _say(f"that is the first password of {given.account} on {where}; it is kept nowhere")
    for line in site_files.next_steps(folder, given, is_trial=is_trial):
        _say(line)


def _ask(question: questions.Question) -> str:
    return str(typer.prompt(question.words, default=question.default, err=True))


def _say(line: str) -> None:
    typer.echo(line, err=True)


@app.command("prepare")
def prepare(folder: Folder) -> None:
    """Make the store of an installation in containers, or bring it to this version's form. The same again is nothing.

    Its compose file does this before the bridge starts.
    """
    from badgeclock.installation import site_files  # noqa: PLC0415 - as above

    is_new = site_files.prepare(folder.resolve(), operator(), wall_clock_ms())
    _say("the store is ready, with its site" if is_new else "the store is ready")


@app.command("run")
def run(folder: Folder) -> None:
    """Run an installation in the foreground until Ctrl-C: broker, bridge and console; of a trial the sandbox and clock.

    Where a service manager is, its units do this.
    """
    from badgeclock.installation.running import Running, own_command  # noqa: PLC0415 - as above

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    parts = Running(folder, own_command())
    try:
        parts.start(_say)
        _say(f"it runs; the operators' pages: {parts.console_url}")
        parts.watch()
    except KeyboardInterrupt:
        _say("stopping")
    finally:
        parts.stop()


@app.command("new-key")
def new_key(
    site: Annotated[str, typer.Argument(help="The site's name, as on its clocks.")],
    *,
    directory: WorkshopOption,
) -> None:
    """Make one more key for a site's tokens, after those that it has. Prints the workshop's file of them."""
    shop = opened_workshop(directory)
    typer.echo(shop.add_site_key(site))
    typer.echo(
        f"next, before any clock: badgeclock ca export FOLDER --workshop … --site {site!r}; on the bridge's machine "
        f"badgeclock bridge site set --name {site!r} --key with the file in that folder; then provision each clock of "
        "the site over the cable; then badgeclock bridge site set --forget-old-key",
        err=True,
    )


@app.command()
def stolen(
    clock: Annotated[str, typer.Argument(help="The id of the clock that was stolen.")],
    config: Config = Path("bridge.toml"),
    directory: Annotated[
        Path | None,
        typer.Option("--workshop", envvar="BADGECLOCK_WORKSHOP", help="The workshop, to look at the certificate too."),
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Say what a stolen clock gives away and what ends it: what is done, and what is open. Changes nothing.

    Ends with exit code 1 as long as something is open.
    """
    found = [_certificate(clock, directory)]
    with looking(config) as connection:
        found += theft.steps(connection, clock)
    for step in found:
        if as_json:
            typer.echo(json.dumps({**step._asdict(), "state": step.state.value}))
        else:
            typer.echo(f"{step.state.value:<5} {step.name}: {step.what}{step.do and f'. To do: {step.do}'}")
    if any(step.state is State.OPEN for step in found):
        raise typer.Exit(EXIT_FAILED)


def _certificate(clock: str, directory: Path | None) -> Step:
    name, do = "certificate", f"badgeclock ca revoke {clock} --broker …"
    if directory is None:
        return Step(name, State.ASK, "the workshop knows whether it is revoked; give this command --workshop", do)
    if clock in opened_workshop(directory).holders():
        return Step(name, State.OPEN, "with it the thief is at the broker as this clock, and floods it or listens", do)
    return Step(name, State.DONE, "it is revoked, or there is none; the broker must have the list (`ca broker`)")

"""`badgeclock bridge site|employer|worker|badge`: who works where, for whom, with which badge.

Secrets come from files or stdin (`-`), never from the command line, where other users could read them.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from badgeclock.bridge.people import badge_keys, badge_uids, badges, employers, engagements, identities, sites, workers
from badgeclock.bridge.people.engagements import Engaged
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.wall_clock import wall_clock_ms
from badgeclock.cli.context import (
    Config,
    changing,
    looking,
    moment,
    operator,
    punch_name,
    secret_bytes,
    secret_text,
)

site_app = typer.Typer(no_args_is_help=True, help="Sites, their workplace numbers and regimes.")
employer_app = typer.Typer(no_args_is_help=True, help="Employers, by enterprise number.")
worker_app = typer.Typer(no_args_is_help=True, help="Workers, by your own reference.")
badge_app = typer.Typer(no_args_is_help=True, help="Badges, given to workers.")

SITE_LANGUAGE: Final = "site"
NONE: Final = "none"
BADGE_KEY_HELP: Final = (
    "The file of the site's badge key (from `badgeclock ca export --badge-key`), to issue badges; `-` is stdin."
)


@site_app.command("add")
def add_site(
    name: Annotated[str, typer.Option(help="The site's name, as on its clocks.")],
    workplace: Annotated[str, typer.Option(help="Its number in the declaration of works, 13 characters.")],
    key: Annotated[Path, typer.Option(help="The site key's file: 64 hexadecimal digits; `-` is stdin.")],
    regime: Annotated[Regime, typer.Option(help="Which rule its presences follow.")] = Regime.CONSTRUCTION,
    time_zone: Annotated[str, typer.Option(help="Where its days begin and end.")] = sites.TIME_ZONE,
    badge_key: Annotated[Path | None, typer.Option(help=BADGE_KEY_HELP)] = None,
    config: Config = Path("bridge.toml"),
) -> None:
    """Add a site."""
    site_key = secret_bytes(key, "a site key")
    root = None if badge_key is None else secret_bytes(badge_key, "a badge key")
    with changing(config) as opened:
        site_id = sites.add(
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
            badge_keys.set_badge_root(opened.connection, opened.vault, name, root, wall_clock_ms())
            opened.note(Act.BADGE_KEY_SET, ("site", site_id))
    typer.echo(f"Site {name!r} added.", err=True)


@site_app.command("set")
def set_site(
    name: Annotated[str, typer.Option(help="The site's name.")],
    badge_key: Annotated[Path | None, typer.Option(help=BADGE_KEY_HELP)] = None,
    key: Annotated[
        Path | None, typer.Option(help="The file of the site's keys: its first one, or one more after those it has.")
    ] = None,
    regime: Annotated[Regime | None, typer.Option(help="Which rule its presences follow from now on.")] = None,
    regime_from: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day from whose midnight on that rule counts.")
    ] = None,
    workplace: Annotated[str | None, typer.Option(help="Its number in the declaration of works.")] = None,
    longest_shift: Annotated[
        int | None, typer.Option(min=4, max=24, help="The longest shift there, in hours; 12 if nothing is said.")
    ] = None,
    night_hours: Annotated[str | None, typer.Option(help="When the site works at night: 22:00-06:00, or none.")] = None,
    deadline: Annotated[
        str | None, typer.Option(help="By when everybody there has a number, for notices: 08:30, or none.")
    ] = None,
    deadline_minutes: Annotated[
        int | None, typer.Option(min=0, max=720, help="How many minutes before that time a notice is sent.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it is kept with your name.")] = "",
    config: Config = Path("bridge.toml"),
    *,
    forget_old_key: Annotated[
        bool, typer.Option("--forget-old-key", help="End the change of its key: every clock has the new one.")
    ] = False,
) -> None:
    """Change a site: its keys, so that badges can be given and issued there, its regime, its workplace number.

    Another badge key than before makes every card of the site a stranger's. One more site key begins a change during
    which every badge has two tokens. What was declared stays as it was declared.
    """
    keys = (badge_key, key, True if forget_old_key else None)
    described = (regime, workplace, longest_shift, night_hours, deadline, deadline_minutes)
    if all(given is None for given in (*keys, *described)):
        raise typer.BadParameter(
            "give --key, --forget-old-key, --badge-key, --regime, --workplace, --longest-shift, --night-hours, "
            "--deadline or --deadline-minutes"
        )
    # Read before the store is locked: reading from a terminal can take long.
    site_key = None if key is None else secret_bytes(key, "a site key")
    root = None if badge_key is None else secret_bytes(badge_key, "a badge key")
    with changing(config) as opened:
        site_id = sites.row_id(opened.connection, name)
        if site_key is not None:
            change = badge_keys.give_site_key(
                opened.connection, opened.vault, name, site_key, operator(), wall_clock_ms()
            )
            opened.note_change(change, Act.SITE_ADDED, Act.SITE_KEY_SET)
        if forget_old_key and badge_keys.forget_old_key(opened.connection, name, operator(), wall_clock_ms()):
            opened.note(Act.SITE_KEY_SET, ("site", site_id), old_key="forgotten")
        if root is not None and badge_keys.set_badge_root(opened.connection, opened.vault, name, root, wall_clock_ms()):
            opened.note(Act.BADGE_KEY_SET, ("site", site_id))
        sites.change(
            opened.connection,
            name,
            regime=regime,
            regime_from=regime_from and regime_from.date(),
            workplace=workplace,
            longest_shift_h=longest_shift,
            night_hours="" if night_hours == NONE else night_hours,
            deadline="" if deadline == NONE else deadline,
            deadline_minutes=deadline_minutes,
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
        change = employers.put(opened.connection, kbo, name)
        opened.note_change(change, Act.EMPLOYER_ADDED, Act.EMPLOYER_CHANGED)
    typer.echo("Employer added.", err=True)


@worker_app.command("add")
def add_worker(
    reference: Annotated[str, typer.Option(help="Your own number for the worker; lists and logs show it.")],
    name: Annotated[str, typer.Option(help="The worker's name; lists show initials only.")],
    niss_file: Annotated[Path | None, typer.Option(help="File with the national number; `-` is stdin.")] = None,
    limosa: Annotated[Path | None, typer.Option(help="File with the Limosa number instead; `-` is stdin.")] = None,
    employer: Annotated[str | None, typer.Option(help="The employer's enterprise number.")] = None,
    language: Annotated[str | None, typer.Option(help="The worker's language at clocks: nl, fr, de, en.")] = None,
    config: Config = Path("bridge.toml"),
) -> None:
    """Add a worker, with a national number and an employer, or with a Limosa number."""
    if niss_file is not None and limosa is None:
        identity = identities.niss(secret_text(niss_file))
    elif limosa is not None and niss_file is None:
        identity = identities.limosa(secret_text(limosa))
    else:
        raise typer.BadParameter("give --niss-file or --limosa, one of them")
    with changing(config) as opened:
        worker_id = workers.add(
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
        typer.Option(help="The worker's language at clocks: nl, fr, de, en; site for each site's own."),
    ] = None,
    config: Config = Path("bridge.toml"),
) -> None:
    """Change what is given of a worker: presences from now on are declared so.

    What was declared stays as it was declared; `badgeclock bridge presence correct` declares it again.
    """
    if niss_file is not None and limosa is not None:
        raise typer.BadParameter("give --niss-file or --limosa, not both")
    identity = (
        identities.niss(secret_text(niss_file))
        if niss_file
        else identities.limosa(secret_text(limosa))
        if limosa
        else None
    )
    with changing(config) as opened:
        change = workers.change(
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


@worker_app.command()
def engage(
    reference: Annotated[str, typer.Option(help="The worker's reference.")],
    employer: Annotated[str, typer.Option(help="The employer's enterprise number.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is kept with your name.")],
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day; else ever since.")
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day, if known.")] = None,
    site: Annotated[list[str] | None, typer.Option(help="A site it is for; once for each. Else all.")] = None,
    config: Config = Path("bridge.toml"),
) -> None:
    """Give a worker one more employer, or an engagement another end or other sites.

    The employer of `worker add` counts always and everywhere, unless an engagement with it says when and where. A badge
    that is given with `badge add --employer` chooses; else the site; what stays ambiguous waits for you.
    """
    number = employers.enterprise_number(employer)
    engaged = Engaged(number, first and first.date(), last and last.date(), tuple(site or ()))
    with changing(config) as opened:
        who = Operator(operator(), reason)
        change = engagements.engage(opened.connection, reference, engaged, who, wall_clock_ms())
    typer.echo(f"Worker {reference!r}: {'engaged' if change.happened else 'nothing changed'}.", err=True)


@worker_app.command("engagements")
def list_engagements(
    reference: Annotated[str, typer.Option(help="The worker's reference.")], config: Config = Path("bridge.toml")
) -> None:
    """Show the engagements of a worker: employer, from and to which day, at which sites."""
    with looking(config) as connection:
        found = list(engagements.of_worker(connection, reference))
    for _, one in found:
        first, last = one.from_day or "ever since", one.to_day or "no end"
        typer.echo(f"{one.employer_kbo}  {first} to {last}  {', '.join(one.sites) or 'all sites'}")


@badge_app.command("list")
def list_badges(
    worker: Annotated[str, typer.Option(help="The worker's reference.")],
    config: Config = Path("bridge.toml"),
) -> None:
    """Show every badge that a worker has or had: its row, its site, since and until when, and how it is known."""
    with looking(config) as connection:
        found = list(badges.history(connection, worker))
    for badge, site in found:
        until = "in use" if badge.until_ms is None else f"until {moment(badge.until_ms)}"
        typer.echo(f"{badge.id:>6}  {site}  since {moment(badge.since_ms)}  {until}  {badge.proof}")


@badge_app.command("add")
def add_badge(
    worker: Annotated[str, typer.Option(help="The worker's reference.")],
    site: Annotated[str | None, typer.Option(help="The site whose clocks should know the badge.")] = None,
    uid_file: Annotated[
        Path | None, typer.Option(help="File with the badge's UID as a reader prints it; `-` is stdin.")
    ] = None,
    punch: Annotated[
        str | None, typer.Option(help="Instead of both: CLOCK/SEQ of a punch whose badge nobody was given.")
    ] = None,
    employer: Annotated[
        str | None, typer.Option(help="Whom its punches are for, of a worker's several employers.")
    ] = None,
    config: Config = Path("bridge.toml"),
) -> None:
    """Give a badge to a worker; only its token is stored. Today's punches of it that nobody had are declared.

    With --punch it is the badge of a punch that waits; ask its worker for the code that the clock shows.
    """
    if (punch is None) == (site is None or uid_file is None) or (punch is not None and (site or uid_file)):
        raise typer.BadParameter("give --site with --uid-file, or --punch alone")
    uid = None if uid_file is None else badge_uids.parse(secret_text(uid_file))
    number = None if employer is None else employers.enterprise_number(employer)
    with changing(config) as opened:
        if punch is not None:
            clock, seq = punch_name(punch)
            assigned = badges.assign_punched(
                opened.connection,
                opened.vault,
                clock=clock,
                seq=seq,
                worker=worker,
                employer_kbo=number,
                operator=Operator(operator()),
                now_ms=wall_clock_ms(),
            )
        else:
            assert site is not None
            assert uid is not None
            assigned = badges.assign(
                opened.connection,
                opened.vault,
                site=site,
                worker=worker,
                uid=uid,
                employer_kbo=number,
                now_ms=wall_clock_ms(),
            )
            if assigned.is_new:
                opened.note(Act.BADGE_ASSIGNED, ("worker", assigned.worker), badge=assigned.badge, site=site)
    typer.echo(f"Badge given to {worker!r}; presences queued for waiting punches: {assigned.queued}.", err=True)

"""Employers, sites, workers, badges and clocks: who may be declared, and by which clock.

Every function takes the connection of an open transaction (`Store.write`), so that several acts can be one. A worker's
name and national or Limosa number are encrypted before they reach the store, and a badge is kept as its token only: its
id is forgotten when the function returns. Refusals raise PeopleError, which names rows by reference, never by number.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, insert, select, update
from stdnum.be import ssn, vat

from badgeclock.bridge import events, orders, presences, rosters, schema
from badgeclock.bridge.events import Event, Severity
from badgeclock.bridge.regimes import Regime
from badgeclock.bridge.states import ClockState, IdentityKind
from badgeclock.bridge.vault import LINK_KEY, PEOPLE, SEAL_KEYS, SITE_KEY, Vault
from badgeclock.errors import BadgeclockError
from badgeclock.protocol import seal
from badgeclock.protocol.topics import TopicRefused, check_clock_id

TIME_ZONE: Final = "Europe/Brussels"
SITE_KEY_BYTES: Final = 32
UID_BYTES: Final = (4, 7, 10)
NUMBER_PROVED: Final = 2
UID_READ: Final = 1
_LANGUAGE: Final = re.compile(r"[a-z]{2}", re.ASCII)
_WORKPLACE_CHARACTERS: Final = 13
_LIMOSA_CHARACTERS: Final = 64


class PeopleError(BadgeclockError):
    """An employer, site, worker, badge or clock that cannot be, or is not there."""

    def __init__(self, what: str, do: str) -> None:
        super().__init__(what=what, kept="the store as it was", do=do)

    def __reduce__(self) -> tuple[object, ...]:
        return (PeopleError, (self.what, self.do))


@dataclass(frozen=True, slots=True)
class Identity:
    """A worker's number towards the authority; not in its `repr`."""

    kind: IdentityKind
    number: str = field(repr=False)

    @property
    def masked(self) -> str:
        """The last two characters, for a person who must tell two workers apart."""
        return "*" * (len(self.number) - 2) + self.number[-2:]


class Assigned(NamedTuple):
    """A badge given to a worker: how many presences were queued for punches that waited for it."""

    queued: int


def niss(text: str) -> Identity:
    """A national or bis number, blanks, dots and dashes allowed; raises PeopleError if its check digits are wrong."""
    number = ssn.compact(text)
    # Any date goes: registers use fictitious ones. What must hold is the form and the check digits.
    good = len(number) == 11 and number.isascii() and number.isdigit()
    if not good or _check_digits(number) != int(number[9:]):
        raise PeopleError("the national number has wrong check digits or a wrong form", "read it again, digit by digit")
    return Identity(IdentityKind.NISS, number)


def _check_digits(number: str) -> int | None:
    base, wanted = int(number[:9]), int(number[9:])
    return next((97 - n % 97 for n in (base, 2_000_000_000 + base) if 97 - n % 97 == wanted), None)


def limosa(text: str) -> Identity:
    """A Limosa number as it stands on the declaration; raises PeopleError if it is empty or no line of plain text."""
    number = text.strip()
    if not number or len(number) > _LIMOSA_CHARACTERS or not number.isascii() or not number.isalnum():
        raise PeopleError(
            "the Limosa number is empty or has characters no declaration has", "copy it from the L1 paper"
        )
    return Identity(IdentityKind.LIMOSA, number)


def add_employer(connection: Connection, kbo: str, name: str = "") -> int:
    """Add an employer by its enterprise number (KBO/BCE, 9 or 10 digits); returns its row, the same if it is there."""
    number = vat.compact(kbo).zfill(10)
    if not vat.is_valid(number):
        raise PeopleError("the enterprise number has wrong check digits or a wrong form", "look it up in the KBO/BCE")
    table = schema.employers
    known = connection.execute(select(table.c.id).where(table.c.kbo == number)).scalar()
    return known or _added(connection, table, kbo=number, name=name)


def add_site(
    connection: Connection,
    vault: Vault,
    *,
    name: str,
    workplace: str,
    regime: Regime,
    site_key: bytes,
    time_zone: str = TIME_ZONE,
) -> int:
    """Add a site; `workplace` is its number in the declaration of works, `site_key` the 32 bytes its clocks hold."""
    workplace = _workplace(workplace)
    if len(site_key) != SITE_KEY_BYTES:
        raise PeopleError("a site key has 32 bytes", "give the key file that the workshop made for this site")
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise PeopleError(f"there is no time zone {time_zone!r}", f"use a name such as {TIME_ZONE}") from None
    table = schema.sites
    if connection.execute(select(table.c.id).where(table.c.name == name)).scalar():
        raise PeopleError(f"the site {name!r} is there already", "choose another name")
    return _added(
        connection,
        table,
        name=name,
        workplace=workplace,
        regime=regime,
        time_zone=time_zone,
        site_key_closed=vault.close(SITE_KEY, name, site_key),
    )


def change_site(
    connection: Connection, name: str, *, regime: Regime | None, workplace: str | None, by: str, now_ms: int
) -> None:
    """Give a site another regime or workplace number; None leaves it. What was declared stays as it was declared."""
    table = schema.sites
    site_id = connection.execute(select(table.c.id).where(table.c.name == name)).scalar()
    if site_id is None:
        raise PeopleError(f"there is no site {name!r}", "add it with `badgeclock bridge site add`")
    values = {}
    if regime is not None:
        values["regime"] = regime.value
    if workplace is not None:
        values["workplace"] = _workplace(workplace)
    connection.execute(update(table).where(table.c.id == site_id).values(values))
    what = f"{', '.join(values)} of site {name} changed by {by}"
    events.write(connection, [Event(Severity.INFO, events.Kind.SITE_CHANGED, what)], now_ms)


def _workplace(text: str) -> str:
    workplace = text.strip().upper()
    if len(workplace) != _WORKPLACE_CHARACTERS or not workplace.isascii() or not workplace.isalnum():
        raise PeopleError(
            f"a workplace number has {_WORKPLACE_CHARACTERS} letters and digits",
            "copy it from the declaration of works",
        )
    return workplace


def add_worker(
    connection: Connection,
    vault: Vault,
    *,
    reference: str,
    name: str,
    identity: Identity,
    employer_kbo: str | None = None,
    language: str | None = None,
) -> int:
    """Add a worker under the office's own reference; with a national number an employer is needed. `language`: the one
    that clocks speak to them (nl), None for each site's own.
    """
    table = schema.workers
    if not reference.strip():
        raise PeopleError("a worker needs a reference", "use the number of your own personnel list")
    if connection.execute(select(table.c.id).where(table.c.reference == reference)).scalar():
        raise PeopleError(f"the worker {reference!r} is there already", "choose another reference")
    index = _free_index(connection, vault, identity, reference)
    employer_id = None
    if employer_kbo is not None:
        employer_id = _employer(connection, employer_kbo)
    elif identity.kind is IdentityKind.NISS:
        raise PeopleError("a worker with a national number needs an employer", "name the employer's enterprise number")
    return _added(
        connection,
        table,
        reference=reference,
        name_closed=vault.close(PEOPLE, f"name:{reference}", name.encode()),
        identity_kind=identity.kind,
        identity_closed=vault.close(PEOPLE, f"identity:{reference}", identity.number.encode()),
        identity_index=index,
        employer_id=employer_id,
        language=checked_language(language),
    )


def change_worker(
    connection: Connection,
    vault: Vault,
    reference: str,
    *,
    identity: Identity | None,
    employer_kbo: str | None,
    by: str,
    now_ms: int,
) -> None:
    """Give a worker another number or employer; None leaves it. What was declared stays as it was declared.

    A bis number that became a national number is such a change: the worker is the same, and so is every presence.
    """
    table = schema.workers
    row = connection.execute(select(table).where(table.c.reference == reference)).one_or_none()
    if row is None:
        raise PeopleError(f"there is no worker {reference!r}", "add the worker with `badgeclock bridge worker add`")
    values: dict[str, Any] = {}
    if identity is not None:
        values["identity_kind"] = identity.kind
        values["identity_closed"] = vault.close(PEOPLE, f"identity:{reference}", identity.number.encode())
        values["identity_index"] = _free_index(connection, vault, identity, reference)
    if employer_kbo is not None:
        values["employer_id"] = _employer(connection, employer_kbo)
    kind = identity.kind if identity is not None else row.identity_kind
    if kind == IdentityKind.NISS and values.get("employer_id", row.employer_id) is None:
        raise PeopleError("a worker with a national number needs an employer", "name the employer's enterprise number")
    connection.execute(update(table).where(table.c.id == row.id).values(values))
    changed = [word for word, given in (("number", identity), ("employer", employer_kbo)) if given is not None]
    what = f"{' and '.join(changed)} of worker {reference} changed by {by}"
    events.write(connection, [Event(Severity.INFO, events.Kind.WORKER_CHANGED, what)], now_ms)


def _free_index(connection: Connection, vault: Vault, identity: Identity, reference: str) -> bytes:
    """The index of a number that no other worker has."""
    table = schema.workers
    index = vault.index(f"{identity.kind}:{identity.number}")
    others = (table.c.identity_index == index) & (table.c.reference != reference)
    twin = connection.execute(select(table.c.reference).where(others)).scalar()
    if twin:
        raise PeopleError(f"the worker {twin!r} has the same number", "use that worker")
    return index


def checked_language(language: str | None) -> str | None:
    """The same language if it is None or two small letters; raises PeopleError otherwise."""
    if language is not None and not _LANGUAGE.fullmatch(language):
        raise PeopleError(f"{language[:16]!r} is no language", "give its two letters of ISO 639-1: nl, fr, de, en")
    return language


def set_language(connection: Connection, worker: str, language: str | None, now_ms: int) -> None:
    """The language in which clocks speak to a worker, None for each site's own."""
    table, badges = schema.workers, schema.badges
    language = checked_language(language)
    found = update(table).where(table.c.reference == worker).values(language=language).returning(table.c.id)
    worker_id = connection.execute(found).scalar()
    if worker_id is None:
        raise PeopleError(f"there is no worker {worker!r}", "add the worker with `badgeclock bridge worker add`")
    in_use = select(badges.c.site_id).where(badges.c.worker_id == worker_id, badges.c.until_ms.is_(None))
    rosters.changed(connection, connection.execute(in_use).scalars(), now_ms)


def assign_badge(
    connection: Connection,
    vault: Vault,
    *,
    site: str,
    worker: str,
    uid: bytes,
    now_ms: int,
) -> Assigned:
    """Give the badge with this UID (4, 7 or 10 bytes) to a worker at a site; whoever had it has it no longer.

    Today's punches of the badge that nobody was given are declared at once; older ones wait for a person.
    """
    if len(uid) not in UID_BYTES:
        raise PeopleError("a badge's UID has 4, 7 or 10 bytes", "give it as a reader prints it: 8, 14 or 20 hex digits")
    sites = schema.sites
    row = connection.execute(select(sites).where(sites.c.name == site)).one_or_none()
    if row is None:
        raise PeopleError(f"there is no site {site!r}", "add it with `badgeclock bridge site add`")
    site_key = vault.open(SITE_KEY, site, row.site_key_closed)
    token = seal.badge_token(site_key, UID_READ, uid)
    return assign_token(connection, site_id=row.id, worker=worker, token=token, now_ms=now_ms)


def assign_token(connection: Connection, *, site_id: int, worker: str, token: bytes, now_ms: int) -> Assigned:
    """The same for a token (8 bytes) as a punch carries it: how an unknown badge is assigned without having it."""
    badges, workers = schema.badges, schema.workers
    worker_id = connection.execute(select(workers.c.id).where(workers.c.reference == worker)).scalar()
    if worker_id is None:
        raise PeopleError(f"there is no worker {worker!r}", "add the worker with `badgeclock bridge worker add`")
    in_use = (badges.c.site_id == site_id) & (badges.c.token == token) & badges.c.until_ms.is_(None)
    holder = connection.execute(select(badges.c.worker_id).where(in_use)).scalar()
    if holder == worker_id:
        return Assigned(0)
    connection.execute(update(badges).where(in_use).values(until_ms=now_ms))
    _added(connection, badges, site_id=site_id, token=token, worker_id=worker_id, since_ms=now_ms)
    rosters.changed(connection, [site_id], now_ms)
    happened = Event(Severity.INFO, events.Kind.BADGE_ASSIGNED, f"a badge was given to {worker}")
    events.write(connection, [happened], now_ms)
    return Assigned(presences.reconsider_badge(connection, site_id, token, now_ms))


def add_clock(connection: Connection, vault: Vault, bundle: dict[str, Any], *, site: str, now_ms: int) -> int:
    """Add a provisioned clock from its bundle (as the workshop writes it); returns its row.

    The same bundle again changes nothing. A new bundle for a name in use means that the clock was provisioned anew: its
    earlier life is retired with all its records, and the new one begins at record 0.
    """
    try:
        name = check_clock_id(bundle["clock_id"])
        keys = {
            field: bytes.fromhex(bundle[field])
            for field, length in (("genesis_nonce", 8), ("e0", 32), ("link_key", 32))
            if len(bundle[field]) == 2 * length
        }
        nonce, e0, link_key = keys["genesis_nonce"], keys["e0"], keys["link_key"]
        certificate = bundle.get("certificate_sha256")
        if bundle["v"] != 1 or not isinstance(certificate, str | None):
            raise ValueError
    except (KeyError, TypeError, ValueError, TopicRefused):
        raise PeopleError(
            "this is no clock bundle of version 1", "give the bundle.json that the workshop wrote"
        ) from None
    sites, table = schema.sites, schema.clocks
    site_id = connection.execute(select(sites.c.id).where(sites.c.name == site)).scalar()
    if site_id is None:
        raise PeopleError(f"there is no site {site!r}", "add it with `badgeclock bridge site add`")
    state = seal.found(name, e0, nonce)
    in_use = (table.c.name == name) & (table.c.state != ClockState.RETIRED)
    known = connection.execute(select(table.c.id, table.c.genesis).where(in_use)).one_or_none()
    if known is not None:
        if known.genesis == state.genesis:
            # Another site's roster may have changed as often: its state is no version of this clock's.
            moved = (table.c.id == known.id) & (table.c.site_id != site_id)
            connection.execute(update(table).where(moved).values(site_id=site_id, roster_of=None))
            return int(known.id)
        connection.execute(update(table).where(table.c.id == known.id).values(state=ClockState.RETIRED, online=False))
        orders.close(connection, known.id, "provisioned anew", now_ms)
        what = "provisioned anew; the earlier life's records are kept"
        events.write(connection, [Event(Severity.WARNING, events.Kind.CLOCK_REPLACED, what, name)], now_ms)
    return _added(
        connection,
        table,
        name=name,
        site_id=site_id,
        state=ClockState.ACTIVE,
        certificate_sha256=certificate,
        link_key_closed=vault.close(LINK_KEY, name, link_key),
        next_seq=state.next_seq,
        boot=state.boot,
        epoch=state.epoch,
        epoch_records=state.records,
        keys_closed=vault.close(SEAL_KEYS + name, name, state.r + state.e_next),
        tag=state.tag,
        genesis=state.genesis,
        failing_times=0,
        status_counter=bytes(8),
        online=False,
        sealed=True,
        receipt_last=0,
        counter_reserved=0,
    )


def identity_of(vault: Vault, row: Any) -> Identity:
    """A worker's number, decrypted; `row` has the worker's reference, identity_kind and identity_closed."""
    number = vault.open(PEOPLE, f"identity:{row.reference}", row.identity_closed).decode()
    return Identity(IdentityKind(row.identity_kind), number)


def initials_of(vault: Vault, reference: str, name_closed: bytes) -> str:
    """First letters of a worker's name, which is all that lists show."""
    name = vault.open(PEOPLE, f"name:{reference}", name_closed).decode()
    return "".join(part[0].upper() for part in name.split())


def read_bundle(text: str) -> dict[str, Any]:
    """A clock bundle's JSON; raises PeopleError without quoting it."""
    try:
        bundle = json.loads(text)
    except (ValueError, RecursionError):
        bundle = None
    if not isinstance(bundle, dict):
        raise PeopleError("this is no clock bundle of version 1", "give the bundle.json that the workshop wrote")
    return bundle


def _employer(connection: Connection, kbo: str) -> int:
    table = schema.employers
    number = vat.compact(kbo).zfill(10)
    known = connection.execute(select(table.c.id).where(table.c.kbo == number)).scalar()
    if known is None:
        raise PeopleError("there is no such employer", "add it with `badgeclock bridge employer add`")
    return int(known)


def _added(connection: Connection, table: Any, **values: Any) -> int:
    """Insert one row; returns its number."""
    return int(connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one())

"""Employers, sites, workers, badges and clocks: who may be declared, and by which clock.

Every function takes the connection of an open transaction (`Store.write`), so that several acts can be one. A worker's
name and national or Limosa number are encrypted before they reach the store, and a badge is kept as its token only: its
id is forgotten when the function returns. Refusals raise PeopleError, which names rows by reference, never by number.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, insert, select, update
from stdnum.be import ssn, vat

from badgeclock.bridge import logs
from badgeclock.bridge.downlink import orders, rosters
from badgeclock.bridge.presences import presences
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.bridge.store import audit_log, event_log, schema
from badgeclock.bridge.store.audit_log import Act, Change, Operator
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import ClockState, IdentityKind
from badgeclock.bridge.store.vault import LINK_KEY, PEOPLE, SEAL_KEYS, SITE_KEY, Vault
from badgeclock.errors import BadgeclockError
from badgeclock.protocol import seal
from badgeclock.protocol.errors import TopicRefused
from badgeclock.protocol.topics import check_clock_id

TIME_ZONE: Final = "Europe/Brussels"
SITE_KEY_BYTES: Final = 32
UID_BYTES: Final = (4, 7, 10)
NISS_DIGITS: Final = 11
NUMBER_PROVED: Final = 2
UID_READ: Final = 1
_WORKPLACE_CHARACTERS: Final = 13
_LIMOSA_CHARACTERS: Final = 64
_LINE_CHARACTERS: Final = 200
_LANGUAGE: Final = re.compile(r"[a-z]{2}")
_LANGUAGES_MOST: Final = 8
_POST_CODE: Final = re.compile(r"[1-9][0-9]{3}")


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
    """A badge given to a worker: how many presences were queued for punches that waited for it, the rows of badge
    and worker; `is_new` is False if the worker had it already.
    """

    queued: int
    badge: int
    worker: int
    is_new: bool


def niss(text: str) -> Identity:
    """A national or bis number, blanks, dots and dashes allowed; raises PeopleError if its check digits are wrong."""
    number = ssn.compact(text)
    # Any date goes: registers use fictitious ones. What must hold is the form and the check digits.
    good = len(number) == NISS_DIGITS and number.isascii() and number.isdigit()
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


class Address(NamedTuple):
    """A Belgian address, in the fields that the authority asks for."""

    street: str
    house_number: str
    box: str
    post_code: str
    municipality: str


@dataclass(frozen=True, slots=True)
class Site:
    """A site as the office describes it. `workplace` is its number in the declaration of works; coordinates are WGS 84
    degrees; `languages` are ISO 639-1 codes, the most usual first.
    """

    name: str
    workplace: str
    regime: Regime = Regime.CONSTRUCTION
    time_zone: str = TIME_ZONE
    address: Address | None = None
    latitude: float | None = None
    longitude: float | None = None
    languages: tuple[str, ...] = ()


def identity(niss_text: str | None, limosa_text: str | None) -> Identity:
    """A worker's number out of two of which one must be given; raises PeopleError."""
    if niss_text and not limosa_text:
        # A spreadsheet takes a number's first zeros away.
        return niss(niss_text.strip().zfill(NISS_DIGITS))
    if limosa_text and not niss_text:
        return limosa(limosa_text)
    raise PeopleError("a worker has a national number or a Limosa number", "give niss or limosa, one of them")


def kbo(text: str) -> str:
    """An enterprise number (KBO/BCE) or Belgian VAT number as 10 digits; raises PeopleError if it cannot be one."""
    number = vat.compact(text).zfill(10)
    if not vat.is_valid(number):
        raise PeopleError("the enterprise number has wrong check digits or a wrong form", "look it up in the KBO/BCE")
    return number


def add_employer(connection: Connection, kbo_number: str, name: str = "") -> int:
    """Add an employer by its enterprise number (KBO/BCE, 9 or 10 digits); returns its row, the same if it is there."""
    return put_employer(connection, kbo_number, name).id


def put_employer(connection: Connection, kbo_number: str, name: str = "") -> Change:
    """Add an employer, or give one that is there this name; an empty one leaves the name that it has."""
    number, name = kbo(kbo_number), _line(name, "an employer's name", least=0)
    table = schema.employers
    row = _employer_row(connection, number)
    if row is None:
        added = _added(connection, table, kbo=number, name=name)
        return Change("employer", added, is_new=True, after={"kbo": number, "name": name})
    return _changed(connection, table, "employer", row, {"name": name or row.name})


def _employer_row(connection: Connection, number: str) -> Any:
    table = schema.employers
    return connection.execute(select(table).where(table.c.kbo == number)).one_or_none()


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
    if _site_row(connection, name) is not None:
        raise PeopleError(f"the site {name!r} is there already", "choose another name")
    added = put_site(connection, Site(name, workplace, regime, time_zone))
    set_site_key(connection, vault, name, site_key)
    return added.id


def put_site(connection: Connection, site: Site) -> Change:
    """Add a site by its name, or make the one that is there like this. Its keys are given apart."""
    values = _site_columns(site)
    table = schema.sites
    row = _site_row(connection, site.name)
    if row is None:
        number = _added(connection, table, name=site.name, **values)
        return Change("site", number, is_new=True, after={"name": site.name, **values})
    return _changed(connection, table, "site", row, values)


def site_of(connection: Connection, name: str) -> Site | None:
    """A site as it is described now, None if there is none of this name."""
    row = _site_row(connection, name)
    if row is None:
        return None
    return Site(
        row.name,
        row.workplace,
        Regime(row.regime),
        row.time_zone,
        None if row.address is None else Address(**row.address),
        row.latitude,
        row.longitude,
        tuple(row.languages or ()),
    )


def change_site(
    connection: Connection,
    name: str,
    *,
    regime: Regime | None,
    workplace: str | None,
    by: str,
    reason: str = "",
    now_ms: int,
) -> Change:
    """Give a site another regime or workplace number; None leaves it. What was declared stays as it was declared."""
    site = site_of(connection, name)
    if site is None:
        raise no_site(name)
    change = put_site(connection, replace(site, regime=regime or site.regime, workplace=workplace or site.workplace))
    if change.happened:
        what = f"{', '.join(change.changed)} of site {name} changed by {by}"
        event_log.write(connection, [Event(Severity.INFO, event_log.Kind.SITE_CHANGED, what)], now_ms)
    audit_log.write_change(connection, Operator(by, reason), change, Act.SITE_ADDED, Act.SITE_CHANGED, now_ms)
    return change


def set_site_key(connection: Connection, vault: Vault, name: str, site_key: bytes) -> Change:
    """Give the bridge the key of a site, 32 bytes, once: with another, every badge of the site would be a stranger."""
    if len(site_key) != SITE_KEY_BYTES:
        raise PeopleError("a site key has 32 bytes", "give the key file that the workshop made for this site")
    row = _site_row(connection, name)
    if row is None:
        raise no_site(name)
    if row.site_key_closed is not None:
        if vault.open(SITE_KEY, name, row.site_key_closed) != site_key:
            raise PeopleError(
                f"the site {name!r} has another key already, which its badges are known by",
                "give the key file that the workshop made for this site",
            )
        return Change("site", row.id, is_new=False)
    closed = vault.close(SITE_KEY, name, site_key)
    table = schema.sites
    connection.execute(update(table).where(table.c.id == row.id).values(site_key_closed=closed))
    return Change("site", row.id, is_new=False, changed=("site_key",))


def site_key_of(vault: Vault, row: Any) -> bytes:
    """The key of a site's row; raises PeopleError if the bridge was not given it yet."""
    if row.site_key_closed is None:
        raise PeopleError(
            f"the bridge has no key of the site {row.name!r} yet",
            "provision a clock of the site, and give its key with `badgeclock bridge site set --key`",
        )
    return vault.open(SITE_KEY, row.name, row.site_key_closed)


def site_id(connection: Connection, name: str) -> int:
    """The row of a site; raises PeopleError if it is not there."""
    row = _site_row(connection, name)
    if row is None:
        raise no_site(name)
    return int(row.id)


def no_site(name: str) -> PeopleError:
    """The refusal of a site that is not there."""
    return PeopleError(f"there is no site {name!r}", "add it with `badgeclock bridge site add`")


def _site_row(connection: Connection, name: str) -> Any:
    table = schema.sites
    return connection.execute(select(table).where(table.c.name == name)).one_or_none()


def _site_columns(site: Site) -> dict[str, Any]:
    """The checked columns of a site but its name and keys."""
    if _line(site.name, "a site's name") != site.name:
        raise PeopleError(
            "a site's name neither begins nor ends with a blank, nor has two", "write it as on its clocks"
        )
    workplace = site.workplace.strip().upper()
    if len(workplace) != _WORKPLACE_CHARACTERS or not workplace.isascii() or not workplace.isalnum():
        raise PeopleError(
            f"a workplace number has {_WORKPLACE_CHARACTERS} letters and digits",
            "copy it from the declaration of works",
        )
    try:
        ZoneInfo(site.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PeopleError(f"there is no time zone {site.time_zone!r}", f"use a name such as {TIME_ZONE}") from None
    return {
        "workplace": workplace,
        "regime": Regime(site.regime).value,
        "time_zone": site.time_zone,
        "address": _address(site.address),
        **_coordinates(site.latitude, site.longitude),
        "languages": _languages(site.languages),
    }


def _address(address: Address | None) -> dict[str, str] | None:
    if address is None or not any(address):
        return None
    checked = {name: _line(part, f"an address's {name}", least=0) for name, part in address._asdict().items()}
    if not all(checked[name] for name in ("street", "post_code", "municipality")):
        raise PeopleError("an address needs street, post code and municipality", "complete it, or leave all of it out")
    if not _POST_CODE.fullmatch(checked["post_code"]):
        raise PeopleError("a Belgian post code has 4 digits", "look it up")
    return checked


def _coordinates(latitude: float | None, longitude: float | None) -> dict[str, float | None]:
    if (latitude is None) != (longitude is None):
        raise PeopleError("latitude and longitude go together", "give both, or neither")
    if latitude is not None and longitude is not None and not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise PeopleError("latitude is from -90 to 90 and longitude from -180 to 180 degrees", "copy them from a map")
    return {"latitude": latitude, "longitude": longitude}


def _languages(languages: tuple[str, ...]) -> list[str] | None:
    if any(not _LANGUAGE.fullmatch(code) for code in languages) or len(set(languages)) != len(languages):
        raise PeopleError("languages are different codes of two letters such as nl or fr", "correct the list")
    if len(languages) > _LANGUAGES_MOST:
        raise PeopleError(f"a site has at most {_LANGUAGES_MOST} languages", "leave the least usual out")
    return list(languages) or None


def add_worker(
    connection: Connection,
    vault: Vault,
    *,
    reference: str,
    name: str,
    identity: Identity,
    employer_kbo: str | None = None,
    language: str | None = None,
    now_ms: int = 0,
) -> int:
    """Add a worker under the office's own reference; with a national number an employer is needed. `language`: the one
    that clocks speak to them (nl), None for each site's own.
    """
    if _worker_row(connection, reference) is not None:
        raise PeopleError(f"the worker {reference!r} is there already", "choose another reference")
    added = put_worker(
        connection,
        vault,
        reference=reference,
        name=name,
        identity=identity,
        employer_kbo=employer_kbo,
        language=language,
        now_ms=now_ms,
    )
    return added.id


def change_worker(
    connection: Connection,
    vault: Vault,
    reference: str,
    *,
    name: str | None = None,
    identity: Identity | None = None,
    employer_kbo: str | None = None,
    language: str | None = None,
    by: str,
    reason: str = "",
    now_ms: int,
) -> Change:
    """Give a worker another name, number, employer or language (as `put_worker` has it); None leaves it. What was
    declared stays as it was declared.

    A bis number that became a national number is such a change: the worker is the same, and so is every presence.
    """
    row = _worker_row(connection, reference)
    if row is None:
        raise PeopleError(f"there is no worker {reference!r}", "add the worker with `badgeclock bridge worker add`")
    if employer_kbo is None and row.employer_id is not None:
        table = schema.employers
        employer_kbo = connection.execute(select(table.c.kbo).where(table.c.id == row.employer_id)).scalar_one()
    change = put_worker(
        connection,
        vault,
        reference=reference,
        name=name if name is not None else vault.open(PEOPLE, f"name:{reference}", row.name_closed).decode(),
        identity=identity or identity_of(vault, row),
        employer_kbo=employer_kbo,
        language=language,
        now_ms=now_ms,
    )
    if change.happened:
        what = f"{', '.join(change.changed)} of worker {reference} changed by {by}"
        event_log.write(connection, [Event(Severity.INFO, event_log.Kind.WORKER_CHANGED, what)], now_ms)
    audit_log.write_change(connection, Operator(by, reason), change, Act.WORKER_ADDED, Act.WORKER_CHANGED, now_ms)
    return change


def put_worker(
    connection: Connection,
    vault: Vault,
    *,
    reference: str,
    name: str,
    identity: Identity,
    employer_kbo: str | None,
    language: str | None = None,
    now_ms: int,
) -> Change:
    """Add a worker under the office's own reference, or make the one that is there like this.

    `language` is the one that clocks speak to the worker, of two letters; empty for each site's own, None leaves it.
    """
    table = schema.workers
    _check_reference(reference)
    name = _line(name, "a worker's name")
    kin = vault.indexes(f"{identity.kind}:{identity.number}")
    same = (table.c.reference == reference) | table.c.identity_index.in_(kin)
    row = None
    for found in connection.execute(select(table).where(same)):
        if found.reference != reference:
            raise PeopleError(f"the worker {found.reference!r} has the same number", "use that worker")
        row = found
    if employer_kbo is None and identity.kind is IdentityKind.NISS:
        raise PeopleError("a worker with a national number needs an employer", "name the employer's enterprise number")
    values: dict[str, Any] = {
        "employer_id": None if employer_kbo is None else _employer(connection, employer_kbo),
        "identity_kind": identity.kind.value,
    }
    if language is not None:
        values["language"] = checked_language(language or None)
    now: dict[str, Any] = {} if row is None else row._asdict()
    changed = [column for column, value in values.items() if now and now[column] != value]
    for part, plain in (("name", name), ("identity", identity.number)):
        place, column = f"{part}:{reference}", f"{part}_closed"
        if not now or vault.open(PEOPLE, place, now[column]) != plain.encode():
            values[column] = vault.close(PEOPLE, place, plain.encode())
            changed.append(part)
    if not now or now["identity_index"] not in kin:
        values["identity_index"] = kin[0]
    if row is None:
        number = _added(connection, table, reference=reference, added_ms=now_ms, **values)
        return Change("worker", number, is_new=True)
    if changed:
        connection.execute(update(table).where(table.c.id == row.id).values(values))
    if "language" in changed:
        rosters.changed_of_worker(connection, row.id, now_ms)
    return Change("worker", row.id, is_new=False, changed=tuple(changed))


def _worker_row(connection: Connection, reference: str) -> Any:
    table = schema.workers
    return connection.execute(select(table).where(table.c.reference == reference)).one_or_none()


def _check_reference(reference: str) -> None:
    if not reference.strip():
        raise PeopleError("a worker needs a reference", "use the number of your own personnel list")
    if _line(reference, "a worker's reference") != reference:
        raise PeopleError(
            "a worker's reference has no blank at its ends and no two in a row", "write it as in your own list"
        )
    # Lists, events and logs show references.
    if logs.masked(reference) != reference:
        raise PeopleError(
            "the reference looks like a national number, and references are shown", "use a number of your own"
        )


def _line(text: str, what: str, least: int = 1) -> str:
    """Text of one line without blanks at its ends, `least` to `_LINE_CHARACTERS` characters; raises PeopleError."""
    line = " ".join(text.split())
    if not least <= len(line) <= _LINE_CHARACTERS or not line.isprintable():
        raise PeopleError(f"{what} is {least} to {_LINE_CHARACTERS} characters that can be printed", "correct it")
    return line


def _changed(connection: Connection, table: Any, kind: str, row: Any, values: dict[str, Any]) -> Change:
    """Write the columns of a row that differ; their values tell nothing of a person."""
    now = row._asdict()
    different = {name: value for name, value in values.items() if now[name] != value}
    if different:
        connection.execute(update(table).where(table.c.id == row.id).values(different))
    before = {name: now[name] for name in different}
    return Change(kind, row.id, is_new=False, changed=tuple(different), before=before, after=different)


def checked_language(language: str | None) -> str | None:
    """The same language if it is None or two small letters; raises PeopleError otherwise."""
    if language is not None and not _LANGUAGE.fullmatch(language):
        raise PeopleError(f"{language[:16]!r} is no language", "give its two letters of ISO 639-1: nl, fr, de, en")
    return language


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
    row = _site_row(connection, site)
    if row is None:
        raise no_site(site)
    token = seal.badge_token(site_key_of(vault, row), UID_READ, uid)
    return assign_token(connection, site_id=row.id, worker=worker, token=token, now_ms=now_ms)


def assign_token(connection: Connection, *, site_id: int, worker: str, token: bytes, now_ms: int) -> Assigned:
    """The same for a token (8 bytes) as a punch carries it: how an unknown badge is assigned without having it."""
    badges, workers = schema.badges, schema.workers
    worker_id = connection.execute(select(workers.c.id).where(workers.c.reference == worker)).scalar()
    if worker_id is None:
        raise PeopleError(f"there is no worker {worker!r}", "add the worker with `badgeclock bridge worker add`")
    in_use = (badges.c.site_id == site_id) & (badges.c.token == token) & badges.c.until_ms.is_(None)
    holder = connection.execute(select(badges.c.id, badges.c.worker_id).where(in_use)).one_or_none()
    if holder is not None and holder.worker_id == worker_id:
        return Assigned(0, holder.id, worker_id, is_new=False)
    if holder is not None:
        connection.execute(update(badges).where(in_use).values(until_ms=now_ms))
    badge = _added(connection, badges, site_id=site_id, token=token, worker_id=worker_id, since_ms=now_ms)
    rosters.changed(connection, [site_id], now_ms)
    happened = Event(Severity.INFO, event_log.Kind.BADGE_ASSIGNED, f"a badge was given to {worker}")
    event_log.write(connection, [happened], now_ms)
    return Assigned(presences.reconsider_badge(connection, site_id, token, now_ms), badge, worker_id, is_new=True)


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
        raise no_site(site)
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
        event_log.write(connection, [Event(Severity.WARNING, event_log.Kind.CLOCK_REPLACED, what, name)], now_ms)
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


def _employer(connection: Connection, number: str) -> int:
    row = _employer_row(connection, kbo(number))
    if row is None:
        raise PeopleError("there is no such employer", "add it with `badgeclock bridge employer add`")
    return int(row.id)


def _added(connection: Connection, table: Any, **values: Any) -> int:
    """Insert one row; returns its number."""
    return int(connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one())

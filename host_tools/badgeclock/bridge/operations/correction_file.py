"""The file with which an employer requests corrections that the authority's service no longer accepts: who, what, and
the evidence.

One folder per export: `corrections.json` for programs, `corrections.html` to print and sign. Both have names and
national numbers, because the authority must identify the person; only their owner can read them, and making them is an
act in the book. Their contents are printed nowhere else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader
from sqlalchemy import Connection, select, update

from badgeclock.bridge.errors import PresenceError
from badgeclock.bridge.operations.correction_words import WORDS, Language
from badgeclock.bridge.people import identities
from badgeclock.bridge.registrar import filings
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.vault import PEOPLE, Vault
from badgeclock.errors import SettingsError
from badgeclock.protocol import record
from badgeclock.protocol.record import SEALED_BYTES

FORM: Final = 1
JSON_NAME: Final = "corrections.json"
PAGE_NAME: Final = "corrections.html"
_TEMPLATES: Final = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)


def collect(
    connection: Connection, vault: Vault, numbers: Sequence[int], operator: Operator, now_ms: int
) -> dict[str, Any]:
    """The open corrections of these numbers, or all if none is given, with who, what and evidence; records that their
    file was made. Raises PresenceError if one is not open, or there is none.
    """
    table = schema.filings
    wanted = select(table).where(table.c.done_ms.is_(None)).order_by(table.c.id)
    rows = connection.execute(wanted.where(table.c.id.in_(numbers)) if numbers else wanted).all()
    missing = set(numbers) - {row.id for row in rows}
    if missing or not rows:
        what = f"correction {min(missing)} is not open" if missing else "no correction is open"
        raise PresenceError(what, "look at `badgeclock bridge correction list`")
    found = [_correction(connection, vault, row) for row in rows]
    connection.execute(update(table).where(table.c.id.in_([row.id for row in rows])).values(made_ms=now_ms))
    detail = {"corrections": [row.id for row in rows]}
    audit_log.write(connection, operator, Act.CORRECTION_WRITTEN, "corrections", detail, now_ms)
    return {"form": FORM, "made": _utc(now_ms), "corrections": found}


def _correction(connection: Connection, vault: Vault, row: Any) -> dict[str, Any]:
    presence = None
    if row.presence_id is not None:
        table = schema.presences
        presence = connection.execute(select(table).where(table.c.id == row.presence_id)).one()
    zone = _zone(connection, row, presence)
    punches = schema.punches
    of = punches.c.id == row.punch_id if presence is None else punches.c.presence_id == presence.id
    evidence = _punches(connection, of, zone)
    right = None
    if row.worker_id is not None:
        moment_ms = presence.moment_ms if presence is not None else evidence[0]["utc_ms"] if row.way else 0
        right = {
            "person": _person(connection, vault, row.worker_id),
            "employer": _employer(connection, row.employer_kbo),
            "site": _site(connection, row.site_id),
            **_when(row.day, row.way, moment_ms, zone),
        }
    return {
        "number": row.id,
        "kind": row.kind,
        "send_by": filings.last_day(row.day).isoformat(),
        "asked": _utc(row.asked_ms),
        "asked_by": row.by,
        "why": row.why,
        "as_registered": None if presence is None else _registered(connection, vault, presence, zone),
        "as_it_was": right,
        "punches": evidence,
        "calls": [] if presence is None else _calls(connection, presence.id),
    }


def _zone(connection: Connection, row: Any, presence: Any) -> str:
    """The time zone of its site."""
    table = schema.sites
    site_id = row.site_id if presence is None else presence.site_id
    return str(connection.execute(select(table.c.time_zone).where(table.c.id == site_id)).scalar_one())


def _registered(connection: Connection, vault: Vault, presence: Any, zone: str) -> dict[str, Any]:
    """Our data on the presence: its number at the authority, if any, and what was declared."""
    seen = schema.receptions
    numbers = connection.execute(select(seen.c.number).where(seen.c.presence_id == presence.id).order_by(seen.c.id))
    site = {**_site(connection, presence.site_id), "workplace": presence.workplace}
    return {
        "reference": presence.reference,
        "state": presence.state,
        "reception_number": presence.reception_number,
        "all_reception_numbers": list(numbers.scalars()),
        "registered": presence.registered_ms and _utc(presence.registered_ms),
        "error_code": presence.error_code or None,
        "error": presence.error_text,
        "person": _person(connection, vault, presence.worker_id),
        "employer": _employer(connection, presence.employer_kbo),
        "site": site,
        **_when(presence.day, presence.way, presence.moment_ms, zone),
    }


def _when(day: date, way: str | None, moment_ms: int, zone: str) -> dict[str, Any]:
    moment = _local(moment_ms, zone) if way and moment_ms else None
    return {"day": day.isoformat(), "way": way or None, "moment": moment}


def _person(connection: Connection, vault: Vault, worker_id: int) -> dict[str, Any]:
    table = schema.workers
    row = connection.execute(select(table).where(table.c.id == worker_id)).one()
    identity = identities.identity_of(vault, row)
    return {
        "reference": row.reference,
        "name": vault.open(PEOPLE, f"name:{row.reference}", row.name_closed).decode(),
        "number_kind": identity.kind.value,
        "number": identity.number,
    }


def _employer(connection: Connection, kbo: str | None) -> dict[str, Any] | None:
    if not kbo:
        return None
    table = schema.employers
    name = connection.execute(select(table.c.name).where(table.c.kbo == kbo)).scalar()
    return {"enterprise_number": kbo, "name": name or None}


def _site(connection: Connection, site_id: int) -> dict[str, Any]:
    table = schema.sites
    row = connection.execute(select(table.c.name, table.c.workplace).where(table.c.id == site_id)).one()
    return {"name": row.name, "workplace": row.workplace}


def _punches(connection: Connection, which: Any, zone: str) -> list[dict[str, Any]]:
    """The punches that prove it, each with its sealed record: anyone with the clock's chain can verify it."""
    table, clocks, kept = schema.punches, schema.clocks, schema.records
    rows = connection.execute(
        select(table, clocks.c.name.label("clock"), kept.c.raw, kept.c.sealed)
        .join(clocks, clocks.c.id == table.c.clock_id)
        .outerjoin(kept, (kept.c.clock_id == table.c.clock_id) & (kept.c.seq == table.c.seq))
        .where(which)
        .order_by(table.c.utc_ms, table.c.id)
    )
    return [
        {
            "clock": row.clock,
            "record": row.seq,
            "direction": record.Direction(row.direction).name,
            "utc_ms": row.utc_ms,
            "moment": _local(row.utc_ms, zone) if row.utc_ms else None,
            "received": _utc(row.received_ms),
            "sealed": bool(row.sealed),
            "seal": None if row.raw is None else row.raw[SEALED_BYTES:].hex(),
            "bytes": None if row.raw is None else row.raw.hex(),
        }
        for row in rows
    ]


def _calls(connection: Connection, presence_id: int) -> list[dict[str, Any]]:
    """When it was sent to the authority, and the result."""
    table = schema.attempts
    rows = connection.execute(select(table).where(table.c.presence_id == presence_id).order_by(table.c.id))
    return [{"sent": _utc(row.sent_ms), "outcome": row.outcome} for row in rows]


def page(found: Mapping[str, Any], language: Language) -> str:
    """The same as an HTML page to print and sign."""
    template = _TEMPLATES.get_template("correction_file.html")
    return template.render(found=found, language=language, word=WORDS[language])


def write(folder: Path, found: Mapping[str, Any], language: Language) -> list[Path]:
    """Write both files into a folder, made if missing; readable only by their owner.

    Raises SettingsError, without writing either, if one exists already or cannot be made.
    """
    content = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    made: list[Path] = []
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in ((JSON_NAME, content), (PAGE_NAME, page(found, language))):
            path = folder / name
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                made.append(path)
                file.write(text)
    except OSError as error:
        _take_away(made)
        raise SettingsError(
            what=f"{error.filename or folder} cannot be written: {error.strerror or 'the disk refused it'}",
            kept="the corrections, still to be sent; no file was written",
            do="name a new folder, such as corrections-2026-01-05",
        ) from None
    return made


def _take_away(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink()


def _utc(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _local(ms: int, zone: str) -> str:
    """The site's local time, to the second, with its offset."""
    return datetime.fromtimestamp(ms / 1000, ZoneInfo(zone)).isoformat(sep=" ", timespec="seconds")

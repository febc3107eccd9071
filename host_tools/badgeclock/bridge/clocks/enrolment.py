"""Adds provisioned clocks to the bridge, from the bundles that the workshop writes."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, select, update

from badgeclock.bridge.downlink import orders
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.people import sites
from badgeclock.bridge.people.rows import add_row
from badgeclock.bridge.store import event_log, schema
from badgeclock.bridge.store.event_log import Event, Severity
from badgeclock.bridge.store.states import ClockState
from badgeclock.bridge.store.vault import LINK_KEY, SEAL_KEYS, Vault
from badgeclock.protocol import seal
from badgeclock.protocol.errors import TopicRefused
from badgeclock.protocol.topics import check_clock_id


def add(connection: Connection, vault: Vault, bundle: dict[str, Any], *, site: str, now_ms: int) -> int:
    """Add a provisioned clock from its bundle (as the workshop writes it); returns its row.

    The same bundle again changes nothing. A new bundle for a name in use means that the clock was provisioned again:
    its earlier life is retired with all its records, and the new one begins at record 0.
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
    table = schema.clocks
    site_id = sites.row_id(connection, site)
    state = seal.found(name, e0, nonce)
    in_use = (table.c.name == name) & (table.c.state != ClockState.RETIRED)
    known = connection.execute(select(table.c.id, table.c.genesis).where(in_use)).one_or_none()
    if known is not None:
        if known.genesis == state.genesis:
            # Another site's roster may have changed as often: its state is not a version for this clock.
            moved = (table.c.id == known.id) & (table.c.site_id != site_id)
            connection.execute(update(table).where(moved).values(site_id=site_id, roster_of=None))
            return int(known.id)
        connection.execute(update(table).where(table.c.id == known.id).values(state=ClockState.RETIRED, online=False))
        orders.close(connection, known.id, "provisioned again", now_ms)
        what = "provisioned again; the earlier life's records are kept"
        event_log.write(connection, [Event(Severity.WARNING, event_log.Kind.CLOCK_REPLACED, what, name)], now_ms)
    for kind in (event_log.Kind.UNKNOWN_CLOCK, event_log.Kind.FOUNDED_ANEW):
        event_log.settle(connection, kind, now_ms, clock=name)
    return add_row(
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
        added_ms=now_ms,
    )


def read_bundle(text: str) -> dict[str, Any]:
    """A clock bundle's JSON; raises PeopleError without quoting it."""
    try:
        bundle = json.loads(text)
    except (ValueError, RecursionError):
        bundle = None
    if not isinstance(bundle, dict):
        raise PeopleError("this is no clock bundle of version 1", "give the bundle.json that the workshop wrote")
    return bundle

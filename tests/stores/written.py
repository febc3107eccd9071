"""Writes a store with something in every table and column, as the bridge of this version does.

The people, the sites and the clocks are those of `tests/host/bridge/world.py`, all invented. What clock-0001 sends is
fixed, because `test_stored.py` sends its next record to every store; what is new in a form of the store is added in a
function of its own, with another clock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from badgeclock.authorities.base import BELGIUM
from badgeclock.authorities.base import Direction as Way
from badgeclock.bridge.accounts import accounts, links, second_factor, sessions
from badgeclock.bridge.accounts.roles import Role
from badgeclock.bridge.attention import attention
from badgeclock.bridge.clocks import badge_desk_jobs, registry, remote_settings
from badgeclock.bridge.clocks.badge_desk_jobs import Outcome
from badgeclock.bridge.clocks.health_monitor import HealthMonitor
from badgeclock.bridge.downlink.frames_out import Message
from badgeclock.bridge.downlink.order_sender import OrderSender
from badgeclock.bridge.downlink.orders import PARTS
from badgeclock.bridge.downlink.roster_sender import RosterSender
from badgeclock.bridge.downlink.rosters import SETTLE_MS
from badgeclock.bridge.notices import book, news
from badgeclock.bridge.notices.book import Channel, Recipient
from badgeclock.bridge.notices.news import Trouble
from badgeclock.bridge.operations import correction_file
from badgeclock.bridge.people import badge_keys, badges, declared, engagements, identities, plans, sites, workers
from badgeclock.bridge.people.sites import Address, Site
from badgeclock.bridge.presences.regimes import Declared, Regime, local_day
from badgeclock.bridge.registrar import corrections, filings, office_registrations, outbox
from badgeclock.bridge.registrar.corrections import Right
from badgeclock.bridge.registrar.decisions import CancelCode, Decision
from badgeclock.bridge.registrar.office_registrations import Entry
from badgeclock.bridge.settings import NoticesSettings
from badgeclock.bridge.store import audit_log, schema
from badgeclock.bridge.store.audit_log import Act, Operator
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.states import DeskState, PresenceState
from badgeclock.bridge.web import api_tokens, reach
from badgeclock.bridge.web.api_tokens import Scope
from badgeclock.protocol import frames
from badgeclock.protocol.frames import NO_SESSION, Command, Frame, FrameType, Report
from badgeclock.protocol.record import Direction
from tests.host.bridge.world import (
    ANNA_UID,
    BRAM_UID,
    DAY_MS,
    KBO,
    LUZ_LIMOSA,
    LUZ_UID,
    NOON_MS,
    SITE,
    SITE_KEY,
    STRANGER_UID,
    Clock,
    World,
)

MIGRATIONS = Path(schema.__file__).with_name("migrations")
OPERATOR = Operator("operator", "for the tests")
BY = {"by": "operator", "reason": "for the tests"}
MINUTE_MS = 60_000
LAW_DAY = date(2027, 1, 1)
REFUSED_NISS = "00000100463"
SETTLED = (PresenceState.VALIDATED, PresenceState.REMARKS, PresenceState.REFUSED, PresenceState.WAITING)


def revisions() -> list[str]:
    """Every form that the store has had, oldest first."""
    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(configuration)
    return [revision.revision for revision in script.walk_revisions()][::-1]


def file_name(revision: str) -> str:
    """Of the file in this folder that holds a store of that form: `r0003.sql` of `0003_desk`."""
    return f"r{revision[:4]}.sql"


async def write(folder: Path) -> str:
    """A store of this version, made in an empty folder, as SQL statements for SQLite."""
    path = folder / "bridge.db"
    store = Store(f"sqlite:///{path}")
    store.migrate()
    store.close()
    world = World(f"sqlite:///{path}")
    await _fill(world)
    world.close()
    with sqlite3.connect(path) as connection:
        lines = list(connection.iterdump())
    connection.close()
    return "\n".join(lines) + "\n"


async def _fill(world: World) -> None:
    await _a_day(world)
    _quarantine(world)
    _retirement(world)
    _desk(world)
    _doubts(world)
    await _roster_and_settings(world)
    await _orders_and_standing(world)
    await _corrections(world)
    _domain(world)
    _engagements(world)
    await _attention(world)
    _expected(world)
    _cards(world)
    _site_key(world)
    _accounts(world)
    _office(world)
    _notices(world)


def _ticking(world: World) -> Callable[[], int]:
    """The world's time, a second later each time that it is asked for: no two steps of a presence are at once."""

    def now_ms() -> int:
        world.now_ms += 1000
        return world.now_ms

    return now_ms


async def _registered(world: World, until: Callable[[], bool]) -> None:
    await world.registered(until, world.registrar(now_ms=_ticking(world)))


def _settled(world: World) -> bool:
    """Whether nothing of a presence is open that the authority can answer."""
    return all(row.state in SETTLED for row in world.rows(schema.presences))


async def _a_day(world: World) -> None:
    """Presences with numbers and remarks, one whose answer was lost, an OUT without IN, a stranger; then an epoch's
    end and a burnt number.
    """
    clock = world.clock
    world.authority.remarks = {LUZ_LIMOSA: ("LIMOSA ID IS NOT KNOWN",)}
    world.authority.script = ["lost after"]
    world.status(clock.online(session=b"session1"))
    world.punches(*clock.start(), clock.punch(ANNA_UID), clock.punch(BRAM_UID, Direction.OUT), clock.punch(LUZ_UID))
    world.punches(clock.punch(STRANGER_UID))
    await _registered(world, lambda: _settled(world))
    world.now_ms = NOON_MS + 10 * MINUTE_MS
    world.punches(clock.close_epoch(), clock.boot(burnt=1), clock.punch(ANNA_UID, Direction.OUT))


def _quarantine(world: World) -> None:
    """A clock that sent two records under one number, and is asked for its end; the worker's day was over before."""
    clock = world.add_clock(Clock("clock-0002"))
    world.punches(*clock.start(), clock=clock)
    before = clock.state
    world.punches(clock.punch(BRAM_UID), clock=clock)
    clock.state = before
    world.punches(clock.punch(STRANGER_UID), clock=clock)
    with world.store.write() as connection:
        registry.order_retirement(connection, clock.name, by="operator", reason="worn out", now_ms=world.now_ms)
        outbox.expire(connection, frozenset({Declared.DAY}), world.now_ms + DAY_MS)


def _retirement(world: World) -> None:
    clock = world.add_clock(Clock("clock-0003"))
    world.punches(*clock.start(), clock.retire(), clock=clock)


def _desk(world: World) -> None:
    """A site's badge key, a job of the badge desk from its question to its end, and a badge that was handed in."""
    with world.store.write() as connection:
        badge_keys.set_badge_root(connection, world.vault, SITE, bytes(range(32, 64)), world.now_ms)
        job = badge_desk_jobs.ask(
            connection,
            clock="clock-0001",
            kind=badge_desk_jobs.Kind.ISSUE,
            worker="W-002",
            asked_by="operator",
            now_ms=world.now_ms,
        )
        badge_desk_jobs.begin(connection, job, world.now_ms + 1000)
        badge_desk_jobs.set_progress(connection, job, "done")
        badge_desk_jobs.end(
            connection, job, DeskState.DONE, Outcome("the badge was issued", badge=4), world.now_ms + 9000
        )
    world.assign(bytes.fromhex("0badbeef"), "W-002")
    world.assign(bytes.fromhex("0badbeef"), "W-003")


def _doubts(world: World) -> None:
    """A clock with a gap that stays; one whose seal fails and that does not prove its chain; one founded again; and one
    that was put back.
    """
    clock = world.add_clock(Clock("clock-0004"))
    world.punches(*clock.start(), clock=clock)
    clock.punch(ANNA_UID)
    world.punches(clock.punch(ANNA_UID), clock=clock)

    clock = world.add_clock(Clock("clock-0005"))
    world.punches(*clock.start(), clock=clock)
    broken = bytearray(clock.punch(ANNA_UID))
    broken[-1] ^= 1
    world.punches(bytes(broken), clock=clock)
    world.status(clock.online(session=b"session5", head=9, tail=1, tag=bytes(16)), clock)

    clock = world.add_clock(Clock("clock-0006"))
    world.punches(*clock.start(), clock=clock)
    world.punches(*Clock("clock-0006", nonce=bytes(8)).start(), clock=clock)

    clock = world.add_clock(Clock("clock-0007"))
    world.punches(*clock.start(), clock.punch(ANNA_UID), clock=clock)
    back = {"boot": 2, "head": 1, "tail": 0, "tag": clock.sent[0][-16:]}
    world.status(clock.online(session=b"session7", **back), clock)


async def _roster_and_settings(world: World) -> None:
    """A clock that has a roster and refused settings; a worker with a language."""
    clock = world.add_clock(Clock("clock-0008"))
    world.change_worker("W-001", language="nl")
    world.punches(*clock.start(), clock=clock)
    world.status(clock.online(session=b"session8", roster=(0, 0), settings=0), clock)
    world.now_ms += SETTLE_MS
    sent: list[Message] = []
    await RosterSender(world.store, world.vault, world.downlink, sent.append, lambda: world.now_ms).work()
    with world.store.write() as connection:
        remote_settings.order(connection, clock.name, {"volume": 2}, by="operator", now_ms=world.now_ms)
    refused = (1, "settings.json: volume must be a whole number from 0 to 1")
    world.status(clock.online(roster=(1, 4), settings=0, settings_refused=refused), clock)


async def _orders_and_standing(world: World) -> None:
    """A self-test that a clock reported, and a clock that is marked."""
    clock = world.add_clock(Clock("clock-0009"))
    world.punches(*clock.start(), clock=clock)
    world.status(clock.online(session=b"session9", reader_fault="no-irq", bound_ms=20, heartbeat_s=600), clock)
    sent: list[Message] = []
    orders = OrderSender(world.store, world.vault, world.downlink, sent.append, lambda: world.now_ms)
    with world.store.write() as connection:
        order = registry.order(connection, clock.name, Command.SELF_TEST, **BY, now_ms=world.now_ms).id
    await orders.work()
    clock.number += 1
    counter = frames.upward_counter(clock.state.boot, clock.connection, clock.number)
    body = frames.pack_report(Report(order, Command.SELF_TEST, dict.fromkeys(PARTS, "good")))
    frame = Frame(FrameType.REPORT, counter, body)
    orders.deliver(
        clock.topic("report"), frames.seal_frame(frames.upward_key(clock.link_key), clock.name, NO_SESSION, frame)
    )
    await orders.work()
    await HealthMonitor(world.store, lambda: world.now_ms, connected=lambda: True, connections=lambda: 1).work()


async def _corrections(world: World) -> None:
    """Movements, one of them still to be sent; a presence that was cancelled and declared for another worker, whom the
    authority refused.
    """
    hall = world.add_site("Hall 3", "1Y1TEST00002Z", Regime.CLEANING)
    hall.utc_ms = world.now_ms
    world.punches(*hall.start(), hall.punch(ANNA_UID), clock=hall)
    await _registered(world, lambda: _settled(world))
    with world.store.write() as connection:
        workers.add(
            connection,
            world.vault,
            reference="W-004",
            name="Dina Proef",
            identity=identities.niss(REFUSED_NISS),
            employer_kbo=KBO,
        )
    world.authority.refused = {REFUSED_NISS}
    (first, *_) = world.rows(schema.presences)
    with world.store.write() as connection:
        decision = Decision("operator", "it was another worker", world.now_ms)
        corrections.correct(connection, first.reference, Right("W-004"), CancelCode.PLANNING, decision)
    await _registered(world, lambda: any(row.state == PresenceState.REFUSED for row in world.rows(schema.presences)))
    with world.store.write() as connection:
        decision = Decision("operator", "it was declared by hand", world.now_ms)
        corrections.close_punch(connection, "clock-0001", 5, decision)
    world.punches(hall.punch(BRAM_UID), clock=hall)


def _domain(world: World) -> None:
    """A site as a planning tool describes it, without a key yet; the tool's token, and one that reaches a
    site and an employer alone.
    """
    address = Address("Kaai", "7", "", "2000", "Antwerpen")
    site = Site("Yard 5", "1Y1TEST00003Z", Regime.MEAT, "Europe/Brussels", address, 51.22, 4.4, ("nl", "fr"))
    with world.store.write() as connection:
        change = sites.put(connection, site)
        audit_log.write_change(connection, OPERATOR, change, Act.SITE_ADDED, Act.SITE_CHANGED, world.now_ms)
        presented = api_tokens.make(connection, "planner", list(Scope), 365, OPERATOR, world.now_ms)
        token = api_tokens.find(connection, presented, world.now_ms)
        assert token is not None
        api_tokens.note_use(connection, token, world.now_ms + 1000)
        api_tokens.revoke(connection, token.id, OPERATOR, world.now_ms + 2000)
        reached = reach.of_names(connection, (SITE,), (KBO,))
        api_tokens.make(connection, "planner", (Scope.PLANNING_READ,), 365, OPERATOR, world.now_ms, reached)


def _engagements(world: World) -> None:
    """A worker who is engaged twice, a badge for one of the employers, a site whose regime changes, and a presence that
    was assumed and kept.
    """
    address = Address("Kaai", "7", "", "2000", "Antwerpen")
    site = Site("Yard 5", "1Y1TEST00003Z", Regime.CONSTRUCTION, "Europe/Brussels", address, 51.22, 4.4, ("nl", "fr"))
    changing = replace(site, night_hours="22:00-06:00", next_regime=Regime.CONSTRUCTION_IN_OUT, regime_from=LAW_DAY)
    changing = replace(changing, deadline="08:30", deadline_minutes=20)
    with world.store.write() as connection:
        sites.put(connection, changing)
        engaged = engagements.Engaged(KBO, LAW_DAY, LAW_DAY, (SITE,))
        engagements.engage(connection, "W-002", engaged, OPERATOR, world.now_ms)
        engagements.engage(connection, "W-002", engagements.Engaged(KBO), OPERATOR, world.now_ms)
        badges.assign(
            connection,
            world.vault,
            site=SITE,
            worker="W-002",
            uid=bytes.fromhex("0badcafe"),
            employer_kbo=KBO,
            now_ms=world.now_ms,
        )
    assumed = next(row for row in world.rows(schema.presences) if row.assumed is not None)
    with world.store.write() as connection:
        corrections.keep(connection, assumed.reference, Decision("operator", "the worker was there", world.now_ms))
    _waiting(world)


def _expected(world: World) -> None:
    """A plan of a site's day, a day of Dimona, and an employer at a site by the declaration of works."""
    with world.store.write() as connection:
        plans.put(connection, SITE, LAW_DAY, [plans.Slot("W-001", 420, 930)], OPERATOR, world.now_ms)
        worker_id = declared.worker_of(connection, world.vault, "W-002", "")
        employer_id = declared.find_employer(connection, KBO)
        assert worker_id is not None
        assert employer_id is not None
        declared.put_period(connection, worker_id, employer_id, declared.Period(LAW_DAY, LAW_DAY, 420, 930))
        declared.put_works(connection, sites.row_id(connection, SITE), employer_id, LAW_DAY, LAW_DAY)


def _cards(world: World) -> None:
    """A badge whose card the desk wrote."""
    card = badge_keys.WrittenCard(bytes.fromhex("04a3c652117f80"), b"issue  1")
    with world.store.write() as connection:
        keys = badge_keys.site_keys_of(connection, world.vault, sites.row_id(connection, SITE))
        at = {"by": "operator", "at": "clock-0001", "now_ms": world.now_ms}
        badges.issue(connection, keys, "W-002", b"number 1", card, **at)


def _site_key(world: World) -> None:
    """A site at the change of its key."""
    with world.store.write() as connection:
        keys = SITE_KEY + bytes(range(100, 132))
        badge_keys.give_site_key(connection, world.vault, SITE, keys, "operator", world.now_ms)


def _accounts(world: World) -> None:
    """An account of a site and an employer that asks for codes, whose session shows names; one that has ended."""
    with world.store.write() as connection:
        reached = reach.of_names(connection, (SITE,), (KBO,))
        accounts.make(connection, "otto", Role.OPERATOR, OPERATOR, world.now_ms, reached)
        accounts.make(connection, "ada", Role.ADMINISTRATOR, OPERATOR, world.now_ms)
        accounts.end(connection, "ada", OPERATOR, world.now_ms + 1000)
        found = accounts.find(connection, "otto")
        assert found is not None
        kept = second_factor.closed(world.vault, "otto", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        accounts.set_codes(connection, found.account, kept, 58_000_000, OPERATOR, world.now_ms)
        secret = sessions.open_session(connection, found.account.id, 12, world.now_ms)
        session = sessions.find(connection, secret, world.now_ms)
        assert session is not None
        sessions.note_names(connection, session.id)
        sessions.end(connection, session.id, world.now_ms + 1000)


def _office(world: World) -> None:
    """What the office registers: today, and on a day that was planned; and links that have ended."""
    today = local_day(world.now_ms, BELGIUM.key)
    decision = Decision("operator", "the gate had no power", world.now_ms)
    entries = [Entry("W-004", SITE, today + timedelta(days=days)) for days in (0, 2)]
    with world.store.write() as connection:
        office_registrations.register(connection, entries, decision)
        office_registrations.send_due(connection, world.now_ms + DAY_MS)
        for site, worker in ((SITE, None), (None, "W-001")):
            made = links.make(connection, links.Wanted(site, worker, 24), OPERATOR, world.now_ms)
            found = links.find(connection, made, world.now_ms)
            assert found is not None
            links.note_use(connection, found, world.now_ms + 1000)
            links.revoke(connection, found.id, OPERATOR, world.now_ms + 2000)


def _notices(world: World) -> None:
    """What somebody was called for, until the day's end or until it is over; a letter that arrived, and one that does
    not.
    """
    settings = NoticesSettings(email_to={"anna@example.be": "nl"}, email_from="b@example.be", smtp_host="localhost")
    to = [Recipient(Channel.EMAIL, "anna@example.be"), Recipient(Channel.WEBHOOK, "https://hooks.example.be/")]
    for troubles in ([Trouble("broker", 0)], []):
        world.now_ms += 1000
        with world.store.write() as connection:
            found = news.current(connection, settings, [], troubles, world.now_ms)
            assert book.changes(connection, found, world.now_ms)
            book.write(connection, found, to, world.now_ms)
            for letter in book.due(connection, world.now_ms):
                assert book.claim(connection, letter, world.now_ms)
                sent = book.Outcome.SENT if letter.channel is Channel.EMAIL else None
                book.note(connection, letter, sent, world.now_ms)
    with world.store.write() as connection:
        book.summarise(connection, {"refused": 1}, "2026-01-05", world.now_ms + DAY_MS, to[:1], world.now_ms)
        assert book.waiting(connection)
        assert not book.given_up(connection, world.now_ms)
        assert book.opened(connection)
        assert not book.has_old(connection, world.now_ms)
        book.forget(connection, world.now_ms)


def _waiting(world: World) -> None:
    """A punch without a time, and a presence whose day was over before it could be declared."""
    clock = world.add_clock(Clock("clock-0011"))
    world.assign(bytes.fromhex("0badf00d"), "W-004")
    world.punches(*clock.start(), clock.punch(bytes.fromhex("0badf00d")), clock=clock)
    clock.utc_ms = 0
    world.punches(clock.punch(BRAM_UID), clock=clock)
    with world.store.write() as connection:
        outbox.expire(connection, frozenset({Declared.DAY}), world.now_ms + DAY_MS)


async def _attention(world: World) -> None:
    """A movement that goes to another way and site, an authority that was away and is back, remarks that are seen to;
    and on the next day a movement and a punch that are written down for the authority, one of which has its answer.
    """
    hall = world.clocks["clock-0010"]
    hall.utc_ms = world.now_ms
    world.punches(hall.punch(BRAM_UID, Direction.OUT), clock=hall)
    rows = world.rows(schema.presences)
    decision = Decision("operator", "it was another way", world.now_ms)
    right = Right(site="Hall 3", way=Way.IN)
    with world.store.write() as connection:
        corrections.correct(connection, rows[-1].reference, right, CancelCode.PLANNING, decision)
    world.authority.script = ["away"]
    await _registered(world, lambda: "authority_back" in world.events())
    with world.store.write() as connection:
        remarked = next(row for row in rows if row.state == PresenceState.REMARKS)
        attention.settle(connection, remarked.reference, Decision("operator", "Limosa is right now", world.now_ms))
    world.now_ms += DAY_MS
    clock = world.add_clock(Clock("clock-0012", utc_ms=NOON_MS - DAY_MS))
    world.punches(*clock.start(), clock.punch(LUZ_UID), clock=clock)
    moved = next(row for row in rows if row.way and row.state == PresenceState.VALIDATED)
    decision = Decision("operator", "found on the next day", world.now_ms)
    with world.store.write() as connection:
        corrections.correct(connection, moved.reference, Right(way=Way.OUT), CancelCode.PLANNING, decision)
        corrections.declare_punch(connection, clock.name, 2, corrections.Meant(), decision)
        correction_file.collect(connection, world.vault, [], OPERATOR, world.now_ms)
        filings.complete(connection, 2, Decision("operator", "its letter came", world.now_ms + 1000))

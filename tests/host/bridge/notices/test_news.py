"""The reasons for notices, each once, and the text of a letter."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from sqlalchemy import update
from tests.host.bridge.world import ANNA_UID, BOTH, NOON_MS, SITE, STRANGER_UID, World

from badgeclock.bridge.attention import attention, validity
from badgeclock.bridge.attention.reasons import NEEDS
from badgeclock.bridge.attention.validity import Ending, Holder
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.notices import book, news, words
from badgeclock.bridge.notices.book import Channel, Outcome, Recipient
from badgeclock.bridge.notices.news import OF_REASON, Kind, Trouble
from badgeclock.bridge.notices.titles import TITLES
from badgeclock.bridge.people import plans, sites
from badgeclock.bridge.settings import NOTICE_KINDS, NoticesSettings
from badgeclock.bridge.store import schema
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.states import PresenceState
from badgeclock.console import languages
from badgeclock.console import words as console_words

DATABASES = BOTH
MINUTE_MS = 60_000
DAY_MS = 86_400_000
ANNA = Recipient(Channel.EMAIL, "anna@example.be")
HOOK = Recipient(Channel.WEBHOOK, "https://hooks.example.be/")
SETTINGS = NoticesSettings(
    email_to={"anna@example.be": "nl"},
    email_from="bridge@example.be",
    smtp_host="localhost",
    deadlines={SITE: "12:45"},
)


def look(
    world: World, now_ms: int | None = None, files: list[Ending] | None = None, troubles: list[Trouble] | None = None
) -> int:
    """One round of the caller at a moment; how many letters it made."""
    now_ms = world.now_ms if now_ms is None else now_ms
    with world.store.write() as connection:
        found = news.current(connection, SETTINGS, files or [], troubles or [], now_ms)
        is_news = book.changes(connection, found, now_ms)
        made = book.write(connection, found, [ANNA, HOOK], now_ms)
    assert is_news or not made
    return made


def bodies(world: World) -> list[dict[str, Any]]:
    """The texts of the letters to Anna, oldest first."""
    return [row.body for row in world.rows(schema.letters) if row.recipient == ANNA.mark]


def kinds(lines: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(line["kind"], line["number"]) for line in lines]


def step(world: World, *states: PresenceState, **values: object) -> None:
    """Anna's presence goes through these states."""
    table = schema.presences
    with world.store.write() as connection:
        for state in states:
            connection.execute(update(table).where(table.c.id == 1).values(state=state, **values))


def refuse(world: World) -> None:
    """A presence that the authority refused."""
    refused = {"error_code": 5, "error_text": "no such INSS", "final_ms": world.now_ms}
    step(world, PresenceState.SENT, PresenceState.REFUSED, **refused)


@pytest.fixture
def punched(world: World) -> World:
    """Anna, whose presence waits to be sent, and a stranger."""
    world.status(world.clock.online(session=b"session1"))
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID), world.clock.punch(STRANGER_UID))
    return world


def test_each_is_called_for_once_and_once_more_when_it_is_over(punched: World) -> None:
    world = punched
    refuse(world)
    assert look(world) == 2, "one letter for each recipient"
    assert kinds(bodies(world)[0]["new"]) == [("refused", 1), ("unknown_badge", 1)]
    assert bodies(world)[0]["new"][0]["site"] == SITE
    assert look(world) == 0, "nothing has changed"
    assert look(world, world.now_ms + 5 * MINUTE_MS) == 0
    step(world, PresenceState.CLOSED)
    assert look(world) == 2
    assert (bodies(world)[1]["new"], kinds(bodies(world)[1]["over"])) == ([], [("refused", 1)])
    assert look(world) == 0
    world.clock.utc_ms += MINUTE_MS
    world.punches(world.clock.punch(bytes.fromhex("0badf00d")))
    assert look(world) == 2, "another unknown badge is another piece of news"


def test_a_letter_names_no_worker_no_badge_and_no_number(punched: World) -> None:
    world = punched
    refuse(world)
    look(world)
    look(world, NOON_MS + 40 * MINUTE_MS)
    everything = json.dumps(bodies(world))
    everything += "".join(words.text(body, "nl", "https://console.example") for body in bodies(world))
    for secret in ("W-001", "Anna", "00000100265", "0badcafe", "04a1b2c3", "no such INSS"):
        assert secret.lower() not in everything.lower()


def test_who_is_there_without_a_number_is_called_for_before_the_sites_time(punched: World) -> None:
    world = punched
    assert look(world, NOON_MS + 14 * MINUTE_MS) == 2, "the unknown badge"
    assert look(world, NOON_MS + 15 * MINUTE_MS) == 2, "12:15 is half an hour before 12:45"
    assert kinds(bodies(world)[-1]["new"]) == [("unregistered", 1)]
    with world.store.write() as connection:
        connection.execute(update(schema.presences).values(reception_number=1234))
    assert look(world, NOON_MS + 20 * MINUTE_MS) == 2
    assert kinds(bodies(world)[-1]["over"]) == [("unregistered", 1)]


@pytest.mark.parametrize(
    ("deadline", "minutes", "called_min"),
    [("12:45", 5, 40), ("12:30", None, 0), ("13:00", 10, 50), ("12:20", 0, 20)],
)
def test_a_sites_own_time_and_minutes_count_before_those_of_the_settings(
    punched: World, deadline: str, minutes: int | None, called_min: int
) -> None:
    world = punched
    with world.store.write() as connection:
        sites.change(connection, SITE, deadline=deadline, deadline_minutes=minutes, by="anna", now_ms=world.now_ms)
    if called_min:
        look(world, NOON_MS + called_min * MINUTE_MS - 1)
        assert "unregistered" not in str([body["new"] for body in bodies(world)])
    look(world, NOON_MS + max(called_min, 10) * MINUTE_MS)
    assert kinds(bodies(world)[-1]["new"])[-1] == ("unregistered", 1)


def test_without_a_time_of_its_own_a_site_has_the_settings_again_and_no_minutes(punched: World) -> None:
    world = punched
    with world.store.write() as connection:
        for deadline, minutes in (("23:00", 1), ("", None)):
            sites.change(connection, SITE, deadline=deadline, deadline_minutes=minutes, by="anna", now_ms=world.now_ms)
        for wrong in ({"deadline": "8:30"}, {"deadline": "24:00"}, {"deadline_minutes": 5}):
            with pytest.raises(PeopleError):
                sites.change(connection, SITE, **wrong, by="anna", now_ms=world.now_ms)
    look(world, NOON_MS + 15 * MINUTE_MS)
    assert kinds(bodies(world)[-1]["new"])[-1] == ("unregistered", 1)


def test_what_is_of_a_day_ends_with_it_in_silence(punched: World) -> None:
    world = punched
    look(world, NOON_MS + 15 * MINUTE_MS)
    before = len(bodies(world))
    look(world, NOON_MS + 13 * 3_600_000)
    assert not any("unregistered" in str(body["over"]) for body in bodies(world)[before:])
    open_kinds = {row.kind for row in world.rows(schema.notices) if row.over_ms is None}
    assert "unregistered" not in open_kinds


def test_who_was_expected_and_has_not_come_is_called_for(world: World) -> None:
    with world.store.write() as connection:
        slot = plans.Slot("W-002", 12 * 60)
        plans.put(connection, SITE, date(2026, 1, 5), [slot], Operator("planner"), NOON_MS)
    assert look(world, NOON_MS + 14 * MINUTE_MS) == 0
    assert look(world, NOON_MS + 15 * MINUTE_MS) == 2
    assert kinds(bodies(world)[0]["new"]) == [("absent", 1)]
    assert words.link(bodies(world)[0], "https://console.example") == "https://console.example/"


def test_a_trouble_of_the_bridges_own_is_called_for_once_it_lasts(world: World) -> None:
    began = [Trouble("broker", NOON_MS)]
    assert look(world, NOON_MS + 4 * MINUTE_MS, troubles=began) == 0
    assert look(world, NOON_MS + 5 * MINUTE_MS, troubles=began) == 2
    assert look(world, NOON_MS + 6 * MINUTE_MS, troubles=began) == 0
    assert look(world, NOON_MS + 7 * MINUTE_MS) == 2
    assert kinds(bodies(world)[1]["over"]) == [("bridge", 1)]


def test_a_bridge_that_is_restarted_does_not_take_its_trouble_for_over(world: World) -> None:
    later_ms = NOON_MS + 10 * MINUTE_MS
    assert look(world, NOON_MS, troubles=[Trouble("broker", 0)]) == 2
    assert look(world, later_ms, troubles=[Trouble("broker", later_ms)]) == 0, "it counts again since when"
    assert look(world, later_ms + 5 * MINUTE_MS, troubles=[Trouble("broker", later_ms)]) == 0, "and calls for it once"
    assert look(world, later_ms + 6 * MINUTE_MS) == 2


def test_a_certificate_is_called_for_at_30_14_and_3_days_and_when_it_has_ended(world: World) -> None:
    end_ms = NOON_MS + 100 * DAY_MS
    files = [Ending(Holder.BRIDGE, "certificate.pem", end_ms)]
    called = [left for left in range(100, -2, -1) if look(world, end_ms - left * DAY_MS, files=files)]
    assert called == [29, 13, 2, -1]
    assert all(body["over"] == [] for body in bodies(world)), "it is nearer, not over"
    assert look(world, end_ms + 2 * DAY_MS, files=[Ending(Holder.BRIDGE, "certificate.pem", end_ms + 700 * DAY_MS)])
    assert kinds(bodies(world)[-1]["over"]) == [("certificate", 1)]


def test_the_end_of_a_token_is_known(world: World) -> None:
    with world.store.write() as connection:
        connection.execute(
            schema.api_tokens.insert().values(
                name="planner", secret_sha256=b"1" * 32, scopes=[], made_by="x", made_ms=0, ends_ms=NOON_MS + 2 * DAY_MS
            )
        )
        found = validity.of_store(connection, NOON_MS)
    assert [(one.holder, one.days_left(NOON_MS), validity.step_of(one, NOON_MS)) for one in found] == [("token", 2, 3)]


def test_a_reason_that_waits_very_often_is_one_line(punched: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = punched
    refuse(world)
    monkeypatch.setattr(news, "OF_ONE_REASON", 0)
    assert look(world) == 2
    assert kinds(bodies(world)[0]["new"]) == [("refused", 1), ("unknown_badge", 1)]
    assert all(not line["items"] for line in bodies(world)[0]["new"])


def test_what_was_not_looked_at_is_not_over(punched: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = punched
    refuse(world)
    look(world)
    monkeypatch.setattr(news, "ROWS_MOST", 1)  # of the two only the older is looked at
    assert look(world) == 0


def test_the_summary_is_made_once_a_day_and_not_when_nothing_waits(punched: World) -> None:
    world = punched
    midnight = NOON_MS + 12 * 3_600_000

    def summarise(now_ms: int, day: str, until_ms: int) -> int:
        with world.store.write() as connection:
            counts = attention.counts(connection, now_ms)
            return book.summarise(connection, counts, day, until_ms, [ANNA], now_ms)

    assert summarise(NOON_MS, "2026-01-05", midnight) == 1
    assert summarise(NOON_MS + MINUTE_MS, "2026-01-05", midnight) == 0
    (body,) = bodies(world)
    assert (body["kind"], kinds(body["new"])) == ("summary", [("unknown_badge", 1)])
    look(world, midnight)
    with world.store.write() as connection:
        connection.execute(schema.punches.update().values(state="CLOSED"))
    assert summarise(midnight + MINUTE_MS, "2026-01-06", midnight + DAY_MS) == 0, "nothing waits"


def test_a_letter_is_tried_with_longer_pauses_and_given_up_after_a_day(world: World) -> None:
    look(world, NOON_MS, troubles=[Trouble("broker", 0)])
    now_ms, tries = NOON_MS, []
    with world.store.write() as connection:
        while letters := [one for one in book.due(connection, now_ms) if one.recipient == ANNA.mark]:
            tries.append((now_ms - NOON_MS) // MINUTE_MS)
            assert book.claim(connection, letters[0], now_ms)
            assert not book.claim(connection, letters[0], now_ms), "it is taken"
            outcome = book.note(connection, letters[0], None, now_ms)
            if outcome is not None:
                break
            row = next(row for row in world_letters(connection) if row.id == letters[0].id)
            now_ms = row.due_ms
    assert tries[:8] == [0, 1, 3, 7, 15, 31, 63, 123]
    assert tries[-1] in range(24 * 60, 25 * 60 + 1)
    assert outcome is Outcome.GIVEN_UP


def world_letters(connection: Any) -> list[Any]:
    return list(connection.execute(schema.letters.select()).all())


def test_a_letter_that_was_sent_is_not_sent_again(world: World) -> None:
    look(world, NOON_MS, troubles=[Trouble("broker", 0)])
    with world.store.write() as connection:
        for letter in book.due(connection, NOON_MS):
            assert book.note(connection, letter, Outcome.SENT, NOON_MS) is Outcome.SENT
        assert book.due(connection, NOON_MS + DAY_MS) == []
        assert not book.has_old(connection, NOON_MS + DAY_MS)
        later = NOON_MS + book.KEEP_MS + MINUTE_MS
        assert book.has_old(connection, later)
        book.forget(connection, later)
        assert not world_letters(connection)


# --- words ---


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.SUMMARY])
def test_each_kind_has_words_in_each_language(kind: Kind, language: str) -> None:
    name = {Kind.BRIDGE: "broker", Kind.CERTIFICATE: "clock"}.get(kind, "late")
    line = {
        "kind": kind,
        "site": "Site 12",
        "clock": "clock-0001",
        "name": name,
        "days": 3,
        "number": 7,
        "items": ["x"],
    }
    body = {"kind": "notices", "new": [line], "over": [line], "made_ms": NOON_MS}
    subject, text = words.subject(body, language), words.text(body, language, "https://console.example/")
    assert len(subject) <= words.SUBJECT_MOST
    assert "{" not in subject + text
    assert "https://console.example/" in text
    assert text.count("\n- ") == 1


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_each_trouble_and_each_holder_has_words(language: str) -> None:
    for name in ("broker", "disk", "intake", "authority_away"):
        line = {"kind": "bridge", "site": "", "clock": "", "name": name, "days": None, "number": 1, "items": []}
        assert words.subject({"kind": "notices", "new": [line], "over": []}, language)
    for holder in Holder:
        line = {"kind": "certificate", "site": "", "clock": "", "name": holder, "days": -1, "number": 1, "items": ["a"]}
        assert words.subject({"kind": "notices", "new": [line], "over": []}, language)


def test_what_somebody_can_be_called_for_is_one_list() -> None:
    assert set(NOTICE_KINDS) | {"summary"} == set(Kind)
    assert OF_REASON.keys() <= NEEDS.keys()


def test_a_letter_is_bounded() -> None:
    about = {"site": "", "clock": "", "item": "x", "name": "", "days": None, "number": 1, "reason": ""}
    lines = book.lines_of((Kind.CLOCK_OFFLINE, {**about, "clock": f"clock-{number}"}) for number in range(100))
    assert len(lines) == book.LINES_MOST + 1
    assert (lines[-1]["kind"], lines[-1]["number"]) == ("more", 60)


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_what_waits_is_called_in_a_letter_as_on_the_operators_pages(language: str) -> None:
    pages = languages.catalogue(language)
    assert set(TITLES) == set(NEEDS)
    for reason, titles in TITLES.items():
        title = titles[words.LANGUAGES.index(language)]
        assert title == pages.gettext(console_words.said(reason).title)
        line = {"kind": "waits", "name": reason, "site": "Site 12", "clock": "", "number": 2, "items": [], "days": None}
        assert f"({title})" in words.subject({"kind": "notices", "new": [line], "over": []}, language)

"""Making a card a badge and making it blank again, on cards written by others' hands; pulled away at every frame."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.host.badges import earlier_cards

from badgeclock.badges import card as cards
from badgeclock.badges import desfire
from badgeclock.badges.card import Card, CardState, Step
from badgeclock.badges.desfire import Dialogue, run
from badgeclock.badges.errors import CardError, CardForeign, CardFull, NotDesfire
from badgeclock.badges.keys import Root
from badgeclock.virtual.desfire import Desfire, DesfireEv2, DesfireEv3, WrongKeyDesfire

UID = bytes.fromhex("04A3C652117F80")
ROOT = Root(bytes(range(32)))
OTHER_SITE = Root(bytes(range(1, 33)))
NUMBER, ANOTHER = b"number 1", b"number 2"
ISSUE, ANOTHER_ISSUE = b"issue  1", b"issue  2"
OTHERS_AID = bytes.fromhex("112233")
GENERATIONS = pytest.mark.parametrize("made", [Desfire, DesfireEv2, DesfireEv3])


class Pulled(Exception):
    """The card left the field."""


class Field:
    """A reader's field with one card in it, that leaves after `frames` answers; with n.5 it carries the next command
    out and its answer is lost.
    """

    def __init__(self, card: Desfire, frames: float = 1e9) -> None:
        self.card = card
        self.sent = 0
        self._frames = frames
        card.begin()

    def __call__(self, apdu: bytes) -> bytes:
        if self.sent >= self._frames:
            raise Pulled
        work = self.card.work(apdu)
        self.sent += 1
        if self.sent > self._frames:
            raise Pulled
        assert work is not None
        return work.answer


def on(card: Desfire, dialogue: Dialogue[Any], frames: float = 1e9) -> Any:
    """The dialogue's result on a card that was just laid."""
    return run(dialogue, Field(card, frames))


def whole_issue(number: bytes = NUMBER, root: Root = ROOT, issue: bytes = ISSUE) -> Dialogue[Card]:
    """The desk's steps to make any card of ours the badge with this number."""
    found = yield from cards.examine(root)
    if found.state is CardState.ISSUED:
        yield from cards.wipe(root, found)
        found = yield from cards.examine(root)
    yield from cards.write(root, found, number, issue)
    return found


def whole_wipe() -> Dialogue[None]:
    found = yield from cards.examine(ROOT)
    yield from cards.wipe(ROOT, found)


def issued(made: Callable[[bytes], Desfire], root: Root = ROOT) -> Desfire:
    card = made(UID)
    on(card, whole_issue(root=root))
    return card


@GENERATIONS
def test_a_blank_card_becomes_a_badge_and_blank_again(made: type[Desfire]) -> None:
    card = made(UID)
    at_first = card.memory()
    found = on(card, cards.examine(ROOT))
    assert (found.state, found.uid, found.number) == (CardState.BLANK, UID, None)
    steps: list[Step] = []
    on(card, cards.write(ROOT, found, NUMBER, ISSUE, steps.append))
    assert steps == list(Step)
    found = on(card, cards.examine(ROOT))
    assert (found.state, found.uid, found.number) == (CardState.ISSUED, UID, NUMBER)
    on(card, cards.wipe(ROOT, found))
    assert card.memory() == at_first


@GENERATIONS
def test_the_card_is_laid_out_as_the_page_says(made: type[Desfire]) -> None:
    memory = issued(made).memory()["applications"]
    keys = ROOT.card(UID, ISSUE)
    assert set(memory) == {"000000", "4314bc"}
    assert memory["000000"]["keys"] == [[keys.picc.hex(), 16, 1]]
    application = memory["4314bc"]
    assert application["settings"] == 0x09
    assert [key[0] for key in application["keys"]] == [keys.application.hex(), keys.reading.hex(), keys.identity.hex()]
    assert application["files"] == {
        "1": [3, 0x1000, cards.content(keys, NUMBER).ljust(32, b"\0").hex()],
        "2": [3, 0xE000, ISSUE.hex()],
    }


@GENERATIONS
def test_a_card_that_hides_its_uid_tells_its_issue_under_the_sites_identity_key_alone(made: type[Desfire]) -> None:
    card = made(UID)
    card.random_uid = True
    on(card, whole_issue())
    application = card.memory()["applications"]["4314bc"]
    assert application["keys"][2][0] == ROOT.identity.hex()
    assert application["files"]["2"] == [3, 0x2000, ISSUE.hex()]


@GENERATIONS
def test_the_same_card_gets_other_keys_with_each_issue(made: type[Desfire]) -> None:
    def keys_on(card: Desfire) -> set[str]:
        return {key[0] for one in card.memory()["applications"].values() for key in one["keys"]}

    card = issued(made)
    before = keys_on(card)
    on(card, whole_issue(ANOTHER, issue=ANOTHER_ISSUE))
    assert len(keys_on(card)) == len(before) == 4
    assert not keys_on(card) & before


@GENERATIONS
def test_a_card_of_an_earlier_version_is_recognised_and_replaced(made: type[Desfire]) -> None:
    for hides in (False, True):
        card = earlier_cards.issue(ROOT, NUMBER, made(UID))
        card.random_uid = hides
        found = on(card, cards.examine(ROOT))
        assert (found.state, found.uid, found.number, found.issue) == (CardState.ISSUED, UID, NUMBER, b"")
        on(card, whole_issue(ANOTHER))
        found = on(card, cards.examine(ROOT))
        assert (found.state, found.number, found.issue) == (CardState.ISSUED, ANOTHER, ISSUE)


@GENERATIONS
def test_a_card_pulled_away_at_any_frame_of_writing_is_blank_or_can_be_finished_or_made_blank(
    made: type[Desfire],
) -> None:
    frames = Field(made(UID))
    run(whole_issue(), frames)
    assert frames.sent > 25
    for cut in range(2 * frames.sent):
        for finish, ends_as in ((whole_issue, CardState.ISSUED), (whole_wipe, CardState.BLANK)):
            card = made(UID)
            with pytest.raises(Pulled):
                on(card, whole_issue(), cut / 2)
            found = on(card, cards.examine(ROOT))
            assert found.state in CardState, cut
            assert (found.state is CardState.ISSUED) == (found.number == NUMBER), f"cut at {cut / 2}: {found}"
            on(card, finish())
            found = on(card, cards.examine(ROOT))
            assert (found.state, found.number) == (ends_as, NUMBER if ends_as is CardState.ISSUED else None), cut


@GENERATIONS
def test_a_card_pulled_away_at_any_frame_of_making_it_blank_can_be_made_so_or_issued(made: type[Desfire]) -> None:
    start = issued(made)
    frames = Field(start)
    run(whole_wipe(), frames)
    for cut in range(2 * frames.sent):
        for finish, ends_as in ((whole_issue, CardState.ISSUED), (whole_wipe, CardState.BLANK)):
            card = issued(made)
            with pytest.raises(Pulled):
                on(card, whole_wipe(), cut / 2)
            on(card, finish())
            assert on(card, cards.examine(ROOT)).state is ends_as, cut


def test_a_card_pulled_away_again_and_again_is_finished_in_the_end() -> None:
    card = DesfireEv2(UID)
    for cut in (19.5, 31, 22.5, 14, 26.5, 9):
        with pytest.raises(Pulled):
            on(card, whole_issue(ANOTHER), cut)
    on(card, whole_issue())
    assert on(card, cards.examine(ROOT)).number == NUMBER


@GENERATIONS
def test_a_badge_is_given_a_new_number_and_the_old_one_is_gone(made: type[Desfire]) -> None:
    card = issued(made)
    on(card, whole_issue(ANOTHER))
    assert on(card, cards.examine(ROOT)).number == ANOTHER
    assert cards.content(ROOT.card(UID, ISSUE), NUMBER).hex() not in json.dumps(card.memory())


@GENERATIONS
def test_a_card_that_hides_its_uid_is_issued_recognised_and_made_blank_all_the_same(made: type[Desfire]) -> None:
    card = made(UID)
    card.random_uid = True
    frames = Field(card)
    assert run(whole_issue(), frames) == Card(CardState.BLANK, UID, None, has_others=False, hides_uid=True, issue=b"")
    assert on(card, cards.examine(ROOT)) == Card(
        CardState.ISSUED, UID, NUMBER, has_others=False, hides_uid=True, issue=ISSUE
    )
    for cut in range(2 * frames.sent):
        card = made(UID)
        card.random_uid = True
        with pytest.raises(Pulled):
            on(card, whole_issue(), cut / 2)
        on(card, whole_issue(ANOTHER))
        assert on(card, cards.examine(ROOT)).number == ANOTHER, cut
    on(card, whole_wipe())
    assert on(card, cards.examine(ROOT)).state is CardState.BLANK


@GENERATIONS
def test_a_badge_of_another_site_is_refused_and_untouched(made: type[Desfire]) -> None:
    card = issued(made, OTHER_SITE)
    before = card.memory()
    for dialogue in (cards.examine(ROOT), whole_issue(), whole_wipe()):
        with pytest.raises(CardForeign, match="neither the factory's nor this site's"):
            on(card, dialogue)
    card.random_uid = True
    with pytest.raises(CardForeign, match="hides its UID"):
        on(card, whole_issue())
    card.random_uid = False
    assert card.memory() == before


def test_a_badge_that_another_site_has_not_finished_is_refused() -> None:
    card = DesfireEv2(UID)
    with pytest.raises(Pulled):
        on(card, whole_issue(root=OTHER_SITE), 24)
    assert "4314bc" in card.memory()["applications"]
    with pytest.raises(CardForeign, match="another site"):
        on(card, whole_issue())


def with_application(card: Desfire, aid: bytes) -> Desfire:
    def create() -> Dialogue[None]:
        yield from desfire.select(bytes(3))
        session = yield from desfire.authenticate_des(0, bytes(16))
        yield from session.command(0xCA, aid + bytes([0x0F, 0x81]))

    on(card, create())
    return card


@GENERATIONS
def test_a_card_with_somebody_elses_application_is_refused(made: type[Desfire]) -> None:
    card = with_application(made(UID), OTHERS_AID)
    before = card.memory()
    with pytest.raises(CardForeign, match="other applications"):
        on(card, whole_issue())
    assert card.memory() == before


@GENERATIONS
def test_an_application_that_was_added_to_a_badge_later_stays(made: type[Desfire]) -> None:
    card = issued(made)

    def create() -> Dialogue[None]:
        yield from desfire.select(bytes(3))
        session = yield from desfire.authenticate_aes(0, ROOT.card(UID, ISSUE).picc)
        yield from session.command(0xCA, OTHERS_AID + bytes([0x0F, 0x81]))

    on(card, create())
    assert on(card, cards.examine(ROOT)).has_others
    on(card, whole_wipe())
    assert set(card.memory()["applications"]) == {"000000", OTHERS_AID.hex()}


def test_a_card_without_room_is_told_and_no_badge() -> None:
    card = Desfire(UID)
    for number in range(28):
        with_application(card, bytes([number, 1, 2]))
    found = Card(CardState.BLANK, UID, None, has_others=True, hides_uid=False, issue=b"")
    with pytest.raises(CardFull, match="no room"):
        on(card, cards.write(ROOT, found, NUMBER, ISSUE))


def test_a_number_that_was_tampered_with_is_not_believed_and_can_be_replaced() -> None:
    card = issued(DesfireEv2)
    card.applications[bytes.fromhex("4314bc")].files[1].data[3] ^= 1
    assert on(card, cards.examine(ROOT)) == Card(
        CardState.ISSUED, UID, None, has_others=False, hides_uid=False, issue=ISSUE
    )
    on(card, whole_issue(ANOTHER))
    assert on(card, cards.examine(ROOT)).number == ANOTHER


def test_a_file_copied_from_another_card_is_not_believed() -> None:
    one, other = issued(DesfireEv2), DesfireEv2(bytes.fromhex("04112233445566"))
    on(other, whole_issue(ANOTHER))
    application = bytes.fromhex("4314bc")
    one.applications[application].files[1].data[:] = other.applications[application].files[1].data
    assert on(one, cards.examine(ROOT)).number is None


def test_a_card_with_foreign_keys_is_refused() -> None:
    card = WrongKeyDesfire(UID)
    card.applications[bytes(3)].keys[0] = type(card.applications[bytes(3)].keys[0])(b"\x55" * 16, block=16)
    with pytest.raises(CardForeign):
        on(card, whole_issue())


@pytest.mark.parametrize("answer", [b"", b"\x6e\x00", b"\x90\x00", b"\x91\x1c", b"\x91\x00", bytes(60)])
def test_what_speaks_no_desfire_is_told_as_such(answer: bytes) -> None:
    with pytest.raises(NotDesfire):
        run(cards.examine(ROOT), lambda _: answer)


def test_an_issued_card_is_not_written_over() -> None:
    card = issued(DesfireEv2)
    with pytest.raises(ValueError, match="wiped before"):
        next(cards.write(ROOT, on(card, cards.examine(ROOT)), NUMBER, ISSUE))


def test_nothing_secret_is_in_what_is_printed_of_a_card_or_of_an_error() -> None:
    card = issued(DesfireEv2)
    found = on(card, cards.examine(ROOT))
    for text in (repr(found), str(found)):
        assert UID.hex() not in text.lower()
        assert "number 1" not in text
    for error in (NotDesfire(), CardForeign("the card is not blank"), CardFull()):
        assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301


@settings(max_examples=150, deadline=None)
@given(
    from_answer=st.integers(0, 60),
    flips=st.lists(st.tuples(st.integers(0, 79), st.integers(0, 7)), min_size=1, max_size=3),
    cut=st.integers(0, 80),
)
def test_answers_changed_on_the_way_end_in_a_card_error_and_never_in_a_false_badge(
    from_answer: int, flips: list[tuple[int, int]], cut: int
) -> None:
    card = DesfireEv2(UID)
    field = Field(card)

    def transceive(apdu: bytes) -> bytes:
        answer = bytearray(field(apdu))
        if field.sent > from_answer:
            for byte, bit in flips:
                if byte < len(answer):
                    answer[byte] ^= 1 << bit
            del answer[cut:]
        return bytes(answer)

    try:
        run(whole_issue(), transceive)
    except CardError:
        on(card, whole_issue())
    assert on(card, cards.examine(ROOT)).number == NUMBER

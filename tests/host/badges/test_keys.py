"""A site's badge keys against the vectors shared with the firmware, and what they must not reveal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from badgeclock.badges import card, keys
from badgeclock.badges.keys import BY_UID_ALONE, Purpose, Root
from badgeclock.bridge.people.badge_keys import NUMBER_PROVED
from badgeclock.protocol import seal

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "badges.json").read_text())
ROOT = Root(bytes.fromhex(VECTORS["root"]))


@pytest.mark.parametrize("case", VECTORS["diversification"], ids=lambda case: str(case["source"]))
def test_keys_are_diversified_as_published(case: dict[str, str]) -> None:
    derived = keys.diversify(bytes.fromhex(case["key"]), bytes.fromhex(case["input"]))
    assert derived.hex() == case["derived"]


@pytest.mark.parametrize("purpose", list(Purpose))
def test_the_masters_are_those_of_the_vectors(purpose: Purpose) -> None:
    assert keys.master(ROOT.secret, purpose).hex() == VECTORS["masters"][purpose.name.lower()]


@pytest.mark.parametrize(
    "badge", VECTORS["badges"] + VECTORS["issued"], ids=lambda badge: str(badge["uid"]) + badge.get("issue", "")
)
def test_a_cards_keys_its_file_and_its_token_are_those_of_the_vectors(badge: dict[str, str]) -> None:
    made = ROOT.card(bytes.fromhex(badge["uid"]), bytes.fromhex(badge.get("issue", "")))
    number = bytes.fromhex(badge["number"])
    assert made.application.hex() == badge["application"]
    assert made.reading.hex() == badge["read"]
    assert made.check.hex() == badge["check"]
    assert made.picc.hex() == badge["picc"]
    assert made.identity.hex() == badge.get("identity", made.identity.hex())
    assert ROOT.identity.hex() == VECTORS["identity"]
    assert card.content(made, number).hex() == badge["file"]
    assert seal.badge_token(bytes.fromhex(VECTORS["site_key"]), NUMBER_PROVED, number).hex() == badge["token"]


def test_every_key_of_two_cards_and_two_sites_is_another() -> None:
    made = [
        key
        for root in (ROOT, Root(bytes(32)))
        for uid in (bytes(7), bytes(range(7)))
        for issue in (BY_UID_ALONE, bytes(8), b"\x80" + bytes(7))
        for keys_of in [root.card(uid, issue)]
        for key in (keys_of.picc, keys_of.application, keys_of.reading, keys_of.identity, keys_of.check)
    ]
    assert len(set(made)) == len(made) == 60


def test_no_key_is_in_what_is_printed_of_its_holder() -> None:
    made = ROOT.card(bytes(7), bytes(8))
    for text in (repr(ROOT), repr(made), str(ROOT), str(made)):
        assert "0x" not in text
        assert ROOT.secret.hex()[:8] not in text
        assert "b'" not in text


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_root_of_another_length_is_refused_without_being_quoted(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes") as refused:
        Root(b"\x41" * length)
    assert "AAAA" not in str(refused.value)


@pytest.mark.parametrize("length", [1, 7, 9, 16])
def test_an_issue_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        ROOT.card(bytes(7), bytes(length))


@pytest.mark.parametrize("length", [0, 32])
def test_a_diversification_input_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="1 to 31"):
        keys.diversify(bytes(16), bytes(length))

"""The clock's reader drivers in the real MicroPython on the virtual board's chip and badges, in modelled time."""

from __future__ import annotations

import random

import pytest

from badgeclock.virtual.cards import Card, Noise
from badgeclock.virtual.desfire import Desfire, DesfireEv2, DesfireEv3, File, Ntag424, SlowDesfire, WrongKeyDesfire
from badgeclock.virtual.impostors import MagicCard, ReplayCard
from badgeclock.virtual.iso_dep import IsoDepCard
from tests.bench.reader_rig import AID, UIDS, Rig, Visit, proving_badge

BY_UID, PROVED, UNPROVED, AGAIN = range(4)
NUMBER = "5a" * 8
# Answers of a badge until it has proved itself: five for its UID, ATS, selection, its issue, two of the authentication,
# its file.
FRAMES = 11
# Three seconds lie between two checks of the chip; then it is started and reads.
DEAF_S_AT_MOST = 3.5


def issued_as(kind: type[Desfire]) -> Desfire:
    """An issued badge of another kind."""
    model = proving_badge()
    card = kind(model.real_uid)
    card.remember(model.memory())
    return card


def test_a_poll_and_a_proof_stay_within_their_transactions() -> None:
    costs = Rig().costs()
    for name, most in (("idle", 8), ("uid4", 26), ("uid7", 42), ("uid10", 58), ("desfire", 106)):
        assert costs[f"{name}.transactions"] <= most, costs
    assert Rig().allocation() == {"idle.alloc_bytes_per_1000": 0}


@pytest.mark.parametrize("kind", [Desfire, DesfireEv2, DesfireEv3])
def test_a_badge_of_every_generation_proves_itself(kind: type[Desfire]) -> None:
    card = issued_as(kind)
    hidden = issued_as(kind)
    hidden.random_uid = True
    for verdict, number, _ in Rig().prove(card, hidden, card):
        assert (verdict, number) == (PROVED, NUMBER)


def test_a_badge_that_asks_for_more_time_gets_it() -> None:
    card = issued_as(SlowDesfire)
    card.slow = 60  # 90 ms a step, of which two ask for more time
    [(verdict, number, took_ms)] = Rig().prove(card)
    assert (verdict, number) == (PROVED, NUMBER)
    assert took_ms > 200


def test_whoever_only_pretends_is_refused() -> None:
    genuine = proving_badge()
    listened_to = proving_badge()
    assert Rig().prove(listened_to)[0][:2] == (PROVED, NUMBER)
    assert isinstance(listened_to, IsoDepCard)
    other_site = proving_badge(badge_key=bytes(16))
    copied = DesfireEv2(bytes.fromhex("04998877665544"))
    copied.remember(genuine.memory())  # every byte of it, on a card with another UID
    impostors = [
        MagicCard(genuine.uid),
        WrongKeyDesfire(genuine.uid),
        ReplayCard(listened_to, listened_to.answers),
        other_site,
        copied,
        DesfireEv2(genuine.uid),  # blank
        Card(UIDS["uid4"]),
        IsoDepCard(genuine.uid),  # mute after its ATS
    ]
    results = Rig().prove(*impostors, genuine)
    for card, (verdict, number, _) in zip(impostors, results, strict=False):
        assert (verdict, number) == (UNPROVED, ""), type(card).__name__
    assert results[-1][:2] == (PROVED, NUMBER), "the reader is ready for the next"


def test_a_badge_that_leaves_at_any_frame_is_never_proved_and_the_next_one_is() -> None:
    badges: list[Card | Visit] = []
    for half in range(2 * FRAMES):
        badges += [Visit(proving_badge(), frames=half / 2), proving_badge()]
    results = Rig().prove(*badges, Visit(proving_badge(), frames=FRAMES))
    for half, (pulled, whole) in enumerate(zip(results[:-1:2], results[1::2], strict=True)):
        assert pulled[0] in (None, AGAIN, UNPROVED), (half / 2, pulled)
        assert whole[:2] == (PROVED, NUMBER), half / 2
    assert results[-1][:2] == (PROVED, NUMBER), "it has sent all by then"


def test_a_badge_that_leaves_at_any_moment_leaves_the_reader_ready() -> None:
    moments = random.Random(7).sample(range(60_000), 25)
    results = Rig().prove(*(visit for us in moments for visit in (Visit(proving_badge(), us=us), proving_badge())))
    for us, pulled, whole in zip(moments, results[::2], results[1::2], strict=True):
        assert pulled[0] in (None, AGAIN, UNPROVED, PROVED), (us, pulled)
        assert pulled[0] != PROVED or us > 30_000, (us, pulled)
        assert whole[:2] == (PROVED, NUMBER), us


def test_an_ntag_424_proves_itself_from_its_own_file() -> None:
    card = Ntag424(UIDS["uid7"])
    issued = proving_badge().applications[AID]
    application = card.applications[Ntag424.APPLICATION]
    application.keys[:3] = issued.keys
    application.files[3] = File(mode=3, access=0x1000, data=bytearray(issued.files[1].data.ljust(128, b"\0")))
    assert Rig().prove(card)[0][:2] == (PROVED, NUMBER)


@pytest.mark.parametrize("seed", range(2))
def test_noise_never_proves_what_is_not_and_does_not_stop_the_reader(seed: int) -> None:
    rig = Rig()
    rig.field.noise = Noise(0.0005, seed)
    results = rig.prove(*(proving_badge() for _ in range(12)))
    assert {number for _, number, _ in results} <= {"", NUMBER}
    assert sum(verdict == PROVED for verdict, _, _ in results) >= 9, (seed, results)


def hold_a_week_to_it(hangs: int, seed: int) -> None:
    week = Rig(seed).week(hangs, seed)
    print(f"seed {seed}: {week}")
    assert week["hangs_recovered"] == hangs, week
    assert week["longest_deaf_s"] <= DEAF_S_AT_MOST, week
    assert week["usable"]


def test_a_week_of_polling_recovers_from_every_hang_of_the_chip() -> None:
    hold_a_week_to_it(20, seed=1)


@pytest.mark.torture
@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_weeks_of_polling_recover_from_every_hang_of_the_chip(seed: int) -> None:
    hold_a_week_to_it(600, seed)

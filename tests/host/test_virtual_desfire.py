"""The virtual DESFire cards against a reader that shares no code with them, and against published examples."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.host.desfire_reader import MORE, Exchange, Refusal, Selected, Session, native, wrapped

from badgeclock.virtual import desfire, desfire_channels
from badgeclock.virtual.cards import Frame, State, with_crc
from badgeclock.virtual.desfire import Desfire, DesfireEv2, DesfireEv3, Ntag424, SlowDesfire, WrongKeyDesfire
from badgeclock.virtual.desfire_channels import CountedChannel, Key
from badgeclock.virtual.impostors import MagicCard
from badgeclock.virtual.iso_dep import IsoDepCard, Work
from badgeclock.virtual.wallet import KINDS, Wallet, kinds

UID = bytes.fromhex("04A3C652117F80")
AID = bytes.fromhex("112233")
MASTER, READER = b"master key of one", b"a reader's key..."
MASTER, READER = MASTER[:16], READER[:16]


def opened(card: Desfire, form=native) -> Session:  # type: ignore[no-untyped-def]
    return Session(form(Selected(card)))


def issued(card: Desfire, *, mode: int = 3, data: bytes = b"badge number 17!") -> Desfire:
    """A card with an application of two keys and a file that the second may read."""
    session = opened(card)
    session.iso()
    session.change_key(0x80, MASTER)
    session.aes(0, MASTER)
    session.plain(0xCA, AID + bytes((0x0B, 0x82)))
    session.select(AID)
    session.aes(0, bytes(16))
    session.change_key(1, READER, version=3)
    session.change_key(0, MASTER)
    session.aes(0, MASTER)
    session.plain(0xCD, bytes((1, mode)) + (0x1000).to_bytes(2, "little") + (300).to_bytes(3, "little"))
    session.write(1, 0, data, {0: "plain", 1: "mac", 3: "full"}[mode])
    return card


ALL = [Desfire, DesfireEv2, DesfireEv3]
COUNTED = [DesfireEv2, DesfireEv3]


# ---- published examples


def scripted(monkeypatch: pytest.MonkeyPatch, *values: str) -> None:
    """The card's random numbers to come."""
    queue = [bytes.fromhex(value) for value in values]
    monkeypatch.setattr(desfire, "fresh", lambda _n: queue.pop(0))


def test_aes_authentication_gives_the_published_tokens_and_session_key(monkeypatch: pytest.MonkeyPatch) -> None:
    # libfreefare's documented trace of 0xAA with a key of zeros.
    card = Desfire(UID)
    card.applications[AID] = desfire.Application(0x0F, [Key(bytes(16), block=16)])
    scripted(monkeypatch, "C05DDD714FD788A6B7B754F3C4D066E8")
    exchange = native(Selected(card))
    assert exchange(0x5A, AID) == (0, b"")
    assert exchange(0xAA, b"\0") == (MORE, bytes.fromhex("B969FDFE56FD91FC9DE6F6F213B8FD1E"))
    token = "36AAD7DF6E436BA08D18613830A70D5AD43E3D3F4A8D47541EEE623A934E4774"
    assert exchange(MORE, bytes.fromhex(token)) == (0, bytes.fromhex("800DB680BC146BD121D6578F2D2E2059"))
    assert isinstance(card._channel, desfire_channels.ChainedChannel)
    assert card._channel._key.value.hex().upper() == "F44B26F5C05DDD7110772281C4D066E8"


def test_ev2_first_gives_the_published_session_keys() -> None:
    # proxmark3, desfiretest.c.
    rnd_a = bytes.fromhex("B04D0787C93EE0CC8CACC8E86F16C6FE")
    rnd_b = bytes.fromhex("FA659AD0DCA738DD65DC7DC38612AD81")
    channel = CountedChannel(0, Key(bytes(16), block=16), rnd_a, rnd_b, bytes(4))
    assert [key.hex().upper() for key in channel.keys] == [
        "63DC07286289A7A6C0334CA31C314A04",
        "774F26743ECE6AF5033B6AE8522946F6",
    ]


def test_ev2_authentication_is_that_of_the_application_note(monkeypatch: pytest.MonkeyPatch) -> None:
    # NXP AN12196, 6.6: AuthenticateEV2First with key 0.
    card = DesfireEv2(UID)
    card.applications[AID] = desfire.Application(0x0F, [Key(bytes(16), block=16)] * 3)
    scripted(monkeypatch, "B9E2FC789B64BF237CCCAA20EC7E6E48", "9D00C4DF")
    exchange = native(Selected(card))
    exchange(0x5A, AID)
    assert exchange(0x71, b"\0\0") == (MORE, bytes.fromhex("A04C124213C186F22399D33AC2A30215"))
    token = "35C3E05A752E0144BAC0DE51C1F22C56B34408A23D8AEA266CAB947EA8E0118D"
    proof = "3FA64DB5446D1F34CD6EA311167F5E4985B89690C04A05F17FA7AB2F08120663"
    assert exchange(MORE, bytes.fromhex(token)) == (0, bytes.fromhex(proof))
    assert isinstance(card._channel, CountedChannel)
    assert [key.hex().upper() for key in card._channel.keys] == [
        "1309C877509E5A215007FF0ED19CA564",
        "4C6626F5E72EA694202139295C7A7FC7",
    ]


def in_session(card: DesfireEv2, transaction: str, counter: int, enc: str, mac: str) -> Exchange:
    """An EV2 session with key 0 of an application of five AES keys, of which `enc` and `mac` are the session keys."""
    card.applications[AID] = desfire.Application(0x0F, [Key(bytes(16), block=16) for _ in range(5)])
    exchange = native(Selected(card))
    exchange(0x5A, AID)
    channel = CountedChannel(0, Key(bytes(16), block=16), bytes(16), bytes(16), bytes.fromhex(transaction), counter)
    channel._enc, channel._mac_key = Key(bytes.fromhex(enc), block=16), bytes.fromhex(mac)
    card._channel = channel
    return exchange


def test_ev2_changes_of_keys_are_those_of_the_application_note() -> None:
    # NXP AN12196, 5.16: another key, then the key of the session itself.
    card = DesfireEv2(UID)
    exchange = in_session(card, "7614281A", 2, "4CF3CB41A22583A61E89B158D252FC53", "5529860B2FC5FB6154B7F28361D30BF9")
    cipher = "2CF362B7BF4311FF3BE1DAA295E8C68DE09050560D19B9E16C2393AE9CD1FAC7"
    assert exchange(0xC4, bytes.fromhex("02" + cipher + "5D0CE20BCD1D06E6")) == (0, bytes.fromhex("203BB55D1089D587"))
    keys = card.applications[AID].keys
    assert (keys[2].value.hex().upper(), keys[2].version) == ("F3847D627727ED3BC9C4CC050489B966", 1)
    cipher = "C0EB4DEEFEDDF0B513A03A95A75491818580503190D4D05053FF75668A01D6FD"
    assert exchange(0xC4, bytes.fromhex("00" + cipher + "A6610234BDED6432")) == (0, b"")
    assert (keys[0].value.hex().upper(), keys[0].version) == ("5004BF991F408672B1EF00F08F9E8647", 1)
    assert card.authenticated is None


def test_ev2_getting_the_uid_is_that_of_the_application_note() -> None:
    # NXP AN12196, 5.17.
    card = DesfireEv2(bytes.fromhex("04958CAA5C5E80"))
    exchange = in_session(card, "DF055522", 0, "2B4D963C014DC36F24F69A50A394F875", "379D32130CE61705DD5FD8C36B95D764")
    answer = "70756055688505B52A5E26E59E329CD6595F672298EA41B7"
    assert exchange(0x51, bytes.fromhex("8E2C155ADDA99BE3")) == (0, bytes.fromhex(answer))


@pytest.mark.parametrize(
    ("message", "mac"),
    [
        ("", "BB1D6929E95937287FA37D129B756746"),
        ("6BC1BEE22E409F96E93D7E117393172A", "070A16B46B4D4144F79BDD9DD04A287C"),
        (
            "6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E5130C81C46A35CE411",
            "DFA66747DE9AE63030CA32611497C827",
        ),
    ],
)
def test_a_chained_mac_that_starts_at_zero_is_cmac(message: str, mac: str) -> None:
    # RFC 4493, section 4.
    key = Key(bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C"), block=16)
    assert key.chained_mac(bytes.fromhex(message), bytes(16)).hex().upper() == mac


def test_des_cmac_is_that_of_the_standard() -> None:
    # NIST SP 800-38B, D.5 (two-key TDEA, empty message and 20 bytes).
    key = Key(bytes.fromhex("4CF15134A2850DD58A3D10BA80570D38"), block=8)
    assert key.chained_mac(b"", bytes(8)).hex().upper() == "BD2EBF9A3BA00361"
    message = bytes.fromhex("6BC1BEE22E409F96E93D7E117393172AAE2D8A57")
    assert key.chained_mac(message, bytes(8)).hex().upper() == "62DD1B471902BD4E"


# ---- life of a card


@pytest.mark.parametrize("kind", ALL)
def test_a_card_as_delivered_says_what_it_is_and_has_nothing_on_it(kind: type[Desfire]) -> None:
    session = opened(kind(UID))
    version = session.plain(0x60)
    assert len(version) == 28
    assert version[14:21] == UID
    assert version[3] == {Desfire: 0x01, DesfireEv2: 0x12, DesfireEv3: 0x33}[kind]
    assert session.plain(0x6A) == b""
    assert session.plain(0x45) == bytes((0x0F, 0x01))
    assert int.from_bytes(session.plain(0x6E), "little") == desfire.MEMORY_BYTES
    with pytest.raises(Refusal, match="AE"):
        session.aes(0, bytes(16))


@pytest.mark.parametrize("form", [native, wrapped])
@pytest.mark.parametrize("authenticate", ["iso", "legacy"])
@pytest.mark.parametrize("kind", ALL)
def test_the_factory_des_key_makes_way_for_an_aes_key(kind: type[Desfire], authenticate: str, form: object) -> None:
    session = opened(kind(UID), form)
    getattr(session, authenticate)()
    session.change_key(0x80, MASTER, version=7)
    with pytest.raises(Refusal, match="AE"):
        session.iso()
    session.aes(0, MASTER)
    assert session.plain(0x64, b"\0") == b"\x07"
    assert session.plain(0x45) == bytes((0x0F, 0x81))


@pytest.mark.parametrize("kind", ALL)
def test_an_issued_card_gives_its_number_to_the_key_that_may_read_it(kind: type[Desfire]) -> None:
    card = issued(kind(UID))
    session = opened(card, wrapped)
    session.select(AID)
    session.aes(1, READER)
    assert session.read(1, 0, 16) == b"badge number 17!"
    assert session.plain(0x64, b"\x01") == b"\x03"
    with pytest.raises(Refusal, match="AE"):
        session.write(1, 0, b"other")
    with pytest.raises(Refusal, match="AE"):
        session.aes(1, MASTER)


@pytest.mark.parametrize("kind", COUNTED)
@pytest.mark.parametrize("mode", [0, 1, 3])
def test_every_way_of_communication_works_in_both_channels(kind: type[Desfire], mode: int) -> None:
    word = {0: "plain", 1: "mac", 3: "full"}[mode]
    card = issued(kind(UID), mode=mode)
    data = secrets.token_bytes(150)
    for authenticate in ("ev2", "aes"):
        session = opened(card)
        session.select(AID)
        getattr(session, authenticate)(0, MASTER)
        session.write(1, 20, data, word)
        getattr(session, authenticate)(1, READER)
        assert session.read(1, 20, 150, word) == data
        assert session.read(1, 0, 16, word) == b"badge number 17!"
        assert session.read(1, 0, 0, word, whole=300)[20:170] == data


@pytest.mark.parametrize("kind", COUNTED)
def test_the_whole_life_of_a_card_in_the_ev2_channel(kind: type[Desfire]) -> None:
    card = kind(UID)
    session = opened(card, wrapped)
    session.iso()
    session.change_key(0x80, MASTER)
    session.ev2(0, MASTER)
    assert session.run(0x51, b"", b"", "full", secret=len(UID)) == UID
    session.plain(0xCA, AID + bytes((0x0B, 0x83)))
    assert session.plain(0x6A) == AID
    session.select(AID)
    session.ev2(0, bytes(16))
    session.change_key(2, READER, version=9)
    assert session.plain(0x64, b"\x02") == b"\x09"
    session.change_key(0, MASTER)
    session.ev2(0, MASTER)
    session.run(0x54, b"", b"\x09", "full")
    assert session.plain(0x45) == bytes((0x09, 0x83))
    session.plain(0xCD, bytes((1, 3)) + (0x2000).to_bytes(2, "little") + (32).to_bytes(3, "little"))
    assert session.plain(0x6F) == b"\x01"
    assert session.plain(0xF5, b"\x01") == bytes.fromhex("0003002020 0000")
    session.write(1, 0, bytes(range(32)))
    session.ev2(2, READER, first=False)
    assert session.read(1, 4, 8) == bytes(range(4, 12))
    session.ev2(0, MASTER, first=False)
    session.plain(0xDF, b"\x01")
    assert session.plain(0x6F) == b""
    session.select(b"\0\0\0")
    session.ev2(0, MASTER)
    session.plain(0xDA, AID)
    assert session.plain(0x6A) == b""
    session.plain(0xFC)


def test_the_first_generation_knows_no_ev2_authentication() -> None:
    with pytest.raises(Refusal, match="1C"):
        opened(Desfire(UID)).ev2(0, bytes(16))


@pytest.mark.parametrize("kind", ALL)
def test_a_random_uid_hides_the_true_one_from_all_but_the_keys_holder(kind: type[Desfire]) -> None:
    card = issued(kind(UID))
    session = opened(card)
    session.aes(0, MASTER)
    session.run(0x5C, b"\0", b"\x02", "full")
    seen = set()
    for _ in range(3):
        session = opened(card)
        assert len(card.uid) == 4
        assert card.uid[0] == 0x08
        seen.add(card.uid)
        assert UID not in session.plain(0x60)
        session.select(AID)
        with pytest.raises(Refusal, match="AE"):
            session.plain(0x51)
        session.aes(1, READER)
        assert session.run(0x51, b"", b"", "plain", secret=len(UID)) == UID
    assert len(seen) == 3


def test_format_leaves_an_empty_card_with_its_key() -> None:
    card = issued(Desfire(UID))
    session = opened(card)
    with pytest.raises(Refusal, match="AE"):
        session.plain(0xFC)
    session.aes(0, MASTER)
    session.plain(0xFC)
    assert session.plain(0x6A) == b""
    session.aes(0, MASTER)


def test_what_is_not_allowed_or_not_there_is_refused_with_its_status() -> None:
    card = issued(Desfire(UID))
    session = opened(card)

    def refused(status: int, code: int, body: bytes = b"") -> None:
        with pytest.raises(Refusal) as refusal:
            session.plain(code, body)
        assert refusal.value.status == status, f"{code:02X}: {refusal.value}"

    refused(0xA0, 0x5A, b"xyz")
    refused(0x7E, 0x5A, b"xy")
    refused(0x1C, 0xEE)
    refused(0x1C, 0xAF)
    refused(0xAE, 0xC4, bytes(33))
    refused(0xAE, 0xDA, AID)
    refused(0x40, 0xAA, b"\x01")
    session.select(AID)
    refused(0x40, 0xAA, b"\x05")
    refused(0xAE, 0xBD, bytes((1, 0, 0, 0, 0, 0, 0)))
    refused(0xF0, 0xBD, bytes((2, 0, 0, 0, 0, 0, 0)))
    refused(0x9D, 0xCA, AID + b"\x0f\x81")
    session.aes(1, READER)
    refused(0x9D, 0xC4, bytes(33))
    session.aes(1, READER)
    refused(0xBE, 0xBD, bytes((1, 0xFF, 0xFF, 0, 1, 0, 0)))
    assert card.authenticated is None, "an error ends the authentication"


def test_a_spoilt_cryptogram_is_an_integrity_error_and_changes_nothing() -> None:
    card = issued(DesfireEv2(UID))
    before = json.dumps(card.memory())
    for authenticate in ("aes", "ev2"):
        session = opened(card)
        session.select(AID)
        getattr(session, authenticate)(0, MASTER)
        exchange = session.exchange
        session.exchange = lambda code, body, exchange=exchange: exchange(code, body[:-1] + bytes((body[-1] ^ 1,)))
        with pytest.raises(Refusal, match="1E"):
            session.change_key(1, b"another key, no!")
        assert json.dumps(card.memory()) == before


def test_a_full_card_takes_no_more() -> None:
    card = Desfire(UID)
    session = opened(card)
    for n in range(28):
        session.plain(0xCA, bytes((n, 1, 1, 0x0F, 0x81)))
    assert len(session.plain(0x6A)) == 84
    with pytest.raises(Refusal, match="CE"):
        session.plain(0xCA, b"\x99\x01\x01\x0f\x81")
    session.select(b"\x00\x01\x01")
    with pytest.raises(Refusal, match="0E"):
        session.plain(0xCD, b"\x01\x00\xee\xee\x00\x20\x00")


def test_file_settings_are_changed_under_the_key_that_may() -> None:
    for authenticate in ("aes", "ev2"):
        session = opened(issued(DesfireEv2(UID)))
        session.select(AID)
        getattr(session, authenticate)(1, READER)
        with pytest.raises(Refusal, match="AE"):
            session.run(0x5F, b"\x01", b"\x03\x00\x11", "full")
        getattr(session, authenticate)(0, MASTER)
        session.run(0x5F, b"\x01", b"\x03\x00\x11", "full")
        assert session.plain(0xF5, b"\x01")[:4] == bytes.fromhex("00030011")


# ---- NTAG 424 DNA


def test_an_ntag_424_takes_wrapped_ev2_commands_in_its_named_application() -> None:
    card = Ntag424(UID)
    selected = Selected(card)
    session = Session(wrapped(selected))
    with pytest.raises(Refusal, match="1C"):
        session.select(AID)
    assert selected.send(b"\x00\xa4\x04\x0c\x07" + Ntag424.NAME + b"\0") == b"\x90\x00"
    assert selected.send(b"\x00\xa4\x04\x0c\x07" + Ntag424.NAME[::-1] + b"\0") == b"\x6a\x82"
    assert selected.send(b"\x71\x00\x00") == b"\x6d\x00", "native"
    session.ev2(0, bytes(16))
    assert session.run(0x51, b"", b"", "full", secret=len(UID)) == UID
    session.run(0x5F, b"\x03", b"\x03\x00\x10", "full")
    session.run(0x8D, b"\x03\0\0\0\x11\0\0", b"badge number 17!!", "full")
    session.change_key(1, READER)
    session.change_key(0, MASTER)
    session.ev2(1, READER)
    assert session.run(0xAD, b"\x03\0\0\0\x11\0\0", b"", "mac", secret=17) == b"badge number 17!!"
    with pytest.raises(Refusal, match="AE"):
        session.run(0x8D, b"\x03\0\0\0\x01\0\0", b"x", "full")


# ---- impostors


def test_another_sites_card_has_the_application_and_not_the_key() -> None:
    session = opened(WrongKeyDesfire(UID))
    session.select(AID)
    with pytest.raises(Refusal, match="AE"):
        session.aes(1, READER)
    with pytest.raises(Refusal, match="AE"):
        session.ev2(1, READER)


def test_a_magic_card_has_the_uid_and_cannot_prove_it() -> None:
    genuine, copy = Selected(DesfireEv2(UID)), Selected(MagicCard(UID))
    assert (copy.card.uid, copy.card.atqa, copy.sak, copy.ats) == (UID, genuine.card.atqa, genuine.sak, genuine.ats)
    for authenticate in ("aes", "ev2"):
        session = Session(wrapped(copy))
        session.select(AID)
        with pytest.raises(AssertionError, match="hold the key"):
            getattr(session, authenticate)(1, READER)


def test_a_replayed_dialogue_does_not_authenticate(tmp_path: Path) -> None:
    wallet = Wallet(tmp_path / "cards.json")
    with pytest.raises(ValueError, match="listened"):
        wallet.card_for(UID, "replay")
    card = issued(wallet.card_for(UID, "desfire-ev2"))
    for authenticate in ("aes", "ev2"):
        session = opened(card, wrapped)
        session.select(AID)
        getattr(session, authenticate)(1, READER)
        assert session.read(1, 0, 16) == b"badge number 17!"
        session = opened(wallet.card_for(UID, "replay"), wrapped)
        session.select(AID)
        with pytest.raises(AssertionError, match="hold the key"):
            getattr(session, authenticate)(1, READER)


# ---- memory


def test_a_card_that_is_taken_again_is_the_same_card_in_the_next_run_too(tmp_path: Path) -> None:
    wallet = Wallet(tmp_path / "cards.json")
    card = issued(wallet.card_for(UID, "desfire-ev3"))
    wallet.keep(card)
    assert wallet.card_for(UID) is card, "without naming its kind again"
    assert (tmp_path / "cards.json").stat().st_mode & 0o777 == 0o600
    session = opened(Wallet(tmp_path / "cards.json").card_for(UID))
    session.select(AID)
    session.ev2(1, READER)
    assert session.read(1, 0, 16) == b"badge number 17!"


def test_a_card_with_nothing_new_on_it_is_not_written_down(tmp_path: Path) -> None:
    wallet = Wallet(tmp_path / "cards.json")
    for kind in kinds():
        if kind != "replay":
            wallet.keep(wallet.card_for(UID, kind))
    assert not (tmp_path / "cards.json").exists()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_a_card_remembers_goes_through_json(kind: str) -> None:
    card = KINDS[kind](UID)
    again = KINDS[kind](UID)
    again.remember(json.loads(json.dumps(card.memory())))
    assert again.memory() == card.memory()


# ---- blocks


class Echo(IsoDepCard):
    """Sends everything twice; `ns` for it."""

    ns = 0

    def work(self, command: bytes) -> Work | None:
        return Work(command * 2, self.ns)


@settings(deadline=None, max_examples=60)
@given(st.binary(min_size=1, max_size=300), st.integers(1, 60), st.integers(0, 8), st.sampled_from([0, 1, 14]))
def test_commands_and_answers_of_any_length_are_chained(command: bytes, room: int, fsdi: int, cid: int) -> None:
    selected = Selected(Echo(UID), fsdi=fsdi, cid=cid)
    assert selected.send(command, room=min(room, 60 - bool(cid))) == command * 2
    assert selected.send(b"x") == b"xx"


def test_a_block_that_did_not_arrive_is_sent_again() -> None:
    card = Echo(UID)
    selected = Selected(card)
    first = selected.block(0x02, b"abc")
    assert selected.block(0xB2) == first, "R(NAK) with the same number: rule 11"
    assert selected.block(0xB3) == b"\xa2", "R(NAK) with the other number: rule 12"
    assert selected.block(0x03, b"abc") == b"\x03abcabc"


def test_a_damaged_block_is_not_answered_and_does_not_end_the_protocol() -> None:
    card = Echo(UID)
    selected = Selected(card)
    assert card.receive(Frame.of(b"\x02abc\0\0")) is None
    assert card.receive(Frame.short(0x26, 7)) is None
    assert selected.raw(b"\x50\x00") is None
    assert selected.block(0x02, b"a") == b"\x02aa"


def test_a_slow_card_asks_for_more_time_and_then_answers() -> None:
    card = Echo(UID)
    card.ns = 1_000_000_000
    selected = Selected(card)
    assert selected.send(b"think") == b"thinkthink"
    assert selected.wtx
    assert sum(selected.wtx) * card.frame_waiting_ns >= 900_000_000
    card.ns = 20_000_000_000
    assert selected.send(b"longer") == b"longerlonger"
    assert max(selected.wtx) == 59


def test_a_card_with_slow_cryptography_asks_for_more_time() -> None:
    selected = Selected(SlowDesfire(UID))
    session = Session(native(selected))
    session.iso()
    assert len(selected.wtx) >= 2
    assert session.plain(0x45) == bytes((0x0F, 0x01))


def test_deselect_halts_the_card_and_the_next_rats_begins_anew() -> None:
    card = DesfireEv2(UID)
    selected = Selected(card)
    session = Session(native(selected))
    session.iso()
    assert selected.block(0xC2) == b"\xc2"
    assert card.state is State.HALT
    assert selected.raw_short(0x26) is None
    assert selected.raw_short(0x52) is not None
    for code, part in zip((0x93, 0x95), card._levels, strict=True):
        selected.raw(bytes((code, 0x70)) + part)
    assert selected.raw(b"\xe0\x50") == card.ats
    assert card.authenticated is None


def test_only_106_kbit_s_can_be_heard_after_pps() -> None:
    selected = Selected(Echo(UID))
    assert selected.raw(b"\xd0\x11\x00") == b"\xd0"
    assert selected.send(b"a") == b"aa"
    selected = Selected(Echo(UID))
    assert selected.raw(b"\xd0\x11\x05") == b"\xd0"
    assert selected.raw(b"\x02a") is None


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.binary(min_size=1, max_size=70), max_size=8), st.sampled_from(["desfire-ev1", "desfire-ev2", "magic"])
)
def test_no_frame_breaks_a_card(frames: list[bytes], kind: str) -> None:
    card = KINDS[kind](UID)
    selected = Selected(card)
    for frame in frames:
        card.receive(Frame.of(with_crc(frame)))
        card.receive(Frame.of(with_crc(bytes((0x02 | frame[0] & 1,)) + frame[1:])))
    card.power_on()
    assert Selected(card).ats == selected.ats

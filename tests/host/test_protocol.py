"""The host's protocol against the golden vectors and against any bytes at all."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from badgeclock.protocol import frames, record, roster, seal, topics
from badgeclock.protocol.errors import FrameRefused, RecordRefused, SealFailed, SealGap, TopicRefused
from badgeclock.protocol.frames import Frame, Offline, Online, RosterPart
from badgeclock.protocol.record import Kind, Origin, Record, ResetCause
from badgeclock.protocol.seal import SealState
from badgeclock.protocol.topics import Channel

VECTORS = Path(__file__).parents[1] / "vectors"


def vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text())


RECORDS, SEAL, FRAMES = vectors("record"), vectors("seal"), vectors("frames")


def named(cases: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


def keys_of(direction: str) -> tuple[bytes, bytes]:
    k_link = bytes.fromhex(FRAMES["k_link"])
    if direction == "up":
        return frames.upward_key(k_link), frames.NO_SESSION
    return frames.downward_key(k_link), bytes.fromhex(FRAMES["session"])


# --- record ---


@named(RECORDS["records"])
def test_a_record_is_read_and_written_as_in_the_vectors(case: dict[str, Any]) -> None:
    raw = bytes.fromhex(case["bytes"])
    read = record.unpack(raw)
    for name, wanted in case["fields"].items():
        value = getattr(read, name)
        assert (value.hex() if isinstance(value, bytes) else value) == wanted, name
    assert record.pack(read) == raw


def test_a_punch_says_where_its_direction_comes_from() -> None:
    cases = {case["name"]: record.unpack(bytes.fromhex(case["bytes"])) for case in RECORDS["records"]}
    assert cases["punch in"].origin is Origin.UNTOLD
    assert cases["punch by key"].origin is Origin.KEY
    assert cases["punch whose direction is assumed"].origin is Origin.ASSUMED
    assert cases["punch in"]._replace(detail=b"\x05" + bytes(7)).origin is Origin.UNTOLD


@named(RECORDS["refused"])
def test_what_is_no_record_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(RecordRefused):
        record.unpack(bytes.fromhex(case["bytes"]))


@pytest.mark.parametrize(("bound_ms", "encoded"), RECORDS["bounds"])
def test_a_bound_is_encoded_as_in_the_vectors(bound_ms: int, encoded: int) -> None:
    assert record.bound_encode(bound_ms) == encoded
    decoded = record.bound_decode(encoded)
    assert decoded is None or decoded >= bound_ms


def test_no_bound_is_no_bound() -> None:
    assert record.bound_encode(None) == record.BOUND_NONE
    assert record.bound_decode(record.BOUND_NONE) is None


@given(st.binary(min_size=64, max_size=64))
def test_any_64_bytes_are_a_record_that_writes_itself_again_or_are_refused(raw: bytes) -> None:
    try:
        read = record.unpack(raw)
    except RecordRefused:
        return
    assert record.pack(read) == raw


@given(st.binary(max_size=63 * 64 + 70))
def test_any_payload_is_split_into_all_its_records_or_refused(payload: bytes) -> None:
    try:
        raws = record.split(payload)
    except RecordRefused:
        assert not payload or len(payload) % 64 or len(payload) > 63 * 64
        return
    assert b"".join(raws) == payload


@pytest.mark.parametrize(
    "change",
    [{"seq": 2**32}, {"seq": -1}, {"token": b"short"}, {"ms": 1000}, {"kind": 11}, {"tag": b""}, {"flags": 0x100}],
    ids=str,
)
def test_a_record_that_no_reader_would_take_is_not_written(change: dict[str, Any]) -> None:
    good = record.unpack(bytes.fromhex(RECORDS["records"][0]["bytes"]))
    with pytest.raises(RecordRefused):
        record.pack(good._replace(**change))


# --- seal ---


def founded() -> SealState:
    return seal.found(SEAL["clock_id"], bytes.fromhex(SEAL["e0"]), bytes.fromhex(SEAL["nonce"]))


def test_the_clocks_keys_come_out_as_in_the_vectors() -> None:
    clock_id, nonce = SEAL["clock_id"], bytes.fromhex(SEAL["nonce"])
    k_dev = seal.clock_key(bytes.fromhex(SEAL["fleet_key"]), clock_id)
    e0 = seal.first_epoch_key(k_dev, clock_id, nonce)
    assert k_dev.hex() == SEAL["k_dev"]
    assert e0.hex() == SEAL["e0"]
    assert seal.commitment(e0).hex() == SEAL["commitment"]
    assert seal.link_key(k_dev, clock_id, nonce).hex() == SEAL["k_link"]
    assert seal.first_tag(clock_id).hex() == SEAL["first_tag"]


def test_the_seal_steps_as_in_the_vectors_over_epochs_and_a_burnt_number() -> None:
    state = founded()
    for step in SEAL["steps"] + SEAL["burnt"]["steps"]:
        assert (state.next_seq, state.epoch) == (step["seq"], step["epoch"])
        assert state.r.hex() == step["r"]
        assert state.e_next.hex() == step["e_next"]
        if step["record"] is None:
            continue_from = seal.burn(state, 1)
            assert continue_from.r.hex() == step["next_r"]
            state_before_burnt = state
            state = continue_from
            continue
        raw = bytes.fromhex(step["record"])
        if record.unpack(raw).kind == Kind.BOOT and record.burnt_slots(record.unpack(raw)):
            state = state_before_burnt
        read, after = seal.advance(state, raw)
        burnt = record.burnt_slots(read) if read.kind == Kind.BOOT else 0
        assert seal.mac_key(seal.burn(state, burnt).r).hex() == step["mac"]
        assert read.tag.hex() == step["tag"]
        assert after.r.hex() == step["next_r"]
        assert seal.seal(state, read) == (raw, after)
        state = after


def test_the_fast_tag_is_the_tag_that_is_spelled_out() -> None:
    for step in SEAL["steps"]:
        raw, r = bytes.fromhex(step["record"]), bytes.fromhex(step["r"])
        before = next((s["tag"] for s in SEAL["steps"] if s["seq"] == step["seq"] - 1), SEAL["first_tag"])
        tag = seal.record_tag(r, bytes.fromhex(before), raw[:48])
        assert tag.hex() == step["tag"]
        if record.unpack(raw).kind != Kind.EPOCH:
            assert seal.step(r, tag).hex() == step["next_r"]


def test_tokens_come_out_as_in_the_vectors() -> None:
    for case in SEAL["tokens"]:
        made = seal.badge_token(bytes.fromhex(case["site_key"]), case["type"], bytes.fromhex(case["id"]))
        assert made.hex() == case["token"]


def test_an_unsealed_record_carries_the_chain_and_fails_always() -> None:
    raw, before = bytes.fromhex(SEAL["unsealed"]["record"]), bytes.fromhex(SEAL["unsealed"]["tag_before"])
    assert seal.unsealed_tag(before, raw[:48]) == raw[48:]
    state = founded()
    for step in SEAL["steps"] + SEAL["burnt"]["steps"]:
        if step["record"]:
            state = seal.advance(state, bytes.fromhex(step["record"]))[1]
    with pytest.raises(SealFailed, match="unsealed"):
        seal.advance(state, raw)


def attacked(name: str) -> tuple[SealState, Record]:
    """A sealed step of the vectors and the state before it, for attacks by somebody who holds every key."""
    state = founded()
    for step in SEAL["steps"]:
        raw = bytes.fromhex(step["record"])
        if Kind(raw[1]).name == name:
            return state, record.unpack(raw)
        state = seal.advance(state, raw)[1]
    raise AssertionError(name)


def forged(state: SealState, false: Record) -> bytes:
    """A record with a right tag and a false content."""
    body = record.pack(false)[:48]
    return body + seal.record_tag(state.r, state.tag, body)


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("GENESIS", {"token": b"anothern"}, "commitment"),
        ("GENESIS", {"detail": b"anotherc"}, "commitment"),
        ("GENESIS", {"kind": 3}, "genesis"),
        ("PUNCH", {"kind": 1}, "genesis"),
        ("PUNCH", {"boot": 2}, "boot count"),
        ("PUNCH", {"boot": 0}, "boot count"),
        ("BOOT", {"boot": 2}, "boot count"),
        ("BOOT", {"boot": 0}, "boot count"),
        ("PUNCH", {"epoch": 1}, "epoch"),
        ("EPOCH", {"detail": record.epoch_detail(4, 20_000)}, "epoch count"),
        ("EPOCH", {"detail": record.epoch_detail(6, 20_000)}, "epoch count"),
        ("EPOCH", {"epoch": 2}, "epoch"),
        ("PUNCH", {"seq": 1}, "sequence"),
    ],
)
def test_not_even_a_right_tag_passes_a_false_record(kind: str, change: dict[str, Any], reason: str) -> None:
    state, good = attacked(kind)
    with pytest.raises(SealFailed, match=reason):
        seal.advance(state, forged(state, good._replace(**change)))


@pytest.mark.parametrize("declared", [0, 2])
def test_a_gap_is_none_only_if_the_boot_after_it_declares_all_of_it(declared: int) -> None:
    state, boot = attacked("BOOT")
    detail = record.boot_detail(ResetCause.POWER_ON, declared, bytes(8))
    skipped = boot._replace(seq=boot.seq + 1, detail=detail)
    with pytest.raises(SealFailed):
        seal.advance(state, forged(seal.burn(state, declared), skipped))


def test_a_burnt_number_that_was_none_is_refused() -> None:
    state, boot = attacked("BOOT")
    lying = boot._replace(detail=record.boot_detail(ResetCause.POWER_ON, 1, bytes(8)))
    with pytest.raises(SealFailed, match="sequence"):
        seal.advance(state, forged(seal.burn(state, 1), lying))


@given(bit=st.integers(0, 511), step=st.integers(0, len(SEAL["steps"]) - 1))
def test_no_single_bit_can_be_flipped(bit: int, step: int) -> None:
    state = founded()
    for before in SEAL["steps"][:step]:
        state = seal.advance(state, bytes.fromhex(before["record"]))[1]
    raw = bytearray.fromhex(SEAL["steps"][step]["record"])
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises((SealFailed, RecordRefused)):
        seal.advance(state, bytes(raw))


def test_records_cannot_change_places_or_be_left_out() -> None:
    raws = [bytes.fromhex(step["record"]) for step in SEAL["steps"]]
    state = founded()
    with pytest.raises(SealGap):
        seal.advance(state, raws[1])
    state = seal.advance(state, raws[0])[1]
    with pytest.raises(SealFailed):
        seal.advance(state, raws[0])


def sealed_next(state: SealState, good: Record, **change: Any) -> bytes:
    """The record that a clock in this state would seal, like `good` but for the changes."""
    return forged(state, good._replace(seq=state.next_seq, boot=state.boot, epoch=state.epoch, **change))


def test_nothing_follows_retire() -> None:
    state, punch = attacked("PUNCH")
    read, ended = seal.advance(state, sealed_next(state, punch, kind=Kind.RETIRE, flags=0, token=record.NO_TOKEN))
    assert read.kind == Kind.RETIRE
    assert (ended.r, ended.e_next) == (b"", b"")
    with pytest.raises(SealFailed, match="retired"):
        seal.advance(ended, sealed_next(state, punch))


@pytest.mark.parametrize("kind", [Kind.PUNCH, Kind.BOOT, Kind.EPOCH])
def test_a_full_epoch_takes_only_what_ends_it_or_a_start(kind: Kind) -> None:
    state, punch = attacked("PUNCH")
    full = state._replace(records=seal.EPOCH_RECORDS - 1)
    boot = full.boot + (kind == Kind.BOOT)
    detail = record.epoch_detail(seal.EPOCH_RECORDS, 20_000) if kind == Kind.EPOCH else bytes(8)
    raw = forged(full, punch._replace(kind=int(kind), boot=boot, detail=detail))
    if kind != Kind.PUNCH:
        seal.advance(full, raw)
    else:
        with pytest.raises(SealFailed, match="epoch length"):
            seal.advance(full, raw)


@given(
    edits=st.lists(st.tuples(st.integers(0, 64 * len(SEAL["steps"]) - 1), st.integers(0, 255)), max_size=3),
    cut=st.integers(0, 63),
)
def test_a_walk_stops_where_judging_one_by_one_does(edits: list[tuple[int, int]], cut: int) -> None:
    raws = bytearray.fromhex("".join(step["record"] for step in SEAL["steps"]))
    for at, value in edits:
        raws[at] = value
    del raws[len(raws) - cut :]
    state, taken, stopped = founded(), 0, ""
    for at in range(0, len(raws), 64):
        try:
            state = seal.advance(state, bytes(raws[at : at + 64]))[1]
        except (SealFailed, RecordRefused) as refused:
            stopped = str(refused)
            break
        taken += 1
    walked = seal.verify_run(founded(), bytes(raws))
    assert (walked.state, walked.taken) == (state, taken)
    assert str(walked.refused or "") == stopped


# --- frames ---


@named(FRAMES["frames"])
def test_a_frame_is_opened_and_sealed_as_in_the_vectors(case: dict[str, Any]) -> None:
    key, session = keys_of(case["direction"])
    raw = bytes.fromhex(case["bytes"])
    opened = frames.open_frame(key, FRAMES["clock_id"], session, raw)
    assert opened == Frame(case["type"], case["counter"], bytes.fromhex(case["body"]))
    assert frames.seal_frame(key, FRAMES["clock_id"], session, opened) == raw


@named(FRAMES["refused"])
def test_what_is_no_frame_of_this_session_is_refused(case: dict[str, Any]) -> None:
    key, session = keys_of(case["direction"])
    with pytest.raises(FrameRefused):
        frames.open_frame(key, FRAMES["clock_id"], session, bytes.fromhex(case["bytes"]))


@named(FRAMES["frames"])
def test_bodies_read_back_as_they_were_written(case: dict[str, Any]) -> None:
    body = bytes.fromhex(case["body"])
    if case["type"] == frames.FrameType.STATUS:
        status = frames.unpack_status(body)
        assert frames.unpack_status(frames.pack_status(status)) == status
        assert isinstance(status, Online if case["name"] == "online" else Offline)
    elif case["type"] == frames.FrameType.ACK:
        assert frames.pack_ack(frames.unpack_ack(body)) == body
    elif case["type"] == frames.FrameType.RECEIPTS:
        receipts = frames.unpack_receipts(body)
        if case["name"] == "two receipts, one of a state to come":
            assert receipts == [(13, 43, frames.ReceiptState.REGISTERED, 0, 123_456_789_012_346)]
        else:
            assert frames.pack_receipts(receipts) == body
    elif case["type"] == frames.FrameType.TIME:
        assert frames.pack_time(frames.unpack_time(body)) == body
    elif case["type"] == frames.FrameType.REPORT:
        report = frames.unpack_report(body)
        assert report == (17, frames.Command.SELF_TEST, {"reader": "good", "heap_free": 18000})
        assert frames.unpack_report(frames.pack_report(report)) == report
    elif case["type"] == frames.FrameType.ROSTER:
        assert frames.pack_roster(frames.unpack_roster(body)) == body
    elif case["type"] == frames.FrameType.ROSTER_ANSWER:
        assert frames.pack_roster_answer(frames.unpack_roster_answer(body)) == body
    elif case["type"] == frames.FrameType.SETTINGS:
        assert frames.pack_settings(*frames.unpack_settings(body)) == body
    else:
        assert frames.pack_command(*frames.unpack_command(body)) == body


def test_a_roster_is_built_as_in_the_vectors() -> None:
    case = FRAMES["roster"]
    entries = roster.pack_entries({bytes.fromhex(token): language for token, language in case["badges"]})
    assert (entries.languages, entries.content.hex()) == (tuple(case["languages"]), case["entries"])
    key = roster.roster_key(keys_of("down")[0])
    assert key.hex() == case["k_roster"]
    header = roster.pack_header(key, case["version"], entries)
    assert header.hex() == case["header"]
    count = roster.part_count(entries)
    bodies = [
        frames.pack_roster(RosterPart(case["version"], part, count, roster.part_content(header, entries, part))).hex()
        for part in range(count)
    ]
    assert bodies == case["bodies"]
    assert sorted(roster.known(entries)) == sorted(
        (bytes.fromhex(token), language) for token, language in case["badges"]
    )


LANGUAGE = st.none() | st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=2, max_size=2)


@given(st.dictionaries(st.binary(min_size=8, max_size=8), LANGUAGE, max_size=250))
def test_any_badges_make_a_roster_in_order_that_names_them_all_once(badges: dict[bytes, str | None]) -> None:
    entries = roster.pack_entries(badges)
    found = dict(roster.known(entries))
    assert list(found) == sorted(badges)
    assert len(entries.languages) <= roster.LANGUAGES
    assert all(
        found[token] == (language if language in entries.languages else None) for token, language in badges.items()
    )
    header = roster.pack_header(bytes(32), 1, entries)
    contents = [roster.part_content(header, entries, part) for part in range(roster.part_count(entries))]
    assert b"".join(contents) == header[4:] + entries.content
    assert all(0 < len(content) <= roster.PART_BYTES for content in contents)


def test_a_token_of_another_length_makes_no_roster() -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        roster.pack_entries({bytes(7): None})


@named(FRAMES["desk"])
def test_a_frame_of_the_badge_desk_is_as_in_the_vectors(case: dict[str, Any]) -> None:
    key, session = keys_of(case["direction"])
    opened = frames.open_frame(key, FRAMES["clock_id"], session, bytes.fromhex(case["bytes"]))
    assert (opened.type, opened.counter) == (case["type"], case["counter"])
    k_desk, connection = frames.desk_key(key), bytes.fromhex(FRAMES["session"])
    said = frames.unpack_desk(k_desk, connection, opened.counter, opened.body)
    assert said == (case["job"], case["step"], case["word"], bytes.fromhex(case["payload"]))
    assert frames.pack_desk(k_desk, connection, opened.counter, said).hex() == case["body"]
    assert frames.seal_frame(key, FRAMES["clock_id"], session, opened).hex() == case["bytes"]


@given(body=st.binary(max_size=300), counter=st.integers(0, 2**64 - 1))
def test_any_body_of_the_badge_desk_reads_back_as_it_was_written_or_is_refused(body: bytes, counter: int) -> None:
    try:
        said = frames.unpack_desk(bytes(32), bytes(8), counter, body)
    except FrameRefused:
        assert not 7 <= len(body) <= 262
        return
    assert frames.pack_desk(bytes(32), bytes(8), counter, said) == body


def test_no_two_bodies_of_the_badge_desk_are_enciphered_alike() -> None:
    said = frames.Desk(1, 2, frames.DeskStep.APDU, bytes(200))
    up, down = (frames.desk_key(keys_of(direction)[0]) for direction in ("up", "down"))
    bodies = {
        frames.pack_desk(key, session, counter, said)
        for key in (up, down)
        for session in (bytes(8), bytes(7) + b"\x01")
        for counter in (0, 1, 2**32, 2**63)
    }
    assert len(bodies) == 16
    for body in bodies:
        assert len({body[at : at + 32] for at in range(0, 192, 32)}) == 6


def test_a_step_of_the_badge_desk_has_at_most_255_bytes() -> None:
    with pytest.raises(FrameRefused):
        frames.pack_desk(bytes(32), bytes(8), 1, frames.Desk(1, 2, 3, bytes(256)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
ONLINE = json.loads(bytes.fromhex(FRAMES["frames"][0]["body"]))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_body_or_refused(body: bytes) -> None:
    readers = (
        frames.unpack_ack,
        frames.unpack_receipts,
        frames.unpack_time,
        frames.unpack_command,
        frames.unpack_status,
        frames.unpack_report,
        frames.unpack_roster,
        frames.unpack_roster_answer,
        frames.unpack_settings,
    )
    for read in readers:
        try:
            read(body)
        except FrameRefused:
            continue


@given(name=st.sampled_from(sorted(ONLINE)), value=JSON)
def test_any_value_of_any_status_key_is_read_or_refused(name: str, value: Any) -> None:
    try:
        frames.unpack_status(json.dumps({**ONLINE, name: value}).encode())
    except FrameRefused:
        return


@given(name=st.sampled_from(["v", "order", "command", "told"]), value=JSON)
def test_any_value_of_any_key_of_a_report_is_read_or_refused(name: str, value: Any) -> None:
    try:
        report = frames.unpack_report(json.dumps({"v": 1, "order": 1, "command": 4, "told": {}, name: value}).encode())
    except FrameRefused:
        return
    assert isinstance(report.facts, dict)
    assert report.command in frames.Command


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("reader_fault", "tears", "heartbeat_s", "cert_until", "temperature", "rssi", "case_open", "rtc_faults"),
            st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers(), max_size=3),
        ),
    )
)
def test_no_clock_is_cut_off_for_what_it_says_of_its_health(health: dict[str, Any]) -> None:
    status = frames.unpack_status(json.dumps({**ONLINE, **health}).encode())
    assert isinstance(status, Online)
    assert frames.unpack_status(frames.pack_status(status)) == status


@pytest.mark.parametrize("body", [b"[" * 4000, b'{"v":1e999}', b"9" * 4000, b"\xff", b'{"v":true}', b"null"], ids=repr)
def test_awkward_json_is_refused(body: bytes) -> None:
    with pytest.raises(FrameRefused):
        frames.unpack_status(body)


@given(st.binary(max_size=4200))
def test_any_bytes_are_refused_as_a_frame(raw: bytes) -> None:
    with pytest.raises(FrameRefused):
        frames.open_frame(bytes(32), "clock-0001", frames.NO_SESSION, raw)


@pytest.mark.parametrize("count", [0, 33])
def test_a_receipts_frame_has_1_to_32_entries(count: int) -> None:
    one = frames.Receipt(1, 2, frames.ReceiptState.REGISTERED, 0, 3)
    with pytest.raises(FrameRefused):
        frames.pack_receipts([one] * count)


def test_the_last_will_is_newer_than_its_connection_and_older_than_the_next() -> None:
    will = frames.upward_counter(3, 7, frames.LAST_WILL_NUMBER)
    assert frames.upward_counter(3, 7, 10_000) < will < frames.upward_counter(3, 8, 0) < frames.upward_counter(4, 0, 0)


# --- topics ---


@given(st.from_regex(r"[a-z0-9-]{3,23}", fullmatch=True), st.sampled_from(Channel))
def test_topics_are_read_back_as_they_were_made(clock_id: str, channel: Channel) -> None:
    assert topics.parse(topics.topic(clock_id, channel)) == (clock_id, channel)


@given(st.text())
def test_any_text_is_a_topic_or_refused(text: str) -> None:
    try:
        clock_id, channel = topics.parse(text)
    except TopicRefused:
        return
    assert topics.topic(clock_id, channel) == text


@pytest.mark.parametrize("name", ["ab", "a" * 24, "Clock-1", "clock 1", "clock/1", "clöck", "clock-1\n", ""])
def test_names_that_are_no_clock_id_are_refused(name: str) -> None:
    with pytest.raises(TopicRefused):
        topics.topic(name, Channel.ACK)


def test_errors_keep_their_words_on_the_way_to_another_process() -> None:
    for error in (RecordRefused("kind"), SealGap("gap", 7), FrameRefused("tag"), TopicRefused("x")):
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - bytes of this test itself
        assert (type(again), str(again)) == (type(error), str(error))

"""The data key is changed while the bridge works, and wherever that is cut off, nothing is lost."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.host.bridge.world import ANNA_NISS, ANNA_UID, BRAM_UID, KBO, LUZ_LIMOSA, SITE, SITE_KEY, Clock, World

from badgeclock.bridge.downlink.frames_out import Downlink
from badgeclock.bridge.errors import DataKeyWrong, KeysInUse, PeopleError
from badgeclock.bridge.intake.intake import Intake
from badgeclock.bridge.operations import data_key_rotation
from badgeclock.bridge.people import identities, workers
from badgeclock.bridge.people.identities import Identity
from badgeclock.bridge.presences.regimes import Declared
from badgeclock.bridge.registrar import outbox
from badgeclock.bridge.store import audit_log, schema, vault
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.states import IdentityKind, PresenceState
from badgeclock.bridge.store.vault import PEOPLE, Vault
from badgeclock.errors import SettingsError

WHO = Operator("anna", "a laptop was stolen")


@pytest.fixture
def key_file(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The world's vault in a file; nobody waits long for it to be looked at."""
    monkeypatch.setattr(vault, "RELOAD_S", 0.01)
    monkeypatch.setattr(data_key_rotation, "ADOPTED_S", 0.05)
    monkeypatch.setattr(data_key_rotation, "BATCH_ROWS", 2)
    path = tmp_path / "data.key"
    path.write_text(b"data key of the tests, 32 bytes.".hex())
    path.chmod(0o600)
    world.vault = vault.load(path)
    world.downlink = Downlink(world.vault)
    world.intake = Intake(world.vault, world.downlink)
    return path


def rotate(world: World, path: Path) -> list[tuple[int, int]]:
    return list(data_key_rotation.rotate(world.store, vault.load(path), path, WHO, lambda: world.now_ms))


def retire(world: World, path: Path) -> list[int]:
    return data_key_rotation.retire(world.store, vault.load(path), path, WHO, lambda: world.now_ms)


def uses(world: World) -> dict[int, int]:
    with world.store.read() as connection:
        return dict(data_key_rotation.uses(connection))


def opened(world: World, keys: Vault) -> list[str]:
    """Everything that the vault's keys open: people, and the site's key."""
    said = []
    for row in world.rows(schema.workers):
        said.append(identities.identity_of(keys, row).number)
        said.append(keys.open(PEOPLE, f"name:{row.reference}", row.name_closed).decode())
    (site,) = world.rows(schema.sites)
    assert keys.open(vault.SITE_KEY, SITE, site.site_key_closed) == SITE_KEY
    return said


def test_every_encrypted_column_of_the_store_is_known() -> None:
    known = {(table.name, closed.column) for table, columns in data_key_rotation.CLOSED.items() for closed in columns}
    there = {
        (table.name, column.name)
        for table in schema.metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_closed")
    }
    assert known == there


def test_everything_is_under_the_new_key_and_the_old_one_opens_nothing(world: World, key_file: Path) -> None:
    before = opened(world, world.vault)
    old = key_file.read_text()
    ((number, changed),) = rotate(world, key_file)
    assert (number, changed) == (1, 5)
    assert uses(world) == {2: 9}
    assert opened(world, world.vault) == before
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert retire(world, key_file) == [1]
    assert set(vault.read_keys(key_file)) == {2}
    assert opened(world, vault.load(key_file)) == before
    with pytest.raises(DataKeyWrong):
        opened(world, Vault(bytes.fromhex(old)))
    assert retire(world, key_file) == []
    with world.store.read() as connection:
        acts = audit_log.listing(connection, 0, 10)
    assert [act["act"] for act in acts] == ["data_key_added", "data_key_retired"]
    assert [act["reason"] for act in acts] == [WHO.reason] * 2
    for key in vault.read_keys(key_file).values():
        assert key.hex() not in repr(acts)


def test_a_worker_is_found_by_number_under_either_key_and_after(world: World, key_file: Path) -> None:
    twins = (Identity(IdentityKind.NISS, ANNA_NISS), Identity(IdentityKind.LIMOSA, LUZ_LIMOSA))

    def add(identity: Identity) -> None:
        with world.store.write() as connection:
            keys = vault.load(key_file)
            workers.add(connection, keys, reference="W-9", name="Twin", identity=identity, employer_kbo=KBO)

    def refused() -> None:
        for twin in twins:
            with pytest.raises(PeopleError, match="same number"):
                add(twin)

    vault.write_keys(key_file, {**vault.read_keys(key_file), 2: bytes(range(32))})
    refused()
    rotate(world, key_file)
    refused()
    retire(world, key_file)
    refused()


def test_what_was_sent_before_is_known_to_be_sent_under_the_workers_number_and_another_number_is_not(
    world: World, key_file: Path
) -> None:
    world.punches(*world.clock.start(), world.clock.punch(ANNA_UID), world.clock.punch(BRAM_UID))
    everything = frozenset(Declared)
    with world.store.write() as connection:
        assert len(outbox.claim(connection, world.vault, everything, world.now_ms, 200, "a call")) == 2
        outbox.unsettle(connection, everything, world.now_ms)
    world.change_worker("W-002", niss="00000100463")
    before = {row.sent_identity for row in world.rows(schema.presences)}
    rotate(world, key_file)
    retire(world, key_file)
    with world.store.read() as connection:
        lost = outbox.due(connection, world.vault, [PresenceState.UNKNOWN], everything, world.now_ms, 10)
    assert {one.worker: one.same_name for one in lost} == {"W-001": True, "W-002": False}
    assert len({row.sent_identity for row in world.rows(schema.presences)} - before) == 1


def test_the_bridge_punches_on_while_its_key_is_changed_and_after(world: World, key_file: Path) -> None:
    world.punches(*world.clock.start())
    stop, failed = threading.Event(), []

    def work() -> None:
        try:
            while not stop.is_set():
                taken = world.punches(world.clock.punch())
                assert taken.counts["accepted"] == 1
                stop.wait(0.005)
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            failed.append(error)

    bridge = threading.Thread(target=work)
    bridge.start()
    try:
        rotate(world, key_file)
        assert retire(world, key_file) == [1]
    finally:
        stop.set()
        bridge.join()
    assert failed == []
    assert world.punches(world.clock.punch()).counts["accepted"] == 1
    assert set(uses(world)) == {2}
    assert world.vault.newest == 2
    assert len(world.stored()) == len(world.clock.sent)


class Killed(BaseException):
    """The process is killed."""


CUTS = 10


@pytest.mark.parametrize("cut", range(CUTS))
def test_cut_off_at_any_write_the_same_command_goes_on(
    world: World, key_file: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    before = opened(world, world.vault)
    steps = iter(range(CUTS + 1))
    really_write, really_keys = world.store.write, vault.write_keys

    def step() -> None:
        if next(steps, None) == cut:
            raise Killed

    def write() -> object:
        step()
        return really_write()

    def write_keys(path: Path, keys: dict[int, bytes]) -> None:
        step()
        really_keys(path, keys)
        step()

    def both() -> None:
        rotate(world, key_file)
        retire(world, key_file)

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "write", write)
        patched.setattr(vault, "write_keys", write_keys)
        with pytest.raises(Killed):
            both()
    assert opened(world, vault.load(key_file)) == before
    rotate(world, key_file)
    retire(world, key_file)
    assert opened(world, vault.load(key_file)) == before
    assert len(vault.read_keys(key_file)) == 1
    assert set(uses(world)) == set(vault.read_keys(key_file))


def test_a_key_that_a_value_needs_is_not_retired(world: World, key_file: Path) -> None:
    late = Vault(b"data key of the tests, 32 bytes.")  # of a process that never looks
    rotate(world, key_file)
    with world.store.write() as connection:
        workers.add(
            connection,
            late,
            reference="W-9",
            name="Late",
            identity=identities.limosa("L9"),
            employer_kbo=None,
            now_ms=0,
        )
    with pytest.raises(KeysInUse, match="2 values"):
        retire(world, key_file)
    assert set(vault.read_keys(key_file)) == {1, 2}
    rotate(world, key_file)
    assert set(vault.read_keys(key_file)) == {1, 2}
    assert retire(world, key_file) == [1]


def test_an_index_that_was_left_behind_is_a_need_too(world: World, key_file: Path) -> None:
    (anna, *_) = world.rows(schema.workers)
    rotate(world, key_file)
    with world.store.write() as connection:
        table = schema.workers
        connection.execute(table.update().where(table.c.id == anna.id).values(identity_index=anna.identity_index))
    with pytest.raises(KeysInUse, match="1 values"):
        retire(world, key_file)


def test_a_file_that_cannot_be_replaced_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "data.key"
    path.write_text("00" * 32)
    path.chmod(0o600)
    (tmp_path / ".data.key.new").mkdir()  # in the way of the new file
    with pytest.raises(SettingsError, match="cannot be replaced"):
        vault.write_keys(path, {1: bytes(32), 2: bytes(32)})
    assert vault.read_keys(path) == {1: bytes(32)}


ZEROS = "00" * 32


@pytest.mark.parametrize("content", ["1:00", f"0:{ZEROS}", f"256:{ZEROS}", f"1:{ZEROS}\n1:{ZEROS}", "x:y"])
def test_numbered_lines_that_are_no_keys_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "data.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="numbered lines"):
        vault.read_keys(path)


def test_a_clock_that_is_added_meanwhile_is_under_a_key_of_the_file(world: World, key_file: Path) -> None:
    vault.write_keys(key_file, {**vault.read_keys(key_file), 2: bytes(range(32))})
    world.vault.reload()
    world.add_clock(Clock("clock-0002"))
    assert uses(world) == {1: 9, 2: 2}


@given(st.binary(max_size=200) | st.text("0123456789:\nabcdef+ ", max_size=200).map(str.encode))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_data_keys_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.key"
    path.write_bytes(content)
    path.chmod(0o600)
    try:
        keys = vault.read_keys(path)
    except SettingsError:
        return
    assert all(1 <= number <= 255 and len(key) == 32 for number, key in keys.items())

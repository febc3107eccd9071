"""`badgeclock journal verify` as typed by a person: its input, its output, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.host.bridge.world import Clock, World
from tests.host.evidence.flash import flash_of
from tests.host.evidence.logs import LOGS, maker, slots_of
from tests.host.evidence.negatives import LINK_KEY, bare, clock, status_line, whole_flash
from typer.testing import CliRunner, Result

from badgeclock.bridge.store.database import Store
from badgeclock.bundle import Bundle
from badgeclock.cli.main import app
from badgeclock.errors import BadgeclockError, EvidenceError, SettingsError
from badgeclock.technician import workshop


def bundle_of(folder: Path) -> Path:
    """The golden clock's bundle as a file."""
    path = folder / "bundle.json"
    path.write_bytes(Bundle(maker.CLOCK_ID, "Quay 7", "00" * 32, maker.NONCE, maker.E_0, LINK_KEY).to_json())
    return path


def verify(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["journal", "verify", *map(str, arguments)])


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A good flash, whole and in parts, with its dumps."""
    made = clock().closes_at_midnight().punches(4)
    flash = flash_of(made.slots, made.end())
    contents = {
        "flash": whole_flash(flash),
        "journal": bytes(flash.journal),
        "seal": bytes(flash.seal),
        "records": bare(made),
        "lines": f"badgeclock/v1/{maker.CLOCK_ID}/punches {bare(made)[:640].hex()}\n".encode()
        + status_line(made, made.tag),
    }
    paths = {"bundle": bundle_of(tmp_path)}
    for name, content in contents.items():
        paths[name] = tmp_path / name
        paths[name].write_bytes(content)
    return paths


def test_a_good_flash_leaves_with_0_and_says_so(files: dict[str, Path]) -> None:
    done = verify(files["flash"], "--bundle", files["bundle"])
    assert done.exit_code == 0, done.output
    assert "all of it is proven" in done.output
    assert "13 read, 13 ok, 0 unproven, 0 failed" in done.output
    assert "holds the next key and no other" in done.output


def test_partitions_dumps_and_anchors_go_together(files: dict[str, Path]) -> None:
    tag = files["records"].read_bytes()[-16:].hex()
    done = verify(
        *("--journal", files["journal"], "--seal", files["seal"], "--dump", files["records"]),
        *("--dump", files["lines"], "--anchor", f"12:{tag}", "--bundle", files["bundle"]),
    )
    assert done.exit_code == 0, done.output
    assert "anchors: 2 met" in done.output


def test_a_changed_record_leaves_with_4_and_names_it(files: dict[str, Path]) -> None:
    flash = bytearray(files["journal"].read_bytes())
    flash[64 * 6 + 30] ^= 1
    files["journal"].write_bytes(flash)
    done = verify("--journal", files["journal"], "--bundle", files["bundle"])
    assert done.exit_code == 4
    assert "record 5: failed, tag: the bytes were changed" in done.output
    assert "12 ok, 0 unproven, 1 failed" in done.output


def test_json_is_an_object_a_record_and_a_summary(files: dict[str, Path]) -> None:
    done = verify(files["flash"], "--bundle", files["bundle"], "--json")
    objects = [json.loads(line) for line in done.output.splitlines()]
    assert [told["seq"] for told in objects[:-1]] == list(range(13))
    assert {told["verdict"] for told in objects[:-1]} == {"ok"}
    assert objects[-1]["verdict"] == "ok"
    assert objects[-1]["kinds"] == {"GENESIS": 1, "BOOT": 1, "PUNCH": 9, "TIME_SET": 1, "EPOCH": 1}
    assert objects[-1]["findings"] == []


def test_all_is_a_line_a_record(files: dict[str, Path]) -> None:
    done = verify(files["flash"], "--bundle", files["bundle"], "--all")
    assert "record 0, 2026-01-05 06:58:11 UTC, GENESIS: ok" in done.output
    assert sum(line.endswith(": ok") for line in done.output.splitlines()) == 13


@pytest.mark.parametrize("options", [["--all"], ["--json"], []], ids=str)
def test_no_key_and_no_token_is_ever_printed(files: dict[str, Path], options: list[str]) -> None:
    done = verify("--journal", files["journal"], "--seal", files["seal"], "--bundle", files["bundle"], *options)
    key = files["seal"].read_bytes().index(b"BCK1")
    secrets = [maker.E_0, LINK_KEY, maker.make.token(maker.UID), files["seal"].read_bytes()[key + 32 : key + 64]]
    assert not [secret for secret in secrets if secret.hex() in done.output]


def test_the_workshop_gives_the_key_as_well(files: dict[str, Path], tmp_path: Path) -> None:
    shop = workshop.create(tmp_path / "workshop")
    folder = shop.clock_folder(maker.CLOCK_ID)
    folder.mkdir(parents=True)
    (folder / "bundle.json").write_bytes(files["bundle"].read_bytes())
    done = verify(files["flash"], "--workshop", shop.path, "--id", maker.CLOCK_ID)
    assert done.exit_code == 0, done.output
    other = verify(files["flash"], "--workshop", shop.path, "--id", "clock-0001")
    assert isinstance(other.exception, EvidenceError)


def test_a_flash_of_another_key_fails_from_its_first_record(files: dict[str, Path], tmp_path: Path) -> None:
    other = Bundle(maker.CLOCK_ID, "Quay 7", "00" * 32, maker.NONCE, bytes(32), LINK_KEY)
    (tmp_path / "other.json").write_bytes(other.to_json())
    done = verify(files["flash"], "--bundle", tmp_path / "other.json")
    assert done.exit_code == 4
    assert "0 ok" in done.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--bundle", "{bundle}"],
        ["{flash}"],
        ["{flash}", "--workshop", "."],
        ["{flash}", "--journal", "{journal}", "--bundle", "{bundle}"],
        ["--seal", "{seal}", "--dump", "{records}", "--bundle", "{bundle}"],
    ],
    ids=["nothing to read", "no key", "no id", "flash twice", "key store alone"],
)
def test_what_makes_no_sense_is_an_error_of_usage(files: dict[str, Path], arguments: list[str]) -> None:
    assert verify(*(argument.format(**files) for argument in arguments)).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["no-such-file", "--bundle", "{bundle}"], EvidenceError),
        (["{bundle}", "--bundle", "{bundle}"], EvidenceError),
        (["{flash}", "--bundle", "no-such-file"], EvidenceError),
        (["{flash}", "--bundle", "{lines}"], SettingsError),
        (["{flash}", "--bundle", "{bundle}", "--anchor", "12"], EvidenceError),
        (["--store", "sqlite:///no-such-file.db", "--bundle", "{bundle}"], EvidenceError),
        (["--store", "no-such.toml", "--bundle", "{bundle}"], SettingsError),
        (["--dump", "/", "--bundle", "{bundle}"], EvidenceError),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_an_error_that_says_what_to_do(
    files: dict[str, Path], arguments: list[str], error: type[BadgeclockError]
) -> None:
    done = verify(*(argument.format(**files) for argument in arguments))
    assert type(done.exception) is error
    assert "To do:" in str(done.exception)
    assert maker.E_0.hex() not in str(done.exception)
    assert not Path("no-such-file.db").exists()


# --- the bridge's store ---


def stored(tmp_path: Path) -> tuple[World, Any, Path, str]:
    """A bridge that took a clock's records, the clock, its bundle's file, and the store's URL."""
    world = World(tmp_path)
    sender = world.add_clock(Clock("clock-0777"))
    raws = [*sender.start(), *(sender.punch() for _ in range(6))]
    world.punches(*raws, clock=sender)
    bundle = Bundle(sender.name, "Quay 7", "00" * 32, sender.nonce, sender.e0, sender.link_key)
    (tmp_path / "clock.json").write_bytes(bundle.to_json())
    return world, sender, tmp_path / "clock.json", world.store._engine.url.render_as_string(hide_password=False)


def test_the_bridges_store_is_judged_and_not_believed(tmp_path: Path) -> None:
    world, sender, bundle, url = stored(tmp_path)
    done = verify("--store", url, "--bundle", bundle)
    assert done.exit_code == 0, done.output
    assert "8 read, 8 ok" in done.output
    with Store(url).write() as connection:
        raw = bytearray(sender.sent[4])
        raw[30] ^= 1
        connection.exec_driver_sql("UPDATE records SET raw = ? WHERE seq = 4", (bytes(raw),))
    done = verify("--store", url, "--bundle", bundle)
    assert done.exit_code == 4
    assert "record 4: failed, tag" in done.output
    world.store.close()


def test_a_record_that_the_bridge_dropped_is_missing(tmp_path: Path) -> None:
    world, _, bundle, url = stored(tmp_path)
    with Store(url).write() as connection:
        connection.exec_driver_sql("DELETE FROM records WHERE seq = 7")
    done = verify("--store", url, "--bundle", bundle)
    assert done.exit_code == 4
    assert "rolled back" in done.output
    world.store.close()


def test_a_store_without_this_chain_is_an_error(tmp_path: Path) -> None:
    world, _, _, url = stored(tmp_path)
    done = verify("--store", url, "--bundle", bundle_of(tmp_path))
    assert isinstance(done.exception, EvidenceError)
    world.store.close()


def test_records_that_were_sent_400_times_are_61_records(tmp_path: Path) -> None:
    raws = b"".join(raw for raw in slots_of(LOGS["logs"][0]["slots"]) if raw)
    (tmp_path / "dump").write_bytes(raws * 400)
    done = verify("--dump", tmp_path / "dump", "--bundle", bundle_of(tmp_path))
    assert done.exit_code == 0
    assert "61 read, 61 ok" in done.output

"""A clock that is ended at a cable: the clock's own code on a virtual clock's serial line, and a real workshop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.host.test_provision import TABLE, Bench, bench, inspect, punch
from tests.provisioned import NEW, PASSWORD, PATIENCE_S, copied
from typer.testing import CliRunner

from badgeclock.bundle import Bundle
from badgeclock.cli import clock as clock_cli
from badgeclock.errors import ProvisionError
from badgeclock.protocol import record as records
from badgeclock.protocol import seal
from badgeclock.protocol.record import Kind
from badgeclock.technician import on_device, provision, retire, workshop
from badgeclock.technician.ledger import Act, Ledger
from badgeclock.technician.provision import Broker, Chain, ChainState, Wifi
from badgeclock.technician.retire import Retired
from badgeclock.technician.sealed_flash import unsent_punches
from badgeclock.technician.serial_device import open_device

PUNCHES = 3
NEW_PLACE = {"site": "Quay 7", "broker": Broker("localhost", 8883), "wifi": Wifi("quay", "quite another one")}


@pytest.fixture
def desk(provisioned: Path, tmp_path: Path) -> Iterator[Bench]:
    """A provisioned clock with punches."""
    with bench(copied(provisioned, tmp_path)) as made:
        punch(made, PUNCHES)
        yield made


def retired(desk: Bench, yes_lose: int | None = None) -> Retired:
    with open_device(desk.port) as device:
        return retire.retire(device, desk.shop, yes_lose)


def test_a_clock_is_ended_only_for_good_reason_and_then_wholly_and_can_begin_anew(desk: Bench, tmp_path: Path) -> None:
    bundle, identity = desk.bundle(), desk.shop.clock("clock-0001")
    before = desk.partition("journal"), desk.partition("seal")

    for wrong in (None, PUNCHES + 1):
        with pytest.raises(ProvisionError, match=f"--yes-lose {PUNCHES}"):
            retired(desk, wrong)
    with pytest.raises(ProvisionError, match="use the workshop that provisioned it"), open_device(desk.port) as device:
        retire.retire(device, workshop.create(tmp_path / "another"), PUNCHES)
    assert before == (desk.partition("journal"), desk.partition("seal"))
    assert desk.shop.revoked() == set()

    runner = CliRunner()
    done = runner.invoke(
        clock_cli.app, ["retire", desk.port, "--workshop", str(desk.shop.path), "--yes-lose", str(PUNCHES), "--json"]
    )
    assert done.exit_code == 0, done.output
    assert '"was_retired": false' in done.output

    journal, keys = desk.partition("journal"), desk.partition("seal")
    state = seal.found("clock-0001", bundle.e0, bundle.genesis_nonce)
    kinds = []
    for at in range(64, 4096, 64):
        raw = journal[at : at + 64]
        if raw == b"\xff" * 64:
            break
        record, state = seal.advance(state, raw)
        kinds.append(record.kind)
    assert kinds[-1] == Kind.RETIRE
    assert kinds.count(Kind.PUNCH) == PUNCHES
    assert (state.r, state.e_next) == (b"", b"")
    assert not keys.strip(b"\xff\x00")
    assert unsent_punches(keys, journal) == 0
    assert identity.key_der not in desk_files(desk)
    assert left_in(desk, bundle) == []
    assert desk.shop.revoked() == {identity.certificate.serial_number}

    # The clock starts, finds its log retired, and says that it is not set up; a second run changes nothing.
    state_now = inspect(desk)
    assert not state_now.has_live_key
    assert state_now.unsent_punches == 0
    with pytest.raises(ProvisionError, match="has no certificate"):
        retired(desk)
    assert desk.partition("journal")[:4096] == journal[:4096]

    assert [entry.act for entry in Ledger(desk.shop.path).entries()] == [Act.PROVISIONED, Act.RETIRED]
    again = desk.provision(desk.plan(**NEW))
    assert (again.chain, again.punches_lost) == (ChainState.FOUNDED, 0)
    assert desk.bundle().genesis_nonce != bundle.genesis_nonce
    assert desk.shop.clock("clock-0001").certificate.serial_number not in desk.shop.revoked()
    assert (desk.shop.clock_folder("clock-0001") / f"bundle.{bundle.genesis_nonce.hex()}.json").exists()
    assert records.unpack(desk.partition("journal")[64:128]).token == desk.bundle().genesis_nonce

    # The cable is pulled after the clock has ended and before the workshop knows: it is finished by doing it again.
    with open_device(desk.port) as device:
        provision.inspect(device)
        retire._retire(device, "clock-0001")
    again = retired(desk)
    assert (again.was_retired, again.punches_lost) == (True, 0)
    assert int(again.serial, 16) in desk.shop.revoked()


def left_in(desk: Bench, bundle: Bundle) -> list[str]:
    """The secrets of a clock that stand anywhere in its whole flash."""
    flash = desk.board.flash.read(0, TABLE.flash_bytes)
    secrets = {
        "link key": bundle.link_key.hex(),
        "site key": desk.shop.site_key("Demo site").hex(),
        "Wi-Fi password": PASSWORD,
    }
    return [name for name, secret in secrets.items() if secret.encode() in flash or _raw(secret) in flash]


def _raw(secret: str) -> bytes:
    try:
        return bytes.fromhex(secret)
    except ValueError:
        return secret.encode()


def test_nothing_of_a_site_stays_in_a_clock_that_goes_to_another(desk: Bench) -> None:
    before = desk.bundle()
    assert left_in(desk, before) == ["link key", "site key", "Wi-Fi password"], "the search finds them"
    desk.provision(desk.plan(site="Quay 7", wifi=Wifi("quay", "quite another one")))
    assert left_in(desk, before) == ["link key"], "its chain, and so its link key, goes on"
    desk.provision(desk.plan(clock_id="clock-0002", chain=Chain.FOUND_ANEW, yes_lose=PUNCHES, **NEW_PLACE))
    assert left_in(desk, before) == []


def test_a_clock_of_an_older_firmware_moves_its_file_into_the_seals_partition(desk: Bench) -> None:
    bundle = desk.bundle()
    with open_device(desk.port) as device:
        text = provision.inspect(device).secrets_text
        assert text is not None
        device.run(on_device.SECRETS + "bc_forget_secrets()")
        for content in (text.replace(b"a password", b"an older password"), text):
            device.put("/secrets.json", content)
        assert provision.inspect(device).secrets_text == text, "the tool knows both places"
        device.restart()
    flash = desk.board.flash.read(0, TABLE.flash_bytes)
    assert b"an older password of the site" in flash, "littlefs keeps what was replaced"
    deadline = time.monotonic() + PATIENCE_S
    while "Hold your badge" not in desk.board.screen_text():
        assert time.monotonic() < deadline, desk.board.screen_text()
        time.sleep(0.1)
    with open_device(desk.port) as device:
        assert device.read("/secrets.json") is None
        assert provision.inspect(device).secrets_text == text
    flash = desk.board.flash.read(0, TABLE.flash_bytes)
    assert b"an older password of the site" not in flash
    for secret in (bundle.link_key.hex().encode(), PASSWORD.encode()):
        assert flash.count(secret) == 1
        assert TABLE["seal"].offset <= flash.index(secret) < TABLE["seal"].end


def desk_files(desk: Bench) -> bytes:
    """Every file that the clock has."""
    with open_device(desk.port) as device:
        return b"".join(device.read(path) or b"" for path, digest in device.listing().items() if digest)


def test_a_chip_that_is_no_clock_of_ours_is_left_alone(tmp_path: Path) -> None:
    with bench(tmp_path) as fresh, pytest.raises(ProvisionError, match="without a name"):
        retired(fresh)

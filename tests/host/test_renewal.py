"""Renewed certificates, and an authority that replaces another: what is trusted at each step."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from badgeclock.bundle import Bundle
from badgeclock.cli import ca
from badgeclock.errors import ProvisionError
from badgeclock.technician import certificates, workshop
from badgeclock.technician.workshop import Workshop


def with_clocks(shop: Workshop, *clock_ids: str) -> None:
    """Clocks that were provisioned: each with a certificate, a chain, and the present authorities."""
    for clock_id in clock_ids:
        identity = shop.clock(clock_id)
        shop.begin_founding(Bundle(clock_id, "Site", identity.fingerprint, bytes(8), bytes(32), bytes(32)), bytes(32))
        shop.confirm_founding(clock_id)
        shop.record_trust(clock_id)


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    made = workshop.create(tmp_path / "workshop")
    made.broker(("mqtt.site.example", "192.0.2.7"))
    made.bridge()
    with_clocks(made, "clock-0001", "clock-0002")
    return made


def test_a_renewed_certificate_has_a_new_key_and_the_old_one_is_set_aside_and_works_until_it_is_revoked(
    shop: Workshop,
) -> None:
    before = shop.clock("clock-0001")
    after = shop.renew_clock("clock-0001")
    assert shop.clock("clock-0001").fingerprint == after.fingerprint != before.fingerprint
    assert after.key.public_key() != before.key.public_key()
    serial = before.certificate.serial_number
    assert (shop.clock_folder("clock-0001") / f"certificate.{serial:x}.pem").exists()
    assert shop.revoked() == set()
    assert shop.revoke_clock("clock-0001") == after.certificate.serial_number
    assert shop.revoked() == {serial, after.certificate.serial_number}
    with pytest.raises(ProvisionError, match="revoked"):
        shop.renew_clock("clock-0001")


def test_the_broker_keeps_its_names_and_gets_more(shop: Workshop) -> None:
    shop.renew_broker(("second.example",))
    names = certificates.names_of(shop.broker().certificate)
    assert set(names) == {"mqtt.site.example", "second.example", "localhost", "192.0.2.7", "127.0.0.1"}
    bridge = shop.bridge().fingerprint
    assert shop.renew_bridge().fingerprint != bridge


@pytest.mark.parametrize("name", ["key.new.pem", "certificate.new.pem", "key.pem", "certificate.pem"])
def test_a_renewal_that_is_cut_short_leaves_the_old_pair_or_the_new_one(
    shop: Workshop, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shop.clock("clock-0001").fingerprint
    folder = shop.clock_folder("clock-0001")
    cut_before(monkeypatch, folder / name)
    with pytest.raises(PowerCut):
        shop.renew_clock("clock-0001")
    monkeypatch.undo()
    found = Workshop(shop.path).clock("clock-0001").fingerprint
    assert (found == before) == name.endswith(".new.pem")
    assert shop.renew_clock("clock-0001").fingerprint not in {before, found}


def test_one_authority_takes_over_from_another_and_each_step_says_who_is_not_ready(shop: Workshop) -> None:
    old = shop.authority()
    with pytest.raises(ProvisionError, match="no authority is about to"):
        shop.switch_authority()
    shop.begin_authority()
    with pytest.raises(ProvisionError, match="already"):
        shop.begin_authority()
    _, new = shop.authorities()
    assert shop.authority().fingerprint == old.fingerprint
    assert new.common_name == "Badgeclock site authority 2"
    assert shop.trusted_der() == old.certificate_der + new.certificate_der
    with pytest.raises(ProvisionError, match="clock-0001, clock-0002"):
        shop.switch_authority()
    shop.record_trust("clock-0001")
    with pytest.raises(ProvisionError, match=": clock-0002"):
        shop.switch_authority()
    shop.revoke_clock("clock-0002")
    shop.switch_authority()
    assert [one.fingerprint for one in shop.authorities()] == [new.fingerprint, old.fingerprint]
    shop.renew_bridge()
    with pytest.raises(ProvisionError, match=r"broker, clock-0001\.") as held:
        shop.end_authority()
    assert "renew" in held.value.do
    shop.renew_broker()
    with pytest.raises(ProvisionError, match="clock-0001"):
        shop.end_authority()
    shop.renew_clock("clock-0001")
    shop.end_authority()
    assert [one.fingerprint for one in shop.authorities()] == [new.fingerprint]
    assert all(certificates.issued_by(new, one.certificate) for one in shop.holders().values())
    assert len(shop.revoked()) == 1, "what was revoked stays so"
    shop.begin_authority()
    assert shop.authorities()[1].common_name == "Badgeclock site authority 3"


def test_clocks_can_be_left_behind_knowingly(shop: Workshop) -> None:
    shop.begin_authority()
    shop.switch_authority(frozenset({"clock-0001", "clock-0002"}))
    shop.renew_broker()
    shop.renew_bridge()
    shop.end_authority(frozenset({"clock-0001", "clock-0002"}))
    assert len(shop.authorities()) == 1


@pytest.mark.parametrize("name", ["ca.former.pem", "ca.former.key.pem", "ca.pem", "ca.key.pem", "crl.pem"])
def test_a_switch_that_is_cut_short_is_finished_by_doing_it_again(
    shop: Workshop, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = shop.authority().fingerprint
    shop.begin_authority()
    new = shop.authorities()[1].fingerprint
    for clock_id in ("clock-0001", "clock-0002"):
        shop.record_trust(clock_id)
    cut_before(monkeypatch, shop.path / name)
    with pytest.raises(PowerCut):
        shop.switch_authority()
    monkeypatch.undo()
    again = Workshop(shop.path)
    if (shop.path / "ca.next.key.pem").exists():
        again.switch_authority()
    assert [one.fingerprint for one in again.authorities()] == [new, old]


def test_lists_of_revoked_certificates_are_one_of_each_authority_and_serials_are_on_all(shop: Workshop) -> None:
    shop.revoke_clock("clock-0001")
    shop.begin_authority()
    assert shop.revocation_list.read_bytes().count(b"BEGIN X509 CRL") == 2
    before = shop.revoked()
    shop.revoke_clock("clock-0002")
    assert shop.revoked() > before


def test_the_command_line_renews_switches_and_lists(shop: Workshop) -> None:
    def run(*arguments: str, fails: bool = False) -> str:
        done = CliRunner().invoke(ca.app, [*arguments, "--workshop", str(shop.path)])
        assert (done.exit_code != 0) == fails, (done.output, done.exception)
        return done.output

    listed = [json.loads(line) for line in run("list", "--json").splitlines()]
    assert [one["name"] for one in listed if one["kind"] == "certificate"] == [
        "broker",
        "bridge",
        "clock-0001",
        "clock-0002",
    ]
    before = shop.clock("clock-0001").fingerprint
    assert "provision PORT" in run("renew", "clock", "clock-0001")
    assert shop.clock("clock-0001").fingerprint != before
    assert "restart the bridge" in run("renew", "bridge")
    run("renew", "clock", fails=True)
    run("authority", "begin")
    run("authority", "switch", fails=True)
    run("authority", "switch", "--leave", "clock-0001", "--leave", "clock-0002")
    assert "site authority 2" in run("list")
    run("authority", "end", fails=True)


class PowerCut(BaseException):
    """The power failed."""


def cut_before(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Cut the power just before `path` is replaced."""

    def cutting(move: Callable[..., Any]) -> Callable[..., Any]:
        def cut(self: Path, target: Path) -> Any:
            if Path(target) == path:
                raise PowerCut
            return move(self, target)

        return cut

    monkeypatch.setattr(Path, "replace", cutting(Path.replace))
    monkeypatch.setattr(Path, "rename", cutting(Path.rename))

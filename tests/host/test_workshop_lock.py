"""A workshop under a passphrase, its exports, and the search for roots in wrong places."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from badgeclock.badges.keys import Purpose, master
from badgeclock.bundle import Bundle
from badgeclock.cli import ca as ca_cli
from badgeclock.cli import doctor as doctor_cli
from badgeclock.errors import ProvisionError, SettingsError
from badgeclock.technician import broker, key_files, workshop, workshop_lock
from badgeclock.technician.workshop import Workshop

PASSPHRASE = "seven words that are in no book"
CHEAP = 2**4
"""scrypt's N, so that a test is fast: its cost for a thief is not tested here."""
SITE = "Quay 7"


def filled(path: Path) -> Workshop:
    """A workshop with a file of every kind, in the clear."""
    shop = workshop.create(path)
    shop.broker(("broker.example",))
    shop.bridge()
    shop.clock("clock-0001")
    shop.renew_clock("clock-0001")
    shop.site_key(SITE)
    shop.badge_root(SITE)
    bundle = Bundle("clock-0001", SITE, "0" * 64, b"genesis1", bytes(range(32)), bytes(range(32, 64)))
    shop.begin_founding(bundle, b"founding secret of the chain 32b")
    shop.confirm_founding("clock-0001")
    shop.begin_authority()
    return shop


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "workshop"
    filled(path)
    return path


@pytest.fixture
def clear(made: Path, tmp_path: Path) -> Workshop:
    """The same, in the clear, to be changed."""
    return Workshop(Path(shutil.copytree(made, tmp_path / "workshop")))


@pytest.fixture
def locked(clear: Workshop) -> Workshop:
    return clear.put_under(PASSPHRASE, CHEAP)


def secrets_of(shop: Workshop) -> list[bytes]:
    """Every key of a workshop, as files spell it."""
    bundle = shop.bundle("clock-0001")
    assert bundle is not None
    keys = [shop.fleet_key(), shop.site_key(SITE), shop.badge_root(SITE).secret, bundle.e0, bundle.link_key]
    keys.append(shop.founding_secret("clock-0001", b"genesis1"))
    identities = [*shop.authorities(), shop.broker(), shop.bridge(), shop.clock("clock-0001")]
    pems = [identity.key_pem.splitlines()[2] for identity in identities]
    return [form for key in keys for form in (key, key.hex().encode())] + pems


def everything(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file())


def test_no_key_of_a_workshop_under_a_passphrase_is_on_the_disk(clear: Workshop) -> None:
    secrets = secrets_of(clear)
    before = everything(clear.path)
    assert sum(secret in before for secret in secrets) >= len(secrets) // 2, "the search finds them"
    locked = clear.put_under(PASSPHRASE, CHEAP)
    after = everything(clear.path)
    assert [secret for secret in secrets if secret in after] == []
    assert secrets_of(locked) == secrets
    assert not [
        path for path in clear.path.rglob("*") if b"PRIVATE KEY" in (path.read_bytes() if path.is_file() else b"")
    ]
    assert {path.name for path in locked.secret_files()} >= {
        "fleet.key",
        "ca.key.pem",
        "ca.next.key.pem",
        "bundle.json",
    }


def test_everything_that_a_workshop_does_it_does_under_a_passphrase(locked: Workshop) -> None:
    locked.switch_authority(frozenset({"clock-0001"}))
    locked.renew_broker()
    locked.renew_bridge()
    locked.renew_clock("clock-0001")
    locked.end_authority()
    locked.revoke_clock("clock-0001")
    locked.add_site_key(SITE)
    locked.clock("clock-0002")
    again = workshop.open_workshop(locked.path, lambda _: PASSPHRASE)
    assert again.authority().fingerprint == locked.authority().fingerprint
    assert all(workshop_lock.is_closed(path.read_bytes()) for path in again.secret_files())
    on_disk = everything(again.path)
    assert b"PRIVATE KEY" not in on_disk, "nor of any former certificate"
    sites = again.site_key(SITE)
    for key in (again.fleet_key(), sites[:32], sites[32:], again.badge_root(SITE).secret):
        assert key not in on_disk
        assert key.hex().encode() not in on_disk
    assert master(again.badge_root(SITE).secret, Purpose.READ) == master(locked.badge_root(SITE).secret, Purpose.READ)
    config = broker.write_config(locked.path.parent / "broker", 8883, again)
    assert b"PRIVATE KEY" in (config.path.parent / "key.pem").read_bytes(), "a broker starts by itself"


def test_another_passphrase_opens_nothing_and_a_new_one_changes_no_file(locked: Workshop) -> None:
    with pytest.raises(SettingsError, match="not the passphrase"):
        workshop.open_workshop(locked.path, lambda _: PASSPHRASE + "!")
    with pytest.raises(SettingsError, match="is under a passphrase"):
        workshop.open_workshop(locked.path)
    with pytest.raises(SettingsError, match="fewer than"):
        locked.put_under("short", CHEAP)
    before = {path: path.read_bytes() for path in locked.secret_files()}
    locked.put_under(PASSPHRASE + " and another", CHEAP)
    assert before == {path: path.read_bytes() for path in locked.secret_files()}
    with pytest.raises(SettingsError, match="not the passphrase"):
        workshop.open_workshop(locked.path, lambda _: PASSPHRASE)
    assert workshop.open_workshop(locked.path, lambda _: PASSPHRASE + " and another").fleet_key() == locked.fleet_key()


def test_a_secret_that_was_changed_or_exchanged_is_refused(locked: Workshop) -> None:
    key, fleet = locked.path / "sites" / "quay-7.key", locked.path / "fleet.key"
    content = key.read_bytes()
    fleet.write_bytes(content)
    with pytest.raises(ProvisionError, match="another file's content"):
        locked.fleet_key()
    key.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ProvisionError, match="was changed"):
        locked.site_key(SITE)
    (locked.path / workshop_lock.LOCK_FILE).unlink()
    with pytest.raises(ProvisionError, match=r"lost its lock\.json"):
        workshop.open_workshop(locked.path).authority()


def test_locking_that_was_cut_off_loses_no_key_and_is_finished_by_doing_it_again(clear: Workshop) -> None:
    secrets = secrets_of(clear)
    plain = {path: path.read_bytes() for path in clear.secret_files()}
    clear.put_under(PASSPHRASE, CHEAP)
    for path in list(plain)[::2]:
        path.write_bytes(plain[path])  # as if it had ended here
    half = workshop.open_workshop(clear.path, lambda _: PASSPHRASE)
    assert secrets_of(half) == secrets
    half.put_under(PASSPHRASE, CHEAP)
    assert [secret for secret in secrets if secret in everything(clear.path)] == []


def test_a_new_workshop_is_under_a_passphrase_unless_an_explicit_word_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workshop_lock, "COST", CHEAP)
    run = CliRunner().invoke
    typed = f"{PASSPHRASE}\n{PASSPHRASE}\n"
    done = run(ca_cli.app, ["init", str(tmp_path / "one")], input=typed)
    assert done.exit_code == 0, done.output
    assert PASSPHRASE not in done.output
    assert workshop_lock.is_closed((tmp_path / "one" / "fleet.key").read_bytes())
    assert (
        run(ca_cli.app, ["issue", "bridge", "--workshop", str(tmp_path / "one")], input=PASSPHRASE + "\n").exit_code
        == 0
    )
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE + "\n")
    file.chmod(0o644)
    monkeypatch.setenv("BADGECLOCK_PASSPHRASE_FILE", str(file))
    refused = run(ca_cli.app, ["list", "--workshop", str(tmp_path / "one")])
    assert "everybody on this machine may read" in str(refused.exception)
    file.chmod(0o600)
    assert run(ca_cli.app, ["list", "--workshop", str(tmp_path / "one")]).exit_code == 0
    assert run(ca_cli.app, ["init", str(tmp_path / "two"), "--without-passphrase"]).exit_code == 0
    assert not workshop_lock.is_closed((tmp_path / "two" / "fleet.key").read_bytes())


def exported(shop: Workshop, to: Path, *options: str) -> Result:
    return CliRunner().invoke(
        ca_cli.app, ["export", str(to), "--workshop", str(shop.path), *options], input=PASSPHRASE + "\n"
    )


def test_what_a_bridge_needs_is_written_out_and_no_root_with_it(locked: Workshop, tmp_path: Path) -> None:
    to = tmp_path / "out"
    done = exported(locked, to, "--bridge", "--clock", "clock-0001", "--site", SITE)
    assert done.exit_code == 0, done.output
    names = {path.name for path in to.iterdir()}
    assert names == {"ca.pem", "certificate.pem", "key.pem", "clock-0001.bundle.json", "quay-7.key"}
    assert to.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in to.iterdir()} == {0o600}
    bundle = locked.bundle("clock-0001")
    assert bundle == Bundle.from_json((to / "clock-0001.bundle.json").read_bytes(), "file")
    assert key_files.read_key(to / "quay-7.key") == locked.site_key(SITE)
    written = everything(to)
    roots = [locked.fleet_key(), locked.badge_root(SITE).secret, locked.founding_secret("clock-0001", b"genesis1")]
    for secret in [*(key.hex().encode() for key in roots), *(one.key_pem for one in locked.authorities())]:
        assert secret not in written
    assert exported(locked, to, "--bridge").exit_code != 0, "it writes into no folder that is there"


def found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder / "nobody"))
    done = CliRunner().invoke(doctor_cli.app, ["--json"])
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == (1 if findings else 0), done.output
    return [finding for finding in findings if finding["check"] == "roots"]


def test_the_doctor_finds_a_root_beside_a_bridge(
    clear: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(tmp_path, monkeypatch) == [], "a machine without a bridge may have a workshop"
    (tmp_path / "bridge.toml").write_text(
        '[store]\nurl = "sqlite:///bridge.db"\n[broker]\nca = "ca.pem"\ncertificate = "c.pem"\nkey = "k.pem"\n'
        '[secrets]\ndata_key_file = "data.key"\n'
    )
    (finding,) = found(tmp_path, monkeypatch)
    assert finding["where"] == str(clear.path)
    assert "in the clear" in finding["what"]
    assert exported(clear, tmp_path / "out", "--clock", "clock-0001").exit_code == 0
    clear.put_under(PASSPHRASE, CHEAP)
    bundle, shop = sorted(found(tmp_path, monkeypatch), key=lambda one: one["where"])
    assert bundle["where"] == str(tmp_path / "out" / "clock-0001.bundle.json")
    assert "only its passphrase" in shop["what"]
    shutil.rmtree(clear.path)
    (tmp_path / "out" / "clock-0001.bundle.json").unlink()
    assert found(tmp_path, monkeypatch) == []

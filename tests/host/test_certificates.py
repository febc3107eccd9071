"""The site's own authority and the workshop that keeps its keys."""

from __future__ import annotations

import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from badgeclock.bundle import Bundle
from badgeclock.errors import ProvisionError, SettingsError
from badgeclock.technician import certificates, durable_files, key_files, site_file_names, workshop
from badgeclock.toolchain import programs

AUTHORITY = certificates.make_authority()


def usages(identity: certificates.Identity) -> list[x509.ObjectIdentifier]:
    return list(identity.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def test_a_clock_certificate_names_the_clock_and_serves_a_client_only() -> None:
    clock = certificates.issue_clock(AUTHORITY, "clock-0001")
    assert clock.common_name == "clock-0001"
    assert usages(clock) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    certificates.check_issued_by(AUTHORITY, clock.certificate)


def test_the_brokers_certificate_names_this_machine_and_every_given_name() -> None:
    broker = certificates.issue_broker(AUTHORITY, ("mqtt.site.example", "192.168.1.10"))
    names = broker.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["mqtt.site.example", "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.168.1.10", "127.0.0.1"]
    assert usages(broker) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_the_authority_signs_leaves_and_no_further_authority() -> None:
    constraints = AUTHORITY.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert constraints.ca
    assert constraints.path_length == 0


def test_certificates_hold_from_a_day_ago_for_as_long_as_documented() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for identity, days in (
        (certificates.make_authority(now), 3652),
        (certificates.issue_clock(AUTHORITY, "clock-0001", now), 1826),
        (certificates.issue_bridge(AUTHORITY, now), 731),
    ):
        assert identity.certificate.not_valid_before_utc == now - timedelta(days=1)
        lifetime = identity.certificate.not_valid_after_utc - identity.certificate.not_valid_before_utc
        assert lifetime == timedelta(days=days)


@pytest.mark.parametrize("bad", ["", "ab", "Clock-0001", "clock 1", "../../etc", "bridge", "a" * 24, "klok-é"])
def test_what_is_no_clock_id_gets_no_certificate(bad: str) -> None:
    with pytest.raises(SettingsError, match="is no clock id"):
        certificates.issue_clock(AUTHORITY, bad)


@pytest.mark.parametrize("bad", ["", "-x.example", "a b", "http://x"])
def test_what_is_no_host_name_does_not_get_into_the_brokers_certificate(bad: str) -> None:
    with pytest.raises(SettingsError, match="neither a host name nor an IP address"):
        certificates.issue_broker(AUTHORITY, (bad,))


def test_a_certificate_of_another_workshop_is_told_apart() -> None:
    stranger = certificates.issue_clock(certificates.make_authority(), "clock-0001")
    with pytest.raises(ProvisionError, match="not issued by this workshop"):
        certificates.check_issued_by(AUTHORITY, stranger.certificate)


def test_pem_files_give_the_identity_back() -> None:
    clock = certificates.issue_clock(AUTHORITY, "clock-0001")
    again = certificates.load_identity(clock.certificate_pem, clock.key_pem)
    assert again.fingerprint == clock.fingerprint
    with pytest.raises(ValueError, match="not the certificate's"):
        certificates.load_identity(clock.certificate_pem, certificates.issue_bridge(AUTHORITY).key_pem)


@pytest.mark.parametrize("arch", ["amd64", "i386"])
def test_the_real_micropython_loads_certificate_and_key_in_der(arch: programs.Arch, tmp_path: Path) -> None:
    clock = certificates.issue_clock(AUTHORITY, "clock-0001")
    (tmp_path / "ca.der").write_bytes(AUTHORITY.certificate_der)
    (tmp_path / "clock.der").write_bytes(clock.certificate_der)
    (tmp_path / "clock.key.der").write_bytes(clock.key_der)
    script = (
        "import tls\n"
        "read = lambda name: open(name, 'rb').read()\n"
        "context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)\n"
        "context.load_verify_locations(read('ca.der'))\n"
        "context.load_cert_chain(read('clock.der'), read('clock.key.der'))\n"
        "print('loaded')\n"
    )
    run = subprocess.run(
        [programs.micropython(arch), "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.stdout == "loaded\n", run.stderr


def test_a_new_workshop_has_an_authority_and_a_fleet_key_for_its_owner_alone(tmp_path: Path) -> None:
    shop = workshop.create(tmp_path / "workshop")
    shop.site_key("Demo site")
    shop.clock("clock-0001")
    assert len(shop.fleet_key()) == 32
    for path in [shop.path, *shop.path.rglob("*")]:
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_making_a_workshop_again_touches_nothing(tmp_path: Path) -> None:
    shop = workshop.create(tmp_path)
    before = {path: path.read_bytes() for path in shop.path.rglob("*") if path.is_file()}
    with pytest.raises(ProvisionError, match="is a workshop already"):
        workshop.create(tmp_path)
    assert {path: path.read_bytes() for path in shop.path.rglob("*") if path.is_file()} == before


def test_a_workshop_gives_the_same_keys_every_time(tmp_path: Path) -> None:
    shop = workshop.create(tmp_path)
    again = workshop.open_workshop(tmp_path)
    assert again.site_key("Demo site") == shop.site_key(" demo  SITE ")
    assert again.site_key("Demo site") != shop.site_key("Other site")
    assert again.clock("clock-0001").fingerprint == shop.clock("clock-0001").fingerprint
    assert again.broker().fingerprint == shop.broker().fingerprint
    assert again.bridge().common_name == "bridge"


def test_site_names_that_differ_in_more_than_case_never_share_a_key_file() -> None:
    names = [
        "Demo site",
        "Dëmo site",
        "Demo-site!",
        "Demo-site",
        "工地",
        "Площадка",
        "Demo_site",
        "Chantier d'Été",
        "Chantier d'Ete",
    ]
    assert len({site_file_names.site_slug(name) for name in names}) == len(names)
    assert site_file_names.site_slug("Demo site") == "demo-site"
    with pytest.raises(SettingsError, match="no name"):
        site_file_names.site_slug(" \t")


def test_the_key_of_a_site_with_a_hyphen_that_an_earlier_version_made_stays_its_own(tmp_path: Path) -> None:
    shop = workshop.create(tmp_path / "workshop")
    folder = shop.path / "sites"
    durable_files.write_once(folder / "quay-7.key", key_files.new_key())
    assert shop.site_key_to_be("Quay-7") != key_files.read_key(folder / "quay-7.key"), "it may be that of Quay 7"
    made = Bundle("clock-0001", "Quay-7", "0" * 64, bytes(8), bytes(32), bytes(32))
    durable_files.make_directory(shop.clock_folder("clock-0001"))
    shop.change_bundle(made)
    assert shop.site_key("Quay-7") == key_files.read_key(folder / "quay-7.key")
    assert shop.site_key("quay-7") == shop.site_key("Quay-7")
    assert shop.site_key("Quay 7") != shop.site_key("Quay-7")
    assert shop.site_key("Kai-7") != shop.site_key("Kai 7")


def test_a_broker_certificate_is_not_silently_used_under_a_name_it_lacks(tmp_path: Path) -> None:
    shop = workshop.create(tmp_path)
    shop.broker(("mqtt.site.example",))
    with pytest.raises(ProvisionError, match=r"does not name 10\.0\.0\.9"):
        shop.broker(("10.0.0.9",))


def test_a_damaged_key_is_reported_and_never_replaced_or_quoted(tmp_path: Path) -> None:
    shop = workshop.create(tmp_path)
    (tmp_path / "fleet.key").write_text("0123456789abcdef")
    with pytest.raises(ProvisionError) as caught:
        shop.fleet_key()
    assert "0123456789abcdef" not in str(caught.value)
    assert (tmp_path / "fleet.key").read_text() == "0123456789abcdef"


def test_a_workshop_that_others_may_read_is_refused(tmp_path: Path) -> None:
    workshop.create(tmp_path)
    tmp_path.chmod(0o755)
    with pytest.raises(SettingsError, match="chmod 700"):
        workshop.open_workshop(tmp_path)


def test_a_directory_that_is_no_workshop_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="badgeclock ca init"):
        workshop.open_workshop(tmp_path)


def test_a_revoked_clock_is_on_the_signed_list_and_gets_nothing_more(tmp_path: Path) -> None:
    shop = workshop.create(tmp_path)
    serial = shop.clock("clock-0001").certificate.serial_number
    assert shop.revoked() == set()
    assert shop.revoke_clock("clock-0001") == serial
    shop.revoke(4711)
    assert shop.revoked() == {serial, 4711}
    revocations = x509.load_pem_x509_crl(shop.revocation_list.read_bytes())
    assert revocations.is_signature_valid(shop.authority().key.public_key())
    with pytest.raises(ProvisionError, match="was revoked"):
        shop.clock("clock-0001")


def test_revoking_a_clock_that_has_no_certificate_is_refused(tmp_path: Path) -> None:
    shop = workshop.create(tmp_path)
    with pytest.raises(ProvisionError, match="has no certificate"):
        shop.revoke_clock("clock-0001")


def bundle(nonce: int) -> Bundle:
    return Bundle("clock-0001", "Chantier d'Été", "ab" * 32, nonce.to_bytes(8, "big"), b"e" * 32, b"l" * 32)


def test_a_bundle_is_the_clocks_only_when_its_founding_is_confirmed_and_older_ones_stay(tmp_path: Path) -> None:
    shop = workshop.create(tmp_path)
    shop.clock("clock-0001")
    shop.begin_founding(bundle(1), bytes(32))
    assert shop.bundle("clock-0001") is None
    assert shop.pending_bundle("clock-0001") == bundle(1)
    shop.confirm_founding("clock-0001")
    assert shop.bundle("clock-0001") == bundle(1)
    shop.begin_founding(bundle(2), bytes(32))
    shop.confirm_founding("clock-0001")
    assert shop.bundle("clock-0001") == bundle(2)
    assert shop.pending_bundle("clock-0001") is None
    older = shop.clock_folder("clock-0001") / "bundle.0000000000000001.json"
    assert Bundle.from_json(older.read_bytes(), "older") == bundle(1)


def test_a_bundle_never_shows_its_keys() -> None:
    assert "65" * 32 not in repr(bundle(1))
    assert repr(b"e" * 32) not in repr(bundle(1))
    with pytest.raises(SettingsError) as caught:
        Bundle.from_json(b'{"v": 1, "clock_id": "clock-0001", "e0": "ffff"}', "bundle.json")
    assert "ffff" not in str(caught.value)

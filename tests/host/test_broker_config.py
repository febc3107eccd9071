"""The real Mosquitto under the generated configuration: admission, and rights to write and read."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

from badgeclock.cli import ca
from badgeclock.cli.errors import BrokerBehind
from badgeclock.errors import ProvisionError, SettingsError
from badgeclock.technician import broker, revocation_order, running_broker, workshop
from badgeclock.technician.certificates import Identity, issue_bridge, issue_clock, make_authority
from badgeclock.technician.workshop import Workshop
from badgeclock.toolchain import programs

ROOT = Path(__file__).resolve().parents[2]
MQTT_CONNECT_ACCEPTED = b"\x20\x02\x00\x00"


@dataclass
class Site:
    """A running broker, and clients that talk to it."""

    path: Path
    shop: Workshop
    config: broker.BrokerConfig
    process: subprocess.Popen[bytes]
    listening: list[Subscriber] = field(default_factory=list)

    def client(self, identity: Identity, name: str = "client") -> list[str]:
        """Arguments for mosquitto_pub and mosquitto_sub to come as `identity`."""
        folder = self.path / f"{identity.common_name}-{identity.fingerprint[:8]}"
        folder.mkdir(exist_ok=True)
        (folder / "certificate.pem").write_bytes(identity.certificate_pem)
        (folder / "key.pem").write_bytes(identity.key_pem)
        return [
            *("-h", "127.0.0.1", "-p", str(self.config.port), "-V", "mqttv311", "-i", name),
            *("--cafile", str(self.shop.authority_certificate)),
            *("--cert", str(folder / "certificate.pem"), "--key", str(folder / "key.pem")),
        ]

    def publish(self, identity: Identity, topic: str, payload: str, *more: str) -> subprocess.CompletedProcess[str]:
        """Publish at QoS 1, so that the broker has dealt with it when this returns."""
        program = programs.mosquitto().with_name("mosquitto_pub")
        command = [str(program), *self.client(identity), "-q", "1", "-t", topic, "-m", payload, *more]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def subscribe(self, identity: Identity, *topics: str, name: str = "client") -> Subscriber:
        program = programs.mosquitto().with_name("mosquitto_sub")
        topic_arguments = [argument for topic in topics for argument in ("-t", topic)]
        command = [str(program), *self.client(identity, name), "-d", "-v", *topic_arguments]
        return self.listen(command)

    def listen(self, command: list[str]) -> Subscriber:
        """Start a mosquitto_sub that ends with the test."""
        # It writes its log when its buffer is full, unless it writes to a terminal.
        process = subprocess.Popen(["stdbuf", "-oL", *command], stdout=subprocess.PIPE, text=True, bufsize=1)
        self.listening.append(Subscriber(process))
        self.listening[-1].wait_for_subscription()
        return self.listening[-1]


class Subscriber:
    """A mosquitto_sub."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[str] = []

    def wait_for_subscription(self) -> None:
        """Return once the broker has answered its subscription."""
        self._read_until("received SUBACK")

    def messages_until(self, last: str) -> list[str]:
        """The messages ("topic payload") up to the one whose payload is `last`."""
        self._read_until(f" {last}\n")
        return [line.strip() for line in self.log if line.startswith("badgeclock/")]

    def close(self) -> None:
        """End it. Does nothing if it has ended."""
        self.process.terminate()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read_until(self, wanted: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.log.append(line)
            if wanted in line:
                return
        raise AssertionError(f"mosquitto_sub ended without {wanted!r}:\n{''.join(self.log)}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"Mosquitto ended with {process.returncode}")


HELD = """
import itertools, socket, sys
listeners = [
    socket.create_server((host, 8883), family=family, backlog=1000)
    for host, family in (("0.0.0.0", socket.AF_INET), ("::", socket.AF_INET6))
]
def held(count, *sources):
    made = []
    for source in itertools.islice(itertools.cycle(sources), count):
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        client = socket.socket(family)
        client.settimeout(5)
        client.bind((source, 0))
        try:
            client.connect(("::1" if ":" in source else "127.0.0.1", 8883))
            made.append(client)
        except OSError:
            client.close()
    keep.append(made)
    return len(made)
keep = []
"""


def connections(tmp_path: Path, *asked: str) -> list[int]:
    """How many of the connections made one after another the firewall's rules accept on an otherwise idle machine;
    `asked` are a number and the addresses that they come from.
    """
    broker.write_config(tmp_path / "broker", 8883, workshop.create(tmp_path / "workshop"))
    rules = tmp_path / "broker" / broker.FIREWALL
    (tmp_path / "held.py").write_text(HELD + "".join(f"print(held({one}))\n" for one in asked))
    own = ("2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:2::1")
    inside = [
        "ip link set lo up",
        *(f"ip addr add {one}/128 dev lo" for one in own),
        f"nft -f {rules}",
        f"nft -f {rules}",
        "nft add element inet badgeclock sites_of_ip { 127.0.9.0/24 }",
        f"{sys.executable} {tmp_path}/held.py",
    ]
    done = subprocess.run(
        ["unshare", "-n", "sh", "-ec", "\n".join(inside)], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    return [int(line) for line in done.stdout.split()]


needs_nftables = pytest.mark.skipif(shutil.which("nft") is None or os.geteuid() != 0, reason="needs nftables, and root")


@needs_nftables
def test_one_address_has_so_many_connections_and_others_still_get_in(tmp_path: Path) -> None:
    most = broker.SOURCE_CONNECTIONS
    assert connections(tmp_path, '150, "127.0.0.2"', '1, "127.0.0.3"') == [most, 1]


@needs_nftables
def test_a_network_of_64_bits_is_one_address(tmp_path: Path) -> None:
    one_machine = '150, "2001:db8:0:1::1", "2001:db8:0:1::2"'
    assert connections(tmp_path, one_machine, '1, "2001:db8:0:2::1"') == [broker.SOURCE_CONNECTIONS, 1]


@needs_nftables
def test_connections_of_many_addresses_leave_room_for_those_that_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "OTHERS_CONNECTIONS", 50)
    many = ", ".join(f'"127.0.1.{number}"' for number in range(1, 100))
    assert connections(tmp_path, f"99, {many}", '5, "127.0.9.1"', '1, "127.0.2.1"') == [50, 5, 0]


def test_the_firewalls_rules_are_for_the_brokers_port(tmp_path: Path) -> None:
    broker.write_config(tmp_path / "broker", 18883, workshop.create(tmp_path / "workshop"))
    rules = (tmp_path / "broker" / broker.FIREWALL).read_text().splitlines()
    assert len([line for line in rules if "dport 18883 ct state new" in line]) == 8
    assert not [line for line in rules if "dport" in line and "18883" not in line]


TORN = b"\x00\xb5\x00mosquitto db" + struct.pack(">IIII", 0, 6, 1, 24) + bytes(10)
"""Mosquitto's file, version 6, that ends within its first chunk."""


def test_a_file_that_a_power_cut_tore_does_not_stop_the_broker(tmp_path: Path) -> None:
    config = broker.write_config(tmp_path / "broker", free_port(), workshop.create(tmp_path / "workshop"))
    (tmp_path / "broker" / "data" / "mosquitto.db").write_bytes(TORN)
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(config.command, stderr=log) as process:
        try:
            wait_for_port(config.port, process)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    path = tmp_path_factory.mktemp("a site with spaces")
    shop = workshop.create(path / "workshop")
    config = broker.write_config(path / "broker", free_port(), shop)
    with (path / "log").open("wb") as log:
        process = subprocess.Popen(config.command, stderr=log)
        try:
            wait_for_port(config.port, process)
            yield Site(path, shop, config, process)
        finally:
            process.terminate()
            process.wait()


@pytest.fixture
def site(running: Site) -> Iterator[Site]:
    """The same; a client that a test leaves listening ends with it."""
    yield running
    while running.listening:
        running.listening.pop().close()


def test_a_clocks_punch_reaches_the_bridge_and_the_bridges_ack_the_clock(site: Site) -> None:
    clock, bridge = site.shop.clock("clock-a"), site.shop.bridge()
    at_bridge = site.subscribe(bridge, *(f"badgeclock/v1/+/{channel}" for channel in broker.CLOCK_WRITES))
    site.publish(clock, "badgeclock/v1/clock-a/punches", "punch")
    site.publish(clock, "badgeclock/v1/clock-a/desk", "answer")
    site.publish(clock, "badgeclock/v1/clock-a/report", "report")
    site.publish(clock, "badgeclock/v1/clock-a/roster", "part")
    site.publish(clock, "badgeclock/v1/clock-a/status", "status")
    assert at_bridge.messages_until("status") == [
        "badgeclock/v1/clock-a/punches punch",
        "badgeclock/v1/clock-a/desk answer",
        "badgeclock/v1/clock-a/report report",
        "badgeclock/v1/clock-a/roster part",
        "badgeclock/v1/clock-a/status status",
    ]
    at_bridge.close()
    at_clock = site.subscribe(clock, *(f"badgeclock/v1/clock-a/{topic}" for topic in ("ack", "receipts", "command")))
    for topic in ("ack", "receipts", "command"):
        site.publish(bridge, f"badgeclock/v1/clock-a/{topic}", topic)
    assert [line.split()[1] for line in at_clock.messages_until("command")] == ["ack", "receipts", "command"]
    at_clock.close()


def test_a_clock_cannot_write_another_clocks_topics_nor_the_bridges(site: Site) -> None:
    clock, bridge = site.shop.clock("clock-a"), site.shop.bridge()
    at_bridge = site.subscribe(bridge, *(f"badgeclock/v1/+/{channel}" for channel in broker.CLOCK_WRITES))
    at_other = site.subscribe(site.shop.clock("clock-b"), "badgeclock/v1/clock-b/+")
    for topic in (*broker.CLOCK_WRITES, "ack", "receipts", "command"):
        site.publish(clock, f"badgeclock/v1/clock-b/{topic}", "forged")
    for topic in ("ack", "receipts", "command"):
        site.publish(clock, f"badgeclock/v1/clock-a/{topic}", "forged")
    site.publish(clock, "badgeclock/v1/clock-a/punches", "own")
    assert at_bridge.messages_until("own") == ["badgeclock/v1/clock-a/punches own"]
    at_bridge.close()
    site.publish(bridge, "badgeclock/v1/clock-b/ack", "real")
    assert at_other.messages_until("real") == ["badgeclock/v1/clock-b/ack real"]
    at_other.close()


def test_a_clock_cannot_read_another_clocks_topics_nor_what_clocks_send(site: Site) -> None:
    clock, bridge = site.shop.clock("clock-a"), site.shop.bridge()
    site.publish(site.shop.clock("clock-b"), "badgeclock/v1/clock-b/status", "retained", "-r")
    spy = site.subscribe(
        clock, "#", "$SYS/#", "badgeclock/v1/+/+", "badgeclock/v1/clock-b/ack", "badgeclock/v1/clock-a/ack"
    )
    site.publish(site.shop.clock("clock-b"), "badgeclock/v1/clock-b/punches", "secret")
    site.publish(bridge, "badgeclock/v1/clock-b/ack", "secret")
    site.publish(bridge, "badgeclock/v1/clock-a/ack", "mine")
    assert set(spy.messages_until("mine")) == {"badgeclock/v1/clock-a/ack mine"}
    assert not [line for line in spy.log if line.startswith("$SYS")]
    spy.close()


def test_a_clock_that_says_it_is_the_bridge_stays_a_clock(site: Site) -> None:
    clock, other = site.shop.clock("clock-a"), site.shop.clock("clock-b")
    at_other = site.subscribe(other, "badgeclock/v1/clock-b/ack")
    site.publish(clock, "badgeclock/v1/clock-b/ack", "forged", "-i", "bridge", "-u", "bridge", "-P", "x")
    site.publish(site.shop.bridge(), "badgeclock/v1/clock-b/ack", "real")
    assert at_other.messages_until("real") == ["badgeclock/v1/clock-b/ack real"]
    at_other.close()


def test_a_clock_cannot_take_over_another_clients_connection_by_its_client_id(site: Site) -> None:
    at_other = site.subscribe(site.shop.clock("clock-b"), "badgeclock/v1/clock-b/ack", name="clock-b")
    site.publish(site.shop.clock("clock-a"), "badgeclock/v1/clock-a/punches", "x", "-i", "clock-b")
    site.publish(site.shop.bridge(), "badgeclock/v1/clock-b/ack", "still here")
    assert at_other.messages_until("still here") == ["badgeclock/v1/clock-b/ack still here"]
    at_other.close()


def test_a_certificate_of_another_authority_is_out_whatever_name_it_bears(site: Site) -> None:
    other = make_authority()
    for stranger in (issue_clock(other, "clock-a"), issue_bridge(other)):
        run = site.publish(stranger, "badgeclock/v1/clock-a/punches", "x")
        assert run.returncode != 0, run.stderr


def test_a_client_without_a_certificate_is_out(site: Site) -> None:
    context = ssl.create_default_context(cafile=str(site.shop.authority_certificate))
    with pytest.raises((ssl.SSLError, ConnectionError)), connect(site, context) as link:
        say_hello(link)


def test_a_client_that_trusts_another_authority_refuses_the_broker(site: Site, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(make_authority().certificate_pem)
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    with pytest.raises(ssl.SSLCertVerificationError), connect(site, context):
        pass


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize(
    ("version", "accepted"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)],
)
def test_tls_is_1_2_or_newer(site: Site, version: ssl.TLSVersion, *, accepted: bool) -> None:
    context = ssl.create_default_context(cafile=str(site.shop.authority_certificate))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    site.shop.clock("clock-a")
    folder = site.shop.clock_folder("clock-a")
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    context.minimum_version = version
    if accepted:
        with connect(site, context) as link:
            assert say_hello(link) == MQTT_CONNECT_ACCEPTED
    else:
        with pytest.raises((ssl.SSLError, ConnectionError)), connect(site, context):
            pass


@pytest.mark.parametrize(
    ("cipher", "accepted"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", True),
        ("ECDHE-ECDSA-AES128-SHA", False),
        ("ECDHE-ECDSA-AES128-CCM8", False),
        ("ECDHE-RSA-AES128-GCM-SHA256", False),
    ],
)
def test_tls_1_2_is_forward_secret_and_authenticated_or_nothing(site: Site, cipher: str, *, accepted: bool) -> None:
    context = ssl.create_default_context(cafile=str(site.shop.authority_certificate))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(cipher)
    site.shop.clock("clock-a")
    folder = site.shop.clock_folder("clock-a")
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    if accepted:
        with connect(site, context) as link:
            assert say_hello(link) == MQTT_CONNECT_ACCEPTED
    else:
        with pytest.raises((ssl.SSLError, ConnectionError)), connect(site, context):
            pass


def test_plain_mqtt_is_out(site: Site) -> None:
    address = ("127.0.0.1", site.config.port)
    with pytest.raises(ConnectionResetError), socket.create_connection(address, timeout=10) as link:
        say_hello(link)


def test_a_packet_longer_than_any_frame_is_thrown_out(site: Site) -> None:
    clock, bridge = site.shop.clock("clock-a"), site.shop.bridge()
    at_bridge = site.subscribe(bridge, "badgeclock/v1/+/punches")
    site.publish(clock, "badgeclock/v1/clock-a/punches", "x" * 5000)
    site.publish(clock, "badgeclock/v1/clock-a/punches", "y" * 4096)
    assert at_bridge.messages_until("y" * 4096) == ["badgeclock/v1/clock-a/punches " + "y" * 4096]
    at_bridge.close()


def test_a_revoked_clock_is_out_at_its_next_connection_and_the_others_stay(site: Site) -> None:
    clock, bridge = site.shop.clock("clock-c"), site.shop.bridge()
    at_bridge = site.subscribe(bridge, "badgeclock/v1/+/punches")
    assert site.publish(clock, "badgeclock/v1/clock-c/punches", "before").returncode == 0
    site.shop.revoke_clock("clock-c")
    broker.write_config(site.config.path.parent, site.config.port, site.shop)
    running_broker.reload(site.process.pid)
    deadline = time.monotonic() + 20
    while site.publish(clock, "badgeclock/v1/clock-c/punches", "racing").returncode == 0:
        assert time.monotonic() < deadline, "the broker took no notice of the new revocation list"
    site.publish(site.shop.clock("clock-a"), "badgeclock/v1/clock-a/punches", "after")
    received = at_bridge.messages_until("after")
    assert received[0] == "badgeclock/v1/clock-c/punches before"
    assert received[-1] == "badgeclock/v1/clock-a/punches after"
    at_bridge.close()


def test_a_revoked_clocks_open_connection_ends_at_once_and_no_others(site: Site) -> None:
    shop, directory = site.shop, site.config.path.parent
    lost, other, bridge = shop.clock("clock-d"), shop.clock("clock-b"), shop.bridge()
    at_bridge = site.subscribe(bridge, "badgeclock/v1/clock-d/status", "badgeclock/v1/clock-b/punches")
    at_other = site.subscribe(other, "badgeclock/v1/clock-b/ack")
    will = ("--will-topic", "badgeclock/v1/clock-d/status", "--will-payload", "gone")
    program = str(programs.mosquitto().with_name("mosquitto_sub"))
    command = [program, *site.client(lost), "-d", "-t", "badgeclock/v1/clock-d/ack", *will]
    open_connection = site.listen(command)
    shop.revoke_clock("clock-d")
    assert running_broker.find(directory) == site.process.pid
    assert broker.update(directory, shop)
    assert open_connection.process.poll() is None, "Mosquitto lets it be"
    assert running_broker.evict(directory, shop, "clock-d")
    assert at_bridge.messages_until("gone") == ["badgeclock/v1/clock-d/status gone"]
    # mosquitto_sub tries again, with the revoked certificate, and is turned away each time.
    assert site.publish(lost, "badgeclock/v1/clock-d/status", "racing").returncode != 0
    open_connection.close()
    site.publish(bridge, "badgeclock/v1/clock-b/ack", "still here")
    assert at_other.messages_until("still here") == ["badgeclock/v1/clock-b/ack still here"]
    assert [line for line in at_other.log if "sending CONNECT" in line] == at_other.log[:1], "it never came again"
    at_other.close()
    at_bridge.close()


def test_a_bridges_stolen_certificate_is_revoked_once_the_bridge_has_another(site: Site) -> None:
    shop, directory = site.shop, site.config.path.parent
    stolen = shop.bridge()
    command = ["revoke", "bridge", "--workshop", str(shop.path), "--broker", str(directory)]
    assert "renew bridge" in str(CliRunner().invoke(ca.app, command).exception)
    at_thief = site.subscribe(stolen, "badgeclock/v1/clock-b/punches")
    shop.renew_bridge()
    done = CliRunner().invoke(ca.app, command)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["serials"] == [f"{stolen.certificate.serial_number:x}"]
    # The bridge that starts with its new certificate takes the thief's connection, and mosquitto_sub tries again.
    at_bridge = site.subscribe(shop.bridge(), "badgeclock/v1/clock-b/punches")
    assert site.publish(stolen, "badgeclock/v1/clock-b/ack", "forged").returncode != 0
    assert site.publish(shop.clock("clock-b"), "badgeclock/v1/clock-b/punches", "a punch").returncode == 0
    assert at_bridge.messages_until("a punch") == ["badgeclock/v1/clock-b/punches a punch"]
    at_bridge.close()
    at_thief.close()
    assert "a punch" not in "".join(at_thief.log)


def test_a_revocation_that_was_signed_in_the_workshop_and_carried_over_puts_the_clock_out(
    site: Site, tmp_path: Path
) -> None:
    """On the broker's machine there is neither a key of the workshop nor its passphrase."""
    shop, directory = site.shop, site.config.path.parent
    lost, bridge = shop.clock("clock-e"), shop.bridge()
    at_bridge = site.subscribe(bridge, "badgeclock/v1/clock-e/status")
    will = ("--will-topic", "badgeclock/v1/clock-e/status", "--will-payload", "gone")
    program = str(programs.mosquitto().with_name("mosquitto_sub"))
    open_connection = site.listen([program, *site.client(lost), "-d", "-t", "badgeclock/v1/clock-e/ack", *will])
    file = tmp_path / "clock-e.revocation"
    before = (directory / "crl.pem").read_bytes()
    run = CliRunner().invoke
    made = run(ca.app, ["revoke", "clock-e", "--workshop", str(shop.path), "--to", str(file)])
    assert made.exit_code == 0, made.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert site.publish(lost, "badgeclock/v1/clock-e/status", "still in").returncode == 0
    older = revocation_order.RevocationOrder.from_json(file.read_bytes(), "file")

    stranger = workshop.create(tmp_path / "stranger")
    stranger.clock("clock-e")
    with pytest.raises(ProvisionError, match="not signed by every authority"):
        revocation_order.apply(revocation_order.make(stranger, "clock-e"), directory)
    assert (directory / "crl.pem").read_bytes() == before

    done = run(ca.app, ["revoked", str(file), "--broker", str(directory)])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output.splitlines()[0])["evicted"] is True
    assert not file.exists()
    assert at_bridge.messages_until("gone")[-1] == "badgeclock/v1/clock-e/status gone"
    assert site.publish(lost, "badgeclock/v1/clock-e/status", "racing").returncode != 0
    open_connection.close()
    at_bridge.close()

    shop.clock("clock-f")
    revocation_order.apply(revocation_order.make(shop, "clock-f"), directory)
    with pytest.raises(ProvisionError, match="older than the broker's list"):
        revocation_order.apply(older, directory)


@pytest.mark.parametrize("pid_file", ["as it is", "missing", "of another process"])
def test_a_broker_that_was_started_by_a_relative_path_is_found(tmp_path: Path, pid_file: str) -> None:
    shop = workshop.create(tmp_path / "workshop")
    config = broker.write_config(tmp_path / "broker", free_port(), shop)
    program, *_ = config.command
    process = subprocess.Popen([program, "-c", "broker/mosquitto.conf"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(config.port, process)
        file = config.path.parent / running_broker.PID_FILE
        if pid_file == "missing":
            file.unlink()
        elif pid_file == "of another process":
            file.write_text(str(os.getpid()))
        assert running_broker.find(config.path.parent) == process.pid
        shop.clock("clock-a")
        out = CliRunner().invoke(
            ca.app, ["revoke", "clock-a", "--workshop", str(shop.path), "--broker", str(tmp_path / "broker")]
        )
        assert (out.exit_code, json.loads(out.stdout)["evicted"]) == (0, True), out.output
        out = CliRunner().invoke(
            ca.app, ["renew", "broker", "--workshop", str(shop.path), "--broker", str(tmp_path / "broker")]
        )
        assert (out.exit_code, "shows it" in out.stderr) == (0, True), out.output
        assert running_broker.shows(config.path.parent, shop, shop.broker())
    finally:
        process.terminate()
        process.wait()


def test_what_was_not_seen_to_be_in_force_is_a_failure_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing listens, or a broker that read its files before and is not found, as in its own container."""
    monkeypatch.setattr(running_broker, "PATIENCE_S", 0.5)
    shop = workshop.create(tmp_path / "workshop")
    config = broker.write_config(tmp_path / "broker", free_port(), shop)
    where = ["--workshop", str(shop.path), "--broker", str(config.path.parent)]
    for name in ("clock-a", "clock-b"):
        shop.clock(name)
    with pytest.raises(BrokerBehind, match="clock-a may still be connected"):
        CliRunner().invoke(ca.app, ["revoke", "clock-a", *where], catch_exceptions=False)
    process = subprocess.Popen(config.command, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(config.port, process)
        monkeypatch.setattr(running_broker, "find", lambda _: None)
        with pytest.raises(BrokerBehind, match="clock-b may still be connected"):
            CliRunner().invoke(ca.app, ["revoke", "clock-b", *where], catch_exceptions=False)
        with pytest.raises(BrokerBehind, match="the new certificate"):
            CliRunner().invoke(ca.app, ["renew", "broker", *where], catch_exceptions=False)
        running_broker.reload(process.pid)
        assert running_broker.evict(config.path.parent, shop, "clock-b")
    finally:
        process.terminate()
        process.wait()


class Resetting:
    """Something before a broker that resets the first connections and then passes everything on."""

    def __init__(self, port: int, resets: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()[:2]
        self.broken = 0
        self._port, self._resets = port, resets
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                if self.broken < self._resets:
                    self.broken += 1
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._port))
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while some := source.recv(65_536):
                target.sendall(some)
            target.shutdown(socket.SHUT_WR)


def test_a_network_that_breaks_says_nothing_of_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_broker, "PATIENCE_S", 2.0)
    shop = workshop.create(tmp_path / "workshop")
    shop.clock("clock-a")
    config = broker.write_config(tmp_path / "broker", free_port(), shop)
    process = subprocess.Popen(config.command, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(config.port, process)
        before = Resetting(config.port, 1)
        monkeypatch.setattr(running_broker, "_address", lambda _: before.address)
        assert not running_broker.evict(config.path.parent, shop, "clock-a"), "its certificate still holds"
        assert before.broken == 1
        before.listener.close()
    finally:
        process.terminate()
        process.wait()


def test_a_broker_that_does_not_run_is_neither_told_nor_is_anybody_else(tmp_path: Path) -> None:
    shop = workshop.create(tmp_path / "workshop")
    config = broker.write_config(tmp_path / "broker", free_port(), shop)
    directory = config.path.parent
    assert not broker.update(directory, shop)
    for pid in (str(os.getpid()), "1", "0", "-1", "", "x", "99999999"):
        (directory / running_broker.PID_FILE).write_text(pid)
        assert running_broker.find(directory) is None
        assert not broker.update(directory, shop)
    shop.clock("clock-a")
    assert not running_broker.evict(directory, shop, "clock-a")
    with pytest.raises(SettingsError, match="no broker's directory"):
        broker.update(tmp_path, shop)


def connect(site: Site, context: ssl.SSLContext) -> ssl.SSLSocket:
    raw = socket.create_connection(("127.0.0.1", site.config.port), timeout=10)
    try:
        return context.wrap_socket(raw, server_hostname="localhost")
    except BaseException:
        raw.close()
        raise


def say_hello(link: socket.socket) -> bytes:
    """Send MQTT CONNECT and return the answer, at most 4 bytes. TLS 1.3 reports a refused certificate only here."""
    link.sendall(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x")
    answer = b""
    while len(answer) < 4:
        more = link.recv(4 - len(answer))
        if not more:
            break
        answer += more
    return answer


def test_the_brokers_part_of_a_handshake_fits_half_of_what_the_boards_image_takes(site: Site, tmp_path: Path) -> None:
    """The record length that ESP-IDF's mbedTLS is built for bounds a handshake message as well."""
    configured = re.search(
        r"^CONFIG_MBEDTLS_SSL_IN_CONTENT_LEN=(\d+)$",
        (ROOT / "boards" / "esp32_devkit" / "sdkconfig.board").read_text(),
        re.MULTILINE,
    )
    assert configured
    identity = site.shop.clock("clock-tls")
    (tmp_path / "certificate.pem").write_bytes(identity.certificate_pem)
    (tmp_path / "key.pem").write_bytes(identity.key_pem)
    context = ssl.create_default_context(cafile=site.shop.authority_certificate)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # the ESP32's protocol: there each message can be measured
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    received = b""
    with socket.create_connection(("127.0.0.1", site.config.port), timeout=20) as line:
        while True:
            try:
                client.do_handshake()
            except ssl.SSLWantReadError:
                line.sendall(outgoing.read())
                data = line.recv(65536)
                received += data
                incoming.write(data)
            else:
                break
    lengths = []
    while received:
        length = int.from_bytes(received[3:5])
        lengths.append(length)
        received = received[5 + length :]
    assert len(lengths) >= 3
    assert sum(lengths) <= int(configured[1]) // 2, lengths

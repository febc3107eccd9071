"""The fault proxy by itself: each fault changes bytes and packets as documented, from a seed, and can be lifted."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from badgeclock.chaos import faults, mqtt, schedule
from badgeclock.chaos.faults import Connection, Do, Flow, Layer, Send, Step, Way
from badgeclock.chaos.proxy import ChaosProxy
from badgeclock.cli import chaos
from badgeclock.errors import SettingsError

QUIET_S = 0.3
"""How long a test waits for data that must not arrive."""
PUBLICATION = mqtt.publication("t", b"payload")


class Echo:
    """A TCP server that sends back what it gets, and counts its connections."""

    def __init__(self) -> None:
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = ("127.0.0.1", int(self._listener.getsockname()[1]))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with suppress(OSError), sock:
            while data := sock.recv(65536):
                sock.sendall(data)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[ChaosProxy]:
    with ChaosProxy(echo.address) as running:
        yield running


def call(proxy: ChaosProxy, timeout_s: float = 10) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def receive(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (part := sock.recv(count - len(data))):
        data += part
    return data


def a_flow(way: Way = Way.UP, seed: int = 1) -> Flow:
    return faults.flow(way, Connection(1), seed, Counter(), faults.past())


def sent(steps: Iterator[Step]) -> bytes:
    return b"".join(step.data for step in steps if isinstance(step, Send))


# --- decisions of a fault ---


@pytest.mark.parametrize("name", faults.FAULTS)
def test_a_fault_that_is_named_is_explained_and_can_be_written_back(name: str) -> None:
    (fault,) = faults.parse(name)
    assert fault.name == name
    assert len(fault.explained) > 10
    assert type(faults.parse(str(fault))[0]) is type(fault)


@pytest.mark.parametrize(
    "words", ["no-such-fault", "slow=", "slow=fast", "slow=0", "slow=-1", "slow=nan", "slow=inf", "split=3"]
)
def test_a_fault_that_cannot_be_is_refused(words: str) -> None:
    if words == "slow=":
        assert str(faults.parse(words)[0]) == "slow=2000", "nothing said is the usual amount"
        return
    with pytest.raises(SettingsError, match="--list"):
        faults.parse(words)


def test_several_faults_are_told_apart_by_blanks_and_commas() -> None:
    assert [str(fault) for fault in faults.parse("slow=500,split  none corrupt=9")] == [
        "slow=500",
        "split",
        "corrupt=9",
    ]


@pytest.mark.parametrize("name", ["slow", "split", "hang-accept", "black-hole"])
@given(unit=st.binary(min_size=1, max_size=200), seed=st.integers(0, 1000))
def test_what_only_delays_changes_no_byte(name: str, unit: bytes, seed: int) -> None:
    assert sent(faults.FAULTS[name]().treat(unit, a_flow(seed=seed))) == unit


@given(unit=st.binary(min_size=1, max_size=200), seed=st.integers(0, 1000))
def test_corrupt_flips_one_bit(unit: bytes, seed: int) -> None:
    flow = a_flow(seed=seed)
    damaged = sent(faults.FAULTS["corrupt"](0.001).treat(unit, flow))
    difference = int.from_bytes(unit, "big") ^ int.from_bytes(damaged, "big")
    assert difference.bit_count() == 1
    assert flow.counts == {"corrupt": 1}


@given(topic=st.text(max_size=40), payload=st.binary(min_size=1, max_size=300), seed=st.integers(0, 1000))
def test_forge_keeps_the_packet_and_changes_its_payload(topic: str, payload: bytes, seed: int) -> None:
    unit = mqtt.publication(topic, payload)
    forged = sent(faults.FAULTS["forge"](1).treat(unit, a_flow(seed=seed)))
    start = mqtt.payload_start(unit)
    assert forged[:start] == unit[:start]
    assert forged[start:] != payload
    assert len(forged) == len(unit)


def test_the_lotteries_touch_publications_only() -> None:
    ping = mqtt.packet(0xC0, b"")
    for name in ("lose", "duplicate", "reorder", "replay", "forge"):
        flow = a_flow()
        flow.past.append(PUBLICATION)
        assert list(faults.FAULTS[name](1).treat(ping, flow)) == [Send(ping)], name
        assert not flow.counts


def test_lose_duplicate_reorder_and_replay_do_what_they_say() -> None:
    first, second = mqtt.publication("t", b"1"), mqtt.publication("t", b"2")
    assert list(faults.FAULTS["lose"](1).treat(first, a_flow())) == []
    assert list(faults.FAULTS["duplicate"](1).treat(first, a_flow())) == [Send(first), Send(first)]
    flow, reorder = a_flow(), faults.FAULTS["reorder"](1)
    assert list(reorder.treat(first, flow)) == []
    assert list(reorder.treat(second, flow)) == [Send(second), Send(first)]
    flow.past.append(first)
    assert list(faults.FAULTS["replay"](1).treat(second, flow)) == [Send(second), Send(first)]


def test_a_hang_lets_pass_what_comes_before_its_place() -> None:
    connack, suback = mqtt.packet(mqtt.CONNACK, b"\0\0"), mqtt.packet(mqtt.SUBACK, b"\0\1\0")
    after_connect, after_subscribe = faults.FAULTS["hang-connect"](), faults.FAULTS["hang-subscribe"]()
    flow = a_flow()
    assert list(after_connect.treat(connack, flow)) == [Send(connack)]
    flow.connection.kinds_passed.add(mqtt.CONNACK)
    assert list(after_connect.treat(suback, flow)) == [Do.HOLD, Send(suback)]
    flow.connection.kinds_passed.add(mqtt.SUBACK)
    assert list(after_subscribe.treat(suback, flow)) == [Send(suback)]
    assert list(after_subscribe.treat(PUBLICATION, flow)) == [Do.HOLD, Send(PUBLICATION)]


def test_chance_follows_from_the_seed() -> None:
    def run(seed: int) -> list[Step]:
        flow, lose = a_flow(seed=seed), faults.FAULTS["lose"](0.5)
        return [step for _ in range(64) for step in lose.treat(PUBLICATION, flow)]

    assert run(3) == run(3)
    assert len({len(run(seed)) for seed in range(8)}) > 1


@given(st.binary(max_size=400))
def test_a_packet_is_put_together_and_taken_apart(body: bytes) -> None:
    unit = mqtt.packet(0x30, body)
    assert unit[mqtt.body_start(unit) :] == body
    assert mqtt.payload_start(unit) <= len(unit)


# --- the handling of a connection ---


def test_without_a_fault_everything_passes(proxy: ChaosProxy) -> None:
    data = random.Random(1).randbytes(300_000)
    with call(proxy) as sock:
        threading.Thread(target=sock.sendall, args=(data,), daemon=True).start()
        assert receive(sock, len(data)) == data
    assert proxy.counts == {}


@pytest.mark.parametrize("fault", ["slow=5000", "split", "slow=5000 split"])
def test_bytes_in_pieces_arrive_as_they_were(proxy: ChaosProxy, fault: str) -> None:
    proxy.turn(fault)
    with call(proxy) as sock:
        sock.sendall(bytes(range(256)))
        pieces = []
        while sum(map(len, pieces)) < 256:
            pieces.append(sock.recv(256))
        assert b"".join(pieces) == bytes(range(256))
        assert len(pieces) > 1, "a busy machine reads several pieces at once"
    assert set(proxy.counts) == {word.partition("=")[0] for word in fault.split()}


@pytest.mark.parametrize("fault", ["hang-accept", "black-hole"])
def test_what_a_hang_held_passes_when_it_is_lifted(proxy: ChaosProxy, fault: str) -> None:
    with call(proxy) as sock:
        sock.sendall(b"before")
        assert receive(sock, 6) == b"before"
        proxy.turn(fault)
        sock.sendall(b"within")
        sock.settimeout(QUIET_S)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        proxy.turn("none")
        sock.settimeout(10)
        assert receive(sock, 6) == b"within"


def test_a_clock_that_gave_up_a_hang_is_not_spoken_for_later(proxy: ChaosProxy, echo: Echo) -> None:
    with call(proxy) as sock:
        sock.sendall(b"x")
        assert receive(sock, 1) == b"x"
        proxy.turn("hang-accept")
        sock.sendall(b"late")
        deadline = time.monotonic() + 10
        while not proxy.counts and time.monotonic() < deadline:
            time.sleep(0.01)
    proxy.turn("none")
    with call(proxy) as sock:
        sock.sendall(b"y")
        assert receive(sock, 1) == b"y"
    assert echo.connections == 2


def test_refuse_refuses_and_resets_and_can_be_lifted(proxy: ChaosProxy) -> None:
    with call(proxy) as sock:
        sock.sendall(b"x")
        assert receive(sock, 1) == b"x"
        proxy.turn("refuse")
        sock.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    with pytest.raises(ConnectionRefusedError):
        call(proxy)
    proxy.turn("none")
    with call(proxy) as sock:
        sock.sendall(b"x")
        assert receive(sock, 1) == b"x"


def test_a_black_hole_answers_no_connection_and_can_be_lifted(proxy: ChaosProxy) -> None:
    proxy.turn("black-hole")
    with pytest.raises(TimeoutError):
        call(proxy, QUIET_S)
    proxy.turn("none")
    with call(proxy) as sock:
        sock.sendall(b"x")
        assert receive(sock, 1) == b"x"


def test_drop_closes_in_good_order(proxy: ChaosProxy) -> None:
    proxy.turn("drop")
    with call(proxy) as sock:
        sock.sendall(b"x")
        assert sock.recv(1) == b""


def test_reset_after_resets_at_that_byte(proxy: ChaosProxy) -> None:
    proxy.turn("reset-after=100")
    with call(proxy) as sock:
        sock.sendall(b"x" * 40)
        assert receive(sock, 40) == b"x" * 40
        sock.sendall(b"x" * 40)
        with pytest.raises(ConnectionResetError):
            receive(sock, 1000)


def test_a_broker_that_is_away_ends_the_clocks_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = int(gone.getsockname()[1])
    with ChaosProxy(("127.0.0.1", port)) as proxy, call(proxy) as sock:
        assert sock.recv(1) == b""


def test_a_fault_of_packets_needs_the_workshop(proxy: ChaosProxy) -> None:
    packets = [name for name, kind in faults.FAULTS.items() if kind.layer is Layer.PACKETS]
    assert len(packets) > 5
    for name in packets:
        with pytest.raises(SettingsError, match="--workshop"):
            proxy.turn(name)


def test_a_port_in_use_is_told(echo: Echo) -> None:
    with pytest.raises(SettingsError, match="cannot listen"):
        ChaosProxy(echo.address, listen=echo.address)


# --- schedules, and the command ---


def test_a_schedule_is_read_and_repeated() -> None:
    steps = schedule.written("20s none; 0.5 slow=9 split")
    assert steps == [schedule.Step(20, "none"), schedule.Step(0.5, "slow=9 split")]
    around = schedule.repeated(steps)
    assert [next(around).seconds for _ in range(4)] == [20, 0.5, 20, 0.5]


@pytest.mark.parametrize("text", ["", "none", "5s", "0s none", "5s no-such", "5s none;;"])
def test_a_schedule_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        schedule.written(text)


def test_a_random_schedule_follows_from_its_seed_and_rests_between_faults() -> None:
    def steps(seed: int) -> list[schedule.Step]:
        chosen = schedule.by_chance(seed, list(faults.FAULTS), 10)
        return [next(chosen) for _ in range(40)]

    assert steps(5) == steps(5) != steps(6)
    assert all(step.fault == "none" for step in steps(5)[1::2])
    assert all(5 <= step.seconds <= 15 for step in steps(5))


def test_the_command_passes_bytes_and_is_switched_by_lines(echo: Echo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "badgeclock.cli.main", "chaos", "--listen", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [*command, "--to", f"{echo.address[0]}:{echo.address[1]}", "--fault", "split"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert json.loads(process.stdout.readline())["faults"] == "split"
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
            sock.sendall(b"hello")
            assert receive(sock, 5) == b"hello"
        process.stdin.write("refuse\n")
        told = json.loads(process.stdout.readline())
        assert (told["faults"], told["connections"]) == ("refuse", 1)
        assert told["did"]["split"] >= 2
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=10)
        process.stdin.write("no-such-fault\nnone\n")
        assert json.loads(process.stdout.readline())["faults"] == "none", "a wrong word changes nothing"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_the_command_explains_each_fault() -> None:
    listed = CliRunner().invoke(chaos.app, ["--list"])
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(faults.FAULTS)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--listen", "0.0.0.0:0"], "--anywhere"),
        (["--listen", "clock.example:0"], "--anywhere"),
        (["--listen", "8884"], "no host:port"),
        (["--fault", "lose"], "--workshop"),
        (["--schedule", "now"], "no step"),
    ],
)
def test_the_command_refuses_what_cannot_be_before_it_listens(options: list[str], why: str) -> None:
    refused = CliRunner().invoke(chaos.app, options)
    assert isinstance(refused.exception, SettingsError)
    assert why in str(refused.exception)

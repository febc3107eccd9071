"""The acceptance of a board, run against a virtual clock with its broker: its measurements, and that it can fail."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.provisioned import NEW, PASSWORD, copied
from typer.testing import CliRunner

from badgeclock import partition_table
from badgeclock.cli import clock as clock_cli
from badgeclock.demo.process import Process, free_port, port_answers
from badgeclock.technician import acceptance, broker, firmware, provision, workshop
from badgeclock.technician.provision import Broker, Plan
from badgeclock.technician.serial_device import open_device
from badgeclock.virtual.board import Network, VirtualBoard

BADGES = ("5A17C3E1", "04A3C652", "11223344")
LIMIT_S = 60.0


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


JOURNAL = partition_table.board_partitions()["journal"]
BOOT = bytes((1, 2))


@dataclass
class Robot:
    """Acceptance.Hands of a virtual clock; it can be made to do less than requested."""

    board: VirtualBoard
    holds: int = len(BADGES)
    cuts: int = 2
    starts: int = 0

    def boots(self) -> int:
        """BOOT records in the first sectors of the journal."""
        sectors = self.board.flash.read(JOURNAL.offset, 2 * 4096)
        return sum(sectors[at : at + 2] == BOOT for at in range(0, len(sectors), 64))

    def is_ready(self) -> bool:
        return "Hold your badge" in self.board.screen_text()

    def wait_for_a_start(self) -> None:
        """Until there is another BOOT record than when the clock was last seen ready, and it waits for badges."""
        wait_for(lambda: self.boots() > self.starts and self.is_ready(), "the clock did not start")
        self.starts = self.boots()

    def hold_badges(self, count: int) -> None:
        assert count == len(BADGES)
        self.wait_for_a_start()
        for uid in BADGES[: self.holds]:
            wait_for(self.is_ready, "the clock is not ready")
            self.board.tap(bytes.fromhex(uid))
            wait_for(lambda: not self.is_ready(), f"{uid} was not seen")
        wait_for(self.is_ready, "the clock is not ready")
        self.starts = self.boots()

    def cut_power(self, number: int) -> None:
        if number == 1:
            self.wait_for_a_start()
        if number <= self.cuts:
            self.board.plug_out()
            self.board.plug_in()
            self.wait_for_a_start()

    def saw_signals(self) -> bool:
        return True


@pytest.fixture
def clock(provisioned: Path, tmp_path: Path) -> Iterator[VirtualBoard]:
    """A clock of a site whose broker runs."""
    home = copied(provisioned, tmp_path)
    shop = workshop.open_workshop(home / "workshop")
    port = free_port()
    config = broker.write_config(home / "broker", port, shop)
    process = Process("the broker", config.command, home / "broker.log", lambda: port_answers(port))
    with VirtualBoard(home / "clock") as board:
        board.plug_in()
        with open_device(board.console.path) as device:
            provision.provision(device, Plan(shop, "clock-0001", firmware.build(), broker=Broker("localhost", port)))
        process.start()
        try:
            yield board
        finally:
            process.stop()


def test_a_clock_that_does_all_of_it_passes_and_the_report_names_nobody(clock: VirtualBoard) -> None:
    said: list[str] = []
    report = acceptance.run(clock.console.path, Robot(clock), said.append)
    assert report.passed, report.checks
    assert {check.name for check in report.checks} == {
        "chain", "image", "Wi-Fi", "connections", "memory", "reader", "signals", "punches", "RTC", "power cuts",
    }  # fmt: skip
    steps = [step.step for step in report.memory]
    assert steps[:5] == [
        "start",
        "WLAN() made",
        "active(True)",
        "connected to Wi-Fi",
        "TLS context with our certificates",
    ]
    assert steps.count("mutual TLS up") == acceptance.CONNECTIONS
    text = report.to_json()
    assert json.loads(text)["passed"]
    for secret in (PASSWORD, *BADGES, "clock-0001", NEW["site"]):
        assert str(secret).lower() not in text.lower()
    assert "pass  punches: 3 kept of 3 badges" in said


def test_what_was_not_done_or_does_not_work_fails(clock: VirtualBoard) -> None:
    clock.set_network(Network.DOWN)
    report = acceptance.run(clock.console.path, Robot(clock, holds=0, cuts=1))
    failed = {check.name for check in report.checks if not check.passed}
    assert failed == {"Wi-Fi", "punches", "power cuts"}
    assert not report.passed


def test_a_chip_that_is_no_clock_is_not_tried_further(tmp_path: Path) -> None:
    with VirtualBoard(tmp_path / "clock") as board:
        board.plug_in()
        report = acceptance.run(board.console.path, Robot(board))
    assert [(check.name, check.passed) for check in report.checks] == [("chain", False), ("image", True)]


def test_the_command_writes_the_report(tmp_path: Path) -> None:
    with VirtualBoard(tmp_path / "clock") as board:
        board.plug_in()
        out = tmp_path / "report.json"
        run = CliRunner().invoke(clock_cli.app, ["acceptance", board.console.path, "--out", str(out)])
    assert run.exit_code == 1
    assert "1 of 2 passed" in run.stdout
    assert json.loads(out.read_text())["image"] == "OWN"

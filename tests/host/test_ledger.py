"""The workshop's ledger: lines are added, none is removed, and a line torn by a power cut is ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from badgeclock.errors import ProvisionError
from badgeclock.technician.ledger import NAME, Act, Chip, Ledger

ONE, OTHER = Chip("246f28000001"), Chip("246f28000002")


def test_the_same_again_adds_no_line_and_the_newest_line_says_who_the_clock_is(tmp_path: Path) -> None:
    book = Ledger(tmp_path)
    assert book.newest("clock-0001") is None
    for _ in range(2):
        book.add("clock-0001", Act.PROVISIONED, ONE, chain="ab", firmware="f1")
    book.add("clock-0002", Act.PROVISIONED, OTHER, chain="cd", firmware="f1")
    book.add("clock-0001", Act.PROVISIONED, ONE, chain="ab", firmware="f2")
    assert [(entry.id, entry.firmware) for entry in book.entries()] == [
        ("clock-0001", "f1"),
        ("clock-0002", "f1"),
        ("clock-0001", "f2"),
    ]
    newest = book.newest("clock-0001")
    assert newest is not None
    assert (newest.chip, newest.mac, newest.firmware) == (ONE.serial, "24:6f:28:00:00:01", "f2")
    assert newest.who
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_a_torn_last_line_is_none_and_the_next_one_takes_its_place(tmp_path: Path) -> None:
    book = Ledger(tmp_path)
    book.add("clock-0001", Act.PROVISIONED, ONE, chain="ab", firmware="f1")
    whole = (tmp_path / NAME).read_bytes()
    for length in (1, len(whole) - 1):
        (tmp_path / NAME).write_bytes(whole + whole[:length])
        assert len(book.entries()) == 1
        book.add("clock-0002", Act.PROVISIONED, OTHER, chain="cd", firmware="f1")
        assert [entry.id for entry in book.entries()] == ["clock-0001", "clock-0002"]


def test_a_damaged_line_is_said_and_nothing_is_decided_by_the_others(tmp_path: Path) -> None:
    book = Ledger(tmp_path)
    book.add("clock-0001", Act.PROVISIONED, ONE, chain="ab", firmware="f1")
    (tmp_path / NAME).write_bytes(b"{}\n" + (tmp_path / NAME).read_bytes())
    with pytest.raises(ProvisionError, match=r"line 1 .* is damaged"):
        book.newest("clock-0001")

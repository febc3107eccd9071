"""The file export: entries are found again, by any process, whatever happened to the file's end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.presences import LIMOSA, movement_item, today, worker_item

from badgeclock.authorities.base import Address, Cancellation, Coordinates, Registered, SearchCriteria, Status
from badgeclock.authorities.errors import AuthorityUnavailable
from badgeclock.authorities.file import FileExport
from badgeclock.errors import SettingsError

ITEMS = [
    worker_item("day", date=today()),
    movement_item("in"),
    movement_item("there", workplace_id=None, coordinates=Coordinates(latitude=50.8, longitude=4.3)),
    movement_item(
        "home", address=Address(postcode="1000", municipality="Bruxelles-Élise", street="Quai", house_number="7")
    ),
    movement_item("posted", inss=None, company_id=None, limosa_id=LIMOSA),
]
TODAY = SearchCriteria(periods=((today(), today()),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "declared.jsonl"


async def test_another_process_finds_the_same(path: Path) -> None:
    first, second = FileExport(path), FileExport(path)
    outcomes = await first.register(ITEMS)
    await second.cancel([Cancellation(reception_number=2, reason="PLANNING")])
    assert [outcome.reception_number for outcome in outcomes if isinstance(outcome, Registered)] == [1, 2, 3, 4, 5]
    assert await first.search(TODAY) == await second.search(TODAY) == await FileExport(path).search(TODAY)
    for found, item in zip(await first.search(TODAY), ITEMS, strict=True):
        assert found.reference == item.reference
        assert found.status is (Status.CANCELLED if item.reference == "in" else Status.VALIDATED)


def test_only_its_owner_may_read_it(path: Path) -> None:
    FileExport(path)
    assert path.stat().st_mode & 0o777 == 0o600


async def test_two_that_write_at_once_give_no_number_twice(path: Path) -> None:
    writers = [FileExport(path) for _ in range(4)]
    answers = await asyncio.gather(*(writer.register([worker_item("x")]) for writer in writers for _ in range(5)))
    numbers = [outcome.reception_number for answer in answers for outcome in answer if isinstance(outcome, Registered)]
    assert sorted(numbers) == list(range(1, 21))


@pytest.mark.parametrize("left", range(1, 200, 13))
def test_a_line_that_a_power_cut_left_half_written_is_not_believed(path: Path, left: int) -> None:
    asyncio.run(FileExport(path).register(ITEMS))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:left])
    again = FileExport(path)
    assert len(asyncio.run(again.search(TODAY))) == 4
    [outcome] = asyncio.run(again.register([ITEMS[4]]))
    assert isinstance(outcome, Registered)
    assert outcome.reception_number == 5
    assert path.read_bytes().count(b"\n") == 5


def test_a_file_that_another_took_the_place_of_is_read_anew(path: Path, tmp_path: Path) -> None:
    export, other = FileExport(path), FileExport(tmp_path / "other.jsonl")
    asyncio.run(export.register(ITEMS[:1]))
    asyncio.run(other.register(ITEMS))
    path.unlink()
    assert asyncio.run(export.search(TODAY)) == []
    (tmp_path / "other.jsonl").rename(path)
    assert len(asyncio.run(export.search(TODAY))) == 5


async def test_a_folder_that_is_gone_says_so_and_nothing_was_declared(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    export = FileExport(folder / "declared.jsonl")
    (folder / "declared.jsonl").unlink()
    folder.rmdir()
    with pytest.raises(AuthorityUnavailable):
        await export.search(TODAY)
    with pytest.raises(SettingsError, match="cannot be written"):
        FileExport(folder / "declared.jsonl")


@given(st.binary(max_size=80) | st.text(alphabet='{}[]":,0123456789numbercancelpresence', max_size=80).map(str.encode))
@settings(deadline=None, max_examples=100)
def test_any_file_is_read_or_refused_and_kept(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_bytes(content + b"\n")
    try:
        FileExport(path)
    except SettingsError:
        assert path.read_bytes() == content + b"\n"

"""What the clock says of itself."""

from app.roster import Roster
from app.status import Status


class Reader:
    version = 0x92
    resets = 3
    fault = "no-irq"


class Log:
    tears = 1
    wear = 7


def test_the_status_tells_the_readers_version_its_resets_and_what_is_wrong_with_it():
    reader = Reader()
    status = Status(reader, Log(), 1, b"\x12" * 8, Roster(None), 7)
    told = status()
    assert (told["reader"], told["reader_resets"], told["reader_fault"]) == ("92", 3, "no-irq")
    assert told["wear"] == 7
    assert (told["roster"], told["settings"]) == (None, 7)
    reader.version, reader.fault = None, "no-answer"
    told = status()
    assert (told["reader"], told["reader_fault"]) == (None, "no-answer")
    reader.version, reader.fault = 0x88, None
    told = status()
    assert (told["reader"], told["reader_fault"]) == ("88", None)


def test_the_status_tells_the_rosters_version_and_entries():
    roster = Roster(object())
    roster.use(16, 4, 250, (None, "nl"))
    assert Status(Reader(), Log(), 1, bytes(8), roster, 0)()["roster"] == (4, 250)

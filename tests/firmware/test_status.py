"""What the clock says of itself."""

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
    status = Status(reader, Log(), 1, b"\x12" * 8)
    told = status()
    assert (told["reader"], told["reader_resets"], told["reader_fault"]) == ("92", 3, "no-irq")
    assert told["wear"] == 7
    reader.version, reader.fault = None, "no-answer"
    told = status()
    assert (told["reader"], told["reader_fault"]) == (None, "no-answer")
    reader.version, reader.fault = 0x88, None
    told = status()
    assert (told["reader"], told["reader_fault"]) == ("88", None)

"""The clock's report on itself."""

from app.net.roster import Roster
from app.status import Status


class Reader:
    version = 0x92
    resets = 3
    fault = "no-irq"


class Log:
    tears = 1
    wear = 7


class Settings:
    heartbeat_s = 600
    version = 7


class Parts:
    """Face, timekeeper, case, RTC and Wi-Fi."""

    display_faults = 2
    rtc_faults = 3
    level = 0
    celsius = -7

    def temperature(self):
        if self.celsius is None:
            raise OSError(19)
        return self.celsius

    def rssi(self):
        return -61


def of(reader, parts, roster=Roster(None)):
    return Status(reader, Log(), 1, b"\x12" * 8, 1924905600, Settings, parts, parts, parts, parts, parts, roster, 2)


def test_the_status_tells_the_readers_version_its_resets_and_what_is_wrong_with_it():
    reader = Reader()
    status = of(reader, Parts())
    told = status()
    assert (told["reader"], told["reader_resets"], told["reader_fault"]) == ("92", 3, "no-irq")
    assert told["wear"] == 7
    assert (told["roster"], told["settings"]) == (None, 7)
    assert (told["badges"], told["desk"], told["site_keys"]) == (2, 2, 2)
    reader.version, reader.fault = None, "no-answer"
    told = status()
    assert (told["reader"], told["reader_fault"]) == (None, "no-answer")
    reader.version, reader.fault = 0x88, None
    told = status()
    assert (told["reader"], told["reader_fault"]) == ("88", None)


def test_the_status_tells_what_else_may_be_wrong_and_an_rtc_that_does_not_answer_has_no_temperature():
    parts = Parts()
    told = of(Reader(), parts)()
    assert (told["temperature"], told["rssi"], told["case_open"]) == (-7, -61, True)
    assert (told["display_faults"], told["rtc_faults"]) == (2, 3)
    assert (told["cert_until"], told["heartbeat_s"]) == (1924905600, 600)
    parts.celsius = None
    parts.level = 1
    told = of(Reader(), parts)()
    assert told["temperature"] is None and told["case_open"] is False


def test_the_status_tells_the_rosters_version_and_entries():
    roster = Roster(object())
    roster.use(16, 4, 250, (None, "nl"))
    assert of(Reader(), Parts(), roster)()["roster"] == (4, 250)

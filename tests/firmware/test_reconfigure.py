"""Settings that the bridge gave: the whole file or none of it, told in STATUS, and a restart when it is time."""

import json
import os
import struct
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app.errors import FrameError
from app.settings import Settings
from expect import raised

GOOD = {
    "v": 1,
    "clock_id": "clock-0001",
    "site": "Demo site",
    "language": "en",
    "direction": "auto",
    "duplicate_window_s": 60,
    "broker": {"host": "localhost", "port": 8883},
    "wifi": {"ssid": "site"},
    "timezone": "Europe/Brussels",
    "heartbeat_s": 600,
    "message_s": 2,
}


class Clock:
    """The uplink as its errand sees it; files lie in this process's own folder."""

    def __init__(self):
        self.errands = {}
        self.restart_due = False
        self.refused_settings = None
        self.told = 0
        with open("settings.json", "w") as file:
            json.dump(GOOD, file)

    def tell(self):
        self.told += 1

    def give(self, version, wanted):
        """The bridge gives settings, and the housekeeping does what is due."""
        from app import reconfigure

        reconfigure._FILE, reconfigure._NEW = "settings.json", "settings.new"
        errand = self.errands["reconfigure"] = reconfigure.start(self)
        errand.take(struct.pack(">I", version) + (wanted if isinstance(wanted, bytes) else json.dumps(wanted).encode()))
        assert not errand.step()
        assert not self.errands and "app.reconfigure" not in sys.modules and "app.settings" not in sys.modules

    def settings(self):
        with open("settings.json", "rb") as file:
            return Settings(file.read())


def test_settings_are_taken_and_wait_for_a_restart():
    clock = Clock()
    clock.give(3, {"message_s": 5, "site": "North gate"})
    settings = clock.settings()
    assert (settings.message_s, settings.site, settings.version) == (5, "North gate", 3)
    assert clock.restart_due and clock.told == 1 and clock.refused_settings is None
    assert "settings.new" not in os.listdir()


def test_what_is_refused_changes_nothing_and_says_why():
    clock = Clock()
    for wanted, why in (
        ({"message_s": 50}, "message_s must be a whole number from 1 to 9"),
        ({"broker": {"host": "elsewhere", "port": 1}}, "broker cannot be changed by the bridge"),
        ({"language": "xx"}, "lang/xx.json is missing"),
        (b"\xff\xfe", "not valid JSON"),
    ):
        clock.give(4, wanted)
        assert clock.refused_settings[0] == 4 and why in clock.refused_settings[1], clock.refused_settings
        assert clock.settings().version == 0 and not clock.restart_due
    clock.give(5, {"message_s": 4})
    assert clock.refused_settings is None and clock.settings().message_s == 4


def test_the_same_version_again_changes_nothing():
    clock = Clock()
    clock.give(3, {"message_s": 5})
    clock.restart_due = False
    clock.give(3, {"message_s": 6})
    assert not clock.restart_due and clock.settings().message_s == 5 and clock.told == 2


def test_a_body_without_settings_is_refused():
    from app import reconfigure

    raised(FrameError, reconfigure.start(Clock()).take, b"\0\0\0\1")

"""Settings that the bridge gave: the whole file or none of it, reported in STATUS, and a restart when it is time."""

# heapsize: 512k

import json
import os
import struct
import sys

import vfs

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app import on_demand
from app.errors import FrameError
from app.net.errands import Errands
from app.net.frames import SETTINGS
from app.settings import Settings
from expect import raised
from nor import SECTOR_BYTES, Nor, Power, PowerCut

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
    """The errands of a clock, as their uplink; files lie in this process's own folder."""

    def __init__(self):
        self.errands = Errands(None, None, None, None, None)
        self.reports = 0
        with open("settings.json", "w") as file:
            json.dump(GOOD, file)

    def report_status(self):
        self.reports += 1

    def give(self, version, wanted):
        """The bridge sends settings, and the housekeeping does what is due."""
        on_demand.drop("app.settings")
        on_demand.load("app.net.reconfigure", "app.settings")
        reconfigure = sys.modules["app.net.reconfigure"]
        reconfigure.FILE, reconfigure.NEW = "settings.json", "settings.new"
        wanted = wanted if isinstance(wanted, bytes) else json.dumps(wanted).encode()
        self.errands.handle(SETTINGS, 1, struct.pack(">I", version) + wanted)
        assert self.errands.step(self) and not self.errands.step(self)
        assert "app.net.reconfigure" not in sys.modules and "app.settings" not in sys.modules

    def settings(self):
        with open("settings.json", "rb") as file:
            return Settings(file.read())


def test_settings_are_taken_and_wait_for_a_restart():
    clock = Clock()
    clock.give(3, {"message_s": 5, "site": "North gate"})
    settings = clock.settings()
    assert (settings.message_s, settings.site, settings.version) == (5, "North gate", 3)
    assert clock.errands.restart_due and clock.reports == 1 and clock.errands.refused_settings is None
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
        assert clock.errands.refused_settings[0] == 4 and why in clock.errands.refused_settings[1], clock.errands.refused_settings
        assert clock.settings().version == 0 and not clock.errands.restart_due
    clock.give(5, {"message_s": 4})
    assert clock.errands.refused_settings is None and clock.settings().message_s == 4


def test_the_same_version_again_changes_nothing():
    clock = Clock()
    clock.give(3, {"message_s": 5})
    clock.errands.restart_due = False
    clock.give(3, {"message_s": 6})
    assert not clock.errands.restart_due and clock.settings().message_s == 5 and clock.reports == 2


def test_a_body_without_settings_is_refused():
    from app.net import reconfigure

    raised(FrameError, reconfigure.apply, b"\0\0\0\1")


# --- power ---


class Disk(Nor):
    """Flash as a file system asks for it."""

    def ioctl(self, operation, argument):
        if operation in (1, 2, 3):  # init, deinit, sync: nothing is held back
            return 0
        return SECTOR_BYTES if operation == 5 else Nor.ioctl(self, operation, argument)


class OnFlash:
    """A file system of a clock, on flash with this image or a fresh one, mounted at /cut with the settings in it."""

    def __init__(self, image=None):
        self.power = Power()
        self.flash = Disk(8, self.power, image)
        if image is None:
            vfs.VfsLfs2.mkfs(self.flash)
        vfs.mount(vfs.VfsLfs2(self.flash), "/cut")
        if image is None:
            with open("/cut/settings.json", "w") as file:
                json.dump(GOOD, file)

    def change(self):
        """Volume 1 as version 9, by the clock's own code; how many steps the flash took."""
        from app.net import reconfigure

        reconfigure.FILE, reconfigure.NEW = "/cut/settings.json", "/cut/settings.new"
        before = self.power.steps
        assert reconfigure._put(b'{"volume": 1}', 9)
        return self.power.steps - before

    def settings(self):
        with open("/cut/settings.json", "rb") as file:
            return Settings(file.read())

    def leave(self):
        """The image after a power cut."""
        vfs.umount("/cut")
        return self.flash.image()


def test_after_a_power_cut_anywhere_the_old_settings_are_there_or_the_new_ones_whole():
    fresh = OnFlash()
    start = fresh.leave()
    once = OnFlash(start)
    steps = once.change()
    assert once.settings().version == 9
    once.leave()
    seen = set()
    for cut in range(0, steps, max(1, steps // 60)):
        clock = OnFlash(start)
        clock.power.cut_after(cut, cut, "")
        try:
            clock.change()
        except (PowerCut, OSError):
            pass
        clock.power.restore()
        image = clock.leave()
        again = OnFlash(image)
        settings = again.settings()
        assert (settings.version, settings.volume) in ((0, 3), (9, 1)), (cut, settings)
        if not settings.version:
            again.change()
        assert again.settings().version == 9
        again.leave()
        seen.add(settings.version)
    assert 0 in seen and steps > 300, (seen, steps)

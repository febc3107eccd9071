"""Takes settings that the bridge gave into /settings.json, all of them or none, and has the clock restart with them.

Loaded when an authenticated SETTINGS frame comes, and takes itself out of memory again. The uplink brings the frame
(`take`); the housekeeping does the work when no badge is near (`step`). The whole file is judged as at a start before
anything is written; what is refused changes nothing, and STATUS says why. The new file is written beside the old one
and then takes its name, which littlefs does as one step: power loss leaves the old file or the new one.
"""

import gc
import os
import struct
import sys

from micropython import const

import app
from app import settings
from app.errors import FrameError, SettingsError

_HEAD_BYTES = const(4)
FILE = "/settings.json"
NEW = "/settings.new"
_REASON_LETTERS = const(120)
_MODULES = ("reconfigure", "settings")


class Change:
    """One change; `start` makes one. uplink: whose errand it is until it ends."""

    unsent = False  # the next STATUS is the answer

    def __init__(self, uplink):
        self._uplink = uplink
        self._version = 0
        self._wanted = None

    def take(self, body):
        """Take the body of a SETTINGS frame. Raises FrameError for one that is malformed."""
        if len(body) <= _HEAD_BYTES:
            raise FrameError("settings length")
        self._version = struct.unpack_from(">I", body, 0)[0]
        self._wanted = bytes(body[_HEAD_BYTES:])

    def step(self):
        """Change the file, or refuse to. False: nothing is left to do."""
        uplink = self._uplink
        if self._wanted is not None:
            try:
                if _put(self._wanted, self._version):
                    uplink.restart_due = True
                uplink.refused_settings = None
            except SettingsError as error:
                uplink.refused_settings = (self._version, str(error)[:_REASON_LETTERS])
            except (OSError, MemoryError):
                uplink.refused_settings = (self._version, "the file could not be written; the old one stays")
        self._wanted = None
        uplink.tell()
        del uplink.errands["reconfigure"]
        for name in _MODULES:
            del sys.modules["app." + name]
            delattr(app, name)
        gc.collect()
        return False


def _put(wanted, version):
    """Write the file with the wanted settings in it; False if the clock has that version already. Raises
    SettingsError.
    """
    with open(FILE, "rb") as file:
        before = file.read()
    after = settings.changed(before, wanted, version)
    if after is None:
        return False
    language = settings.Settings(after).language
    if language != "en":
        try:
            os.stat("/lang/" + language + ".json")
        except OSError:
            raise SettingsError("lang/%s.json is missing" % language)
    with open(NEW, "wb") as file:
        file.write(after)
    os.rename(NEW, FILE)
    return True


def start(uplink, *_):
    """A Change for the uplink, which gives every errand more than this one needs."""
    return Change(uplink)

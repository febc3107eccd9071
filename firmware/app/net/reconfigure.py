"""Writes the bridge's settings into /settings.json, all of them or none; the clock then restarts with them.

An errand of app.net.errands, done in one piece when no badge is near. The whole file is checked as at a start before
anything is written; refused settings change nothing, and STATUS has the reason. The new file is written beside the old
one and then renamed, which littlefs does atomically: power loss leaves the old file or the new one.
"""

import os
import struct

from micropython import const

from app import settings
from app.errors import FrameError, SettingsError

_HEAD_BYTES = const(4)
FILE = "/settings.json"
NEW = "/settings.new"
_REASON_LETTERS = const(120)


def apply(body):
    """Apply the body of a SETTINGS frame: (whether the clock must restart, None), or (False, why it was refused as
    (version, text)). Raises FrameError for a body that is malformed.
    """
    if len(body) <= _HEAD_BYTES:
        raise FrameError("settings length")
    version = struct.unpack_from(">I", body, 0)[0]
    try:
        return _put(bytes(body[_HEAD_BYTES:]), version), None
    except SettingsError as error:
        return False, (version, str(error)[:_REASON_LETTERS])
    except (OSError, MemoryError):
        return False, (version, "the file could not be written; the old one stays")


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

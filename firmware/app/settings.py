"""The clock's settings: /settings.json and the secrets, checked field by field.

A file with a wrong field is refused as a whole, with one sentence on the field and its allowed values, so that a clock
never runs on half of its settings. No message quotes a value of the secrets. The results are plain tuples, so that
nothing of this module stays in memory after the start.
"""

import json
from binascii import unhexlify
from collections import namedtuple

from micropython import const

from app.errors import SettingsError
from app.localtime import ZONES

DIRECTIONS = ("auto", "in", "out")
BADGES = ("uid", "both", "proved")
BADGE_EV1 = ("refuse", "allow")
DIRECTION_HOURS = 14

# What the bridge may change (docs/protocol.md §10). Never the clock's identity, its network access and its keys: a
# mistake there could only be repaired with a cable.
REMOTE = (
    " site language direction duplicate_window_s timezone heartbeat_s message_s volume quiet_hours direction_hours ntp "
)

_VERSION = const(1)
_KEY_BYTES = const(32)
_BADGE_KEY_BYTES = const(16)
_LATER_KEYS = const(7)
_LONGEST = const(2048)
_LOUDEST = const(3)
_LETTERS = b"abcdefghijklmnopqrstuvwxyz"
_ID_LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789-"


_Settings = namedtuple(
    "_Settings",
    (
        "clock_id",
        "site",
        "language",
        "direction",
        "duplicate_window_s",
        "broker_host",
        "broker_port",
        "wifi_ssid",
        "timezone",
        "heartbeat_s",
        "message_s",
        "volume",
        "quiet_hours",
        "badges",
        "badge_ev1",
        "direction_hours",
        "ntp",
        "version",
    ),
)
_Secrets = namedtuple("_Secrets", ("link_key", "site_key", "wifi_password", "badge_key"))


def Settings(text):  # noqa: N802 - it reads like the tuple that it returns
    """The settings in a file's text (str or bytes), every field checked; raises SettingsError.

    clock_id: 3 to 23 characters of a-z 0-9 - (docs/protocol.md §1). site: 1 to 40 printable characters; a name too long
    for the display is cut with a sign. language: "en", or the name of a file in /lang (app.ui.words), 2 to 8 of a-z.
    direction: "auto", "in" or "out". duplicate_window_s: 0 to 3600. broker_host, broker_port. wifi_ssid: 1 to 32 bytes
    of printable characters. timezone: of `localtime.ZONES`. heartbeat_s: 10 to 3,600. message_s: 1 to 9. volume: 0,
    silent, to 3, the loudest. quiet_hours: "22:00-06:00" in local time, given as its two minutes of the day, or "",
    given as None. badges: "uid", "both" or "proved", badge_ev1: "refuse" or "allow" (docs/badges.md §1, §2).
    direction_hours: 1 to 48, for how long a badge's last punch decides the next one's direction. ntp: a host to query
    for the time while there is no better source, or "". version: that of the settings which the bridge gave, 0 to 2**32
    - 1. The last seven may be missing; defaults: loudest, always, the first of each, 14, "", and 0.
    """
    fields = _object(text, "settings.json")
    _version(fields, "settings.json")
    clock_id = _text(fields, "settings.json: clock_id", 3, 23)
    for letter in clock_id.encode():  # bytes: a letter as a text would stay in memory
        if letter not in _ID_LETTERS:
            raise SettingsError("settings.json: clock_id may hold only a-z, 0-9 and -")
    broker = _part(fields, "settings.json: broker")
    return _Settings(
        clock_id,
        _name(fields, "settings.json: site", 40, 160),
        _language(fields),
        _choice(fields, "settings.json: direction", DIRECTIONS),
        _whole(fields, "settings.json: duplicate_window_s", 0, 3600),
        _text(broker, "settings.json: broker.host", 1, 253),
        _whole(broker, "settings.json: broker.port", 1, 65535),
        _name(_part(fields, "settings.json: wifi"), "settings.json: wifi.ssid", 32, 32),
        _choice(fields, "settings.json: timezone", tuple(ZONES)),
        _whole(fields, "settings.json: heartbeat_s", 10, 3600),
        _whole(fields, "settings.json: message_s", 1, 9),
        _or(_LOUDEST, _whole, fields, "settings.json: volume", 0, _LOUDEST),
        _quiet_hours(fields.get("quiet_hours", "")),
        _or(BADGES[0], _choice, fields, "settings.json: badges", BADGES),
        _or(BADGE_EV1[0], _choice, fields, "settings.json: badge_ev1", BADGE_EV1),
        _or(DIRECTION_HOURS, _whole, fields, "settings.json: direction_hours", 1, 48),
        _or("", _text, fields, "settings.json: ntp", 0, 253),
        _or(0, _whole, fields, "settings.json: version", 0, 0xFFFFFFFF),
    )


def changed(text, wanted, version):
    """The text of a settings file with the bridge's values in it, as bytes; None if it has that version or a newer one.
    wanted: a JSON object of some fields of REMOTE. Raises SettingsError if the result would be invalid.
    """
    fields = _object(text, "settings.json")
    if version <= fields.get("version", 0):
        return None
    wanted = _object(wanted, "the bridge's settings")
    for field in wanted:
        if " %s " % field not in REMOTE:
            raise SettingsError("%s cannot be changed by the bridge" % str(field)[:32])
    fields.update(wanted)
    fields["version"] = version
    after = json.dumps(fields).encode()
    Settings(after)
    return after


def Secrets(text):  # noqa: N802
    """The keys of a clock in the text of its secret slot: link_key of 32 bytes, site_key of 32 for each key of the site
    so far, in order, wifi_password as str ("" is an open network), badge_key of 16 bytes, or None without one. Raises
    SettingsError, which never quotes a value.
    """
    fields = _object(text, "secrets")
    _version(fields, "secrets")
    password = fields.get("wifi_password")
    if not isinstance(password, str) or len(password.encode()) > 64:
        raise SettingsError("secrets: wifi_password must be a text of at most 64 bytes")
    return _Secrets(
        _key(fields, "link_key", _KEY_BYTES),
        _key(fields, "site_key", _KEY_BYTES) + _later_keys(fields),
        password,
        _key(fields, "badge_key", _BADGE_KEY_BYTES) if "badge_key" in fields else None,
    )


def _object(text, name):
    if len(text) > _LONGEST:
        raise SettingsError("%s: longer than %d bytes" % (name, _LONGEST))
    try:
        fields = json.loads(text)
    except (ValueError, TypeError, OverflowError, RuntimeError, MemoryError):  # the last two: nested without end
        raise SettingsError(name + ": not valid JSON")
    if not isinstance(fields, dict):
        raise SettingsError(name + ": must be a JSON object")
    return fields


def _version(fields, name):
    version = fields.get("v")
    if isinstance(version, bool) or version != _VERSION:
        raise SettingsError(name + ": v must be 1; write the file with the technician's tool of this firmware")


def _field(where):
    """The field that "settings.json: broker.host" names: host. As its own text it would stay in memory."""
    return where[max(where.rfind(" "), where.rfind(".")) + 1 :]


def _or(default, judge, fields, where, *limits):
    """The result of `judge`, the default if the field is missing."""
    return judge(fields, where, *limits) if _field(where) in fields else default


def _part(fields, where):
    part = fields.get(_field(where))
    if not isinstance(part, dict):
        raise SettingsError(where + " must be an object")
    return part


def _text(fields, where, shortest, longest):
    text = fields.get(_field(where))
    if isinstance(text, str) and shortest <= len(text) <= longest:
        for letter in text.encode():
            if not 0x20 <= letter <= 0x7E:
                break
        else:
            return text
    raise SettingsError("%s must be a text of %d to %d printable ASCII characters" % (where, shortest, longest))


def _name(fields, where, letters, most_bytes):
    """A name given by people, in any letters."""
    text = fields.get(_field(where))
    if isinstance(text, str) and 0 < len(text) <= letters and len(text.encode()) <= most_bytes:
        for letter in text:
            if letter < " " or "~" < letter < "\xa0":
                break
        else:
            return text
    raise SettingsError("%s must be a text of 1 to %d printable characters" % (where, letters))


def _choice(fields, where, choices):
    choice = fields.get(_field(where))
    if not isinstance(choice, str) or choice not in choices:
        raise SettingsError(where + " must be one of " + ", ".join(choices))
    return choice


def _language(fields):
    language = fields.get("language")
    if isinstance(language, str) and 2 <= len(language) <= 8:
        for letter in language.encode():
            if letter not in _LETTERS:
                break
        else:
            return language
    raise SettingsError("settings.json: language must be en, or the name of a file in /lang: nl for nl.json")


def _quiet_hours(text):
    """(from, to) in minutes of the day, to may be below from; None for ""."""
    if text == "":
        return None
    if isinstance(text, str) and len(text) == 11 and text[5:6] == "-":
        hours = _minute(text[:5]), _minute(text[6:])
        if min(hours) >= 0 and hours[0] != hours[1]:
            return hours
    raise SettingsError('settings.json: quiet_hours must be like "22:00-06:00", or "" for none')


def _minute(text):
    """Minute of the day of "22:00"; -1 for anything else."""
    digits = (text[:2] + text[3:]).encode()
    if text[2:3] != ":" or not all(0x30 <= digit <= 0x39 for digit in digits):
        return -1
    hour, minute = int(text[:2]), int(text[3:])
    return hour * 60 + minute if hour < 24 and minute < 60 else -1


def _whole(fields, where, lowest, highest):
    number = fields.get(_field(where))
    if isinstance(number, bool) or not isinstance(number, int) or not lowest <= number <= highest:
        raise SettingsError("%s must be a whole number from %d to %d" % (where, lowest, highest))
    return number


def _later_keys(fields):
    """The keys of a site after its first one (docs/protocol.md §1)."""
    text = fields.get("later_site_keys", "")
    if text == "":
        return b""
    length = len(text) // 2 if isinstance(text, str) else 0
    if not length or length % _KEY_BYTES or length > _LATER_KEYS * _KEY_BYTES:
        length = _KEY_BYTES
    return _key(fields, "later_site_keys", length)


def _key(fields, field, length):
    text = fields.get(field)
    try:
        key = unhexlify(text) if isinstance(text, str) else b""
    except ValueError:
        key = b""
    if len(key) != length:
        raise SettingsError("secrets: %s must be %d hex digits" % (field, 2 * length))
    return key

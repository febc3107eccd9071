"""The composition root: builds the clock out of a board, files and the application's parts, and joins them.

A clock that lacks settings, secrets, certificates or a founded journal cannot be composed.

The order is one of memory: what only the start needs runs first and goes, then the log is opened and what only that
needs goes, and only then is the code imported that stays. Where code is copied into the heap, a start that had all of
it at once would not fit.
"""

import hashlib

from micropython import const

from app import console, on_demand
from app.errors import SettingsError
from app.log import record
from app.log.hmac256 import KEY_BYTES

_PREPARING = "app.preparing"

# Kept free in one piece while the rest is loaded, which would lie scattered over it: for what is loaded on demand then.
_HOLE_BYTES = const(2500)


def prover(board, settings, secrets):
    """What lets badges prove themselves; None at a site that takes them all by their UID, where the code is not loaded.
    Raises SettingsError if the badge key is missing.
    """
    if settings.badges == "uid":
        return None
    if secrets.badge_key is None:
        raise SettingsError("secrets: badge_key is missing, without which no badge can prove itself")
    from app.badge.proof import Prover

    return Prover(board.reader, secrets.badge_key, settings.badges, settings.badge_ev1)


def join(board, settings_file, sockets, tls, mqtt_module):
    """Everything built and joined: a Clock. Raises SettingsError or JournalError for a clock that is not set up."""
    found = on_demand.load(_PREPARING).prepare(board, settings_file)
    on_demand.drop(_PREPARING)
    hole = bytearray(_HOLE_BYTES)  # noqa: F841 - see above
    for made in (
        board,
        board.reader,
        board.reader.chip,
        board.display,
        board.rtc,
        board.buzzer,
        board.lamp,
        board.keys,
    ):
        once(made)
    for made in (found.log, found.timekeeper, found.recent, found.roster):
        once(made)
    settings, secrets, log, timekeeper, roster = (
        found.settings,
        found.secrets,
        found.log,
        found.timekeeper,
        found.roster,
    )

    from app.receipts import Receipts
    from app.ui.face import Face

    face = once(
        Face(
            settings,
            found.words,
            board.display,
            board.buzzer,
            board.lamp,
            timekeeper,
            log,
            Receipts(),
        )
    )
    wifi = once(board.wifi(settings.wifi_ssid, secrets.wifi_password))
    from app.status import Status

    status = once(
        Status(
            board.reader,
            log,
            board.reset_cause(),
            found.firmware,
            found.valid_until,
            settings,
            face,
            timekeeper,
            board.case,
            board.rtc,
            wifi,
            roster,
            len(secrets.site_key) // KEY_BYTES,
            board.heap_free,
        )
    )
    from app.net.errands import Errands
    from app.net.frames import Channel

    channel = once(Channel(settings.clock_id, secrets.link_key))
    errands = once(Errands(channel, face, board.reader, log, roster))
    from app.net.uplink import Uplink

    uplink = once(
        Uplink(
            settings,
            channel,
            found.certificates,
            log,
            timekeeper,
            sockets,
            tls,
            wifi,
            mqtt_module,
            face,
            status,
            errands,
            board.room,
        )
    )
    once(uplink._link)
    from app.punch import Punches

    proof = prover(board, settings, secrets)
    punches = once(
        Punches(
            settings,
            secrets.site_key,
            log,
            timekeeper,
            found.recent,
            found.recalled.latest_s,
            face,
            uplink.notify,
            roster,
            proof,
        )
    )
    from app.clock import Clock

    clock = once(
        Clock(
            board.reader,
            board.keys,
            board.case,
            punches,
            face,
            log,
            timekeeper,
            uplink,
            board.watchdog,
            board.reset,
            found.recalled.deaths,
            settings.direction_hours,
            (sockets, settings.ntp, wifi) if settings.ntp else None,
        )
    )
    digest = hashlib.sha256(settings_file).digest()[:8]
    if found.recalled.config != digest:
        clock.note(record.KIND_CONFIG, digest)
    uplink.errands.note = clock.note
    uplink.errands.digest = digest
    return clock


def once(made):
    """The same object, whose constructor is now out of memory: a clock makes one of each. (A deleted attribute of a
    class would stay in memory until its place is used again.)
    """
    type(made).__init__ = None
    return made


def compose(board, sockets, tls, mqtt_module):
    """The clock of a board, with the modules socket, tls and umqtt.simple: a Clock that can be run. Raises
    SettingsError or JournalError for one that a technician must set up first, and whatever else stands in its way.
    """
    reader = board.reader
    console.report("reader:", "none" if reader.version is None else "%02x" % reader.version, reader.fault or "good")
    return join(board, on_demand.load(_PREPARING).read("/settings.json"), sockets, tls, mqtt_module)

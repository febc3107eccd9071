"""The composition root: builds the clock from a board, files and the application's parts, and connects them.

A clock that lacks settings, secrets, certificates or a founded journal cannot be composed.

The order saves memory: code that only the start needs runs first and is dropped, then the log is opened and its opening
code is dropped, and only then the resident code is imported. Where code is copied into the heap, all of it at once
would not fit.
"""

import hashlib

from micropython import const

from app import console, on_demand
from app.errors import SettingsError
from app.log import record
from app.log.hmac256 import KEY_BYTES

_PREPARING = "app.preparing"

# Reserved in one piece while the rest is loaded, which would fragment it: for later loading on demand.
_HOLE_BYTES = const(2500)


def prover(board, settings, secrets):
    """The verifier of badges' proofs; None at a site that accepts all by their UID, where the code is not loaded.
    Raises SettingsError if the badge key is missing.
    """
    if settings.badges == "uid":
        return None
    if secrets.badge_key is None:
        raise SettingsError("secrets: badge_key is missing, without which no badge can prove itself")
    from app.badge.proof import Prover

    return Prover(board.reader, secrets.badge_key, settings.badges, settings.badge_ev1)


def join(board, settings_file, sockets, tls, mqtt_module):
    """Build and connect everything; returns a Clock. Raises SettingsError or JournalError for a clock that is not set
    up."""
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
    """Return the object, after freeing its constructor's memory: a clock makes one of each. (A deleted attribute of a
    class would stay in memory until its place is used again.)
    """
    type(made).__init__ = None
    return made


def compose(board, sockets, tls, mqtt_module):
    """The clock of a board, with the modules socket, tls and umqtt.simple: a Clock that can be run. Raises
    SettingsError or JournalError for one that a technician must set up first, and for anything else that prevents it.
    """
    reader = board.reader
    console.report("reader:", "none" if reader.version is None else "%02x" % reader.version, reader.fault or "good")
    return join(board, on_demand.load(_PREPARING).read("/settings.json"), sockets, tls, mqtt_module)

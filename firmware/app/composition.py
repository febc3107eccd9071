"""Builds the clock out of its parts and starts it: where files, board and application meet.

A clock that lacks settings, secrets, certificates or a founded journal says so on the display and the serial line,
talks to no network, and leaves the serial line to the technician.
"""

import gc
import hashlib
import json
import sys
from binascii import unhexlify
from collections import namedtuple

import app
from app import certificate, console
from app.clock import TECHNICIAN_MS, Clock
from app.errors import ClockError, JournalError, SettingsError
from app.log import record
from app.log.recall import recall
from app.log.sealed_log import SealedLog
from app.net.uplink import Uplink
from app.punch import Punches
from app.receipts import Receipts
from app.recent import Recent
from app.status import Status
from app.timekeeper import Timekeeper
from app.ui import start_screens
from app.ui.face import Face
from app.ui.words import ENGLISH, load_or_english

# Modules that only the start needs; whoever starts the clock may take them out of memory then.
ONCE = ("certificate", "composition", "recall", "start_screens", "words")

Certificates = namedtuple("Certificates", ("ca", "cert", "key"))  # DER


def read(path):
    """A file's bytes. Raises SettingsError if it is missing."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        raise SettingsError(path[1:] + " is missing. Provision this clock.")


def firmware_hash():
    """The 8 bytes in /firmware.json."""
    try:
        digest = unhexlify(json.loads(read("/firmware.json"))["hash"])
    except (ValueError, KeyError, TypeError):
        digest = b""
    if len(digest) != 8:
        raise SettingsError("firmware.json: hash must be 16 hex digits. Provision this clock.")
    return digest


def partitions(board):
    """(journal, seal). Raises SettingsError if the flash has no such partitions."""
    journal, seal = board.partition("journal"), board.partition("seal")
    if journal is None or seal is None:
        raise SettingsError("no journal or seal partition. Flash this clock.")
    return journal, seal


def unload(*names):
    """Take modules of app out of memory at once: the start has no room for all that it needs."""
    for name in names:
        del sys.modules["app." + name]
        delattr(app, name)
    gc.collect()


def decided(settings_file):
    """(settings, secrets). Raises SettingsError."""
    from app import settings

    found = settings.Settings(settings_file), settings.Secrets(read("/secrets.json"))
    unload("settings")
    return found


def known(board, link_key):
    """The Roster in the flash."""
    from app.net import roster_start

    roster = roster_start.load(board.partition("roster"), link_key)
    unload("roster_start", "roster_bank")
    return roster


def prover(board, settings, secrets):
    """What lets badges prove themselves; None at a site that takes them all by their UID, where the code is not loaded.
    Raises SettingsError if the badge key is missing.
    """
    if settings.badges == "uid":
        return None
    if secrets.badge_key is None:
        raise SettingsError("secrets.json: badge_key is missing, without which no badge can prove itself")
    from app.badge.proof import Prover

    return Prover(board.reader, secrets.badge_key, settings.badges, settings.badge_ev1)


def join(board, settings_file, sockets, tls, mqtt_module):
    """Everything built and joined: a Clock. Raises SettingsError or JournalError for a clock that is not set up."""
    settings, secrets = decided(settings_file)
    roster = known(board, secrets.link_key)
    certificates = Certificates(read("/certs/ca.der"), read("/certs/clock.der"), read("/certs/clock.key.der"))
    firmware = firmware_hash()
    journal, seal = partitions(board)

    timekeeper = Timekeeper(board.rtc, settings.timezone, board.set_system_time)
    stamp = record.Stamp()
    timekeeper.stamp(stamp)
    log = SealedLog(journal, seal, settings.clock_id, firmware)
    log.open(board.reset_cause(), stamp)
    recent = Recent()
    recalled = recall(log, recent)
    timekeeper.at_least(recalled.newest_s, recalled.sure_s)

    face = Face(
        settings,
        load_or_english(settings.language),
        board.display,
        board.buzzer,
        board.lamp,
        timekeeper,
        log,
        Receipts(),
    )
    wifi = board.wifi(settings.wifi_ssid, secrets.wifi_password)
    status = Status(
        board.reader,
        log,
        board.reset_cause(),
        firmware,
        certificate.valid_until(certificates.cert),
        settings.heartbeat_s,
        face,
        timekeeper,
        board.case,
        board.rtc,
        wifi,
        roster,
        settings.version,
    )
    uplink = Uplink(
        settings,
        secrets,
        certificates,
        log,
        timekeeper,
        sockets,
        tls,
        wifi,
        mqtt_module,
        face,
        status,
        board.reader,
        roster,
    )
    proof = prover(board, settings, secrets)
    punches = Punches(
        settings, secrets.site_key, log, timekeeper, recent, recalled.latest_s, face, uplink.notify, roster, proof
    )
    clock = Clock(
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
        recalled.deaths,
        settings.direction_hours,
        (sockets, settings.ntp, wifi) if settings.ntp else None,
    )
    digest = hashlib.sha256(settings_file).digest()[:8]
    if recalled.config != digest:
        clock.note(record.KIND_CONFIG, digest)
    return clock


def show(board, draw, *what):
    """Draw a screen and send it at once; a display that does not answer is no reason to stop."""
    board.display.tint(draw(board.display.canvas, ENGLISH, *what))
    try:
        board.display.start()
        while board.display.update():
            pass
    except OSError:
        console.report("the display does not answer")


def compose(board, sockets, tls, mqtt_module):
    """The clock of a board, with the modules socket, tls and umqtt.simple: a Clock that can be run, or None after
    telling why there cannot be one.
    """
    show(board, start_screens.starting)
    reader = board.reader
    console.report("reader:", "none" if reader.version is None else "%02x" % reader.version, reader.fault or "good")
    try:
        return join(board, read("/settings.json"), sockets, tls, mqtt_module)
    except (SettingsError, JournalError) as error:
        console.report("not set up:", error)
        show(board, start_screens.not_set_up, str(error))
    except (ClockError, OSError) as error:
        sys.print_exception(error)
        show(board, start_screens.not_set_up, "Clock fault: " + str(error))
        board.watchdog(TECHNICIAN_MS)
    return None

"""The composition root: builds the clock out of a board, files and the application's parts, and joins them.

A clock that lacks settings, secrets, certificates or a founded journal says so on the display and the serial line,
talks to no network, and leaves the serial line to the technician.
"""

import hashlib
import json
import sys
from binascii import unhexlify
from collections import namedtuple

from app import console, on_demand
from app.clock import TECHNICIAN_MS, Clock
from app.errors import ClockError, JournalError, SettingsError
from app.log import record
from app.log.hmac256 import KEY_BYTES
from app.log.sealed_log import SealedLog
from app.net.errands import Errands
from app.net.frames import Channel
from app.net.uplink import Uplink
from app.punch import Punches
from app.receipts import Receipts
from app.recent import Recent
from app.status import Status
from app.timekeeper import Timekeeper
from app.ui.face import Face

# Modules that only the start needs, each in memory for its own step.
_CERTIFICATE = "app.certificate"
_RECALL = "app.log.recall"
_START_SCREENS = "app.ui.start_screens"
_WORDS = "app.ui.words"
_SETTINGS = "app.settings"
_ROSTER_START = "app.net.roster_start"

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


def read_settings(settings_file):
    """(settings, secrets). Raises SettingsError."""
    settings = on_demand.load(_SETTINGS)
    found = settings.Settings(settings_file), settings.Secrets(read("/secrets.json"))
    on_demand.drop(_SETTINGS)
    return found


def read_roster(board, link_key):
    """The Roster in the flash."""
    roster = on_demand.load(_ROSTER_START, "app.net.roster_bank").load(board.partition("roster"), link_key)
    on_demand.drop(_ROSTER_START)
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
    settings, secrets = read_settings(settings_file)
    roster = read_roster(board, secrets.link_key)
    certificates = Certificates(read("/certs/ca.der"), read("/certs/clock.der"), read("/certs/clock.key.der"))
    firmware = firmware_hash()
    journal, seal = partitions(board)

    timekeeper = Timekeeper(board.rtc, settings.timezone, board.set_system_time)
    stamp = record.Stamp()
    timekeeper.stamp(stamp)
    log = SealedLog(journal, seal, settings.clock_id, firmware)
    log.open(board.reset_cause(), stamp)
    recent = Recent()
    recalled = on_demand.load(_RECALL).recall(log, recent)
    on_demand.drop(_RECALL)
    timekeeper.at_least(recalled.newest_s, recalled.sure_s)

    face = Face(
        settings,
        on_demand.load(_WORDS).load_or_english(settings.language),
        board.display,
        board.buzzer,
        board.lamp,
        timekeeper,
        log,
        Receipts(),
    )
    on_demand.drop(_WORDS)
    wifi = board.wifi(settings.wifi_ssid, secrets.wifi_password)
    status = Status(
        board.reader,
        log,
        board.reset_cause(),
        firmware,
        on_demand.load(_CERTIFICATE).valid_until(certificates.cert),
        settings,
        face,
        timekeeper,
        board.case,
        board.rtc,
        wifi,
        roster,
        len(secrets.site_key) // KEY_BYTES,
    )
    on_demand.drop(_CERTIFICATE)
    channel = Channel(settings.clock_id, secrets.link_key)
    uplink = Uplink(
        settings,
        channel,
        certificates,
        log,
        timekeeper,
        sockets,
        tls,
        wifi,
        mqtt_module,
        face,
        status,
        Errands(channel, face, board.reader, log, roster),
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
    uplink.errands.note = clock.note
    uplink.errands.digest = digest
    return clock


def show(board, name, *what):
    """Draw a screen of app.ui.start_screens and send it at once; a display that does not answer stops nothing."""
    draw = getattr(on_demand.load(_START_SCREENS), name)
    board.display.tint(draw(board.display.canvas, on_demand.load(_WORDS).ENGLISH, *what))
    on_demand.drop(_START_SCREENS, _WORDS)
    try:
        board.display.start()
        while board.display.update():
            pass
    except OSError:
        console.report("the display does not answer")


def compose(board, sockets, tls, mqtt_module):
    """The clock of a board, with the modules socket, tls and umqtt.simple: a Clock that can be run, or None after
    showing why there cannot be one.
    """
    show(board, "starting")
    reader = board.reader
    console.report("reader:", "none" if reader.version is None else "%02x" % reader.version, reader.fault or "good")
    try:
        return join(board, read("/settings.json"), sockets, tls, mqtt_module)
    except (SettingsError, JournalError) as error:
        console.report("not set up:", error)
        show(board, "not_set_up", str(error))
    except (ClockError, OSError) as error:
        sys.print_exception(error)
        show(board, "not_set_up", "Clock fault: " + str(error))
        board.watchdog(TECHNICIAN_MS)
    return None

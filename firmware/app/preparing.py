"""Preparations of the start before the resident code is loaded: settings, roster, certificates, words, the open log.

In memory for that only (app.on_demand).
"""

import json
from binascii import unhexlify
from collections import namedtuple

from app import on_demand
from app.errors import SettingsError
from app.log import record

# Modules that only the start needs, each in memory for its own step.
_CERTIFICATE = "app.certificate"
_RECALL = "app.log.recall"
_UNPACKED = "app.log.unpacked"
_WORDS = "app.ui.words"
_SETTINGS = "app.settings"
_SLOT = "app.log.secret_slot"
_ROSTER_START = "app.net.roster_start"

Prepared = namedtuple(
    "Prepared",
    (
        "settings",
        "secrets",
        "roster",
        "certificates",
        "firmware",
        "valid_until",
        "words",
        "log",
        "timekeeper",
        "recent",
        "recalled",
    ),
)
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


def read_settings(board, settings_file):
    """(settings, secrets), these from the partition `seal`; a file of them in the file system is moved there. Raises
    SettingsError.
    """
    seal = partitions(board)[1]
    content = on_demand.load(_SLOT).take(seal, board.partition("vfs"))
    on_demand.drop(_SLOT)
    if content is None:
        raise SettingsError("The secrets are missing: retired, or never set up. Provision this clock.")
    settings = on_demand.load(_SETTINGS)
    found = settings.Settings(settings_file), settings.Secrets(content)
    on_demand.drop(_SETTINGS)
    return found


def read_roster(board, link_key):
    """The Roster in the flash."""
    roster = on_demand.load(_ROSTER_START, "app.net.roster_bank").load(board.partition("roster"), link_key)
    on_demand.drop(_ROSTER_START)
    return roster


def open_log(board, settings, firmware):
    """(log, timekeeper, recent, recalled): the log with its BOOT record, and what its newest records say. Raises
    JournalError.
    """
    from app.recent import Recent

    recent = Recent(board.room.is_short)
    journal, seal = partitions(board)
    from app.log import sealed_log
    from app.timekeeper import Timekeeper

    timekeeper = Timekeeper(board.rtc, settings.timezone, board.set_system_time)
    log = sealed_log.SealedLog(journal, seal, settings.clock_id, firmware)
    log.open(board.reset_cause(), None)
    recalled = on_demand.load(_RECALL).recall(log, recent)
    on_demand.drop(_RECALL, _UNPACKED)
    timekeeper.at_least(recalled.newest_s, recalled.sure_s, recalled.given_s)
    stamp = record.Stamp()
    timekeeper.stamp(stamp)
    log.begin(stamp)
    forget_opening()
    return log, timekeeper, recent, recalled


def forget_opening():
    """Remove from memory the code that only founding or opening a log needs, and that for setting the time at the
    start: it runs once. Calling it again raises JournalError. (A deleted attribute of a class would stay in memory
    until its place is used again.)
    """
    from app.log.journal import Journal
    from app.log.keystore import KeyStore
    from app.log.sealed_log import SealedLog, is_open
    from app.timekeeper import Timekeeper

    Journal.format = Journal.mount = Journal.find_head = is_open  # type: ignore[method-assign,assignment]
    Journal.first_unmarked = Journal.burnt_before = is_open  # type: ignore[method-assign,assignment]
    Journal._newest_sector = Journal._is_done = is_open  # type: ignore[method-assign,assignment]
    KeyStore.format = KeyStore.load = KeyStore._scan = is_open  # type: ignore[method-assign,assignment]
    KeyStore._is_blank = is_open  # type: ignore[method-assign,assignment]
    SealedLog.open = SealedLog.begin = SealedLog._went_on_without_key = is_open  # type: ignore[method-assign,assignment]
    SealedLog._settle_sealed = SealedLog._settle_unsealed = is_open  # type: ignore[method-assign,assignment]
    SealedLog._record_below = SealedLog._stage_burnt = is_open  # type: ignore[method-assign,assignment]
    Timekeeper._start_from_rtc = Timekeeper.at_least = is_open  # type: ignore[method-assign,assignment]


def prepare(board, settings_file):
    """Prepared. Raises SettingsError or JournalError for a clock that is not set up."""
    settings, secrets = read_settings(board, settings_file)
    roster = read_roster(board, secrets.link_key)
    certificates = Certificates(read("/certs/ca.der"), read("/certs/clock.der"), read("/certs/clock.key.der"))
    firmware = firmware_hash()
    valid_until = on_demand.load(_CERTIFICATE).valid_until(certificates.cert)
    on_demand.drop(_CERTIFICATE)
    words = on_demand.load(_WORDS).load_or_english(settings.language)
    on_demand.drop(_WORDS)
    opened = open_log(board, settings, firmware)
    return Prepared(settings, secrets, roster, certificates, firmware, valid_until, words, *opened)

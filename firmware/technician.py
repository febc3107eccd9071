"""Functions of the technician's tool that need the firmware: store secrets, found and end the log, check settings and
languages, inspect the parts.

The tool (badgeclock/technician/on_device.py) uses this module and its functions, and nothing else of the firmware: the
build may choose all other names, so that they cost a running clock no memory. A running clock never loads this module.
Each function imports what it needs.
"""

import time

from app.log import record
from micropython import const

_RESET_OTHER = const(0)  # of app.log.sealed_log


def keep_secrets(seal, content):
    """Store `content` as the clock's secrets in the partition `seal`; returns what is read back."""
    from app.log import secret_slot

    secret_slot.write(seal, content)
    return secret_slot.read(seal)


def forget_secrets(seal):
    """Program the secrets to zero. Loading the keys also zeroes remains of an older slot after a power cut."""
    from app.log import keystore, secret_slot

    keys = keystore.KeyStore(seal)
    keys.load(keystore.KeyState())
    secret_slot.forget(keys)


def forget_secrets_file(vfs):
    """Program to zero the remains of a file of secrets in the partition `vfs`: littlefs keeps a removed file's
    content."""
    from app.log import secret_slot

    secret_slot.forget_file(vfs)


def _stamp(utc_s):
    """A stamp of the present, by an unverified clock."""
    stamp = record.Stamp()
    stamp.utc_s = utc_s
    stamp.source = record.SOURCE_RTC
    stamp.uptime_ms = time.ticks_ms()  # type: ignore[assignment]  # the stubs have their own type for it
    return stamp


def found_log(journal, seal, clock_id, e0, nonce, utc_s):
    """Found the log on two partitions that are erased; see app.log.provisioning.provision."""
    from app.log import provisioning

    provisioning.provision(journal, seal, clock_id, e0, nonce, _stamp(utc_s))


def end_log(journal, seal, vfs, clock_id, firmware, utc_s):
    """End the log with RETIRE, and give up unacknowledged records: afterwards nothing in the flash looks unsent. Its
    secrets are zeroed. Returns (seq of RETIRE, whether it existed before). firmware: its hash, 8 bytes.
    """
    from app.errors import JournalFull
    from app.log import sealed_log

    stamp = _stamp(utc_s)
    log = sealed_log.SealedLog(journal, seal, clock_id, firmware)
    log.open(_RESET_OTHER, stamp)
    was_retired = log.retired
    if not was_retired:
        try:
            log.retire(stamp)
        except JournalFull:
            log.ack(log.head)
            log.retire(stamp)
    log.ack(log.head)
    while log.idle(stamp):  # finally zero the secrets
        print(".")  # the line is alive
    forget_secrets_file(vfs)
    return log.head - 1, was_retired


def judge_settings(settings, secrets):
    """Raise SettingsError for the bytes of a settings file or of secrets that this firmware does not accept."""
    from app import settings as judge

    judge.Settings(settings)
    judge.Secrets(secrets)


def judge_language(found, name):
    """Raise SettingsError for a language file's content, if this firmware does not accept it."""
    from app.ui import words

    words.checked(found, name)


def parts():
    """The Board, made."""
    from board import Board  # type: ignore[import-not-found]  # every board brings its own

    return Board()


def rtc_seconds(board):
    """Unix seconds of the RTC, None if it was never set. Raises OSError if it does not answer."""
    from app import localtime

    date = board.rtc.read()
    return localtime.unix_from_civil(*date) if date else None


def set_rtc(board, date, note):
    """Set the RTC and the port's clock to (year, month, day, hour, minute, second), with the RTC's note (6 bytes).
    Raises OSError.
    """
    board.rtc.set(*date + (note,))
    board.set_system_time(date)


def reader_state(board):
    """(version register or None, what its inspection found or None)."""
    return board.reader.version, board.reader.fault

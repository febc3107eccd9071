"""Starts the clock on its board: takes memory in the right order, shows failures and retries.

An ESP32 has one memory for Wi-Fi, TLS and the interpreter's heap. Wi-Fi needs 43 KB at once and TLS 33 KB; the heap
begins with 56 KB and grows by as much as it had or by the largest block that is free, and it returns nothing that is in
use. So Wi-Fi comes first, then the drivers, which crash where others raise; TLS's memory is reserved while the code is
loaded, and released afterwards.
"""

import gc
import sys

# Code in place is never on the littlefs of `/` and `/lib`. Each import looks there first, for `time` and `struct` too
# and each time, and every look reads the whole root directory from flash.
if "/rom" in sys.path:
    sys.path[:] = ["/rom", "/rom/lib", ".frozen"]

import machine
import network
from app import on_demand
from app.errors import JournalError, SettingsError
from micropython import const

# Bytes left free besides the memory reserved for a connection: a hole smaller than the one the heap grows into, which
# is the largest.
_SPARE_BYTES = const(8400)
_AGAIN_MS = const(60000)  # a failed start is repeated after this

# The numbers of a failed start (docs/troubleshooting.md)
_MEMORY = const(1)
_WIFI = const(2)
_PART = const(3)
_PROGRAM = const(4)
_ENOMEM = const(12)

_COMPOSITION = "app.composition"
_SHOWN = "app.start_shown"


def start():
    """A Clock ready to run; None after showing a failure. Only after a fault that a technician must repair
    (SettingsError, JournalError) no other start follows by itself.
    """
    board, is_radio_up = None, False
    before = tuple(sys.modules)
    try:
        network.WLAN(network.WLAN.IF_STA).active(True)  # noqa: FBT003 - the port has no keyword for it
        is_radio_up = True
        board = _board()
        board.room.take(_SPARE_BYTES)  # until the first connection is made
        on_demand.load(_SHOWN).starting(board)
        on_demand.drop(_SHOWN)
        return _compose(board)
    except (SettingsError, JournalError) as error:
        on_demand.load(_SHOWN).not_set_up(board, error)
        return None
    except Exception as error:  # noqa: BLE001 - whatever it was, every failure is shown
        sys.print_exception(error)
        machine.WDT(timeout=_AGAIN_MS)
        number = number_of(error, is_radio_up)
        reason = repr(error)  # as text: the exception refers to the start's objects
    # In the memory of what was loaded for the start.
    if board:
        board.room.give()
    on_demand.drop(*[name for name in sys.modules if name not in before])
    on_demand.load(_SHOWN).failed(lambda: board or _board(), number, reason)
    return None


def close():
    """Remove from memory what only the start needs, including this module. Returns None."""
    on_demand.drop("start", _COMPOSITION)


def number_of(error, is_radio_up):
    """The number that a failed start shows."""
    if not is_radio_up:
        return _WIFI
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == _ENOMEM):
        return _MEMORY
    return _PART if isinstance(error, OSError) else _PROGRAM


def _board():
    from board import Board  # type: ignore[import-not-found]  # every board brings its own

    return Board()


class _Tls:
    """Module tls, whose first context is made before the code is loaded: it is the largest object of a connection, and
    later the heap may have no piece as large.
    """

    def __init__(self, tls):
        self.PROTOCOL_TLS_CLIENT = tls.PROTOCOL_TLS_CLIENT
        self.CERT_REQUIRED = tls.CERT_REQUIRED
        self._tls = tls
        self._made = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)

    def SSLContext(self, protocol):  # noqa: N802 - as in the module
        made, self._made = self._made, None
        return made or self._tls.SSLContext(protocol)


def _compose(board):
    import socket

    import tls
    import umqtt.simple

    clock = on_demand.load(_COMPOSITION).compose(board, socket, _Tls(tls), umqtt.simple)
    gc.collect()  # remains of the start are collected here, where a failure is still shown
    return clock

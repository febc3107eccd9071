"""Starts the clock on its board: memory is taken in the right order, and what fails is shown and tried again.

An ESP32 has one memory for Wi-Fi, TLS and the interpreter's heap. Wi-Fi needs 43 KB at once and TLS 33 KB; the heap
begins with 56 KB and grows by as much as it had or by the largest block that is free, and it gives nothing back that is
in use. So Wi-Fi comes before all else, then the drivers, which crash where others raise; what TLS will need is held
while the code is loaded; and once everything is there it is given back.
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

# Bytes that stay free beside what is held for a connection: a hole that is smaller than what the heap grows into, which
# is the largest.
_SPARE_BYTES = const(8400)
_AGAIN_MS = const(60000)  # a start that failed is followed by another one

# The numbers of a failed start (docs/troubleshooting.md)
_MEMORY = const(1)
_WIFI = const(2)
_PART = const(3)
_PROGRAM = const(4)
_ENOMEM = const(12)

_COMPOSITION = "app.composition"
_SHOWN = "app.start_shown"


def start():
    """A Clock that can be run; None after showing why there is none. Only for a fault that a technician must mend
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
    except Exception as error:  # noqa: BLE001 - whatever it was, nothing ends unseen
        sys.print_exception(error)
        machine.WDT(timeout=_AGAIN_MS)
        number = number_of(error, is_radio_up)
        reason = repr(error)  # as text: the exception holds what the start had made
    # In the memory of what was loaded for the start.
    if board:
        board.room.give()
    on_demand.drop(*[name for name in sys.modules if name not in before])
    on_demand.load(_SHOWN).failed(lambda: board or _board(), number, reason)
    return None


def close():
    """Take what only the start needs out of memory, this module too. Gives None."""
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
    later no piece of the heap may be as large.
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
    gc.collect()  # what the start leaves goes here, where a failure is still shown
    return clock

"""The serial console of a virtual board: runs boot.py and main.py, then answers as the REPL of a microcontroller does.

The unix port's own REPL has no raw mode, so this is shared/runtime/pyexec.c again in Python, as far as mpremote and
a person at a terminal need it: friendly mode with paste (Ctrl-E), raw mode (Ctrl-A), raw paste with flow control,
soft reset (Ctrl-D). Ctrl-C reaches running code as SIGINT, sent by the board process, which is notified here when
code runs.
"""

# ruff: noqa: ARG001, BLE001, F821, S102 - a REPL runs and survives whatever it is given; execfile is the unix port's

import gc
import sys

import _virtual_bus as bus
from micropython import const

READING = const(0)
RUNNING = const(1)

_CTRL_A = const(1)
_CTRL_B = const(2)
_CTRL_C = const(3)
_CTRL_D = const(4)
_CTRL_E = const(5)
_WINDOW = const(128)

_SOFT_RESET = const(5)

_BANNER = (
    "MicroPython v%d.%d.%d on the virtual board; ESP32 module with ESP32\r\n"
    'Type "help()" for more information.\r\n' % sys.implementation[1][:3]
)

_out = sys.stdout.buffer.write
_in = sys.stdin.buffer.readinto
_byte = bytearray(1)


def run(main, boot_held, raw):
    """Run the scripts in the namespace `main` (none if BOOT is held, boot.py alone in raw mode), then the REPL."""
    mode = _raw if raw else _greet
    scripts_due = not boot_held
    while True:
        # A Ctrl-C may come between any two lines, so nothing runs outside of this.
        try:
            if scripts_due:
                scripts_due = False
                _running()
                if _script("boot.py", main) and not raw:
                    _script("main.py", main)
            bus.ask(bus.CONSOLE, 0, 0, READING)
            while True:
                mode = mode(main)
        except KeyboardInterrupt:
            _out("\r\n")


def _greet(main):
    _out(_BANNER)
    return _friendly


def _running():
    """Report to the board that code runs now; an interrupt that came before is raised here."""
    if bus.ask(bus.CONSOLE, 0, 0, RUNNING):
        raise KeyboardInterrupt


def _script(path, main):
    """Run the file if it is there. False if it ended with an exception."""
    try:
        open(path).close()
    except OSError:
        return True
    try:
        execfile(path, main)
        return True
    except SystemExit:
        _soft_reset(0)
    except BaseException as error:
        sys.print_exception(error)
        return False


def _get():
    if _in(_byte) != 1:
        sys.exit()  # the board is gone
    return _byte[0]


def _soft_reset(raw):
    _out("MPY: soft reboot\r\n")
    bus.post(bus.RESET, 0, raw, _SOFT_RESET)
    while True:
        _get()


def _execute(source, kind, main):
    """Compile and run. The exception that ended it, or None."""
    gc.collect()
    try:
        try:
            _running()
            code = compile(source, "<stdin>", kind)
            source = None
            exec(code, main)
        finally:
            bus.ask(bus.CONSOLE, 0, 0, READING)
    except BaseException as error:
        return error


def _execute_raw(source, main):
    error = _execute(source, "exec", main)
    if isinstance(error, SystemExit):
        _out("\x04\x04")
        _soft_reset(1)
    _out("\x04")
    if error:
        sys.print_exception(error)
    _out("\x04")


def _raw(main):
    _out("raw REPL; CTRL-B to exit\r\n>")
    source = bytearray()
    while True:
        try:
            byte = _get()
        except KeyboardInterrupt:
            byte = _CTRL_C
        if byte == _CTRL_A:
            if len(source) == 2 and source[0] == _CTRL_E:
                kind = source[1]
                source = bytearray()
                if kind == 0x41:
                    _execute_raw(_pasted(), main)
                else:
                    _out("R\x00")
                _out(">")
            else:
                return _raw
        elif byte == _CTRL_B:
            _out("\r\n")
            return _greet
        elif byte == _CTRL_C:
            source = bytearray()
        elif byte == _CTRL_D:
            _out("OK")
            if not source:
                _out("\r\n")
                _soft_reset(1)
            text = bytes(source)
            source = bytearray()
            _execute_raw(text, main)
            _out(">")
        else:
            source.append(byte)


def _pasted():
    """The source that comes in raw paste mode: two windows under way, one more for each that was taken in."""
    _out(b"R\x01%c%c\x01" % (_WINDOW & 0xFF, _WINDOW >> 8))
    source = bytearray()
    left = _WINDOW
    while True:
        byte = _get()
        if byte in (_CTRL_C, _CTRL_D):
            _out("\x04")
            return bytes(source) if byte == _CTRL_D else b"raise KeyboardInterrupt"
        source.append(byte)
        left -= 1
        if left == 0:
            left = _WINDOW
            _out("\x01")


def _friendly(main):
    source = ""
    while True:
        _out("... " if source else ">>> ")
        line, end = _line()
        if end == _CTRL_C:
            return _friendly
        if not line and not source:
            if end == _CTRL_A:
                _out("\r\n")
                return _raw
            if end == _CTRL_B:
                _out("\r\n")
                return _greet
            if end == _CTRL_D:
                _out("\r\n")
                _soft_reset(0)
            if end == _CTRL_E:
                _report(_execute(_paste_block(), "exec", main))
                return _friendly
        if end < 32 and end not in (10, 13):
            continue
        source += line + "\n"
        if line and (len(source) > len(line) + 1 or line.rstrip()[-1:] in (":", "\\") or _open_brackets(source)):
            continue
        if source.strip():
            _report(_execute(source, "single", main))
        return _friendly


def _report(error):
    if isinstance(error, SystemExit):
        _soft_reset(0)
    if error:
        sys.print_exception(error)


def _line():
    """One line with echo and backspace: (text, the byte that ended it)."""
    text = bytearray()
    while True:
        try:
            byte = _get()
        except KeyboardInterrupt:
            byte = _CTRL_C
        if byte in (8, 127):
            if text:
                text = text[:-1]
                _out("\b \b")
        elif byte >= 32 or byte == 9:
            text.append(byte)
            _out(_byte)
        elif byte in (10, 13, _CTRL_C):
            _out("\r\n")
            return text.decode(), byte
        elif not text:
            return "", byte


def _paste_block():
    _out("\r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== ")
    source = bytearray()
    while True:
        byte = _get()
        if byte == _CTRL_C:
            return b""
        if byte == _CTRL_D:
            _out("\r\n")
            return bytes(source)
        if byte == 13:
            byte = 10
            _out("\r\n=== ")
        else:
            _out(bytes((byte,)))
        source.append(byte)


def _open_brackets(source):
    depth = 0
    for char in source:
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
    return depth > 0

"""Runs before main.py, and before a technician's session. What a clock does is in main.py; nothing here may fail.

A soft reset is what a technician's tool begins its session with, and nothing else does: the watchdog, which goes on
through it and cannot be stopped, then leaves the session a quarter of an hour.

While modules are loaded, memory is collected every few kilobytes: what stays then is close together, and leaves the
rest in one piece for buffers and for TLS. main.py ends this.
"""

import gc

import machine

try:
    if machine.reset_cause() == machine.SOFT_RESET:
        machine.WDT(timeout=900000)
    gc.collect()
    gc.threshold(2048)
except KeyboardInterrupt:
    pass  # a stray byte on the serial line; without it main.py would not run

"""Runs before main.py, and before a technician's session. The clock itself is in main.py; nothing here may fail.

Only a technician's tool begins its session with a soft reset: the watchdog, which continues through it and cannot be
stopped, then allows the session a quarter of an hour.

While modules are loaded, memory is collected every few kilobytes: resident data is then close together, and the rest in
one piece for buffers and TLS. main.py ends this.
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

"""Starts the clock (start.py), and runs it.

As short as it can be, because MicroPython compiles this one file on the clock; all others come compiled.
"""

import gc

try:
    start = __import__("start")
    clock = start.start()
    start = start.close()
    if clock:
        gc.collect()  # here too, where the stack is shortest: remains of the start on it would stay in memory
        gc.threshold(-1)  # from now on the clock itself collects, when no badge is near
        clock.run()
except BaseException as error:  # noqa: BLE001 - what start.py cannot show, and interrupts: never stay at the prompt
    import sys

    import machine

    sys.print_exception(error)
    machine.WDT(timeout=45000)

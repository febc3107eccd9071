"""Starts the clock (start.py), and runs it.

As short as it can be, because MicroPython compiles this one file on the clock; all others come compiled.
"""

clock = __import__("start").begin()
if clock:
    clock.run("start", "app.composition")

"""Starts the clock: hands the board and the port's modules to the composition root (app/composition.py).

As short as it can be, because MicroPython compiles this one file on the clock; all others come compiled.
"""

import socket

import app.composition
import tls
import umqtt.simple
from board import Board  # type: ignore[import-not-found]  # every board brings its own

clock = app.composition.compose(Board(), socket, tls, umqtt.simple)
if clock:
    clock.run("app.composition")

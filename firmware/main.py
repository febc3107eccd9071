"""Starts the clock: hands the board and the port's modules to the composition root (app/composition.py).

As short as it can be, because MicroPython compiles this one file on the clock; all others come compiled.
"""

import gc
import socket

import tls
import umqtt.simple
from app import on_demand
from board import Board  # type: ignore[import-not-found]  # every board brings its own

clock = on_demand.load("app.composition").compose(Board(), socket, tls, umqtt.simple)
if clock:
    on_demand.drop("app.composition")
    gc.collect()  # here too, where the stack is shortest: what is left on it of the start would stay in memory
    gc.threshold(-1)  # from now on the clock itself collects, when no badge is near
    clock.run()

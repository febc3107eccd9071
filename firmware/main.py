"""The composition root: hands the board and the port's modules to the application, which knows neither by itself.

As short as it can be, because MicroPython compiles this one file on the clock; all others come compiled.
"""

import gc
import socket
import sys

import app.composition
import tls
import umqtt.simple
from board import Board  # type: ignore[import-not-found]  # every board brings its own

clock = app.composition.compose(Board(), socket, tls, umqtt.simple)
if clock:
    for name in app.composition.ONCE:
        del sys.modules["app." + name]
        delattr(app, name)
    gc.collect()
    gc.threshold(-1)  # from now on the clock itself collects, when no badge is near
    clock.run()

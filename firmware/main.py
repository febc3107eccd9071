"""The composition root: hands the board and the port's modules to the application, which knows neither by itself.

As short as it can be, because MicroPython compiles this one file on the clock; all others come compiled.
"""

import socket

import tls
import umqtt.simple
from app.composition import start
from board import Board

start(Board(), socket, tls, umqtt.simple)

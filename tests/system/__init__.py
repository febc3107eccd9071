"""Tests of the parts together: real broker, real MicroPython."""

"""Code that CPython and MicroPython both run, from the same file: models that the virtual board and the firmware's
tests share. A file here imports nothing, so that each side finds all it needs in the language.
"""

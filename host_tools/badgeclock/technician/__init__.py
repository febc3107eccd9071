"""The technician's work on a clock: its certificate, its firmware, its settings.

certificates and workshop make the keys, broker configures Mosquitto with them, flash writes a chip, firmware and
provision turn a chip with MicroPython into a clock.
"""

"""What a technician does to a clock: its certificate, its firmware, its place on a site.

certificates and workshop make the keys, broker configures Mosquitto with them, flash writes a chip, firmware and
provision turn a chip with MicroPython into a clock.
"""

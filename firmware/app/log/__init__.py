"""The sealed log, from a record to the flash: storage that nobody can change afterwards. Independent of network and
display.
"""

"""The sealed log, from a record to the flash: what is kept, and that nobody can change it afterwards. It knows no
network and no display.
"""

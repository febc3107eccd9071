"""MicroPython, Mosquitto, PostgreSQL and what else the tests need: what is wanted, how it is got, where it is."""

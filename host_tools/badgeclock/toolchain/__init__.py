"""MicroPython, Mosquitto, PostgreSQL and what else the tests need: versions, fetching, places."""

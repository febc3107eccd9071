"""A network and a broker that fail on purpose, between a clock and its broker: `badgeclock chaos`."""

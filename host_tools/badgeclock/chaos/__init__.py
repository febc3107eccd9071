"""A network and a broker with deliberate faults, between a clock and its broker: `badgeclock chaos`."""

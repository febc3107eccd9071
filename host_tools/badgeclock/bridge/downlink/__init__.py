"""Sends to clocks: numbered frames, orders, rosters."""

"""Brings presences to the authority and their numbers back: outbox, calls, corrections, what waits for a person."""

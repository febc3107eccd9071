"""Declares presences to the authority and brings their numbers back: outbox, calls, corrections, review queue."""

"""Errors of controlling a virtual clock, and between a card and its reader."""

from __future__ import annotations

from badgeclock.errors import BadgeclockError


class ControlError(BadgeclockError):
    """The virtual clock does not answer at its control socket, or refused a request."""


class CommandRefused(Exception):
    """The card answers with this status instead."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status:02X}")
        self.status = status

"""What a command alone can run into; all other errors come from the part that it calls."""

from __future__ import annotations

from badgeclock.errors import EXIT_TRY_LATER, BadgeclockError


class Surroundings(BadgeclockError):
    """This machine does not let the command do its work: a file, a disk, a line, missing data of the system."""


class OwnFault(BadgeclockError):
    """A fault of this program."""


class NoBridge(BadgeclockError):
    """No running bridge took the job on."""

    exit_code = EXIT_TRY_LATER

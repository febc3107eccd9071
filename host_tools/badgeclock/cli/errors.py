"""What a command alone can run into; all other errors come from the part that it calls."""

from __future__ import annotations

from badgeclock.errors import EXIT_TRY_LATER, BadgeclockError


class NoBridge(BadgeclockError):
    """No running bridge took the job on."""

    exit_code = EXIT_TRY_LATER

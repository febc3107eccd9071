"""Errors of the commands themselves; all others come from the parts they call."""

from __future__ import annotations

from functools import partial

from badgeclock.errors import EXIT_BAD_CONFIGURATION, EXIT_TRY_LATER, BadgeclockError, ProvisionError


class Surroundings(BadgeclockError):
    """This machine prevents the command's work: a file, a disk, a line, missing system data."""


class NotInstalled(BadgeclockError):
    """Python packages of an extra that the command needs are not installed."""

    exit_code = EXIT_BAD_CONFIGURATION


class OwnFault(BadgeclockError):
    """A bug in this program."""


class NoBridge(BadgeclockError):
    """No running bridge accepted the job."""

    exit_code = EXIT_TRY_LATER


class BrokerBehind(ProvisionError):
    """The change in the workshop could not be confirmed at the broker."""

    def __init__(self, *, kept: str, do: str) -> None:
        super().__init__(what="the running broker was not seen to go by it", kept=kept, do=do)

    def __reduce__(self) -> tuple[object, ...]:
        return (partial(BrokerBehind, kept=self.kept, do=self.do), ())

"""The host's exception tree.

Every error a person may see says what happened, what was kept and what to do next. The command line prints the message
and exits with the class's `exit_code`; nothing else sets an exit status.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_DEVICE = 3
EXIT_VERIFY_MISMATCH = 4
EXIT_SERVICE_REFUSED = 5
EXIT_TRY_LATER = 75  # EX_TEMPFAIL of sysexits.h
EXIT_BAD_CONFIGURATION = 78  # EX_CONFIG of sysexits.h


class BadgeclockError(Exception):
    """Root of the tree: `what` happened, what was `kept`, what to `do` next, each a sentence without full stop."""

    exit_code: ClassVar[int] = EXIT_FAILED

    def __init__(self, *, what: str, kept: str, do: str) -> None:
        self.what = what
        self.kept = kept
        self.do = do
        super().__init__(what, kept, do)

    def __str__(self) -> str:
        return f"{self.what}. Kept: {self.kept}. To do: {self.do}."

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.kept, self.do))


def _rebuild(kind: type[BadgeclockError], what: str, kept: str, do: str) -> BadgeclockError:
    """Rebuilds a pickled error: pickle cannot pass keyword-only arguments (errors cross process boundaries in
    workers)."""
    return kind(what=what, kept=kept, do=do)


class ToolMissing(BadgeclockError):
    """A program of the toolchain (MicroPython, Mosquitto, mpy-cross …) is missing and could not be fetched."""


class SettingsError(BadgeclockError):
    """A setting is missing, unknown or impossible."""

    exit_code = EXIT_BAD_CONFIGURATION


class StoreError(BadgeclockError):
    """The bridge's store cannot be opened, read or written."""


class ProtocolError(BadgeclockError):
    """Bytes from a clock, or for one, do not follow docs/protocol.md."""


class AuthorityError(BadgeclockError):
    """The authority's service refused, or its answer violates its specification."""

    exit_code = EXIT_SERVICE_REFUSED


class ProvisionError(BadgeclockError):
    """A clock could not be flashed, provisioned or queried."""


class DeviceNotFound(ProvisionError):
    """No clock answers on that port, or another program holds it."""

    exit_code = EXIT_DEVICE


class VerifyMismatch(ProvisionError):
    """What was read back from the clock is not what was written."""

    exit_code = EXIT_VERIFY_MISMATCH


class EvidenceError(BadgeclockError):
    """Evidence that cannot be read at all. Evidence that can be read but is judged wrong is not an error."""

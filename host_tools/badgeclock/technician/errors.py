"""Errors from a clock on the cable. A technician's other errors are in `badgeclock.errors`."""

from __future__ import annotations

from badgeclock.errors import ProvisionError


class DeviceError(ProvisionError):
    """Code that was run on the device raised. `kind` is the exception's last line, without what was sent."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(
            what=f"the clock answered with {kind}",
            kept="every file that was confirmed before this one, and all punches",
            do="run the command again; if it stays, write MicroPython again with `badgeclock clock flash`",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.kind,))

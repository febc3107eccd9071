"""The proxy's identities as the broker and as a clock. The technician's workshop implements this."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Identity(Protocol):
    """A certificate with its private key, both PEM, the key not encrypted."""

    @property
    def certificate_pem(self) -> bytes: ...

    @property
    def key_pem(self) -> bytes: ...


class Identities(Protocol):
    """The certificates of one site."""

    @property
    def authority_certificate(self) -> Path:
        """PEM of all authorities that may sign a certificate of the site."""
        ...

    def broker(self) -> Identity:
        """The broker's."""
        ...

    def clock(self, clock_id: str, /) -> Identity:
        """The clock's. Raises a BadgeclockError if the site has no such clock."""
        ...

"""bundle.json: what the bridge needs to verify a clock's records and to answer it.

Written by `badgeclock clock provision`, read by `badgeclock bridge clock add`. It contains the clock's first seal key,
so it must be handled as a key.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from badgeclock.errors import SettingsError

VERSION: Final = 1


@dataclass(frozen=True)
class Bundle:
    """What the bridge needs of one clock. Key material stays out of repr, logs and messages."""

    clock_id: str
    site: str
    certificate_sha256: str
    """SHA-256 of the clock's certificate in DER, 64 hex digits."""
    genesis_nonce: bytes
    """8 bytes, docs/protocol.md §3."""
    e0: bytes = field(repr=False)
    """E_0, 32 bytes."""
    link_key: bytes = field(repr=False)
    """K_link, 32 bytes."""

    def to_json(self) -> bytes:
        """The file's content."""
        return (
            json.dumps(
                {
                    "v": VERSION,
                    "clock_id": self.clock_id,
                    "site": self.site,
                    "genesis_nonce": self.genesis_nonce.hex(),
                    "e0": self.e0.hex(),
                    "link_key": self.link_key.hex(),
                    "certificate_sha256": self.certificate_sha256,
                },
                indent=1,
                ensure_ascii=False,
            )
            + "\n"
        ).encode()

    @classmethod
    def from_json(cls, data: bytes, source: str) -> Bundle:
        """The bundle in `data`. Raises SettingsError naming `source`, never quoting it."""
        try:
            body: dict[str, Any] = json.loads(data)
            if body["v"] != VERSION:
                raise ValueError("another version")
            bundle = cls(
                clock_id=str(body["clock_id"]),
                site=str(body["site"]),
                certificate_sha256=str(body["certificate_sha256"]),
                genesis_nonce=bytes.fromhex(body["genesis_nonce"]),
                e0=bytes.fromhex(body["e0"]),
                link_key=bytes.fromhex(body["link_key"]),
            )
            if (len(bundle.genesis_nonce), len(bundle.e0), len(bundle.link_key)) != (8, 32, 32):
                raise ValueError("a key of another length")
        except (KeyError, TypeError, ValueError):
            raise SettingsError(
                what=f"{source} is no clock bundle of version {VERSION}",
                kept="the file as it is",
                do="restore it from a backup, or provision the clock again",
            ) from None
        return bundle

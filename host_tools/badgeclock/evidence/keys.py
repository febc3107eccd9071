"""The clock's secrets that a verifier needs, from the clock's bundle; never from the bridge.

The bridge belongs to the employer, on whom the evidence must not depend. A report names only the source of keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from badgeclock.bundle import Bundle
from badgeclock.errors import EvidenceError
from badgeclock.protocol import seal
from badgeclock.protocol.seal import SealState


@dataclass
class ClockKeys:
    """One founded chain: its clock, and all its keys that follow from E_0."""

    clock_id: str
    nonce: bytes
    e0: bytes = field(repr=False)
    link_key: bytes | None = field(repr=False, default=None)
    _epoch_keys: list[bytes] = field(repr=False, init=False)

    def __post_init__(self) -> None:
        self._epoch_keys = [self.e0]

    @property
    def genesis(self) -> bytes:
        """What GENESIS must contain: nonce ‖ commitment."""
        return self.nonce + seal.commitment(self.e0)

    def founded(self) -> SealState:
        """The state before record 0."""
        return seal.found(self.clock_id, self.e0, self.nonce)

    def epoch_start(self, epoch: int) -> tuple[bytes, bytes]:
        """R_(d,0) and E_(d+1)."""
        return seal.epoch_start(self.epoch_key(epoch), epoch)

    def epoch_key(self, epoch: int) -> bytes:
        """E_d."""
        while len(self._epoch_keys) <= epoch:
            number = len(self._epoch_keys) - 1
            self._epoch_keys.append(seal.epoch_start(self._epoch_keys[-1], number)[1])
        return self._epoch_keys[epoch]


def of_bundle(bundle: Bundle) -> ClockKeys:
    """The keys in a clock's bundle."""
    return ClockKeys(bundle.clock_id, bundle.genesis_nonce, bundle.e0, bundle.link_key)


def from_bundle(path: Path) -> ClockKeys:
    """The keys in a bundle's file. Raises EvidenceError if it cannot be read, SettingsError if it is not a bundle."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EvidenceError(
            what=f"the bundle {path} cannot be read: {error.strerror}",
            kept="nothing was judged",
            do="name the clock's bundle.json, or its workshop with --workshop and --id",
        ) from None
    return of_bundle(Bundle.from_json(data, str(path)))

"""Retry delays with full jitter, so that clients that failed together do not return together."""

from __future__ import annotations

import random
from typing import Final

BASE_S: Final = 0.5
CAP_S: Final = 300.0


class Backoff:
    """Waits of one caller: `random(0, min(cap, base · 2ⁿ))` after n failures in a row, never below the requested
    minimum."""

    def __init__(self, base_s: float = BASE_S, cap_s: float = CAP_S, rng: random.Random | None = None) -> None:
        self._base_s = base_s
        self._cap_s = cap_s
        self._rng = rng or random.Random()
        self.failures = 0

    def failed(self, at_least_s: float | None = None) -> float:
        """Count a failure; returns the seconds to wait now."""
        ceiling = min(self._cap_s, self._base_s * 2.0 ** min(self.failures, 32))
        self.failures += 1
        return max(self._rng.uniform(0, ceiling), at_least_s or 0.0)

    def succeeded(self) -> None:
        """Reset: the next failure counts as the first."""
        self.failures = 0

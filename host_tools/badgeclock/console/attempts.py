"""Limits attempts to sign in: by address, and for each account by whether the browser is known.

Nobody can lock out another person. Attempts for an account from a browser that has signed in to it before are counted
separately: guesses from elsewhere use up only the attempts of unknown browsers. Counts are kept in memory; concurrent
password checks are bounded too, since each takes 64 MiB.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

ADDRESS_ATTEMPTS: Final = 20
"""Wrong attempts allowed from one address, and how many more per quarter of an hour."""
ACCOUNT_ATTEMPTS: Final = 10
"""Wrong attempts allowed for one account: of all unknown browsers together, and of each known browser."""
REFILL_S: Final = 900.0
COUNTED: Final = 10_000
"""Limit of remembered addresses and accounts; the least recently used is dropped first."""
_MARK: Final = re.compile(r"[0-9a-f]{16}\.[0-9a-f]{64}")


class Attempts:
    """Counts wrong attempts."""

    def __init__(self, secret: bytes, clock_s: Callable[[], float] = time.monotonic) -> None:
        """`secret` signs the marks of known browsers."""
        self._secret = secret
        self._clock_s = clock_s
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def mark(self, account: str, nonce: str) -> str:
        """The mark that a browser stores after a sign-in; `nonce` is 16 hexadecimal digits."""
        return f"{nonce}.{self._mac(account, nonce)}"

    def wait_s(self, address: str, account: str, mark: str) -> float:
        """How long to wait before the next attempt is checked; 0: now."""
        return max(self._wait_s(key, most) for key, most in self._keys(address, account, mark))

    def failed(self, address: str, account: str, mark: str) -> None:
        """Note a wrong attempt."""
        for key, most in self._keys(address, account, mark):
            left, since = self._state(key, most)
            self._left[key] = (left - 1, since)
            self._left.move_to_end(key)
        while len(self._left) > COUNTED:
            self._left.popitem(last=False)

    def _keys(self, address: str, account: str, mark: str) -> tuple[tuple[str, int], ...]:
        if self._is_mark_of(account, mark):
            return ((f"account {account} {mark}", ACCOUNT_ATTEMPTS),)
        return (f"address {address}", ADDRESS_ATTEMPTS), (f"account {account}", ACCOUNT_ATTEMPTS)

    def _wait_s(self, key: str, most: int) -> float:
        left, _ = self._state(key, most)
        return 0.0 if left >= 1 else (1 - left) * REFILL_S / most

    def _state(self, key: str, most: int) -> tuple[float, float]:
        now = self._clock_s()
        left, since = self._left.get(key, (most, now))
        return min(most, left + (now - since) * most / REFILL_S), now

    def _is_mark_of(self, account: str, mark: str) -> bool:
        if not _MARK.fullmatch(mark):
            return False
        nonce, _, mac = mark.partition(".")
        return hmac.compare_digest(mac, self._mac(account, nonce))

    def _mac(self, account: str, nonce: str) -> str:
        return hmac.digest(self._secret, f"{nonce} {account}".encode(), hashlib.sha256).hex()

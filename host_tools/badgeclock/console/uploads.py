"""Uploaded lists, between the trial and the import: only in memory, for a while, and few.

They contain national numbers: nothing is stored before they are imported.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, NamedTuple

KEPT_S: Final = 1800.0
KEPT_MOST: Final = 16


class Upload(NamedTuple):
    """An uploaded file: the sender's account, its name, its tables as the act takes them, and remarks."""

    account_id: int
    name: str
    tables: list[dict[str, Any]]
    remarks: list[str]


class Uploads:
    """The uploaded files, by a token that only the sender's page has."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._kept: OrderedDict[str, tuple[float, Upload]] = OrderedDict()

    def keep(self, upload: Upload) -> str:
        """Keep a file for a while; returns its token."""
        word = secrets.token_urlsafe(16)
        self._kept[word] = (self._clock_s(), upload)
        self._trim()
        return word

    def find(self, word: str, account_id: int) -> Upload | None:
        """The file of a token, if that account sent it and it is still kept."""
        self._trim()
        _, found = self._kept.get(word, (0.0, None))
        return found if found is not None and found.account_id == account_id else None

    def forget(self, word: str) -> None:
        """Drop the file."""
        self._kept.pop(word, None)

    def _trim(self) -> None:
        over_s = self._clock_s() - KEPT_S
        while self._kept and (len(self._kept) > KEPT_MOST or next(iter(self._kept.values()))[0] < over_s):
            self._kept.popitem(last=False)

"""The bridge's name at the broker: the common name of its certificate, which is not a clock id."""

from __future__ import annotations

from typing import Final

BRIDGE_NAME: Final = "bridge"
BRIDGE_WORKERS_MAX: Final = 16
"""Maximum of a bridge's processes that handle messages."""

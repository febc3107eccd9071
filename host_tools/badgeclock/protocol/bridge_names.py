"""The bridge's name at the broker: the common name of its certificate, which is no clock id."""

from __future__ import annotations

from typing import Final

BRIDGE_NAME: Final = "bridge"
BRIDGE_WORKERS_MAX: Final = 16
"""Most processes of a bridge that take messages."""

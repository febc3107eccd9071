"""Names of the bridge's processes at the broker: the common names of their certificates, which are no clock ids."""

from __future__ import annotations

from typing import Final

from badgeclock.errors import SettingsError

BRIDGE_NAME: Final = "bridge"
BRIDGE_WORKERS_MAX: Final = 16
"""Most processes of a bridge that take messages; each has a name at the broker, the first one the bridge's own."""


def bridge_name(worker: int = 1) -> str:
    """The common name of the bridge's worker `worker`, 1 to `BRIDGE_WORKERS_MAX`."""
    if not 1 <= worker <= BRIDGE_WORKERS_MAX:
        raise SettingsError(
            what=f"the bridge has no worker {worker}",
            kept="everything as it was",
            do=f"choose 1 to {BRIDGE_WORKERS_MAX}",
        )
    return BRIDGE_NAME if worker == 1 else f"{BRIDGE_NAME}-{worker}"

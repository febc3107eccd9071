"""Reads from the settings file where the store and its data key are, for commands that need nothing else.

Loading the model of all settings takes longer than most commands run. A file with anything unexpected in these settings
goes to `settings.load`, which reports what is wrong; the other settings are checked when the bridge starts.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Final, NamedTuple

from badgeclock import text_file
from badgeclock.bridge import store_url

WANTED: Final = frozenset({"broker", "secrets", "authority"})
"""Sections that every file has."""
SECTIONS: Final = WANTED | {
    "store",
    "movement_authority",
    "http",
    "planning",
    "acts",
    "console",
    "notices",
    "retention",
    "intake",
}
_IN_ENVIRONMENT: Final = ("BADGECLOCK_BRIDGE_STORE", "BADGECLOCK_BRIDGE_SECRETS")


class Places(NamedTuple):
    """SQLAlchemy's URL of the store, and the file of its data key."""

    url: str
    data_key_file: Path


def find(path: Path) -> Places:
    """The places that a settings file names. Raises SettingsError as `settings.load`."""
    found = _plain(path)
    if found is None:
        from badgeclock.bridge import settings  # noqa: PLC0415 - see the top

        whole = settings.load(path)
        return Places(whole.store.url, whole.secrets.data_key_file)
    return found


def _plain(path: Path) -> Places | None:
    """The places in a file without surprises; None for any other, or if the environment sets one of them."""
    if any(name.upper().startswith(_IN_ENVIRONMENT) for name in os.environ):
        return None
    try:
        content: dict[str, Any] = tomllib.loads(text_file.read(path))
    except (OSError, ValueError):
        return None
    store, secrets = content.get("store", {}), content.get("secrets", {})
    if not (content.keys() <= SECTIONS and content.keys() >= WANTED and _has_only(store, "url")):
        return None
    if not _has_only(secrets, "data_key_file") or "data_key_file" not in secrets:
        return None
    folder = path.resolve().parent
    return Places(store_url.anchored(store.get("url", store_url.DEFAULT), folder), folder / secrets["data_key_file"])


def _has_only(section: Any, name: str) -> bool:
    """Whether this is a section with no setting except, at most, the text `name`."""
    return isinstance(section, dict) and section.keys() <= {name} and isinstance(section.get(name, ""), str)

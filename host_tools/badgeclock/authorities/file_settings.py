"""The settings of the file in place of an authority (`file`)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from badgeclock.authorities.kinds import AuthoritySettings


class Settings(AuthoritySettings):
    """[authority] kind = "file"."""

    kind: Literal["file"]
    path: Path
    """The file to append to; made if absent."""
    settle_s: float = 0.0

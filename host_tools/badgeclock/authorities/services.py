"""Settings of authorities that are reached over HTTPS.

What reads settings loads no client: neither of the authority nor of HTTP.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Final

from pydantic import Field

from badgeclock.authorities.kinds import AuthoritySettings

_PLAINLY_HERE: Final = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?(/[A-Za-z0-9/._-]*)?")
"""URLs that cannot be read in two ways."""


class ServiceSettings(AuthoritySettings):
    """The settings common to authorities reached over HTTPS."""

    connect_timeout_s: float = Field(default=5.0, gt=0, le=60)
    timeout_s: float = Field(default=30.0, gt=0, le=300)
    proxy: str | None = Field(default=None, max_length=2000)
    """URL of the company's HTTP proxy, without name and password; empty: none, even if the environment sets one."""
    ca: Path | None = None
    """PEM: further certificate authorities to trust, such as those of a company's own proxy."""


def on_this_machine(url: str) -> bool:
    """Whether a URL leads to this machine itself, as the client reads it."""
    if _PLAINLY_HERE.fullmatch(url):
        return True
    import httpx  # noqa: PLC0415 - see the top

    try:
        host = httpx.URL(url).host
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except (httpx.InvalidURL, ValueError):
        return False

"""The settings of the NSSO's REST service (`onss_rest`)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from badgeclock.authorities.services import ServiceSettings


class Settings(ServiceSettings):
    """[authority] kind = "onss-rest"."""

    kind: Literal["onss-rest"]
    endpoint: str
    """The service's base URL, which ends in /presenceRegistration/v1."""
    token_endpoint: str
    client_id: str = Field(min_length=1, max_length=200)
    key: Path
    """The RSA key in PEM whose certificate was uploaded for this client id."""
    key_id: str | None = Field(default=None, min_length=1, max_length=200)
    """Identifies that key at the token endpoint; its thumbprint (RFC 7638) if absent."""
    audience: str | None = None
    """The audience of the bridge's assertions; the token endpoint if absent."""
    scope: str | None = Field(default=None, min_length=1, max_length=1000)
    """The client's own scopes if absent, which the service recommends."""

    @property
    def call_s(self) -> float:
        """Token and call, and both again if the service rejects the token."""
        return 4 * self.timeout_s

"""The settings of the NSSO's SOAP service (`onss_soap`)."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from badgeclock.authorities.services import ServiceSettings, on_this_machine


class AlgorithmSuite(StrEnum):
    """Algorithms of signatures, by the names of WS-SecurityPolicy 1.2, section 6.1.

    The text of the standard has RSA with SHA-1 for the signature in every suite. With Basic256Sha256, services in fact
    sign with RSA and SHA-256; one that follows the letter of the standard has its own name here.
    """

    BASIC256_SHA256 = "Basic256Sha256"
    """SHA-256, and RSA with SHA-256."""
    BASIC256_SHA256_RSA_SHA1 = "Basic256Sha256RsaSha1"
    """SHA-256, and RSA with SHA-1."""
    BASIC256 = "Basic256"
    """SHA-1, and RSA with SHA-1."""


class Settings(ServiceSettings):
    """[authority] kind = "onss-soap". All files except the WSDL are PEM."""

    kind: Literal["onss-soap"] = "onss-soap"
    endpoint: str
    certificate: Path | None = None
    """The bridge's own, registered at the authority's portal; with `key`, its RSA key."""
    key: Path | None = None
    service_certificate: Path | None = None
    """The certificates, one or more, of which one must have signed every answer, faults included. Without it signatures
    are not checked.
    """
    algorithm_suite: AlgorithmSuite = AlgorithmSuite.BASIC256_SHA256
    """The algorithms for signing messages, and accepted in answers: named as in the policy of the service's WSDL
    file."""
    wsdl: Path | None = None
    """The service's own WSDL file, its schemas beside it, instead of the description that comes with the bridge."""

    @property
    def call_s(self) -> float:
        """The deadline of the whole call."""
        return self.timeout_s

    @model_validator(mode="after")
    def _signs(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        if self.certificate is None and not on_this_machine(self.endpoint):
            raise ValueError("certificate and key are missing; only a sandbox on this machine does without")
        return self

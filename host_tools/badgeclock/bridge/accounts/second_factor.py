"""The second factor: time-based codes of six digits (TOTP, RFC 6238), from any authenticator app.

The secret is kept encrypted. A code is valid once: the step of the last one is kept, and none up to it is accepted
again (RFC 6238 §5.2).
"""

from __future__ import annotations

from typing import Final

import pyotp

from badgeclock.bridge.store.vault import PEOPLE, Vault

STEP_S: Final = 30
_DRIFT_STEPS: Final = 1
"""How far the phone's clock may deviate, either way (RFC 6238 §5.2 recommends one step)."""
_ISSUER: Final = "Badgeclock"


def new_secret() -> str:
    """160 random bits in base32, as apps take them."""
    return pyotp.random_base32()


def closed(vault: Vault, name: str, secret: str) -> bytes:
    """The secret of an account, encrypted for the store."""
    return vault.close(PEOPLE, place(name), secret.encode())


def opened(vault: Vault, name: str, kept: bytes) -> str:
    """Decrypt the secret. Raises DataKeyWrong."""
    return vault.open(PEOPLE, place(name), kept).decode()


def place(name: str) -> str:
    """The place of an account's secret, to which the vault binds it."""
    return f"totp:{name}"


def address(secret: str, name: str) -> str:
    """The URI for an app's QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)


def step_of(secret: str, code: str, now_ms: int, after: int | None) -> int | None:
    """The time step of this code, if it is later than `after`; else None."""
    digits = "".join(code.split())
    if len(digits) != 6 or not (digits.isascii() and digits.isdigit()):
        return None
    now = now_ms // 1000 // STEP_S
    totp = pyotp.TOTP(secret)
    for step in range(now - _DRIFT_STEPS, now + _DRIFT_STEPS + 1):
        if pyotp.utils.strings_equal(totp.at(step * STEP_S), digits) and (after is None or step > after):
            return step
    return None

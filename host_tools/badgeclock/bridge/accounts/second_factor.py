"""The second factor: codes of six digits by the time (TOTP, RFC 6238), from any authenticator app.

The secret is kept encrypted. A code counts once: the step of the last one is kept, and none up to it is taken again
(RFC 6238 §5.2).
"""

from __future__ import annotations

from typing import Final

import pyotp

from badgeclock.bridge.store.vault import PEOPLE, Vault

STEP_S: Final = 30
_DRIFT_STEPS: Final = 1
"""How far the phone's clock may be off, either way (RFC 6238 §5.2 recommends one step)."""
_ISSUER: Final = "Badgeclock"


def new_secret() -> str:
    """160 random bits in base32, as apps take them."""
    return pyotp.random_base32()


def closed(vault: Vault, name: str, secret: str) -> bytes:
    """As the store keeps the secret of an account."""
    return vault.close(PEOPLE, place(name), secret.encode())


def opened(vault: Vault, name: str, kept: bytes) -> str:
    """The secret again. Raises DataKeyWrong."""
    return vault.open(PEOPLE, place(name), kept).decode()


def place(name: str) -> str:
    """The place of an account's secret, as the vault binds it."""
    return f"totp:{name}"


def address(secret: str, name: str) -> str:
    """What an app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)


def step_of(secret: str, code: str, now_ms: int, after: int | None) -> int | None:
    """The step of time whose code this is, if it is later than `after`; else None."""
    digits = "".join(code.split())
    if len(digits) != 6 or not (digits.isascii() and digits.isdigit()):
        return None
    now = now_ms // 1000 // STEP_S
    totp = pyotp.TOTP(secret)
    for step in range(now - _DRIFT_STEPS, now + _DRIFT_STEPS + 1):
        if pyotp.utils.strings_equal(totp.at(step * STEP_S), digits) and (after is None or step > after):
            return step
    return None

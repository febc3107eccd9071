"""When certificates and tokens end: the bridge's own, its authority's, the console's, clocks' and planning tools'.

One source for the notices, the metrics and `badgeclock doctor`. A file that cannot be read is left out here: its user
reports why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import BigInteger, Connection, cast, select

from badgeclock.bridge.store import schema
from badgeclock.bridge.store.states import ClockState

if TYPE_CHECKING:
    from badgeclock.bridge.settings import BridgeSettings

DAY_MS: Final = 86_400_000
STEPS_DAYS: Final = (30, 14, 3)
"""Notices are sent this many days before the end."""
_PLAIN: Final = ("certificate", "service_certificate")


class Holder(StrEnum):
    """What expires."""

    BRIDGE = "bridge"
    """The bridge's own certificate, with which it connects to the broker."""
    SITE_AUTHORITY = "site_authority"
    """The site's own authority, which issued all certificates there."""
    AUTHORITY = "authority"
    """Certificates for the authority that declarations go to."""
    CONSOLE = "console"
    CLOCK = "clock"
    TOKEN = "token"  # noqa: S105 - of a planning tool; its name, not its secret


class Ending(NamedTuple):
    """What expires, its name for people, and when (ms UTC)."""

    holder: Holder
    name: str
    until_ms: int

    def days_left(self, now_ms: int) -> int:
        """Whole days, rounded down; below 0 once it has ended."""
        return (self.until_ms - now_ms) // DAY_MS


def of_files(settings: BridgeSettings) -> list[Ending]:
    """Expiry of the certificates named in the settings; of several in a file, the earliest."""
    found: list[tuple[Holder, Path]] = [
        (Holder.BRIDGE, settings.broker.certificate),
        (Holder.SITE_AUTHORITY, settings.broker.ca),
    ]
    for authority in (settings.authority, settings.movement_authority):
        values = (getattr(authority, name, None) for name in _PLAIN)
        found += [(Holder.AUTHORITY, path) for path in values if isinstance(path, Path)]
    if settings.console.certificate is not None:
        found.append((Holder.CONSOLE, settings.console.certificate))
    return [Ending(holder, path.name, until_ms) for holder, path in found for until_ms in _end_of(path)]


def of_store(connection: Connection, now_ms: int) -> list[Ending]:
    """Expiry of the clocks in use, as each reports, and of planning tools' tokens, except those that ended long ago."""
    clocks, tokens = schema.clocks, schema.api_tokens
    until = cast(clocks.c.status["cert_until"].as_string(), BigInteger)
    ends = connection.execute(
        select(clocks.c.name, until).where(clocks.c.state != ClockState.RETIRED, until.is_not(None))
    )
    found = [Ending(Holder.CLOCK, name, until_s * 1000) for name, until_s in ends]
    rows = connection.execute(
        select(tokens.c.id, tokens.c.ends_ms).where(
            tokens.c.revoked_ms.is_(None), tokens.c.ends_ms > now_ms - STEPS_DAYS[0] * DAY_MS
        )
    )
    return found + [Ending(Holder.TOKEN, str(row.id), row.ends_ms) for row in rows]


def step_of(ending: Ending, now_ms: int) -> int | None:
    """The last step that is reached, in days; 0 once expired; None before the first."""
    left = ending.days_left(now_ms)
    if left < 0:
        return 0
    return min((step for step in STEPS_DAYS if left < step), default=None)


def _end_of(path: Path) -> Iterator[int]:
    try:
        from cryptography import x509  # noqa: PLC0415 - a start, and most commands, look at no certificate

        certificates = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        return
    yield min(int(one.not_valid_after_utc.timestamp() * 1000) for one in certificates)


def fewest_days(endings: Iterable[Ending], now_ms: int) -> dict[str, int]:
    """The days left of what expires first, by holder; negative once expired."""
    found: dict[str, int] = {}
    for one in endings:
        left = one.days_left(now_ms)
        found[one.holder.value] = min(left, found.get(one.holder.value, left))
    return found

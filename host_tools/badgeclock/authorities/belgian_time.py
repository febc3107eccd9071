"""Converts Belgian local time without a zone, the form of the authority's answers and of its calendar.

In the spring night 02:00 to 03:00 is skipped; in the autumn night it is repeated. A time that bounds a search or a
maintenance must be wide enough for both interpretations:

| Belgian time | `earliest` | `latest` |
|---|---|---|
| once, as nearly always | that moment | that moment |
| never, in spring | when the clocks are changed | the moment it would have been without the change |
| twice, in autumn | the first | the second |

| bound of a search | `from_bound` | `to_bound` |
|---|---|---|
| in the hour that comes twice, the first or the second | just before that hour | just after it |
| otherwise | that time | that time |

Comparing as texts, and taking them for either hour, both find what was created between. The clocks of Belgium are
changed on a full hour, by one hour (Directive 2000/84/EC).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from badgeclock.authorities.base import BELGIUM

_HOUR: Final = timedelta(hours=1)
_TICK: Final = timedelta(milliseconds=1)
_ROUND_UP: Final = _TICK - timedelta.resolution
"""Added before microseconds are cut off, it rounds up."""


def earliest(wall: datetime) -> datetime:
    """The first moment, UTC, of a Belgian time without a zone; in spring's gap the moment the clocks are changed."""
    if _read(wall, 0) > _read(wall, 1):
        return _read(_full_hour(wall), 0)
    return _read(wall, 0)


def latest(wall: datetime) -> datetime:
    """The last moment, UTC, of a Belgian time without a zone; in spring's gap as if the clocks were not changed."""
    return max(_read(wall, 0), _read(wall, 1))


def from_bound(moment: datetime) -> str:
    """The text of a search's lower bound that certainly includes what is created at `moment` (aware) or later."""
    wall = _wall(moment)
    return _written(_full_hour(wall) - _TICK if _comes_twice(wall) else wall)


def to_bound(moment: datetime) -> str:
    """The text of a search's upper bound that certainly includes what was created at `moment` (aware) or before."""
    wall = _wall(moment)
    return _written(_full_hour(wall) + _HOUR if _comes_twice(wall) else wall + _ROUND_UP)


def read(text: str) -> datetime:
    """An ISO date and time in UTC; without a zone it is Belgian time, in the repeated hour the first.

    Raises ValueError or OverflowError.
    """
    moment = datetime.fromisoformat(text.strip())
    return moment.astimezone(UTC) if moment.tzinfo else _read(moment, 0)


def _read(wall: datetime, fold: int) -> datetime:
    return wall.replace(tzinfo=BELGIUM, fold=fold).astimezone(UTC)


def _wall(moment: datetime) -> datetime:
    return moment.astimezone(BELGIUM).replace(tzinfo=None, fold=0)


def _full_hour(wall: datetime) -> datetime:
    return wall.replace(minute=0, second=0, microsecond=0)


def _comes_twice(wall: datetime) -> bool:
    return _read(wall, 0) < _read(wall, 1)


def _written(wall: datetime) -> str:
    return wall.isoformat(timespec="milliseconds")

"""Which employer a worker is declared under on a day at a site: the worker's own, or that of an engagement.

A worker may have several: two part-time contracts, a subcontractor in the afternoon. The badge chooses if it was given
for one of them; else the site, if an engagement names it; else a single remaining engagement. Anything else is
ambiguous, and waits for a decision. Pure.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple


class Engagement(NamedTuple):
    """A worker's engagement: its row, the employer's enterprise number, first and last day (None: open), and the rows
    of its sites (empty: all).
    """

    id: int
    employer_kbo: str
    from_day: date | None = None
    to_day: date | None = None
    site_ids: frozenset[int] = frozenset()

    def holds(self, site_id: int, day: date) -> bool:
        """Whether it applies to a day at a site."""
        return (
            (self.from_day is None or self.from_day <= day)
            and (self.to_day is None or day <= self.to_day)
            and (not self.site_ids or site_id in self.site_ids)
        )


class Holder(NamedTuple):
    """The holder of a badge: the default employer (empty under Limosa), the worker's engagements, the row of the
    badge's own engagement, and since when the worker has it (ms UTC).
    """

    worker_id: int
    employer_kbo: str
    engagements: tuple[Engagement, ...] = ()
    badge_for: int | None = None
    since_ms: int = 0


class Employer(NamedTuple):
    """An employer to declare under (empty under Limosa), and whether the badge itself chose it."""

    kbo: str
    by_badge: bool = False


def employer_on(holder: Holder, site_id: int, day: date) -> Employer | None:
    """The employer of a worker on a day at a site; None if that is ambiguous, or there is none.

    The worker's own employer counts as an engagement everywhere and at all times, unless an engagement with it limits
    when and where.
    """
    if not holder.engagements:
        return Employer(holder.employer_kbo)
    holding = [one for one in holder.engagements if one.holds(site_id, day)]
    for one in holding:
        if one.id == holder.badge_for:
            return Employer(one.employer_kbo, by_badge=True)
    here = {one.employer_kbo for one in holding if one.site_ids}
    if not here:
        here = {one.employer_kbo for one in holding}
        if all(one.employer_kbo != holder.employer_kbo for one in holder.engagements):
            here.add(holder.employer_kbo)
    return Employer(here.pop()) if len(here) == 1 else None

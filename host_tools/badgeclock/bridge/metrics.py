"""Prometheus metrics: no label carries a clock, a badge or a person, only kinds, states and results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from badgeclock import __version__

CALL_SECONDS: Final = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """The counters of one bridge, in their own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, text: str, label: str) -> Counter:
            return Counter(f"badgeclock_{name}", text, [label], registry=self.registry)

        self.intake = counter("intake", "Records, statuses and refusals of the intake", "result")
        self.desk_jobs = counter("desk_jobs", "Jobs of the badge desk", "result")
        self.desk_frames = counter("desk_frames", "Frames from clocks to the badge desk", "result")
        self.groups = Counter("badgeclock_groups", "Committed groups of messages", registry=self.registry)
        self.outcomes = counter("outcomes", "What became of presences sent to the authority", "result")
        self.calls = Histogram(
            "badgeclock_authority_call_seconds",
            "Duration of calls to the authority",
            ["call", "result"],
            buckets=CALL_SECONDS,
            registry=self.registry,
        )

    def count_group(self, results: Mapping[str, int]) -> None:
        """Count a committed batch: how many records and messages had each result."""
        self.groups.inc()
        for result, number in results.items():
            self.intake.labels(result).inc(number)

    def watch(self, measure: Callable[[], Mapping[str, float]], states: Callable[[], Mapping[str, int]]) -> None:
        """Add gauges that are read at each scrape: `measure` by name, `states` as presences per state."""
        self.registry.register(_Gauges(measure, states))

    def watch_clocks(
        self,
        counts: Callable[[], Mapping[tuple[str, str], int]],
        marked: Callable[[], Mapping[tuple[str, str], int]],
        worn: Callable[[], Mapping[str, int]],
    ) -> None:
        """Add gauges of the clocks: how many by state and reason of quarantine, how many by mark and cause, and the
        highest flash wear.
        """
        self.registry.register(_ClockGauges(counts, marked, worn))

    def watch_attention(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Add a gauge of items that need attention, by reason."""
        self.registry.register(_AttentionGauge(counts))

    def watch_people(self, standing: Callable[[], Mapping[str, int]], days: Callable[[], Mapping[str, int]]) -> None:
        """Add gauges of today's people by status, and of the days left of the certificate or token that expires first,
        by kind of holder.
        """
        self.registry.register(_PeopleGauges(standing, days))

    def watch_notices(self, waiting: Callable[[], Mapping[str, int]], ended: Callable[[], Mapping[str, int]]) -> None:
        """Add a gauge of the letters being sent, by channel, and a counter of finished letters and failed tries, by
        outcome.
        """
        self.registry.register(_NoticesGauges(waiting, ended))

    def watch_stale(self, stale: Callable[[], Mapping[str, int]]) -> None:
        """Add a gauge of the clocks whose roster or settings are not current."""
        self.registry.register(_StaleGauge(stale))


class _Gauges(Collector):
    def __init__(self, measure: Callable[[], Mapping[str, float]], states: Callable[[], Mapping[str, int]]) -> None:
        self._measure = measure
        self._states = states

    def describe(self) -> Iterable[Metric]:
        return ()  # nothing is measured when it is registered

    def collect(self) -> Iterable[Metric]:
        build = GaugeMetricFamily("badgeclock_build_info", "Version of the bridge", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        for name, value in self._measure().items():
            yield GaugeMetricFamily(f"badgeclock_{name}", name.replace("_", " "), value=value)
        presences = GaugeMetricFamily("badgeclock_presences", "Presences by state", labels=["state"])
        for state, count in sorted(self._states().items()):
            presences.add_metric([state], count)
        yield presences


class _AttentionGauge(Collector):
    def __init__(self, counts: Callable[[], Mapping[str, int]]) -> None:
        self._counts = counts

    def describe(self) -> Iterable[Metric]:
        return ()  # as above

    def collect(self) -> Iterable[Metric]:
        waiting = GaugeMetricFamily("badgeclock_attention", "What waits for a person, by reason", labels=["reason"])
        for reason, count in self._counts().items():
            waiting.add_metric([reason], count)
        yield waiting


class _PeopleGauges(Collector):
    def __init__(self, standing: Callable[[], Mapping[str, int]], days: Callable[[], Mapping[str, int]]) -> None:
        self._standing = standing
        self._days = days

    def describe(self) -> Iterable[Metric]:
        return ()  # as above

    def collect(self) -> Iterable[Metric]:
        people = GaugeMetricFamily(
            "badgeclock_people_today", "People at all sites today, by how they stand", labels=["standing"]
        )
        for standing, count in self._standing().items():
            people.add_metric([standing], count)
        yield people
        days = GaugeMetricFamily(
            "badgeclock_certificate_days", "Fewest days that a certificate or token has left, by whose", labels=["of"]
        )
        for holder, left in sorted(self._days().items()):
            days.add_metric([holder], left)
        yield days


class _NoticesGauges(Collector):
    def __init__(self, waiting: Callable[[], Mapping[str, int]], ended: Callable[[], Mapping[str, int]]) -> None:
        self._waiting = waiting
        self._ended = ended

    def describe(self) -> Iterable[Metric]:
        return ()  # as above

    def collect(self) -> Iterable[Metric]:
        waiting = GaugeMetricFamily("badgeclock_letters_waiting", "Notices under way, by channel", labels=["channel"])
        for channel, count in sorted(self._waiting().items()):
            waiting.add_metric([channel], count)
        yield waiting
        ended = CounterMetricFamily("badgeclock_notices", "Notices by what became of them", labels=["outcome"])
        for outcome, count in sorted(self._ended().items()):
            ended.add_metric([outcome], count)
        yield ended


class _StaleGauge(Collector):
    def __init__(self, stale: Callable[[], Mapping[str, int]]) -> None:
        self._stale = stale

    def describe(self) -> Iterable[Metric]:
        return ()  # as above

    def collect(self) -> Iterable[Metric]:
        clocks = GaugeMetricFamily(
            "badgeclock_clocks_stale",
            "Clocks that have another roster, or other settings, than wanted",
            labels=["what"],
        )
        for what, count in sorted(self._stale().items()):
            clocks.add_metric([what], count)
        yield clocks


class _ClockGauges(Collector):
    def __init__(
        self,
        counts: Callable[[], Mapping[tuple[str, str], int]],
        marked: Callable[[], Mapping[tuple[str, str], int]],
        worn: Callable[[], Mapping[str, int]],
    ) -> None:
        self._counts = counts
        self._marked = marked
        self._worn = worn

    def describe(self) -> Iterable[Metric]:
        return ()  # as above

    def collect(self) -> Iterable[Metric]:
        clocks = GaugeMetricFamily(
            "badgeclock_clocks", "Clocks by state and reason of quarantine", labels=["state", "reason"]
        )
        for (state, reason), count in sorted(self._counts().items()):
            clocks.add_metric([state, reason], count)
        yield clocks
        marked = GaugeMetricFamily(
            "badgeclock_clocks_marked", "Clocks that do not stand well, by mark and cause", labels=["mark", "cause"]
        )
        for (mark, cause), count in sorted(self._marked().items()):
            marked.add_metric([mark, cause], count)
        yield marked
        erases = GaugeMetricFamily(
            "badgeclock_clock_flash_erases", "Erases of the most worn flash sector of any clock", labels=["partition"]
        )
        for partition, count in sorted(self._worn().items()):
            erases.add_metric([partition], count)
        yield erases

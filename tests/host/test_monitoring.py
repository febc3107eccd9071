"""Alerting rules and the dashboard speak of metrics that the bridge has, and the rules alert when they are to."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from badgeclock.bridge import settings
from badgeclock.bridge.metrics import Metrics
from badgeclock.bridge.service import Service
from badgeclock.demo.process import free_port
from badgeclock.installation import answers, site_files
from badgeclock.toolchain import programs

MONITORING = Path(__file__).resolve().parents[2] / "monitoring"
RULES = (MONITORING / "badgeclock.rules.yml").read_text()
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text())


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A bridge that calls a webhook and has a heartbeat; it does not run."""
    given = answers.checked(
        {
            "site": "Site 12",
            "workplace": "1Y1DEM000000Z",
            "employer": "0999999922",
            "employer_name": "Voorbeeld Bouw",
            "services": "hand",
            "broker_port": free_port(),
        }
    )
    folder = tmp_path_factory.mktemp("bridge") / "site"
    site_files.make(folder, given, lambda _: None, "badgeclock", "operator", 0)
    (folder / "webhook.secret").touch(mode=0o600)
    (folder / "webhook.secret").write_text("whsec_" + "A" * 44)
    with (folder / "bridge.toml").open("a") as file:
        file.write('[notices]\nwebhook_url = "https://hooks.example/"\nwebhook_secret_file = "webhook.secret"\n')
        file.write('heartbeat_url = "https://hc.example/"\n')
    made = Service(settings.load(folder / "bridge.toml"))
    yield made
    made._end_verifying()
    made._store.close()
    made._lock.release()


@pytest.fixture(scope="module")
def metrics(bridge: Service) -> dict[str, dict[str, set[str]]]:
    """The metrics of a bridge, as it would show them: by name their labels, each with the values that it has."""
    found: dict[str, dict[str, set[str]]] = {}
    measured: Metrics = bridge._metrics
    for family in measured.registry.collect():
        names = [family.name, *(f"{family.name}_{suffix}" for suffix in ("total", "bucket", "count", "sum"))]
        for name in names:
            found.setdefault(name, {})
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    return found


def test_a_bridge_calls_beats_and_says_that_it_is_alive(bridge: Service) -> None:
    assert {"notices", "heartbeat", "service manager"} <= {part.name for part in bridge._parts._parts}
    assert set(bridge._troubles()) == {"broker"}


def expressions() -> list[str]:
    """Of the rules and of the dashboard."""
    found = re.findall(r"^ +expr: (.+)$", RULES, re.MULTILINE)
    return found + [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def test_every_metric_that_they_name_is_one_of_the_bridges(metrics: dict[str, dict[str, set[str]]]) -> None:
    named = {name for text in expressions() for name in re.findall(r"badgeclock_\w+", text)}
    assert len(named) > 10
    assert named <= metrics.keys()


def test_every_value_of_a_label_that_they_name_is_one_that_it_can_have(metrics: dict[str, dict[str, set[str]]]) -> None:
    for text in expressions():
        for name, label, value in re.findall(r'(badgeclock_\w+)\{(\w+)!?="([^"]+)"', text):
            if name == "badgeclock_notices_total":
                continue  # nothing was sent yet
            assert value in metrics[name][label], text


def test_the_numbers_of_the_page_are_there_from_the_start(metrics: dict[str, dict[str, set[str]]]) -> None:
    assert metrics["badgeclock_people_today"]["standing"] == {"here", "without_number", "gone", "expected", "absent"}
    assert {"bridge", "site_authority"} <= metrics["badgeclock_certificate_days"]["of"]
    assert "refused" in metrics["badgeclock_attention"]["reason"]


def test_the_rules_alert_when_they_are_to() -> None:
    for words in (("check", "rules", "badgeclock.rules.yml"), ("test", "rules", "badgeclock.rules.test.yml")):
        done = subprocess.run(
            [programs.promtool(), *words], cwd=MONITORING, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_test() -> None:
    alerts = set(re.findall(r"alert: (\w+)", RULES))
    tested = (MONITORING / "badgeclock.rules.test.yml").read_text()
    assert alerts == set(re.findall(r"alertname: (\w+)", tested))


def test_the_dashboard_is_whole() -> None:
    panels: list[dict[str, Any]] = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["title"] and panel["targets"] for panel in panels)
    taken = [
        (panel["gridPos"]["x"] + column, panel["gridPos"]["y"] + row)
        for panel in panels
        for column in range(panel["gridPos"]["w"])
        for row in range(panel["gridPos"]["h"])
    ]
    assert len(set(taken)) == len(taken), "no panel covers another"
    assert max(column for column, _ in taken) < 24

"""docs/performance.md: a bench run alone replaces its own figures and leaves the others as they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.bench import __main__ as bench
from tests.bench.catalogue import FIGURES

ONE, OTHER, *_ = FIGURES


def test_what_was_not_measured_keeps_its_figure_and_its_day() -> None:
    before = {ONE: ("1,234", "2026-01-02"), OTHER: ("0.5", "2026-01-02")}
    after = bench.published(bench.page({ONE: 7.0}, before))
    assert after[OTHER] == before[OTHER]
    assert after[ONE][0] == "7"
    assert after[ONE][1] > "2026-01-02"


def test_the_page_in_the_repository_is_read_whole() -> None:
    page = bench.PAGE.read_text()
    assert len(bench.published(page)) == page.count("\n| `")


def test_a_figure_without_a_meaning_is_not_published() -> None:
    with pytest.raises(SystemExit, match=r"no meaning .* nobody\.knows"):
        bench.page({"nobody.knows": 1.0}, {})


def test_a_bench_that_is_not_there_is_named_with_those_that_are_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "bench.json"
    results.write_text(json.dumps({ONE: 1.0}))
    monkeypatch.setattr(bench, "RESULTS", results)
    assert bench.main(["--help"]) == 2
    assert "there is no --help; there are: attack authority bridge " in capsys.readouterr().err
    assert json.loads(results.read_text()) == {ONE: 1.0}

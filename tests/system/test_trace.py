"""The way of a punch in README.md is the real one, module by module."""

from __future__ import annotations

import pytest

from tests.trace.clock_notes import before_punch, with_notes
from tests.trace.table import Trace, lines, trace, way_by_names

pytestmark = pytest.mark.timeout(600)

UNNAMED = {
    "drivers/mfrc522", "app/clock", "app/face", "app/seal", "app/keystore", "app/journal", "app/frames", "app/receipts",
    "bridge/service", "bridge/intake/seal_process", "bridge/registrar/outbox", "protocol/seal", "onss/description",
    "authorities/ws_security", "authorities/onss/answers",
}  # fmt: skip
"""Other modules of a punch, by the last part of their path: a room in between does not matter."""


@pytest.fixture(scope="module")
def found() -> Trace:
    return trace()


def test_a_punch_runs_through_each_module_that_the_readme_names(found: Trace) -> None:
    missed = [name for name in way_by_names() if found.met(name) is None]
    assert not missed, "\n".join(lines(found))


def test_it_runs_through_what_seals_sends_registers_and_answers(found: Trace) -> None:
    ran = {(module.partition("/")[0], module.rpartition("/")[2]) for module in (*found.clock, *found.bridge)}
    missed = [name for name in sorted(UNNAMED) if (name.partition("/")[0], name.rpartition("/")[2]) not in ran]
    assert not missed, "\n".join(lines(found))


def test_the_badge_is_read_before_the_punch_is_kept_and_kept_before_the_display_says_so(found: Trace) -> None:
    order = [module.rpartition("/")[2] for module in found.clock]
    assert order.index("iso14443") < order.index("punch") < order.index("seal") < order.index("screens")


def test_a_name_that_nothing_ran_through_is_seen() -> None:
    short = Trace(("app/punch", "app/log/seal"), ("bridge/intake/intake",), frozenset())
    assert short.met("app/log") == "app/log/seal"
    assert short.met("bridge/intake") == "bridge/intake/intake"
    assert short.met("app/pun") is None
    assert short.met("bridge/registrar") is None


def test_each_function_notes_its_module_first() -> None:
    source = (
        '"""A file."""\nimport os\n\ndef a(x):\n    """Doc."""\n    return x\n\n'
        "@micropython.native\ndef b():\n    pass\n"
    )
    noted = with_notes(source, 7)
    assert noted.count("_trace_note(7)") == 1
    assert noted.index("from drivers.trace_note") < noted.index("import os")
    assert noted.index("Doc.") < noted.index("_trace_note(7)") < noted.index("return x")


def test_a_punch_begins_in_the_window_before_its_own() -> None:
    names = ["app/punch", "app/badge/iso14443", "app/ui/face"]
    idle, read, punched = (f"<trace window>\n<trace {number}>\n" for number in (2, 1, 0))
    assert before_punch(idle + idle + read + punched, names) == read + punched
    assert before_punch(read + punched + idle, names) == read + punched + idle
    assert before_punch(punched, names) == punched
    assert before_punch(idle + read, names) == idle + read

"""A clock in the field: every fault at once, by a seed. A short one in modelled time here, the long ones under
`make torture`:

BADGECLOCK_SOAK_TAPS=100000 python -m pytest tests/system/test_field_soak.py -m torture
python -m tests.system.field_soak --taps 100000
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.bench.field_bench import soak as modelled_soak
from tests.bench.field_bench import wrong
from tests.system.field_soak import soak

FEW = 150
MODELLED_TAPS = int(os.environ.get("BADGECLOCK_SOAK_TAPS", "100000"))
REAL_TAPS = int(os.environ.get("BADGECLOCK_SOAK_TAPS", "2000"))


def test_a_short_soak_in_modelled_time_loses_nothing() -> None:
    soaked = modelled_soak(FEW, 2)
    assert soaked["taps"] == FEW
    assert not wrong(soaked), soaked


@pytest.mark.torture
@pytest.mark.timeout(6 * 3600)
def test_a_hundred_thousand_taps_in_modelled_time_lose_nothing_and_restart_no_clock() -> None:
    soaked = modelled_soak(MODELLED_TAPS, 1)
    print(soaked)
    assert not wrong(soaked), soaked


@pytest.mark.torture
@pytest.mark.timeout(6 * 3600)
def test_the_whole_firmware_under_every_fault_loses_nothing_and_restarts_no_clock(tmp_path: Path) -> None:
    outcome = soak(tmp_path, REAL_TAPS, 1)
    print(outcome.to_json())
    assert not outcome.broken, outcome.to_json()
